//! What is made from the definitions in [`args`](crate::args): completions and the manual.

use crate::args::{Args, ENVIRONMENT, EXIT_CODES};
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use std::fs;
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
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = folder else { return print(&page(&command)?.1) };
    let write = || {
        fs::create_dir_all(folder)?;
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            let (name, page) = page(command)?;
            fs::write(folder.join(name), page)?;
        }
        Ok(())
    };
    write().map_err(|error| Failure::Folder(folder.to_owned(), error))
}

/// A page and its file's name.
fn page(command: &clap::Command) -> io::Result<(String, Vec<u8>)> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    writeln!(page, ".SH \"EXIT STATUS\"\n{EXIT_CODES}\n.SH ENVIRONMENT\n{ENVIRONMENT}")?;
    Ok((man.get_filename(), page))
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}
