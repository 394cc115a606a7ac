//! Stacks of small matrices and single ones, by operation, scalar and order:
//!
//! ```sh
//! cargo bench -p ainv
//! cargo bench -p ainv -- 'inv.*f64'
//! ```
//!
//! `copy` moves the same bytes on one thread: what a stack of the smallest orders is bound by.

use ainv::{Assume, Diag, Options, Scalar, Stack, StackMut, Uplo, c32, c64};
use divan::{Bencher, counter::BytesCount};
use testkit::Rng;

const ORDERS: [usize; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 64];
/// Bytes of a stack: two of them fit in a second-level cache, or nearly so.
const STACK: usize = 1 << 20;

/// A stack of random matrices that are diagonally dominant, hence of every structure at once.
fn matrices<T: Scalar>(count: usize, n: usize) -> Vec<T> {
    let mut rng = Rng::new(n as u64);
    let mut a: Vec<T> = (0..count * n * n).map(|_| rng.scalar()).collect();
    for m in a.chunks_exact_mut(n * n) {
        for i in 0..n {
            for j in 0..i {
                m[j * n + i] = Scalar::conj(m[i * n + j]);
            }
            m[i * n + i] = T::from_re(ainv::RealScalar::from_f64(4.0 * n as f64));
        }
    }
    a
}

fn bench<T: Scalar>(
    bencher: Bencher,
    count: usize,
    n: usize,
    run: impl Fn(Stack<T>, StackMut<T>, &Options),
) {
    let a = matrices::<T>(count, n);
    let mut x = vec![T::default(); a.len()];
    let (shape, options) = ([count, n, n], Options::default());
    bencher.counter(BytesCount::new(2 * size_of_val(&a[..]))).bench_local(|| {
        let (a, x) = (Stack::new(&a, &shape), StackMut::new(&mut x, &shape));
        run(a.expect("the length fits"), x.expect("the length fits"), &options);
    });
}

fn count<T>(n: usize) -> usize {
    (STACK / size_of::<T>() / n.pow(2)).max(1)
}

macro_rules! stacks {
    ($($name:ident: |$a:ident, $x:ident, $o:ident| $call:expr;)*) => {$(
        #[divan::bench(types = [f32, f64, c32, c64], args = ORDERS, max_time = 0.2)]
        fn $name<T: Scalar>(bencher: Bencher, n: usize) {
            bench::<T>(bencher, count::<T>(n), n, |$a, $x, $o| {
                $call.expect("the matrices have inverses");
            });
        }
    )*};
}

stacks! {
    inv: |a, x, o| ainv::inv_into(a, x, &mut [], o);
    posdef_inv: |a, x, o| {
        ainv::inv_into(a, x, &mut [], &Options { assume: Assume::Posdef, ..o.clone() })
    };
    cholesky: |a, x, o| ainv::cholesky_into(a, Uplo::Lower, x, &mut [], o);
    cholesky_inv: |a, x, o| ainv::cholesky_inv_into(a, Uplo::Lower, x, &mut [], o);
    tri_inv: |a, x, o| ainv::tri_inv_into(a, Uplo::Lower, Diag::NonUnit, x, &mut [], o);
}

/// One matrix: the price of a call.
#[divan::bench(types = [f32, f64, c32, c64], args = ORDERS, max_time = 0.1)]
fn one_inv<T: Scalar>(bencher: Bencher, n: usize) {
    bench::<T>(bencher, 1, n, |a, x, o| {
        ainv::inv_into(a, x, &mut [], o).expect("the matrix has an inverse");
    });
}

/// The same bytes, copied on one thread.
#[divan::bench(max_time = 0.2)]
fn copy(bencher: Bencher) {
    let a = vec![1.0f64; STACK / 8];
    let mut x = a.clone();
    bencher.counter(BytesCount::new(2 * STACK)).bench_local(|| {
        x.copy_from_slice(divan::black_box(&a));
        divan::black_box(&mut x);
    });
}

fn main() {
    divan::main();
}
