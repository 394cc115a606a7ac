//! What ainv promises, one file a promise. One binary, so that the kernels are compiled once.

mod common;

mod accuracy;
mod bits;
mod harness;
mod known;
mod nonfinite;
mod pinv;
mod properties;
mod range;
mod real;
mod sizes;
mod status;
mod triangle;
