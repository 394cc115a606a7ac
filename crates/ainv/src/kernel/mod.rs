//! HOW: the inner loops, each written once over [`Field`](crate::isa::field::Field).
//!
//! [`Kernels`] is the table of entry points of one scalar on one instruction set; `frames!` makes
//! one for every set. Nothing here knows of a matrix larger than a tile or a panel.
//!
//! # Safety
//! An entry point may be called once [`table`] has handed it out (the CPU has the set then). Its
//! pointers must span what its arguments say; scratch is aligned to 64 bytes and holds what the
//! kernel's module asks for in its function `scratch`. Kernels take pointers, never references, to the caller's
//! memory: interleaved matrices are not ours as a slice.

pub(crate) mod columns;
pub(crate) mod lanes;
pub(crate) mod pack;
pub(crate) mod panel;
pub(crate) mod tile;
pub(crate) mod trsm;

use crate::error::Error;
use crate::isa::{IsaId, selected};
use crate::scalar::Scalar;
use lanes::{Group, Suspects, TriShape};

/// The entry points of one scalar on one instruction set.
pub struct Kernels<T: Scalar> {
    pub(crate) isa: IsaId,
    /// Rows and columns of the product tile.
    pub(crate) mr: usize,
    pub(crate) nr: usize,

    pub(crate) inv: unsafe fn(&Group<T>) -> Suspects,
    pub(crate) inv_alone: unsafe fn(&Group<T>) -> Suspects,
    pub(crate) inv_by_columns: unsafe fn(&Group<T>) -> bool,
    pub(crate) cholesky: unsafe fn(&Group<T>) -> Suspects,
    pub(crate) cholesky_by_columns: unsafe fn(&Group<T>) -> bool,
    pub(crate) cholesky_inv: unsafe fn(&Group<T>) -> Suspects,
    pub(crate) cholesky_inv_by_columns: unsafe fn(&Group<T>) -> bool,
    pub(crate) posdef_inv: unsafe fn(&Group<T>) -> Suspects,
    pub(crate) posdef_inv_by_columns: unsafe fn(&Group<T>) -> bool,
    pub(crate) tri_inv: unsafe fn(&Group<T>, TriShape) -> Suspects,
    pub(crate) tri_inv_by_columns: unsafe fn(&Group<T>, TriShape) -> bool,
    pub(crate) solve: unsafe fn(&Group<T>) -> Suspects,
    pub(crate) solve_by_columns: unsafe fn(&Group<T>) -> bool,

    pub(crate) tile: unsafe fn(&tile::Tile<T>),
    pub(crate) pack_a: unsafe fn(&pack::Panel<T>, *mut T::Real),
    pub(crate) pack_b: unsafe fn(&pack::Panel<T>, *mut T::Real),
    pub(crate) panel_lu: unsafe fn(&panel::PanelLu<T>) -> usize,
    pub(crate) trsm_right: unsafe fn(&trsm::Right<T>),
    pub(crate) trsm_left: unsafe fn(&trsm::LeftUnitLower<T>),
}

impl<T: Scalar> std::fmt::Debug for Kernels<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernels<{}> on {}", T::NAME, self.isa)
    }
}

