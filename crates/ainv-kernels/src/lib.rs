//! HOW: the inner loops of [ainv](https://docs.rs/ainv), each written once over
//! [`Field`](isa::field::Field), and the registers they run in. A crate of its own because it is slow to compile and seldom
//! changes; the public surface is `ainv`'s.
//!
//! [`Kernels`] is the table of entry points of one scalar on one instruction set. Nothing here
//! knows of a matrix larger than a tile or a panel.
//!
//! # Safety
//! An entry point may be called once [`table()`] has handed it out (the CPU has the set then). Its
//! pointers must span what its arguments say; scratch is aligned to 64 bytes and holds what the
//! kernel's module asks for in its function `scratch`. Kernels take pointers, never references, to
//! the caller's memory: interleaved matrices are not ours as a slice.

// Internal: what an entry point takes is said at its kernel.
#![allow(missing_docs)]

pub mod block;
pub mod bounds;
pub mod columns;
pub mod isa;
pub mod lanes;
pub mod pack;
pub mod panel;
pub mod places;
pub mod scalar;
pub mod sums;
mod table;
pub mod tile;
pub mod transpose;
pub mod trsm;

pub use table::{Kernels, Tabled, table};
