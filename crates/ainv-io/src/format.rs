//! [`Format`]: which reader and which writer a file's ending asks for.

use crate::error::{Cause, Error, Fault, Place};
use crate::matrices::{Dtype, Matrices};
use crate::{npy, table, whole};
use std::fs::File;
use std::path::Path;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// NumPy's array file.
    Npy,
    /// Text, commas between numbers.
    Csv,
    /// Text, tabs between numbers.
    Tsv,
}

impl Format {
    /// The format that the file's ending names, in either case.
    ///
    /// # Errors
    /// [`Cause::Ending`] if it names none.
    pub fn of(path: &Path) -> Result<Format, Error> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match ending.to_ascii_lowercase().as_str() {
            "npy" => Ok(Format::Npy),
            "csv" => Ok(Format::Csv),
            "tsv" => Ok(Format::Tsv),
            _ => Err(Fault(Place::File, Cause::Ending).in_file(path)),
        }
    }

    /// Whether a file of this format can hold more than one matrix.
    pub fn holds_stacks(self) -> bool {
        self == Format::Npy
    }

    fn delimiter(self) -> u8 {
        if self == Format::Tsv { b'\t' } else { b',' }
    }
}

/// What a file holds, as [`describe`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The format.
    pub format: Format,
    /// How the numbers are stored, in words.
    pub stored: String,
    /// The scalar that [`read`] gives.
    pub dtype: Dtype,
    /// The shape that [`read`] gives, `(..., rows, cols)`.
    pub shape: Vec<usize>,
    /// The file's length.
    pub bytes: u64,
}

/// Opens a file whose length can be trusted for as long as nobody changes it.
fn open(path: &Path) -> Result<(File, u64), Fault> {
    let file = File::open(path).map_err(Fault::system)?;
    let about = file.metadata().map_err(Fault::system)?;
    if about.is_file() {
        Ok((file, about.len()))
    } else {
        Err(Fault::unsupported(Place::File, "not a regular file"))
    }
}

/// Reads the matrices of a file.
///
/// # Errors
/// [`Error`] says where and what; no more memory was asked for than the file's length answers for.
pub fn read(path: &Path) -> Result<Matrices, Error> {
    read_within(path, u64::MAX)
}

/// [`read`], but refuses matrices that need more than `limit` bytes of memory. (A sparse file can
/// be longer than the disk.)
///
/// # Errors
/// As [`read`]; [`Cause::Memory`] over the limit, before anything is allocated.
pub fn read_within(path: &Path, limit: u64) -> Result<Matrices, Error> {
    let format = Format::of(path)?;
    let read = || {
        let (file, length) = open(path)?;
        match format {
            Format::Npy => npy::read(file, length, limit),
            Format::Csv | Format::Tsv => table::read(file, format.delimiter(), limit),
        }
    };
    read().map_err(|fault| fault.in_file(path))
}

/// What a file holds. Of an `.npy` file the header alone is read; a text is read to its end.
///
/// # Errors
/// As [`read`].
pub fn describe(path: &Path) -> Result<Info, Error> {
    let format = Format::of(path)?;
    let describe = || {
        let (mut file, bytes) = open(path)?;
        let (stored, dtype, shape) = match format {
            Format::Npy => {
                let header = npy::Header::read(&mut file, bytes)?;
                (header.to_string(), header.dtype(), header.matrix_shape())
            }
            Format::Csv | Format::Tsv => {
                let a = table::read(file, format.delimiter(), u64::MAX)?;
                ("text".to_owned(), a.dtype(), a.shape().to_vec())
            }
        };
        Ok(Info { format, stored, dtype, shape, bytes })
    };
    describe().map_err(|fault: Fault| fault.in_file(path))
}

/// Writes the matrices to a file, whole or not at all: a reader of `path` sees the old file or the
/// new one, never a part of it.
///
/// # Errors
/// [`Error`]; [`Cause::Unsupported`] for more than one matrix where the format holds one.
pub fn write(path: &Path, matrices: &Matrices) -> Result<(), Error> {
    let format = Format::of(path)?;
    let count: usize = matrices.shape()[..matrices.shape().len() - 2].iter().product();
    if count != 1 && !format.holds_stacks() {
        let what = format!("a text file holds one matrix, not {count}; .npy holds stacks");
        return Err(Fault::unsupported(Place::File, what).in_file(path));
    }
    if matrices.shape().contains(&0) && !format.holds_stacks() {
        let what = "an empty matrix has no lines of text; .npy holds it";
        return Err(Fault::unsupported(Place::File, what).in_file(path));
    }
    whole::write(path, |to| match format {
        Format::Npy => npy::write(to, matrices),
        Format::Csv | Format::Tsv => table::write(to, matrices, format.delimiter()),
    })
    .map_err(|error| Fault::system(error).in_file(path))
}
