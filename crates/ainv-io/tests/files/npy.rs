//! `.npy` files made by hand: right ones in every storage, and hostile ones.

use ainv::{OwnedStack, c32, c64};
use ainv_io::{Cause, Dtype, Error, Format, Matrices, Place, Source, read, read_within, write};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.0.path().join("a.npy");
        fs::write(&path, content).unwrap();
        path
    }
    fn read(&self, content: &[u8]) -> Result<Matrices, Error> {
        read(&self.file(content))
    }
}

fn header(version: u8, text: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((text.len() as u16).to_le_bytes()),
        _ => bytes.extend((text.len() as u32).to_le_bytes()),
    }
    bytes.extend(text.as_bytes());
    bytes
}

fn npy(descr: &str, fortran: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [header(1, &text), payload.to_vec()].concat()
}

fn f64s(matrices: Matrices) -> Vec<f64> {
    let Matrices::F64(a) = matrices else { panic!("{} is not float64", matrices.dtype()) };
    a.into_vec()
}

#[test]
fn every_storage_in_either_byte_order() {
    let folder = Folder::new();
    macro_rules! check {
        ($($t:ty: $name:literal),*) => {$({
            let values: [$t; 3] = [1 as $t, 2 as $t, 100 as $t];
            let little: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            let big: Vec<u8> = values.iter().flat_map(|x| x.to_be_bytes()).collect();
            for (order, payload) in [("<", little), (">", big)] {
                let file = npy(&format!("{order}{}", $name), "False", "(1, 3)", &payload);
                let a = folder.read(&file).unwrap().cast(Dtype::F64).unwrap();
                assert_eq!(a.shape(), [1, 3]);
                assert_eq!(f64s(a), [1.0, 2.0, 100.0], "{order}{}", $name);
            }
        })*};
    }
    check!(i8: "i1", i16: "i2", i32: "i4", i64: "i8", u8: "u1", u16: "u2", u32: "u4", u64: "u8",
           f32: "f4", f64: "f8");

    let bools = folder.read(&npy("|b1", "False", "(2, 2)", &[0, 1, 1, 0])).unwrap();
    assert_eq!(f64s(bools), [0.0, 1.0, 1.0, 0.0]);
    let error = folder.read(&npy("|b1", "False", "(2, 1)", &[1, 2])).unwrap_err();
    assert_eq!(error.place, Place::Payload, "{error}");
    assert!(matches!(error.cause, Cause::Damaged(_)), "{error}");
    // 1.5 and -2 as float16.
    let Matrices::F32(half) =
        folder.read(&npy(">f2", "False", "(1, 2)", &[0x3e, 0, 0xc0, 0])).unwrap()
    else {
        panic!("float16 is read as float32")
    };
    assert_eq!(half.as_slice(), [1.5, -2.0]);
}

