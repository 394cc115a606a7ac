//! The memory of a large matrix in its own place (RELIABILITY 4): the planned scratch beside it, at most
//! 5 % of it. A binary of its own, because it counts what the whole process allocates.

use ainv::{Assume, Diag, Error, Options, RealScalar, Scalar, Stack, StackMut, Summary, Uplo};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use testkit::{Mat, Rng, Worst};

/// Of the matrix, in hundredths.
const BAR: f64 = 5.0;

/// Counts the bytes that are allocated now, and the most that ever were since `PEAK` was set.
struct Counting;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy, Debug)]
enum Call {
    Inv(Assume),
    Cholesky,
    CholeskyInv,
    TriInv(Uplo),
}

impl Call {
    fn in_place<T: Scalar>(self, a: &mut Mat<T>) -> Result<Summary, Error> {
        let (n, p) = (a.rows, a.data.as_mut_ptr());
        let (shape, strides) = ([n, n], [n as isize, 1]);
        // SAFETY: one dense matrix; every operation reads what it needs of it before it writes there.
        let (a, x) = unsafe {
            (
                Stack::from_raw_parts(p.cast_const(), &shape, &strides)?,
                StackMut::from_raw_parts(p, &shape, &strides)?,
            )
        };
        let o = Options::default();
        match self {
            Call::Inv(assume) => ainv::inv_into(a, x, &mut [], &Options { assume, ..o }),
            Call::Cholesky => ainv::cholesky_into(a, Uplo::Lower, x, &mut [], &o),
            Call::CholeskyInv => ainv::cholesky_inv_into(a, Uplo::Lower, x, &mut [], &o),
            Call::TriInv(uplo) => ainv::tri_inv_into(a, uplo, Diag::NonUnit, x, &mut [], &o),
        }
    }
}

/// Waits for threads that are going, with what they kept.
fn settled(level: usize) {
    let since = Instant::now();
    while LIVE.load(Relaxed) > level {
        assert!(since.elapsed() < Duration::from_secs(10), "{} bytes stay", LIVE.load(Relaxed));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most that is allocated beside the matrix, in hundredths of it. The pool is a new one: its
/// threads have kept nothing of earlier calls.
fn peak<T: Scalar>(call: Call, a: &mut Mat<T>) -> f64 {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.broadcast(|_| ());
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let summary = pool.install(|| call.in_place(a)).unwrap();
    let peak = PEAK.load(Relaxed) - before;
    assert_eq!(summary.failed, 0, "{call:?}");
    100.0 * peak as f64 / (a.data.len() * size_of::<T>()) as f64
}

fn peaks<T: Scalar>(orders: &[usize], worst: &mut Worst) {
    for &n in orders {
        let rng = &mut Rng::new(n as u64);
        let mut definite = Mat::<T>::from_fn(n, n, |_, _| testkit::parts(rng.uniform(), 0.0));
        for i in 0..n {
            definite[(i, i)] = T::from_re(T::Real::from_f64(n as f64));
            for j in 0..i {
                definite[(j, i)] = definite[(i, j)];
            }
        }
        let general = definite.map(|i, j, x| if i < j { x + x } else { x });
        for (call, a) in [
            (Call::Inv(Assume::Auto), &general),
            (Call::Inv(Assume::General), &general),
            (Call::Inv(Assume::Auto), &definite),
            (Call::Inv(Assume::Posdef), &definite),
            (Call::Cholesky, &definite),
            (Call::CholeskyInv, &definite),
            (Call::TriInv(Uplo::Lower), &general),
            (Call::TriInv(Uplo::Upper), &general),
        ] {
            let level = LIVE.load(Relaxed);
            let mut x = a.clone();
            let hundredths = peak(call, &mut x);
            drop(x);
            // What the process keeps of its first pool.
            settled(level + (64 << 10));
            let kind = if std::ptr::eq(a, &definite) { "definite" } else { "general" };
            worst.check(
                format!("{call:?}, {kind}, {} {n}", T::NAME),
                format!("{:.0} KB", hundredths / 100.0 * (n * n * size_of::<T>()) as f64 / 1e3),
                hundredths,
                BAR,
            );
        }
    }
}

/// One test, so that nothing else runs while it counts.
#[test]
fn a_twentieth_beside_a_matrix_in_its_own_place() {
    let mut worst = Worst::new("hundredths of the matrix beside it, two threads");
    peaks::<f64>(&[1025, 1536, 2048], &mut worst);
    peaks::<f32>(&[1025, 1100, 2048], &mut worst);
    worst.finish();
}
