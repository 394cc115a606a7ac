//! The real matrices, against the readers of the test kit.

use ainv::{RealScalar, Scalar};
use ainv_io::{Source, available_memory, each};
use std::path::PathBuf;
use testkit::{Entries, read_folder, say};

#[test]
fn real_matrices() {
    let Some(folder) = std::env::var_os("AINV_TEST_MATRICES").map(PathBuf::from) else {
        return say("REAL MATRICES SKIPPED: AINV_TEST_MATRICES does not name their folder");
    };
    let files = read_folder(&folder);
    assert!(!files.is_empty());
    for file in files {
        let path = ["mtx", "npy"].map(|ending| folder.join(&file.name).with_extension(ending));
        let path = path.iter().find(|path| path.exists()).unwrap();
        let a = Source::open(path, None).unwrap().read(0, available_memory()).unwrap();
        assert_eq!(a.shape(), [file.rows, file.cols], "{}", file.name);
        let expected: Vec<_> = match &file.entries {
            Entries::Real(all) => all.iter().map(|&x| (x, 0.0)).collect(),
            Entries::Complex(all) => all.iter().map(|z| (z.re, z.im)).collect(),
        };
        assert_eq!(a.dtype().is_complex(), matches!(file.entries, Entries::Complex(_)));
        let same = each!(&a, a => {
            a.as_slice().iter().zip(&expected).all(|(x, y)| (x.re().to_f64(), x.im().to_f64()) == *y)
        });
        assert!(same, "{}", file.name);
    }
}
