//! Arguments that several commands share.

use std::path::Path;

use clap::ValueEnum;

use super::error::{CliError, is_stdin};
use okx_feed::Dialect;

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

/// The format of frames in a file, one a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The text of a message
    Jsonl,
    /// Receive time, TAB, payload: the text, or the base64 of a binary frame
    Tsv,
}

impl Format {
    /// The format of a file by its name's ending; standard input is [`Format::Jsonl`].
    ///
    /// # Errors
    /// [`CliError::Directory`] if it is a directory, [`CliError::Format`] if the name ends in
    /// neither `.jsonl` nor `.tsv`.
    pub(crate) fn of(path: &Path) -> Result<Self, CliError> {
        if is_stdin(path) {
            return Ok(Self::Jsonl);
        }
        if path.is_dir() {
            return Err(CliError::Directory { path: path.to_owned() });
        }
        let extension = path.extension().unwrap_or_default();
        let named = |name| extension.eq_ignore_ascii_case(name);
        match (named("jsonl"), named("tsv")) {
            (true, _) => Ok(Self::Jsonl),
            (_, true) => Ok(Self::Tsv),
            _ => Err(CliError::Format { path: path.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_from_the_name() {
        let of = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(of("a.jsonl"), Some(Format::Jsonl));
        assert_eq!(of("some.where/b.TSV"), Some(Format::Tsv));
        assert_eq!(of("-"), Some(Format::Jsonl));
        for name in ["a.json", "jsonl", ".tsv", "a.tsv.gz", ""] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
