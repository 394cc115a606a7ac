//! The checks. Each is a plain function, too, for a platform without a test runner; what it makes up is
//! made without the mathematical library, whose last digits differ among platforms.

use crate::common::{Call, HARD, Layout, TIGHT, assuming};
use ainv::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use testkit::{Mat, Rng, assert_same_bits, fnv, say};

/// Miri is some ten thousand times slower.
const SLOW: bool = cfg!(miri);

/// Of every way: in lanes, by columns, blocked (above 64), more than a panel.
fn orders() -> Vec<usize> {
    if SLOW {
        (1..=5).chain([9]).collect()
    } else if current_stream().device != Device::CPU {
        // A kernel an order, which its driver compiles.
        (0..=5).chain([16, 17, 32, 33, 64, 65, 131]).collect()
    } else {
        (0..=33).chain([64, 65, 100, 131]).collect()
    }
}

/// Uniform in every part.
fn entry<T: Scalar>(rng: &mut Rng) -> T {
    testkit::parts(rng.uniform() - 0.5, rng.uniform() - 0.5)
}

/// What the call can do: a general matrix, or one whose diagonal dominates and that is Hermitian.
fn example<T: Scalar>(call: Call, n: usize, rng: &mut Rng) -> Mat<T> {
    let r: Mat<T> = Mat::from_fn(n, n, |_, _| entry(rng));
    match call {
        Call::Inv(Assume::Auto | Assume::General) | Call::Solve(Assume::General) | Call::Pinv => r,
        // Where it is said to be one the diagonal does not dominate.
        Call::TriInv(_, Diag::Unit) => r.map(|_, _, x| x.ldexp(-5)),
        _ => r.map(|i, j, x| match i.cmp(&j) {
            std::cmp::Ordering::Equal => T::from_re(T::Real::from_f64(1.0 + n as f64)),
            std::cmp::Ordering::Greater => x,
            std::cmp::Ordering::Less => Scalar::conj(r[(j, i)]),
        }),
    }
}

fn examples<T: Scalar>(call: Call, count: usize, n: usize, seed: u64) -> Vec<T> {
    let rng = &mut Rng::new(seed);
    (0..count).flat_map(|_| example::<T>(call, n, rng).data).collect()
}

/// The matrix that the call reads.
fn read<T: Scalar>(call: Call, a: &Mat<T>) -> Mat<T> {
    let one = T::from_re(T::Real::ONE);
    a.map(|i, j, x| match call {
        Call::Inv(Assume::Symmetric) => {
            if i < j {
                a[(j, i)]
            } else {
                x
            }
        }
        Call::Inv(Assume::Posdef | Assume::Hermitian) | Call::Solve(_) => x,
        Call::TriInv(_, Diag::Unit) if i == j => one,
        _ if call.reads(i, j) => x,
        _ => T::default(),
    })
}

/// How far a result is from what was asked for, over the bar of its route.
fn over_the_bar<T: Scalar>(call: Call, a: &Mat<T>, x: &Mat<T>) -> f64 {
    let b = read(call, a);
    match call {
        Call::Inv(_) | Call::TriInv(..) => testkit::right(&b, x) / TIGHT,
        Call::Cholesky(Uplo::Lower) => testkit::rebuilt(a, x, &x.adjoint()) / TIGHT,
        Call::Cholesky(Uplo::Upper) => testkit::rebuilt(a, &x.adjoint(), x) / TIGHT,
        // Their product is rounded, too.
        Call::CholeskyInv(Uplo::Lower) => testkit::right(&b.times(&b.adjoint()), x) / HARD,
        Call::CholeskyInv(Uplo::Upper) => testkit::right(&b.adjoint().times(&b), x) / HARD,
        Call::Solve(_) => testkit::residual_of_solve(&b, a, x) / TIGHT,
        Call::Pinv => testkit::penrose(&b, x).into_iter().fold(0.0, f64::max) / 5.0,
    }
}

