//! `.npz` archives: stored, deflated, lying.

use crate::support::{Folder, awkward, f64s, put, written};
use ainv_io::{Cause, Error, Format, Matrices, Place, Source};
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const MOST: u64 = 1 << 20;

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn archive(members: &[(&str, &[u8], SimpleFileOptions)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, options) in members {
        zip.start_file(*name, *options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn npy(matrices: &Matrices) -> Vec<u8> {
    written(Format::Npy, &[(None, matrices)])
}

/// Opens, and reads all that is there.
fn read(content: &[u8]) -> Result<Vec<Matrices>, Error> {
    let mut source = Folder::new().open("a.npz", content)?;
    (0..source.arrays().len()).map(|i| source.read(i, MOST)).collect()
}

fn place_of(content: &[u8], from: &[u8]) -> usize {
    content.windows(from.len()).position(|part| part == from).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new();
    let [a, b, c, d] = awkward();
    let empty = f64s(&[], &[0, 2, 2]);
    let path = folder.path("a.NPZ");
    put(
        &path,
        &[(Some("b"), &b), (None, &a), (Some("x/y"), &c), (Some("0"), &empty), (Some(""), &d)],
    )
    .unwrap();
    let mut source = Source::open(&path, None).unwrap();
    let names: Vec<_> = source.arrays().iter().map(|a| a.name.clone().unwrap()).collect();
    assert_eq!(names, ["b", "arr_1", "x/y", "0", ""]);
    for (i, expected) in [b, a, c, empty, d].iter().enumerate() {
        assert_eq!(&source.read(i, MOST).unwrap(), expected);
        assert!(source.streams(i));
    }
    assert!(source.passed_over().is_empty());
}

#[test]
fn deflated_members_are_read_forward_and_again() {
    let numbers: Vec<f64> = (0..40_000).map(f64::from).collect();
    let a = f64s(&numbers, &[10_000, 2, 2]);
    let content = archive(&[("a.npy", &npy(&a), deflated()), ("b.npy", &npy(&a), stored())]);
    assert!(content.len() < 600_000);
    let mut source = Folder::new().open("a.npz", &content).unwrap();
    for array in [0, 1] {
        assert_eq!(source.read(array, MOST).unwrap(), a);
        for range in [0..1, 1..9000, 9000..9000, 9500..10_000, 3..4, 0..10_000] {
            let part = source.read_range(array, range.clone(), MOST).unwrap();
            let expected = &numbers[4 * range.start..4 * range.end];
            assert_eq!(part, f64s(expected, &[range.len(), 2, 2]), "{range:?}");
        }
    }
    assert!(source.read_range(0, 9999..10_001, MOST).is_err());
}

#[test]
fn what_is_no_matrix_is_passed_over() {
    let one = npy(&f64s(&[7.0], &[1, 1]));
    let text = "{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }";
    let mut strings = b"\x93NUMPY\x01\x00\x39\x00".to_vec();
    strings.extend(text.bytes());
    strings.extend([0x41, 0, 0, 0]);
    let mut content = archive(&[
        ("readme.txt", b"hello", stored()),
        ("s.npy", &strings, stored()),
        ("secret.npy", &one, stored()),
        ("a.npy", &one, stored()),
    ]);
    // The flag of an encrypted member, where the names are.
    for (header, flags) in [(30, 6), (46, 8)] {
        let name = content.windows(10).enumerate().filter(|(_, part)| *part == b"secret.npy");
        let name = name.map(|(at, _)| at).nth(usize::from(header == 46)).unwrap();
        content[name - header + flags] |= 1;
    }
    let mut source = Folder::new().open("a.npz", &content).unwrap();
    assert_eq!(source.arrays().len(), 1);
    assert_eq!(source.read(0, MOST).unwrap(), f64s(&[7.0], &[1, 1]));
    let over: Vec<_> = source.passed_over().iter().map(|p| (&p.name[..], &p.why[..])).collect();
    assert!(
        matches!(
            over[..],
            [("readme.txt", not), ("s", numbers), ("secret", encrypted)]
                if not.contains(".npy") && numbers.contains("<U1") && encrypted.contains("encrypted")
        ),
        "{over:?}"
    );

    let error = read(&archive(&[("s.npy", &strings, stored())])).unwrap_err();
    assert!(matches!(error.cause, Cause::Unsupported(_)));
    assert!(error.to_string().contains("\"s\": numbers of type \"<U1\""), "{error}");
    assert!(read(&archive(&[])).unwrap_err().to_string().contains("no array"));
}

#[test]
fn arrays_of_objects_are_passed_over_unread() {
    let text = "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }\n";
    // What follows would run a command if it were unpickled; here it would not even be found damaged.
    let pickle = b"cos\nsystem\n(S'exit 1'\ntR.";
    let head = [&b"\x93NUMPY\x01\x00"[..], &[text.len() as u8, 0]].concat();
    let objects = [&head[..], text.as_bytes(), pickle].concat();
    let one = f64s(&[7.0], &[1, 1]);
    for options in [stored(), deflated()] {
        let content =
            archive(&[("o.npy", &objects[..], options), ("a.npy", &npy(&one)[..], options)]);
        let mut source = Folder::new().open("a.npz", &content).unwrap();
        assert_eq!(source.arrays().len(), 1);
        assert_eq!(source.read(0, MOST).unwrap(), one);
        let over = source.passed_over();
        assert!(over.len() == 1 && over[0].name == "o" && over[0].why.contains("pickle"));
        let error = read(&archive(&[("o.npy", &objects[..], options)])).unwrap_err();
        assert!(matches!(error.cause, Cause::Unsupported(_)), "{error}");
        assert!(error.to_string().contains("pickle"), "{error}");
    }
}

#[test]
fn lies_are_found() {
    let good = npy(&f64s(&[1.0, 2.0, 3.0, 4.0], &[2, 2]));
    let edit = |from: &str, to: &str| {
        let mut bad = good.clone();
        let at = place_of(&bad, from.as_bytes());
        bad[at..at + to.len()].copy_from_slice(to.as_bytes());
        bad
    };
    let huge = edit("(2, 2), }        ", "(1000000, 999), }");
    let small = edit("(2, 2)", "(1, 2)");
    for options in [stored(), deflated()] {
        for (member, place, says) in [
            (&huge[..], Place::Payload, "ends too early"),
            (&small, Place::Payload, "goes on after the last number"),
            (&good[..good.len() - 1], Place::Payload, "ends too early"),
            (&good[..40], Place::Header, "ends within its header"),
            (b"", Place::Header, "ends within its header"),
            (b"\x80\x04K\x01.", Place::Header, "ends within its header"),
        ] {
            let error = read(&archive(&[("a.npy", member, options)])).unwrap_err();
            assert_eq!(error.place, place, "{error}");
            assert_eq!(error.array.as_deref(), Some("a"), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}

#[test]
fn a_directory_that_lies_about_lengths_is_found_before_memory_is_asked_for() {
    // 8 TB are declared by the member's header, 4 GiB by the archive's directory.
    let mut member = npy(&f64s(&[0.0; 16], &[4, 4]));
    let at = place_of(&member, b"(4, 4), }             ");
    member[at..at + 22].copy_from_slice(b"(1048576, 1048576), } ");
    let mut content = archive(&[("a.npy", &member, deflated())]);
    // The inflated length of the directory's entry, made almost 4 GiB.
    let entry = content.windows(4).rposition(|part| part == b"PK\x01\x02").unwrap();
    content[entry + 24..entry + 28].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
    let error = read(&content).unwrap_err();
    assert!(error.to_string().contains("at most"), "{error}");
}

#[test]
fn a_bomb_meets_the_limit() {
    // 64 MiB of zeros in 64 KiB.
    let zeros = npy(&f64s(&vec![0.0; 1 << 23], &[1 << 11, 1 << 12]));
    let content = archive(&[("a.npy", &zeros, deflated())]);
    assert!(content.len() < 1 << 17);
    let error = read(&content).unwrap_err();
    let Cause::Memory { bytes, limit } = error.cause else { panic!("{error}") };
    assert_eq!((bytes, limit), (1 << 26, Some(MOST)));
}

#[test]
fn changed_numbers_are_found_by_the_checksum() {
    for options in [stored(), deflated()] {
        let a = npy(&f64s(&[1.0, 2.0, 3.0, 4.0], &[4, 1, 1]));
        let mut content = archive(&[("a.npy", &a, options)]);
        let entry = content.windows(4).rposition(|part| part == b"PK\x01\x02").unwrap();
        content[entry + 16] ^= 1;
        let error = read(&content).unwrap_err();
        assert!(error.to_string().contains("a.npz, array \"a\", payload: the checksum"), "{error}");
        let mut source = Folder::new().open("a.npz", &content).unwrap();
        assert!(source.read_range(0, 0..2, MOST).is_ok());
        assert!(source.read_range(0, 2..4, MOST).is_err());
    }
}

#[test]
fn a_stream_that_goes_on_or_breaks_off_is_found() {
    let a = npy(&f64s(&[1.0, 2.0, 3.0, 4.0], &[2, 2]));
    let longer = [&a[..], &[0; 8]].concat();
    let content = archive(&[("a.npy", &longer, deflated())]);
    // Both lengths in the directory and the local header are made to fit.
    let mut content = content;
    let (from, to) = ((longer.len() as u32).to_le_bytes(), (a.len() as u32).to_le_bytes());
    while let Some(at) = content.windows(4).position(|part| part == from) {
        content[at..at + 4].copy_from_slice(&to);
    }
    let error = read(&content).unwrap_err();
    assert!(error.to_string().contains("payload"), "{error}");
}

#[test]
fn archives_that_are_none() {
    let a = npy(&f64s(&[1.0], &[1, 1]));
    let good = archive(&[("a.npy", &a, stored()), ("b.npy", &a, deflated())]);
    for end in 0..good.len() {
        assert!(read(&good[..end]).is_err(), "{end}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        // Some are other right files; none may panic.
        let _ = read(&bad);
    }
    assert!(read(&a).unwrap_err().to_string().contains("zip archive"));

    let names = ["a.npy", "b.npy"];
    let mut twice = archive(&names.map(|name| (name, &a[..], stored())));
    while let Some(at) = twice.windows(5).position(|part| part == b"b.npy") {
        twice[at] = b'a';
    }
    assert!(read(&twice).unwrap_err().to_string().contains("same name"));
}
