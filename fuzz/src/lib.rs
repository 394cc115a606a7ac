//! What must hold whatever the bytes are. The fuzz targets look for bytes that break it; a test of the
//! command's crate holds it against those that are kept in `kept/`.

pub mod arguments;
pub mod files;
pub mod stack;

use ainv_io::Format;

/// The check of this target.
///
/// # Panics
/// If it fails, or there is none of that name.
pub fn check(target: &str, data: &[u8]) {
    match target {
        "npy" => files::check(data, Format::Npy),
        "npz" => files::check(data, Format::Npz),
        "mtx" => files::check(data, Format::Mtx),
        "csv" => files::check(data, Format::Csv),
        "tsv" => files::check(data, Format::Tsv),
        "safetensors" => files::check(data, Format::Safetensors),
        "stack" => stack::check(data),
        "arguments" => arguments::check(data),
        _ => panic!("no target {target:?}"),
    }
}

/// All targets.
pub const TARGETS: [&str; 8] =
    ["npy", "npz", "mtx", "csv", "tsv", "safetensors", "stack", "arguments"];
