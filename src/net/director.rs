//! Who opens which connections: subscriptions are dealt to groups, each group has its lines.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::builder::ClientConfig;
use super::client::{Command, Readers};
use super::clock::Clock;
use super::connect::Target;
use super::hub::{Hub, Place, SharedHub};
use super::pump::{Ended, Pump, new_latency};
use super::stats::{ClientStats, ConnectionStats, StopReport};
use crate::feed::{Arbiter, FeedHandler};
use crate::model::{Sink, Subscription};

/// How long all connections together may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What the director asks of one connection.
pub(super) enum LineCommand {
    Subscribe(Subscription, Option<mpsc::Sender<Readers>>),
    Unsubscribe(Subscription),
    Stats(oneshot::Sender<(ConnectionStats, Histogram<u64>)>),
    Stop,
}

/// A group of lines before it runs: subscriptions, and what keeps them.
pub(super) struct Seed {
    subscriptions: Vec<Subscription>,
    arbiter: Option<Arbiter>,
    handlers: Vec<FeedHandler>,
}

impl Seed {
    pub(super) fn new(config: &ClientConfig, subscriptions: &[Subscription]) -> Self {
        let lines = config.lines.max(1);
        let mut arbiter = (lines > 1).then(|| Arbiter::new(lines));
        let handler = || {
            let mut handler = FeedHandler::with_limits(config.session.dialect, config.limits);
            handler.set_depth_options(config.depth);
            subscriptions.iter().for_each(|subscription| handler.subscribe(*subscription));
            handler
        };
        if let Some(arbiter) = &mut arbiter {
            subscriptions.iter().for_each(|subscription| arbiter.subscribe(*subscription));
        }
        let handlers = (0..lines).map(|_| handler()).collect();
        Self { subscriptions: subscriptions.to_vec(), arbiter, handlers }
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

/// A group of lines that runs.
struct Group {
    subscriptions: Vec<Subscription>,
    lines: Vec<(UnboundedSender<LineCommand>, JoinHandle<Ended>)>,
}

/// Deals subscriptions to groups and commands to lines.
pub(super) struct Director<S> {
    config: Rc<ClientConfig>,
    target: Target,
    hub: SharedHub<S>,
    clock: Clock,
    commands: UnboundedReceiver<Command>,
    groups: Vec<Group>,
}

impl<S: Sink + 'static> Director<S> {
    /// Starts the groups; it must be inside a `LocalSet` already.
    pub(super) fn start(
        config: ClientConfig,
        target: Target,
        seeds: Vec<Seed>,
        sink: S,
        commands: UnboundedReceiver<Command>,
    ) -> Self {
        let mut director = Self {
            config: Rc::new(config),
            target,
            hub: Rc::new(RefCell::new(Hub::new(sink))),
            clock: Clock::start(),
            commands,
            groups: Vec::new(),
        };
        seeds.into_iter().for_each(|seed| director.add(seed));
        director
    }

    fn add(&mut self, seed: Seed) {
        let group = self.groups.len();
        self.hub.borrow_mut().add(seed.arbiter, seed.handlers.len());
        let start = |(line, handler)| {
            let (sender, receiver) = unbounded_channel();
            let reach = (Rc::clone(&self.config), self.target.clone());
            let hub = (Rc::clone(&self.hub), Place { group, line });
            let pump = Pump::new(reach, handler, hub, self.clock.clone(), receiver);
            (sender, tokio::task::spawn_local(pump.run()))
        };
        let lines = seed.handlers.into_iter().enumerate().map(start).collect();
        self.groups.push(Group { subscriptions: seed.subscriptions, lines });
    }

    /// Runs until the handle says stop or is gone.
    pub(super) async fn run(mut self) -> StopReport {
        loop {
            match self.commands.recv().await {
                Some(Command::Subscribe(subscription, reply)) => {
                    self.subscribe(subscription, reply);
                }
                Some(Command::Unsubscribe(subscription)) => self.unsubscribe(subscription),
                Some(Command::Stats(reply)) => {
                    // A caller that does not wait any more needs no answer.
                    let _ = reply.send(self.stats().await);
                }
                Some(Command::Stop) | None => break,
            }
        }
        self.stop().await
    }

    /// Deals a subscription to the group that has it, or to one with room, or to a new one.
    fn subscribe(&mut self, subscription: Subscription, reply: mpsc::Sender<Readers>) {
        let has = |group: &Group| group.subscriptions.contains(&subscription);
        let most = self.config.max_subscriptions_per_connection.max(1);
        let room = |group: &Group| group.subscriptions.len() < most;
        let found = self.groups.iter().position(has);
        let Some(at) = found.or_else(|| self.groups.iter().position(room)) else {
            let mut seed = Seed::new(&self.config, &[subscription]);
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
        for (line, _) in &group.lines {
            // A line that has ended is gone with the whole client.
            let _ = line.send(LineCommand::Subscribe(subscription, reply.take()));
        }
    }

    fn unsubscribe(&mut self, subscription: Subscription) {
        let has = |group: &Group| group.subscriptions.contains(&subscription);
        let Some(at) = self.groups.iter().position(has) else { return };
        let Some(group) = self.groups.get_mut(at) else { return };
        group.subscriptions.retain(|other| *other != subscription);
        for (line, _) in &group.lines {
            let _ = line.send(LineCommand::Unsubscribe(subscription));
        }
        let wall = self.clock.now().1;
        let Hub { arbiters, sink, .. } = &mut *self.hub.borrow_mut();
        if let Some(Some(arbiter)) = arbiters.get_mut(at) {
            arbiter.unsubscribe(&subscription, wall, sink);
        }
    }

    async fn stats(&self) -> ClientStats {
        let recovery = self.hub.borrow().sink.recovery.clone();
        let mut stats = ClientStats::new(recovery, new_latency());
        for (line, _) in self.groups.iter().flat_map(|group| &group.lines) {
            let (sender, receiver) = oneshot::channel();
            let _ = line.send(LineCommand::Stats(sender));
            if let Ok((connection, latency)) = receiver.await {
                stats.add(connection, &latency);
            }
        }
        for arbiter in self.hub.borrow().arbiters.iter().flatten() {
            stats.add_lines(arbiter.stats());
        }
        stats
    }

    /// Stops every line, all at once and within a bound.
    async fn stop(self) -> StopReport {
        let lines: Vec<_> = self.groups.into_iter().flat_map(|group| group.lines).collect();
        for (line, _) in &lines {
            let _ = line.send(LineCommand::Stop);
        }
        let mut report = StopReport::default();
        let deadline = tokio::time::sleep(STOP_WITHIN);
        tokio::pin!(deadline);
        for (_, mut task) in lines {
            let ended = tokio::select! {
                biased;
                ended = &mut task => ended.ok(),
                () = &mut deadline => None,
            };
            match ended {
                Some(ended) => {
                    report.open += usize::from(ended.was_open);
                    report.closed_properly += usize::from(ended.closed_properly);
                    report.unanswered += usize::from(ended.unanswered);
                }
                None => {
                    task.abort();
                    report.dropped += 1;
                }
            }
        }
        report
    }
}
