//! Handles silence: of a channel, of a connection, and after the machine slept.

use std::collections::HashMap;
use std::time::Duration;

use arrayvec::ArrayVec;

use super::age::AgeChange;
use super::handler::FeedHandler;
use super::last_update::LastUpdate;
use super::slot::Slot;
use super::stale::StaleLimits;
use crate::event::EventSink;
use crate::model::{BookState, MonoNanos, Subscription, UnixNanos};
use crate::session::{DisconnectReason, Session};

/// How long a channel is stale without data before it is resubscribed. The delay lets channels that
/// fall silent together be handled together.
const RESUBSCRIBE_AFTER: Duration = Duration::from_secs(2);

/// The wall clock's largest gain on the monotonic clock between two checks. More means that the
/// machine slept or that its clock was set forward.
const SLEEP_THRESHOLD: Duration = Duration::from_secs(2);

/// The period of the least age of books, which is valid for one to two periods. The drift of clocks
/// in a period is far below the age limit.
const AGE_PERIOD: Duration = Duration::from_secs(1_800);

/// The longest round trip of a ping that was not queued behind data.
const PROMPT_PONG: Duration = Duration::from_secs(1);

/// How long a channel may lag another connection repeatedly, despite resubscriptions, before the
/// connection is replaced.
const LAG_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest time between two lags that are treated as one.
const LAG_MEMORY: Duration = Duration::from_secs(60);

/// A channel without a stale limit that received data within this time shows that the connection
/// delivers data.
const DATA_WINDOW: Duration = Duration::from_secs(5);

/// The shortest and the longest delay between replacements of a connection that delivers data.
const REPLACE_DELAY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));

/// The longest time between two checks. More means that the process was stopped or that the sink
/// blocked.
const STOP_THRESHOLD: Duration = Duration::from_secs(5);

/// Detects silence on one connection and has its session resubscribe or reconnect.
///
/// Sans-IO: the owner calls [`Watchdog::check`] about once a second. Durations are measured by the
/// monotonic clock. Part of the control plane: a check visits every subscription and may allocate.
///
/// - **Silent channel.** A channel that exceeds its limit ([`StaleLimits`]) is stale at once. A
///   channel that is stale for any reason and receives nothing for 2 s is resubscribed, with
///   growing backoff.
/// - **Lagging channel.** If another connection with the same subscription receives new data and
///   this one does not within `behind_timeout`, the channel is stale here and is resubscribed, even
///   without a limit. If resubscribing does not help for 30 s, the connection is replaced.
/// - **Silent connection.** If every channel with a limit is silent, the connection is replaced. It
///   is also replaced if none of them received data after two subscribe requests.
/// - **Connection that delivers data**, such as trades. The first replacement is immediate. Later
///   ones wait for a delay that doubles from 60 s to 15 min, because a new connection may be no
///   better.
/// - **Suspended machine or process.** Everything is stale until new data arrives, and a ping is
///   sent. A prompt pong shows that no data is queued. The ages of books
///   ([`FeedHandler::set_age_limit`]) are reset then, because a clock may have been set.
#[derive(Debug)]
pub struct Watchdog {
    limits: StaleLimits,
    behind_timeout: Duration,
    activity: HashMap<Subscription, Activity>,
    checked: Option<(MonoNanos, UnixNanos)>,
    /// The start of the uncertainty about queued data after a suspension.
    suspended_since: Option<MonoNanos>,
    /// The start of the current period of the least age of books.
    rotated: MonoNanos,
    /// The last replacement of a connection that delivered data, and the delay after it.
    replaced: (MonoNanos, Duration),
    /// What the last check has done to the ages of books.
    age_changes: ArrayVec<AgeChange, 4>,
}

/// The activity of a subscription.
#[derive(Clone, Copy, Debug)]
struct Activity {
    /// The receive time of the slot's last event.
    ts_recv: UnixNanos,
    /// The time of the check that found the event.
    at: MonoNanos,
    /// The start of the lag behind another connection.
    behind: Option<MonoNanos>,
    /// The start of being stale or awaiting a book without receiving data.
    stale: Option<MonoNanos>,
    /// The start of repeated lags behind another connection, and the time of the last one.
    lags: Option<(MonoNanos, MonoNanos)>,
}

