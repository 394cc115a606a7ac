//! The keywords that several functions share.

use crate::array::{self, Input};
use crate::{policy, stream};
use ainv::{
    Assume, IllConditioned, Norm, OnSingular, Options, PinvOptions, Precision, Tolerance, Uplo,
};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyTuple};

fn not_one_of(name: &str, given: &str, choices: &str) -> PyErr {
    PyValueError::new_err(format!("{name}={given:?} is none of: {choices}"))
}

/// SciPy's names, short and long, beside ours.
pub(crate) fn assume(name: &str) -> PyResult<Assume> {
    Ok(match name {
        "auto" => Assume::Auto,
        "general" | "gen" => Assume::General,
        "symmetric" | "sym" => Assume::Symmetric,
        "hermitian" | "her" => Assume::Hermitian,
        "posdef" | "pos" | "positive definite" => Assume::Posdef,
        "lower" | "lower triangular" => Assume::Lower,
        "upper" | "upper triangular" => Assume::Upper,
        "diagonal" => Assume::Diagonal,
        _ => {
            let choices = "auto, general (gen), symmetric (sym), hermitian (her), posdef (pos, \
                           positive definite), lower (lower triangular), upper (upper \
                           triangular), diagonal";
            return Err(not_one_of("assume", name, choices));
        }
    })
}

/// What becomes of a singular matrix; `pinv` is `inv`'s alone.
pub(crate) fn on_singular(name: &str, pinv: bool) -> PyResult<OnSingular> {
    match name {
        "raise" => Ok(OnSingular::Raise),
        "nan" => Ok(OnSingular::Nan),
        "pinv" if pinv => Ok(OnSingular::Pinv),
        _ => Err(not_one_of(
            "on_singular",
            name,
            if pinv { "raise, nan, pinv" } else { "raise, nan" },
        )),
    }
}

pub(crate) fn uplo(upper: bool) -> Uplo {
    if upper { Uplo::Upper } else { Uplo::Lower }
}

pub(crate) fn norm(p: &Bound<'_, PyAny>) -> PyResult<Norm> {
    match p.extract::<f64>() {
        Ok(1.0) => Ok(Norm::One),
        Ok(2.0) => Ok(Norm::Two),
        Ok(f64::INFINITY) => Ok(Norm::Inf),
        _ => Err(not_one_of("p", &p.str()?.to_cow()?, "1, 2, inf")),
    }
}

/// Which two dimensions hold the rows and the columns of the matrices: the last two where nothing is
/// said.
#[derive(Clone, Copy)]
pub(crate) enum Axes {
    Last,
    At(isize, isize),
}

impl Axes {
    pub(crate) fn parse(axes: Option<&Bound<'_, PyAny>>) -> PyResult<Axes> {
        let Some(axes) = axes else { return Ok(Axes::Last) };
        let [rows, columns] = axes.extract().map_err(|_| {
            PyTypeError::new_err("axes must be two integers: the axis of the rows, of the columns")
        })?;
        Ok(Axes::At(rows, columns))
    }

    /// As numbers from the first dimension on, in an array that has `dims` of them, at least two.
    pub(crate) fn of(self, dims: usize) -> PyResult<[usize; 2]> {
        let Axes::At(rows, columns) = self else { return Ok([dims - 2, dims - 1]) };
        let from_first = |axis: isize| {
            let axis = if axis < 0 { dims.checked_add_signed(axis) } else { Some(axis as usize) };
            axis.filter(|&axis| axis < dims)
        };
        match (from_first(rows), from_first(columns)) {
            (Some(rows), Some(columns)) if rows != columns => Ok([rows, columns]),
            _ => Err(PyValueError::new_err(format!(
                "axes=({rows}, {columns}) are not two different ones of an array of {dims} dimensions"
            ))),
        }
    }
}

/// The keywords that stand before the arrays are read: what is wrong with them is said first.
pub(crate) struct Keywords {
    options: Options,
    precision: Option<Precision>,
}

