//! Which files are read, and where each result goes.

use crate::args::Files;
use crate::failure::Failure;
use ainv_io::Format;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// One input and the place of its result.
pub(crate) struct Task {
    pub(crate) input: PathBuf,
    pub(crate) target: Target,
}

/// Where a result goes.
pub(crate) enum Target {
    /// As text for a person, if it is small.
    Print,
    /// Down a pipe, in this format or else the input's.
    Pipe(Option<Format>),
    /// To a file, in this format or else its ending's.
    File(PathBuf, Option<Format>),
}

/// Whether standard input or output is meant.
pub(crate) fn is_pipe(path: &Path) -> bool {
    path == Path::new("-")
}

/// What the arguments ask for, file by file. An output folder that is to be made is made.
pub(crate) fn tasks(files: &Files) -> Result<Vec<Task>, Failure> {
    let inputs = expand(&files.inputs)?;
    let to = files.to;
    let Some(output) = &files.output else {
        if to.is_some() {
            return usage("--to says how to write, but not where: add -o FILE, or -o - for a pipe");
        }
        return Ok(all(inputs, |_| Target::Print));
    };
    if is_pipe(output) {
        if files.json {
            return usage("--json and -o - both want standard output; give the result a file");
        }
        if inputs.len() > 1 {
            return usage("-o - takes the result of one input; several go to a folder: -o FOLDER/");
        }
        return Ok(all(inputs, |_| Target::Pipe(to)));
    }
    if is_folder(output) {
        return into_folder(inputs, output, to, files.format);
    }
    if inputs.len() > 1 {
        return usage(format!(
            "{} inputs need a folder for their results: -o {}/",
            inputs.len(),
            output.display()
        ));
    }
    if to.is_none() {
        Format::of(output)?;
    }
    Ok(all(inputs, |_| Target::File(output.clone(), to)))
}

fn all(inputs: Vec<PathBuf>, target: impl Fn(&Path) -> Target) -> Vec<Task> {
    inputs.into_iter().map(|input| Task { target: target(&input), input }).collect()
}

fn usage<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Usage(what.into()))
}

/// The inputs with each pattern replaced by the files that match it, in alphabetical order. Shells
/// do so themselves, but for quoted patterns and on Windows.
pub(crate) fn expand(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for input in inputs {
        match input.to_str() {
            Some(pattern) if pattern.contains(['*', '?', '[']) && !input.exists() => {
                files.extend(matching(pattern)?);
            }
            _ => files.push(input.clone()),
        }
    }
    if files.iter().filter(|file| is_pipe(file)).count() > 1 {
        return usage("standard input can be read once; give - once");
    }
    Ok(files)
}

fn matching(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |what: String| Failure::Unread(format!("{pattern}: {what}"));
    let paths = glob::glob(pattern)
        .map_err(|error| Failure::Usage(format!("{pattern}: {error} in the pattern")))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| wrong(error.to_string()))?;
        if !path.is_dir() {
            found.push(path);
        }
    }
    if found.is_empty() { Err(wrong("no file matches".to_owned())) } else { Ok(found) }
}

fn is_folder(output: &Path) -> bool {
    let last = output.as_os_str().to_string_lossy().chars().next_back();
    last.is_some_and(std::path::is_separator) || output.is_dir()
}

/// Each result under its input's name, with the ending of the format that was asked for.
fn into_folder(
    inputs: Vec<PathBuf>,
    folder: &Path,
    to: Option<Format>,
    from: Option<Format>,
) -> Result<Vec<Task>, Failure> {
    let mut names = HashSet::new();
    let mut tasks = Vec::new();
    for input in inputs {
        let name = match input.file_name() {
            Some(name) if !is_pipe(&input) => Path::new(name),
            _ => return usage("what comes from standard input has no name; give -o a file"),
        };
        let name = to.map_or(name.to_owned(), |to| name.with_extension(to.ending()));
        let output = folder.join(&name);
        if same(&input, &output) {
            return usage(format!(
                "{} would be replaced by its own result; choose another folder",
                input.display()
            ));
        }
        if !names.insert(name) {
            return usage(format!("two results would be {}", output.display()));
        }
        let format = to.or(from.filter(|_| Format::of(&output).is_err()));
        tasks.push(Task { input, target: Target::File(output, format) });
    }
    std::fs::create_dir_all(folder).map_err(|error| Failure::Folder(folder.to_owned(), error))?;
    Ok(tasks)
}

pub(crate) fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