#[test]
fn big_endian_complex_numbers_turn_each_part_around() {
    let folder = Folder::new();
    let payload: Vec<u8> = [1.5f64, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    let a = folder.read(&npy(">c16", "False", "(1, 1)", &payload)).unwrap();
    assert_eq!(a, OwnedStack::from_vec(vec![c64::new(1.5, -2.0)], &[1, 1]).unwrap().into());
    let payload: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    let a = folder.read(&npy(">c8", "False", "(1, 1)", &payload)).unwrap();
    assert_eq!(a, OwnedStack::from_vec(vec![c32::new(1.5, -2.0)], &[1, 1]).unwrap().into());
}

#[test]
fn fortran_order_of_a_stack() {
    let folder = Folder::new();
    let shape = [2, 3, 4];
    // The number at (i, j, k) is ijk in decimal; Fortran order runs i first.
    let mut payload = Vec::new();
    for k in 0..4 {
        for j in 0..3 {
            for i in 0..2 {
                payload.extend(f64::from(100 * i + 10 * j + k).to_le_bytes());
            }
        }
    }
    let a = folder.read(&npy("<f8", "True", "(2, 3, 4)", &payload)).unwrap();
    assert_eq!(a.shape(), shape);
    let expected: Vec<f64> = (0..2)
        .flat_map(|i| {
            (0..3).flat_map(move |j| (0..4).map(move |k| f64::from(100 * i + 10 * j + k)))
        })
        .collect();
    assert_eq!(f64s(a), expected);
}

#[test]
fn larger_than_a_chunk_in_either_order() {
    let folder = Folder::new();
    let (rows, cols) = (301usize, 211usize);
    let c: Vec<u8> = (0..rows * cols).flat_map(|x| (x as f64).to_le_bytes()).collect();
    let f: Vec<u8> = (0..cols)
        .flat_map(|j| (0..rows).flat_map(move |i| ((i * cols + j) as f64).to_le_bytes()))
        .collect();
    let a = folder.read(&npy("<f8", "False", "(301, 211)", &c)).unwrap();
    assert_eq!(a, folder.read(&npy("<f8", "True", "(301, 211)", &f)).unwrap());
    assert!(f64s(a).iter().enumerate().all(|(i, &x)| x == i as f64));
}

#[test]
fn headers_that_numpy_would_take() {
    let folder = Folder::new();
    let payload = 7f64.to_le_bytes();
    for (version, text) in [
        (1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }\n"),
        (2, "{'shape': (1L, 1L), 'fortran_order': True, 'descr': '<f8'}"),
        (3, "  { \"descr\" :\"<f8\" ,\n'shape':(1,1,),'fortran_order':False}   \n"),
    ] {
        let a = folder.read(&[header(version, text), payload.to_vec()].concat()).unwrap();
        assert_eq!(a.shape(), [1, 1]);
        assert_eq!(f64s(a), [7.0]);
    }
    // One column, and nothing at all.
    assert_eq!(folder.read(&npy("<f8", "False", "(1,)", &payload)).unwrap().shape(), [1, 1]);
    assert_eq!(folder.read(&npy("<f8", "False", "(0, 3, 3)", &[])).unwrap().shape(), [0, 3, 3]);
}

#[test]
fn hostile_headers_are_damaged() {
    let folder = Folder::new();
    let p = 7f64.to_le_bytes();
    let text = |text: &str| [header(1, text), p.to_vec()].concat();
    let fields = |shape: &str| {
        text(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"))
    };
    let mut version = npy("<f8", "False", "(1, 1)", &p);
    version[6] = 4;
    let mut minor = npy("<f8", "False", "(1, 1)", &p);
    minor[7] = 1;
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    let nested = format!("{{'descr': '<f8', 'shape': {}}}", "(".repeat(9000));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "ends within"),
        ("magic only", b"\x93NUMPY".to_vec(), "ends within"),
        ("wrong magic", b"\x93NUMPZ\x01\x00abcdef".to_vec(), "does not begin"),
        ("text", b"1,2,3\n4,5,6\n7,8,9\n".to_vec(), "does not begin"),
        ("version", version, "unknown version 4.0"),
        ("minor", minor, "unknown version 1.1"),
        ("length of 4 GiB", long, "NumPy stops at 10000"),
        ("length over the limit", header(2, &" ".repeat(10_001)), "NumPy stops"),
        ("shorter than its length", header(1, "{'descr'")[..12].to_vec(), "ends within"),
        ("nested", text(&nested), "a length"),
        ("nested key", text(&"{".repeat(9000)), "a string"),
        ("no dictionary", text("('<f8', False, (1, 1))"), "'{'"),
        (
            "missing descr",
            text("{'fortran_order': False, 'shape': (1, 1)}"),
            "\"descr\" is missing",
        ),
        (
            "missing order",
            text("{'descr': '<f8', 'shape': (1, 1)}"),
            "\"fortran_order\" is missing",
        ),
        ("missing shape", text("{'descr': '<f8', 'fortran_order': False}"), "\"shape\" is missing"),
        (
            "extra key",
            text("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), 'x': 1}"),
            "unknown key",
        ),
        ("key twice", text("{'shape': (1, 1), 'shape': (1, 1)}"), "comes twice"),
        (
            "after the end",
            text("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)} 1"),
            "nothing after",
        ),
        ("unclosed", text("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)"), "'}'"),
        ("unclosed string", text("{'descr"), "a string"),
        ("escape", text(r"{'de\x73cr': '<f8'}"), "a plain string"),
        (
            "not ASCII",
            text("{'descr': '<fé', 'fortran_order': False, 'shape': (1, 1)}"),
            "a plain string",
        ),
        ("order 1", text("{'descr': '<f8', 'fortran_order': 1, 'shape': (1, 1)}"), "True or False"),
        ("native order", npy("=f8", "False", "(1, 1)", &p), "byte order"),
        ("no order", npy("|f8", "False", "(1, 1)", &p), "byte order"),
        ("negative", fields("(-1, 1)"), "not negative"),
        ("fraction", fields("(1.5, 1)"), "','"),
        ("no tuple", fields("1"), "'('"),
        ("number in parentheses", fields("(1)"), "','"),
        ("list", fields("[1, 1]"), "'('"),
        ("over u64", fields("(99999999999999999999, 1)"), "address space"),
        ("product overflows", fields("(4294967296, 4294967296)"), "overflows"),
        ("bytes overflow", fields("(2305843009213693952, 1)"), "overflows"),
        ("product overflows around a zero", fields("(0, 4294967296, 4294967296)"), "overflows"),
        ("axis over isize", fields("(0, 18446744073709551615)"), "overflows"),
        ("axes", fields(&format!("({})", "1,".repeat(65))), "more than 64 axes"),
    ];
    for (name, content, says) in cases {
        let error = folder.read(&content).expect_err(name);
        assert!(matches!(error.cause, Cause::Damaged(_)), "{name}: {error}");
        assert_eq!(error.place, Place::Header, "{name}: {error}");
        let shown = error.to_string();
        assert!(shown.contains(says) && shown.contains("a.npy, header"), "{name}: {shown}");
        assert!(Source::open(&folder.file(&content), None).is_err(), "{name}");
    }
}

