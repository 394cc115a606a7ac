//! The mode of the floating-point unit: another library may have set the thread that
//! calls, or those of its pool, to flush subnormal numbers or to round another way. The bits are the same,
//! and the mode is the caller's again when a call ends.

#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

use super::bits::THREADS;
use super::common::*;
use super::control::{self, under};
use ainv::*;
use testkit::{Mat, assert_same_bits};

/// Matrices with half of their entries subnormal, whose inverses are (or squares would be) out of range or
/// subnormal as well, and some in range: what flushing to zero, and rounding, shows in.
fn inputs<T: Scalar>(count: usize, n: usize, call: Call) -> Vec<T> {
    let mut a = examples::<T>(call, count, n, n as u64);
    for (k, a) in a.chunks_mut(n * n).enumerate() {
        let scale = match k % 4 {
            0 => continue,
            1 => T::Real::MIN_EXP + 1,
            2 => -T::Real::MIN_EXP - 2,
            _ => T::Real::MIN_EXP - 4,
        };
        a.iter_mut().for_each(|x| *x = x.ldexp(scale));
    }
    a
}

/// Stacks, made in the standard mode.
fn cases<T: Scalar>() -> Vec<(Call, usize, usize, Vec<T>)> {
    let shapes = [(1, 1), (9, 2), (1, 3), (37, 4), (600, 8), (21, 17), (4, 40), (4, 100), (3, 200)];
    let calls = || Call::all();
    let all = shapes.into_iter().flat_map(|shape| calls().map(move |call| (call, shape)));
    // Singular values of 100 subnormal matrices take their time.
    all.filter(|(call, (_, n))| *n < 100 || *call != Call::Pinv)
        .map(|(call, (count, n))| (call, count, n, inputs(count, n, call)))
        .collect()
}

/// The bits of all calls.
fn results<T: Scalar>(cases: &[(Call, usize, usize, Vec<T>)]) -> Vec<(String, Vec<T>)> {
    let mut all = vec![];
    for (call, count, n, a) in cases {
        let (mut x, status) = call.run(*count, *n, a);
        x.extend(status.iter().map(|s| T::from_re(T::Real::from_f64(s.code as u8 as f64))));
        all.push((format!("{call:?}, {count} of {n}"), x));
        if *call != Call::Inv(Assume::General) {
            continue;
        }
        let (a, o) = (Stack::new(a, &[*count, *n, *n]).unwrap(), Options::default());
        all.push((format!("products, {count} of {n}"), matmul(a, a, &o).unwrap().into_vec()));
        for norm in [Norm::One, Norm::Two] {
            let rcond = rcond(a, norm, &o).unwrap().into_iter().map(T::from_re).collect();
            all.push((format!("rcond, {norm:?}, {count} of {n}"), rcond));
        }
        let double = Options { precision: Precision::Double, on_singular: OnSingular::Nan, ..o };
        all.push((format!("in double, {count} of {n}"), inv(a, &double).unwrap().into_vec()));
    }
    all
}

fn agree<T: Scalar>(good: &[(String, Vec<T>)], got: &[(String, Vec<T>)], what: &str) {
    assert_eq!(good.len(), got.len());
    for ((name, x), (_, y)) in good.iter().zip(got) {
        assert_same_bits(x, y, format!("{name}, {what}"));
    }
}

/// With one thread and with several, made before the mode is set and after, when they inherit it.
fn any_mode_has_the_same_bits<T: Scalar>() {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    set_num_threads(3).unwrap();
    let cases = cases::<T>();
    let good = results(&cases);
    for mode in control::MODES {
        set_num_threads(3).unwrap();
        agree(&good, &under(mode, || results(&cases)), &format!("mode {mode:x}"));
    }
    let mode = control::MODES[control::MODES.len() - 1];
    // Each number of threads is a pool of its own.
    for threads in [1, 2] {
        set_num_threads(threads).unwrap();
        let got = under(mode, || results(&cases));
        agree(&good, &got, &format!("mode {mode:x}, {threads} new threads"));
    }
}

