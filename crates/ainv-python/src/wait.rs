//! Waits that release the GIL and answer Ctrl-C.

use crate::error;
use ainv::{Done, Stopped};
use pyo3::prelude::*;
use std::time::Duration;

/// How often a wait looks for signals.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// Waits until some work has ended; an exception is that of a signal's handler. The inner error says
/// why the end will never come.
pub(crate) fn ended(py: Python<'_>, done: &Done) -> PyResult<Result<(), Stopped>> {
    if done.is_done() {
        return Ok(Ok(()));
    }
    loop {
        match py.detach(|| done.wait_for(POLL)) {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => py.check_signals()?,
            Err(stopped) => return Ok(Err(stopped)),
        }
    }
}

/// Waits until some work has ended, however.
pub(crate) fn until_done(py: Python<'_>, done: &Done) -> PyResult<()> {
    ended(py, done)?.map_err(|stopped| error::raise(py, stopped.into(), &[]))
}

/// What looks for signals while a thread without the GIL waits; the exception of a handler is kept.
pub(crate) struct Signals(Option<PyErr>);

impl Signals {
    pub(crate) fn new() -> Signals {
        Signals(None)
    }
    /// Whether a handler raised.
    pub(crate) fn raised(&mut self) -> bool {
        if self.0.is_none() {
            // There is no GIL to take while the interpreter ends; then nobody waits.
            self.0 = Python::try_attach(|py| py.check_signals().err()).flatten();
        }
        self.0.is_some()
    }
    /// What it raised.
    pub(crate) fn error(self) -> Option<PyErr> {
        self.0
    }
}
