//! Reads the lines of a capture.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::entry::{ConnectionLabel, Entry, EntryKind, LineFault, Mark};
use super::form::{LineForm, TARDIS_TIME_LEN, is_text};
use super::line_writer::{BINARY, PACKED, TEXT};
use crate::model::{UnixNanos, days_since_epoch, parse_digits};
use crate::wire::Frame;

/// The most bytes of the second column.
const MAX_NAME_LEN: usize = 40;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// Reads a line of a form. What is base64 is decoded into `body`.
#[inline]
pub(super) fn parse<'a>(form: LineForm, line: &'a [u8], body: &'a mut [u8]) -> Entry<'a> {
    let entry = |ts_recv: Option<UnixNanos>, kind| Entry {
        ts_recv: ts_recv.unwrap_or_default(),
        connection: ConnectionLabel::default(),
        kind,
    };
    if line.is_empty() {
        let is_loss = form == LineForm::Tardis;
        let kind = if is_loss { EntryKind::Mark(Mark::Lost, b"") } else { EntryKind::Empty(form) };
        return entry(None, kind);
    }
    match form {
        LineForm::Jsonl => entry(None, EntryKind::Frame(Frame::Text(line))),
        LineForm::Tsv => parse_tsv(line, body),
        LineForm::Tardis => match line.split_at_checked(TARDIS_TIME_LEN) {
            Some((time, [b' ', text @ ..])) if tardis_time(time).is_some() => {
                entry(tardis_time(time), EntryKind::Frame(Frame::Text(text)))
            }
            _ => entry(None, malformed("time", 0)),
        },
        LineForm::Collector => {
            let end = memchr::memchr(b' ', line).unwrap_or(line.len());
            let (time, text) = line.split_at_checked(end).unwrap_or_default();
            match (parse_digits(time), text) {
                (Some(at), [b' ', text @ ..]) => {
                    entry(Some(UnixNanos(at)), EntryKind::Frame(Frame::Text(text)))
                }
                _ => entry(None, malformed("time", 0)),
            }
        }
    }
}

const fn malformed<'a>(kind: &'static str, offset: u32) -> EntryKind<'a> {
    EntryKind::Malformed(LineFault { kind, offset })
}

fn parse_tsv<'a>(line: &'a [u8], body: &'a mut [u8]) -> Entry<'a> {
    let Some(tab) = memchr::memchr(b'\t', line) else {
        let connection = ConnectionLabel::default();
        return Entry { ts_recv: UnixNanos::UNKNOWN, connection, kind: malformed("tsv", 0) };
    };
    let (time, rest) = (line.get(..tab).unwrap_or_default(), line.get(tab + 1..));
    let rest = rest.unwrap_or_default();
    if let Some((name, connection, payload)) = columns(rest) {
        let (ts_recv, kind) = match parse_digits(time) {
            Some(at) => (UnixNanos(at), kind_of(name, payload, body)),
            None => (UnixNanos::UNKNOWN, malformed("time", 0)),
        };
        return Entry { ts_recv, connection, kind };
    }
    let (ts_recv, kind) = match optional_seconds(time) {
        Some(ts_recv) if is_text(rest) => (ts_recv, EntryKind::Frame(Frame::Text(rest))),
        Some(ts_recv) => (ts_recv, binary(rest, body)),
        None => (UnixNanos::UNKNOWN, malformed("time", 0)),
    };
    Entry { ts_recv, connection: ConnectionLabel::default(), kind }
}

/// Name, connection and payload of a line with three columns, after its first tab.
fn columns(rest: &[u8]) -> Option<(&[u8], ConnectionLabel, &[u8])> {
    let start = rest.get(..rest.len().min(MAX_NAME_LEN))?;
    let tab = memchr::memchr(b'\t', start)?;
    let (column, payload) = (rest.get(..tab)?, rest.get(tab + 1..)?);
    let slash = column.iter().position(|byte| *byte == b'/')?;
    let (name, label) = (column.get(..slash)?, column.get(slash + 1..)?);
    let dot = label.iter().position(|byte| *byte == b'.')?;
    let number = |text: &[u8]| u16::try_from(parse_digits(text)?).ok();
    let (group, line) = (number(label.get(..dot)?)?, number(label.get(dot + 1..)?)?);
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (!name.is_empty() && name.iter().all(is_name)).then_some(())?;
    Some((name, ConnectionLabel { group, line }, payload))
}

