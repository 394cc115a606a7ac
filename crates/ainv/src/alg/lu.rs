//! LU with partial pivoting, and the inverse from it.

use super::gemm::{Operand, Product, Update};
use super::strips::{group, strips};
use super::triangular::{invert, solve_left_unit_lower, solve_right, solve_rows};
use super::{Context, Shared, Shares, half, leading_dimension, panel_width};
use crate::device::cpu::arena;
use crate::device::cpu::executor::{let_in, pause};
use crate::error::{Error, filled};
use ainv_kernels::panel::{PanelLu, WIDTH};
use ainv_kernels::scalar::Scalar;
use ainv_kernels::trsm::Triangle;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// P A = L U in A's place (n x n, columns `ld` apart), right-looking: while the columns behind a
/// panel take its update, one thread has already updated and factors the next panel (lookahead;
/// Dongarra, Faverge, Ltaief, Luszczek, "Achieving numerical accuracy and high performance using
/// recursive tile LU factorization", Concurrency Comput. 26, 2014). Row k was exchanged with row
/// `pivots[k]`. The 1-based number of the first pivot that is zero, or 0; the factorisation goes on
/// past it.
///
/// # Safety
/// A is writable over its size; `pivots` holds n.
pub(crate) unsafe fn factor<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
    pivots: &mut [usize],
) -> Result<usize, Error> {
    let panels = panels(n);
    // SAFETY: the caller's matrix.
    let mut zero = unsafe { panel(cx, (n, panels[0].end), a, ld, &mut pivots[..panels[0].end])? };
    // One thread packs what it needs where it needs it.
    let shared = cx.scratch().ample && cx.threads > 1;
    let space = if shared { n.next_multiple_of(cx.kernels.mr) * panel_width(n) } else { 0 };
    arena::with(space, |space: *mut T| {
        for two in panels.windows(2) {
            let (Range { start: first, end: next }, after) = (two[0].clone(), two[1].end);
            let width = next - first;
            let (done, rest) = pivots.split_at_mut(next);
            let threads = cx.threads_for(n - next, n - next, width);
            let shares = Shares::new(n - after, threads, 2 * cx.kernels.nr);
            // SAFETY: the panel below its triangle, and its place among the packed.
            let below = unsafe {
                let below = a.offset(next as isize + first as isize * ld).cast_const();
                let below = Operand::columns(below, ld);
                match shared && shares.count > 1 {
                    true => pack(cx, (n - next, width), below, space)?,
                    false => below,
                }
            };
            let step = Step { a: Shared(a), ld, n, first, next, pivots: &done[first..], below };
            let ahead = Shared(rest.as_mut_ptr());
            let found = AtomicUsize::new(0);
            let one = cx.sequential();
            cx.each(1 + shares.count, threads, &|task| {
                // SAFETY: columns of the caller's matrix, no one else's; the next panel's pivots.
                unsafe {
                    if task > 0 {
                        let share = shares.range(task - 1);
                        return step.update(&one, after + share.start..after + share.end);
                    }
                    step.update(&one, next..after)?;
                    let pivots = std::slice::from_raw_parts_mut(ahead.get(), after - next);
                    let corner = a_at(step.a, next, next, ld);
                    let at = panel(&one, (n - next, after - next), corner, ld, pivots)?;
                    for p in pivots {
                        *p += next;
                    }
                    found.store(at, Ordering::Relaxed);
                    Ok(())
                }
            })?;
            let found = found.into_inner();
            if zero == 0 && found != 0 {
                zero = next + found;
            }
        }
        Ok(())
    })?;
    let (a, pivots) = (Shared(a), &*pivots);
    cx.each(panels.len(), cx.threads_for(n, n, 8), &|i| {
        pause(cx.cancel)?;
        let Range { start: first, end: next } = panels[i];
        // SAFETY: columns of the caller's matrix, no one else's.
        unsafe { permute_rows(next..n, pivots, a_at(a, 0, first, ld), next - first, ld) }
    })?;
    Ok(zero)
}

/// The columns of the panels: narrow at first, where nothing hides the panel, and at the end, where
/// little does.
fn panels(n: usize) -> Vec<Range<usize>> {
    let width = panel_width(n);
    let (mut panels, mut first) = (Vec::new(), 0);
    while first < n {
        let part = match first {
            0 => 4,
            _ if n - first <= 2 * width => 2,
            _ => 1,
        };
        let end = n.min(first + width / part);
        panels.push(first..end);
        first = end;
    }
    panels
}

