//! WHO computes: registers of one instruction set, and the run-time choice among the sets.
//!
//! A kernel is written once, over [`Vector`] (and over [`Field`](field::Field) for complex
//! scalars). An instruction set is one file: the table of its operations. `kernel::frames!` stamps
//! every kernel inside that set's `#[target_feature]` frame.
//!
//! Every method is `inline(always)`: a function with `#[target_feature]` cannot be, and a vector
//! operation that is not inlined into its frame runs a hundred times slower.

pub mod field;

pub mod portable;

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
#[cfg(target_arch = "aarch64")]
pub mod neon;

use std::sync::OnceLock;

/// The largest number of lanes of any vector here.
pub const MAX_LANES: usize = 16;

/// A register of real lanes.
///
/// # Safety
/// Every method may only be called on a CPU that has the instruction set which owns the type; the
/// caller is a kernel, entered through a table that `kernel::table` handed out after detection. Loads
/// and stores need `LANES` valid elements, of any alignment.
pub trait Vector: Copy + 'static {
    type Elem: crate::scalar::RealScalar;
    type Mask: Copy;
    const LANES: usize;
    /// Whether it is a register of the machine, not an array that stands for one.
    const NATIVE: bool;

    unsafe fn splat(x: Self::Elem) -> Self;
    unsafe fn load(p: *const Self::Elem) -> Self;
    unsafe fn store(self, p: *mut Self::Elem);
    /// Stores past the caches, where the machine can; `p` is a multiple of the register's size.
    #[inline(always)]
    unsafe fn stream(self, p: *mut Self::Elem) {
        // SAFETY: the contract of the trait.
        unsafe { self.store(p) }
    }
    /// Lane 0.
    unsafe fn first(self) -> Self::Elem;
    /// The even and the odd lanes of `a` followed by `b`.
    unsafe fn split(a: Self, b: Self) -> (Self, Self);
    /// The lanes of `a` and `b` in turns: what `split` takes apart.
    unsafe fn join(a: Self, b: Self) -> (Self, Self);
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn abs(self) -> Self;
    /// `self * b + c`, rounded once, but for the portable set, which rounds twice.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// `c - self * b`, rounded once, but for the portable set, which rounds twice.
    unsafe fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// `c - self * b`, rounded once on every set: what compensated products rest on.
    #[inline(always)]
    unsafe fn fused_neg_mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: the contract of the trait.
        unsafe { self.neg_mul_add(b, c) }
    }
    /// Lane by lane `self > b`; false where either is NaN.
    unsafe fn gt(self, b: Self) -> Self::Mask;
    /// Lane by lane `self == b`.
    unsafe fn eq(self, b: Self) -> Self::Mask;
    /// `y` where the mask is set, `n` elsewhere.
    unsafe fn select(mask: Self::Mask, y: Self, n: Self) -> Self;
    /// The larger of each lane, `b` where one is NaN.
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        // SAFETY: the contract of the trait.
        unsafe { Self::select(self.gt(b), self, b) }
    }
    /// The smaller of each lane, `b` where one is NaN.
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        // SAFETY: the contract of the trait.
        unsafe { Self::select(b.gt(self), self, b) }
    }
    /// `self`, which has no sign, with the sign of `b`.
    unsafe fn with_sign_of(self, b: Self) -> Self;
    /// Where `a` is set and `b` is not.
    unsafe fn and_not(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Where `a` or `b` is set.
    unsafe fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// One bit a lane, lane 0 lowest.
    unsafe fn bits(mask: Self::Mask) -> u64;
    /// The mask of such bits; those beyond the lanes say nothing.
    unsafe fn mask(bits: u64) -> Self::Mask;
    /// The largest lane, in every lane; any of them where one is NaN.
    unsafe fn largest(self) -> Self;
    /// The first `len` lanes from memory that spans no more; the others are zero.
    unsafe fn load_first(p: *const Self::Elem, len: usize) -> Self;
    /// The first `len` lanes to memory.
    unsafe fn store_first(self, p: *mut Self::Elem, len: usize);
    /// Transposes the first LANES registers: lane j of register i becomes lane i of register j.
    unsafe fn transpose(x: &mut [Self; MAX_LANES]);
    /// Loads a register from each of the first LANES places and transposes them.
    #[inline(always)]
    unsafe fn load_transposed(from: &[*const Self::Elem; MAX_LANES]) -> [Self; MAX_LANES] {
        // SAFETY: the contract of the trait.
        unsafe {
            let mut x = [Self::splat(Self::Elem::default()); MAX_LANES];
            for l in 0..Self::LANES {
                x[l] = Self::load(from[l]);
            }
            Self::transpose(&mut x);
            x
        }
    }
    /// Transposes the first LANES registers and stores one at each of as many places.
    #[inline(always)]
    unsafe fn store_transposed(mut x: [Self; MAX_LANES], to: &[*mut Self::Elem; MAX_LANES]) {
        // SAFETY: the contract of the trait.
        unsafe {
            Self::transpose(&mut x);
            for l in 0..Self::LANES {
                x[l].store(to[l]);
            }
        }
    }
}

