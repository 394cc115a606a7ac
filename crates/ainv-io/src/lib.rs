//! Matrix files for ainv.
