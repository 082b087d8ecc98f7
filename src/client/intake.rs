//! One connection's messages to books, session and sink.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio_tungstenite::tungstenite::Message;

use super::credentials;
use super::credentials::Credentials;
use super::group::Notice;
use super::shared::{Place, SharedHub};
use super::stats::ConnectionStats;
use crate::event::{Control, Event, EventSink, StateChange};
use crate::feed::{FeedHandler, Slot, StaleLimits, Watchdog};
use crate::model::{BookState, DownReason, MonoNanos, Subscription, UnixNanos};
use crate::session::{LostReason, Session, SessionEvent};
use crate::transport::Clock;
use crate::wire::{DecodeError, Frame};

/// The longest latency that the histogram tells apart, in nanoseconds; longer ones count as this.
pub const LATENCY_MAX_NS: u64 = 10_000_000_000;

/// How much of the exchange's own words is logged, in characters.
const MAX_LOGGED: usize = 200;

/// What stands in the place of an answer that repeats the login.
const WITHHELD: &str = "(withheld: it repeats the login request)";

/// How long a line that is to relieve another waits for every book to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long no frame may come before one is played over, where the client does not sleep. Playing one
/// takes a fiftieth of it in v5 and a tenth in v3: that share of the frames come meanwhile and wait
/// for the rest.
const REHEARSE_EVERY: Duration = Duration::from_micros(20);

/// What a frame touches: apart from the transport, so that both can be borrowed at once.
pub(super) struct Intake<S> {
    pub(super) clock: Clock,
    pub(super) handler: FeedHandler,
    /// How many subscriptions were asked for on this connection, be they given up since.
    pub(super) asked: usize,
    pub(super) session: Session,
    pub(super) watchdog: Watchdog,
    pub(super) hub: SharedHub<S>,
    pub(super) place: Place,
    pub(super) stats: ConnectionStats,
    pub(super) latency: Histogram<u64>,
    pub(super) measure: bool,
    /// What no log and no sink may be given, where there is a login.
    pub(super) credentials: Option<Credentials>,
    /// Since when the director waits for this line to be well, where he does.
    pub(super) awaited: Option<MonoNanos>,
    /// Whether it may have become well since that was looked at.
    pub(super) news: bool,
}

