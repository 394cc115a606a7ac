//! Text files, and the promise that a file appears whole or not at all.

use ainv::{OwnedStack, c64};
use ainv_io::{Cause, Error, Matrices, Place, read, read_within, write};
use std::fs;
use std::path::{Path, PathBuf};

fn with(name: &str, content: &[u8]) -> Result<Matrices, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    read(&path)
}

fn f64s(numbers: &[f64], shape: &[usize]) -> Matrices {
    OwnedStack::from_vec(numbers.to_vec(), shape).unwrap().into()
}

#[test]
fn numbers_as_people_write_them() {
    let two = f64s(&[1.0, -2.5e-3, 30.0, 4.0], &[2, 2]);
    for (name, text) in [
        ("a.csv", "1,-2.5e-3\n30,4\n"),
        ("a.csv", "1,-2.5e-3\r\n30,4"),
        ("a.CSV", "\u{feff} 1 ,\t-0.0025\n+3E1,4.\n\n \n"),
        ("a.csv", "\"1\",\"-2.5e-3\"\n\"30\",\"4\"\n"),
        ("a.csv", "1, \"-2.5e-3\" \n \"30\",(4)"),
        ("a.tsv", "1\t-2.5e-3\n30\t4\n"),
    ] {
        assert_eq!(with(name, text.as_bytes()).unwrap(), two, "{text:?}");
    }
    assert_eq!(with("b.csv", b"1\n2\n3\n").unwrap(), f64s(&[1.0, 2.0, 3.0], &[3, 1]));
    assert_eq!(
        with("b.csv", b"inf,-Infinity\n").unwrap(),
        f64s(&[f64::INFINITY, -f64::INFINITY], &[1, 2])
    );
    let Matrices::F64(a) = with("n.csv", b"nan,NaN\n").unwrap() else { panic!("not float64") };
    assert!(a.as_slice().iter().all(|x| x.is_nan()));
}

#[test]
fn complex_numbers() {
    let text = "1+2j,-1e-3-2E+5J,(3+0j)\n4, j ,-2.5j\n";
    let expected = [
        c64::new(1.0, 2.0),
        c64::new(-1e-3, -2e5),
        c64::new(3.0, 0.0),
        c64::new(4.0, 0.0),
        c64::new(0.0, 1.0),
        c64::new(0.0, -2.5),
    ];
    let expected: Matrices = OwnedStack::from_vec(expected.to_vec(), &[2, 3]).unwrap().into();
    assert_eq!(with("c.csv", text.as_bytes()).unwrap(), expected);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, place, says) in [
        (&b"1,2\n3,x\n"[..], Place::Field(2, 2), "\"x\" is not a number"),
        (b"a,b\n1,2\n", Place::Field(1, 1), "is not a number"),
        (b"1,2\n3\n", Place::Line(2), "1 numbers, the lines before have 2"),
        (b"1,2\n3,4,5\n", Place::Line(2), "3 numbers"),
        (b"1,2,\n", Place::Field(1, 3), "missing"),
        (b"1,,2\n", Place::Field(1, 2), "missing"),
        (b"1,2\n\n3,4\n", Place::Line(2), "blank line"),
        (b"1,2\r\n\r\n\r\n3,4", Place::Line(2), "blank line"),
        (b"\n1,2\n", Place::Line(1), "blank line"),
        (b"1,2\n \n\n3,4\n", Place::Line(2), "blank line"),
        (b"1,2\n3\n\n4,5\n", Place::Line(2), "1 numbers"),
        (b"1,2\r\n3,4\r\n5,x", Place::Field(3, 2), "not a number"),
        (b"1,2\n\"3,4\n5,6\n", Place::Field(2, 1), "not a number"),
        (b"1,2\r3,4\r", Place::Field(1, 2), "not a number"),
        (b"1,2\n3,4\n5,\xff", Place::Line(3), "UTF-8"),
        (b"1,1e999\n", Place::Field(1, 2), "too large"),
        (b"1,-1e999+2j\n", Place::Field(1, 2), "too large"),
        (b"1,2+3k\n", Place::Field(1, 2), "not a number"),
        (b"1,2+3+4j\n", Place::Field(1, 2), "not a number"),
        (b"1;2\n", Place::Field(1, 1), "not a number"),
        (b"1,0x10\n", Place::Field(1, 2), "not a number"),
        (b"1,\xff\n", Place::Line(1), "UTF-8"),
        (b"", Place::File, "no numbers"),
        (b"\n\n", Place::File, "no numbers"),
        (b"\0\0\0\0", Place::Field(1, 1), "not a number"),
    ] {
        let error = with("a.csv", text).unwrap_err();
        assert_eq!(error.place, place, "{error}");
        assert!(matches!(error.cause, Cause::Damaged(_)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn written_numbers_read_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = [
        0.1,
        1.0 / 3.0,
        -0.0,
        5e-324,
        f64::MAX,
        1e16,
        123456789.123,
        f64::INFINITY,
        2.0f64.powi(-20),
    ];
    let real = f64s(&numbers, &[3, 3]);
    let complex: Vec<_> = numbers.iter().map(|&x| c64::new(-x, x)).collect();
    let complex: Matrices = OwnedStack::from_vec(complex, &[3, 3]).unwrap().into();
    let single: Matrices =
        OwnedStack::from_vec(numbers.map(|x| (x / 7.0) as f32).to_vec(), &[9, 1]).unwrap().into();
    for name in ["a.csv", "a.tsv"] {
        let path = folder.path().join(name);
        for a in [&real, &complex] {
            write(&path, a).unwrap();
            assert_eq!(&read(&path).unwrap(), a);
        }
        write(&path, &single).unwrap();
        assert_eq!(read(&path).unwrap().cast(single.dtype()).unwrap(), single);
    }
    let path = folder.path().join("n.csv");
    let nans = vec![c64::new(f64::NAN, -f64::NAN), c64::new(0.5, -0.0)];
    write(&path, &OwnedStack::from_vec(nans, &[1, 2]).unwrap().into()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "nan+nanj,0.5-0.0j\n");
    assert!(read(&path).is_ok());
}

#[test]
fn one_matrix_a_text_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    for shape in [[2, 1, 1], [0, 1, 1]] {
        let error = write(&path, &OwnedStack::<f64>::zeros(&shape).unwrap().into()).unwrap_err();
        assert!(matches!(error.cause, Cause::Unsupported(_)), "{error}");
    }
    assert!(write(&path, &OwnedStack::<f64>::zeros(&[0, 3]).unwrap().into()).is_err());
    assert!(!path.exists());
    write(&path, &OwnedStack::<f64>::zeros(&[1, 1, 1]).unwrap().into()).unwrap();
}

#[test]
fn the_limit_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "1,2\n3,4\n").unwrap();
    assert!(read_within(&path, 32).is_ok());
    assert!(matches!(
        read_within(&path, 31).unwrap_err().cause,
        Cause::Memory { bytes: 32, limit: Some(31) }
    ));
}

