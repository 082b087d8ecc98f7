//! Events that outlive their frame.

use crate::book::{Book5, BookSync, DepthAction};
use crate::event::{Event, Malformed};
use crate::model::{
    BookState, Origin, Record, Subscription, SubscriptionId, Text, Topic, Trade, UnixNanos,
};

/// The longest text that an owned event keeps of a control message, in bytes.
const TEXT_LEN: usize = 128;

/// An event as a plain value: `Copy`, no heap.
///
/// It holds what a strategy on another thread needs. Of an order book it has the best five levels,
/// not the message; read more through a [`DepthReader`](crate::publish::DepthReader).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedEvent {
    /// A five-level book.
    Book {
        /// The subscription.
        subscription: Subscription,
        /// Its number.
        id: SubscriptionId,
        /// The book.
        book: Book5,
    },
    /// A trade.
    Trade {
        /// The subscription.
        subscription: Subscription,
        /// Its number.
        id: SubscriptionId,
        /// The trade.
        trade: Trade,
        /// As [`TradeUpdate::replayed`](crate::TradeUpdate::replayed).
        replayed: bool,
        /// As [`TradeUpdate::missed`](crate::TradeUpdate::missed).
        missed: u64,
        /// Whether it came live, or from the history by which a client fills gaps.
        origin: Origin,
    },
    /// A message of an order book was applied.
    DepthBook {
        /// The subscription.
        subscription: Subscription,
        /// Its number.
        id: SubscriptionId,
        /// Whether the message was a snapshot or an update.
        action: DepthAction,
        /// Whether the book matches the exchange's after it.
        sync: BookSync,
        /// The best five levels after it, with its times and sequence number.
        best: Book5,
    },
    /// A subscription's state changed.
    State {
        /// The subscription.
        subscription: Subscription,
        /// Its number.
        id: SubscriptionId,
        /// The previous state.
        from: BookState,
        /// The new state.
        to: BookState,
        /// The time of the change.
        ts_recv: UnixNanos,
    },
    /// A record.
    Record {
        /// The subscription.
        subscription: Subscription,
        /// Its number.
        id: SubscriptionId,
        /// The record.
        record: Record,
    },
    /// A reply or a notice of the exchange.
    Control {
        /// The kind, by [`ControlKind::name`](crate::event::ControlKind::name).
        kind: Text<TEXT_LEN>,
        /// The exchange's code.
        code: Option<i64>,
        /// The exchange's text; empty if it has none.
        message: Text<TEXT_LEN>,
        /// The receive time of the frame.
        ts_recv: UnixNanos,
    },
    /// A message of a channel that is not decoded.
    Skipped {
        /// The channel's name on the wire.
        channel: Text<TEXT_LEN>,
        /// The receive time of the frame.
        ts_recv: UnixNanos,
    },
    /// A frame could not be decoded.
    Malformed(Malformed),
}

fn subscription(topic: &Topic<'_>) -> Option<Subscription> {
    Subscription::of(topic).ok()
}

impl OwnedEvent {
    /// Copies an event; `None` for an order-book message that was not applied, which a client never
    /// emits, for a gap of a recording, which it does not have, and for a text of a channel that is
    /// not decoded, which may be long. Allocates nothing.
    #[must_use]
    pub fn new(event: &Event<'_>) -> Option<Self> {
        Some(match event {
            Event::Book(update) => Self::Book {
                subscription: subscription(&update.topic)?,
                id: update.subscription_id,
                book: *update.book,
            },
            Event::Trade(update) => Self::Trade {
                subscription: subscription(&update.topic)?,
                id: update.subscription_id,
                trade: *update.trade,
                replayed: update.replayed,
                missed: update.missed,
                origin: update.origin,
            },
            Event::DepthBook(change) => Self::DepthBook {
                subscription: subscription(&change.update.topic)?,
                id: change.subscription_id,
                action: change.update.action,
                sync: change.outcome.sync,
                best: change.book.view().top5(),
            },
            Event::Record(update) => Self::Record {
                subscription: subscription(&update.topic)?,
                id: update.subscription_id,
                record: *update.record,
            },
            Event::State(change) => Self::State {
                subscription: *change.subscription,
                id: change.subscription_id,
                from: change.from,
                to: change.to,
                ts_recv: change.ts_recv,
            },
            Event::Control(control) => Self::Control {
                kind: Text::cut(control.kind.name()),
                code: control.code,
                message: Text::cut(control.message.unwrap_or_default()),
                ts_recv: control.ts_recv,
            },
            Event::Skipped(skipped) => {
                Self::Skipped { channel: Text::cut(skipped.channel), ts_recv: skipped.ts_recv }
            }
            Event::Malformed(malformed) => Self::Malformed(*malformed),
            Event::Depth(_) | Event::Raw(_) | Event::Gap(_) => return None,
        })
    }
}
