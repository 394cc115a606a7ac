//! NaN and infinity in what is read: the whole matrix NaN
//! and said so, infinities where they have a meaning, and no hang.

use super::common::*;
use super::planted::{NON_FINITE, OK, Planted, check};
use ainv::*;
use testkit::Mat;

/// All to order 12, above it one of every row and of every column, and the diagonal or some of it.
fn places(n: usize) -> Vec<(usize, usize)> {
    let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    let of_diagonal = if n <= 40 { 1 } else { 9 };
    match n {
        ..=12 => all.collect(),
        _ => all.filter(|(i, j)| i + j + 1 == n || i == j && i % of_diagonal == 0).collect(),
    }
}

#[test]
fn places_are_in_every_line() {
    for n in 1..=100 {
        for line in 0..n {
            assert!(places(n).iter().any(|&(i, _)| i == line), "row {line} of {n}");
            assert!(places(n).iter().any(|&(_, j)| j == line), "column {line} of {n}");
        }
    }
}

/// What is read of an infinity at (i, j) of a matrix that is finite and not zero elsewhere: on the diagonal
/// of a triangle, or of a matrix that has nothing else, its inverse is zero. `None`: the right-hand side is
/// infinite, too.
fn of_an_infinity(call: Call, n: usize, i: usize, j: usize) -> Option<Status> {
    use Assume::*;
    let stands = match call {
        Call::Inv(Lower | Upper | Diagonal) | Call::TriInv(..) | Call::CholeskyInv(_) => i == j,
        Call::Inv(Auto | General | Symmetric | Hermitian) => n == 1,
        Call::Solve(General) if n == 1 => return None,
        _ => false,
    };
    Some(if stands { OK } else { NON_FINITE })
}

/// NaN and infinities, in either part, in every place that is read: on the diagonal of a full matrix, too,
/// where one infinity is a finite matrix to others. Alone and in a stack.
fn one_bad_entry<T: Scalar>() {
    for call in Call::all() {
        for n in (1..=40).chain([64, 100]).filter(in_turn) {
            let a = call.example::<T>(n, 3);
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                for (re, im) in [(bad, 0.0), (0.5, bad)] {
                    let x: T = testkit::parts(re, im);
                    if Scalar::is_finite(x) || call == Call::Pinv && n > 17 && im != 0.0 {
                        continue;
                    }
                    let plant = |(i, j): (usize, usize)| {
                        let mut a = a.clone();
                        a[(i, j)] = x;
                        let status = match bad.is_nan() {
                            true => NON_FINITE,
                            false => of_an_infinity(call, n, i, j)?,
                        };
                        Some(Planted::new(format!("{x} at ({i}, {j})"), a, status))
                    };
                    let read = places(n).into_iter().filter(|&(i, j)| call.reads(i, j));
                    check(call, n, &read.filter_map(plant).collect::<Vec<_>>());
                }
            }
        }
    }
}

/// One infinity on the diagonal of a full matrix of small whole numbers, which an elimination turns into a
/// finite result that looks like an inverse.
#[test]
fn an_infinity_on_a_full_diagonal_is_not_lost() {
    for n in [2, 3, 8] {
        for i in 0..n {
            let mut a = Mat::<f64>::real(n, n, |i, j| if i == j { 4.0 } else { 1.0 });
            a[(i, i)] = f64::INFINITY;
            let (x, info) = inv_ex(a.view(), &Options::default()).unwrap();
            assert!(mat(x).is_all_nan() && info == [0], "n = {n}, at {i}");
            let x = solve(a.view(), Mat::<f64>::identity(n).view(), &Options::default());
            assert!(mat(x.unwrap()).is_all_nan(), "n = {n}, at {i}");
        }
    }
}