fn kind_of<'a>(name: &[u8], payload: &'a [u8], body: &'a mut [u8]) -> EntryKind<'a> {
    if name == TEXT.as_bytes() {
        return EntryKind::Frame(Frame::Text(payload));
    }
    if name == BINARY.as_bytes() {
        return binary(payload, body);
    }
    let (name, payload) = match name.strip_suffix(PACKED.as_bytes()) {
        Some(name) => match unpack(payload, body) {
            Ok(payload) => (name, payload),
            Err(fault) => return EntryKind::Malformed(fault),
        },
        None => (name, payload),
    };
    if name == TEXT.as_bytes() {
        return EntryKind::Frame(Frame::Text(payload));
    }
    let mark = Mark::ALL.into_iter().find(|mark| mark.name().as_bytes() == name);
    mark.map_or(EntryKind::Unknown, |mark| EntryKind::Mark(mark, payload))
}

fn binary<'a>(payload: &[u8], body: &'a mut [u8]) -> EntryKind<'a> {
    match unpack(payload, body) {
        Ok(bytes) => EntryKind::Frame(Frame::Binary(bytes)),
        Err(fault) => EntryKind::Malformed(fault),
    }
}

fn unpack<'a>(payload: &[u8], body: &'a mut [u8]) -> Result<&'a [u8], LineFault> {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol};
    use base64::DecodeSliceError::DecodeError;
    let len = BASE64.decode_slice(payload, body).map_err(|error| {
        let offset = match error {
            DecodeError(InvalidByte(at, _) | InvalidLastSymbol(at, _)) => at,
            _ => 0,
        };
        LineFault { kind: "base64", offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    })?;
    Ok(body.get(..len).unwrap_or_default())
}

/// Seconds since 1970; [`UnixNanos::UNKNOWN`] where there are none. `None` for another text.
fn optional_seconds(text: &[u8]) -> Option<UnixNanos> {
    if text.is_empty() { Some(UnixNanos::UNKNOWN) } else { seconds(text) }
}

/// Seconds since 1970 with up to nine decimals; further ones are left out. `None` for another text.
fn seconds(text: &[u8]) -> Option<UnixNanos> {
    let dot = memchr::memchr(b'.', text);
    let (secs, fraction) = match dot {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &[][..]),
    };
    let at = parse_digits(secs)?.checked_mul(NANOS_PER_SEC)?;
    at.checked_add(nanos(fraction)?).map(UnixNanos)
}

/// The nanoseconds of the digits after a decimal point.
fn nanos(fraction: &[u8]) -> Option<u64> {
    fraction.iter().all(u8::is_ascii_digit).then_some(())?;
    let kept = fraction.get(..9).unwrap_or(fraction);
    if kept.is_empty() {
        return Some(0);
    }
    let scale = 10_u64.pow(9 - u32::try_from(kept.len()).unwrap_or(9));
    Some(parse_digits(kept)? * scale)
}

/// `YYYY-MM-DDTHH:MM:SS.fffffffZ` in UTC.
fn tardis_time(text: &[u8]) -> Option<UnixNanos> {
    let text: &[u8; TARDIS_TIME_LEN] = text.try_into().ok()?;
    let [date @ .., b'Z'] = text else { return None };
    let part = |range: std::ops::Range<usize>| parse_digits(date.get(range)?);
    let is_separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')]
        .iter()
        .all(|(at, byte)| date.get(*at) == Some(byte));
    is_separated.then_some(())?;
    let (hour, minute, second) = (part(11..13)?, part(14..16)?, part(17..19)?);
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    let days = days_since_epoch(part(0..4)?, part(5..7)?, part(8..10)?)?;
    let secs = days * 86_400 + hour * 3600 + minute * 60 + second;
    secs.checked_mul(NANOS_PER_SEC)?.checked_add(nanos(date.get(20..)?)?).map(UnixNanos)
}

#[cfg(test)]
mod tests {
    use super::super::line_writer::{Line, write_line};
    use super::*;

