//! What the operations give, and what is said of it.

use crate::run::{Folder, example, mixed};
use ainv::OwnedStack;
use ainv_io::{Matrices, read, write};
use std::fs;
use std::path::Path;

#[test]
fn prints_a_small_inverse() {
    let folder = Folder::new();
    let ran = folder.text("a.csv", "1,2\n3,4\n").ainv(&["inv", "a.csv"]).exits(0);
    assert_eq!(ran.out(), "-2.0,1.0\n1.5,-0.5\n");
    ran.says("a.csv: inv of one float64 matrix of 2 x 2")
        .says("rcond      4.8e-2: about 14 of 16 digits can be trusted")
        .says("residual   0, the largest |A X - I|");
}

#[test]
fn prints_a_blank_line_between_matrices() {
    let folder = Folder::new();
    let ran = folder.stack("a.npy", &[2.0, 4.0], &[2, 1, 1]).ainv(&["inv", "a.npy"]).exits(0);
    assert_eq!(ran.out(), "0.5\n\n0.25\n");
}

#[test]
fn refuses_to_print_a_large_result() {
    let folder = Folder::new();
    let jacobians = example("jacobians/jacobians.npy");
    let ran = folder.ainv(&["inv", &jacobians]).exits(2).says("-o ");
    assert_eq!(ran.out(), "");
    // A text file holds one matrix, and that is found out before the work.
    folder.ainv(&["inv", &jacobians, "-o", "x.csv"]).exits(2).says("-o x.npy");
    assert!(!folder.path("x.csv").exists());
}

#[test]
fn inverts_the_jacobians() {
    let folder = Folder::new();
    let input = example("jacobians/jacobians.npy");
    let ran = folder.ainv(&["inv", &input, "-o", "x.npy"]).exits(0).says("13125 float64 matrices");
    assert_eq!(ran.out(), "");
    let Matrices::F64(a) = read(Path::new(&input)).unwrap() else { panic!("not float64") };
    let (x, shape) = folder.read("x.npy");
    assert_eq!(shape, [13125, 3, 3]);
    let mut volume = 0.0;
    for (a, x) in a.as_slice().chunks_exact(9).zip(x.chunks_exact(9)) {
        for i in 0..3 {
            for j in 0..3 {
                let sum: f64 = (0..3).map(|k| a[3 * i + k] * x[3 * k + j]).sum();
                assert!((sum - f64::from(u8::from(i == j))).abs() < 1e-13);
            }
        }
        let minor = |i: usize, j: usize| x[3 + i] * x[6 + j] - x[3 + j] * x[6 + i];
        let det = x[0] * minor(1, 2) - x[1] * minor(0, 2) + x[2] * minor(0, 1);
        volume += 1.0 / det / 6.0;
    }
    assert!((volume / 24052.247354624884 - 1.0).abs() < 1e-12, "{volume}");
}

#[test]
fn meets_the_certified_regression() {
    let folder = Folder::new();
    folder.ainv(&["pinv", &example("longley/longley_x.csv"), "-o", "p.csv"]).exits(0);
    let (p, shape) = folder.read("p.csv");
    assert_eq!(shape, [7, 16]);
    let numbers = |name: &str| -> Vec<f64> {
        fs::read_to_string(example(name)).unwrap().lines().map(|l| l.parse().unwrap()).collect()
    };
    let (y, certified) = (numbers("longley/longley_y.csv"), numbers("longley/certified.csv"));
    for (row, certified) in p.chunks_exact(16).zip(certified) {
        let found: f64 = row.iter().zip(&y).map(|(p, y)| p * y).sum();
        // The unit roundoff times the condition number.
        assert!((found / certified - 1.0).abs() < 5.4e-7, "{found} for {certified}");
    }
}

#[test]
fn a_singular_matrix_stops_the_work_and_is_named() {
    let folder = Folder::new();
    mixed(&folder);
    folder.stack("x.npy", &[7.0], &[1, 1]);
    let ran = folder.ainv(&["inv", "mixed.npy", "-o", "x.npy"]).exits(1);
    let ran =
        ran.says("8 of 15 matrices").says("matrix (0, 2): singular").says("--on-singular nan");
    assert!(!ran.err().contains(" more"), "{}", ran.err());
    // The file that was there is as it was.
    assert_eq!(folder.read("x.npy").0, [7.0]);
    assert_eq!(ran.out(), "");
}

#[test]
fn ten_are_named_and_the_others_counted() {
    let folder = Folder::new();
    folder.stack("zeros.npy", &[0.0; 13], &[13, 1, 1]);
    let ran = folder.ainv(&["inv", "zeros.npy"]).exits(1).says("matrix 9: ").says("and 3 more");
    assert!(!ran.err().contains("matrix 10: "));
}