fn how_many(n: usize) -> usize {
    match n {
        _ if SLOW => 2,
        0..=8 => 19,
        9..=16 => 3,
        _ => 1,
    }
}

pub(crate) fn residuals<T: Scalar>() {
    for n in orders() {
        for call in Call::all() {
            let count = how_many(n);
            let a = examples::<T>(call, count, n, n as u64);
            let (x, status) = call.run(count, n, &a);
            for m in 0..count {
                let of = |x: &[T]| Mat::new(n, n, x[m * n * n..(m + 1) * n * n].to_vec());
                let over = over_the_bar(call, &of(&a), &of(&x));
                assert!(over <= 1.0, "{call:?}, {} {n}, matrix {m}: {over}", T::NAME);
                assert!(status[m].is_ok(), "{call:?}, {} {n}: {:?}", T::NAME, status[m]);
            }
        }
    }
}

/// Tall, wide, of any rank, with the route of singular values; products; condition numbers; the report.
pub(crate) fn other_functions<T: Scalar>() {
    let (o, p) = (Options::default(), PinvOptions::default());
    let shapes: &[(usize, usize, usize)] = if SLOW {
        &[(3, 2, 2), (4, 4, 2)]
    } else {
        &[(3, 2, 2), (2, 5, 2), (7, 7, 3), (40, 8, 8), (40, 8, 4), (30, 60, 30), (70, 70, 9)]
    };
    for &(m, n, rank) in shapes {
        let rng = &mut Rng::new(m as u64);
        let left = Mat::from_fn(m, rank, |_, _| entry::<T>(rng));
        let right = Mat::from_fn(rank, n, |_, _| entry::<T>(rng));
        let a = left.times(&right);
        let x = Mat::new(n, m, pinv(a.view(), &p, &o).unwrap().into_vec());
        let worst = testkit::penrose(&a, &x).into_iter().fold(0.0, f64::max);
        assert!(worst <= 10.0, "pinv, {} {m} x {n} of rank {rank}: {worst}", T::NAME);

        let product = matmul(left.view(), right.view(), &o).unwrap();
        let unit = testkit::unit_roundoff::<T>();
        for (x, y) in product.as_slice().iter().zip(&a.data) {
            let difference = (*x - *y).widen();
            let size = difference.re().abs().max(difference.im().abs());
            assert!(size <= 8.0 * rank as f64 * unit, "matmul, {} {m} x {n}", T::NAME);
        }
    }
    let a: Mat<T> = Mat::real(3, 3, |i, j| if i == j { [8.0, 1.0, 0.25][i] } else { 0.0 });
    for norm in [Norm::One, Norm::Inf, Norm::Two] {
        let rcond = rcond(a.view(), norm, &o).unwrap()[0].to_f64();
        assert!((rcond * 32.0 - 1.0).abs() < 1e-6, "{norm:?}: {rcond}");
    }
    let text = report(a.view(), None, &o).unwrap().to_string();
    assert!(text.contains("3 x 3"), "{text}");
}

/// Lines that are the same on all platforms with fused multiply-adds, and on all without.
pub(crate) fn bits<T: Scalar>() -> Vec<String> {
    let mut lines = Vec::new();
    for call in Call::all() {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for n in orders() {
            let count = how_many(n);
            let mut a = examples::<T>(call, count, n, 100 + n as u64);
            if n % 3 == 2 {
                // What is decided alone: a matrix of another scale, and a NaN. Of the lanes' orders a
                // pseudo-inverse of that scale is made of singular values: faer's, which rounds by the
                // machine's registers, so that nothing is promised of their bits.
                if call != Call::Pinv || n > 16 {
                    let scaled = testkit::ldexp(&a[..n * n], -T::Real::BIG_EXP);
                    a[..n * n].copy_from_slice(&scaled);
                }
                a[(count - 1) * n * n] = if count > 1 { T::nan() } else { a[0] };
            }
            if call == Call::Pinv {
                assert_eq!(decomposed(count, n, &a), 0, "{} {n}: singular values", T::NAME);
            }
            let (x, status) = call.run(count, n, &a);
            hash = fnv(hash, &x);
            for s in status {
                hash = fnv(hash, &[s.code as u8 as f64 + 100.0 * s.at as f64]);
            }
        }
        lines.push(format!("HASH {call:?} {} {hash:016x}", T::NAME));
    }
    lines
}

