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

pub use header::Header;

use crate::each;
use crate::error::{Cause, Fault, Place};
use crate::matrices::Matrices;
use ainv::{OwnedStack, Scalar, c32, c64};
use npyz::half::f16;
use npyz::{AutoSerialize, DType, Deserialize, TypeRead, TypeWrite};
use std::io::{self, BufReader, Read, Write};

pub(crate) fn read(file: impl Read, length: u64, limit: u64) -> Result<Matrices, Fault> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let header = Header::read(&mut file, length)?;
    let bytes = header.count() as u64 * header.dtype().size() as u64;
    if bytes > limit {
        return Err(Fault(Place::Header, Cause::Memory { bytes }));
    }
    let dtype = DType::new_scalar(header.stored.clone());
    macro_rules! read_as {
        ($($stored:ty => $decode:expr),*) => {$(
            if let Ok(numbers) = <$stored>::reader(&dtype) {
                return Ok(fill(&mut file, &header, numbers, $decode)?.into());
            }
        )*};
    }
    read_as!(
        f64 => |x| x, f32 => |x| x, c64 => |z| z, c32 => |z| z, f16 => f16::to_f32,
        bool => |b| f64::from(u8::from(b)),
        i8 => f64::from, i16 => f64::from, i32 => f64::from, i64 => |n| n as f64,
        u8 => f64::from, u16 => f64::from, u32 => f64::from, u64 => |n| n as f64
    );
    Err(Fault::unsupported(Place::Header, format!("numbers of type {}", header.stored)))
}

/// Reads all numbers.
fn fill<R: TypeRead, T: Scalar>(
    file: &mut impl Read,
    header: &Header,
    numbers: R,
    decode: impl Fn(R::Value) -> T,
) -> Result<OwnedStack<T>, Fault> {
    let shape = header.matrix_shape();
    let mut stack = OwnedStack::zeros(&shape).map_err(|error| match error {
        ainv::Error::OutOfMemory { bytes } => {
            Fault(Place::Header, Cause::Memory { bytes: bytes as u64 })
        }
        other => Fault::damaged(Place::Header, other.to_string()),
    })?;
    let out = stack.as_mut_slice();
    for i in 0..out.len() {
        let number = numbers.read_one(&mut *file).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Fault::damaged(Place::Payload, "the file became shorter while it was read")
            }
            io::ErrorKind::InvalidData => Fault::damaged(Place::Payload, error.to_string()),
            _ => Fault(Place::Payload, Cause::System(error)),
        })?;
        let place = if header.fortran_order { transposed(i, &shape) } else { i };
        out[place] = decode(number);
    }
    Ok(stack)
}

/// Where, in C order, the number goes that is the `i`th in Fortran order.
fn transposed(i: usize, shape: &[usize]) -> usize {
    let mut rest = i;
    shape.iter().fold(0, |place, &length| {
        let index = rest % length;
        rest /= length;
        place * length + index
    })
}

pub(crate) fn write(to: &mut dyn Write, matrices: &Matrices) -> io::Result<()> {
    each!(matrices, a => write_stack(to, a))
}

fn write_stack<T: Scalar + AutoSerialize>(to: &mut dyn Write, a: &OwnedStack<T>) -> io::Result<()> {
    let dtype = T::default_dtype();
    header::write(to, &dtype, a.shape())?;
    let numbers = T::writer(&dtype).map_err(io::Error::other)?;
    a.as_slice().iter().try_for_each(|x| numbers.write_one(&mut *to, x))
}
