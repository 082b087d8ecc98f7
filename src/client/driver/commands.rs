//! What the supervisor asks of a connection.

use std::time::Duration;

use super::{ConnectionDriver, Lifecycle};
use crate::client::connection_id::ConnectionId;
use crate::client::messages::ConnectionCommand;
use crate::client::shared::ClientShared;
use crate::event::{Event, EventSink};
use crate::feed::FeedHandler;
use crate::model::Subscription;
use crate::publish::Readers;
use crate::transport::Transport;

/// How long requests are gathered before they are sent: each call of the client waits for its
/// answer, so that commands never queue up, and an hour has few requests.
const REQUEST_DELAY: Duration = Duration::from_millis(10);

/// How long a connection that was replaced goes on: what its replacement could not see may still
/// come.
const DRAIN_TIME: Duration = Duration::from_secs(1);

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    pub(super) fn on_command(&mut self, command: Option<ConnectionCommand>) {
        match command {
            Some(ConnectionCommand::Subscribe(subscription, reply)) => {
                let readers = self.subscribe(subscription);
                if let Some(reply) = reply {
                    // A caller that does not wait any more needs no answer.
                    let _ = reply.send(readers);
                }
            }
            Some(ConnectionCommand::Unsubscribe(subscription)) => self.unsubscribe(&subscription),
            #[cfg(feature = "rest")]
            Some(ConnectionCommand::Renamed(old, new)) => {
                self.session.handle_rename(&old, new, self.clock.mono());
            }
            // A caller that does not wait any more needs no answer.
            Some(ConnectionCommand::Stats(reply)) => drop(reply.send(self.stats())),
            #[cfg(feature = "rest")]
            Some(ConnectionCommand::BookSnapshot(subscription, number, rows)) => {
                self.on_book_snapshot(&subscription, number, *rows);
            }
            #[cfg(feature = "rest")]
            Some(ConnectionCommand::Snapshot(of, body)) => self.on_snapshot(&of, body),
            Some(ConnectionCommand::Drain) if self.session.is_open() => {
                let until = self.clock.mono() + DRAIN_TIME;
                self.lifecycle = Lifecycle::Draining { until };
            }
            Some(ConnectionCommand::Drain | ConnectionCommand::Stop) | None => {
                self.lifecycle = Lifecycle::Stopping;
            }
        }
    }

    /// Has an arbiter take over what the handler has, which must be exactly what the supervisor
    /// has subscribed: the commands that have been sent are applied before. The supervisor sends
    /// them with the lock held, so that none can come in between.
    pub(super) fn with_all_commands_applied(
        &mut self,
        take_over: impl Fn(&mut ClientShared<S>, &mut FeedHandler, ConnectionId, usize),
    ) {
        loop {
            while let Some(command) = self.signals.try_command() {
                self.on_command(Some(command));
            }
            let Self { shared, signals, id, handler, requested, .. } = self;
            let mut shared = shared.lock();
            if signals.has_no_command() {
                return take_over(&mut shared, handler, *id, *requested);
            }
        }
    }

    fn subscribe(&mut self, subscription: Subscription) -> Readers {
        let (mono, wall) = self.clock.now();
        // The handle has refused what is of the other dialect.
        let _ = self.handler.subscribe(subscription);
        self.record_subscriptions(wall);
        // There may be an arbiter since this was requested.
        let merged = self.shared.lock().subscribe(self.id.group, subscription);
        let readers = merged.unwrap_or_else(|| self.handler.readers(&subscription));
        self.session.queue_subscribe(subscription, mono);
        self.requested += 1;
        self.send_at.get_or_insert(mono + REQUEST_DELAY);
        readers
    }

    fn unsubscribe(&mut self, subscription: &Subscription) {
        let (mono, wall) = self.clock.now();
        let Self { handler, session, shared, id, .. } = self;
        let mut shared = shared.lock();
        let sink = &mut |event: &Event<'_>| shared.on_event(*id, event);
        handler.unsubscribe(subscription, wall, sink);
        shared.received.remove(*id, subscription);
        session.queue_unsubscribe(subscription);
        self.send_at.get_or_insert(mono + REQUEST_DELAY);
        self.states_changed = true;
        drop(shared);
        #[cfg(feature = "rest")]
        self.book_joins.remove(subscription);
        self.record_subscriptions(wall);
    }
}
