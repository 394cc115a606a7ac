//! The same bits (RELIABILITY 3.1-3.4): for any threads, place, batch, layout, in place, and on
//! every instruction set with fused multiply-adds.

use super::common::*;
use ainv::*;
use std::sync::Mutex;
use testkit::{Mat, assert_same_bits, fnv, say};

/// Held by the tests that set the number of threads, which is the process's.
pub(crate) static THREADS: Mutex<()> = Mutex::new(());

fn threads_change_nothing<T: Scalar>() {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    for (count, n) in [(4000, 4), (700, 16), (60, 40), (2, 200), (1, 257)] {
        for call in Call::OWN.into_iter().chain([Call::Pinv]) {
            if n >= 200 && (call == Call::Pinv || n == 257 && T::NAME != "float64") {
                continue;
            }
            let a: Vec<T> = examples(call, count.min(9), n, 1)
                .into_iter()
                .cycle()
                .take(count * n * n)
                .collect();
            set_num_threads(1).unwrap();
            let (x, _) = call.run(count, n, &a);
            for threads in [2, 3, 5] {
                set_num_threads(threads).unwrap();
                let (y, _) = call.run(count, n, &a);
                assert_same_bits(&x, &y, format!("{call:?}, {count} of {n}, {threads} threads"));
            }
        }
    }
    for (count, n) in [(3000, 9), (300, 30), (2, 200)] {
        let entries = examples::<T>(Call::Inv(Assume::General), count.min(9), n, 1);
        let a: Vec<T> = entries.into_iter().cycle().take(count * n * n).collect();
        let a = Stack::new(&a, &[count, n, n]).unwrap();
        let square = || matmul(a, a, &Options::default()).unwrap().into_vec();
        set_num_threads(1).unwrap();
        let x = square();
        for threads in [2, 3, 5] {
            set_num_threads(threads).unwrap();
            assert_same_bits(&x, &square(), format!("{count} products of {n}, {threads} threads"));
        }
    }
    set_num_threads(2).unwrap();
    assert!(set_num_threads(0).is_err());
}

#[test]
fn a_hundred_runs_are_one() {
    for n in [5, 17, 130] {
        let a = Call::Inv(Assume::Auto).example::<f64>(n, 1);
        let (x, _) = Call::Inv(Assume::Auto).run(1, n, &a.data);
        for _ in 0..100 {
            assert_same_bits(&x, &Call::Inv(Assume::Auto).run(1, n, &a.data).0, n);
        }
    }
}

/// Every batch size to 65, each matrix as if it were alone.
fn place_in_batch_changes_nothing<T: Scalar>() {
    for call in Call::OWN {
        for n in [1, 2, 3, 4, 5, 7, 8, 11, 16, 17] {
            let a = examples::<T>(call, 65, n, 1);
            let alone: Vec<T> = a.chunks(n * n).flat_map(|a| call.run(1, n, a).0).collect();
            for count in 1..=65 {
                let (x, _) = call.run(count, n, &a[..count * n * n]);
                assert_same_bits(&x, &alone[..count * n * n], format!("{call:?}, {count} of {n}"));
            }
        }
    }
}

/// The calls with a kernel for a matrix that is alone.
const BY_COLUMNS: [Call; 8] = [
    Call::Inv(Assume::General),
    Call::Inv(Assume::Posdef),
    Call::Cholesky(Uplo::Lower),
    Call::CholeskyInv(Uplo::Lower),
    Call::CholeskyInv(Uplo::Upper),
    Call::TriInv(Uplo::Lower, Diag::NonUnit),
    Call::TriInv(Uplo::Upper, Diag::Unit),
    Call::Solve(Assume::General),
];

