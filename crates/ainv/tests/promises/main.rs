//! What ainv promises, one file a promise. One binary, so that the kernels are compiled once.

mod common;

mod accuracy;
mod harness;
