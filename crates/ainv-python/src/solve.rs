//! `solve`, whose two arrays are promoted and broadcast.

use crate::array::{Input, square};
use crate::call::{Op, compute, judge};
use crate::functions::{Any, Keyword};
use crate::options::Keywords;
use crate::ours::Array;
use crate::output::Output;
use crate::{enqueue, error, libraries};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;

/// Solutions x of a x = b.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices.
/// b : (n,) or (..., n, k) array_like
///     The right-hand sides: a vector only if it has one dimension. The leading dimensions of both
///     broadcast.
/// assume, on_singular, precision, out, stream
///     As in `inv`; `on_singular` is "raise" or "nan".
///
/// Returns
/// -------
/// ndarray
///     The solutions, shape (..., n) for a vector, (..., n, k) otherwise.
///
/// See Also
/// --------
/// ill_conditioned : Says what becomes of a matrix that is nearly singular.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.solve([[3.0, 1.0], [1.0, 2.0]], [9.0, 8.0])
/// array([2., 3.])
#[pyfunction]
#[pyo3(signature = (a, b, *, assume="auto", on_singular="raise", precision=None, out=None, stream=None))]
pub(crate) fn solve<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    b: &Any<'py>,
    assume: &str,
    on_singular: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, precision, stream)?;
    let keywords = keywords.assume(assume)?.on_singular(on_singular, false)?;
    if a.is_instance_of::<Array>() || b.is_instance_of::<Array>() {
        return enqueue::solve(a, b, out, keywords.enqueued());
    }
    let library = match libraries::adapter_on(a, stream)? {
        None => libraries::adapter_on(b, stream)?,
        library => library,
    };
    if let Some(library) = library {
        let arguments = (a, b, assume, on_singular, precision, out);
        return library.call_method1(intern!(py, "solve"), arguments);
    }
    let a = Input::read(a, square)?;
    let n = a.shape()[a.shape().len() - 1];
    let b = Input::read(b, |py, shape| fits(py, shape, n))?;
    let vector = b.shape().len() == 1;
    let scalar = a.scalar.promote(b.scalar);
    let (mut a, mut b) = (a.cast(scalar)?, b.cast(scalar)?);
    // Half precision stays only if both are of the same kind.
    if a.half != b.half {
        (a.half, b.half) = (None, None);
    }
    let options = keywords.options(&a);
    if vector {
        b.layout = b.layout.into_columns();
    }
    let (rows, columns) = (&a.layout.shape, &b.layout.shape);
    let (lead_a, lead_b) = (&rows[..rows.len() - 2], &columns[..columns.len() - 2]);
    let Some(batch) = broadcast(lead_a, lead_b) else {
        return Err(PyValueError::new_err(format!(
            "the leading dimensions of a, {lead_a:?}, and of b, {lead_b:?}, do not broadcast"
        )));
    };
    let k = columns[columns.len() - 1];
    let mut shape = [&batch[..], &[n, k]].concat();
    if vector {
        shape.pop();
    }
    let half = a.half.as_ref();
    let mut x = Output::new(py, out, &shape, scalar, half, None, &[&a.layout, &b.layout])?;
    if vector {
        x.layout = x.layout.into_columns();
    }
    a.layout = a.layout.broadcast(&batch);
    b.layout = b.layout.broadcast(&batch);
    let summary = compute(py, &Op::Solve, &a, Some(&b), &x, &mut [], &options)?;
    let x = x.finish(half, b.wrap.as_ref())?;
    judge(py, summary, &batch, &options)?;
    Ok(x)
}

/// Whether right-hand sides of this shape go with matrices of order `n`.
pub(crate) fn fits(py: Python<'_>, shape: &[usize], n: usize) -> PyResult<()> {
    let rows = match shape {
        [] => return Err(error::shape(py, "b must have at least one dimension".into())),
        [rows] | [.., rows, _] => *rows,
    };
    if rows == n {
        return Ok(());
    }
    let hint = if shape.len() > 1 && shape[shape.len() - 1] == n {
        ". An array of more than one dimension holds matrices: pass b[..., None] for a stack of \
         vectors, and take [..., 0] of the result"
    } else {
        ""
    };
    Err(PyValueError::new_err(format!(
        "b of shape {shape:?} has {rows} rows, a is a stack of {n} by {n} matrices{hint}"
    )))
}

/// The shape that both broadcast to.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let axes = a.len().max(b.len());
    let at =
        |shape: &[usize], i: usize| (i + shape.len()).checked_sub(axes).map_or(1, |i| shape[i]);
    (0..axes)
        .map(|i| match (at(a, i), at(b, i)) {
            (m, n) if m == n || n == 1 => Some(m),
            (1, n) => Some(n),
            _ => None,
        })
        .collect()
}
