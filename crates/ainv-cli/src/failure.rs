//! Why the command stopped, and its exit code for that.

use std::fmt;
use std::io;

pub(crate) enum Failure {
    /// The arguments do not fit the file or each other.
    Usage(String),
    /// A file could not be read or written.
    File(ainv_io::Error),
    /// Matrices without a result; what to say of them.
    Matrices(String),
    /// There is not enough memory for the result.
    Memory(ainv::Error),
    /// Who read our output has gone.
    Pipe,
    /// The output could not be printed.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn code(&self) -> i32 {
        match self {
            Failure::Matrices(_) => crate::NOT_INVERTED,
            Failure::Usage(_) => crate::USAGE,
            Failure::File(_) | Failure::Memory(_) | Failure::Pipe | Failure::Output(_) => {
                crate::FILE
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) | Failure::Matrices(what) => f.write_str(what),
            Failure::File(error) => error.fmt(f),
            Failure::Memory(error) => error.fmt(f),
            Failure::Pipe => f.write_str("the output was closed"),
            Failure::Output(error) => write!(f, "the output could not be written: {error}"),
        }
    }
}

impl From<ainv_io::Error> for Failure {
    fn from(error: ainv_io::Error) -> Failure {
        match error.cause {
            ainv_io::Cause::Ending => Failure::Usage(error.to_string()),
            _ => Failure::File(error),
        }
    }
}

impl From<ainv::Error> for Failure {
    fn from(error: ainv::Error) -> Failure {
        match error {
            ainv::Error::OutOfMemory { .. } => Failure::Memory(error),
            _ => Failure::Usage(error.to_string()),
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
