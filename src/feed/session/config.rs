//! How a session behaves: its times and its limits.

use std::time::Duration;

use crate::model::Dialect;

/// Times and limits of a [`Session`](super::Session). All have defaults for the dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The dialect of the connection.
    pub dialect: Dialect,
    /// Silence after which `ping` is sent; 20 s, since the exchange closes after 30.
    pub ping_after: Duration,
    /// How long after a `ping` anything at all must come; 10 s.
    pub pong_within: Duration,
    /// How long connecting may take, name look-up, TCP, TLS and upgrade together; 10 s.
    pub connect_within: Duration,
    /// How long an acknowledgement may take; 10 s.
    pub ack_within: Duration,
    /// The pauses between attempts to connect.
    pub backoff: BackoffConfig,
    /// The most requests in any hour: 240 in v3, 480 in v5.
    pub requests_per_hour: usize,
    /// The most bytes of arguments in a request: 4096 in v3, 65,536 in v5.
    pub request_len: usize,
}

/// Pauses that double from `first` to `cap`, each cut at random to between nothing and itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The longest first pause; 500 ms.
    pub first: Duration,
    /// The longest pause of all; 30 s.
    pub cap: Duration,
    /// The shortest pause: the exchange takes one attempt a second in v3, three in v5.
    pub floor: Duration,
    /// How long a connection must last before the pauses start small again; 60 s.
    pub stable_after: Duration,
}

impl SessionConfig {
    /// The defaults of a dialect.
    #[must_use]
    pub const fn new(dialect: Dialect) -> Self {
        let (requests_per_hour, request_len, floor) = match dialect {
            Dialect::V3 => (240, 4096, Duration::from_millis(1000)),
            Dialect::V5 => (480, 64 << 10, Duration::from_millis(334)),
        };
        Self {
            dialect,
            ping_after: Duration::from_secs(20),
            pong_within: Duration::from_secs(10),
            connect_within: Duration::from_secs(10),
            ack_within: Duration::from_secs(10),
            backoff: BackoffConfig {
                first: Duration::from_millis(500),
                cap: Duration::from_secs(30),
                floor,
                stable_after: Duration::from_secs(60),
            },
            requests_per_hour,
            request_len,
        }
    }
}
