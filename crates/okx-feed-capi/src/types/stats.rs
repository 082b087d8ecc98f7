//! Counters and health.

use std::ffi::c_char;

use okx_feed::client::Health as FeedHealth;
use okx_feed::feed::Stats as FeedStats;
use okx_feed::{ClientStats, UnixNanos};

use super::record::put_text;

/// The room for the text of the health, with its null byte.
pub const HEALTH_TEXT_SIZE: usize = 256;

/// Counters. Later versions add some at the end: the caller passes the size that it knows.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Stats {
    /// Frames received, malformed ones included.
    pub frames: u64,
    /// Payload bytes received, before inflating.
    pub wire_bytes: u64,
    /// Five-level books.
    pub books: u64,
    /// Trades.
    pub trades: u64,
    /// Messages of order books.
    pub depths: u64,
    /// Records.
    pub records: u64,
    /// Replies and notices.
    pub controls: u64,
    /// Malformed frames.
    pub malformed: u64,
    /// Order books found broken by their sequence numbers.
    pub gaps: u64,
    /// Order books found broken by their checksum.
    pub mismatches: u64,
    /// Missing trades, by the gaps in v5's ids.
    pub missed_trades: u64,
    /// How often a connection was opened; 0 of a feed.
    pub connects: u64,
    /// How often a connection ended, failed attempts included; 0 of a feed.
    pub losses: u64,
    /// How often the exchange has refused a subscription; 0 of a feed.
    pub rejections: u64,
    /// The median of the nanoseconds from the read of a frame to the return of the callback; 0 of a
    /// feed.
    pub latency_p50: u64,
    /// Its 99th percentile.
    pub latency_p99: u64,
    /// Its maximum.
    pub latency_max: u64,
}

impl From<&FeedStats> for Stats {
    fn from(feed: &FeedStats) -> Self {
        Self {
            frames: feed.frames,
            wire_bytes: feed.wire_bytes,
            books: feed.books,
            trades: feed.trades,
            depths: feed.depths,
            records: feed.records,
            controls: feed.controls,
            malformed: feed.errors.iter().map(|(_, count)| count).sum(),
            gaps: feed.gaps,
            mismatches: feed.mismatches,
            missed_trades: feed.missed_trades,
            ..Self::default()
        }
    }
}

impl From<&ClientStats> for Stats {
    fn from(client: &ClientStats) -> Self {
        let latency = &client.latency;
        Self {
            connects: client.connects,
            losses: client.losses,
            rejections: client.rejections,
            latency_p50: latency.value_at_quantile(0.5),
            latency_p99: latency.value_at_quantile(0.99),
            latency_max: latency.max(),
            ..(&client.feed).into()
        }
    }
}

/// Whether the connections of a client are open.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Health {
    /// How many connections are open now.
    pub open: usize,
    /// How many there are to be; 0 once the client has stopped.
    pub connections: usize,
    /// Since when no connection is open; 0 while one is.
    pub down_since: u64,
    /// The same in words, with the reason of the last loss.
    pub text: [c_char; HEALTH_TEXT_SIZE],
}

impl From<&FeedHealth> for Health {
    fn from(health: &FeedHealth) -> Self {
        let mut text = [0; HEALTH_TEXT_SIZE];
        put_text(&mut text, &health.to_string());
        let down_since = health.down_since.unwrap_or(UnixNanos::UNKNOWN).0;
        Self { open: health.open, connections: health.connections, down_since, text }
    }
}
