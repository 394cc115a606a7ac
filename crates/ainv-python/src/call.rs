//! The way of every function: outputs are made, the work runs without the GIL, errors are raised.

use crate::array::{Input, empty, view, views, with_scalar};
use crate::error;
use crate::options::{Axes, Pinv};
use crate::output::Output;
use crate::wait::{POLL, Signals};
use ainv::{
    Cancel, Device, Diag, Error, IllConditioned, Norm, OnSingular, Options, Scalar, Stack,
    StackMut, Status, Stream, Summary, Uplo,
};
use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

/// What is computed.
pub(crate) enum Op {
    Inv,
    Pinv(Pinv),
    Cholesky(Uplo),
    CholeskyInv(Uplo),
    TriInv(Uplo, Diag),
    Solve,
}

impl Op {
    pub(crate) fn takes_rectangles(&self) -> bool {
        matches!(self, Op::Pinv(_))
    }

    pub(crate) fn run<T: Scalar>(
        &self,
        a: Stack<T>,
        b: Option<Stack<T>>,
        x: StackMut<T>,
        status: &mut [Status],
        options: &Options,
    ) -> Result<Summary, Error> {
        match self {
            Op::Inv => ainv::inv_into(a, x, status, options),
            Op::Pinv(pinv) => ainv::pinv_into(a, x, &pinv.options(), status, options),
            Op::Cholesky(uplo) => ainv::cholesky_into(a, *uplo, x, status, options),
            Op::CholeskyInv(uplo) => ainv::cholesky_inv_into(a, *uplo, x, status, options),
            Op::TriInv(uplo, diag) => ainv::tri_inv_into(a, *uplo, *diag, x, status, options),
            Op::Solve => {
                let b = b.expect("solve is called with its right-hand sides");
                ainv::solve_into(a, b, x, status, options)
            }
        }
    }
}

/// Runs an operation on what was read, whose matrices lie along `axes`, and gives the finished result,
/// whose matrices lie there too. A matrix without one raises if `options` say so, after the others'
/// results were written.
pub(crate) fn unary<'py>(
    py: Python<'py>,
    op: Op,
    mut a: Input<'py>,
    axes: Axes,
    out: Option<&Bound<'py, PyAny>>,
    options: &Options,
) -> PyResult<Bound<'py, PyAny>> {
    let mut shape = a.shape().to_vec();
    let [rows, columns] = axes.of(shape.len())?;
    shape.swap(rows, columns);
    let half = a.half.as_ref();
    let mut x = Output::new(py, out, &shape, a.scalar, half, Some(&a.layout), &[])?;
    a.layout = a.layout.matrices_along([rows, columns]);
    x.layout = x.layout.matrices_along([rows, columns]);
    let summary = compute(py, &op, &a, None, &x, &mut [], options)?;
    let x = x.finish(half, a.wrap.as_ref())?;
    let batch = &a.layout.shape[..a.layout.shape.len() - 2];
    judge(py, summary, batch, options)?;
    Ok(x)
}

/// The error for the first matrix without a result, if that raises, or for the first one that is
/// ill-conditioned; what is to be warned of, where that warns.
pub(crate) fn verdict(summary: Summary, options: &Options) -> Result<Option<Error>, Error> {
    if let (Some((index, status)), OnSingular::Raise) = (summary.first, options.on_singular) {
        return Err(Error::Matrix { index, status, failed: summary.failed });
    }
    let Some((index, rcond)) = summary.first_ill_conditioned else { return Ok(None) };
    let error = Error::IllConditioned { index, rcond, count: summary.ill_conditioned };
    match options.ill_conditioned {
        IllConditioned::Raise(_) => Err(error),
        _ => Ok(Some(error)),
    }
}

/// The same as an exception or a warning.
pub(crate) fn judge(
    py: Python<'_>,
    summary: Summary,
    batch: &[usize],
    options: &Options,
) -> PyResult<()> {
    match verdict(summary, options) {
        Ok(None) => Ok(()),
        Ok(Some(warning)) => error::warn(py, &warning, warning.to_string(), batch),
        Err(error) => Err(error::raise(py, error, batch)),
    }
}

/// Runs an operation.
pub(crate) fn compute(
    py: Python<'_>,
    op: &Op,
    a: &Input,
    b: Option<&Input>,
    x: &Output,
    status: &mut [Status],
    options: &Options,
) -> PyResult<Summary> {
    let rhs = b.map_or(0, |b| b.layout.shape[b.layout.shape.len() - 1]);
    let cost = cost(&a.layout.shape, rhs, a.scalar.is_complex(), op.takes_rectangles());
    let ill_conditioned = in_half(options.ill_conditioned, a);
    with_scalar!(a.scalar, T => {
        let (a, b, x) = views::<T>(a, b, x).map_err(|e| error::raise(py, e, &[]))?;
        let options = &Options { ill_conditioned, ..stoppable(options, cost) };
        run(py, cost, options.cancel.as_ref(), || op.run(a, b, x, status, options))
    })
}

