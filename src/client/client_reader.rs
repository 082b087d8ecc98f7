//! Everything of a client that any thread may read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::health::Health;
use super::heartbeat::Heartbeat;
use super::shared::HandleState;
use super::stats::ClientStats;
use crate::model::{BookState, Subscription, UnixNanos};
use crate::publish::Readers;
use crate::publish::{BookReader, DepthReader, RecordReader, RecordRingReader, TradeReader};
use crate::transport::Clock;

/// Reads everything of a client that other threads may read: states, books, trades, records,
/// counters, latencies, health. Can be cloned, used on any thread, and outlives the client.
///
/// Made by [`Client::reader`](super::Client::reader), for what shows or exports a client. Nothing
/// here waits for the feed's thread or makes it wait.
#[derive(Clone, Debug)]
pub struct ClientReader {
    readers: Arc<Mutex<HashMap<Subscription, Readers>>>,
    pub(super) shared: HandleState,
}

/// A subscription as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStatus {
    /// What is subscribed.
    pub subscription: Subscription,
    /// Its state.
    pub state: BookState,
    /// When its last message came, by the local clock; unknown before the first.
    pub ts_recv: UnixNanos,
    /// The exchange's time of that message.
    pub ts_event: UnixNanos,
}

impl ClientReader {
    pub(super) fn new(readers: HashMap<Subscription, Readers>, shared: HandleState) -> Self {
        Self { readers: Arc::new(Mutex::new(readers)), shared }
    }

    /// The counters, at most a second old, and the latencies as they are now.
    /// [`ClientStats::joins`](super::ClientStats) is empty here. Allocates some hundred kilobytes
    /// for the histograms.
    #[must_use]
    pub fn stats(&self) -> ClientStats {
        self.shared.stats.read()
    }

    /// The current subscriptions.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.with_readers(|readers| readers.keys().copied().collect())
    }

    /// Every subscription as it is now, in no order.
    #[must_use]
    pub fn statuses(&self) -> Vec<SubscriptionStatus> {
        let status = |(subscription, readers): (&Subscription, &Readers)| {
            let (ts_recv, ts_event) = readers.times();
            let (subscription, state) = (*subscription, readers.state().unwrap_or_default());
            SubscriptionStatus { subscription, state, ts_recv, ts_event }
        };
        self.with_readers(|readers| readers.iter().map(status).collect())
    }

    /// The state of a subscription; `None` where it is not subscribed.
    #[must_use]
    pub fn state(&self, subscription: &Subscription) -> Option<BookState> {
        self.with_readers(|readers| readers.get(subscription)?.state())
    }

    /// A reader of a subscription's book; `None` where the channel has none.
    #[must_use]
    pub fn book_reader(&self, subscription: &Subscription) -> Option<BookReader> {
        self.with_readers(|readers| readers.get(subscription)?.book.clone())
    }

    /// A reader of the best levels of a subscription's order book; `None` where the channel has
    /// none.
    #[must_use]
    pub fn depth_reader(&self, subscription: &Subscription) -> Option<DepthReader> {
        self.with_readers(|readers| readers.get(subscription)?.depth.clone())
    }

    /// A reader of a subscription's trades; `None` where the channel has none.
    #[must_use]
    pub fn trade_reader(&self, subscription: &Subscription) -> Option<TradeReader> {
        self.with_readers(|readers| readers.get(subscription)?.trades.clone())
    }

    /// A reader of a subscription's latest record; `None` where the channel has none.
    #[must_use]
    pub fn record_reader(&self, subscription: &Subscription) -> Option<RecordReader> {
        self.with_readers(|readers| readers.get(subscription)?.record.clone())
    }

    /// A reader of a subscription's last records; `None` where the channel has none.
    #[must_use]
    pub fn record_ring_reader(&self, subscription: &Subscription) -> Option<RecordRingReader> {
        self.with_readers(|readers| readers.get(subscription)?.records.clone())
    }

    /// Whether the connections are open, and if not, why and since when.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health.read()
    }

    /// How many lists of instruments that the client's selections need have not come yet. What they
    /// select is not subscribed before that.
    #[must_use]
    pub fn missing_lists(&self) -> usize {
        #[cfg(feature = "rest")]
        return self.with_readers(|_| self.shared.selected.missing_lists());
        #[cfg(not(feature = "rest"))]
        0
    }

    /// The heartbeat of the feed's thread.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        self.shared.heartbeat.clone()
    }

    /// The clock that stamps what is received.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The recording, for its counters; `None` where nothing is recorded.
    #[cfg(feature = "capture")]
    #[must_use]
    pub fn recording(&self) -> Option<crate::capture::Recording> {
        self.shared.recording.clone()
    }

    pub(super) fn with_readers<R>(
        &self,
        f: impl FnOnce(&mut HashMap<Subscription, Readers>) -> R,
    ) -> R {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(feature = "rest")]
        self.shared.selected.apply_to(&mut readers);
        f(&mut readers)
    }
}
