//! The header of an `.npy` file: a Python dictionary of three entries.
//!
//! Read by our own code, because npyz 0.9 cannot read what may be hostile: its header reader takes
//! exponential time over nested brackets (14 of them: many seconds), believes any stated length, and
//! multiplies the shape unchecked. It also refuses `1L` and line breaks, which NumPy takes, and
//! takes a key twice; and it writes `(2, 3, )`, so that a file is not NumPy's byte for byte. The
//! type's string is npyz's to read and write.

use crate::error::{Fault, Place};
use crate::matrices::Dtype;
use crate::numbers::{Stored, type_string};
use std::fmt;
use std::io::Read;

/// NumPy's limit.
const LONGEST: usize = 10_000;
/// NumPy's limit.
const MOST_AXES: usize = 64;

/// What the header of an `.npy` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) stored: Stored,
    pub(crate) dtype: Dtype,
    pub(crate) fortran_order: bool,
    /// As it stands in the file.
    pub(crate) shape: Vec<usize>,
    version: u8,
    /// All bytes before the numbers.
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.fortran_order { "Fortran" } else { "C" };
        write!(f, "{} in {order} order, .npy version {}.0", self.stored, self.version)
    }
}

impl Header {
    /// Reads the header from the beginning of a file, and stops where the numbers begin.
    pub(crate) fn read(file: &mut impl Read) -> Result<Header, Fault> {
        let (version, bytes) = read_bytes(file)?;
        let mut cursor = Cursor { text: &bytes[prefix(version)..], at: 0 };
        let mut header = cursor.header(version)?;
        header.bytes = bytes;
        Ok(header)
    }
}

fn damaged(what: impl Into<String>) -> Fault {
    Fault::damaged(Place::Header, what)
}

/// Bytes before the header's text: magic, version, length.
fn prefix(version: u8) -> usize {
    if version == 1 { 10 } else { 12 }
}

fn read_bytes(file: &mut impl Read) -> Result<(u8, Vec<u8>), Fault> {
    let mut bytes = vec![0; 8];
    file.read_exact(&mut bytes).map_err(Fault::in_header)?;
    if bytes[0] == 0x80 {
        return Err(Fault::unsupported(
            Place::Header,
            "this is a Python pickle, not an .npy file; ainv runs no code from files",
        ));
    }
    let (major, minor) = (bytes[6], bytes[7]);
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(damaged("not an .npy file (it does not begin with \\x93NUMPY)"));
    }
    if !(1..=3).contains(&major) || minor != 0 {
        return Err(damaged(format!("unknown version {major}.{minor} (known: 1.0, 2.0, 3.0)")));
    }
    bytes.resize(prefix(major), 0);
    file.read_exact(&mut bytes[8..]).map_err(Fault::in_header)?;
    let mut length = [0; 4];
    length[..prefix(major) - 8].copy_from_slice(&bytes[8..]);
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(damaged(format!(
            "{length} bytes long; NumPy stops at {LONGEST}, and so do we"
        )));
    }
    bytes.resize(prefix(major) + length, 0);
    file.read_exact(&mut bytes[prefix(major)..]).map_err(Fault::in_header)?;
    Ok((major, bytes))
}

