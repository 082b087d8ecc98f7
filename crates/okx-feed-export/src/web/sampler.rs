//! What all pages share: the list, the counters and the losses, each made once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use okx_feed::capture::RecordStats;
use okx_feed::{BookState, ClientStats, Subscription};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::loss::{LossLog, dropped, ended, grown};
use super::view;
use crate::feeds::{Feeds, NamedFeed};

/// How often states are looked at.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Every so many ticks the counters are compared, for losses.
const COUNTERS_EVERY: u64 = 2;

/// Every so many ticks the list is made.
const LIST_EVERY: u64 = 5;

/// Every so many ticks the figures are made.
const STATS_EVERY: u64 = 10;

/// What pages read.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// How many pages are open: without one, nothing is made but the losses.
    pub(super) pages: AtomicUsize,
    made: Mutex<Made>,
}

/// What was made last.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) list: Text,
    pub(super) stats: Text,
    pub(super) losses: LossLog,
}

/// A text, and how often it was made.
#[derive(Debug, Default)]
pub(super) struct Text {
    version: u64,
    text: String,
}

impl Text {
    fn set(&mut self, text: String) {
        self.version += 1;
        self.text = text;
    }

    /// The text, if it is another one than the version that was seen, which it then is.
    pub(super) fn since(&self, seen: &mut u64) -> Option<&str> {
        let is_new = self.version != *seen && !self.text.is_empty();
        *seen = self.version;
        is_new.then_some(self.text.as_str())
    }
}

impl Made {
    /// Drops what is not kept up to date while no page is open: the next page must not show it.
    fn forget(&mut self) {
        for text in [&mut self.list, &mut self.stats] {
            text.text.clear();
        }
    }
}

impl Shared {
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Made) -> R) -> R {
        f(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is remembered of a feed.
#[derive(Debug, Default)]
struct Memory {
    states: HashMap<Subscription, BookState>,
    counters: Option<ClientStats>,
    recorded: Option<RecordStats>,
    /// The counters of the last figures.
    shown: Option<ClientStats>,
}

/// Reads the feeds for as long as the server runs.
pub(super) async fn run(feeds: Feeds, shared: Arc<Shared>) {
    let mut memories: Vec<Memory> = feeds.iter().map(|_| Memory::default()).collect();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for tick in 0_u64.. {
        ticks.tick().await;
        for (feed, memory) in feeds.iter().zip(&mut memories) {
            memory.note_states(feed, &shared);
            if tick % COUNTERS_EVERY == 0 {
                memory.note_counters(feed, &shared);
            }
        }
        if shared.pages.load(Ordering::Relaxed) == 0 {
            memories.iter_mut().for_each(|memory| memory.shown = None);
            shared.with(Made::forget);
            continue;
        }
        if tick % LIST_EVERY == 0 {
            let list = list(&feeds);
            shared.with(|made| made.list.set(list));
        }
        if tick % STATS_EVERY == 0 {
            let of = feeds.iter().zip(&mut memories).map(|(feed, memory)| memory.stats(feed));
            let stats = json!({ "feeds": of.collect::<Vec<_>>() }).to_string();
            shared.with(|made| made.stats.set(stats));
        }
    }
}

impl Memory {
    fn note_states(&mut self, feed: &NamedFeed, shared: &Shared) {
        let now = feed.reader.clock().now().1;
        for status in feed.reader.statuses() {
            let before = self.states.insert(status.subscription, status.state);
            if let Some(text) = ended(before.unwrap_or_default(), &status) {
                shared.with(|made| made.losses.add(now, &feed.name, &text));
            }
        }
    }

    fn note_counters(&mut self, feed: &NamedFeed, shared: &Shared) {
        let now = feed.reader.clock().now().1;
        let counters = feed.reader.stats();
        let recorded = feed.reader.recording().map(|recording| recording.stats());
        let mut texts = Vec::new();
        if let Some(before) = &self.counters {
            texts.extend(grown(before, &counters));
        }
        if let (Some(before), Some(recorded)) = (&self.recorded, &recorded) {
            texts.extend(dropped(before, recorded));
        }
        self.counters = Some(counters);
        self.recorded = recorded;
        if !texts.is_empty() {
            shared.with(|made| {
                texts.iter().for_each(|text| made.losses.add(now, &feed.name, text));
            });
        }
    }

    fn stats(&mut self, feed: &NamedFeed) -> serde_json::Value {
        let now = feed.reader.stats();
        let value = view::stats(&feed.name, &feed.reader, self.shown.as_ref(), &now);
        self.shown = Some(now);
        value
    }
}

fn list(feeds: &Feeds) -> String {
    let mut rows = Vec::new();
    for feed in feeds.iter() {
        let now = feed.reader.clock().now().1;
        let mut all = feed.reader.statuses();
        all.sort_unstable_by_key(|one| one.subscription);
        rows.extend(all.iter().map(|one| view::row(&feed.name, &feed.reader, one, now)));
    }
    json!({ "rows": rows }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_no_text_that_is_older_than_itself() {
        let mut made = Made::default();
        let mut seen = 0;
        assert_eq!(made.list.since(&mut seen), None);
        made.list.set("one".to_owned());
        assert_eq!(made.list.since(&mut seen), Some("one"));
        assert_eq!(made.list.since(&mut seen), None);
        made.list.set("two".to_owned());
        // The last page is closed, and much later another one is opened.
        made.forget();
        let mut seen = 0;
        assert_eq!(made.list.since(&mut seen), None);
        made.list.set("three".to_owned());
        assert_eq!(made.list.since(&mut seen), Some("three"));
    }
}
