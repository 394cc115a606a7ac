#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainv_fuzz::check("arguments", data));
