//! The collector: every family of every feed.

use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;

use super::families::Families;
use super::scrape::{FeedScrape, MetricsOptions, scrape};
use super::{connections, exporter, feed, recorder, subscriptions};
use crate::feeds::Feeds;

/// The metrics of feeds. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    feeds: Feeds,
    registry: Arc<Registry>,
}

impl Metrics {
    /// The metrics of these feeds.
    #[must_use]
    pub fn new(feeds: Feeds, options: MetricsOptions) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(FeedCollector { feeds: feeds.clone(), options }));
        Self { feeds, registry: Arc::new(registry) }
    }

    /// All metrics as they are now, in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    pub(super) const fn feeds(&self) -> &Feeds {
        &self.feeds
    }
}

#[derive(Debug)]
struct FeedCollector {
    feeds: Feeds,
    options: MetricsOptions,
}

impl Collector for FeedCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let scrapes = scrape(&self.feeds);
        write(&scrapes, &self.options, &mut Families::new(encoder))
    }
}

fn write(
    scrapes: &[FeedScrape],
    options: &MetricsOptions,
    families: &mut Families<'_>,
) -> Result<(), Error> {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    families.gauges("okx_feed_build_info", "The version of okx-feed, as a label", &|value| {
        value(&version, 1.0)
    })?;
    feed::write(scrapes, families)?;
    connections::write(scrapes, families)?;
    subscriptions::write(scrapes, options, families)?;
    recorder::write(scrapes, families)?;
    exporter::write(scrapes, families)
}
