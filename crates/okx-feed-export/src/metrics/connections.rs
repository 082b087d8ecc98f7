//! Metrics of connections and of redundant lines.

use std::fmt::Error;

use okx_feed::client::ConnectionStats;
use okx_feed::feed::LineStats;

use super::buckets::{Buckets, TIME_US};
use super::families::Families;
use super::scrape::FeedScrape;

pub(super) fn write(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    type OfFeed = fn(&FeedScrape) -> usize;
    let counts: [(&str, &str, OfFeed); 3] = [
        (
            "okx_feed_missing_instrument_lists",
            "Lists of instruments that selections need and that have not come yet",
            |of| of.missing_lists,
        ),
        ("okx_feed_connections_open", "Connections that are open", |of| of.health.open),
        ("okx_feed_connections_wanted", "Connections that are to be open", |of| {
            of.health.connections
        }),
    ];
    for (name, help, count) in counts {
        families.gauges(name, help, &|value| {
            let count = |of: &FeedScrape| float(count(of));
            scrapes.iter().try_for_each(|of| value(&[("feed", &of.name)], count(of)))
        })?;
    }
    write_each(scrapes, families)?;
    write_lines(scrapes, families)
}

/// What each connection has, by group and line.
fn write_each(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    type OfConnection = fn(&ConnectionStats) -> Option<f64>;
    let all: [(&str, &str, OfConnection); 5] = [
        ("okx_feed_connection_up", "Whether the connection is open", |of| {
            Some(f64::from(u8::from(of.connected)))
        }),
        ("okx_feed_connection_live_subscriptions", "Subscriptions that are live on it", |of| {
            Some(float(of.live))
        }),
        (
            "okx_feed_connection_requests_left",
            "Requests that it may still send in this hour",
            |of| Some(float(of.requests_left)),
        ),
        (
            "okx_feed_connection_lag_seconds",
            "How much longer its last book took to arrive than its fastest of late: books queue",
            |of| Some(of.lag.as_secs_f64()),
        ),
        ("okx_feed_connection_round_trip_seconds", "The round trip of its last ping", |of| {
            of.round_trip.map(|time| time.as_secs_f64())
        }),
    ];
    for (name, help, of_connection) in all {
        families.gauges(name, help, &|value| {
            for of in scrapes {
                for connection in &of.stats.connections {
                    let (group, line) = (connection.group.to_string(), connection.line.to_string());
                    if let Some(now) = of_connection(connection) {
                        value(&[("feed", &of.name), ("group", &group), ("line", &line)], now)?;
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// What each of several redundant lines has delivered.
fn write_lines(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    type OfLine = fn(&LineStats) -> u64;
    let all: [(&str, &str, OfLine); 5] = [
        ("okx_feed_line_first_updates", "Updates that the line delivered first", |of| of.accepted),
        ("okx_feed_line_duplicates", "Updates that another line had delivered before", |of| {
            of.duplicates
        }),
        (
            "okx_feed_line_self_duplicates",
            "Books that the line itself had delivered before",
            |of| of.self_duplicates,
        ),
        ("okx_feed_line_outdated_updates", "Updates older than what was shown", |of| of.outdated),
        ("okx_feed_line_held_updates", "Updates that were held while the line joined", |of| {
            of.held
        }),
    ];
    for (name, help, count) in all {
        families.counters(name, help, &|value| {
            for of in scrapes {
                for (number, line) in of.stats.lines.iter().enumerate() {
                    value(&[("feed", &of.name), ("line", &number.to_string())], count(line))?;
                }
            }
            Ok(())
        })?;
    }
    let help = "How long after the first copy the line's duplicates came";
    families.histograms("okx_feed_line_lag_seconds", help, &|value| {
        for of in scrapes {
            for (number, line) in of.stats.lines.iter().enumerate() {
                let lag = Buckets::new(&line.lag_us, &TIME_US, 1e6);
                value(&[("feed", &of.name), ("line", &number.to_string())], lag)?;
            }
        }
        Ok(())
    })
}

/// A small count as Prometheus has it.
#[expect(clippy::cast_precision_loss, reason = "no count of connections is near 2^53")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}
