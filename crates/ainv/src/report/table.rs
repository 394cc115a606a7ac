//! A report as text, for a terminal.

use super::words::{Verdict, short};
use super::{MatrixReport, Method, Report};
use std::fmt;

/// Matrices that have a line.
const NAMED: usize = 10;
/// Columns of text.
const WIDTH: usize = 96;
/// Columns before what a label is of, and before that of the lists under it.
const INDENT: usize = 18;
/// Characters of the longest bar.
const BAR: usize = 40;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "report on {}", self.what())?;
        if self.is_stack() {
            line(f, "verdict", &self.summary())?;
            if let Some(&index) = self.worst(1).first() {
                self.routes(f, self.methods())?;
                self.worst_first(f)?;
                self.bars(f)?;
                let worst = &self.matrices[index];
                if worst.verdict() != Verdict::Good {
                    writeln!(f, "\n  the worst: matrix {}", self.place(index))?;
                    self.one(f, worst)?;
                }
            }
        } else if let [matrix] = &self.matrices[..] {
            self.one(f, matrix)?;
            self.numbers(f, matrix)?;
        }
        Ok(())
    }
}

impl Report {
    /// What is to be thought of one matrix, and done.
    fn one(&self, f: &mut fmt::Formatter<'_>, of: &MatrixReport) -> fmt::Result {
        let verdict = format!("{} {}", of.verdict().headline(), self.explained(of));
        line(f, "verdict", &verdict)?;
        for (i, advice) in self.advice(of).iter().enumerate() {
            line(f, if i == 0 { "what to do" } else { "" }, &format!("- {advice}"))?;
        }
        Ok(())
    }

    fn numbers(&self, f: &mut fmt::Formatter<'_>, of: &MatrixReport) -> fmt::Result {
        line(f, "status", &of.status.to_string())?;
        let rcond = short(of.rcond);
        line(f, "rcond", &format!("{rcond} (1 is best, 0 means that there is no inverse)"))?;
        let residual = |of: f64, what: &str| format!("{}, the 1-norm of {what}", short(of));
        line(f, "right residual", &residual(of.right_residual, "A X - I"))?;
        line(f, "left residual", &residual(of.left_residual, "X A - I"))?;
        let (a, x) = (short(of.norm), short(of.inverse_norm));
        line(f, "norms", &format!("{a} of A, {x} of the inverse X (1-norms)"))?;
        line(f, "structure", of.structure.name())?;
        if let Some(rank) = of.rank {
            line(f, "rank", &format!("{rank} of {}", self.order()))?;
        }
        self.routes(f, [of.method])
    }

    fn routes(
        &self,
        f: &mut fmt::Formatter<'_>,
        methods: impl IntoIterator<Item = Method>,
    ) -> fmt::Result {
        for method in methods {
            let reason = self.reason(method);
            line(f, "route", &format!("{}, because {reason}", self.route(method)))?;
        }
        line(f, "plan", &self.machinery())
    }

    fn worst_first(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = [
            "matrix",
            "status",
            "rcond",
            "digits",
            "|AX-I|",
            "|XA-I|",
            "|A|",
            "|X|",
            "rank",
            "structure",
            "route",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        let worst = self.worst(NAMED);
        for &index in &worst {
            let of = &self.matrices[index];
            rows.push([
                self.place(index),
                of.status.code.to_string(),
                short(of.rcond),
                format!("{} of {}", of.digits.good, of.digits.of),
                short(of.right_residual),
                short(of.left_residual),
                short(of.norm),
                short(of.inverse_norm),
                of.rank.map_or_else(|| "?".to_owned(), |rank| rank.to_string()),
                of.structure.to_string(),
                self.route(of.method),
            ]);
        }
        writeln!(f, "\n  worst first")?;
        let widths: [usize; 11] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].len()).max().unwrap_or(0)
        });
        for row in rows {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(widths) {
                text += &format!("  {cell:<width$}");
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        match self.matrices.len() - worst.len() {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }

    /// The histogram of log10 rcond.
    fn bars(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decades = self.histogram();
        let largest = decades.iter().map(|d| d.count).max().unwrap_or(0);
        if largest == 0 {
            return Ok(());
        }
        writeln!(f, "\n  rcond from          matrices")?;
        for decade in decades {
            let length = (decade.count * BAR).div_ceil(largest);
            let bar = "#".repeat(length);
            let space = if length > 0 { " " } else { "" };
            writeln!(f, "  {:<18}  {bar}{space}{}", format!("1e{}", decade.power), decade.count)?;
        }
        Ok(())
    }
}

/// A label, and what it is of in lines of its own.
fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.len() + 1 + word.len() <= WIDTH - INDENT => {
                *last += " ";
                *last += word;
            }
            Some(_) if text.starts_with("- ") => lines.push(format!("  {word}")),
            _ => lines.push(word.to_owned()),
        }
    }
    for (i, text) in lines.iter().enumerate() {
        let label = if i == 0 { label } else { "" };
        writeln!(f, "{:<INDENT$}{text}", format!("  {label}"))?;
    }
    Ok(())
}
