//! Order books of one connection that wait for a REST snapshot, in place of being subscribed again.

use super::ConnectionDriver;
use super::frames::on_state;
use crate::book::{BookSync, DepthAction, DepthUpdate};
use crate::client::history::BookAsk;
use crate::event::{DepthChange, Event, EventSink};
use crate::model::{BookState, Channel, Origin, Subscription};
use crate::rest::RestError;
use crate::rest::join::{BookJoin, BookJoinStep};
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

    /// Begins for a book that is broken; false where its channel has no such snapshots.
    #[cold]
    pub(super) fn begin(&mut self, subscription: &Subscription) -> bool {
        // The REST books have 400 levels, and numbers of the same line as these channels.
        let is_joined = matches!(subscription.channel(), Channel::Books | Channel::BooksL2Tbt);
        if !self.enabled || !is_joined {
            return false;
        }
        if !self.joins.iter().any(|(of, _)| of == subscription) {
            let join = BookJoin::new(*subscription.inst_id());
            self.asks.push(BookAsk::now(*subscription, join.request()));
            self.joins.push((*subscription, join));
        }
        true
    }

    /// Keeps an update of a book that waits. Begins for one that has an update and no snapshot.
    #[inline]
    pub(super) fn on_change(&mut self, change: &DepthChange<'_>) {
        let lacks_snapshot = change.outcome.sync == BookSync::NoSnapshot;
        if self.enabled && (lacks_snapshot || !self.joins.is_empty()) {
            self.keep(change);
        }
    }

    #[cold]
    fn keep(&mut self, change: &DepthChange<'_>) {
        let topic = change.update.topic;
        let is_of = |of: &Subscription| of.topic() == topic;
        if change.outcome.sync == BookSync::NoSnapshot
            && change.update.action == DepthAction::Update
            && !self.joins.iter().any(|(of, _)| is_of(of))
            && let Ok(subscription) = topic.to_string().parse()
        {
            self.begin(&subscription);
        }
        // A snapshot of the exchange itself is as good.
        let known = change.book.view().seq();
        self.joins.retain_mut(|(of, join)| !is_of(of) || !join.on_update(change.update, known));
    }

    /// A book whose snapshot an update may continue by now.
    fn ready(&self) -> Option<Subscription> {
        self.joins.iter().find(|(_, join)| join.is_ready()).map(|(of, _)| *of)
    }

    /// Forgets all: the connection is lost.
    pub(super) fn clear(&mut self) {
        self.joins.clear();
        self.asks.clear();
    }
}

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Joins the books that can be, and asks for the snapshots that are needed. To be called after
    /// each frame.
    #[inline]
    pub(super) fn join_books(&mut self) {
        if !self.book_joins.joins.is_empty() {
            self.join_ready_books();
        }
    }

    #[cold]
    fn join_ready_books(&mut self) {
        while let Some(subscription) = self.book_joins.ready() {
            self.join_book(&subscription, None);
        }
        let asks = std::mem::take(&mut self.book_joins.asks);
        self.shared.lock().ask_for_books(self.id, asks);
    }

    /// Takes a snapshot, or why there is none: then the book is subscribed again.
    pub(super) fn on_book_snapshot(
        &mut self,
        subscription: &Subscription,
        rows: Result<String, RestError>,
    ) {
        self.join_book(subscription, Some(rows));
        self.join_books();
    }

    /// Joins a book with a new snapshot, or with the one that waits.
    fn join_book(&mut self, subscription: &Subscription, rows: Option<Result<String, RestError>>) {
        let (mono, wall) = self.clock.now();
        let Self { handler, session, shared, id, states_changed, book_joins, .. } = self;
        let at = book_joins.joins.iter().position(|(of, _)| of == subscription);
        let Some((_, mut join)) = at.map(|at| book_joins.joins.swap_remove(at)) else { return };
        let step = {
            let mut shared = shared.lock();
            let sink = &mut |event: &Event<'_>| {
                match event {
                    Event::State(change) => {
                        *states_changed = true;
                        let is_broken = change.to == BookState::Resyncing;
                        if !is_broken || !book_joins.begin(change.subscription) {
                            on_state(session, change, mono);
                        }
                    }
                    Event::DepthBook(change) => session.handle_depth(change, mono),
                    _ => {}
                }
                shared.on_event(*id, event);
            };
            let pass = &mut |update: &DepthUpdate<'_>| {
                let is_snapshot = update.action == DepthAction::Snapshot;
                let origin = if is_snapshot { Origin::History } else { Origin::Live };
                handler.apply_depth(update, origin, sink);
            };
            let topic = subscription.topic();
            let why = match rows {
                None => Ok(join.join(topic, pass)),
                Some(Err(error)) => Err(error.to_string()),
                Some(Ok(rows)) => {
                    let joined = join.on_rows(topic, &rows, wall, pass);
                    joined.map_err(|error| error.to_string())
                }
            };
            why.unwrap_or_else(|why| {
                tracing::warn!(%subscription, why, "there is no REST book");
                BookJoinStep::Failed
            })
        };
        match step {
            BookJoinStep::Joined => tracing::debug!(%subscription, "joined with a REST book"),
            BookJoinStep::Failed => session.resync(subscription, mono),
            BookJoinStep::Waiting => book_joins.joins.push((*subscription, join)),
            BookJoinStep::Again(pause) => {
                let request = join.request();
                book_joins.asks.push(BookAsk { subscription: *subscription, request, pause });
                book_joins.joins.push((*subscription, join));
            }
        }
    }
}
