//! Sizes at the edge, views that do not fit, and bad arguments.

use super::common::*;
use ainv::*;
use testkit::Mat;

fn empty_stacks<T: Scalar>() {
    let none: [T; 0] = [];
    for shape in [
        &[0, 0][..],
        &[2, 0, 0],
        &[0, 0, 0],
        &[0, 3, 3],
        &[3, 0, 2, 2],
        &[0, 17, 17],
        &[0, 300, 300],
    ] {
        for call in Call::all() {
            let count = shape[..shape.len() - 2].iter().product();
            let mut status = vec![Status { code: Code::Singular, at: 9 }; count];
            let mut out = [];
            let to = StackMut::new(&mut out, shape).unwrap();
            let s = call.into(Stack::new(&none, shape).unwrap(), to, &mut status).unwrap();
            assert_eq!(s, Summary::default(), "{call:?} {shape:?}");
            assert!(status.iter().all(|s| s.is_ok()));
        }
        let a = Stack::new(&none, shape).unwrap();
        assert_eq!(inv(a, &Options::default()).unwrap().shape(), shape);
        assert_eq!(inv_ex(a, &Options::default()).unwrap().1.len(), a.len());
        for norm in [Norm::One, Norm::Inf, Norm::Two] {
            assert_eq!(rcond(a, norm, &Options::default()).unwrap().len(), a.len());
        }
    }
    for (m, n) in [(3, 0), (0, 3)] {
        let x = pinv(
            Stack::new(&none, &[2, m, n]).unwrap(),
            &PinvOptions::default(),
            &Options::default(),
        )
        .unwrap();
        assert_eq!(x.shape(), [2, n, m]);
    }
    // No right-hand side, and no equation.
    let a = Mat::<T>::identity(3);
    let b = Mat::<T>::zeros(3, 0);
    assert_eq!(solve(a.view(), b.view(), &Options::default()).unwrap().shape(), [3, 0]);
    let x = solve(
        Stack::new(&none, &[0, 0]).unwrap(),
        Stack::new(&none, &[0, 4]).unwrap(),
        &Options::default(),
    );
    assert_eq!(x.unwrap().shape(), [0, 4]);
}

fn order_one<T: Scalar>() {
    let four = T::from_re(T::Real::from_f64(4.0));
    for (call, y) in [
        (Call::Inv(Assume::Auto), 0.25),
        (Call::Inv(Assume::Posdef), 0.25),
        (Call::Inv(Assume::Diagonal), 0.25),
        (Call::Cholesky(Uplo::Upper), 2.0),
        (Call::CholeskyInv(Uplo::Lower), 0.0625),
        (Call::TriInv(Uplo::Lower, Diag::NonUnit), 0.25),
        (Call::TriInv(Uplo::Lower, Diag::Unit), 1.0),
        (Call::Solve(Assume::General), 1.0),
        (Call::Pinv, 0.25),
    ] {
        let (x, status) = call.run(1, 1, &[four]);
        assert!(status[0].is_ok());
        assert_eq!(x[0], T::from_re(T::Real::from_f64(y)), "{call:?}");
    }
}

#[test]
fn sizes_that_overflow() {
    let one = [1.0f64];
    let half = usize::MAX / 2;
    for shape in [
        vec![half, 3, 3],
        vec![1 << 32, 1 << 32],
        vec![0, usize::MAX, usize::MAX],
        vec![3, usize::MAX],
        vec![half + 1, 1, 1],
    ] {
        assert_eq!(Stack::new(&one, &shape).unwrap_err(), Error::Overflow, "{shape:?}");
        assert_eq!(OwnedStack::<f64>::zeros(&shape).unwrap_err(), Error::Overflow, "{shape:?}");
    }
    // Countable, but not addressable.
    let large = OwnedStack::<f64>::zeros(&[1 << 30, 1 << 30]).unwrap_err();
    assert!(matches!(large, Error::Overflow | Error::OutOfMemory { .. }), "{large:?}");
    let strides = [isize::MAX, isize::MAX, 1];
    assert_eq!(Stack::with_strides(&one, 0, &[3, 3, 3], &strides).unwrap_err(), Error::Overflow);
    assert_eq!(Stack::with_strides(&one, 0, &[2, 2, 2], &strides).unwrap_err(), Error::Overflow);
    for offset in [usize::MAX, isize::MAX as usize, isize::MAX as usize + 1] {
        assert!(Stack::with_strides(&one, offset, &[1, 1], &[1, 1]).is_err(), "{offset}");
    }
    assert!(Stack::with_strides(&one, 0, &[2, 1], &[isize::MIN, 1]).is_err());
}

