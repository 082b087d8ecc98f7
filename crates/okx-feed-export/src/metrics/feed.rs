//! Metrics of a feed as a whole: frames, events, errors, latencies.

use std::fmt::Error;

use okx_feed::DecodeErrorKind;
use okx_feed::feed::Stats;

use super::buckets::{Buckets, LATENCY_NS, TIME_US};
use super::families::Families;
use super::scrape::FeedScrape;

/// A counter of each feed.
type Count = fn(&FeedScrape) -> u64;

/// Counters of each feed without further labels: name, help, value.
const COUNTERS: [(&str, &str, Count); 21] = [
    ("okx_feed_frames", "Frames received", |of| of.stats.feed.frames),
    ("okx_feed_received_bytes", "Payload bytes received, before inflating", |of| {
        of.stats.feed.wire_bytes
    }),
    (
        "okx_feed_general_parser_frames",
        "Frames that the fast scanner left to the general parser",
        |of| of.stats.feed.parsed,
    ),
    ("okx_feed_exchange_errors", "Errors that the exchange has reported", |of| {
        of.stats.feed.control_errors
    }),
    ("okx_feed_skipped_messages", "Messages of channels that are not decoded", |of| {
        of.stats.feed.skipped.total()
    }),
    ("okx_feed_unread_values", "Optional values that could not be read", |of| {
        of.stats.feed.unread.total()
    }),
    ("okx_feed_missed_trades", "Trades that did not come, by the gaps in their ids", |of| {
        of.stats.feed.missed_trades
    }),
    ("okx_feed_lost_trades", "Trade messages that could not be read", |of| {
        of.stats.feed.lost_trades
    }),
    ("okx_feed_repeated_trades", "Trades that came again and were suppressed", |of| {
        of.stats.feed.repeated_trades
    }),
    ("okx_feed_connects", "Connections that were opened", |of| of.stats.connects),
    ("okx_feed_connection_losses", "Connections and attempts at one that ended", |of| {
        of.stats.losses
    }),
    ("okx_feed_connect_attempts", "Attempts to connect", |of| of.stats.session.attempts),
    ("okx_feed_subscription_refusals", "Subscriptions that the exchange has refused", |of| {
        of.stats.rejections
    }),
    ("okx_feed_login_refusals", "Logins that the exchange has refused", |of| {
        of.stats.logins_refused
    }),
    ("okx_feed_service_upgrades", "Service upgrades that the exchange has announced", |of| {
        of.stats.upgrades
    }),
    ("okx_feed_resyncs", "Resynchronisations of a subscription", |of| of.stats.session.resyncs),
    ("okx_feed_silences", "Subscriptions that were silent for longer than promised", |of| {
        of.stats.session.silences
    }),
    ("okx_feed_late_acks", "Requests that were not answered in time", |of| {
        of.stats.session.late_acks
    }),
    ("okx_feed_late_snapshots", "First pushes that did not come in time", |of| {
        of.stats.session.late_snapshots
    }),
    ("okx_feed_requests", "Requests sent: subscribe, unsubscribe, login", |of| {
        of.stats.session.requests
    }),
    ("okx_feed_pings", "Pings sent", |of| of.stats.session.pings),
];

pub(super) fn write(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    for (name, help, count) in COUNTERS {
        families.counters(name, help, &|value| {
            scrapes.iter().try_for_each(|of| value(&[("feed", &of.name)], count(of)))
        })?;
    }
    families.gauges(
        "okx_feed_heartbeat_age_seconds",
        "How long ago the feed's thread was last seen running; it beats at least once a second",
        &|value| {
            let age = |of: &FeedScrape| of.heartbeat_age.as_secs_f64();
            scrapes.iter().try_for_each(|of| value(&[("feed", &of.name)], age(of)))
        },
    )?;
    write_kinds(scrapes, families)?;
    write_times(scrapes, families)
}

/// Counters with the label `kind` or `cause`.
fn write_kinds(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    type Kinds = fn(&Stats) -> Vec<(&'static str, u64)>;
    let labelled: [(&str, &str, &str, Kinds); 4] = [
        ("okx_feed_events", "Events of the exchange, by kind", "kind", |of| {
            vec![
                ("book", of.books),
                ("trade", of.trades),
                ("order_book", of.depths),
                ("record", of.records),
                ("control", of.controls),
            ]
        }),
        ("okx_feed_decode_errors", "Malformed frames, by kind", "kind", |of| {
            DecodeErrorKind::ALL.iter().map(|kind| (kind.name(), of.errors.of(*kind))).collect()
        }),
        ("okx_feed_broken_books", "Order books found broken, by cause", "cause", |of| {
            vec![("gap", of.gaps), ("checksum", of.mismatches), ("other", of.broken)]
        }),
        ("okx_feed_anomalies", "Messages with content that should not occur", "kind", |of| {
            vec![
                ("crossed", of.crossed),
                ("unsorted", of.unsorted),
                ("empty_level", of.empty_levels),
                ("time_backwards", of.backwards),
                ("not_subscribed", of.unsubscribed),
                ("missing_delete", of.missing_deletes),
            ]
        }),
    ];
    for (name, help, label, kinds) in labelled {
        families.counters(name, help, &|value| {
            for of in scrapes {
                for (kind, count) in kinds(&of.stats.feed) {
                    value(&[("feed", &of.name), (label, kind)], count)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn write_times(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    type Times = fn(&FeedScrape) -> Buckets;
    let all: [(&str, &str, Times); 4] = [
        (
            "okx_feed_read_to_book_seconds",
            "Time from the read that gave a frame to its books and the return of the sink",
            |of| Buckets::new(&of.stats.latency, &LATENCY_NS, 1e9),
        ),
        (
            "okx_feed_kernel_to_book_seconds",
            "The same from the kernel's receive stamp on; empty where there are no stamps",
            |of| Buckets::new(&of.stats.kernel_latency, &LATENCY_NS, 1e9),
        ),
        (
            "okx_feed_not_live_seconds",
            "Time from the end of live to live again, for any reason",
            |of| Buckets::new(&of.stats.recovery.any_us, &TIME_US, 1e6),
        ),
        ("okx_feed_resync_seconds", "Time from a broken order book to a live one", |of| {
            Buckets::new(&of.stats.recovery.resync_us, &TIME_US, 1e6)
        }),
    ];
    for (name, help, times) in all {
        families.histograms(name, help, &|value| {
            scrapes.iter().try_for_each(|of| value(&[("feed", &of.name)], times(of)))
        })?;
    }
    Ok(())
}
