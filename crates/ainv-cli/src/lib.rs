//! The ainv command: [`run`] is all of it.
//!
//! `args` says what can be asked, `work` computes, `check` measures the result, `report` tells;
//! `command` leads a file through them.

mod args;
mod check;
mod command;
mod failure;
mod report;
mod work;

use args::{Args, Command};
use clap::Parser;
use clap::error::ErrorKind;
use failure::Failure;
use std::ffi::OsString;
use std::io::{self, Write};

/// All was done.
const DONE: i32 = 0;
/// Some matrices could not be inverted.
const NOT_INVERTED: i32 = 1;
/// Wrong usage.
const USAGE: i32 = 2;
/// A file could not be read or written.
const FILE: i32 = 3;

/// Runs the command with `args` (without the program's name) and returns its exit code: 0 all done,
/// 1 some matrices could not be inverted, 2 wrong usage, 3 a file could not be read or written.
///
/// ```no_run
/// let code = ainv_cli::run(["inv", "a.npy", "-o", "x.npy"].map(Into::into));
/// ```
pub fn run(args: impl IntoIterator<Item = OsString>) -> i32 {
    let program = OsString::from("ainv");
    let args = match Args::try_parse_from(std::iter::once(program).chain(args)) {
        Ok(args) => args,
        Err(help) => {
            let asked = matches!(help.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody is left to tell if the terminal is gone.
            let _ = help.print();
            return if asked { DONE } else { USAGE };
        }
    };
    let done = match &args.command {
        Command::Compute(operation) => command::compute(operation),
        Command::Info { file } => command::info(file),
        Command::Config => command::config(),
    };
    match done {
        Ok(code) => code,
        Err(Failure::Pipe) => FILE,
        Err(failure) => {
            let _ = writeln!(io::stderr().lock(), "ainv: {failure}");
            failure.code()
        }
    }
}
