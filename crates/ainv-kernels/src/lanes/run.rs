//! Runs: matrices by rows without a gap in them or between them, the usual stack. Every offset is
//! known when the kernel is compiled, so they go between memory and values without a tile and with
//! hardly an instruction that is not a load, a shuffle or a store.

use super::Group;
use super::transfer::{LINE, ask_ahead, load_lines, store_lines};
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::places::{Frame, Places};
use crate::scalar::Scalar;
use std::ops::Range;

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// Reals of the largest matrix that is unrolled: order 6 of complex numbers.
const MOST: usize = 72;

/// A stack of matrices of order `N` that may be a run.
pub(super) struct Run<'a, F: Field, const N: usize> {
    places: Places<'a, F::S>,
    is: bool,
    far: bool,
    stream: bool,
}

impl<'a, F: Field, const N: usize> Run<'a, F, N> {
    const REALS: usize = N * N * F::PARTS;

    #[inline(always)]
    fn new(places: Places<'a, F::S>, frame: Frame, g: &Group<'a, F::S>) -> Self {
        let dense = frame.cs == 1 && frame.rs == N as isize;
        let is = dense && places.step() == Some((N * N) as isize);
        Run {
            places,
            is,
            far: g.far && N > 1,
            stream: is
                && g.stream
                && !places.is_empty()
                && places.get(0).addr().is_multiple_of(LINE),
        }
    }
    /// The matrices of a group.
    #[inline(always)]
    pub(super) fn source(g: &Group<'a, F::S>) -> Self {
        Run::new(g.src, g.from, g)
    }
    /// The results of a group.
    #[inline(always)]
    pub(super) fn results(g: &Group<'a, F::S>) -> Self {
        Run::new(g.dst, g.to, g)
    }

    /// Where the matrices `at` begin, if they are a run that fills a register.
    #[inline(always)]
    fn first(&self, at: &Range<usize>) -> Option<*mut RealOf<F>> {
        (self.is && at.len() == F::LANES).then(|| self.places.get(at.start).cast())
    }

    /// The matrices `at`, if they are a run that fills a register: entry (i, j) in `[i][j]`, or in
    /// `[j][i]` if they are to be transposed.
    ///
    /// # Safety
    /// The matrices are those of a checked view.
    #[inline(always)]
    pub(super) unsafe fn read<const TRANSPOSED: bool>(
        &self,
        at: &Range<usize>,
    ) -> Option<[[F; N]; N]> {
        let from = self.first(at)?;
        if self.far {
            ask_ahead(from.cast(), F::LANES * Self::REALS * size_of::<RealOf<F>>(), false);
        }
        // SAFETY: the caller's; LANES matrices of REALS.
        unsafe {
            let x = gather::<F::V>(from, Self::REALS);
            let mut a = [[F::splat(F::S::default()); N]; N];
            for i in 0..N {
                for j in 0..N {
                    let e = if TRANSPOSED { j * N + i } else { i * N + j } * F::PARTS;
                    a[i][j] = F::from_parts(x[e], x[e + F::PARTS - 1]);
                }
            }
            Some(a)
        }
    }

    /// Writes what `read` reads; whether the matrices are a run.
    ///
    /// # Safety
    /// As for `read`, and the view is a mutable one; the scratch holds the matrices.
    #[inline(always)]
    pub(super) unsafe fn write<const TRANSPOSED: bool>(
        &self,
        at: &Range<usize>,
        a: &[[F; N]; N],
        scratch: *mut RealOf<F>,
    ) -> bool {
        let Some(to) = self.first(at) else { return false };
        let reals = F::LANES * Self::REALS;
        if self.far && !self.stream {
            ask_ahead(to.cast(), reals * size_of::<RealOf<F>>(), true);
        }
        // SAFETY: the caller's; LANES matrices of REALS.
        unsafe {
            let mut x = [F::V::splat(RealOf::<F>::default()); MOST];
            for i in 0..N {
                for j in 0..N {
                    let e = if TRANSPOSED { j * N + i } else { i * N + j } * F::PARTS;
                    x[e] = a[i][j].re();
                    if F::PARTS == 2 {
                        x[e + 1] = a[i][j].im();
                    }
                }
            }
            if self.stream {
                // Lines of the matrices are not those of the cache: by way of the scratch.
                scatter::<F::V>(x, scratch, Self::REALS);
                for r in 0..Self::REALS {
                    F::V::load(scratch.add(r * F::LANES)).stream(to.add(r * F::LANES));
                }
            } else {
                scatter::<F::V>(x, to, Self::REALS);
            }
        }
        true
    }
}

