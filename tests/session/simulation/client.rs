//! One client: session, feed, and a transport that is an entry in the exchange's list.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use okx_feed::book::Sequence;
use okx_feed::event::StateChange;
use okx_feed::feed::{LastUpdate, Recovery, Slot, StaleLimits, Watchdog};
use okx_feed::session::{DisconnectReason, SessionConfig, SessionEvent};
use okx_feed::sim::{ConnectionId, Outbound, TransportFault};
use okx_feed::wire::DecodeLimits;
use okx_feed::{
    BookState, DownReason, Event, FeedHandler, Frame, MonoNanos, Session, Subscription, UnixNanos,
};

/// The longest frame that the transport accepts; `giant` sends longer ones.
pub(crate) const MAX_FRAME: usize = 1 << 16;

/// How often the client checks for silence.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How long a line may lack data that the other delivers.
const BEHIND_WITHIN: Duration = Duration::from_secs(3);

/// The age limit of a received book, relative to the youngest.
const AGE_LIMIT: Duration = Duration::from_secs(5);

/// A time, by both clocks of the machine.
pub(crate) type Moment = (MonoNanos, UnixNanos);

/// When a line saw each subscription last.
pub(crate) type LastSeen = HashMap<Subscription, LastUpdate>;

/// The state of the transport.
#[derive(Debug, PartialEq)]
pub(crate) enum Transport {
    Closed,
    /// TCP connects at the first time, the handshake ends at the second, with success or a refusal.
    /// Either may never happen.
    Connecting {
        tcp: MonoNanos,
        open: MonoNanos,
        refusal: Option<Refusal>,
    },
    Open(ConnectionId),
}

/// How an attempt to connect fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    Cut,
    Http(u16, Option<Duration>),
}

pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) feed: FeedHandler,
    watchdog: Watchdog,
    /// The time of the last check for silence.
    checked: MonoNanos,
    pub(crate) transport: Transport,
    /// The messages in flight, and their times of arrival.
    pub(crate) wire: VecDeque<(MonoNanos, Outbound)>,
    pub(crate) latency: Duration,
    pub(crate) losses: u64,
    pub(crate) last_loss: Option<DisconnectReason>,
    pub(crate) events: u64,
    /// The subscriptions whose books may have changed since they were verified.
    pub(crate) touched: Vec<Subscription>,
    /// The number of resyncs, and their duration.
    pub(crate) breaks: u64,
    pub(crate) recovery: Recovery,
    /// The order-book messages with a sequence reset.
    pub(crate) resets: u64,
}