/// Stamps every kernel inside the frame of one instruction set, and tabulates them.
macro_rules! frames {
    ($module:ident, $isa:ty, $id:expr, [$($feature:literal)?], real $rvr:literal x $rnr:literal, complex $cvr:literal x $cnr:literal) => {
        pub(crate) mod $module {
            use super::*;
            use crate::isa::{Vector, field::{Field, FieldOf}};

            frames!(@entries [$($feature)?] $isa);

            pub(crate) struct Table<T, const VR: usize, const NR: usize>(std::marker::PhantomData<T>);

            impl<T: FieldOf<$isa>, const VR: usize, const NR: usize> Table<T, VR, NR> {
                pub(crate) const TABLE: Kernels<T> = Kernels {
                    isa: $id,
                    mr: VR * <<T::F as Field>::V as Vector>::LANES,
                    nr: NR,
                    inv: inv::<T>,
                    inv_alone: inv_alone::<T>,
                    inv_by_columns: inv_by_columns::<T>,
                    cholesky: cholesky::<T>,
                    cholesky_by_columns: cholesky_by_columns::<T>,
                    cholesky_inv: cholesky_inv::<T>,
                    cholesky_inv_by_columns: cholesky_inv_by_columns::<T>,
                    posdef_inv: posdef_inv::<T>,
                    posdef_inv_by_columns: posdef_inv_by_columns::<T>,
                    tri_inv: tri_inv::<T>,
                    tri_inv_by_columns: tri_inv_by_columns::<T>,
                    solve: solve::<T>,
                    solve_by_columns: solve_by_columns::<T>,
                    tile: tile::<T, VR, NR>,
                    pack_a: pack_a::<T, VR>,
                    pack_b: pack_b::<T, NR>,
                    panel_lu: panel_lu::<T>,
                    trsm_right: trsm_right::<T>,
                    trsm_left: trsm_left::<T>,
                };
            }

            impl<const VR: usize, const NR: usize> Table<f32, VR, NR> {
                pub(crate) const SHAPED: &'static Kernels<f32> = &Table::<f32, $rvr, $rnr>::TABLE;
            }
            impl<const VR: usize, const NR: usize> Table<f64, VR, NR> {
                pub(crate) const SHAPED: &'static Kernels<f64> = &Table::<f64, $rvr, $rnr>::TABLE;
            }
            impl<const VR: usize, const NR: usize> Table<crate::c32, VR, NR> {
                pub(crate) const SHAPED: &'static Kernels<crate::c32> =
                    &Table::<crate::c32, $cvr, $cnr>::TABLE;
            }
            impl<const VR: usize, const NR: usize> Table<crate::c64, VR, NR> {
                pub(crate) const SHAPED: &'static Kernels<crate::c64> =
                    &Table::<crate::c64, $cvr, $cnr>::TABLE;
            }
        }
    };
    (@entries [$($feature:literal)?] $isa:ty) => {
        frames!(@entry [$($feature)?] $isa, inv(g: &Group<T>) -> Suspects = lanes::lu::inv);
        frames!(@entry [$($feature)?] $isa, inv_alone[One](g: &Group<T>) -> Suspects = lanes::unrolled::alone);
        frames!(@entry [$($feature)?] $isa, inv_by_columns(g: &Group<T>) -> bool = columns::lu::inv);
        frames!(@entry [$($feature)?] $isa, cholesky(g: &Group<T>) -> Suspects = lanes::cholesky::cholesky);
        frames!(@entry [$($feature)?] $isa, cholesky_by_columns(g: &Group<T>) -> bool = columns::cholesky::cholesky);
        frames!(@entry [$($feature)?] $isa, cholesky_inv(g: &Group<T>) -> Suspects = lanes::cholesky::cholesky_inv);
        frames!(@entry [$($feature)?] $isa, cholesky_inv_by_columns(g: &Group<T>) -> bool = columns::cholesky::cholesky_inv);
        frames!(@entry [$($feature)?] $isa, posdef_inv(g: &Group<T>) -> Suspects = lanes::cholesky::posdef_inv);
        frames!(@entry [$($feature)?] $isa, posdef_inv_by_columns(g: &Group<T>) -> bool = columns::cholesky::posdef_inv);
        frames!(@entry [$($feature)?] $isa, tri_inv(g: &Group<T>, s: TriShape) -> Suspects = lanes::triangular::tri_inv);
        frames!(@entry [$($feature)?] $isa, tri_inv_by_columns(g: &Group<T>, s: TriShape) -> bool = columns::triangular::tri_inv);
        frames!(@entry [$($feature)?] $isa, solve(g: &Group<T>) -> Suspects = lanes::lu::solve);
        frames!(@entry [$($feature)?] $isa, solve_by_columns(g: &Group<T>) -> bool = columns::lu::solve);
        frames!(@entry [$($feature)?] $isa, panel_lu(p: &panel::PanelLu<T>) -> usize = panel::lu);
        frames!(@entry [$($feature)?] $isa, trsm_right(p: &trsm::Right<T>) -> () = trsm::right);
        frames!(@entry [$($feature)?] $isa, trsm_left(p: &trsm::LeftUnitLower<T>) -> () = trsm::left);
        frames!(@entry [$($feature)?] $isa, pack_a<VR>(p: &pack::Panel<T>, to: *mut T::Real) -> () = pack::a);
        frames!(@entry [$($feature)?] $isa, pack_b<NR>(p: &pack::Panel<T>, to: *mut T::Real) -> () = pack::b);
        frames!(@entry [$($feature)?] $isa, tile<VR, NR>(t: &tile::Tile<T>) -> () = tile::tile);
    };
    (@entry [$($feature:literal)?] $isa:ty, $name:ident $([$one:ident])? $(<$($size:ident),+>)? ($($arg:ident : $t:ty),*) -> $ret:ty = $($body:ident)::+) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name<T: FieldOf<$isa> $($(, const $size: usize)+)?>($($arg: $t),*) -> $ret {
            // SAFETY: this frame has the features; the rest is the module's contract.
            unsafe { $($body)::+::<T::F $(, T::$one)? $($(, $size)+)?>($($arg),*) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
frames!(avx512, crate::isa::avx512::Avx512, IsaId::Avx512, ["avx512f,avx512dq,avx2,fma"],
    real 3 x 8, complex 2 x 6);
#[cfg(target_arch = "x86_64")]
frames!(avx2, crate::isa::avx2::Avx2, IsaId::Avx2, ["avx2,fma"],
    real 3 x 4, complex 1 x 5);
#[cfg(target_arch = "aarch64")]
frames!(neon, crate::isa::neon::Neon, IsaId::Neon, ["neon"],
    real 4 x 6, complex 2 x 6);
frames!(portable, crate::isa::portable::Portable, IsaId::Portable, [],
    real 2 x 4, complex 1 x 4);
frames!(fused, crate::isa::portable::Fused, IsaId::Fused, [],
    real 2 x 4, complex 1 x 4);

/// What [`table`] needs of a scalar: its table on each set.
pub(crate) trait Tabled: Scalar {
    fn on(isa: IsaId) -> &'static Kernels<Self>;
}

macro_rules! tabled {
    ($($t:ty),*) => {
        $(impl Tabled for $t {
            fn on(isa: IsaId) -> &'static Kernels<Self> {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    IsaId::Avx512 => avx512::Table::<$t, 0, 0>::SHAPED,
                    #[cfg(target_arch = "x86_64")]
                    IsaId::Avx2 => avx2::Table::<$t, 0, 0>::SHAPED,
                    #[cfg(target_arch = "aarch64")]
                    IsaId::Neon => neon::Table::<$t, 0, 0>::SHAPED,
                    IsaId::Fused => fused::Table::<$t, 0, 0>::SHAPED,
                    _ => portable::Table::<$t, 0, 0>::SHAPED,
                }
            }
        })*
    };
}
tabled!(f32, f64, crate::c32, crate::c64);

/// The table of the set in use.
pub(crate) fn table<T: Tabled>() -> Result<&'static Kernels<T>, Error> {
    selected().map(T::on)
}
