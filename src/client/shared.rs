//! What all connections of a client share: the sink, and who wins between lines.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use tokio::sync::mpsc::UnboundedSender;

use super::group::Notice;
use super::health::SharedHealth;
use super::heartbeat::Heartbeat;
use crate::event::{Event, EventSink};
use crate::feed::{Arbiter, FeedHandler, Recovery, Seen, Slots, StaleLimits};
use crate::model::{MonoNanos, Subscription, UnixNanos};
use crate::transport::Clock;

/// Shared by the tasks of the client's one thread. Nobody holds it while waiting for anything.
pub(super) type SharedHub<S> = Rc<RefCell<Hub<S>>>;

/// What the client's thread shares with its handle.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) heartbeat: Heartbeat,
    pub(super) health: SharedHealth,
}

/// What all connections of a client share.
pub(super) struct Hub<S> {
    pub(super) sink: Noted<S>,
    /// By group: `None` where one connection alone brings what it has subscribed.
    pub(super) arbiters: Vec<Option<Arbiter>>,
    /// Where connections tell the director of what he has to see to.
    pub(super) notices: UnboundedSender<Notice>,
    /// When a frame came or was played over last, on whichever connection: all run the same code.
    pub(super) last_taken: MonoNanos,
    /// Who waits for the host to take a connection, the first to be opened first: all first lines in
    /// the order in which their subscriptions were asked for, then all second ones.
    waiting: BTreeSet<(usize, usize)>,
    /// What the client's handle reads.
    pub(super) shared: Shared,
    /// What each line of a group with several has received last.
    pub(super) heard: HeardByLine,
}

/// What each line of a group has of a subscription, as each tells once a second.
#[derive(Debug, Default)]
pub(super) struct HeardByLine(HashMap<(usize, Subscription), Vec<(usize, Seen)>>);

impl HeardByLine {
    /// Notes what a line has received.
    pub(super) fn note(&mut self, place: Place, slots: &Slots) {
        for slot in slots.iter() {
            let lines = self.0.entry((place.group, *slot.subscription())).or_default();
            match lines.iter_mut().find(|(line, _)| *line == place.line) {
                Some((_, seen)) => *seen = Seen::of(slot),
                None => lines.push((place.line, Seen::of(slot))),
            }
        }
    }

    /// What another line has of a subscription, the one that was heard of last; `None` where there is
    /// none.
    pub(super) fn by_others(&self, place: Place, subscription: &Subscription) -> Option<Seen> {
        let lines = self.0.get(&(place.group, *subscription))?;
        let others = lines.iter().filter(|(line, _)| *line != place.line).map(|(_, seen)| *seen);
        others.max_by_key(Seen::ts_recv)
    }

    /// Forgets what a line had of a subscription that is given up.
    pub(super) fn give_up(&mut self, place: Place, subscription: &Subscription) {
        let key = (place.group, *subscription);
        if let Some(lines) = self.0.get_mut(&key) {
            lines.retain(|(line, _)| *line != place.line);
            if lines.is_empty() {
                self.0.remove(&key);
            }
        }
    }

    /// Forgets a line that has ended.
    pub(super) fn forget(&mut self, place: Place) {
        for ((group, _), lines) in &mut self.0 {
            if *group == place.group {
                lines.retain(|(line, _)| *line != place.line);
            }
        }
        self.0.retain(|_, lines| !lines.is_empty());
    }
}

/// The user's sink, with the times that books take to be live again.
pub(super) struct Noted<S> {
    pub(super) sink: S,
    pub(super) recovery: Recovery,
}

impl<S: EventSink> EventSink for Noted<S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::State(change) = event {
            self.recovery.note(change);
        }
        self.sink.on_event(event);
    }
}

/// Which connection: its group, and its number in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) group: usize,
    pub(super) line: usize,
}

