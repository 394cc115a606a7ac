//! Files of every format: right ones, hostile ones, and what becomes of a disk.

mod matrices;
mod mtx;
mod npy;
mod npz;
mod safetensors;
mod sink;
mod source;
mod support;
mod table;
