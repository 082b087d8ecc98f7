//! The counters of a client and of its connections.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::connection_id::ConnectionId;
use super::latency::{LATENCY_MAX_NS, Latencies};
use crate::feed::{LineStats, Recovery, Stats};
#[cfg(feature = "rest")]
use crate::model::Subscription;
use crate::model::UnixNanos;
#[cfg(feature = "rest")]
use crate::rest::join::JoinStats;
use crate::session::SessionStats;

/// The counters of one connection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// The group of subscriptions that it serves, from 0.
    pub group: usize,
    /// Its number among the lines of the group, from 0.
    pub line: usize,
    /// The counters of its frames and books.
    pub feed: Stats,
    /// The counters of its session.
    pub session: SessionStats,
    /// How often it was opened.
    pub connects: u64,
    /// How often it ended, failed attempts included.
    pub losses: u64,
    /// Why it, or the last attempt at it, ended; `None` where it never did.
    pub last_loss: Option<String>,
    /// How often the exchange has refused a subscription.
    pub rejections: u64,
    /// How many subscriptions the exchange refuses now.
    pub refused: usize,
    /// How often the hour's requests were spent while something waited for one.
    pub requests_spent: u64,
    /// How many requests it may still send within the hour.
    pub requests_left: usize,
    /// How much longer its last book took, from the exchange's time to the receipt, than its
    /// fastest book of late. It grows where books queue on their way. Zero before the first book.
    pub lag: Duration,
    /// The round trip of its last ping; `None` before the first.
    pub round_trip: Option<Duration>,
    /// How many logins the exchange has refused.
    pub logins_refused: u64,
    /// The exchange's reason for refusing the last login, with a hint; `None` where it has refused
    /// none.
    pub last_login_refusal: Option<String>,
    /// How many service upgrades the exchange has announced.
    pub upgrades: u64,
    /// How many frames were run again to keep the caches warm; 0 without
    /// [`ClientConfig::busy_poll`](crate::ClientConfig::busy_poll).
    pub warmup_frames: u64,
    /// How many of its subscriptions are live on this connection.
    pub live: usize,
    /// Whether every subscription has its data on this connection, and none is stale or broken.
    pub ready: bool,
    /// The latest exchange time of its data.
    pub ts_event: UnixNanos,
    /// Whether it is open now.
    pub connected: bool,
}

impl ConnectionStats {
    pub(super) fn new(id: ConnectionId) -> Self {
        Self { group: id.group, line: id.line, ..Self::default() }
    }

    /// Becomes a copy of another connection's counters, in the memory of its own texts.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let mut last_loss = self.last_loss.take();
        let mut last_login_refusal = self.last_login_refusal.take();
        last_loss.clone_from(&other.last_loss);
        last_login_refusal.clone_from(&other.last_login_refusal);
        *self = Self { last_loss, last_login_refusal, ..other.without_texts() };
    }

    fn without_texts(&self) -> Self {
        Self { last_loss: None, last_login_refusal: None, ..*self }
    }
}

/// The counters of a client: all its connections together, and each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientStats {
    /// The counters of frames and books; each redundant connection counts.
    pub feed: Stats,
    /// The sessions' counters.
    pub session: SessionStats,
    /// How long books were not live, resynchronised ones included.
    pub recovery: Recovery,
    /// Nanoseconds from the read that gave a frame to the return of the sink, with the books
    /// updated. All frames of a read count from its end: TLS, the WebSocket and the frames before
    /// it are in the number, the time in the kernel is not.
    pub latency: Histogram<u64>,
    /// The same from the kernel's receive stamp on, so that the time in the kernel and until the
    /// read is in the number; empty where the kernel gives no stamps
    /// ([`SocketOptions::kernel_stamps`](crate::transport::SocketOptions::kernel_stamps)). A read
    /// has the stamp of the last of its segments.
    pub kernel_latency: Histogram<u64>,
    /// How often a connection was opened.
    pub connects: u64,
    /// How often a connection ended, failed attempts included.
    pub losses: u64,
    /// Why the last connection, or the last attempt at one, ended; `None` where none did.
    pub last_loss: Option<String>,
    /// How often the exchange has refused a subscription, on any connection.
    pub rejections: u64,
    /// How many logins the exchange has refused, on any connection.
    pub logins_refused: u64,
    /// The exchange's reason for refusing the last login, with a hint; `None` where it has refused
    /// none.
    pub last_login_refusal: Option<String>,
    /// How many service upgrades the exchange has announced, on any connection.
    pub upgrades: u64,
    /// Whether every connection is open now.
    pub connected: bool,
    /// Each connection that runs; those that were replaced are in the sums alone.
    pub connections: Vec<ConnectionStats>,
    /// The arbitration counters of each line, over all groups; empty where there is only one.
    pub lines: Vec<LineStats>,
    /// What the join of each subscription with its history has done.
    #[cfg(feature = "rest")]
    pub joins: Vec<(Subscription, JoinStats)>,
}

impl ClientStats {
    /// The longest latency of the histogram, in nanoseconds; longer ones count as this.
    pub const LATENCY_MAX_NS: u64 = LATENCY_MAX_NS;

    pub(super) fn new(recovery: Recovery, latency: &Latencies) -> Self {
        Self {
            feed: Stats::default(),
            session: SessionStats::default(),
            recovery,
            latency: latency.from_read.snapshot(),
            kernel_latency: latency.from_kernel.snapshot(),
            connects: 0,
            losses: 0,
            last_loss: None,
            rejections: 0,
            logins_refused: 0,
            last_login_refusal: None,
            upgrades: 0,
            connected: true,
            connections: Vec::new(),
            lines: Vec::new(),
            #[cfg(feature = "rest")]
            joins: Vec::new(),
        }
    }

    /// Adds the latencies of a connection.
    pub(super) fn add_latencies(&mut self, latencies: &Latencies) {
        latencies.from_read.add_to(&mut self.latency);
        latencies.from_kernel.add_to(&mut self.kernel_latency);
    }

    /// Adds a connection that runs.
    pub(super) fn add_running(&mut self, connection: ConnectionStats) {
        self.add(&connection);
        self.connected &= connection.connected;
        self.connections.push(connection);
    }

    /// Adds the counters of one connection.
    pub(super) fn add(&mut self, connection: &ConnectionStats) {
        self.feed.merge(&connection.feed);
        self.session.merge(&connection.session);
        self.connects += connection.connects;
        self.losses += connection.losses;
        self.rejections += connection.rejections;
        self.logins_refused += connection.logins_refused;
        self.upgrades += connection.upgrades;
        if connection.last_login_refusal.is_some() {
            self.last_login_refusal.clone_from(&connection.last_login_refusal);
        }
        if connection.last_loss.is_some() {
            self.last_loss.clone_from(&connection.last_loss);
        }
    }

    /// Adds the arbitration counters of one group.
    pub(super) fn add_lines(&mut self, lines: &[LineStats]) {
        for (at, line) in lines.iter().enumerate() {
            match self.lines.get_mut(at) {
                Some(sum) => sum.merge(line),
                None => self.lines.push(line.clone()),
            }
        }
    }
}
