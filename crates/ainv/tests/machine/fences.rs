//! Fences and poison. Every call with its matrices, its results and its scratch
//! ending at a page that faults, then beginning behind one: a byte read or written beyond is a crash. The
//! matrices cannot be written to. Instruction sets are forced in processes of their own.

use super::fence::{AT_THE_END, Fenced};
use crate::common::*;
use ainv::*;
use std::sync::atomic::Ordering::Relaxed;
use testkit::{assert_same_bits, say};

/// Lanes, columns, blocked above 64.
fn orders() -> impl Iterator<Item = usize> {
    (1..=33).chain([48, 64, 65, 70, 100, 131])
}

/// Single ones, groups that are not full, more than a group.
fn counts(n: usize) -> &'static [usize] {
    match n {
        1..=8 => &[1, 3, 17, 65],
        9..=16 => &[1, 9],
        17..=33 => &[1, 2],
        _ => &[1],
    }
}

/// Runs it on a thread of its own, whose scratch is new: it has exactly the size that was asked for.
fn alone(f: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(f).join())
        .unwrap_or_else(|e| std::panic::resume_unwind(e));
}

/// Strips of several panels; the sets that go lane by lane in plain code are left out.
fn large<T: Scalar>() -> &'static [usize] {
    let plain = matches!(instruction_set().unwrap(), IsaId::Fused | IsaId::Portable);
    if plain || !matches!(T::NAME, "float32" | "complex128") { &[] } else { &[521] }
}

fn square<T: Scalar>() {
    for call in Call::all() {
        say(format!("  {call:?} {}", T::NAME));
        for n in
            orders().chain(large::<T>().iter().copied()).filter(|&n| n <= 70 || call != Call::Pinv)
        {
            for &count in counts(n) {
                let a = examples::<T>(call, count, n, n as u64);
                let (x, _) = call.run(count, n, &a);
                let shape = [count, n, n];
                let from = Fenced::new(&a);
                let mut to = Fenced::new(&vec![T::nan(); a.len()]);
                let mut status = Fenced::new(&vec![Status::default(); count]);
                alone(|| {
                    let from = Stack::new(from.read_only(), &shape).unwrap();
                    let to = StackMut::new(to.as_mut_slice(), &shape).unwrap();
                    call.into(from, to, status.as_mut_slice()).unwrap();
                });
                assert_same_bits(&x, to.as_slice(), format!("{call:?}, {count} of {n}"));
            }
        }
        // Other layouts: their own last and first elements are at the fence.
        for n in [2, 3, 4, 7, 8, 13, 16, 17, 31, 65] {
            let count = if n > 17 { 2 } else { 5 };
            let shape = [count, n, n];
            let a = examples::<T>(call, count, n, n as u64);
            let (x, _) = call.run(count, n, &a);
            for mut layout in Layout::all(count, n, n) {
                (layout.offset, layout.len) = (layout.offset - 3, layout.len - 5);
                let from = Fenced::new(&layout.scatter(shape, &a, T::nan()));
                let mut to = Fenced::new(&vec![T::default(); layout.len]);
                alone(|| {
                    let from = layout.view(shape, from.read_only());
                    call.into(from, layout.view_mut(shape, to.as_mut_slice()), &mut []).unwrap();
                });
                let (y, intact) = layout.gather(shape, to.as_slice(), T::default());
                assert_same_bits(&x, &y, format!("{call:?}, {count} of {n}, {}", layout.name));
                assert!(intact);
            }
        }
    }
}

/// In its own place, between the fences.
fn in_place<T: Scalar>() {
    say(format!("  in place {}", T::NAME));
    for call in Call::OWN.into_iter().filter(|call| !matches!(call, Call::Solve(_))) {
        for n in [1, 3, 4, 8, 13, 17, 33, 65, 131] {
            let count = if n > 17 { 2 } else { 5 };
            let shape = [count, n, n];
            let a = examples::<T>(call, count, n, n as u64);
            let (x, _) = call.run(count, n, &a);
            let layout = Layout::new("C", shape, [(n * n) as isize, n as isize, 1], (0, 0));
            let mut memory = Fenced::new(&a);
            alone(|| {
                call.in_place(&layout, shape, memory.as_mut_slice(), &mut []).unwrap();
            });
            assert_same_bits(&x, memory.as_slice(), format!("{call:?}, {count} of {n}"));
        }
    }
}

