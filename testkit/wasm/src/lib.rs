//! ainv in WebAssembly, for `run.mjs`: an inversion as a page would call it, and the checks of
//! `crates/ainv/tests/platform` one by one.

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../crates/ainv/tests/platform/checks.rs"]
mod checks;
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../crates/ainv/tests/promises/common.rs"]
mod common;

use ainv::{Options, StackMut, Status, c32, c64, inv_in_place};
use std::sync::Mutex;

/// What is to be said: what a check found, or the panic that ended it.
static SAID: Mutex<String> = Mutex::new(String::new());

fn say(text: &str) {
    let mut said = SAID.lock().unwrap_or_else(|e| e.into_inner());
    said.clear();
    said.push_str(text);
}

/// Where the text begins that was said last, and how long it is.
#[unsafe(no_mangle)]
pub extern "C" fn said() -> *const u8 {
    SAID.lock().unwrap_or_else(|e| e.into_inner()).as_ptr()
}

/// See [`said`].
#[unsafe(no_mangle)]
pub extern "C" fn said_bytes() -> usize {
    SAID.lock().unwrap_or_else(|e| e.into_inner()).len()
}

/// Memory for as many numbers, for the caller to fill; never freed.
#[unsafe(no_mangle)]
pub extern "C" fn numbers(len: usize) -> *mut f64 {
    vec![0.0; len].leak().as_mut_ptr()
}

/// Inverts `count` dense matrices of order `n` in their place. How many have no inverse; -1 for an error,
/// which is [said].
///
/// # Safety
/// The memory is that of [`numbers`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn invert(a: *mut f64, count: usize, n: usize) -> i32 {
    // SAFETY: the caller's promise.
    let a = unsafe { std::slice::from_raw_parts_mut(a, count * n * n) };
    let mut status = vec![Status::default(); count];
    let done = StackMut::new(a, &[count, n, n])
        .and_then(|a| inv_in_place(a, &mut status, &Options::default()));
    match done {
        Ok(_) => status.iter().filter(|s| !s.is_ok()).count() as i32,
        Err(error) => {
            say(&error.to_string());
            -1
        }
    }
}

macro_rules! checks {
    ($($check:ident),+) => {
        const CHECKS: &[(&str, fn())] = &[
            $(
                (concat!(stringify!($check), " float32"), checks::$check::<f32>),
                (concat!(stringify!($check), " float64"), checks::$check::<f64>),
                (concat!(stringify!($check), " complex64"), checks::$check::<c32>),
                (concat!(stringify!($check), " complex128"), checks::$check::<c64>),
            )+
            ("streams", checks::streams),
            ("sizes", checks::sizes),
            ("bits", bits),
        ];
    };
}
checks!(residuals, other_functions, threads, layouts, bad_matrices);

fn bits() {
    let lines = [
        checks::bits::<f32>(),
        checks::bits::<f64>(),
        checks::bits::<c32>(),
        checks::bits::<c64>(),
    ];
    say(&lines.concat().join("\n"));
}

/// How many checks there are.
#[unsafe(no_mangle)]
pub extern "C" fn checks() -> usize {
    std::panic::set_hook(Box::new(|panic| say(&panic.to_string())));
    CHECKS.len()
}

/// Says the name of a check.
#[unsafe(no_mangle)]
pub extern "C" fn name(check: usize) {
    say(CHECKS[check].0);
}

/// Runs a check. One that fails ends in a trap; why is [said].
#[unsafe(no_mangle)]
pub extern "C" fn run(check: usize) {
    say("");
    CHECKS[check].1();
}
