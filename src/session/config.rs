//! How a session behaves: its times and its limits.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{ChannelKind, Dialect, InstrumentCodes, Subscription};

/// Times and limits of a [`Session`](crate::Session). All have defaults for the dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The dialect of the connection.
    pub dialect: Dialect,
    /// The codes of the instruments, if the connection is on SBE's path; `None` for JSON.
    pub sbe: Option<Arc<InstrumentCodes>>,
    /// The longest wait for the first update of an order book in SBE after its acknowledgement;
    /// 70 s, since a quiet one has a heartbeat every 60 s.
    pub sbe_update_timeout: Duration,
    /// The pauses between requests for a snapshot of an order book in SBE that is not live; from
    /// 1 s to 4 s, since the exchange takes ten in ten seconds for an instrument from one address.
    pub snapshot_requests: ResyncConfig,
    /// How old a REST snapshot may be when it is requested; 1 s, since the exchange answers
    /// in SBE from a cache of about 500 ms. No snapshot is requested earlier than this after the
    /// updates that are to follow it began.
    pub snapshot_age: Duration,
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
    /// How long the look-up of the host's name may take; 15 s, since a resolver asks its second
    /// server after five, and its first once more.
    pub resolve_timeout: Duration,
    /// How long opening the TCP connection may take, over all addresses of the host; 5 s.
    pub connect_timeout: Duration,
    /// How long TLS and the upgrade to a WebSocket may take together; 5 s.
    pub handshake_timeout: Duration,
    /// How long an acknowledgement may take, also that of a login; 10 s. The client may take as
    /// long, but two seconds at most, to hand a request to a peer that does not read.
    pub ack_timeout: Duration,
    /// How long after the acknowledgement the first push may take; 10 s. It is the snapshot of an
    /// order book, the first five-level book, or the last trade.
    pub snapshot_timeout: Duration,
    /// Whether to log in before anything is subscribed; see
    /// [`Action::Login`](crate::session::Action::Login).
    pub login: bool,
    /// How many attempts to connect the host accepts; shared by all sessions with it.
    pub connect_limit: ConnectRateLimit,
    /// The pauses between requests for one subscription: an order book that is broken, a channel
    /// that is silent, or a subscription that was refused.
    pub resync: ResyncConfig,
    /// The pauses between attempts to connect.
    pub backoff: BackoffConfig,
    /// The most requests in any hour: 240 in v3, 480 in v5.
    pub requests_per_hour: usize,
    /// The most bytes of arguments in a request: 4096 in v3, 65,536 in v5.
    pub request_len: usize,
    /// The most unsolicited control messages in a second (errors, notices, WebSocket pings);
    /// 10,000. Beyond it the connection is replaced. Acknowledgements of our own requests do not
    /// count.
    pub controls_per_sec: u32,
}

/// How many attempts to connect a host accepts from one address.
///
/// Source: `docs/PROTOCOL.md` 1.2: one a second in v3, three a second in v5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectRateLimit {
    /// The most attempts in any `per`, at least 1.
    pub attempts: usize,
    /// The time window.
    pub per: Duration,
}

/// Pauses of one subscription: none the first time, then doubling from `first` to `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResyncConfig {
    /// The pause before the second time; 1 s.
    pub first: Duration,
    /// The longest pause; 60 s.
    pub cap: Duration,
    /// How long the subscription must have been live before the pauses start again at zero; 60 s.
    pub stable_after: Duration,
}

/// Pauses that double from `first`, with jitter: each is reduced at random by up to a half. `floor`
/// is added, and the sum is at most `cap`.
///
/// The first attempt after a stable connection is made at once: the [`ConnectRateLimit`] keeps it
/// within what the host accepts. Clients of other processes that lost their connections at the same
/// moment are kept apart by the pauses that follow where that attempt fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The longest first pause; 500 ms.
    pub first: Duration,
    /// The longest pause; 10 s, so that the feed is back soon after the exchange is.
    pub cap: Duration,
    /// The shortest pause: the exchange accepts one attempt a second in v3, three in v5.
    pub floor: Duration,
    /// How long a connection must last before the pauses start small again; 10 s.
    pub stable_after: Duration,
    /// The first pause after HTTP 403, 429 or 503 without `Retry-After`; 5 s, doubled by each one
    /// more.
    pub refused_first: Duration,
    /// The longest such pause; 30 s.
    pub refused_cap: Duration,
    /// The longest `Retry-After` that is obeyed; 10 minutes. A longer one counts as this: it may be
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
            sbe: None,
            sbe_update_timeout: Duration::from_secs(70),
            snapshot_requests: ResyncConfig {
                first: Duration::from_secs(1),
                cap: Duration::from_secs(4),
                stable_after: Duration::from_secs(4),
            },
            snapshot_age: Duration::from_secs(1),
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

    /// Whether a subscription's order book begins with a REST snapshot.
    pub(super) const fn requests_snapshots(&self, subscription: &Subscription) -> bool {
        self.sbe.is_some() && matches!(subscription.channel().kind(), ChannelKind::Depth)
    }

    /// The requests of an hour that repeated resynchronisation must leave to everything else.
    pub(super) const fn resync_reserve(&self) -> usize {
        self.requests_per_hour / 4
    }
}
