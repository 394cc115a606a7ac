//! The cores of this machine.

pub(crate) mod arena;
pub(crate) mod condition;
pub(crate) mod executor;
pub(crate) mod mode;
pub(crate) mod peak;
pub(crate) mod pinv;
pub(crate) mod pool;
pub(crate) mod product;
pub(crate) mod run;
pub(crate) mod team;
