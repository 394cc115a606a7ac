//! [`Format`]: which reader and which writer a file's ending asks for.

use crate::error::{Cause, Error, Fault, Place};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// NumPy's array file.
    Npy,
    /// NumPy's archive of arrays.
    Npz,
    /// Matrix Market.
    Mtx,
    /// Text, commas between numbers.
    Csv,
    /// Text, tabs between numbers.
    Tsv,
    /// Named tensors.
    Safetensors,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] =
        [Format::Npy, Format::Npz, Format::Mtx, Format::Csv, Format::Tsv, Format::Safetensors];

    /// The format that the file's ending names, in either case.
    ///
    /// # Errors
    /// [`Cause::Ending`] if it names none.
    pub fn of(path: &Path) -> Result<Format, Error> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        ending.parse().map_err(|_| Fault::new(Place::File, Cause::Ending).in_file(path))
    }

    /// The format's name, which is its files' ending, without a dot.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Npy => "npy",
            Format::Npz => "npz",
            Format::Mtx => "mtx",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Safetensors => "safetensors",
        }
    }

    /// Whether an array of this format can hold more than one matrix.
    pub fn holds_stacks(self) -> bool {
        !self.is_text()
    }

    /// Whether a file of this format can hold more than one array, each with a name.
    pub fn holds_several(self) -> bool {
        matches!(self, Format::Npz | Format::Safetensors)
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Format::Mtx | Format::Csv | Format::Tsv)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending())
    }
}

impl FromStr for Format {
    type Err = String;

    /// By [`ending`](Format::ending), in either case; the error names those that are known.
    fn from_str(name: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|f| f.ending().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let known: Vec<_> = Format::ALL.iter().map(|f| f.ending()).collect();
            format!("no known format (known: {})", known.join(", "))
        })
    }
}
