//! The numbers of a binary array: how they are stored, and as which scalar they are read.

use crate::each;
use crate::error::{Fault, Place};
use crate::matrices::{Dtype, Matrices};
use crate::memory;
use crate::payload::Payload;
use ainv::{OwnedStack, Scalar, c32, c64};
use npyz::half::{bf16, f16};
use npyz::{AutoSerialize, DType, Deserialize, TypeChar, TypeRead, TypeStr, TypeWrite};
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;

/// How one number is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// A type that NumPy has.
    Numpy(TypeStr),
    /// bfloat16, little-endian.
    Bfloat16,
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stored::Numpy(name) => name.fmt(f),
            Stored::Bfloat16 => f.write_str("bfloat16"),
        }
    }
}

impl Stored {
    /// The scalar that the numbers become, if ainv takes them.
    pub(crate) fn dtype(&self) -> Option<Dtype> {
        let Stored::Numpy(known) = self else { return Some(Dtype::F32) };
        match (known.type_char(), known.size_field()) {
            (TypeChar::Bool | TypeChar::Int | TypeChar::Uint, _) => Some(Dtype::F64),
            (TypeChar::Float, 2 | 4) => Some(Dtype::F32),
            (TypeChar::Float, 8) => Some(Dtype::F64),
            (TypeChar::Complex, 8) => Some(Dtype::C32),
            (TypeChar::Complex, 16) => Some(Dtype::C64),
            _ => None,
        }
    }
    /// Bytes of one number.
    pub(crate) fn size(&self) -> usize {
        match self {
            Stored::Numpy(known) => known.num_bytes().unwrap_or(0),
            Stored::Bfloat16 => 2,
        }
    }
}

/// An array as it lies in a file.
pub(crate) struct Numbers {
    pub(crate) stored: Stored,
    pub(crate) dtype: Dtype,
    /// `(..., rows, cols)`
    pub(crate) shape: Vec<usize>,
    /// The first index runs fastest, not the last.
    pub(crate) fortran_order: bool,
    pub(crate) payload: Payload,
}

/// Bytes that are read at once.
const PIECE: usize = 1 << 16;

impl Numbers {
    /// Numbers in one matrix.
    fn entries(&self) -> usize {
        self.shape[self.shape.len() - 2..].iter().product()
    }

    fn leading(&self) -> &[usize] {
        &self.shape[..self.shape.len() - 2]
    }

    /// Whether a range of matrices is read without reading what lies outside.
    pub(crate) fn streams(&self) -> bool {
        let mut axes = self.leading().iter().filter(|&&length| length != 1);
        match (axes.next(), axes.next()) {
            _ if !self.fortran_order => true,
            (None, _) => true,
            (Some(_), None) => self.payload.seeks(),
            (Some(_), Some(_)) => false,
        }
    }

    /// The matrices of a range, in the given shape.
    pub(crate) fn read(
        &mut self,
        range: Range<usize>,
        shape: &[usize],
        limit: u64,
    ) -> Result<Matrices, Fault> {
        memory::within(range.len() * self.entries(), self.dtype.size(), limit)?;
        let dtype = match &self.stored {
            Stored::Numpy(name) => DType::new_scalar(name.clone()),
            Stored::Bfloat16 => DType::new_scalar("<u2".parse().expect("NumPy's own")),
        };
        macro_rules! read_as {
            ($($stored:ty => $decode:expr),*) => {$(
                if let Ok(numbers) = <$stored>::reader(&dtype) {
                    return self.gather(range, shape, &numbers, $decode);
                }
            )*};
        }
        if self.stored == Stored::Bfloat16 {
            read_as!(u16 => |bits| bf16::from_bits(bits).to_f32());
        }
        read_as!(
            f64 => |x| x, f32 => |x| x, c64 => |z| z, c32 => |z| z, f16 => f16::to_f32,
            bool => |b| f64::from(u8::from(b)),
            i8 => f64::from, i16 => f64::from, i32 => f64::from, i64 => |n| n as f64,
            u8 => f64::from, u16 => f64::from, u32 => f64::from, u64 => |n| n as f64
        );
        Err(Fault::unsupported(Place::Header, format!("numbers of type {}", self.stored)))
    }

    fn gather<R: TypeRead, T: Scalar>(
        &mut self,
        range: Range<usize>,
        shape: &[usize],
        numbers: &R,
        decode: impl Fn(R::Value) -> T,
    ) -> Result<Matrices, Fault>
    where
        Matrices: From<OwnedStack<T>>,
    {
        let read = |bytes: &[u8]| match numbers.read_one(bytes) {
            Ok(number) => Ok(decode(number)),
            Err(error) => Err(Fault::damaged(Place::Payload, error.to_string())),
        };
        let all = if self.fortran_order {
            self.gather_fortran(range, read)?
        } else {
            self.gather_c(range, read)?
        };
        let stack = OwnedStack::from_vec(all, shape)
            .map_err(|error| Fault::unsupported(Place::Header, error.to_string()))?;
        Ok(stack.into())
    }

