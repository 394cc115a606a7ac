//! A flag that asks work to stop.

use crate::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// Stops running work from another thread. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Cancel {
        Cancel::default()
    }
    /// Asks the work that holds this flag to stop. It looks at the flag at its pauses. (A singular
    /// value decomposition under way runs to its end first.)
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    /// Whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
    /// This flag if nobody else has it any more, else a new one.
    pub(crate) fn anew(self) -> Cancel {
        if Arc::strong_count(&self.0) == 1 && !self.is_cancelled() { self } else { Cancel::new() }
    }
}
