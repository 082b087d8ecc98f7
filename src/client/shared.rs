//! What all connections of a client share: the sink, the arbiters, and the queue of those that
//! connect.

#[cfg(feature = "rest")]
mod history;

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc::UnboundedSender;

use super::connection_id::ConnectionId;
use super::events::EventQueue;
use super::health::SharedHealth;
use super::heartbeat::Heartbeat;
#[cfg(feature = "rest")]
use super::history::TradeJoins;
use super::messages::ConnectionEvent;
use super::received::ReceivedByLine;
use super::recorder::{ClientRecorder, Noted};
#[cfg(feature = "rest")]
use super::selected::Selected;
#[cfg(feature = "rest")]
use super::selections::Selections;
use super::stats_board::StatsBoard;
use super::thread::ClientThreads;
use crate::event::{Event, EventSink};
use crate::feed::{Arbiter, FeedHandler, LineStats, Recovery, StaleLimits, SubscriptionNumbers};
use crate::model::{Subscription, UnixNanos};
use crate::publish::Readers;
use crate::transport::Clock;

/// Shared by all connections, on one thread or on several. None holds the lock while it waits.
pub(super) struct SharedCell<S>(Arc<Mutex<ClientShared<S>>>);

impl<S> Clone for SharedCell<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> SharedCell<S> {
    pub(super) fn new(shared: ClientShared<S>) -> Self {
        Self(Arc::new(Mutex::new(shared)))
    }

    /// Locks it.
    ///
    /// # Panics
    /// Where the sink has panicked, on whichever thread: it is not called again.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, ClientShared<S>> {
        self.0.lock().unwrap_or_else(|_| resume_unwind(Box::new("the sink has panicked")))
    }

    /// A guard that locks it where it is first needed.
    #[inline]
    pub(super) const fn lock_when_needed(&self) -> LazyGuard<'_, S> {
        LazyGuard { shared: self, guard: None }
    }
}

/// Locks at the first [`LazyGuard::get`], and holds the lock from then on. So a frame is decoded
/// up to its first event while another connection has the lock.
pub(super) struct LazyGuard<'s, S> {
    shared: &'s SharedCell<S>,
    guard: Option<MutexGuard<'s, ClientShared<S>>>,
}

impl<S> LazyGuard<'_, S> {
    #[inline]
    pub(super) fn get(&mut self) -> &mut ClientShared<S> {
        self.guard.get_or_insert_with(|| self.shared.lock())
    }
}

/// What the client's thread shares with its handle.
#[derive(Clone, Debug)]
pub(super) struct HandleState {
    pub(super) clock: Clock,
    pub(super) heartbeat: Heartbeat,
    pub(super) threads: ClientThreads,
    pub(super) health: SharedHealth,
    pub(super) stats: StatsBoard,
    pub(super) numbers: SubscriptionNumbers,
    /// What selections have subscribed and ended.
    #[cfg(feature = "rest")]
    pub(super) selected: Selected,
    #[cfg(feature = "capture")]
    pub(super) recording: Option<crate::capture::Recording>,
}

/// What all connections of a client share.
pub(super) struct ClientShared<S> {
    sink: ClientSink<S>,
    /// By group: `None` where one connection alone serves it.
    arbiters: Vec<Option<Arbiter>>,
    /// Where connections report to the supervisor.
    events: UnboundedSender<ConnectionEvent>,
    /// The connections that wait until the host takes one, by line and group: all first lines in
    /// the order in which their subscriptions were requested, then all second ones.
    connect_queue: BTreeSet<(usize, usize)>,
    /// What the client's handle reads.
    pub(super) handle: HandleState,
    /// What each line of a group with several has received last.
    pub(super) received: ReceivedByLine,
    /// What records frames and all that decides what they do.
    pub(super) recorder: ClientRecorder,
}

/// The user's sink and queues, with the times that books take to be live again.
struct ClientSink<S> {
    sink: QueuedSink<S>,
    recovery: Recovery,
    /// The trades that are joined with their history.
    #[cfg(feature = "rest")]
    joins: Option<TradeJoins>,
    /// The subscriptions by selection.
    #[cfg(feature = "rest")]
    selections: Option<Selections>,
}

/// The user's sink, and the queues of other threads and tasks.
struct QueuedSink<S> {
    sink: S,
    queues: Vec<EventQueue>,
}

