//! The forms of lines: ours, and those of other recorders.

use std::path::Path;

/// The form of a capture's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LineForm {
    /// The text of a message.
    Jsonl,
    /// Tab-separated columns: the receive time, what the line is, the payload; or, in earlier
    /// recordings, the receive time in seconds and the payload.
    Tsv,
    /// Tardis: the receive time as `2021-09-01T00:00:00.0123456Z`, a space, the text of a message.
    /// An empty line is a lost connection.
    Tardis,
    /// hftbacktest's collector: the receive time in nanoseconds, a space, the text of a message.
    Collector,
}

/// The length of Tardis' receive time.
pub(super) const TARDIS_TIME_LEN: usize = 28;

impl LineForm {
    /// The form that a file's name says, with or without `.gz` or `.zst` at its end.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        // A hidden file of that name has no ending.
        match name.rsplit_once('.')? {
            ("", _) => None,
            (_, "jsonl") => Some(Self::Jsonl),
            (_, "tsv") => Some(Self::Tsv),
            _ => None,
        }
    }

    /// The form that the first line of a capture shows; `None` where it is of none.
    #[must_use]
    pub(super) fn of_line(line: &[u8]) -> Option<Self> {
        if is_text(line) {
            return Some(Self::Jsonl);
        }
        if line.get(TARDIS_TIME_LEN - 1..=TARDIS_TIME_LEN) == Some(b"Z ")
            && line.get(10) == Some(&b'T')
        {
            return Some(Self::Tardis);
        }
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        match line.get(digits) {
            Some(b'\t') if digits > 0 => Some(Self::Tsv),
            Some(b' ') if digits > 0 => Some(Self::Collector),
            _ => None,
        }
    }
}

/// Whether a payload is the text of a message: JSON, or the word `ping` or `pong` in any case. No
/// other text of the exchange is valid base64.
pub(super) fn is_text(payload: &[u8]) -> bool {
    let text = payload.trim_ascii();
    matches!(text.first(), Some(b'{' | b'['))
        || text.eq_ignore_ascii_case(b"ping")
        || text.eq_ignore_ascii_case(b"pong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_from_the_name_or_the_first_line() {
        let named = |name: &str| LineForm::of_name(Path::new(name));
        for name in ["a.jsonl", "b/a.JSONL.gz", "a.b.jsonl.zst"] {
            assert_eq!(named(name), Some(LineForm::Jsonl), "{name}");
        }
        for name in ["a.tsv", "a.TSV.ZST", "c.tsv.gz"] {
            assert_eq!(named(name), Some(LineForm::Tsv), "{name}");
        }
        for name in ["a.json", "jsonl", ".tsv", "a.gz", "", "btcusdt_20260901.gz"] {
            assert_eq!(named(name), None, "{name}");
        }
        for (line, form) in [
            ("{\"arg\"", Some(LineForm::Jsonl)),
            ("pong", Some(LineForm::Jsonl)),
            (" PONG", Some(LineForm::Jsonl)),
            ("Ping", Some(LineForm::Jsonl)),
            ("pongs", None),
            ("2021-09-01T00:00:00.0123456Z {}", Some(LineForm::Tardis)),
            ("1630454400012345600 {}", Some(LineForm::Collector)),
            ("1630454400012345600\ttext/0.0\t{}", Some(LineForm::Tsv)),
            ("1582977600.25\t{}", Some(LineForm::Tsv)),
            ("line", None),
            ("", None),
            ("17", None),
        ] {
            assert_eq!(LineForm::of_line(line.as_bytes()), form, "{line}");
        }
    }
}