/// How many pseudo-inverses of finite matrices are made of singular values.
fn decomposed<T: Scalar>(count: usize, n: usize, a: &[T]) -> usize {
    let some = AtomicUsize::new(0);
    let ways = |i: usize, way: Way| {
        let finite = a[i * n * n..(i + 1) * n * n].iter().all(|x| Scalar::is_finite(*x));
        some.fetch_add((finite && n > 0 && way == Way::Decomposition) as usize, Relaxed);
    };
    let (shape, mut x) = ([count, n, n], vec![T::default(); a.len()]);
    let (from, to) = (Stack::new(a, &shape).unwrap(), StackMut::new(&mut x, &shape).unwrap());
    let (p, o) = (PinvOptions::default(), Options::default());
    pinv_told(from, to, &p, &mut [], &o, &ways).unwrap();
    some.into_inner()
}

pub(crate) fn threads<T: Scalar>() {
    let sizes: &[_] = if SLOW { &[(70, 2)] } else { &[(4000, 4), (60, 40), (3, 200)] };
    for &(count, n) in sizes {
        for call in [Call::Inv(Assume::Auto), Call::Inv(Assume::Posdef), Call::Pinv] {
            if n > 100 && call == Call::Pinv {
                continue;
            }
            let a = examples::<T>(call, count, n, 1);
            set_num_threads(1).unwrap();
            let (x, _) = call.run(count, n, &a);
            for threads in [2, 3] {
                set_num_threads(threads).unwrap();
                let expected = if cfg!(target_family = "wasm") { 1 } else { threads };
                assert_eq!(num_threads(), expected);
                let (y, _) = call.run(count, n, &a);
                assert_same_bits(&x, &y, format!("{call:?}, {count} of {n}, {threads} threads"));
            }
        }
    }
    set_num_threads(2).unwrap();
}

/// Any strides, and the result in the matrix's place: the same bits, and nothing beside them touched.
pub(crate) fn layouts<T: Scalar>() {
    let canary = T::from_re(T::Real::from_f64(12345.5));
    let orders: &[usize] = match current_stream().device {
        _ if SLOW => &[3],
        Device::CPU => &[1, 2, 3, 7, 16, 33],
        // The host reads and writes the layouts, whatever the kernels.
        _ => &[3, 17, 33],
    };
    for &n in orders {
        let count = 3;
        let shape = [count, n, n];
        for call in Call::all() {
            let a = examples::<T>(call, count, n, 7);
            let (x, _) = call.run(count, n, &a);
            for layout in Layout::all(count, n, n) {
                let what = format!("{call:?}, {count} of {n}, {}", layout.name);
                let memory = layout.scatter(shape, &a, T::nan());
                let mut out = vec![canary; layout.len];
                let (from, to) = (layout.view(shape, &memory), layout.view_mut(shape, &mut out));
                call.into(from, to, &mut []).unwrap();
                let (y, intact) = layout.gather(shape, &out, canary);
                assert_same_bits(&x, &y, &what);
                assert!(intact, "{what}: written beside the output");
                if let Call::Solve(_) = call {
                    continue;
                }
                let mut memory = layout.scatter(shape, &a, canary);
                call.in_place(&layout, shape, &mut memory, &mut []).unwrap();
                let (y, intact) = layout.gather(shape, &memory, canary);
                assert_same_bits(&x, &y, format!("{what}, in place"));
                assert!(intact, "{what}: written beside the matrices");
            }
        }
    }
}

