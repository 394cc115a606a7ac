//! Several files, patterns, folders, and files with several arrays.

use crate::run::{Folder, mixed};
use ainv::OwnedStack;
use ainv_io::{Declared, Dtype, Matrices, Sink, Source};

/// A file of arrays, each a stack of 1 x 1.
fn archive(folder: &Folder, name: &str, arrays: &[(&str, &[f64])]) {
    let declared: Vec<_> = arrays
        .iter()
        .map(|(name, numbers)| Declared {
            name: Some((*name).to_owned()),
            dtype: Dtype::F64,
            shape: vec![numbers.len(), 1, 1],
        })
        .collect();
    let mut sink = Sink::create(&folder.path(name), None, &declared).unwrap();
    for (_, numbers) in arrays {
        let stack = OwnedStack::from_vec(numbers.to_vec(), &[numbers.len(), 1, 1]).unwrap();
        sink.write(&stack.into()).unwrap();
    }
    sink.finish().unwrap();
}

fn arrays(folder: &Folder, name: &str) -> Vec<(String, Vec<f64>)> {
    let mut source = Source::open(&folder.path(name), None).unwrap();
    let names: Vec<_> = source.arrays().iter().map(|info| info.name.clone().unwrap()).collect();
    let mut numbers = |i| match source.read(i, 1 << 20).unwrap() {
        Matrices::F64(a) => a.into_vec(),
        other => panic!("{}", other.dtype()),
    };
    names.into_iter().enumerate().map(|(i, name)| (name, numbers(i))).collect()
}

#[test]
fn a_folder_takes_the_results_under_their_inputs_names() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n").text("b.csv", "4\n").stack("c.npy", &[8.0], &[1, 1]);
    let ran = folder.ainv(&["inv", "a.csv", "b.csv", "c.npy", "-o", "new/"]).exits(0);
    drop(ran.says("3 files: 3 done; 3 matrices in "));
    for (name, expected) in [("a.csv", 0.5), ("b.csv", 0.25), ("c.npy", 0.125)] {
        assert_eq!(folder.read(&format!("new/{name}")).0, [expected]);
    }
    // Now that it is there, it needs no stroke.
    folder.ainv(&["inv", "a.csv", "b.csv", "-o", "new", "--to", "npy"]).exits(0);
    assert_eq!(folder.read("new/b.npy").0, [0.25]);
}

#[test]
fn quoted_patterns_are_expanded() {
    let folder = Folder::new();
    folder.text("a1.csv", "2\n").text("a2.csv", "4\n").text("b.csv", "8\n");
    let out = folder.ainv(&["inv", "a*.csv"]).exits(0).out();
    assert_eq!(out, "# a1.csv\n0.5\n# a2.csv\n0.25\n");
    folder.ainv(&["inv", "z*.csv"]).exits(3).says("z*.csv: no file matches");
    // A file of that very name comes first.
    folder.text("[a].csv", "16\n");
    assert_eq!(folder.ainv(&["inv", "[a].csv"]).exits(0).out(), "0.0625\n");
}

#[test]
fn a_damaged_file_does_not_stop_the_others() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n").text("b.csv", "4,x\n").text("c.csv", "8\n");
    mixed(&folder);
    let args = ["inv", "a.csv", "b.csv", "mixed.npy", "none.npy", "c.csv", "-o", "x/"];
    let ran = folder.ainv(&args).exits(3).says("ainv: b.csv, line 1, field 2").says("none.npy");
    let ran = ran.says("mixed.npy: 8 of 15 matrices have no result; nothing was written");
    drop(ran.says("5 files: 2 done, 1 with matrices that failed, 2 not done"));
    assert_eq!(folder.read("x/c.csv").0, [0.125]);
    assert!(!folder.path("x/mixed.npy").exists());
    // The largest exit code of all.
    folder.ainv(&["inv", "mixed.npy", "a.csv", "-o", "x/"]).exits(1);
}

#[test]
fn results_do_not_fall_on_each_other_or_on_inputs() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n").text("b.csv", "4\n").text("a.tsv", "8\n");
    folder.ainv(&["inv", "a.csv", "b.csv", "-o", "x.csv"]).exits(2).says("-o x.csv/");
    folder.ainv(&["inv", "a.csv", "b.csv", "-o", "."]).exits(2).says("its own result");
    folder.ainv(&["inv", "a.csv", "a.tsv", "-o", "x/", "--to", "npy"]).exits(2).says("two results");
    folder.ainv(&["inv", "a.csv", "b.csv", "-o", "-"]).exits(2).says("one input");
    assert_eq!(folder.read("a.csv").0, [2.0]);
}

