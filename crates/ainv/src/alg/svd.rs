//! Singular values and Hermitian eigenvalues, by faer: what the pseudo-inverse is made of.

use super::Context;
use super::gemm::{Operand, Product, Update};
use crate::device::cpu::arena;
use crate::error::{Error, filled, listed};
use ainv_kernels::bounds::Cut;
use ainv_kernels::scalar::{EachScalar, RealScalar, Scalar, c32, c64};
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::svd::SvdParams;
use faer::linalg::{evd, svd};
use faer::traits::ComplexField;
use faer::{Auto, MatMut, MatRef, Par, Spec};

/// A matrix's shape, its entries column by column, and the places for U, V and the values.
type Svd<T> = unsafe fn((usize, usize), *const T, *mut T, *mut T, *mut T) -> Converged;
/// An order, the entries (the lower triangle is read), and the places for the vectors and values.
type Eigen<T> = unsafe fn(usize, *const T, *mut T, *mut T) -> Converged;
/// A matrix's shape, its entries and the place for the values.
type Values<T> = unsafe fn((usize, usize), *const T, &mut [T]) -> Converged;
/// `None` if the decomposition did not converge.
type Converged = Result<Option<()>, Error>;

/// The decompositions of one scalar.
struct Decomposition<T> {
    svd: Svd<T>,
    eigen: Eigen<T>,
    values: Values<T>,
}

impl<T: ComplexField> Decomposition<T> {
    const BY_FAER: Self =
        Decomposition { svd: decompose::<T>, eigen: eigen::<T>, values: values::<T> };
}

// Statics, which no other crate compiles.
static F32: Decomposition<f32> = Decomposition::BY_FAER;
static F64: Decomposition<f64> = Decomposition::BY_FAER;
static C32: Decomposition<c32> = Decomposition::BY_FAER;
static C64: Decomposition<c64> = Decomposition::BY_FAER;

/// A [`Decomposition`] for each scalar.
struct Decompositions;

impl EachScalar for Decompositions {
    type Of<T: Scalar> = &'static Decomposition<T>;
    const F32: &'static Decomposition<f32> = &F32;
    const F64: &'static Decomposition<f64> = &F64;
    const C32: &'static Decomposition<c32> = &C32;
    const C64: &'static Decomposition<c64> = &C64;
}

/// The pseudo-inverse X (n x m, column-major) of A (m x n, column-major), `None` if the
/// decomposition did not converge. With `hermitian` the lower triangle of A is read.
///
/// # Safety
/// A and X are readable and writable over their sizes.
pub(crate) unsafe fn pseudo_inverse<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: *const T,
    hermitian: bool,
    cut: Cut,
    x: *mut T,
) -> Result<Option<()>, Error> {
    let r = m.min(n);
    // U (m x r), V (n x r) and the r values behind each other.
    arena::with((m + n + 1) * r, |u: *mut T| {
        let (v, s) = (u.wrapping_add(m * r), u.wrapping_add((m + n) * r));
        // SAFETY: the blocks above; A is the caller's.
        let done = unsafe {
            if hermitian {
                let done = (T::of::<Decompositions>().eigen)(n, a, u, s)?;
                std::ptr::copy_nonoverlapping(u, v, n * r);
                done
            } else {
                (T::of::<Decompositions>().svd)((m, n), a, u, v, s)?
            }
        };
        if done.is_none() {
            return Ok(None);
        }
        // SAFETY: as above; the kept columns of V become V / s, in front.
        unsafe {
            let size = |j: usize| RealScalar::abs((*s.add(j)).re()).to_f64();
            if !(0..r).all(|j| size(j).is_finite()) {
                return Ok(None);
            }
            let largest = (0..r).map(size).fold(0.0, f64::max);
            let limit = (cut.relative * largest).max(cut.absolute);
            let mut kept = 0;
            for j in (0..r).filter(|&j| size(j) > limit) {
                let recip = T::Real::ONE / (*s.add(j)).re();
                for i in 0..n {
                    let y = (*v.add(i + j * n)).map(|part| part * recip);
                    v.add(i + kept * n).write(y);
                }
                std::ptr::copy(u.add(j * m), u.add(kept * m), m);
                kept += 1;
            }
            let product = Product {
                m: n,
                n: m,
                k: kept,
                a: Operand::columns(v.cast_const(), n as isize),
                b: Operand::columns(u.cast_const(), m as isize).adjoint(),
                update: Update::Set,
                c: x,
                ldc: n as isize,
            };
            product.run(cx)?;
        }
        Ok(Some(()))
    })
}

