//! `ainv report`: what is printed, the page, what machines are told, and the exit codes.

use crate::run::{Folder, mixed};
use serde_json::json;
use std::fs;

#[test]
fn a_table_says_what_to_think_of_the_inverse() {
    let folder = Folder::new();
    folder.text("good.csv", "2,1\n1,2\n");
    let ran = folder.ainv(&["report", "good.csv"]).exits(0);
    assert!(ran.out().starts_with("good.csv: report on one float64 matrix of 2 x 2\n"));
    assert!(ran.out().contains("This inverse can be trusted."), "{}", ran.out());
    assert!(ran.out().contains("symmetric positive definite"), "{}", ran.out());
    assert_eq!(ran.err(), "");

    folder.text("bad.csv", "1,1\n1,1.00000000001\n");
    let out = folder.ainv(&["report", "bad.csv"]).exits(0).out();
    assert!(out.contains("Take care") && out.contains("what to do"), "{out}");

    mixed(&folder);
    let out = folder.ainv(&["report", "mixed.npy"]).exits(1).out();
    assert!(out.contains("8 without an inverse") && out.contains("(0, 2)"), "{out}");
    let out = folder.ainv(&["report", "good.csv", "--assume", "lower"]).exits(0).out();
    assert!(out.contains("lower triangular"), "{out}");
}

#[test]
fn a_page_for_all_files() {
    let folder = Folder::new();
    folder.text("a&b.csv", "2,1\n1,2\n");
    mixed(&folder);
    let ran = folder.ainv(&["report", "a&b.csv", "mixed.npy", "--html", "page.html"]).exits(1);
    assert!(ran.out().contains("mixed.npy: report on 15 float64 matrices of 2 x 2"));
    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<section").count(), 2);
    assert!(page.contains("<h2>a&amp;b.csv</h2>") && page.contains("<svg "));

    let piped = folder.ainv(&["report", "mixed.npy", "--html", "-"]).exits(1).out();
    assert!(piped.starts_with("<!DOCTYPE html>") && piped.ends_with("</html>\n"));
}

#[test]
fn the_page_appears_whole_or_not_at_all() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n").text("old.html", "what was there");
    folder.ainv(&["report", "a.csv", "none.csv", "--html", "old.html"]).exits(3).says("none.csv");
    assert_eq!(fs::read_to_string(folder.path("old.html")).unwrap(), "what was there");
    let before = folder.names();
    folder.ainv(&["report", "none.csv", "--html", "new.html"]).exits(3);
    folder.text("wide.csv", "1,2\n");
    folder.ainv(&["report", "wide.csv", "--html", "new.html"]).exits(2).says("ainv pinv");
    fs::remove_file(folder.path("wide.csv")).unwrap();
    assert_eq!(folder.names(), before);
    // Known before the work.
    let ran = folder.ainv(&["report", "a.csv", "--html", "none/page.html"]).exits(3);
    assert_eq!(ran.out(), "");
    drop(ran.says("page.html: "));
    folder.ainv(&["report", "a.csv", "--html", "."]).exits(3).says("folder");
    folder.ainv(&["report", "a.csv", "--html", "a.csv"]).exits(2).says("another name");
    assert_eq!(fs::read_to_string(folder.path("a.csv")).unwrap(), "2\n");
    folder.ainv(&["report", "a.csv", "--html", "-", "--json"]).exits(2).says("standard output");
}

#[test]
fn machines_are_told_every_number() {
    let folder = Folder::new();
    mixed(&folder);
    let said = folder.ainv(&["report", "mixed.npy", "--json", "--html", "p.html"]).exits(1).json();
    assert_eq!((&said["operation"], &said["html"]), (&json!("report"), &json!("p.html")));
    assert_eq!(said["failed"], 8);
    let array = &said["arrays"][0];
    assert_eq!(array["shape"], json!([3, 5, 2, 2]));
    let verdicts = json!({ "good": 7, "care": 0, "worthless": 0, "no_inverse": 8 });
    assert_eq!(array["verdicts"], verdicts);
    assert_eq!(array["histogram"], json!([{ "power": -2, "count": 7 }]));
    let worst = array["worst_first"].as_array().unwrap();
    assert_eq!(worst.len(), 15);
    let first = &worst[0];
    assert_eq!((&first["index"], &first["status"]), (&json!(0), &json!("singular")));
    assert_eq!(
        (&first["at"], &first["rank"], &first["rcond"]),
        (&json!(2), &json!(1), &json!(0.0))
    );
    assert!(first["right_residual"].is_null());
    let last = &worst[14];
    assert_eq!((&last["index"], &last["route"]), (&json!(13), &json!("closed form")));
    assert!(last["left_residual"].as_f64().unwrap() < 1e-14);
    assert_eq!((&last["norm"], &last["of_digits"]), (&json!(6.0), &json!(16)));

    let said = folder.ainv(&["report", "none.npy", "--json"]).exits(3).json();
    assert!(said["error"].as_str().unwrap().contains("none.npy"));
}

#[test]
fn arrays_of_an_archive_and_pipes() {
    let folder = Folder::new();
    mixed(&folder);
    folder.ainv(&["inv", "mixed.npy", "--on-singular", "nan", "-o", "x.npz"]).exits(1);
    let out = folder.ainv(&["report", "x.npz"]).exits(1).out();
    assert!(out.starts_with("x.npz, array "), "{out}");
    folder.ainv(&["report", "x.npz", "--array", "none"]).exits(2).says("no array is called none");
    let out = folder.feed(&["report", "-", "--format", "csv", "--dtype", "float32"], b"1,2\n3,4\n");
    let out = out.exits(0).out();
    assert!(out.contains("standard input: report on one float32 matrix"), "{out}");
    assert!(out.contains("7 of 7"), "{out}");
}

#[test]
fn a_report_stays_within_the_memory() {
    let folder = Folder::new();
    folder.zeros("a.npy", 4000, 64);
    let ran = folder.ainv(&["report", "a.npy", "--max-memory", "100M"]).exits(3);
    drop(ran.says("a report needs").says("--max-memory"));
}
