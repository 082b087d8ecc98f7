//! The header that every message has: `Okx-Feed: okx-feed/1 A 1764512345678 42 live
//! b7.1764512345679`.

use std::fmt;

use async_nats::HeaderName;

use super::subject::is_writer_name;
use crate::json::SCHEMA;
use crate::json::text::put_u64;
use okx_feed::BookState;

/// The name of the header.
pub const HEADER: &str = "Okx-Feed";

/// The name as the library wants it: it copies one that is a text.
pub(super) const HEADER_NAME: HeaderName = HeaderName::from_static(HEADER);

/// The words of the header: the schema of the payload, the writer, its session, the number of the
/// message among those of this session on this subject, from 1, the state of the topic, and the key
/// of the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'h> {
    /// The name of the writer.
    pub writer: &'h str,
    /// When the writer started, in milliseconds since 1970: its messages are numbered from there.
    pub session: u64,
    /// The number of the message.
    pub sequence: u64,
    /// The state of the subscription at the writer.
    pub state: BookState,
    /// The key of the update within its topic, equal for two writers. `None` for what is a writer's
    /// own, and with a stream, where `Nats-Msg-Id` has it.
    pub key: Option<&'h str>,
}

impl<'h> Head<'h> {
    /// Reads a header; `None` if it is none, or of a schema that this version does not read.
    #[must_use]
    pub fn parse(text: &'h str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next()? != SCHEMA {
            return None;
        }
        let writer = words.next().filter(|name| is_writer_name(name))?;
        let (session, sequence) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let state = state_of(words.next()?)?;
        Some(Self { writer, session, sequence, state, key: words.next() })
    }
}

impl Head<'_> {
    /// Appends the header's value, which [`write_key`](super::encode::write_key) may continue.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(SCHEMA.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.writer.as_bytes());
        for number in [self.session, self.sequence] {
            out.push(b' ');
            put_u64(out, number);
        }
        out.push(b' ');
        out.extend_from_slice(self.state.name().as_bytes());
        if let Some(key) = self.key {
            out.push(b' ');
            out.extend_from_slice(key.as_bytes());
        }
    }
}

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writer, session, sequence, state, key } = self;
        write!(f, "{SCHEMA} {writer} {session} {sequence} {state}")?;
        key.map_or(Ok(()), |key| write!(f, " {key}"))
    }
}

/// The state of a name.
pub(super) fn state_of(name: &str) -> Option<BookState> {
    BookState::ALL.into_iter().find(|state| state.name() == name)
}

#[cfg(test)]
mod tests {
    use okx_feed::DownReason;

    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let state = BookState::Down(DownReason::Rejected);
        let (writer, session, sequence) = ("fra-1", 1_764_512_345_678, 42);
        for (key, end) in [(None, ""), (Some("b7.12"), " b7.12")] {
            let head = Head { writer, session, sequence, state, key };
            let text = head.to_string();
            assert_eq!(text, format!("okx-feed/1 fra-1 1764512345678 42 down_rejected{end}"));
            assert_eq!(Head::parse(&text), Some(head));
            let mut written = Vec::new();
            head.write(&mut written);
            assert_eq!(written, text.as_bytes());
        }
        for other in ["", "okx-feed/2 A 1 2 live", "okx-feed/1 A 1 live", "okx-feed/1 A 1 2 up"] {
            assert_eq!(Head::parse(other), None, "{other}");
        }
    }
}
