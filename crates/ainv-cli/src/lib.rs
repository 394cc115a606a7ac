//! The ainv command.
