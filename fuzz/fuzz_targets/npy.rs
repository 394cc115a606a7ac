#![no_main]

use ainv_fuzz::check;
use ainv_io::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data, Format::Npy));
