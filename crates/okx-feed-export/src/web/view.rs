//! What a page is sent, as JSON. Prices and sizes are texts: exact, as the exchange wrote them.

use std::time::Duration;

use hdrhistogram::Histogram;
use okx_feed::client::SubscriptionStatus;
use okx_feed::{BookState, ClientReader, ClientStats, Level, Trade, UnixNanos};
use serde_json::{Value, json};

use super::target::{Book, book_of};

/// The most levels of a side that a page is sent.
const MAX_LEVELS: usize = 15;

/// The best levels of a book with its state, and how often it was published.
pub(super) fn book(book: &Book) -> (u64, Value) {
    match book {
        Book::Five(reader) => {
            let seen = reader.snapshot();
            let times = (seen.ts_event, seen.ts_recv);
            (seen.version, book_value(seen.state, times, seen.asks(), seen.bids()))
        }
        Book::Deep(reader) => {
            let seen = reader.snapshot();
            let times = (seen.ts_event, seen.ts_recv);
            (seen.version, book_value(seen.state, times, seen.asks(), seen.bids()))
        }
    }
}

/// How often a book was published.
pub(super) fn version(book: &Book) -> u64 {
    match book {
        Book::Five(reader) => reader.version(),
        Book::Deep(reader) => reader.version(),
    }
}

fn book_value(
    state: BookState,
    (ts_event, ts_recv): (UnixNanos, UnixNanos),
    asks: &[Level],
    bids: &[Level],
) -> Value {
    let level = |level: &Level| json!([level.px().to_string(), level.sz().to_string()]);
    let side = |side: &[Level]| side.iter().take(MAX_LEVELS).map(level).collect::<Vec<_>>();
    json!({
        "state": state.name(),
        "live": state.is_live(),
        "ts_event": ts_event.as_millis(),
        "ts_recv": ts_recv.as_millis(),
        "asks": side(asks),
        "bids": side(bids),
    })
}

/// One trade.
pub(super) fn trade(trade: &Trade) -> Value {
    json!({
        // A text, since a number of JavaScript is exact up to 2^53 only.
        "id": trade.trade_id.to_string(),
        "t": trade.ts_event.as_millis(),
        "side": trade.side().name(),
        "px": trade.px().to_string(),
        "sz": trade.sz().to_string(),
    })
}

/// One row of the list of subscriptions. State and prices of a book are of the same moment.
pub(super) fn row(
    feed: &str,
    reader: &ClientReader,
    status: &SubscriptionStatus,
    now: UnixNanos,
) -> Value {
    let prices = |(ask, bid): (&Level, &Level)| (ask.px().to_string(), bid.px().to_string());
    let (state, best) = match book_of(reader, &status.subscription) {
        Some(Book::Five(reader)) => {
            let seen = reader.snapshot();
            (seen.state, seen.top().map(prices))
        }
        Some(Book::Deep(reader)) => {
            let seen = reader.snapshot();
            (seen.state, seen.top().map(prices))
        }
        None => (status.state, None),
    };
    let age = (status.ts_recv != UnixNanos::UNKNOWN).then(|| millis(now.since(status.ts_recv)));
    let (ask, bid) = best.unzip();
    json!({
        "feed": feed,
        "sub": status.subscription.to_string(),
        "state": state.name(),
        "live": state.is_live(),
        "age": age,
        "ask": ask,
        "bid": bid,
    })
}

fn millis(time: Option<Duration>) -> u64 {
    u64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// What a page shows of the counters of a feed. Rates and latencies are those of the time between
/// two readings.
pub(super) fn stats(
    feed: &str,
    reader: &ClientReader,
    before: Option<&ClientStats>,
    now: &ClientStats,
) -> Value {
    let frames_before = before.map_or(0, |before| before.feed.frames);
    let feed_stats = &now.feed;
    let lines = now.lines.iter().enumerate().map(|(number, line)| {
        json!({
            "line": number,
            "first": line.accepted,
            "duplicates": line.duplicates,
            "lag_us": quantile(&line.lag_us, 0.5),
        })
    });
    let connections = now.connections.iter().map(|connection| {
        json!({
            "group": connection.group,
            "line": connection.line,
            "up": connection.connected,
            "live": connection.live,
            "requests_left": connection.requests_left,
            "round_trip_us": connection.round_trip.map(|time| time.as_micros()),
        })
    });
    let recorded = reader.recording().map(|recording| {
        let stats = recording.stats();
        json!({
            "lines": stats.lines,
            "dropped": stats.dropped_lines,
            "bytes": stats.written_len,
            "error": stats.error,
        })
    });
    json!({
        "feed": feed,
        "health": reader.health().to_string(),
        "frames": feed_stats.frames,
        "frames_new": feed_stats.frames.saturating_sub(frames_before),
        "events": feed_stats.books + feed_stats.trades + feed_stats.depths + feed_stats.records,
        "errors": feed_stats.malformed() + feed_stats.control_errors,
        "broken": feed_stats.gaps + feed_stats.mismatches + feed_stats.broken,
        "missed_trades": feed_stats.missed_trades,
        "connects": now.connects,
        "losses": now.losses,
        "resyncs": now.session.resyncs,
        "latency_ns": latency(before.map(|before| &before.latency), &now.latency),
        "kernel_ns": latency(before.map(|before| &before.kernel_latency), &now.kernel_latency),
        "lines": lines.collect::<Vec<_>>(),
        "connections": connections.collect::<Vec<_>>(),
        "recorded": recorded,
    })
}

/// Percentiles of what was recorded since; null where that is nothing.
fn latency(before: Option<&Histogram<u64>>, now: &Histogram<u64>) -> Value {
    let mut new = now.clone();
    if let Some(before) = before {
        // A count never falls, so nothing can be below zero.
        let _ = new.subtract(before);
    }
    json!({
        "p50": quantile(&new, 0.5),
        "p99": quantile(&new, 0.99),
        "max": quantile(&new, 1.0),
        "count": new.len(),
    })
}

fn quantile(times: &Histogram<u64>, at: f64) -> Option<u64> {
    (!times.is_empty()).then(|| times.value_at_quantile(at))
}
