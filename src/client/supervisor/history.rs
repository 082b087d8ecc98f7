//! What comes from the REST interface, on its way to the joins.

use tokio::sync::mpsc::UnboundedReceiver;

use super::Supervisor;
use crate::client::history::{History, HistoryReply, Purpose};
use crate::client::messages::ConnectionCommand;
use crate::event::EventSink;

impl<S: EventSink + 'static> Supervisor<S> {
    /// Joins trades with their history, where that is wanted.
    pub(in crate::client) fn with_history(mut self, history: Option<History>) -> Self {
        if let Some((joins, replies)) = history {
            self.shared.borrow_mut().set_joins(joins);
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

    /// Passes a reply on to who has asked.
    pub(super) fn on_history(&self, reply: HistoryReply) {
        let HistoryReply { purpose, rows } = reply;
        match purpose {
            Purpose::Trades(n) => {
                let now = self.clock.now().1;
                self.shared.borrow_mut().on_history(n, rows, now);
            }
            Purpose::Book(id, subscription) => {
                let group = self.groups.get(id.group);
                if let Some(connection) = group.and_then(|group| group.connection(id.line)) {
                    let rows = Box::new(rows);
                    connection.send(ConnectionCommand::BookSnapshot(subscription, rows));
                }
            }
        }
    }
}
