//! What is said to people, on standard error; in colours on a terminal, unless `NO_COLOR` is set.

use crate::args::Operation;
use crate::job::{Array, Outcome};
use crate::output::Written;
use crate::words::{Plain, matrices, place, rounded, time};
use ainv::{Code, Digits, OnSingular};
use ainv_io::Dtype;
use anstyle::{AnsiColor, Style};
use std::fmt::{self, Display};
use std::io::Write;
use std::time::Duration;

/// Matrices that are named; the others are counted.
const NAMED: usize = 10;

const PLAIN: Style = Style::new();
const TITLE: Style = Style::new().bold();
const LABEL: Style = Style::new().dimmed();
const CARE: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

pub(crate) fn print(what: &impl Display) {
    // The work is done, whether or not anyone reads about it.
    let _ = write!(anstream::stderr().lock(), "{what}");
}

pub(crate) fn complain(what: &impl Display) {
    let lines: Vec<_> = what.to_string().lines().map(|line| Plain(line).to_string()).collect();
    let _ = writeln!(anstream::stderr().lock(), "{BAD}ainv:{BAD:#} {}", lines.join("\n"));
}

/// All of it, of one file.
pub(crate) struct Summary<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) outcome: &'a Outcome,
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { operation, outcome } = *self;
        for array in &outcome.arrays {
            self.array(array, f)?;
        }
        if outcome.failed > 0 {
            write!(f, "{}", Bad { operation, outcome })?;
        }
        line(f, "time", PLAIN, self.times())?;
        match &outcome.written {
            Some(Written::File(path)) => {
                line(f, "result", PLAIN, format_args!("in {}", Plain(path)))
            }
            Some(Written::Pipe) => line(f, "result", PLAIN, "on standard output"),
            Some(Written::Kept(_)) | None => Ok(()),
        }
    }
}

/// A label and what it is of, in a column of their own.
fn line(f: &mut fmt::Formatter<'_>, label: &str, style: Style, what: impl Display) -> fmt::Result {
    writeln!(f, "  {LABEL}{label:<10}{LABEL:#} {style}{what}{style:#}")
}

impl Summary<'_> {
    fn array(&self, array: &Array, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = array.count();
        let what = matrices(array.dtype.name(), &array.shape);
        let name = array.name.as_ref().map(|name| format!(" {}", Plain(name))).unwrap_or_default();
        writeln!(
            f,
            "{TITLE}{}{name}{TITLE:#}: {} of {what}",
            Plain(&self.outcome.input),
            self.operation.name()
        )?;
        if let Some(structure) = array.check.structure {
            match structure.sample {
                Some(sample) if sample < count => {
                    let what = format_args!("{structure} (in {sample} of them)");
                    line(f, "structure", PLAIN, what)?;
                }
                _ => line(f, "structure", PLAIN, structure)?,
            }
        }
        if let Some(plan) = &array.plan {
            line(f, "method", PLAIN, plan.method())?;
        }
        if let Some((index, rcond)) = array.check.worst_rcond {
            let digits = digits(rcond, array.dtype);
            let whose = match count {
                1 => String::new(),
                _ => format!(" at worst (matrix {})", place(index, &array.shape)),
            };
            line(f, "rcond", style(digits), format_args!("{}{whose}: {digits}", short(rcond)))?;
        }
        if let Some(residual) = array.check.residual {
            let sample = match residual.sample {
                sample if sample < count => format!(" in {sample} of them"),
                _ => String::new(),
            };
            let style = if residual.largest.is_finite() { PLAIN } else { BAD };
            let what =
                format_args!("{}, the largest {}{sample}", short(residual.largest), residual.of);
            line(f, "residual", style, what)?;
        }
        Ok(())
    }

    fn times(&self) -> String {
        let took = &self.outcome.took;
        let count: usize = self.outcome.arrays.iter().map(Array::count).sum();
        let mut told = format!("read {}, computed {}", time(took.read), time(took.compute));
        if count > 1 && !took.compute.is_zero() {
            let rate = rounded(count as f64 / took.compute.as_secs_f64());
            told += &format!(" ({rate} matrices/s)");
        }
        told += &format!(", checked {}", time(took.check));
        if !matches!(self.outcome.written, Some(Written::Kept(_))) {
            told += &format!(", written {}", time(took.write));
        }
        told
    }
}

fn short(x: f64) -> String {
    if x == 0.0 { "0".to_owned() } else { format!("{x:.1e}").replace("e0", "") }
}

