//! The Python module of ainv.
