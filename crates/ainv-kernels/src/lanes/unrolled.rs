//! `inv` of one order known when the kernel is compiled, every loop unrolled: the arithmetic of
//! [`lu`](super::lu), element by element in the same order and so with the same bits, on values
//! instead of a tile in memory.

// Conditions on constants are the unrolled loops' bounds; some are always true.
#![allow(clippy::absurd_extreme_comparisons, clippy::impossible_comparisons)]

use super::{Group, Part, Registers, Suspects, Tile, Transfer, good, lines_good};
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};

/// The largest order that is unrolled.
pub const LARGEST: usize = 8;

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// Repeats the block for each constant below [`LARGEST`] that satisfies the condition. (A loop to a
/// constant is not reliably unrolled, and values that a loop indexes live in memory.)
macro_rules! unroll {
    ($i:ident if $condition:expr => $body:block) => {
        unroll!(@each $i, $condition, $body, 0 1 2 3 4 5 6 7)
    };
    (@each $i:ident, $condition:expr, $body:block, $($value:literal)*) => {
        $({
            const $i: usize = $value;
            if const { $condition } $body
        })*
    };
}

/// The matrix of every lane, and what the elimination leaves beside it.
struct Values<F: Field, const N: usize> {
    a: [[F; N]; N],
    /// Reciprocals of the diagonal of U.
    recip: [F; N],
    /// The rows in their order after pivoting, as numbers in the lanes.
    perm: [F::V; N],
}

#[inline(always)]
unsafe fn index<F: Field>(i: usize) -> F::V {
    // SAFETY: the contract of Vector.
    unsafe { F::V::splat(RealOf::<F>::from_f64(i as f64)) }
}

impl<F: Field, const N: usize> Values<F, N> {
    #[inline(always)]
    unsafe fn read(t: Tile<F>) -> Self {
        // SAFETY: the tile is N x N.
        unsafe {
            let zero = F::splat(F::S::default());
            let mut v = Values { a: [[zero; N]; N], recip: [zero; N], perm: [index::<F>(0); N] };
            unroll!(I if I < N => {
                v.perm[I] = index::<F>(I);
                unroll!(J if J < N => { v.a[I][J] = t.get(I, J); });
            });
            v
        }
    }

    #[inline(always)]
    unsafe fn write(&self, t: Tile<F>) {
        // SAFETY: the tile is N x N.
        unsafe {
            unroll!(I if I < N => {
                unroll!(J if J < N => { t.set(I, J, self.a[I][J]); });
            });
        }
    }

    /// The first row from `K` on with the largest entry in column `K`, as a number.
    #[inline(always)]
    unsafe fn find_pivot<const K: usize>(&self) -> F::V {
        // SAFETY: the contract of Vector.
        unsafe {
            let mut size = [self.a[K][K].abs1(); LARGEST];
            unroll!(I if I < N => {
                if I > K {
                    size[I] = self.a[I][K].abs1();
                }
            });
            // By pairs, for the shorter chain.
            let [a, b, c, d, e, f, g, h] = size;
            let (ab, cd, ef, gh) = (a.max(b), c.max(d), e.max(f), g.max(h));
            let best = ab.max(cd).max(ef.max(gh));
            let mut pivot = index::<F>(K);
            unroll!(T if T < N => {
                let i = N - 1 - T;
                if i > K {
                    pivot = F::V::select(size[i].eq(best), index::<F>(i), pivot);
                }
            });
            F::V::select(size[K].eq(best), index::<F>(K), pivot)
        }
    }

    /// LU in place; the sum of |1 / pivots|.
    #[inline(always)]
    unsafe fn factor(&mut self) -> F::V {
        // SAFETY: the contract of Vector.
        unsafe {
            let mut recips = F::splat(F::S::default()).abs1();
            unroll!(K if K < N => {
                let pivot = self.find_pivot::<K>();
                let leaves = self.a[K];
                let left = self.perm[K];
                unroll!(I if I > K && I < N => {
                    let is_pivot = pivot.eq(index::<F>(I));
                    let here = self.perm[I];
                    self.perm[K] = F::V::select(is_pivot, here, self.perm[K]);
                    self.perm[I] = F::V::select(is_pivot, left, here);
                    unroll!(J if J < N => {
                        let here = self.a[I][J];
                        self.a[K][J] = F::select(is_pivot, here, self.a[K][J]);
                        self.a[I][J] = F::select(is_pivot, leaves[J], here);
                    });
                });
                let recip = self.a[K][K].recip();
                self.recip[K] = recip;
                recips = recips.add(recip.abs1());
                unroll!(I if I > K && I < N => {
                    let l = self.a[I][K].mul(recip);
                    self.a[I][K] = l;
                    unroll!(J if J > K && J < N => {
                        self.a[I][J] = l.neg_mul_add(self.a[K][J], self.a[I][J]);
                    });
                });
            });
            recips
        }
    }

