//! The four scalars: `f32`, `f64`, [`c32`] and [`c64`].

use crate::Kernels;
use crate::isa::Unavailable;
use num_complex::Complex;
use std::fmt::{Debug, Display};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// NumPy's complex64: two `f32`.
#[allow(non_camel_case_types)]
pub type c32 = Complex<f32>;
/// NumPy's complex128: two `f64`.
#[allow(non_camel_case_types)]
pub type c64 = Complex<f64>;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for num_complex::Complex<f32> {}
    impl Sealed for num_complex::Complex<f64> {}
}

/// A scalar that matrices are made of: `f32`, `f64`, [`c32`] or [`c64`]. Sealed.
pub trait Scalar:
    sealed::Sealed
    + Copy
    + Send
    + Sync
    + Default
    + PartialEq
    + Debug
    + Display
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// The real type of the same precision.
    type Real: RealScalar;
    /// The same kind of scalar in double precision.
    type Wide: Scalar<Real = f64, Wide = Self::Wide>;
    /// Whether there is an imaginary part.
    const COMPLEX: bool;
    /// NumPy's name of the type.
    const NAME: &'static str;

    /// `x + 0i`.
    fn from_re(x: Self::Real) -> Self;
    /// The real part.
    fn re(self) -> Self::Real;
    /// The imaginary part, zero for a real scalar.
    fn im(self) -> Self::Real;
    /// The complex conjugate.
    fn conj(self) -> Self;
    /// The same value in double precision: exact.
    fn widen(self) -> Self::Wide;
    /// The nearest value of this type.
    fn narrow(x: Self::Wide) -> Self;
    /// The result of `f` on each part.
    fn map(self, f: impl Fn(Self::Real) -> Self::Real) -> Self;

    #[doc(hidden)]
    fn kernels() -> Result<&'static Kernels<Self>, Unavailable>;
    #[doc(hidden)]
    fn of<E: EachScalar>() -> E::Of<Self>;

    /// |re| + |im|.
    #[inline]
    fn abs1(self) -> Self::Real {
        self.re().abs() + self.im().abs()
    }
    /// NaN in any part.
    fn is_nan(self) -> bool;
    /// No NaN and no infinity in any part.
    fn is_finite(self) -> bool;
    /// NaN in every part.
    fn nan() -> Self {
        Self::from_re(Self::Real::NAN).map(|_| Self::Real::NAN)
    }
    /// `self * 2^k`, rounded once even where the result is subnormal.
    fn ldexp(self, k: i32) -> Self {
        self.map(|x| x.times_power_of_two(k))
    }
}

/// Something that another crate has for each scalar; [`Scalar::of`] gives one scalar's.
#[doc(hidden)]
pub trait EachScalar {
    /// What there is for `T`.
    type Of<T: Scalar>;
    /// For `f32`.
    const F32: Self::Of<f32>;
    /// For `f64`.
    const F64: Self::Of<f64>;
    /// For [`c32`].
    const C32: Self::Of<c32>;
    /// For [`c64`].
    const C64: Self::Of<c64>;
}

/// The real scalars, with the constants that scaling and tolerances need.
pub trait RealScalar: Scalar<Real = Self> + PartialOrd {
    /// One.
    const ONE: Self;
    /// Not a number.
    const NAN: Self;
    /// Infinity.
    const INFINITY: Self;
    /// The distance from one to the next number: 2^-52 (2^-23). The unit roundoff is half of it.
    const EPSILON: Self;
    /// Sums of absolute values, and reciprocals of pivots, above this leave the fast route for the
    /// scaled one.
    const BIG: Self;
    /// `1 / BIG`.
    const SMALL: Self;
    /// log2 of `BIG`.
    const BIG_EXP: i32;
    /// Sums of the absolute values of a row or a column beyond this power of two, or under its
    /// reciprocal, leave the fast route: between graded rows and columns products may underflow
    /// that matter.
    const LINE_EXP: i32;
    /// The exponent of the smallest normal number.
    const MIN_EXP: i32;
    /// Bits after the leading one.
    const MANTISSA: i32;

    /// Absolute value.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// `self * b + c`, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;
    /// `self * 2^k`, rounded once.
    fn times_power_of_two(self, k: i32) -> Self;
    /// The exponent e with `2^e <= |self| < 2^(e+1)`, also for subnormals; `None` for zero, NaN and
    /// infinity.
    fn exponent(self) -> Option<i32>;
    /// To `f64`.
    fn to_f64(self) -> f64;
    /// A whole number that fits, as an index.
    ///
    /// # Safety
    /// The number is finite and fits.
    #[doc(hidden)]
    unsafe fn to_index(self) -> isize;
    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// `self` with the sign of `b`.
    fn copysign(self, b: Self) -> Self;
}

