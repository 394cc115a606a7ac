//! Ctrl-C, being asked to end, and being killed.
#![cfg(target_os = "linux")]

use crate::run::{Folder, skip};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Starts work that goes on for many seconds, and comes back when it is under way.
fn start(folder: &Folder) -> Child {
    folder.zeros("a.npy", 393_216, 32).stack("x.npy", &[7.0], &[1, 1]);
    let child = folder.start(&["tri-inv", "a.npy", "--unit-diagonal", "-o", "x.npy"]);
    let tasks = format!("/proc/{}/task", child.id());
    let is_working = |task: fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with("ainv-0"))
    };
    until(|| fs::read_dir(&tasks).unwrap().any(|task| task.is_ok_and(is_working)));
    child
}

/// As in the background of a shell, and children inherit it.
fn ignored_here(signal: u32) -> bool {
    let is = has("self", "SigIgn:", signal);
    if is {
        skip(&format!("signal {signal} is ignored here, hence by the command"));
    }
    is
}

fn until(reached: impl Fn() -> bool) {
    let patience = Instant::now();
    while !reached() {
        assert!(patience.elapsed() < Duration::from_secs(60), "it does not begin");
        sleep(Duration::from_millis(5));
    }
}

/// Whether a signal is in this mask of the process.
fn has(process: &str, mask: &str, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap().trim();
    u64::from_str_radix(mask, 16).unwrap() >> (signal - 1) & 1 == 1
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// The output is as it was, and nothing else is there.
fn nothing_changed(folder: &Folder) {
    assert_eq!(folder.read("x.npy").0, [7.0]);
    assert_eq!(folder.names(), ["a.npy", "x.npy"]);
}

fn end(child: Child) -> (Output, String) {
    let done = child.wait_with_output().unwrap();
    let err = String::from_utf8(done.stderr.clone()).unwrap();
    (done, err)
}

#[test]
fn signals_stop_the_work_and_leave_nothing() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        if ignored_here(code - 128) {
            continue;
        }
        let folder = Folder::new();
        let child = start(&folder);
        send(signal, &child);
        let (done, err) = end(child);
        assert_eq!((done.status.code(), err.as_str()), (Some(code as i32), "ainv: interrupted\n"));
        nothing_changed(&folder);
    }
}

/// As `nohup` asks for.
#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = Folder::new();
    folder.zeros("a.npy", 40_000, 32);
    let script = r#"trap "" HUP; exec "$0" "$@""#;
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ainv")])
        .args(["tri-inv", "a.npy", "--unit-diagonal", "-o", "x.npy", "-q"])
        .current_dir(folder.path(""))
        .spawn()
        .unwrap();
    until(|| has(&child.id().to_string(), "SigIgn:", 1));
    let patience = Instant::now();
    while child.try_wait().unwrap().is_none() {
        // It may have ended in between.
        let _ = Command::new("kill").arg("-HUP").arg(child.id().to_string()).output();
        sleep(Duration::from_millis(20));
        assert!(patience.elapsed() < Duration::from_secs(120));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(folder.path("x.npy").exists());
}

#[test]
fn waiting_for_input_can_be_interrupted() {
    if ignored_here(2) {
        return;
    }
    let folder = Folder::new();
    let child = folder.start(&["inv", "-", "--format", "csv"]);
    until(|| has(&child.id().to_string(), "SigCgt:", 2));
    // Once caught, the pipe is what it comes to next.
    sleep(Duration::from_millis(200));
    send("-INT", &child);
    let mut child = child;
    let _kept_open = child.stdin.take();
    let (done, err) = end(child);
    assert_eq!((done.status.code(), err.as_str()), (Some(130), "ainv: interrupted\n"));
}

#[test]
fn measuring_can_be_interrupted() {
    if ignored_here(2) {
        return;
    }
    let folder = Folder::new();
    let mut child = folder.start(&["bench", "inv", "--seconds", "1", "--orders", "3"]);
    // Once the machine is told of, the first row is measured, for seconds.
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().starts_with("function")));
    send("-INT", &child);
    let (done, err) = end(child);
    assert_eq!((done.status.code(), err.as_str()), (Some(130), "ainv: interrupted\n"));
    assert!(told.next().is_none());
}

#[test]
fn a_killed_process_leaves_nothing() {
    let folder = Folder::new();
    let mut child = start(&folder);
    // Where the file system has no unnamed files, there is one with a name of its own meanwhile.
    let unnamed = folder.names().len() == 2;
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    if unnamed {
        nothing_changed(&folder);
    } else {
        skip("this file system has no unnamed files, so kill -9 leaves one");
        assert_eq!(folder.read("x.npy").0, [7.0]);
    }
}
