//! `ainv bench`: the form of what it tells. How fast a machine is, no test knows.

use crate::run::Folder;

/// As quick as it gets.
const QUICK: [&str; 5] = ["bench", "--seconds", "0.001", "--orders", "3,40"];

#[test]
fn a_row_for_each_function_scalar_and_order() {
    let folder = Folder::new();
    let args = [&QUICK[..], &["inv", "pinv", "--dtype", "float32,complex128"]].concat();
    let ran = folder.ainv(&args).exits(0);
    let out = ran.out();
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with(&format!("ainv {}, ", env!("CARGO_PKG_VERSION"))), "{out}");
    assert!(
        lines[1].contains("GB/s in and out") && lines[1].contains("GFLOP/s complex128"),
        "{out}"
    );
    let head: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(head.join(" "), "function dtype order matrices us a matrix GFLOP/s of peak of copy");
    let rows: Vec<Vec<_>> =
        lines[4..].iter().map(|line| line.split_whitespace().collect()).collect();
    let names: Vec<_> = rows.iter().map(|row| row[..3].join(" ")).collect();
    let mut expected = Vec::new();
    for function in ["inv", "pinv"] {
        for dtype in ["float32", "complex128"] {
            expected.extend([3, 40].map(|n| format!("{function} {dtype} {n}")));
        }
    }
    assert_eq!(names, expected);
    assert!(rows.iter().all(|row| row.len() == 8 && row[4].parse::<f64>().unwrap() > 0.0), "{out}");
    // Their algorithms have no count of flops in common.
    assert!(rows[4..].iter().all(|row| row[5..7] == ["-", "-"]), "{out}");
    assert_eq!(ran.err(), "");
}

#[test]
fn one_object_for_machines() {
    let folder = Folder::new();
    let ran = folder.ainv(&[&QUICK[..], &["--json", "--count", "2", "--threads", "1"]].concat());
    let said = ran.exits(0).json();
    assert_eq!(said["operation"], "bench");
    assert_eq!(said["machine"]["threads"], 1);
    for limit in [
        &said["machine"]["copy_bytes_per_second"],
        &said["machine"]["peak_flops_per_second"]["float64"],
    ] {
        assert!(limit.as_f64().unwrap() > 0.0, "{said}");
    }
    let rows = said["rows"].as_array().unwrap();
    let functions: Vec<_> =
        rows.iter().step_by(2).map(|row| row["function"].as_str().unwrap()).collect();
    let all =
        ["inv", "posdef-inv", "pinv", "cholesky", "cholesky-inv", "tri-inv", "solve", "rcond"];
    assert_eq!(functions, all);
    for row in rows {
        assert_eq!(row["matrices"], 2);
        assert!(row["seconds"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["of_peak"].is_null(), row["function"] == "pinv", "{row}");
    }
}

#[test]
fn what_cannot_be_measured_is_said_at_once() {
    let folder = Folder::new();
    for wrong in [
        &["--orders", "0"][..],
        &["--orders", "3,x"],
        &["--seconds", "0"],
        &["--seconds", "inf"],
        &["--dtype", "int8"],
        &["--count", "0"],
        &["report"],
    ] {
        let ran = folder.ainv(&[&["bench"], wrong].concat()).exits(2);
        assert!(ran.out().is_empty() && !ran.err().is_empty(), "{wrong:?}");
    }
    // Nobody has so much memory.
    let huge = ["bench", "inv", "--seconds", "0.001", "--orders", "1000000000"];
    folder.ainv(&huge).exits(3).says("matrices of order 1000000000");
}
