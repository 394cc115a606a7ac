//! [`Source`]: an opened file, whatever its format.

use crate::error::{Error, Fault, Place};
use crate::format::Format;
use crate::matrices::{Dtype, Matrices};
use crate::numbers::Numbers;
use crate::payload::Span;
use crate::{each, mtx, npy, npz, safetensors, table};
use ainv::OwnedStack;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An array of matrices in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name, in the formats that hold several arrays.
    pub name: Option<String>,
    /// How the numbers are stored, in words.
    pub stored: String,
    /// The scalar as which they are read.
    pub dtype: Dtype,
    /// The shape in which they are read, `(..., rows, cols)`.
    pub shape: Vec<usize>,
    /// Whether the file has one axis only, which is read as one column.
    pub is_column: bool,
    /// How many bytes the numbers take in the file; inflated, if they are compressed; of a text, its
    /// length.
    pub bytes: u64,
}

impl Info {
    /// How many matrices there are.
    pub fn matrices(&self) -> usize {
        self.shape[..self.shape.len() - 2].iter().product()
    }
}

/// What else is in a file, and cannot be read as matrices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Its name.
    pub name: String,
    /// Why it cannot be read.
    pub why: String,
}

/// An opened file, or a pipe: one or more arrays of matrices.
///
/// ```
/// use ainv_io::{Format, Source};
/// let text: &[u8] = b"4,7\n2,6\n";
/// let mut source = Source::from_reader(text, "the example", Format::Csv)?;
/// assert_eq!(source.arrays()[0].shape, [2, 2]);
/// let a = source.read(0, ainv_io::available_memory())?;
/// assert_eq!(a.shape(), [2, 2]);
/// # Ok::<(), ainv_io::Error>(())
/// ```
pub struct Source {
    name: PathBuf,
    format: Format,
    bytes: Option<u64>,
    arrays: Vec<Info>,
    passed_over: Vec<PassedOver>,
    body: Body,
}

enum Body {
    /// Of each array.
    Binary(Vec<Numbers>),
    Text(Span),
}

/// The arrays of a file, and what is none.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) arrays: Vec<(Info, Numbers)>,
    pub(crate) passed_over: Vec<PassedOver>,
}

