//! What is made from the definitions in [`args`](crate::args): completions and the manual.

use crate::args::Args;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{self, Write};
use std::path::Path;

/// Prints the script that teaches `shell` to complete the command.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    // The generators panic where they cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "ainv", &mut script);
    print(&script)
}

/// Prints the manual's page of the whole command, or writes all pages into a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<(), Failure> {
    match folder {
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Args::command(), folder))
            .map_err(|error| Failure::Folder(folder.to_owned(), error)),
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Args::command()).render(&mut page)?;
            print(&page)
        }
    }
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}