impl<S: EventSink> EventSink for QueuedSink<S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if !self.queues.is_empty() {
            self.queues.retain_mut(|queue| queue.push(event));
        }
        self.sink.on_event(event);
    }

    #[inline]
    fn on_drained(&mut self) {
        self.sink.on_drained();
    }

    #[inline]
    fn on_text(&mut self, text: &[u8]) {
        self.sink.on_text(text);
    }
}

impl<S: EventSink> EventSink for ClientSink<S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::State(change) = event {
            self.recovery.note(change);
        }
        #[cfg(feature = "rest")]
        if let (Event::Trade(update), Some(joins)) = (event, &mut self.joins) {
            return joins.on_trade(update, &mut self.sink);
        }
        #[cfg(feature = "rest")]
        match (event, &mut self.selections) {
            (Event::Record(update), Some(of)) if Selections::wants(update) => of.on_record(update),
            (Event::State(change), Some(of)) => {
                of.on_state(change);
                self.ask_for_lists();
            }
            _ => {}
        }
        self.sink.on_event(event);
    }

    #[inline]
    fn on_drained(&mut self) {
        self.sink.on_drained();
    }

    #[inline]
    fn on_text(&mut self, text: &[u8]) {
        self.sink.on_text(text);
    }
}

/// The order in which connections are opened.
const fn queue_key(id: ConnectionId) -> (usize, usize) {
    (id.line, id.group)
}

impl<S: EventSink> ClientShared<S> {
    pub(super) fn new(
        sink: S,
        events: UnboundedSender<ConnectionEvent>,
        handle: HandleState,
    ) -> Self {
        Self {
            sink: ClientSink {
                sink: QueuedSink { sink, queues: Vec::new() },
                recovery: Recovery::default(),
                #[cfg(feature = "rest")]
                joins: None,
                #[cfg(feature = "rest")]
                selections: None,
            },
            arbiters: Vec::new(),
            events,
            connect_queue: BTreeSet::new(),
            handle,
            received: ReceivedByLine::default(),
            recorder: ClientRecorder::default(),
        }
    }

    /// Has it record what its connections receive.
    pub(super) fn with_recorder(self, recorder: ClientRecorder) -> Self {
        Self { recorder, ..self }
    }

    /// Passes an event of one connection on: to the group's arbiter, where it has one, else to the
    /// sink.
    #[inline]
    pub(super) fn on_event(&mut self, id: ConnectionId, event: &Event<'_>) {
        match self.arbiters.get_mut(id.group) {
            Some(Some(arbiter)) => arbiter.on_event(id.line, event, &mut self.sink),
            _ => self.sink.on_event(event),
        }
    }

    /// Passes the text of a message on to the sink, after its events.
    #[inline]
    pub(super) fn on_text(&mut self, text: &[u8]) {
        self.sink.on_text(text);
    }

    /// Adds a queue that receives each later event.
    pub(super) fn add_events(&mut self, queue: EventQueue) {
        self.sink.sink.queues.push(queue);
    }

    /// Reports to the sink that a connection has no further frame ready.
    #[inline]
    pub(super) fn on_drained(&mut self) {
        self.sink.on_drained();
        self.recorder.on_drained();
    }

    /// Marks as stale what no line of a group updates any more.
    pub(super) fn mark_stale(&mut self, group: usize, limits: &StaleLimits, now: UnixNanos) {
        if let Some(Some(arbiter)) = self.arbiters.get_mut(group) {
            arbiter.mark_stale(limits, now, &mut self.sink);
        }
    }

    /// How long books were not live.
    pub(super) const fn recovery(&self) -> &Recovery {
        &self.sink.recovery
    }

    // Reports of connections.

    /// Reports to the supervisor. Without one everything is about to end.
    pub(super) fn report(&self, event: ConnectionEvent) {
        let _ = self.events.send(event);
    }

    /// Where reports go that come later.
    pub(super) fn events(&self) -> UnboundedSender<ConnectionEvent> {
        self.events.clone()
    }

    /// Has the supervisor replace a connection. One that is alone gets an arbiter, which takes its
    /// publishers over.
    pub(super) fn request_replacement(&mut self, id: ConnectionId, handler: &mut FeedHandler) {
        self.ensure_arbiter(id, handler);
        self.report(ConnectionEvent::ReplacementRequested(id));
    }

