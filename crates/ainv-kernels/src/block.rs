//! Diagonal blocks of the blocked algorithms: the bases of their recursions, one lane at a time.

use crate::isa::field::Field;
use crate::scalar::{RealScalar, Scalar};
use crate::trsm::BLOCK;

/// A diagonal entry of a Hermitian matrix of order `n` is real if its imaginary part is at most
/// this times its real part: what the rounding of a product X X^H leaves there.
pub fn unreal_above<R: RealScalar>(n: usize) -> R {
    R::from_f64(n as f64) * R::EPSILON
}

/// A square block in place, of order `n <= BLOCK`, columns `ld` apart.
pub struct Block<T: Scalar> {
    pub n: usize,
    pub a: *mut T,
    pub ld: isize,
}

impl<T: Scalar> Block<T> {
    #[inline(always)]
    unsafe fn at(&self, i: usize, j: usize) -> *mut T {
        // SAFETY: (i, j) is in the caller's block.
        unsafe { self.a.offset(i as isize + j as isize * self.ld) }
    }
}

#[inline(always)]
unsafe fn scalar<F: Field>(x: F) -> F::S {
    // SAFETY: one lane.
    unsafe { x.to_lanes()[0] }
}

/// The inverse of a triangle in its place, column by column (Higham, section 14.2.1, method 1 for
/// the rows of the inverse: the left residual is bounded); the other triangle stays.
#[inline(always)]
pub unsafe fn tri_inv<F: Field, One: Field<S = F::S>>(p: &Block<F::S>, lower: bool) {
    // A lower triangle from its last column on: `order` makes an upper one of it.
    let order = |i: usize| if lower { p.n - 1 - i } else { i };
    // SAFETY: the caller's block; One lane.
    unsafe {
        let mut x = [[One::splat(F::S::default()); BLOCK]; BLOCK];
        for j in 0..p.n {
            let recip = One::splat(p.at(order(j), order(j)).read()).recip();
            for i in 0..j {
                let mut sum = One::splat(F::S::default());
                for k in i..j {
                    sum = x[k][i].neg_mul_add(One::splat(p.at(order(k), order(j)).read()), sum);
                }
                x[j][i] = sum.mul(recip);
            }
            x[j][j] = recip;
        }
        for j in 0..p.n {
            for i in 0..=j {
                p.at(order(i), order(j)).write(scalar(x[j][i]));
            }
        }
    }
}

/// A = L L^H in the lower triangle's place, the diagonal's imaginary parts dropped (Higham,
/// algorithm 10.2). The 1-based number of the first pivot that is not positive, or 0.
#[inline(always)]
pub unsafe fn cholesky<F: Field, One: Field<S = F::S>>(p: &Block<F::S>) -> usize {
    // SAFETY: the caller's block; one lane.
    unsafe {
        for j in 0..p.n {
            let mut pivot = One::splat(p.at(j, j).read()).re();
            for k in 0..j {
                let x = One::splat(p.at(j, k).read());
                pivot = One::from_re(x.re())
                    .neg_mul_add(One::from_re(x.re()), One::from_re(pivot))
                    .re();
                if One::PARTS == 2 {
                    let im = One::from_re(x.im());
                    pivot = im.neg_mul_add(im, One::from_re(pivot)).re();
                }
            }
            let pivot = scalar(One::from_re(pivot)).re();
            // Written so that a NaN is bad.
            let positive = pivot > <F::S as Scalar>::Real::default();
            if !positive {
                return j + 1;
            }
            let root = RealScalar::sqrt(pivot);
            p.at(j, j).write(F::S::from_re(root));
            for i in j + 1..p.n {
                let mut x = One::splat(p.at(i, j).read());
                for k in 0..j {
                    x = One::splat(p.at(i, k).read())
                        .neg_mul_add(One::splat(p.at(j, k).read()).conj(), x);
                }
                p.at(i, j).write(scalar(x).map(|part| part / root));
            }
        }
        0
    }
}

/// The lower triangle of V^H V in the place of the lower triangle V, the diagonal real.
#[inline(always)]
pub unsafe fn adjoint_product<F: Field, One: Field<S = F::S>>(p: &Block<F::S>) {
    // SAFETY: the caller's block; one lane.
    unsafe {
        for i in 0..p.n {
            for j in 0..=i {
                let mut sum = One::splat(F::S::default());
                for k in i..p.n {
                    let v = One::splat(p.at(k, i).read()).conj();
                    sum = v.mul_add(One::splat(p.at(k, j).read()), sum);
                }
                let x = scalar(sum);
                p.at(i, j).write(if i == j { F::S::from_re(x.re()) } else { x });
            }
        }
    }
}
