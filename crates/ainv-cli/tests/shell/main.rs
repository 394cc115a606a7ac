//! The command as a shell sees it: exit codes, files, stdout and stderr.

mod batch;
mod bench;
mod disk;
mod generated;
mod json;
mod looks;
mod memory;
mod pipes;
mod real;
mod report;
mod results;
mod run;
mod signals;
mod wrong;
