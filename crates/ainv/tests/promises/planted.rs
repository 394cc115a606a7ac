//! Bad matrices, each alone and between good ones: a kernel that has a matrix for itself does the one, the
//! lanes of a register the other.

use super::common::*;
use ainv::*;
use testkit::{Mat, assert_same_bits};

/// A matrix and what must become of it.
pub(crate) struct Planted<T> {
    pub(crate) what: String,
    pub(crate) a: Mat<T>,
    /// `None`: whatever becomes of it alone.
    pub(crate) status: Option<Status>,
}

impl<T> Planted<T> {
    pub(crate) fn new(what: impl Into<String>, a: Mat<T>, status: Status) -> Self {
        Planted { what: what.into(), a, status: Some(status) }
    }
}

pub(crate) const NON_FINITE: Status = Status { code: Code::NonFinite, at: 0 };
pub(crate) const OK: Status = Status { code: Code::Ok, at: 0 };

pub(crate) fn singular_at(at: usize) -> Status {
    Status { code: Code::Singular, at: at as u32 }
}

pub(crate) fn not_definite_at(at: usize) -> Status {
    Status { code: Code::NotPositiveDefinite, at: at as u32 }
}

/// The statuses are the planted ones, a matrix without a result is all NaN and one with a result has none
/// (but where it overflowed); a stack has the same bits, those of good matrices beside them included.
pub(crate) fn check<T: Scalar>(call: Call, n: usize, planted: &[Planted<T>]) {
    let good = call.example::<T>(n, 99);
    let (good_x, good_status) = call.run(1, n, &good.data);
    assert_eq!(good_status[0], OK, "{call:?}, n = {n}");
    let mut alone = vec![];
    for Planted { what, a, status } in planted {
        let (x, s) = call.run(1, n, &a.data);
        let what = format!("{call:?}, n = {n}: {what}");
        if let Some(expected) = status {
            assert_eq!(s[0], *expected, "{what}");
        }
        let nans = x.iter().filter(|x| x.is_nan()).count();
        assert_eq!(nans, if s[0].is_ok() { 0 } else { n * n }, "{what}: NaNs after {:?}", s[0]);
        alone.push((x, s[0], what));
    }
    // A good one before, after and between.
    let count = 2 * planted.len() + 1;
    let matrix = |k: usize| if k % 2 == 1 { &planted[k / 2].a } else { &good };
    let stack: Vec<T> = (0..count).flat_map(|k| matrix(k).data.iter().copied()).collect();
    let (x, status) = call.run(count, n, &stack);
    for (k, x) in x.chunks(n * n).enumerate() {
        if k % 2 == 0 {
            assert_eq!(status[k], OK, "{call:?}, n = {n}: good matrix {k}");
            assert_same_bits(x, &good_x, format!("{call:?}, n = {n}: good matrix {k}"));
        } else {
            let (y, expected, what) = &alone[k / 2];
            assert_eq!(status[k], *expected, "{what}, in a stack");
            assert_same_bits(x, y, format!("{what}, in a stack"));
        }
    }
}
