//! The arithmetic that kernels are written in: [`Real`] or [`Cplx`] lanes over one [`Vector`].
//!
//! A complex lane is two registers, real and imaginary parts apart, so a complex kernel is the real
//! one with another type. In memory a field element of a tile is `PARTS * LANES` reals: the real
//! parts, then the imaginary parts.

use super::{Isa, MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};
use num_complex::Complex;

/// Lanes of a real or complex scalar. Unsafe for the reason of [`Vector`].
pub trait Field: Copy + 'static {
    type V: Vector<Elem = <Self::S as Scalar>::Real>;
    type S: Scalar;
    /// Registers an element takes.
    const PARTS: usize;
    const LANES: usize = <Self::V as Vector>::LANES;
    unsafe fn splat(x: Self::S) -> Self;
    /// From a tile: `PARTS * LANES` reals.
    unsafe fn load(p: *const <Self::S as Scalar>::Real) -> Self;
    unsafe fn store(self, p: *mut <Self::S as Scalar>::Real);
    /// From the caller's memory: `LANES` adjacent scalars.
    unsafe fn load_scalars(p: *const Self::S) -> Self;
    unsafe fn store_scalars(self, p: *mut Self::S);
    /// The first `len` of as many adjacent scalars; the other lanes are zero.
    unsafe fn load_first_scalars(p: *const Self::S, len: usize) -> Self;
    /// The first `len` lanes as adjacent scalars.
    unsafe fn store_first_scalars(self, p: *mut Self::S, len: usize);
    /// One scalar a lane from `f`.
    unsafe fn from_lanes(f: impl Fn(usize) -> Self::S) -> Self;
    /// The lanes as scalars.
    unsafe fn to_lanes(self) -> [Self::S; MAX_LANES];
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    /// `self * b + c`.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// `c - self * b`.
    unsafe fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// `a * b - c * d` by Kahan's compensated product: an error under 1.5 units of each part's
    /// rounding (Jeannerod, Louvet, Muller, "Further analysis of Kahan's algorithm for the accurate
    /// computation of 2x2 determinants", Math. Comp. 82, 2013).
    unsafe fn diff_of_products(a: Self, b: Self, c: Self, d: Self) -> Self;
    unsafe fn conj(self) -> Self;
    unsafe fn neg(self) -> Self;
    /// `1 / self` without squaring the modulus.
    unsafe fn recip(self) -> Self;
    /// The same with `size = self.abs1()` known: where that is the modulus its reciprocal need not
    /// wait for `self`.
    unsafe fn recip_of_size(self, size: Self::V) -> Self;
    unsafe fn scale(self, r: Self::V) -> Self;
    unsafe fn re(self) -> Self::V;
    unsafe fn im(self) -> Self::V;
    unsafe fn from_re(r: Self::V) -> Self;
    /// From both parts; a real field drops `im`.
    unsafe fn from_parts(re: Self::V, im: Self::V) -> Self;
    /// |re| + |im|, LAPACK's cabs1: what pivots are chosen by.
    unsafe fn abs1(self) -> Self::V;
    /// `sum + |self|^2`.
    unsafe fn add_square(self, sum: Self::V) -> Self::V;
    /// `sum + 0 * self`, part by part: NaN if a part is not finite.
    unsafe fn add_zero_times(self, sum: Self::V) -> Self::V;
    unsafe fn select(m: <Self::V as Vector>::Mask, y: Self, n: Self) -> Self;
}

/// The field of a scalar on an instruction set, and that of one lane.
pub trait FieldOf<I: Isa>: Scalar {
    type F: Field<S = Self>;
    type One: Field<S = Self>;
}
impl<I: Isa> FieldOf<I> for f32 {
    type F = Real<I::F32>;
    type One = Real<I::One32>;
}
impl<I: Isa> FieldOf<I> for f64 {
    type F = Real<I::F64>;
    type One = Real<I::One64>;
}
impl<I: Isa> FieldOf<I> for Complex<f32> {
    type F = Cplx<I::F32>;
    type One = Cplx<I::One32>;
}
impl<I: Isa> FieldOf<I> for Complex<f64> {
    type F = Cplx<I::F64>;
    type One = Cplx<I::One64>;
}

/// Real lanes.
#[derive(Clone, Copy)]
pub struct Real<V>(V);

/// Complex lanes: real and imaginary parts in a register each.
#[derive(Clone, Copy)]
pub struct Cplx<V> {
    re: V,
    im: V,
}

/// Kahan: `a * b - c * d`.
#[inline(always)]
unsafe fn kahan<V: Vector>(a: V, b: V, c: V, d: V) -> V {
    // SAFETY: the caller's contract is Vector's.
    unsafe {
        let w = c.mul(d);
        let error = c.fused_neg_mul_add(d, w);
        error.sub(a.fused_neg_mul_add(b, w))
    }
}

#[inline(always)]
unsafe fn zero<V: Vector>() -> V {
    // SAFETY: the caller's contract is Vector's.
    unsafe { V::splat(V::Elem::default()) }
}

