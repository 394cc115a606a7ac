//! The same bits: for any threads, place, batch, layout, and in place.

use super::common::*;
use ainv::*;
use std::sync::Mutex;
use testkit::{Mat, assert_same_bits};

/// Held by the tests that set the number of threads, which is the process's.
pub(crate) static THREADS: Mutex<()> = Mutex::new(());

#[test]
#[cfg(target_pointer_width = "64")]
fn no_number_of_threads_is_too_large() {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    set_num_threads(usize::MAX).unwrap();
    let plan = plan::<f64>(Operation::Inv, [9, 300, 300], &Options::default()).unwrap();
    set_num_threads(2).unwrap();
    assert_eq!((plan.threads, plan.together), (65_535, 9));
}

fn threads_change_nothing<T: Scalar>() {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    for (count, n) in [(4000, 4), (700, 16), (60, 40), (3, 200), (1, 257)] {
        for call in Call::all() {
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
            for threads in [2, 3, 5, 8, 16] {
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
        for threads in [2, 3, 5, 8, 16] {
            set_num_threads(threads).unwrap();
            assert_same_bits(&x, &square(), format!("{count} products of {n}, {threads} threads"));
        }
    }
    set_num_threads(2).unwrap();
    assert!(set_num_threads(0).is_err());
}

/// Every call, a hundred times, with threads that come and go.
#[test]
fn a_hundred_runs_are_one() {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    for (count, n) in [(1, 5), (1, 17), (1, 40), (1, 130), (1, 200), (9, 3), (70, 24)] {
        for call in Call::all() {
            if count * n > 100 && !matches!(call, Call::Inv(_) | Call::Solve(_) | Call::Pinv) {
                continue;
            }
            set_num_threads(1).unwrap();
            let a = examples::<f64>(call, count, n, 1);
            let (x, _) = call.run(count, n, &a);
            for run in 0..100 {
                if run % 10 == 0 {
                    set_num_threads([1, 2, 3, 5, 8, 16, 2, 3, 5, 1][run / 10]).unwrap();
                }
                let (y, _) = call.run(count, n, &a);
                assert_same_bits(&x, &y, format!("{call:?}, {count} of {n}, run {run}"));
            }
        }
    }
    set_num_threads(2).unwrap();
}

/// Threads within one matrix, on each route of pseudo-inverses: by LU, by A^H A, by a basis of the rows,
/// and, where the ranks cannot be told apart, by singular values.
#[test]
fn threads_within_a_pseudo_inverse() {
    fn of<T: Scalar>() {
        let rng = &mut testkit::Rng::new(1);
        let mut random = |m, n| -> Mat<T> { Mat::from_fn(m, n, |_, _| rng.scalar()) };
        let graded = random(192, 192).map(|_, j, x| x.ldexp(-(j as i32) / 2));
        for (what, a) in [
            ("square", random(256, 256)),
            ("tall", random(400, 200)),
            ("wide", random(200, 400)),
            ("low rank", random(256, 20).times(&random(20, 256))),
            ("graded", graded),
        ] {
            let run = |threads: usize| {
                set_num_threads(threads).unwrap();
                pinv(a.view(), &PinvOptions::default(), &Options::default()).unwrap().into_vec()
            };
            let x = run(1);
            for threads in [2, 3, 5, 16] {
                assert_same_bits(&x, &run(threads), format!("{what}, {threads} threads"));
            }
        }
    }
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    of::<f64>();
    of::<f32>();
    of::<c64>();
    set_num_threads(2).unwrap();
}

/// Every batch size to 65, each matrix as if it were alone.
fn place_in_batch_changes_nothing<T: Scalar>() {
    for call in Call::all() {
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

/// On both sides of the largest orders in lanes, with whole and broken registers.
fn place_in_batch_at_the_limits_of_lanes<T: Scalar>() {
    for call in Call::all() {
        for n in [12, 13, 19, 20, 21, 24, 25, 31, 32, 33] {
            let a = examples::<T>(call, 65, n, 1);
            let alone: Vec<T> = a.chunks(n * n).flat_map(|a| call.run(1, n, a).0).collect();
            for count in [2, 3, 8, 9, 15, 16, 17, 33, 63, 64, 65] {
                let (x, _) = call.run(count, n, &a[..count * n * n]);
                assert_same_bits(&x, &alone[..count * n * n], format!("{call:?}, {count} of {n}"));
            }
        }
    }
}

/// The orders by columns and the first blocked ones, in stacks with a good and a bad neighbour.
fn larger_orders_alone_and_in_a_stack<T: Scalar>() {
    for n in [34, 39, 40, 47, 48, 63, 64, 65, 66, 100, 129, 130, 191, 192, 199] {
        for call in Call::all() {
            if call == Call::Pinv && n > 100 {
                continue;
            }
            let mut a = examples::<T>(call, 4, n, 1);
            a[n * n..2 * n * n].fill(T::nan());
            let alone: Vec<T> = a.chunks(n * n).flat_map(|a| call.run(1, n, a).0).collect();
            assert_same_bits(&call.run(4, n, &a).0, &alone, format!("{call:?}, n = {n}"));
        }
    }
}

/// Results of 24 MiB and more go past the caches: the bits are those of small stacks.
#[test]
fn results_past_the_caches() {
    fn of<T: Scalar>(n: usize) {
        let size = n * n;
        // Not a whole number of registers, nor of cache lines.
        let count = (24 << 20) / (size * size_of::<T>()) + 8003;
        let plan = plan::<T>(Operation::Inv, [count, n, n], &Options::default()).unwrap();
        assert!(plan.stream, "{plan}");
        let some = examples::<T>(Call::Inv(Assume::General), 1009, n, 1);
        let mut a: Vec<T> = some.iter().copied().cycle().take(count * size).collect();
        // Suspects among them, which are stored again.
        for k in (0..count).step_by(1777) {
            a[k * size..(k + 1) * size]
                .iter_mut()
                .for_each(|x| *x = x.ldexp(-T::Real::BIG_EXP - 4));
        }
        // From the beginning of a line, and not.
        for offset in [0, 1] {
            let mut x = vec![T::nan(); count * size + offset];
            let mut status = vec![Status::default(); count];
            let to = StackMut::new(&mut x[offset..], &[count, n, n]).unwrap();
            let from = Stack::new(&a, &[count, n, n]).unwrap();
            let summary = inv_into(from, to, &mut status, &Options::default()).unwrap();
            assert_eq!(summary.failed, 0);
            for (at, (a, x)) in a.chunks(999 * size).zip(x[offset..].chunks(999 * size)).enumerate()
            {
                let (y, _) = Call::Inv(Assume::Auto).run(a.len() / size, n, a);
                assert_same_bits(x, &y, format!("{} n = {n}, from {}", T::NAME, at * 999));
            }
        }
    }
    of::<f64>(1);
    of::<f64>(2);
    of::<f64>(3);
    of::<f64>(4);
    of::<f64>(7);
    of::<f32>(4);
    of::<f32>(8);
    of::<c32>(5);
    of::<c64>(3);
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

/// numpy 22502: wrong on one CPU. Exact, alone and in every place of a stack.
fn a_unit_matrix_with_one_entry<T: Scalar>() {
    for n in [24, 8, 18, 33, 66] {
        let with = |x: f64| {
            let mut a = Mat::<T>::identity(n);
            a[(17 % n, 15 % n)] = T::from_re(T::Real::from_f64(x));
            a.data
        };
        let (a, x) = (with(10.0), with(-10.0));
        for call in [Call::Inv(Assume::Auto), Call::Inv(Assume::General), Call::Pinv] {
            for count in [1, 2, 9, 17, 35] {
                let (y, _) = call.run(count, n, &a.repeat(count));
                for y in y.chunks(n * n) {
                    if call == Call::Pinv {
                        let near = |(x, y): (&T, &T)| (x.re() - y.re()).to_f64().abs() < 1e-4;
                        assert!(x.iter().zip(y).all(near), "{call:?}, n = {n}");
                    } else {
                        // Zeros of either sign.
                        assert!(x == y, "{call:?}, {count} of {n}");
                    }
                }
            }
        }
    }
}

/// What the child processes of `alone_as_in_a_stack_on_every_set` run.
#[test]
fn child_alone() {
    if !is_called() {
        return;
    }
    a_unit_matrix_with_one_entry::<f32>();
    a_unit_matrix_with_one_entry::<f64>();
    a_unit_matrix_with_one_entry::<c32>();
    a_unit_matrix_with_one_entry::<c64>();
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
    on_each_set("bits::child_alone");
}

fn layouts_change_nothing<T: Scalar>() {
    let canary = T::from_re(T::Real::from_f64(12345.5));
    // The last is of several panels.
    for (n, count, others) in [1, 2, 3, 4, 6, 8, 13, 16].map(|n| (n, 19, 3)).into_iter().chain([
        (17, 3, 3),
        (33, 3, 3),
        (521, 1, 1),
    ]) {
        let shape = [count, n, n];
        for call in Call::all() {
            let mut a = examples::<T>(call, count, n, 7);
            if n == 521 {
                // Two blocks on the diagonal: zeros have signs, too.
                let apart = |at: usize| (at / n < n / 2) != (at % n < n / 2);
                (0..n * n).filter(|&at| apart(at)).for_each(|at| a[at] = T::default());
            }
            let (x, _) = call.run(count, n, &a);
            let layouts = Layout::all(count, n, n);
            for (k, from) in layouts.iter().enumerate() {
                let memory = from.scatter(shape, &a, T::nan());
                // Each with the next few: all pairs over the orders.
                for to in layouts.iter().cycle().skip(k + n % 5).take(others) {
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

/// Conditions, pseudo-inverses of matrices that are not square, and right-hand sides that lie otherwise than
/// the matrices.
fn layouts_change_nothing_else<T: Scalar>() {
    let o = Options::default();
    for n in [1, 2, 3, 4, 8, 13, 17, 33, 66] {
        let count = if n > 16 { 2 } else { 5 };
        let shape = [count, n, n];
        let a = examples::<T>(Call::Pinv, count, n, 7);
        let dense = Stack::new(&a, &shape).unwrap();
        let conditions = [Norm::One, Norm::Inf, Norm::Two].map(|of| rcond(dense, of, &o).unwrap());
        let (rows, k) = (n + n / 2 + 1, n / 3 + 1);
        let tall: Vec<T> = (0..rows).flat_map(|_| a[..count * n].to_vec()).collect();
        let mixed: Vec<T> = tall.iter().enumerate().map(|(at, x)| x.ldexp(at as i32 % 5)).collect();
        let pseudo = |a: Stack<T>| pinv(a, &PinvOptions::default(), &o).unwrap().into_vec();
        let expected = pseudo(Stack::new(&mixed, &[count, rows, n]).unwrap());
        let b = &mixed[..count * n * k];
        let solutions = |a: Stack<T>, b: Stack<T>| solve(a, b, &o).unwrap().into_vec();
        let solved = solutions(dense, Stack::new(b, &[count, n, k]).unwrap());
        let layouts = |rows: usize, cols: usize| Layout::all(count, rows, cols);
        for (at, from) in layouts(n, n).iter().enumerate() {
            let what = format!("{count} of {n}, {}", from.name);
            let memory = from.scatter(shape, &a, T::nan());
            let view = from.view(shape, &memory);
            for (norm, expected) in [Norm::One, Norm::Inf, Norm::Two].into_iter().zip(&conditions) {
                assert_eq!(rcond(view, norm, &o).unwrap(), *expected, "{norm:?}, {what}");
            }
            // All other layouts of B, over the orders.
            for side in layouts(n, k).iter().cycle().skip(at + n % 7).take(4) {
                let shape = [count, n, k];
                let memory = side.scatter(shape, b, T::nan());
                let x = solutions(view, side.view(shape, &memory));
                assert_same_bits(&x, &solved, format!("{what}, B {}", side.name));
            }
            let from = &layouts(rows, n)[at];
            let memory = from.scatter([count, rows, n], &mixed, T::nan());
            let tall = from.view([count, rows, n], &memory);
            assert_same_bits(&pseudo(tall), &expected, format!("pseudo-inverse, {what}"));
        }
        // Into another layout.
        let canary = T::from_re(T::Real::from_f64(12345.5));
        for to in layouts(n, rows) {
            let mut out = vec![canary; to.len];
            let view = to.view_mut([count, n, rows], &mut out);
            let from = Stack::new(&mixed, &[count, rows, n]).unwrap();
            pinv_into(from, view, &PinvOptions::default(), &mut [], &o).unwrap();
            let (x, intact) = to.gather([count, n, rows], &out, canary);
            assert_same_bits(&x, &expected, format!("pseudo-inverse of {n}, to {}", to.name));
            assert!(intact, "n = {n}, {}", to.name);
        }
    }
}

/// Every offset from a cache line, of input and output.
fn offsets_change_nothing<T: Scalar>() {
    for (count, n) in
        [1, 2, 3, 4, 7, 8, 16, 17, 24].map(|n| (5, n)).into_iter().chain([(2, 131), (1, 521)])
    {
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

/// Results whose columns, or rows, stand as those of the copies that blocked algorithms work on: whole cache
/// lines, no large power of two. The matrix is worked on in their memory, from which one that is singular or out of
/// range must come back.
fn results_that_stand_well_change_nothing<T: Scalar>() {
    let line = 64 / size_of::<T>();
    let canary = T::from_re(T::Real::from_f64(12345.5));
    // The second is a whole number of cache lines, and a line more. Complex matrices take four times as long.
    for n in [521usize, 640].into_iter().take(if T::COMPLEX { 1 } else { 2 }) {
        let shape @ [count, ..] = [3, n, n];
        let ld = n.next_multiple_of(line);
        let ld = if ld.is_multiple_of(8 * line) { ld + line } else { ld };
        for call in Call::all().filter(|call| *call != Call::Pinv) {
            let mut a = examples::<T>(call, count, n, 7);
            let (singular, large) = a[n * n..].split_at_mut(n * n);
            (0..n).for_each(|i| singular[i * n + n / 2] = T::default());
            (0..n).for_each(|j| singular[n / 2 * n + j] = T::default());
            large.iter_mut().for_each(|x| {
                *x = x.ldexp(if T::Real::EPSILON.to_f64() < 1e-10 { 1000 } else { 110 })
            });
            let (x, expected) = call.run(count, n, &a);
            for by_columns in [false, true] {
                let mut out = vec![canary; count * n * ld + line];
                let first = out.as_ptr().align_offset(64);
                let (rs, cs) = if by_columns { (1, ld as isize) } else { (ld as isize, 1) };
                let strides = [(n * ld) as isize, rs, cs];
                let to = Layout { name: "well", len: out.len(), offset: first, strides };
                let mut status = vec![Status::default(); count];
                let from = Stack::new(&a, &shape).unwrap();
                call.into(from, to.view_mut(shape, &mut out), &mut status).unwrap();
                let (y, intact) = to.gather(shape, &out, canary);
                let what = format!("{call:?} of {n}, by columns: {by_columns}");
                assert_eq!(status, expected, "{what}");
                assert_same_bits(&x, &y, &what);
                assert!(intact, "{what}: written beside the output");
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

/// float32 in double: the double result, rounded once. Staged copies have rows of their own length.
#[test]
fn double_precision_inside() {
    fn all<T: Scalar>() {
        let in_double = Options { precision: Precision::Double, ..Options::default() };
        for n in [1, 2, 3, 5, 16, 17, 40, 131, 521] {
            for call in Call::OWN {
                let a = call.example::<T>(n, 1);
                let mut x = Mat::<T>::zeros(n, n);
                let to = StackMut::new(&mut x.data, &[n, n]).unwrap();
                call.into_with(a.view(), to, &mut [], &in_double).unwrap();
                let (y, _) = call.run(1, n, &a.widen().data);
                let y: Mat<T> = Mat { data: y, ..a.widen() }.narrow();
                assert_same_bits(&x.data, &y.data, format!("{call:?}, n = {n}"));
            }
            for (assume, k) in [(Assume::General, 3), (Assume::Posdef, n + 1)] {
                let a = Call::Solve(assume).example::<T>(n, 1);
                let b = Mat::<T>::from_fn(n, k, |i, j| testkit::parts((i + 2 * j) as f64, 1.0));
                let o = Options { assume, ..Options::default() };
                let wide = Options { precision: Precision::Double, ..o.clone() };
                let x = solve(a.view(), b.view(), &wide).unwrap();
                let y = solve(a.widen().view(), b.widen().view(), &o).unwrap();
                let y: Mat<T> = mat(y).narrow();
                assert_same_bits(x.as_slice(), &y.data, format!("solve {assume:?}, n = {n}"));
            }
        }
    }
    all::<f32>();
    all::<c32>();
}

mod stamped {
    super::for_all_scalars!(
        threads_change_nothing,
        place_in_batch_changes_nothing,
        place_in_batch_at_the_limits_of_lanes,
        larger_orders_alone_and_in_a_stack,
        alone_as_in_a_stack,
        layouts_change_nothing,
        layouts_change_nothing_else,
        offsets_change_nothing,
        results_that_stand_well_change_nothing,
        in_place_changes_nothing,
        broadcast_and_several_axes,
    );
}
