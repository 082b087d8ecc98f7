//! What is done about silence: of a channel, of a connection, of a machine that slept.

use std::collections::HashMap;
use std::time::Duration;

use super::handler::FeedHandler;
use super::seen::Seen;
use super::slot::Slot;
use super::stale::StaleLimits;
use crate::event::EventSink;
use crate::model::{BookState, MonoNanos, Subscription, UnixNanos};
use crate::session::{LostReason, Session};

/// How long what is stale may bring nothing before it is subscribed again: channels that fell silent
/// together are then seen to have done so.
const GRACE: Duration = Duration::from_secs(2);

/// How far the wall clock may get ahead of the monotonic one between two checks: more means that the
/// machine slept, or that its clock was set forward.
const SLEPT: Duration = Duration::from_secs(2);

/// For how long the least age of books counts, once or twice: clocks drift apart by far less in it than
/// the limit.
const AGE_SPAN: Duration = Duration::from_secs(1_800);

/// A pong that is back within this has waited behind nothing.
const SOON: Duration = Duration::from_secs(1);

/// For how long a channel may lack what another connection brings, again and again, though it is
/// subscribed again: longer, and the connection is replaced.
const LACKS: Duration = Duration::from_secs(30);

/// How soon a lack that is found again is the same one.
const AGAIN: Duration = Duration::from_secs(60);

/// How long ago a channel that promises nothing may have brought something, so that the connection
/// still brings data.
const FLOWS: Duration = Duration::from_secs(5);

/// The shortest and the longest pause between replacements of a connection that still brings data.
const REPLACE_PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));

/// How far apart two checks may be: more means that the process was stopped, or that the sink did not
/// return.
const STOPPED: Duration = Duration::from_secs(5);

/// Finds silence on one connection and has its session answer it.
///
/// Sans-IO: the owner calls [`Watchdog::check`] about once a second. Spans of time are measured by
/// the monotonic clock. The control plane: a check looks at every subscription, and may allocate.
///
/// - A channel that is silent for longer than it promises ([`StaleLimits`]) is stale at once. What is
///   stale, for whatever reason, and brings nothing for two seconds is subscribed again, at growing
///   pauses.
/// - Where another connection with the same subscriptions brings new data and this one does not for
///   a while, the channel is stale on this connection and is subscribed again, whatever it promises;
///   where that does not help for half a minute, the connection is replaced.
/// - Where every channel that promises anything is silent, the connection is replaced; so it is where
///   none of them brought anything after it was subscribed twice.
/// - A connection that still brings data, such as trades, is replaced at once the first time, then at
///   pauses that double from a minute to a quarter of an hour: another may be no better.
/// - After the machine slept or the process was stopped, everything is stale until new data comes,
///   and a ping is sent. A pong that is back soon shows that nothing waits: then the ages of books
///   ([`FeedHandler::set_age_limit`]) are measured from then on, since a clock may have been set.
#[derive(Debug)]
pub struct Watchdog {
    limits: StaleLimits,
    behind_timeout: Duration,
    heard: HashMap<Subscription, Heard>,
    checked: Option<(MonoNanos, UnixNanos)>,
    /// Since when it is not known whether something waits behind a sleep.
    away_since: Option<MonoNanos>,
    /// When the least age of books was last measured from the start.
    rotated: MonoNanos,
    /// When a connection that still brought data was replaced last, and the pause after that.
    replaced: (MonoNanos, Duration),
}

/// What was seen of a subscription.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// The receive time of the last event, as the slot has it.
    ts_recv: UnixNanos,
    /// When that was seen to be new.
    at: MonoNanos,
    /// Since when another connection has brought what this one has not.
    behind: Option<MonoNanos>,
    /// Since when it is stale, or waits for a book, and brings nothing.
    stale: Option<MonoNanos>,
    /// Since when it lacks again and again what another connection brings, and when it was last found
    /// to do so.
    lacks: Option<(MonoNanos, MonoNanos)>,
}

