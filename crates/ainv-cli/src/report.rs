//! `ainv report`: each array of each file is read whole, measured by the library, and told.

use crate::args::Report as Asked;
use crate::batch::print_json;
use crate::failure::Failure;
use crate::interrupt::{self, Stoppable};
use crate::memory::human;
use crate::operands::{display, open, select};
use crate::words::Plain;
use crate::{DONE, NOT_INVERTED, json, summary, targets};
use ainv::{MatrixReport, Options, Precision, Report};
use ainv_io::{Info, TextFile, each};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file's reports, each with the name of its array.
type Reports = Vec<(Option<String>, Report)>;

/// Matrices without an inverse.
pub(crate) fn failed(report: &Report) -> usize {
    report.matrices.iter().filter(|of| !of.status.is_ok()).count()
}

pub(crate) fn files(asked: &Asked) -> Result<i32, Failure> {
    asked.common.threads.begin()?;
    let inputs = targets::expand(&asked.inputs)?;
    let page = asked.html.as_deref().map(|to| Page::begin(to, &inputs, asked.json)).transpose()?;
    interrupt::watch();
    let stop = Stoppable::new();
    let mut code = DONE;
    let mut all = Vec::new();
    for input in &inputs {
        match measure(asked, input, &stop).and_then(|reports| {
            tell(asked, input, &reports)?;
            Ok(reports)
        }) {
            Ok(reports) => {
                if reports.iter().any(|(_, report)| failed(report) > 0) {
                    code = code.max(NOT_INVERTED);
                }
                if page.is_some() {
                    all.extend(reports.into_iter().map(|(name, of)| (title(input, &name), of)));
                }
            }
            Err(failure) if failure.ends_all() => return Err(failure),
            Err(failure) => {
                code = code.max(failure.code());
                if asked.json {
                    print_json(&json::failure("report", input, &failure.to_string()))?;
                }
                summary::complain(&failure);
            }
        }
    }
    match page {
        // Of half of the files there is no page.
        Some(page) if code <= NOT_INVERTED => page.finish(&all)?,
        _ => {}
    }
    Ok(code)
}

fn title(input: &Path, name: &Option<String>) -> String {
    match name {
        Some(name) => format!("{}, array {}", Plain(&display(input)), Plain(name)),
        None => Plain(&display(input)).to_string(),
    }
}

fn measure(asked: &Asked, input: &Path, stop: &Stoppable) -> Result<Reports, Failure> {
    let name = display(input);
    let mut source = stop.waiting(|| open(input, asked.common.format))?;
    let limit = asked.common.memory();
    let options = Options {
        assume: asked.assume.to_ainv(),
        // A float32 matrix is computed in double, as NumPy does, and as ainv inv does.
        precision: Precision::Double,
        cancel: Some(stop.cancel().clone()),
        ..Options::default()
    };
    let mut reports = Vec::new();
    for index in select(source.arrays(), &asked.common.arrays, &name)? {
        let info = source.arrays()[index].clone();
        let place = title(input, &info.name);
        check(asked, &info, &place, limit)?;
        let a = match source.bytes() {
            None => stop.waiting(|| source.read(index, limit))?,
            Some(_) => source.read(index, limit)?,
        };
        let dtype = asked.dtype.map_or(a.dtype(), |dtype| dtype.0);
        let a = a.cast(dtype).map_err(|error| Failure::of(error, &place))?;
        let report = each!(&a, a => ainv::report(a.view(), None, &options));
        reports.push((info.name, report.map_err(|error| Failure::of(error, &place))?));
    }
    Ok(reports)
}

/// Whether these are square matrices that fit the memory, with all that is made of them.
fn check(asked: &Asked, info: &Info, place: &str, limit: u64) -> Result<(), Failure> {
    let [.., rows, cols] = info.shape[..] else {
        unreachable!("an array of matrices has two axes at least")
    };
    if rows != cols {
        return Err(Failure::Usage(format!(
            "{place}: report takes square matrices, and these are {rows} x {cols}; they have \
             pseudo-inverses: ainv pinv"
        )));
    }
    let (count, matrix) = (info.matrices() as u64, (rows as u64).saturating_mul(cols as u64));
    let dtype = asked.dtype.map_or(info.dtype, |dtype| dtype.0);
    let converted = if dtype == info.dtype { 0 } else { dtype.size() };
    let stored = matrix.saturating_mul((info.dtype.size() + converted) as u64);
    let each = stored.saturating_add(size_of::<MatrixReport>() as u64);
    // The library works on some matrices at a time, in double: at most six copies of them.
    let double = if dtype.is_complex() { 16 } else { 8 };
    let work = matrix.saturating_mul(6 * double).saturating_add(64 << 20);
    let needed = count.saturating_mul(each).saturating_add(work);
    if needed <= limit {
        return Ok(());
    }
    Err(Failure::Memory(format!(
        "{place}: a report needs {} of memory, the limit is {}; raise it: --max-memory {}M, or report \
         on a part",
        human(needed),
        human(limit),
        needed.div_ceil(1 << 20),
    )))
}

fn tell(asked: &Asked, input: &Path, reports: &Reports) -> Result<(), Failure> {
    if asked.json {
        return print_json(&json::report(input, asked.html.as_deref(), reports));
    }
    if asked.html.as_deref().is_some_and(targets::is_pipe) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    for (name, report) in reports {
        writeln!(out, "{}: {report}", title(input, name))?;
    }
    Ok(out.flush()?)
}

/// Where the page goes.
enum Page {
    Pipe,
    File(TextFile),
}

impl Page {
    /// Begun before the work: what cannot be written is known at once.
    fn begin(to: &Path, inputs: &[PathBuf], json: bool) -> Result<Page, Failure> {
        if targets::is_pipe(to) {
            return match json {
                true => Err(Failure::Usage(
                    "--json and --html - both want standard output; give the page a file"
                        .to_owned(),
                )),
                false => Ok(Page::Pipe),
            };
        }
        if let Some(input) = inputs.iter().find(|input| targets::same(input, to)) {
            return Err(Failure::Usage(format!(
                "{} would be replaced by the page on it; give the page another name",
                input.display()
            )));
        }
        Ok(Page::File(TextFile::create(to)?))
    }

    fn finish(self, reports: &[(String, Report)]) -> Result<(), Failure> {
        let named: Vec<_> = reports.iter().map(|(name, report)| (name.as_str(), report)).collect();
        let page = ainv::html_page(&named);
        match self {
            Page::File(file) => Ok(file.finish(&page)?),
            Page::Pipe => {
                let mut out = io::stdout().lock();
                out.write_all(page.as_bytes())?;
                Ok(out.flush()?)
            }
        }
    }
}
