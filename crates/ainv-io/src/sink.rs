//! [`Sink`]: a file that is being written, whatever its format.

use crate::error::{Error, Fault, Place};
use crate::format::Format;
use crate::matrices::{Dtype, Matrices};
use crate::whole::Whole;
use crate::{mtx, npy, numbers, safetensors, table};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// An array that is going to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name, in the formats that hold several arrays; without one, `arr_0`, `arr_1` and so on,
    /// as by `numpy.savez`.
    pub name: Option<String>,
    /// Its scalar.
    pub dtype: Dtype,
    /// Its shape, `(..., rows, cols)`.
    pub shape: Vec<usize>,
}

impl Declared {
    fn matrices(&self) -> usize {
        self.shape[..self.shape.len() - 2].iter().product()
    }
    fn entries(&self) -> usize {
        self.shape[self.shape.len() - 2..].iter().product()
    }
}

/// A file that is being written. It appears at [`finish`](Sink::finish), all of it on the disk; until
/// then, and if the sink is dropped before, there is the old file of that name or none.
///
/// ```
/// use ainv_io::{Declared, Dtype, Matrices, Sink, Source};
/// use ainv::OwnedStack;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.npy");
/// let declared = Declared { name: None, dtype: Dtype::F64, shape: vec![3, 2, 2] };
/// let mut sink = Sink::create(&path, None, &[declared])?;
/// sink.write(&OwnedStack::<f64>::zeros(&[1, 2, 2]).unwrap().into())?;
/// sink.write(&OwnedStack::<f64>::zeros(&[2, 2, 2]).unwrap().into())?;
/// sink.finish()?;
/// assert_eq!(Source::open(&path, None)?.arrays()[0].shape, [3, 2, 2]);
/// # Ok::<(), ainv_io::Error>(())
/// ```
pub struct Sink {
    name: PathBuf,
    format: Format,
    declared: Vec<Declared>,
    /// The array that is being written, and how many of its matrices are.
    at: (usize, usize),
    writer: Option<Writer>,
    abandoned: Arc<AtomicBool>,
}

enum Writer {
    Plain(Target),
    /// Boxed for its size.
    Zip(Box<ZipWriter<StreamWriter<Target>>>),
}

/// Where the bytes go.
struct Target {
    to: To,
    /// The archive's writer ends an archive even when it is dropped, and half of one is not to look
    /// like a whole one: from then on nothing is written.
    abandoned: Arc<AtomicBool>,
}

enum To {
    File(BufWriter<Whole>),
    Pipe(BufWriter<Box<dyn Write + Send>>),
}

impl Sink {
    /// Begins a file. Without a format, its ending says it. A link is followed; a device is written
    /// to like a pipe; an input may be written to, as it is replaced at the end only.
    ///
    /// # Errors
    /// [`Error`]; [`Cause::Unsupported`](crate::Cause::Unsupported) for arrays that the format
    /// cannot hold: several of them, a stack or an empty matrix as text, complex128 in
    /// `.safetensors`, a name twice.
    ///
    /// # Panics
    /// If a declared shape has less than two axes.
    pub fn create(path: &Path, format: Option<Format>, arrays: &[Declared]) -> Result<Sink, Error> {
        let format = format.map_or_else(|| Format::of(path), Ok)?;
        let create = || {
            let to = To::create(path)?;
            Sink::begin(path.into(), format, arrays, to)
        };
        holds(format, arrays).and_then(|()| create()).map_err(|fault| fault.in_file(path))
    }

    /// Writes forward to a pipe; `name` is what errors call it. If the sink is dropped before
    /// [`finish`](Sink::finish), the pipe has got a part, which no reader takes for the whole.
    ///
    /// # Errors
    /// As [`create`](Sink::create).
    pub fn to_writer(
        write: impl Write + Send + 'static,
        name: &str,
        format: Format,
        arrays: &[Declared],
    ) -> Result<Sink, Error> {
        holds(format, arrays)
            .and_then(|()| Sink::begin(name.into(), format, arrays, To::pipe(Box::new(write))))
            .map_err(|fault| fault.in_file(name))
    }

