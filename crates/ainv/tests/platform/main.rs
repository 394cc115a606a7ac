//! What must hold on every platform, in a binary that is small enough for emulators, Miri and sanitizers:
//! `scripts/platforms` and `scripts/sanitize` run it there. WebAssembly runs the same functions
//! (`testkit/wasm`).

mod checks;
#[allow(dead_code, unused_macros, unused_imports)]
#[path = "../promises/common.rs"]
mod common;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
#[allow(dead_code)]
#[path = "../promises/control.rs"]
mod control;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod gpu;
mod views;