#[test]
fn a_line_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    // A terabyte of zeros, none of it on the disk.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = read(&path).unwrap_err();
    assert!(error.to_string().contains("a line is longer than 67108864 bytes"), "{error}");
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "a", ".npy", "a.npy.gz"] {
        let error = read(&folder.path().join(name)).unwrap_err();
        assert!(matches!(error.cause, Cause::Ending), "{name}: {error}");
    }
    let error = read(&folder.path().join("none.npy")).unwrap_err();
    assert!(matches!(error.cause, Cause::System(_)), "{error}");
    let taken = folder.path().join("folder.npy");
    fs::create_dir(&taken).unwrap();
    assert!(read(&taken).is_err());
    assert!(write(&taken, &f64s(&[1.0], &[1, 1])).is_err());
}

fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_write_that_fails_leaves_nothing_and_one_that_succeeds_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    write(&path, &f64s(&[1.0], &[1, 1])).unwrap();
    write(&path, &f64s(&[2.0], &[1, 1])).unwrap();
    assert_eq!(names(folder.path()), std::slice::from_ref(&path));
    assert_eq!(read(&path).unwrap(), f64s(&[2.0], &[1, 1]));

    // A name that cannot be taken: the old content stays, and no temporary file.
    assert!(write(&folder.path().join("none/x.npy"), &f64s(&[1.0], &[1, 1])).is_err());
    assert_eq!(names(folder.path()), [path]);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_new_file_has_the_usual_rights() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("x.npy"), folder.path().join("link.npy"));
    write(&file, &f64s(&[1.0], &[1, 1])).unwrap();
    let usual = folder.path().join("usual");
    fs::write(&usual, "").unwrap();
    let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(rights(&file), rights(&usual));
    symlink(&file, &link).unwrap();
    write(&link, &f64s(&[2.0], &[1, 1])).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&file).unwrap(), f64s(&[2.0], &[1, 1]));
}
