//! What machines are told.

use crate::run::{Folder, Ran, mixed};
use serde_json::{Value, json};

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_object_a_file() {
    let folder = Folder::new();
    mixed(&folder);
    let ran = folder.ainv(&["inv", "mixed.npy", "-o", "x.npy", "--json"]).exits(1);
    let said = ran.json();
    assert_eq!((&said["failed"], &said["written"]), (&8.into(), &false.into()));
    assert_eq!(said["arrays"][0]["first_failed"][1]["index"], 2);
    assert_eq!(said["arrays"][0]["first_failed"][1]["status"], "singular");
    assert!(!folder.path("x.npy").exists());
    assert_eq!(ran.err(), "");

    let args = ["inv", "mixed.npy", "-o", "x.npy", "--json", "--on-singular", "nan"];
    let said = folder.ainv(&args).exits(1).json();
    assert_eq!((&said["written"], &said["output"]), (&true.into(), &"x.npy".into()));
    let array = &said["arrays"][0];
    assert_eq!(array["result_shape"], json!([3, 5, 2, 2]));
    assert!(array["worst_rcond"]["value"].as_f64().unwrap() > 0.01);
    assert!(array["residual"]["largest"].as_f64().unwrap() < 1e-14);
    assert_eq!(array["structure"]["name"], "general");
}

#[test]
fn small_results_are_in_it() {
    let folder = Folder::new();
    folder.text("c.csv", "2j,0\n0,1\n");
    let said = folder.ainv(&["inv", "c.csv", "--json"]).exits(0).json();
    let expected = json!([[[0.0, -0.5], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]);
    assert_eq!(said["arrays"][0]["result"], expected);
    assert_eq!(said["failed"], 0);
    folder.text("z.csv", "0\n");
    let said = folder.ainv(&["inv", "z.csv", "--json", "--on-singular", "nan"]).exits(1).json();
    assert_eq!(said["arrays"][0]["result"], json!([[null]]));
}

#[test]
fn a_line_for_every_file_even_a_damaged_one() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n").text("b.csv", "x\n");
    let ran = folder.ainv(&["inv", "a.csv", "b.csv", "--json"]).exits(3).says("b.csv, line 1");
    let said = lines(&ran);
    assert_eq!(said.len(), 2);
    assert_eq!(said[0]["input"], "a.csv");
    assert!(said[1]["error"].as_str().unwrap().contains("b.csv, line 1"));

    let ran = folder.ainv(&["info", "a.csv", "b.csv", "--json"]).exits(3);
    let said = lines(&ran);
    assert_eq!(said[0]["arrays"][0]["shape"], json!([1, 1]));
    assert_eq!(said[0]["format"], "csv");
    assert!(said[1]["error"].is_string());
}

#[test]
fn a_thousand_failed_matrices_are_listed() {
    let folder = Folder::new();
    folder.zeros("a.npy", 1500, 2);
    let said = folder.ainv(&["inv", "a.npy", "-o", "x.npy", "--json"]).exits(1).json();
    assert_eq!(said["failed"], 1500);
    assert_eq!(said["arrays"][0]["first_failed"].as_array().unwrap().len(), 1000);
}
