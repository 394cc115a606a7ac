//! `.safetensors` files: named tensors after a header of JSON, which the `safetensors` crate reads
//! and holds against its own rules (no gap or overlap between tensors, no length that overflows).
//!
//! | stored | read as |
//! |---|---|
//! | `F32`, `F64`, `C64` (complex64) | the same |
//! | `F16`, `BF16` | `f32` |
//! | `BOOL`, `I8` to `I64`, `U8` to `U64` | `f64` |
//!
//! Other types and single numbers are passed over. There is no complex128 in the format.

use crate::error::{Fault, Place};
use crate::matrices::Dtype;
use crate::numbers::{self, Numbers, Stored};
use crate::payload::{Payload, Span};
use crate::source::{Content, Info, PassedOver};
use safetensors::tensor::{Dtype as Type, Metadata, TensorInfo};
use std::collections::HashSet;
use std::io::Read;

/// The format's limit.
const LONGEST: u64 = 100_000_000;

fn damaged(what: impl Into<String>) -> Fault {
    Fault::damaged(Place::Header, what)
}

pub(crate) fn open(whole: Span) -> Result<Content, Fault> {
    let mut bytes = [0; 8];
    whole.clone().read_exact(&mut bytes).map_err(Fault::in_header)?;
    let header = u64::from_le_bytes(bytes);
    let rest = whole.from(8);
    if header > rest.len() || header > LONGEST {
        return Err(damaged(format!(
            "said to have {header} bytes, but the file has {} (and {LONGEST} are allowed); not a \
             .safetensors file, or it ends too early",
            rest.len()
        )));
    }
    let mut text = Vec::new();
    rest.to(header).read_to_end(&mut text).map_err(Fault::in_header)?;
    let metadata: Metadata =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    let payload = rest.from(header);
    if metadata.data_len() as u64 != payload.len() {
        let what = format!(
            "the tensors take {} bytes, the file has {}",
            metadata.data_len(),
            payload.len()
        );
        return Err(Fault::damaged(Place::Payload, what));
    }
    let mut content = Content::default();
    for name in metadata.offset_keys() {
        let Some(tensor) = metadata.info(&name) else { continue };
        match array(&name, tensor, &payload) {
            Ok(array) => content.arrays.push(array),
            Err(why) => content.passed_over.push(PassedOver { name, why }),
        }
    }
    Ok(content)
}

fn array(name: &str, tensor: &TensorInfo, payload: &Span) -> Result<(Info, Numbers), String> {
    let types = stored(tensor.dtype).and_then(|stored| Some((stored.dtype()?, stored)));
    let (dtype, stored) = types
        .ok_or_else(|| format!("numbers of type {}, which ainv does not take", tensor.dtype))?;
    let mut shape = tensor.shape.clone();
    let is_column = shape.len() == 1;
    if shape.is_empty() {
        return Err("a single number, not a matrix".to_owned());
    }
    if is_column {
        shape.push(1);
    }
    numbers::count(&shape).ok_or_else(|| format!("the size of shape {shape:?} overflows"))?;
    let (start, end) = tensor.data_offsets;
    let payload = Payload::plain(payload.from(start as u64).to((end - start) as u64));
    let info = Info {
        name: Some(name.to_owned()),
        stored: tensor.dtype.to_string(),
        dtype,
        shape: shape.clone(),
        is_column,
        bytes: (end - start) as u64,
    };
    Ok((info, Numbers { stored, dtype, shape, fortran_order: false, payload }))
}

fn stored(dtype: Type) -> Option<Stored> {
    let numpy = match dtype {
        Type::BF16 => return Some(Stored::Bfloat16),
        Type::BOOL => "|b1",
        Type::I8 => "|i1",
        Type::U8 => "|u1",
        Type::I16 => "<i2",
        Type::U16 => "<u2",
        Type::F16 => "<f2",
        Type::I32 => "<i4",
        Type::U32 => "<u4",
        Type::F32 => "<f4",
        Type::C64 => "<c8",
        Type::F64 => "<f8",
        Type::I64 => "<i8",
        Type::U64 => "<u8",
        _ => return None,
    };
    numpy.parse().ok().map(Stored::Numpy)
}

/// The header of a file with these arrays, which follow each other in this order.
pub(crate) fn header(arrays: &[(&str, Dtype, &[usize])]) -> Result<Vec<u8>, Fault> {
    let unsupported = |what: String| Fault::unsupported(Place::File, what);
    let mut names = HashSet::new();
    let mut start = 0;
    let mut tensors = Vec::new();
    for &(name, scalar, shape) in arrays {
        if !names.insert(name) || name == "__metadata__" {
            return Err(unsupported(format!("the name {name:?} is taken")));
        }
        let dtype = match scalar {
            Dtype::F32 => Type::F32,
            Dtype::F64 => Type::F64,
            Dtype::C32 => Type::C64,
            Dtype::C64 => {
                let what = "complex128 is not in .safetensors; complex64 is, and .npz holds both";
                return Err(unsupported(what.to_owned()));
            }
        };
        let size = numbers::count(shape).map(|count| count * scalar.size());
        let end = size.and_then(|size| size.checked_add(start));
        let end = end.ok_or_else(|| unsupported(format!("the size of {shape:?} overflows")))?;
        let data_offsets = (start, end);
        tensors.push((name.to_owned(), TensorInfo { dtype, shape: shape.to_vec(), data_offsets }));
        start = end;
    }
    let write = || {
        let metadata = Metadata::new(None, tensors).map_err(|error| error.to_string())?;
        serde_json::to_vec(&metadata).map_err(|error| error.to_string())
    };
    let mut text = write().map_err(unsupported)?;
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    Ok(bytes)
}