#[test]
fn a_length_that_does_not_fit_is_found_before_memory_is_asked_for() {
    let folder = Folder::new();
    let p = 7f64.to_le_bytes();
    for (shape, payload, says) in [
        // 8 TB: would not come back from an allocation that is written to.
        ("(1000000, 1000000)", &p[..], "ends too early"),
        ("(1, 1)", &p[..7], "ends too early"),
        ("(1, 1)", &[0; 9][..], "goes on after"),
        ("(0, 1)", &p[..], "goes on after"),
        ("(2, 1)", &[][..], "ends too early"),
    ] {
        let error = folder.read(&npy("<f8", "False", shape, payload)).unwrap_err();
        assert_eq!(error.place, Place::Payload, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn types_that_are_not_numbers_are_unsupported() {
    let folder = Folder::new();
    for (descr, says) in [
        ("|O", "pickle"),
        ("O", "pickle"),
        ("|O8", "pickle"),
        ("<U4", "does not take"),
        ("|S8", "does not take"),
        ("|V2", "does not take"),
        ("<M8[ns]", "does not take"),
        ("<f16", "does not take"),
        ("<c32", "does not take"),
        ("", "does not take"),
    ] {
        // A pickle of a call; the payload is never read.
        let error = folder.read(&npy(descr, "False", "(1, 1)", b"cos\nsystem\n.")).unwrap_err();
        assert!(matches!(error.cause, Cause::Unsupported(_)), "{descr}: {error}");
        assert!(error.to_string().contains(says), "{descr}: {error}");
    }
    let record = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 1)}";
    let error = folder.read(&header(1, record)).unwrap_err();
    assert!(error.to_string().contains("structured"), "{error}");
    let error = folder.read(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00").unwrap_err();
    assert!(error.to_string().contains("pickle"), "{error}");
    let error = folder.read(&npy("<f8", "False", "()", &7f64.to_le_bytes())).unwrap_err();
    assert!(error.to_string().contains("not a matrix"), "{error}");
}

#[test]
fn the_limit_holds_on_what_becomes_of_the_numbers() {
    let folder = Folder::new();
    // Four bytes in the file, 32 in memory.
    let path = folder.file(&npy("|i1", "False", "(2, 2)", &[1, 2, 3, 4]));
    assert!(read_within(&path, 32).is_ok());
    let error = read_within(&path, 31).unwrap_err();
    assert!(matches!(error.cause, Cause::Memory { bytes: 32, limit: Some(31) }), "{error}");
}

#[test]
fn every_prefix_and_every_changed_byte_ends_in_a_value() {
    let folder = Folder::new();
    let good = npy("<c8", "True", "(2, 3, 1)", &[0x3f; 48]);
    for end in 0..good.len() {
        assert!(folder.read(&good[..end]).is_err(), "{end}");
    }
    for at in 0..good.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= change;
            // Some are other right files; none may panic.
            let _ = folder.read(&bad);
        }
    }
}

