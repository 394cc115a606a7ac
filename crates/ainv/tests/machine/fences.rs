//! Fences and poison (RELIABILITY 4.3, 4.4). Every call with its matrices, its results and its scratch
//! ending at a page that faults, then beginning behind one: a byte read or written beyond is a crash. The
//! matrices cannot be written to. Instruction sets are forced in processes of their own.

use super::memory::{AT_THE_END, Fenced};
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

fn square<T: Scalar>() {
    for call in Call::OWN.into_iter().chain([Call::Pinv]) {
        say(format!("  {call:?} {}", T::NAME));
        for n in orders().filter(|&n| n <= 70 || call != Call::Pinv) {
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
            let (count, shape) = (if n > 17 { 2 } else { 5 }, [if n > 17 { 2 } else { 5 }, n, n]);
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
#[ignore = "run by `nothing_beyond_the_fences` in processes of its own"]
fn child_fences() {
    say(format!("ISA {}", instruction_set().unwrap()));
    fn all<T: Scalar>() {
        square::<T>();
        oblong::<T>();
        suspects::<T>();
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
    }
    say("nothing beyond the fences");
}

fn child(test: &str, isa: &str) -> (bool, String) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("AINV_ISA", isa)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), format!("{text}{}", output.status))
}

#[test]
fn nothing_beyond_the_fences() {
    for isa in available_instruction_sets() {
        let (success, text) = child("fences::child_fences", isa.name());
        let last: Vec<_> = text.lines().rev().take(12).collect();
        assert!(text.contains(&format!("ISA {isa}")), "{text}");
        assert!(success && text.contains("nothing beyond the fences"), "{isa}: {last:#?}");
    }
}

/// A fence that lets one through proves nothing.
#[test]
#[ignore = "run by `fences_hold` in processes of its own"]
fn child_crosses() {
    let way = std::env::var("AINV_ISA").unwrap();
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

#[test]
fn fences_hold() {
    for way in ["behind", "before", "read-only"] {
        let (success, text) = child("fences::child_crosses", way);
        assert!(!success && text.contains("ready") && !text.contains("over"), "{way}: {text}");
        assert!(text.contains("SIGSEGV"), "{way}: {text}");
    }
}

/// Whatever scratch holds at first, the bits are the same.
#[test]
#[cfg(debug_assertions)]
fn scratch_is_written_before_it_is_read() {
    fn all<T: Scalar>() {
        for call in Call::OWN.into_iter().chain([Call::Pinv]) {
            for n in orders().filter(|&n| n <= 70 || call != Call::Pinv) {
                let count = counts(n)[counts(n).len() / 2];
                let a = examples::<T>(call, count, n, n as u64);
                SCRATCH_FILL.store(0xff, Relaxed);
                let (x, _) = call.run(count, n, &a);
                // Huge, zero, some number.
                for fill in [0x7f, 0x00, 0xc3] {
                    SCRATCH_FILL.store(fill, Relaxed);
                    let (y, _) = call.run(count, n, &a);
                    assert_same_bits(&x, &y, format!("{call:?}, {count} of {n}, {fill:#x}"));
                }
            }
        }
    }
    all::<f32>();
    all::<f64>();
    all::<c32>();
    all::<c64>();
    SCRATCH_FILL.store(0xff, Relaxed);
}