/// Huge counts without the memory: one matrix, broadcast.
#[test]
fn index_arithmetic_without_the_memory() {
    let a = [2.0f32, 0.0, 0.0, 4.0];
    let count = usize::MAX >> 4;
    let s = Stack::with_strides(&a, 0, &[count, 2, 2], &[0, 2, 1]).unwrap();
    assert_eq!(s.len(), count);
    assert_eq!(s.get(count - 1, 1, 1), 4.0);
    assert!(inv(s, &Options::default()).is_err(), "a result of {count} matrices cannot be had");
    let s = Stack::with_strides(&a, 0, &[1 << 20, 1 << 20, 1, 2, 2], &[0, 0, isize::MAX, 2, 1])
        .unwrap();
    assert_eq!((s.len(), s.get((1 << 40) - 1, 0, 0)), (1 << 40, 2.0));
    for shape in [[1 << 40, 4, 4], [1, 1 << 24, 1 << 24], [1 << 20, 1 << 15, 1 << 15]] {
        match plan::<f64>(Operation::Inv, shape, &Options::default()) {
            Ok(p) => assert_eq!(p.shape, shape),
            Err(e) => assert_eq!(e, Error::Overflow, "{shape:?}"),
        }
    }
}

/// Every shape to (2, 3, 3) with every stride from -4 to 4, against the definition.
#[test]
fn every_small_view() {
    const LEN: usize = 14;
    let data: Vec<i32> = (0..LEN as i32).collect();
    let (mut accepted, mut writable) = (0, 0);
    let strides =
        |n: usize| -> Vec<isize> { if n == 1 { vec![-4, 0, 3] } else { (-4..=4).collect() } };
    for shape in (0..3 * 4 * 4).map(|at| [at / 16, at / 4 % 4, at % 4]) {
        for s0 in strides(shape[0]) {
            for s1 in strides(shape[1]) {
                for s2 in strides(shape[2]) {
                    for offset in [0, 1, 5, 13, 14] {
                        let places: Vec<isize> = (0..shape.iter().product::<usize>())
                            .map(|at| {
                                (
                                    at / (shape[1] * shape[2]),
                                    at / shape[2] % shape[1],
                                    at % shape[2],
                                )
                            })
                            .map(|(b, i, j)| {
                                offset as isize
                                    + b as isize * s0
                                    + i as isize * s1
                                    + j as isize * s2
                            })
                            .collect();
                        let inside = places.iter().all(|&p| p >= 0 && p < LEN as isize);
                        let view = Stack::with_strides(&data, offset, &shape, &[s0, s1, s2]);
                        let what = format!("{shape:?} {:?} from {offset}", [s0, s1, s2]);
                        assert_eq!(view.is_ok(), inside, "{what}");
                        if let Ok(view) = view {
                            accepted += 1;
                            for (at, p) in places.iter().enumerate() {
                                let (b, i, j) = (
                                    at / (shape[1] * shape[2]),
                                    at / shape[2] % shape[1],
                                    at % shape[2],
                                );
                                assert_eq!(view.get(b, i, j) as isize, *p, "{what}");
                            }
                        }
                        let mut memory = data.clone();
                        let view =
                            StackMut::with_strides(&mut memory, offset, &shape, &[s0, s1, s2]);
                        let mut sorted = places.clone();
                        sorted.sort_unstable();
                        sorted.dedup();
                        if view.is_ok() {
                            writable += 1;
                            assert!(
                                inside && sorted.len() == places.len(),
                                "{what}: elements share memory"
                            );
                        }
                    }
                }
            }
        }
    }
    assert!(accepted > 10_000 && writable > 1_000, "{accepted} {writable}");
}