    /// U^-1 in the place of U.
    #[inline(always)]
    unsafe fn invert_upper(&mut self) {
        // SAFETY: the contract of Vector.
        unsafe {
            let zero = F::splat(F::S::default());
            unroll!(I if I < N => {
                self.a[I][I] = self.recip[I];
                unroll!(J if J > I && J < N => {
                    let mut sum = self.a[I][I].mul(self.a[I][J]);
                    unroll!(K if K > I && K < J => {
                        sum = self.a[I][K].mul_add(self.a[K][J], sum);
                    });
                    self.a[I][J] = sum.neg_mul_add(self.recip[J], zero);
                });
            });
        }
    }

    /// X L = U^-1 in the place of both.
    #[inline(always)]
    unsafe fn times_l_inverse(&mut self) {
        // SAFETY: the contract of Vector.
        unsafe {
            let zero = F::splat(F::S::default());
            // From the last column on.
            unroll!(T if T < N => {
                let j = N - 1 - T;
                let mut l = [zero; N];
                unroll!(K if K < N && K + T >= N => {
                    l[K] = self.a[K][j];
                    self.a[K][j] = zero;
                });
                unroll!(I if I < N => {
                    let mut x = self.a[I][j];
                    unroll!(R if R < T => {
                        let k = N - 1 - R;
                        x = self.a[I][k].neg_mul_add(l[k], x);
                    });
                    self.a[I][j] = x;
                });
            });
        }
    }

    /// Zero times the entries: NaN if one is not finite.
    #[inline(always)]
    unsafe fn zeros(&self) -> F::V {
        // SAFETY: the contract of Vector.
        unsafe {
            let none = F::splat(F::S::default()).re();
            let mut sum = none;
            unroll!(I if I < N => {
                let mut row = none;
                unroll!(J if J < N => { row = self.a[I][J].add_zero_times(row); });
                sum = sum.add(row);
            });
            sum
        }
    }

    /// Column `perm[k]` of the result is column `k` of the values.
    #[inline(always)]
    unsafe fn unscramble(&mut self) {
        // SAFETY: the contract of Vector.
        unsafe {
            let from = self.a;
            unroll!(J if J < N => {
                unroll!(I if I < N => { self.a[I][J] = from[I][0]; });
                unroll!(K if K > 0 && K < N => {
                    let here = self.perm[K].eq(index::<F>(J));
                    unroll!(I if I < N => {
                        self.a[I][J] = F::select(here, from[I][K], self.a[I][J]);
                    });
                });
            });
        }
    }
}

/// The inverses of a group of order `N`.
#[inline(always)]
pub unsafe fn inv<F: Field, const N: usize>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let mut registers = Registers::of(g);
        let from = Transfer::<F>::new(g.src, g.from.transposed(), g.far);
        let to = Transfer::<F>::new(g.dst, g.to.transposed(), g.far);
        let rows = Transfer::<F>::new(g.dst, g.to, g.far);
        while let Some(at) = registers.next(F::LANES) {
            let t = from.load(at.clone(), g.scratch);
            let lines = lines_good(t, N, Part::Whole, RealOf::<F>::LINE_EXP);
            let mut v = Values::<F, N>::read(t);
            let recips = v.factor();
            v.invert_upper();
            v.times_l_inverse();
            let zeros = v.zeros();
            if registers.accept(lines & good(recips, zeros)) {
                if rows.rows_fill_registers(N) {
                    v.write(t);
                    rows.ask_ahead(&at, true);
                    unroll!(K if K < N => {
                        let mut place = [RealOf::<F>::default(); MAX_LANES];
                        v.perm[K].store(place.as_mut_ptr());
                        rows.store_rows(at.clone(), t, K, N, &place);
                    });
                } else {
                    v.unscramble();
                    v.write(t);
                    to.store(at, t);
                }
            }
        }
        registers.suspects()
    }
}

/// The orders of [`alone`]: above, columns fill registers well enough.
pub const ALONE: std::ops::RangeInclusive<usize> = 4..=6;

/// The inverse of a matrix alone, of an order in [`ALONE`], in one lane.
#[inline(always)]
pub unsafe fn alone<F: Field, One: Field<S = F::S>>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        match g.n {
            4 => inv::<One, 4>(g),
            5 => inv::<One, 5>(g),
            _ => inv::<One, 6>(g),
        }
    }
}
