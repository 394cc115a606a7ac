//! Large matrices: one result, whatever the layout, the threads, and the memory that is worked in.

use super::bits::THREADS;
use super::common::*;
use super::large::{SCRATCH_IN_PLACE, gram, hidden};
use ainv::*;
use testkit::*;

/// The calls that have a result in the place of their matrix.
pub(crate) const CALLS: [Call; 9] = [
    Call::Inv(Assume::Auto),
    Call::Inv(Assume::General),
    Call::Inv(Assume::Posdef),
    Call::Cholesky(Uplo::Lower),
    Call::Cholesky(Uplo::Upper),
    Call::CholeskyInv(Uplo::Lower),
    Call::CholeskyInv(Uplo::Upper),
    Call::TriInv(Uplo::Lower, Diag::NonUnit),
    Call::TriInv(Uplo::Upper, Diag::Unit),
];

fn dense(count: usize, n: usize) -> Layout {
    Layout::new("C", [count, n, n], [(n * n) as isize, n as isize, 1], (0, 0))
}

/// The result of a dense matrix in its own place.
pub(crate) fn run_in_place<T: Scalar>(call: Call, n: usize, a: &[T]) -> (Vec<T>, Vec<Status>) {
    let (mut x, mut status) = (a.to_vec(), vec![Status::default()]);
    call.in_place(&dense(1, n), [1, n, n], &mut x, &mut status).unwrap();
    (x, status)
}

/// Threads, layouts, a place in a stack, the place of the matrix itself: the bits of one thread on a
/// dense matrix alone.
fn one_result<T: Scalar>(n: usize, calls: &[Call], layouts: &[&str]) {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    let canary = T::from_re(T::Real::from_f64(12345.5));
    for &call in calls {
        // Two threads share the last one of three, and each large one.
        let count = if n < 512 { 3 } else { 2 };
        let shape = [count, n, n];
        let a = examples::<T>(call, count, n, 7);
        set_num_threads(1).unwrap();
        let alone: Vec<T> = a.chunks(n * n).flat_map(|a| call.run(1, n, a).0).collect();
        for threads in [1, 2, 3, 5, 8] {
            set_num_threads(threads).unwrap();
            let what = format!("{call:?}, n = {n}, {threads} threads");
            let (first, alone) = (&a[..n * n], &alone[..n * n]);
            assert_same_bits(alone, &call.run(1, n, first).0, &what);
            let (x, _) = run_in_place(call, n, first);
            assert_same_bits(alone, &x, format!("{what}, in place"));
        }
        set_num_threads(2).unwrap();
        let all = Layout::all(count, n, n);
        let some: Vec<_> = all.iter().filter(|l| layouts.contains(&l.name)).collect();
        assert_eq!(some.len(), layouts.len(), "{layouts:?}");
        for (k, from) in some.iter().enumerate() {
            let mut memory = from.scatter(shape, &a, canary);
            let to = some[(k + 1) % some.len()];
            let mut out = vec![canary; to.len];
            call.into(from.view(shape, &memory), to.view_mut(shape, &mut out), &mut []).unwrap();
            let (x, intact) = to.gather(shape, &out, canary);
            let what = format!("{call:?}, {count} of {n}, {} to {}", from.name, to.name);
            assert_same_bits(&alone, &x, &what);
            assert!(intact, "{what}: written beside the output");
            call.in_place(from, shape, &mut memory, &mut []).unwrap();
            let (x, intact) = from.gather(shape, &memory, canary);
            let what = format!("{call:?}, {count} of {n}, in place, {}", from.name);
            assert_same_bits(&alone, &x, &what);
            assert!(intact, "{what}: written beside the output");
        }
    }
}

const LAYOUTS: [&str; 10] = [
    "C",
    "Fortran",
    "rows reversed",
    "columns reversed",
    "all reversed",
    "padded rows",
    "padded columns",
    "every second",
    "batch innermost",
    "batch innermost, Fortran",
];

fn one_result_of_order_200<T: Scalar>() {
    one_result::<T>(200, &CALLS, &LAYOUTS);
}

