//! `okx-feed completions`: the completion script of a shell.

use clap::Args;
use clap_complete::Shell;

use super::error::{CliError, Outcome};
use super::output::Output;

/// The arguments of `okx-feed completions`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  okx-feed completions bash > ~/.local/share/bash-completion/completions/okx-feed
  okx-feed completions zsh > ~/.zfunc/_okx-feed        with ~/.zfunc in $fpath, before compinit
  okx-feed completions fish > ~/.config/fish/completions/okx-feed.fish
  source <(okx-feed completions bash)                  for this shell only";

/// Prints the script for a shell.
///
/// # Errors
/// If writing to standard output failed.
pub(crate) fn run(args: &CompletionsArgs, program: clap::Command) -> Result<Outcome, CliError> {
    let mut out = Output::stdout();
    out.buf().extend_from_slice(script(args.shell, program).as_bytes());
    out.flush()?;
    Ok(Outcome::Clean)
}

/// The script for a shell.
pub(crate) fn script(shell: Shell, mut program: clap::Command) -> String {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, &name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // clap_complete 4.6 writes the hyphen of a program's name in two ways, so that bash completes
    // nothing after a command: github.com/clap-rs/clap/issues/6421.
    match shell {
        Shell::Bash => script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__")),
        _ => script,
    }
}
