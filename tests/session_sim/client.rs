//! One client: session, feed, and a transport that is an entry in the exchange's list.

use std::collections::VecDeque;
use std::time::Duration;

use okx_feed::sim::{ConnectionId, Outbound, TransportFault};
use okx_feed::{
    BookState, Control, ControlKind, DecodeLimits, Event, FeedHandler, Frame, MonoNanos, Recovery,
    Sequence, Session, SessionConfig, SessionEvent, StateChange, Subscription, UnixNanos,
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
    /// The subscriptions whose books may have changed since they were looked at.
    pub(crate) touched: Vec<Subscription>,
    /// How often a book was found wrong, and how long it took to have it again.
    pub(crate) breaks: u64,
    pub(crate) recovery: Recovery,
    /// The deep-book messages with which the exchange started to count anew.
    pub(crate) resets: u64,
}

/// The wall-clock time of a virtual one.
pub(crate) fn wall(now: MonoNanos) -> UnixNanos {
    UnixNanos(1_790_380_800_000_000_000 + now.0)
}

/// Where a client's events go after it.
pub(crate) type Passing<'s> = &'s mut dyn FnMut(&Event<'_>);

/// What a message from the exchange did.
pub(crate) enum Outcome {
    Taken,
    /// The transport has failed.
    Lost,
}

impl Client {
    /// A client that wants these subscriptions and has no connection yet.
    pub(crate) fn new(config: &SessionConfig, seed: u64, subscriptions: &[Subscription]) -> Self {
        let mut session = Session::new(config.clone(), seed);
        let limits = DecodeLimits { inflated_len: MAX_FRAME, ..DecodeLimits::default() };
        let mut feed = FeedHandler::with_limits(config.dialect, limits);
        for subscription in subscriptions {
            session.subscribe(*subscription, MonoNanos::ZERO);
            feed.subscribe(*subscription).unwrap();
        }
        Self {
            session,
            feed,
            transport: Transport::Closed,
            wire: VecDeque::new(),
            latency: Duration::ZERO,
            losses: 0,
            events: 0,
            touched: Vec::new(),
            breaks: 0,
            recovery: Recovery::default(),
            resets: 0,
        }
    }

    /// The next message that has arrived by `until`.
    pub(crate) fn arrived(&mut self, until: MonoNanos) -> Option<Outbound> {
        let (at, _) = self.wire.front()?;
        if *at > until { None } else { self.wire.pop_front().map(|(_, message)| message) }
    }

    /// Takes a message. Its events go to `sink` once session and feed have them.
    pub(crate) fn take(
        &mut self,
        message: &Outbound,
        now: MonoNanos,
        sink: Passing<'_>,
    ) -> Outcome {
        match message {
            Outbound::Text(text) => self.frame(Frame::Text(text.as_bytes()), now, sink),
            Outbound::Binary(body) => self.frame(Frame::Binary(body), now, sink),
            Outbound::Close { .. } => Outcome::Lost,
            Outbound::Fault(fault) => match fault {
                TransportFault::HalfOpen => Outcome::Taken,
                TransportFault::Fragments { message, .. }
                | TransportFault::Trickle { message, .. } => self.take(message, now, sink),
                _ => Outcome::Lost,
            },
        }
    }

    fn frame(&mut self, frame: Frame<'_>, now: MonoNanos, sink: Passing<'_>) -> Outcome {
        if frame.len() > MAX_FRAME {
            return Outcome::Lost;
        }
        let Self { session, feed, events, touched, breaks, recovery, resets, .. } = self;
        session.inbound(now);
        // A malformed frame is lost alone; the feed has counted it.
        let _ = feed.on_frame(frame, wall(now), &mut |event: &Event<'_>| {
            *events += 1;
            touched.extend(subscription_of(event, session));
            match event {
                Event::Control(control) => check(control, session, now),
                Event::State(change) => {
                    *breaks += u64::from(change.to == BookState::Resyncing);
                    recovery.note(change);
                    on_state(session, change, now);
                }
                Event::DepthBook(change) => {
                    *resets += u64::from(change.applied.sequence == Sequence::Reset);
                    session.depth(change, now);
                }
                _ => {}
            }
            sink(event);
        });
        Outcome::Taken
    }

    /// Takes the session's news as the real client does.
    pub(crate) fn tell(&mut self, now: MonoNanos, mut sink: Passing<'_>) {
        let wall = wall(now);
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
                // Unanswered three times over is the work of several faults at once. It would be asked
                // for on the next connection; who does not want to wait asks by hand.
                SessionEvent::Rejected { subscription, code: None, .. } => {
                    self.session.subscribe(subscription, now);
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

/// Whose book or trades an event is about.
fn subscription_of(event: &Event<'_>, session: &Session) -> Option<Subscription> {
    let (channel, market, inst_id) = match event {
        Event::Book(update) => (update.channel, update.market, update.inst_id),
        Event::DepthBook(change) => {
            (change.update.channel, change.update.market, change.update.inst_id)
        }
        _ => return None,
    };
    let is_of = |s: &&Subscription| {
        (s.channel(), s.market(), s.inst_id().as_str()) == (channel, market, inst_id)
    };
    session.wanted().find(is_of).copied()
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
