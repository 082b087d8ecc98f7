//! Events that outlive their frame.

use arrayvec::ArrayString;

use crate::book::{Book5, BookSync, DepthAction};
use crate::event::{Event, Malformed};
use crate::model::{
    BookState, InstrumentId, Subscription, SubscriptionId, Topic, Trade, UnixNanos,
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
    /// A reply or a notice of the exchange.
    Control {
        /// The kind, by [`ControlKind::name`](crate::event::ControlKind::name).
        kind: OwnedText,
        /// The exchange's code.
        code: Option<i64>,
        /// The exchange's text; empty if it has none.
        message: OwnedText,
        /// The receive time of the frame.
        ts_recv: UnixNanos,
    },
    /// A message of a channel that is not decoded.
    Skipped {
        /// The channel's name on the wire.
        channel: OwnedText,
        /// The receive time of the frame.
        ts_recv: UnixNanos,
    },
    /// A frame could not be decoded.
    Malformed(Malformed),
}

/// A text of at most 128 bytes, cut at a character where it was longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnedText(ArrayString<TEXT_LEN>);

impl OwnedText {
    /// The longest text, in bytes.
    pub const MAX_LEN: usize = TEXT_LEN;

    /// Copies a text, or as much of it as fits.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(TEXT_LEN);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(ArrayString::from(text.get(..end).unwrap_or_default()).unwrap_or_default())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::fmt::Display for OwnedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

fn subscription(topic: &Topic<'_>) -> Option<Subscription> {
    let inst_id = InstrumentId::new(topic.inst_id).ok()?;
    match topic.market {
        Some(market) => Subscription::v3(market, topic.channel, inst_id).ok(),
        None => Subscription::v5(topic.channel, inst_id).ok(),
    }
}

impl OwnedEvent {
    /// Copies an event; `None` for an order-book message that was not applied, which a client never
    /// emits. Allocates nothing.
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
            },
            Event::DepthBook(change) => Self::DepthBook {
                subscription: subscription(&change.update.topic)?,
                id: change.subscription_id,
                action: change.update.action,
                sync: change.applied.sync,
                best: change.book.view().top5(),
            },
            Event::State(change) => Self::State {
                subscription: *change.subscription,
                id: change.subscription_id,
                from: change.from,
                to: change.to,
                ts_recv: change.ts_recv,
            },
            Event::Control(control) => Self::Control {
                kind: OwnedText::new(control.kind.name()),
                code: control.code,
                message: OwnedText::new(control.message.unwrap_or_default()),
                ts_recv: control.ts_recv,
            },
            Event::Skipped(skipped) => {
                Self::Skipped { channel: OwnedText::new(skipped.channel), ts_recv: skipped.ts_recv }
            }
            Event::Malformed(malformed) => Self::Malformed(*malformed),
            Event::Depth(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = "é".repeat(100);
        let cut = OwnedText::new(&text);
        assert_eq!(cut.as_str(), "é".repeat(64));
        let odd = OwnedText::new(&format!("x{text}"));
        assert_eq!((odd.as_str().len(), odd.as_str().chars().count()), (127, 64));
        assert_eq!(OwnedText::new("").as_str(), "");
    }
}
