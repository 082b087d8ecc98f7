//! Connections as the exchange sees them: what waits to be sent, limits, and when to close.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use super::market::InstIndex;
use crate::model::{Channel, Dialect, MonoNanos};

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
}

impl Endpoint {
    /// The endpoint of a URL's path, without its query; `None` where there is none.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        match path {
            "/ws/v3" => Some(Self::V3),
            "/ws/v5/public" => Some(Self::V5Public),
            "/ws/v5/business" => Some(Self::V5Business),
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
        }
    }

    /// The dialect that is spoken there.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::V3 => Dialect::V3,
            Self::V5Public | Self::V5Business => Dialect::V5,
        }
    }
}

/// One message to a client. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// A text frame (v5).
    Text(Utf8Bytes),
    /// A binary frame of raw DEFLATE (v3).
    Binary(Bytes),
    /// The exchange ends the connection; nothing comes after it.
    Close {
        /// The close code, such as 4004.
        code: u16,
        /// The reason, in words.
        reason: &'static str,
    },
}

/// Names a connection of one exchange. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u64);

/// What a client may do. `None` takes a limit away.
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
    /// The messages that wait for a slow reader before it is cut off. Our choice: the exchange's
    /// is not known.
    pub queue: usize,
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
        }
    }
}

/// Why the exchange ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Idle,
    TooSlow,
    RequestTooLong,
}

impl Ending {
    /// The close frame. v5's codes are documented; of v3's nothing is known but that it closed, so
    /// it says "going away".
    fn frame(self, dialect: Dialect) -> Outbound {
        let (code, reason) = match self {
            Self::Idle => (4004, "No data received in 30s"),
            Self::TooSlow => (4005, "Buffer is full"),
            Self::RequestTooLong => (1009, "Request message exceeds the maximum frame length"),
        };
        Outbound::Close { code: if dialect == Dialect::V3 { 1001 } else { code }, reason }
    }
}

/// One client.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) endpoint: Endpoint,
    /// v5's `connId`, 8 hex digits.
    pub(crate) conn_id: String,
    pub(crate) subscriptions: HashSet<(InstIndex, Channel)>,
    pub(crate) logged_in: bool,
    queue: VecDeque<Outbound>,
    closing: bool,
    last_traffic: MonoNanos,
    /// When the requests of the last hour came.
    requests: VecDeque<MonoNanos>,
}

