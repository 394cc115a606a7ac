//! Where results go: to a file that appears whole or not at all, down a pipe, or to the reader.

use crate::failure::Failure;
use crate::targets::Target;
use ainv::OwnedStack;
use ainv_io::{Declared, Dtype, Format, Matrices, Sink};
use std::io;
use std::path::Path;

/// Numbers that are still printed; more are worth a file.
const PRINTED: usize = 2000;

/// The results of one input while they are made.
pub(crate) struct Output {
    /// Of every array, if results are not written as they come.
    kept: Vec<Kept>,
    /// Where they are written, and how people call that place.
    sink: Option<(Sink, Written)>,
}

/// Where results are in the end.
pub(crate) enum Written {
    /// In memory, to be printed.
    Kept(Vec<Matrices>),
    File(String),
    Pipe,
}

impl Output {
    /// Opens the output; `gathers` if the chunks of an array must be put together first.
    pub(crate) fn open(
        target: &Target,
        input: Format,
        arrays: &[Declared],
        gathers: bool,
    ) -> Result<Output, Failure> {
        let (sink, written) = match target {
            Target::Print => {
                let count = arrays.iter().fold(0usize, |sum, array| {
                    // Empty rows take lines, too.
                    let lines = array.shape.iter().fold(1usize, |p, &n| p.saturating_mul(n.max(1)));
                    sum.saturating_add(lines)
                });
                if count > PRINTED {
                    return Err(Failure::Usage(format!(
                        "the result has {count} numbers, too many to print (at most {PRINTED}); \
                         give it a file: -o result.{}",
                        if arrays.len() == 1 { Format::Npy } else { Format::Npz }
                    )));
                }
                let kept = arrays.iter().map(Kept::new).collect::<Result<_, _>>()?;
                return Ok(Output { kept, sink: None });
            }
            Target::Pipe(format) => {
                let format = format.unwrap_or(input);
                let name = "standard output";
                fits(Path::new(name), format, arrays, |better| format!("--to {better}"))?;
                (Sink::to_writer(io::stdout(), name, format, arrays)?, Written::Pipe)
            }
            Target::File(path, format) => {
                let format = format.map_or_else(|| Format::of(path), Ok)?;
                fits(path, format, arrays, |better| {
                    format!("-o {}", path.with_extension(better.ending()).display())
                })?;
                let written = Written::File(path.display().to_string());
                (Sink::create(path, Some(format), arrays)?, written)
            }
        };
        let kept = if gathers { arrays } else { &[] };
        let kept = kept.iter().map(Kept::new).collect::<Result<_, _>>()?;
        Ok(Output { kept, sink: Some((sink, written)) })
    }

    /// Takes the next matrices of an array; the arrays come in order.
    pub(crate) fn write(&mut self, array: usize, matrices: &Matrices) -> Result<(), Failure> {
        match (self.kept.get_mut(array), &mut self.sink) {
            (Some(kept), _) => kept.append(matrices),
            (None, Some((sink, _))) => sink.write(matrices)?,
            (None, None) => unreachable!("without a sink every array is kept"),
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Written, Failure> {
        let Some((mut sink, written)) = self.sink else {
            return Ok(Written::Kept(self.kept.into_iter().map(|kept| kept.all).collect()));
        };
        for kept in &self.kept {
            sink.write(&kept.all)?;
        }
        sink.finish()?;
        Ok(written)
    }
}

/// Whether a format can hold the results; asked before the work.
fn fits(
    path: &Path,
    format: Format,
    arrays: &[Declared],
    instead: impl Fn(Format) -> String,
) -> Result<(), Failure> {
    let path = path.display();
    if arrays.len() > 1 && !format.holds_several() {
        return Err(Failure::Usage(format!(
            "{path} can hold one array, the result has {}: {}, or choose one with --array",
            arrays.len(),
            instead(Format::Npz)
        )));
    }
    for array in arrays {
        let matrices: usize = array.shape[..array.shape.len() - 2].iter().product();
        if matrices != 1 && !format.holds_stacks() {
            return Err(Failure::Usage(format!(
                "{path} can hold one matrix, the result has {matrices}: {}",
                instead(Format::Npy)
            )));
        }
    }
    Ok(())
}

/// An array that is put together from its chunks.
struct Kept {
    all: Matrices,
    /// Numbers that are there.
    filled: usize,
}

impl Kept {
    fn new(array: &Declared) -> Result<Kept, Failure> {
        let zeros = || -> Result<Matrices, ainv::Error> {
            let shape = &array.shape;
            Ok(match array.dtype {
                Dtype::F32 => OwnedStack::<f32>::zeros(shape)?.into(),
                Dtype::F64 => OwnedStack::<f64>::zeros(shape)?.into(),
                Dtype::C32 => OwnedStack::<ainv::c32>::zeros(shape)?.into(),
                Dtype::C64 => OwnedStack::<ainv::c64>::zeros(shape)?.into(),
            })
        };
        let all = zeros().map_err(|error| Failure::of(error, "the result"))?;
        Ok(Kept { all, filled: 0 })
    }

    fn append(&mut self, part: &Matrices) {
        macro_rules! append {
            ($($variant:ident),*) => {
                match (&mut self.all, part) {
                    $((Matrices::$variant(all), Matrices::$variant(part)) => {
                        let part = part.as_slice();
                        all.as_mut_slice()[self.filled..][..part.len()].copy_from_slice(part);
                        self.filled += part.len();
                    })*
                    _ => unreachable!("chunks have the scalar that was declared"),
                }
            };
        }
        append!(F32, F64, C32, C64);
    }
}
