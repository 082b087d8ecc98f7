//! The real client's work around session and feed: connect, move messages, check for silence.

use std::time::Duration;

use okx_feed::session::Action;
use okx_feed::{Dialect, Event, MonoNanos, Subscription};

use super::{FAULTS, NEVER, SnapshotReply, World};
use crate::simulation::client::{Moment, Outcome, Refusal, Transport};
use crate::simulation::lines::Lines;

impl World {
    /// Moves messages from the exchange to the clients, and arrived ones into their feeds.
    pub(super) fn deliver(&mut self, all: bool) {
        for at in 0..self.clients.len() {
            let client = &mut self.clients[at];
            if let Transport::Open(id) = client.transport {
                while let Some(message) = self.exchange.poll_transmit(id) {
                    // TCP keeps the order, for every latency.
                    let last = client.wire.back().map_or(MonoNanos::ZERO, |(at, _)| *at);
                    client.wire.push_back((last.max(self.now + client.latency), message));
                }
            }
            if self.host.stopped_until(self.now).is_some() {
                continue;
            }
            let until = if all { NEVER } else { self.now };
            while let Some(message) = self.clients[at].arrived(until) {
                let moment = self.moment();
                let Self { clients, lines, .. } = self;
                let client = &mut clients[at];
                if matches!(
                    client.handle_message(&message, moment, &mut pass(lines, at)),
                    Outcome::Lost
                ) {
                    client.session.handle_disconnected(moment.0);
                    self.trace(|| format!("{at}: lost by {message:.20?}"));
                    self.disconnect(at);
                }
                self.verify_shown(at);
                self.handle_session_events(at);
            }
            self.handle_session_events(at);
        }
        while self.exchange.poll_ready().is_some() {}
    }

    /// The moment by the clocks of the clients.
    pub(super) fn moment(&self) -> Moment {
        (self.host.mono(self.now), self.host.wall(self.now))
    }

    pub(super) fn handle_session_events(&mut self, at: usize) {
        let moment = self.moment();
        let Self { clients, lines, .. } = self;
        clients[at].handle_session_events(moment, &mut pass(lines, at));
        if let Some(reason) = clients[at].last_loss.take() {
            self.trace(|| format!("{at}: {reason}"));
        }
        self.verify_shown(at);
    }

    /// Performs the session's actions.
    pub(super) fn pump(&mut self, at: usize) {
        let now = self.now;
        self.transport(at);
        self.clients[at].session.handle_timeout(self.host.mono(now));
        self.check_silence(at);
        while let Some(action) = self.clients[at].session.poll_action() {
            self.trace(|| format!("{at}: {action:?}"));
            match action {
                Action::Connect => self.connect(at),
                Action::Close => self.disconnect(at),
                Action::Send(text) => {
                    if let Transport::Open(id) = self.clients[at].transport {
                        self.exchange.receive(id, text.as_bytes(), now);
                    }
                }
                Action::RequestSnapshot { subscription, id } => {
                    self.request_snapshot(at, subscription, id);
                }
                Action::Login => panic!("the login is in the upgrade, or none was requested"),
            }
        }
        self.handle_session_events(at);
    }

    /// Requests a snapshot, whose answer comes later, in an older version, or not at all.
    fn request_snapshot(&mut self, client: usize, subscription: Subscription, id: u64) {
        let market = self.exchange.market();
        let inst = market.find(subscription.inst_id().as_str()).unwrap();
        let code = self.exchange.inst_id_code(inst);
        let is_bad = self.now.since(MonoNanos::ZERO) < FAULTS && self.random.u8(..5) == 0;
        self.tally.failed_snapshots += u64::from(is_bad);
        if is_bad {
            return;
        }
        let body = self.exchange.books_sbe(code, self.now).unwrap();
        self.record();
        let delay = Duration::from_millis(self.random.u64(1..900));
        let reply = SnapshotReply { client, subscription, id, body };
        self.snapshots.push((self.now + delay, reply));
    }

