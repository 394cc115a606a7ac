//! ainv in a browser: what `page/worker.js` calls. A question goes in as JSON, with a file's bytes after
//! it; the answer comes out as JSON, or as a file's bytes.

mod measure;
mod numbers;
mod picture;
mod session;

use session::Session;
use std::sync::{Mutex, MutexGuard, PoisonError};

static QUESTION: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SESSION: Mutex<Session> = Mutex::new(Session::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for a question of so many bytes, which the caller writes there; null if there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    // A panic ends in a trap; why is in the answer.
    std::panic::set_hook(Box::new(|panic| *lock(&ANSWER) = panic.to_string().into_bytes()));
    let mut question = lock(&QUESTION);
    *question = Vec::new();
    if question.try_reserve_exact(bytes).is_err() {
        return std::ptr::null_mut();
    }
    question.resize(bytes, 0);
    question.as_mut_ptr()
}

/// Answers the question: JSON in its first `head` bytes, the file in the others. 0 if the answer is what was
/// asked for, 1 if it says what went wrong.
#[unsafe(no_mangle)]
pub extern "C" fn ask(head: usize) -> i32 {
    let mut question = std::mem::take(&mut *lock(&QUESTION));
    let file = question.split_off(head.min(question.len()));
    let answer = lock(&SESSION).ask(&question, file);
    let failed = answer.is_err();
    *lock(&ANSWER) = answer.unwrap_or_else(String::into_bytes);
    i32::from(failed)
}

/// Where the last answer begins.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    lock(&ANSWER).as_ptr()
}

/// How long the last answer is.
#[unsafe(no_mangle)]
pub extern "C" fn answer_bytes() -> usize {
    lock(&ANSWER).len()
}
