//! The frame of a line of a capture, and its time of receipt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::args::Format;
use okx_feed::{DecodeError, Frame, UnixNanos};

/// A fault of a frame, or of its line.
pub(crate) struct Fault {
    pub(super) kind: &'static str,
    pub(super) offset: u32,
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self { kind: error.kind.name(), offset: error.offset }
    }
}

impl From<base64::DecodeSliceError> for Fault {
    fn from(error: base64::DecodeSliceError) -> Self {
        use base64::DecodeError::{InvalidByte, InvalidLastSymbol};
        use base64::DecodeSliceError::DecodeError;
        let offset = match error {
            DecodeError(InvalidByte(at, _) | InvalidLastSymbol(at, _)) => at,
            _ => 0,
        };
        Self { kind: "base64", offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }
}

/// The frame of a line. A binary one is decoded into `body`.
pub(crate) fn frame_of<'a>(
    format: Format,
    line: &'a [u8],
    body: &'a mut [u8],
) -> Result<Frame<'a>, Fault> {
    if format == Format::Jsonl {
        return Ok(Frame::Text(line));
    }
    let tab = memchr::memchr(b'\t', line).ok_or(Fault { kind: "tsv", offset: 0 })?;
    let payload = line.get(tab + 1..).unwrap_or_default();
    if payload.starts_with(b"{") || payload.starts_with(b"pong") {
        return Ok(Frame::Text(payload));
    }
    let len = BASE64.decode_slice(payload, body)?;
    Ok(Frame::Binary(body.get(..len).unwrap_or_default()))
}

/// The time of receipt on a line: seconds since 1970 with up to nine decimals, before the TAB.
/// `None` if the line has none.
pub(super) fn received_at(format: Format, line: &[u8]) -> Option<UnixNanos> {
    if format == Format::Jsonl {
        return None;
    }
    let text = std::str::from_utf8(line.get(..memchr::memchr(b'\t', line)?)?).ok()?;
    let (secs, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if secs.is_empty() || !is_digits(secs) || !is_digits(fraction) {
        return None;
    }
    // Digits below a nanosecond are left out.
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let scale = 10u64.pow(9 - u32::try_from(fraction.len()).unwrap_or(9));
    let nanos = fraction.parse::<u64>().unwrap_or_default() * scale;
    let at = secs.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(UnixNanos(at)).filter(|at| *at != UnixNanos::UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_receipt_is_exact() {
        let at = |text: &str| received_at(Format::Tsv, format!("{text}\tpong").as_bytes());
        let of = |text| at(text).map(|at| at.0);
        assert_eq!(of("1582977600.25"), Some(1_582_977_600_250_000_000));
        assert_eq!(of("1617646255.1727412"), Some(1_617_646_255_172_741_200));
        assert_eq!(of("7"), Some(7_000_000_000));
        assert_eq!(of("1.9999999999"), Some(1_999_999_999));
        for none in ["", "0", ".5", "-1.5", "1e9", "99999999999999", "1.5x", "now"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(received_at(Format::Jsonl, b"1.5\tpong"), None);
        assert_eq!(received_at(Format::Tsv, b"1.5 pong"), None);
    }
}
