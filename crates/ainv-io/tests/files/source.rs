//! Sources in ranges, from files and from pipes.

use crate::support::{Folder, awkward, f64s, written};
use ainv_io::{Cause, Error, Format, Matrices, Place, Source};
use std::fs::File;
use std::io::{self, Read};

const MOST: u64 = 1 << 20;

fn npy(fortran: &str, shape: &str, numbers: &[f64]) -> Vec<u8> {
    let text = format!("{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

/// The numbers 0, 1, 2, ... of a stack in C order, as they lie in Fortran order.
fn fortran(shape: &[usize]) -> Vec<f64> {
    let count: usize = shape.iter().product();
    (0..count)
        .map(|mut i| {
            shape.iter().fold(0, |place, &length| {
                let index = i % length;
                i /= length;
                place * length + index
            }) as f64
        })
        .collect()
}

#[test]
fn ranges_of_both_orders() {
    for (shape, streams) in [(&[7, 2, 3][..], true), (&[1, 7, 2, 3], true), (&[7, 3, 2, 1], false)]
    {
        let count: usize = shape.iter().product();
        let matrices: usize = shape[..shape.len() - 2].iter().product();
        let [.., rows, cols] = *shape else { panic!("two axes") };
        let c: Vec<f64> = (0..count).map(|i| i as f64).collect();
        let text = format!("{shape:?}").replace('[', "(").replace(']', ")");
        let files = [npy("False", &text, &c), npy("True", &text, &fortran(shape))];
        for (content, streams) in files.iter().zip([true, streams]) {
            let mut source = Folder::new().open("a.npy", content).unwrap();
            assert_eq!(source.streams(0), streams, "{shape:?}");
            assert_eq!(source.arrays()[0].matrices(), matrices);
            for (start, end) in [(0, matrices), (0, 0), (2, 5), (matrices, matrices), (1, 2)] {
                let part = source.read_range(0, start..end, MOST).unwrap();
                let expected = &c[start * rows * cols..end * rows * cols];
                assert_eq!(part, f64s(expected, &[end - start, rows, cols]), "{shape:?}");
            }
            let bytes = (2 * rows * cols * 8) as u64;
            assert!(source.read_range(0, 1..3, bytes).is_ok());
            let error = source.read_range(0, 1..3, bytes - 1).unwrap_err();
            assert!(matches!(error.cause, Cause::Memory { .. }), "{error}");
            #[expect(clippy::reversed_empty_ranges, reason = "that is what is asked for")]
            for range in [0..matrices + 1, 3..2] {
                assert!(source.read_range(0, range, MOST).is_err());
            }
        }
    }
}

#[test]
fn every_format_is_read_from_memory() {
    let [_, a, ..] = awkward();
    let one = f64s(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
    for format in Format::ALL {
        let a = if format.holds_stacks() { &a } else { &one };
        let bytes = written(format, &[(None, a)]);
        let length = bytes.len() as u64;
        let mut source = Source::from_bytes(bytes.clone(), "dropped", format).unwrap();
        assert_eq!((source.format(), source.bytes()), (format, Some(length)));
        // Again and in parts: nothing was used up.
        assert_eq!(&source.read(0, MOST).unwrap(), a);
        assert_eq!(&source.read(0, MOST).unwrap(), a);
        if format.holds_stacks() {
            let part = source.read_range(0, 1..2, MOST).unwrap();
            assert_eq!(part.shape(), [1, 2, 2]);
        }
        for cut in [0, 1, bytes.len() / 2] {
            let cut = Source::from_bytes(bytes[..cut].to_vec(), "dropped", format)
                .and_then(|mut source| source.read(0, MOST));
            // Half of a table is a table.
            if let Err(error) = cut {
                assert!(error.to_string().starts_with("dropped"), "{error}");
            } else {
                assert!(matches!(format, Format::Csv | Format::Tsv), "{format}");
            }
        }
    }
}

#[test]
fn every_format_comes_through_a_pipe() {
    let [_, a, ..] = awkward();
    let one = f64s(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
    for format in Format::ALL {
        let a = if format.holds_stacks() { &a } else { &one };
        let bytes = written(format, &[(None, a)]);
        let mut source = Source::from_reader(io::Cursor::new(bytes), "pipe", format).unwrap();
        assert_eq!((source.format(), source.bytes().is_none()), (format, format == Format::Npy));
        assert_eq!(&source.read(0, MOST).unwrap(), a);
        let error = Source::from_reader(&b"nonsense"[..], "standard input", format).err().unwrap();
        assert!(error.to_string().starts_with("standard input, "), "{error}");
    }
    let numbers: Vec<f64> = (0..8).map(f64::from).collect();
    let content = npy("True", "(2, 2, 2)", &fortran(&[2, 2, 2]));
    let mut source = Source::from_reader(io::Cursor::new(content), "pipe", Format::Npy).unwrap();
    assert_eq!(source.read(0, MOST).unwrap(), f64s(&numbers, &[2, 2, 2]));
}

#[test]
fn a_pipe_in_c_order_is_read_once_and_not_kept() {
    let numbers: Vec<f64> = (0..60_000).map(f64::from).collect();
    let content = npy("False", "(15000, 2, 2)", &numbers);
    let mut source = Source::from_reader(io::Cursor::new(content), "pipe", Format::Npy).unwrap();
    for (start, end) in [(0, 1), (1, 9000), (9000, 9000), (14_000, 15_000)] {
        let part = source.read_range(0, start..end, MOST).unwrap();
        assert_eq!(part, f64s(&numbers[4 * start..4 * end], &[end - start, 2, 2]));
    }
    let error = source.read_range(0, 0..1, MOST).unwrap_err();
    assert!(error.to_string().contains("a pipe is read once"), "{error}");
}

#[test]
fn a_pipe_that_lies() {
    // A terabyte is promised; memory is asked for as the numbers come.
    let piped = |shape: &str, numbers: &[f64]| -> Result<Matrices, Error> {
        let content = npy("False", shape, numbers);
        Source::from_reader(io::Cursor::new(content), "pipe", Format::Npy)?.read(0, 1 << 41)
    };
    let error = piped("(131072, 1048576)", &[1.0; 4]).unwrap_err();
    assert_eq!(error.place, Place::Payload);
    assert!(error.to_string().contains("ends too early"), "{error}");
    let error = piped("(2, 1)", &[1.0; 3]).unwrap_err();
    assert!(error.to_string().contains("goes on after the last number"), "{error}");
    let error = piped("(4294967296, 4294967296)", &[]).unwrap_err();
    assert!(error.to_string().contains("overflows"), "{error}");
}

#[test]
fn a_pipe_that_breaks() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the line is dead"))
        }
    }
    for format in Format::ALL {
        let error = Source::from_reader(Broken, "pipe", format).err().unwrap();
        assert!(error.to_string().contains("the line is dead"), "{error}");
    }
}

#[test]
fn a_file_that_becomes_shorter_is_an_error_and_no_fault() {
    let folder = Folder::new();
    let mut source = folder.open("a.npy", &npy("False", "(9, 1, 1)", &[1.0; 9])).unwrap();
    File::options().write(true).open(folder.path("a.npy")).unwrap().set_len(90).unwrap();
    assert!(source.read_range(0, 0..1, MOST).is_ok());
    let error = source.read(0, MOST).unwrap_err();
    assert!(error.to_string().contains("a.npy, payload: the file ends too early"), "{error}");

    for (name, before, after) in [
        ("a.csv", "1,2\n3,4\n", "1,2\n"),
        ("b.csv", "1,2\n3,4\n", "1,j\n3,4\n"),
        (
            "a.mtx",
            "%%MatrixMarket matrix array real general\n2 1\n1\n2\n",
            "%%MatrixMarket matrix array real general\n1 1\n1\n",
        ),
    ] {
        let mut source = folder.open(name, before.as_bytes()).unwrap();
        std::fs::write(folder.path(name), after).unwrap();
        let error = source.read(0, MOST).unwrap_err();
        assert!(error.to_string().contains("changed while"), "{error}");
    }
}

#[test]
fn the_format_can_be_said() {
    let folder = Folder::new();
    let path = folder.path("numbers.txt");
    std::fs::write(&path, "1,2\n").unwrap();
    assert!(matches!(Source::open(&path, None).err().unwrap().cause, Cause::Ending));
    let mut source = Source::open(&path, Some(Format::Csv)).unwrap();
    assert_eq!(source.read(0, MOST).unwrap(), f64s(&[1.0, 2.0], &[1, 2]));
    assert_eq!("NPZ".parse(), Ok(Format::Npz));
    assert!("xls".parse::<Format>().unwrap_err().contains("safetensors"));
    let error = Source::open(folder.0.path(), Some(Format::Npy)).err().unwrap();
    assert!(error.to_string().contains("a folder"), "{error}");
}

#[test]
fn one_array_is_read_at_once_and_several_are_not() {
    let folder = Folder::new();
    let a = f64s(&[1.0], &[1, 1]);
    let path = folder.path("a.npz");
    crate::support::put(&path, &[(Some("x"), &a)]).unwrap();
    assert_eq!(ainv_io::read(&path).unwrap(), a);
    crate::support::put(&path, &[(Some("x"), &a), (Some("y"), &a)]).unwrap();
    let error = ainv_io::read(&path).unwrap_err();
    assert!(error.to_string().contains("2 arrays are in it"), "{error}");
}

#[test]
fn columns_are_said_to_be_columns() {
    for (shape, is_column) in [("(3,)", true), ("(3, 1)", false)] {
        let source = Folder::new().open("a.npy", &npy("False", shape, &[1.0; 3])).unwrap();
        let info = &source.arrays()[0];
        assert_eq!((info.is_column, &info.shape[..], info.bytes), (is_column, &[3, 1][..], 24));
    }
}
