//! What is not read may hold anything: the same bits with NaN there as without.

use super::common::*;
use ainv::*;
use testkit::{Mat, assert_same_bits};

fn unread_part_is_not_read<T: Scalar>() {
    let more = [
        Call::Inv(Assume::Upper),
        Call::TriInv(Uplo::Lower, Diag::Unit),
        Call::TriInv(Uplo::Upper, Diag::NonUnit),
    ];
    for call in Call::OWN.into_iter().chain(more) {
        if matches!(call, Call::Solve(_)) {
            continue;
        }
        for n in (1..=40).chain([65, 100]) {
            let a = call.example::<T>(n, n as u64);
            for bad in
                [T::nan(), T::from_re(T::Real::INFINITY), T::from_re(T::Real::from_f64(1e30))]
            {
                let spoilt = a.map(|i, j, x| if call.reads(i, j) { x } else { bad });
                let (x, s) = call.run(1, n, &a.data);
                let (y, t) = call.run(1, n, &spoilt.data);
                assert!(s[0].is_ok() && t[0].is_ok(), "{call:?}, n = {n}: {s:?} {t:?}");
                assert_same_bits(&x, &y, format!("{call:?}, n = {n}"));
                // In the lanes of a register, beside others.
                let (count, pair) = (if n > 40 { 2 } else { 10 }, [&a.data[..], &spoilt.data[..]]);
                let (z, s) = call.run(count, n, &pair.concat().repeat(count / 2));
                assert!(s.iter().all(|s| s.is_ok()), "{call:?}, n = {n}: {s:?}");
                assert_same_bits(&z, &x.repeat(count), format!("{call:?}, {count} of {n}"));
            }
        }
    }
}

fn solve_reads_one_triangle<T: Scalar>() {
    use Assume::*;
    for assume in [Posdef, Symmetric, Hermitian, Lower, Upper, Diagonal] {
        for n in [1, 2, 3, 4, 9, 16, 17, 40] {
            let call = Call::Solve(assume);
            let a = call.example::<T>(n, n as u64);
            let b = Mat::from_fn(n, 3, |i, j| a[(i, (i + j) % n)]);
            let spoilt = a.map(|i, j, x| if call.reads(i, j) { x } else { T::nan() });
            let x = solve(a.view(), b.view(), &assuming(assume)).unwrap();
            let y = solve(spoilt.view(), b.view(), &assuming(assume)).unwrap();
            assert_same_bits(x.as_slice(), y.as_slice(), format!("solve {assume:?}, n = {n}"));
        }
    }
}

fn symmetric_is_not_hermitian<T: Scalar>() {
    for n in [1, 2, 3, 4, 9, 17, 40] {
        let r = Mat::from_fn(n, n, |i, j| testkit::Rng::new((i * 50 + j) as u64).scalar::<T>());
        let symmetric = r.map(|i, j, x| if i >= j { x } else { r[(j, i)] });
        let hermitian = r.map(|i, j, x| if i >= j { x } else { Scalar::conj(r[(j, i)]) });
        for (assume, full) in [(Assume::Symmetric, symmetric), (Assume::Hermitian, hermitian)] {
            let x = inv(r.view(), &assuming(assume)).unwrap();
            let y = inv(full.view(), &assuming(Assume::General)).unwrap();
            assert_same_bits(x.as_slice(), y.as_slice(), format!("{assume:?}, n = {n}"));
        }
    }
}

fn auto_equals_what_it_finds<T: Scalar>() {
    // A wrong guess never gives a wrong answer: indefinite, nearly triangular, unsymmetric by a bit.
    for n in [17, 20, 33, 64] {
        let a = Call::Inv(Assume::Posdef).example::<T>(n, 3);
        let mut indefinite = a.clone();
        indefinite[(n - 1, n - 1)] = T::from_re(T::Real::from_f64(1e-3));
        let mut by_a_bit = a.clone();
        by_a_bit[(n - 1, 0)] =
            by_a_bit[(n - 1, 0)] + T::from_re(T::Real::EPSILON) * by_a_bit[(n - 1, 0)];
        let mut nearly = a.map(|i, j, x| if i >= j { x } else { T::default() });
        nearly[(0, n - 1)] = T::from_re(T::Real::SMALL);
        for a in [a, indefinite, by_a_bit, nearly] {
            let x = mat(inv(a.view(), &Options::default()).unwrap());
            assert!(testkit::right(&a, &x) <= TIGHT);
        }
    }
}

#[test]
fn on_the_portable_set_too() {
    on_the_portable_set("triangle::stamped::", 16);
}

mod stamped {
    super::for_all_scalars!(
        unread_part_is_not_read,
        solve_reads_one_triangle,
        symmetric_is_not_hermitian,
        auto_equals_what_it_finds,
    );
}
