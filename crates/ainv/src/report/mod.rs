//! `report`: whether an inverse can be trusted, and what to do if not.
//!
//! `measure` fills a [`Report`], `words` says what its numbers mean, `table` prints it, and with the
//! feature `html` `page` writes it with the pictures that `drawing` makes.

mod digits;
#[cfg(feature = "html")]
mod drawing;
mod measure;
#[cfg(feature = "html")]
mod page;
mod picture;
mod route;
mod structure;
mod table;
mod words;

pub use digits::Digits;
pub use measure::report;
#[cfg(feature = "html")]
pub use page::html_page;
pub use picture::{Grid, Picture};
pub use route::Method;
pub use structure::Structure;
pub use words::{Measured, Told, Verdict};

use crate::plan::Plan;
use crate::status::Status;
use route::Choice;
use std::cmp::Ordering;

/// What [`report`] found out. It prints as a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The shape of the stack, `(..., n, n)`.
    pub shape: Vec<usize>,
    /// The scalar's name.
    pub dtype: &'static str,
    /// Whether the inverses were the caller's; otherwise they were computed.
    pub given: bool,
    /// Every matrix, in the order of the stack.
    pub matrices: Vec<MatrixReport>,
    /// The worst matrix, looked at closely; `None` for an empty stack.
    pub picture: Option<Picture>,
    /// How the stack was inverted.
    pub plan: Plan,
    choice: Choice,
    /// Of the precision inside.
    epsilon: f64,
}

/// What was found out about one matrix.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MatrixReport {
    /// Whether it has an inverse.
    pub status: Status,
    /// The reciprocal condition number in the 1-norm: 1 is best; 0 for a singular matrix, NaN for one
    /// that holds NaN or an infinity.
    pub rcond: f64,
    /// The digits that can be trusted: those that `rcond` leaves, or fewer if the residuals show more
    /// error.
    pub digits: Digits,
    /// The digits that `rcond` leaves.
    pub expected: Digits,
    /// The 1-norm of A X - I.
    pub right_residual: f64,
    /// The 1-norm of X A - I.
    pub left_residual: f64,
    /// The 1-norm of A.
    pub norm: f64,
    /// The 1-norm of X.
    pub inverse_norm: f64,
    /// What the entries show.
    pub structure: Structure,
    /// The formula by which it was inverted.
    pub method: Method,
    /// The numerical rank: the singular values over n times the scalar's epsilon times the largest.
    /// `None` where it would have cost too much, and of what is not finite.
    pub rank: Option<usize>,
}

impl MatrixReport {
    /// What is to be thought of its inverse.
    pub fn verdict(&self) -> Verdict {
        match self.digits {
            _ if self.rcond.is_nan() || !self.status.is_ok() => Verdict::NoInverse,
            Digits { good: 0, .. } => Verdict::Worthless,
            digits if digits.are_few() => Verdict::Care,
            _ => Verdict::Good,
        }
    }

    /// Worse ones come first.
    fn worse(&self, other: &MatrixReport) -> Ordering {
        let finite = |of: &MatrixReport| !of.rcond.is_nan();
        (other.verdict().cmp(&self.verdict()))
            .then(finite(self).cmp(&finite(other)))
            .then(self.digits.good.cmp(&other.digits.good))
            .then(self.rcond.total_cmp(&other.rcond))
    }
}

/// Matrices whose reciprocal condition number is in the decade from 10^`power` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decade {
    /// The power of ten at the decade's lower end.
    pub power: i32,
    /// The matrices in it.
    pub count: usize,
}

/// What is under this power of ten is counted with it.
const SMALLEST_POWER: i32 = -20;

impl Report {
    /// How one matrix was inverted: the formula, and where its inner loops ran.
    pub fn route(&self, method: Method) -> String {
        self.choice.told(method)
    }

    /// Why a matrix was inverted in that way.
    pub fn reason(&self, method: Method) -> String {
        self.choice.reason(method)
    }

    /// The methods by which its matrices were inverted.
    fn methods(&self) -> impl Iterator<Item = Method> {
        let mut used = [false; Method::ALL.len()];
        for matrix in &self.matrices {
            used[matrix.method as usize] = true;
        }
        Method::ALL.into_iter().filter(move |&method| used[method as usize])
    }

    /// The order of the matrices.
    pub fn order(&self) -> usize {
        self.plan.shape[1]
    }

    /// The places of the `count` worst matrices, worst first.
    pub fn worst(&self, count: usize) -> Vec<usize> {
        let worse =
            |&i: &usize, &j: &usize| self.matrices[i].worse(&self.matrices[j]).then(i.cmp(&j));
        let mut order: Vec<usize> = (0..self.matrices.len()).collect();
        if count < order.len() {
            order.select_nth_unstable_by(count, worse);
            order.truncate(count);
        }
        order.sort_unstable_by(worse);
        order
    }

    /// How many matrices have each verdict, in the order of [`Verdict::ALL`].
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for matrix in &self.matrices {
            counts[matrix.verdict() as usize] += 1;
        }
        counts
    }

    /// The histogram of log10 `rcond`, decades without a gap and the best last; matrices whose `rcond`
    /// is zero or NaN are not in it.
    pub fn histogram(&self) -> Vec<Decade> {
        let power = |rcond: f64| (rcond.log10().floor() as i32).clamp(SMALLEST_POWER, 0);
        let mut counts = [0; 1 + SMALLEST_POWER.unsigned_abs() as usize];
        let at = |power: i32| (power - SMALLEST_POWER) as usize;
        let (mut low, mut high) = (i32::MAX, i32::MIN);
        for matrix in self.matrices.iter().filter(|m| m.rcond > 0.0) {
            let power = power(matrix.rcond);
            counts[at(power)] += 1;
            (low, high) = (low.min(power), high.max(power));
        }
        (low..=high).map(|power| Decade { power, count: counts[at(power)] }).collect()
    }

    /// The index of a matrix along the leading axes, as Python writes it.
    fn place(&self, mut index: usize) -> String {
        let lead = &self.shape[..self.shape.len() - 2];
        if lead.len() == 1 {
            return index.to_string();
        }
        let mut along = vec![String::new(); lead.len()];
        for (at, &length) in along.iter_mut().zip(lead).rev() {
            *at = (index % length).to_string();
            index /= length;
        }
        format!("({})", along.join(", "))
    }

    fn is_stack(&self) -> bool {
        self.shape.len() > 2
    }
}