/// Whether lines of `len` reals lie several to a register and are taken apart by halves.
#[inline(always)]
const fn by_halves(len: usize, lanes: usize) -> bool {
    len.is_power_of_two() && len < lanes
}

/// Where `halves` leaves the register `p` of `len`: the bits of `p` in reverse.
#[inline(always)]
const fn reversed(p: usize, len: usize) -> usize {
    if len == 1 { 0 } else { p.reverse_bits() >> (usize::BITS - len.trailing_zeros()) }
}

/// Reads as many lines of `len` reals as a register has lanes: real `e` of every line in `[e]`.
#[inline(always)]
unsafe fn gather<V: Vector>(from: *const V::Elem, len: usize) -> [V; MOST] {
    // SAFETY: the caller's lines.
    unsafe {
        let mut x = [V::splat(V::Elem::default()); MOST];
        if by_halves(len, V::LANES) {
            let mut y = x;
            for r in 0..len {
                y[r] = V::load(from.add(r * V::LANES));
            }
            // Each level parts the even from the odd reals of what the one before left together.
            let mut size = len;
            while size > 1 {
                let before = y;
                for r in 0..len / 2 {
                    let (block, i) = (r / (size / 2) * size, r % (size / 2));
                    (y[block + i], y[block + size / 2 + i]) =
                        V::split(before[block + 2 * i], before[block + 2 * i + 1]);
                }
                size /= 2;
            }
            for r in 0..len {
                x[reversed(r, len)] = y[r];
            }
            return x;
        }
        let mut start = 0;
        while start < len {
            if start + 1 == len && start > 0 {
                // Nine reals of order 3 in eight lanes: one is left.
                let mut last = [V::Elem::default(); MAX_LANES];
                for l in 0..V::LANES {
                    last[l] = from.add(l * len + start).read();
                }
                x[start] = V::load(last.as_ptr());
            } else {
                // The last register of a line begins early and overlaps.
                let first = start.min(len.saturating_sub(V::LANES));
                let mut line = [from; MAX_LANES];
                for l in 0..V::LANES {
                    line[l] = from.add(l * len + first);
                }
                let y = load_lines::<V>(&line, len);
                for e in 0..V::LANES {
                    if first + e < len {
                        x[first + e] = y[e];
                    }
                }
            }
            start += V::LANES;
        }
        x
    }
}

/// Writes what `gather` reads.
#[inline(always)]
unsafe fn scatter<V: Vector>(x: [V; MOST], to: *mut V::Elem, len: usize) {
    // SAFETY: the caller's lines.
    unsafe {
        if by_halves(len, V::LANES) {
            let mut y = x;
            for r in 0..len {
                y[r] = x[reversed(r, len)];
            }
            let mut size = 2;
            while size <= len {
                let before = y;
                for r in 0..len / 2 {
                    let (block, i) = (r / (size / 2) * size, r % (size / 2));
                    (y[block + 2 * i], y[block + 2 * i + 1]) =
                        V::join(before[block + i], before[block + size / 2 + i]);
                }
                size *= 2;
            }
            for r in 0..len {
                y[r].store(to.add(r * V::LANES));
            }
            return;
        }
        let mut start = 0;
        while start < len {
            if start + 1 == len && start > 0 {
                let mut last = [V::Elem::default(); MAX_LANES];
                x[start].store(last.as_mut_ptr());
                for l in 0..V::LANES {
                    to.add(l * len + start).write(last[l]);
                }
            } else {
                let first = start.min(len.saturating_sub(V::LANES));
                let mut y = [V::splat(V::Elem::default()); MAX_LANES];
                for e in 0..V::LANES {
                    // The registers past `len` hold what is not stored.
                    y[e] = x[(first + e).min(len - 1)];
                }
                let mut line = [to; MAX_LANES];
                for l in 0..V::LANES {
                    line[l] = to.add(l * len + first);
                }
                store_lines::<V>(y, &line, V::LANES, len);
            }
            start += V::LANES;
        }
    }
}
