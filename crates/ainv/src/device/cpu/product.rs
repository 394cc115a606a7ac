//! Products of two stacks on the cores: the stack is shared out, or the threads share each product.

use super::arena;
use super::executor::pause;
use super::pool;
use crate::alg::Context;
use crate::alg::gemm::{Operand, Product, Update};
use crate::device::stream;
use crate::error::Error;
use crate::options::Options;
use crate::stack::{Stack, StackMut};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::Scalar;

/// Multiply-adds up to which packing the operands would cost more than it saves.
const UNPACKED: usize = 16 * 16 * 16;

/// The products of matrices that fit. Every sum runs in an order that m, n and k fix.
pub(crate) fn matmul<T: Scalar>(
    a: &Stack<T>,
    b: &Stack<T>,
    x: &StackMut<T>,
    options: &Options,
) -> Result<(), Error> {
    let _mode = stream::begin(options, "matmul")?;
    let cancel = options.cancel.as_ref();
    let (count, m, n, k) = (x.len(), a.rows(), b.cols(), a.cols());
    if m == 0 || n == 0 {
        return Ok(());
    }
    let kernels = T::kernels()?;
    let available = Context::new(kernels, pool::num_threads(), cancel);
    let one = |i: usize, cx: &Context<T>| {
        pause(cancel)?;
        let operand = |p: *const T, f: Frame| Operand::strided(p, f.rs, f.cs, false);
        let a = operand(a.matrix(i), a.frame());
        let b = operand(b.matrix(i), b.frame());
        // SAFETY: matrices of checked views that fit; matrix i of the output is this task's.
        unsafe { product(cx, [m, n, k], a, b, x.matrix(i), x.frame()) }
    };
    let alone = |range: std::ops::Range<usize>| {
        let cx = available.sequential();
        range.into_iter().try_for_each(|i| one(i, &cx))
    };
    match available.threads_for(count * m, n, k) {
        1 => alone(0..count),
        threads if count < threads => {
            pool::install(|| (0..count).try_for_each(|i| one(i, &available)))
        }
        threads => pool::install(|| pool::split(count, 1, threads, &alone)),
    }
}

/// One product. Where it is packed it is done as C^T = B^T A^T, whose columns are C's rows.
///
/// # Safety
/// The operands are readable and C is writable over their sizes; C overlaps neither.
unsafe fn product<T: Scalar>(
    cx: &Context<T>,
    [m, n, k]: [usize; 3],
    a: Operand<T>,
    b: Operand<T>,
    c: *mut T,
    to: Frame,
) -> Result<(), Error> {
    if m * n * k <= UNPACKED {
        for i in 0..m {
            for j in 0..n {
                let mut sum = T::default();
                for p in 0..k {
                    // SAFETY: entries of both operands.
                    sum = unsafe { sum + a.from(i, p).p.read() * b.from(p, j).p.read() };
                }
                // SAFETY: an entry of C.
                unsafe { c.offset(to.at(i, j)).write(sum) };
            }
        }
        return Ok(());
    }
    let turned = |of: Operand<T>| Operand::strided(of.p, of.cs, of.rs, of.conj);
    let rows = |c: *mut T, ldc: isize| Product {
        m: n,
        n: m,
        k,
        a: turned(b),
        b: turned(a),
        update: Update::Set,
        c,
        ldc,
    };
    if to.cs == 1 && to.rs >= n as isize {
        // SAFETY: the caller's; C has whole rows.
        return unsafe { rows(c, to.rs).run(cx) };
    }
    arena::with(m * n, |dense: *mut T| {
        // SAFETY: the block holds C row by row; the entries of C are written once it is done.
        unsafe {
            rows(dense, n as isize).run(cx)?;
            for i in 0..m {
                for j in 0..n {
                    c.offset(to.at(i, j)).write(dense.add(i * n + j).read());
                }
            }
        }
        Ok(())
    })
}
