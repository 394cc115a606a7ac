//! The kernels that back-ends have, what texts each is made of and what it is compiled for: both back-ends have the same
//! kernels, in files of the same names, in their own languages.

use super::work::{TILE, Team, WORKGROUP, Work, panel};
use ainv_kernels::scalar::Scalar;

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kernel {
    SmallInverse(Team),
    SmallSolve(Team),
    SmallTriangle(Team),
    SmallCholesky(Team),
    SmallCholeskySolve(Team),
    SmallPinv(Team),
    Scale,
    Load,
    Panel,
    PanelColumn,
    Exchange,
    Product,
    Lift,
    Substitute,
    Store,
    Rhs,
    Solution,
    TriangleScale,
    TriangleLoad,
    TrianglePanel,
    TriangleStore,
    CholeskyScale,
    CholeskyPanel,
    CholeskyRows,
    Diagonal,
    Quotients,
    PinvRows,
    PinvReflect,
    PinvPivot,
    PinvPowers,
    PinvRotate,
    PinvRest,
    PinvLengths,
    Pinv,
}

impl Kernel {
    /// That of small matrices.
    pub(crate) fn small(team: Team, work: Work) -> Kernel {
        match work {
            Work::Invert => Kernel::SmallInverse(team),
            Work::Solve(_) => Kernel::SmallSolve(team),
            Work::DefiniteSolve(_) => Kernel::SmallCholeskySolve(team),
            Work::Triangle { .. } => Kernel::SmallTriangle(team),
            Work::Definite { .. } => Kernel::SmallCholesky(team),
            Work::Pinv { .. } => Kernel::SmallPinv(team),
            Work::DiagonalSolve(_) => unreachable!("no team does systems of diagonals"),
        }
    }

    /// Of those that do small matrices.
    pub(crate) fn team(self) -> Option<Team> {
        match self {
            Kernel::SmallInverse(team)
            | Kernel::SmallSolve(team)
            | Kernel::SmallTriangle(team)
            | Kernel::SmallCholesky(team)
            | Kernel::SmallCholeskySolve(team)
            | Kernel::SmallPinv(team) => Some(team),
            _ => None,
        }
    }