impl Source {
    /// Opens a file and reads what it says of itself (a table, which says nothing, is read to its
    /// end). Without a format, the file's ending says it. What is no regular file and no folder is
    /// read as a pipe.
    ///
    /// # Errors
    /// [`Error`] says where and what. No memory is asked for but what the file's own length answers
    /// for.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Source, Error> {
        let format = format.map_or_else(|| Format::of(path), Ok)?;
        let open = || {
            let file = File::open(path).map_err(Fault::system)?;
            let about = file.metadata().map_err(Fault::system)?;
            if about.is_dir() {
                return Err(Fault::unsupported(Place::File, "this is a folder, not a file"));
            }
            if !about.is_file() {
                return Source::piped(Box::new(file), path.into(), format);
            }
            Source::of(Span::new(file, about.len()), path.into(), format)
        };
        open().map_err(|fault| fault.in_file(path))
    }

    /// Reads from a pipe; `name` is what errors call it. An `.npy` array in C order comes through
    /// without being kept; all else is first copied to an unnamed file in the folder for temporary
    /// files.
    ///
    /// # Errors
    /// As [`open`](Source::open).
    pub fn from_reader(
        read: impl Read + Send + 'static,
        name: &str,
        format: Format,
    ) -> Result<Source, Error> {
        Source::piped(Box::new(read), name.into(), format).map_err(|fault| fault.in_file(name))
    }

    fn piped(read: Box<dyn Read + Send>, name: PathBuf, format: Format) -> Result<Source, Fault> {
        if format == Format::Npy {
            let array = npy::open_pipe(read)?;
            let content = Content { arrays: vec![array], ..Content::default() };
            return Ok(Source::binary(content, None, name, format));
        }
        Source::of(spool(read)?, name, format)
    }

    /// A file whose bytes are in memory; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`open`](Source::open).
    pub fn from_bytes(bytes: Vec<u8>, name: &str, format: Format) -> Result<Source, Error> {
        Source::of(Span::of_bytes(bytes), name.into(), format).map_err(|fault| fault.in_file(name))
    }

    fn of(whole: Span, name: PathBuf, format: Format) -> Result<Source, Fault> {
        let length = whole.len();
        let content = match format {
            Format::Npy => Content { arrays: vec![npy::open(whole)?], ..Content::default() },
            Format::Npz => npz::open(whole)?,
            Format::Safetensors => safetensors::open(whole)?,
            Format::Mtx | Format::Csv | Format::Tsv => {
                let info = match format {
                    Format::Mtx => mtx::describe(whole.clone())?,
                    _ => table::describe(whole.clone(), format)?,
                };
                return Ok(Source {
                    name,
                    format,
                    bytes: Some(length),
                    arrays: vec![info],
                    passed_over: Vec::new(),
                    body: Body::Text(whole),
                });
            }
        };
        if content.arrays.is_empty() {
            let what = match content.passed_over.first() {
                None => "there is no array in it".to_owned(),
                Some(PassedOver { name, why }) => {
                    format!("no array in it can be read as matrices; {name:?}: {why}")
                }
            };
            return Err(Fault::unsupported(Place::File, what));
        }
        Ok(Source::binary(content, Some(length), name, format))
    }

    fn binary(content: Content, bytes: Option<u64>, name: PathBuf, format: Format) -> Source {
        let (arrays, numbers) = content.arrays.into_iter().unzip();
        let passed_over = content.passed_over;
        Source { name, format, bytes, arrays, passed_over, body: Body::Binary(numbers) }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The file's length; `None` for a pipe that is read as it comes.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// The arrays, in the order of the file; at least one. It has no name in the formats that hold
    /// one array: `.npy`, `.mtx`, `.csv` and `.tsv`.
    pub fn arrays(&self) -> &[Info] {
        &self.arrays
    }

    /// What is in an `.npz` or `.safetensors` file and cannot be read as matrices: strings, single
    /// numbers, members that are no arrays.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// Whether [`read_range`](Source::read_range) reads the range alone. Where it does not (a stack
    /// in Fortran order, but for an uncompressed one with a single leading axis), each call reads
    /// the whole array, though it keeps the range alone in memory: better [`read`](Source::read) all
    /// at once, if there is memory for it.
    ///
    /// # Panics
    /// If there is no such array.
    pub fn streams(&self, array: usize) -> bool {
        match &self.body {
            Body::Binary(numbers) => numbers[array].streams(),
            Body::Text(_) => true,
        }
    }

    /// The whole array, if it needs at most `limit` bytes of memory.
    ///
    /// # Errors
    /// [`Error`]; [`Cause::Memory`](crate::Cause::Memory) over the limit, before memory is asked
    /// for.
    ///
    /// # Panics
    /// If there is no such array.
    pub fn read(&mut self, array: usize, limit: u64) -> Result<Matrices, Error> {
        let all = 0..self.arrays[array].matrices();
        let shape = self.arrays[array].shape.clone();
        self.take(array, all, &shape, limit)
    }

    /// The matrices of a range, counted along the leading axes in C order, as a stack of shape
    /// `(range.len(), rows, cols)`.
    ///
    /// Deflated arrays and pipes are read forward: a range that begins before the end of the last
    /// one inflates the array again from its beginning, and is an error for a pipe.
    ///
    /// # Errors
    /// As [`read`](Source::read), for the memory that the range needs; a range that is not within the
    /// array. The last range of a compressed or checked array may find that all of it was damaged.
    ///
    /// # Panics
    /// If there is no such array.
    pub fn read_range(
        &mut self,
        array: usize,
        range: Range<usize>,
        limit: u64,
    ) -> Result<Matrices, Error> {
        let info = &self.arrays[array];
        let (start, end, matrices) = (range.start, range.end, info.matrices());
        if start > end || end > matrices {
            let what = format!("matrices {start} to {end} of {matrices}");
            return Err(self.fault(array, Fault::unsupported(Place::File, what)));
        }
        let [.., rows, cols] = info.shape[..] else {
            unreachable!("a stack has two axes at least")
        };
        self.take(array, range, &[end - start, rows, cols], limit)
    }

    fn take(
        &mut self,
        array: usize,
        range: Range<usize>,
        shape: &[usize],
        limit: u64,
    ) -> Result<Matrices, Error> {
        let taken = match &mut self.body {
            Body::Binary(numbers) => numbers[array].read(range, shape, limit),
            Body::Text(text) => {
                let (text, info) = (text.clone(), &self.arrays[array]);
                let whole = match self.format {
                    Format::Mtx => mtx::read(text, info, limit),
                    _ => table::read(text, self.format, info, limit),
                };
                // One matrix, or none of it.
                whole.and_then(|whole| part(whole, shape))
            }
        };
        taken.map_err(|fault| self.fault(array, fault))
    }

    fn fault(&self, array: usize, fault: Fault) -> Error {
        fault.in_array(self.arrays[array].name.as_deref()).in_file(&self.name)
    }
}

/// One matrix as a stack of one or of none.
fn part(whole: Matrices, shape: &[usize]) -> Result<Matrices, Fault> {
    let part = each!(whole, a => {
        let mut numbers = a.into_vec();
        numbers.truncate(shape.iter().product());
        OwnedStack::from_vec(numbers, shape).map(Matrices::from)
    });
    part.map_err(|error| Fault::unsupported(Place::File, error.to_string()))
}

/// Copies a pipe to an unnamed file.
pub(crate) fn spool(mut read: Box<dyn Read + Send>) -> Result<Span, Fault> {
    let mut file = tempfile::tempfile().map_err(Fault::system)?;
    let length = io::copy(&mut read, &mut file).map_err(Fault::system)?;
    Ok(Span::new(file, length))
}

/// Reads the one array of a file.
///
/// # Errors
/// [`Error`]; an `.npz` or `.safetensors` file with several arrays; matrices that need more memory
/// than [is available](crate::available_memory).
pub fn read(path: &Path) -> Result<Matrices, Error> {
    read_within(path, crate::available_memory())
}

/// [`read`], but refuses matrices that need more than `limit` bytes of memory.
///
/// # Errors
/// As [`read`]; [`Cause::Memory`](crate::Cause::Memory) over the limit, before anything is allocated.
pub fn read_within(path: &Path, limit: u64) -> Result<Matrices, Error> {
    let mut source = Source::open(path, None)?;
    if let several @ 2.. = source.arrays.len() {
        let what =
            format!("{several} arrays are in it, and one was to be read; open it as a Source");
        return Err(Fault::unsupported(Place::File, what).in_file(path));
    }
    source.read(0, limit)
}