impl Heard {
    /// Notes that it has been behind for long; true where that has gone on though it was subscribed
    /// again.
    fn lacks(&mut self, now: MonoNanos) -> bool {
        let since = self.lacks.filter(|(_, last)| now.since(*last) < AGAIN);
        let since = since.map_or(now, |(since, _)| since);
        self.lacks = Some((since, now));
        now.since(since) >= LACKS
    }
}

impl Watchdog {
    /// Makes a watchdog. `behind_timeout` is how long a connection may lack what another brings.
    #[must_use]
    pub fn new(limits: StaleLimits, behind_timeout: Duration) -> Self {
        Self {
            limits,
            behind_timeout,
            heard: HashMap::new(),
            checked: None,
            away_since: None,
            rotated: MonoNanos::ZERO,
            replaced: (MonoNanos::ZERO, Duration::ZERO),
        }
    }

    /// Looks at all subscriptions of a connection at `now`, which is `wall` by the wall clock.
    ///
    /// `others` tells what another connection with the same subscription has; `None` where there is
    /// none. The sink is given the changes of state.
    pub fn check(
        &mut self,
        handler: &mut FeedHandler,
        session: &mut Session,
        (now, wall): (MonoNanos, UnixNanos),
        others: impl Fn(&Subscription) -> Option<Seen>,
        sink: &mut impl EventSink,
    ) {
        self.forget_what_ended(handler);
        if self.checked.is_none() {
            // Nobody knows whether a clock was set before.
            handler.ages_mut().forget();
        }
        let gained = self.gained(now, wall);
        if self.was_away(now, wall) {
            // Whoever was away knows nothing of the silence meanwhile.
            self.heard.values_mut().for_each(|heard| {
                (heard.at, heard.behind, heard.stale, heard.lacks) = (now, None, None, None);
            });
            mark_all_stale(handler, wall, sink);
            self.away_since = Some(now);
            return session.probe(now);
        }
        // Too little for a machine that slept, but it adds up.
        handler.ages_mut().shift(gained);
        self.check_ages(handler, session, now);
        let (mut promising, mut silent, mut due) = (0_usize, 0_usize, Vec::new());
        let (mut flows, mut lacks) = (false, false);
        for slot in handler.slots_mut().iter_mut() {
            let subscription = *slot.subscription();
            let heard = self.hear(slot, others(&subscription), now);
            if matches!(slot.state(), BookState::Connecting | BookState::Down(_)) {
                continue;
            }
            let promise = self.limits.of(subscription.channel());
            let is_behind = heard.behind.is_some_and(|at| now.since(at) >= self.behind_timeout);
            // The session has a bound of its own for the first push.
            let silence = now.since(heard.at);
            let is_over = !session.is_awaited(&subscription)
                && promise.is_some_and(|promise| silence >= promise);
            let is_late = promise.is_some() && session.is_late(&subscription);
            flows |= promise.is_none() && !is_behind && silence < FLOWS && slot.state().is_live();
            lacks |= is_behind && self.heard.get_mut(&subscription).is_some_and(|h| h.lacks(now));
            if slot.state().is_live() && (is_behind || is_over) {
                slot.set_state(BookState::Stale, wall, sink);
            }
            let is_stuck = self.is_stuck(slot, promise.is_some(), now);
            promising += usize::from(promise.is_some() || is_behind);
            silent += usize::from(is_behind || is_late || is_over);
            if is_behind || is_late || is_stuck {
                due.push(subscription);
            }
        }
        let is_silent = promising > 0 && silent == promising;
        let brings_data = flows || silent < promising;
        if !due.is_empty() && (is_silent || lacks) && (!brings_data || self.may_replace(now)) {
            self.heard.values_mut().for_each(|heard| heard.lacks = None);
            return session.reconnect(LostReason::Silent, now);
        }
        session.handle_silence(&due, now);
    }