    /// The files of its text, behind those of its numbers.
    pub(crate) fn texts(self) -> &'static [&'static str] {
        match self {
            Kernel::SmallInverse(_) => &["small", "closed", "small_inverse"],
            Kernel::SmallSolve(_) => &["small", "small_rhs", "small_solve"],
            Kernel::SmallTriangle(_) => &["small", "triangle", "small_factor", "small_triangle"],
            Kernel::SmallCholesky(_) => {
                &["small", "triangle", "small_factor", "small_definite", "small_cholesky"]
            }
            Kernel::SmallCholeskySolve(_) => &[
                "small",
                "triangle",
                "small_factor",
                "small_definite",
                "small_rhs",
                "small_cholesky_solve",
            ],
            Kernel::SmallPinv(_) => &["rotation", "small_pinv"],
            Kernel::Scale => &["blocked", "scale"],
            Kernel::Load => &["blocked", "load"],
            Kernel::Panel => &["blocked", "lower_block", "pivot", "panel"],
            Kernel::PanelColumn => &["blocked", "lower_block", "pivot", "panel_column"],
            Kernel::Exchange => &["blocked", "exchange"],
            Kernel::Product => &["blocked", "product"],
            Kernel::Lift => &["blocked", "lift"],
            Kernel::Substitute => &["blocked", "substitute"],
            Kernel::Store => &["blocked", "store"],
            Kernel::Rhs => &["blocked", "rhs"],
            Kernel::Solution => &["blocked", "solution"],
            Kernel::TriangleScale => &["blocked", "triangle", "triangle_scale"],
            Kernel::TriangleLoad => &["blocked", "triangle", "triangle_load"],
            Kernel::TrianglePanel => &["blocked", "lower_block", "triangle", "triangle_panel"],
            Kernel::TriangleStore => &["blocked", "triangle", "triangle_store"],
            Kernel::CholeskyScale => &["blocked", "triangle", "cholesky_scale"],
            Kernel::CholeskyPanel => &["blocked", "triangle", "cholesky_panel"],
            Kernel::CholeskyRows => &["blocked", "cholesky_rows"],
            Kernel::Diagonal => &["blocked", "triangle", "diagonal"],
            Kernel::Quotients => &["blocked", "quotients"],
            Kernel::PinvRows => &["rotation", "rotations", "pinv_rows"],
            Kernel::PinvReflect => &["rotation", "rotations", "pinv_reflect"],
            Kernel::PinvPivot => &["rotation", "rotations", "pinv_pivot"],
            Kernel::PinvPowers => &["rotation", "rotations", "pinv_powers"],
            Kernel::PinvRotate => &["rotation", "rotations", "pinv_rotate"],
            Kernel::PinvRest => &["rotation", "rotations", "pinv_rest"],
            Kernel::PinvLengths => &["rotation", "rotations", "pinv_lengths"],
            Kernel::Pinv => &["rotation", "rotations", "pinv"],
        }
    }

    /// The numbers that it is compiled for, by name.
    pub(crate) fn sizes<W: Scalar>(self) -> Vec<(&'static str, usize)> {
        match self.team() {
            Some(Team { order, rhs, lanes, matrices }) => vec![
                ("N", order),
                ("RHS", rhs),
                ("WIDTH", order + rhs),
                ("TEAM", lanes),
                ("MATRICES", matrices),
            ],
            // The slices of both factors of a product are in a workgroup's memory.
            None => vec![
                ("WORKGROUP", WORKGROUP),
                ("ROWS", TILE[0]),
                ("COLUMNS", TILE[1]),
                ("PANEL", panel::<W>()),
                ("SLICE", if size_of::<W>() <= 8 { 16 } else { 8 }),
            ],
        }
    }

    /// How many threads a group of it has; shaders say it themselves.
    #[cfg(feature = "cuda")]
    pub(crate) fn threads(self) -> usize {
        if let Some(team) = self.team() {
            return team.lanes * team.matrices;
        }
        match self {
            Kernel::Scale
            | Kernel::Panel
            | Kernel::PanelColumn
            | Kernel::TriangleScale
            | Kernel::TrianglePanel
            | Kernel::CholeskyScale
            | Kernel::CholeskyPanel
            | Kernel::PinvRows
            | Kernel::PinvPivot
            | Kernel::PinvLengths => WORKGROUP,
            // As product and pinv share a tile out.
            Kernel::Product | Kernel::Pinv => TILE[0] * TILE[1] / 16,
            _ => LINES,
        }
    }
}

/// The text of a back-end's file: of those that both have, in the folder `kernels` beside the caller, and of its own.
macro_rules! texts {
    ($name:expr, $extension:literal, $($own:literal),+) => {
        texts!(
            @ $name, $extension, $($own,)+
            "outcome",
            "small",
            "closed",
            "small_inverse",
            "small_rhs",
            "small_solve",
            "triangle",
            "small_factor",
            "small_triangle",
            "small_definite",
            "small_cholesky",
            "small_cholesky_solve",
            "blocked",
            "scale",
            "load",
            "lower_block",
            "pivot",
            "panel",
            "panel_column",
            "exchange",
            "product",
            "lift",
            "substitute",
            "store",
            "rhs",
            "solution",
            "triangle_scale",
            "triangle_load",
            "triangle_panel",
            "triangle_store",
            "cholesky_scale",
            "cholesky_panel",
            "cholesky_rows",
            "diagonal",
            "quotients",
            "rotation",
            "small_pinv",
            "rotations",
            "pinv_rows",
            "pinv_reflect",
            "pinv_pivot",
            "pinv_powers",
            "pinv_rotate",
            "pinv_rest",
            "pinv_lengths",
            "pinv",
        )
    };
    (@ $name:expr, $extension:literal, $($file:literal,)+) => {
        match $name {
            $($file => include_str!(concat!("kernels/", $file, $extension)),)+
            name => unreachable!("{name} is no text of a kernel"),
        }
    };
}
pub(crate) use texts;

/// Columns, or entries of a row, that a group does of kernels with a thread for each.
pub(crate) const LINES: usize = 64;
