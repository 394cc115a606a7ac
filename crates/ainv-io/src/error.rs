//! What was wrong, in which file, and where in it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be read or written.
#[derive(Debug)]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Where in the file.
    pub place: Place,
    /// What is wrong there.
    pub cause: Cause,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// The header of an `.npy` file.
    Header,
    /// The numbers of an `.npy` file.
    Payload,
    /// A line of text, counted from 1.
    Line(usize),
    /// A field of a line of text, both counted from 1.
    Field(usize, usize),
}

/// What can be wrong.
#[derive(Debug)]
pub enum Cause {
    /// The file's ending names no format that is known here.
    Ending,
    /// The operating system refused.
    System(io::Error),
    /// The content breaks the format's rules.
    Damaged(String),
    /// The content is in order, but not made of matrices that ainv takes.
    Unsupported(String),
    /// The matrices need more memory than the caller's limit, or than there is.
    Memory {
        /// Bytes needed.
        bytes: u64,
    },
}

/// What is wrong at a place, before anyone has said in which file.
pub(crate) struct Fault(pub(crate) Place, pub(crate) Cause);

impl Fault {
    pub(crate) fn damaged(place: Place, what: impl Into<String>) -> Fault {
        Fault(place, Cause::Damaged(what.into()))
    }
    pub(crate) fn unsupported(place: Place, what: impl Into<String>) -> Fault {
        Fault(place, Cause::Unsupported(what.into()))
    }
    pub(crate) fn system(error: io::Error) -> Fault {
        Fault(Place::File, Cause::System(error))
    }
    pub(crate) fn in_file(self, path: &Path) -> Error {
        Error { path: path.to_owned(), place: self.0, cause: self.1 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.place {
            Place::File => {}
            Place::Header => write!(f, ", header")?,
            Place::Payload => write!(f, ", payload")?,
            Place::Line(line) => write!(f, ", line {line}")?,
            Place::Field(line, field) => write!(f, ", line {line}, field {field}")?,
        }
        match &self.cause {
            Cause::Ending => {
                write!(f, ": the ending names no known format (known: .npy, .csv, .tsv)")
            }
            Cause::System(error) => write!(f, ": {error}"),
            Cause::Damaged(what) | Cause::Unsupported(what) => write!(f, ": {what}"),
            Cause::Memory { bytes } => {
                write!(f, ": the matrices need {bytes} bytes of memory, which is over the limit")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::System(error) => Some(error),
            _ => None,
        }
    }
}