/// A left operand packed once for all threads.
unsafe fn pack<T: Scalar>(
    cx: &Context<T>,
    (m, k): (usize, usize),
    a: Operand<T>,
    to: *mut T,
) -> Result<Operand<T>, Error> {
    let (to, threads) = (Shared(to), cx.threads_for(m, k, 8));
    let shares = Shares::new(m, threads, cx.kernels.mr);
    cx.each(shares.count, threads, &|i| {
        let rows = shares.range(i);
        let (a, to) = (a.from(rows.start, 0), to.get().wrapping_add(rows.start * k));
        // SAFETY: rows of the caller's operand, and their panels.
        unsafe { a.packed(cx, (rows.len(), k), to, k) };
        Ok(())
    })?;
    Ok(Operand::in_panels(cx, to.get(), k))
}

/// Entry (i, j).
fn a_at<T>(a: Shared<T>, i: usize, j: usize, ld: isize) -> *mut T {
    a.get().wrapping_offset(i as isize + j as isize * ld)
}

/// One step of the factorisation: the panel of columns `first..next` is factored.
struct Step<'a, T> {
    a: Shared<T>,
    ld: isize,
    n: usize,
    first: usize,
    next: usize,
    /// Its exchanges, counted from the matrix's first row.
    pivots: &'a [usize],
    /// It below its triangle, as it stands or packed.
    below: Operand<T>,
}

// SAFETY: the tasks that share a step write columns of their own.
unsafe impl<T> Sync for Step<'_, T> {}

impl<T: Scalar> Step<'_, T> {
    /// What the panel means for other columns: exchanges, rows of U, and the product behind.
    ///
    /// # Safety
    /// The columns are behind the panel and no one else's.
    unsafe fn update(&self, cx: &Context<T>, columns: Range<usize>) -> Result<(), Error> {
        let Step { a, ld, n, first, next, pivots, below } = *self;
        let at = |i: usize, j: usize| a_at(a, i, j, ld);
        let (k, cols) = (next - first, columns.len());
        // SAFETY: blocks of the caller's matrix.
        unsafe {
            let top = at(first, columns.start);
            let local = |k: usize| pivots[k] - first;
            exchange(k, local, top, cols, ld);
            solve_left_unit_lower(cx, (k, cols), at(first, first), ld, top, ld)?;
            let product = Product {
                m: n - next,
                n: cols,
                k,
                a: below,
                b: Operand::columns(top.cast_const(), ld),
                update: Update::Subtract,
                c: at(next, columns.start),
                ldc: ld,
            };
            product.sequential(cx)
        }
    }
}

/// LU of a panel (m x n, m >= n) by recursion on the columns (Toledo, "Locality of reference in LU
/// decomposition with partial pivoting", SIAM J. Matrix Anal. Appl. 18, 1997).
///
/// # Safety
/// As [`factor`].
unsafe fn panel<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: *mut T,
    ld: isize,
    pivots: &mut [usize],
) -> Result<usize, Error> {
    if n <= WIDTH {
        let_in();
        let panel = PanelLu { m, n, a, ld, pivots: pivots.as_mut_ptr() };
        // SAFETY: the caller's panel and n pivots.
        return Ok(unsafe { (cx.kernels.panel_lu)(&panel) });
    }
    let h = half(n, WIDTH);
    let (left, right) = pivots.split_at_mut(h);
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        let (a12, a21) = (a.offset(h as isize * ld), a.add(h));
        let a22 = a12.add(h);
        let first = panel(cx, (m, h), a, ld, left)?;
        exchange(h, |k| left[k], a12, n - h, ld);
        solve_left_unit_lower(&cx.sequential(), (h, n - h), a, ld, a12, ld)?;
        let product = Product {
            m: m - h,
            n: n - h,
            k: h,
            a: Operand::columns(a21, ld),
            b: Operand::columns(a12, ld),
            update: Update::Subtract,
            c: a22,
            ldc: ld,
        };
        product.run(cx)?;
        let second = panel(cx, (m - h, n - h), a22, ld, right)?;
        exchange(n - h, |k| right[k], a21, h, ld);
        for p in right {
            *p += h;
        }
        Ok(if first != 0 {
            first
        } else if second != 0 {
            h + second
        } else {
            0
        })
    }
}

