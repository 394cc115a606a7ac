//! Matrix Market (`.mtx`), the text format of the collections of sparse matrices.
//!
//! Coordinate and array; real (also `double`), complex, integer (also `unsigned-integer`) and
//! pattern; general, symmetric, skew-symmetric and Hermitian; the banner in either case. The matrix
//! becomes a full one: real, integers and patterns float64, complex ones complex128. Entries that
//! are given twice are summed, as in SciPy. Comments and blank lines may stand anywhere after the
//! banner.
//!
//! The rules of the format's authors hold (Boisvert, Pozo and Remington, The Matrix Market Exchange
//! Formats, NISTIR 5935). What contradicts itself is refused, where SciPy guesses: a symmetric matrix with
//! entries on both sides of the diagonal, a skew-symmetric one with a diagonal, a Hermitian one
//! whose diagonal is not real.
//!
//! Written matrices are `array real general` or `array complex general`, each number with the fewest
//! digits that read back exactly.

use crate::error::{Cause, Fault, Place};
use crate::matrices::{Dtype, Matrices};
use crate::payload::Span;
use crate::source::Info;
use crate::text::{digits, real};
use crate::{each, memory, numbers};
use ainv::{OwnedStack, RealScalar, Scalar, c64};
use std::io::{self, BufRead, BufReader, Read, Write};

/// Bytes of a line.
const LONGEST: u64 = 1 << 20;

const BANNER: &str = "%%MatrixMarket matrix coordinate|array real|complex|integer|pattern \
                      general|symmetric|skew-symmetric|hermitian";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Coordinate,
    Array,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Real,
    Complex,
    Integer,
    Pattern,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
    Hermitian,
}

struct Header {
    layout: Layout,
    field: Field,
    symmetry: Symmetry,
    rows: usize,
    cols: usize,
    /// Lines with an entry.
    entries: usize,
    /// As the banner has it.
    stored: String,
}

/// What the file says of itself.
pub(crate) fn describe(text: Span) -> Result<Info, Fault> {
    let bytes = text.len();
    let header = Lines::new(text).header()?;
    let count = if header.layout == Layout::Coordinate {
        header.entries.to_string() + " entries, "
    } else {
        String::new()
    };
    Ok(Info {
        name: None,
        stored: format!("{count}{}", header.stored),
        dtype: header.dtype(),
        shape: vec![header.rows, header.cols],
        is_column: false,
        bytes,
    })
}

pub(crate) fn read(text: Span, info: &Info, limit: u64) -> Result<Matrices, Fault> {
    let mut lines = Lines::new(text);
    let header = lines.header()?;
    if info.shape != [header.rows, header.cols] || info.dtype != header.dtype() {
        return Err(Fault::changed(Place::Header));
    }
    memory::within(header.rows * header.cols, info.dtype.size(), limit)?;
    if header.field == Field::Complex {
        Ok(header.stack(&mut lines, c64::new)?.into())
    } else {
        Ok(header.stack(&mut lines, |re, _| re)?.into())
    }
}

/// The lines of a text that hold something, one after the other.
struct Lines {
    read: BufReader<Span>,
    line: Vec<u8>,
    number: usize,
    /// Bytes of the file that are not read yet.
    left: u64,
}

impl Lines {
    fn new(text: Span) -> Lines {
        let left = text.len();
        Lines { read: BufReader::with_capacity(1 << 16, text), line: Vec::new(), number: 0, left }
    }

    fn here(&self) -> Place {
        Place::Line(self.number)
    }

    /// The next line; whether there is one.
    fn any(&mut self) -> Result<bool, Fault> {
        self.line.clear();
        self.number += 1;
        let mut rest = (&mut self.read).take(LONGEST);
        let length = rest.read_until(b'\n', &mut self.line);
        let length = length.map_err(|error| Fault::new(self.here(), Cause::System(error)))? as u64;
        self.left = self.left.saturating_sub(length);
        if length == LONGEST && !self.line.ends_with(b"\n") {
            let what = format!("longer than {LONGEST} bytes");
            return Err(Fault::damaged(self.here(), what));
        }
        Ok(length > 0)
    }

