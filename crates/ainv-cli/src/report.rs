//! What is said of the work: for a person, or as JSON.

use crate::args::Operation;
use crate::work::Work;
use ainv::{Code, OnSingular, RealScalar, Scalar, Status};
use ainv_io::each;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Matrices that are named; the others are counted.
const NAMED: usize = 10;

pub(crate) struct Report<'a> {
    pub(crate) operation: &'a Operation,
    /// Of the input.
    pub(crate) shape: Vec<usize>,
    pub(crate) work: &'a Work,
    /// Matrices without a result.
    pub(crate) failed: usize,
    /// Whether nothing was written for their sake.
    pub(crate) raised: bool,
    pub(crate) read: Duration,
    pub(crate) wrote: Duration,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { work, .. } = self;
        match &work.plan {
            Some(plan) => writeln!(f, "{plan}")?,
            None => {
                let what = matrices(work.result.dtype().name(), &self.shape);
                writeln!(f, "{} of {what}", self.name())?;
            }
        }
        let count = work.status.len();
        write!(f, "read in {}, computed in {}", time(self.read), time(work.took))?;
        if count > 1 {
            write!(f, " ({} matrices/s)", rounded(count as f64 / work.took.as_secs_f64()))?;
        }
        if self.operation.files().output.is_some() {
            write!(f, ", written in {}", time(self.wrote))?;
        }
        writeln!(f)?;
        if let Some((index, rcond)) = work.check.worst_rcond {
            write!(f, "worst rcond {rcond:.1e}")?;
            if count > 1 {
                write!(f, " (matrix {})", self.place(index))?;
            }
            writeln!(f)?;
        }
        if let Some(residual) = work.check.residual {
            write!(f, "largest entry of |A X - I| {:.1e}", residual.largest)?;
            if count > 1 {
                write!(f, " in {} matrices of {count}", residual.sample)?;
            }
            writeln!(f)?;
        }
        if self.failed > 0 {
            let became = match self.operation.on_singular() {
                OnSingular::Pinv => "the pseudo-inverse instead (NaN if an entry is not finite)",
                _ => "NaN instead",
            };
            writeln!(f, "{} no result, {became}:", self.which())?;
            self.list(f)?;
        }
        if let Some(output) = &self.operation.files().output {
            let what = matrices(work.result.dtype().name(), work.result.shape());
            writeln!(f, "wrote {}: {what}", output.display())?;
        }
        Ok(())
    }
}

impl Report<'_> {
    /// What to say when nothing was written.
    pub(crate) fn refusal(&self) -> String {
        struct List<'a>(&'a Report<'a>);
        impl fmt::Display for List<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.list(f)
            }
        }
        let others = if self.failed < self.work.status.len() { " and have the others" } else { "" };
        let pinv = match self.operation {
            Operation::Inv { .. } => "; for the pseudo-inverse: --on-singular pinv",
            _ => "",
        };
        format!(
            "{} no result; nothing was written\n{}to fill with NaN{others}: --on-singular \
             nan{pinv}",
            self.which(),
            List(self)
        )
    }

    fn which(&self) -> String {
        match (self.failed, self.work.status.len()) {
            (1, 1) => "the matrix has".to_owned(),
            (1, count) => format!("1 of {count} matrices has"),
            (failed, count) => format!("{failed} of {count} matrices have"),
        }
    }

    /// The first matrices without a result, one a line.
    fn list(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, status) in self.bad().take(NAMED) {
            match self.shape.len() {
                2 => writeln!(f, "  {}", reason(*status))?,
                _ => writeln!(f, "  matrix {}: {}", self.place(index), reason(*status))?,
            }
        }
        match self.failed.saturating_sub(NAMED) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }

    fn bad(&self) -> impl Iterator<Item = (usize, &Status)> {
        self.work.status.iter().enumerate().filter(|(_, s)| !s.is_ok())
    }

    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Inv { .. } => "inv",
            Operation::Pinv { .. } => "pinv",
            Operation::CholeskyInv { .. } => "cholesky-inv",
            Operation::TriInv { .. } => "tri-inv",
            Operation::Solve { .. } => "solve",
            Operation::Rcond { .. } => "rcond",
        }
    }

    /// The index of a matrix along the stack's own axes.
    fn place(&self, mut index: usize) -> String {
        let lead = &self.shape[..self.shape.len() - 2];
        if lead.len() <= 1 {
            return index.to_string();
        }
        let mut along = vec![0; lead.len()];
        for (at, &length) in along.iter_mut().zip(lead).rev() {
            *at = index % length;
            index /= length;
        }
        tuple(&along)
    }

    /// One object with all of it. Without an output file the result is in it: complex numbers as
    /// pairs, and null for what JSON has no number for.
    pub(crate) fn json(&self) -> Value {
        let Report { work, .. } = self;
        let files = self.operation.files();
        let bad: Vec<_> = self
            .bad()
            .take(NAMED)
            .map(|(index, s)| json!({"index": index, "status": code(s.code), "at": s.at}))
            .collect();
        let check = &work.check;
        let mut all = json!({
            "operation": self.name(),
            "input": files.input.to_string_lossy(),
            "output": files.output.as_ref().map(|o| o.to_string_lossy()),
            "written": files.output.is_some() && !self.raised,
            "dtype": work.result.dtype().name(),
            "shape": self.shape,
            "result_shape": work.result.shape(),
            "plan": work.plan.as_ref().map(ToString::to_string),
            "threads": work.plan.as_ref().map(|p| p.threads),
            "seconds": {
                "read": self.read.as_secs_f64(),
                "compute": work.took.as_secs_f64(),
                "write": self.wrote.as_secs_f64(),
            },
            "worst_rcond": check.worst_rcond.map(|(i, r)| json!({"index": i, "value": r})),
            "residual": check.residual.map(|r| json!({"largest": r.largest, "sample": r.sample})),
            "failed": self.failed,
            "first_failed": bad,
        });
        if files.output.is_none() && !self.raised {
            all["result"] = each!(&work.result, x => nested(x.as_slice(), x.shape()));
        }
        all
    }
}

