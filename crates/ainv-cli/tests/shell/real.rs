//! Real matrices, from the folder that `AINV_TEST_MATRICES` names.

use crate::run::{Folder, skip};
use ainv_io::Source;
use std::path::PathBuf;

fn files() -> Option<Vec<PathBuf>> {
    let folder = std::env::var_os("AINV_TEST_MATRICES")?;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "mtx" || e == "npy"))
        .collect();
    files.sort();
    Some(files)
}

#[test]
fn real_matrices() {
    let Some(files) = files() else { return skip("AINV_TEST_MATRICES names no folder") };
    assert!(files.len() >= 20, "{files:?}");
    let folder = Folder::new();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let source = Source::open(&path, None).unwrap();
        let [rows, cols] = source.arrays()[0].shape[..] else { panic!("{name}") };
        let operation = if rows == cols { "inv" } else { "pinv" };
        let args = [operation, path.to_str().unwrap(), "-o", "x.npy", "--json"];
        let ran = folder.ainv(&args);
        // Their ranks are 5 of 9 and 49 of 61.
        let is_singular = ["jgl009", "can_61"].contains(&name);
        let code = ran.0.status.code().unwrap();
        assert!(code == 0 || is_singular && code == 1, "{name}: {code} {}", ran.err());
        if code == 1 {
            assert!(!folder.path("x.npy").exists());
            continue;
        }
        let said = &ran.json()["arrays"][0];
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let rcond = number(&said["worst_rcond"]["value"]);
        let residual = number(&said["residual"]["largest"]);
        if operation == "inv" {
            let bound = 30.0 * rows as f64 * f64::EPSILON / rcond;
            assert!(residual <= bound, "{name}: {residual} > {bound}");
        } else {
            assert!(residual < 1e-10, "{name}: {residual}");
        }
        let x = Source::open(&folder.path("x.npy"), None).unwrap();
        assert_eq!(x.arrays()[0].shape, [cols, rows], "{name}");
        std::fs::remove_file(folder.path("x.npy")).unwrap();
    }
}
