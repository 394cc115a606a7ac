//! The line of a Python program that asked for something.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// A line of a Python program; plain text, so that any thread can drop it.
pub(crate) struct Place {
    file: String,
    line: u32,
    function: String,
}

impl Place {
    /// The line that called ainv: of the innermost frame that is not the package's own. None where
    /// no Python code runs, as in an embedding program.
    pub(crate) fn here(py: Python<'_>) -> PyResult<Option<Place>> {
        static FRAME: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Ok(mut frame) = FRAME.import(py, "sys", "_getframe")?.call0() else { return Ok(None) };
        let package = package(py)?;
        while !frame.is_none() {
            let code = frame.getattr(intern!(py, "f_code"))?;
            let file: String = code.getattr(intern!(py, "co_filename"))?.extract()?;
            if !file.starts_with(package) {
                return Ok(Some(Place {
                    file,
                    line: frame.getattr(intern!(py, "f_lineno"))?.extract().unwrap_or(0),
                    function: code.getattr(intern!(py, "co_name"))?.extract()?,
                }));
            }
            frame = frame.getattr(intern!(py, "f_back"))?;
        }
        Ok(None)
    }

    /// As a note of an exception: the place and, where there is one, the source, as in a traceback.
    pub(crate) fn note(&self, py: Python<'_>) -> PyResult<String> {
        let Place { file, line, function } = self;
        let source = py.import("linecache")?.call_method1("getline", (file, line))?;
        let source = source.extract::<String>()?;
        let mut note =
            format!("The work was enqueued here:\n  File \"{file}\", line {line}, in {function}");
        if !source.trim().is_empty() {
            note += &format!("\n    {}", source.trim());
        }
        Ok(note)
    }
}

/// The folder of the package, with what follows it in the paths of its modules.
fn package(py: Python<'_>) -> PyResult<&str> {
    static PACKAGE: PyOnceLock<String> = PyOnceLock::new();
    let package = PACKAGE.get_or_try_init(py, || {
        let file = py.import("ainv")?.getattr("__file__")?.extract::<String>()?;
        let end = file.rfind(['/', '\\']).map_or(0, |at| at + 1);
        PyResult::Ok(file[..end].to_owned())
    })?;
    Ok(package)
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, line {}, in {}", self.file, self.line, self.function)
    }
}
