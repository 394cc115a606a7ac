//! Operations on `ainv.Array`: what is wrong with a call is said at once, the work goes to its stream,
//! and arrays come back whose values are on their way.

use crate::array::{Scalar, matrices, square, with_scalar};
use crate::call::{Op, cost, is_here, verdict};
use crate::error;
use crate::functions::{Any, Keyword};
use crate::layout::{Layout, PerAxis};
use crate::options::Axes;
use crate::ours::{Array, asarray};
use crate::place::Place;
use crate::solve::{broadcast, fits};
use crate::storage::{Dtype, Failure, Storage, Work};
use crate::wait::Signals;
use ainv::{Cancel, Error, Norm, Options, RealScalar, Stack, Status, Stream, Task};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Work of fewer nanoseconds than this may run while longer work pauses.
const QUICK: f64 = 5e5;
/// Work of fewer is shorter than handing it to another thread.
const TINY: f64 = 1e3;

/// What is to be done: it reads the inputs and fills the output and what stands beside it.
struct Call<'a> {
    stream: Stream,
    /// In nanoseconds.
    cost: f64,
    inputs: &'a [&'a Array],
    output: &'a Array,
    beside: Option<&'a Array>,
    /// The leading dimensions that an error for a matrix counts in.
    batch: &'a [usize],
}

impl Call<'_> {
    /// Enqueues `work`, which says what it warns of. It begins when the inputs are there, of whatever
    /// stream they are. What is shorter than handing it over, and has nothing to wait for, is done at once.
    fn enqueue(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Option<&Cancel>) -> Result<Option<Error>, Error> + Send + 'static,
    ) -> PyResult<()> {
        // A GPU answers later than any thread.
        let alone = is_here(self.stream) && self.cost < TINY && self.stream.is_idle();
        if !alone || !self.inputs.iter().all(|input| input.storage.is_filled()) {
            return self.submit(py, work);
        }
        // As a task: it waits for no other, with the GIL.
        match catch_unwind(AssertUnwindSafe(|| ainv::as_task(|| work(None)))) {
            Ok(Ok(None)) => Ok(()),
            // The failure is found where the values are looked at, as any other; so is a warning.
            Ok(outcome) => self.submit(py, |_| outcome),
            Err(panic) => self.submit(py, move |_| resume_unwind(panic)),
        }
    }

    /// Hands `work` to the stream. While it waits or runs it keeps the memory of all.
    fn submit(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Option<&Cancel>) -> Result<Option<Error>, Error> + Send + 'static,
    ) -> PyResult<()> {
        let &Call { stream, cost, inputs, output, beside, batch } = self;
        let raise = |e| error::raise(py, e, &[]);
        let place = Place::here(py)?;
        let held: SmallVec<[Arc<Storage>; 4]> = inputs
            .iter()
            .copied()
            .chain([output])
            .chain(beside)
            .map(|array| array.storage.clone())
            .collect();
        for earlier in inputs.iter().filter_map(|input| input.storage.work()) {
            if earlier.stream != stream && !earlier.done.is_done() {
                stream.after(&earlier.done).map_err(raise)?;
            }
        }
        let bytes = held.iter().map(|storage| storage.count_once(stream)).sum();
        let (count, batch, asked) = (inputs.len(), PerAxis::from(batch), place.clone());
        let task = move |cancel: &Cancel| {
            for input in &held[..count] {
                if let Err(failure) = input.outcome() {
                    return Ok(Err(failure));
                }
            }
            let told = |error| Arc::new(Failure::new(error, batch, asked));
            Ok(match work(Some(cancel)) {
                Ok(None) => Ok(None),
                Ok(Some(warning)) => Ok(Some(told(warning))),
                Err(error) => Err(told(error)),
            })
        };
        let mut signals = Signals::new();
        let submitted = py.detach(|| {
            let mut interrupted = || signals.raised();
            let interrupted: &mut dyn FnMut() -> bool = &mut interrupted;
            stream.submit_with(
                Task {
                    tiny: is_here(stream) && cost < TINY,
                    quick: cost < QUICK,
                    bytes,
                    interrupted: Some(interrupted),
                },
                task,
            )
        });
        let event = submitted.map_err(|e| {
            inputs.iter().for_each(|input| input.storage.uncount());
            signals.error().unwrap_or_else(|| raise(e))
        })?;
        let work = Work::new(stream, event, place);
        output.storage.filled_by(work, beside.map(|array| &*array.storage));
        Ok(())
    }
}