/// A stack is what each of its matrices is alone, full ones and ones with many zeros.
fn alone_as_in_a_stack<T: Scalar>() {
    let count = 20;
    for n in 1..=33 {
        let sparse = |mut a: Vec<T>| {
            for (m, a) in a.chunks_mut(n * n).enumerate().filter(|(m, _)| m % 2 == 1) {
                for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
                    if i != j && (i + j + m) % 3 != 0 {
                        a[i * n + j] = T::default();
                    }
                }
            }
            a
        };
        for call in BY_COLUMNS {
            let a = sparse(examples::<T>(call, count, n, 3));
            let alone: Vec<T> = a.chunks(n * n).flat_map(|a| call.run(1, n, a).0).collect();
            assert_same_bits(&call.run(count, n, &a).0, &alone, format!("{call:?}, n = {n}"));
        }
        // What "auto" finds in a matrix does not depend on those beside it.
        let a = examples::<T>(Call::Inv(Assume::Posdef), count, n, 3);
        let auto = Call::Inv(Assume::Auto);
        let alone: Vec<T> = a.chunks(n * n).flat_map(|a| auto.run(1, n, a).0).collect();
        assert_same_bits(&auto.run(count, n, &a).0, &alone, format!("auto, n = {n}"));
        let a = sparse(examples::<T>(Call::Solve(Assume::General), count, n, 5));
        for k in [1, 5, 32] {
            let rng = &mut testkit::Rng::new(k as u64);
            let b: Vec<T> = (0..count * n * k).map(|_| rng.scalar()).collect();
            let solve = |count: usize, a: &[T], b: &[T]| {
                let a = Stack::new(a, &[count, n, n]).unwrap();
                let b = Stack::new(b, &[count, n, k]).unwrap();
                solve(a, b, &Options::default()).unwrap().into_vec()
            };
            let alone: Vec<T> =
                a.chunks(n * n).zip(b.chunks(n * k)).flat_map(|(a, b)| solve(1, a, b)).collect();
            assert_same_bits(&solve(count, &a, &b), &alone, format!("n = {n}, {k} sides"));
        }
    }
}

/// Small whole numbers have many equal candidates for a pivot: by any way the first is taken.
fn equal_pivots_as_in_a_stack<T: Scalar>() {
    for n in 1..=33 {
        // The last one of 65 is in a group of its own.
        let count = 65;
        let rng = &mut testkit::Rng::new(n as u64);
        let mut entries = |len: usize| -> Vec<T> {
            // Zeros of either sign, too.
            let whole = |x: T::Real| T::Real::from_f64(x.to_f64().round());
            (0..len).map(|_| rng.scalar::<T>().map(whole)).collect()
        };
        let (mut a, mut b) = (entries(count * n * n), entries(count * n));
        a.copy_within(..n * n, (count - 1) * n * n);
        b.copy_within(..n, (count - 1) * n);
        let options = Options { on_singular: OnSingular::Nan, ..Options::default() };
        let run = |count: usize, a: &[T], b: &[T]| {
            let a = Stack::new(a, &[count, n, n]).unwrap();
            let b = Stack::new(b, &[count, n, 1]).unwrap();
            let mut x = inv(a, &options).unwrap().into_vec();
            x.extend(solve(a, b, &options).unwrap().into_vec());
            x
        };
        let together = run(count, &a, &b);
        let (inverses, solutions) = together.split_at(count * n * n);
        for m in 0..count {
            let (at, side) = (m * n * n..(m + 1) * n * n, m * n..(m + 1) * n);
            let alone = run(1, &a[at.clone()], &b[side.clone()]);
            let (x, y) = alone.split_at(n * n);
            assert_same_bits(&inverses[at], x, format!("inverse {m}, n = {n}"));
            assert_same_bits(&solutions[side], y, format!("solution {m}, n = {n}"));
        }
    }
}

/// What the child processes of `alone_as_in_a_stack_on_every_set` run.
#[test]
fn child_alone() {
    if !is_child() {
        return;
    }
    say(format!("ISA {}", instruction_set().unwrap()));
    alone_as_in_a_stack::<f32>();
    equal_pivots_as_in_a_stack::<f32>();
    alone_as_in_a_stack::<f64>();
    equal_pivots_as_in_a_stack::<f64>();
    alone_as_in_a_stack::<c32>();
    equal_pivots_as_in_a_stack::<c32>();
    alone_as_in_a_stack::<c64>();
    equal_pivots_as_in_a_stack::<c64>();
}

#[test]
fn alone_as_in_a_stack_on_every_set() {
    if is_child() {
        return;
    }
    for isa in instruction_sets() {
        let output = child("bits::child_alone", isa.name());
        let text = String::from_utf8_lossy(&output.stderr);
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(&format!("ISA {isa}")), "{text}{out}");
        assert!(out.contains("1 passed"), "{isa}: nothing ran");
    }
}

fn layouts_change_nothing<T: Scalar>() {
    let canary = T::from_re(T::Real::from_f64(12345.5));
    for n in [1, 2, 3, 4, 6, 8, 13, 16, 17, 33] {
        let count = if n > 16 { 3 } else { 19 };
        let shape = [count, n, n];
        for call in Call::OWN.into_iter().chain([Call::Pinv]) {
            let a = examples::<T>(call, count, n, 7);
            let (x, _) = call.run(count, n, &a);
            let layouts = Layout::all(count, n, n);
            for (k, from) in layouts.iter().enumerate() {
                let memory = from.scatter(shape, &a, T::nan());
                // Each with the next few: all pairs over the orders.
                for to in layouts.iter().cycle().skip(k + n % 5).take(3) {
                    let mut out = vec![canary; to.len];
                    let mut status = vec![Status::default(); count];
                    call.into(from.view(shape, &memory), to.view_mut(shape, &mut out), &mut status)
                        .unwrap();
                    let (y, intact) = to.gather(shape, &out, canary);
                    let what = format!("{call:?}, {count} of {n}, {} to {}", from.name, to.name);
                    assert_same_bits(&x, &y, &what);
                    assert!(intact, "{what}: written beside the output");
                }
            }
        }
    }
}