/// Of shapes that are not square.
fn pseudo_inverses<T: Scalar>() {
    for (m, n) in [(5, 3), (3, 8), (30, 7), (7, 30), (60, 40)] {
        let rng = &mut testkit::Rng::new(3);
        let a: Mat<T> = Mat::from_fn(m, n, |_, _| rng.scalar());
        let places: Vec<_> = (0..m * n).filter(|at| m * n < 100 || at % 37 == 0).collect();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut stack: Vec<T> = places.iter().flat_map(|_| a.data.clone()).collect();
            for (k, at) in places.iter().enumerate() {
                stack[k * m * n + at] = T::from_re(T::Real::from_f64(bad));
            }
            stack.extend(&a.data);
            let count = places.len() + 1;
            let (mut x, mut status) = (vec![T::default(); stack.len()], vec![OK; count]);
            let to = StackMut::new(&mut x, &[count, n, m]).unwrap();
            let from = Stack::new(&stack, &[count, m, n]).unwrap();
            pinv_into(from, to, &PinvOptions::default(), &mut status, &Options::default()).unwrap();
            assert_eq!(status.pop(), Some(OK), "{m} x {n}");
            assert!(x.drain(places.len() * m * n..).all(Scalar::is_finite), "{m} x {n}");
            assert!(status.iter().all(|s| *s == NON_FINITE), "{m} x {n}, {bad}: {status:?}");
            assert!(x.iter().all(|x| x.is_nan()), "{m} x {n}, {bad}");
        }
    }
}

/// The condition of a matrix that holds one is NaN, in every norm.
fn conditions<T: Scalar>() {
    for n in (1..=12).chain([17, 33, 64, 65, 100]).filter(in_turn) {
        let a = Call::Pinv.example::<T>(n, 3);
        let places: Vec<_> = places(n).into_iter().enumerate().collect();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut stack: Vec<T> = places.iter().flat_map(|_| a.data.clone()).collect();
            for (k, (i, j)) in &places {
                stack[k * n * n + i * n + j] = T::from_re(T::Real::from_f64(bad));
            }
            stack.extend(&a.data);
            let view = Stack::new(&stack, &[places.len() + 1, n, n]).unwrap();
            for norm in [Norm::One, Norm::Inf, Norm::Two] {
                let mut found = rcond(view, norm, &Options::default()).unwrap();
                assert!(found.pop().unwrap().to_f64() > 0.0, "n = {n}");
                for (rcond, (_, at)) in found.iter().zip(&places) {
                    assert!(rcond.to_f64().is_nan(), "n = {n}, {bad} at {at:?}: {norm:?} {rcond}");
                }
            }
        }
    }
}

/// Before singular and not positive definite, and no error from `inv`.
fn decided_first<T: Scalar>() {
    for n in [2, 3, 4, 9, 17] {
        let mut a = Mat::<T>::zeros(n, n);
        a[(n - 1, 0)] = T::nan();
        for call in Call::OWN.into_iter().filter(|c| c.reads(n - 1, 0)) {
            assert_eq!(call.run(1, n, &a.data).1[0], NON_FINITE, "{call:?}, n = {n}");
        }
        let x = mat(inv(a.view(), &Options::default()).expect("NaN is no error"));
        assert!(x.is_all_nan());
        let (x, info) = inv_ex(a.view(), &Options::default()).unwrap();
        assert!(mat(x).is_all_nan() && info == [0]);
    }
}

/// diag(inf, 1, -inf, 2, ...): 1 / infinity is zero.
fn infinite_diagonals<T: Scalar>() {
    for n in [1, 2, 3, 4, 5, 16, 17, 40] {
        let inf = |i: usize| i.is_multiple_of(2);
        let entry = |i: usize| {
            if inf(i) {
                if i.is_multiple_of(4) { f64::INFINITY } else { f64::NEG_INFINITY }
            } else {
                i as f64
            }
        };
        let a = Mat::<T>::real(n, n, |i, j| if i == j { entry(i) } else { 0.0 });
        for call in [
            Call::Inv(Assume::Auto),
            Call::Inv(Assume::General),
            Call::Inv(Assume::Diagonal),
            Call::Inv(Assume::Lower),
            Call::TriInv(Uplo::Lower, Diag::NonUnit),
            Call::TriInv(Uplo::Upper, Diag::NonUnit),
            Call::CholeskyInv(Uplo::Lower),
        ] {
            let (x, status) = call.run(1, n, &a.data);
            assert!(status[0].is_ok(), "{call:?}, n = {n}: {status:?}");
            let square = matches!(call, Call::CholeskyInv(_));
            for at in 0..n * n {
                let (i, j) = (at / n, at % n);
                let y = if i != j || inf(i) { 0.0 } else { 1.0 / entry(i) };
                let y = if square { y * y } else { y };
                let error = (x[at].re().to_f64() - y).hypot(x[at].im().to_f64());
                assert!(
                    error <= 4.0 * testkit::unit_roundoff::<T>() * y,
                    "{call:?}, n = {n} ({i}, {j}): {:?}",
                    x[at]
                );
            }
        }
    }
    let all = |n: usize| Mat::<T>::real(n, n, |_, _| f64::INFINITY);
    for n in [2, 3, 5, 17] {
        assert_eq!(Call::Inv(Assume::Auto).run(1, n, &all(n).data).1[0], NON_FINITE);
    }
}