#[test]
fn nan_fills_the_singular_ones_alone() {
    let folder = Folder::new();
    mixed(&folder);
    let args = ["inv", "mixed.npy", "-o", "x.npy", "--on-singular", "nan"];
    folder.ainv(&args).exits(1).says("matrix (0, 0): singular");
    let (x, _) = folder.read("x.npy");
    for (m, x) in x.chunks_exact(4).enumerate() {
        if m % 2 == 0 {
            assert!(x.iter().all(|x| x.is_nan()));
        } else {
            assert_eq!(x, [-2.0, 1.0, 1.5, -0.5]);
        }
    }
}

#[test]
fn pinv_takes_the_place_of_an_inverse() {
    let folder = Folder::new();
    folder.text("a.csv", "1,1\n1,1\n");
    let ran = folder.ainv(&["inv", "a.csv", "--on-singular", "pinv", "-o", "x.csv"]).exits(1);
    drop(ran.says("pseudo-inverse"));
    assert!(folder.read("x.csv").0.iter().all(|x| (x - 0.25).abs() < 1e-15));
}

#[test]
fn a_nan_is_named() {
    let folder = Folder::new();
    folder.stack("a.npy", &[1.0, f64::NAN], &[2, 1, 1]);
    folder.ainv(&["inv", "a.npy"]).exits(1).says("matrix 1: holds NaN");
}

#[test]
fn the_other_operations() {
    let folder = Folder::new();
    folder.text("l.csv", "2,9\n1,4\n").text("b.csv", "2\n9\n");
    let printed = |args: &[&str]| -> Vec<f64> {
        let out = folder.ainv(args).exits(0).out();
        out.lines().flat_map(|l| l.split(',').map(|x| x.parse().unwrap())).collect()
    };
    assert_eq!(printed(&["tri-inv", "l.csv"]), [0.5, 0.0, -0.125, 0.25]);
    assert_eq!(printed(&["tri-inv", "l.csv", "--unit-diagonal"]), [1.0, 0.0, -1.0, 1.0]);
    assert_eq!(printed(&["tri-inv", "l.csv", "--upper"]), [0.5, -1.125, 0.0, 0.25]);
    assert_eq!(printed(&["inv", "l.csv", "--assume", "lower"]), [0.5, 0.0, -0.125, 0.25]);
    assert_eq!(printed(&["inv", "l.csv", "--assume", "diagonal"]), [0.5, 0.0, 0.0, 0.25]);
    assert_eq!(printed(&["solve", "l.csv", "b.csv", "--assume", "lower"]), [1.0, 2.0]);
    // A = L L^H = [[4, 2], [2, 17]], det 64.
    let near = |found: Vec<f64>, expected: [f64; 4]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
    };
    near(printed(&["cholesky-inv", "l.csv"]), [17.0 / 64.0, -2.0 / 64.0, -2.0 / 64.0, 4.0 / 64.0]);
    folder.text("d.csv", "4,0\n0,1\n");
    assert_eq!(printed(&["rcond", "d.csv"]), [0.25]);
    near(printed(&["pinv", "d.csv", "--rtol", "0.5"]), [0.25, 0.0, 0.0, 0.0]);
    near(printed(&["pinv", "d.csv", "--atol", "2", "--hermitian"]), [0.25, 0.0, 0.0, 0.0]);
}

#[test]
fn one_right_hand_side_serves_a_stack() {
    let folder = Folder::new();
    folder.stack("a.npy", &[2.0, 4.0], &[2, 1, 1]).text("b.csv", "8\n");
    assert_eq!(folder.ainv(&["solve", "a.npy", "b.csv"]).exits(0).out(), "4.0\n\n2.0\n");
    folder.text("c.csv", "8+8j\n");
    assert_eq!(folder.ainv(&["solve", "a.npy", "c.csv"]).exits(0).out(), "4.0+4.0j\n\n2.0+2.0j\n");
}

#[test]
fn a_float32_file_is_computed_in_double_and_stays_float32() {
    let folder = Folder::new();
    let a = OwnedStack::from_vec(vec![3.0f32, 1.0, 1.0, 0.5], &[2, 2]).unwrap();
    write(&folder.path("a.npy"), &a.into()).unwrap();
    drop(folder.ainv(&["inv", "a.npy", "-o", "x.npy"]).exits(0).says("in float64"));
    assert!(matches!(read(&folder.path("x.npy")).unwrap(), Matrices::F32(_)));
    drop(folder.ainv(&["inv", "a.npy", "-o", "x.npy", "--dtype", "complex128"]).exits(0));
    assert!(matches!(read(&folder.path("x.npy")).unwrap(), Matrices::C64(_)));
}

#[test]
fn in_place_of_the_input() {
    let folder = Folder::new();
    folder.text("a.csv", "2\n").ainv(&["inv", "a.csv", "-o", "a.csv", "--threads", "1"]).exits(0);
    assert_eq!(fs::read_to_string(folder.path("a.csv")).unwrap(), "0.5\n");
}
