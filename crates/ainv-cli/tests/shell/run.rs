//! A folder of files, and the command run in it.

use ainv::OwnedStack;
use ainv_io::{Matrices, read, write};
use serde_json::Value;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub(crate) fn text(&self, name: &str, content: &str) -> &Folder {
        fs::write(self.path(name), content).unwrap();
        self
    }
    pub(crate) fn stack(&self, name: &str, numbers: &[f64], shape: &[usize]) -> &Folder {
        let stack = OwnedStack::from_vec(numbers.to_vec(), shape).unwrap();
        write(&self.path(name), &stack.into()).unwrap();
        self
    }
    /// A stack of matrices that are all zeros, in a file that takes no room on the disk.
    pub(crate) fn zeros(&self, name: &str, count: u64, n: u64) -> &Folder {
        let mut dict =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({count}, {n}, {n}), }}");
        dict += &" ".repeat(127 - 10 - dict.len());
        dict += "\n";
        let mut file = fs::File::create(self.path(name)).unwrap();
        file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
        file.write_all(dict.as_bytes()).unwrap();
        file.set_len(128 + count * n * n * 8).unwrap();
        self
    }
    /// The command in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ainv"));
        command.current_dir(self.0.path()).args(args);
        command
    }
    /// Runs the command in this folder.
    pub(crate) fn ainv(&self, args: &[&str]) -> Ran {
        Ran(self.command(args).output().unwrap())
    }
    /// Starts the command in this folder, with pipes on all sides.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
    /// Runs the command in this folder with `input` on standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.start(args);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The command may stop before it has read all.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let ran = Ran(child.wait_with_output().unwrap());
        feeder.join().unwrap();
        ran
    }
    pub(crate) fn read(&self, name: &str) -> (Vec<f64>, Vec<usize>) {
        let Matrices::F64(a) = read(&self.path(name)).unwrap() else { panic!("not float64") };
        let shape = a.shape().to_vec();
        (a.into_vec(), shape)
    }
    /// What is in the folder, hidden files too.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.out(), self.err());
        self
    }
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }
    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }
    #[track_caller]
    pub(crate) fn says(self, what: &str) -> Ran {
        assert!(self.err().contains(what), "{what:?} is not in\n{}", self.err());
        self
    }
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out()).unwrap()
    }
}

/// The file of an example of the repository.
pub(crate) fn example(name: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    examples.join(name).to_str().unwrap().to_owned()
}

/// Fifteen matrices, the even ones singular.
pub(crate) fn mixed(folder: &Folder) {
    let numbers: Vec<f64> = (0..15)
        .flat_map(|m| if m % 2 == 0 { [1.0, 2.0, 2.0, 4.0] } else { [1.0, 2.0, 3.0, 4.0] })
        .collect();
    folder.stack("mixed.npy", &numbers, &[3, 5, 2, 2]);
}

/// Numbers that make matrices with inverses: one pseudo-random sequence, and a heavy diagonal.
pub(crate) fn heavy(count: usize, n: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    let entry = |i: usize| if i / n % n == i % n { n as f64 } else { 0.0 };
    (0..count * n * n).map(|i| next() + entry(i)).collect()
}

/// Says, past the test harness, why a test had nothing to do.
pub(crate) fn skip(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}
