//! What there is: in files, and in this machine.

use crate::failure::Failure;
use crate::memory::human;
use crate::operands::{display, open};
use crate::words::{Plain, matrices, tuple};
use crate::{DONE, json, summary, targets};
use ainv_io::{Format, Source};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Tells what files hold.
pub(crate) fn files(
    inputs: &[PathBuf],
    format: Option<Format>,
    json: bool,
) -> Result<i32, Failure> {
    let mut code = DONE;
    for (i, input) in targets::expand(inputs)?.iter().enumerate() {
        let mut out = io::stdout().lock();
        match open(input, format) {
            Ok(source) if json => writeln!(out, "{}", json::info(input, &source))?,
            Ok(source) => {
                if i > 0 {
                    writeln!(out)?;
                }
                file(&mut out, input, &source)?;
            }
            Err(failure) => {
                if json {
                    writeln!(out, "{}", json::failure("info", input, &failure.to_string()))?;
                }
                out.flush()?;
                code = code.max(failure.code());
                summary::complain(&failure);
            }
        }
        out.flush()?;
    }
    Ok(code)
}

fn file(out: &mut impl Write, input: &Path, source: &Source) -> io::Result<()> {
    write!(out, "{} (.{}", Plain(&display(input)), source.format())?;
    match source.bytes() {
        Some(bytes) => writeln!(out, ", {})", human(bytes))?,
        None => writeln!(out, ")")?,
    }
    let arrays = source.arrays();
    let name = |name: &Option<String>| Plain(name.as_deref().unwrap_or_default()).to_string();
    let widest = arrays.iter().map(|a| name(&a.name).chars().count()).max().unwrap_or(0);
    for info in arrays {
        if widest > 0 {
            write!(out, "  {:widest$}", name(&info.name))?;
        }
        writeln!(
            out,
            "  {}, shape {}, stored as {}",
            matrices(info.dtype.name(), &info.shape),
            tuple(&info.shape),
            info.stored
        )?;
    }
    for other in source.passed_over() {
        writeln!(out, "  {}  passed over: {}", Plain(&other.name), other.why)?;
    }
    Ok(())
}

/// Tells what would be used.
pub(crate) fn config() -> Result<i32, Failure> {
    let names: Vec<_> =
        ainv::available_instruction_sets().iter().map(ToString::to_string).collect();
    let used = ainv::instruction_set().map_err(|error| Failure::Usage(error.to_string()))?;
    let memory = ainv_io::available_memory();
    let mut out = io::stdout().lock();
    writeln!(out, "ainv             {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "instruction set  {used} (of {}; AINV_ISA forces one)", names.join(", "))?;
    writeln!(out, "threads          {} (AINV_NUM_THREADS sets them)", ainv::num_threads())?;
    writeln!(
        out,
        "memory           {} for matrices, half of what is available (--max-memory sets it)",
        human(memory / 2)
    )?;
    out.flush()?;
    Ok(DONE)
}