/// The exchanges of later panels in a panel's columns of L: exchanges row k with row `pivots[k]` for
/// each of the last rows, in `cols` columns. Column by column from a copy in the first-level cache, as
/// another thread may have written the column, and a walk along it costs less than leaps.
unsafe fn permute_rows<T: Scalar>(
    rows: Range<usize>,
    pivots: &[usize],
    a: *mut T,
    cols: usize,
    ld: isize,
) -> Result<(), Error> {
    let m = rows.len();
    let first = rows.start;
    let source = sources(m, rows.map(|k| (k - first, pivots[k] - first)))?;
    arena::with(m, |copy: *mut T| {
        for j in 0..cols {
            let_in();
            // SAFETY: the caller's column, and its copy.
            unsafe {
                let column = a.offset(first as isize + j as isize * ld);
                std::ptr::copy_nonoverlapping(column, copy, m);
                for (i, &s) in source.iter().enumerate() {
                    column.add(i).write(copy.add(s).read());
                }
            }
        }
        Ok(())
    })
}

/// Exchanges row k with row `pivot(k)`, k = 0, 1, ..., in `cols` columns.
unsafe fn exchange<T: Scalar>(
    rows: usize,
    pivot: impl Fn(usize) -> usize,
    a: *mut T,
    cols: usize,
    ld: isize,
) {
    /// Columns side by side: their cache lines are waited for together.
    const TOGETHER: usize = 8;
    for first in (0..cols).step_by(TOGETHER) {
        let_in();
        let columns = first..cols.min(first + TOGETHER);
        for k in 0..rows {
            let p = pivot(k);
            if p != k {
                for j in columns.clone() {
                    let column = a.wrapping_offset(j as isize * ld);
                    // SAFETY: both rows are in the caller's column j.
                    unsafe { std::ptr::swap(column.add(k), column.add(p)) };
                }
            }
        }
    }
}

/// The inverse in the place of the factors: Y = U^-1, then X L = Y strip by strip from the right,
/// then A^-1 = X P. This order bounds |X A - I| (Higham, section 14.3.1, method B; LAPACK's getri).
///
/// # Safety
/// As [`factor`], whose output `a` and `pivots` are.
pub(crate) unsafe fn invert_factors<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
    pivots: &[usize],
) -> Result<(), Error> {
    let most = cx.scratch().strip.min(group(n)).min(n);
    let copy_ld = leading_dimension::<T>(n);
    let (matrix, mr) = (Shared(a), cx.kernels.mr);
    // SAFETY: blocks of the caller's matrix; the strip of L is copied out before it is written.
    unsafe {
        invert(cx, n, false, a, ld)?;
        cx.next_phase();
        let whole = cx.scratch().packs_whole(n);
        let packed = if whole { n.next_multiple_of(mr) * n } else { 0 };
        arena::with(copy_ld * most + packed, |copy: *mut T| {
            let packed = Shared(copy.add(copy_ld * most));
            let inverse = match whole {
                true => Operand::in_panels(cx, packed.get(), n),
                false => Operand::columns(a.cast_const(), ld),
            };
            strips(n, most, true, &mut |strip| {
                take_lower(cx, n, &strip.columns, matrix, ld, Shared(copy), copy_ld)?;
                let (first, width) = (strip.columns.start, strip.columns.len());
                let threads = cx.threads_for(n, n - first, width);
                let shares = Shares::new(n, threads, mr);
                let (one, copy) = (cx.sequential(), Shared(copy));
                cx.each(shares.count, threads, &|i| {
                    let rows = shares.range(i);
                    let c = a_at(matrix, rows.start, first, ld);
                    // The columns behind the group, then those within it.
                    let behind = strip.group.end..n;
                    for others in std::iter::once(&behind).chain(strip.before) {
                        let product = Product {
                            m: rows.len(),
                            n: width,
                            k: others.len(),
                            a: inverse.from(rows.start, others.start),
                            b: Operand::columns(copy.get().add(others.start), copy_ld as isize),
                            update: Update::Subtract,
                            c,
                            ldc: ld,
                        };
                        product.sequential(&one)?;
                    }
                    let l = Triangle {
                        t: copy.get().add(first).cast_const(),
                        rs: 1,
                        cs: copy_ld as isize,
                        conj: false,
                        lower: true,
                        unit: true,
                    };
                    solve_rows(&one, (rows.len(), width), l, c, ld)?;
                    if whole && first > 0 {
                        let to = packed.get().add(rows.start * n + first * mr);
                        Operand::columns(c, ld).packed(cx, (rows.len(), width), to, n);
                    }
                    Ok(())
                })
            })
        })?;
        exchange_columns(cx, n, n, a, ld, pivots)
    }
}

