//! What a server refuses to take.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Subject;
use tokio::time::Instant;

use super::outbox::{Outbox, Outgoing};
use super::stats::ExporterStats;
use super::topics::Topics;

/// How long nothing is sent on a subject that the server does not let this writer publish on. It
/// says so for each message, and an operator may allow it meanwhile.
const DENIED_FOR: Duration = Duration::from_secs(60);

/// How often refusals are logged.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The subjects that the server does not let this writer publish on, and when refusals were logged.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Until when nothing is sent.
    denied: HashMap<String, Instant>,
    logged: Option<Instant>,
}

impl Refusals {
    /// Begins another connection, which may be let do what the one before was not.
    pub(super) fn begin_connection(&mut self) {
        self.denied.clear();
    }

    /// Whether nothing is to be sent on a subject now.
    #[inline]
    pub(super) fn is_denied_now(&self, subject: &Subject) -> bool {
        !self.denied.is_empty()
            && self.denied.get(subject.as_str()).is_some_and(|until| Instant::now() < *until)
    }

    /// Whether this connection was refused a message on a subject.
    pub(super) fn was_denied(&self, subject: &Subject) -> bool {
        self.denied.contains_key(subject.as_str())
    }

    fn deny(&mut self, subject: &Subject, now: Instant) {
        self.denied.insert(subject.to_string(), now + DENIED_FOR);
    }

    fn is_log_due(&mut self, now: Instant) -> bool {
        let is_due = self.logged.is_none_or(|at| now.duration_since(at) >= LOG_EVERY);
        if is_due {
            self.logged = Some(now);
        }
        is_due
    }
}

/// What an exporter keeps of its messages.
pub(super) struct Sent<'p> {
    pub(super) topics: &'p mut Topics,
    pub(super) outbox: &'p mut Outbox,
    pub(super) stats: &'p ExporterStats,
    /// Whether messages wait in the outbox for their acknowledgements.
    pub(super) has_stream: bool,
}

impl Refusals {
    /// Notes that the server has not taken a message and never will.
    #[cold]
    pub(super) fn refuse(&mut self, sent: &mut Sent<'_>, message: &Outgoing, why: &str) {
        if sent.topics.note_refused(message) {
            ExporterStats::count(&sent.stats.refused);
            self.report(sent.stats, &message.subject, why);
        }
    }

    /// Handles an error that the server has sent. It names the subject of a message that it did not
    /// take for want of a permission, and sends no acknowledgement of that.
    #[cold]
    pub(super) fn on_server_error(&mut self, sent: &mut Sent<'_>, text: &str) {
        let Some(subject) = denied_subject(text) else {
            return sent.stats.note_error(text.to_owned());
        };
        let subject = Subject::from(subject);
        let was_denied = self.was_denied(&subject);
        self.deny(&subject, Instant::now());
        let waiting = sent.outbox.take_of(&subject);
        // Without a stream nothing waits, and each error is of one message. With one, the first
        // error has taken out all that were on their way, or it is of a heartbeat.
        if waiting.is_empty() && !(sent.has_stream && was_denied) {
            ExporterStats::count(&sent.stats.refused);
            sent.topics.note_refused_on(&subject);
            self.report(sent.stats, &subject, text);
        }
        waiting.iter().for_each(|message| self.refuse(sent, message, text));
    }

    fn report(&mut self, stats: &ExporterStats, subject: &Subject, why: &str) {
        stats.note_error(format!("{subject}: {why}"));
        if self.is_log_due(Instant::now()) {
            tracing::warn!(
                subject = subject.as_str(),
                why,
                refused = stats.refused(),
                "the NATS server refuses messages, which are lost: allow this user to publish on \
                 the subject, or raise the limit that the reason names"
            );
        }
    }
}

/// The subject in the server's words for a publish without permission.
fn denied_subject(error: &str) -> Option<&str> {
    let rest = error.strip_prefix("Permissions Violation for Publish to \"")?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Message;
    use okx_feed::{Record, Subscription};

    #[test]
    fn a_subject_without_permission_is_left_out_for_a_minute_or_until_the_next_connection() {
        let text = "Permissions Violation for Publish to \"md.okx.v5.books5.A-B\"";
        let subject = Subject::from(denied_subject(text).unwrap());
        assert_eq!(subject.as_str(), "md.okx.v5.books5.A-B");
        assert_eq!(denied_subject("Authorization Violation"), None);
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        assert!(!refusals.is_denied_now(&subject));
        refusals.deny(&subject, now);
        assert!(refusals.is_denied_now(&subject) && !refusals.is_denied_now(&Subject::from("b")));
        refusals.deny(&subject, now - DENIED_FOR);
        assert!(!refusals.is_denied_now(&subject) && refusals.was_denied(&subject));
        refusals.begin_connection();
        assert!(!refusals.was_denied(&subject));
        assert!(refusals.is_log_due(now) && !refusals.is_log_due(now + LOG_EVERY / 2));
        assert!(refusals.is_log_due(now + LOG_EVERY));
    }

    #[test]
    fn each_message_without_permission_is_counted_once() {
        let of: Subscription = "tickers:A-B".parse().unwrap();
        let text = "Permissions Violation for Publish to \"md.okx.v5.tickers.A-B\"";
        for (has_stream, refused) in [(true, 2), (false, 3)] {
            let mut topics = Topics::new("A".to_owned(), 7, has_stream);
            let (mut outbox, stats) = (Outbox::default(), ExporterStats::default());
            let mut refusals = Refusals::default();
            for _ in 0..2 {
                for message in topics.messages(&Message::Record(of, Record::EMPTY)) {
                    message.filter(|_| has_stream).map(|message| outbox.add(message));
                }
            }
            let (topics, outbox) = (&mut topics, &mut outbox);
            let mut sent = Sent { topics, outbox, stats: &stats, has_stream };
            // One for each of two messages. Without a stream, a third was on its way.
            (0..refused).for_each(|_| refusals.on_server_error(&mut sent, text));
            assert_eq!((stats.refused(), sent.outbox.len()), (refused, 0));
            let mark = sent.topics.messages(&Message::Record(of, Record::EMPTY));
            let mark = mark.into_iter().flatten().next().unwrap();
            let count = format!("\"count\":{refused}}}");
            assert!(mark.payload().ends_with(count.as_bytes()), "{mark:?}");
            refusals.refuse(&mut sent, &mark, "still");
            assert_eq!(stats.refused(), refused, "a mark is no further one");
        }
    }
}
