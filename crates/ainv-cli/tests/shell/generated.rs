//! What is generated from the definitions of the arguments.

use crate::run::{Folder, skip};
use std::process::Command;

#[test]
fn completions_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.ainv(&["completions", shell]).exits(0).out();
        for word in ["cholesky-inv", "max-memory", "on-singular", "safetensors", "html"] {
            assert!(script.contains(word), "{word} is not in the script for {shell}");
        }
    }
    folder.ainv(&["completions", "tcsh"]).exits(2).says("possible values");
    let script = folder.ainv(&["completions", "bash"]).out();
    folder.text("ainv.bash", &script);
    let completed = Command::new("bash")
        .args(["-c", "source ./ainv.bash; COMP_WORDS=(ainv chol); COMP_CWORD=1; _ainv ainv chol ainv; echo ${COMPREPLY[@]}"])
        .current_dir(folder.path(""))
        .output();
    match completed {
        Ok(done) => assert_eq!(String::from_utf8(done.stdout).unwrap().trim(), "cholesky-inv"),
        Err(_) => skip("there is no bash to complete with"),
    }
}

#[test]
fn a_manual_page_for_every_command() {
    let folder = Folder::new();
    let page = folder.ainv(&["man"]).exits(0).out();
    assert!(page.contains(".TH ainv 1") && page.contains("EXIT STATUS"), "{page}");
    folder.ainv(&["man", "-o", "pages"]).exits(0);
    for name in [
        "ainv",
        "ainv-inv",
        "ainv-solve",
        "ainv-cholesky-inv",
        "ainv-report",
        "ainv-bench",
        "ainv-man",
    ] {
        assert!(folder.path(&format!("pages/{name}.1")).exists(), "{name}");
    }
    folder.text("file", "").ainv(&["man", "-o", "file"]).exits(3).says("file: ");
}
