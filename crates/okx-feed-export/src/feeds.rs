//! The feeds that are exported.

use std::sync::Arc;
use std::time::Duration;

use okx_feed::ClientReader;

/// How long the feed's thread may be silent before it counts as stopped: it beats at least once a
/// second.
pub(crate) const HEARTBEAT_LIMIT: Duration = Duration::from_secs(3);

/// A feed with its name: the label `feed` of its metrics.
#[derive(Clone, Debug)]
pub struct NamedFeed {
    /// The name.
    pub name: String,
    /// What is read of it.
    pub reader: ClientReader,
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
        Self::new(vec![NamedFeed { name: "main".to_owned(), reader }])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &NamedFeed> {
        self.0.iter()
    }
}
