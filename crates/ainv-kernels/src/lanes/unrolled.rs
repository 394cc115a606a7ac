//! `inv` of one order known when the kernel is compiled, every loop unrolled: the arithmetic of
//! [`lu`](super::lu), element by element in the same order and so with the same bits, on values
//! instead of a tile in memory.

// Conditions on constants are the unrolled loops' bounds; some are always true.
#![allow(clippy::absurd_extreme_comparisons, clippy::impossible_comparisons)]

use super::{Group, Registers, Run, Suspects, Tile, Transfer, closed, good, values_good};
use crate::isa::field::Field;
use crate::isa::{self, MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};
use std::ops::Range;

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
    /// The sum of their absolute values.
    recips: F::V,
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
    unsafe fn of(a: [[F; N]; N]) -> Self {
        // SAFETY: the contract of Vector.
        unsafe {
            let zero = F::splat(F::S::default());
            let mut v =
                Values { a, recip: [zero; N], recips: zero.abs1(), perm: [index::<F>(0); N] };
            unroll!(I if I < N => { v.perm[I] = index::<F>(I); });
            v
        }
    }

    /// Step `K` of LU in place.
    #[inline(always)]
    // Unrolled, the last `taken` is not read.
    #[allow(unused_assignments)]
    unsafe fn eliminate<const K: usize>(&mut self) {
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
            // The pivot is the first of the largest: `taken` where it lies in a row above.
            let mut taken = size[K].eq(best);
            let leaves = self.a[K];
            let left = self.perm[K];
            // One lane has the time to divide by every candidate while the pivot is looked for.
            let at_once = F::LANES == 1 && F::PARTS == 1;
            let mut recip = self.a[K][K].recip_of_size(size[K]);
            unroll!(I if I < N => {
                if I > K {
                    let largest = size[I].eq(best);
                    let is_pivot = F::V::and_not(largest, taken);
                    taken = F::V::or(taken, largest);
                    let here = self.perm[I];
                    self.perm[K] = F::V::select(is_pivot, here, self.perm[K]);
                    self.perm[I] = F::V::select(is_pivot, left, here);
                    if at_once {
                        let other = self.a[I][K].recip_of_size(size[I]);
                        recip = F::select(is_pivot, other, recip);
                    }
                    unroll!(J if J < N => {
                        let here = self.a[I][J];
                        self.a[K][J] = F::select(is_pivot, here, self.a[K][J]);
                        self.a[I][J] = F::select(is_pivot, leaves[J], here);
                    });
                }
            });
            if !at_once {
                recip = self.a[K][K].recip_of_size(best);
            }
            self.recip[K] = recip;
            self.recips = self.recips.add(recip.abs1());
            unroll!(I if I < N => {
                if I > K {
                    let l = self.a[I][K].mul(recip);
                    self.a[I][K] = l;
                    unroll!(J if J < N => {
                        if J > K {
                            self.a[I][J] = l.neg_mul_add(self.a[K][J], self.a[I][J]);
                        }
                    });
                }
            });
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

    /// Which lanes are beyond suspicion as to pivots and results.
    #[inline(always)]
    unsafe fn good(&self) -> u64 {
        // SAFETY: the contract of Vector.
        unsafe { good(self.recips, self.zeros()) }
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

/// The ways of the matrices of a group of order `N` in and out.
struct Ways<'a, F: Field, const N: usize> {
    from_run: Run<'a, F, N>,
    to_run: Run<'a, F, N>,
    from: Transfer<'a, F>,
    to: Transfer<'a, F>,
    rows: Transfer<'a, F>,
    scratch: *mut RealOf<F>,
}

impl<'a, F: Field, const N: usize> Ways<'a, F, N> {
    #[inline(always)]
    fn of(g: &Group<'a, F::S>) -> Self {
        Ways {
            from_run: Run::source(g),
            to_run: Run::results(g),
            from: Transfer::new(g.src, g.from.transposed(), g.far),
            to: Transfer::new(g.dst, g.to.transposed(), g.far),
            rows: Transfer::new(g.dst, g.to, g.far),
            scratch: g.scratch,
        }
    }

    /// The transposes of the matrices `at`, and which of them have good lines.
    #[inline(always)]
    unsafe fn read(&self, at: &Range<usize>) -> (Values<F, N>, u64) {
        // SAFETY: the module's contract.
        unsafe {
            let a = match self.from_run.read::<true>(at) {
                Some(a) => a,
                None => self.from.load(at.clone(), self.scratch).values(),
            };
            let lines = values_good(&a, RealOf::<F>::LINE_EXP);
            (Values::of(a), lines)
        }
    }

    /// Writes the transposes of the results of the matrices `at`, their columns in order.
    #[inline(always)]
    unsafe fn write(&self, at: Range<usize>, v: &mut Values<F, N>) {
        // SAFETY: the module's contract.
        unsafe {
            let t = Tile::new(self.scratch, N);
            if self.rows.rows_fill_registers(N) {
                t.set_values(&v.a);
                let perm = t.after(N * N);
                unroll!(K if K < N => { v.perm[K].store(perm.add(K * F::LANES)); });
                self.rows.ask_ahead(&at, true);
                for k in 0..N {
                    let mut place = [RealOf::<F>::default(); MAX_LANES];
                    F::V::load(perm.add(k * F::LANES)).store(place.as_mut_ptr());
                    self.rows.store_rows(at.clone(), t, k, N, &place);
                }
                return;
            }
            v.unscramble();
            if !self.to_run.write::<true>(&at, &v.a, self.scratch) {
                t.set_values(&v.a);
                self.to.store(at, t);
            }
        }
    }
}

/// The inverses of a group of order `N`.
#[inline(always)]
pub unsafe fn inv<F: Field, const N: usize>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let ways = Ways::<F, N>::of(g);
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            let (mut v, lines) = ways.read(&at);
            unroll!(K if K < N => { v.eliminate::<K>(); });
            v.invert_upper();
            v.times_l_inverse();
            if registers.accept(lines & v.good()) {
                ways.write(at, &mut v);
            }
        }
        if g.stream {
            isa::streamed();
        }
        registers.suspects()
    }
}