/// The singular values of A (m x n, column-major), largest first, `None` if the decomposition did
/// not converge.
///
/// # Safety
/// A is readable.
pub(crate) unsafe fn singular_values<T: Scalar>(
    (m, n): (usize, usize),
    a: *const T,
) -> Result<Option<Vec<T::Real>>, Error> {
    let mut s = filled(T::default(), m.min(n))?;
    // SAFETY: the caller's A, and as many places as values.
    let done = unsafe { (T::of::<Decompositions>().values)((m, n), a, &mut s)? };
    done.map(|()| listed(s.iter().map(|x| x.re()))).transpose()
}

/// [`singular_values`] of entries that are there: columns, one after the other.
pub(crate) fn of_slice<T: Scalar>(
    (m, n): (usize, usize),
    a: &[T],
) -> Result<Option<Vec<T::Real>>, Error> {
    assert_eq!(a.len(), m * n, "as many entries as the shape says");
    // SAFETY: the slice has them all.
    unsafe { singular_values((m, n), a.as_ptr()) }
}

/// Faer begins tall matrices with a QR factorisation, after which small singular values are off by some
/// m epsilon of the largest: as much as the default cut-off.
fn settings<T: ComplexField>() -> Spec<SvdParams, T> {
    let settings: SvdParams = Auto::<T>::auto();
    Spec::new(SvdParams { qr_ratio_threshold: f64::INFINITY, ..settings })
}

unsafe fn values<T: ComplexField>((m, n): (usize, usize), a: *const T, s: &mut [T]) -> Converged {
    let none = svd::ComputeSvdVectors::No;
    let req = svd::svd_scratch::<T>(m, n, none, none, Par::Seq, settings());
    with_stack(req, |stack| {
        // SAFETY: the caller's A.
        let a = unsafe { MatRef::from_raw_parts(a, m, n, 1, m as isize) };
        let s = faer::ColMut::from_slice_mut(s).as_diagonal_mut();
        Ok(svd::svd(a, s, None, None, Par::Seq, stack, settings()).ok())
    })
}

unsafe fn decompose<T: ComplexField>(
    (m, n): (usize, usize),
    a: *const T,
    u: *mut T,
    v: *mut T,
    s: *mut T,
) -> Converged {
    let r = m.min(n);
    let thin = svd::ComputeSvdVectors::Thin;
    let req = svd::svd_scratch::<T>(m, n, thin, thin, Par::Seq, settings());
    with_stack(req, |stack| {
        // SAFETY: the caller's blocks; the output is written before it is read.
        let (a, u, v, s) = unsafe {
            (
                MatRef::from_raw_parts(a, m, n, 1, m as isize),
                MatMut::from_raw_parts_mut(u, m, r, 1, m as isize),
                MatMut::from_raw_parts_mut(v, n, r, 1, n as isize),
                faer::ColMut::from_raw_parts_mut(s, r, 1).as_diagonal_mut(),
            )
        };
        Ok(svd::svd(a, s, Some(u), Some(v), Par::Seq, stack, settings()).ok())
    })
}

unsafe fn eigen<T: ComplexField>(n: usize, a: *const T, u: *mut T, s: *mut T) -> Converged {
    let vectors = evd::ComputeEigenvectors::Yes;
    let req = evd::self_adjoint_evd_scratch::<T>(n, vectors, Par::Seq, Default::default());
    with_stack(req, |stack| {
        // SAFETY: the caller's blocks.
        let (a, u, s) = unsafe {
            (
                MatRef::from_raw_parts(a, n, n, 1, n as isize),
                MatMut::from_raw_parts_mut(u, n, n, 1, n as isize),
                faer::ColMut::from_raw_parts_mut(s, n, 1).as_diagonal_mut(),
            )
        };
        Ok(evd::self_adjoint_evd(a, s, Some(u), Par::Seq, stack, Default::default()).ok())
    })
}

fn with_stack<R>(
    req: StackReq,
    f: impl FnOnce(&mut MemStack) -> Result<R, Error>,
) -> Result<R, Error> {
    let bytes = req.unaligned_bytes_required();
    arena::with(bytes, |p: *mut std::mem::MaybeUninit<u8>| {
        // SAFETY: the arena's block, uninitialised as the type says.
        let space = unsafe { std::slice::from_raw_parts_mut(p, bytes) };
        f(MemStack::new(space))
    })
}
