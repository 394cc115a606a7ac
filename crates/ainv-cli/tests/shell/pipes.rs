//! Standard input and output.

use crate::run::{Folder, heavy};
use std::fs;
use std::io::Read;
use std::process::Stdio;

#[test]
fn a_dash_is_standard_input_and_output() {
    let folder = Folder::new();
    folder.stack("a.npy", &[2.0, 4.0], &[2, 1, 1]);
    let bytes = fs::read(folder.path("a.npy")).unwrap();
    let ran = folder.feed(&["inv", "-", "--format", "npy", "-o", "-"], &bytes).exits(0);
    folder.ainv(&["inv", "a.npy", "-o", "x.npy"]).exits(0);
    assert_eq!(ran.0.stdout, fs::read(folder.path("x.npy")).unwrap());
    // In another format, and to a file.
    let ran =
        folder.feed(&["inv", "-", "--format", "tsv", "-o", "-", "--to", "csv"], b"2\t0\n0\t4\n");
    assert_eq!(ran.exits(0).out(), "0.5,0.0\n0.0,0.25\n");
    let npz =
        folder.feed(&["inv", "-", "--format", "csv", "-o", "-", "--to", "npz"], b"2\n").exits(0);
    fs::write(folder.path("y.npz"), npz.0.stdout).unwrap();
    assert_eq!(folder.read("y.npz").0, [0.5]);
    let ran = folder.feed(&["solve", "a.npy", "-", "--format", "csv", "-o", "x.npy"], b"8\n");
    drop(ran.exits(0));
    assert_eq!(folder.read("x.npy").0, [4.0, 2.0]);
    let ran = folder.feed(&["info", "-", "--format", "npy"], &bytes).exits(0);
    assert!(ran.out().contains("standard input (.npy)"), "{}", ran.out());
}

#[test]
fn pipes_that_are_asked_for_wrongly() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n");
    folder.feed(&["inv", "-"], b"2\n").exits(2).says("--format");
    folder.feed(&["inv", "-", "-", "--format", "csv"], b"2\n").exits(2).says("once");
    folder.feed(&["solve", "-", "-", "--format", "csv"], b"2\n").exits(2).says("both");
    folder.feed(&["inv", "-", "--format", "csv", "-o", "x/"], b"2\n").exits(2).says("no name");
    folder.ainv(&["inv", "a.csv", "-o", "-", "--json"]).exits(2).says("--json");
    folder.ainv(&["inv", "a.csv", "--to", "npy"]).exits(2).says("-o");
    let input = b"\x93NUMPY and nothing more";
    folder.feed(&["inv", "-", "--format", "npy", "-o", "x.npy"], input).exits(3);
    assert_eq!(folder.names(), ["a.csv"]);
}

/// Who has enough says no word, and gets none.
#[test]
fn a_pipe_that_is_closed_early() {
    let folder = Folder::new();
    folder.stack("a.npy", &heavy(20_000, 8), &[20_000, 8, 8]);
    let mut child = folder.start(&["inv", "a.npy", "-o", "-"]);
    let mut ten = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut ten).unwrap();
    assert_eq!(&ten[1..6], b"NUMPY");
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(3));
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
}

#[test]
fn a_closed_stderr_does_not_stop_the_work() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n");
    let mut command = folder.command(&["inv", "a.csv", "-o", "x.csv"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(folder.read("x.csv").0, [0.5]);
}

/// Between commands, as in a shell.
#[test]
fn pipes_can_be_chained() {
    let folder = Folder::new();
    folder.stack("a.npy", &heavy(2000, 5), &[2000, 5, 5]);
    let mut first = folder.start(&["inv", "a.npy", "-o", "-"]);
    let second = folder
        .command(&["inv", "-", "--format", "npy", "-o", "x.npy"])
        .stdin(first.stdout.take().unwrap())
        .output()
        .unwrap();
    assert_eq!((first.wait().unwrap().code(), second.status.code()), (Some(0), Some(0)));
    let (a, x) = (folder.read("a.npy").0, folder.read("x.npy").0);
    assert!(a.iter().zip(x).all(|(a, x)| (a - x).abs() < 1e-13));
}
