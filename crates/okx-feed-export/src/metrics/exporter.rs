//! Metrics of what is published to NATS.

use std::fmt::Error;

use super::families::Families;
use super::scrape::{ExporterScrape, FeedScrape};

pub(super) fn write(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    let exported = || scrapes.iter().filter_map(|of| Some((&of.name, of.exported.as_ref()?)));
    type Count = fn(&ExporterScrape) -> u64;
    let counters: [(&str, &str, Count); 8] = [
        ("okx_feed_exporter_events", "Events handed to the exporter", |of| of.events),
        (
            "okx_feed_exporter_dropped_events",
            "Events that are not published, since the exporter is behind",
            |of| of.dropped,
        ),
        ("okx_feed_exporter_messages", "Messages sent to the server, each once", |of| of.published),
        ("okx_feed_exporter_acknowledged_messages", "Messages that the stream has", |of| {
            of.acknowledged
        }),
        (
            "okx_feed_exporter_duplicate_messages",
            "Messages among them that were published before, such as by another writer",
            |of| of.duplicates,
        ),
        ("okx_feed_exporter_refused_messages", "Messages that the server has refused", |of| {
            of.refused
        }),
        ("okx_feed_exporter_resent_messages", "Messages sent again after a loss", |of| of.resent),
        ("okx_feed_exporter_connects", "Connections to the server", |of| of.connects),
    ];
    for (name, help, count) in counters {
        families.counters(name, help, &|value| {
            exported().try_for_each(|(name, of)| value(&[("feed", name)], count(of)))
        })?;
    }
    type Size = fn(&ExporterScrape) -> u64;
    let gauges: [(&str, &str, Size); 3] = [
        ("okx_feed_exporter_connected", "Whether the exporter has a connection", |of| {
            u64::from(of.is_connected)
        }),
        ("okx_feed_exporter_queued_events", "Events between the feed's thread and the exporter", {
            |of| of.queued
        }),
        (
            "okx_feed_exporter_unacknowledged_messages",
            "Messages that wait for their acknowledgement",
            |of| of.unacknowledged,
        ),
    ];
    for (name, help, size) in gauges {
        families.gauges(name, help, &|value| {
            exported().try_for_each(|(name, of)| {
                #[expect(clippy::cast_precision_loss, reason = "no queue is near 2^53")]
                let now = size(of) as f64;
                value(&[("feed", name)], now)
            })
        })?;
    }
    Ok(())
}
