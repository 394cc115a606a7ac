//! 1-norms of matrices as they lie in the caller's memory, of the part that is read.

use crate::alg::condition::{Size, modulus};
use crate::alg::gemm::Operand;
use crate::alg::triangular::multiply_left;
use crate::alg::{Context, Shared};
use crate::device::cpu::executor::pause;
use crate::error::{Error, filled, listed};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::sums::SUMS;
use ainv_kernels::trsm::Triangle;
use std::ops::Range;

/// What of a matrix counts, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entries {
    All,
    /// A triangle, and its mirror image.
    Mirrored {
        lower: bool,
    },
    /// A triangle; `unit` if its diagonal is one, whatever stands there.
    Triangle {
        lower: bool,
        unit: bool,
    },
    Diagonal,
    /// The lower triangle L of which the matrix is the product L L^H.
    Factor,
}

/// The power of two that entries are divided by where their sum overflows.
const DOWN: i32 = 64;

/// The 1-norm, or one a little above it that costs less: of complex entries |re| + |im| is summed, at most
/// the square root of two times too much. Of a product L L^H, which would have to be formed, it is the sum
/// of that column whose row of L is the largest, seldom under half of the norm.
///
/// # Safety
/// The matrix is readable where it counts.
pub(crate) unsafe fn bound<T: Scalar>(
    cx: &Context<T>,
    a: *const T,
    from: Frame,
    part: Entries,
) -> Result<Size, Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        if part == Entries::Factor {
            return of_product(cx, a, from);
        }
        let bound = largest(column_sums(cx, a, from, part)?.into_iter());
        if bound.is_finite() { Ok(Size::of(bound)) } else { exact(cx, a, from, part) }
    }
}

/// The 1-norm, entry by entry, from the first row on: it does not depend on the layout. NaN for a matrix
/// that holds a NaN or an infinity. Of a product as [`bound`].
///
/// # Safety
/// As [`bound`].
pub(crate) unsafe fn exact<T: Scalar>(
    cx: &Context<T>,
    a: *const T,
    from: Frame,
    part: Entries,
) -> Result<Size, Error> {
    if part == Entries::Factor {
        // SAFETY: the caller's matrix.
        return unsafe { of_product(cx, a, from) };
    }
    let a = Shared(a.cast_mut());
    // SAFETY: the caller's matrix.
    let entry = |i: usize, j: usize| unsafe { a.get().offset(from.at(i, j)).read() };
    let norm = largest(moduli(cx, from, part, |i, j| modulus(entry(i, j)))?.into_iter());
    if norm.is_finite() {
        return Ok(Size::of(norm));
    }
    let small = |i, j| modulus(Scalar::ldexp(entry(i, j).widen(), -DOWN));
    let value = largest(moduli(cx, from, part, small)?.into_iter());
    Ok(Size { value: if value.is_finite() { value } else { f64::NAN }, exponent: DOWN })
}

/// The largest, or NaN.
pub(crate) fn largest(sums: impl Iterator<Item = f64>) -> f64 {
    sums.fold(0.0, |s, x| if s >= x || s.is_nan() { s } else { x })
}

/// The sums of |re| + |im| of each column.
unsafe fn column_sums<T: Scalar>(
    cx: &Context<T>,
    a: *const T,
    from: Frame,
    part: Entries,
) -> Result<Vec<f64>, Error> {
    let n = from.rows;
    let columns = match (part, from.rs, from.cs) {
        (Entries::All | Entries::Mirrored { .. } | Entries::Triangle { .. }, _, 1) => false,
        (Entries::All | Entries::Mirrored { .. } | Entries::Triangle { .. }, 1, _) => true,
        _ => {
            let a = Shared(a.cast_mut());
            // SAFETY: the caller's matrix.
            return moduli(cx, from, part, |i, j| unsafe {
                a.get().offset(from.at(i, j)).read().widen().abs1()
            });
        }
    };
    // Where line i begins and ends: a row, which is added to the sums, or a column, whose total is one.
    // Of a mirrored matrix it is both.
    let (lower, unit, mirrored) = match part {
        Entries::Mirrored { lower } => (lower, false, true),
        Entries::Triangle { lower, unit } => (lower, unit, false),
        _ => (true, false, false),
    };
    let line = |i: usize| -> Range<usize> {
        match part {
            Entries::All => 0..n,
            _ if lower != columns => 0..i + usize::from(!unit && !mirrored),
            _ => i + usize::from(unit || mirrored)..n,
        }
    };
    let mut sums = filled(T::Real::default(), n + SUMS)?;
    for i in 0..n {
        pause(cx.cancel)?;
        let line = line(i);
        let first = if columns { from.at(line.start, i) } else { from.at(i, line.start) };
        let each = match columns && !mirrored {
            true => std::ptr::null_mut(),
            false => sums[line.start..].as_mut_ptr(),
        };
        // SAFETY: a line of the caller's matrix, its sums, and its diagonal.
        unsafe {
            let total = (cx.kernels.sum_abs)(a.wrapping_offset(first), line.len(), each);
            if mirrored {
                sums[i] = sums[i] + total + a.offset(from.at(i, i)).read().abs1();
            } else if columns {
                sums[i] = total;
            }
        }
    }
    listed(sums[..n].iter().map(|sum| sum.to_f64() + if unit { 1.0 } else { 0.0 }))
}

