//! What all connections share of the REST interface: joins, selections, and what they ask for.

use super::{ClientShared, ClientSink};
use crate::client::connection_id::ConnectionId;
use crate::client::error::ClientError;
use crate::client::history::{BookAsk, TradeJoins};
use crate::client::selections::Selections;
use crate::client::snapshot_fetcher::SnapshotAsk;
use crate::event::EventSink;
use crate::model::{Selection, Subscription, UnixNanos};
use crate::rest::{RestError, join::JoinStats};

impl<S: EventSink> ClientShared<S> {
    /// Joins trades with their history and follows selections from now on.
    pub(in crate::client) fn set_history(
        &mut self,
        joins: TradeJoins,
        selections: Option<Selections>,
    ) {
        self.sink.joins = Some(joins);
        self.sink.selections = selections;
        if let Some(selections) = &mut self.sink.selections {
            selections.set_supervisor(self.events.clone());
        }
    }

    /// Replaces the selections, and returns the channels that these need besides.
    ///
    /// # Errors
    /// [`ClientError::NoSelection`] where the client can't select, and those of
    /// [`Selections::replace`].
    pub(in crate::client) fn set_selections(
        &mut self,
        all: Vec<Selection>,
    ) -> Result<Vec<Subscription>, ClientError> {
        let why = "the client began without; see ClientBuilder::selectable";
        let selections = self.sink.selections.as_mut().ok_or(ClientError::NoSelection(why))?;
        let channels = selections.replace(all)?;
        self.sink.ask_for_lists();
        Ok(channels)
    }

    /// Notes what the caller has subscribed or ended itself.
    pub(in crate::client) fn set_own(&mut self, subscription: &Subscription, is_own: bool) {
        if let Some(selections) = &mut self.sink.selections {
            selections.set_own(subscription, is_own);
        }
    }

    /// Applies a list of instruments.
    pub(in crate::client) fn on_instruments(
        &mut self,
        n: usize,
        rows: Result<String, RestError>,
        now: UnixNanos,
    ) {
        if let Some(selections) = &mut self.sink.selections {
            selections.on_list(n, rows, now);
            self.sink.ask_for_lists();
        }
    }

    /// Processes a reply for the joins.
    pub(in crate::client) fn on_history(
        &mut self,
        n: usize,
        rows: Result<String, RestError>,
        now: UnixNanos,
    ) {
        let ClientSink { sink, joins, .. } = &mut self.sink;
        if let Some(joins) = joins {
            joins.on_reply(n, rows, now, sink);
        }
    }

    /// Asks for a REST snapshot of a book of a connection. Gives the number of the request.
    pub(in crate::client) fn ask_for_book(
        &mut self,
        id: ConnectionId,
        ask: BookAsk,
    ) -> Option<u64> {
        self.sink.joins.as_mut().map(|joins| joins.ask_for_book(id, ask))
    }

    /// Asks for a snapshot in SBE.
    pub(in crate::client) fn ask_for_snapshot(&self, ask: SnapshotAsk) {
        if let Some(joins) = &self.sink.joins {
            joins.ask_for_snapshot(ask);
        }
    }

    /// What the join of each subscription has done.
    pub(in crate::client) fn join_stats(&self) -> Vec<(Subscription, JoinStats)> {
        self.sink.joins.iter().flat_map(TradeJoins::stats).collect()
    }
}

impl<S> ClientSink<S> {
    /// Asks for the lists of instruments that the selections need.
    #[cold]
    pub(super) fn ask_for_lists(&mut self) {
        if let (Some(selections), Some(joins)) = (&mut self.selections, &self.joins) {
            joins.ask_for_lists(selections.take_asks());
        }
    }
}
