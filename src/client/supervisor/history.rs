//! What comes from the REST interface, on its way to the joins.

use std::sync::mpsc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::Supervisor;
use crate::client::connection_id::ConnectionId;
use crate::client::error::ClientError;
use crate::client::history::{History, HistoryReply, Purpose};
use crate::client::messages::ConnectionCommand;
use crate::event::EventSink;
use crate::model::{Selection, Subscription};

impl<S: EventSink + Send + 'static> Supervisor<S> {
    /// Joins trades with their history, where that is wanted.
    pub(in crate::client) fn with_history(mut self, history: Option<History>) -> Self {
        if let Some(History { joins, selections, replies }) = history {
            self.shared.lock().set_history(joins, selections);
            self.history = Some(replies);
        }
        self
    }

    /// Waits for a reply of the history and passes it on; for ever where there is none.
    pub(super) async fn next_history(
        history: &mut Option<UnboundedReceiver<HistoryReply>>,
    ) -> HistoryReply {
        if let Some(reply) = match history {
            Some(replies) => replies.recv().await,
            None => None,
        } {
            return reply;
        }
        std::future::pending().await
    }

    /// Replaces the selections.
    ///
    /// # Errors
    /// Those of [`Selections::replace`](crate::client::selections::Selections::replace).
    pub(super) fn set_selections(&mut self, all: Vec<Selection>) -> Result<(), ClientError> {
        let channels = self.shared.lock().set_selections(all)?;
        channels.into_iter().for_each(|channel| self.select(channel));
        Ok(())
    }

    /// Subscribes what a selection wants. The handle gets the readers.
    pub(super) fn select(&mut self, subscription: Subscription) {
        let (sender, readers) = mpsc::channel();
        self.shared.lock().handle.selected.join(subscription, readers);
        self.subscribe(subscription, sender);
    }

    /// Ends what no selection wants any more.
    pub(super) fn deselect(&mut self, subscription: &Subscription) {
        self.shared.lock().handle.selected.leave(*subscription);
        self.unsubscribe(subscription);
    }

    /// Passes a reply on to who has asked.
    pub(super) fn on_history(&self, reply: HistoryReply) {
        let (purpose, rows) = match reply {
            HistoryReply::Rows(purpose, rows) => (purpose, rows),
            HistoryReply::Snapshot(of, body) => {
                return self.send(of.connection, ConnectionCommand::Snapshot(of, body));
            }
        };
        match purpose {
            Purpose::Trades(n) => {
                let now = self.clock.now().1;
                self.shared.lock().on_history(n, rows, now);
            }
            Purpose::Instruments(n) => {
                let now = self.clock.now().1;
                self.shared.lock().on_instruments(n, rows, now);
            }
            Purpose::Book(id, subscription, number) => {
                let rows = Box::new(rows);
                self.send(id, ConnectionCommand::BookSnapshot(subscription, number, rows));
            }
        }
    }

    /// Sends a command to a connection, where it still runs.
    fn send(&self, id: ConnectionId, command: ConnectionCommand) {
        let group = self.groups.get(id.group);
        if let Some(connection) = group.and_then(|group| group.connection(id.line)) {
            connection.send(command);
        }
    }
}