/// The sums of each column, entry by entry.
fn moduli<T: Scalar>(
    cx: &Context<T>,
    from: Frame,
    part: Entries,
    modulus: impl Fn(usize, usize) -> f64 + Sync,
) -> Result<Vec<f64>, Error> {
    let n = from.rows;
    let counts = |i: usize, j: usize| match part {
        Entries::All | Entries::Mirrored { .. } => true,
        Entries::Triangle { lower: true, .. } => i >= j,
        Entries::Triangle { lower: false, .. } => i <= j,
        Entries::Diagonal | Entries::Factor => i == j,
    };
    let size = |i: usize, j: usize| match part {
        Entries::Triangle { unit: true, .. } if i == j => 1.0,
        Entries::Mirrored { lower } if (i < j) == lower => modulus(j, i),
        _ => modulus(i, j),
    };
    let mut sums = filled(0.0, n)?;
    if part == Entries::Diagonal {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = modulus(i, i);
        }
        return Ok(sums);
    }
    /// Columns side by side, at most: the order of a column's additions is the same in every layout, and
    /// none jumps from line to line of a cache.
    const MOST: usize = 128;
    // Where they are adjacent a row's part is long enough for the machine to see it coming; where they are
    // far apart more of them would share the sets of a cache.
    let together = if from.cs == 1 { MOST } else { 16 };
    let to = Shared(sums.as_mut_ptr());
    cx.each(n.div_ceil(together), cx.threads_for(n, n, 8), &|block| {
        pause(cx.cancel)?;
        let first = block * together;
        let mut sums = [0.0; MOST];
        let here = together.min(n - first);
        for i in 0..n {
            for (c, sum) in sums[..here].iter_mut().enumerate() {
                if counts(i, first + c) {
                    *sum += size(i, first + c);
                }
            }
        }
        for (c, sum) in sums[..here].iter().enumerate() {
            // SAFETY: the sums of this task.
            unsafe { to.get().add(first + c).write(*sum) };
        }
        Ok(())
    })?;
    Ok(sums)
}

/// The sum of products, in eight sums side by side.
fn dot<T: Scalar>(x: &[T], y: &[T]) -> T {
    const SUMS: usize = 8;
    let mut sums = [T::default(); SUMS];
    let (x, y) = (x.chunks_exact(SUMS), y.chunks_exact(SUMS));
    for (c, (x, y)) in x.remainder().iter().zip(y.remainder()).enumerate() {
        sums[c] = *x * *y;
    }
    for (x, y) in x.zip(y) {
        for c in 0..SUMS {
            sums[c] = sums[c] + x[c] * y[c];
        }
    }
    sums.into_iter().fold(T::default(), |a, b| a + b)
}

/// One column sum of L L^H.
unsafe fn of_product<T: Scalar>(cx: &Context<T>, l: *const T, from: Frame) -> Result<Size, Error> {
    let n = from.rows;
    let upper = Entries::Triangle { lower: false, unit: false };
    let mut row = filled(T::default(), 2 * n)?;
    // SAFETY: the caller's matrix, of which the lower triangle is read; rows of n.
    unsafe {
        let rows = column_sums(cx, l, from.transposed(), upper)?;
        let top = rows.iter().enumerate().fold(0, |t, (i, s)| if *s > rows[t] { i } else { t });
        // Near one, so that the products are in range if L is.
        let Some(e) = T::Real::from_f64(rows[top]).exponent() else {
            return Ok(Size::of(f64::NAN));
        };
        for j in 0..=top {
            row[j] = Scalar::conj(Scalar::ldexp(l.offset(from.at(top, j)).read(), -e));
        }
        let (row, column) = row.split_at_mut(n);
        if from.cs == 1 {
            for (i, sum) in column.iter_mut().enumerate() {
                let len = i.min(top) + 1;
                *sum = dot(std::slice::from_raw_parts(l.offset(from.at(i, 0)), len), &row[..len]);
            }
        } else {
            let (rs, cs) = (from.rs, from.cs);
            let l = Triangle { t: l, rs, cs, conj: false, lower: true, unit: false };
            let b = Operand::columns(row.as_ptr(), n as isize);
            multiply_left(&cx.sequential(), (n, 1), false, l, b, column.as_mut_ptr(), n as isize)?;
        }
        Ok(Size { value: column.iter().map(|z| modulus(*z)).sum(), exponent: e })
    }
}