// The methods below only pass the contract of `Vector` on, hence one reason for all of them.
macro_rules! field_methods {
    ($($name:ident ( $($arg:ident : $t:ty),* ) -> $ret:ty = $body:expr;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg: $t),*) -> $ret {
                // SAFETY: the contract of `Vector`, passed on.
                #[allow(unused_unsafe)]
                unsafe { $body }
            }
        )*
    };
}

impl<V: Vector> Field for Real<V>
where
    V::Elem: Scalar<Real = V::Elem>,
{
    type V = V;
    type S = V::Elem;
    const PARTS: usize = 1;

    field_methods! {
        splat(x: V::Elem) -> Self = Real(V::splat(x));
        load(p: *const V::Elem) -> Self = Real(V::load(p));
        store(self: Self, p: *mut V::Elem) -> () = self.0.store(p);
        load_scalars(p: *const V::Elem) -> Self = Real(V::load(p));
        store_scalars(self: Self, p: *mut V::Elem) -> () = self.0.store(p);
        load_first_scalars(p: *const V::Elem, len: usize) -> Self =
            Real(if len == V::LANES { V::load(p) } else { V::load_first(p, len) });
        store_first_scalars(self: Self, p: *mut V::Elem, len: usize) -> () =
            if len == V::LANES { self.0.store(p) } else { self.0.store_first(p, len) };
        add(self: Self, b: Self) -> Self = Real(self.0.add(b.0));
        mul(self: Self, b: Self) -> Self = Real(self.0.mul(b.0));
        mul_add(self: Self, b: Self, c: Self) -> Self = Real(self.0.mul_add(b.0, c.0));
        neg_mul_add(self: Self, b: Self, c: Self) -> Self = Real(self.0.neg_mul_add(b.0, c.0));
        diff_of_products(a: Self, b: Self, c: Self, d: Self) -> Self =
            Real(kahan(a.0, b.0, c.0, d.0));
        conj(self: Self) -> Self = self;
        neg(self: Self) -> Self = Real(V::splat(-V::Elem::ONE).mul(self.0));
        recip(self: Self) -> Self = Real(V::splat(V::Elem::ONE).div(self.0));
        recip_of_size(self: Self, size: V) -> Self =
            Real(V::splat(V::Elem::ONE).div(size).with_sign_of(self.0));
        scale(self: Self, r: V) -> Self = Real(self.0.mul(r));
        re(self: Self) -> V = self.0;
        im(self: Self) -> V = zero::<V>();
        from_re(r: V) -> Self = Real(r);
        from_parts(re: V, _im: V) -> Self = Real(re);
        abs1(self: Self) -> V = self.0.abs();
        add_square(self: Self, sum: V) -> V = self.0.mul_add(self.0, sum);
        add_zero_times(self: Self, sum: V) -> V = self.0.mul_add(zero(), sum);
        select(m: V::Mask, y: Self, n: Self) -> Self = Real(V::select(m, y.0, n.0));
        to_lanes(self: Self) -> [V::Elem; MAX_LANES] = {
            let mut out = [V::Elem::default(); MAX_LANES];
            self.0.store(out.as_mut_ptr());
            out
        };
    }

    #[inline(always)]
    unsafe fn from_lanes(f: impl Fn(usize) -> V::Elem) -> Self {
        let mut lanes = [V::Elem::default(); MAX_LANES];
        for l in 0..V::LANES {
            lanes[l] = f(l);
        }
        // SAFETY: the array spans MAX_LANES elements.
        unsafe { Real(V::load(lanes.as_ptr())) }
    }
}

