//! How a command ends: its outcome or its error, and the exit code of either.

#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use okx_feed::capture::CaptureError;
use okx_feed::export::ExportError;
use okx_feed::model::{SelectionError, SubscriptionError};
use okx_feed::replay::ReplayError;
use okx_feed::rest::RestError;
use okx_feed::{ClientError, Dialect};

/// The exit code if the command did its work and found something malformed.
const EXIT_MALFORMED: u8 = 1;

/// The exit code of wrong usage and of failed I/O. It is clap's own for wrong usage.
pub(crate) const EXIT_FAILURE: u8 = 2;

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Success: exit code 0.
    Clean,
    /// Something was malformed and the rest was done: exit code 1.
    Malformed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Clean => Self::SUCCESS,
            Outcome::Malformed => Self::from(EXIT_MALFORMED),
        }
    }
}

/// The failure of a command, with a hint for the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The reader of standard output has closed it. It is no failure: quiet, exit code 0.
    #[error("standard output is closed")]
    BrokenPipe,
    /// The segment for other processes can't be made.
    #[cfg(unix)]
    #[error("can't publish to other processes: {0}")]
    Shm(okx_feed::publish::shm::ShmError),
    /// A file can't be opened.
    #[error(
        "can't open {path:?}: {source}; check the path and its permissions, or give `-` to read \
         standard input"
    )]
    Open { path: PathBuf, source: io::Error },
    /// A directory instead of a file.
    #[error(
        "{path:?} is a directory; give one file of it, such as {example:?}",
        example = path.join("capture.jsonl")
    )]
    Directory { path: PathBuf },
    /// Options of a connection without a live export.
    #[error("options of a connection need --live; captures have none")]
    NotLive,
    /// A file where the directory of the output should be.
    #[error("{path:?} is a file; give --out a directory, which is created where there is none")]
    OutIsFile { path: PathBuf },
    /// A file with a name of no known format.
    #[error(
        "neither the name nor the first line of {path:?} says what its lines are; add --form \
         jsonl, tsv, tardis or collector"
    )]
    Format { path: PathBuf },
    /// A file can't be read to its end.
    #[error("can't read {name} further: {source}", name = shown(path))]
    Read { path: PathBuf, source: io::Error },
    /// An export ended early.
    #[error("{0}")]
    Export(#[from] ExportError),
    /// A replay can't begin or go on.
    #[error("{0}{hint}", hint = replay_hint(.0))]
    Replay(#[from] ReplayError),
    /// Metrics or the page can't be served.
    #[error("{0}; see --web-token-file, or take another address")]
    Endpoint(okx_feed_export::web::WebError),
    /// A text is no token.
    #[error("{0}")]
    Token(okx_feed_export::web::TokenError),
    /// A mistake in a configuration file.
    #[error("{0}; see `okx-feed run --help`")]
    Config(#[from] super::config_error::ConfigError),
    /// A feed has ended by itself.
    #[error("the thread of feed {name:?} has ended; please report this with the log before it")]
    FeedEnded { name: String },
    /// An error that the log of a service has already.
    #[error("see the log")]
    Logged,
    /// A file that gives no instruments, or no codes of them.
    #[error(
        "can't read the instruments of {path:?}: {reason}; give it the answer of \
         GET /api/v5/public/instruments, with instId and, for SBE, instIdCode"
    )]
    Instruments { path: PathBuf, reason: String },
    /// No thread, runtime or loopback port is available.
    #[error("can't start: {0}; check the limits of threads, open files and loopback ports")]
    Start(io::Error),
    /// The client could not be made, or has ended by itself.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The demonstration ended before the first frame.
    #[error(
        "no frame came from the embedded exchange{why}; give it more time with --duration 10s, and \
         check that a firewall lets loopback connections pass",
        why = because(loss.as_deref())
    )]
    NoFrames { loss: Option<String> },
    /// The exchange can't listen on its address.
    #[error("can't listen on {addr}: {source}; {hint}", hint = listen_hint(source))]
    Listen { addr: String, source: io::Error },
    /// A text is no channel.
    #[error("{0}; see `okx-feed watch --help`")]
    Channel(SubscriptionError),
    /// Conditions that select no instruments.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A channel is written as the other dialect writes it.
    #[error(
        "{channel:?} is a channel of {dialect}; add --dialect {dialect}{hint}",
        hint = url_hint(channel)
    )]
    OtherDialect { channel: String, dialect: Dialect },
    /// A login without a key.
    #[error(
        "there is no key to log in with; set OKX_API_KEY, OKX_API_SECRET and OKX_API_PASSPHRASE, \
         or give --login-file FILE"
    )]
    NoKey,
    /// The exchange has refused every channel.
    #[error("the exchange refused every channel; check the instruments' names and the --url")]
    AllRefused,
    /// The time was over before there was a connection.
    #[error("there was no connection to {url} in all the time; check --url and the network")]
    NeverConnected { url: String },
    /// A channel that is not timed on frames of the embedded exchange.
    #[error(
        "{dialect} has no channel {channel:?} that bench times; give --channel {names}",
        names = timed_channels(*dialect)
    )]
    NotTimed { channel: String, dialect: Dialect },
    /// A capture without a frame of any kind.
    #[error(
        "{name} has no frame to time; give a file as `okx-feed decode` reads it",
        name = shown(path)
    )]
    NoFrame { path: PathBuf },
    /// The embedded exchange did not push the channel that is to be timed.
    #[error("the embedded exchange pushed no {channel}; please report this")]
    NotPushed { channel: String },
    /// A plot with a name of no known format.
    #[error("the name {path:?} ends in neither .svg nor .html; give the plot one of these")]
    PlotName { path: PathBuf },
    /// A file of results can't be written.
    #[error("can't write {path:?}: {source}; check the path, its permissions and the disk")]
    Save { path: PathBuf, source: io::Error },
    /// A request of `history` could not be made, or failed for good.
    #[error("{0}{hint}", hint = rest_hint(.0))]
    Rest(#[from] RestError),
    /// What `history` is to fetch is not said, or can't be had.
    #[error("{0}")]
    History(String),
    /// What is to be read from or sent to a NATS server can't be.
    #[error("{0}")]
    Nats(okx_feed_export::nats::NatsError),
    /// A publisher without a server.
    #[error("there is no server to publish to; give --nats nats://HOST:4222")]
    NoNats,
    /// A user without a password.
    #[error("set both NATS_USER and NATS_PASSWORD, or none of them")]
    NatsLogin,
    /// The time was over before there was a connection.
    #[error("there was no connection to NATS in all the time; check --nats and the network")]
    NatsNeverConnected,
    /// Writing to standard output failed.
    #[error("can't write to standard output: {0}; check the disk or the program that reads it")]
    Write(io::Error),
}

