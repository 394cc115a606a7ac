//! What is said to machines: one JSON object a file, each on a line of its own. Numbers that JSON
//! has no word for are null, complex ones are pairs.

use crate::args::Operation;
use crate::job::{Array, LISTED, Outcome};
use crate::operands::display;
use crate::output::Written;
use crate::summary::digits;
use crate::words::method;
use ainv::{Digits, RealScalar, Scalar, Verdict};
use ainv_io::{Matrices, Source, each};
use serde_json::{Value, json};
use std::path::Path;

/// What became of a file. Results that go nowhere else are in it.
pub(crate) fn outcome(operation: &Operation, outcome: &Outcome) -> Value {
    let output = match &outcome.written {
        Some(Written::File(path)) => Some(path),
        _ => None,
    };
    let took = &outcome.took;
    let mut arrays: Vec<_> = outcome.arrays.iter().map(array).collect();
    if let Some(Written::Kept(results)) = &outcome.written {
        for (array, result) in arrays.iter_mut().zip(results) {
            array["result"] = numbers(result);
        }
    }
    json!({
        "operation": operation.name(),
        "input": outcome.input,
        "output": output,
        "written": output.is_some(),
        "failed": outcome.failed,
        "seconds": {
            "read": took.read.as_secs_f64(),
            "compute": took.compute.as_secs_f64(),
            "check": took.check.as_secs_f64(),
            "write": took.write.as_secs_f64(),
        },
        "arrays": arrays,
    })
}

/// What stopped the work on a file.
pub(crate) fn failure(operation: &str, input: &Path, what: &str) -> Value {
    json!({ "operation": operation, "input": display(input), "error": what })
}

fn array(array: &Array) -> Value {
    let failed: Vec<_> = array
        .first_failed
        .iter()
        .map(|(index, s)| json!({ "index": index, "status": s.code.to_string(), "at": s.at }))
        .collect();
    let check = &array.check;
    let rcond = check.worst_rcond.map(|(index, value)| {
        let Digits { good, of } = digits(value, array.dtype);
        json!({ "index": index, "value": value, "digits": good, "of_digits": of })
    });
    let residual =
        check.residual.map(|r| json!({ "of": r.of, "largest": r.largest, "sample": r.sample }));
    json!({
        "name": array.name,
        "dtype": array.dtype.name(),
        "stored": array.stored,
        "shape": array.shape,
        "matrices": array.count(),
        "result_shape": array.result_shape,
        "structure": check.structure.map(|s| json!({ "name": s.name, "sample": s.sample })),
        "method": array.plan.as_ref().map(method),
        "threads": array.plan.as_ref().map(|plan| plan.threads),
        "seconds": array.compute.as_secs_f64(),
        "worst_rcond": rcond,
        "residual": residual,
        "failed": array.failed,
        "first_failed": failed,
    })
}

/// A report on a file's arrays, each with its name; `html` is where the page will be.
pub(crate) fn report(
    input: &Path,
    html: Option<&Path>,
    reports: &[(Option<String>, ainv::Report)],
) -> Value {
    let arrays: Vec<_> = reports.iter().map(|(name, of)| reported(name.as_deref(), of)).collect();
    json!({
        "operation": "report",
        "input": display(input),
        "html": html.map(display),
        "failed": reports.iter().map(|(_, of)| crate::report::failed(of)).sum::<usize>(),
        "arrays": arrays,
    })
}

fn reported(name: Option<&str>, of: &ainv::Report) -> Value {
    let worst: Vec<_> = of.worst(LISTED).into_iter().map(|index| measured(of, index)).collect();
    let verdicts: serde_json::Map<_, _> = Verdict::ALL
        .iter()
        .zip(of.counts())
        .map(|(verdict, count)| (verdict.name().replace(' ', "_"), count.into()))
        .collect();
    let decades: Vec<_> = of
        .histogram()
        .iter()
        .map(|decade| json!({ "power": decade.power, "count": decade.count }))
        .collect();
    json!({
        "name": name,
        "dtype": of.dtype,
        "shape": of.shape,
        "matrices": of.matrices.len(),
        "method": method(&of.plan),
        "verdicts": verdicts,
        "histogram": decades,
        "worst_first": worst,
    })
}

fn measured(report: &ainv::Report, index: usize) -> Value {
    let of = &report.matrices[index];
    json!({
        "index": index,
        "verdict": of.verdict().name(),
        "status": of.status.code.to_string(),
        "at": of.status.at,
        "rcond": of.rcond,
        "digits": of.digits.good,
        "of_digits": of.digits.of,
        "right_residual": of.right_residual,
        "left_residual": of.left_residual,
        "norm": of.norm,
        "inverse_norm": of.inverse_norm,
        "structure": of.structure.name(),
        "rank": of.rank,
        "route": report.route(of.method),
        "reason": report.reason(of.method),
    })
}

/// What a file holds.
pub(crate) fn info(input: &Path, source: &Source) -> Value {
    let arrays: Vec<_> = source
        .arrays()
        .iter()
        .map(|info| {
            json!({
                "name": info.name,
                "dtype": info.dtype.name(),
                "stored": info.stored,
                "shape": info.shape,
                "bytes": info.bytes,
            })
        })
        .collect();
    let passed_over: Vec<_> = source
        .passed_over()
        .iter()
        .map(|other| json!({ "name": other.name, "why": other.why }))
        .collect();
    json!({
        "input": display(input),
        "format": source.format().ending(),
        "bytes": source.bytes(),
        "arrays": arrays,
        "passed_over": passed_over,
    })
}

fn numbers(of: &Matrices) -> Value {
    each!(of, x => nested(x.as_slice(), x.shape()))
}

fn nested<T: Scalar>(numbers: &[T], shape: &[usize]) -> Value {
    match shape {
        [] if T::COMPLEX => json!([numbers[0].re().to_f64(), numbers[0].im().to_f64()]),
        [] => json!(numbers[0].re().to_f64()),
        [length, inner @ ..] => {
            let step: usize = inner.iter().product();
            let part = |i: usize| nested(&numbers[i * step..(i + 1) * step], inner);
            (0..*length).map(part).collect()
        }
    }
}
