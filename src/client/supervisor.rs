//! Who opens which connections: subscriptions are dealt to groups, each group has its lines.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinError, JoinSet};

use super::attempt::Reach;
use super::builder::ClientConfig;
use super::driver::{Ended, Pump};
use super::group::{Group, HandoverPace, Line, LineCommand, Notice};
use super::handle::{Command, Readers};
use super::intake::new_latency;
use super::shared::{Hub, Place, Shared, SharedHub};
use super::stats::{ClientStats, ConnectionStats, StopReport};
use crate::event::EventSink;
use crate::feed::{Arbiter, FeedHandler, Recovery};
use crate::model::{ChannelPath, Subscription};
use crate::transport::{Clock, Connector, Route, Targets};

/// How long all connections together may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A group of lines before it runs: subscriptions, and what keeps them.
pub(super) struct Seed {
    path: Option<ChannelPath>,
    subscriptions: Vec<Subscription>,
    arbiter: Option<Arbiter>,
    handlers: Vec<FeedHandler>,
}

impl Seed {
    pub(super) fn new(
        config: &ClientConfig,
        path: Option<ChannelPath>,
        subscriptions: &[Subscription],
    ) -> Self {
        let lines = config.redundancy.max(1);
        let mut arbiter = (lines > 1).then(|| Arbiter::new(lines));
        if let Some(arbiter) = &mut arbiter {
            arbiter.set_trade_options(config.trades);
            subscriptions.iter().for_each(|subscription| arbiter.subscribe(*subscription));
        }
        let handlers = (0..lines).map(|_| new_handler(config, subscriptions)).collect();
        Self { path, subscriptions: subscriptions.to_vec(), arbiter, handlers }
    }

    /// What it is subscribed to.
    pub(super) fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// The readers of a subscription of this group.
    pub(super) fn readers(&mut self, subscription: &Subscription) -> Readers {
        match (&self.arbiter, self.handlers.first_mut()) {
            (Some(arbiter), _) => Readers::of_lines(arbiter, subscription),
            (None, Some(handler)) => Readers::of(handler, subscription),
            (None, None) => Readers::default(),
        }
    }
}

fn new_handler(config: &ClientConfig, subscriptions: &[Subscription]) -> FeedHandler {
    let mut handler = FeedHandler::with_limits(config.session.dialect, config.limits);
    handler.set_depth_options(config.depth);
    handler.set_trade_options(config.trades);
    handler.set_age_limit(config.age_limit);
    handler.set_warmup(config.busy_poll);
    for subscription in subscriptions {
        // The builder and the handle have refused those of the other dialect.
        let _ = handler.subscribe(*subscription);
    }
    handler
}

/// How the exchange is reached: the same for all connections, but for the path.
pub(super) struct Routes {
    pub(super) connector: Arc<Connector>,
    pub(super) targets: Targets,
    /// The way to the URL that was given.
    pub(super) given: Route,
}

impl Routes {
    fn reach(&self, path: Option<ChannelPath>) -> Reach {
        let home = self.given.beside(self.targets.at(path));
        Reach { connector: Arc::clone(&self.connector), home, redirected: None }
    }
}

/// Deals subscriptions to groups and commands to lines.
pub(super) struct Director<S> {
    config: Rc<ClientConfig>,
    routes: Routes,
    hub: SharedHub<S>,
    clock: Clock,
    commands: UnboundedReceiver<Command>,
    notices: UnboundedReceiver<Notice>,
    groups: Vec<Group>,
    tasks: JoinSet<Ended>,
    /// The places whose announcement is told of again later: once each, however often it comes.
    announced: HashSet<(usize, usize)>,
    /// How many subscriptions a connection takes: fewer than configured once the exchange has said so.
    most: usize,
    /// What the lines have seen and done that were relieved.
    relieved: ClientStats,
}

