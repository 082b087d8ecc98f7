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
    joins: Vec<Joining>,
    /// What is to be asked for.
    asks: Vec<BookAsk>,
}

/// A book that waits.
#[derive(Debug)]
struct Joining {
    subscription: Subscription,
    join: BookJoin,
    /// The number of its last request. The reply to another one is of before the subscription was
    /// made again, and may not fit what has come since.
    asked: Option<u64>,
}

impl BookJoins {
    pub(super) const fn new(enabled: bool) -> Self {
        Self { enabled, joins: Vec::new(), asks: Vec::new() }
    }

    /// Whether a broken book of a subscription is joined with a snapshot.
    pub(super) fn has(&self, subscription: &Subscription) -> bool {
        self.enabled && subscription.channel().has_rest_snapshot()
    }

    /// Processes a change of a book. Begins where it is not live.
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
        let at = self.joins.iter().position(|of| of.subscription.topic() == topic);
        let mut joining = match at {
            Some(at) => self.joins.swap_remove(at),
            None if change.outcome.sync == BookSync::Live => return,
            None => {
                let Ok(subscription) = topic.to_string().parse::<Subscription>() else { return };
                if !self.has(&subscription) {
                    return;
                }
                let join = BookJoin::new(*subscription.inst_id());
                Joining { subscription, join, asked: None }
            }
        };
        let step = joining.join.on_applied(&change.outcome);
        self.go_on(joining, step, session, now);
    }

    /// Does the next step of a join.
    fn go_on(
        &mut self,
        joining: Joining,
        step: BookJoinStep,
        session: &mut Session,
        now: MonoNanos,
    ) {
        let Joining { subscription, join, .. } = &joining;
        let subscription = *subscription;
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
        self.joins.push(joining);
    }

    /// Notes the number of the request that was made for a book.
    fn note_asked(&mut self, subscription: &Subscription, number: Option<u64>) {
        let joining = self.joins.iter_mut().find(|of| of.subscription == *subscription);
        if let Some(joining) = joining {
            joining.asked = number;
        }
    }

    /// Takes the book out that waits for the reply to a request. `None` if none does: a snapshot of
    /// the exchange itself has come first, or the subscription was made again.
    fn take(&mut self, subscription: &Subscription, number: u64) -> Option<Joining> {
        let waits = |of: &Joining| of.subscription == *subscription && of.asked == Some(number);
        let at = self.joins.iter().position(waits)?;
        Some(self.joins.swap_remove(at))
    }

    /// Forgets a book that is unsubscribed.
    pub(super) fn remove(&mut self, subscription: &Subscription) {
        self.joins.retain(|of| of.subscription != *subscription);
        self.asks.retain(|ask| ask.subscription != *subscription);
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
            let mut shared = self.shared.lock();
            for ask in std::mem::take(&mut self.book_joins.asks) {
                let subscription = ask.subscription;
                let number = shared.ask_for_book(self.id, ask);
                self.book_joins.note_asked(&subscription, number);
            }
        }
    }

    /// Processes a snapshot, or why there is none: then a book that is not live is subscribed
    /// again.
    pub(super) fn on_book_snapshot(
        &mut self,
        subscription: &Subscription,
        number: u64,
        rows: Result<String, RestError>,
    ) {
        let (mono, wall) = self.clock.now();
        let Self { handler, session, shared, id, states_changed, book_joins, .. } = self;
        let Some(mut joining) = book_joins.take(subscription, number) else { return };
        let join = &mut joining.join;
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
        book_joins.go_on(joining, step, session, mono);
        self.ask_for_books();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dialect;
    use crate::session::SessionConfig;
    use std::time::Duration;

    #[test]
    fn a_reply_to_a_request_of_before_the_connection_was_lost_is_not_used() {
        let of: Subscription = "books:BTC-USDT".parse().unwrap();
        let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
        let mut joins = BookJoins::new(true);
        let begin = |joins: &mut BookJoins, session: &mut Session, number| {
            let join = BookJoin::new(*of.inst_id());
            let joining = Joining { subscription: of, join, asked: None };
            let step = BookJoinStep::Request(Duration::ZERO);
            joins.go_on(joining, step, session, MonoNanos::ZERO);
            assert_eq!(std::mem::take(&mut joins.asks).len(), 1);
            joins.note_asked(&of, Some(number));
        };
        begin(&mut joins, &mut session, 1);
        joins.clear();
        // The book breaks on the next connection too, and is requested.
        begin(&mut joins, &mut session, 2);
        assert!(joins.take(&of, 1).is_none());
        assert!(joins.take(&of, 2).is_some() && joins.take(&of, 2).is_none());
        // As after an unsubscribe request, with which what was not asked yet ends.
        begin(&mut joins, &mut session, 3);
        joins.remove(&of);
        begin(&mut joins, &mut session, 4);
        assert!(joins.take(&of, 3).is_none() && joins.take(&of, 4).is_some());
    }
}
