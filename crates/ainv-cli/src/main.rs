//! The ainv command.
fn main() {}