/// The orders of [`alone`]: above, columns fill registers well enough.
pub const ALONE: std::ops::RangeInclusive<usize> = 1..=6;

/// The inverse of a matrix alone, of an order in [`ALONE`], in one lane and without scratch.
#[inline(always)]
pub unsafe fn alone<F: Field, One: Field<S = F::S>>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        match g.n {
            1 => closed::one::<One, 1>(g),
            2 => closed::one::<One, 2>(g),
            3 if F::S::COMPLEX => one::<One, 3>(g),
            3 => closed::one::<One, 3>(g),
            4 => one::<One, 4>(g),
            5 => one::<One, 5>(g),
            _ => one::<One, 6>(g),
        }
    }
}

/// One matrix of order `N` in one lane: element by element, and the rows of the result go where the
/// permutation says.
#[inline(always)]
unsafe fn one<F: Field, const N: usize>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract; perm holds a permutation of 0..N.
    unsafe {
        let (src, dst) = (g.src.get(0), g.dst.get(0));
        let mut a = [[F::splat(F::S::default()); N]; N];
        unroll!(I if I < N => {
            unroll!(J if J < N => { a[I][J] = F::splat(src.offset(g.from.at(J, I)).read()); });
        });
        let mut registers = Registers::of(g);
        registers.next(1);
        let lines = values_good(&a, RealOf::<F>::LINE_EXP);
        let mut v = Values::of(a);
        unroll!(K if K < N => { v.eliminate::<K>(); });
        v.invert_upper();
        v.times_l_inverse();
        if registers.accept(lines & v.good()) {
            unroll!(K if K < N => {
                let row = dst.offset(v.perm[K].first().to_index() * g.to.rs);
                unroll!(J if J < N => {
                    row.offset(J as isize * g.to.cs).write(v.a[J][K].to_lanes()[0]);
                });
            });
        }
        registers.suspects()
    }
}
