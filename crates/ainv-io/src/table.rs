//! Text: one matrix, a row a line, commas (`.csv`) or tabs (`.tsv`) between the numbers.
//!
//! Numbers as Rust and Python write them (`1`, `-2.5e-3`, `nan`, `inf`), complex ones as `1+2j`;
//! one complex number makes the matrix complex. Spaces, double quotes and parentheses around a
//! number are understood. No header, no comments, and no blank line but at the end: a file that two
//! programs could read in two ways is refused. Written numbers have the fewest digits (17 at most)
//! that read back exactly.

use crate::error::{Cause, Fault, Place};
use crate::matrices::Matrices;
use ainv::{OwnedStack, RealScalar, Scalar, c64};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Terminator, Trim, WriterBuilder};
use std::io::{self, Read, Write};

pub(crate) fn read(file: impl Read, delimiter: u8, limit: u64) -> Result<Matrices, Fault> {
    // A quote that nothing closes swallows no lines: numbers need none, and lose them in `parse`.
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .quoting(false)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::Fields)
        // So that every line has an end to be counted by.
        .from_reader(file.chain(&b"\n"[..]));
    let mut re: Vec<f64> = Vec::new();
    // As long as the last complex number reaches.
    let mut im: Vec<f64> = Vec::new();
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
            let (x, imaginary) =
                parse(field).map_err(|what| Fault::damaged(Place::Field(line, i + 1), what))?;
            if let Some(y) = imaginary {
                im.resize(re.len(), 0.0);
                im.push(y);
            }
            re.push(x);
        }
        let fields = record.len();
        if rows > 0 && fields != cols {
            let what = format!("{fields} numbers, the lines before have {cols}");
            return Err(Fault::damaged(Place::Line(line), what));
        }
        cols = fields;
        rows += 1;
        let bytes = (re.len() as u64 + im.len() as u64) * 8;
        if bytes > limit {
            return Err(Fault(Place::Line(line), Cause::Memory { bytes }));
        }
    }
    if rows == 0 {
        return Err(Fault::damaged(Place::File, "no numbers in it"));
    }
    let shape = [rows, cols];
    let whole = |error: ainv::Error| Fault::damaged(Place::File, error.to_string());
    if im.is_empty() {
        return Ok(OwnedStack::from_vec(re, &shape).map_err(whole)?.into());
    }
    im.resize(re.len(), 0.0);
    let both = re.into_iter().zip(im).map(|(re, im)| c64::new(re, im)).collect();
    Ok(OwnedStack::from_vec(both, &shape).map_err(whole)?.into())
}

fn fault(error: csv::Error) -> Fault {
    match error.kind() {
        ErrorKind::Utf8 { pos: Some(at), .. } => {
            Fault::damaged(Place::Line(at.line() as usize), "not UTF-8 text")
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

fn real(text: &str, field: &str) -> Result<f64, String> {
    let shown: String = field.chars().take(40).collect();
    match text.parse::<f64>() {
        // A number of digits alone that became infinite would be another number.
        Ok(x) if x.is_infinite() && !text.contains(['n', 'N']) => {
            Err(format!("{shown:?} is too large for float64"))
        }
        Ok(x) => Ok(x),
        Err(_) if shown.is_empty() => Err("a number is missing".to_owned()),
        Err(_) => Err(format!("{shown:?} is not a number")),
    }
}

/// Writes the matrices as lines of text, a blank line between two matrices.
///
/// # Errors
/// Those of `to`.
pub fn write(to: &mut dyn Write, matrices: &Matrices, delimiter: u8) -> io::Result<()> {
    crate::each!(matrices, a => rows(to, a, delimiter))
}

fn rows<T: Scalar>(to: &mut dyn Write, a: &OwnedStack<T>, delimiter: u8) -> io::Result<()> {
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

/// The fewest digits that read back exactly, with an exponent where it is shorter; `nan`.
fn digits(x: f64) -> String {
    format!("{x:?}").to_ascii_lowercase()
}