macro_rules! real {
    ($t:ident, $each:ident, $each_complex:ident, $name:literal, $big:literal, $line:literal, $mantissa:literal, $min:literal) => {
        impl RealScalar for $t {
            const ONE: Self = 1.0;
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;
            const EPSILON: Self = $t::EPSILON;
            const BIG_EXP: i32 = $big;
            const LINE_EXP: i32 = $line;
            const BIG: Self = power_of_two::$t($big);
            const SMALL: Self = power_of_two::$t(-$big);
            const MIN_EXP: i32 = $min;
            const MANTISSA: i32 = $mantissa;

            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn fma(self, b: Self, c: Self) -> Self {
                $t::mul_add(self, b, c)
            }
            fn times_power_of_two(self, k: i32) -> Self {
                // Each step but the last is exact: upwards it can only overflow, and downwards the
                // number is kept normal until the one multiplication that rounds.
                const UP: i32 = -$min;
                const DOWN: i32 = $min + $mantissa + 1;
                let (mut x, mut k) = (self, k.clamp(-5 * UP, 5 * UP));
                while k > UP {
                    x *= power_of_two::$t(UP);
                    k -= UP;
                }
                while k < $min {
                    x *= power_of_two::$t(DOWN);
                    k -= DOWN;
                }
                x * power_of_two::$t(k)
            }
            fn exponent(self) -> Option<i32> {
                if self == 0.0 || !self.is_finite() {
                    return None;
                }
                let biased = |x: $t| ((x.to_bits() << 1) >> ($mantissa + 1)) as i32;
                let e = biased(self);
                Some(if e > 0 {
                    e + $min - 1
                } else {
                    biased(self * power_of_two::$t($mantissa + 1)) + $min - 2 - $mantissa
                })
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            unsafe fn to_index(self) -> isize {
                // SAFETY: the caller's.
                unsafe { self.to_int_unchecked() }
            }
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn copysign(self, b: Self) -> Self {
                $t::copysign(self, b)
            }
        }

        impl Scalar for $t {
            type Real = $t;
            type Wide = f64;
            const COMPLEX: bool = false;
            const NAME: &'static str = $name;

            #[inline(always)]
            fn from_re(x: $t) -> Self {
                x
            }
            #[inline(always)]
            fn re(self) -> $t {
                self
            }
            #[inline(always)]
            fn im(self) -> $t {
                0.0
            }
            #[inline(always)]
            fn conj(self) -> Self {
                self
            }
            #[inline(always)]
            fn widen(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn narrow(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn map(self, f: impl Fn($t) -> $t) -> Self {
                f(self)
            }
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
            fn of<E: EachScalar>() -> E::Of<Self> {
                E::$each
            }
            fn kernels() -> Result<&'static Kernels<Self>, Unavailable> {
                crate::table()
            }
        }

        impl Scalar for Complex<$t> {
            type Real = $t;
            type Wide = c64;
            const COMPLEX: bool = true;
            const NAME: &'static str = if $mantissa == 23 { "complex64" } else { "complex128" };

            #[inline(always)]
            fn from_re(x: $t) -> Self {
                Complex::new(x, 0.0)
            }
            #[inline(always)]
            fn re(self) -> $t {
                self.re
            }
            #[inline(always)]
            fn im(self) -> $t {
                self.im
            }
            #[inline(always)]
            fn conj(self) -> Self {
                Complex::new(self.re, -self.im)
            }
            #[inline(always)]
            fn widen(self) -> c64 {
                Complex::new(self.re as f64, self.im as f64)
            }
            #[inline(always)]
            fn narrow(x: c64) -> Self {
                Complex::new(x.re as $t, x.im as $t)
            }
            #[inline(always)]
            fn map(self, f: impl Fn($t) -> $t) -> Self {
                Complex::new(f(self.re), f(self.im))
            }
            fn is_nan(self) -> bool {
                self.re.is_nan() || self.im.is_nan()
            }
            fn is_finite(self) -> bool {
                self.re.is_finite() && self.im.is_finite()
            }
            fn of<E: EachScalar>() -> E::Of<Self> {
                E::$each_complex
            }
            fn kernels() -> Result<&'static Kernels<Self>, Unavailable> {
                crate::table()
            }
        }
    };
}

/// Powers of two by their bits, normal ones only.
mod power_of_two {
    pub(super) const fn f32(k: i32) -> f32 {
        f32::from_bits(((k + 127) as u32) << 23)
    }
    pub(super) const fn f64(k: i32) -> f64 {
        f64::from_bits(((k + 1023) as u64) << 52)
    }
}

real!(f32, F32, C32, "float32", 100, 40, 23, -126);
real!(f64, F64, C64, "float64", 900, 400, 52, -1022);
