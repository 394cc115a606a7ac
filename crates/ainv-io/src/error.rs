//! What was wrong, in which file, and where in it.

use crate::format::Format;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file could not be read or written.
#[derive(Debug)]
pub struct Error {
    /// The file; for a pipe, what its reader or writer was called.
    pub path: PathBuf,
    /// Which of the file's arrays, where it has several.
    pub array: Option<String>,
    /// Where in the file or in the array.
    pub place: Place,
    /// What is wrong there.
    pub cause: Cause,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file, or the array, as a whole.
    File,
    /// What stands before the numbers and says how they are stored.
    Header,
    /// The numbers of a binary file.
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
    /// The matrices need more memory than they may have.
    Memory {
        /// Bytes needed.
        bytes: u64,
        /// The most that the caller allows; `None` if the system had no more.
        limit: Option<u64>,
    },
}

/// What is wrong at a place, before anyone has said in which file.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) array: Option<String>,
    pub(crate) place: Place,
    pub(crate) cause: Cause,
}

impl Fault {
    pub(crate) fn new(place: Place, cause: Cause) -> Fault {
        Fault { array: None, place, cause }
    }
    pub(crate) fn damaged(place: Place, what: impl Into<String>) -> Fault {
        Fault::new(place, Cause::Damaged(what.into()))
    }
    pub(crate) fn unsupported(place: Place, what: impl Into<String>) -> Fault {
        Fault::new(place, Cause::Unsupported(what.into()))
    }
    pub(crate) fn system(error: io::Error) -> Fault {
        Fault::new(Place::File, Cause::System(error))
    }
    /// The file is not what it was when it was opened.
    pub(crate) fn changed(place: Place) -> Fault {
        Fault::damaged(place, "the file was changed while it was read")
    }
    /// What became of reading in the file's header.
    pub(crate) fn in_header(error: io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Fault::damaged(Place::Header, "the file ends within its header")
            }
            _ => Fault::new(Place::Header, Cause::System(error)),
        }
    }
    pub(crate) fn in_array(self, name: Option<&str>) -> Fault {
        Fault { array: name.map(str::to_owned), ..self }
    }
    pub(crate) fn in_file(self, path: impl Into<PathBuf>) -> Error {
        Error { path: path.into(), array: self.array, place: self.place, cause: self.cause }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(array) = &self.array {
            write!(f, ", array {array:?}")?;
        }
        match self.place {
            Place::File => {}
            Place::Header => write!(f, ", header")?,
            Place::Payload => write!(f, ", payload")?,
            Place::Line(line) => write!(f, ", line {line}")?,
            Place::Field(line, field) => write!(f, ", line {line}, field {field}")?,
        }
        write!(f, ": {}", self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Ending => {
                let known: Vec<_> = Format::ALL.iter().map(|format| format.ending()).collect();
                write!(f, "the ending names no known format (known: .{})", known.join(", ."))
            }
            Cause::System(error) => write!(f, "{error}"),
            Cause::Damaged(what) | Cause::Unsupported(what) => f.write_str(what),
            Cause::Memory { bytes, limit: Some(limit) } => write!(
                f,
                "the matrices need {bytes} bytes of memory, which is over the limit of {limit}"
            ),
            Cause::Memory { bytes, limit: None } => {
                write!(
                    f,
                    "the matrices need {bytes} bytes of memory, which the system does not have"
                )
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