fn no_out(out: Option<&Any<'_>>) -> PyResult<()> {
    if out.is_none() {
        return Ok(());
    }
    Err(PyTypeError::new_err("an ainv.Array is not written to: leave out= away"))
}

fn object<'py>(py: Python<'py>, array: Array) -> PyResult<Any<'py>> {
    Ok(Bound::new(py, array)?.into_any())
}

/// One operation on square matrices, or `pinv` on any, that lie along `axes`.
pub(crate) fn unary<'py>(
    py: Python<'py>,
    op: Op,
    a: &Array,
    axes: Axes,
    out: Keyword<'_, 'py>,
    options: (Stream, Options),
) -> PyResult<Any<'py>> {
    no_out(out)?;
    let x = filled(py, op, a, axes, options, None)?;
    object(py, x)
}

/// The inverses, and a number for each matrix.
pub(crate) fn inv_ex<'py>(
    py: Python<'py>,
    a: &Array,
    out: Keyword<'_, 'py>,
    options: (Stream, Options),
) -> PyResult<(Any<'py>, Any<'py>)> {
    no_out(out)?;
    matrices(py, a.shape())?;
    let batch = &a.shape()[..a.shape().len() - 2];
    let info = Array::zeros(py, Dtype::Info, batch, 0)?;
    let x = filled(py, Op::Inv, a, Axes::Last, options, Some(&info))?;
    Ok((object(py, x)?, object(py, info)?))
}

fn filled(
    py: Python<'_>,
    op: Op,
    a: &Array,
    axes: Axes,
    (stream, options): (Stream, Options),
    info: Option<&Array>,
) -> PyResult<Array> {
    let scalar = a.scalar()?;
    let mut shape = PerAxis::from(a.shape());
    matrices(py, &shape)?;
    let [rows, columns] = axes.of(shape.len())?;
    if !op.takes_rectangles() {
        square(py, &[shape[rows], shape[columns]])?;
    }
    shape.swap(rows, columns);
    let x = Array::zeros(py, Dtype::Scalar(scalar), &shape, 2)?;
    let from = a.layout.clone().matrices_along([rows, columns]);
    let to = x.layout.clone().matrices_along([rows, columns]);
    let cost = cost(&from.shape, 0, scalar.is_complex(), op.takes_rectangles());
    let numbers = info.map(|info| info.layout.clone());
    viewable(py, scalar, &[&from, &to])?;
    let batch = PerAxis::from(from.batch());
    let call = Call { stream, cost, inputs: &[a], output: &x, beside: info, batch: &batch };
    call.enqueue(py, move |cancel| {
        let options = Options { cancel: cancel.cloned(), ..options };
        let mut status = vec![];
        if numbers.is_some() {
            let count = from.batch().iter().product();
            let bytes = count * size_of::<Status>();
            status.try_reserve_exact(count).map_err(|_| Error::OutOfMemory { bytes })?;
            status.resize(count, Status::default());
        }
        let summary = with_scalar!(scalar, T => {
            // SAFETY: `enqueue` keeps the memory of both; the input is there and does not change
            // any more, the output is this task's until it has ended.
            let (a, x) = unsafe { (from.stack::<T>()?, to.stack_mut::<T>()?) };
            op.run(a, None, x, &mut status, &options)?
        });
        if let Some(numbers) = numbers {
            // SAFETY: as the output.
            let numbers = unsafe { numbers.slice_mut::<i32>() };
            for (place, status) in numbers.iter_mut().zip(&status) {
                *place = status.at as i32;
            }
        }
        verdict(summary, &options)
    })?;
    Ok(x)
}

/// Whether views can be made of layouts, whose leading axes may lie too unevenly: said before any work.
fn viewable(py: Python<'_>, scalar: Scalar, layouts: &[&Layout]) -> PyResult<()> {
    if layouts.iter().all(|layout| layout.shape.len() <= ainv::MAX_AXES + 2) {
        return Ok(());
    }
    with_scalar!(scalar, T => layouts.iter().try_for_each(|layout| {
        // SAFETY: the view is not looked through.
        unsafe { layout.stack::<T>() }.map(drop).map_err(|e| error::raise(py, e, &[]))
    }))
}

