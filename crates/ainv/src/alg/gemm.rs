//! The matrix product (Goto and van de Geijn, ACM TOMS 34, 2008): operands are packed where that
//! pays, and read where they stand where it does not.

use super::{Context, Scratch, Shares};
use crate::device::cpu::arena;
use crate::device::cpu::executor::{let_in, pause};
use crate::error::Error;
use ainv_kernels::pack::Panel;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::tile::{Ahead, Left, Tile};
use std::ops::Range;

/// Steps summed before C is updated: part of the algorithm, because it fixes the order of the
/// additions.
pub(super) const KC: usize = 384;
/// Columns of C from which on the left operand is packed: each element is read once for every tile of
/// columns.
const PACKED_FROM: usize = 80;
/// Rows of C from which on the right operand is packed where its columns stand badly.
const PACKED_TO: usize = 192;

/// An operand of any strides.
#[derive(Clone, Copy)]
pub(crate) struct Operand<T> {
    pub p: *const T,
    pub rs: isize,
    pub cs: isize,
    pub conj: bool,
    /// A left operand in panels of `mr` rows: only rows that begin one are found by the strides.
    packed: bool,
}

// SAFETY: an operand is read by the tasks that share it.
unsafe impl<T> Sync for Operand<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Operand<T> {}

impl<T> Operand<T> {
    /// A column-major one.
    pub(crate) fn columns(p: *const T, ld: isize) -> Self {
        Operand::strided(p, 1, ld, false)
    }
    pub(crate) fn strided(p: *const T, rs: isize, cs: isize, conj: bool) -> Self {
        Operand { p, rs, cs, conj, packed: false }
    }
    /// The conjugate transpose.
    pub(crate) fn adjoint(self) -> Self {
        debug_assert!(!self.packed, "panels have no other side");
        Operand::strided(self.p, self.cs, self.rs, !self.conj)
    }
    pub(crate) fn from(self, i: usize, j: usize) -> Self {
        debug_assert!(!self.packed || i as isize % self.cs == 0, "rows begin a panel");
        let d = i as isize * self.rs + j as isize * self.cs;
        Operand { p: self.p.wrapping_offset(d), ..self }
    }
}

impl<T: Scalar> Operand<T> {
    /// A left operand of `m` rows and `k` columns, packed as part of one of `steps` columns.
    ///
    /// # Safety
    /// The operand is readable, and `to` spans whole panels of the other one.
    pub(crate) unsafe fn packed(
        self,
        cx: &Context<T>,
        (m, k): (usize, usize),
        to: *mut T,
        steps: usize,
    ) -> Self {
        let panel = Panel {
            src: self.p,
            lane_stride: self.rs,
            step_stride: self.cs,
            lanes: m,
            k,
            steps,
            conj: self.conj,
        };
        // SAFETY: the caller's.
        unsafe { (cx.kernels.pack_a)(&panel, to.cast()) };
        Operand::in_panels(cx, to, steps)
    }

    /// A packed left operand of so many columns.
    pub(crate) fn in_panels(cx: &Context<T>, p: *const T, steps: usize) -> Self {
        Operand { p, rs: steps as isize, cs: cx.kernels.mr as isize, conj: false, packed: true }
    }
}

/// What becomes of C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// C - A B.
    Subtract,
    /// C + A B.
    Add,
    /// A B.
    Set,
    /// -A B.
    SetMinus,
}

/// C = op(C, A B): A is m x k, B k x n, C m x n with rows adjacent and columns `ldc` apart.
#[derive(Clone, Copy)]
pub(crate) struct Product<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Operand<T>,
    pub b: Operand<T>,
    pub update: Update,
    pub c: *mut T,
    pub ldc: isize,
}

// SAFETY: the tasks that share a product write disjoint rows or columns of C.
unsafe impl<T> Sync for Product<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Product<T> {}

impl<T: Scalar> Product<T> {
    /// Computes it, its rows or columns shared out among the threads.
    ///
    /// # Safety
    /// The operands are readable and C writable over their sizes; C overlaps neither.
    pub(crate) unsafe fn run(&self, cx: &Context<T>) -> Result<(), Error> {
        let threads = cx.threads_for(self.m, self.n, self.k);
        if threads == 1 {
            // SAFETY: the caller's.
            return unsafe { self.sequential(cx) };
        }
        if self.m > self.n {
            let shares = Shares::new(self.m, threads, cx.kernels.mr);
            // SAFETY: rows of the caller's product, no one else's.
            cx.each(shares.count, threads, &|i| unsafe {
                self.rows(shares.range(i)).sequential(cx)
            })
        } else {
            let shares = Shares::new(self.n, threads, 4 * cx.kernels.nr);
            // SAFETY: columns of the caller's product, no one else's.
            cx.each(shares.count, threads, &|i| unsafe {
                self.columns(shares.range(i)).sequential(cx)
            })
        }
    }

    /// Some of the rows.
    fn rows(&self, rows: Range<usize>) -> Self {
        let (a, c) = (self.a.from(rows.start, 0), self.c.wrapping_add(rows.start));
        Product { m: rows.len(), a, c, ..*self }
    }

    /// Some of the columns.
    fn columns(&self, columns: Range<usize>) -> Self {
        let c = self.c.wrapping_offset(columns.start as isize * self.ldc);
        Product { n: columns.len(), b: self.b.from(0, columns.start), c, ..*self }
    }