/// With the rest of a triangle finite: zero rows and columns at the infinity, the rest without it.
fn infinity_in_a_triangle<T: Scalar>() {
    for n in [2, 3, 4, 5, 6, 8, 9, 13, 17, 24, 32, 33, 40, 66] {
        for k in (0..n).filter(|k| n < 20 || k % 7 == 0 || k + 1 == n) {
            for call in [
                Call::Inv(Assume::Lower),
                Call::TriInv(Uplo::Lower, Diag::NonUnit),
                Call::TriInv(Uplo::Upper, Diag::NonUnit),
                Call::CholeskyInv(Uplo::Lower),
                Call::CholeskyInv(Uplo::Upper),
            ] {
                let mut a = call.example::<T>(n, 3);
                a[(k, k)] = T::from_re(T::Real::INFINITY);
                let (x, status) = call.run(1, n, &a.data);
                assert!(status[0].is_ok(), "{call:?}, n = {n}, at {k}: {status:?}");
                let finite = x.iter().all(|x| Scalar::is_finite(*x));
                assert!(finite, "{call:?}, n = {n}, at {k}");
                for i in 0..n {
                    assert_eq!(
                        (x[i * n + k], x[k * n + i]),
                        (T::default(), T::default()),
                        "{call:?}, n = {n}, at {k}"
                    );
                }
            }
        }
    }
}

/// LU loops have hung on NaN; every order near a multiple of 8 and a large one come back.
fn all_nan_returns<T: Scalar>() {
    for n in (8..=72).step_by(8).flat_map(|n| [n - 1, n, n + 1]).chain([200]).filter(in_turn) {
        for bad in [T::nan(), T::from_re(T::Real::INFINITY)] {
            let a = vec![bad; n * n];
            for call in [
                Call::Inv(Assume::Auto),
                Call::Inv(Assume::Posdef),
                Call::Inv(Assume::Symmetric),
                Call::Cholesky(Uplo::Lower),
                Call::CholeskyInv(Uplo::Lower),
                Call::CholeskyInv(Uplo::Upper),
                Call::TriInv(Uplo::Lower, Diag::NonUnit),
                Call::TriInv(Uplo::Upper, Diag::Unit),
                Call::Solve(Assume::General),
                Call::Solve(Assume::Posdef),
                Call::Pinv,
            ] {
                let (x, status) = call.run(1, n, &a);
                assert_eq!(status[0], NON_FINITE, "{call:?}, n = {n}");
                assert!(x.iter().all(|x| x.is_nan()), "{call:?}, n = {n}");
            }
        }
    }
}

/// At an order from which on other libraries did not come back.
#[test]
fn a_large_matrix_with_nan_returns() {
    fn of<T: Scalar>() {
        let n = 1537;
        let good = Call::Cholesky(Uplo::Lower).example::<T>(n, 1);
        let mut one = good.clone();
        one[(n - 2, 700)] = T::nan();
        for (what, a) in [("all", good.map(|_, _, _| T::nan())), ("one", one)] {
            for call in
                [Call::Inv(Assume::Auto), Call::Solve(Assume::General), Call::Cholesky(Uplo::Lower)]
            {
                let (x, status) = call.run(1, n, &a.data);
                assert_eq!(status[0], NON_FINITE, "{call:?}, {what} NaN");
                assert!(x.iter().all(|x| x.is_nan()), "{call:?}, {what} NaN");
            }
        }
    }
    of::<f64>();
    of::<f32>();
}

#[test]
fn on_every_instruction_set() {
    on_every_set("nonfinite::stamped::", 28);
}

mod stamped {
    super::for_all_scalars!(
        one_bad_entry,
        decided_first,
        infinite_diagonals,
        infinity_in_a_triangle,
        all_nan_returns,
        pseudo_inverses,
        conditions,
    );
}
