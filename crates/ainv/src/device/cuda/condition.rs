//! Reciprocal condition numbers of matrices in the device's memory: gpu/condition.rs has what they mean; here the device sums
//! the norms, too.

use super::device::Gpu;
use super::driver::{Address, Handle};
use super::kernels::{LANES, Name};
use super::strided::{Lying, strided};
use crate::device::gpu::{Asked, Work};
use crate::error::Error;
use crate::options::Norm;
use crate::stack::Stack;
use ainv_kernels::scalar::Scalar;

/// Where they go, one a matrix: single or double numbers.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) address: Address,
    pub(super) single: bool,
}

impl Found {
    /// Those from the matrix of this number on.
    fn after(self, first: usize) -> Address {
        self.address + (first * if self.single { 4 } else { 8 }) as Address
    }
}

/// A norm, as condition.cu has it.
#[repr(C)]
pub(super) struct Size {
    value: f64,
    exponent: i32,
}

/// The argument of norms.cu.
#[repr(C)]
struct Norms {
    matrices: Address,
    norms: Address,
    outcomes: Address,
    conditions: Address,
    single: u64,
    order: u64,
    entries: u64,
    rows: u64,
    near_one: u64,
}

/// The argument of near_one.cu.
#[repr(C)]
struct NearOne {
    matrices: Address,
    outcomes: Address,
    size: u64,
}

/// The argument of diagonal_condition.cu.
#[repr(C)]
struct Diagonals {
    diagonals: Address,
    conditions: Address,
    single: u64,
    order: u64,
}

/// Dense matrices of one order, and where their norms are kept.
#[derive(Clone, Copy)]
pub(super) struct Dense {
    pub(super) matrices: Address,
    pub(super) norms: Address,
    pub(super) outcomes: Address,
    pub(super) order: usize,
    pub(super) len: usize,
}

/// What norms are summed of.
#[derive(Clone, Copy)]
pub(super) enum Summed {
    /// What some work is done with.
    Matrices(Work),
    /// The stack's inverses from the matrix `first` on, from whose norms condition numbers follow.
    Inverses { found: Found, first: usize },
}

/// What counts of matrices, as norms.cu has it.
fn entries(work: Work) -> u64 {
    match work {
        Work::Triangle { hermitian: true, .. } => 4,
        Work::Triangle { unit, .. } => 1 + u64::from(unit),
        Work::Definite { .. } => 3,
        _ => 0,
    }
}

impl Gpu {
    /// Brings matrices near one, or suspects alone.
    ///
    /// # Safety
    /// The matrices are the work's to write to, and there is an outcome for each.
    pub(super) unsafe fn bring_near_one<W: Scalar>(
        &self,
        of: Dense,
        suspects: bool,
        stream: Handle,
    ) -> Result<(), Error> {
        let outcomes = if suspects { of.outcomes } else { 0 };
        let size = (of.order * of.order) as u64;
        let call = NearOne { matrices: of.matrices, outcomes, size };
        // SAFETY: the caller's promise.
        unsafe { self.launch_own::<W, _>(Name::NearOne, of.len, call, stream) }
    }

    /// The norms of matrices; or of inverses, and the condition numbers from both.
    ///
    /// # Safety
    /// The matrices are readable, and where norms and condition numbers go is the work's to write to.
    pub(super) unsafe fn norms<W: Scalar>(
        &self,
        of: Dense,
        summed: Summed,
        asked: Asked,
        stream: Handle,
    ) -> Result<(), Error> {
        let (entries, found) = match summed {
            Summed::Matrices(work) => (entries(work), None),
            Summed::Inverses { found, first } => (0, Some((found, first))),
        };
        let call = Norms {
            matrices: of.matrices,
            norms: of.norms,
            outcomes: of.outcomes,
            conditions: found.map_or(0, |(found, first)| found.after(first)),
            single: found.is_some_and(|(found, _)| found.single).into(),
            order: of.order as u64,
            entries,
            rows: matches!(asked, Asked::All(Norm::Inf)).into(),
            near_one: matches!(asked, Asked::All(_)).into(),
        };
        // SAFETY: the caller's promise.
        unsafe { self.launch_own::<W, _>(Name::Norms, of.len, call, stream) }
    }

    /// The condition numbers of diagonals, of which nothing else is read, and of empty matrices.
    ///
    /// # Errors
    /// As [`arrays::run`](super::arrays::run).
    pub(super) fn conditions_of_diagonals<T: Scalar, W: Scalar>(
        &self,
        a: &Stack<T>,
        found: Found,
        stream: Handle,
    ) -> Result<(), Error> {
        let _entered = self.enter()?;
        let (diagonals, count, order) = (a.diagonals(), a.len(), a.rows());
        let entries = count * order;
        let scratch = self.scratch(entries * size_of::<W>(), stream)?;
        let single = size_of::<T>() < size_of::<W>();
        if entries > 0 {
            let of = Lying::of(diagonals.begin(), diagonals.frame());
            let call = strided(of, scratch.address, 0, [0, count]);
            let blocks = entries.div_ceil(LANES);
            // SAFETY: the entries of a checked view, and scratch for them.
            unsafe { self.launch_own::<W, _>(Name::Gather { single }, blocks, call, stream)? };
        }
        let call = Diagonals {
            diagonals: scratch.address,
            conditions: found.after(0),
            single: found.single.into(),
            order: order as u64,
        };
        // SAFETY: the entries above, and the caller's places.
        unsafe { self.launch_own::<W, _>(Name::DiagonalCondition, count, call, stream) }
    }
}
