//! What was lost, as it happens: from counters that have grown and states that have ended.

use std::collections::VecDeque;

use okx_feed::capture::RecordStats;
use okx_feed::client::SubscriptionStatus;
use okx_feed::{BookState, ClientStats, DownReason, UnixNanos};
use serde_json::json;

// What was lost, why, and what to do.
const MALFORMED: &str = "malformed frame: what it may have changed is not live until new data; if it stays, record it \
     and report it";
const GAP: &str =
    "sequence gap: a message of an order book is missing; the book is requested again by itself";
const CHECKSUM: &str = "checksum mismatch: an order book differs from the exchange's; it is requested again by itself, \
     and if it comes back, keep the recording and report it";
const BROKEN: &str = "order book that can't be right: a negative size, too many levels, or a frame that can't be \
     read; it is requested again by itself";
const MISSED_TRADE: &str = "trade missing: the ids have a gap; okx-feed history trades fetches it";
const LOST_TRADE: &str = "trade message that can't be read: its trades are missing; okx-feed history trades fetches them";
const CROSSED: &str =
    "crossed book: the best bid is not below the best ask; the exchange sent it so";
const BACKWARDS: &str = "time that ran backwards: the exchange sent an earlier time than before";
const EXCHANGE_ERROR: &str =
    "error reported by the exchange: see the log for its text and what it is about";
const REFUSED: &str =
    "subscription refused by the exchange: check the channel and the instrument; it is asked again";
const LOGIN: &str = "login refused by the exchange: check the key, the secret and the passphrase";
const RESYNC: &str =
    "order book or subscription requested again: it is not live until its next data";
const SILENCE: &str = "silent subscription: nothing came for longer than the exchange promises; it is requested again";
const MISSING_LINE: &str =
    "line missing in the recording: the disk is too slow or full; the recording has a mark there";

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
        (MALFORMED, old.malformed(), new.malformed()),
        (GAP, old.gaps, new.gaps),
        (CHECKSUM, old.mismatches, new.mismatches),
        (BROKEN, old.broken, new.broken),
        (MISSED_TRADE, old.missed_trades, new.missed_trades),
        (LOST_TRADE, old.lost_trades, new.lost_trades),
        (CROSSED, old.crossed, new.crossed),
        (BACKWARDS, old.backwards, new.backwards),
        (EXCHANGE_ERROR, old.control_errors, new.control_errors),
        (REFUSED, before.rejections, now.rejections),
        (LOGIN, before.logins_refused, now.logins_refused),
        (RESYNC, before.session.resyncs, now.session.resyncs),
        (SILENCE, before.session.silences, now.session.silences),
    ];
    let mut texts: Vec<_> = counters
        .iter()
        .filter(|(_, before, now)| now > before)
        .map(|(what, before, now)| counted(what, now - before))
        .collect();
    if now.losses > before.losses {
        let why = now.last_loss.as_deref().unwrap_or("closed");
        let count = now.losses - before.losses;
        texts.push(format!(
            "{} ({why}); it connects again by itself",
            counted("connection lost", count)
        ));
    }
    texts
}

/// What the recorder has dropped since, in words.
pub(super) fn dropped(before: &RecordStats, now: &RecordStats) -> Vec<String> {
    let mut texts = Vec::new();
    if now.dropped_lines > before.dropped_lines {
        let count = now.dropped_lines - before.dropped_lines;
        texts.push(counted(MISSING_LINE, count));
    }
    if now.error != before.error {
        texts.push(match &now.error {
            Some(why) => format!(
                "the recording can't be written: {why}; free the disk or correct its permissions, \
                 then it is written again by itself"
            ),
            None => "the recording is written again".to_owned(),
        });
    }
    texts
}

/// That a subscription is live no more, in words.
pub(super) fn ended(before: BookState, now: &SubscriptionStatus) -> Option<String> {
    let has_ended = before.is_live() && !now.state.is_live();
    let why = match now.state {
        BookState::Connecting => "the connection is lost, and is made again",
        BookState::AwaitingSnapshot => "its next snapshot is awaited",
        BookState::Stale => "nothing new came in the time it may be silent",
        BookState::Resyncing => "a message is missing or wrong, and it is requested again",
        BookState::Down(DownReason::Rejected) => "the exchange has refused it",
        BookState::Down(DownReason::Unsubscribed) => "it was unsubscribed",
        _ => "the feed has ended",
    };
    has_ended.then(|| format!("{} is {} now: {why}", now.subscription, now.state))
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