/// Single precision, computed in double.
fn double_inside<T: Scalar>() {
    say(format!("  double inside {}", T::NAME));
    let o = Options { precision: Precision::Double, ..Options::default() };
    for n in orders().filter(|&n| n <= 100) {
        let count = counts(n)[counts(n).len() / 2];
        let a = examples::<T>(Call::Inv(Assume::Posdef), count, n, n as u64);
        let shape = [count, n, n];
        let from = Fenced::new(&a);
        for what in ["inv", "cholesky_inv", "solve", "pinv", "rcond"] {
            let mut to = Fenced::new(&vec![T::nan(); a.len()]);
            let mut numbers = Fenced::new(&vec![T::Real::ONE; count]);
            alone(|| {
                let from = Stack::new(from.read_only(), &shape).unwrap();
                let to = StackMut::new(to.as_mut_slice(), &shape).unwrap();
                let p = PinvOptions::default();
                let done = match what {
                    "inv" => inv_into(from, to, &mut [], &o),
                    "cholesky_inv" => cholesky_inv_into(from, Uplo::Lower, to, &mut [], &o),
                    "solve" => solve_into(from, from, to, &mut [], &o),
                    "pinv" => pinv_into(from, to, &p, &mut [], &o),
                    _ => rcond_into(from, Norm::One, numbers.as_mut_slice(), &o)
                        .map(|()| Summary::default()),
                };
                done.unwrap();
            });
            let finite = to.as_slice().iter().all(|x| Scalar::is_finite(*x));
            assert!(finite || what == "rcond", "{what}, {count} of {n}");
        }
    }
}

fn oblong<T: Scalar>() {
    let (o, p) = (Options::default(), PinvOptions::default());
    say(format!("  pinv, solve, matmul, rcond {}", T::NAME));
    for (m, n) in [(1, 5), (5, 1), (3, 2), (2, 7), (16, 9), (9, 16), (40, 11), (11, 40), (70, 33)] {
        let rng = &mut testkit::Rng::new(m as u64);
        let count = if m * n < 100 { 5 } else { 1 };
        let mut random = |len: usize| -> Vec<T> { (0..len).map(|_| rng.scalar()).collect() };
        let (a, b) = (random(count * m * n), random(count * n * m));
        let square = examples::<T>(Call::Inv(Assume::General), count, m, 1);
        let (a, b, square) = (Fenced::new(&a), Fenced::new(&b), Fenced::new(&square));
        let mut x = Fenced::new(&vec![T::nan(); count * n * m]);
        let mut product = Fenced::new(&vec![T::nan(); count * m * m]);
        let mut solution = Fenced::new(&vec![T::nan(); count * m * n]);
        let mut numbers = Fenced::new(&vec![T::Real::ONE; count]);
        alone(|| {
            let a = Stack::new(a.read_only(), &[count, m, n]).unwrap();
            let b = Stack::new(b.read_only(), &[count, n, m]).unwrap();
            let square = Stack::new(square.read_only(), &[count, m, m]).unwrap();
            let to = StackMut::new(x.as_mut_slice(), &[count, n, m]).unwrap();
            pinv_into(a, to, &p, &mut [], &o).unwrap();
            let to = StackMut::new(product.as_mut_slice(), &[count, m, m]).unwrap();
            matmul_into(a, b, to, &o).unwrap();
            let to = StackMut::new(solution.as_mut_slice(), &[count, m, n]).unwrap();
            solve_into(square, a, to, &mut [], &o).unwrap();
            for norm in [Norm::One, Norm::Inf, Norm::Two] {
                rcond_into(square, norm, numbers.as_mut_slice(), &o).unwrap();
            }
        });
        let finite = |x: &[T]| x.iter().all(|x| Scalar::is_finite(*x));
        let all = [x.as_slice(), product.as_slice(), solution.as_slice()];
        assert!(all.into_iter().all(finite), "{m} x {n}");
    }
}