/// Every offset from a cache line, of input and output.
fn offsets_change_nothing<T: Scalar>() {
    for n in [1, 2, 3, 4, 7, 8, 16, 17, 24] {
        let count = 5;
        for call in [
            Call::Inv(Assume::Auto),
            Call::Cholesky(Uplo::Lower),
            Call::TriInv(Uplo::Upper, Diag::NonUnit),
            Call::Solve(Assume::General),
        ] {
            let a = examples::<T>(call, count, n, 7);
            let (x, _) = call.run(count, n, &a);
            for offset in 0..64 / size_of::<T>() {
                let mut memory = vec![T::nan(); offset];
                memory.extend(&a);
                let mut out = vec![T::nan(); offset + 3 + a.len()];
                let from = Stack::new(&memory[offset..], &[count, n, n]).unwrap();
                let to = StackMut::new(&mut out[offset + 3..], &[count, n, n]).unwrap();
                call.into(from, to, &mut []).unwrap();
                assert_same_bits(
                    &x,
                    &out[offset + 3..],
                    format!("{call:?}, n = {n}, offset {offset}"),
                );
            }
        }
    }
}

fn in_place_changes_nothing<T: Scalar>() {
    for n in [1, 2, 3, 4, 8, 13, 16, 17, 40] {
        let count = if n > 16 { 3 } else { 37 };
        let shape = [count, n, n];
        for assume in [
            Assume::Auto,
            Assume::General,
            Assume::Posdef,
            Assume::Symmetric,
            Assume::Lower,
            Assume::Upper,
            Assume::Diagonal,
        ] {
            let mut a = examples::<T>(Call::Inv(assume), count, n, 7);
            // A suspect in the middle is decided from what was read.
            a[(count / 2) * n * n] = T::nan();
            let (x, _) = Call::Inv(assume).run(count, n, &a);
            for layout in Layout::all(count, n, n) {
                let mut memory = layout.scatter(shape, &a, T::default());
                inv_in_place(layout.view_mut(shape, &mut memory), &mut [], &assuming(assume))
                    .unwrap();
                let (y, intact) = layout.gather(shape, &memory, T::default());
                assert_same_bits(&x, &y, format!("{assume:?}, {count} of {n}, {}", layout.name));
                assert!(intact);
            }
        }
    }
}

/// One matrix broadcast over the batch (stride 0), and a stack of several uneven axes.
fn broadcast_and_several_axes<T: Scalar>() {
    for n in [2, 4, 17] {
        let a = Call::Inv(Assume::General).example::<T>(n, 1);
        let (x, _) = Call::Inv(Assume::General).run(1, n, &a.data);
        let same = Stack::with_strides(&a.data, 0, &[3, 7, n, n], &[0, 0, n as isize, 1]).unwrap();
        let y = inv(same, &assuming(Assume::General)).unwrap();
        assert_eq!(y.shape(), [3, 7, n, n]);
        y.as_slice().chunks(n * n).for_each(|y| assert_same_bits(&x, y, n));

        let m = (n * n) as isize;
        let all = examples::<T>(Call::Inv(Assume::General), 2 * 3 * 4, n, 1);
        // Axes (4, 2, 3) of a (2, 3, 4) array: none can be merged.
        let turned =
            Stack::with_strides(&all, 0, &[4, 2, 3, n, n], &[m, 12 * m, 4 * m, n as isize, 1])
                .unwrap();
        let y = inv(turned, &assuming(Assume::General)).unwrap();
        for (at, y) in y.as_slice().chunks(n * n).enumerate() {
            let (k, i, j) = (at / 6, at / 3 % 2, at % 3);
            let first = (i * 12 + j * 4 + k) * n * n;
            let (x, _) = Call::Inv(Assume::General).run(1, n, &all[first..first + n * n]);
            assert_same_bits(&x, y, format!("n = {n}, {at}"));
        }
    }
}

