//! A call on the GPU: what is given, what its kernels do, and in which precision.

use super::condition::{self, Asked};
use super::parts::Parts;
use super::pinv::{default_cut, instead};
use super::{Backend, Gpu, Work, backend};
use crate::device::cpu::mode::Mode;
use crate::device::job::Job;
use crate::device::stream;
use crate::error::Error;
use crate::op::Kind;
use crate::options::{Assume, OnSingular, Options};
use crate::plan::is_wide;
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::bounds::Cut;
use ainv_kernels::scalar::Scalar;

/// What is computed of which matrices.
pub(in crate::device) struct Call<'a, T: Scalar> {
    pub(in crate::device) work: Work,
    pub(in crate::device) a: &'a Stack<'a, T>,
    pub(in crate::device) beside: Beside<'a, T>,
    /// Where the results go; `None` where their norms alone are asked for.
    pub(in crate::device) x: Option<&'a StackMut<'a, T>>,
    /// What the matrices are filled in from.
    pub(in crate::device) filled: Assume,
    /// The kernels take matrices and results transposed.
    pub(in crate::device) transposed: bool,
    pub(in crate::device) asked: Asked,
    /// What is computed of those that have no inverse.
    pub(super) instead: Option<&'a Call<'a, T>>,
}

/// What belongs to the matrices, and stands behind all of a part.
pub(in crate::device) enum Beside<'a, T> {
    Nothing,
    Rhs(&'a Stack<'a, T>),
    /// The cut-offs of pseudo-inverses.
    Cuts(&'a (dyn Fn(usize) -> Cut + Sync)),
}

/// Runs a job when it is its turn.
///
/// # Errors
/// [`Error::Unsupported`] for what the GPU cannot do, at once; [`Error::Device`], [`Error::OutOfMemory`],
/// [`Error::Cancelled`].
pub(crate) fn run<T: Scalar>(job: Job<T>) -> Result<Summary, Error> {
    let (plain, limit) = (plain(&job), job.limit());
    let cut = default_cut::<T>(job.a.rows());
    let cuts = |_| cut;
    let pseudo_inverse = instead(&job, &cuts);
    let Job { kind, a, b, status, options, .. } = job;
    let diagonals = a.diagonals();
    let call = Call {
        a: if let Work::DiagonalSolve(_) = plain.work { &diagonals } else { a },
        // A factor is no inverse.
        asked: limit
            .filter(|_| b.is_none() && kind != Kind::Cholesky)
            .map_or(Asked::Nothing, Asked::Under),
        instead: (options.on_singular == OnSingular::Pinv).then_some(&pseudo_inverse),
        ..plain
    };
    match limit {
        Some(limit) if b.is_some_and(|b| b.cols() > 0) => {
            condition::of_systems(a, &call, limit, status, options)
        }
        _ => compute(&call, status, &mut [], options),
    }
}

/// A job of which no more is asked than its results.
pub(in crate::device) fn plain<'a, T: Scalar>(job: &Job<'a, T>) -> Call<'a, T> {
    let work = work(job);
    Call {
        work,
        a: job.a,
        beside: job.b.map_or(Beside::Nothing, Beside::Rhs),
        x: Some(job.x),
        // What they do not read may stand there.
        filled: match (job.kind, work) {
            (Kind::Diagonal, Work::DiagonalSolve(_)) => Assume::General,
            (Kind::Diagonal, _) => Assume::Diagonal,
            _ => job.expand.unwrap_or(Assume::General),
        },
        // The kernels take lower triangles.
        transposed: matches!(job.kind, Kind::TriInv { .. }),
        asked: Asked::Nothing,
        instead: None,
    }
}

/// What the kernels do for it.
fn work<T: Scalar>(job: &Job<T>) -> Work {
    let triangle = |unit, reversed, hermitian| Work::Triangle { unit, reversed, hermitian };
    let rhs = job.b.map(Stack::cols);
    match job.kind {
        Kind::Inv { .. } => Work::Invert,
        Kind::Solve => Work::Solve(rhs.unwrap_or(0)),
        Kind::PosdefSolve => Work::DefiniteSolve(rhs.unwrap_or(0)),
        Kind::TriInv { unit, reversed } => triangle(unit, reversed, false),
        Kind::CholeskyInv => triangle(false, false, true),
        Kind::Cholesky => Work::Definite { inverse: false },
        Kind::PosdefInv => Work::Definite { inverse: true },
        // A triangle with nothing beside its diagonal.
        Kind::Diagonal => rhs.map_or(triangle(false, false, false), Work::DiagonalSolve),
    }
}

/// Does the work when it is its turn. `conditions` has a place for each matrix where all are [asked](Asked::All) for.
///
/// # Errors
/// As [`run`].
pub(super) fn compute<T: Scalar>(
    call: &Call<T>,
    status: &mut [Status],
    conditions: &mut [f64],
    options: &Options,
) -> Result<Summary, Error> {
    // Threads that the driver makes have the mode of the one that calls it.
    let _mode = Mode::standard();
    if call.a.is_empty() || call.x.is_some_and(|x| x.rows() == 0 || x.cols() == 0) {
        backend()?;
        stream::turn(options)?;
        status.fill(Status::OK);
        return Ok(Summary::default());
    }
    match backend()? {
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            compute_on(&*crate::device::cuda::gpu()?, call, status, conditions, options)
        }
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => {
            compute_on(&*crate::device::wgpu::gpu()?, call, status, conditions, options)
        }
    }
}

fn compute_on<T: Scalar>(
    gpu: &impl Gpu,
    call: &Call<T>,
    status: &mut [Status],
    conditions: &mut [f64],
    options: &Options,
) -> Result<Summary, Error> {
    if is_wide::<T>(options) {
        let engine = |order, work| gpu.engine::<T::Wide>(order, work, options.cancel.as_ref());
        Parts::new(&engine, call, options, T::widen, T::narrow)?.run(status, conditions)
    } else {
        let engine = |order, work| gpu.engine::<T>(order, work, options.cancel.as_ref());
        Parts::new(&engine, call, options, |x: T| x, |x: T| x)?.run(status, conditions)
    }
}
