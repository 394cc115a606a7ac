//! The bytes of an array: anywhere in a file, or coming one after the other.

use crate::error::{Cause, Fault, Place};
use crc32fast::Hasher;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

/// A part of a file. Reads go by position, so parts of one file do not disturb each other.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    store: Store,
    at: u64,
    end: u64,
}

/// Where a file's bytes lie.
#[derive(Clone, Debug)]
enum Store {
    Disk(Arc<File>),
    Memory(Arc<Vec<u8>>),
}

impl Span {
    /// The first `length` bytes of the file.
    pub(crate) fn new(file: File, length: u64) -> Span {
        Span { store: Store::Disk(Arc::new(file)), at: 0, end: length }
    }
    /// A file that is in memory.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Span {
        let end = bytes.len() as u64;
        Span { store: Store::Memory(Arc::new(bytes)), at: 0, end }
    }
    pub(crate) fn len(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }
    /// What is left without the first bytes.
    pub(crate) fn from(&self, start: u64) -> Span {
        Span { at: self.end.min(self.at.saturating_add(start)), ..self.clone() }
    }
    /// The first bytes.
    pub(crate) fn to(&self, length: u64) -> Span {
        Span { end: self.end.min(self.at.saturating_add(length)), ..self.clone() }
    }
}

impl Read for Span {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.len()).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = &mut bytes[..most];
        let read = match &self.store {
            Store::Disk(file) => {
                let mut file = &**file;
                file.seek(SeekFrom::Start(self.at))?;
                file.read(bytes)?
            }
            Store::Memory(all) => {
                let from = usize::try_from(self.at).unwrap_or(usize::MAX).min(all.len());
                (&all[from..]).read(bytes)?
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// To a position in the file, not in the part.
impl Seek for Span {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.end, by),
            SeekFrom::Current(by) => (self.at, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The bytes of an array.
pub(crate) struct Payload {
    way: Way,
    checksum: Option<Checksum>,
}

enum Way {
    /// They lie in the file as they are.
    Plain(Span),
    /// They come out of a deflated span, after `skip` others.
    Inflated { span: Span, skip: u64, now: Option<Forward> },
    /// They come through a pipe, once.
    Pipe(Forward),
}

/// What comes one byte after the other.
struct Forward {
    read: Box<dyn Read + Send>,
    at: u64,
}

/// A CRC-32 that goes along while the bytes are read from first to last.
struct Checksum {
    /// Of what comes before the payload.
    before: u32,
    expected: u32,
    length: u64,
    now: Hasher,
    at: u64,
}

impl Payload {
    pub(crate) fn plain(span: Span) -> Payload {
        Payload { way: Way::Plain(span), checksum: None }
    }
    /// What `span` inflates to, without the first `skip` bytes.
    pub(crate) fn inflated(span: Span, skip: u64) -> Payload {
        Payload { way: Way::Inflated { span, skip, now: None }, checksum: None }
    }
    pub(crate) fn pipe(read: Box<dyn Read + Send>) -> Payload {
        Payload { way: Way::Pipe(Forward { read, at: 0 }), checksum: None }
    }
    /// Compares a CRC-32 when the last of `length` bytes is read: `expected` is that of the bytes
    /// `before` and of the payload.
    pub(crate) fn checked(self, before: &[u8], expected: u32, length: u64) -> Payload {
        let mut now = Hasher::new();
        now.update(before);
        let before = now.clone().finalize();
        Payload { checksum: Some(Checksum { before, expected, length, now, at: 0 }), ..self }
    }

    /// Whether any part can be read without those before it.
    pub(crate) fn seeks(&self) -> bool {
        matches!(self.way, Way::Plain(_))
    }
    /// Whether the declared length was held against that of the file.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self.way, Way::Pipe(_))
    }

    /// Fills `bytes` with those from `at` on.
    pub(crate) fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        match &mut self.way {
            Way::Plain(span) => span.from(at).read_exact(bytes).map_err(shorter)?,
            Way::Pipe(forward) => forward.read_at(at, bytes)?,
            Way::Inflated { span, skip, now } => {
                let forward = match now.take() {
                    Some(forward) if forward.at <= *skip + at => now.insert(forward),
                    _ => now.insert(Forward { read: inflate(span.clone()), at: 0 }),
                };
                forward.read_at(*skip + at, bytes)?;
            }
        }
        match &mut self.checksum {
            Some(checksum) => checksum.update(at, bytes),
            None => Ok(()),
        }
    }

    /// Refuses a stream that goes on after `length` bytes, which were all read.
    pub(crate) fn ends(&mut self, length: u64) -> Result<(), Fault> {
        let (Way::Inflated { now: Some(forward), .. } | Way::Pipe(forward)) = &mut self.way else {
            return Ok(());
        };
        let mut one = [0];
        let more = loop {
            match forward.read.read(&mut one) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(shorter)?,
            }
        };
        forward.at += more as u64;
        if more == 0 {
            return Ok(());
        }
        let what = format!("the file goes on after the last number, which ends at byte {length}");
        Err(Fault::damaged(Place::Payload, what))
    }
}

/// What deflated bytes were.
pub(crate) fn inflate(span: Span) -> Box<dyn Read + Send> {
    Box::new(DeflateDecoder::new(BufReader::with_capacity(1 << 16, span)))
}

impl Forward {
    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let Some(skip) = at.checked_sub(self.at) else {
            let what = "a pipe is read once, from its beginning to its end";
            return Err(Fault::unsupported(Place::Payload, what));
        };
        let skipped =
            io::copy(&mut (&mut self.read).take(skip), &mut io::sink()).map_err(shorter)?;
        self.at += skipped;
        if skipped < skip {
            return Err(shorter(io::ErrorKind::UnexpectedEof.into()));
        }
        self.read.read_exact(bytes).map_err(shorter)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

fn shorter(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Fault::damaged(Place::Payload, "the file ends too early (before the last number)")
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Fault::damaged(Place::Payload, format!("the compressed numbers are damaged: {error}"))
        }
        _ => Fault::new(Place::Payload, Cause::System(error)),
    }
}

impl Checksum {
    fn update(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        if at == 0 {
            (self.now, self.at) = (Hasher::new_with_initial(self.before), 0);
        }
        if at != self.at {
            return Ok(());
        }
        self.now.update(bytes);
        self.at += bytes.len() as u64;
        if self.at < self.length || self.now.clone().finalize() == self.expected {
            return Ok(());
        }
        let what = "the checksum (CRC-32) is wrong: the numbers are not those that were written";
        Err(Fault::damaged(Place::Payload, what))
    }
}
