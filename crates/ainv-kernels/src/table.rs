//! The table of entry points, and `frames!`, which makes one for every instruction set.

use crate::isa::{IsaId, Unavailable, selected};
use crate::lanes::{Group, PinvLanes, Suspects, TriShape};
use crate::scalar::Scalar;
use crate::{block, columns, lanes, pack, panel, sums, tile, transpose, trsm};

/// The entry points of one scalar on one instruction set.
pub struct Kernels<T: Scalar> {
    pub isa: IsaId,
    /// Rows and columns of the product tile.
    pub mr: usize,
    pub nr: usize,

    pub inv: unsafe fn(&Group<T>) -> Suspects,
    pub inv_alone: unsafe fn(&Group<T>) -> Suspects,
    pub inv_by_columns: unsafe fn(&Group<T>) -> Suspects,
    pub cholesky: unsafe fn(&Group<T>) -> Suspects,
    pub cholesky_by_columns: unsafe fn(&Group<T>) -> bool,
    pub cholesky_inv: unsafe fn(&Group<T>) -> Suspects,
    pub cholesky_inv_by_columns: unsafe fn(&Group<T>) -> bool,
    pub posdef_inv: unsafe fn(&Group<T>) -> Suspects,
    pub posdef_inv_by_columns: unsafe fn(&Group<T>) -> bool,
    pub tri_inv: unsafe fn(&Group<T>, TriShape) -> Suspects,
    pub tri_inv_by_columns: unsafe fn(&Group<T>, TriShape) -> bool,
    pub pinv_orthogonal: unsafe fn(&Group<T>, &PinvLanes) -> Suspects,
    pub pinv_subspace: unsafe fn(&Group<T>, &PinvLanes) -> Suspects,
    pub pinv_jacobi: unsafe fn(&Group<T>, &PinvLanes) -> Suspects,
    pub solve: unsafe fn(&Group<T>) -> Suspects,
    pub solve_by_columns: unsafe fn(&Group<T>) -> Suspects,

