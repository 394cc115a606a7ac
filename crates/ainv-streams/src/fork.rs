//! Which process this is, counted from the first: a forked child has its parent's memory but none of
//! its threads, so that what was under way when it was born will never end there.

use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// How often this process was forked off since streams were first used: one load.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// From now on a forked child counts one more. Only the first call does something.
#[cfg(all(unix, not(loom), not(miri)))]
pub(crate) fn watch() {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: std::sync::Once = std::sync::Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the handler does one atomic addition, which is allowed after a fork. (It fails for
        // lack of memory alone; then a child is not told from its parent.)
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

#[cfg(not(all(unix, not(loom), not(miri))))]
pub(crate) fn watch() {}