/// Singular, not finite, not positive definite: named, and nothing else touched. The edges of the range.
pub(crate) fn bad_matrices<T: Scalar>() {
    let orders: &[usize] = if SLOW { &[2, 5] } else { &[1, 2, 3, 5, 8, 17, 33, 70] };
    for &n in orders {
        for bad in [0, n / 2, n - 1] {
            let good = examples::<T>(Call::Inv(Assume::Posdef), 3, n, 5);
            let spoiled = |spoil: &dyn Fn(&mut [T])| {
                let mut a = good.clone();
                spoil(&mut a[n * n..2 * n * n]);
                a
            };
            let zero = spoiled(&|a| (0..n).for_each(|i| a[i * n + bad] = T::default()));
            let nan = spoiled(&|a| a[bad * n + bad] = T::nan());
            let infinite = spoiled(&|a| a[bad * n] = T::from_re(T::Real::INFINITY));
            let negative = spoiled(&|a| a[bad * n + bad] = T::from_re(-T::Real::ONE));
            let (general, posdef) = (Call::Inv(Assume::General), Call::Inv(Assume::Posdef));
            for (call, a, code) in [
                (general, &zero, Code::Singular),
                (general, &nan, Code::NonFinite),
                (posdef, &nan, Code::NonFinite),
                // The inverse of an infinity alone is zero.
                (general, &infinite, if n > 1 { Code::NonFinite } else { Code::Ok }),
                (posdef, &negative, Code::NotPositiveDefinite),
            ] {
                let (clean, _) = call.run(3, n, &good);
                let (x, status) = call.run(3, n, a);
                let what = format!("{call:?}, {} {n}, {code} at {bad}", T::NAME);
                let codes: Vec<Code> = status.iter().map(|s| s.code).collect();
                assert_eq!(codes, [Code::Ok, code, Code::Ok], "{what}");
                if code == Code::NotPositiveDefinite {
                    assert_eq!(status[1].at as usize, bad + 1, "{what}");
                }
                let is_nan = |x: &T| x.re().is_nan() && (!T::COMPLEX || x.im().is_nan());
                let all_nan = x[n * n..2 * n * n].iter().all(is_nan);
                assert_eq!(all_nan, code != Code::Ok, "{what}");
                assert_same_bits(&x[..n * n], &clean[..n * n], &what);
                assert_same_bits(&x[2 * n * n..], &clean[2 * n * n..], &what);
            }
            let error = inv(Stack::new(&zero, &[3, n, n]).unwrap(), &assuming(Assume::General));
            assert!(matches!(error, Err(Error::Matrix { index: 1, .. })), "{error:?}");
        }
        for power in [T::Real::MIN_EXP, -T::Real::MIN_EXP] {
            let a = Mat::<T>::identity(n).ldexp(power);
            let x = inv(a.view(), &Options::default()).unwrap();
            assert_same_bits(x.as_slice(), &Mat::<T>::identity(n).ldexp(-power).data, power);
        }
    }
}

