//! All connections: what waits to be sent to each, and which are silent for too long.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::connection::{Connection, ConnectionId, Ending, Endpoint, Limits};
use super::v5;
use crate::model::{Dialect, MonoNanos};
use crate::sim::faults::{
    About, FaultAction, FaultLog, FaultPlan, FaultRule, Identity, Injector, Outbound, Subscribed,
};
use crate::sim::market::SimMarket;

/// All connections of the exchange. Everything that goes out passes [`Connections::send`].
#[derive(Debug)]
pub(crate) struct Connections {
    plan: FaultPlan,
    pub(crate) log: FaultLog,
    /// No connection's faults are due before this time.
    fault_at: MonoNanos,
    /// What faults make the exchange do.
    actions: VecDeque<(ConnectionId, FaultAction)>,
    connections: HashMap<ConnectionId, Connection>,
    /// Connections whose queue was empty and no longer is.
    ready: VecDeque<ConnectionId>,
    next_id: u64,
    queue_limit: usize,
    /// Requests that were beyond a limit.
    pub(crate) limits_broken: u64,
    idle: Option<Duration>,
    /// No connection is idle for too long before this time.
    idle_at: MonoNanos,
}

impl Connections {
    pub(crate) fn new(limits: &Limits, plan: &FaultPlan) -> Self {
        Self {
            plan: plan.clone(),
            log: FaultLog::default(),
            fault_at: MonoNanos(u64::MAX),
            actions: VecDeque::new(),
            connections: HashMap::new(),
            ready: VecDeque::new(),
            next_id: 0,
            queue_limit: limits.queue.max(1),
            limits_broken: 0,
            idle: limits.idle,
            idle_at: MonoNanos(u64::MAX),
        }
    }

    pub(crate) fn open(
        &mut self,
        endpoint: Endpoint,
        conn_id: String,
        market: &SimMarket,
        now: MonoNanos,
    ) -> ConnectionId {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let connection = Connection::new(endpoint, conn_id, now);
        self.connections.insert(id, connection);
        if !self.plan.rules().is_empty() {
            self.injector(id, market, now);
            self.flush(id, now);
        }
        if let Some(idle) = self.idle {
            self.idle_at = self.idle_at.min(now + idle);
        }
        id
    }

    /// The faults of a connection, which from now on has some.
    fn injector(
        &mut self,
        id: ConnectionId,
        market: &SimMarket,
        now: MonoNanos,
    ) -> Option<&mut Injector> {
        let Connection { endpoint, conn_id, faults, .. } = self.connections.get_mut(&id)?;
        let new = || {
            let dialect = endpoint.dialect();
            let upgrade_notice = (dialect == Dialect::V5).then(|| v5::upgrade_notice(conn_id));
            let identity = Identity { number: id.number(), dialect, upgrade_notice };
            Box::new(Injector::new(&self.plan, identity, market, now))
        };
        Some(faults.get_or_insert_with(new))
    }