impl Keywords {
    pub(crate) fn new(
        py: Python<'_>,
        precision: Option<&str>,
        stream: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Keywords> {
        let precision = match precision {
            None => None,
            Some("native") => Some(Precision::Native),
            Some("double") => Some(Precision::Double),
            Some(name) => return Err(not_one_of("precision", name, "native, double, None")),
        };
        // Said, because long work runs in a thread of its own, which has another current stream.
        let stream = Some(stream::served(py, stream)?);
        let ill_conditioned = policy::current(py)?;
        let options = Options { stream, ill_conditioned, ..Options::default() };
        Ok(Keywords { options, precision })
    }

    /// For a function that says of each matrix whether it failed, and nothing else.
    pub(crate) fn quiet(mut self) -> Keywords {
        self.options.ill_conditioned = IllConditioned::Ignore;
        self
    }

    pub(crate) fn assume(mut self, name: &str) -> PyResult<Keywords> {
        self.options.assume = assume(name)?;
        Ok(self)
    }

    pub(crate) fn on_singular(mut self, name: &str, pinv: bool) -> PyResult<Keywords> {
        self.options.on_singular = on_singular(name, pinv)?;
        Ok(self)
    }

    /// The options for arrays like `a`. Where nothing is said NumPy's single precision is computed
    /// in double, as NumPy does; half precision, which it refuses, in single.
    pub(crate) fn options(self, a: &Input) -> Options {
        let wide = || if a.half.is_none() { Precision::Double } else { Precision::Native };
        Options { precision: self.precision.unwrap_or_else(wide), ..self.options }
    }

    /// The stream and the options for an `ainv.Array`. Where nothing is said it is computed in its own
    /// precision.
    pub(crate) fn enqueued(self) -> (ainv::Stream, Options) {
        let stream = self.options.stream.unwrap_or_default();
        let precision = self.precision.unwrap_or_default();
        (stream, Options { precision, ..self.options })
    }
}

/// What `pinv` takes for zero.
pub(crate) struct Pinv {
    pub(crate) rtol: Option<Tol>,
    pub(crate) atol: Option<Tol>,
    pub(crate) hermitian: bool,
}

impl Pinv {
    pub(crate) fn options(&self) -> PinvOptions<'_> {
        let Pinv { rtol, atol, hermitian } = self;
        PinvOptions {
            rtol: rtol.as_ref().map(Tol::get),
            atol: atol.as_ref().map(Tol::get),
            hermitian: *hermitian,
        }
    }
}

/// A tolerance of `pinv`: one number, or one a matrix.
pub(crate) enum Tol {
    All(f64),
    Each(Vec<f64>),
}

impl Tol {
    /// Any real number, or any array of them that broadcasts to the leading dimensions.
    pub(crate) fn parse(
        name: &str,
        value: Option<&Bound<'_, PyAny>>,
        batch: &[usize],
    ) -> PyResult<Option<Tol>> {
        let Some(value) = value else { return Ok(None) };
        if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() {
            return Ok(Some(Tol::All(value.extract()?)));
        }
        let py = value.py();
        let given = array::numpy(py, "asarray")?.call1((value,))?;
        let dtype = given.getattr("dtype")?;
        let kind = dtype.getattr("kind")?.extract::<String>()?;
        if !(matches!(kind.as_str(), "b" | "i" | "u" | "f") || array::is_bfloat16(&dtype)?) {
            return Err(PyTypeError::new_err(format!("{name} must be real, not {dtype}")));
        }
        let given = given.call_method1("astype", ("float64",))?;
        let batch = PyTuple::new(py, batch)?;
        let each = array::numpy(py, "broadcast_to")?.call1((&given, &batch)).map_err(|_| {
            PyValueError::new_err(match given.getattr("shape") {
                Ok(shape) => format!("{name} of shape {shape} does not fit the batch {batch}"),
                Err(error) => error.to_string(),
            })
        })?;
        let each = array::numpy(py, "ravel")?.call1((each,))?;
        Ok(Some(Tol::Each(each.cast::<PyArray1<f64>>()?.to_vec()?)))
    }

    pub(crate) fn get(&self) -> Tolerance<'_> {
        match self {
            Tol::All(x) => Tolerance::All(*x),
            Tol::Each(x) => Tolerance::Each(x),
        }
    }

    /// The relative tolerance where none was given, for a scalar of half precision that is computed
    /// in single: as ainv's own rule, in the epsilon of the scalar that the caller has.
    pub(crate) fn default_for(epsilon: f64, largest: usize, atol: Option<&Tol>) -> Tol {
        let of = |atol: f64| if atol > 0.0 { 0.0 } else { largest as f64 * epsilon };
        match atol {
            None => Tol::All(of(0.0)),
            Some(Tol::All(x)) => Tol::All(of(*x)),
            Some(Tol::Each(x)) => Tol::Each(x.iter().map(|&x| of(x)).collect()),
        }
    }
}
