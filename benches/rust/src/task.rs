//! An operation on a stack of matrices, each row by row, shared out among rayon's threads.

use npyz::WriterBuilder;
use num_complex::Complex;
use rayon::prelude::*;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};

/// The scalars, as all libraries call them.
#[cfg(not(feature = "ndarray-linalg"))]
pub trait Number: Common {}
#[cfg(feature = "ndarray-linalg")]
pub trait Number: Common + ndarray_linalg::Scalar + ndarray_linalg::Lapack {}

pub trait Common:
    ::faer::traits::ComplexField
    + ::nalgebra::ComplexField
    + npyz::Deserialize
    + npyz::AutoSerialize
    + Copy
    + Default
{
}

impl<T> Common for T where
    T: ::faer::traits::ComplexField
        + ::nalgebra::ComplexField
        + npyz::Deserialize
        + npyz::AutoSerialize
        + Copy
        + Default
{
}

impl Number for f32 {}
impl Number for f64 {}
impl Number for Complex<f32> {}
impl Number for Complex<f64> {}

/// Does one m x n matrix, with the right-hand sides of `solve`, into its result; `None` if it cannot.
pub type Function<T> = fn([usize; 2], &[T], &[T], &mut [T]) -> Option<()>;

/// So many small matrices are worth handing to a thread.
const WORTH_A_THREAD: usize = 64;

pub struct Task<T> {
    function: Function<T>,
    shape: [usize; 2],
    a: Vec<T>,
    b: Vec<T>,
    x: Vec<T>,
    /// Of the results, as they are saved.
    result: [u64; 3],
}

/// A task of any scalar.
pub trait Run {
    /// Whether all matrices could be done.
    fn run(&mut self) -> bool;
    fn save(&mut self, file: &str) -> Result<(), Box<dyn Error>>;
}

impl<T: Number> Task<T> {
    pub fn new(
        function: Function<T>,
        op: &str,
        [count, m, n]: [usize; 3],
        a: &str,
        b: &str,
    ) -> Result<Task<T>, Box<dyn Error>> {
        let (a, b) = (read(a)?, read(b)?);
        let [rows, cols] = if op == "solve" { [n, b.len() / count / n] } else { [n, m] };
        let x = vec![T::default(); count * rows * cols];
        Ok(Task { function, shape: [m, n], a, b, x, result: [count, rows, cols].map(|k| k as u64) })
    }
}

impl<T: Number> Run for Task<T> {
    fn run(&mut self) -> bool {
        let (count, [m, n], function) = (self.result[0] as usize, self.shape, self.function);
        let (b, each) = (&self.b, self.b.len() / count);
        let one = |(i, (x, a)): (usize, (&mut [T], &[T]))| {
            function([m, n], a, &b[i * each..(i + 1) * each], x).is_some()
        };
        let size = self.x.len() / count;
        if count == 1 {
            return one((0, (&mut self.x, &self.a)));
        }
        let stack = self.x.par_chunks_exact_mut(size).zip(self.a.par_chunks_exact(m * n));
        stack.enumerate().with_min_len(if n <= 16 { WORTH_A_THREAD } else { 1 }).all(one)
    }

    fn save(&mut self, file: &str) -> Result<(), Box<dyn Error>> {
        let options = npyz::WriteOptions::new().default_dtype().shape(&self.result);
        let mut writer = options.writer(BufWriter::new(File::create(file)?)).begin_nd()?;
        writer.extend(self.x.iter().copied())?;
        Ok(writer.finish()?)
    }
}

fn read<T: Number>(file: &str) -> Result<Vec<T>, Box<dyn Error>> {
    Ok(npyz::NpyFile::new(BufReader::new(File::open(file)?))?.into_vec()?)
}
