//! Matrix files for ainv: read with distrust, written whole or not at all.
//!
//! ```no_run
//! use ainv_io::Matrices;
//! let Matrices::F64(a) = ainv_io::read("a.npy".as_ref())? else { panic!("not float64") };
//! let x = ainv::inv(&a, &ainv::Options::default())?;
//! ainv_io::write("x.npy".as_ref(), &x.into())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`read`] and [`write()`] do all at once. A [`Source`] is an opened file, or a pipe: it says what is
//! in it before it is read, and gives the matrices in ranges, so that a stack larger than memory can
//! go through to a [`Sink`], which is written in order and appears when it is finished:
//!
//! ```no_run
//! use ainv_io::{Declared, Sink, Source};
//! let mut source = Source::open("a.npz".as_ref(), None)?;
//! let info = source.arrays()[0].clone();
//! let (name, dtype) = (info.name.clone(), info.dtype);
//! let declared = Declared { name, dtype, shape: info.shape.clone() };
//! let mut sink = Sink::create("b.safetensors".as_ref(), None, &[declared])?;
//! for first in (0..info.matrices()).step_by(1000) {
//!     let range = first..info.matrices().min(first + 1000);
//!     sink.write(&source.read_range(0, range, 1 << 30)?)?;
//! }
//! sink.finish()?;
//! # Ok::<(), ainv_io::Error>(())
//! ```
//!
//! A file's ending says its format, unless the caller does:
//!
//! | ending | holds | details |
//! |---|---|---|
//! | `.npy` | a matrix or a stack of any leading dimensions | [`npy`] |
//! | `.npz` | several of them, each with a name; compressed or not | [`npz`] |
//! | `.safetensors` | several of them, each with a name | [`safetensors`] |
//! | `.mtx` | one matrix, a full or a sparse one, which becomes full | [`mtx`] |
//! | `.csv`, `.tsv` | one matrix, a row a line, no header | [`table`] |
//!
//! An array with one axis is read as one column.
//!
//! Nothing that a file says of itself is believed: sizes are held against the file's real length
//! before memory is asked for, and no file can make a reader run code, recurse or panic. Of a sparse
//! or a compressed matrix the real length says little: every function that takes memory for matrices
//! has a limit, and refuses before it asks for more. Text lines that have no end, headers over the
//! formats' own limits, and data after the end are refused.

mod error;
mod format;
mod matrices;
mod memory;
pub mod mtx;
pub mod npy;
pub mod npz;
mod numbers;
mod payload;
pub mod safetensors;
mod sink;
mod source;
pub mod table;
mod text;
mod whole;

pub use error::{Cause, Error, Place};
pub use format::Format;
pub use matrices::{Dtype, Matrices};
pub use memory::available_memory;
pub use sink::{Declared, Sink, TextFile, write};
pub use source::{Info, PassedOver, Source, read, read_within};