#[test]
fn one_result_of_order_520() {
    one_result::<f64>(520, &CALLS, &["C", "Fortran", "all reversed", "padded rows"]);
}

#[test]
fn one_result_of_order_1030() {
    let layouts = ["C", "Fortran", "rows reversed", "padded columns"];
    let upper =
        |call: &Call| matches!(call, Call::Cholesky(u) | Call::CholeskyInv(u) if *u == Uplo::Upper);
    let calls: Vec<_> = CALLS[1..].iter().copied().filter(|call| !upper(call)).collect();
    one_result::<f64>(1030, &calls, &layouts);
    one_result::<c32>(1030, &[Call::Inv(Assume::Posdef)], &layouts);
}

/// In place the strips are narrower than the groups of 512 columns.
#[test]
fn one_result_of_order_2100() {
    let triangle = Call::TriInv(Uplo::Lower, Diag::NonUnit);
    one_result::<f32>(2100, &[Call::Inv(Assume::General), triangle], &["C"]);
}

#[test]
fn what_is_not_read_may_be_nan_in_place() {
    let n = SCRATCH_IN_PLACE + 6;
    let g = gram::<f64>(n, 3);
    let seen = g.map(|i, j, x| if i == j { x } else { x / n as f64 });
    let calls = [
        Call::Inv(Assume::Posdef),
        Call::Cholesky(Uplo::Lower),
        Call::Cholesky(Uplo::Upper),
        Call::CholeskyInv(Uplo::Lower),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::Unit),
    ];
    for call in calls {
        let reads = |i: usize, j: usize| match call {
            Call::TriInv(_, Diag::Unit) => i < j,
            Call::Cholesky(Uplo::Upper) => i <= j,
            _ => i >= j,
        };
        let (x, _) = call.run(1, n, &seen.data);
        let (y, status) = run_in_place(call, n, &hidden(&seen, reads).data);
        assert!(status[0].is_ok(), "{call:?}: {status:?}");
        assert_same_bits(&x, &y, format!("{call:?}: in place, the rest NaN"));
    }
}

/// Two threads that call at once share the pool, and disturb each other in nothing.
#[test]
fn two_calls_at_once() {
    let n = 600;
    let work = |call: Call| {
        let a = call.example::<f64>(n, 1);
        let (x, _) = call.run(1, n, &a.data);
        (call, a, x)
    };
    let works = [Call::Inv(Assume::General), Call::Inv(Assume::Posdef)].map(work);
    std::thread::scope(|s| {
        for (call, a, x) in &works {
            s.spawn(move || {
                for _ in 0..10 {
                    assert_same_bits(x, &call.run(1, n, &a.data).0, format!("{call:?} at once"));
                }
            });
        }
    });
}

/// The threads of this process.
#[cfg(target_os = "linux")]
fn threads_of_this_process() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// What `inside_a_pool_of_one_thread` runs in a process of its own, where no other test makes
/// threads.
#[cfg(target_os = "linux")]
#[test]
fn child_in_a_pool() {
    if !is_child() {
        return;
    }
    let n = 600;
    let call = Call::Inv(Assume::General);
    let a = call.example::<f64>(n, 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let before = threads_of_this_process();
    let (seen, x) = pool.install(|| (num_threads(), call.run(1, n, &a.data).0));
    assert_eq!((seen, threads_of_this_process()), (1, before), "threads inside the pool");
    // Outside ainv makes its own: so the count would have shown them.
    set_num_threads(3).unwrap();
    assert_same_bits(&x, &call.run(1, n, &a.data).0, "inside and outside a pool");
    assert_eq!(threads_of_this_process(), before + 3);
    say("IN A POOL");
}

#[cfg(target_os = "linux")]
#[test]
fn inside_a_pool_of_one_thread() {
    if is_child() {
        return;
    }
    let output = child("large_same::child_in_a_pool", instruction_set().unwrap().name());
    let text = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("IN A POOL"), "{text}{out}");
}

mod stamped {
    super::for_all_scalars!(one_result_of_order_200);
}