/// The receiver of a client's events.
pub(crate) type Passing<'s> = &'s mut dyn FnMut(&Event<'_>);

/// The effect of a message from the exchange.
pub(crate) enum Outcome {
    Handled,
    /// The transport has failed.
    Lost,
}

impl Client {
    /// A client with these subscriptions and no connection yet.
    pub(crate) fn new(
        config: &SessionConfig,
        limits: StaleLimits,
        seed: u64,
        subscriptions: &[Subscription],
    ) -> Self {
        let mut session = Session::new(config.clone(), seed);
        let watchdog = Watchdog::new(limits, BEHIND_WITHIN);
        let limits = DecodeLimits { inflated_len: MAX_FRAME, ..DecodeLimits::default() };
        let mut feed = FeedHandler::with_limits(config.dialect, limits);
        feed.set_age_limit(Some(AGE_LIMIT));
        if let Some(codes) = &config.sbe {
            feed.set_sbe(Arc::clone(codes));
        }
        for subscription in subscriptions {
            session.subscribe(*subscription, MonoNanos::ZERO);
            feed.subscribe(*subscription).unwrap();
        }
        Self {
            session,
            feed,
            watchdog,
            checked: MonoNanos::ZERO,
            transport: Transport::Closed,
            wire: VecDeque::new(),
            latency: Duration::ZERO,
            losses: 0,
            last_loss: None,
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

    /// Handles a message. Its events go to `sink` once session and feed have them.
    pub(crate) fn handle_message(
        &mut self,
        message: &Outbound,
        now: Moment,
        sink: Passing<'_>,
    ) -> Outcome {
        match message {
            Outbound::Text(text) => self.frame(Frame::Text(text.as_bytes()), now, sink),
            Outbound::Binary(body) => self.frame(Frame::Binary(body), now, sink),
            Outbound::Close { .. } => Outcome::Lost,
            Outbound::Fault(fault) => match fault {
                TransportFault::HalfOpen => Outcome::Handled,
                TransportFault::Ping => {
                    self.session.handle_ping(now.0);
                    Outcome::Handled
                }
                TransportFault::Fragments { message, .. }
                | TransportFault::Trickle { message, .. } => {
                    self.handle_message(message, now, sink)
                }
                _ => Outcome::Lost,
            },
        }
    }

    fn frame(&mut self, frame: Frame<'_>, now: Moment, sink: Passing<'_>) -> Outcome {
        if frame.len() > MAX_FRAME {
            return Outcome::Lost;
        }
        self.session.handle_inbound(now.0);
        self.feed(frame, now, sink);
        Outcome::Handled
    }

    /// Handles the body of a REST snapshot, which comes on no connection of the session.
    pub(crate) fn handle_snapshot(&mut self, body: &[u8], now: Moment, sink: Passing<'_>) {
        self.feed(Frame::Binary(body), now, sink);
    }

    fn feed(&mut self, frame: Frame<'_>, (now, wall): Moment, sink: Passing<'_>) {
        let Self { session, feed, events, touched, breaks, recovery, resets, .. } = self;
        // Only the malformed frame is lost; the feed has counted it.
        let _ = feed.on_frame(frame, wall, &mut |event: &Event<'_>| {
            *events += 1;
            touched.extend(subscription_of(event, session));
            match event {
                Event::Control(control) => session.handle_control(control, now),
                Event::State(change) => {
                    *breaks += u64::from(change.to == BookState::Resyncing);
                    recovery.note(change);
                    on_state(session, change, now);
                }
                Event::DepthBook(change) => {
                    *resets += u64::from(change.outcome.sequence == Sequence::Reset);
                    session.handle_depth(change, now);
                }
                _ => {}
            }
            sink(event);
        });
    }

    /// The time of the next check for silence.
    pub(crate) fn check_at(&self) -> MonoNanos {
        self.checked + CHECK_EVERY
    }

    /// Checks for silence, as the real client does. Another line has last seen `others`.
    pub(crate) fn check(&mut self, (now, wall): Moment, others: &LastSeen, mut sink: Passing<'_>) {
        self.checked = now;
        let Self { session, feed, watchdog, .. } = self;
        watchdog.check(feed, session, now, wall, |s| others.get(s).copied(), &mut sink);
    }

    /// Adds the times of its last data, if it is connected.
    pub(crate) fn note(&self, last_seen: &mut LastSeen) {
        if self.session.is_open() {
            last_seen.extend(
                self.feed.slots().iter().map(|slot| (*slot.subscription(), LastUpdate::of(slot))),
            );
        }
    }

    /// Handles the session's events as the real client does.
    pub(crate) fn handle_session_events(&mut self, (now, wall): Moment, mut sink: Passing<'_>) {
        while let Some(event) = self.session.poll_event() {
            match event {
                SessionEvent::Disconnected(reason) => {
                    self.losses += 1;
                    self.last_loss = Some(reason);
                    self.feed.set_all_states(BookState::Connecting, wall, &mut sink);
                }
                SessionEvent::ChainBegins(subscription) => {
                    self.feed.begin_chain(&subscription, wall, &mut sink);
                }
                SessionEvent::Subscribed(subscription) => {
                    let refused = BookState::Down(DownReason::Rejected);
                    let awaits = self.session.is_awaited(&subscription);
                    let waits = |state| match state {
                        BookState::Connecting => true,
                        BookState::Live | BookState::Stale => awaits,
                        _ => state == refused,
                    };
                    let state = self.feed.slots().get(&subscription).map(Slot::state);
                    if state.is_some_and(waits) {
                        let state = BookState::AwaitingSnapshot;
                        self.feed.set_state(&subscription, state, wall, &mut sink);
                    }
                }
                SessionEvent::Rejected { subscription, .. } => {
                    let down = BookState::Down(DownReason::Rejected);
                    self.feed.set_state(&subscription, down, wall, &mut sink);
                }
                // The real client opens another connection first.
                SessionEvent::UpgradeAnnounced | SessionEvent::RequestsSpent { .. } => {
                    self.session.reconnect(DisconnectReason::ServiceUpgrade, now);
                }
                _ => {}
            }
        }
    }
}

/// Whose book or trades an event is about.
fn subscription_of(event: &Event<'_>, session: &Session) -> Option<Subscription> {
    let (channel, market, inst_id) = match event {
        Event::Book(update) => (update.topic.channel, update.topic.market, update.topic.inst_id),
        Event::DepthBook(change) => {
            (change.update.topic.channel, change.update.topic.market, change.update.topic.inst_id)
        }
        _ => return None,
    };
    let is_of = |s: &&Subscription| {
        (s.channel(), s.market(), s.inst_id().as_str()) == (channel, market, inst_id)
    };
    session.subscriptions().find(is_of).copied()
}

fn on_state(session: &mut Session, change: &StateChange<'_>, now: MonoNanos) {
    match change.to {
        BookState::Resyncing => session.resync(change.subscription, now),
        BookState::Live => session.handle_live(change.subscription, now),
        _ => {}
    }
}
