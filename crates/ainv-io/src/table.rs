//! Text: one matrix, a row a line, commas (`.csv`) or tabs (`.tsv`) between the numbers.
//!
//! Numbers as Rust and Python write them (`1`, `-2.5e-3`, `nan`, `inf`), complex ones as `1+2j`;
//! one complex number makes the matrix complex. Spaces, double quotes and parentheses around a
//! number are understood. No header, no comments, and no blank line but at the end: a file that two
//! programs could read in two ways is refused, and so is a line of more than 64 MiB. Written numbers
//! have the fewest digits (17 at most) that read back exactly.
//!
//! A table does not say how large it is: it is read once to find out, and once more for the numbers.

use crate::error::{Fault, Place};
use crate::format::Format;
use crate::matrices::{Dtype, Matrices};
use crate::memory;
use crate::payload::Span;
use crate::source::Info;
use crate::text::{digits, real};
use ainv::{OwnedStack, RealScalar, Scalar, c64};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Terminator, Trim, WriterBuilder};
use std::io::{self, Read, Write};

/// Bytes of a line, which is held in memory.
const LONGEST: usize = 1 << 26;

/// What the file holds, which is read to its end.
pub(crate) fn describe(text: Span, format: Format) -> Result<Info, Fault> {
    let bytes = text.len();
    let mut dtype = Dtype::F64;
    let shape = each(text, format, |_, imaginary| {
        if imaginary.is_some() {
            dtype = Dtype::C64;
        }
        Ok(())
    })?;
    let stored = "text".to_owned();
    Ok(Info { name: None, stored, dtype, shape: shape.to_vec(), is_column: false, bytes })
}

pub(crate) fn read(text: Span, format: Format, info: &Info, limit: u64) -> Result<Matrices, Fault> {
    let count = info.shape.iter().product();
    memory::within(count, info.dtype.size(), limit)?;
    if info.dtype == Dtype::F64 {
        Ok(fill(text, format, info, count, |re, _| re)?.into())
    } else {
        Ok(fill(text, format, info, count, c64::new)?.into())
    }
}

fn fill<T: Scalar>(
    text: Span,
    format: Format,
    info: &Info,
    count: usize,
    make: impl Fn(f64, f64) -> T,
) -> Result<OwnedStack<T>, Fault> {
    let changed = || Fault::changed(Place::File);
    let mut all = Vec::new();
    memory::reserve(&mut all, count)?;
    let shape = each(text, format, |re, imaginary| {
        if all.len() == count || (imaginary.is_some() && !T::COMPLEX) {
            return Err(changed());
        }
        all.push(make(re, imaginary.unwrap_or(0.0)));
        Ok(())
    })?;
    if info.shape != shape {
        return Err(changed());
    }
    OwnedStack::from_vec(all, &shape)
        .map_err(|error| Fault::damaged(Place::File, error.to_string()))
}

/// Takes each number with its imaginary part, if that is written; returns the shape.
fn each(
    text: Span,
    format: Format,
    mut take: impl FnMut(f64, Option<f64>) -> Result<(), Fault>,
) -> Result<[usize; 2], Fault> {
    // A quote that nothing closes swallows no lines: numbers need none, and lose them in `parse`.
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(format))
        .terminator(Terminator::Any(b'\n'))
        .quoting(false)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::Fields)
        // So that every line has an end to be counted by.
        .from_reader(ShortLines { text, length: 0 }.chain(&b"\n"[..]));
    let (mut rows, mut cols) = (0, 0);
    let mut blank = None;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(fault)? {
        let line = reader.position().line() as usize - 1;
        // Empty lines before the record are passed over, but counted.
        let from = record.position().map_or(line, |position| position.line() as usize);
        if record.len() == 1 && record[0].is_empty() {
            blank.get_or_insert(from);
            continue;
        }
        let from = blank.unwrap_or(from);
        if from < line {
            let what = "a blank line before more numbers; a text file holds one matrix";
            return Err(Fault::damaged(Place::Line(from), what));
        }
        for (i, field) in record.iter().enumerate() {
            let (re, imaginary) =
                parse(field).map_err(|what| Fault::damaged(Place::Field(line, i + 1), what))?;
            take(re, imaginary)?;
        }
        let fields = record.len();
        if rows > 0 && fields != cols {
            let what = format!("{fields} numbers, the lines before have {cols}");
            return Err(Fault::damaged(Place::Line(line), what));
        }
        cols = fields;
        rows += 1;
    }
    if rows == 0 {
        return Err(Fault::damaged(Place::File, "no numbers in it"));
    }
    Ok([rows, cols])
}