impl CliError {
    /// Wraps an error of writing to standard output.
    pub(crate) fn write(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ if is_hung_up(&error) => Self::BrokenPipe,
            _ => Self::Write(error),
        }
    }

    /// Prints the error on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if matches!(self, Self::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        if !matches!(self, Self::Logged) {
            say(format_args!("error: {self}"));
        }
        ExitCode::from(EXIT_FAILURE)
    }
}

/// Whether an error of standard output is that of a terminal that was closed. It is no error of a
/// disk, which has the same number.
#[cfg(unix)]
fn is_hung_up(error: &io::Error) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    const EIO: i32 = 5;
    let out = || io::stdout().as_fd().try_clone_to_owned().map(File::from)?.metadata();
    error.raw_os_error() == Some(EIO) && out().is_ok_and(|of| of.file_type().is_char_device())
}

#[cfg(not(unix))]
const fn is_hung_up(_: &io::Error) -> bool {
    false
}

impl From<CaptureError> for CliError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Open { path, source } => Self::Open { path, source },
            CaptureError::Read { path, source } => Self::Read { path, source },
            other => Self::Replay(other.into()),
        }
    }
}

/// What to do about a replay that can't begin.
fn replay_hint(error: &ReplayError) -> &'static str {
    match error {
        ReplayError::Capture(CaptureError::Open { source, .. })
            if matches!(source.kind(), io::ErrorKind::IsADirectory) =>
        {
            "; give the files in it, such as capture/*.tsv.zst"
        }
        ReplayError::NoDialect(_) => "; add --dialect v3 or --dialect v5",
        ReplayError::OtherDialect { .. } => "; replay the files of each dialect by themselves",
        _ => "",
    }
}

/// What to do about a request that failed: v5 and v3 have a code for unknown instruments.
const fn rest_hint(error: &RestError) -> &'static str {
    match error {
        RestError::Refused { code: 51_001 | 30_032, .. } => {
            "; see `okx-feed history instruments` for the names"
        }
        _ => "",
    }
}

/// What a channel of the other dialect needs besides --dialect.
fn url_hint(channel: &str) -> &'static str {
    if channel.contains(':') { ", and the --url of an exchange that speaks it" } else { "" }
}

/// The channels that bench times, by dialect.
const fn timed_channels(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V3 => "depth5 or trade",
        Dialect::V5 => "books5, bbo-tbt, trades or trades-all",
    }
}

/// The name of an input in a message.
pub(crate) fn shown(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { format!("{path:?}") }
}

/// The reason of a loss as part of a message, if there is one.
fn because(loss: Option<&str>) -> String {
    loss.map(|why| format!(" ({why})")).unwrap_or_default()
}

/// Fails if there is a file where the directory of the output should be.
pub(crate) fn check_out(path: &Path) -> Result<(), CliError> {
    if path.is_file() { Err(CliError::OutIsFile { path: path.to_owned() }) } else { Ok(()) }
}

/// Writes a line to standard error. If standard error is closed, the line is lost.
pub(crate) fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The file name that means standard input.
const STDIN: &str = "-";

/// Whether a file argument means standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// What to do about an address that can't be listened on.
fn listen_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or take any free port with \
             --listen 127.0.0.1:0"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 are the administrator's; take another",
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "write HOST:PORT, such as 127.0.0.1:8443",
    }
}