impl<V: Vector> Field for Cplx<V>
where
    Complex<V::Elem>: Scalar<Real = V::Elem>,
{
    type V = V;
    type S = Complex<V::Elem>;
    const PARTS: usize = 2;

    field_methods! {
        splat(x: Self::S) -> Self = Cplx { re: V::splat(x.re), im: V::splat(x.im) };
        load(p: *const V::Elem) -> Self = Cplx { re: V::load(p), im: V::load(p.add(V::LANES)) };
        store(self: Self, p: *mut V::Elem) -> () = {
            self.re.store(p);
            self.im.store(p.add(V::LANES))
        };
        load_scalars(p: *const Self::S) -> Self = {
            let p = p.cast::<V::Elem>();
            let (re, im) = V::split(V::load(p), V::load(p.add(V::LANES)));
            Cplx { re, im }
        };
        store_scalars(self: Self, p: *mut Self::S) -> () = {
            let p = p.cast::<V::Elem>();
            let (low, high) = V::join(self.re, self.im);
            low.store(p);
            high.store(p.add(V::LANES))
        };
        load_first_scalars(p: *const Self::S, len: usize) -> Self = {
            let (reals, p) = (2 * len, p.cast::<V::Elem>());
            let low = V::load_first(p, reals.min(V::LANES));
            let high = match reals > V::LANES {
                true => V::load_first(p.add(V::LANES), reals - V::LANES),
                false => zero(),
            };
            let (re, im) = V::split(low, high);
            Cplx { re, im }
        };
        store_first_scalars(self: Self, p: *mut Self::S, len: usize) -> () = {
            let (reals, p) = (2 * len, p.cast::<V::Elem>());
            let (low, high) = V::join(self.re, self.im);
            low.store_first(p, reals.min(V::LANES));
            if reals > V::LANES {
                high.store_first(p.add(V::LANES), reals - V::LANES)
            }
        };
        add(self: Self, b: Self) -> Self = Cplx { re: self.re.add(b.re), im: self.im.add(b.im) };
        mul(self: Self, b: Self) -> Self = Cplx {
            re: self.im.neg_mul_add(b.im, self.re.mul(b.re)),
            im: self.im.mul_add(b.re, self.re.mul(b.im)),
        };
        mul_add(self: Self, b: Self, c: Self) -> Self = Cplx {
            re: self.im.neg_mul_add(b.im, self.re.mul_add(b.re, c.re)),
            im: self.im.mul_add(b.re, self.re.mul_add(b.im, c.im)),
        };
        neg_mul_add(self: Self, b: Self, c: Self) -> Self = Cplx {
            re: self.im.mul_add(b.im, self.re.neg_mul_add(b.re, c.re)),
            im: self.im.neg_mul_add(b.re, self.re.neg_mul_add(b.im, c.im)),
        };
        diff_of_products(a: Self, b: Self, c: Self, d: Self) -> Self = {
            // Four products a part: two compensated differences, then their difference.
            let re1 = kahan(a.re, b.re, a.im, b.im);
            let re2 = kahan(c.re, d.re, c.im, d.im);
            let im1 = kahan(a.re, b.im, zero::<V>().sub(a.im), b.re);
            let im2 = kahan(c.re, d.im, zero::<V>().sub(c.im), d.re);
            Cplx { re: re1.sub(re2), im: im1.sub(im2) }
        };
        conj(self: Self) -> Self = Cplx { re: self.re, im: V::splat(-V::Elem::ONE).mul(self.im) };
        neg(self: Self) -> Self = {
            let minus = V::splat(-V::Elem::ONE);
            Cplx { re: minus.mul(self.re), im: minus.mul(self.im) }
        };
        recip(self: Self) -> Self = {
            // With s = max(|re|, |im|) divided out the modulus lies in 1..sqrt 2.
            let (re, im) = (self.re.abs(), self.im.abs());
            let s = V::select(re.gt(im), re, im);
            let (x, y) = (self.re.div(s), self.im.div(s));
            let d = y.mul_add(y, x.mul(x));
            Cplx { re: x.div(d).div(s), im: zero::<V>().sub(y).div(d).div(s) }
        };
        recip_of_size(self: Self, _size: V) -> Self = self.recip();
        scale(self: Self, r: V) -> Self = Cplx { re: self.re.mul(r), im: self.im.mul(r) };
        re(self: Self) -> V = self.re;
        im(self: Self) -> V = self.im;
        from_re(r: V) -> Self = Cplx { re: r, im: zero::<V>() };
        from_parts(re: V, im: V) -> Self = Cplx { re, im };
        abs1(self: Self) -> V = self.re.abs().add(self.im.abs());
        add_square(self: Self, sum: V) -> V = self.im.mul_add(self.im, self.re.mul_add(self.re, sum));
        add_zero_times(self: Self, sum: V) -> V =
            self.im.mul_add(zero(), self.re.mul_add(zero(), sum));
        select(m: V::Mask, y: Self, n: Self) -> Self =
            Cplx { re: V::select(m, y.re, n.re), im: V::select(m, y.im, n.im) };
        to_lanes(self: Self) -> [Self::S; MAX_LANES] = {
            let mut re = [V::Elem::default(); MAX_LANES];
            let mut im = [V::Elem::default(); MAX_LANES];
            self.re.store(re.as_mut_ptr());
            self.im.store(im.as_mut_ptr());
            std::array::from_fn(|l| Complex::new(re[l], im[l]))
        };
    }

    #[inline(always)]
    unsafe fn from_lanes(f: impl Fn(usize) -> Self::S) -> Self {
        let mut re = [V::Elem::default(); MAX_LANES];
        let mut im = [V::Elem::default(); MAX_LANES];
        for l in 0..V::LANES {
            let x = f(l);
            re[l] = x.re;
            im[l] = x.im;
        }
        // SAFETY: both arrays span MAX_LANES elements.
        unsafe { Cplx { re: V::load(re.as_ptr()), im: V::load(im.as_ptr()) } }
    }
}

/// The transpose of the first registers, as many as a register has lanes.
#[inline(always)]
pub unsafe fn turned<F: Field>(mut x: [F; MAX_LANES]) -> [F; MAX_LANES] {
    // SAFETY: the contract of Vector.
    unsafe {
        let (mut re, mut im) = ([x[0].re(); MAX_LANES], [x[0].im(); MAX_LANES]);
        for l in 0..F::LANES {
            (re[l], im[l]) = (x[l].re(), x[l].im());
        }
        F::V::transpose(&mut re);
        if F::PARTS == 2 {
            F::V::transpose(&mut im);
        }
        for l in 0..F::LANES {
            x[l] = F::from_parts(re[l], im[l]);
        }
        x
    }
}
