//! Which connections there are: subscriptions are spread over groups, each group has its redundant
//! connections, and one that the exchange will close is replaced before that.

#[cfg(feature = "rest")]
mod history;

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinError, JoinSet};

use super::config::ClientConfig;
use super::connection_id::ConnectionId;
use super::driver::{ConnectionContext, ConnectionDriver};
use super::ends::{ConnectionEnd, StopReport};
use super::group::{Connection, Group};
#[cfg(feature = "rest")]
use super::history::HistoryReply;
use super::messages::{Command, ConnectionCommand, ConnectionEvent};
use super::new_group::{NewGroup, new_handler};
use super::recorder::ClientRecorder;
use super::routes::Routes;
use super::shared::{ClientShared, HandleState, SharedCell};
use super::stats::{ClientStats, ConnectionStats};
use super::stats_board::StatsBoard;
use super::threads::Threads;
use crate::event::EventSink;
use crate::feed::{FeedHandler, SubscriptionNumbers};
use crate::model::Subscription;
use crate::publish::Readers;
use crate::transport::Clock;

/// How long all connections together may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Spreads subscriptions over groups, and opens, replaces and stops their connections.
pub(super) struct Supervisor<S> {
    config: Arc<ClientConfig>,
    routes: Routes,
    shared: SharedCell<S>,
    clock: Clock,
    numbers: SubscriptionNumbers,
    commands: UnboundedReceiver<Command>,
    events: UnboundedReceiver<ConnectionEvent>,
    groups: Vec<Group>,
    tasks: JoinSet<ConnectionEnd>,
    threads: Threads,
    /// The connections whose replacement is retried later: once each, however often it is
    /// requested.
    retries: HashSet<ConnectionId>,
    /// How many subscriptions a connection takes: fewer than configured once the exchange has said
    /// so.
    max_subscriptions: usize,
    /// Where the counters are published, with those of the connections that have ended.
    board: StatsBoard,
    /// Where the history of trades comes in.
    #[cfg(feature = "rest")]
    history: Option<UnboundedReceiver<HistoryReply>>,
}