/// The limit where none was given, for half precision that is computed in single: in the unit roundoff of
/// the scalar that the caller has.
fn in_half(asked: IllConditioned, a: &Input) -> IllConditioned {
    let Some(half) = &a.half else { return asked };
    let limit = Some(a.layout.shape[a.layout.shape.len() - 1] as f64 * half.epsilon / 2.0);
    match asked {
        IllConditioned::Warn(None) => IllConditioned::Warn(limit),
        IllConditioned::Raise(None) => IllConditioned::Raise(limit),
        asked => asked,
    }
}

/// The reciprocal condition numbers, one a matrix.
pub(crate) fn rcond<'py>(
    py: Python<'py>,
    a: &Input<'py>,
    norm: Norm,
    options: &Options,
) -> PyResult<Bound<'py, PyAny>> {
    let shape = &a.layout.shape;
    let cost = cost(shape, 0, a.scalar.is_complex(), norm == Norm::Two);
    let out = empty(py, &shape[..shape.len() - 2], a.scalar.real())?;
    with_scalar!(a.scalar, T => {
        let mut places = out.cast::<PyArrayDyn<<T as Scalar>::Real>>()?.readwrite();
        let places = places.as_slice_mut()?;
        let a = view::<T>(a).map_err(|e| error::raise(py, e, &[]))?;
        let options = &stoppable(options, cost);
        run(py, cost, options.cancel.as_ref(), || ainv::rcond_into(a, norm, places, options))?;
    });
    Ok(out.into_any())
}

/// A report on matrices, and on their inverses if they are given.
pub(crate) fn report(
    py: Python<'_>,
    a: &Input,
    x: Option<&Input>,
    options: &Options,
) -> PyResult<ainv::Report> {
    // Two inversions, three products, and some of their cost for what is looked at.
    let cost = 8.0 * cost(&a.layout.shape, 0, a.scalar.is_complex(), false);
    with_scalar!(a.scalar, T => {
        let views = view::<T>(a).and_then(|a| Ok((a, x.map(view::<T>).transpose()?)));
        let (a, x) = views.map_err(|e| error::raise(py, e, &[]))?;
        let options = &stoppable(options, cost);
        run(py, cost, options.cancel.as_ref(), || ainv::report(a, x, options))
    })
}

/// Whether the stream's work is done by the processor that this runs on.
pub(crate) fn is_here(stream: Stream) -> bool {
    stream.device == Device::CPU
}

/// About how many nanoseconds of one core a call takes, never much too low.
pub(crate) fn cost(shape: &[usize], rhs: usize, complex: bool, decomposition: bool) -> f64 {
    let [batch @ .., m, n] = shape else { return 0.0 };
    let count: f64 = batch.iter().map(|&n| n as f64).product();
    let (m, n) = (*m as f64, *n as f64);
    let steps = if decomposition { 2.0 } else { 1.0 } * if complex { 4.0 } else { 1.0 };
    count * (steps * m * n * (m.min(n) + rhs as f64) + 2.0 * m * n)
}

/// Work under this keeps the GIL: giving it up and taking it again would cost as much.
const SHORT: f64 = 1e4;
/// Work over this runs on a thread of its own, so that this one can look for signals.
const LONG: f64 = 5e7;

/// The options of a call that takes about `cost`: long work can be stopped, and so can the wait for
/// what was enqueued before it, or for a GPU.
fn stoppable(options: &Options, cost: f64) -> Options {
    let waits = options.stream.is_some_and(|stream| !is_here(stream) || !stream.is_idle());
    Options { cancel: (waits || cost >= LONG).then(Cancel::new), ..options.clone() }
}

/// Runs `work` without the GIL. Where `cancel` is given, Ctrl-C sets it.
fn run<R: Send>(
    py: Python<'_>,
    cost: f64,
    cancel: Option<&Cancel>,
    work: impl FnOnce() -> Result<R, Error> + Send,
) -> PyResult<R> {
    let guarded = || guarded(work);
    let outcome = match cancel {
        Some(cancel) => py.detach(|| interruptible(cancel, guarded))?,
        None if cost < SHORT => guarded(),
        None => py.detach(guarded),
    };
    outcome.map_err(|e| error::raise(py, e, &[]))
}

/// Runs `work`, whose panic is an error.
pub(crate) fn guarded<R>(work: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::Panicked { what: panic_text(&*panic).into() }))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// Runs `work` on another thread while this one looks for signals; a handler that raises, as that
/// of Ctrl-C does, cancels the work. Called without the GIL.
fn interruptible<R: Send>(cancel: &Cancel, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    // The work can be taken once, by the thread or, if none could be started, by this one.
    let work = Mutex::new(Some(work));
    let take = || work.lock().ok().and_then(|mut work| work.take());
    std::thread::scope(|scope| {
        let (done, result) = sync_channel(1);
        let thread = std::thread::Builder::new().name("ainv-call".into());
        let started = thread.spawn_scoped(scope, || {
            let done = done;
            if let Some(work) = take() {
                // The receiver outlives this thread, so that sending cannot fail.
                let _ = done.send(work());
            }
        });
        if started.is_err()
            && let Some(work) = take()
        {
            return Ok(work());
        }
        let mut signals = Signals::new();
        loop {
            match result.recv_timeout(POLL) {
                Ok(result) => return signals.error().map_or(Ok(result), Err),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("the thread of the call ended early"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if signals.raised() {
                        cancel.cancel();
                    }
                }
            }
        }
    })
}