impl<S: EventSink> Hub<S> {
    pub(super) fn new(sink: S, notices: UnboundedSender<Notice>, shared: Shared) -> Self {
        let sink = Noted { sink, recovery: Recovery::default() };
        Self {
            sink,
            arbiters: Vec::new(),
            notices,
            last_taken: MonoNanos::ZERO,
            waiting: BTreeSet::new(),
            shared,
            heard: HeardByLine::default(),
        }
    }

    /// Notes that a connection waits to be opened, from before its host is looked up: the answers
    /// come in any order.
    pub(super) fn waits(&mut self, place: Place) {
        self.waiting.insert((place.line, place.group));
    }

    /// How many connections are to be opened before this one.
    pub(super) fn ahead_of(&self, place: Place) -> usize {
        self.waiting.range(..(place.line, place.group)).count()
    }

    /// Notes that a connection does not wait any more: it is being opened, or given up.
    pub(super) fn waits_no_more(&mut self, place: Place) {
        self.waiting.remove(&(place.line, place.group));
    }

    /// Passes an event of one connection on.
    #[inline]
    pub(super) fn on_event(&mut self, place: Place, event: &Event<'_>) {
        match self.arbiters.get_mut(place.group) {
            Some(Some(arbiter)) => arbiter.on_event(place.line, event, &mut self.sink),
            _ => self.sink.on_event(event),
        }
    }

    /// Marks as stale what no line of a group brings any more.
    pub(super) fn mark_stale(&mut self, group: usize, limits: &StaleLimits, now: UnixNanos) {
        if let Some(Some(arbiter)) = self.arbiters.get_mut(group) {
            arbiter.mark_stale(limits, now, &mut self.sink);
        }
    }

    /// Ends what an arbiter has taken over though it was unsubscribed, before its line heard of that.
    pub(super) fn retain(&mut self, place: Place, wanted: &[Subscription], now: UnixNanos) {
        if let Some(Some(arbiter)) = self.arbiters.get_mut(place.group) {
            arbiter.retain(wanted, now, &mut self.sink);
        }
    }

    /// The arbiter of a group that has one.
    pub(super) fn arbiter_mut(&mut self, place: Place) -> Option<&mut Arbiter> {
        self.arbiters.get_mut(place.group)?.as_mut()
    }

    /// Sees to it that half of what a connection has can be given to another: its readers go to an
    /// arbiter, from which they can be taken.
    pub(super) fn too_many(&mut self, place: Place, handler: &mut FeedHandler, asked: usize) {
        if let Some(arbiter) = self.arbiters.get_mut(place.group) {
            arbiter.get_or_insert_with(|| Arbiter::adopt(handler, place.line));
        }
        // Without a director everything is about to end.
        let _ = self.notices.send(Notice::TooMany(place, asked));
    }

    /// Sees to it that a line can be relieved: one that was alone gets an arbiter, which takes its
    /// readers over.
    pub(super) fn announced(&mut self, place: Place, handler: &mut FeedHandler) {
        if let Some(arbiter) = self.arbiters.get_mut(place.group) {
            arbiter.get_or_insert_with(|| Arbiter::adopt(handler, place.line));
        }
        // Without a director everything is about to end.
        let _ = self.notices.send(Notice::Announced(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dialect;

    #[test]
    fn what_lines_have_of_a_subscription_is_forgotten_with_it() {
        let subscription: Subscription = "books5:A".parse().unwrap();
        let mut handler = FeedHandler::new(Dialect::V5);
        handler.subscribe(subscription).unwrap();
        let place = |line| Place { group: 0, line };
        let mut heard = HeardByLine::default();
        (0..2).for_each(|line| heard.note(place(line), handler.slots()));
        assert!(heard.by_others(place(0), &subscription).is_some());
        heard.give_up(place(1), &subscription);
        assert_eq!(heard.by_others(place(0), &subscription), None);
        assert!(heard.by_others(place(1), &subscription).is_some());
        heard.give_up(place(0), &subscription);
        assert!(heard.0.is_empty());
        heard.give_up(place(0), &subscription);
    }
}
