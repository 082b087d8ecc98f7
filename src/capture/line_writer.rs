//! Writes the lines of a capture.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::entry::ConnectionLabel;
use crate::model::UnixNanos;

/// The names of frames in the second column.
pub(super) const TEXT: &str = "text";
pub(super) const BINARY: &str = "binary";

/// What is added to the name of a line whose payload is a text in base64.
pub(super) const PACKED: &str = "64";

/// The columns of a line before its payload.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) ts: UnixNanos,
    pub(super) connection: ConnectionLabel,
    pub(super) name: &'a str,
}

/// Appends a line. A text that would break it is base64, and its name ends in `64`.
pub(super) fn write_line(out: &mut Vec<u8>, line: Line<'_>, payload: &[u8]) {
    if line.name == BINARY {
        write_head(out, line, "");
        write_base64(out, payload);
    } else if is_plain(payload) {
        write_head(out, line, "");
        out.extend_from_slice(payload);
    } else {
        write_head(out, line, PACKED);
        write_base64(out, payload);
    }
    out.push(b'\n');
}

/// Whether a text may stand in a line as it is: control characters separate lines and columns, and
/// readers of text files want UTF-8.
fn is_plain(text: &[u8]) -> bool {
    let has_control = text.iter().fold(false, |has, byte| has | (*byte < b' '));
    !has_control && std::str::from_utf8(text).is_ok()
}

fn write_head(out: &mut Vec<u8>, line: Line<'_>, suffix: &str) {
    let Line { ts, connection: ConnectionLabel { group, line: number }, name } = line;
    // Writing to a vector does not fail.
    let _ = write!(out, "{}\t{name}{suffix}/{group}.{number}\t", ts.0);
}

fn write_base64(out: &mut Vec<u8>, payload: &[u8]) {
    let start = out.len();
    out.resize(start + payload.len().div_ceil(3) * 4, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    // There is room for it.
    let _ = BASE64.encode_slice(payload, room);
}