/// Order, events, cancellation, tasks in tasks; where there are no threads, too.
pub(crate) fn streams() {
    let [first, second] = [(); 2].map(|()| Stream::new(Device::CPU).unwrap());
    let inverse = |n: usize| {
        let a = examples::<f64>(Call::Inv(Assume::General), 1, n, 3);
        move |cancel: &Cancel| {
            let options = Options { cancel: Some(cancel.clone()), ..Options::default() };
            inv(Stack::new(&a, &[n, n])?, &options)
        }
    };
    let n = if SLOW { 3 } else { 90 };
    let (expected, _) =
        Call::Inv(Assume::Auto).run(1, n, &examples::<f64>(Call::Inv(Assume::General), 1, n, 3));
    let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |name: u8| {
        let log = log.clone();
        move |_: &Cancel| {
            log.lock().unwrap().push(name);
            Ok(name)
        }
    };
    let large = first.submit(inverse(n)).unwrap();
    let one = first.submit(note(1)).unwrap();
    second.after(&one).unwrap();
    let two = second.submit_quick(note(2)).unwrap();
    let three = second.submit_with(Task { tiny: true, ..Task::default() }, note(3)).unwrap();
    assert!(three.done().wait_for(std::time::Duration::from_secs(600)).unwrap());
    assert_eq!((two.wait(), three.wait()), (Ok(2), Ok(3)));
    assert_eq!(*log.lock().unwrap(), [1, 2, 3]);
    assert_same_bits(large.wait().unwrap().as_slice(), &expected, "on a stream");

    // A task submits, is not let wait, and works on while quick work of another stream is ready.
    let (quick, work) = (note(4), inverse(n));
    let nested = first
        .submit(move |cancel: &Cancel| {
            let waited = second.submit_quick(quick)?.wait();
            assert!(matches!(waited, Ok(4) | Err(Error::Argument { .. })), "{waited:?}");
            work(cancel)
        })
        .unwrap();
    let x = nested.wait().unwrap();
    assert_same_bits(x.as_slice(), &expected, "in a task");
    synchronize(Some(first)).unwrap();
    synchronize(Some(second)).unwrap();
    // An event ends a moment before its stream is idle.
    while !(first.is_idle() && second.is_idle()) {
        std::thread::yield_now();
    }
    assert_eq!(*log.lock().unwrap(), [1, 2, 3, 4]);

    // A bad matrix is its event's error; the stream goes on. A call on it comes after its work.
    let bad = first.submit(|_| inv(Stack::new(&[0.0f64], &[1, 1])?, &Options::default())).unwrap();
    let options = Options { stream: Some(first), ..Options::default() };
    let x = inv(Stack::new(&[4.0], &[1, 1]).unwrap(), &options).unwrap();
    assert!(bad.is_done() && x.as_slice() == [0.25]);
    assert!(matches!(bad.wait(), Err(Error::Matrix { index: 0, .. })));
    let cancelled = Cancel::new();
    cancelled.cancel();
    let options = Options { cancel: Some(cancelled), ..options };
    assert_eq!(inv(Stack::new(&[4.0], &[1, 1]).unwrap(), &options).unwrap_err(), Error::Cancelled);
    assert_eq!(second.marker().unwrap().wait(), Ok(()));
}

/// Sizes of which the pointers of this platform cannot count the elements.
pub(crate) fn sizes() {
    let half = 1usize << (usize::BITS / 2);
    let one = [1.0f64];
    for shape in [[half, half, 1], [usize::MAX / 2, 3, 3], [0, usize::MAX, usize::MAX]] {
        assert_eq!(Stack::new(&one, &shape).unwrap_err(), Error::Overflow, "{shape:?}");
        assert_eq!(OwnedStack::<f64>::zeros(&shape).unwrap_err(), Error::Overflow, "{shape:?}");
    }
    let large = OwnedStack::<f64>::zeros(&[half / 4, half]).unwrap_err();
    assert!(matches!(large, Error::Overflow | Error::OutOfMemory { .. }), "{large:?}");
    // As many as can be counted, all of them the same one.
    let count = usize::MAX >> 3;
    let a = Stack::with_strides(&one, 0, &[count, 1, 1], &[0, 1, 1]).unwrap();
    assert_eq!((a.len(), a.get(count - 1, 0, 0)), (count, 1.0));
    assert!(inv(a, &Options::default()).is_err());
}

mod stamped {
    crate::common::for_all_scalars!(residuals, other_functions, threads, layouts, bad_matrices);
}

/// Prints what `scripts/platforms` compares.
#[test]
fn hashes() {
    say(format!("ISA {}", instruction_set().unwrap()));
    let lines = [bits::<f32>(), bits::<f64>(), bits::<c32>(), bits::<c64>()].concat();
    say(lines.join("\n"));
}

#[test]
fn streams_do_their_work() {
    streams();
}

#[test]
fn sizes_are_counted() {
    sizes();
}
