//! The ainv command: [`run`] is all of it.
//!
//! `args` says what can be asked. `batch` leads the files through a `job` each: `targets` says what
//! is read and where the result goes, `operands` opens it, `chunks` cuts it to the memory, `work`
//! computes, `check` measures, `output` keeps or writes; `summary` tells people and `json` machines.
//! `report` is a way of its own, through the library's, and `bench` reads no file.

mod args;
mod batch;
mod bench;
mod check;
mod chunks;
mod failure;
mod generate;
mod info;
mod interrupt;
mod job;
mod json;
mod memory;
mod operands;
mod output;
mod progress;
mod reading;
mod report;
mod structure;
mod summary;
mod targets;
mod words;
mod work;

use args::{Args, Command};
use clap::Parser;
use clap::error::ErrorKind;
use failure::Failure;
use std::ffi::OsString;

/// All was done.
const DONE: i32 = 0;
/// Some matrices could not be inverted.
const NOT_INVERTED: i32 = 1;
/// Wrong usage.
const USAGE: i32 = 2;
/// A file could not be read or written.
const FILE: i32 = 3;

/// Whether the arguments are understood; else what the user would be told. Nothing is run: this is for
/// fuzzing.
#[doc(hidden)]
pub fn understand(args: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    parse(args).map(drop).map_err(|help| help.render().to_string())
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
    let program = OsString::from("ainv");
    Args::try_parse_from(std::iter::once(program).chain(args))
}

/// Runs the command with `args` (without the program's name) and returns its exit code: 0 all done,
/// 1 some matrices could not be inverted, 2 wrong usage, 3 a file could not be read or written; 128
/// and the signal's number if a signal stopped it.
///
/// From the first computation on SIGINT, SIGTERM and SIGHUP of the whole process are its own: they
/// stop the work under way, and end the process if there is none.
///
/// ```no_run
/// let code = ainv_cli::run(["inv", "a.npy", "-o", "x.npy"].map(Into::into));
/// ```
pub fn run(args: impl IntoIterator<Item = OsString>) -> i32 {
    let args = match parse(args) {
        Ok(args) => args,
        Err(help) => {
            let asked = matches!(help.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody is left to tell if the terminal is gone.
            let _ = help.print();
            return if asked { DONE } else { USAGE };
        }
    };
    let done = match &args.command {
        Command::Compute(operation) => batch::compute(operation),
        Command::Report(report) => report::files(report),
        Command::Bench(asked) => bench::run(asked),
        Command::Info { inputs, format, json } => info::files(inputs, *format, *json),
        Command::Config => info::config(),
        Command::Completions { shell } => generate::completions(*shell).map(|()| DONE),
        Command::Man { output } => generate::man(output.as_deref()).map(|()| DONE),
    };
    done.unwrap_or_else(|failure| {
        // Who has closed the pipe knows.
        if !matches!(failure, Failure::Pipe) {
            summary::complain(&failure);
        }
        failure.code()
    })
}
