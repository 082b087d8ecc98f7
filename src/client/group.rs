//! The connections that serve the same subscriptions, and which of them replaces another.

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::handover_backoff::HandoverBackoff;
use super::messages::ConnectionCommand;
use super::stats::ConnectionStats;
use crate::model::{ChannelPath, MonoNanos, Subscription};
use crate::publish::Readers;

/// A connection that runs, as the supervisor knows it.
pub(super) struct Connection {
    commands: UnboundedSender<ConnectionCommand>,
    /// The line that ends once this one is ready.
    replaces: Option<usize>,
    /// Whether another has replaced it, so that it is about to end.
    is_draining: bool,
}

impl Connection {
    /// A connection that takes commands there, and that replaces another line where one is named.
    pub(super) const fn new(
        commands: UnboundedSender<ConnectionCommand>,
        replaces: Option<usize>,
    ) -> Self {
        Self { commands, replaces, is_draining: false }
    }

    /// Its counters; `None` where it has just ended.
    pub(super) async fn stats(&self) -> Option<ConnectionStats> {
        let (sender, receiver) = oneshot::channel();
        self.send(ConnectionCommand::Stats(sender));
        receiver.await.ok()
    }

    /// Sends a command. A connection that has ended needs none.
    pub(super) fn send(&self, command: ConnectionCommand) {
        let _ = self.commands.send(command);
    }
}

/// Subscriptions, and the redundant connections that serve them.
///
/// This is the one owner of what is subscribed: each connection is sent every difference, in order.
pub(super) struct Group {
    /// The path that serves them; `None` where one URL serves all.
    path: Option<ChannelPath>,
    subscriptions: Vec<Subscription>,
    /// By line; `None` where a connection was replaced.
    connections: Vec<Option<Connection>>,
    handovers: HandoverBackoff,
}

impl Group {
    pub(super) fn new(path: Option<ChannelPath>, subscriptions: Vec<Subscription>) -> Self {
        let handovers = HandoverBackoff::default();
        Self { path, subscriptions, connections: Vec::new(), handovers }
    }

    /// The path that serves the subscriptions; `None` where one URL serves all.
    pub(super) const fn path(&self) -> Option<ChannelPath> {
        self.path
    }

    /// What is subscribed.
    pub(super) fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Subscribes on each connection. `reply` is for the readers, where they were not given yet.
    pub(super) fn subscribe(
        &mut self,
        subscription: Subscription,
        mut reply: Option<mpsc::Sender<Readers>>,
    ) {
        if !self.subscriptions.contains(&subscription) {
            self.subscriptions.push(subscription);
        }
        for connection in self.connections() {
            connection.send(ConnectionCommand::Subscribe(subscription, reply.take()));
        }
    }

    /// Ends a subscription on each connection.
    pub(super) fn unsubscribe(&mut self, subscription: &Subscription) {
        self.subscriptions.retain(|other| other != subscription);
        self.broadcast_unsubscribe(subscription);
    }

    /// Ends the second half of the subscriptions on each connection, and returns it.
    pub(super) fn split_off_half(&mut self) -> Vec<Subscription> {
        let moved = self.subscriptions.split_off(self.subscriptions.len().div_ceil(2));
        moved.iter().for_each(|subscription| self.broadcast_unsubscribe(subscription));
        moved
    }

    /// Passes on to each connection that the instrument of one that was ended has a new id.
    #[cfg(feature = "rest")]
    pub(super) fn rename(&self, old: Subscription, new: Subscription) {
        for connection in self.connections() {
            connection.send(ConnectionCommand::Renamed(old, new));
        }
    }

    fn broadcast_unsubscribe(&self, subscription: &Subscription) {
        for connection in self.connections() {
            connection.send(ConnectionCommand::Unsubscribe(*subscription));
        }
    }

    /// The connections that run.
    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().flatten()
    }

    /// Adds the connection of a line.
    pub(super) fn insert(&mut self, line: usize, connection: Connection) {
        if self.connections.len() <= line {
            self.connections.resize_with(line + 1, || None);
        }
        if let Some(free) = self.connections.get_mut(line) {
            *free = Some(connection);
        }
    }

    /// Removes the connection of a line, which has ended.
    pub(super) fn remove(&mut self, line: usize) {
        if let Some(ended) = self.connections.get_mut(line) {
            *ended = None;
        }
    }

    /// The first line that no connection has.
    pub(super) fn free_line(&self) -> usize {
        self.connections.iter().position(Option::is_none).unwrap_or(self.connections.len())
    }

    /// Whether the connection of a line is to replace another that has not ended yet.
    pub(super) fn is_replacement(&self, line: usize) -> bool {
        self.connection(line).is_some_and(|connection| connection.replaces.is_some())
    }

    /// Whether the connection of a line may be replaced: not where it is a replacement itself, has
    /// one, or is about to end, since an exchange that announces an upgrade on every connection
    /// must not cause ever more of them.
    pub(super) fn may_be_replaced(&self, line: usize) -> bool {
        let found = self.connection(line);
        found.is_some_and(|connection| connection.replaces.is_none() && !connection.is_draining)
            && !self.connections().any(|other| other.replaces == Some(line))
    }

    /// Records a handover at `now`.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub(super) fn try_handover(&mut self, now: MonoNanos) -> Result<(), Duration> {
        self.handovers.try_acquire(now)
    }

    /// The connection of a line is ready: the one that it replaces, if any, drains. Returns whether
    /// there was one.
    pub(super) fn complete_handover(&mut self, line: usize) -> bool {
        let ready = self.connections.get_mut(line).and_then(Option::as_mut);
        let replaced = ready.and_then(|connection| connection.replaces.take());
        match replaced.and_then(|line| self.connections.get_mut(line)) {
            Some(Some(replaced)) => {
                replaced.is_draining = true;
                replaced.send(ConnectionCommand::Drain);
                true
            }
            _ => false,
        }
    }

    /// The connection of a line; `None` where it was replaced.
    pub(super) fn connection(&self, line: usize) -> Option<&Connection> {
        self.connections.get(line)?.as_ref()
    }
}