    fn of(form: LineForm, line: &[u8], check: impl Fn(Entry<'_>)) {
        check(parse(form, line, &mut [0; 64]));
    }

    #[test]
    fn the_time_of_receipt_in_seconds_is_exact() {
        let at = |text: &str| seconds(text.as_bytes()).map(|at| at.0);
        assert_eq!(at("1582977600.25"), Some(1_582_977_600_250_000_000));
        assert_eq!(at("1617646255.1727412"), Some(1_617_646_255_172_741_200));
        assert_eq!(at("7"), Some(7_000_000_000));
        assert_eq!(at("1.9999999999"), Some(1_999_999_999));
        assert_eq!((at("0"), at("0.0")), (Some(0), Some(0)));
        for none in ["", ".5", "-1.5", "1e9", "99999999999999", "1.5x", "now"] {
            assert_eq!(at(none), None, "{none}");
        }
    }

    #[test]
    fn lines_of_other_recorders_read() {
        let frame = EntryKind::Frame(Frame::Text(b"{}"));
        of(LineForm::Tardis, b"2021-09-01T00:00:00.0123456Z {}", |entry| {
            assert_eq!((entry.ts_recv.0, entry.kind), (1_630_454_400_012_345_600, frame));
        });
        of(LineForm::Tardis, b"", |entry| assert_eq!(entry.kind, EntryKind::Mark(Mark::Lost, b"")));
        of(LineForm::Collector, b"1630454400012345600 {}", |entry| {
            assert_eq!((entry.ts_recv.0, entry.kind), (1_630_454_400_012_345_600, frame));
        });
        for (form, line) in [
            (LineForm::Tardis, "2021-09-31T00:00:00.0123456Z {}"),
            (LineForm::Tardis, "2021-09-01T00:00:00.0123456Z"),
            (LineForm::Tardis, "x"),
            (LineForm::Collector, "1630454400012345600"),
            (LineForm::Collector, "99999999999999999999 {}"),
            (LineForm::Collector, " {}"),
        ] {
            of(form, line.as_bytes(), |entry| assert_eq!(entry.kind, malformed("time", 0)));
        }
    }

    #[test]
    fn lines_with_two_columns_read() {
        of(LineForm::Tsv, b"1.5\t{\"a\":\t1}", |entry| {
            let kind = EntryKind::Frame(Frame::Text(b"{\"a\":\t1}"));
            assert_eq!((entry.ts_recv.0, entry.kind), (1_500_000_000, kind));
        });
        of(LineForm::Tsv, b"1.5\tAAE=", |entry| {
            assert_eq!(entry.kind, EntryKind::Frame(Frame::Binary(&[0, 1])));
        });
        of(LineForm::Tsv, b"1.5\tAA*E=", |entry| assert_eq!(entry.kind, malformed("base64", 2)));
        // "ping" and "PONG" are valid base64 as well.
        for word in ["ping", "PONG", "Ping", " pong", "pong ", " {}"] {
            of(LineForm::Tsv, format!("1.5\t{word}").as_bytes(), |entry| {
                assert_eq!(entry.kind, EntryKind::Frame(Frame::Text(word.as_bytes())));
            });
        }
        of(LineForm::Tsv, b"1.5 {}", |entry| assert_eq!(entry.kind, malformed("tsv", 0)));
    }

    #[test]
    fn a_time_that_cannot_be_read_is_malformed() {
        for none in ["", "0", "0.0"] {
            of(LineForm::Tsv, format!("{none}\t{{}}").as_bytes(), |entry| {
                assert_eq!(entry.ts_recv, UnixNanos::UNKNOWN);
                assert_eq!(entry.kind, EntryKind::Frame(Frame::Text(b"{}")));
            });
        }
        for time in ["x", "1.5x", "-1", ".5", "1e9", "2021-09-01T00:00:00Z", " 1.5"] {
            of(LineForm::Tsv, format!("{time}\t{{}}").as_bytes(), |entry| {
                assert_eq!(entry.kind, malformed("time", 0), "{time}");
            });
        }
        for time in ["", "x", "1.5", "99999999999999999999"] {
            of(LineForm::Tsv, format!("{time}\ttext/3.1\t{{}}").as_bytes(), |entry| {
                assert_eq!(entry.kind, malformed("time", 0), "{time}");
                assert_eq!(entry.connection, ConnectionLabel { group: 3, line: 1 });
            });
        }
    }

    #[test]
    fn what_is_written_reads_back_whatever_its_bytes() {
        let connection = ConnectionLabel { group: 3, line: u16::MAX };
        let ts = UnixNanos(1_790_000_000_123_456_789);
        let payloads: [&[u8]; 8] =
            [b"{}", b"", b"a\tb", b"a\nb\r", b"\r", b"\xff\0", "\u{e9}".as_bytes(), b" "];
        for payload in payloads {
            for name in [TEXT, BINARY, Mark::Sent.name()] {
                let mut out = Vec::new();
                write_line(&mut out, Line { ts, connection, name }, payload);
                let line = out.strip_suffix(b"\n").unwrap();
                assert!(!line.contains(&b'\n'), "{line:?}");
                let kind = match name {
                    TEXT => EntryKind::Frame(Frame::Text(payload)),
                    BINARY => EntryKind::Frame(Frame::Binary(payload)),
                    _ => EntryKind::Mark(Mark::Sent, payload),
                };
                let expected = Entry { ts_recv: ts, connection, kind };
                assert_eq!(parse(LineForm::Tsv, line, &mut [0; 64]), expected, "{name}");
            }
        }
        of(LineForm::Tsv, b"1\tlater/0.1\tx", |entry| assert_eq!(entry.kind, EntryKind::Unknown));
    }
}
