//! The program: arguments, log, the command, its exit code.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use super::bench::{self, BenchArgs};
use super::completions::{self, CompletionsArgs};
use super::decode::{self, DecodeArgs};
use super::demo::{self, DemoArgs};
use super::error::{CliError, EXIT_FAILURE, Outcome};
use super::export::ExportArgs;
use super::export_live;
use super::history::{self, HistoryArgs};
use super::instruments::{self, InstrumentsArgs};
use super::man::{self, ManArgs};
use super::publish::{self, PublishArgs};
use super::record::{self, RecordArgs};
use super::replay::{self, ReplayArgs};
use super::screen::is_drawable;
use super::serve::{self, ServeArgs};
use super::service::{self, ServiceArgs};
use super::soak::{self, SoakArgs};
use super::watch::{self, WatchArgs};

/// A low-latency feed handler for the OKX v5 and OKEX v3 market-data WebSockets.
#[derive(Debug, Parser)]
#[command(name = "okx-feed", version, after_help = EXAMPLES)]
struct Cli {
    /// Log more to standard error: -v, -vv, -vvv; RUST_LOG overrides it
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  okx-feed                                         a demonstration, without a network
  okx-feed watch books5:BTC-USDT trades:BTC-USDT   the live exchange
  okx-feed watch --json trades:BTC-USDT            its events, one JSON object a line
  okx-feed serve                                   an exchange on this machine
  okx-feed record --out capture trades:BTC-USDT    raw frames to files
  okx-feed publish --nats nats://127.0.0.1:4222 books5:BTC-USDT
  okx-feed run --config okx-feed.toml              a service, by a file
  okx-feed replay capture/*.tsv.zst                the same, as if it were live
  okx-feed export --format parquet --out lake capture/*.tsv.zst
  okx-feed decode --dialect v5 capture.jsonl       the events of a capture
  okx-feed history trades --inst-id BTC-USDT       the last trades, from the REST interface
  okx-feed instruments '*-USDT-SWAP'               what can be traded
  okx-feed bench --dialect v3                      where the nanoseconds go
  okx-feed watch --help                            all about one command
  okx-feed man | man -l -                          all about every command

Without a command it is `okx-feed demo`.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show live books, trades and latencies of an exchange inside the program
    Demo(DemoArgs),
    /// Show live channels of an exchange, or print their events
    Watch(WatchArgs),
    /// Record the raw frames of live channels to files
    Record(RecordArgs),
    /// Publish live channels to a NATS server
    Publish(PublishArgs),
    /// Run the feeds of a configuration file as a service
    Run(ServiceArgs),
    /// Play captures as if they were live
    Replay(ReplayArgs),
    /// Write the books and trades of captures as Parquet, CSV or hftbacktest files
    Export(ExportArgs),
    /// Serve the embedded exchange to any client
    Serve(ServeArgs),
    /// Run the client against the embedded exchange with injected faults
    Soak(SoakArgs),
    /// Print the events of a capture as JSON, one object a line
    Decode(DecodeArgs),
    /// Time each frame to its book, as a whole and by stage
    Bench(BenchArgs),
    /// Fetch trades, candles, books and instruments from the REST interface
    History(HistoryArgs),
    /// List what can be traded: ticks, lots, contract values, states
    Instruments(InstrumentsArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, with every command and option
    Man(ManArgs),
}

impl Default for Command {
    fn default() -> Self {
        Self::Demo(DemoArgs::default())
    }
}

/// Runs the program with the arguments that it was started with, and gives its exit code.
///
/// 0 is success, 1 is a command that found something wrong in its input, 2 is wrong usage or failed
/// I/O. If the reader of standard output closes it early, the program ends quietly, with 0.
#[must_use]
pub(crate) fn run() -> ExitCode {
    let cli = match command().try_get_matches().and_then(|all| Cli::from_arg_matches(&all)) {
        Ok(cli) => cli,
        Err(error) => {
            // Also for --help and --version, whose code is 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(EXIT_FAILURE));
        }
    };
    let command = cli.command.unwrap_or_default();
    start_log(&command, cli.verbose);
    match dispatch(&command) {
        Ok(outcome) => outcome.into(),
        Err(error) => error.report(),
    }
}

/// The program's arguments. A negative number is a value, not an option, so that what is said of it
/// is what is wrong with it.
fn command() -> clap::Command {
    fn with_negative_numbers(arg: Arg) -> Arg {
        let takes_value = arg.get_action().takes_values() && arg.get_long().is_some();
        if takes_value && !arg.is_allow_hyphen_values_set() {
            return arg.allow_negative_numbers(true);
        }
        arg
    }
    Cli::command().mut_subcommands(|command| command.mut_args(with_negative_numbers))
}

fn dispatch(command: &Command) -> Result<Outcome, CliError> {
    match command {
        Command::Demo(args) => demo::run(args),
        Command::Watch(args) => watch::run(args),
        Command::Record(args) => record::run(args),
        Command::Publish(args) => publish::run(args),
        Command::Run(args) => service::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Export(args) => export_live::run_any(args),
        Command::Serve(args) => serve::run(args),
        Command::Soak(args) => soak::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Bench(args) => bench::run(args),
        Command::History(args) => history::run(args),
        Command::Instruments(args) => instruments::run(args),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(ManArgs {}) => man::run(Cli::command()),
    }
}

/// Sends the log to standard error: warnings, more by `-v`, or as set by `RUST_LOG`.
///
/// Commands that report errors themselves log nothing by default. A command that draws on the
/// terminal of the log logs nothing at all.
fn start_log(command: &Command, verbose: u8) {
    // Its file says how.
    if matches!(command, Command::Run(_)) {
        return;
    }
    let speaks = matches!(
        command,
        Command::Demo(_)
            | Command::Watch(_)
            | Command::Record(_)
            | Command::Publish(_)
            | Command::Soak(_)
    );
    if speaks && is_drawable() && io::stderr().is_terminal() {
        return;
    }
    let default = match verbose {
        0 if speaks => "off",
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::builder().parse_lossy(asked.as_deref().unwrap_or(default));
    // It fails only if a log is set up already, which is used then.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Errors of the log would go to standard error too, and panic if that is closed.
    let _ = log.log_internal_errors(false).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_the_demo_as_it_is_without_arguments() {
        let asked = Cli::try_parse_from(["okx-feed", "demo"]).unwrap().command.unwrap();
        assert_eq!(format!("{asked:?}"), format!("{:?}", Command::default()));
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_negative_number_is_refused_as_a_value() {
        let mut tried = 0;
        for subcommand in command().get_subcommands() {
            for arg in subcommand.get_arguments().filter(|arg| arg.get_action().takes_values()) {
                let Some(long) = arg.get_long() else { continue };
                let option = format!("--{long}");
                let args = ["okx-feed", subcommand.get_name(), &option, "-1"];
                // Files and names may be called that.
                let Err(error) = command().try_get_matches_from(args) else { continue };
                let kind = error.kind();
                assert_ne!(kind, clap::error::ErrorKind::UnknownArgument, "{args:?}: {error}");
                tried += u32::from(kind == clap::error::ErrorKind::ValueValidation);
            }
        }
        assert!(tried > 20, "{tried}");
    }

    /// The names of each command's options and arguments, those of all commands included.
    fn options() -> Vec<(String, Vec<String>)> {
        let mut program = Cli::command();
        program.build();
        let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
        let all = commands.map(|command| {
            let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let name = |arg: &Arg| match (arg.get_long(), arg.get_value_names()) {
                (Some(long), _) => format!("--{long}"),
                (None, Some([name, ..])) => name.to_string(),
                _ => arg.get_id().to_string(),
            };
            (command.get_name().to_owned(), args.map(name).collect())
        });
        all.collect()
    }

    #[test]
    fn the_manual_page_names_each_option_of_each_command() {
        let page = String::from_utf8(man::page(Cli::command()).unwrap()).unwrap();
        let page = page.replace("\\-", "-");
        let mut named = 0;
        for (command, options) in options() {
            let heading = format!(".SH \"OKX-FEED {}\"", command.to_uppercase());
            let (_, section) = page.split_once(&heading).expect(&heading);
            let section = section.split(".SH ").next().unwrap();
            for option in &options {
                let ends =
                    |rest: &str| !rest.starts_with(|c: char| c == '-' || c.is_alphanumeric());
                let (_, list) = section.split_once(".SS OPTIONS").expect(&command);
                let mut rests = list.split(option.as_str()).skip(1);
                assert!(rests.any(ends), "{command} {option}");
            }
            named += options.len();
        }
        assert!(named > 60, "{named}");
    }

    #[test]
    fn completions_of_each_shell_know_each_command_and_option() {
        for shell in <clap_complete::Shell as clap::ValueEnum>::value_variants() {
            let script = completions::script(*shell, Cli::command());
            for (command, options) in options() {
                assert!(script.contains(&command), "{shell} {command}");
                for long in options.iter().filter_map(|name| name.strip_prefix("--")) {
                    assert!(script.contains(long), "{shell} {command} {long}");
                }
            }
        }
    }
}