fn nested<T: Scalar>(numbers: &[T], shape: &[usize]) -> Value {
    match shape {
        [] if T::COMPLEX => json!([numbers[0].re().to_f64(), numbers[0].im().to_f64()]),
        [] => json!(numbers[0].re().to_f64()),
        [length, inner @ ..] => {
            let step: usize = inner.iter().product();
            let part = |i: usize| nested(&numbers[i * step..(i + 1) * step], inner);
            (0..*length).map(part).collect()
        }
    }
}

fn code(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Singular => "singular",
        Code::NotPositiveDefinite => "not positive definite",
        Code::NonFinite => "not finite",
        Code::NotConverged => "not converged",
        Code::Cancelled => "cancelled",
    }
}

fn reason(Status { code, at }: Status) -> String {
    match code {
        Code::Singular => format!("singular (the diagonal element {at} is zero)"),
        Code::NotPositiveDefinite => {
            format!("not positive definite (the leading minor of order {at} is not positive)")
        }
        Code::NonFinite => "holds NaN or an infinity".to_owned(),
        Code::NotConverged => "the singular values did not converge".to_owned(),
        Code::Ok | Code::Cancelled => self::code(code).to_owned(),
    }
}

/// `13125 float64 matrices of 3 x 3`.
pub(crate) fn matrices(dtype: &str, shape: &[usize]) -> String {
    let [lead @ .., rows, cols] = shape else { unreachable!("a stack has two axes at least") };
    let count: usize = lead.iter().product();
    if lead.is_empty() {
        format!("one {dtype} matrix of {rows} x {cols}")
    } else {
        let s = if count == 1 { "matrix" } else { "matrices" };
        format!("{count} {dtype} {s} of {rows} x {cols}")
    }
}

/// A shape or an index as Python writes it.
pub(crate) fn tuple(numbers: &[usize]) -> String {
    let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
    format!("({})", numbers.join(", "))
}

fn time(t: Duration) -> String {
    let s = t.as_secs_f64();
    match s {
        _ if s < 1e-3 => format!("{:.0} us", s * 1e6),
        _ if s < 1.0 => format!("{:.1} ms", s * 1e3),
        _ => format!("{s:.2} s"),
    }
}

fn rounded(x: f64) -> String {
    match x {
        _ if x >= 1e6 => format!("{:.1} million", x / 1e6),
        _ if x >= 1e3 => format!("{:.0} thousand", x / 1e3),
        _ => format!("{x:.0}"),
    }
}
