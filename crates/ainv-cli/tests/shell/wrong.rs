//! Wrong usage, and files that cannot be read or written.

use crate::run::{Folder, example};
use std::fs;

#[test]
fn wrong_usage() {
    let folder = Folder::new();
    folder.text("a.csv", "1,2\n3,4\n").text("wide.csv", "1,2,3\n").text("c.csv", "1j\n");
    for args in [
        &[][..],
        &["frobnicate"],
        &["inv"],
        &["inv", "a.csv", "--assume", "nothing"],
        &["inv", "a.csv", "--hermitian"],
        &["inv", "a.csv", "--threads", "0"],
        &["inv", "a.csv", "--dtype", "int8"],
        &["inv", "a.csv", "-o", "x.txt"],
        &["inv", "a.txt"],
        &["inv", "wide.csv"],
        &["inv", "c.csv", "--dtype", "float64"],
        &["pinv", "a.csv", "--rtol", "-1"],
        &["pinv", "a.csv", "--on-singular", "pinv"],
        &["solve", "a.csv"],
        &["solve", "a.csv", "wide.csv"],
        &["cholesky-inv", "wide.csv"],
        &["rcond", "wide.csv"],
        &["inv", "a.csv", "--format", "xls"],
        &["completions"],
    ] {
        let ran = folder.ainv(args).exits(2);
        assert_eq!(ran.out(), "", "{args:?}");
        assert!(!ran.err().is_empty(), "{args:?}");
    }
}

#[test]
fn what_is_not_square_is_for_pinv() {
    let folder = Folder::new();
    folder.text("wide.csv", "1,2,3\n").text("b.csv", "1\n");
    for operation in ["inv", "tri-inv", "cholesky-inv", "rcond"] {
        let ran = folder.ainv(&[operation, "wide.csv"]).exits(2);
        drop(ran.says("wide.csv: ").says("these are 1 x 3").says("ainv pinv"));
    }
    folder.ainv(&["solve", "wide.csv", "b.csv"]).exits(2).says("ainv pinv");
    folder.ainv(&["pinv", "wide.csv"]).exits(0);
}

#[test]
fn files_that_cannot_be_read_or_written() {
    let folder = Folder::new();
    folder.text("a.csv", "1,2\n3,4\n").text("bad.csv", "1,2\n3,x\n").text("bad.npy", "nothing");
    folder.ainv(&["inv", "none.npy"]).exits(3).says("none.npy");
    folder.ainv(&["inv", "bad.csv"]).exits(3).says("bad.csv, line 2, field 2");
    folder.ainv(&["inv", "bad.npy"]).exits(3).says("bad.npy, header");
    folder.ainv(&["info", "bad.npy"]).exits(3);
    folder.ainv(&["inv", "a.csv", "-o", "none/x.npy"]).exits(3).says("none/x.npy");
}

#[test]
fn info_and_config() {
    let folder = Folder::new();
    let out = folder.ainv(&["info", &example("jacobians/jacobians.npy")]).exits(0).out();
    assert!(out.contains("13125 float64 matrices of 3 x 3") && out.contains("<f8 in C order"));
    let out = folder.text("a.csv", "1j\n").ainv(&["info", "a.csv", "a.csv"]).exits(0).out();
    assert_eq!(out.matches("one complex128 matrix of 1 x 1").count(), 2, "{out}");
    let out = folder.ainv(&["config"]).exits(0).out();
    assert!(out.contains(env!("CARGO_PKG_VERSION")) && out.contains("threads"), "{out}");
    assert!(folder.ainv(&["--version"]).exits(0).out().contains("ainv"));
    assert!(folder.ainv(&["inv", "--help"]).exits(0).out().contains("--on-singular"));
}

/// A truncated payload, headers that lie, and what is no file of matrices at all.
#[test]
fn hostile_files() {
    let folder = Folder::new();
    folder.stack("good.npy", &[1.0; 8], &[2, 2, 2]);
    let good = fs::read(folder.path("good.npy")).unwrap();
    let header = |dict: &str| {
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend_from_slice(format!("{dict:<117}\n").as_bytes());
        file.extend_from_slice(&[0; 64]);
        file
    };
    let shape = |shape: &str| {
        header(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"))
    };
    let zip = [b"PK\x03\x04".to_vec(), vec![0xff; 100]].concat();
    let tensors = [u64::MAX.to_le_bytes().to_vec(), vec![b'{'; 50]].concat();
    for (name, bytes) in [
        ("truncated.npy", good[..good.len() - 1].to_vec()),
        ("longer.npy", [good.clone(), vec![0]].concat()),
        ("empty.npy", Vec::new()),
        ("magic.npy", good[..6].to_vec()),
        ("huge.npy", shape("(1000000000, 3, 3)")),
        ("overflow.npy", shape("(4294967296, 4294967296, 4294967296)")),
        ("negative.npy", shape("(-1, 2, 2)")),
        ("object.npy", header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2, 2), }")),
        ("nested.npy", header(&"(".repeat(100))),
        ("a.npz", zip),
        ("a.safetensors", tensors),
        ("a.mtx", b"%%MatrixMarket matrix coordinate real general\n2 2 9\n1 1 1\n".to_vec()),
        ("b.mtx", b"%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 1\n".to_vec()),
        ("a.csv", vec![0xff; 1000]),
        ("b.csv", b"1,2\n3\n".to_vec()),
        ("c.csv", Vec::new()),
    ] {
        fs::write(folder.path(name), bytes).unwrap();
        let ran =
            folder.ainv(&["inv", name, "-o", "x.npy"]).exits(3).says(&format!("ainv: {name}"));
        assert_eq!(ran.out(), "", "{name}");
        assert!(!folder.path("x.npy").exists(), "{name}");
    }
    folder.ainv(&["inv", "."]).exits(2);
    folder.ainv(&["inv", ".", "--format", "npy"]).exits(3).says("folder");
}

/// Any number of matrices without entries fits into a small file.
#[test]
fn empty_matrices() {
    let folder = Folder::new();
    for shape in ["(1000000000000, 0, 0)", "(0, 3, 3)", "(0, 0)", "(3, 0, 0)"] {
        let dict = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        let file = [b"\x93NUMPY\x01\x00\x76\x00", format!("{dict:<117}\n").as_bytes()].concat();
        fs::write(folder.path("a.npy"), &file).unwrap();
        for operation in ["inv", "pinv", "tri-inv"] {
            folder.ainv(&[operation, "a.npy", "-o", "x.npy"]).exits(0);
            assert_eq!(fs::read(folder.path("x.npy")).unwrap(), file, "{operation} of {shape}");
        }
    }
}
