//! A stack of three gigabytes through a hundred megabytes. Alone in its file, that is in its process,
//! whose memory is measured.
#![cfg(target_os = "linux")]

use ainv_io::{Declared, Dtype, Format, Sink, Source};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// The most memory that this process had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_stack_larger_than_memory_goes_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut file = File::create(&path).unwrap();
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (3145728, 16, 8), }";
    file.write_all(b"\x93NUMPY\x01\x00").unwrap();
    file.write_all(&(text.len() as u16).to_le_bytes()).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    // All zeros but the last number.
    file.seek(SeekFrom::Current((3 << 30) - 8)).unwrap();
    file.write_all(&7f64.to_le_bytes()).unwrap();
    drop(file);

    let mut source = Source::open(&path, None).unwrap();
    let info = source.arrays()[0].clone();
    assert_eq!(info.bytes, 3 << 30);
    let all = Declared { name: None, dtype: Dtype::F64, shape: info.shape.clone() };
    let mut sink = Sink::create(Path::new("/dev/null"), Some(Format::Npz), &[all]).unwrap();
    let limit = 64 << 20;
    let matrices = usize::try_from(limit).unwrap() / (16 * 8 * 8);
    let mut sum = 0.0;
    for first in (0..info.matrices()).step_by(matrices) {
        let range = first..info.matrices().min(first + matrices);
        let part = source.read_range(0, range, limit).unwrap();
        let ainv_io::Matrices::F64(numbers) = &part else { panic!("float64") };
        sum += numbers.as_slice().iter().sum::<f64>();
        sink.write(&part).unwrap();
    }
    sink.finish().unwrap();
    assert_eq!(sum, 7.0);
    let peak = peak();
    assert!(peak < 160 << 20, "{peak} bytes of memory");
}
