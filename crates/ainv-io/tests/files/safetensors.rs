//! `.safetensors` files, in every type and with hostile headers.

use crate::support::{Folder, awkward, f64s, put, written};
use ainv_io::{Cause, Dtype, Error, Format, Matrices, Place, Source};

const MOST: u64 = 1 << 20;

fn file(header: &str, payload: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), payload].concat()
}

fn tensor(dtype: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
    let end = payload.len();
    let text =
        format!("{{\"a\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}");
    file(&text, payload)
}

fn read(content: &[u8]) -> Result<Matrices, Error> {
    Folder::new().open("a.safetensors", content)?.read(0, MOST)
}

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new();
    let [a, b, c, d] = awkward();
    let empty = f64s(&[], &[2, 0, 3]);
    let path = folder.path("a.SafeTensors");
    put(&path, &[(Some("b"), &b), (None, &a), (Some("\"/é"), &c), (Some("0"), &empty)]).unwrap();
    let mut source = Source::open(&path, None).unwrap();
    let names: Vec<_> = source.arrays().iter().map(|a| a.name.clone().unwrap()).collect();
    assert_eq!(names, ["b", "arr_1", "\"/é", "0"]);
    for (i, expected) in [&b, &a, &c, &empty].into_iter().enumerate() {
        assert_eq!(&source.read(i, MOST).unwrap(), expected);
    }
    let Matrices::F64(b) = &b else { panic!("float64") };
    let middle = source.read_range(0, 1..2, MOST).unwrap();
    assert_eq!(middle, f64s(&b.as_slice()[4..8], &[1, 2, 2]));

    let error = put(&path, &[(None, &d)]).unwrap_err();
    assert!(error.to_string().contains("complex128"), "{error}");
    let error = put(&path, &[(Some("x"), &a), (Some("x"), &a)]).unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
}

#[test]
fn every_type() {
    macro_rules! check {
        ($($t:ty: $name:literal),*) => {$({
            let payload: Vec<u8> = [1 as $t, 2 as $t, 100 as $t].iter().flat_map(|x| x.to_le_bytes()).collect();
            let a = read(&tensor($name, "[1,3]", &payload)).unwrap().cast(Dtype::F64).unwrap();
            assert_eq!(a, f64s(&[1.0, 2.0, 100.0], &[1, 3]), $name);
        })*};
    }
    check!(i8: "I8", i16: "I16", i32: "I32", i64: "I64", u8: "U8", u16: "U16", u32: "U32",
           u64: "U64", f32: "F32", f64: "F64");
    assert_eq!(read(&tensor("BOOL", "[2]", &[0, 1])).unwrap(), f64s(&[0.0, 1.0], &[2, 1]));
    assert!(read(&tensor("BOOL", "[2]", &[0, 2])).is_err());
    for (name, one_and_a_half) in [("F16", 0x3e00u16), ("BF16", 0x3fc0)] {
        let a = read(&tensor(name, "[1,1]", &one_and_a_half.to_le_bytes())).unwrap();
        assert_eq!(a.dtype(), Dtype::F32);
        assert_eq!(a.cast(Dtype::F64).unwrap(), f64s(&[1.5], &[1, 1]), "{name}");
    }
}

#[test]
fn what_is_no_matrix_is_passed_over() {
    let text = r#"{"__metadata__":{"by":"hand"},
        "one":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
        "small":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[4,8]},
        "a":{"dtype":"U8","shape":[1,2],"data_offsets":[8,10]}}"#;
    let mut source =
        Folder::new().open("a.safetensors", &file(text, &[0, 0, 0, 0, 0, 0, 0, 0, 5, 6])).unwrap();
    assert_eq!(source.arrays().len(), 1);
    assert_eq!(source.read(0, MOST).unwrap(), f64s(&[5.0, 6.0], &[1, 2]));
    let names: Vec<_> = source.passed_over().iter().map(|p| &p.name[..]).collect();
    assert_eq!(names, ["one", "small"]);
    let error = read(&tensor("F32", "[]", &[0; 4])).unwrap_err();
    assert!(error.to_string().contains("\"a\": a single number"), "{error}");
}

#[test]
fn hostile_headers() {
    let f64 = |shape: &str, payload: &[u8]| tensor("F64", shape, payload);
    let overlap = r#"{"a":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]},
                      "b":{"dtype":"U8","shape":[2,1],"data_offsets":[1,3]}}"#;
    let gap = r#"{"a":{"dtype":"U8","shape":[1,1],"data_offsets":[1,2]}}"#;
    for (content, place, says) in [
        (vec![], Place::Header, "ends within"),
        (vec![0; 7], Place::Header, "ends within"),
        (u64::MAX.to_le_bytes().to_vec(), Place::Header, "18446744073709551615 bytes"),
        (file("{}", b"")[..9].to_vec(), Place::Header, "2 bytes, but the file has 1"),
        (file("[]", b""), Place::Header, "invalid type"),
        (file(&"[".repeat(100_000), b""), Place::Header, ""),
        (file("{\"a\":\u{1}}", b""), Place::Header, ""),
        (f64("[1,2]", &[0; 8]), Place::Header, "invalid shape"),
        (f64("[4294967296,4294967296]", &[0; 8]), Place::Header, "overflow"),
        (f64("[-1,1]", &[0; 8]), Place::Header, ""),
        (f64("[0,18446744073709551615]", &[]), Place::File, "overflows"),
        (tensor("X1", "[1,1]", &[0; 8]), Place::Header, "X1"),
        (file(overlap, &[0; 3]), Place::Header, "invalid offset"),
        (file(gap, &[0; 2]), Place::Header, "invalid offset"),
        ([f64("[1,1]", &[0; 8]), vec![0]].concat(), Place::Payload, "take 8 bytes, the file has 9"),
        (f64("[1,1]", &[0; 8])[..70].to_vec(), Place::Payload, "take 8 bytes"),
    ] {
        let error = read(&content).unwrap_err();
        assert_eq!(error.place, place, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    let error = read(&file("{}", b"")).unwrap_err();
    assert!(error.to_string().contains("no array in it"), "{error}");
}

#[test]
fn the_limit_holds() {
    let content = tensor("U8", "[2,2]", &[1, 2, 3, 4]);
    let mut source = Folder::new().open("a.safetensors", &content).unwrap();
    assert!(source.read(0, 32).is_ok());
    let error = source.read(0, 31).unwrap_err();
    assert!(matches!(error.cause, Cause::Memory { bytes: 32, limit: Some(31) }), "{error}");
    assert_eq!(error.array.as_deref(), Some("a"));
}

#[test]
fn every_prefix_and_every_changed_byte_ends_in_a_value() {
    let [a, b, ..] = awkward();
    let good = written(Format::Safetensors, &[(Some("a"), &a), (Some("b"), &b)]);
    for end in 0..good.len() {
        assert!(read(&good[..end]).is_err(), "{end}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x11;
        let _ = read(&bad);
    }
}