impl<S: EventSink + Send + 'static> Supervisor<S> {
    /// Opens the connections of the groups; it must be inside a `LocalSet` already.
    pub(super) fn start(
        config: ClientConfig,
        routes: Routes,
        groups: Vec<NewGroup>,
        sink: S,
        recorder: ClientRecorder,
        commands: UnboundedReceiver<Command>,
        handle: HandleState,
    ) -> Self {
        let (reports, events) = unbounded_channel();
        let (clock, numbers) = (handle.clock.clone(), handle.numbers.clone());
        let threads = Threads::of(&config, &handle);
        let board = handle.stats.clone();
        let shared = ClientShared::new(sink, reports, handle).with_recorder(recorder);
        let mut supervisor = Self {
            max_subscriptions: config.max_subscriptions_per_connection.max(1),
            config: Arc::new(config),
            routes,
            clock,
            numbers,
            shared: SharedCell::new(shared),
            commands,
            events,
            groups: Vec::new(),
            retries: HashSet::new(),
            tasks: JoinSet::new(),
            threads,
            board,
            #[cfg(feature = "rest")]
            history: None,
        };
        groups.into_iter().for_each(|group| supervisor.add(group));
        supervisor
    }

    /// Runs until the handle says stop or is gone.
    pub(super) async fn run(mut self) -> StopReport {
        loop {
            #[cfg(feature = "rest")]
            let history = Self::next_history(&mut self.history);
            #[cfg(not(feature = "rest"))]
            let history = std::future::pending::<std::convert::Infallible>();
            tokio::select! {
                reply = history => self.on_history(reply),
                command = self.commands.recv() => match command {
                    Some(Command::Subscribe(subscription, reply)) => {
                        #[cfg(feature = "rest")]
                        self.shared.lock().set_own(&subscription, true);
                        self.subscribe(subscription, reply);
                    }
                    Some(Command::Unsubscribe(subscription)) => {
                        #[cfg(feature = "rest")]
                        self.shared.lock().set_own(&subscription, false);
                        self.unsubscribe(&subscription);
                    }
                    #[cfg(feature = "rest")]
                    Some(Command::Select(selections, reply)) => {
                        // A caller that does not wait any more needs no answer.
                        let _ = reply.send(self.set_selections(selections));
                    }
                    Some(Command::Stats(reply)) => {
                        let _ = reply.send(self.stats().await);
                    }
                    Some(Command::Connections(reply)) => {
                        let _ = reply.send(self.connections().await);
                    }
                    Some(Command::Events(queue)) => {
                        self.shared.lock().add_events(queue);
                    }
                    Some(Command::Stop) | None => break,
                },
                Some(event) = self.events.recv() => self.on_event(event),
                Some(ended) = self.tasks.join_next() => self.on_ended(ended),
            }
        }
        self.stop().await
    }

    #[cfg(not(feature = "rest"))]
    const fn on_history(&self, reply: std::convert::Infallible) {
        match reply {}
    }

    fn add(&mut self, new: NewGroup) {
        let group = self.groups.len();
        let (path, subscriptions, arbiter, handlers) = new.into_parts();
        self.shared.lock().add_group(arbiter);
        self.groups.push(Group::new(path, subscriptions));
        for (line, handler) in handlers.into_iter().enumerate() {
            self.open(ConnectionId { group, line }, handler, None);
        }
    }

    /// Opens a connection, which replaces another line of its group where one is named.
    fn open(&mut self, id: ConnectionId, handler: FeedHandler, replaces: Option<usize>) {
        let Some(group) = self.groups.get_mut(id.group) else { return };
        let path = group.path();
        let transport = self.routes.transport(path);
        let (sender, commands) = unbounded_channel();
        let (config, shared) = (Arc::clone(&self.config), self.shared.clone());
        let clock = self.clock.clone();
        let published = self.board.open(ConnectionStats::new(id));
        self.shared.lock().handle.health.begun();
        let context = ConnectionContext { id, path, config, shared, clock, commands, published };
        let is_replacement = replaces.is_some();
        let run = move |thread| {
            let mut driver = ConnectionDriver::new(context, transport, handler, thread);
            if is_replacement {
                driver.request_ready_report();
            }
            driver.run()
        };
        match &mut self.threads {
            Threads::PerConnection(threads) => self.tasks.spawn_local(threads.run(id, run)),
            Threads::One(thread) => self.tasks.spawn_local(run(Rc::clone(thread))),
        };
        group.insert(id.line, Connection::new(sender, replaces));
    }

    /// Subscribes in the group that has it already, or in one of its path with room, or in a new
    /// one.
    fn subscribe(&mut self, subscription: Subscription, reply: mpsc::Sender<Readers>) {
        let has = |group: &Group| group.subscriptions().contains(&subscription);
        let most = self.max_subscriptions;
        let path = self.routes.path_of(&subscription);
        let room = |group: &Group| group.path() == path && group.subscriptions().len() < most;
        let found = self.groups.iter().position(has);
        let Some(at) = found.or_else(|| self.groups.iter().position(room)) else {
            let mut group = NewGroup::new(&self.config, &self.numbers, path, &[subscription]);
            let _ = reply.send(group.readers(&subscription));
            return self.add(group);
        };
        let mut reply = Some(reply);
        // Commands are sent with the lock held, see `ConnectionDriver::with_all_commands_applied`.
        let mut shared = self.shared.lock();
        let merged = shared.subscribe(at, subscription);
        if let Some(readers) = merged
            && let Some(reply) = reply.take()
        {
            let _ = reply.send(readers);
        }
        if let Some(group) = self.groups.get_mut(at) {
            group.subscribe(subscription, reply);
        }
    }

    fn unsubscribe(&mut self, subscription: &Subscription) {
        let has = |group: &Group| group.subscriptions().contains(subscription);
        let Some(at) = self.groups.iter().position(has) else { return };
        let Some(group) = self.groups.get_mut(at) else { return };
        let now = self.clock.now().1;
        let mut shared = self.shared.lock();
        group.unsubscribe(subscription);
        shared.unsubscribe(at, subscription, now);
    }

    fn on_event(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::ReplacementRequested(id) => self.replace(id),
            ConnectionEvent::ReplacementRetry(id) => {
                // Not where that connection has ended and another has its id.
                if self.retries.remove(&id) {
                    self.replace(id);
                }
            }
            ConnectionEvent::Ready(id) => self.complete_handover(id),
            ConnectionEvent::TooManyChannels(id, count) => self.split(id, count),
            #[cfg(feature = "rest")]
            ConnectionEvent::Selected(subscription) => self.select(subscription),
            #[cfg(feature = "rest")]
            ConnectionEvent::Deselected(subscription) => self.deselect(&subscription),
            #[cfg(feature = "rest")]
            ConnectionEvent::MissingLists(count) => {
                self.shared.lock().handle.selected.set_missing_lists(count);
            }
            #[cfg(feature = "rest")]
            ConnectionEvent::Renamed(old, new) => {
                self.groups.iter().for_each(|group| group.rename(old, new));
            }
        }
    }

    /// Moves half of what a connection has to a connection of its own: the exchange says that it is
    /// too much for one. Each line of a group says so; the first that does is enough.
    fn split(&mut self, id: ConnectionId, count: usize) {
        let Some(group) = self.groups.get_mut(id.group) else { return };
        let len = group.subscriptions().len();
        if len < count || len < 2 {
            return;
        }
        tracing::warn!(len, "too many channels for one connection: half of them get another");
        let mut shared = self.shared.lock();
        let moved = group.split_off_half();
        self.max_subscriptions = self.max_subscriptions.min(len.div_ceil(2));
        let (path, lines) = (group.path(), self.config.redundancy.max(1));
        let now = self.clock.now().1;
        let arbiter = shared.split_off(id.group, &moved, lines, now);
        drop(shared);
        let mut new = NewGroup::new(&self.config, &self.numbers, path, &moved);
        if let Some(arbiter) = arbiter {
            new.set_arbiter(arbiter);
        }
        self.add(new);
    }

    /// Retries a replacement after a pause, unless a retry is planned already.
    fn retry_later(&mut self, id: ConnectionId, pause: Duration) {
        if !self.retries.insert(id) {
            return;
        }
        let events = self.shared.lock().events();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(pause).await;
            // Without a supervisor everything has ended.
            let _ = events.send(ConnectionEvent::ReplacementRetry(id));
        });
    }

    /// Opens a connection that replaces one that the exchange will soon close.
    fn replace(&mut self, old: ConnectionId) {
        let Some(group) = self.groups.get_mut(old.group) else { return };
        if !group.may_be_replaced(old.line) {
            if group.is_replacement(old.line) {
                // A fleet that is upgraded announces it on each new connection: once the old one is
                // gone, this one will need a replacement too.
                self.retry_later(old, self.config.upgrade_retry_delay);
            }
            return;
        }
        if let Err(pause) = group.try_handover(self.clock.mono()) {
            return self.retry_later(old, pause);
        }
        let id = ConnectionId { group: old.group, line: group.free_line() };
        let (path, subscriptions) = (group.path(), group.subscriptions());
        let handler = new_handler(&self.config, &self.numbers, path, subscriptions);
        self.shared.lock().open_line(id);
        self.open(id, handler, Some(old.line));
    }

    /// A connection is ready: the one that it replaces may go.
    fn complete_handover(&mut self, id: ConnectionId) {
        let Some(group) = self.groups.get_mut(id.group) else { return };
        if group.complete_handover(id.line) {
            tracing::info!("another connection has taken over");
        }
    }

    /// A connection has ended: replaced, or by a panic of the sink, which ends everything.
    fn on_ended(&mut self, ended: Result<ConnectionEnd, JoinError>) {
        match ended {
            Ok(ended) => {
                self.retries.remove(&ended.id);
                if let Some(group) = self.groups.get_mut(ended.id.group) {
                    group.remove(ended.id.line);
                }
                let now = self.clock.now().1;
                self.shared.lock().close_line(ended.id, now);
                self.board.close(&ended.published, &ended.stats);
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }

    async fn connections(&self) -> Vec<ConnectionStats> {
        let mut all = Vec::new();
        for connection in self.groups.iter().flat_map(Group::connections) {
            all.extend(connection.stats().await);
        }
        all
    }

    /// All counters. Those of a connection that is about to end are in what it leaves behind, so
    /// that no sum ever falls.
    async fn stats(&mut self) -> ClientStats {
        loop {
            let (stats, is_whole) = self.stats_of_connections().await;
            if is_whole {
                return stats;
            }
            let Some(ended) = self.tasks.join_next().await else { return stats };
            self.on_ended(ended);
        }
    }

    /// All counters, and whether every connection has answered.
    async fn stats_of_connections(&self) -> (ClientStats, bool) {
        let recovery = self.shared.lock().recovery().clone();
        let mut stats = self.board.sums(recovery);
        let mut is_whole = true;
        for connection in self.groups.iter().flat_map(Group::connections) {
            match connection.stats().await {
                Some(counters) => stats.add_running(counters),
                None => is_whole = false,
            }
        }
        for lines in self.shared.lock().line_stats() {
            stats.add_lines(lines);
        }
        #[cfg(feature = "rest")]
        {
            stats.joins = self.shared.lock().join_stats();
        }
        (stats, is_whole)
    }

    /// Stops every connection, all at once and within a bound.
    async fn stop(mut self) -> StopReport {
        self.groups
            .iter()
            .flat_map(Group::connections)
            .for_each(|connection| connection.send(ConnectionCommand::Stop));
        let mut report = StopReport::default();
        let deadline = tokio::time::sleep(STOP_TIMEOUT);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                biased;
                ended = self.tasks.join_next() => match ended {
                    Some(Ok(ended)) => report.add(&ended),
                    Some(Err(error)) if error.is_panic() => {
                        std::panic::resume_unwind(error.into_panic());
                    }
                    Some(Err(_)) => {}
                    None => return report,
                },
                () = &mut deadline => {
                    report.dropped += self.tasks.len();
                    self.tasks.abort_all();
                    return report;
                }
            }
        }
    }
}
