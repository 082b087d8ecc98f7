//! How a session behaves: its times and its limits.

use std::time::Duration;

use crate::model::Dialect;

/// Times and limits of a [`Session`](crate::Session). All have defaults for the dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The dialect of the connection.
    pub dialect: Dialect,
    /// Silence after which `ping` is sent; 20 s, since the exchange closes after 30.
    pub ping_interval: Duration,
    /// How long after such a `ping` a text or binary frame must come; 10 s.
    pub pong_timeout: Duration,
    /// Silence of a connection, in multiples of the usual gap between its frames, after which a
    /// `ping` is sent early; 50. With 0 none is.
    pub probe_gaps: u32,
    /// The shortest silence after which a `ping` is sent early; 1 s.
    pub probe_silence: Duration,
    /// How long after an early `ping` a text or binary frame must come; 2 s.
    pub probe_timeout: Duration,
    /// How long an attempt waits for the look-up of the host's name; 15 s, since a resolver asks its
    /// second server after five, and its first once more.
    pub resolve_timeout: Duration,
    /// How long the TCP connection may take, to whichever of the host's addresses; 5 s.
    pub connect_timeout: Duration,
    /// How long TLS and the upgrade to a WebSocket may take together; 5 s.
    pub handshake_timeout: Duration,
    /// How long an acknowledgement may take, of a login too; 10 s. So long, and
    /// two seconds at most, the client may also take to hand a request to a peer that does not read.
    pub ack_timeout: Duration,
    /// How long after the acknowledgement the first push may take: the snapshot of a deep book, the
    /// first five-level book, the last trade; 10 s.
    pub snapshot_timeout: Duration,
    /// Whether to log in before anything is asked for; see [`Action::Login`](crate::Action::Login).
    pub login: bool,
    /// How many attempts to connect the host takes; shared by all sessions with it.
    pub connect_limit: ConnectRateLimit,
    /// The pauses between attempts to bring one subscription back: a book that is broken, a channel
    /// that is silent, what the exchange has refused.
    pub resync: ResyncConfig,
    /// The pauses between attempts to connect.
    pub backoff: BackoffConfig,
    /// The most requests in any hour: 240 in v3, 480 in v5.
    pub requests_per_hour: usize,
    /// The most bytes of arguments in a request: 4096 in v3, 65,536 in v5.
    pub request_len: usize,
    /// The most messages of control traffic in a second that nothing asked for: errors, notices,
    /// WebSocket pings; 10,000. An exchange that sends more is left for a new connection. The
    /// acknowledgements of our own requests do not count.
    pub controls_per_sec: u32,
}

/// How many attempts to connect a host takes from one address.
///
/// Source: one a second in v3 (section 1.1 of the wire facts), three a second in v5 (2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectRateLimit {
    /// The most attempts in any `per`, at least 1.
    pub attempts: usize,
    /// The time in which they count.
    pub per: Duration,
}

/// Pauses of one subscription: none the first time, then doubling from `first` to `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResyncConfig {
    /// The pause before the second time; 1 s.
    pub first: Duration,
    /// The longest pause; 60 s.
    pub cap: Duration,
    /// How long the subscription must have been live before the pauses start small again; 60 s.
    pub stable_after: Duration,
}

/// Pauses that double from `first`, each cut at random to between half of itself and the whole, on
/// top of `floor`, and together no longer than `cap`.
///
/// The first attempt after a connection that was stable waits for nothing: the [`ConnectRateLimit`]
/// keeps it within what the host takes. Clients of other processes that lost their connections at
/// the same moment are kept apart by the pauses that follow where that attempt fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The longest first pause; 500 ms.
    pub first: Duration,
    /// The longest pause of all; 10 s: an exchange that is back is worth more than an attempt saved.
    pub cap: Duration,
    /// What every pause has: the exchange takes one attempt a second in v3, three in v5.
    pub floor: Duration,
    /// How long a connection must last before the pauses start small again; 10 s.
    pub stable_after: Duration,
    /// The shortest pause after HTTP 403, 429 or 503 that does not say when to come back; 5 s, and
    /// doubled by each one more.
    pub refused_first: Duration,
    /// What that grows to; 30 s.
    pub refused_cap: Duration,
    /// The longest `Retry-After` that is heeded; 10 minutes. A longer one counts as this: it may be
    /// a mistake, and a feed that is away for hours is worse than an attempt that comes too early.
    pub retry_after_cap: Duration,
}

impl SessionConfig {
    /// The defaults of a dialect.
    #[must_use]
    pub const fn new(dialect: Dialect) -> Self {
        let (requests_per_hour, request_len, attempts, floor) = match dialect {
            Dialect::V3 => (240, 4096, 1, Duration::from_millis(1000)),
            Dialect::V5 => (480, 64 << 10, 3, Duration::from_millis(334)),
        };
        Self {
            dialect,
            ping_interval: Duration::from_secs(20),
            pong_timeout: Duration::from_secs(10),
            probe_gaps: 50,
            probe_silence: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(2),
            resolve_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            ack_timeout: Duration::from_secs(10),
            snapshot_timeout: Duration::from_secs(10),
            login: false,
            // A little more than the exchange's second: attempts may arrive closer together than
            // they were made.
            connect_limit: ConnectRateLimit { attempts, per: Duration::from_millis(1050) },
            resync: ResyncConfig {
                first: Duration::from_secs(1),
                cap: Duration::from_secs(60),
                stable_after: Duration::from_secs(60),
            },
            backoff: BackoffConfig {
                first: Duration::from_millis(500),
                cap: Duration::from_secs(10),
                floor,
                stable_after: Duration::from_secs(10),
                refused_first: Duration::from_secs(5),
                refused_cap: Duration::from_secs(30),
                retry_after_cap: Duration::from_secs(600),
            },
            requests_per_hour,
            request_len,
            controls_per_sec: 10_000,
        }
    }

    /// The requests of an hour that books which break again and again leave for everything else.
    pub(super) const fn resync_reserve(&self) -> usize {
        self.requests_per_hour / 4
    }
}