    /// Adds a fault to one connection by hand.
    pub(crate) fn inject(
        &mut self,
        id: ConnectionId,
        rule: &FaultRule,
        market: &SimMarket,
        now: MonoNanos,
    ) {
        if let Some(injector) = self.injector(id, market, now) {
            injector.add(rule, market, now);
            self.flush(id, now);
        }
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

    pub(crate) fn endpoint(&self, id: ConnectionId) -> Option<Endpoint> {
        self.connections.get(&id).map(|connection| connection.endpoint)
    }

    /// Notes that the client sent something.
    pub(crate) fn note_traffic(&mut self, id: ConnectionId, now: MonoNanos) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.last_traffic = now;
        }
    }

    /// Queues a message; a connection whose queue is full is cut off instead.
    pub(crate) fn send(
        &mut self,
        id: ConnectionId,
        message: Outbound,
        about: About,
        now: MonoNanos,
    ) {
        let Self { connections, queue_limit, ready, log, .. } = self;
        let connection = connections.get_mut(&id).filter(|connection| !connection.closing);
        let Some(connection) = connection else { return };
        connection.last_traffic = now;
        if connection.waiting() >= *queue_limit {
            self.end(id, Ending::TooSlow, now);
            return;
        }
        if let Some(faults) = &mut connection.faults {
            faults.send(message, about, &connection.subscriptions, now, log);
            self.flush(id, now);
            return;
        }
        if connection.queue.is_empty() {
            ready.push_back(id);
        }
        connection.queue.push_back(message);
    }

    /// Ends a connection: a slow reader's queue is thrown away, any other's is sent first.
    pub(crate) fn end(&mut self, id: ConnectionId, why: Ending, now: MonoNanos) {
        let Some(connection) = self.open_mut(id) else { return };
        let was_empty = connection.queue.is_empty();
        if why == Ending::TooSlow {
            connection.queue.clear();
            connection.faults.iter_mut().for_each(|faults| faults.clear());
        }
        let frame = why.frame(connection.dialect());
        connection.closing = true;
        tracing::debug!(connection = id.0, ?why, "the simulated exchange closes a connection");
        if let Some(faults) = &mut connection.faults {
            faults.send_last(frame);
            self.flush(id, now);
            return;
        }
        connection.queue.push_back(frame);
        if was_empty {
            self.ready.push_back(id);
        }
    }

    /// Queues what a connection's faults have let through.
    fn flush(&mut self, id: ConnectionId, now: MonoNanos) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(faults) = &mut connection.faults else { return };
        let was_empty = connection.queue.is_empty();
        connection.queue.extend(std::iter::from_fn(|| faults.poll(now)));
        let actions = std::iter::from_fn(|| faults.poll_action());
        self.actions.extend(actions.map(|action| (id, action)));
        connection.closing |= faults.has_ended();
        self.fault_at = self.fault_at.min(faults.next_at());
        if was_empty && !connection.queue.is_empty() {
            self.ready.push_back(id);
        }
    }

    /// The time before which no faults are due.
    pub(crate) const fn fault_at(&self) -> MonoNanos {
        self.fault_at
    }

    /// Runs the faults that are due.
    pub(crate) fn on_faults(&mut self, now: MonoNanos) {
        let due = self.connections.iter().filter(|(_, connection)| {
            connection.faults.as_ref().is_some_and(|faults| faults.next_at() <= now)
        });
        let mut due: Vec<_> = due.map(|(id, _)| *id).collect();
        // The map's order is random; the order of faults is not to be.
        due.sort_unstable();
        for id in due {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if let Some(faults) = &mut connection.faults {
                faults.on_time(&connection.subscriptions, now, &mut self.log);
            }
            self.flush(id, now);
        }
        let all = self.connections.values().filter_map(|connection| connection.faults.as_ref());
        self.fault_at = all.map(|faults| faults.next_at()).min().unwrap_or(MonoNanos(u64::MAX));
    }

    /// What a fault makes the exchange do next, for which connection.
    pub(crate) fn poll_action(&mut self) -> Option<(ConnectionId, FaultAction)> {
        self.actions.pop_front()
    }

    /// A connection's faults, its subscriptions and where faults are noted; `None` without faults.
    pub(crate) fn faults_of(
        &mut self,
        id: ConnectionId,
    ) -> Option<(&mut Injector, &Subscribed, &mut FaultLog)> {
        let Connection { faults, subscriptions, .. } = self.connections.get_mut(&id)?;
        Some((faults.as_mut()?, subscriptions, &mut self.log))
    }

    /// All connections that are not yet removed, oldest first.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        let mut ids: Vec<_> = self.connections.keys().copied().collect();
        ids.sort_unstable();
        ids
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
        silent.into_iter().for_each(|id| self.end(id, Ending::Idle, now));
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
    use tokio_tungstenite::tungstenite::Utf8Bytes;

    use super::*;
    use crate::sim::market::MarketConfig;

    const SECOND: Duration = Duration::from_secs(1);

    fn text(text: &'static str) -> Outbound {
        Outbound::Text(Utf8Bytes::from_static(text))
    }

    fn connections(limits: &Limits) -> Connections {
        Connections::new(limits, &FaultPlan::default())
    }

    fn open(connections: &mut Connections, endpoint: Endpoint) -> ConnectionId {
        let market = SimMarket::new(&MarketConfig { listings: vec![], ..MarketConfig::default() });
        connections.open(endpoint, String::new(), &market, MonoNanos::ZERO)
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
        let mut connections = connections(&Limits { queue: 3, ..Limits::default() });
        let slow = open(&mut connections, Endpoint::V5Public);
        let other = open(&mut connections, Endpoint::V3);
        for _ in 0..10 {
            connections.send(slow, text("x"), About::Reply, MonoNanos::ZERO);
        }
        connections.send(other, text("x"), About::Reply, MonoNanos::ZERO);
        assert_eq!(codes(&mut connections, slow), [Some(4005)]);
        assert_eq!(codes(&mut connections, other), [None]);
        connections.send(slow, text("x"), About::Reply, MonoNanos::ZERO);
        assert_eq!(codes(&mut connections, slow), []);
        assert_eq!(connections.poll_ready(), Some(slow));
        assert_eq!(connections.poll_ready(), Some(other));
    }

    #[test]
    fn silence_closes_at_its_deadline_and_traffic_moves_it() {
        let mut connections = connections(&Limits::default());
        let silent = open(&mut connections, Endpoint::V5Public);
        let pushed = open(&mut connections, Endpoint::V3);
        let heard = open(&mut connections, Endpoint::V5Public);
        let at = |seconds| MonoNanos::ZERO + SECOND * seconds;
        connections.send(pushed, text("x"), About::Reply, at(10));
        connections.note_traffic(heard, at(20));
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
        let mut connections = connections(&limits);
        let id = open(&mut connections, Endpoint::V5Public);
        let connection = connections.open_mut(id).unwrap();
        let mut admit = |seconds| connection.admit(&limits, MonoNanos::ZERO + SECOND * seconds);
        assert_eq!([admit(0), admit(10), admit(20)], [true, true, false]);
        assert_eq!([admit(3599), admit(3600), admit(3601)], [false, true, false]);
    }
}
