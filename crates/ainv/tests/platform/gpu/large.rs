//! Orders that are worked on by blocks of panels: every operation, and what is bad beyond the first block.

use super::matrices::{Edge, alone_on, edges};
use super::systems::solved;
use super::{alone, computes, for_all_scalars, is_there, random};
use crate::common::{Call, TIGHT, assuming};
use ainv::*;
use testkit::{Mat, Rng, norm1, residual_of_solve, unit_roundoff};

/// Two blocks and a part of one, whose last panel is no whole one.
const ORDER: usize = 529;

/// A lower bound of ||A X - I|| over n u ||A|| ||X||, in the infinity norm: by vectors of signs, which meet every entry.
fn probed<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    if !x.is_finite() {
        return f64::INFINITY;
    }
    let rng = &mut Rng::new(6);
    let signs = Mat::<T>::real(a.rows, 3, |_, _| 2.0 * rng.below(2) as f64 - 1.0).widen();
    let (a, x) = (a.widen(), x.widen());
    let rest = a.times(&x.times(&signs)).map(|i, j, y| y - signs[(i, j)]);
    let largest = rest.data.iter().map(|y| y.re().to_f64().hypot(y.im().to_f64()));
    let norms = norm1(&a.adjoint()) * norm1(&x.adjoint());
    largest.fold(0.0, f64::max) / (a.rows as f64 * unit_roundoff::<T>() * norms)
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

/// The statuses are the CPU's, and good matrices on both sides of bad ones have the bits that they have alone, whatever the
/// alignment of the memory that they are worked on in.
fn bad_ones<T: Scalar>(a: &Mat<T>, positive: &Mat<T>) {
    let n = ORDER;
    let zero_column = |at| a.map(|_, j, x| if j == at { T::default() } else { x });
    let nan = a.map(|i, j, x| if (i, j) == (n - 1, 300) { T::nan() } else { x });
    let negative = positive.map(|i, j, x| if (i, j) == (400, 400) { -x } else { x });
    let (b, other) = (a.transposed(), positive.map(|i, j, x| if i == j { x + x } else { x }));
    for (call, stack) in [
        (
            Call::Inv(Assume::General),
            [a.clone(), zero_column(300), nan, zero_column(n - 1), b].to_vec(),
        ),
        (Call::Inv(Assume::Posdef), [positive.clone(), negative, other].to_vec()),
    ] {
        let all: Vec<T> = stack.iter().flat_map(|a| a.data.iter().copied()).collect();
        let on =
            |device: Device| with_stream(device.into(), || call.run(stack.len(), n, &all)).unwrap();
        let ((x, status), (_, expected)) = (on(Device::GPU), on(Device::CPU));
        assert_eq!(status, expected, "{call:?} {}", T::NAME);
        for (i, (a, x)) in stack.iter().zip(x.chunks(n * n)).enumerate() {
            if i == 0 || i == stack.len() - 1 {
                let alone = alone_on(Device::GPU, a, call).0;
                testkit::assert_same_bits(x, &alone.data, format!("{i}, {call:?} {}", T::NAME));
            } else {
                assert!(x.iter().all(|x| x.is_nan()), "{i}, {call:?} {}", T::NAME);
            }
        }
    }
    systems_in_a_stack(a);
}

/// Two systems have the bits that each has alone.
fn systems_in_a_stack<T: Scalar>(a: &Mat<T>) {
    let (n, k, rng) = (ORDER, 70, &mut Rng::new(30));
    let both = [a.clone(), a.transposed()];
    let b = [(); 2].map(|()| Mat::<T>::from_fn(n, k, |_, _| rng.scalar()));
    let of =
        |all: &[Mat<T>; 2]| all.iter().flat_map(|a| a.data.iter().copied()).collect::<Vec<T>>();
    let (all, right) = (of(&both), of(&b));
    let mut x = vec![T::default(); 2 * n * k];
    with_stream(Device::GPU.into(), || {
        let (a, b) =
            (Stack::new(&all, &[2, n, n]).unwrap(), Stack::new(&right, &[2, n, k]).unwrap());
        let to = StackMut::new(&mut x, &[2, n, k]).unwrap();
        let options = assuming(Assume::General);
        assert!(solve_into(a, b, to, &mut [Status::default(); 2], &options).unwrap().failed == 0);
    })
    .unwrap();
    for (i, x) in x.chunks(n * k).enumerate() {
        let alone = solved(Device::GPU, &both[i], &b[i], Assume::General).0;
        testkit::assert_same_bits(x, &alone.data, format!("system {i}, {}", T::NAME));
    }
}

/// A last block of one column, and none that is not whole.
#[test]
fn orders_at_the_edges_of_blocks() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    for n in [513, 768] {
        let a: Mat<f32> = random(n, &mut Rng::new(n as u64));
        let unit = a.map(|i, j, x| match i.cmp(&j) {
            std::cmp::Ordering::Greater => x / 64.0,
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Less => 0.0,
        });
        for (a, call) in
            [(a, Call::Inv(Assume::General)), (unit, Call::TriInv(Uplo::Lower, Diag::Unit))]
        {
            let (x, status, _) = alone_on(Device::GPU, &a, call);
            let ratio = probed(&a, &x);
            assert!(status.is_ok() && ratio <= TIGHT, "{call:?} {n}: {ratio}, {status:?}");
        }
    }
}

mod stamped {
    super::for_all_scalars!(by_blocks);
}
