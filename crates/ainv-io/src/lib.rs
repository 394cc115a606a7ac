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
//! A file's ending says its format:
//!
//! | ending | holds | numbers |
//! |---|---|---|
//! | `.npy` | a matrix or a stack of any leading dimensions; a 1-d array is one column | see [`npy`] |
//! | `.csv`, `.tsv` | one matrix, a row a line, no header | see [`table`] |
//!
//! Nothing that a file says of itself is believed: sizes are held against the file's real length
//! before memory is asked for, and no file can make the reader run code, recurse or panic.

mod error;
mod format;
mod matrices;
pub mod npy;
pub mod table;
mod whole;

pub use error::{Cause, Error, Place};
pub use format::{Format, Info, describe, read, read_within, write};
pub use matrices::{Dtype, Matrices};
