//! What a call does to the machine's memory: nothing beyond what is its own. A binary of its own, because
//! it has its own allocator.
#![cfg(target_os = "linux")]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../promises/common.rs"]
mod common;
mod depth;
mod fence;
mod fences;