    /// The matrices lie as they are wanted.
    fn gather_c<T: Scalar>(
        &mut self,
        range: Range<usize>,
        read: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let entries = self.entries();
        let count = range.len() * entries;
        let mut all = Vec::new();
        if self.payload.is_there() {
            memory::reserve(&mut all, count)?;
        }
        self.each(range.start * entries, count, |_, bytes| {
            if all.len() == all.capacity() {
                // A pipe may have promised more than will come: memory goes along with what came.
                let more = all.len().max(PIECE).min(count - all.len());
                memory::reserve(&mut all, more)?;
            }
            all.push(read(bytes)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The matrices' first index runs fastest.
    fn gather_fortran<T: Scalar>(
        &mut self,
        range: Range<usize>,
        read: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let entries = self.entries();
        let mut all = memory::zeros(range.len() * entries)?;
        let leading: usize = self.leading().iter().product();
        if self.streams() && leading > 1 {
            // The same entry of all matrices lies together.
            let [.., rows, cols] = self.shape[..] else { unreachable!("two axes at least") };
            for j in 0..cols {
                for i in 0..rows {
                    let first = (j * rows + i) * leading + range.start;
                    self.each(first, range.len(), |k, bytes| {
                        all[k * entries + i * cols + j] = read(bytes)?;
                        Ok(())
                    })?;
                }
            }
            return Ok(all);
        }
        let shape = self.shape.clone();
        let wanted = range.start * entries..range.end * entries;
        self.each(0, leading * entries, |k, bytes| {
            let place = transposed(k, &shape);
            if wanted.contains(&place) {
                all[place - wanted.start] = read(bytes)?;
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Reads `count` numbers from `first` on as they lie in the file.
    fn each(
        &mut self,
        first: usize,
        count: usize,
        mut take: impl FnMut(usize, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let size = self.stored.size();
        let mut piece = vec![0; PIECE.min(count.saturating_mul(size))];
        let mut done = 0;
        while done < count {
            let next = (PIECE / size).min(count - done);
            let bytes = &mut piece[..next * size];
            self.payload.read_at(((first + done) * size) as u64, bytes)?;
            for (k, one) in bytes.chunks_exact(size).enumerate() {
                take(done + k, one)?;
            }
            done += next;
        }
        let total = self.entries() * self.leading().iter().product::<usize>();
        if first + count == total {
            self.payload.ends((total * size) as u64)?;
        }
        Ok(())
    }
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

/// How many numbers are in the shape; `None` where they do not fit the address space, whichever
/// scalar they become.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    // The product of the lengths without the zeros, too, so that no later one can overflow.
    let product = |least: usize| shape.iter().try_fold(1usize, |p, &n| p.checked_mul(n.max(least)));
    let bytes = product(1)?.checked_mul(size_of::<c64>())?;
    isize::try_from(bytes).ok().and(product(0))
}

/// How many bytes they take as they are stored.
pub(crate) fn bytes(shape: &[usize], stored: &Stored) -> Result<u64, Fault> {
    let overflow = || format!("the size of shape {shape:?} overflows");
    let count = count(shape).ok_or_else(|| Fault::damaged(Place::Header, overflow()))?;
    Ok((count * stored.size()) as u64)
}

/// NumPy's name of how such numbers are written: always little-endian.
pub(crate) fn type_string(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::C32 => "<c8",
        Dtype::C64 => "<c16",
    }
}

/// Writes the numbers, and nothing before or after them.
pub(crate) fn write(to: &mut dyn Write, matrices: &Matrices) -> io::Result<()> {
    let dtype = type_string(matrices.dtype()).parse().expect("NumPy's own");
    let dtype = DType::new_scalar(dtype);
    each!(matrices, a => write_all(to, &dtype, a.as_slice()))
}

fn write_all<T: Scalar + AutoSerialize>(
    to: &mut dyn Write,
    dtype: &DType,
    numbers: &[T],
) -> io::Result<()> {
    let writer = T::writer(dtype).map_err(io::Error::other)?;
    let mut piece = Vec::with_capacity(PIECE);
    for numbers in numbers.chunks(PIECE / size_of::<T>()) {
        piece.clear();
        numbers.iter().try_for_each(|x| writer.write_one(&mut piece, x))?;
        to.write_all(&piece)?;
    }
    Ok(())
}

/// Whether an array of `have` bytes holds exactly the shape's numbers.
pub(crate) fn fits(shape: &[usize], stored: &Stored, have: u64) -> Result<(), Fault> {
    let bytes = bytes(shape, stored)?;
    if have == bytes {
        return Ok(());
    }
    let more = if have < bytes { "ends too early" } else { "goes on after the last number" };
    Err(Fault::damaged(
        Place::Payload,
        format!("the file {more}: shape {shape:?} of {stored} takes {bytes} bytes, it has {have}"),
    ))
}