/// Calls that look at more than the matrix and its inverse.
fn beside_the_inverse<T: Scalar>() {
    say(format!("  hermitian, ill-conditioned, report {}", T::NAME));
    let hermitian = PinvOptions { hermitian: true, ..PinvOptions::default() };
    let o = Options::default();
    let warn = Options { ill_conditioned: IllConditioned::Warn(Some(1.0)), ..Options::default() };
    for n in [2, 3, 4, 8, 13, 17, 33, 65, 100] {
        let count = if n > 17 { 1 } else { 5 };
        let shape = [count, n, n];
        let a = examples::<T>(Call::Inv(Assume::Posdef), count, n, n as u64);
        let from = Fenced::new(&a);
        let mut to = Fenced::new(&vec![T::nan(); a.len()]);
        let mut pseudo = Fenced::new(&vec![T::nan(); a.len()]);
        let mut status = Fenced::new(&vec![Status::default(); count]);
        alone(|| {
            let from = Stack::new(from.read_only(), &shape).unwrap();
            let x = StackMut::new(to.as_mut_slice(), &shape).unwrap();
            inv_into(from, x, status.as_mut_slice(), &warn).unwrap();
            let x = StackMut::new(pseudo.as_mut_slice(), &shape).unwrap();
            pinv_into(from, x, &hermitian, &mut [], &o).unwrap();
            let x = Stack::new(to.read_only(), &shape).unwrap();
            report(from, Some(x), &o).unwrap();
        });
        // The reciprocal condition number is under one, as of every matrix but a few.
        let all_ill = status.as_slice().iter().all(|s| s.code == Code::IllConditioned);
        let finite = |x: &Fenced<T>| x.as_slice().iter().all(|x| Scalar::is_finite(*x));
        assert!(all_ill && finite(&to) && finite(&pseudo), "{count} of {n}");
    }
}

/// Matrices that are decided alone, beside good ones.
fn suspects<T: Scalar>() {
    for n in [1, 2, 3, 4, 6, 8, 13, 16, 17, 33, 65] {
        let (count, shape) = (5, [5, n, n]);
        let mut a = examples::<T>(Call::Inv(Assume::General), count, n, 1);
        a[n * n..2 * n * n].fill(T::default());
        a[3 * n * n] = T::nan();
        let scaled = testkit::ldexp(&a[4 * n * n..], T::Real::BIG_EXP);
        a[4 * n * n..].copy_from_slice(&scaled);
        let from = Fenced::new(&a);
        for on_singular in [OnSingular::Nan, OnSingular::Pinv] {
            let options = Options { on_singular, ..Options::default() };
            let mut to = Fenced::new(&vec![T::nan(); a.len()]);
            alone(|| {
                let from = Stack::new(from.read_only(), &shape).unwrap();
                let to = StackMut::new(to.as_mut_slice(), &shape).unwrap();
                let summary = inv_into(from, to, &mut [], &options).unwrap();
                // The singular one, whatever stands in its place; the result of what holds a NaN is NaN.
                assert_eq!(summary.failed, 1);
            });
        }
    }
}

#[test]
fn child_fences() {
    if !is_called() {
        return;
    }
    fn all<T: Scalar>() {
        square::<T>();
        in_place::<T>();
        oblong::<T>();
        suspects::<T>();
        beside_the_inverse::<T>();
    }
    for (at_the_end, threads) in [(true, 1), (false, 1), (true, 2)] {
        say(format!("at the end: {at_the_end}, threads: {threads}"));
        AT_THE_END.store(at_the_end, Relaxed);
        set_num_threads(threads).unwrap();
        all::<f32>();
        all::<c64>();
        // The other two take the same ways; once is enough.
        if at_the_end && threads == 1 {
            all::<f64>();
            all::<c32>();
        }
        if threads == 1 {
            double_inside::<f32>();
            double_inside::<c32>();
        }
    }
}

