//! What each command does, from the file to the exit code.

use crate::args::Operation;
use crate::failure::Failure;
use crate::report::{self, Report};
use crate::work::{self, Work};
use crate::{DONE, NOT_INVERTED};
use ainv_io::{Dtype, Format, Matrices, Source, table};
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

/// Numbers that are still printed; more are worth a file.
const PRINTED: usize = 2000;

/// Reads, computes, writes, and tells.
pub(crate) fn compute(operation: &Operation) -> Result<i32, Failure> {
    let files = operation.files();
    if let Some(threads) = files.threads {
        ainv::set_num_threads(threads)?;
    }
    if let Some(output) = &files.output {
        Format::of(output)?;
    }
    let start = Instant::now();
    let (a, b) = operands(operation)?;
    let read = start.elapsed();
    let shape = a.shape().to_vec();
    let result = work::result_shape(operation, &shape, b.as_ref().map(Matrices::shape));
    fits(files.output.as_deref(), &result)?;

    let work = run(operation, &a, b.as_ref())?;
    let failed = work.status.iter().filter(|s| !s.is_ok()).count();
    let raised = failed > 0 && operation.on_singular() == ainv::OnSingular::Raise;
    let start = Instant::now();
    if let Some(output) = files.output.as_deref().filter(|_| !raised) {
        ainv_io::write(output, &work.result)?;
    }
    let wrote = start.elapsed();

    let report = Report { operation, shape, work: &work, failed, raised, read, wrote };
    if files.json {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", report.json())?;
        stdout.flush()?;
        return Ok(if failed > 0 { NOT_INVERTED } else { DONE });
    }
    if raised {
        return Err(Failure::Matrices(report.refusal()));
    }
    if files.output.is_none() {
        let mut stdout = io::stdout().lock();
        table::write(&mut stdout, &work.result, Format::Csv)?;
        stdout.flush()?;
    }
    // The work is done, whether or not anyone reads about it.
    let _ = write!(io::stderr().lock(), "{report}");
    Ok(if failed > 0 { NOT_INVERTED } else { DONE })
}

/// The matrices, and for `solve` the right-hand sides in the same scalar.
fn operands(operation: &Operation) -> Result<(Matrices, Option<Matrices>), Failure> {
    let files = operation.files();
    let a = ainv_io::read(&files.input)?;
    let b = match operation {
        Operation::Solve { b, .. } => Some(ainv_io::read(b)?),
        _ => None,
    };
    let own = b.as_ref().map_or(a.dtype(), |b| common(a.dtype(), b.dtype()));
    let dtype = files.dtype.map_or(own, |dtype| dtype.0);
    Ok((a.cast(dtype)?, b.map(|b| b.cast(dtype)).transpose()?))
}

/// The smallest scalar that holds both.
fn common(a: Dtype, b: Dtype) -> Dtype {
    let double = [a, b].iter().any(|d| matches!(d, Dtype::F64 | Dtype::C64));
    match (a.is_complex() || b.is_complex(), double) {
        (false, false) => Dtype::F32,
        (false, true) => Dtype::F64,
        (true, false) => Dtype::C32,
        (true, true) => Dtype::C64,
    }
}

/// Whether the result can go where it is to go; asked before the work.
fn fits(output: Option<&Path>, shape: &[usize]) -> Result<(), Failure> {
    let Some(output) = output else {
        let count = shape.iter().fold(1usize, |p, &n| p.saturating_mul(n));
        if count <= PRINTED {
            return Ok(());
        }
        return Err(Failure::Usage(format!(
            "the result has {count} numbers, too many to print (at most {PRINTED}); give it a file: \
             -o result.npy"
        )));
    };
    let matrices: usize = shape[..shape.len() - 2].iter().product();
    if matrices != 1 && !Format::of(output)?.holds_stacks() {
        return Err(Failure::Usage(format!(
            "{} can hold one matrix, the result has {matrices}; give it a .npy file: -o {}",
            output.display(),
            output.with_extension("npy").display()
        )));
    }
    Ok(())
}

fn run(operation: &Operation, a: &Matrices, b: Option<&Matrices>) -> Result<Work, ainv::Error> {
    macro_rules! run {
        ($($variant:ident),*) => {
            match (a, b) {
                $(
                    (Matrices::$variant(a), None) => work::run(operation, a, None),
                    (Matrices::$variant(a), Some(Matrices::$variant(b))) => {
                        work::run(operation, a, Some(b))
                    }
                )*
                _ => unreachable!("both were cast to one scalar"),
            }
        };
    }
    run!(F32, F64, C32, C64)
}

/// Tells what a file holds.
pub(crate) fn info(file: &Path) -> Result<i32, Failure> {
    let source = Source::open(file, None)?;
    let mut out = io::stdout().lock();
    writeln!(out, "file     {}", file.display())?;
    for info in source.arrays() {
        if let Some(name) = &info.name {
            writeln!(out, "array    {name}")?;
        }
        writeln!(out, "holds    {}", report::matrices(info.dtype.name(), &info.shape))?;
        writeln!(out, "shape    {}", report::tuple(&info.shape))?;
        writeln!(out, "stored   {}", info.stored)?;
    }
    if let Some(bytes) = source.bytes() {
        writeln!(out, "size     {bytes} bytes")?;
    }
    out.flush()?;
    Ok(DONE)
}

/// Tells what would be used.
pub(crate) fn config() -> Result<i32, Failure> {
    let names: Vec<_> =
        ainv::available_instruction_sets().iter().map(ToString::to_string).collect();
    let used = ainv::instruction_set()?;
    let mut out = io::stdout().lock();
    writeln!(out, "ainv             {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "instruction set  {used} (of {}; AINV_ISA forces one)", names.join(", "))?;
    writeln!(out, "threads          {} (AINV_NUM_THREADS sets them)", ainv::num_threads())?;
    out.flush()?;
    Ok(DONE)
}
