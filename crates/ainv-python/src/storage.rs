//! The memory of `ainv.Array`, and what became of the work that fills it.
//!
//! It is Rust's memory: work reads, writes and frees it without the GIL.

use crate::array::Scalar;
use crate::layout::{Address, Layout, PerAxis};
use crate::place::Place;
use crate::{error, wait};
use ainv::{Done, Error, Event, OwnedStack};
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What an array holds: the scalars of matrices, or the numbers of `inv_ex`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dtype {
    Scalar(Scalar),
    Info,
}

impl Dtype {
    pub(crate) fn size(self) -> usize {
        match self {
            Dtype::Scalar(scalar) => scalar.size(),
            Dtype::Info => size_of::<i32>(),
        }
    }
    pub(crate) fn numpy(self, py: Python<'_>) -> Bound<'_, PyArrayDescr> {
        match self {
            Dtype::Scalar(scalar) => scalar.dtype(py),
            Dtype::Info => numpy::dtype::<i32>(py),
        }
    }
}

/// Why an array has no values, or bad ones: what happened, to a stack of which leading dimensions, and who
/// asked.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) batch: PerAxis<usize>,
    pub(crate) place: Option<Place>,
    /// Whether it was said. A warning is said once.
    told: AtomicBool,
}

impl Failure {
    pub(crate) fn new(error: Error, batch: PerAxis<usize>, place: Option<Place>) -> Failure {
        Failure { error, batch, place, told: AtomicBool::new(false) }
    }
}

/// What a task leaves behind, and what it warns of. A task whose input failed fails likewise.
pub(crate) type Outcome = Result<Option<Arc<Failure>>, Arc<Failure>>;

/// The work that fills an array, or several.
pub(crate) struct Work {
    pub(crate) stream: ainv::Stream,
    pub(crate) done: Done,
    place: Option<Place>,
    event: Mutex<Option<Event<Outcome>>>,
    outcome: OnceLock<Outcome>,
}

impl Work {
    pub(crate) fn new(stream: ainv::Stream, event: Event<Outcome>, place: Option<Place>) -> Work {
        let done = event.done();
        Work { stream, done, place, event: Mutex::new(Some(event)), outcome: OnceLock::new() }
    }

    fn failed(&self, error: Error) -> Outcome {
        Err(Arc::new(Failure::new(error, PerAxis::new(), self.place.clone())))
    }

    /// What became of it; it has ended.
    fn outcome(&self) -> &Outcome {
        self.outcome.get_or_init(|| {
            let event = self.event.lock().unwrap_or_else(PoisonError::into_inner).take();
            let event = event.expect("the event is taken once, for the outcome");
            event.wait().unwrap_or_else(|error| self.failed(error))
        })
    }

    /// What became of it, once it has ended.
    fn ended(&self, py: Python<'_>) -> PyResult<Outcome> {
        Ok(match wait::ended(py, &self.done)? {
            Ok(()) => self.outcome().clone(),
            Err(stopped) => self.failed(stopped.into()),
        })
    }
}

/// Where the work that fills some memory is found.
enum Filled {
    By(Work),
    /// It fills other memory, too.
    With(Arc<Storage>),
}

/// Memory that arrays share.
pub(crate) struct Storage {
    data: Address,
    bytes: usize,
    /// None: it was filled when it was made.
    work: OnceLock<Filled>,
    /// The stream, plus one, of the last task that has said that it holds this memory.
    counted: AtomicU64,
    _owner: Owner,
}

/// Who frees it.
#[expect(dead_code, reason = "it is kept to be dropped")]
enum Owner {
    F32(Vec<f32>),
    F64(Vec<f64>),
    C32(Vec<ainv::c32>),
    C64(Vec<ainv::c64>),
    Info(Vec<i32>),
    Python(Py<PyAny>),
}

fn own<T>(mut data: Vec<T>, owner: impl FnOnce(Vec<T>) -> Owner) -> Storage {
    Storage {
        data: Address(data.as_mut_ptr().cast()),
        bytes: data.len() * size_of::<T>(),
        work: OnceLock::new(),
        counted: AtomicU64::new(0),
        _owner: owner(data),
    }
}

/// Bytes up to which zeros are written here: memory that the system has zeroed is asked for behind the
/// allocator's lock, which the threads that free would contend for.
const SMALL: usize = 1 << 10;