impl Activity {
    /// Records a lag. Returns true if lags persist despite resubscriptions.
    fn lags(&mut self, now: MonoNanos) -> bool {
        let since = self.lags.filter(|(_, last)| now.since(*last) < LAG_MEMORY);
        let since = since.map_or(now, |(since, _)| since);
        self.lags = Some((since, now));
        now.since(since) >= LAG_TIMEOUT
    }
}

impl Watchdog {
    /// Makes a watchdog. `behind_timeout` is how long a channel may lag another connection.
    #[must_use]
    pub fn new(limits: StaleLimits, behind_timeout: Duration) -> Self {
        Self {
            limits,
            behind_timeout,
            activity: HashMap::new(),
            checked: None,
            suspended_since: None,
            rotated: MonoNanos::ZERO,
            replaced: (MonoNanos::ZERO, Duration::ZERO),
            age_changes: ArrayVec::new(),
        }
    }

    /// Checks all subscriptions of a connection at `now` (monotonic) and `wall` (wall clock).
    ///
    /// `others` returns the last update of another connection with the same subscription, or
    /// `None`. State changes are emitted to `sink`.
    pub fn check(
        &mut self,
        handler: &mut FeedHandler,
        session: &mut Session,
        now: MonoNanos,
        wall: UnixNanos,
        others: impl Fn(&Subscription) -> Option<LastUpdate>,
        sink: &mut impl EventSink,
    ) {
        self.age_changes.clear();
        self.forget_unsubscribed(handler);
        if self.checked.is_none() {
            // A clock may have been set before the first check.
            self.change_ages(handler, AgeChange::Forget);
        }
        let clock_gain = self.clock_gain(now, wall);
        if self.was_suspended(now, wall) {
            // Silence during a suspension was not observed.
            self.activity.values_mut().for_each(|activity| {
                (activity.at, activity.behind, activity.stale, activity.lags) =
                    (now, None, None, None);
            });
            mark_all_stale(handler, wall, sink);
            self.suspended_since = Some(now);
            return session.probe(now);
        }
        // Gains below the sleep threshold add up, so the ages are corrected by them.
        if clock_gain != 0 {
            self.change_ages(handler, AgeChange::Shift(clock_gain));
        }
        self.check_ages(handler, session, now);
        let (mut with_limit, mut silent, mut due) = (0_usize, 0_usize, Vec::new());
        let (mut has_data, mut lags) = (false, false);
        for slot in handler.slots_mut().iter_mut() {
            let subscription = *slot.subscription();
            let activity = self.observe(slot, others(&subscription), now);
            if matches!(slot.state(), BookState::Connecting | BookState::Down(_)) {
                continue;
            }
            let limit = self.limits.of(subscription.channel());
            let is_behind = activity.behind.is_some_and(|at| now.since(at) >= self.behind_timeout);
            // The session has its own timeout for the first push.
            let silence = now.since(activity.at);
            let is_over =
                !session.is_awaited(&subscription) && limit.is_some_and(|limit| silence >= limit);
            let is_late = limit.is_some() && session.is_late(&subscription);
            has_data |=
                limit.is_none() && !is_behind && silence < DATA_WINDOW && slot.state().is_live();
            lags |= is_behind && self.activity.get_mut(&subscription).is_some_and(|a| a.lags(now));
            if slot.state().is_live() && (is_behind || is_over) {
                slot.set_state(BookState::Stale, wall, sink);
            }
            let is_stuck = self.is_stuck(slot, limit.is_some(), now);
            with_limit += usize::from(limit.is_some() || is_behind);
            silent += usize::from(is_behind || is_late || is_over);
            if is_behind || is_late || is_stuck {
                due.push(subscription);
            }
        }
        let is_silent = with_limit > 0 && silent == with_limit;
        let delivers_data = has_data || silent < with_limit;
        if !due.is_empty() && (is_silent || lags) && (!delivers_data || self.may_replace(now)) {
            self.activity.values_mut().for_each(|activity| activity.lags = None);
            return session.reconnect(DisconnectReason::Silent, now);
        }
        session.handle_silence(&due, now);
    }

    fn change_ages(&mut self, handler: &mut FeedHandler, change: AgeChange) {
        handler.change_ages(change);
        // There is room for what one check does.
        let _ = self.age_changes.try_push(change);
    }

    /// What the last check has done to the ages of books, for a recording.
    #[cfg(feature = "client")]
    pub(crate) const fn age_changes(&self) -> &ArrayVec<AgeChange, 4> {
        &self.age_changes
    }

