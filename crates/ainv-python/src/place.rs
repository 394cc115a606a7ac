//! The line of a Python program that asked for something.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use std::sync::{Arc, Mutex};

/// A line of a Python program; plain text, so that any thread can drop it.
#[derive(Clone)]
pub(crate) struct Place {
    code: Arc<Code>,
    line: u32,
}

/// A function, or a module's own code.
struct Code {
    file: String,
    function: String,
    /// Whether it is of the package.
    own: bool,
}

impl Code {
    /// What is known of a code object. The last one is kept: a loop enqueues from one.
    fn of(code: Bound<'_, PyAny>) -> PyResult<Arc<Code>> {
        static LAST: Mutex<Option<(Py<PyAny>, Arc<Code>)>> = Mutex::new(None);
        let py = code.py();
        // In a forked child the lock may be one that a thread of the parent held, for ever.
        let mut last = LAST.try_lock().ok();
        if let Some(Some((known, found))) = last.as_deref()
            && known.is(&code)
        {
            return Ok(found.clone());
        }
        let text = |name: &Bound<'_, PyString>| -> PyResult<String> {
            // A name that is not of Unicode is shown as well as can be.
            Ok(code.getattr(name)?.cast::<PyString>()?.to_string_lossy().into_owned())
        };
        let file = text(intern!(py, "co_filename"))?;
        let own = file.starts_with(package(py)?);
        let function = text(intern!(py, "co_name"))?;
        let found = Arc::new(Code { file, function, own });
        if let Some(last) = &mut last {
            **last = Some((code.unbind(), found.clone()));
        }
        Ok(found)
    }
}

impl Place {
    /// The line that called ainv: of the innermost frame that is not the package's own. None where
    /// no Python code runs, as in an embedding program.
    pub(crate) fn here(py: Python<'_>) -> PyResult<Option<Place>> {
        static FRAME: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Ok(mut frame) = FRAME.import(py, "sys", "_getframe")?.call0() else { return Ok(None) };
        while !frame.is_none() {
            let code = Code::of(frame.getattr(intern!(py, "f_code"))?)?;
            if !code.own {
                let line = frame.getattr(intern!(py, "f_lineno"))?.extract().unwrap_or(0);
                return Ok(Some(Place { code, line }));
            }
            frame = frame.getattr(intern!(py, "f_back"))?;
        }
        Ok(None)
    }

    /// As a note of an exception: the place and, where there is one, the source, as in a traceback.
    pub(crate) fn note(&self, py: Python<'_>) -> PyResult<String> {
        let Place { line, code } = self;
        let Code { file, function, .. } = &**code;
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

/// How many of the innermost frames are the package's own.
pub(crate) fn own_frames(py: Python<'_>) -> PyResult<usize> {
    let mut frames = 0;
    let Ok(mut frame) = py.import("sys")?.call_method0("_getframe") else { return Ok(0) };
    while !frame.is_none() && Code::of(frame.getattr(intern!(py, "f_code"))?)?.own {
        frames += 1;
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(frames)
}

/// The folder of the package, with what follows it in the paths of its modules.
fn package(py: Python<'_>) -> PyResult<&str> {
    static PACKAGE: PyOnceLock<String> = PyOnceLock::new();
    let package = PACKAGE.get_or_try_init(py, || {
        let file = py.import("ainv")?.getattr("__file__")?;
        let file = file.cast::<PyString>()?.to_string_lossy().into_owned();
        let end = file.rfind(['/', '\\']).map_or(0, |at| at + 1);
        PyResult::Ok(file[..end].to_owned())
    })?;
    Ok(package)
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, line {}, in {}", self.code.file, self.line, self.code.function)
    }
}
