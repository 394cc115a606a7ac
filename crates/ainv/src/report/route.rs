//! By which way a matrix was inverted, and why by that one.

use super::Structure;
use crate::device::driver::Driver;
use crate::op::{self, Kind};
use crate::options::{Assume, Options};
use crate::plan::{Plan, Route, is_wide};
use ainv_kernels::columns;
use ainv_kernels::lanes::closed;
use ainv_kernels::scalar::Scalar;
use std::fmt;

/// The formula by which a matrix was inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The adjugate with compensated products.
    ClosedForm,
    /// Gaussian elimination with partial pivoting.
    Lu,
    /// The Cholesky factorisation.
    Cholesky,
    /// Substitution in a triangle.
    Triangular,
    /// The reciprocals of a diagonal.
    Diagonal,
}

impl Method {
    /// All of them, in the order of their numbers.
    pub const ALL: [Method; 5] =
        [Method::ClosedForm, Method::Lu, Method::Cholesky, Method::Triangular, Method::Diagonal];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Method::ClosedForm => "closed form",
            Method::Lu => "LU",
            Method::Cholesky => "Cholesky",
            Method::Triangular => "triangular",
            Method::Diagonal => "diagonal",
        })
    }
}

/// The choices of `inv` for the matrices of one stack.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    assume: Assume,
    order: usize,
    route: Route,
    /// The largest orders that have a closed form, run in lanes, are not looked at for a structure.
    closed: usize,
    lanes: usize,
    unlooked: usize,
}

impl Choice {
    pub(super) fn new<T: Scalar>(plan: &Plan, options: &Options) -> Choice {
        if is_wide::<T>(options) {
            Choice::within::<T::Wide>(plan, options.assume)
        } else {
            Choice::within::<T>(plan, options.assume)
        }
    }

    fn within<W: Scalar>(plan: &Plan, assume: Assume) -> Choice {
        Choice {
            assume,
            order: plan.shape[1],
            route: plan.route,
            closed: closed::largest::<W>(),
            lanes: match assume {
                Assume::Posdef | Assume::Lower | Assume::Upper => op::lanes_max::<W>(),
                _ => (Driver::<W>::get().largest_in_lanes)(Kind::Inv { auto: true }),
            },
            unlooked: op::lanes_max::<W>(),
        }
    }

    /// Of a matrix with this structure.
    pub(super) fn method(&self, structure: Structure) -> Method {
        match self.assume {
            Assume::Diagonal => return Method::Diagonal,
            Assume::Lower | Assume::Upper => return Method::Triangular,
            Assume::Posdef => return Method::Cholesky,
            Assume::Auto | Assume::General | Assume::Symmetric | Assume::Hermitian => {}
        }
        match () {
            _ if self.order <= self.closed => Method::ClosedForm,
            _ if !self.looks() => Method::Lu,
            _ if structure.is_triangular() => Method::Triangular,
            _ if structure.is_definite() => Method::Cholesky,
            _ => Method::Lu,
        }
    }

    fn looks(&self) -> bool {
        self.assume == Assume::Auto && self.order > self.unlooked
    }

    /// Where the inner loops run.
    fn route(&self, method: Method) -> Option<Route> {
        match method {
            Method::ClosedForm | Method::Diagonal => None,
            // A triangle that was found, not told, is done by blocks.
            Method::Triangular if self.assume == Assume::Auto => Some(Route::Blocked),
            _ => Some(self.route),
        }
    }

    /// `LU in lanes`.
    pub(super) fn told(&self, method: Method) -> String {
        match self.route(method) {
            Some(Route::Lanes) => format!("{method} in lanes"),
            Some(Route::Columns) => format!("{method} by columns"),
            Some(Route::Blocked) => format!("{method} by blocks"),
            Some(Route::Certified | Route::Decomposition) | None => method.to_string(),
        }
    }

    /// Why this method, and why there.
    pub(super) fn reason(&self, method: Method) -> String {
        let method_reason = match method {
            Method::ClosedForm => {
                return format!("up to order {} there is a formula for the inverse", self.closed);
            }
            _ if !matches!(self.assume, Assume::Auto | Assume::General) => {
                format!("assume=\"{}\" says what the matrix is", name(self.assume))
            }
            Method::Lu if self.assume == Assume::General => {
                "assume=\"general\" says that there is no structure to look for".to_owned()
            }
            Method::Lu if self.looks() => {
                "the matrix is neither triangular nor positive definite".to_owned()
            }
            Method::Lu => format!(
                "structure is looked for above order {} only, where looking costs little",
                self.unlooked
            ),
            Method::Cholesky => "the matrix was found to be positive definite".to_owned(),
            Method::Triangular | Method::Diagonal => {
                "the matrix was found to be triangular".to_owned()
            }
        };
        let place = match self.route(method) {
            Some(Route::Lanes) => format!(
                "; matrices up to order {} are done side by side, one in each lane of a vector \
                 register",
                self.lanes
            ),
            Some(Route::Columns) => format!(
                "; one matrix at a time goes by columns up to order {}, while it stays in the \
                 cache near the core",
                columns::LARGEST
            ),
            Some(Route::Blocked) => {
                "; it is worked on in blocks that stay in the caches".to_owned()
            }
            Some(Route::Certified | Route::Decomposition) | None => String::new(),
        };
        method_reason + &place
    }
}

fn name(assume: Assume) -> &'static str {
    match assume {
        Assume::Auto => "auto",
        Assume::General => "general",
        Assume::Symmetric => "symmetric",
        Assume::Hermitian => "hermitian",
        Assume::Posdef => "posdef",
        Assume::Lower => "lower",
        Assume::Upper => "upper",
        Assume::Diagonal => "diagonal",
    }
}
