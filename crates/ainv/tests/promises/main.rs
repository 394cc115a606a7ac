//! What ainv promises, one file a promise. One binary, so that the kernels are compiled once.

// `!(ratio <= bar)` is written so that a NaN fails.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

mod common;
mod edges;
mod planted;

mod accuracy;
mod bits;
mod certificate;
mod condition;
mod control;
mod exact;
mod far;
mod golden;
mod harness;
mod ill_conditioned;
mod known;
mod large;
mod large_bad;
mod large_same;
mod modes;
mod nonfinite;
mod pinv;
mod products;
mod properties;
mod range;
mod real;
mod report;
mod scalar;
mod sets;
mod sizes;
mod status;
mod triangle;