/// How many digits of a result can be trusted: matrices are computed in double, whatever they are
/// stored in.
pub(crate) fn digits(rcond: f64, dtype: Dtype) -> Digits {
    let of = if matches!(dtype, Dtype::F32 | Dtype::C32) { 7 } else { 16 };
    Digits::expected(rcond, f64::EPSILON, of)
}

fn style(digits: Digits) -> Style {
    match digits.good {
        0 => BAD,
        _ if digits.are_few() => CARE,
        _ => PLAIN,
    }
}

/// The matrices without a result, and what is in their place.
pub(crate) struct Bad<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) outcome: &'a Outcome,
}

impl Display for Bad<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let became = match self.operation.on_singular() {
            OnSingular::Pinv => "the pseudo-inverse instead (NaN if an entry is not finite)",
            _ => "NaN instead",
        };
        let which = which(self.outcome);
        line(f, "failed", BAD, format_args!("{which} no result, {became}"))?;
        list(self.outcome, f, "             ")
    }
}

/// What to say when nothing was written for the sake of those without a result.
pub(crate) struct Refusal<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) outcome: &'a Outcome,
}

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { operation, outcome } = self;
        let input = Plain(&outcome.input);
        writeln!(f, "{input}: {} no result; nothing was written", which(outcome))?;
        list(outcome, f, "  ")?;
        write!(f, "to fill with NaN")?;
        if outcome.failed < matrices_of(outcome) {
            write!(f, " and have the others")?;
        }
        write!(f, ": --on-singular nan")?;
        let singular = |array: &Array| {
            array.first_failed.iter().any(|(_, status)| status.code == Code::Singular)
        };
        if matches!(operation, Operation::Inv { .. }) && outcome.arrays.iter().any(singular) {
            write!(f, "; for the pseudo-inverse: --on-singular pinv")?;
        }
        Ok(())
    }
}

fn matrices_of(outcome: &Outcome) -> usize {
    outcome.arrays.iter().map(Array::count).sum()
}

fn which(outcome: &Outcome) -> String {
    match (outcome.failed, matrices_of(outcome)) {
        (1, 1) => "the matrix has".to_owned(),
        (1, count) => format!("1 of {count} matrices has"),
        (failed, count) => format!("{failed} of {count} matrices have"),
    }
}

/// The first matrices without a result, one a line.
fn list(outcome: &Outcome, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
    let all = outcome.arrays.iter().flat_map(|array| {
        array.first_failed.iter().map(move |(index, status)| (array, *index, *status))
    });
    for (array, index, status) in all.take(NAMED) {
        write!(f, "{indent}")?;
        if let Some(name) = &array.name {
            write!(f, "array {}, ", Plain(name))?;
        }
        if array.shape.len() > 2 {
            write!(f, "matrix {}: ", place(index, &array.shape))?;
        }
        writeln!(f, "{status}")?;
    }
    match outcome.failed.saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(f, "{indent}and {more} more"),
    }
}

/// What became of several files.
#[derive(Default)]
pub(crate) struct Total {
    files: usize,
    done: usize,
    with_failed: usize,
    matrices: usize,
    /// The largest exit code.
    pub(crate) code: i32,
}

impl Total {
    pub(crate) fn new(files: usize) -> Total {
        Total { files, ..Total::default() }
    }

    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.matrices += matrices_of(outcome);
        if outcome.failed > 0 {
            self.with_failed += 1;
            self.code = self.code.max(crate::NOT_INVERTED);
        } else {
            self.done += 1;
        }
    }

    pub(crate) fn add_failure(&mut self, code: i32) {
        self.code = self.code.max(code);
    }

    pub(crate) fn told(&self, took: Duration) -> String {
        let Total { files, done, with_failed, matrices, .. } = self;
        let mut told = format!("{TITLE}{files} files{TITLE:#}: {done} done");
        if *with_failed > 0 {
            told += &format!(", {BAD}{with_failed} with matrices that failed{BAD:#}");
        }
        match files - done - with_failed {
            0 => {}
            broken => told += &format!(", {BAD}{broken} not done{BAD:#}"),
        }
        told + &format!("; {matrices} matrices in {}\n", time(took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        let told = |rcond, dtype| super::digits(rcond, dtype).to_string();
        assert_eq!(told(1.0, Dtype::F64), "about 15 of 16 digits can be trusted");
        assert_eq!(told(3e-9, Dtype::C64), "about 7 of 16 digits can be trusted");
        assert_eq!(told(1e-3, Dtype::F32), "about 7 of 7 digits can be trusted");
        for none in [1e-16, 0.0, -1.0, f64::NAN] {
            assert_eq!(told(none, Dtype::F64), "no digit can be trusted");
        }
    }
}