    fn begin(name: PathBuf, format: Format, arrays: &[Declared], to: To) -> Result<Sink, Fault> {
        let mut declared = arrays.to_vec();
        if format.holds_several() {
            for (i, array) in declared.iter_mut().enumerate() {
                array.name.get_or_insert_with(|| format!("arr_{i}"));
            }
        }
        let abandoned = Arc::new(AtomicBool::new(false));
        let mut target = Target { to, abandoned: abandoned.clone() };
        if format == Format::Safetensors {
            let arrays: Vec<_> = declared
                .iter()
                .map(|a| (a.name.as_deref().unwrap_or(""), a.dtype, a.shape.as_slice()))
                .collect();
            target.write_all(&safetensors::header(&arrays)?).map_err(Fault::system)?;
        }
        let writer = match format {
            Format::Npz => Writer::Zip(Box::new(ZipWriter::new_stream(target))),
            _ => Writer::Plain(target),
        };
        let writer = Some(writer);
        let mut sink = Sink { name, format, declared, at: (0, 0), writer, abandoned };
        sink.begin_array()?;
        Ok(sink)
    }

    /// Writes what stands before the numbers of the next array, and passes over those without
    /// matrices.
    fn begin_array(&mut self) -> Result<(), Fault> {
        while let Some(array) = self.declared.get(self.at.0) {
            if matches!(self.format, Format::Npy | Format::Npz) {
                let header = npy::bytes(array.dtype, &array.shape)?;
                if let Some(Writer::Zip(zip)) = &mut self.writer {
                    start_member(zip, array, header.len())?;
                }
                self.to().write_all(&header).map_err(Fault::system)?;
            }
            if self.declared[self.at.0].matrices() > 0 {
                break;
            }
            self.at.0 += 1;
        }
        Ok(())
    }

    fn to(&mut self) -> &mut dyn Write {
        match self.writer.as_mut() {
            Some(Writer::Plain(target)) => target,
            Some(Writer::Zip(zip)) => zip.as_mut(),
            None => unreachable!("the writer is taken when the sink is finished"),
        }
    }

    /// Writes the next matrices of the array that is being written, in order; the arrays follow each
    /// other in the order in which they were declared. Leading axes are of no account here.
    ///
    /// # Errors
    /// [`Error`]; [`Cause::Unsupported`](crate::Cause::Unsupported) for matrices that were not
    /// declared so. After an error nothing more can be written.
    pub fn write(&mut self, matrices: &Matrices) -> Result<(), Error> {
        self.put(matrices).map_err(|fault| {
            let array = self.declared.get(self.at.0).and_then(|array| array.name.clone());
            fault.in_array(array.as_deref()).in_file(&self.name)
        })
    }

    fn put(&mut self, matrices: &Matrices) -> Result<(), Fault> {
        let shape = matrices.shape();
        let (lead, size) = shape.split_at(shape.len() - 2);
        let count: usize = lead.iter().product();
        if count == 0 {
            return Ok(());
        }
        let unsupported = |what: String| Err(Fault::unsupported(Place::File, what));
        let Some(array) = self.declared.get(self.at.0) else {
            return unsupported("more matrices than were declared".to_owned());
        };
        if array.dtype != matrices.dtype() || !array.shape.ends_with(size) {
            return unsupported(format!(
                "{} matrices of shape {shape:?} where {} ones of {:?} were declared",
                matrices.dtype(),
                array.dtype,
                array.shape
            ));
        }
        let all = array.matrices();
        if count > all - self.at.1 {
            return unsupported(format!("more than the {all} matrices that were declared"));
        }
        let format = self.format;
        let to = self.to();
        match format {
            Format::Mtx => mtx::write(to, matrices),
            Format::Csv | Format::Tsv => table::write(to, matrices, format),
            Format::Npy | Format::Npz | Format::Safetensors => numbers::write(to, matrices),
        }
        .map_err(Fault::system)?;
        self.at.1 += count;
        if self.at.1 == all {
            self.at = (self.at.0 + 1, 0);
            self.begin_array()?;
        }
        Ok(())
    }

