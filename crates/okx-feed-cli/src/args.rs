//! Arguments that several commands share.

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::error::{CliError, is_stdin};
use okx_feed::capture::{CaptureReader, LineForm};
use okx_feed::client::TransportKind;
use okx_feed::replay::ReplayBuilder;
use okx_feed::{Dialect, Replay};

/// The dialect of a connection or a capture, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialectArg {
    /// OKEX, 2018 to 2022: binary frames of raw DEFLATE
    V3,
    /// OKX, 2021 to today: text frames
    V5,
}

impl From<DialectArg> for Dialect {
    fn from(arg: DialectArg) -> Self {
        match arg {
            DialectArg::V3 => Self::V3,
            DialectArg::V5 => Self::V5,
        }
    }
}

/// The protocol of a connection or a capture: a dialect, and SBE, v5's binary encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolArg {
    /// OKEX, 2018 to 2022: binary frames of raw DEFLATE
    V3,
    /// OKX, 2021 to today: text frames
    V5,
    /// OKX, since 2025: binary frames of SBE, for trades, bbo-tbt and books-l2-tbt
    Sbe,
}

impl ProtocolArg {
    /// The dialect of the channels.
    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Self::V3 => Dialect::V3,
            Self::V5 | Self::Sbe => Dialect::V5,
        }
    }

    /// The name of the argument, which JSON repeats.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V5 => "v5",
            Self::Sbe => "sbe",
        }
    }
}

/// What reads the sockets of a client, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportArg {
    /// The direct transport with --busy-poll, else tokio
    Auto,
    /// tokio and tokio-tungstenite
    Tokio,
    /// The direct transport, which handles bytes in the buffer that they were received in
    #[cfg(unix)]
    Direct,
}

impl From<TransportArg> for TransportKind {
    fn from(arg: TransportArg) -> Self {
        match arg {
            TransportArg::Auto => Self::Auto,
            TransportArg::Tokio => Self::Tokio,
            #[cfg(unix)]
            TransportArg::Direct => Self::Direct,
        }
    }
}

/// The form of a capture's lines, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The text of a message
    Jsonl,
    /// Columns between TABs: those of a recording, or receive time in seconds and payload: the
    /// text, or the base64 of a binary frame
    Tsv,
    /// Tardis: receive time such as 2021-09-01T00:00:00.0123456Z, a space, the text of a message
    Tardis,
    /// hftbacktest's collector: receive time in nanoseconds, a space, the text of a message
    Collector,
}

impl From<Format> for LineForm {
    fn from(arg: Format) -> Self {
        match arg {
            Format::Jsonl => Self::Jsonl,
            Format::Tsv => Self::Tsv,
            Format::Tardis => Self::Tardis,
            Format::Collector => Self::Collector,
        }
    }
}

/// A replay of captures; `-` is standard input.
pub(crate) fn replay_of(files: &[PathBuf]) -> ReplayBuilder {
    files.iter().fold(Replay::builder(), |replay, path| match is_stdin(path) {
        true => replay.reader(io::stdin()),
        false => replay.file(path),
    })
}

/// Opens a capture, or standard input. The form of its lines is the one that was asked for, that of
/// its name, or that of its first line.
///
/// # Errors
/// [`CliError::Directory`], [`CliError::Open`] and [`CliError::Read`]; [`CliError::Format`] for a
/// file whose form can't be found.
pub(crate) fn open_capture(path: &Path, form: Option<Format>) -> Result<CaptureReader, CliError> {
    if is_stdin(path) {
        let reader = CaptureReader::from_reader(io::stdin());
        return Ok(match form {
            Some(form) => reader.with_form(form.into()),
            None => reader,
        });
    }
    if path.is_dir() {
        return Err(CliError::Directory { path: path.to_owned() });
    }
    let mut reader = CaptureReader::open(path)?;
    if let Some(form) = form {
        reader = reader.with_form(form.into());
    }
    let is_empty = reader.progress().1 == 0;
    match reader.detect_form()? {
        None if !is_empty => Err(CliError::Format { path: path.to_owned() }),
        _ => Ok(reader),
    }
}
