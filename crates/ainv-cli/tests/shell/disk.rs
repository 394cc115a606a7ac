//! Disks that are full.
#![cfg(target_os = "linux")]

use crate::run::{Folder, heavy, skip};
use std::fs::File;
use std::process::Command;

#[test]
fn a_full_device() {
    let folder = Folder::new();
    folder.stack("a.npy", &heavy(1000, 10), &[1000, 10, 10]).text("a.csv", "2\n");
    folder.ainv(&["inv", "a.npy", "-o", "/dev/full", "--to", "npy"]).exits(3).says("No space left");
    for args in [&["inv", "a.npy", "-o", "-"][..], &["inv", "a.csv"], &["info", "a.csv"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = folder.command(args).stdout(full).output().unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(3), "{args:?} {err}");
        assert!(err.contains("No space left"), "{args:?} {err}");
    }
}

/// In a namespace of its own, so that no rights are needed and nothing stays mounted.
#[test]
fn a_small_disk_fills_up_in_mid_work() {
    let folder = Folder::new();
    folder.stack("a.npy", &heavy(10_000, 10), &[10_000, 10, 10]).text("small", "");
    std::fs::remove_file(folder.path("small")).unwrap();
    std::fs::create_dir(folder.path("small")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=1m tmpfs small || exit 77
        echo old > small/x.npy
        "$0" inv a.npy -o small/x.npy
        code=$?
        [ "$(cat small/x.npy)" = old ] && [ "$(ls -A small)" = x.npy ] || exit 78
        exit $code
    "#;
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_ainv"))
        .current_dir(folder.path(""))
        .output();
    let Ok(ran) = ran else { return skip("there is no unshare to make a small disk with") };
    let err = String::from_utf8(ran.stderr).unwrap();
    match ran.status.code() {
        Some(3) => assert!(err.contains("small/x.npy: No space left"), "{err}"),
        Some(code @ (0 | 1 | 2 | 78)) => panic!("{code} {err}"),
        _ => skip(&format!("no small disk can be mounted here: {err}")),
    }
}
