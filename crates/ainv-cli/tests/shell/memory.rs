//! Stacks that are larger than the memory that they may take.

use crate::run::{Folder, heavy};
use std::fs;

#[test]
fn parts_give_what_the_whole_gives() {
    let folder = Folder::new();
    folder.stack("a.npy", &heavy(3000, 17), &[10, 300, 17, 17]);
    folder.stack("b.npy", &heavy(3000, 17)[..3000 * 34], &[10, 300, 17, 2]);
    for args in [
        &["inv", "a.npy"][..],
        &["inv", "a.npy", "--dtype", "complex64"],
        &["pinv", "b.npy"],
        &["tri-inv", "a.npy"],
        &["rcond", "a.npy"],
        &["solve", "a.npy", "b.npy"],
    ] {
        let run = |more: &[&str]| folder.ainv(&[args, more].concat()).exits(0);
        run(&["-o", "whole.npy"]);
        run(&["-o", "parts.npy", "--max-memory", "2M", "--threads", "2"]);
        let bytes = |name| fs::read(folder.path(name)).unwrap();
        assert_eq!(bytes("whole.npy"), bytes("parts.npy"), "{args:?}");
    }
}

#[test]
fn indices_count_on_over_the_parts() {
    let folder = Folder::new();
    let mut numbers = heavy(3000, 17);
    for m in [0, 1234, 2999] {
        numbers[m * 289..(m + 1) * 289].fill(0.0);
    }
    numbers[7 * 289 + 5] = f64::NAN;
    numbers[2000 * 289..2001 * 289].iter_mut().for_each(|x| *x *= 1e-3);
    numbers[2000 * 289] = 1e3;
    folder.stack("a.npy", &numbers, &[3000, 17, 17]);
    let limited = ["inv", "a.npy", "-o", "x.npy", "--max-memory", "2M", "--threads", "2"];
    let ran = folder.ainv(&limited).exits(1).says("4 of 3000 matrices have no result");
    let ran = ran.says("matrix 0: sing").says("matrix 7: holds NaN").says("matrix 1234: sing");
    drop(ran.says("matrix 2999: singular"));
    assert_eq!(folder.names(), ["a.npy"]);
    let ran = folder.ainv(&[&limited[..], &["--on-singular", "nan"]].concat()).exits(1);
    drop(ran.says("at worst (matrix 2000)"));
    let x = folder.read("x.npy").0;
    let is_nan = |m: usize| x[m * 289..(m + 1) * 289].iter().all(|x| x.is_nan());
    assert_eq!((0..3000).filter(|&m| is_nan(m)).collect::<Vec<_>>(), [0, 7, 1234, 2999]);
}

#[test]
fn what_does_not_fit_says_what_it_needs() {
    let folder = Folder::new();
    folder.zeros("a.npy", 3, 1000);
    let args = ["rcond", "a.npy", "--max-memory", "2M"];
    let ran = folder.ainv(&args).exits(3).says("one matrix needs").says("the limit is 2.0 MiB");
    let needed = ran.err().split("--max-memory ").nth(1).unwrap().trim().to_owned();
    folder.ainv(&["rcond", "a.npy", "--max-memory", &needed]).exits(0);
    for wrong in ["0", "much", "-1", "1X"] {
        folder.ainv(&["inv", "a.npy", "--max-memory", wrong]).exits(2);
    }
    // A header of a few bytes does not take memory.
    folder.text("b.mtx", "%%MatrixMarket matrix coordinate real general\n900000 900000 1\n1 1 1\n");
    folder.ainv(&["inv", "b.mtx", "-o", "x.npy"]).exits(3).says("needs 1");
}

/// 3 GiB of zeros, as unit triangles, become 3 GiB of identities.
#[cfg(target_os = "linux")]
#[test]
fn three_gib_in_half_a_gib() {
    use std::io::Read;
    const COUNT: u64 = 393_216;
    const SIZE: usize = 32 * 32 * 8;
    let folder = Folder::new();
    folder.zeros("a.npy", COUNT, 32);
    let args = ["tri-inv", "a.npy", "--unit-diagonal", "-o", "-", "--max-memory", "512M"];
    let mut child = folder.start(&args);
    let mut out = child.stdout.take().unwrap();
    let mut header = [0; 128];
    out.read_exact(&mut header).unwrap();
    let mut identity = vec![0; SIZE];
    for i in 0..32 {
        identity[33 * 8 * i..][..8].copy_from_slice(&1f64.to_le_bytes());
    }
    let mut matrix = vec![0; SIZE];
    let mut peak = None;
    for m in 0..COUNT {
        out.read_exact(&mut matrix).unwrap();
        assert!(matrix == identity, "matrix {m}");
        // It still has something to write, which the pipe has no room for.
        if m == COUNT - 100 {
            peak = Some(peak_memory(child.id()));
        }
    }
    assert_eq!(out.read(&mut matrix).unwrap(), 0);
    assert!(child.wait().unwrap().success());
    let peak = peak.unwrap();
    assert!(peak < 512 << 20, "{peak} bytes");
}

/// The most that a process has had in memory until now.
#[cfg(target_os = "linux")]
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}
