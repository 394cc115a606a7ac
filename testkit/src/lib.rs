//! Matrix families, residual ratios and oracles for the tests of ainv.
//!
//! A harness that cannot fail proves nothing: every ratio here is infinite for a result that holds
//! NaN or an infinity, and `tests/promises/harness.rs` of ainv checks that first.

mod exact;
mod families;
mod files;
mod known;
mod mat;
mod ratio;
mod report;
mod rng;

pub use exact::{Double, entry_error, exact_inverse};
pub use families::{
    from_singular_values, general, growing, hermitian_from, orders, positive_definite, scale,
    spectrum, traps, triangles,
};
pub use files::{Entries, File, read_folder};
pub use known::{known_inverses, positive_definite_gallery};
pub use mat::{Mat, assert_same_bits, bits, fnv, ldexp, parts, same_bits};
pub use ratio::{
    left, norm1, penrose, rebuilt, residual_of_solve, right, right_and_left, singular_values,
    unit_roundoff,
};
pub use report::{Worst, say};
pub use rng::Rng;