/// Moves what stands below the diagonal in some columns out to the same rows of a copy.
unsafe fn take_lower<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    columns: &Range<usize>,
    a: Shared<T>,
    ld: isize,
    copy: Shared<T>,
    copy_ld: usize,
) -> Result<(), Error> {
    let threads = cx.threads_for(n, columns.len(), 8);
    let shares = Shares::new(columns.len(), threads, 8);
    cx.each(shares.count, threads, &|i| {
        for c in shares.range(i) {
            let j = columns.start + c;
            // SAFETY: a column of the caller's matrix and one of the copy, no one else's.
            unsafe {
                let below = std::slice::from_raw_parts_mut(a_at(a, j + 1, j, ld), n - 1 - j);
                let to = copy.get().add(j + 1 + c * copy_ld);
                std::ptr::copy_nonoverlapping(below.as_ptr(), to, below.len());
                below.fill(T::default());
            }
        }
        Ok(())
    })
}

/// Where each of n places has what it holds from after some exchanges.
fn sources(n: usize, exchanges: impl Iterator<Item = (usize, usize)>) -> Result<Vec<usize>, Error> {
    let mut source = filled(0, n)?;
    for (i, s) in source.iter_mut().enumerate() {
        *s = i;
    }
    exchanges.for_each(|(i, j)| source.swap(i, j));
    Ok(source)
}

/// Exchanges column k with column `pivots[k]`, k = n - 1, ..., 0, of `m` rows: along the cycles of the
/// permutation, so that each column moves once.
unsafe fn exchange_columns<T: Scalar>(
    cx: &Context<T>,
    m: usize,
    n: usize,
    a: *mut T,
    ld: isize,
    pivots: &[usize],
) -> Result<(), Error> {
    let source = sources(n, (0..n).rev().map(|k| (k, pivots[k])))?;
    // The first column of every cycle of more than one.
    let mut seen = filled(false, n)?;
    let mut cycles = Vec::new();
    for first in 0..n {
        if !seen[first] && source[first] != first {
            cycles.push(first);
        }
        let mut j = first;
        while !seen[j] {
            seen[j] = true;
            j = source[j];
        }
    }
    let (a, threads) = (Shared(a), cx.threads_for(m, n, 8));
    let shares = Shares::new(m, threads, cx.kernels.mr);
    cx.each(shares.count, threads, &|i| {
        let rows = shares.range(i);
        arena::with(rows.len(), |one: *mut T| {
            let column = |j: usize| a_at(a, rows.start, j, ld);
            for &first in &cycles {
                let_in();
                // SAFETY: rows of columns of the caller's matrix, no one else's.
                unsafe {
                    std::ptr::copy_nonoverlapping(column(first), one, rows.len());
                    let mut j = first;
                    while source[j] != first {
                        std::ptr::copy_nonoverlapping(column(source[j]), column(j), rows.len());
                        j = source[j];
                    }
                    std::ptr::copy_nonoverlapping(one, column(j), rows.len());
                }
            }
            Ok(())
        })
    })
}

/// X A = B in B's place (m x n) from the factors of A: X = B U^-1 L^-1 P.
///
/// # Safety
/// As [`invert_factors`]; B is writable over its size.
pub(crate) unsafe fn solve_factored<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: *const T,
    ld: isize,
    pivots: &[usize],
    b: *mut T,
    ldb: isize,
) -> Result<(), Error> {
    let triangle = |lower: bool| Triangle { t: a, rs: 1, cs: ld, conj: false, lower, unit: lower };
    // SAFETY: the caller's factors and right-hand sides.
    unsafe {
        solve_right(cx, (m, n), triangle(false), b, ldb)?;
        solve_right(cx, (m, n), triangle(true), b, ldb)?;
        exchange_columns(cx, m, n, b, ldb, pivots)
    }
}
