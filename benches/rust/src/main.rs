//! A process of `benches/peers.py` for a Rust library, which it names: answers to lines of JSON, as
//! `peers_process.py` says. Without a name it prints the libraries and their versions.

mod faer;
#[cfg(feature = "ndarray-linalg")]
mod lapack;
mod nalgebra;
mod task;

use num_complex::Complex;
use serde_json::{Value, json};
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;
use task::{Function, Number, Run, Task};

/// A library that takes so long for one call is left out of the case.
const PATIENCE: f64 = 10.0;

/// What a library has of Python's operations: the functions that do one, of which the fastest counts.
struct Library {
    name: &'static str,
    single: fn(&str, bool) -> Vec<Function<f32>>,
    double: fn(&str, bool) -> Vec<Function<f64>>,
    complex_single: fn(&str, bool) -> Vec<Function<Complex<f32>>>,
    complex_double: fn(&str, bool) -> Vec<Function<Complex<f64>>>,
}

macro_rules! library {
    ($name:literal, $module:ident) => {
        Library {
            name: $name,
            single: $module::functions,
            double: $module::functions,
            complex_single: $module::functions,
            complex_double: $module::functions,
        }
    };
}

const LIBRARIES: &[Library] = &[
    library!("faer", faer),
    library!("nalgebra", nalgebra),
    #[cfg(feature = "ndarray-linalg")]
    library!("ndarray-linalg", lapack),
];

fn main() -> Result<(), Box<dyn Error>> {
    let Some(name) = std::env::args().nth(1) else {
        let versions: serde_json::Map<_, _> =
            LIBRARIES.iter().map(|l| (l.name.to_owned(), version(l.name).into())).collect();
        println!("{}", Value::from(versions));
        return Ok(());
    };
    let library = LIBRARIES.iter().find(|l| l.name == name).ok_or("no such library")?;
    let mut task = None;
    for line in io::stdin().lock().lines() {
        let answer = answer(library, &mut task, &serde_json::from_str(&line?)?)?;
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn answer(
    library: &Library,
    task: &mut Option<Box<dyn Run>>,
    question: &Value,
) -> Result<Value, Box<dyn Error>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(case) = question.get("prepare") {
        let (a, b) = (text(&question["a"]), text(&question["b"]));
        *task = match case["dtype"].as_str() {
            Some("float32") => prepare(library.single, case, &a, &b)?,
            Some("float64") => prepare(library.double, case, &a, &b)?,
            Some("complex64") => prepare(library.complex_single, case, &a, &b)?,
            Some("complex128") => prepare(library.complex_double, case, &a, &b)?,
            other => return Err(format!("no dtype {other:?}").into()),
        };
        return Ok(json!({ "able": task.is_some() }));
    }
    let Some(task) = task else { return Ok(json!({})) };
    if let Some(file) = question.get("result") {
        task.save(&text(file))?;
        return Ok(json!({ "saved": true }));
    }
    let seconds = |i: usize| question["turn"][i].as_f64().unwrap_or_default();
    Ok(json!({ "seconds": turn(task.as_mut(), seconds(0), seconds(1)) }))
}

/// The fastest of the functions; none where the library has none, or would have to be given each matrix in
/// parts.
fn prepare<T: Number>(
    functions: fn(&str, bool) -> Vec<Function<T>>,
    case: &Value,
    a: &str,
    b: &str,
) -> Result<Option<Box<dyn Run>>, Box<dyn Error>> {
    if case["components"] == true {
        return Ok(None);
    }
    let size = |name: &str| case[name].as_u64().unwrap_or_default() as usize;
    let (count, n, op) = (size("count"), size("n"), case["op"].as_str().unwrap_or_default());
    let m = if case["m"].is_null() { n } else { size("m") };
    let mut best: Option<(f64, Task<T>)> = None;
    for function in functions(op, count > 0) {
        let mut task = Task::new(function, op, [count.max(1), m, n], a, b)?;
        let start = Instant::now();
        if !task.run() || start.elapsed().as_secs_f64() > PATIENCE {
            continue;
        }
        let seconds = turn(&mut task, 0.0, 0.02);
        if best.as_ref().is_none_or(|(least, _)| seconds < *least) {
            best = Some((seconds, task));
        }
    }
    Ok(best.map(|(_, task)| Box::new(task) as Box<dyn Run>))
}

/// Seconds of one call among many. First so long that cores which rested are awake, and not counted; a call
/// of over a second wakes them itself.
fn turn(task: &mut dyn Run, warm: f64, counted: f64) -> f64 {
    let mut each = 0.0;
    for least in [warm, counted] {
        let (start, mut calls, mut spent) = (Instant::now(), 0, 0.0);
        while spent < least {
            task.run();
            calls += 1;
            spent = start.elapsed().as_secs_f64();
        }
        each = spent / f64::from(calls);
        if calls == 1 && spent > 1.0 {
            break;
        }
    }
    each
}

/// As it is locked.
fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let after = include_str!("../Cargo.lock").split_once(&name).map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or("unknown")
}
