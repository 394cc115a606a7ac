//! Orders that are worked on by blocks of panels: every operation, and what is bad beyond the first block.

use super::matrices::{Edge, alone_on, edges};
use super::systems::solved;
use super::{alone, computes, for_all_scalars, is_there, random};
use crate::common::{Call, TIGHT};
use ainv::*;
use testkit::{Mat, Rng, norm1, residual_of_solve, unit_roundoff};

/// Two blocks and a part of one, whose last panel is no whole one.
const ORDER: usize = 529;

/// A lower bound of ||A X - I|| over n u ||A|| ||X||, in the infinity norm: by vectors of signs, which meet every entry.
fn probed<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    let rng = &mut Rng::new(6);
    let signs = Mat::<T>::real(a.rows, 3, |_, _| 2.0 * rng.below(2) as f64 - 1.0).widen();
    let (a, x) = (a.widen(), x.widen());
    let rest = a.times(&x.times(&signs)).map(|i, j, y| y - signs[(i, j)]);
    let largest = rest.data.iter().map(|y| y.re().to_f64().hypot(y.im().to_f64()));
    let norms = norm1(&a.adjoint()) * norm1(&x.adjoint());
    // A NaN is no number under any bar.
    largest.fold(0.0, |most, y| if y <= most { most } else { y })
        / (a.rows as f64 * unit_roundoff::<T>() * norms)
}

/// A A^H and a diagonal.
fn definite<T: Scalar>(rng: &mut Rng) -> Mat<T> {
    let b: Mat<T> = random(ORDER, rng);
    let g = matmul(b.view(), b.adjoint().view(), &Options::default()).unwrap();
    let more = T::from_re(T::Real::from_f64(5.0));
    Mat::from_fn(ORDER, ORDER, |i, j| {
        let (x, y) = (g.as_slice()[i * ORDER + j], g.as_slice()[j * ORDER + i]);
        match i.cmp(&j) {
            std::cmp::Ordering::Equal => T::from_re(x.re()) + more,
            std::cmp::Ordering::Greater => x,
            std::cmp::Ordering::Less => y.conj(),
        }
    })
}

fn by_blocks<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let (n, rng) = (ORDER, &mut Rng::new(12));
    let on_gpu = |a: &Mat<T>, call| {
        let (x, status, failed) = alone_on(Device::GPU, a, call);
        assert!(status.is_ok() && failed == 0, "{call:?} {}: {status:?}", T::NAME);
        x
    };
    let good = |ratio: f64, what: &str| assert!(ratio <= TIGHT, "{what} {}: {ratio}", T::NAME);
    let (a, positive): (Mat<T>, Mat<T>) = (random(n, rng), definite(rng));
    good(probed(&a, &on_gpu(&a, Call::Inv(Assume::General))), "inv");
    // By rows and columns that lie far apart, which is decided again.
    let steep = edges(&a).into_iter().find(|edge| edge.name == "steep").unwrap();
    let x = on_gpu(&steep.matrix(), Call::Inv(Assume::General));
    let power = |i, j| Edge::<T>::power(steep.columns, i) + Edge::<T>::power(steep.rows, j);
    good(probed(&a, &x.map(|i, j, x| Scalar::ldexp(x, power(i, j)))), "inv, steep");
    let posdef = on_gpu(&positive, Call::Inv(Assume::Posdef));
    good(probed(&positive, &posdef), "inv, positive definite");
    assert!(posdef.is_hermitian(), "{}", T::NAME);
    let factor = on_gpu(&positive, Call::Cholesky(Uplo::Lower));
    // L L^H v is A v.
    let whole = probed_product(&factor, &positive);
    good(whole, "cholesky");
    for (uplo, l) in [(Uplo::Lower, factor.clone()), (Uplo::Upper, factor.adjoint())] {
        good(probed(&l, &on_gpu(&l, Call::TriInv(uplo, Diag::NonUnit))), "tri_inv");
        good(probed(&positive, &on_gpu(&l, Call::CholeskyInv(uplo))), "cholesky_inv");
    }
    for (k, a, assume) in
        [(3, &a, Assume::General), (70, &a, Assume::General), (70, &positive, Assume::Posdef)]
    {
        let b = Mat::from_fn(n, k, |_, _| testkit::parts(rng.uniform() - 0.5, rng.uniform() - 0.5));
        let (x, status) = solved(Device::GPU, a, &b, assume);
        assert!(status.is_ok(), "{assume:?} {}: {status:?}", T::NAME);
        good(residual_of_solve(a, &b, &x), "solve");
    }
    bad_ones(&a, &positive);
}

/// What ||L L^H - A|| is at least, over n u ||A||.
fn probed_product<T: Scalar>(l: &Mat<T>, a: &Mat<T>) -> f64 {
    let (l, a) = (l.widen(), a.widen());
    let ones = Mat::<T::Wide>::real(a.rows, 1, |_, _| 1.0);
    let (x, y) = (l.times(&l.adjoint().times(&ones)), a.times(&ones));
    let rest = x.map(|i, j, x| x - y[(i, j)]);
    norm1(&rest.adjoint()) / (a.rows as f64 * unit_roundoff::<T>() * norm1(&a))
}

/// The statuses are the CPU's, and a good matrix beside them has the bits that it has alone.
fn bad_ones<T: Scalar>(a: &Mat<T>, positive: &Mat<T>) {
    let n = ORDER;
    let zero_column = |at| a.map(|_, j, x| if j == at { T::default() } else { x });
    let nan = a.map(|i, j, x| if (i, j) == (n - 1, 300) { T::nan() } else { x });
    let negative = positive.map(|i, j, x| if (i, j) == (400, 400) { -x } else { x });
    for (call, stack) in [
        (
            Call::Inv(Assume::General),
            [a.clone(), zero_column(300), nan, zero_column(n - 1)].to_vec(),
        ),
        (Call::Inv(Assume::Posdef), [positive.clone(), negative].to_vec()),
    ] {
        let all: Vec<T> = stack.iter().flat_map(|a| a.data.iter().copied()).collect();
        let on =
            |device: Device| with_stream(device.into(), || call.run(stack.len(), n, &all)).unwrap();
        let ((x, status), (_, expected)) = (on(Device::GPU), on(Device::CPU));
        assert_eq!(status, expected, "{call:?} {}", T::NAME);
        let (good, bad) = x.split_at(n * n);
        let alone = alone_on(Device::GPU, &stack[0], call).0;
        testkit::assert_same_bits(good, &alone.data, format!("{call:?} {}", T::NAME));
        assert!(bad.iter().all(|x| x.is_nan()), "{call:?} {}", T::NAME);
    }
}

mod stamped {
    super::for_all_scalars!(by_blocks);
}