    /// Whether a connection that delivers data may be replaced at `now`. If so, the replacement is
    /// recorded.
    fn may_replace(&mut self, now: MonoNanos) -> bool {
        let (at, delay) = self.replaced;
        let (shortest, longest) = REPLACE_DELAY;
        if now.since(at) < delay {
            return false;
        }
        let delay = if now.since(at) >= longest * 4 { Duration::ZERO } else { delay };
        self.replaced = (now, (delay * 2).clamp(shortest, longest));
        true
    }

    /// Resets the ages of books if a clock may have been set. Otherwise starts a new period of the
    /// least age when one is due.
    fn check_ages(&mut self, handler: &mut FeedHandler, session: &mut Session, now: MonoNanos) {
        if now.since(self.rotated) >= AGE_PERIOD {
            self.rotated = now;
            self.change_ages(handler, AgeChange::Rotate);
        }
        let Some(since) = self.suspended_since else { return };
        if session.is_pong_overdue(now) {
            // Current data cannot be distinguished from queued data. With this much queued data, a
            // new connection is current sooner. It resets the ages of books, with or without a
            // pong.
            self.suspended_since = None;
            return session.reconnect(DisconnectReason::PongTimeout, now);
        }
        if let Some(took) = session.measure(since, now) {
            // A late pong was queued behind books. The books after it are current.
            self.suspended_since = (took > PROMPT_PONG).then_some(now);
            if took <= PROMPT_PONG {
                self.change_ages(handler, AgeChange::Forget);
            }
        }
    }

    /// Records the last event of a slot, and whether another connection is ahead of it.
    fn observe(&mut self, slot: &Slot, other: Option<LastUpdate>, now: MonoNanos) -> Activity {
        let ts_recv = slot.ts_recv();
        let fresh = Activity { ts_recv, at: now, behind: None, stale: None, lags: None };
        let activity = self.activity.entry(*slot.subscription()).or_insert(fresh);
        if activity.ts_recv != ts_recv {
            *activity = Activity { lags: activity.lags, ..fresh };
        }
        if other.is_some_and(|other| other.is_ahead_of(&LastUpdate::of(slot))) {
            activity.behind.get_or_insert(now);
        }
        *activity
    }

    /// Whether a slot is stale, or awaits a book although it `has_limit`, and has received nothing
    /// for
    /// [`RESUBSCRIBE_AFTER`].
    fn is_stuck(&mut self, slot: &Slot, has_limit: bool, now: MonoNanos) -> bool {
        let Some(activity) = self.activity.get_mut(slot.subscription()) else { return false };
        let is_waiting = match slot.state() {
            BookState::Stale => true,
            // The session has its own backoff; this covers books that the session regards as live.
            BookState::AwaitingSnapshot | BookState::Resyncing => has_limit,
            _ => false,
        };
        if !is_waiting {
            activity.stale = None;
            return false;
        }
        now.since(*activity.stale.get_or_insert(now)) >= RESUBSCRIBE_AFTER
    }

    fn forget_unsubscribed(&mut self, handler: &FeedHandler) {
        if self.activity.len() > handler.slots().len() {
            self.activity.retain(|subscription, _| handler.slots().get(subscription).is_some());
        }
    }

    /// The wall clock's gain on the monotonic clock since the last check, in nanoseconds.
    fn clock_gain(&self, now: MonoNanos, wall: UnixNanos) -> i64 {
        self.checked.map_or(0, |(then, wall_then)| {
            let by_wall = wall.0.wrapping_sub(wall_then.0).cast_signed();
            by_wall.wrapping_sub(now.0.wrapping_sub(then.0).cast_signed())
        })
    }

    /// Whether the machine slept or the process was stopped since the last check. Records the
    /// check.
    fn was_suspended(&mut self, now: MonoNanos, wall: UnixNanos) -> bool {
        let Some((then, wall_then)) = self.checked.replace((now, wall)) else { return false };
        let passed = now.since(then);
        let by_wall = wall.since(wall_then).unwrap_or_default();
        by_wall > passed + SLEEP_THRESHOLD || passed > STOP_THRESHOLD
    }
}

fn mark_all_stale(handler: &mut FeedHandler, wall: UnixNanos, sink: &mut impl EventSink) {
    for slot in handler.slots_mut().iter_mut() {
        if slot.state().is_live() {
            slot.set_state(BookState::Stale, wall, sink);
        }
    }
}
