//! What people see: colours, quiet, where it goes.

use crate::run::{Folder, mixed};

#[test]
fn no_colours_in_pipes_unless_forced() {
    let folder = Folder::new();
    mixed(&folder);
    let run = |set: &[(&str, &str)]| {
        let mut command =
            folder.command(&["inv", "mixed.npy", "-o", "x.npy", "--on-singular", "nan"]);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        String::from_utf8(command.envs(set.iter().copied()).output().unwrap().stderr).unwrap()
    };
    let plain = run(&[]);
    assert!(!plain.contains('\x1b') && plain.contains("failed     8 of 15"), "{plain}");
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains("\x1b["));
    assert!(!run(&[("NO_COLOR", "1")]).contains('\x1b'));
}

/// As a terminal shows it, with `script` to play the terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_colours_and_progress_unless_told_otherwise() {
    use crate::run::skip;
    use std::process::Command;
    let folder = Folder::new();
    folder.zeros("a.npy", 60_000, 32);
    let run = |more: &str, no_color: bool| {
        let line = format!(
            "{} tri-inv a.npy --unit-diagonal -o x.npy --threads 1 {more}",
            env!("CARGO_BIN_EXE_ainv")
        );
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path(""));
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("CLICOLOR");
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let ran = command.output().ok()?;
        assert_eq!(ran.status.code(), Some(0));
        Some(String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    let Some(seen) = run("", false) else { return skip("there is no `script` to play a terminal") };
    assert!(seen.contains("\x1b[1ma.npy\x1b[0m: tri-inv"), "{seen}");
    assert!(seen.contains("of 60,000 matrices, ") && seen.contains(" thousand/s, "), "{seen}");
    let seen = run("", true).unwrap();
    assert!(seen.contains("a.npy: tri-inv of 60000"), "{seen}");
    assert!(!seen.contains("\x1b[1m"), "{seen}");
    assert_eq!(run("--quiet", false).unwrap(), "");
    let seen = run("--json", false).unwrap();
    assert!(seen.starts_with('{') && !seen.contains('\x1b'), "{seen}");
}

#[test]
fn quiet_says_only_what_went_wrong() {
    let folder = Folder::new();
    mixed(&folder);
    folder.text("a.csv", "2\n");
    let ran = folder.ainv(&["inv", "a.csv", "-q"]).exits(0);
    assert_eq!((ran.out().as_str(), ran.err().as_str()), ("0.5\n", ""));
    let args = ["inv", "mixed.npy", "-o", "x.npy", "--on-singular", "nan", "-q"];
    let ran = folder.ainv(&args).exits(1).says("8 of 15 matrices have no result");
    assert!(!ran.err().contains("rcond"));
    folder.ainv(&["inv", "none.csv", "-q"]).exits(3).says("none.csv");
}

#[test]
fn the_summary_says_what_was_found() {
    let folder = Folder::new();
    for (text, name) in [
        ("2,1\n1,2\n", "symmetric positive definite"),
        ("1,2\n2,1\n", "symmetric"),
        ("1,2\n0,1\n", "upper triangular"),
        ("1,0\n2,1\n", "lower triangular"),
        ("1,0\n0,1\n", "diagonal"),
        ("2,1j\n-1j,2\n", "Hermitian positive definite"),
        ("1,2j\n-2j,1\n", "Hermitian"),
        ("2,1j\n1j,2\n", "symmetric"),
        ("1,2\n3,4\n", "general"),
    ] {
        folder.text("a.csv", text);
        folder.ainv(&["inv", "a.csv"]).exits(0).says(&format!("structure  {name}\n"));
    }
    let ran = folder.ainv(&["inv", "a.csv", "--assume", "upper"]).exits(0);
    drop(ran.says("structure  upper triangle, as told\n"));
    // Hilbert's matrix of order 12.
    let entry = |i: usize| 1.0 / (i / 12 + i % 12 + 1) as f64;
    folder.stack("h.npy", &(0..144).map(entry).collect::<Vec<_>>(), &[12, 12]);
    folder.ainv(&["inv", "h.npy", "-o", "x.npy"]).exits(0).says("no digit can be trusted");
}

/// A terminal obeys what a file's maker wrote into names: none of it reaches one.
#[cfg(unix)]
#[test]
fn names_cannot_command_the_terminal() {
    let folder = Folder::new();
    let header = r#"{"a\u001b[31m\nb":{"dtype":"F64","shape":[2,2],"data_offsets":[0,32]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    for number in [1.0f64, 1.0, 1.0, 1.0] {
        file.extend(number.to_le_bytes());
    }
    std::fs::write(folder.path("x\x1b[1m.safetensors"), file).unwrap();
    folder.text("y\x1b[1m.csv", "\x1b[2m,1\n");
    for verb in [
        &["info"][..],
        &["rcond"],
        &["report"],
        &["inv"],
        &["inv", "-o", "o\x1b[3m.npz"],
        &["inv", "--on-singular", "nan"],
        &["inv", "--array", "c"],
        &["inv", "--on-singular", "nan", "-o", "o\x1b[3m.npz"],
    ] {
        for name in ["x\x1b[1m.safetensors", "y\x1b[1m.csv", "z\x1b[1m.npy"] {
            let ran = folder.ainv(&[verb, &[name]].concat());
            let said = [ran.0.stdout, ran.0.stderr].concat();
            assert!(!said.is_empty() && !said.contains(&0x1b), "{verb:?} {name:?}: {said:?}");
        }
    }
}
