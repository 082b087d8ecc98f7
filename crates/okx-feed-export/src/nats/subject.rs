//! Subjects: `md.okx.<protocol>.<channel>.<id>`.
//!
//! | subject | what is on it |
//! |---|---|
//! | `md.okx.v5.books5.BTC-USDT` | the events of a topic, in order |
//! | `md.okx.v5.books.BTC-USDT.snapshot` | its order book as a whole, repeated |
//! | `md.okx.v5.books.BTC-USDT.state.A` | the state of the subscription at the writer `A` |
//! | `md.okx.v5.books5.BTC-USDT.last.A` | the last value at the writer `A`, repeated |
//! | `md.okx.writer.A` | watermarks of the writer `A`: all that it had at a time is before |
//! | `writer.okx.A` | the writer `A` runs; never stored in a stream |
//!
//! The channel of v3 has its market, as its documents write it: `futures/depth5`. In a token, each
//! byte that is not a letter or a digit of ASCII or one of `-_` is written as `%` and two
//! hexadecimal digits: `8.00` is `8%2E00`. The key of a channel without one is `%`.

use std::fmt::Write;

use okx_feed::model::ChannelKey;
use okx_feed::{Channel, Dialect, InstrumentId, Market, Subscription};

/// What every subject of a market begins with.
pub const PREFIX: &str = "md.okx";

/// What the subjects of writers begin with.
pub const WRITER_PREFIX: &str = "writer.okx";

/// What the subjects of watermarks begin with, which are beside those of topics, in the same
/// stream.
pub const WATERMARK_PREFIX: &str = "md.okx.writer";

/// What stands for no key.
const NO_KEY: &str = "%";

/// The subjects of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSubjects {
    /// Of its events.
    pub events: String,
    /// Of its order book as a whole.
    pub snapshot: String,
}

impl TopicSubjects {
    /// The subjects of a subscription.
    #[must_use]
    pub fn of(subscription: &Subscription) -> Self {
        let mut events = format!("{PREFIX}.{}.", subscription.dialect().name());
        if let Some(market) = subscription.market() {
            escape(&mut events, market.name());
            events.push('/');
        }
        escape(&mut events, subscription.channel().name());
        events.push('.');
        match subscription.inst_id().as_str() {
            "" => events.push_str(NO_KEY),
            id => escape(&mut events, id),
        }
        Self { snapshot: format!("{events}.snapshot"), events }
    }

    /// The subject of the topic's state at a writer.
    #[must_use]
    pub fn state(&self, writer: &str) -> String {
        format!("{}.state.{writer}", self.events)
    }

    /// The subject of the topic's last value at a writer.
    #[must_use]
    pub fn last(&self, writer: &str) -> String {
        format!("{}.last.{writer}", self.events)
    }
}

/// What a subject is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// An event.
    Event,
    /// An order book as a whole.
    Snapshot,
    /// A state at the writer of this name.
    State(String),
    /// The last value at the writer of this name, repeated.
    Last(String),
}

/// The topic and the kind of a subject; `None` if it is no subject of a topic.
#[must_use]
pub fn parse(subject: &str) -> Option<(Subscription, SubjectKind)> {
    let mut tokens = subject.strip_prefix(PREFIX)?.strip_prefix('.')?.split('.');
    let (dialect, channel, id) = (tokens.next()?, tokens.next()?, tokens.next()?);
    let kind = match (tokens.next(), tokens.next(), tokens.next()) {
        (None, ..) => SubjectKind::Event,
        (Some("snapshot"), None, _) => SubjectKind::Snapshot,
        (Some("state"), Some(writer), None) => SubjectKind::State(writer.to_owned()),
        (Some("last"), Some(writer), None) => SubjectKind::Last(writer.to_owned()),
        _ => return None,
    };
    let (market, channel) = match channel.split_once('/') {
        Some((market, channel)) => (Some(Market::from_name(market.as_bytes())?), channel),
        None => (None, channel),
    };
    let dialect = [Dialect::V3, Dialect::V5].into_iter().find(|one| one.name() == dialect)?;
    let channel = Channel::from_name(dialect, unescape(channel)?.as_bytes())?;
    let id = match (id, channel.key()) {
        (NO_KEY, ChannelKey::Nothing) => InstrumentId::NONE,
        _ => InstrumentId::new(&unescape(id)?).ok()?,
    };
    let subscription = match market {
        Some(market) => Subscription::v3(market, channel, id),
        None => Subscription::v5(channel, id),
    };
    Some((subscription.ok()?, kind))
}