/// The solutions x of a x = b, one of which is an `Array`.
pub(crate) fn solve<'py>(
    a: &Any<'py>,
    b: &Any<'py>,
    out: Keyword<'_, 'py>,
    (stream, options): (Stream, Options),
) -> PyResult<Any<'py>> {
    let py = a.py();
    no_out(out)?;
    let (a, b) = (asarray(py, a, None, None, None)?, asarray(py, b, None, None, None)?);
    square(py, a.get().shape())?;
    let n = a.get().shape()[a.get().shape().len() - 1];
    fits(py, b.get().shape(), n)?;
    let (a, b, scalar) = promoted(py, a.get(), b.get(), stream)?;
    let vector = b.shape().len() == 1;
    let columns = if vector { b.layout.clone().into_columns() } else { b.layout.clone() };
    let (batch, k) = together(&a.layout, &columns, ["a", "b"])?;
    let mut shape = [&batch[..], &[n, k]].concat();
    if vector {
        shape.pop();
    }
    let x = Array::zeros(py, Dtype::Scalar(scalar), &shape, if vector { 1 } else { 2 })?;
    let to = if vector { x.layout.clone().into_columns() } else { x.layout.clone() };
    let (from, columns) = (a.layout.clone().broadcast(&batch), columns.broadcast(&batch));
    let cost = cost(&from.shape, k, scalar.is_complex(), false);
    viewable(py, scalar, &[&from, &columns, &to])?;
    let call = Call { stream, cost, inputs: &[&a, &b], output: &x, beside: None, batch: &batch };
    call.enqueue(py, move |cancel| {
        let options = Options { cancel: cancel.cloned(), ..options };
        let summary = with_scalar!(scalar, T => {
            // SAFETY: as in `filled`.
            let (a, b, x) = unsafe {
                (from.stack::<T>()?, columns.stack::<T>()?, to.stack_mut::<T>()?)
            };
            Op::Solve.run(a, Some(b), x, &mut [], &options)?
        });
        verdict(summary, &options)
    })?;
    object(py, x)
}

/// The products a @ b, one of which is an `Array`.
pub(crate) fn product<'py>(a: &Any<'py>, b: &Any<'py>) -> PyResult<Any<'py>> {
    let py = a.py();
    let stream = ainv::current_stream();
    let (a, b) = (asarray(py, a, None, None, None)?, asarray(py, b, None, None, None)?);
    let (a, b, scalar) = promoted(py, a.get(), b.get(), stream)?;
    let (row, column) = (a.shape().len() == 1, b.shape().len() == 1);
    if a.shape().is_empty() || b.shape().is_empty() {
        return Err(PyValueError::new_err(
            "@ is for vectors and matrices, not for a single number",
        ));
    }
    let left = if row { a.layout.clone().into_row() } else { a.layout.clone() };
    let right = if column { b.layout.clone().into_columns() } else { b.layout.clone() };
    let [.., m, k] = left.shape[..] else { unreachable!("there are two axes at least") };
    let [.., rows, n] = right.shape[..] else { unreachable!("there are two axes at least") };
    if rows != k {
        return Err(PyValueError::new_err(format!(
            "a @ b of shapes {:?} and {:?}: a's matrices have {k} columns, b's {rows} rows",
            a.shape(),
            b.shape()
        )));
    }
    let (batch, _) = together(&left, &right, ["a", "b"])?;
    let shape = [&batch[..], &[m, n]].concat();
    let whole = 2 - usize::from(row) - usize::from(column);
    let mut x = Array::zeros(py, Dtype::Scalar(scalar), &shape, whole)?;
    let (left, right, to) = (left.broadcast(&batch), right.broadcast(&batch), x.layout.clone());
    if column {
        x.layout.without(batch.len() + 1);
    }
    if row {
        x.layout.without(batch.len());
    }
    let steps = if scalar.is_complex() { 4.0 } else { 1.0 };
    let cost = steps * x.layout.count() as f64 * k as f64;
    viewable(py, scalar, &[&left, &right, &to])?;
    let call = Call { stream, cost, inputs: &[&a, &b], output: &x, beside: None, batch: &batch };
    call.enqueue(py, move |cancel| {
        let options = Options { cancel: cancel.cloned(), ..Options::default() };
        with_scalar!(scalar, T => {
            // SAFETY: as in `filled`.
            let (a, b, x) = unsafe {
                (left.stack::<T>()?, right.stack::<T>()?, to.stack_mut::<T>()?)
            };
            ainv::matmul_into(a, b, x, &options).map(|()| None)
        })
    })?;
    object(py, x)
}

