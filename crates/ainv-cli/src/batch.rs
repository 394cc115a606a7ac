//! All files of a command, one after the other; what goes wrong with one does not stop the others.

use crate::args::Operation;
use crate::failure::Failure;
use crate::interrupt::{self, Stoppable};
use crate::job::{Batch, Outcome};
use crate::operands::Rhs;
use crate::output::Written;
use crate::summary::{Refusal, Summary, Total};
use crate::words::Plain;
use crate::{json, summary, targets};
use ainv_io::{Matrices, table};
use serde_json::Value;
use std::io::{self, Write};
use std::time::Instant;

/// Reads, computes, writes, and tells.
pub(crate) fn compute(operation: &Operation) -> Result<i32, Failure> {
    let files = operation.files();
    files.common.threads.begin()?;
    let tasks = targets::tasks(files)?;
    let mut rhs = match operation {
        Operation::Solve { b, .. } => {
            let one = tasks.iter().filter(|task| targets::is_pipe(&task.input)).count();
            if one > 0 && targets::is_pipe(b) {
                return Err(Failure::Usage("A and B cannot both be standard input".to_owned()));
            }
            Some(Rhs::open(b, files.common.format)?)
        }
        _ => None,
    };
    interrupt::watch();
    let stop = Stoppable::new();
    let limit = files.common.memory();
    let silent = files.json || files.quiet;
    let batch = Batch { operation, limit, stop: &stop, silent };
    let several = tasks.len() > 1;
    let mut total = Total::new(tasks.len());
    let start = Instant::now();
    for task in &tasks {
        let done = batch.run(task, rhs.as_mut()).and_then(|outcome| {
            tell(operation, &outcome, several)?;
            Ok(outcome)
        });
        match done {
            Ok(outcome) => total.add(&outcome),
            Err(failure) if failure.ends_all() => return Err(failure),
            Err(failure) => {
                total.add_failure(failure.code());
                if files.json {
                    let what = failure.to_string();
                    print_json(&json::failure(operation.name(), &task.input, &what))?;
                }
                summary::complain(&failure);
            }
        }
    }
    if several && !silent {
        summary::print(&total.told(start.elapsed()));
    }
    Ok(total.code)
}

/// Says what became of a file: the results to the one who asked for them, the rest to people.
fn tell(operation: &Operation, outcome: &Outcome, several: bool) -> Result<(), Failure> {
    let files = operation.files();
    if files.json {
        return print_json(&json::outcome(operation, outcome));
    }
    let Some(written) = &outcome.written else {
        summary::complain(&Refusal { operation, outcome });
        return Ok(());
    };
    if let Written::Kept(results) = written {
        print_results(outcome, results, several)?;
    }
    if !files.quiet {
        summary::print(&Summary { operation, outcome });
    } else if outcome.failed > 0 {
        summary::print(&summary::Bad { operation, outcome });
    }
    Ok(())
}

pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

/// As text, each under a line that names it where there are several.
fn print_results(outcome: &Outcome, results: &[Matrices], several: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (array, result) in outcome.arrays.iter().zip(results) {
        if several || results.len() > 1 {
            write!(out, "# {}", Plain(&outcome.input))?;
            if let Some(name) = &array.name {
                write!(out, " {}", Plain(name))?;
            }
            writeln!(out)?;
        }
        table::write(&mut out, result, ainv_io::Format::Csv)?;
    }
    Ok(out.flush()?)
}
