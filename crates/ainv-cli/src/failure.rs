//! Why the command stopped, and its exit code for that.

use std::fmt;
use std::io;
use std::path::PathBuf;

pub(crate) enum Failure {
    /// The arguments do not fit the file or each other.
    Usage(String),
    /// A file could not be read or written.
    File(ainv_io::Error),
    /// No file could be found to read.
    Unread(String),
    /// A folder could not be made or filled.
    Folder(PathBuf, io::Error),
    /// The matrices do not fit the memory; what to say of it.
    Memory(String),
    /// Who read our output has gone.
    Pipe,
    /// The output could not be printed.
    Output(io::Error),
    /// A signal asked for the end.
    Interrupted,
}

impl Failure {
    pub(crate) fn code(&self) -> i32 {
        match self {
            Failure::Usage(_) => crate::USAGE,
            Failure::Interrupted => crate::interrupt::code(),
            _ => crate::FILE,
        }
    }

    /// Whether there is no sense in going on with the next file.
    pub(crate) fn ends_all(&self) -> bool {
        matches!(self, Failure::Pipe | Failure::Output(_) | Failure::Interrupted)
    }

    /// An error of the library on this array of this file.
    pub(crate) fn of(error: ainv::Error, place: &str) -> Failure {
        match error {
            ainv::Error::Cancelled => Failure::Interrupted,
            ainv::Error::OutOfMemory { .. } => Failure::Memory(format!("{place}: {error}")),
            _ => Failure::Usage(format!("{place}: {error}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) | Failure::Unread(what) | Failure::Memory(what) => {
                f.write_str(what)
            }
            Failure::File(error) => error.fmt(f),
            Failure::Folder(folder, error) => write!(f, "{}: {error}", folder.display()),
            Failure::Pipe => f.write_str("the output was closed"),
            Failure::Output(error) => write!(f, "the output could not be written: {error}"),
            Failure::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl From<ainv_io::Error> for Failure {
    fn from(error: ainv_io::Error) -> Failure {
        match &error.cause {
            ainv_io::Cause::Ending => Failure::Usage(error.to_string()),
            ainv_io::Cause::System(e) if e.kind() == io::ErrorKind::BrokenPipe => Failure::Pipe,
            _ => Failure::File(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Pipe,
            _ => Failure::Output(error),
        }
    }
}
