//! Order books of one connection that wait for a REST snapshot, in place of being subscribed again.

use std::cell::Cell;

use super::ConnectionDriver;
use super::frames::on_state;
use crate::book::BookSync;
use crate::client::history::BookAsk;
use crate::event::{DepthChange, Event, EventSink};
use crate::model::{MonoNanos, Origin, Subscription};
use crate::rest::RestError;
use crate::rest::join::{BookJoin, BookJoinStep};
use crate::session::Session;
use crate::transport::Transport;

/// The order books that wait for a snapshot.
#[derive(Debug, Default)]
pub(super) struct BookJoins {
    /// Whether books are joined with snapshots at all.
    enabled: bool,
    joins: Vec<(Subscription, BookJoin)>,
    /// What is to be asked for.
    asks: Vec<BookAsk>,
}

impl BookJoins {
    pub(super) const fn new(enabled: bool) -> Self {
        Self { enabled, joins: Vec::new(), asks: Vec::new() }
    }

    /// Whether a broken book of a subscription is joined with a snapshot.
    pub(super) fn has(&self, subscription: &Subscription) -> bool {
        self.enabled && subscription.channel().has_rest_snapshot()
    }

    /// Takes a change of a book. Begins where it is not live.
    #[inline]
    pub(super) fn on_change(
        &mut self,
        change: &DepthChange<'_>,
        session: &mut Session,
        now: MonoNanos,
    ) {
        let is_live = change.outcome.sync == BookSync::Live;
        if self.enabled && (!is_live || !self.joins.is_empty()) {
            self.on_any_change(change, session, now);
        }
    }

    #[cold]
    fn on_any_change(&mut self, change: &DepthChange<'_>, session: &mut Session, now: MonoNanos) {
        let topic = change.update.topic;
        let at = self.joins.iter().position(|(of, _)| of.topic() == topic);
        let (subscription, mut join) = match at {
            Some(at) => self.joins.swap_remove(at),
            None if change.outcome.sync == BookSync::Live => return,
            None => {
                let Ok(subscription) = topic.to_string().parse::<Subscription>() else { return };
                if !self.has(&subscription) {
                    return;
                }
                (subscription, BookJoin::new(*subscription.inst_id()))
            }
        };
        let step = join.on_applied(&change.outcome);
        self.go_on((subscription, join), step, session, now);
    }

    /// Does the next step of a join.
    fn go_on(
        &mut self,
        (subscription, join): (Subscription, BookJoin),
        step: BookJoinStep,
        session: &mut Session,
        now: MonoNanos,
    ) {
        match step {
            BookJoinStep::Request(pause) => {
                self.asks.push(BookAsk { subscription, request: join.request(), pause });
            }
            BookJoinStep::Wait => {}
            BookJoinStep::Joined => return,
            BookJoinStep::Failed => {
                tracing::warn!(%subscription, "no REST book could be joined");
                session.resync(&subscription, now);
            }
        }
        self.joins.push((subscription, join));
    }

    /// Forgets a book that is unsubscribed.
    pub(super) fn remove(&mut self, subscription: &Subscription) {
        self.joins.retain(|(of, _)| of != subscription);
    }

    /// Forgets all: the connection is lost.
    pub(super) fn clear(&mut self) {
        self.joins.clear();
        self.asks.clear();
    }
}

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Asks for the snapshots that are needed. To be called after each frame.
    #[inline]
    pub(super) fn ask_for_books(&mut self) {
        if !self.book_joins.asks.is_empty() {
            let asks = std::mem::take(&mut self.book_joins.asks);
            self.shared.lock().ask_for_books(self.id, asks);
        }
    }

    /// Takes a snapshot, or why there is none: then a book that is not live is subscribed again.
    pub(super) fn on_book_snapshot(
        &mut self,
        subscription: &Subscription,
        rows: Result<String, RestError>,
    ) {
        let (mono, wall) = self.clock.now();
        let Self { handler, session, shared, id, states_changed, book_joins, .. } = self;
        let at = book_joins.joins.iter().position(|(of, _)| of == subscription);
        // A snapshot of the exchange itself may have come first.
        let Some((_, mut join)) = at.map(|at| book_joins.joins.swap_remove(at)) else { return };
        let mut shared = shared.lock();
        let outcome = Cell::new(None);
        let sink = &mut |event: &Event<'_>| {
            match event {
                Event::State(change) => {
                    *states_changed = true;
                    if !book_joins.has(change.subscription) || change.to.is_live() {
                        on_state(session, change, mono);
                    }
                }
                Event::DepthBook(change) => {
                    session.handle_depth(change, mono);
                    outcome.set(Some(change.outcome));
                }
                _ => {}
            }
            shared.on_event(*id, event);
        };
        let why = match rows {
            Err(error) => Err(error.to_string()),
            Ok(rows) => join
                .on_rows(subscription.topic(), &rows, wall, |snapshot| {
                    handler.apply_depth(snapshot, Origin::History, sink);
                    outcome.get()
                })
                .map_err(|error| error.to_string()),
        };
        drop(shared);
        let step = why.unwrap_or_else(|why| {
            tracing::warn!(%subscription, why, "there is no REST book");
            join.on_failure()
        });
        if step == BookJoinStep::Joined {
            tracing::debug!(%subscription, "joined with a REST book");
        }
        book_joins.go_on((*subscription, join), step, session, mono);
        self.ask_for_books();
    }
}