/// The reciprocal condition numbers, one a matrix.
pub(crate) fn rcond<'py>(
    py: Python<'py>,
    a: &Array,
    norm: Norm,
    (stream, options): (Stream, Options),
) -> PyResult<Any<'py>> {
    let scalar = a.scalar()?;
    square(py, a.shape())?;
    let batch = &a.shape()[..a.shape().len() - 2];
    let x = Array::zeros(py, Dtype::Scalar(scalar.real()), batch, 0)?;
    let (from, to) = (a.layout.clone(), x.layout.clone());
    let cost = cost(a.shape(), 0, scalar.is_complex(), norm == Norm::Two);
    viewable(py, scalar, &[&from])?;
    let call = Call { stream, cost, inputs: &[a], output: &x, beside: None, batch };
    call.enqueue(py, move |cancel| {
        let options = Options { cancel: cancel.cloned(), ..options };
        with_scalar!(scalar, T => {
            // SAFETY: as in `filled`; the result lies in C order.
            let (a, places) = unsafe {
                (from.stack::<T>()?, to.slice_mut::<<T as ainv::Scalar>::Real>())
            };
            ainv::rcond_into(a, norm, places, &options).map(|()| None)
        })
    })?;
    object(py, x)
}

/// The leading dimensions of both together, and the columns of the second.
fn together(a: &Layout, b: &Layout, names: [&str; 2]) -> PyResult<(Vec<usize>, usize)> {
    let (lead_a, lead_b) = (a.batch(), b.batch());
    match broadcast(lead_a, lead_b) {
        Some(batch) => Ok((batch, b.shape[b.shape.len() - 1])),
        None => Err(PyValueError::new_err(format!(
            "the leading dimensions of {}, {lead_a:?}, and of {}, {lead_b:?}, do not broadcast",
            names[0], names[1]
        ))),
    }
}

/// Both in the scalar that holds both.
fn promoted(
    py: Python<'_>,
    a: &Array,
    b: &Array,
    stream: Stream,
) -> PyResult<(Array, Array, Scalar)> {
    let (of_a, of_b) = (a.scalar()?, b.scalar()?);
    let scalar = of_a.promote(of_b);
    let to = |array: &Array, of: Scalar| {
        if of == scalar {
            Ok(array.seen(array.layout.clone()))
        } else {
            cast(py, array, scalar, stream)
        }
    };
    Ok((to(a, of_a)?, to(b, of_b)?, scalar))
}

/// A copy in another scalar, or in the same.
pub(crate) fn cast(py: Python<'_>, a: &Array, to: Scalar, stream: Stream) -> PyResult<Array> {
    let of = a.scalar()?;
    if of.is_complex() && !to.is_complex() {
        return Err(PyTypeError::new_err("a real dtype would lose the imaginary parts"));
    }
    let x = Array::zeros(py, Dtype::Scalar(to), a.shape(), a.whole)?;
    let mut from = a.layout.clone();
    while from.shape.len() < 2 {
        from = from.into_columns();
    }
    let (result, cost) = (x.layout.clone(), 4.0 * a.layout.count() as f64);
    viewable(py, of, &[&from])?;
    let call = Call { stream, cost, inputs: &[a], output: &x, beside: None, batch: &[] };
    call.enqueue(py, move |_| match (of, to) {
        (Scalar::C32, Scalar::C64) => convert(&from, &result, <ainv::c32 as ainv::Scalar>::widen),
        (Scalar::C64, Scalar::C32) => convert(&from, &result, <ainv::c32 as ainv::Scalar>::narrow),
        (Scalar::C32, _) => convert(&from, &result, |x: ainv::c32| x),
        (Scalar::C64, _) => convert(&from, &result, |x: ainv::c64| x),
        (Scalar::F32, _) => with_scalar!(to, T => convert(&from, &result, real::<f32, T>)),
        (Scalar::F64, _) => with_scalar!(to, T => convert(&from, &result, real::<f64, T>)),
    })?;
    Ok(x)
}

fn real<R: RealScalar, T: ainv::Scalar>(x: R) -> T {
    T::from_re(T::Real::from_f64(x.to_f64()))
}

fn convert<T: ainv::Scalar, U: ainv::Scalar>(
    from: &Layout,
    to: &Layout,
    each: impl Fn(T) -> U,
) -> Result<Option<Error>, Error> {
    // SAFETY: as in `filled`; the result lies in C order.
    let (a, mut x): (Stack<T>, _) = unsafe { (from.stack()?, to.slice_mut::<U>().iter_mut()) };
    for index in 0..a.len() {
        for i in 0..a.rows() {
            for j in 0..a.cols() {
                if let Some(x) = x.next() {
                    *x = each(a.get(index, i, j));
                }
            }
        }
    }
    Ok(None)
}
