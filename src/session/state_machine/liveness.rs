//! Whether a connection is alive: frames, pings and pongs.

use std::time::Duration;

use super::{Link, Session};
use crate::model::MonoNanos;
use crate::session::activity::Activity;
use crate::session::types::{Action, DisconnectReason};
use crate::wire::PING;

impl Session {
    /// The round trip of the last ping; `None` before the first pong on this connection.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|(_, took)| took)
    }

    /// The round trip of a ping that was answered after `since`; `None` where there is none yet,
    /// and then a ping is sent unless one is in flight. The pong comes behind whatever is queued on
    /// the connection.
    pub fn measure(&mut self, since: MonoNanos, now: MonoNanos) -> Option<Duration> {
        match self.round_trip {
            Some((sent, took)) if sent >= since => Some(took),
            _ => {
                if self.is_open() && self.ping_sent.is_none() {
                    self.send_ping(now);
                }
                None
            }
        }
    }

    /// Whether a ping has had no pong for longer than
    /// [`SessionConfig::pong_timeout`](crate::session::SessionConfig::pong_timeout), whatever else
    /// has come since.
    #[must_use]
    pub(crate) fn is_pong_overdue(&self, now: MonoNanos) -> bool {
        self.ping_sent.is_some_and(|at| now.since(at) >= self.config.pong_timeout)
    }

    /// A text or binary frame has come, whatever it holds. Does not allocate.
    #[inline]
    pub const fn handle_inbound(&mut self, now: MonoNanos) {
        if let Link::Open { activity, pinged, .. } = &mut self.link {
            activity.frame(now);
            *pinged = None;
        }
    }

    /// A WebSocket ping or pong has come, which the transport answers. It does not prove that the
    /// exchange is alive: a middlebox may send it while the exchange behind it is gone.
    pub fn handle_ping(&mut self, now: MonoNanos) {
        self.count_control(now);
    }

    /// Sends a ping at once, unless one is in flight. Without any frame within
    /// [`SessionConfig::probe_timeout`](crate::session::SessionConfig::probe_timeout) the
    /// connection is closed.
    pub fn probe(&mut self, now: MonoNanos) {
        if let Link::Open { pinged: None, .. } = self.link {
            self.stats.probes += 1;
            self.ping(self.config.probe_timeout, now);
        }
    }

    fn send_ping(&mut self, now: MonoNanos) {
        self.stats.pings += 1;
        self.actions.push_back(Action::Send(PING.to_owned()));
        self.ping_sent.get_or_insert(now);
    }

    fn ping(&mut self, within: Duration, now: MonoNanos) {
        self.send_ping(now);
        if let Link::Open { pinged, .. } = &mut self.link {
            *pinged = Some((now, within));
        }
    }

    pub(super) fn heartbeat(
        &mut self,
        activity: Activity,
        pinged: Option<(MonoNanos, Duration)>,
        now: MonoNanos,
    ) {
        let silence = now.since(activity.at());
        match pinged {
            Some((at, within)) if at + within <= now => {
                self.close(DisconnectReason::PongTimeout, now);
            }
            None if silence >= self.config.ping_interval => {
                self.ping(self.config.pong_timeout, now)
            }
            None if silence >= activity.limit(&self.config) => self.probe(now),
            _ => {}
        }
    }
}