/// What slicing and transposing make is accepted; what shares memory is not.
#[test]
fn writable_views() {
    let mut m = vec![0.0f64; 200];
    for (shape, strides, good) in [
        ([2, 3, 3], [9, 3, 1], true),
        ([2, 3, 3], [9, 1, 3], true),
        ([3, 3, 3], [1, 9, 3], true),
        ([2, 3, 3], [1, 20, 4], true),
        ([2, 3, 3], [0, 3, 1], false),
        ([1, 3, 3], [0, 3, 1], true),
        ([2, 3, 3], [9, 0, 1], false),
        ([2, 3, 3], [8, 3, 1], false),
        ([2, 3, 3], [9, 2, 1], false),
        ([2, 3, 3], [9, 1, 1], false),
        ([2, 3, 3], [3, 3, 1], false),
        ([2, 0, 3], [0, 0, 0], true),
    ] {
        let view = StackMut::with_strides(&mut m, 0, &shape, &strides);
        assert_eq!(view.is_ok(), good, "{shape:?} {strides:?}");
        if let Err(e) = view {
            assert!(matches!(e, Error::Layout { .. }), "{e:?}");
        }
    }
    assert!(matches!(
        StackMut::with_strides(&mut m, 0, &[20, 4, 4], &[16, 4, 1]),
        Err(Error::Layout { .. })
    ));
    assert!(matches!(
        StackMut::with_strides(&mut m, 2, &[1, 4, 4], &[16, 4, -1]),
        Err(Error::Layout { .. })
    ));
    for shape in [&[4][..], &[]] {
        assert!(matches!(Stack::new(&m, shape), Err(Error::Shape { .. })), "{shape:?}");
        assert!(matches!(OwnedStack::<f64>::zeros(shape), Err(Error::Shape { .. })), "{shape:?}");
    }
    assert!(matches!(Stack::new(&m, &[10, 10]), Err(Error::Shape { .. })));
    assert!(matches!(Stack::with_strides(&m, 0, &[10, 10], &[1]), Err(Error::Shape { .. })));
    assert!(matches!(OwnedStack::from_vec(m.clone(), &[10, 10]), Err(Error::Shape { .. })));
    assert!(OwnedStack::from_vec(m, &[2, 10, 10]).is_ok());
}

fn axes_by_the_dozen<T: Scalar>() {
    let a = Mat::<T>::identity(2);
    let mut shape = vec![1; 40];
    shape.extend([2, 2]);
    let x = inv(Stack::new(&a.data, &shape).unwrap(), &Options::default()).unwrap();
    assert_eq!(x.as_slice(), a.data);
    // Of an empty stack none is uneven.
    let mut shape = vec![0; MAX_AXES + 1];
    shape.extend([2, 2]);
    let x = inv(Stack::<T>::new(&[], &shape).unwrap(), &Options::default()).unwrap();
    assert!(x.as_slice().is_empty());
    // More uneven axes than a view can have are refused, not miscounted.
    let big = vec![T::from_re(T::Real::ONE); 1 << 18];
    let mut shape = vec![2; MAX_AXES + 1];
    let mut strides: Vec<isize> = (0..=MAX_AXES).map(|i| 1 << i).collect();
    shape.extend([1, 1]);
    strides.extend([1, 1]);
    assert!(matches!(
        Stack::with_strides(&big, 0, &shape, &strides),
        Err(Error::Unsupported { .. })
    ));
}