/// An instruction set: its two vectors.
pub trait Isa: Copy + 'static {
    type F32: Vector<Elem = f32>;
    type F64: Vector<Elem = f64>;
    /// One lane, rounding as the others do: for a matrix alone.
    type One32: Vector<Elem = f32>;
    type One64: Vector<Elem = f64>;
}

/// Writes `impl Vector` from a table of one line an operation.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vector {
    ($v:ty, $elem:ty, $mask:ty, $lanes:literal, {
        $($name:ident ( $($arg:ident : $t:ty),* ) -> $ret:ty = $body:expr;)*
    }) => {
        impl $crate::isa::Vector for $v {
            type Elem = $elem;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const NATIVE: bool = true;
            $(
                #[inline(always)]
                unsafe fn $name($($arg: $t),*) -> $ret {
                    // SAFETY: the contract of the trait: the CPU has this set, and a pointer spans
                    // the elements that are read or written.
                    #[allow(unused_unsafe)]
                    unsafe { $body }
                }
            )*
        }
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) use vector;

/// Asks for the cache line at `p`, to be read or to be written. Any address will do.
#[inline(always)]
pub fn prefetch(p: *const u8, write: bool) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that no address makes fail, of every x86-64.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _mm_prefetch};
        if write {
            _mm_prefetch::<_MM_HINT_ET0>(p.cast());
        } else {
            _mm_prefetch::<_MM_HINT_T0>(p.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (p, write);
}

/// Orders the streamed stores before those that follow.
#[inline(always)]
pub fn streamed() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: of every x86-64.
    unsafe {
        core::arch::x86_64::_mm_sfence()
    }
}

/// The instruction sets, by name. `AINV_ISA` forces one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IsaId {
    /// x86-64 with AVX-512 F and DQ.
    Avx512,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// aarch64.
    Neon,
    /// Any machine; multiplies and adds are rounded separately.
    Portable,
    /// Any machine, with fused multiply-adds: slow without the instruction, and the oracle that
    /// AVX-512, AVX2 and NEON equal bit for bit.
    Fused,
}

/// Every set that this build has, best first.
pub const ISAS: &[IsaId] = &[
    #[cfg(target_arch = "x86_64")]
    IsaId::Avx512,
    #[cfg(target_arch = "x86_64")]
    IsaId::Avx2,
    #[cfg(target_arch = "aarch64")]
    IsaId::Neon,
    IsaId::Portable,
    IsaId::Fused,
];

impl IsaId {
    /// The name that `AINV_ISA` takes.
    pub fn name(self) -> &'static str {
        match self {
            IsaId::Avx512 => "avx512",
            IsaId::Avx2 => "avx2",
            IsaId::Neon => "neon",
            IsaId::Portable => "portable",
            IsaId::Fused => "fused",
        }
    }

    /// Whether this build and this CPU have the set.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            IsaId::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && IsaId::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            IsaId::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            IsaId::Neon => true,
            IsaId::Portable | IsaId::Fused => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}

impl std::fmt::Display for IsaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The name in `AINV_ISA` is of no set that this build and this CPU have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// The set in use: `AINV_ISA` if it is given, else the best that the CPU has. Found once.
///
/// # Errors
/// If `AINV_ISA` names a set that is unknown or that this machine lacks; a forced
/// set never falls back.
pub fn selected() -> Result<IsaId, Unavailable> {
    static CHOICE: OnceLock<Result<IsaId, String>> = OnceLock::new();
    CHOICE
        .get_or_init(|| match std::env::var("AINV_ISA") {
            Ok(name) if !name.is_empty() => {
                ISAS.iter().copied().find(|i| i.name() == name && i.is_available()).ok_or(name)
            }
            _ => ISAS.iter().copied().find(|i| i.is_available()).ok_or_else(String::new),
        })
        .clone()
        .map_err(Unavailable)
}

/// The sets that this machine can run, best first.
pub fn available() -> Vec<IsaId> {
    ISAS.iter().copied().filter(|i| i.is_available()).collect()
}
