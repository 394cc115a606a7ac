//! Ctrl-C, and being asked to end: the work stops, no output is left, the exit code tells.

use ainv::Cancel;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// The work under way, which is to stop in its own time.
static WORK: Mutex<Option<Cancel>> = Mutex::new(None);
/// The exit code that the signal asked for.
static CODE: Mutex<i32> = Mutex::new(130);

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Work that a signal stops through its [`Cancel`], as long as this lives.
pub(crate) struct Stoppable(Cancel);

impl Stoppable {
    pub(crate) fn new() -> Stoppable {
        let cancel = Cancel::new();
        *lock(&WORK) = Some(cancel.clone());
        Stoppable(cancel)
    }

    pub(crate) fn cancel(&self) -> &Cancel {
        &self.0
    }

    /// Does what may wait for long and cannot be stopped (a pipe is being read): meanwhile a signal
    /// ends the process at once.
    pub(crate) fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        *lock(&WORK) = None;
        let done = wait();
        *lock(&WORK) = Some(self.0.clone());
        done
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        *lock(&WORK) = None;
    }
}

/// What a process that a signal has stopped exits with: 128 and the signal's number.
pub(crate) fn code() -> i32 {
    *lock(&CODE)
}

/// From here on a signal stops the work under way. Where there is none, and at the second signal, it
/// ends the process at once.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without a watch a signal ends the process, as it does by default.
        let _ = spawn();
    });
}

fn stop(code: i32) {
    *lock(&CODE) = code;
    match lock(&WORK).take() {
        Some(cancel) => cancel.cancel(),
        None => {
            let _ = writeln!(io::stderr().lock(), "ainv: interrupted");
            std::process::exit(code);
        }
    }
}

#[cfg(unix)]
fn spawn() -> io::Result<()> {
    use libc::{SIGHUP, SIGINT, SIGTERM};
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = signal_hook::iterator::Signals::new(heeded)?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            stop(128 + signal);
        }
    })?;
    Ok(())
}

/// Whether who started us (nohup, a shell's `&`) wants the signal to pass by.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: a zeroed sigaction is a value of that type, and the call only fills it in.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: as above; no action is given, so none is set.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &mut now) };
    asked == 0 && now.sa_sigaction == libc::SIG_IGN
}

#[cfg(windows)]
fn spawn() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| stop(130))
}
