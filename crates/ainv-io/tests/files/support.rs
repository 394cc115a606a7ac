//! What the tests share.

use ainv::{OwnedStack, c32, c64};
use ainv_io::{Declared, Error, Format, Matrices, Sink, Source};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A folder with one file.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub(crate) fn open(&self, name: &str, content: &[u8]) -> Result<Source, Error> {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        Source::open(&path, None)
    }
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn f64s(numbers: &[f64], shape: &[usize]) -> Matrices {
    OwnedStack::from_vec(numbers.to_vec(), shape).unwrap().into()
}

/// Three matrices of 2 x 2 with awkward numbers, in each scalar.
pub(crate) fn awkward() -> [Matrices; 4] {
    let numbers = [
        1.5,
        -0.0,
        f64::MIN_POSITIVE / 8.0,
        f64::MAX,
        f64::INFINITY,
        1.0 / 3.0,
        2.0,
        1e16,
        -7.25,
        0.1,
        5e-324,
        123456789.123,
    ];
    let shape = [3, 2, 2];
    let both = numbers.map(|x| c64::new(x, -x));
    let single = both.map(|z| c32::new(z.re as f32, z.im as f32));
    [
        OwnedStack::from_vec(numbers.map(|x| x as f32).to_vec(), &shape).unwrap().into(),
        f64s(&numbers, &shape),
        OwnedStack::from_vec(single.to_vec(), &shape).unwrap().into(),
        OwnedStack::from_vec(both.to_vec(), &shape).unwrap().into(),
    ]
}

pub(crate) fn declared(name: Option<&str>, matrices: &Matrices) -> Declared {
    Declared {
        name: name.map(str::to_owned),
        dtype: matrices.dtype(),
        shape: matrices.shape().to_vec(),
    }
}

/// A writer whose bytes can be had afterwards.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The arrays as a file of this format.
pub(crate) fn written(format: Format, arrays: &[(Option<&str>, &Matrices)]) -> Vec<u8> {
    let bytes = Shared::default();
    let all: Vec<_> = arrays.iter().map(|(name, array)| declared(*name, array)).collect();
    let mut sink = Sink::to_writer(bytes.clone(), "memory", format, &all).unwrap();
    for (_, array) in arrays {
        sink.write(array).unwrap();
    }
    sink.finish().unwrap();
    bytes.bytes()
}

/// Writes the arrays to a file.
pub(crate) fn put(path: &Path, arrays: &[(Option<&str>, &Matrices)]) -> Result<(), Error> {
    let all: Vec<_> = arrays.iter().map(|(name, array)| declared(*name, array)).collect();
    let mut sink = Sink::create(path, None, &all)?;
    for (_, array) in arrays {
        sink.write(array)?;
    }
    sink.finish()
}