    /// Has the supervisor give half of what a connection serves to another: the publishers go to an
    /// arbiter, from which they can be taken.
    pub(super) fn report_too_many_channels(
        &mut self,
        id: ConnectionId,
        handler: &mut FeedHandler,
        requested: usize,
    ) {
        self.ensure_arbiter(id, handler);
        self.report(ConnectionEvent::TooManyChannels(id, requested));
    }

    fn ensure_arbiter(&mut self, id: ConnectionId, handler: &mut FeedHandler) {
        if let Some(arbiter) = self.arbiters.get_mut(id.group) {
            arbiter.get_or_insert_with(|| Arbiter::adopt(handler, id.line));
        }
    }

    // Arbiters.

    /// Adds the arbiter of the next group, where it has one.
    pub(super) fn add_group(&mut self, arbiter: Option<Arbiter>) {
        self.arbiters.push(arbiter);
    }

    /// Has a group's arbiter merge one more subscription and gives its readers; `None` where the
    /// group has no arbiter.
    pub(super) fn subscribe(
        &mut self,
        group: usize,
        subscription: Subscription,
    ) -> Option<Readers> {
        let arbiter = self.arbiters.get_mut(group)?.as_mut()?;
        arbiter.subscribe(subscription);
        Some(arbiter.readers(&subscription))
    }

    /// Ends a subscription in a group's arbiter, where it has one.
    pub(super) fn unsubscribe(
        &mut self,
        group: usize,
        subscription: &Subscription,
        now: UnixNanos,
    ) {
        if let Some(Some(arbiter)) = self.arbiters.get_mut(group) {
            let id = ConnectionId { group, line: 0 };
            self.recorder.note(id, Noted::Unsubscribe, now, || subscription.to_string());
            arbiter.unsubscribe(subscription, now, &mut self.sink);
        }
    }

    /// Moves subscriptions from a group's arbiter into one of their own, for `lines` lines; `None`
    /// where the group has no arbiter.
    pub(super) fn split_off(
        &mut self,
        group: usize,
        moved: &[Subscription],
        lines: usize,
        now: UnixNanos,
    ) -> Option<Arbiter> {
        let arbiter = self.arbiters.get_mut(group)?.as_mut()?;
        Some(arbiter.split_off(moved, lines, now, &mut self.sink))
    }

    /// Whether a group has an arbiter.
    pub(super) fn has_arbiter(&self, group: usize) -> bool {
        self.arbiters.get(group).is_some_and(Option::is_some)
    }

    #[cfg(test)]
    pub(super) fn arbiter(&self, group: usize) -> Option<&Arbiter> {
        self.arbiters.get(group)?.as_ref()
    }

    /// Opens a line in its group's arbiter.
    pub(super) fn open_line(&mut self, id: ConnectionId) {
        if let Some(Some(arbiter)) = self.arbiters.get_mut(id.group) {
            arbiter.open_line(id.line);
        }
    }

    /// Closes the line of a connection that has ended.
    pub(super) fn close_line(&mut self, id: ConnectionId, now: UnixNanos) {
        self.received.remove_connection(id);
        self.recorder.note(id, Noted::End, now, || "");
        if let Some(Some(arbiter)) = self.arbiters.get_mut(id.group) {
            arbiter.close_line(id.line, now, &mut self.sink);
        }
    }

    /// Publishes the counters of a group's lines, where it has an arbiter, and how long books were
    /// not live.
    pub(super) fn publish_stats(&self, group: usize) {
        if let Some(Some(arbiter)) = self.arbiters.get(group) {
            self.handle.stats.publish_lines(group, arbiter.stats());
        }
        self.handle.stats.publish_recovery(&self.sink.recovery);
    }

    /// The arbitration counters of each group with an arbiter.
    pub(super) fn line_stats(&self) -> impl Iterator<Item = &[LineStats]> {
        self.arbiters.iter().flatten().map(Arbiter::stats)
    }

    // The queue of connections that are to be opened.

    /// Queues a connection that is to be opened, from before its host is looked up: the answers
    /// come in any order.
    pub(super) fn join_connect_queue(&mut self, id: ConnectionId) {
        self.connect_queue.insert(queue_key(id));
    }

    /// How many connections are to be opened before this one.
    pub(super) fn queued_before(&self, id: ConnectionId) -> usize {
        self.connect_queue.range(..queue_key(id)).count()
    }

    /// Removes a connection from the queue: it is being opened, or given up.
    pub(super) fn leave_connect_queue(&mut self, id: ConnectionId) {
        self.connect_queue.remove(&queue_key(id));
    }
}
