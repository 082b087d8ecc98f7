//! What one scrape reads, at one time.

use std::time::Duration;

use okx_feed::capture::RecordStats;
use okx_feed::client::{Health, SubscriptionStatus};
use okx_feed::{ClientStats, UnixNanos};

use crate::feeds::{Feeds, NamedFeed};

/// Options of the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsOptions {
    /// Whether each subscription has metrics of its own; no by default: a number of time series
    /// that grows with the instruments is dear.
    pub by_instrument: bool,
    /// The most subscriptions that have metrics of their own; 1,000. How many have none is a metric
    /// too.
    pub max_instruments: usize,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self { by_instrument: false, max_instruments: 1_000 }
    }
}

/// One feed as it is now.
#[derive(Debug)]
pub(super) struct FeedScrape {
    pub(super) name: String,
    pub(super) stats: ClientStats,
    pub(super) health: Health,
    pub(super) heartbeat_age: Duration,
    pub(super) missing_lists: usize,
    pub(super) recorded: Option<RecordStats>,
    pub(super) exported: Option<ExporterScrape>,
    pub(super) subscriptions: Vec<SubscriptionScrape>,
}

/// What is published of a feed, as it is now.
#[derive(Debug)]
pub(super) struct ExporterScrape {
    pub(super) events: u64,
    pub(super) queued: u64,
    pub(super) dropped: u64,
    pub(super) published: u64,
    pub(super) acknowledged: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
    pub(super) resent: u64,
    pub(super) connects: u64,
    pub(super) unacknowledged: u64,
    pub(super) is_connected: bool,
}

impl ExporterScrape {
    #[cfg(feature = "nats")]
    fn new(feed: &NamedFeed) -> Option<Self> {
        let (ring, exporter) = feed.nats.as_ref()?;
        Some(Self {
            events: ring.pushed(),
            queued: ring.queued(),
            dropped: ring.dropped(),
            published: exporter.published(),
            acknowledged: exporter.acknowledged(),
            duplicates: exporter.duplicates(),
            refused: exporter.refused(),
            resent: exporter.resent(),
            connects: exporter.connects(),
            unacknowledged: exporter.unacknowledged(),
            is_connected: exporter.is_connected(),
        })
    }

    /// Nothing is published without the feature.
    #[cfg(not(feature = "nats"))]
    const fn new(_: &NamedFeed) -> Option<Self> {
        None
    }
}

/// One subscription as it is now.
#[derive(Debug)]
pub(super) struct SubscriptionScrape {
    pub(super) status: SubscriptionStatus,
    /// How long ago the last message came; `None` before the first.
    pub(super) age: Option<Duration>,
}

impl FeedScrape {
    fn new(feed: &NamedFeed) -> Self {
        let reader = &feed.reader;
        let now = reader.clock().now().1;
        let scrape = |status: SubscriptionStatus| SubscriptionScrape {
            status,
            age: (status.ts_recv != UnixNanos::UNKNOWN)
                .then(|| now.since(status.ts_recv).unwrap_or_default()),
        };
        let mut subscriptions: Vec<_> = reader.statuses().into_iter().map(scrape).collect();
        subscriptions.sort_unstable_by_key(|one| one.status.subscription);
        Self {
            name: feed.name.clone(),
            stats: reader.stats(),
            health: reader.health(),
            heartbeat_age: reader.heartbeat().age(),
            missing_lists: reader.missing_lists(),
            recorded: reader.recording().map(|recording| recording.stats()),
            exported: ExporterScrape::new(feed),
            subscriptions,
        }
    }
}

/// All feeds as they are now.
pub(super) fn scrape(feeds: &Feeds) -> Vec<FeedScrape> {
    feeds.iter().map(FeedScrape::new).collect()
}