#[test]
fn nothing_beyond_the_fences() {
    on_each_set("fences::child_fences");
}

/// Which way the fence is crossed.
const WAY: &str = "AINV_TEST_CROSS";

/// Faults.
#[test]
fn child_crosses() {
    let Ok(way) = std::env::var(WAY) else { return };
    AT_THE_END.store(way == "behind", Relaxed);
    let mut x = Fenced::new(&[1.0f64; 5]);
    let p = x.as_mut_slice().as_mut_ptr();
    say("ready");
    // SAFETY: none, that is what this is for: it faults.
    unsafe {
        match way.as_str() {
            "behind" => say(p.add(5).read_volatile()),
            "before" => say(p.sub(1).read_volatile()),
            _ => {
                x.read_only();
                p.write_volatile(2.0);
            }
        }
    }
    say("over");
}

/// A fence that lets one through proves nothing.
#[test]
fn fences_hold() {
    for way in ["behind", "before", "read-only"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "fences::child_crosses", "--nocapture"])
            .env(WAY, way)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("ready") && !text.contains("over"), "{way}: {text}");
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert_eq!(signal, Some(11), "{way}: {}, {text}", output.status);
    }
}

#[test]
#[cfg(debug_assertions)]
fn child_poison() {
    if !is_called() {
        return;
    }
    // Huge, zero, some number; at first NaN.
    fn same(what: &str, mut run: impl FnMut() -> Vec<u8>) {
        SCRATCH_FILL.store(0xff, Relaxed);
        let x = run();
        for fill in [0x7f, 0x00, 0xc3] {
            SCRATCH_FILL.store(fill, Relaxed);
            assert!(run() == x, "{what}, {fill:#x}");
        }
        SCRATCH_FILL.store(0xff, Relaxed);
    }
    fn bytes<T: std::fmt::Debug>(x: &[T]) -> Vec<u8> {
        format!("{x:?}").into_bytes()
    }
    fn all<T: Scalar>() {
        for call in Call::all() {
            for n in orders().filter(|&n| n <= 70 || call != Call::Pinv) {
                let count = counts(n)[counts(n).len() / 2];
                let a = examples::<T>(call, count, n, n as u64);
                same(&format!("{call:?}, {count} of {n}"), || bytes(&call.run(count, n, &a).0));
            }
        }
        let (o, p) = (Options::default(), PinvOptions::default());
        for (m, n) in [(3, 3), (5, 3), (3, 5), (12, 12), (40, 11), (11, 40), (70, 33), (90, 90)] {
            let rng = &mut testkit::Rng::new(m as u64);
            let entries: Vec<T> = (0..m * n).map(|_| rng.scalar()).collect();
            let a = Stack::new(&entries, &[m, n]).unwrap();
            let b = Stack::new(&entries, &[n, m]).unwrap();
            same(&format!("pinv {m} x {n}"), || bytes(pinv(a, &p, &o).unwrap().as_slice()));
            same(&format!("matmul {m} x {n}"), || bytes(matmul(a, b, &o).unwrap().as_slice()));
            if m == n {
                for norm in [Norm::One, Norm::Inf, Norm::Two] {
                    same(&format!("rcond {norm:?} {n}"), || bytes(&rcond(a, norm, &o).unwrap()));
                }
            }
        }
    }
    all::<f32>();
    all::<f64>();
    all::<c32>();
    all::<c64>();
}

/// Whatever scratch holds at first, the bits are the same.
#[test]
#[cfg(debug_assertions)]
fn scratch_is_written_before_it_is_read() {
    on_each_set("fences::child_poison");
}