/// The caller's own pool, whose threads have the mode and keep it.
#[test]
fn in_a_pool_of_the_callers() {
    let cases = cases::<f64>();
    let good = results(&cases);
    for mode in control::MODES {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3);
        let pool = pool.start_handler(move |_| control::set(mode)).build().unwrap();
        agree(&good, &pool.install(|| results(&cases)), &format!("mode {mode:x}"));
        let left = pool.broadcast(|_| control::get());
        assert!(left.iter().all(|left| left & mode == mode), "{mode:x}: {left:x?}");
    }
}

/// However a call ends, its caller's mode is what it was.
#[test]
fn a_call_that_fails_leaves_the_mode() {
    let zero = Mat::<f64>::zeros(5, 5);
    let (nan, good) = (zero.map(|_, _, _| f64::NAN), Mat::<f64>::identity(5));
    let wide = Stack::new(&zero.data[..20], &[4, 5]).unwrap();
    let o = Options::default();
    let cancelled = {
        let flag = Cancel::new();
        flag.cancel();
        Options { cancel: Some(flag), ..Options::default() }
    };
    for mode in control::MODES {
        assert!(under(mode, || inv(zero.view(), &o)).is_err());
        assert!(under(mode, || inv(nan.view(), &o)).is_ok());
        assert!(under(mode, || inv(wide, &o)).is_err());
        assert!(under(mode, || inv(good.view(), &cancelled)).is_err());
        assert!(under(mode, || cholesky(zero.view(), Uplo::Lower, &o)).is_err());
        assert!(under(mode, || pinv(nan.view(), &PinvOptions::default(), &o)).is_err());
        assert!(under(mode, || rcond(zero.view(), Norm::Two, &o)).is_ok());
        assert!(under(mode, || solve(zero.view(), good.view(), &o)).is_err());
        assert!(under(mode, || report(good.view(), None, &o)).is_ok());
    }
}

/// A task has the standard mode, where it runs on a thread of the pool and where it runs at once on the
/// caller's; a mode that it leaves behind is gone after it.
#[test]
fn tasks_of_streams() {
    let a = inputs::<f64>(4, 8, Call::Inv(Assume::General));
    let work = move |mode: u64| {
        let a = a.clone();
        move |_: &Cancel| {
            let before = control::get();
            let x = inv(Stack::new(&a, &[4, 8, 8])?, &Options::default())?;
            control::set(mode);
            Ok((before, x.into_vec()))
        }
    };
    let stream = Stream::new(Device::CPU).unwrap();
    let standard = control::get();
    let good = stream.submit(work(0)).unwrap().wait().unwrap().1;
    for mode in control::MODES {
        for tiny in [true, false] {
            for leaves in [mode, 0] {
                let task = || Task { tiny, ..Task::default() };
                let event = under(mode, || stream.submit_with(task(), work(leaves)).unwrap());
                let (before, x) = event.wait().unwrap();
                assert_eq!(before, standard, "mode {mode:x}, tiny {tiny}");
                assert_same_bits(&good, &x, format!("mode {mode:x}, tiny {tiny}"));
            }
        }
        let after = Stream::new(Device::CPU).unwrap().submit(work(0)).unwrap().wait().unwrap();
        assert_same_bits(&good, &after.1, format!("after mode {mode:x}"));
    }
}

/// Each mode changes what a thread computes that nobody puts right.
#[test]
fn the_modes_are_there() {
    use std::hint::black_box;
    let quotients = || {
        let over = |x: f64, y: f64| black_box(black_box(x) / black_box(y));
        (over(1.0, 3.0), over(1.0, 10.0), over(-1.0, 3.0), over(over(f64::MIN_POSITIVE, 2.0), 0.5))
    };
    let standard = quotients();
    assert_eq!(standard.3, f64::MIN_POSITIVE);
    for mode in control::MODES {
        assert_ne!(under(mode, quotients), standard, "mode {mode:x}");
    }
}

mod stamped {
    super::for_all_scalars!(any_mode_has_the_same_bits);
}