/// float32 in double: the double inverse, rounded once.
#[test]
fn double_precision_inside() {
    let wide = Options { precision: Precision::Double, ..Options::default() };
    for n in [1, 2, 3, 5, 16, 17, 40] {
        let a = Call::Inv(Assume::Auto).example::<f32>(n, 1);
        let x = inv(a.view(), &wide).unwrap();
        let y: Mat<f32> = mat(inv(a.widen().view(), &Options::default()).unwrap()).narrow();
        assert_same_bits(x.as_slice(), &y.data, n);
        let a = Call::Inv(Assume::Auto).example::<c32>(n, 1);
        let x = inv(a.view(), &wide).unwrap();
        let y: Mat<c32> = mat(inv(a.widen().view(), &Options::default()).unwrap()).narrow();
        assert_same_bits(x.as_slice(), &y.data, n);
    }
}

fn hashes<T: Scalar>() -> Vec<(String, u64)> {
    let mut all = Vec::new();
    for call in Call::OWN {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for (count, n) in (1..=40).map(|n| (if n > 16 { 2 } else { 37 }, n)).chain([
            (1, 63),
            (1, 64),
            (1, 65),
            (1, 100),
            (1, 131),
        ]) {
            let mut a = examples::<T>(call, count, n, n as u64);
            if n % 3 == 0 {
                // Suspects: out of range, and a NaN.
                testkit::ldexp(&a[..n * n], -T::Real::BIG_EXP)
                    .iter()
                    .zip(&mut a)
                    .for_each(|(x, a)| *a = *x);
                let at = (count / 2) * n * n;
                a[at] = if count > 1 { T::nan() } else { a[at] };
            }
            let (x, status) = call.run(count, n, &a);
            hash = fnv(hash, &x);
            hash = status
                .iter()
                .fold(hash, |h, s| fnv(h, &[(s.code as u8 as f64) + 100.0 * s.at as f64]));
        }
        all.push((format!("{call:?} {}", T::NAME).replace(' ', "_"), hash));
    }
    all
}

/// Run by `instruction_sets_agree` in a process of its own: it prints hashes of result bits.
#[test]
fn child_hashes() {
    if !is_child() {
        return;
    }
    say(format!("ISA {}", instruction_set().map_or_else(|e| e.to_string(), |i| i.to_string())));
    for (name, hash) in hashes::<f32>()
        .into_iter()
        .chain(hashes::<f64>())
        .chain(hashes::<c32>())
        .chain(hashes::<c64>())
    {
        say(format!("HASH {name} {hash:016x}"));
    }
}

#[test]
fn instruction_sets_agree() {
    if is_child() {
        return;
    }
    let mut seen: Vec<(IsaId, Vec<String>)> = Vec::new();
    for isa in instruction_sets() {
        if isa == IsaId::Portable {
            continue;
        }
        let output = child("bits::child_hashes", isa.name());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{isa}: {text}");
        assert!(text.contains(&format!("ISA {isa}")), "{isa} was not forced: {text}");
        let lines: Vec<String> =
            text.lines().filter(|l| l.starts_with("HASH")).map(String::from).collect();
        assert_eq!(lines.len(), 4 * Call::OWN.len(), "{isa}: {text}");
        seen.push((isa, lines));
    }
    assert!(seen.len() >= 2, "nothing to compare: {seen:?}");
    let mut differ = Vec::new();
    for (isa, lines) in &seen[1..] {
        for (a, b) in seen[0].1.iter().zip(lines).filter(|(a, b)| a != b) {
            differ.push(format!("{}: {a}\n{isa}: {b}", seen[0].0));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Run by `unknown_sets_are_errors` in a process of its own.
#[test]
fn child_error() {
    if !is_child() {
        return;
    }
    let error = inv(Mat::<f64>::identity(3).view(), &Options::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Isa { name } if *name == std::env::var("AINV_ISA").unwrap()),
        "{error:?}"
    );
    assert!(error.to_string().contains("portable"), "{error}");
    assert!(matches!(instruction_set(), Err(Error::Isa { .. })));
    assert!(matches!(
        pinv(Mat::<f64>::identity(3).view(), &PinvOptions::default(), &Options::default()),
        Err(Error::Isa { .. })
    ));
    say("ISA refused");
}

#[test]
fn unknown_sets_are_errors() {
    if is_child() {
        return;
    }
    let missing = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    for name in ["sse9", "AVX2", " avx2", missing] {
        let output = child("bits::child_error", name);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("ISA refused"), "{name}: {text}");
    }
}

mod stamped {
    super::for_all_scalars!(
        threads_change_nothing,
        place_in_batch_changes_nothing,
        alone_as_in_a_stack,
        layouts_change_nothing,
        offsets_change_nothing,
        in_place_changes_nothing,
        broadcast_and_several_axes,
    );
}