/// A subject of a market without what all of them begin with.
pub(super) fn without_prefix(subject: &str) -> &str {
    subject.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')).unwrap_or(subject)
}

/// Whether a subject is that of a writer's watermarks.
pub(super) fn is_watermark(subject: &str) -> bool {
    subject.strip_prefix(WATERMARK_PREFIX).is_some_and(|rest| rest.starts_with('.'))
}

/// Appends a text as a part of a token.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The text of a token; `None` if it is not what [`escape`] writes.
fn unescape(token: &str) -> Option<String> {
    let mut bytes = token.bytes();
    let mut text = Vec::with_capacity(token.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                text.push(u8::try_from(value).ok()?);
            }
            _ if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') => text.push(byte),
            _ => return None,
        }
    }
    let text = String::from_utf8(text).ok()?;
    // One spelling of each text: lower-case digits or a needless escape are no subject of ours.
    let mut again = String::with_capacity(token.len());
    escape(&mut again, &text);
    (again == token).then_some(text)
}

/// Whether a text is the name of a writer: 1 to 32 letters, digits, `-` or `_` of ASCII.
#[must_use]
pub fn is_writer_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=32).contains(&name.len()) && name.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_reversible_and_name_one_topic_each() {
        let texts = [
            ("books5:BTC-USDT", "md.okx.v5.books5.BTC-USDT"),
            ("futures/depth5:BTC-USD-190517", "md.okx.v3.futures/depth5.BTC-USD-190517"),
            (
                "option/depth_l2_tbt:EOS-USD-210625-8.00-C",
                "md.okx.v3.option/depth_l2_tbt.EOS-USD-210625-8%2E00-C",
            ),
            ("books5:₿ >*.%", "md.okx.v5.books5.%E2%82%BF%20%3E%2A%2E%25"),
            ("status", "md.okx.v5.status.%"),
        ];
        for (text, subject) in texts {
            let topic: Subscription = text.parse().unwrap();
            let subjects = TopicSubjects::of(&topic);
            assert_eq!(subjects.events, subject);
            assert_eq!(parse(&subjects.events), Some((topic, SubjectKind::Event)));
            assert_eq!(parse(&subjects.snapshot), Some((topic, SubjectKind::Snapshot)));
            let state = SubjectKind::State("A".to_owned());
            assert_eq!(parse(&subjects.state("A")), Some((topic, state)));
        }
    }

    #[test]
    fn what_no_topic_has_is_no_subject() {
        for text in [
            "",
            "md.okx.v5.books5",
            "md.okx.v5.books5.",
            "md.okx.v5.books5.A.B",
            "md.okx.v5.books5.A.state",
            "md.okx.v5.books5.A.snapshot.B",
            "md.okx.v4.books5.A",
            "md.okx.v5.nothing.A",
            "md.okx.v5.books5.8%2e00",
            "md.okx.v5.books5.%41",
            "md.okx.v5.books5.%4",
            "md.okx.v5.books5.%FF",
            "md.okx.v5.spot/books5.A",
            "md.okx.v3.depth5.A",
            "md.okx.v5.books5.%",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_byte_comes_back_from_its_token() {
        for c in (0..0x2030).filter_map(char::from_u32) {
            let (text, mut token) = (format!("a{c}b"), String::new());
            escape(&mut token, &text);
            assert!(token.bytes().all(|b| b.is_ascii_graphic() && !b".*>".contains(&b)));
            assert_eq!(unescape(&token), Some(text));
        }
    }
}
