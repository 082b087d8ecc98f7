//! One client: session, feed, and a transport that is an entry in the exchange's list.

use std::collections::VecDeque;
use std::time::Duration;

use okx_feed::sim::{ConnectionId, Outbound, TransportFault};
use okx_feed::{
    BookState, Control, ControlKind, Event, FeedHandler, Frame, MonoNanos, Session, SessionEvent,
    StateChange, UnixNanos,
};

/// The longest frame that the transport takes; `giant` sends longer ones.
pub(crate) const MAX_FRAME: usize = 1 << 16;

/// How far the transport is.
#[derive(Debug, PartialEq)]
pub(crate) enum Transport {
    Closed,
    /// The name look-up and TCP are done at the first time, the handshake at the second; either may
    /// never come. Then the connection is there, or is refused.
    Connecting {
        tcp: MonoNanos,
        open: MonoNanos,
        refused: bool,
    },
    Open(ConnectionId),
}

pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) feed: FeedHandler,
    pub(crate) transport: Transport,
    /// What is on its way, and when it arrives.
    pub(crate) wire: VecDeque<(MonoNanos, Outbound)>,
    pub(crate) latency: Duration,
    pub(crate) losses: u64,
    pub(crate) events: u64,
    /// The events up to which its books were looked at.
    pub(crate) looked: u64,
}

/// What a message from the exchange did.
pub(crate) enum Outcome {
    Taken,
    /// The transport has failed.
    Lost,
}

impl Client {
    /// Takes everything that has arrived.
    pub(crate) fn arrive(&mut self, now: MonoNanos, wall: UnixNanos) -> Outcome {
        while let Some((at, _)) = self.wire.front() {
            if *at > now {
                break;
            }
            let Some((_, message)) = self.wire.pop_front() else { break };
            if matches!(self.take(&message, now, wall), Outcome::Lost) {
                return Outcome::Lost;
            }
        }
        Outcome::Taken
    }

    fn take(&mut self, message: &Outbound, now: MonoNanos, wall: UnixNanos) -> Outcome {
        match message {
            Outbound::Text(text) => self.frame(Frame::Text(text.as_bytes()), now, wall),
            Outbound::Binary(body) => self.frame(Frame::Binary(body), now, wall),
            Outbound::Close { .. } => Outcome::Lost,
            Outbound::Fault(fault) => match fault {
                TransportFault::HalfOpen => Outcome::Taken,
                TransportFault::Fragments { message, .. }
                | TransportFault::Trickle { message, .. } => self.take(message, now, wall),
                _ => Outcome::Lost,
            },
        }
    }

    fn frame(&mut self, frame: Frame<'_>, now: MonoNanos, wall: UnixNanos) -> Outcome {
        if frame.len() > MAX_FRAME {
            return Outcome::Lost;
        }
        let Self { session, feed, events, .. } = self;
        session.inbound(now);
        // A malformed frame is lost alone; the feed has counted it.
        let _ = feed.on_frame(frame, wall, &mut |event: &Event<'_>| {
            *events += 1;
            match event {
                Event::Control(control) => check(control, session, now),
                Event::State(change) => on_state(session, change, now),
                _ => {}
            }
        });
        Outcome::Taken
    }

    /// Takes the session's news as the real client does.
    pub(crate) fn tell(&mut self, now: MonoNanos, wall: UnixNanos) {
        let mut sink = |_: &Event<'_>| {};
        while let Some(event) = self.session.poll_event() {
            match event {
                SessionEvent::Lost(_) => {
                    self.losses += 1;
                    self.feed.set_all_states(BookState::Connecting, wall, &mut sink);
                }
                SessionEvent::Subscribed(subscription) => {
                    let slot = self.feed.slots().get(&subscription);
                    if slot.is_some_and(|slot| slot.state() == BookState::Connecting) {
                        let state = BookState::AwaitingSnapshot;
                        self.feed.set_state(&subscription, state, wall, &mut sink);
                    }
                }
                SessionEvent::Rejected { subscription, code, message } => {
                    panic!("{subscription} is refused with {code:?}: {message}");
                }
                SessionEvent::UpgradeAnnounced => {
                    self.session.reconnect(okx_feed::LostReason::ServiceUpgrade, now);
                }
                _ => {}
            }
        }
    }
}

fn check(control: &Control<'_>, session: &mut Session, now: MonoNanos) {
    let message = control.message.unwrap_or_default();
    assert!(!message.contains("frequent"), "a limit was broken: {message}");
    assert!(!message.contains("too long"), "a limit was broken: {message}");
    if control.kind != ControlKind::Pong {
        session.control(control, now);
    }
}

fn on_state(session: &mut Session, change: &StateChange<'_>, now: MonoNanos) {
    match change.to {
        BookState::Resyncing => session.resync(change.subscription, now),
        BookState::Live => session.synced(change.subscription, now),
        _ => {}
    }
}
