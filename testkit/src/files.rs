//! Readers for the real matrices: Matrix Market and two-dimensional float64 `.npy`.

use ainv::c64;
use std::path::Path;

/// The entries of a file.
#[derive(Clone, Debug)]
pub enum Entries {
    /// Real, row by row.
    Real(Vec<f64>),
    /// Complex, row by row.
    Complex(Vec<c64>),
}

/// A matrix from a file.
#[derive(Clone, Debug)]
pub struct File {
    /// The file's name without its ending.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Entries, row by row.
    pub entries: Entries,
}

/// Every `.mtx` and `.npy` file of a folder, by name.
///
/// # Panics
/// If one cannot be read: this is for tests.
pub fn read_folder(folder: &Path) -> Vec<File> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = || std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        match path.extension().and_then(|e| e.to_str()) {
            Some("mtx") => files.push(matrix_market(name, &String::from_utf8_lossy(&bytes()))),
            Some("npy") => files.push(npy(name, &bytes())),
            _ => {}
        }
    }
    files
}

fn matrix_market(name: String, text: &str) -> File {
    let mut lines = text.lines();
    let head = lines.next().expect("a header").to_lowercase();
    let words: Vec<&str> = head.split_whitespace().collect();
    let [_, _, format, field, symmetry] = words[..] else { panic!("{name}: {head}") };
    let complex = field == "complex";
    let mut numbers = lines
        .filter(|l| !l.starts_with('%'))
        .flat_map(str::split_whitespace)
        .map(|w| w.parse::<f64>().unwrap_or_else(|e| panic!("{name}: {w}: {e}")));
    let mut next = || numbers.next().unwrap_or_else(|| panic!("{name} ends early"));
    let (rows, cols) = (next() as usize, next() as usize);
    let mut a = vec![c64::default(); rows * cols];
    let mut put = |i: usize, j: usize, x: c64| {
        a[i * cols + j] += x;
        if i != j {
            match symmetry {
                "symmetric" => a[j * cols + i] += x,
                "skew-symmetric" => a[j * cols + i] -= x,
                "hermitian" => a[j * cols + i] += x.conj(),
                _ => {}
            }
        }
    };
    let value = |next: &mut dyn FnMut() -> f64| match field {
        "pattern" => c64::new(1.0, 0.0),
        "complex" => {
            let re = next();
            c64::new(re, next())
        }
        _ => c64::new(next(), 0.0),
    };
    if format == "coordinate" {
        for _ in 0..next() as usize {
            let (i, j) = (next() as usize, next() as usize);
            let x = value(&mut next);
            put(i - 1, j - 1, x);
        }
    } else {
        for j in 0..cols {
            let first = match symmetry {
                "general" => 0,
                "skew-symmetric" => j + 1,
                _ => j,
            };
            for i in first..rows {
                let x = value(&mut next);
                put(i, j, x);
            }
        }
    }
    let entries =
        if complex { Entries::Complex(a) } else { Entries::Real(a.iter().map(|x| x.re).collect()) };
    File { name, rows, cols, entries }
}

fn npy(name: String, bytes: &[u8]) -> File {
    assert!(bytes.starts_with(b"\x93NUMPY"), "{name}: no .npy file");
    let (start, length) = match bytes[6] {
        1 => (10, u16::from_le_bytes([bytes[8], bytes[9]]) as usize),
        _ => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
    };
    let head = String::from_utf8_lossy(&bytes[start..start + length]).into_owned();
    assert!(head.contains("'<f8'"), "{name}: {head}");
    let shape =
        head.split("'shape':").nth(1).and_then(|s| s.split(['(', ')']).nth(1)).expect("shape");
    let sizes: Vec<usize> = shape.split(',').filter_map(|s| s.trim().parse().ok()).collect();
    let [rows, cols] = sizes[..] else { panic!("{name}: {head}") };
    let mut a: Vec<f64> = bytes[start + length..]
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().expect("8 bytes")))
        .collect();
    assert_eq!(a.len(), rows * cols, "{name}");
    if head.contains("'fortran_order': True") {
        a = (0..rows * cols).map(|at| a[at / cols + at % cols * rows]).collect();
    }
    File { name, rows, cols, entries: Entries::Real(a) }
}