    /// Whether a connection that still brings data may be replaced at `now`: then it is.
    fn may_replace(&mut self, now: MonoNanos) -> bool {
        let (at, pause) = self.replaced;
        let (shortest, longest) = REPLACE_PAUSE;
        if now.since(at) < pause {
            return false;
        }
        let pause = if now.since(at) >= longest * 4 { Duration::ZERO } else { pause };
        self.replaced = (now, (pause * 2).clamp(shortest, longest));
        true
    }

    /// Has the ages of books measured from the start where a clock may have been set, and else lets
    /// clocks drift apart.
    fn check_ages(&mut self, handler: &mut FeedHandler, session: &mut Session, now: MonoNanos) {
        if now.since(self.rotated) >= AGE_SPAN {
            self.rotated = now;
            handler.ages_mut().rotate();
        }
        let Some(since) = self.away_since else { return };
        if session.is_pong_overdue(now) {
            // What comes can't be told from what has waited, and behind so much a new connection is of
            // now sooner. There ages are measured from the start, with a pong or without.
            self.away_since = None;
            return session.reconnect(LostReason::PongTimeout, now);
        }
        if let Some(took) = session.measure(since, now) {
            // One that came late has waited behind books: from here on they are of now again.
            self.away_since = (took > SOON).then_some(now);
            if took <= SOON {
                handler.ages_mut().forget();
            }
        }
    }

    /// Notes what a slot has received, and whether another connection is ahead of it.
    fn hear(&mut self, slot: &Slot, other: Option<Seen>, now: MonoNanos) -> Heard {
        let ts_recv = slot.ts_recv();
        let fresh = Heard { ts_recv, at: now, behind: None, stale: None, lacks: None };
        let heard = self.heard.entry(*slot.subscription()).or_insert(fresh);
        if heard.ts_recv != ts_recv {
            *heard = Heard { lacks: heard.lacks, ..fresh };
        }
        if other.is_some_and(|other| other.is_ahead_of(&Seen::of(slot))) {
            heard.behind.get_or_insert(now);
        }
        *heard
    }

    /// Whether a slot has been stale for a while, or waits for a book that `promises` to come, and
    /// nothing came meanwhile.
    fn is_stuck(&mut self, slot: &Slot, promises: bool, now: MonoNanos) -> bool {
        let Some(heard) = self.heard.get_mut(slot.subscription()) else { return false };
        let waits = match slot.state() {
            BookState::Stale => true,
            // The session has pauses of its own; this is for what it takes for whole.
            BookState::AwaitingSnapshot | BookState::Resyncing => promises,
            _ => false,
        };
        if !waits {
            heard.stale = None;
            return false;
        }
        now.since(*heard.stale.get_or_insert(now)) >= GRACE
    }

    fn forget_what_ended(&mut self, handler: &FeedHandler) {
        if self.heard.len() > handler.slots().len() {
            self.heard.retain(|subscription, _| handler.slots().get(subscription).is_some());
        }
    }

    /// How much the wall clock has gained on the monotonic one since the last check, in nanoseconds.
    fn gained(&self, now: MonoNanos, wall: UnixNanos) -> i64 {
        self.checked.map_or(0, |(then, wall_then)| {
            let by_wall = wall.0.wrapping_sub(wall_then.0).cast_signed();
            by_wall.wrapping_sub(now.0.wrapping_sub(then.0).cast_signed())
        })
    }

    /// Whether the machine slept or the process was stopped since the last check.
    fn was_away(&mut self, now: MonoNanos, wall: UnixNanos) -> bool {
        let Some((then, wall_then)) = self.checked.replace((now, wall)) else { return false };
        let passed = now.since(then);
        let by_wall = wall.since(wall_then).unwrap_or_default();
        by_wall > passed + SLEPT || passed > STOPPED
    }
}

fn mark_all_stale(handler: &mut FeedHandler, wall: UnixNanos, sink: &mut impl EventSink) {
    for slot in handler.slots_mut().iter_mut() {
        if slot.state().is_live() {
            slot.set_state(BookState::Stale, wall, sink);
        }
    }
}
