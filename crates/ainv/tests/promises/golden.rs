//! The bits of results, kept: they change with a note of the version alone, never by
//! accident. On every instruction set with fused multiply-adds; the portable set rounds differently.
//!
//! ```sh
//! AINV_GOLDEN=write cargo test --release -p ainv --test promises golden
//! ```
//!
//! writes `golden.txt` anew.

use super::common::*;
use ainv::*;
use std::fmt::Write;
use testkit::{Mat, Rng, fnv, say};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promises/golden.txt");
/// On each side of the borders of routes: closed forms, lanes, columns, blocked.
const ORDERS: [usize; 8] = [2, 3, 4, 8, 17, 33, 65, 200];
/// Past where panels, strips and the memory that is worked in change.
const LARGE: [usize; 3] = [385, 1025, 2049];
/// The calls of these; not by `fused`, which goes lane by lane in plain code.
const OF_LARGE: [Call; 3] = [
    Call::Inv(Assume::General),
    Call::Inv(Assume::Posdef),
    Call::TriInv(Uplo::Lower, Diag::NonUnit),
];

/// Entries between -1 and 1, and a heavy diagonal where the matrix is to be definite or a triangle. No function of
/// a library of mathematics is asked: those differ in their last bits.
fn matrix<T: Scalar>(rows: usize, cols: usize, definite: bool) -> Mat<T> {
    let rng = &mut Rng::new((rows * 1000 + cols) as u64);
    let mut part = || 2.0 * rng.uniform() - 1.0;
    let mut a = Mat::from_fn(rows, cols, |_, _| testkit::parts(part(), part()));
    if definite {
        for i in 0..rows {
            a[(i, i)] = T::from_re(T::Real::from_f64(2.0 * rows as f64 + i as f64));
        }
    }
    a
}

fn hash<T: Scalar>(x: &[T]) -> u64 {
    fnv(0xcbf2_9ce4_8422_2325, x)
}

/// One line a function: the hashes of its results at these orders.
fn lines<T: Scalar>(text: &mut String) {
    let mut line = |what: String, hashes: Vec<u64>| {
        write!(text, "{}_{}", T::NAME, what.replace(' ', "_")).unwrap();
        hashes.iter().for_each(|hash| write!(text, " {hash:016x}").unwrap());
        text.push('\n');
    };
    let o = Options::default();
    let general = |n: usize| matrix::<T>(n, n, false);
    let of = |call: Call, n: usize| {
        let definite = !matches!(
            call,
            Call::Inv(Assume::Auto | Assume::General) | Call::Solve(Assume::General)
        );
        let (x, status) = call.run(1, n, &matrix::<T>(n, n, definite).data);
        assert!(status[0].is_ok(), "{call:?}, n = {n}: {status:?}");
        hash(&x)
    };
    for call in Call::OWN {
        line(format!("{call:?}"), ORDERS.map(|n| of(call, n)).to_vec());
    }
    for call in OF_LARGE.into_iter().filter(|_| instruction_set() != Ok(IsaId::Fused)) {
        line(format!("large {call:?}"), LARGE.map(|n| of(call, n)).to_vec());
    }
    let products =
        ORDERS.map(|n| hash(matmul(general(n).view(), general(n).view(), &o).unwrap().as_slice()));
    line("matmul".into(), products.to_vec());
    let conditions = ORDERS.map(|n| {
        hash(
            &rcond(general(n).view(), Norm::One, &o)
                .unwrap()
                .into_iter()
                .map(T::from_re)
                .collect::<Vec<T>>(),
        )
    });
    line("rcond".into(), conditions.to_vec());
    let double = Options { precision: Precision::Double, ..Options::default() };
    let wide = ORDERS.map(|n| hash(inv(general(n).view(), &double).unwrap().as_slice()));
    line("inv in double".into(), wide.to_vec());
    // Full rank, which our own routes do; singular values are another library's, and have no fixed bits.
    let shapes = [
        (2, 2),
        (4, 4),
        (12, 12),
        (40, 40),
        (100, 100),
        (5, 3),
        (3, 8),
        (30, 7),
        (7, 60),
        (150, 40),
    ];
    let pseudo = shapes.map(|(m, n)| {
        let x = pinv(matrix::<T>(m, n, false).view(), &PinvOptions::default(), &o);
        hash(x.unwrap().as_slice())
    });
    line("pinv".into(), pseudo.to_vec());
}

fn now() -> String {
    let mut text = String::new();
    lines::<f32>(&mut text);
    lines::<f64>(&mut text);
    lines::<c32>(&mut text);
    lines::<c64>(&mut text);
    text
}

/// Run by `the_bits_are_those_that_were` in a process of its own.
#[test]
fn child_golden() {
    if !is_child() {
        return;
    }
    say(format!("ISA {}", instruction_set().unwrap()));
    for line in now().lines() {
        say(format!("GOLDEN {line}"));
    }
}

#[test]
fn the_bits_are_those_that_were() {
    if is_child() {
        return;
    }
    let (kept, mut checked) = (std::fs::read_to_string(KEPT).unwrap(), 0);
    for isa in instruction_sets().into_iter().filter(|isa| *isa != IsaId::Portable) {
        let output = child("golden::child_golden", isa.name());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains(&format!("ISA {isa}")), "{isa}: {text}");
        let found: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("GOLDEN ")).collect();
        assert!(found.len() > 70, "{isa}: {text}");
        if std::env::var("AINV_GOLDEN").is_ok_and(|v| v == "write") {
            std::fs::write(KEPT, found.join("\n") + "\n").unwrap();
            return;
        }
        let kept = kept.lines().filter(|line| isa != IsaId::Fused || !line.contains("_large_"));
        let kept: Vec<&str> = kept.collect();
        let differ: Vec<_> = kept.iter().zip(&found).filter(|(a, b)| a != b).collect();
        assert!(
            differ.is_empty() && kept.len() == found.len(),
            "{isa}: {} of {} lines are not those of golden.txt. If that is meant, say so in the notes \
             of the version, and write it anew: see golden.rs.\n{differ:#?}",
            differ.len(),
            found.len()
        );
        checked += 1;
    }
    assert!(checked > 0, "no instruction set with fused multiply-adds: nothing was checked");
}
