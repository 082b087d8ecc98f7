//! The feeds that are exported.

use std::sync::Arc;
use std::time::Duration;

use okx_feed::ClientReader;

#[cfg(feature = "nats")]
use crate::events::RingStats;
#[cfg(feature = "nats")]
use crate::nats::ExporterStats;

/// How long the feed's thread may be silent before it counts as stopped: it beats at least once a
/// second.
pub(crate) const HEARTBEAT_LIMIT: Duration = Duration::from_secs(3);

/// A feed with its name: the label `feed` of its metrics.
#[derive(Clone, Debug)]
pub struct NamedFeed {
    pub(crate) name: String,
    pub(crate) reader: ClientReader,
    #[cfg(feature = "nats")]
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "metrics read it"))]
    pub(crate) nats: Option<(Arc<RingStats>, Arc<ExporterStats>)>,
}

impl NamedFeed {
    /// A feed by its name and its reader.
    #[must_use]
    pub fn new(name: impl Into<String>, reader: ClientReader) -> Self {
        Self {
            name: name.into(),
            reader,
            #[cfg(feature = "nats")]
            nats: None,
        }
    }

    /// Shows what is published of it too: the counters of the ring and of the exporter behind it.
    #[cfg(feature = "nats")]
    #[must_use]
    pub fn with_nats(self, ring: Arc<RingStats>, exporter: Arc<ExporterStats>) -> Self {
        Self { nats: Some((ring, exporter)), ..self }
    }
}

/// The feeds of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Feeds(Arc<[NamedFeed]>);

impl Feeds {
    /// Several feeds, each with a name of its own.
    #[must_use]
    pub fn new(feeds: Vec<NamedFeed>) -> Self {
        Self(feeds.into())
    }

    /// One feed, called `main`.
    #[must_use]
    pub fn one(reader: ClientReader) -> Self {
        Self::new(vec![NamedFeed::new("main", reader)])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &NamedFeed> {
        self.0.iter()
    }
}
