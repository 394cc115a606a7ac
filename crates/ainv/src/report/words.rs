//! What the numbers mean, for someone who has never heard of condition numbers.

use super::{MatrixReport, Report};
use crate::status::Code;
use std::fmt;

/// What is to be thought of an inverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// At least half of the digits can be trusted.
    Good,
    /// Fewer can.
    Care,
    /// None can.
    Worthless,
    /// There is no inverse: the matrix is singular, or not what it was said to be, or not finite.
    NoInverse,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Verdict; 4] =
        [Verdict::Good, Verdict::Care, Verdict::Worthless, Verdict::NoInverse];

    /// The name that programs ask for.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Care => "care",
            Verdict::Worthless => "worthless",
            Verdict::NoInverse => "no inverse",
        }
    }

    /// Of several matrices: `3 can be trusted`.
    pub(super) fn of_several(self) -> &'static str {
        match self {
            Verdict::Good => "can be trusted",
            Verdict::Care => "to be taken with care",
            Verdict::Worthless => "worthless",
            Verdict::NoInverse => "without an inverse",
        }
    }

    /// A sentence.
    pub(super) fn headline(self) -> &'static str {
        match self {
            Verdict::Good => "This inverse can be trusted.",
            Verdict::Care => "Take care with this inverse.",
            Verdict::Worthless => "Do not use this inverse.",
            Verdict::NoInverse => "There is no inverse.",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a [`Report`] says of one matrix.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Told {
    /// The verdict, as a sentence.
    pub headline: &'static str,
    /// Why.
    pub why: String,
    /// What to do about it: nothing, if all is well.
    pub advice: Vec<String>,
    /// The numbers that the verdict rests on, and how the matrix was inverted.
    pub measured: Vec<Measured>,
}

/// Something that was measured on a matrix.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// Its name.
    pub label: &'static str,
    /// How large it is, in few characters.
    pub value: String,
    /// What that means.
    pub meaning: String,
}

/// `3.1e-7`, in few characters; nothing to tell is a dash.
pub(super) fn short(x: f64) -> String {
    match x {
        0.0 => "0".to_owned(),
        _ if x.is_nan() => "-".to_owned(),
        _ if !x.is_finite() => x.to_string(),
        _ if (0.01..1e4).contains(&x.abs()) => {
            let digits = (1 - x.abs().log10().floor() as i32).max(0) as usize;
            format!("{x:.digits$}")
        }
        _ => format!("{x:.1e}"),
    }
}

/// A large number as people say it.
fn said(x: f64) -> String {
    match x {
        _ if x < 1e3 => format!("{x:.0}"),
        _ if x < 1e6 => format!("{:.0} thousand", x / 1e3),
        _ if x < 1e9 => format!("{:.0} million", x / 1e6),
        _ if x < 1e12 => format!("{:.0} billion", x / 1e9),
        _ if x < 1e15 => format!("{:.0} thousand billion", x / 1e12),
        _ => "more than a million billion".to_owned(),
    }
}

fn counted(n: usize, one: &str, several: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {several}") }
}

impl Report {
    /// `1000 float64 matrices of 4 x 4`.
    pub(super) fn what(&self) -> String {
        let [count, n, _] = self.plan.shape;
        let matrices = match self.is_stack() {
            false => format!("one {} matrix", self.dtype),
            true => counted(
                count,
                &format!("{} matrix", self.dtype),
                &format!("{} matrices", self.dtype),
            ),
        };
        let given = if self.given { ", held against the inverse that was given" } else { "" };
        format!("{matrices} of {n} x {n}{given}")
    }

