//! Matrix Market: every field and symmetry, and what contradicts itself.

use crate::support::{Folder, awkward, f64s, written};
use ainv::{OwnedStack, c64};
use ainv_io::{Cause, Dtype, Error, Format, Matrices, Place, Source};
use std::io::Cursor;

fn read_within(text: &str, limit: u64) -> Result<Matrices, Error> {
    Folder::new().open("a.mtx", text.as_bytes())?.read(0, limit)
}

fn read(text: &str) -> Result<Matrices, Error> {
    read_within(text, 1 << 20)
}

fn complex(numbers: &[(f64, f64)], shape: &[usize]) -> Matrices {
    let numbers = numbers.iter().map(|&(re, im)| c64::new(re, im)).collect();
    OwnedStack::from_vec(numbers, shape).unwrap().into()
}

#[test]
fn coordinates_of_every_field_and_symmetry() {
    let banner = |rest: &str| format!("%%MatrixMarket matrix coordinate {rest}\n2 2 2\n");
    for (rest, entries, expected) in [
        ("real general", "1 1 1.5\n2 1 -2e3\n", [1.5, 0.0, -2e3, 0.0]),
        ("double general", "1 1 1.5\n2 1 -2e3\n", [1.5, 0.0, -2e3, 0.0]),
        ("real symmetric", "1 1 1\n2 1 2\n", [1.0, 2.0, 2.0, 0.0]),
        ("real symmetric", "1 1 1\n1 2 2\n", [1.0, 2.0, 2.0, 0.0]),
        ("real skew-symmetric", "2 1 2\n1 1 0\n", [0.0, -2.0, 2.0, 0.0]),
        ("integer general", "1 2 +7\n2 2 -8\n", [0.0, 7.0, 0.0, -8.0]),
        (
            "unsigned-integer general",
            "1 2 7\n2 2 18446744073709551615",
            [0.0, 7.0, 0.0, 2f64.powi(64)],
        ),
        ("integer skew-symmetric", "2 1 1\n2 1 1\n", [0.0, -2.0, 2.0, 0.0]),
        ("pattern general", "1 2\n2 2\n", [0.0, 1.0, 0.0, 1.0]),
        ("pattern symmetric", "2 1\n2 2\n", [0.0, 1.0, 1.0, 1.0]),
        // Given twice: summed.
        ("real general", "1 2 1\n1 2 0.5\n", [0.0, 1.5, 0.0, 0.0]),
    ] {
        let a = read(&(banner(rest) + entries));
        assert_eq!(a.unwrap(), f64s(&expected, &[2, 2]), "{rest} {entries}");
    }
    let (a, b, zero) = ((1.0, -2.0), (3.0, 0.0), (0.0, 0.0));
    for (rest, mirrored) in [
        ("general", zero),
        ("symmetric", a),
        ("skew-symmetric", (-1.0, 2.0)),
        ("hermitian", (1.0, 2.0)),
    ] {
        let on = if rest == "skew-symmetric" { zero } else { b };
        let text = banner(&format!("complex {rest}")) + &format!("2 1 1 -2\n2 2 {} 0\n", on.0);
        assert_eq!(read(&text).unwrap(), complex(&[zero, mirrored, a, on], &[2, 2]), "{rest}");
    }
}

#[test]
fn arrays_go_by_columns() {
    let banner = |rest: &str| format!("%%MatrixMarket matrix array {rest}\n");
    let a = read(&(banner("real general") + "2 3\n1\n2\n3\n4\n5\n6\n")).unwrap();
    assert_eq!(a, f64s(&[1.0, 3.0, 5.0, 2.0, 4.0, 6.0], &[2, 3]));
    let a = read(&(banner("integer symmetric") + "2 2\n1\n2\n3\n")).unwrap();
    assert_eq!(a, f64s(&[1.0, 2.0, 2.0, 3.0], &[2, 2]));
    let a = read(&(banner("real skew-symmetric") + "3 3\n1\n2\n3\n")).unwrap();
    assert_eq!(a, f64s(&[0.0, -1.0, -2.0, 1.0, 0.0, -3.0, 2.0, 3.0, 0.0], &[3, 3]));
    let a = read(&(banner("complex hermitian") + "2 2\n1 0\n2 3\n4 -0\n")).unwrap();
    assert_eq!(a, complex(&[(1.0, 0.0), (2.0, -3.0), (2.0, 3.0), (4.0, 0.0)], &[2, 2]));
    for empty in ["0 0", "0 3", "3 0"] {
        assert!(read(&(banner("real general") + empty)).unwrap().shape().contains(&0));
    }
    let a = read("%%MatrixMarket matrix coordinate pattern general\n2 3 0").unwrap();
    assert_eq!(a, f64s(&[0.0; 6], &[2, 3]));
}