    /// The next line that is neither blank nor a comment; whether there is one.
    fn next(&mut self) -> Result<bool, Fault> {
        while self.any()? {
            if !self.line.starts_with(b"%") && !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The fields of the line, which are to be `N`.
    fn fields<const N: usize>(&self) -> Result<[&str; N], Fault> {
        let text = str::from_utf8(&self.line);
        let text = text.map_err(|_| Fault::damaged(self.here(), "not plain text"))?;
        let mut fields = text.split_ascii_whitespace();
        let mut all = [""; N];
        let mut count = 0;
        for field in &mut fields {
            if let Some(place) = all.get_mut(count) {
                *place = field;
            }
            count += 1;
        }
        if count == N {
            return Ok(all);
        }
        let what = format!("{count} numbers, where {N} belong");
        Err(Fault::damaged(self.here(), what))
    }

    fn whole(&self, text: &str, field: usize) -> Result<usize, Fault> {
        text.parse().map_err(|_| {
            let short: String = text.chars().take(40).collect();
            let what = format!("{short:?} is not a whole number that fits the address space");
            Fault::damaged(Place::Field(self.number, field), what)
        })
    }

    fn header(&mut self) -> Result<Header, Fault> {
        self.any()?;
        let banner = String::from_utf8_lossy(&self.line).to_ascii_lowercase();
        let words: Vec<_> = banner.split_ascii_whitespace().collect();
        let ["%%matrixmarket", object, layout, field, symmetry] = words[..] else {
            let what = format!("not a Matrix Market file (it does not begin with {BANNER})");
            return Err(Fault::damaged(self.here(), what));
        };
        let unknown = |word: &str| {
            let short: String = word.chars().take(40).collect();
            let what = format!("the banner's word {short:?} is unknown here (known: {BANNER})");
            Fault::unsupported(Place::Line(1), what)
        };
        if object != "matrix" {
            return Err(unknown(object));
        }
        let stored = format!("{layout} {field} {symmetry}");
        let layout = match layout {
            "coordinate" => Layout::Coordinate,
            "array" => Layout::Array,
            other => return Err(unknown(other)),
        };
        let field = match field {
            "real" | "double" => Field::Real,
            "complex" => Field::Complex,
            "integer" | "unsigned-integer" => Field::Integer,
            "pattern" => Field::Pattern,
            other => return Err(unknown(other)),
        };
        let symmetry = match symmetry {
            "general" => Symmetry::General,
            "symmetric" => Symmetry::Symmetric,
            "skew-symmetric" => Symmetry::Skew,
            "hermitian" => Symmetry::Hermitian,
            other => return Err(unknown(other)),
        };
        let contradicts = match (layout, field, symmetry) {
            (Layout::Array, Field::Pattern, _) | (_, Field::Pattern, Symmetry::Skew) => true,
            (_, field, Symmetry::Hermitian) => field != Field::Complex,
            _ => false,
        };
        if contradicts {
            let what = format!("no matrix is {stored}: the format does not have it");
            return Err(Fault::damaged(self.here(), what));
        }
        self.size(layout, field, symmetry, stored)
    }

    /// The line of sizes, held against what the file's length allows.
    fn size(
        &mut self,
        layout: Layout,
        field: Field,
        symmetry: Symmetry,
        stored: String,
    ) -> Result<Header, Fault> {
        if !self.next()? {
            return Err(Fault::damaged(self.here(), "the file ends before the line of sizes"));
        }
        let (rows, cols, declared) = if layout == Layout::Coordinate {
            let [rows, cols, entries] = self.fields()?;
            (self.whole(rows, 1)?, self.whole(cols, 2)?, Some(self.whole(entries, 3)?))
        } else {
            let [rows, cols] = self.fields()?;
            (self.whole(rows, 1)?, self.whole(cols, 2)?, None)
        };
        if symmetry != Symmetry::General && rows != cols {
            let what = format!("{rows} x {cols} is not square, so the matrix is not {stored}");
            return Err(Fault::damaged(self.here(), what));
        }
        let Some(all) = numbers::count(&[rows, cols]) else {
            let what = format!("the size of {rows} x {cols} overflows");
            return Err(Fault::damaged(self.here(), what));
        };
        let entries = declared.unwrap_or(match symmetry {
            Symmetry::General => all,
            Symmetry::Skew => (all - rows) / 2,
            Symmetry::Symmetric | Symmetry::Hermitian => (all + rows) / 2,
        });
        let header = Header { layout, field, symmetry, rows, cols, entries, stored };
        // Each field is one character at least, and one between it and the next.
        let least = (entries as u64).saturating_mul(2 * header.fields()).saturating_sub(1);
        if least > self.left {
            let what = format!(
                "the file ends too early: {entries} entries take {least} bytes at least, {} follow",
                self.left
            );
            return Err(Fault::damaged(self.here(), what));
        }
        Ok(header)
    }
}

impl Header {
    fn dtype(&self) -> Dtype {
        if self.field == Field::Complex { Dtype::C64 } else { Dtype::F64 }
    }

    /// Fields of an entry's line.
    fn fields(&self) -> u64 {
        let indices = if self.layout == Layout::Coordinate { 2 } else { 0 };
        indices
            + match self.field {
                Field::Pattern => 0,
                Field::Real | Field::Integer => 1,
                Field::Complex => 2,
            }
    }

    /// The full matrix.
    fn stack<T: Scalar>(
        &self,
        lines: &mut Lines,
        make: impl Fn(f64, f64) -> T,
    ) -> Result<OwnedStack<T>, Fault> {
        let mut matrix = Matrix {
            entries: memory::zeros(self.rows * self.cols)?,
            header: self,
            sides: [false; 2],
        };
        match self.layout {
            Layout::Coordinate => matrix.coordinates(lines, make)?,
            Layout::Array => matrix.array(lines, make)?,
        }
        if lines.next()? {
            let what = format!("more than the {} entries that the header declares", self.entries);
            return Err(Fault::damaged(lines.here(), what));
        }
        OwnedStack::from_vec(matrix.entries, &[self.rows, self.cols])
            .map_err(|error| Fault::damaged(Place::File, error.to_string()))
    }

    /// The value that begins at a field of the line, counted from 0.
    fn value(&self, lines: &Lines, fields: &[&str], first: usize) -> Result<(f64, f64), Fault> {
        let number = |at: usize| {
            let text = fields[at];
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            let is_whole = digits.bytes().all(|b| b.is_ascii_digit());
            let number = match self.field {
                Field::Integer if !is_whole => Err(format!("{text:?} is not an integer")),
                _ => real(text, text),
            };
            let place = Place::Field(lines.number, at + 1);
            number.map_err(|what| Fault::damaged(place, what))
        };
        match self.field {
            Field::Pattern => Ok((1.0, 0.0)),
            Field::Real | Field::Integer => Ok((number(first)?, 0.0)),
            Field::Complex => Ok((number(first)?, number(first + 1)?)),
        }
    }
}

/// The matrix while it is filled.
struct Matrix<'a, T> {
    header: &'a Header,
    entries: Vec<T>,
    /// Whether there were entries below the diagonal, and above it.
    sides: [bool; 2],
}

impl<T: Scalar> Matrix<'_, T> {
    fn coordinates(
        &mut self,
        lines: &mut Lines,
        make: impl Fn(f64, f64) -> T,
    ) -> Result<(), Fault> {
        let header = self.header;
        for done in 0..header.entries {
            next(lines, done, header)?;
            let (row, col, (re, im)) = match header.field {
                Field::Pattern => entry::<2>(lines, header)?,
                Field::Real | Field::Integer => entry::<3>(lines, header)?,
                Field::Complex => entry::<4>(lines, header)?,
            };
            self.add(lines, row, col, make(re, im))?;
        }
        Ok(())
    }