fn zeros<T: ainv::Scalar>(count: usize) -> Result<Vec<T>, Error> {
    let bytes = count * size_of::<T>();
    if bytes > SMALL {
        return Ok(OwnedStack::zeros(&[count, 1])?.into_vec());
    }
    filled(count)
}

fn filled<T: Clone + Default>(count: usize) -> Result<Vec<T>, Error> {
    let mut data = Vec::new();
    let bytes = count * size_of::<T>();
    data.try_reserve_exact(count).map_err(|_| Error::OutOfMemory { bytes })?;
    data.resize(count, T::default());
    Ok(data)
}

/// The entries of an array of this shape, of so many bytes each.
///
/// # Errors
/// [`Error::Overflow`] where the bytes cannot be counted.
pub(crate) fn counted(shape: &[usize], size: usize) -> Result<usize, Error> {
    let count = shape.iter().try_fold(1usize, |count, &n| count.checked_mul(n));
    count.filter(|count| count.checked_mul(size).is_some()).ok_or(Error::Overflow)
}

impl Storage {
    /// Zeros, and where they lie.
    pub(crate) fn zeros(dtype: Dtype, shape: &[usize]) -> Result<(Arc<Storage>, Layout), Error> {
        let count = counted(shape, dtype.size())?;
        let storage = match dtype {
            Dtype::Scalar(Scalar::F32) => own(zeros(count)?, Owner::F32),
            Dtype::Scalar(Scalar::F64) => own(zeros(count)?, Owner::F64),
            Dtype::Scalar(Scalar::C32) => own(zeros(count)?, Owner::C32),
            Dtype::Scalar(Scalar::C64) => own(zeros(count)?, Owner::C64),
            Dtype::Info => own(filled(count)?, Owner::Info),
        };
        let layout = Layout::contiguous(storage.data, dtype.size(), shape);
        Ok((Arc::new(storage), layout))
    }

    /// The memory of a Python object, which is kept and which nobody shall write to: of entries of
    /// `item` bytes.
    pub(crate) fn foreign(object: Py<PyAny>, layout: &Layout, item: usize) -> Arc<Storage> {
        Arc::new(Storage {
            data: layout.data(),
            bytes: layout.count() * item,
            work: OnceLock::new(),
            counted: AtomicU64::new(0),
            _owner: Owner::Python(object),
        })
    }

    /// The bytes that a task of a stream holds if it is the first there to hold this memory: later ones
    /// find it held.
    pub(crate) fn count_once(&self, stream: ainv::Stream) -> usize {
        let stream = u64::from(stream.index) + 1;
        if self.counted.swap(stream, Ordering::Relaxed) == stream { 0 } else { self.bytes }
    }

    /// The task was not taken.
    pub(crate) fn uncount(&self) {
        self.counted.store(0, Ordering::Relaxed);
    }

    pub(crate) fn work(&self) -> Option<&Work> {
        match self.work.get()? {
            Filled::By(work) => Some(work),
            Filled::With(other) => other.work(),
        }
    }

    /// Says what work fills it, and `beside`, if there is one.
    pub(crate) fn filled_by(self: &Arc<Self>, work: Work, beside: Option<&Storage>) {
        let mut once = self.work.set(Filled::By(work)).is_ok();
        if let Some(beside) = beside {
            once &= beside.work.set(Filled::With(self.clone())).is_ok();
        }
        assert!(once, "memory is filled once");
    }

    /// What became of the work that fills it, which has ended.
    pub(crate) fn outcome(&self) -> Outcome {
        self.work().map_or(Ok(None), |work| work.outcome().clone())
    }

    /// Whether its values are there.
    pub(crate) fn is_filled(&self) -> bool {
        self.work().is_none_or(|work| work.done.is_done() && work.outcome().is_ok())
    }

    /// Waits until the work that fills it has ended, however.
    pub(crate) fn ended(&self, py: Python<'_>) -> PyResult<()> {
        self.work().map_or(Ok(()), |work| wait::ended(py, &work.done).map(drop))
    }

    /// Waits until it is filled, and raises what went wrong or warns of it.
    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<()> {
        match self.work().map_or(Ok(Ok(None)), |work| work.ended(py))? {
            Ok(None) => Ok(()),
            Ok(Some(warning)) if warning.told.swap(true, Ordering::Relaxed) => Ok(()),
            Ok(Some(warning)) => error::warn_late(py, &warning),
            Err(failure) => Err(error::raise_late(py, &failure)),
        }
    }
}
