//! What is read: the matrices, and for `solve` their right-hand sides.

use crate::failure::Failure;
use crate::targets::is_pipe;
use crate::words::{Plain, tuple};
use ainv_io::{Format, Info, Matrices, Source};
use std::io;
use std::ops::Range;
use std::path::Path;

/// A file's name, for people.
pub(crate) fn display(path: &Path) -> String {
    if is_pipe(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Opens a file; `format` is that of standard input and of files whose ending tells none.
pub(crate) fn open(path: &Path, format: Option<Format>) -> Result<Source, Failure> {
    if !is_pipe(path) {
        return Ok(Source::open(path, format.filter(|_| Format::of(path).is_err()))?);
    }
    let Some(format) = format else {
        return Err(Failure::Usage(
            "standard input has no ending that tells its format; add --format npy, or another"
                .to_owned(),
        ));
    };
    Ok(Source::from_reader(io::stdin(), &display(path), format)?)
}

/// The arrays of those names, or all.
pub(crate) fn select(
    arrays: &[Info],
    names: &[String],
    input: &str,
) -> Result<Vec<usize>, Failure> {
    if names.is_empty() {
        return Ok((0..arrays.len()).collect());
    }
    for wanted in names {
        if !arrays.iter().any(|info| info.name.as_ref() == Some(wanted)) {
            let there: Vec<_> = arrays.iter().filter_map(|info| info.name.as_deref()).collect();
            let there = match there.as_slice() {
                [] => "its one array has no name; leave --array out".to_owned(),
                names => format!("it has {}", Plain(&names.join(", "))),
            };
            return Err(Failure::Usage(format!("{input}: no array is called {wanted}; {there}")));
        }
    }
    let wanted = |&i: &usize| arrays[i].name.as_ref().is_some_and(|name| names.contains(name));
    Ok((0..arrays.len()).filter(wanted).collect())
}

/// The right-hand sides of `solve`.
pub(crate) struct Rhs {
    source: Source,
    name: String,
    /// An array that serves all matrices, once it was read.
    shared: Option<(usize, Matrices)>,
}

/// The right-hand sides of one array.
pub(crate) struct About<'a> {
    pub(crate) index: usize,
    pub(crate) info: &'a Info,
    pub(crate) cols: usize,
    /// Whether one set serves all matrices.
    pub(crate) is_shared: bool,
    pub(crate) streams: bool,
}

impl Rhs {
    pub(crate) fn open(path: &Path, format: Option<Format>) -> Result<Rhs, Failure> {
        Ok(Rhs { source: open(path, format)?, name: display(path), shared: None })
    }

    /// Which right-hand sides are those of the array `a`: the only ones, or those of its name.
    pub(crate) fn about(&self, a: &Info, place: &str) -> Result<About<'_>, Failure> {
        let arrays = self.source.arrays();
        let index = match arrays {
            [_] => 0,
            several => several.iter().position(|b| b.name == a.name).ok_or_else(|| {
                Failure::Usage(format!(
                    "{}: one of its {} arrays must have the name of the matrices it belongs to \
                     ({place})",
                    self.name,
                    several.len()
                ))
            })?,
        };
        let info = &arrays[index];
        let (lead_a, lead_b) = (&a.shape[..a.shape.len() - 2], &info.shape[..info.shape.len() - 2]);
        let is_shared = info.matrices() == 1;
        if !is_shared && lead_a != lead_b {
            return Err(Failure::Usage(format!(
                "{place}: a stack {} of matrices, but {} of right-hand sides in {}; they must be \
                 equal, or one set for all",
                tuple(lead_a),
                tuple(lead_b),
                self.name
            )));
        }
        let cols = info.shape[info.shape.len() - 1];
        Ok(About { index, info, cols, is_shared, streams: self.source.streams(index) })
    }

    /// Those of the matrices of a range.
    pub(crate) fn read(
        &mut self,
        index: usize,
        range: Range<usize>,
        limit: u64,
    ) -> Result<Matrices, Failure> {
        if self.source.arrays()[index].matrices() != 1 {
            return Ok(self.source.read_range(index, range, limit)?);
        }
        match &self.shared {
            Some((held, b)) if *held == index => Ok(b.clone()),
            _ => {
                let b = self.source.read_range(index, 0..1, limit)?;
                self.shared = Some((index, b.clone()));
                Ok(b)
            }
        }
    }
}