    /// Column by column, of a symmetric matrix from the diagonal down.
    fn array(&mut self, lines: &mut Lines, make: impl Fn(f64, f64) -> T) -> Result<(), Fault> {
        let header = self.header;
        let mut done = 0;
        for col in 0..header.cols {
            let first = match header.symmetry {
                Symmetry::General => 0,
                Symmetry::Skew => col + 1,
                Symmetry::Symmetric | Symmetry::Hermitian => col,
            };
            for row in first..header.rows {
                next(lines, done, header)?;
                let (re, im) = if header.field == Field::Complex {
                    header.value(lines, &lines.fields::<2>()?, 0)?
                } else {
                    header.value(lines, &lines.fields::<1>()?, 0)?
                };
                self.add(lines, row, col, make(re, im))?;
                done += 1;
            }
        }
        Ok(())
    }

    /// Adds the number to an entry, and what it means for the mirrored one.
    fn add(&mut self, lines: &Lines, row: usize, col: usize, x: T) -> Result<(), Fault> {
        let Header { symmetry, rows, cols, .. } = *self.header;
        let damaged = |what: &str| Err(Fault::damaged(lines.here(), what));
        let place = row * cols + col;
        self.entries[place] = self.entries[place] + x;
        if symmetry == Symmetry::General {
            return Ok(());
        }
        if row == col {
            return match symmetry {
                Symmetry::Skew if x != T::default() => {
                    damaged("the diagonal of a skew-symmetric matrix is zero")
                }
                Symmetry::Hermitian if x.im().to_f64() != 0.0 => {
                    damaged("the diagonal of a hermitian matrix is real")
                }
                _ => Ok(()),
            };
        }
        self.sides[usize::from(row < col)] = true;
        if self.sides == [true; 2] {
            return damaged(
                "entries on both sides of the diagonal, of which the header says that one side \
                 follows from the other",
            );
        }
        let mirrored = match symmetry {
            Symmetry::Skew => -x,
            Symmetry::Hermitian => x.conj(),
            Symmetry::General | Symmetry::Symmetric => x,
        };
        let place = col * rows + row;
        self.entries[place] = self.entries[place] + mirrored;
        Ok(())
    }
}