    /// Gives the snapshots that have arrived to their clients.
    pub(super) fn deliver_snapshots(&mut self) {
        let now = self.now;
        while let Some(next) = self.snapshots.iter().position(|(at, ..)| *at <= now) {
            let (_, reply) = self.snapshots.remove(next);
            let SnapshotReply { client: at, subscription, id, body } = reply;
            let moment = self.moment();
            let Self { clients, lines, .. } = self;
            if !clients[at].session.accepts_snapshot(&subscription, id) {
                continue;
            }
            clients[at].handle_snapshot(&body, moment, &mut pass(lines, at));
            self.verify_shown(at);
            self.handle_session_events(at);
        }
    }

    /// Checks for silence if that is due.
    pub(super) fn check_silence(&mut self, at: usize) {
        let moment = self.moment();
        let Self { clients, lines, limits, .. } = self;
        let client = &mut clients[at];
        if client.check_at() > moment.0 {
            return;
        }
        let others = lines.as_mut().map(|lines| lines.last_seen(at, client)).unwrap_or_default();
        client.check(moment, &others, &mut pass(lines, at));
        if let Some(lines) = lines {
            lines.mark_stale(limits, moment.1);
        }
    }

    pub(super) fn connect(&mut self, at: usize) {
        let (now, limit) = (self.now, self.config.connect_limit);
        let mono = self.host.mono(now);
        if let Err(until) = self.gate.try_acquire(limit, mono) {
            assert!(until > mono, "to be postponed to the past is to be asked again at once");
            return self.clients[at].session.handle_rate_limited(until);
        }
        self.attempts.push_back(now);
        let window = Duration::from_secs(1);
        while self.attempts.front().is_some_and(|first| now.since(*first) >= window) {
            self.attempts.pop_front();
        }
        let allowed = if self.config.dialect == Dialect::V3 { 1 } else { 3 };
        assert!(self.attempts.len() <= allowed, "an attempt came too early");
        self.tally.attempts += 1;
        assert!(now >= self.held_until, "the exchange had asked for a pause");
        let bad = now.since(MonoNanos::ZERO) < FAULTS && self.random.u8(..4) == 0;
        let (mut tcp, mut handshake) = (self.random.u64(1..50), self.random.u64(1..100));
        let mut refusal = bad.then_some(Refusal::Cut);
        match self.random.u8(..5) {
            0 if bad => tcp = 1_000_000,
            1 if bad => handshake = 1_000_000,
            2 | 3 if bad => {
                let status = [429, 503, 403, 500][self.random.usize(..4)];
                let after = self.random.bool().then(|| self.random.u64(1..4));
                refusal = Some(Refusal::Http(status, after.map(Duration::from_secs)));
            }
            _ => {}
        }
        self.tally.refused += u64::from(bad);
        let tcp = now + Duration::from_millis(tcp);
        let open = tcp + Duration::from_millis(handshake);
        self.clients[at].transport = Transport::Connecting { tcp, open, refusal };
    }

    pub(super) fn transport(&mut self, at: usize) {
        let now = self.now;
        let Transport::Connecting { tcp, open, refusal } = self.clients[at].transport else {
            return;
        };
        let mono = self.host.mono(now);
        if tcp <= now {
            self.clients[at].session.handle_tcp_connected(mono);
        }
        if open > now {
            return;
        }
        let Some(refusal) = refusal else {
            let id = self.exchange.connect(self.endpoint, now);
            self.clients[at].transport = Transport::Open(id);
            return self.clients[at].session.handle_connected(mono);
        };
        self.clients[at].transport = Transport::Closed;
        let session = &mut self.clients[at].session;
        let Refusal::Http(status, after) = refusal else {
            return session.handle_disconnected(mono);
        };
        session.handle_refused(status, after, mono);
        // A wait that the exchange requests applies to all clients of this host.
        let until = session.poll_timeout();
        if let Some(until) = until.filter(|_| status == 429 || after.is_some()) {
            self.gate.hold(until);
        }
        self.held_until = self.held_until.max(now + after.unwrap_or_default());
    }

    pub(super) fn disconnect(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.wire.clear();
        if let Transport::Open(id) = std::mem::replace(&mut client.transport, Transport::Closed) {
            self.exchange.disconnect(id);
        }
    }
}

/// The receiver of a client's events.
fn pass(lines: &mut Option<Lines>, line: usize) -> impl FnMut(&Event<'_>) {
    move |event| {
        if let Some(lines) = lines {
            lines.on_event(line, event);
        }
    }
}
