//! What was lost, as it happens: from counters that have grown and states that have ended.

use std::collections::VecDeque;

use okx_feed::capture::RecordStats;
use okx_feed::client::SubscriptionStatus;
use okx_feed::{BookState, ClientStats, UnixNanos};
use serde_json::json;

/// The most that is kept for a page that opens later.
const MAX_KEPT: usize = 100;

/// The last losses, each with a number.
#[derive(Debug, Default)]
pub(super) struct LossLog {
    next: u64,
    kept: VecDeque<String>,
}

impl LossLog {
    /// Adds a loss.
    pub(super) fn add(&mut self, now: UnixNanos, feed: &str, text: &str) {
        let number = self.next;
        let entry = json!({ "n": number, "t": now.as_millis(), "feed": feed, "text": text });
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(entry.to_string());
        self.next += 1;
    }

    /// The losses from a number on that are still kept, and the next number.
    pub(super) fn since(&self, from: u64) -> (impl Iterator<Item = &str>, u64) {
        let first = self.next - self.kept.len() as u64;
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        (self.kept.iter().skip(skip).map(String::as_str), self.next)
    }
}

/// What grew from one reading of the counters to the next, in words.
pub(super) fn grown(before: &ClientStats, now: &ClientStats) -> Vec<String> {
    let (old, new) = (&before.feed, &now.feed);
    let counters = [
        ("malformed frame", old.malformed(), new.malformed()),
        ("sequence gap of an order book", old.gaps, new.gaps),
        ("checksum mismatch of an order book", old.mismatches, new.mismatches),
        ("order book broken otherwise", old.broken, new.broken),
        ("trade that did not come", old.missed_trades, new.missed_trades),
        ("trade message that could not be read", old.lost_trades, new.lost_trades),
        ("crossed book", old.crossed, new.crossed),
        ("time that ran backwards", old.backwards, new.backwards),
        ("error reported by the exchange", old.control_errors, new.control_errors),
        ("subscription refused", before.rejections, now.rejections),
        ("login refused", before.logins_refused, now.logins_refused),
        ("resynchronisation", before.session.resyncs, now.session.resyncs),
        ("silent subscription", before.session.silences, now.session.silences),
    ];
    let mut texts: Vec<_> = counters
        .iter()
        .filter(|(_, before, now)| now > before)
        .map(|(what, before, now)| counted(what, now - before))
        .collect();
    if now.losses > before.losses {
        let why = now.last_loss.as_deref().unwrap_or("closed");
        texts.push(format!("{} ({why})", counted("connection lost", now.losses - before.losses)));
    }
    texts
}

/// What the recorder has dropped since, in words.
pub(super) fn dropped(before: &RecordStats, now: &RecordStats) -> Vec<String> {
    let mut texts = Vec::new();
    if now.dropped_lines > before.dropped_lines {
        let count = now.dropped_lines - before.dropped_lines;
        texts.push(counted("line missing in the recording", count));
    }
    if now.error != before.error {
        texts.push(match &now.error {
            Some(why) => format!("the recording can't be written: {why}"),
            None => "the recording is written again".to_owned(),
        });
    }
    texts
}

/// That a subscription is live no more, in words.
pub(super) fn ended(before: BookState, now: &SubscriptionStatus) -> Option<String> {
    let has_ended = before.is_live() && !now.state.is_live();
    has_ended.then(|| format!("{} is {} now", now.subscription, now.state))
}

fn counted(what: &str, count: u64) -> String {
    if count == 1 { what.to_owned() } else { format!("{count} x {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_each_loss_once_and_no_more_than_are_kept() {
        let mut log = LossLog::default();
        assert_eq!((log.since(0).0.count(), log.since(0).1), (0, 0));
        for _ in 0..MAX_KEPT + 5 {
            log.add(UnixNanos(7_000_000), "main", "gap");
        }
        let (all, next) = log.since(0);
        assert_eq!((all.count(), next), (MAX_KEPT, MAX_KEPT as u64 + 5));
        assert_eq!(log.since(next).0.count(), 0);
        let last = log.since(next - 1).0.next().unwrap();
        assert_eq!(last, r#"{"feed":"main","n":104,"t":7,"text":"gap"}"#);
    }
}