impl Connection {
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

/// All connections of the exchange. Everything that goes out passes [`Connections::send`].
#[derive(Debug)]
pub(crate) struct Connections {
    connections: HashMap<ConnectionId, Connection>,
    /// Connections whose queue was empty and no longer is.
    ready: VecDeque<ConnectionId>,
    next_id: u64,
    queue_limit: usize,
    idle: Option<Duration>,
    /// No connection is idle for too long before this time.
    idle_at: MonoNanos,
}

impl Connections {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            connections: HashMap::new(),
            ready: VecDeque::new(),
            next_id: 0,
            queue_limit: limits.queue.max(1),
            idle: limits.idle,
            idle_at: MonoNanos(u64::MAX),
        }
    }

    pub(crate) fn open(
        &mut self,
        endpoint: Endpoint,
        conn_id: String,
        now: MonoNanos,
    ) -> ConnectionId {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let connection = Connection {
            endpoint,
            conn_id,
            subscriptions: HashSet::new(),
            logged_in: false,
            queue: VecDeque::new(),
            closing: false,
            last_traffic: now,
            requests: VecDeque::new(),
        };
        self.connections.insert(id, connection);
        if let Some(idle) = self.idle {
            self.idle_at = self.idle_at.min(now + idle);
        }
        id
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.connections.remove(&id)
    }

    /// A connection that is open and not about to be closed.
    pub(crate) fn open_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(&id).filter(|connection| !connection.closing)
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Notes that the client sent something.
    pub(crate) fn heard(&mut self, id: ConnectionId, now: MonoNanos) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.last_traffic = now;
        }
    }

    /// Queues a message; a connection whose queue is full is cut off instead.
    pub(crate) fn send(&mut self, id: ConnectionId, message: Outbound, now: MonoNanos) {
        let Some(connection) = self.open_mut(id) else { return };
        connection.last_traffic = now;
        if connection.queue.len() >= self.queue_limit {
            self.end(id, Ending::TooSlow);
            return;
        }
        let Some(connection) = self.open_mut(id) else { return };
        let was_empty = connection.queue.is_empty();
        connection.queue.push_back(message);
        if was_empty {
            self.ready.push_back(id);
        }
    }

    /// Ends a connection: a slow reader's queue is thrown away, any other's is sent first.
    pub(crate) fn end(&mut self, id: ConnectionId, why: Ending) {
        let Some(connection) = self.open_mut(id) else { return };
        let was_empty = connection.queue.is_empty();
        if why == Ending::TooSlow {
            connection.queue.clear();
        }
        connection.queue.push_back(why.frame(connection.dialect()));
        connection.closing = true;
        if was_empty {
            self.ready.push_back(id);
        }
        tracing::debug!(connection = id.0, ?why, "the simulated exchange closes a connection");
    }

    /// The time before which no connection has to be closed for its silence.
    pub(crate) const fn idle_at(&self) -> MonoNanos {
        self.idle_at
    }

    /// Closes the connections that were silent for too long.
    pub(crate) fn end_idle(&mut self, now: MonoNanos) {
        let Some(idle) = self.idle else { return };
        let mut next = MonoNanos(u64::MAX);
        let mut silent = Vec::new();
        for (id, connection) in self.connections.iter().filter(|(_, c)| !c.closing) {
            let deadline = connection.last_traffic + idle;
            if deadline <= now {
                silent.push(*id);
            } else {
                next = next.min(deadline);
            }
        }
        self.idle_at = next;
        // The map's order is random; the order of closing is not to be.
        silent.sort_unstable();
        silent.into_iter().for_each(|id| self.end(id, Ending::Idle));
    }

    pub(crate) fn poll_ready(&mut self) -> Option<ConnectionId> {
        self.ready.pop_front()
    }

    pub(crate) fn poll_transmit(&mut self, id: ConnectionId) -> Option<Outbound> {
        self.connections.get_mut(&id)?.queue.pop_front()
    }

    /// Swaps the whole queue with an empty one.
    pub(crate) fn drain(&mut self, id: ConnectionId, empty: &mut VecDeque<Outbound>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            std::mem::swap(&mut connection.queue, empty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn text(text: &'static str) -> Outbound {
        Outbound::Text(Utf8Bytes::from_static(text))
    }

    fn codes(connections: &mut Connections, id: ConnectionId) -> Vec<Option<u16>> {
        std::iter::from_fn(|| connections.poll_transmit(id))
            .map(|message| match message {
                Outbound::Close { code, .. } => Some(code),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_slow_reader_is_cut_off_with_4005() {
        let mut connections = Connections::new(&Limits { queue: 3, ..Limits::default() });
        let slow = connections.open(Endpoint::V5Public, String::new(), MonoNanos::ZERO);
        let other = connections.open(Endpoint::V3, String::new(), MonoNanos::ZERO);
        for _ in 0..10 {
            connections.send(slow, text("x"), MonoNanos::ZERO);
        }
        connections.send(other, text("x"), MonoNanos::ZERO);
        assert_eq!(codes(&mut connections, slow), [Some(4005)]);
        assert_eq!(codes(&mut connections, other), [None]);
        connections.send(slow, text("x"), MonoNanos::ZERO);
        assert_eq!(codes(&mut connections, slow), []);
        assert_eq!(connections.poll_ready(), Some(slow));
        assert_eq!(connections.poll_ready(), Some(other));
    }

    #[test]
    fn silence_closes_at_its_deadline_and_traffic_moves_it() {
        let mut connections = Connections::new(&Limits::default());
        let silent = connections.open(Endpoint::V5Public, String::new(), MonoNanos::ZERO);
        let pushed = connections.open(Endpoint::V3, String::new(), MonoNanos::ZERO);
        let heard = connections.open(Endpoint::V5Public, String::new(), MonoNanos::ZERO);
        let at = |seconds| MonoNanos::ZERO + SECOND * seconds;
        connections.send(pushed, text("x"), at(10));
        connections.heard(heard, at(20));
        assert_eq!(connections.idle_at(), at(30));
        connections.end_idle(at(30));
        assert_eq!(connections.idle_at(), at(40));
        assert_eq!(codes(&mut connections, silent), [Some(4004)]);
        connections.end_idle(at(40));
        assert_eq!(codes(&mut connections, pushed), [None, Some(1001)]);
        assert_eq!(connections.idle_at(), at(50));
        assert_eq!(codes(&mut connections, heard), []);
    }

    #[test]
    fn requests_are_counted_by_the_hour() {
        let limits = Limits { v5_requests_per_hour: Some(2), ..Limits::default() };
        let mut connections = Connections::new(&limits);
        let id = connections.open(Endpoint::V5Public, String::new(), MonoNanos::ZERO);
        let connection = connections.open_mut(id).unwrap();
        let mut admit = |seconds| connection.admit(&limits, MonoNanos::ZERO + SECOND * seconds);
        assert_eq!([admit(0), admit(10), admit(20)], [true, true, false]);
        assert_eq!([admit(3599), admit(3600), admit(3601)], [false, true, false]);
    }
}
