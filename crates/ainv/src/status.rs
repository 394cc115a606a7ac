//! What happened to one matrix.

use std::fmt;

/// How the computation of one matrix ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// The result is there.
    #[default]
    Ok,
    /// The elimination met a pivot that is exactly zero. The result is all NaN.
    Singular,
    /// The Cholesky factorisation met a pivot that is not positive (or a diagonal entry that is not
    /// real). The result is all NaN.
    NotPositiveDefinite,
    /// A NaN, or an infinity that has no meaning for the operation, was read. The result is all
    /// NaN.
    NonFinite,
    /// The singular value decomposition did not converge. The result is all NaN.
    NotConverged,
    /// The call ended in an error (cancelled, out of memory) in mid-work; the result is undefined.
    Cancelled,
    /// The result is there, but the matrix is so nearly singular that it may have no correct digit; only
    /// where [`Options::ill_conditioned`](crate::Options::ill_conditioned) asks.
    IllConditioned,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Code::Ok => "ok",
            Code::Singular => "singular",
            Code::NotPositiveDefinite => "not positive definite",
            Code::NonFinite => "not finite",
            Code::NotConverged => "not converged",
            Code::Cancelled => "cancelled",
            Code::IllConditioned => "ill-conditioned",
        })
    }
}

impl Code {
    /// All of them, in the order of their numbers.
    pub const ALL: [Code; 7] = [
        Code::Ok,
        Code::Singular,
        Code::NotPositiveDefinite,
        Code::NonFinite,
        Code::NotConverged,
        Code::Cancelled,
        Code::IllConditioned,
    ];
}

/// One matrix's outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Status {
    /// What happened.
    pub code: Code,
    /// For [`Code::Singular`] and [`Code::NotPositiveDefinite`] the 1-based index of the pivot, as
    /// LAPACK's INFO counts; 0 otherwise.
    pub at: u32,
}

impl Status {
    pub(crate) const OK: Status = Status { code: Code::Ok, at: 0 };
    pub(crate) const ILL_CONDITIONED: Status = Status { code: Code::IllConditioned, at: 0 };
    pub(crate) const NON_FINITE: Status = Status { code: Code::NonFinite, at: 0 };

    pub(crate) fn singular(at: usize) -> Status {
        Status { code: Code::Singular, at: at as u32 }
    }

    /// Whether the result is there.
    pub fn is_ok(self) -> bool {
        matches!(self.code, Code::Ok | Code::IllConditioned)
    }
}

/// Why there is no result, in words.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { code, at } = self;
        match code {
            Code::Singular => write!(f, "singular (the diagonal element {at} is zero)"),
            Code::NotPositiveDefinite => {
                write!(f, "not positive definite (the leading minor of order {at} is not positive)")
            }
            Code::NonFinite => f.write_str("holds NaN or an infinity"),
            Code::NotConverged => f.write_str("the singular values did not converge"),
            Code::Ok | Code::IllConditioned | Code::Cancelled => code.fmt(f),
        }
    }
}

/// What happened to the whole stack.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Matrices without a result. (A matrix that holds a NaN has one, all NaN, but for `pinv`.)
    pub failed: usize,
    /// The first of them, by its place in the stack, and what happened to it.
    pub first: Option<(usize, Status)>,
    /// Matrices that have a result and are ill-conditioned; only where
    /// [`Options::ill_conditioned`](crate::Options::ill_conditioned) asks.
    pub ill_conditioned: usize,
    /// The first of them, by its place in the stack, and its reciprocal condition number.
    pub first_ill_conditioned: Option<(usize, f64)>,
}

impl Summary {
    pub(crate) fn record(&mut self, index: usize, status: Status) {
        if !status.is_ok() {
            let first = Some((index, status));
            self.merge(Summary { failed: 1, first, ..Summary::default() });
        }
    }

    pub(crate) fn record_ill(&mut self, index: usize, rcond: f64) {
        let first_ill_conditioned = Some((index, rcond));
        self.merge(Summary { ill_conditioned: 1, first_ill_conditioned, ..Summary::default() });
    }

    pub(crate) fn merge(&mut self, other: Summary) {
        fn earlier<T>(a: Option<(usize, T)>, b: Option<(usize, T)>) -> Option<(usize, T)> {
            match (a, b) {
                (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
                (a, b) => a.or(b),
            }
        }
        self.failed += other.failed;
        self.first = earlier(self.first, other.first);
        self.ill_conditioned += other.ill_conditioned;
        self.first_ill_conditioned =
            earlier(self.first_ill_conditioned, other.first_ill_conditioned);
    }
}