    /// [`run`](Product::run) on this thread.
    ///
    /// # Safety
    /// As `run`.
    pub(crate) unsafe fn sequential(&self, cx: &Context<T>) -> Result<(), Error> {
        let Product { m, n, k, .. } = *self;
        let sums = matches!(self.update, Update::Subtract | Update::Add);
        if m == 0 || n == 0 || (k == 0 && sums) {
            return Ok(());
        }
        let (mr, nr) = (cx.kernels.mr, cx.kernels.nr);
        let pack_a = !self.a.packed && (self.a.rs != 1 || self.a.conj || n >= PACKED_FROM);
        // Columns a multiple of a page apart share the sets of a cache.
        let alias = (self.b.cs * size_of::<T>() as isize).unsigned_abs().is_multiple_of(4096);
        let strided = self.b.rs != 1 || (alias && n > 1 && m >= PACKED_TO);
        let Scratch { left, right, ample, .. } = cx.scratch();
        let pack_b = self.b.conj || (strided && ample);
        let kc = KC.min(k);
        let blocks = m.div_ceil((left / (KC * size_of::<T>())).max(mr));
        let mc = m.div_ceil(blocks).next_multiple_of(mr);
        let columns = (right / (KC * size_of::<T>())).next_multiple_of(nr);
        let nc = if pack_b { columns.clamp(nr, n.next_multiple_of(nr)) } else { n };
        let left = if pack_a { mc * kc } else { 0 };
        let right = if pack_b { nc * kc } else { 0 };
        let work = |left: *mut T, right: *mut T| {
            for jc in (0..n).step_by(nc) {
                // A product without a step still writes its zeros.
                for pc in (0..k.max(1)).step_by(KC) {
                    let part = Product {
                        n: nc.min(n - jc),
                        k: KC.min(k - pc),
                        a: self.a.from(0, pc),
                        b: self.b.from(pc, jc),
                        c: self.c.wrapping_offset(jc as isize * self.ldc),
                        ..*self
                    };
                    // SAFETY: a part of the caller's product.
                    let b = unsafe { part.right(cx, pack_b, right) };
                    for ic in (0..m).step_by(mc) {
                        pause(cx.cancel)?;
                        let rows = part.rows(ic..m.min(ic + mc));
                        // SAFETY: as above.
                        unsafe {
                            let a = match pack_a {
                                true => rows.a.packed(cx, (rows.m, rows.k), left, rows.k),
                                false => rows.a,
                            };
                            rows.tiles(cx, a, b, sums || pc > 0);
                        }
                    }
                }
            }
            Ok(())
        };
        match left + right {
            0 => work(std::ptr::null_mut(), std::ptr::null_mut()),
            len => arena::with(len, |space: *mut T| work(space, space.wrapping_add(left))),
        }
    }

    /// The right operand of one block, packed if asked.
    unsafe fn right(&self, cx: &Context<T>, packed: bool, to: *mut T) -> Right<T> {
        let (b, nr) = (self.b, cx.kernels.nr as isize);
        if !packed {
            return Right { p: b.p, step: b.rs, next: b.cs, panel: nr * b.cs };
        }
        let panel = Panel {
            src: b.p,
            lane_stride: b.cs,
            step_stride: b.rs,
            lanes: self.n,
            k: self.k,
            steps: self.k,
            conj: b.conj,
        };
        // SAFETY: the block is in B, and `to` spans its panels.
        unsafe { (cx.kernels.pack_b)(&panel, to) };
        Right { p: to, step: nr, next: 1, panel: nr * self.k as isize }
    }

    /// The tiles of one block.
    unsafe fn tiles(&self, cx: &Context<T>, a: Operand<T>, b: Right<T>, accumulate: bool) {
        let (mr, nr) = (cx.kernels.mr, cx.kernels.nr);
        let minus = matches!(self.update, Update::Subtract | Update::SetMinus);
        let alpha = if minus { -T::Real::ONE } else { T::Real::ONE };
        for j in (0..self.n).step_by(nr) {
            let_in();
            for i in (0..self.m).step_by(mr) {
                let last = i + mr >= self.m && j + nr < self.n;
                let ahead = match last {
                    true => b.ahead((j / nr + 1) as isize, self.k),
                    false => Ahead::NOTHING,
                };
                let tile = Tile {
                    k: self.k,
                    a: match a.from(i, 0) {
                        Operand { p, packed: true, .. } => Left::Packed(p.cast()),
                        Operand { p, cs, .. } => Left::Columns(p, cs),
                    },
                    b: b.p.wrapping_offset((j / nr) as isize * b.panel),
                    b_step: b.step,
                    b_next: b.next,
                    ahead,
                    c: self.c.wrapping_offset(i as isize + j as isize * self.ldc),
                    ldc: self.ldc,
                    m: mr.min(self.m - i),
                    n: nr.min(self.n - j),
                    alpha,
                    accumulate,
                };
                // SAFETY: the operands and the tile of C are in the caller's block.
                unsafe { (cx.kernels.tile)(&tile) }
            }
        }
    }
}

/// A right operand as the tiles take it: from one step, column and panel of columns to the next.
#[derive(Clone, Copy)]
struct Right<T> {
    p: *const T,
    step: isize,
    next: isize,
    panel: isize,
}

impl<T> Right<T> {
    /// A panel of `k` steps.
    fn ahead(&self, panel: isize, k: usize) -> Ahead<T> {
        let p = self.p.wrapping_offset(panel * self.panel);
        let (next, along) = match self.next {
            1 => (self.step, 8 * self.step),
            next => (next, (64 / size_of::<T>()) as isize),
        };
        Ahead { p, next, along, len: k }
    }
}