    /// The verdict on one matrix, why, and in what way that matters.
    pub(super) fn explained(&self, of: &MatrixReport) -> String {
        let left = of.digits;
        if of.rcond.is_nan() {
            return "The matrix holds NaN or an infinity, so there is nothing to compute with."
                .into();
        }
        match of.status.code {
            Code::Singular => {
                return "The matrix is singular: one of its rows is made up of the others, so it \
                        maps different vectors to the same one, and nothing can undo that."
                    .into();
            }
            Code::NotPositiveDefinite => {
                return format!(
                    "It was said to be positive definite, and it is not: it is {}.",
                    of.status
                );
            }
            _ => {}
        }
        if self.is_not_its_inverse(of) {
            return format!(
                "What was given is not the inverse of this matrix, or not a good one: {left}, where \
                 the matrix itself would allow {}.",
                of.expected.good
            );
        }
        if of.has_overflowed() {
            return "The inverse has entries beyond the largest number that the scalar holds."
                .into();
        }
        let amplified = said(1.0 / of.rcond);
        match of.verdict() {
            Verdict::Good => format!("{}.", capital(&left.to_string())),
            Verdict::Care if self.loses_digits(of) => format!(
                "{}: the computation lost more than the matrix explains, as its residuals show.",
                capital(&left.to_string())
            ),
            Verdict::Care => format!(
                "{}. The matrix is close to one without an inverse: errors in it, of measurement or \
                 of rounding, come out up to {amplified} times as large.",
                capital(&left.to_string())
            ),
            _ if self.loses_digits(of) => {
                "No digit of it can be trusted: the computation lost more than the matrix explains, \
                 as its residuals show."
                    .into()
            }
            _ => format!(
                "No digit of it can be trusted. The matrix is so close to one without an inverse \
                 that errors in it come out up to {amplified} times as large: the rounding of its \
                 last digits decides what the inverse is."
            ),
        }
    }

    /// Few digits are left, and the matrix does not explain it.
    fn loses_digits(&self, of: &MatrixReport) -> bool {
        of.digits.are_few() && of.digits.good + 2 < of.expected.good
    }

    fn is_not_its_inverse(&self, of: &MatrixReport) -> bool {
        self.given && self.loses_digits(of)
    }

    /// The question that the report answers.
    #[cfg(feature = "html")]
    pub(super) fn question(&self) -> &'static str {
        if self.is_stack() {
            "Can these inverses be trusted?"
        } else {
            "Can this inverse be trusted?"
        }
    }

    /// What to do about one matrix: nothing, if all is well.
    pub(super) fn advice(&self, of: &MatrixReport) -> Vec<String> {
        let n = self.order();
        let picture = self.picture.as_ref();
        let picture = picture.filter(|p| std::ptr::eq(&self.matrices[p.index], of));
        let mut advice = Vec::new();
        if of.rcond.is_nan() {
            if let Some((row, col)) = picture.and_then(|p| p.not_finite) {
                advice.push(format!(
                    "Look where it comes from: the first such entry is in row {row}, column {col} \
                     (counted from 0)."
                ));
            }
            advice.push(
                "A missing value has to be filled in or left out, with its row and its column, \
                 before there can be an inverse."
                    .into(),
            );
            return advice;
        }
        if of.status.code == Code::NotPositiveDefinite {
            advice.push(
                "Leave assume=\"posdef\" away, and the matrix is inverted as what it is.".into(),
            );
            advice.push(
                "A covariance that should be positive definite and is not was rounded, or made of \
                 data with gaps: add a small multiple of the identity to it."
                    .into(),
            );
            return advice;
        }
        if self.is_not_its_inverse(of) {
            advice.push("Compute it anew: inv(a), and report(a) for what that is worth.".into());
            advice.push(
                "Look whether it was transposed, belongs to another matrix, or came from a lower \
                 precision."
                    .into(),
            );
            return advice;
        }
        if of.verdict() == Verdict::Good {
            return advice;
        }
        if of.has_overflowed() {
            advice.push(
                "Choose units in which the entries are larger; the inverse's are then smaller."
                    .into(),
            );
            return advice;
        }
        if let Some(scaled) = picture.and_then(|p| p.scaled_rcond) {
            advice.push(format!(
                "Change the units: once its rows and columns are scaled to one size the matrix has \
                 rcond {} instead of {}. Millimetres beside kilometres do that, or pascals beside \
                 metres.",
                short(scaled),
                short(of.rcond)
            ));
        }
        if of.digits.of < 16 {
            advice.push("Keep the numbers in double precision: 16 digits instead of 7.".into());
        }
        if of.rcond > 0.0 {
            advice.push(
                "To solve A x = b use solve(a, b), not the inverse: it costs less, and what it \
                 gives fits A and b to the last digits even here."
                    .into(),
            );
        }
        match of.rank {
            // Units make rows small, not alike.
            _ if picture.is_some_and(|p| p.scaled_rcond.is_some()) => {}
            Some(rank) if rank < n => advice.push(format!(
                "To rounding only {} of the {n} rows {} something new; the rest is made up of them. \
                 Leave out what repeats, measure what is missing, or use pinv(a), which finds the best \
                 answer that there is.",
                rank,
                if rank == 1 { "says" } else { "say" }
            )),
            _ => advice.push(
                "If A comes from data, look for columns that nearly repeat each other, and collect \
                 data that tell them apart. pinv(a, rtol=...) leaves out what is smaller than the \
                 error of your data."
                    .into(),
            ),
        }
        if of.structure.is_symmetric() {
            advice.push(
                "Of a covariance or a kernel matrix add a small multiple of the identity \
                 (regularisation, ridge): it bounds the inverse."
                    .into(),
            );
        }
        advice
    }

    /// The verdict on all of a stack.
    pub(super) fn summary(&self) -> String {
        let counts = self.counts();
        if counts.iter().sum::<usize>() == 0 {
            return "There is no matrix.".to_owned();
        }
        let said = Verdict::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
        let said: Vec<_> =
            said.map(|(verdict, count)| format!("{count} {}", verdict.of_several())).collect();
        said.join(", ")
    }
}