/// A text without endless lines.
struct ShortLines {
    text: Span,
    /// Of the last line, as far as it was read.
    length: usize,
}

impl Read for ShortLines {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(bytes)?;
        for line in bytes[..read].split_inclusive(|&b| b == b'\n') {
            self.length += line.len();
            if self.length > LONGEST {
                let what = format!("a line is longer than {LONGEST} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if line.ends_with(b"\n") {
                self.length = 0;
            }
        }
        Ok(read)
    }
}

fn delimiter(format: Format) -> u8 {
    if format == Format::Tsv { b'\t' } else { b',' }
}

fn fault(error: csv::Error) -> Fault {
    match error.kind() {
        ErrorKind::Utf8 { pos: Some(at), .. } => {
            Fault::damaged(Place::Line(at.line() as usize), "not UTF-8 text")
        }
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Fault::damaged(Place::File, error.to_string())
        }
        _ => Fault::system(error.into()),
    }
}

/// The real part, and the imaginary one where it is written.
fn parse(field: &str) -> Result<(f64, Option<f64>), String> {
    let text = field.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(field).trim();
    let text = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text).trim();
    let Some(complex) = text.strip_suffix(['j', 'J']) else {
        return Ok((real(text, field)?, None));
    };
    // The last sign that is neither the first character nor an exponent's.
    let bytes = complex.as_bytes();
    let split = (1..bytes.len())
        .rev()
        .find(|&i| matches!(bytes[i], b'+' | b'-') && !matches!(bytes[i - 1], b'e' | b'E'));
    let (re, im) = complex.split_at(split.unwrap_or(0));
    let unit = if matches!(im, "" | "+" | "-") { "1" } else { "" };
    let re = if re.is_empty() { 0.0 } else { real(re, field)? };
    Ok((re, Some(real(&format!("{im}{unit}"), field)?)))
}

/// Writes the matrices as lines of text, a blank line between two matrices; with tabs for
/// [`Format::Tsv`], with commas for any other format.
///
/// # Errors
/// Those of `to`.
pub fn write(to: &mut dyn Write, matrices: &Matrices, format: Format) -> io::Result<()> {
    crate::each!(matrices, a => write_rows(to, a, delimiter(format)))
}

fn write_rows<T: Scalar>(to: &mut dyn Write, a: &OwnedStack<T>, delimiter: u8) -> io::Result<()> {
    let [.., rows, cols] = a.shape() else { unreachable!("a stack has two axes at least") };
    if rows * cols == 0 {
        return Ok(());
    }
    for (m, matrix) in a.as_slice().chunks_exact(rows * cols).enumerate() {
        if m > 0 {
            writeln!(to)?;
        }
        let mut lines = WriterBuilder::new().delimiter(delimiter).from_writer(&mut *to);
        for row in matrix.chunks_exact(*cols) {
            lines.write_record(row.iter().map(|&x| number(x)))?;
        }
        lines.flush()?;
    }
    Ok(())
}

/// In double precision, in which it will be read: so a float32 reads back exactly, too.
fn number<T: Scalar>(x: T) -> String {
    let (re, im) = (x.re().to_f64(), x.im().to_f64());
    if !T::COMPLEX {
        return digits(re);
    }
    let sign = if im.is_sign_negative() && !im.is_nan() { '-' } else { '+' };
    format!("{}{sign}{}j", digits(re), digits(im.abs()))
}
