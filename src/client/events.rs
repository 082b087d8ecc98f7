//! Events for another thread or task: a bounded queue that reports what it dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::owned_event::OwnedEvent;
use crate::event::Event;

/// How many events a queue dropped because it was full, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedEvents {
    /// Five-level books.
    pub books: u64,
    /// Trades.
    pub trades: u64,
    /// Order-book messages.
    pub depths: u64,
    /// Records.
    pub records: u64,
    /// Changes of states.
    pub states: u64,
    /// All others.
    pub others: u64,
}

impl DroppedEvents {
    /// All dropped events.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.books + self.trades + self.depths + self.records + self.states + self.others
    }

    const fn count(&mut self, event: &OwnedEvent) {
        match event {
            OwnedEvent::Book { .. } => self.books += 1,
            OwnedEvent::Trade { .. } => self.trades += 1,
            OwnedEvent::DepthBook { .. } => self.depths += 1,
            OwnedEvent::Record { .. } => self.records += 1,
            OwnedEvent::State { .. } => self.states += 1,
            OwnedEvent::Control { .. } | OwnedEvent::Skipped { .. } | OwnedEvent::Malformed(_) => {
                self.others += 1;
            }
        }
    }
}

/// An event, and what was dropped before it.
type Queued = (DroppedEvents, OwnedEvent);

/// The events of a client, for a thread or a task of its own. Made by
/// [`Client::events`](super::Client::events).
///
/// Yields events in order. Where the queue was full, it yields `Err` with what was dropped, once,
/// before the first event after it. Ends when the client has stopped. Dropping it ends the queue.
#[derive(Debug)]
pub struct Events {
    receiver: Receiver<Queued>,
    /// An event whose predecessors were dropped, after that was reported.
    next: Option<OwnedEvent>,
}

impl Events {
    /// Waits for the next event. `None` once the client has stopped.
    ///
    /// # Panics
    /// In an asynchronous task, where the [`Stream`] is to be used, and in a sink, which runs on
    /// the thread that the event would come from: [`Events::try_recv`] does not wait.
    pub fn blocking_recv(&mut self) -> Option<Result<OwnedEvent, DroppedEvents>> {
        if let Some(event) = self.next.take() {
            return Some(Ok(event));
        }
        let queued = self.receiver.blocking_recv()?;
        Some(self.split(queued))
    }

    /// The next event that has arrived already; `None` if there is none now.
    pub fn try_recv(&mut self) -> Option<Result<OwnedEvent, DroppedEvents>> {
        if let Some(event) = self.next.take() {
            return Some(Ok(event));
        }
        let queued = self.receiver.try_recv().ok()?;
        Some(self.split(queued))
    }

    fn split(&mut self, (dropped, event): Queued) -> Result<OwnedEvent, DroppedEvents> {
        if dropped.total() == 0 {
            return Ok(event);
        }
        self.next = Some(event);
        Err(dropped)
    }
}

impl Stream for Events {
    type Item = Result<OwnedEvent, DroppedEvents>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.next.take() {
            return Poll::Ready(Some(Ok(event)));
        }
        let queued = std::task::ready!(self.receiver.poll_recv(context));
        Poll::Ready(queued.map(|queued| self.split(queued)))
    }
}

/// The feed's end of a queue. Never waits.
#[derive(Debug)]
pub(super) struct EventQueue {
    sender: Sender<Queued>,
    dropped: DroppedEvents,
}

impl EventQueue {
    /// Makes a queue for `capacity` events, at least one.
    pub(super) fn new(capacity: usize) -> (Self, Events) {
        let (sender, receiver) = channel(capacity.max(1));
        (Self { sender, dropped: DroppedEvents::default() }, Events { receiver, next: None })
    }

    /// Queues an event, or counts it as dropped. Returns false if nobody receives any more.
    pub(super) fn push(&mut self, event: &Event<'_>) -> bool {
        let Some(event) = OwnedEvent::new(event) else { return true };
        match self.sender.try_send((self.dropped, event)) {
            Ok(()) => self.dropped = DroppedEvents::default(),
            Err(TrySendError::Full(_)) => self.dropped.count(&event),
            Err(TrySendError::Closed(_)) => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Control, ControlKind, TradeUpdate};
    use crate::model::{Channel, Decimal, Side, Topic, Trade};

    #[test]
    fn what_is_dropped_is_reported_where_it_is_missing() {
        let (mut queue, mut events) = EventQueue::new(2);
        let mut trade = Trade::new(Side::Buy, Decimal::from(1), Decimal::from(2));
        let mut push = |queue: &mut EventQueue, id| {
            trade.trade_id = id;
            let update = TradeUpdate::new(Topic::v5(Channel::Trades, "A"), &trade);
            assert!(queue.push(&Event::Trade(update)));
        };
        (1..=4).for_each(|id| push(&mut queue, id));
        assert!(queue.push(&Event::Control(Control::new(ControlKind::Pong))));
        let mut next = || match events.try_recv()? {
            Ok(OwnedEvent::Trade { trade, .. }) => Some(Ok(trade.trade_id)),
            Ok(_) => None,
            Err(dropped) => Some(Err((dropped.trades, dropped.others, dropped.total()))),
        };
        assert_eq!((next(), next(), next()), (Some(Ok(1)), Some(Ok(2)), None));
        (5..=6).for_each(|id| push(&mut queue, id));
        assert_eq!((next(), next()), (Some(Err((2, 1, 3))), Some(Ok(5))));
        assert_eq!((next(), next()), (Some(Ok(6)), None));
        drop(events);
        let update = TradeUpdate::new(Topic::v5(Channel::Trades, "A"), &trade);
        assert!(!queue.push(&Event::Trade(update)));
    }
}