#[test]
fn what_the_format_leaves_free() {
    let text = "%%matrixmarket MATRIX\tCoordinate REAL General\r\n% \u{fffd} comment\r\n%\r\n\r\n  2 1 \
                2\r\n\r\n% more\r\n 1\t1   NaN\r\n2 1 -Infinity";
    let Matrices::F64(a) = read(text).unwrap() else { panic!("float64") };
    assert!(a.as_slice()[0].is_nan() && a.as_slice()[1] == -f64::INFINITY);
    // Comments are in any encoding.
    let latin = b"%%MatrixMarket matrix array real general\n% M\xfcller\n1 1\n7\n";
    let mut source = Folder::new().open("a.mtx", latin).unwrap();
    let info = &source.arrays()[0];
    assert_eq!((&info.stored[..], info.dtype), ("array real general", Dtype::F64));
    assert_eq!(source.read(0, 8).unwrap(), f64s(&[7.0], &[1, 1]));
    let source = Folder::new()
        .open("a.mtx", b"%%MatrixMarket matrix coordinate integer symmetric\n5 5 1\n1 1 2")
        .unwrap();
    assert_eq!(source.arrays()[0].stored, "1 entries, coordinate integer symmetric");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let real = "%%MatrixMarket matrix coordinate real general\n";
    let array = "%%MatrixMarket matrix array real general\n";
    let head = |rest: &str| format!("%%MatrixMarket matrix {rest}\n");
    for (text, place, says) in [
        (String::new(), Place::Line(1), "not a Matrix Market file"),
        ("1 1 1\n".into(), Place::Line(1), "not a Matrix Market file"),
        (head("array real"), Place::Line(1), "not a Matrix Market file"),
        (head("array real general x"), Place::Line(1), "not a Matrix Market file"),
        (head("array quaternion general"), Place::Line(1), "\"quaternion\""),
        (head("sparse real general"), Place::Line(1), "\"sparse\""),
        (head("array real upper"), Place::Line(1), "\"upper\""),
        ("%%MatrixMarket vector array real general\n".into(), Place::Line(1), "\"vector\""),
        (head("array pattern general"), Place::Line(1), "no matrix is array pattern"),
        (head("coordinate pattern skew-symmetric"), Place::Line(1), "no matrix is"),
        (head("coordinate real hermitian"), Place::Line(1), "no matrix is"),
        (real.into(), Place::Line(2), "before the line of sizes"),
        (format!("{real}% only\n\n"), Place::Line(4), "before the line of sizes"),
        (format!("{real}1 1\n"), Place::Line(2), "2 numbers, where 3 belong"),
        (format!("{array}1 1 1\n"), Place::Line(2), "3 numbers, where 2 belong"),
        (format!("{real}-1 1 1\n"), Place::Field(2, 1), "\"-1\" is not a whole number"),
        (format!("{real}1 1.0 1\n"), Place::Field(2, 2), "\"1.0\" is not a whole number"),
        (format!("{real}1 1 99999999999999999999\n"), Place::Field(2, 3), "address space"),
        (format!("{real}4294967296 4294967296 0\n"), Place::Line(2), "overflows"),
        (format!("{real}9 9 1000000\n1 1 1\n"), Place::Line(2), "1000000 entries take"),
        (format!("{array}1000 1000\n1\n"), Place::Line(2), "1000000 entries take"),
        (head("array real symmetric") + "2 3\n", Place::Line(2), "not square"),
        (format!("{real}2 2 1\n0 1 7\n"), Place::Field(3, 1), "row 0 of a matrix with 2"),
        (format!("{real}2 2 1\n1 3 7\n"), Place::Field(3, 2), "column 3 of a matrix with 2"),
        (format!("{real}2 2 1\n1 -3 7\n"), Place::Field(3, 2), "\"-3\""),
        (format!("{real}2 2 1\n1 1 x7\n"), Place::Field(3, 3), "\"x7\" is not a number"),
        (format!("{real}2 2 1\n1 1 1e999\n"), Place::Field(3, 3), "too large"),
        (format!("{real}2 2 1\n1 1 0x1\n"), Place::Field(3, 3), "not a number"),
        (format!("{real}2 2 1\n1 1       \n"), Place::Line(3), "2 numbers, where 3 belong"),
        (format!("{real}2 2 1\n1 1 1 1\n"), Place::Line(3), "4 numbers, where 3 belong"),
        (format!("{real}2 2 2\n1 1 1\n% one is missing\n"), Place::Line(5), "after 1 of 2 entries"),
        (format!("{real}2 2 1\n1 1 1\n\n2 2 1\n"), Place::Line(5), "more than the 1 entries"),
        (format!("{array}1 2\n1\n    \n"), Place::Line(5), "after 1 of 2 entries"),
        (format!("{array}1 2\n1 2\n "), Place::Line(3), "2 numbers, where 1 belong"),
        (
            head("coordinate integer general") + "1 1 1\n1 1 1.5\n",
            Place::Field(3, 3),
            "not an integer",
        ),
        (
            head("coordinate integer general") + "1 1 1\n1 1 inf\n",
            Place::Field(3, 3),
            "not an integer",
        ),
        (head("coordinate integer general") + "1 1 1\n1 1 -\n", Place::Field(3, 3), "not a number"),
        (
            head("coordinate complex general") + "1 1 1\n1 1 1 i\n",
            Place::Field(3, 4),
            "not a number",
        ),
        (head("coordinate real symmetric") + "2 2 2\n1 2 1\n2 1 1\n", Place::Line(4), "both sides"),
        (head("coordinate real skew-symmetric") + "1 1 1\n1 1 1\n", Place::Line(3), "is zero"),
        (head("coordinate complex hermitian") + "1 1 1\n1 1 1 1\n", Place::Line(3), "is real"),
        (format!("{real}%{}", "x".repeat(1 << 20)), Place::Line(2), "longer than"),
        // A comment is a line of its own that begins with the sign, after the banner.
        (format!("  {real}{}", "% x\n"), Place::Line(3), "before the line of sizes"),
        (format!("% x\n{real}1 1 0\n"), Place::Line(1), "not a Matrix Market file"),
        (format!("\n{real}1 1 0\n"), Place::Line(1), "not a Matrix Market file"),
        (format!("{real}  % x\n1 1 0\n"), Place::Line(2), "2 numbers, where 3 belong"),
        (format!("{real}1 1 0 % x\n"), Place::Line(2), "5 numbers, where 3 belong"),
        (format!("{real}1 1 1\n1 1 7 % x\n"), Place::Line(3), "5 numbers, where 3 belong"),
        (format!("{real}1 1 1\n1 1 7%\n"), Place::Field(3, 3), "\"7%\" is not a number"),
        (format!("{real}1 1 1\n  %1 1\n"), Place::Line(3), "2 numbers, where 3 belong"),
        // Lines of old Macintoshes, and the mark that some editors put first.
        (real.replace('\n', "\r") + "1 1 0\r", Place::Line(1), "not a Matrix Market file"),
        (format!("{real}2 2 2\n1 1 7\r2 2 8\n"), Place::Line(3), "6 numbers, where 3 belong"),
        (format!("\u{feff}{real}1 1 0\n"), Place::Line(1), "not a Matrix Market file"),
    ] {
        let error = read(&text).unwrap_err();
        let text = &text[..text.len().min(200)];
        assert_eq!(error.place, place, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}

/// Good files with one thing broken, all through: they are refused, or read as a matrix of the size they
/// say.
#[test]
fn mangled() {
    let files = [
        "%%MatrixMarket matrix coordinate real general\n% c\n3 3 4\n1 1 1.5\n2 2 -2e3\n3 3 4\n1 3 7\n",
        "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n",
        "%%MatrixMarket matrix coordinate complex hermitian\n2 2 2\n1 1 3 0\n2 1 1 -1\n",
        "%%MatrixMarket matrix array integer skew-symmetric\n3 3\n1\n-2\n3\n",
    ];
    let (mut read_all, mut refused) = (0, 0);
    let mut check = |bytes: &[u8]| {
        let source = Source::from_reader(Cursor::new(bytes.to_vec()), "mangled", Format::Mtx);
        match source.and_then(|mut s| Ok((s.arrays()[0].shape.clone(), s.read(0, 1 << 20)?))) {
            Ok((shape, a)) => {
                assert_eq!(a.shape(), shape);
                read_all += 1;
            }
            Err(error) => {
                assert!(error.to_string().len() > 10);
                refused += 1;
            }
        }
    };
    for file in files {
        let whole = file.as_bytes();
        let lines: Vec<&str> = file.split_inclusive('\n').collect();
        for at in 0..whole.len() {
            // Cut off, a byte left out, a byte given twice, another in its place.
            check(&whole[..at]);
            check(&[&whole[..at], &whole[at + 1..]].concat());
            check(&[&whole[..=at], &whole[at..]].concat());
            for byte in b"\0\t\r\n %-+.,0123456789eEinfx\x80\xff" {
                check(&[&whole[..at], &[*byte], &whole[at + 1..]].concat());
            }
        }
        for at in 0..lines.len() {
            // A line left out, given twice, exchanged with the next.
            let without = [&lines[..at], &lines[at + 1..]].concat().concat();
            check(without.as_bytes());
            let twice = [&lines[..=at], &lines[at..]].concat().concat();
            check(twice.as_bytes());
            if at + 1 < lines.len() {
                let mut exchanged = lines.clone();
                exchanged.swap(at, at + 1);
                check(exchanged.concat().as_bytes());
            }
            // Whatever is lost after the banner, the file says something else than it holds; but two
            // entries of a matrix may be exchanged.
            let lost =
                Source::from_reader(Cursor::new(without.into_bytes()), "mangled", Format::Mtx);
            let is_comment = at > 0 && lines[at].starts_with('%');
            assert_eq!(
                lost.and_then(|mut s| s.read(0, 1 << 20)).is_ok(),
                is_comment,
                "{file} {at}"
            );
        }
    }
    assert!(read_all > 500 && refused > 3000, "{read_all} read, {refused} refused");
}

#[test]
fn eighty_gigabytes_in_sixty_bytes_meet_the_limit() {
    let text = "%%MatrixMarket matrix coordinate real general\n100000 100000 0\n";
    let error = read_within(text, 1 << 30).unwrap_err();
    assert!(matches!(error.cause, Cause::Memory { bytes: 80_000_000_000, limit: Some(_) }));
    let says = "need 80000000000 bytes of memory, which is over the limit of 1073741824";
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn written_numbers_read_back_exactly() {
    let [single, real, _, complex] = awkward();
    for a in [real, complex] {
        let a = a.reshaped(&[2, 6]).unwrap();
        assert_eq!(read(str::from_utf8(&written(Format::Mtx, &[(None, &a)])).unwrap()).unwrap(), a);
    }
    let single = single.reshaped(&[4, 3]).unwrap();
    let text = written(Format::Mtx, &[(None, &single)]);
    let back = read(str::from_utf8(&text).unwrap()).unwrap();
    assert_eq!(back.cast(Dtype::F32).unwrap(), single);
    let text = written(Format::Mtx, &[(None, &f64s(&[1.5, f64::NAN], &[1, 2]))]);
    assert_eq!(text, b"%%MatrixMarket matrix array real general\n1 2\n1.5\nnan\n");
    let empty = f64s(&[], &[0, 2]);
    assert_eq!(
        read(str::from_utf8(&written(Format::Mtx, &[(None, &empty)])).unwrap()).unwrap(),
        empty
    );
}
