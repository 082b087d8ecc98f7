//! One connection as the exchange sees it: its path, its limits, and why it ends.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Dialect, MonoNanos};
use crate::sim::faults::{Injector, Outbound, Subscribed, close_reason};

const HOUR: Duration = Duration::from_secs(3600);

/// A path of the exchange. It fixes the dialect and the channels of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/ws/v3`: every v3 channel.
    V3,
    /// `/ws/v5/public`: books and `trades`.
    V5Public,
    /// `/ws/v5/business`: `trades-all`.
    V5Business,
    /// `/ws/v5/public-sbe`: `trades`, `bbo-tbt` and `books-l2-tbt` in SBE.
    V5Sbe,
}

impl Endpoint {
    /// The endpoint of a URL's path, without its query; `None` where there is none.
    #[must_use]
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        match path {
            "/ws/v3" => Some(Self::V3),
            "/ws/v5/public" => Some(Self::V5Public),
            "/ws/v5/business" => Some(Self::V5Business),
            "/ws/v5/public-sbe" => Some(Self::V5Sbe),
            _ => None,
        }
    }

    /// The path of the endpoint's URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::V3 => "/ws/v3",
            Self::V5Public => "/ws/v5/public",
            Self::V5Business => "/ws/v5/business",
            Self::V5Sbe => "/ws/v5/public-sbe",
        }
    }

    /// The dialect that is spoken there.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::V3 => Dialect::V3,
            Self::V5Public | Self::V5Business | Self::V5Sbe => Dialect::V5,
        }
    }
}

/// Names a connection of one exchange. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// The connection's position in the order of opening, from 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 + 1
    }
}

/// What a client may do. `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The bytes of all arguments of one v3 request; the exchange's is 4 096.
    pub v3_args_bytes: Option<usize>,
    /// The bytes of all arguments of one v5 request; the exchange's is 65 536.
    pub v5_args_bytes: Option<usize>,
    /// Requests an hour on one v3 connection, pings not counted; the exchange's is 240.
    pub v3_requests_per_hour: Option<usize>,
    /// Requests an hour on one v5 connection, pings not counted; the exchange's is 480.
    pub v5_requests_per_hour: Option<usize>,
    /// The longest silence in both directions before the connection is closed; the exchange's is
    /// 30 s. Frames of the WebSocket protocol itself (its ping and pong) do not count as traffic.
    pub idle: Option<Duration>,
    /// The messages that wait for a slow reader before it is cut off. Chosen here: the exchange's
    /// is not known.
    pub queue: usize,
    /// Whether the REST interface has the exchange's limits.
    pub rest: bool,
}

impl Default for Limits {
    /// The limits of the real exchange, and a queue of 16 384 messages.
    fn default() -> Self {
        Self {
            v3_args_bytes: Some(4_096),
            v5_args_bytes: Some(65_536),
            v3_requests_per_hour: Some(240),
            v5_requests_per_hour: Some(480),
            idle: Some(Duration::from_secs(30)),
            queue: 16_384,
            rest: true,
        }
    }
}

/// Why the exchange ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Idle,
    TooSlow,
    RequestTooLong,
    /// More subscriptions than a fault allows, with that code.
    TooManyChannels(u16),
}

impl Ending {
    /// The close frame. v5's codes are documented; of v3's nothing is known but that it closed, so
    /// it says "going away".
    pub(crate) fn frame(self, dialect: Dialect) -> Outbound {
        let code = match self {
            Self::Idle => 4004,
            Self::TooSlow => 4005,
            Self::RequestTooLong => 1009,
            Self::TooManyChannels(code) => code,
        };
        let reason = close_reason(code);
        Outbound::Close { code: if dialect == Dialect::V3 { 1001 } else { code }, reason }
    }
}

/// One client.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) endpoint: Endpoint,
    /// v5's `connId`, 8 hex digits.
    pub(crate) conn_id: String,
    pub(crate) subscriptions: Subscribed,
    /// The id of the last request that had one.
    pub(crate) last_id: Option<String>,
    pub(crate) logged_in: bool,
    pub(crate) queue: VecDeque<Outbound>,
    /// Stands before the queue where there are faults.
    pub(crate) faults: Option<Box<Injector>>,
    pub(crate) closing: bool,
    pub(crate) last_traffic: MonoNanos,
    /// When the requests of the last hour came.
    requests: VecDeque<MonoNanos>,
}

impl Connection {
    pub(crate) fn new(endpoint: Endpoint, conn_id: String, now: MonoNanos) -> Self {
        Self {
            endpoint,
            conn_id,
            subscriptions: Subscribed::new(),
            last_id: None,
            logged_in: false,
            queue: VecDeque::new(),
            faults: None,
            closing: false,
            last_traffic: now,
            requests: VecDeque::new(),
        }
    }

    /// The messages that wait for the client, those that faults hold back included.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len() + self.faults.as_ref().map_or(0, |faults| faults.len())
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.endpoint.dialect()
    }

    /// Counts a request; false where there were too many in the last hour.
    pub(crate) fn admit(&mut self, limits: &Limits, now: MonoNanos) -> bool {
        let limit = match self.dialect() {
            Dialect::V3 => limits.v3_requests_per_hour,
            Dialect::V5 => limits.v5_requests_per_hour,
        };
        let Some(limit) = limit else { return true };
        while self.requests.front().is_some_and(|at| now.since(*at) >= HOUR) {
            self.requests.pop_front();
        }
        if self.requests.len() >= limit {
            return false;
        }
        self.requests.push_back(now);
        true
    }
}