impl Report {
    /// What is to be said of one matrix of the stack.
    ///
    /// ```
    /// use ainv::{Options, Stack};
    /// let a = Stack::new(&[1.0, 2.0, 2.0, 4.0], &[2, 2])?;
    /// let told = ainv::report(a, None, &Options::default())?.told(0);
    /// assert_eq!(told.headline, "There is no inverse.");
    /// assert!(told.advice[0].contains("pinv"));
    /// # Ok::<(), ainv::Error>(())
    /// ```
    ///
    /// # Panics
    /// If there is no such matrix.
    pub fn told(&self, index: usize) -> Told {
        let of = &self.matrices[index];
        Told {
            headline: of.verdict().headline(),
            why: self.explained(of),
            advice: self.advice(of),
            measured: self.measured(of),
        }
    }

    /// What was measured on one matrix, with what that means.
    pub(super) fn measured(&self, of: &MatrixReport) -> Vec<Measured> {
        let mut all = Vec::new();
        let mut row = |label, value, meaning: &str| {
            all.push(Measured { label, value, meaning: meaning.to_owned() });
        };
        let digits = format!("{} of {}", of.digits.good, of.digits.of);
        row("Digits", digits, "About how many digits of the inverse's largest numbers are right.");
        row(
            "rcond",
            short(of.rcond),
            "How far the matrix is from one that has no inverse: 1 is best, 0 is none at all. Errors \
             in the matrix grow up to 1/rcond times.",
        );
        row(
            "Right residual",
            short(of.right_residual),
            "The matrix times its inverse should be the identity; this is what is left: the 1-norm \
             of A X \u{2212} I.",
        );
        row(
            "Left residual",
            short(of.left_residual),
            "The same the other way round: X A \u{2212} I. The smaller of the two bounds the error \
             of the inverse.",
        );
        row("Norm of A", short(of.norm), "Its size: the largest sum of a column's |entries|.");
        row("Norm of X", short(of.inverse_norm), "The inverse's size.");
        row("Structure", of.structure.to_string(), "What its entries show.");
        if let Some(rank) = of.rank {
            let value = format!("{rank} of {}", self.order());
            row("Rank", value, "How many of its rows say something that the others do not.");
        }
        row("Route", self.route(of.method), &format!("Because {}.", self.reason(of.method)));
        let threads = counted(self.plan.threads, "thread", "threads");
        row("Machine", threads, &format!("The plan: {}.", self.plan.method()));
        let status = match of.status.at {
            0 => "What inv makes of it.".to_owned(),
            _ => format!("What inv makes of it: {}.", of.status),
        };
        row("Status", of.status.code.to_string(), &status);
        all
    }
}

impl MatrixReport {
    fn has_overflowed(&self) -> bool {
        self.status.is_ok() && self.rcond > 0.0 && !self.inverse_norm.is_finite()
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