/// Goes to the line of the next entry.
fn next(lines: &mut Lines, done: usize, header: &Header) -> Result<(), Fault> {
    if lines.next()? {
        return Ok(());
    }
    let what = format!("the file ends after {done} of {} entries", header.entries);
    Err(Fault::damaged(lines.here(), what))
}

/// Row and column, counted from 0, and the number.
fn entry<const N: usize>(
    lines: &Lines,
    header: &Header,
) -> Result<(usize, usize, (f64, f64)), Fault> {
    let fields = lines.fields::<N>()?;
    let index = |at: usize, name: &str, length: usize| {
        let index = lines.whole(fields[at], at + 1)?;
        if (1..=length).contains(&index) {
            return Ok(index - 1);
        }
        let what = format!("{name} {index} of a matrix with {length}, counted from 1");
        Err(Fault::damaged(Place::Field(lines.number, at + 1), what))
    };
    let (row, col) = (index(0, "row", header.rows)?, index(1, "column", header.cols)?);
    Ok((row, col, header.value(lines, &fields, 2)?))
}

/// Writes one matrix.
pub(crate) fn write(to: &mut dyn Write, matrix: &Matrices) -> io::Result<()> {
    let field = if matrix.dtype().is_complex() { "complex" } else { "real" };
    writeln!(to, "%%MatrixMarket matrix array {field} general")?;
    each!(matrix, a => columns(to, a))
}

fn columns<T: Scalar>(to: &mut dyn Write, a: &OwnedStack<T>) -> io::Result<()> {
    let [.., rows, cols] = *a.shape() else { unreachable!("a stack has two axes at least") };
    writeln!(to, "{rows} {cols}")?;
    for j in 0..cols {
        for i in 0..rows {
            let x = a.as_slice()[i * cols + j];
            let re = digits(x.re().to_f64());
            if T::COMPLEX {
                writeln!(to, "{re} {}", digits(x.im().to_f64()))?;
            } else {
                writeln!(to, "{re}")?;
            }
        }
    }
    Ok(())
}