impl<S: EventSink> Intake<S> {
    /// Takes a message that came.
    #[inline]
    pub(super) fn data(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.frame(Frame::Text(text.as_bytes())),
            Message::Binary(body) => self.frame(Frame::Binary(body)),
            // tungstenite answers pings itself, with the next write or read.
            _ => self.session.handle_ping(self.clock.mono()),
        }
    }

    /// The hot path: one frame to books and sink. Allocates nothing in steady state.
    #[inline]
    fn frame(&mut self, frame: Frame<'_>) {
        let (mono, wall) = self.clock.now();
        self.session.handle_inbound(mono);
        let error = self.pass(Some(frame), mono, wall);
        if self.measure {
            let nanos = self.clock.mono().since(mono).as_nanos();
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
            self.latency.saturating_record(nanos.clamp(1, LATENCY_MAX_NS));
        }
        if let Some(error) = error {
            let malformed = self.handler.stats().malformed();
            // A fault that repeats is logged at its first, second, fourth, … time.
            if malformed.is_power_of_two() {
                tracing::warn!(%error, malformed, "malformed frame");
            }
        }
    }

    /// Keeps what a frame needs in the caches, if none came for a while.
    pub(super) fn warm_caches(&mut self) {
        let mono = self.clock.mono();
        let last = self.hub.borrow().last_taken;
        if mono.since(last) >= REHEARSE_EVERY {
            self.pass(None, mono, UnixNanos::UNKNOWN);
        }
    }

    /// Passes a frame on to books and sink, or plays one over: with one closure, since each has a type
    /// of its own and that type code of its own.
    #[inline]
    fn pass(
        &mut self,
        frame: Option<Frame<'_>>,
        mono: MonoNanos,
        wall: UnixNanos,
    ) -> Option<DecodeError> {
        let Self { handler, session, hub, place, stats, news, credentials, .. } = self;
        let mut hub = hub.borrow_mut();
        hub.shared.heartbeat.beat(mono);
        let sink = &mut |event: &Event<'_>| {
            match event {
                Event::Control(control) => {
                    let control = &withhold(control, credentials.as_ref());
                    session.handle_control(control, mono);
                    return hub.on_event(*place, &Event::Control(*control));
                }
                Event::State(change) => {
                    *news = true;
                    on_state(session, change, mono);
                }
                Event::DepthBook(change) => session.handle_depth(change, mono),
                _ => {}
            }
            hub.on_event(*place, event);
        };
        match frame {
            Some(frame) => {
                let error = handler.on_frame(frame, wall, sink).err();
                hub.last_taken = mono;
                error
            }
            None => {
                if handler.warm_caches(sink) {
                    hub.last_taken = mono;
                    stats.warmup_frames += 1;
                }
                None
            }
        }
    }

    /// Looks for silence, once a second.
    pub(super) fn check(&mut self, limits: &StaleLimits) {
        self.clock.follow();
        let now = self.clock.now();
        let Self { handler, session, hub, place, watchdog, .. } = self;
        let mut hub = hub.borrow_mut();
        hub.shared.heartbeat.beat(now.0);
        let mut heard = std::mem::take(&mut hub.heard);
        if hub.arbiter_mut(*place).is_some() && session.is_open() {
            heard.note(*place, handler.slots());
        }
        let others = |subscription: &Subscription| heard.by_others(*place, subscription);
        let pass = &mut |event: &Event<'_>| hub.on_event(*place, event);
        watchdog.check(handler, session, now, others, pass);
        hub.heard = heard;
        hub.mark_stale(place.group, limits, now.1);
    }

    /// Brings the session's news to states, log and counters.
    pub(super) fn tell(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.news = true;
            let wall = self.clock.now().1;
            match event {
                SessionEvent::Connected => {
                    tracing::info!("connected");
                    self.stats.connects += 1;
                    self.asked = self.handler.slots().len();
                    self.stats.connected = true;
                    self.hub.borrow().shared.health.connected();
                }
                SessionEvent::Subscribed(subscription) => self.subscribed(&subscription, wall),
                SessionEvent::Rejected { subscription, code, message } => {
                    let message: String = message.chars().take(MAX_LOGGED).collect();
                    tracing::error!(%subscription, code, reason = %message, "subscription refused");
                    self.stats.rejections += 1;
                    let down = BookState::Down(DownReason::Rejected);
                    self.set_state(&subscription, down, wall);
                }
                SessionEvent::LoginRefused { code, message } => {
                    let message: String = message.chars().take(MAX_LOGGED).collect();
                    self.stats.logins_refused += 1;
                    self.stats.last_login_refusal = Some(credentials::refusal(code, &message));
                    let refused = self.stats.logins_refused;
                    if refused.is_power_of_two() {
                        tracing::error!(code, reason = %message, refused, "login refused");
                    }
                }
                SessionEvent::RequestsSpent { until } => {
                    let minutes = until.since(self.clock.mono()).as_secs() / 60;
                    tracing::warn!(minutes, "the hour's requests of a connection are spent");
                    self.stats.requests_spent += 1;
                    // A connection has a budget of its own: another takes over.
                    let Self { hub, place, handler, .. } = self;
                    hub.borrow_mut().announced(*place, handler);
                }
                SessionEvent::UpgradeAnnounced => {
                    self.stats.upgrades += 1;
                    let upgrades = self.stats.upgrades;
                    if upgrades.is_power_of_two() {
                        tracing::info!(upgrades, "the exchange announces a service upgrade");
                    }
                    let Self { hub, place, handler, .. } = self;
                    hub.borrow_mut().announced(*place, handler);
                }
                SessionEvent::Lost(reason) => {
                    tracing::info!(?reason, "not connected");
                    self.stats.losses += 1;
                    if !matches!(reason, LostReason::Closed | LostReason::ConnectFailed) {
                        self.stats.last_loss = Some(reason.to_string());
                    }
                    let was_open = std::mem::take(&mut self.stats.connected);
                    let reason = self.stats.last_loss.as_deref().unwrap_or("closed");
                    self.hub.borrow().shared.health.lost(was_open, reason, wall);
                    self.set_all_states(BookState::Connecting);
                }
            }
        }
    }

    fn subscribed(&mut self, subscription: &Subscription, wall: UnixNanos) {
        tracing::debug!(%subscription, "subscribed");
        let state = self.handler.slots().get(subscription).map(Slot::state);
        // One that was refused may be taken when it is asked for again; one that was live or stale
        // brings a first push again, which may be as old as the last change.
        let refused = BookState::Down(DownReason::Rejected);
        let awaits = self.session.is_awaited(subscription);
        let waits = |state| match state {
            BookState::Connecting => true,
            BookState::Live | BookState::Stale => awaits,
            _ => state == refused,
        };
        if state.is_some_and(waits) {
            let state = BookState::AwaitingSnapshot;
            self.set_state(subscription, state, wall);
        }
    }

    fn set_state(&mut self, subscription: &Subscription, state: BookState, wall: UnixNanos) {
        let Self { handler, hub, place, .. } = self;
        let mut hub = hub.borrow_mut();
        handler.set_state(subscription, state, wall, &mut |event: &Event<'_>| {
            hub.on_event(*place, event);
        });
    }

    pub(super) fn set_all_states(&mut self, state: BookState) {
        let wall = self.clock.now().1;
        let Self { handler, hub, place, .. } = self;
        let mut hub = hub.borrow_mut();
        handler.set_all_states(state, wall, &mut |event: &Event<'_>| hub.on_event(*place, event));
    }

    /// Tells the director, where he waits for it, that this line has everything that it wants.
    pub(super) fn herald(&mut self) {
        if !(self.awaited.is_some() && std::mem::take(&mut self.news)) {
            return;
        }
        if self.is_well() {
            self.take_over();
        }
    }

    /// Takes over, where the director has waited for long, without a book that does not come: it
    /// may not come to the other line either.
    pub(super) fn look_after_patience(&mut self, now: MonoNanos) {
        let long = self.awaited.is_some_and(|since| now.since(since) >= PATIENCE);
        if long && self.session.is_settled() {
            self.take_over();
        }
    }

    fn take_over(&mut self) {
        self.awaited = None;
        // Without a director everything is about to end.
        let _ = self.hub.borrow().notices.send(Notice::Well(self.place));
    }

    /// Whether everything that is wanted has come on this connection, and is not in doubt.
    fn is_well(&self) -> bool {
        let has_come = |slot: &Slot| match slot.state() {
            BookState::Live | BookState::Down(_) => true,
            // There is no snapshot of trades: from the acknowledgement on none is missed.
            BookState::AwaitingSnapshot => slot.trades().is_some(),
            BookState::Stale | BookState::Connecting | BookState::Resyncing => false,
        };
        self.session.is_settled() && self.handler.slots().iter().all(has_come)
    }

    pub(super) fn stats(&self) -> ConnectionStats {
        let (feed, session) = (*self.handler.stats(), *self.session.stats());
        let live = self.handler.slots().iter().filter(|slot| slot.state().is_live()).count();
        let ts_event = self.handler.slots().iter().map(Slot::ts_event).max().unwrap_or_default();
        ConnectionStats {
            feed,
            session,
            live,
            refused: self.session.refused_now(),
            requests_left: self.session.requests_left(self.clock.mono()),
            lag: self.handler.lag(),
            round_trip: self.session.round_trip(),
            ready: self.is_well(),
            ts_event,
            ..self.stats.clone()
        }
    }
}

/// A reply without its text where that repeats the login: an exchange that calls a request invalid
/// may quote it.
#[cold]
fn withhold<'t>(control: &Control<'t>, credentials: Option<&Credentials>) -> Control<'t> {
    let repeats = |text: &str| credentials.is_some_and(|credentials| credentials.are_in(text));
    let message = control.message.map(|text| if repeats(text) { WITHHELD } else { text });
    Control { message, ..*control }
}

/// The control plane: what a frame did to a state decides whether its book is fetched anew.
#[cold]
fn on_state(session: &mut Session, change: &StateChange<'_>, now: MonoNanos) {
    match change.to {
        BookState::Resyncing => session.resync(change.subscription, now),
        BookState::Live => session.handle_live(change.subscription, now),
        _ => {}
    }
}

#[expect(clippy::expect_used, reason = "constant bounds, which a test makes too")]
pub(super) fn new_latency() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("bounds are in order")
}