    /// Ends the file, waits until it is on the disk, and makes it appear.
    ///
    /// # Errors
    /// [`Error`], and nothing has appeared; also if matrices that were declared are missing.
    pub fn finish(mut self) -> Result<(), Error> {
        let end = |sink: &mut Sink| {
            if let Some(array) = sink.declared.get(sink.at.0) {
                let (done, all) = (sink.at.1, array.matrices());
                let what = format!("{done} matrices were written of {all} that were declared");
                return Err(Fault::unsupported(Place::File, what).in_array(array.name.as_deref()));
            }
            let target = match sink.writer.take() {
                Some(Writer::Plain(target)) => target,
                Some(Writer::Zip(zip)) => zip.finish().map_err(zip_fault)?.into_inner(),
                None => return Ok(()),
            };
            target.to.finish().map_err(Fault::system)
        };
        end(&mut self).map_err(|fault| fault.in_file(&self.name))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

impl To {
    fn create(path: &Path) -> Result<To, Fault> {
        Ok(match fs::metadata(path) {
            Ok(about) if about.is_dir() => {
                return Err(Fault::unsupported(Place::File, "this is a folder, not a file"));
            }
            Ok(about) if !about.is_file() => {
                let device = File::options().write(true).open(path).map_err(Fault::system)?;
                To::pipe(Box::new(device))
            }
            _ => To::file(Whole::create(path).map_err(Fault::system)?),
        })
    }
    fn finish(self) -> io::Result<()> {
        match self {
            To::File(file) => file.into_inner()?.finish(),
            To::Pipe(mut pipe) => pipe.flush(),
        }
    }
    fn file(file: Whole) -> To {
        To::File(BufWriter::with_capacity(1 << 16, file))
    }
    fn pipe(pipe: Box<dyn Write + Send>) -> To {
        To::Pipe(BufWriter::with_capacity(1 << 16, pipe))
    }
}

impl Write for To {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            To::File(file) => file.write(bytes),
            To::Pipe(pipe) => pipe.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            To::File(file) => file.flush(),
            To::Pipe(pipe) => pipe.flush(),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.abandoned.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        self.to.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        if self.abandoned.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.to.flush()
    }
}

/// Uncompressed, as by `numpy.savez`, and without the time, so that equal arrays make equal files.
fn start_member(
    zip: &mut ZipWriter<StreamWriter<Target>>,
    array: &Declared,
    header: usize,
) -> Result<(), Fault> {
    let bytes = (array.matrices() * array.entries() * array.dtype.size() + header) as u64;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(bytes >= u32::MAX.into());
    let name = format!("{}.npy", array.name.as_deref().unwrap_or(""));
    zip.start_file(name, options).map_err(zip_fault)
}

fn zip_fault(error: zip::result::ZipError) -> Fault {
    Fault::system(error.into())
}

/// Whether the format can hold the arrays.
fn holds(format: Format, arrays: &[Declared]) -> Result<(), Fault> {
    let unsupported = |what: String| Err(Fault::unsupported(Place::File, what));
    if arrays.len() != 1 && !format.holds_several() {
        let what =
            format!("a .{format} file holds one array, not {}; .npz holds several", arrays.len());
        return unsupported(what);
    }
    for array in arrays {
        if numbers::count(&array.shape).is_none() {
            return unsupported(format!("the size of shape {:?} overflows", array.shape));
        }
        if format.holds_stacks() {
            continue;
        }
        let count = array.matrices();
        if count != 1 {
            let what = format!("a text file holds one matrix, not {count}; .npy holds stacks");
            return unsupported(what);
        }
        if array.entries() == 0 && format != Format::Mtx {
            let what = "an empty matrix has no lines of text; .npy holds it";
            return unsupported(what.to_owned());
        }
    }
    Ok(())
}

/// Writes the matrices to a file, whole or not at all: a reader of `path` sees the old file or the
/// new one, never a part of it.
///
/// # Errors
/// As [`Sink`]'s functions.
pub fn write(path: &Path, matrices: &Matrices) -> Result<(), Error> {
    let shape = matrices.shape().to_vec();
    let declared = Declared { name: None, dtype: matrices.dtype(), shape };
    let mut sink = Sink::create(path, None, &[declared])?;
    sink.write(matrices)?;
    sink.finish()
}

/// A file of text, begun before there is anything to write: a place where nothing can be written is
/// known before the work.
pub struct TextFile {
    path: PathBuf,
    to: To,
}

impl TextFile {
    /// Begins a file. A link is followed; a device is written to like a pipe.
    ///
    /// # Errors
    /// [`Error`] for a folder, and whatever the system says.
    pub fn create(path: &Path) -> Result<TextFile, Error> {
        let to = To::create(path).map_err(|fault| fault.in_file(path))?;
        Ok(TextFile { path: path.to_owned(), to })
    }

    /// Writes all of it, waits until it is on the disk, and makes it appear.
    ///
    /// # Errors
    /// [`Error`], and nothing has appeared.
    pub fn finish(mut self, text: &str) -> Result<(), Error> {
        let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.finish());
        written.map_err(|error| Fault::system(error).in_file(self.path))
    }
}