impl<S: EventSink + 'static> Director<S> {
    /// Starts the groups; it must be inside a `LocalSet` already.
    pub(super) fn start(
        config: ClientConfig,
        routes: Routes,
        seeds: Vec<Seed>,
        sink: S,
        commands: UnboundedReceiver<Command>,
        shared: Shared,
    ) -> Self {
        let (notifier, notices) = unbounded_channel();
        let mut director = Self {
            most: config.max_subscriptions_per_connection.max(1),
            config: Rc::new(config),
            routes,
            clock: shared.clock.clone(),
            hub: Rc::new(RefCell::new(Hub::new(sink, notifier, shared))),
            commands,
            notices,
            groups: Vec::new(),
            announced: HashSet::new(),
            tasks: JoinSet::new(),
            relieved: ClientStats::new(Recovery::default(), new_latency()),
        };
        seeds.into_iter().for_each(|seed| director.add(seed));
        director
    }

    /// Runs until the handle says stop or is gone.
    pub(super) async fn run(mut self) -> StopReport {
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Subscribe(subscription, reply)) => {
                        self.subscribe(subscription, reply);
                    }
                    Some(Command::Unsubscribe(subscription)) => self.unsubscribe(subscription),
                    Some(Command::Stats(reply)) => {
                        // A caller that does not wait any more needs no answer.
                        let _ = reply.send(self.stats().await);
                    }
                    Some(Command::Connections(reply)) => {
                        let _ = reply.send(self.connections().await);
                    }
                    Some(Command::Stop) | None => break,
                },
                Some(notice) = self.notices.recv() => self.notice(&notice),
                Some(ended) = self.tasks.join_next() => self.ended(ended),
            }
        }
        self.stop().await
    }

    fn add(&mut self, seed: Seed) {
        let group = self.groups.len();
        self.hub.borrow_mut().arbiters.push(seed.arbiter);
        let Seed { path, subscriptions, .. } = seed;
        let handovers = HandoverPace::default();
        self.groups.push(Group { path, subscriptions, places: Vec::new(), handovers });
        for (line, handler) in seed.handlers.into_iter().enumerate() {
            self.open(Place { group, line }, handler, None);
        }
    }

    /// Opens a line at its place.
    fn open(&mut self, place: Place, handler: FeedHandler, relieves: Option<usize>) {
        let (commands, receiver) = unbounded_channel();
        let path = self.groups.get(place.group).and_then(|group| group.path);
        let reach = (Rc::clone(&self.config), self.routes.reach(path));
        let hub = (Rc::clone(&self.hub), place);
        let mut pump = Pump::new(reach, handler, hub, self.clock.clone(), receiver);
        if relieves.is_some() {
            pump.tell_when_well();
        }
        self.tasks.spawn_local(pump.run());
        if let Some(group) = self.groups.get_mut(place.group) {
            group.put(place.line, Line { commands, relieves, retiring: false });
        }
    }

    /// Deals a subscription to the group that has it, or to one of its path with room, or to a new one.
    fn subscribe(&mut self, subscription: Subscription, reply: mpsc::Sender<Readers>) {
        let has = |group: &Group| group.subscriptions.contains(&subscription);
        let most = self.most;
        let path = self.routes.targets.path_of(&subscription);
        let room = |group: &Group| group.path == path && group.subscriptions.len() < most;
        let found = self.groups.iter().position(has);
        let Some(at) = found.or_else(|| self.groups.iter().position(room)) else {
            let mut seed = Seed::new(&self.config, path, &[subscription]);
            let _ = reply.send(seed.readers(&subscription));
            return self.add(seed);
        };
        let Some(group) = self.groups.get_mut(at) else { return };
        if !group.subscriptions.contains(&subscription) {
            group.subscriptions.push(subscription);
        }
        let mut reply = Some(reply);
        if let Some(Some(arbiter)) = self.hub.borrow_mut().arbiters.get_mut(at) {
            arbiter.subscribe(subscription);
            if let Some(reply) = reply.take() {
                let _ = reply.send(Readers::of_lines(arbiter, &subscription));
            }
        }
        for line in group.lines() {
            line.send(LineCommand::Subscribe(subscription, reply.take()));
        }
    }

    fn unsubscribe(&mut self, subscription: Subscription) {
        let has = |group: &Group| group.subscriptions.contains(&subscription);
        let Some(at) = self.groups.iter().position(has) else { return };
        let Some(group) = self.groups.get_mut(at) else { return };
        group.subscriptions.retain(|other| *other != subscription);
        group.lines().for_each(|line| line.send(LineCommand::Unsubscribe(subscription)));
        let wall = self.clock.now().1;
        let Hub { arbiters, sink, .. } = &mut *self.hub.borrow_mut();
        if let Some(Some(arbiter)) = arbiters.get_mut(at) {
            arbiter.unsubscribe(&subscription, wall, sink);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Announced(place) => self.relieve(*place),
            Notice::AnnouncedBefore(place) => {
                // Not where that line has ended and another has its place.
                if self.announced.remove(&(place.group, place.line)) {
                    self.relieve(*place);
                }
            }
            Notice::Well(place) => self.retire_other(*place),
            Notice::TooMany(place, count) => self.split(*place, *count),
        }
    }

    /// Moves half of what a connection has to a connection of its own: the exchange says that it is
    /// too much for one. Each line of a group says so; the first that does is enough.
    fn split(&mut self, place: Place, count: usize) {
        let Some(group) = self.groups.get_mut(place.group) else { return };
        let len = group.subscriptions.len();
        if len < count || len < 2 {
            return;
        }
        let moved = group.subscriptions.split_off(len.div_ceil(2));
        self.most = self.most.min(len.div_ceil(2));
        let wall = self.clock.now().1;
        tracing::warn!(len, "too many channels for one connection: half of them get another");
        for subscription in &moved {
            group.lines().for_each(|line| line.send(LineCommand::Unsubscribe(*subscription)));
        }
        let lines = self.config.redundancy.max(1);
        let mut seed = Seed::new(&self.config, group.path, &moved);
        {
            let Hub { arbiters, sink, .. } = &mut *self.hub.borrow_mut();
            if let Some(Some(arbiter)) = arbiters.get_mut(place.group) {
                seed.arbiter = Some(arbiter.split_off(&moved, lines, wall, sink));
            }
        }
        self.add(seed);
    }

    /// Tells of an announcement again later, unless that is about to happen.
    fn announce_later(&mut self, place: Place, pause: Duration) {
        if !self.announced.insert((place.group, place.line)) {
            return;
        }
        let notices = self.hub.borrow().notices.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(pause).await;
            // Without a director everything has ended.
            let _ = notices.send(Notice::AnnouncedBefore(place));
        });
    }

    /// Opens a line that is to relieve one that the exchange will soon close.
    fn relieve(&mut self, old: Place) {
        let Some(group) = self.groups.get_mut(old.group) else { return };
        self.hub.borrow_mut().retain(old, &group.subscriptions, self.clock.now().1);
        if !group.may_be_relieved(old.line) {
            if group.is_successor(old.line) {
                // A fleet that is upgraded tells so on each new connection: once the old one is gone,
                // this one will need a successor too.
                self.announce_later(old, self.config.upgrade_retry_delay);
            }
            return;
        }
        if let Err(pause) = group.handovers.take(self.clock.mono()) {
            return self.announce_later(old, pause);
        }
        let place = Place { group: old.group, line: group.free() };
        let handler = new_handler(&self.config, &group.subscriptions);
        if let Some(Some(arbiter)) = self.hub.borrow_mut().arbiters.get_mut(place.group) {
            arbiter.open_line(place.line);
        }
        self.open(place, handler, Some(old.line));
    }

    /// A line has everything: the one that it relieves may go.
    fn retire_other(&mut self, place: Place) {
        let Some(group) = self.groups.get_mut(place.group) else { return };
        let line = group.places.get_mut(place.line).and_then(Option::as_mut);
        let relieved = line.and_then(|line| line.relieves.take());
        if let Some(Some(old)) = relieved.and_then(|at| group.places.get_mut(at)) {
            tracing::info!("another connection has taken over");
            old.retiring = true;
            old.send(LineCommand::Retire);
        }
    }

    /// A line has ended: relieved, or by a panic of the sink, which is everybody's end.
    fn ended(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(ended) => {
                let Place { group, line } = ended.place;
                self.announced.remove(&(group, line));
                let places = self.groups.get_mut(group).map(|group| &mut group.places);
                if let Some(place) = places.and_then(|places| places.get_mut(line)) {
                    *place = None;
                }
                let wall = self.clock.now().1;
                let Hub { arbiters, sink, heard, .. } = &mut *self.hub.borrow_mut();
                heard.forget(Place { group, line });
                if let Some(Some(arbiter)) = arbiters.get_mut(group) {
                    arbiter.close_line(line, wall, sink);
                }
                self.relieved.add(&ended.stats, &ended.latency);
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }

    async fn connections(&self) -> Vec<ConnectionStats> {
        let mut all = Vec::new();
        for line in self.groups.iter().flat_map(Group::lines) {
            all.extend(line.stats().await);
        }
        all
    }

    /// All counters. Those of a line that is about to end are in what it leaves behind, so that no sum
    /// ever falls.
    async fn stats(&mut self) -> ClientStats {
        loop {
            let (stats, is_whole) = self.stats_of_lines().await;
            if is_whole {
                return stats;
            }
            let Some(ended) = self.tasks.join_next().await else { return stats };
            self.ended(ended);
        }
    }

    /// All counters, and whether every line has answered.
    async fn stats_of_lines(&self) -> (ClientStats, bool) {
        let mut stats = self.relieved.clone();
        stats.recovery = self.hub.borrow().sink.recovery.clone();
        let mut is_whole = true;
        for line in self.groups.iter().flat_map(Group::lines) {
            if let (Some(connection), Some(latency)) = (line.stats().await, line.latency().await) {
                stats.add(&connection, &latency);
                stats.connected &= connection.connected;
                stats.connections.push(connection);
            } else {
                is_whole = false;
            }
        }
        for arbiter in self.hub.borrow().arbiters.iter().flatten() {
            stats.add_lines(arbiter.stats());
        }
        (stats, is_whole)
    }

    /// Stops every line, all at once and within a bound.
    async fn stop(mut self) -> StopReport {
        self.groups.iter().flat_map(Group::lines).for_each(|line| line.send(LineCommand::Stop));
        let mut report = StopReport::default();
        let deadline = tokio::time::sleep(STOP_WITHIN);
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