#[test]
fn round_trips() {
    let folder = Folder::new();
    let path = folder.0.path().join("x.npy");
    let numbers = [1.5, -0.0, f64::MIN_POSITIVE / 8.0, f64::MAX, f64::INFINITY, 1.0 / 3.0];
    let shape = [3, 2, 1];
    let both = numbers.map(|x| c64::new(x, -x));
    let files: [Matrices; 4] = [
        OwnedStack::from_vec(numbers.map(|x| x as f32).to_vec(), &shape).unwrap().into(),
        OwnedStack::from_vec(numbers.to_vec(), &shape).unwrap().into(),
        OwnedStack::from_vec(both.map(|z| c32::new(z.re as f32, z.im as f32)).to_vec(), &shape)
            .unwrap()
            .into(),
        OwnedStack::from_vec(both.to_vec(), &shape).unwrap().into(),
    ];
    for matrices in files {
        write(&path, &matrices).unwrap();
        assert_eq!(read(&path).unwrap(), matrices);
        let source = Source::open(&path, None).unwrap();
        let info = &source.arrays()[0];
        assert_eq!((info.dtype, &info.shape[..]), (matrices.dtype(), &shape[..]));
    }
}

#[test]
fn the_written_bytes_are_numpys() {
    let folder = Folder::new();
    let path = folder.0.path().join("x.npy");
    write(&path, &OwnedStack::from_vec(vec![1.0, 2.0], &[1, 2]).unwrap().into()).unwrap();
    let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    expected.extend(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }");
    expected.resize(127, b' ');
    expected.push(b'\n');
    expected.extend(1f64.to_le_bytes());
    expected.extend(2f64.to_le_bytes());
    assert_eq!(fs::read(&path).unwrap(), expected);
}

/// Gives what comes before a line that must not be crossed.
struct UpTo(io::Cursor<Vec<u8>>);

impl Read for UpTo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        assert!(read > 0 || buffer.is_empty(), "the payload is read");
        Ok(read)
    }
}

#[test]
fn of_objects_no_payload_is_read() {
    let text = "{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }\n";
    let up_to = |text| UpTo(io::Cursor::new(header(1, text)));
    let refused = Source::from_reader(up_to(text), "pipe", Format::Npy);
    let error = refused.map(|_| ()).unwrap_err();
    assert!(matches!(error.cause, Cause::Unsupported(_)), "{error}");
    assert!(error.to_string().contains("pickle"), "{error}");
    // A matrix of numbers has its payload read: the reader does notice.
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n";
    let mut source = Source::from_reader(up_to(text), "pipe", Format::Npy).unwrap();
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| source.read(0, 1 << 20)));
    assert!(read.is_err());
}