    pub tile: unsafe fn(&tile::Tile<T>),
    pub pack_a: unsafe fn(&pack::Panel<T>, *mut T::Real),
    pub pack_b: unsafe fn(&pack::Panel<T>, *mut T),
    pub transpose: unsafe fn(&transpose::Transpose<T>),
    pub sum_abs: unsafe fn(*const T, usize, *mut T::Real) -> T::Real,
    pub sum_squares: unsafe fn(*const T, usize) -> T::Real,
    pub block_tri_inv: unsafe fn(&block::Block<T>, bool),
    pub block_cholesky: unsafe fn(&block::Block<T>) -> usize,
    pub block_adjoint_product: unsafe fn(&block::Block<T>),
    pub panel_lu: unsafe fn(&panel::PanelLu<T>) -> usize,
    pub trsm_right: unsafe fn(&trsm::Right<T>),
    pub trsm_left: unsafe fn(&trsm::LeftUnitLower<T>),
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
                    pinv_orthogonal: pinv_orthogonal::<T>,
                    pinv_subspace: pinv_subspace::<T>,
                    pinv_jacobi: pinv_jacobi::<T>,
                    solve: solve::<T>,
                    solve_by_columns: solve_by_columns::<T>,
                    tile: tile::<T, VR, NR>,
                    pack_a: pack_a::<T, VR>,
                    pack_b: pack_b::<T, NR>,
                    transpose: transpose::<T>,
                    sum_abs: sum_abs::<T>,
                    sum_squares: sum_squares::<T>,
                    block_tri_inv: block_tri_inv::<T>,
                    block_cholesky: block_cholesky::<T>,
                    block_adjoint_product: block_adjoint_product::<T>,
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
            impl<const VR: usize, const NR: usize> Table<crate::scalar::c32, VR, NR> {
                pub(crate) const SHAPED: &'static Kernels<crate::scalar::c32> =
                    &Table::<crate::scalar::c32, $cvr, $cnr>::TABLE;
            }
            impl<const VR: usize, const NR: usize> Table<crate::scalar::c64, VR, NR> {
                pub(crate) const SHAPED: &'static Kernels<crate::scalar::c64> =
                    &Table::<crate::scalar::c64, $cvr, $cnr>::TABLE;
            }
        }
    };
    (@entries [$($feature:literal)?] $isa:ty) => {
        frames!(@entry [$($feature)?] $isa, inv(g: &Group<T>) -> Suspects = lanes::lu::inv);
        frames!(@entry [$($feature)?] $isa, inv_alone[One](g: &Group<T>) -> Suspects = lanes::unrolled::alone);
        frames!(@entry [$($feature)?] $isa, inv_by_columns[One](g: &Group<T>) -> Suspects = columns::lu::inv);
        frames!(@entry [$($feature)?] $isa, cholesky(g: &Group<T>) -> Suspects = lanes::cholesky::cholesky);
        frames!(@entry [$($feature)?] $isa, cholesky_by_columns(g: &Group<T>) -> bool = columns::cholesky::cholesky);
        frames!(@entry [$($feature)?] $isa, cholesky_inv(g: &Group<T>) -> Suspects = lanes::cholesky::cholesky_inv);
        frames!(@entry [$($feature)?] $isa, cholesky_inv_by_columns(g: &Group<T>) -> bool = columns::cholesky::cholesky_inv);
        frames!(@entry [$($feature)?] $isa, posdef_inv(g: &Group<T>) -> Suspects = lanes::cholesky::posdef_inv);
        frames!(@entry [$($feature)?] $isa, posdef_inv_by_columns(g: &Group<T>) -> bool = columns::cholesky::posdef_inv);
        frames!(@entry [$($feature)?] $isa, tri_inv(g: &Group<T>, s: TriShape) -> Suspects = lanes::triangular::tri_inv);
        frames!(@entry [$($feature)?] $isa, tri_inv_by_columns(g: &Group<T>, s: TriShape) -> bool = columns::triangular::tri_inv);
        frames!(@entry [$($feature)?] $isa, pinv_orthogonal(g: &Group<T>, p: &PinvLanes) -> Suspects = lanes::orthogonal::pinv);
        frames!(@entry [$($feature)?] $isa, pinv_subspace(g: &Group<T>, p: &PinvLanes) -> Suspects = lanes::subspace::pinv);
        frames!(@entry [$($feature)?] $isa, pinv_jacobi(g: &Group<T>, p: &PinvLanes) -> Suspects = lanes::jacobi::pinv);
        frames!(@entry [$($feature)?] $isa, solve(g: &Group<T>) -> Suspects = lanes::lu::solve);
        frames!(@entry [$($feature)?] $isa, solve_by_columns[One](g: &Group<T>) -> Suspects = columns::lu::solve);
        frames!(@entry [$($feature)?] $isa, transpose(p: &transpose::Transpose<T>) -> () = transpose::transpose);
        frames!(@entry [$($feature)?] $isa, sum_abs(x: *const T, len: usize, each: *mut T::Real) -> T::Real = sums::sum_abs);
        frames!(@entry [$($feature)?] $isa, sum_squares(x: *const T, len: usize) -> T::Real = sums::sum_squares);
        frames!(@entry [$($feature)?] $isa, block_tri_inv[One](p: &block::Block<T>, lower: bool) -> () = block::tri_inv);
        frames!(@entry [$($feature)?] $isa, block_cholesky[One](p: &block::Block<T>) -> usize = block::cholesky);
        frames!(@entry [$($feature)?] $isa, block_adjoint_product[One](p: &block::Block<T>) -> () = block::adjoint_product);
        frames!(@entry [$($feature)?] $isa, panel_lu(p: &panel::PanelLu<T>) -> usize = panel::lu);
        frames!(@entry [$($feature)?] $isa, trsm_right(p: &trsm::Right<T>) -> () = trsm::right);
        frames!(@entry [$($feature)?] $isa, trsm_left(p: &trsm::LeftUnitLower<T>) -> () = trsm::left);
        frames!(@entry [$($feature)?] $isa, pack_a<VR>(p: &pack::Panel<T>, to: *mut T::Real) -> () = pack::a);
        frames!(@entry [$($feature)?] $isa, pack_b<NR>(p: &pack::Panel<T>, to: *mut T) -> () = pack::b);
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

// A complex tile has four columns, which divide the blocks of eight; of six some would be computed for nothing.
// (NEON's six were not measured.)
#[cfg(target_arch = "x86_64")]
frames!(avx512, crate::isa::avx512::Avx512, IsaId::Avx512, ["avx512f,avx512dq,avx2,fma"],
    real 3 x 8, complex 2 x 4);
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
pub trait Tabled: Scalar {
    fn on(isa: IsaId) -> &'static Kernels<Self>;
}

macro_rules! tabled {
    ($($t:ty),*) => {
        $(impl Tabled for $t {
            // Inlined into another crate it would have every kernel compiled there once more.
            #[inline(never)]
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
tabled!(f32, f64, crate::scalar::c32, crate::scalar::c64);

/// The table of the set in use.
pub fn table<T: Tabled>() -> Result<&'static Kernels<T>, Unavailable> {
    selected().map(T::on)
}