/// A place in the header's text.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn header(&mut self, version: u8) -> Result<Header, Fault> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let again = match key.as_str() {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => return Err(damaged(format!("unknown key {key:?}"))),
            };
            if again {
                return Err(damaged(format!("the key {key:?} comes twice")));
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        if self.peek().is_some() {
            return Err(self.fault("nothing after the dictionary"));
        }
        let missing = |key| move || damaged(format!("the key {key:?} is missing"));
        let descr = descr.ok_or_else(missing("descr"))?;
        let (stored, dtype) = number_type(&descr)?;
        let shape: Vec<usize> = shape.ok_or_else(missing("shape"))?;
        if shape.is_empty() {
            return Err(Fault::unsupported(Place::Header, "a single number, not a matrix"));
        }
        Ok(Header {
            stored,
            dtype,
            fortran_order: fortran_order.ok_or_else(missing("fortran_order"))?,
            shape,
            version,
            bytes: Vec::new(),
        })
    }

    fn fault(&self, expected: &str) -> Fault {
        damaged(format!("expected {expected} at byte {} of its text", self.at))
    }

    /// The next byte that is not white.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(&format!("{:?}", char::from(byte)))) }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let quote = self.peek().filter(|q| matches!(q, b'\'' | b'"'));
        let quote = quote.ok_or_else(|| self.fault("a string"))?;
        let rest = &self.text[self.at + 1..];
        let end = rest.iter().position(|&b| b == quote).ok_or_else(|| self.fault("a string"))?;
        let inside = &rest[..end];
        if !inside.iter().all(|b| b.is_ascii_graphic() && *b != b'\\') {
            return Err(self.fault("a plain string"));
        }
        self.at += end + 2;
        Ok(inside.iter().copied().map(char::from).collect())
    }

    fn descr(&mut self) -> Result<String, Fault> {
        if matches!(self.peek(), Some(b'[' | b'(' | b'{')) {
            let what = "a structured type; ainv reads plain numbers";
            return Err(Fault::unsupported(Place::Header, what));
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault("True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>, Fault> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.take(b')') {
            shape.push(self.length()?);
            if shape.len() > MOST_AXES {
                return Err(damaged(format!("more than {MOST_AXES} axes, NumPy's limit")));
            }
            let comma = self.take(b',');
            if !comma && shape.len() == 1 {
                return Err(self.fault("',' (one number in parentheses is no shape)"));
            }
            if !comma {
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn length(&mut self) -> Result<usize, Fault> {
        self.peek();
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.fault("a length (not negative)"));
        }
        let number = rest[..digits]
            .iter()
            .try_fold(0usize, |n, b| n.checked_mul(10)?.checked_add(usize::from(b - b'0')));
        let number = number.ok_or_else(|| self.fault("a length that fits the address space"))?;
        // Python 2 wrote long integers with an L.
        self.at += digits + usize::from(rest.get(digits) == Some(&b'L'));
        Ok(number)
    }
}

/// The type that a type string names, and the scalar that such numbers become.
fn number_type(descr: &str) -> Result<(Stored, Dtype), Fault> {
    let unsupported = |what| Err(Fault::unsupported(Place::Header, what));
    let kind = descr.trim_start_matches(['<', '>', '|', '=']);
    if kind.starts_with('O') {
        let what = "Python objects (dtype object); they need pickle, which runs code from the file";
        return unsupported(what.to_owned());
    }
    let known = format!("<{kind}").parse().ok();
    let Some(dtype) = known.and_then(|known| Stored::Numpy(known).dtype()) else {
        return unsupported(format!("numbers of type {descr:?}, which ainv does not take"));
    };
    let stored = descr
        .parse()
        .map_err(|_| damaged(format!("the type {descr:?} does not say its byte order (< or >)")))?;
    Ok((Stored::Numpy(stored), dtype))
}

/// The header of a C-order file; the numbers begin at a multiple of 64 bytes.
pub(crate) fn bytes(dtype: Dtype, shape: &[usize]) -> Result<Vec<u8>, Fault> {
    if shape.len() > MOST_AXES {
        let what = format!("{} axes; .npy holds at most {MOST_AXES}", shape.len());
        return Err(Fault::unsupported(Place::File, what));
    }
    let lengths: Vec<_> = shape.iter().map(usize::to_string).collect();
    let dictionary = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
        type_string(dtype),
        lengths.join(", ")
    );
    let length = (prefix(1) + dictionary.len() + 1).next_multiple_of(64) - prefix(1);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{dictionary:0$}\n", length - 1).into_bytes());
    Ok(bytes)
}