#[test]
fn every_array_is_done_under_its_name() {
    let folder = Folder::new();
    archive(&folder, "a.npz", &[("w", &[2.0, 4.0]), ("v", &[8.0])]);
    for result in ["x.npz", "x.safetensors"] {
        let ran = folder.ainv(&["inv", "a.npz", "-o", result]).exits(0);
        drop(ran.says("a.npz w: inv of 2 float64 matrices").says("a.npz v: inv of 1 float64"));
        let expected = [("w".to_owned(), vec![0.5, 0.25]), ("v".to_owned(), vec![0.125])];
        assert_eq!(arrays(&folder, result), expected);
    }
    folder.ainv(&["inv", "a.npz", "-o", "x.npz", "--array", "v"]).exits(0);
    assert_eq!(arrays(&folder, "x.npz"), [("v".to_owned(), vec![0.125])]);
    folder.ainv(&["inv", "a.npz", "--array", "v", "-o", "x.npy"]).exits(0);
    assert_eq!(folder.read("x.npy").0, [0.125]);
    assert_eq!(
        folder.ainv(&["inv", "a.npz"]).exits(0).out(),
        "# a.npz w\n0.5\n\n0.25\n# a.npz v\n0.125\n"
    );
    assert_eq!(folder.ainv(&["rcond", "a.npz", "--array", "v"]).exits(0).out(), "1.0\n");

    folder.ainv(&["inv", "a.npz", "-o", "x.npy"]).exits(2).says("-o x.npz");
    folder.ainv(&["inv", "a.npz", "--array", "u"]).exits(2).says("it has w, v");
    folder.stack("a.npy", &[2.0], &[1, 1]);
    folder.ainv(&["inv", "a.npy", "--array", "w"]).exits(2).says("no name");
}

#[test]
fn a_bad_matrix_of_one_array_holds_the_file_back() {
    let folder = Folder::new();
    archive(&folder, "a.npz", &[("w", &[2.0, 0.0]), ("v", &[8.0])]);
    let ran = folder.ainv(&["inv", "a.npz", "-o", "x.npz"]).exits(1);
    drop(ran.says("1 of 3 matrices has no result").says("array w, matrix 1: singular"));
    assert_eq!(folder.names(), ["a.npz"]);
}

#[test]
fn right_hand_sides_by_name_or_one_for_all() {
    let folder = Folder::new();
    archive(&folder, "a.npz", &[("w", &[2.0, 4.0]), ("v", &[8.0])]);
    archive(&folder, "b.npz", &[("v", &[8.0]), ("w", &[1.0, 1.0])]);
    folder.ainv(&["solve", "a.npz", "b.npz", "-o", "x.npz"]).exits(0);
    let by_name = [("w".to_owned(), vec![0.5, 0.25]), ("v".to_owned(), vec![1.0])];
    assert_eq!(arrays(&folder, "x.npz"), by_name);
    folder.text("one.csv", "8\n");
    folder.ainv(&["solve", "a.npz", "one.csv", "-o", "x.npz"]).exits(0);
    let for_all = [("w".to_owned(), vec![4.0, 2.0]), ("v".to_owned(), vec![1.0])];
    assert_eq!(arrays(&folder, "x.npz"), for_all);
    // Several files, one right-hand side.
    folder.text("a.csv", "2\n").text("c.csv", "4\n");
    let out = folder.ainv(&["solve", "a.csv", "c.csv", "one.csv"]).exits(0).out();
    assert_eq!(out, "# a.csv\n4.0\n# c.csv\n2.0\n");

    archive(&folder, "other.npz", &[("u", &[8.0]), ("w", &[1.0, 1.0])]);
    folder.ainv(&["solve", "a.npz", "other.npz", "-o", "x.npz"]).exits(2).says("array v");
    folder.stack("three.npy", &[1.0; 3], &[3, 1, 1]);
    let args = ["solve", "a.npz", "three.npy", "--array", "w"];
    folder.ainv(&args).exits(2).says("a stack (2) of matrices, but (3) of right-hand sides");
}

#[test]
fn matrix_market_in_and_out() {
    let folder = Folder::new();
    let text = "%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 2\n2 1 1\n2 2 1\n";
    folder.text("a.mtx", text).ainv(&["inv", "a.mtx", "-o", "x.mtx"]).exits(0);
    assert_eq!(folder.read("x.mtx"), (vec![1.0, -1.0, -1.0, 2.0], vec![2, 2]));
    folder.text("a.txt", text).ainv(&["inv", "a.txt"]).exits(2);
    assert_eq!(
        folder.ainv(&["inv", "a.txt", "--format", "mtx"]).exits(0).out(),
        "1.0,-1.0\n-1.0,2.0\n"
    );
}
