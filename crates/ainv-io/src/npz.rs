//! NumPy's `.npz` files: a zip archive whose members `NAME.npy` are the arrays.
//!
//! Members are stored or deflated, as by `numpy.savez` and `numpy.savez_compressed`; archives and
//! members beyond 4 GiB are understood. What NumPy would take for an array, but ainv cannot read as
//! matrices (strings, single numbers, an encrypted member), is passed over. A member's name is only
//! ever a name: nothing is unpacked to it. Two members with one name are refused.
//!
//! A member inflates to what its `.npy` header declares, and a byte more is an error; how far deflate
//! can compress at all is held against the header before memory is asked for. The checksum is
//! compared when the last number was read.

use crate::error::{Cause, Fault, Place};
use crate::npy;
use crate::numbers::Numbers;
use crate::payload::{Payload, Span, inflate};
use crate::source::{Content, Info, PassedOver};
use std::collections::HashSet;
use std::io::{BufReader, Read};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Deflate makes at most so many bytes of one (RFC 1951: 258 bytes of two bits, near enough).
const MOST_INFLATED: u64 = 1032;

/// What the archive says of a member.
struct Member {
    method: CompressionMethod,
    encrypted: bool,
    checksum: u32,
    /// Inflated.
    length: u64,
    /// As it lies in the archive.
    span: Span,
}

pub(crate) fn open(whole: Span) -> Result<Content, Fault> {
    let mut magic = [0; 4];
    whole.clone().read_exact(&mut magic).map_err(Fault::in_header)?;
    if !matches!(&magic, b"PK\x03\x04" | b"PK\x05\x06") {
        let what = "not an .npz file (it does not begin as a zip archive does, with PK)";
        return Err(Fault::damaged(Place::Header, what));
    }
    let mut archive = ZipArchive::new(BufReader::new(whole.clone())).map_err(damaged)?;
    let twice = || {
        let what = "two members have the same name, and one would be lost";
        Fault::damaged(Place::Header, what)
    };
    if archive.has_duplicate_names() {
        return Err(twice());
    }
    // Two spellings may be one name, in Unicode and in an old code page.
    let mut names = HashSet::new();
    let mut content = Content::default();
    for index in 0..archive.len() {
        let (name, member) = member(&mut archive, index, &whole)?;
        if !names.insert(name.clone()) {
            return Err(twice());
        }
        let Some(array) = name.strip_suffix(".npy") else {
            let why = "not an array: its name does not end in .npy".to_owned();
            content.passed_over.push(PassedOver { name, why });
            continue;
        };
        match member.array(array) {
            Ok(array) => content.arrays.push(array),
            Err(Fault { cause: Cause::Unsupported(why), .. }) => {
                content.passed_over.push(PassedOver { name: array.to_owned(), why });
            }
            Err(fault) => return Err(fault.in_array(Some(array))),
        }
    }
    Ok(content)
}

fn member(
    archive: &mut ZipArchive<BufReader<Span>>,
    index: usize,
    whole: &Span,
) -> Result<(String, Member), Fault> {
    let entry = archive.by_index_raw(index).map_err(damaged)?;
    let name = entry.name().map_err(damaged)?.into_owned();
    let start = entry.data_start().unwrap_or(u64::MAX);
    let span = whole.from(start).to(entry.compressed_size());
    if span.len() < entry.compressed_size() {
        let what = "the archive ends within this member";
        return Err(Fault::damaged(Place::File, what).in_array(Some(&name)));
    }
    let member = Member {
        method: entry.compression(),
        encrypted: entry.encrypted(),
        checksum: entry.crc32(),
        length: entry.size(),
        span,
    };
    Ok((name, member))
}

impl Member {
    fn array(self, name: &str) -> Result<(Info, Numbers), Fault> {
        let unsupported = |what: String| Err(Fault::unsupported(Place::File, what));
        if self.encrypted {
            return unsupported("it is encrypted".to_owned());
        }
        let inflated = match self.method {
            CompressionMethod::Stored => self.span.len(),
            CompressionMethod::Deflated => self.span.len().saturating_mul(MOST_INFLATED),
            other => return unsupported(format!("it is compressed by {other}, not deflated")),
        };
        if self.length > inflated {
            let what = format!(
                "the member is said to have {} bytes, but has {inflated} at most",
                self.length
            );
            return Err(Fault::damaged(Place::File, what));
        }
        let is_deflated = self.method == CompressionMethod::Deflated;
        let header = if is_deflated {
            npy::Header::read(&mut inflate(self.span.clone()))?
        } else {
            npy::Header::read(&mut self.span.clone())?
        };
        let before = header.bytes.len() as u64;
        let payload = if is_deflated {
            Payload::inflated(self.span, before)
        } else {
            Payload::plain(self.span.from(before))
        };
        let length = self.length.saturating_sub(before);
        let payload = payload.checked(&header.bytes, self.checksum, length);
        npy::array(header, Some(name.to_owned()), Some(length), payload)
    }
}

fn damaged(error: ZipError) -> Fault {
    match error {
        ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Fault::system(error)
        }
        other => Fault::damaged(Place::File, format!("not a whole zip archive: {other}")),
    }
}
