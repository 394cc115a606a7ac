//! The packed matrix product (Goto and van de Geijn, ACM TOMS 34, 2008).

use super::Context;
use crate::device::cpu::arena;
use crate::device::cpu::executor::{let_in, pause};
use crate::device::cpu::pool;
use crate::error::Error;
use ainv_kernels::pack::Panel;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::tile::Tile;

/// Steps summed before C is updated: part of the algorithm, because it fixes the order of the
/// additions.
pub(crate) const KC: usize = 256;
/// Bytes of the packed left block (half of a common L2) and columns of the packed right one.
const LEFT_BYTES: usize = 512 << 10;
const NC: usize = 2048;

/// An operand of any strides.
#[derive(Clone, Copy)]
pub(crate) struct Operand<T> {
    pub p: *const T,
    pub rs: isize,
    pub cs: isize,
    pub conj: bool,
}

impl<T> Operand<T> {
    /// A column-major one.
    pub(crate) fn columns(p: *const T, ld: isize) -> Self {
        Operand { p, rs: 1, cs: ld, conj: false }
    }
    /// The conjugate transpose.
    pub(crate) fn adjoint(self) -> Self {
        Operand { p: self.p, rs: self.cs, cs: self.rs, conj: !self.conj }
    }
    pub(crate) fn from(self, i: usize, j: usize) -> Self {
        let d = i as isize * self.rs + j as isize * self.cs;
        Operand { p: self.p.wrapping_offset(d), ..self }
    }
}

/// What becomes of C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// C - A B.
    Subtract,
    /// C + A B.
    Add,
    /// A B. C may be B itself if A is square of order at most [`KC`]: B is packed first.
    Set,
    /// -A B, under the same rule.
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
    /// The operands are readable and C writable over their sizes; C overlaps neither but as
    /// [`Update::Set`] allows.
    pub(crate) unsafe fn run(&self, cx: &Context<T>) -> Result<(), Error> {
        pause(cx.cancel)?;
        let (mr, nr) = (cx.kernels.mr, cx.kernels.nr);
        let threads = cx.threads_for(self.m, self.n, self.k);
        // In place the columns are shared out: a task packs just the columns of B that it writes.
        let in_place = std::ptr::eq(self.c, self.b.p);
        if self.m > self.n && !in_place {
            pool::split(self.m, mr, threads, &|r| {
                let part = Product {
                    m: r.len(),
                    a: self.a.from(r.start, 0),
                    c: self.c.wrapping_add(r.start),
                    ..*self
                };
                // SAFETY: rows of the caller's product, no one else's.
                unsafe { part.sequential(cx) }
            })
        } else {
            pool::split(self.n, nr, threads, &|r| {
                let part = Product {
                    n: r.len(),
                    b: self.b.from(0, r.start),
                    c: self.c.wrapping_offset(r.start as isize * self.ldc),
                    ..*self
                };
                // SAFETY: columns of the caller's product, no one else's.
                unsafe { part.sequential(cx) }
            })
        }
    }

    unsafe fn sequential(&self, cx: &Context<T>) -> Result<(), Error> {
        let Product { m, n, k, .. } = *self;
        let sums = matches!(self.update, Update::Subtract | Update::Add);
        if m == 0 || n == 0 || (k == 0 && sums) {
            return Ok(());
        }
        let parts = if T::COMPLEX { 2 } else { 1 };
        let (mr, nr) = (cx.kernels.mr, cx.kernels.nr);
        let kc = KC.min(k);
        let mc = (LEFT_BYTES / (KC * size_of::<T>()) / mr * mr).clamp(mr, m.next_multiple_of(mr));
        let nc = NC.next_multiple_of(nr).min(n.next_multiple_of(nr));
        let left = mc * kc * parts;
        arena::with(left + nc * kc * parts, |space: *mut T::Real| {
            let (pa, pb) = (space, space.wrapping_add(left));
            for jc in (0..n).step_by(nc) {
                let nb = nc.min(n - jc);
                // A product without a step still writes its zeros.
                for pc in (0..k.max(1)).step_by(KC) {
                    let kb = KC.min(k - pc);
                    let b = self.b.from(pc, jc);
                    let panel = Panel {
                        src: b.p,
                        lane_stride: b.cs,
                        step_stride: b.rs,
                        lanes: nb,
                        k: kb,
                        conj: b.conj,
                    };
                    // SAFETY: the block is in B, and `pb` spans its panels.
                    unsafe { (cx.kernels.pack_b)(&panel, pb) };
                    for ic in (0..m).step_by(mc) {
                        pause(cx.cancel)?;
                        let mb = mc.min(m - ic);
                        let a = self.a.from(ic, pc);
                        let panel = Panel {
                            src: a.p,
                            lane_stride: a.rs,
                            step_stride: a.cs,
                            lanes: mb,
                            k: kb,
                            conj: a.conj,
                        };
                        // SAFETY: the block is in A, and `pa` spans its panels.
                        unsafe { (cx.kernels.pack_a)(&panel, pa) };
                        let c = self.c.wrapping_offset(ic as isize + jc as isize * self.ldc);
                        // SAFETY: the panels were just packed, the block is in C.
                        unsafe { self.tiles(cx, (mb, nb, kb), pa, pb, c, sums || pc > 0) };
                    }
                }
            }
            Ok(())
        })
    }

    /// The tiles of one block: both packed operands are in cache.
    unsafe fn tiles(
        &self,
        cx: &Context<T>,
        (m, n, k): (usize, usize, usize),
        a: *const T::Real,
        b: *const T::Real,
        c: *mut T,
        accumulate: bool,
    ) {
        let parts = if T::COMPLEX { 2 } else { 1 };
        let (mr, nr) = (cx.kernels.mr, cx.kernels.nr);
        let minus = matches!(self.update, Update::Subtract | Update::SetMinus);
        let alpha = if minus { -T::Real::ONE } else { T::Real::ONE };
        for j in (0..n).step_by(nr) {
            let_in();
            for i in (0..m).step_by(mr) {
                let tile = Tile {
                    k,
                    a: a.wrapping_add(i * k * parts),
                    b: b.wrapping_add(j * k * parts),
                    c: c.wrapping_offset(i as isize + j as isize * self.ldc),
                    ldc: self.ldc,
                    m: mr.min(m - i),
                    n: nr.min(n - j),
                    alpha,
                    accumulate,
                };
                // SAFETY: the packed panels and the tile are in the caller's block.
                unsafe { (cx.kernels.tile)(&tile) }
            }
        }
    }
}
