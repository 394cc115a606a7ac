//! The arguments of the command: any strings are understood or refused in words, and nothing else happens.

use std::ffi::OsString;

/// Takes each line as an argument.
pub fn check(data: &[u8]) {
    let told = ainv_cli::understand(lines(data));
    assert_eq!(told, ainv_cli::understand(lines(data)));
    if let Err(words) = told {
        assert!(!words.trim().is_empty());
    }
}

fn lines(data: &[u8]) -> impl Iterator<Item = OsString> + use<'_> {
    data.split(|&byte| byte == b'\n').map(argument)
}

#[cfg(unix)]
fn argument(line: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(line.to_vec())
}

#[cfg(not(unix))]
fn argument(line: &[u8]) -> OsString {
    String::from_utf8_lossy(line).into_owned().into()
}
