//! `okx-feed man`: one manual page of the program and all its commands.

use std::io;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::error::{CliError, Outcome};
use super::output::Output;

/// The arguments of `okx-feed man`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ManArgs {}

const AFTER_HELP: &str = "\
Examples:
  okx-feed man | man -l -
  okx-feed man > ~/.local/share/man/man1/okx-feed.1";

/// Prints the page.
///
/// # Errors
/// If writing to standard output failed.
pub(crate) fn run(program: Command) -> Result<Outcome, CliError> {
    let mut out = Output::stdout();
    out.buf().extend(page(program).map_err(CliError::write)?);
    out.flush()?;
    Ok(Outcome::Clean)
}

/// The page in roff: the program, then a section for each command.
///
/// # Errors
/// None: the page is written to memory.
pub(crate) fn page(program: Command) -> io::Result<Vec<u8>> {
    let mut program = program.disable_help_subcommand(true).subcommand_value_name("COMMAND");
    program.build();
    let mut page = Vec::new();
    // No date, so that the same source always gives the same page. An empty one would be left out.
    let man = Man::new(program.clone()).date(" ");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    sections(&man, &mut page)?;
    notes(&program, "SH", &mut page)?;
    for command in program.get_subcommands() {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        heading("SH", &name.to_uppercase(), &mut page)?;
        let mut part = Vec::new();
        sections(&Man::new(command.clone()), &mut part)?;
        // Headings one lower than in a page of its own.
        let part = String::from_utf8_lossy(&part).replace("\n.SH ", "\n.SS ");
        page.extend_from_slice(part.as_bytes());
        notes(command, "SS", &mut page)?;
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn sections(man: &Man, page: &mut Vec<u8>) -> io::Result<()> {
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)
}

fn heading(macro_name: &str, text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control(macro_name, [text]);
    roff.to_writer(page)
}

/// The text after the options in `--help`, with its examples, line by line.
fn notes(command: &Command, macro_name: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let Some(text) = command.get_after_long_help().or_else(|| command.get_after_help()) else {
        return Ok(());
    };
    let mut roff = Roff::new();
    roff.control(macro_name, ["NOTES"]).control("nf", []);
    for line in text.to_string().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
