//! NumPy's `.npy` files.
//!
//! | stored | read as |
//! |---|---|
//! | `f4`, `f8`, `c8`, `c16` | the same |
//! | `f2` | `f32` |
//! | `b1` (0 or 1), `i1` to `i8`, `u1` to `u8` | `f64`, rounded to nearest above 2^53 |
//!
//! Either byte order and either storage order. Object arrays need Python's pickle, which runs code
//! that the file brings along: they are refused, and no code here could read them. Structured
//! types, strings, dates, float128 and complex256 are refused too.
//!
//! NumPy's own limits hold: a header of at most 10,000 bytes and at most 64 axes.

mod header;

pub(crate) use header::{Header, bytes};

use crate::error::Fault;
use crate::numbers::{self, Numbers};
use crate::payload::{Payload, Span};
use crate::source::{Info, spool};
use std::io::Read;

/// The one array of a file.
pub(crate) fn open(whole: Span) -> Result<(Info, Numbers), Fault> {
    let header = Header::read(&mut whole.clone())?;
    let payload = whole.from(header.bytes.len() as u64);
    let have = payload.len();
    array(header, None, Some(have), Payload::plain(payload))
}

/// The one array that comes through a pipe. In Fortran order the whole of it is needed before the
/// first matrix is: it goes by the disk.
pub(crate) fn open_pipe(mut read: Box<dyn Read + Send>) -> Result<(Info, Numbers), Fault> {
    let header = Header::read(&mut read)?;
    if header.fortran_order {
        let payload = spool(read)?;
        return array(header, None, Some(payload.len()), Payload::plain(payload));
    }
    array(header, None, None, Payload::pipe(read))
}

/// The array that a header announces, of which `have` bytes are there; `None`: nobody knows yet.
pub(crate) fn array(
    header: Header,
    name: Option<String>,
    have: Option<u64>,
    payload: Payload,
) -> Result<(Info, Numbers), Fault> {
    let bytes = numbers::bytes(&header.shape, &header.stored)?;
    numbers::fits(&header.shape, &header.stored, have.unwrap_or(bytes))?;
    let is_column = header.shape.len() == 1;
    let mut shape = header.shape.clone();
    if is_column {
        shape.push(1);
    }
    let (stored, dtype) = (header.to_string(), header.dtype);
    let info = Info { name, stored, dtype, shape: shape.clone(), is_column, bytes };
    let Header { stored, fortran_order, .. } = header;
    Ok((info, Numbers { stored, dtype, shape, fortran_order, payload }))
}