/// Each wrong argument: the named error, and nothing written.
fn wrong_arguments<T: Scalar>() {
    let a = vec![T::from_re(T::Real::ONE); 12];
    let canary = T::from_re(T::Real::from_f64(7.25));
    let o = Options::default();
    let mut out = [canary; 24];
    let wide = Stack::new(&a, &[2, 2, 3]).unwrap();
    let square = Stack::new(&a[..8], &[2, 2, 2]).unwrap();
    macro_rules! refused {
        ($pattern:pat, $shape:expr, |$x:ident| $call:expr) => {{
            let size: usize = $shape.iter().product();
            let $x = StackMut::new(&mut out[..size], &$shape).unwrap();
            let r = $call;
            assert!(matches!(r, Err($pattern)), "{}: {r:?}", stringify!($call));
            assert!(out.iter().all(|x| *x == canary), "{}: written", stringify!($call));
        }};
    }
    let mut long = [Status::default(); 3];
    refused!(Error::Shape { .. }, [2, 2, 3], |x| inv_into(wide, x, &mut [], &o));
    refused!(Error::Shape { .. }, [2, 3, 3], |x| inv_into(square, x, &mut [], &o));
    refused!(Error::Shape { .. }, [1, 2, 2], |x| inv_into(square, x, &mut [], &o));
    refused!(Error::Shape { .. }, [3, 2, 2], |x| inv_into(square, x, &mut [], &o));
    refused!(Error::Argument { .. }, [2, 2, 2], |x| inv_into(square, x, &mut long, &o));
    refused!(Error::Shape { .. }, [2, 2, 3], |x| cholesky_into(wide, Uplo::Lower, x, &mut [], &o));
    refused!(Error::Shape { .. }, [2, 2, 3], |x| cholesky_inv_into(
        wide,
        Uplo::Upper,
        x,
        &mut [],
        &o
    ));
    refused!(Error::Shape { .. }, [2, 2, 3], |x| tri_inv_into(
        wide,
        Uplo::Upper,
        Diag::Unit,
        x,
        &mut [],
        &o
    ));
    refused!(Error::Shape { .. }, [2, 2, 3], |x| pinv_into(
        wide,
        x,
        &PinvOptions::default(),
        &mut [],
        &o
    ));
    let (lower, whole) = (Uplo::Lower, Diag::NonUnit);
    let p = PinvOptions::default();
    for shape in [[2, 3, 3], [1, 2, 2], [3, 2, 2]] {
        refused!(Error::Shape { .. }, shape, |x| cholesky_into(square, lower, x, &mut [], &o));
        refused!(Error::Shape { .. }, shape, |x| cholesky_inv_into(square, lower, x, &mut [], &o));
        refused!(Error::Shape { .. }, shape, |x| tri_inv_into(
            square,
            lower,
            whole,
            x,
            &mut [],
            &o
        ));
        refused!(Error::Shape { .. }, shape, |x| pinv_into(square, x, &p, &mut [], &o));
        refused!(Error::Shape { .. }, shape, |x| solve_into(square, square, x, &mut [], &o));
    }
    let same = [2, 2, 2];
    refused!(Error::Argument { .. }, same, |x| cholesky_into(square, lower, x, &mut long, &o));
    refused!(Error::Argument { .. }, same, |x| cholesky_inv_into(square, lower, x, &mut long, &o));
    refused!(Error::Argument { .. }, same, |x| tri_inv_into(
        square, lower, whole, x, &mut long, &o
    ));
    refused!(Error::Argument { .. }, same, |x| pinv_into(square, x, &p, &mut long, &o));
    refused!(Error::Argument { .. }, same, |x| solve_into(square, square, x, &mut long, &o));
    refused!(Error::Shape { .. }, [2, 2, 2], |x| solve_into(square, wide, x, &mut [], &o));
    refused!(Error::Shape { .. }, [2, 3, 2], |x| solve_into(
        square,
        wide.transposed(),
        x,
        &mut [],
        &o
    ));
    refused!(Error::Shape { .. }, [2, 2, 3], |x| solve_into(wide, square, x, &mut [], &o));
    let flag = Cancel::new();
    flag.cancel();
    let cancelled = Options { cancel: Some(flag), ..Options::default() };
    refused!(Error::Cancelled, [2, 2, 2], |x| inv_into(square, x, &mut [], &cancelled));
    refused!(Error::Cancelled, [2, 2, 2], |x| pinv_into(
        square,
        x,
        &PinvOptions::default(),
        &mut [],
        &cancelled
    ));
    let mut few = [T::Real::ONE; 1];
    assert!(matches!(rcond_into(square, Norm::One, &mut few, &o), Err(Error::Argument { .. })));
    assert_eq!(few, [T::Real::ONE], "written");
    assert!(matches!(rcond(wide, Norm::One, &o), Err(Error::Shape { .. })));
    // Both words that the suites of NumPy and torch look for.
    let text = inv(wide, &o).unwrap_err().to_string();
    assert!(
        text.contains("must be batches of square matrices")
            && text.contains("Last 2 dimensions of the array must be square"),
        "{text}"
    );
}

mod stamped {
    super::for_all_scalars!(empty_stacks, order_one, axes_by_the_dozen, wrong_arguments);
}
