//! The events of a feed, which borrow from their frame.

use std::fmt;

use crate::book::{ApplyOutcome, Book5, DepthBook, DepthUpdate};
use crate::model::{
    BookState, Origin, Record, Subscription, SubscriptionId, Topic, Trade, UnixNanos,
};

/// One event of a frame. Borrows the decoder's scratch memory until the next frame. [`Book5`],
/// [`Trade`] and [`Level`](crate::model::Level) are `Copy` and can be kept.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'f> {
    /// A complete five-level book.
    Book(BookUpdate<'f>),
    /// A trade.
    Trade(TradeUpdate<'f>),
    /// A snapshot or an update of an order book, before it is applied.
    Depth(DepthUpdate<'f>),
    /// A snapshot or an update of an order book, applied to its subscription's book. Emitted by the
    /// feed instead of [`Event::Depth`].
    DepthBook(DepthChange<'f>),
    /// A record: a ticker, a mark price, a candle, a liquidation and the like.
    Record(RecordUpdate<'f>),
    /// A message of a channel that is not decoded, for who subscribed it as [`Channel::Raw`].
    /// Emitted by the feed instead of [`Event::Skipped`].
    ///
    /// [`Channel::Raw`]: crate::Channel::Raw
    Raw(RawMessage<'f>),
    /// A reply or a notice of the exchange.
    Control(Control<'f>),
    /// A message of a channel that is not decoded. Counted by channel; not an error.
    Skipped(Skipped<'f>),
    /// A subscription's state changed. Emitted by the feed, never by a decoder.
    State(StateChange<'f>),
    /// A frame could not be decoded and is lost; the feed continues. Emitted by the feed.
    Malformed(Malformed),
    /// A recording lacks lines here. Emitted by a replay alone.
    Gap(Gap<'f>),
}

impl<'f> Event<'f> {
    /// The receive time of the frame, or the time of the state change; [`UnixNanos::UNKNOWN`] if
    /// the caller passed no time.
    #[inline]
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        match self {
            Self::Book(update) => update.book.ts_recv,
            Self::Trade(update) => update.trade.ts_recv,
            Self::Depth(update) => update.ts_recv,
            Self::DepthBook(change) => change.update.ts_recv,
            Self::Record(update) => update.record.ts_recv,
            Self::Raw(message) => message.ts_recv,
            Self::Control(control) => control.ts_recv,
            Self::Skipped(skipped) => skipped.ts_recv,
            Self::State(change) => change.ts_recv,
            Self::Malformed(malformed) => malformed.ts_recv,
            Self::Gap(gap) => gap.ts_recv,
        }
    }

    /// The topic of a book, a trade, an order-book message or a record; else `None`.
    #[inline]
    #[must_use]
    pub const fn topic(&self) -> Option<Topic<'f>> {
        match self {
            Self::Book(update) => Some(update.topic),
            Self::Trade(update) => Some(update.topic),
            Self::Depth(update) => Some(update.topic),
            Self::DepthBook(change) => Some(change.update.topic),
            Self::Record(update) => Some(update.topic),
            Self::Raw(message) => Some(message.topic),
            Self::Control(_)
            | Self::Skipped(_)
            | Self::State(_)
            | Self::Malformed(_)
            | Self::Gap(_) => None,
        }
    }

    /// The number of the subscription; [`SubscriptionId::NONE`] without one, and from a decoder.
    #[inline]
    #[must_use]
    pub const fn subscription_id(&self) -> SubscriptionId {
        match self {
            Self::Book(update) => update.subscription_id,
            Self::Trade(update) => update.subscription_id,
            Self::DepthBook(change) => change.subscription_id,
            Self::Record(update) => update.subscription_id,
            Self::Raw(message) => message.subscription_id,
            Self::State(change) => change.subscription_id,
            Self::Depth(_)
            | Self::Control(_)
            | Self::Skipped(_)
            | Self::Malformed(_)
            | Self::Gap(_) => SubscriptionId::NONE,
        }
    }
}

/// A receiver of events. Every closure `FnMut(&Event<'_>)` is one.
pub trait EventSink {
    /// Handles one event. Called inline on the hot path, before the next frame is read.
    fn on_event(&mut self, event: &Event<'_>);

    /// Called by a client after the last frame that a connection has ready, before it waits for the
    /// next one. For work that is done once per read instead of once per event. A frame that
    /// arrives meanwhile waits for it. Does nothing by default.
    #[inline]
    fn on_drained(&mut self) {}

    /// Called by a client with the text of each message, inflated, after its events: of every line,
    /// also where an update was received on another one before. A reply that repeats the login is
    /// left out. Does nothing by default.
    #[inline]
    fn on_text(&mut self, _text: &[u8]) {}
}

impl<F: FnMut(&Event<'_>)> EventSink for F {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// A sink that ignores every event: the books are read through readers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    fn on_event(&mut self, _: &Event<'_>) {}
}

/// A five-level book of one message.
///
/// A feed rejects books of a new connection that are older than the last book of the previous one,
/// and does not emit them: the book is [`BookState::Stale`] until the connection has caught up. A
/// [`Decoder`](crate::Decoder) emits every book.
#[derive(Clone, Copy, Debug)]
pub struct BookUpdate<'f> {
    /// The channel and the instrument.
    pub topic: Topic<'f>,
    /// The number of the subscription; [`SubscriptionId::NONE`] from a decoder, and without a
    /// subscription.
    pub subscription_id: SubscriptionId,
    /// The book: times, sequence number and levels.
    pub book: &'f Book5,
}

impl<'f> BookUpdate<'f> {
    /// Makes an update without a subscription.
    #[inline]
    #[must_use]
    pub const fn new(topic: Topic<'f>, book: &'f Book5) -> Self {
        Self { topic, subscription_id: SubscriptionId::NONE, book }
    }
}

/// A trade of one message.
#[derive(Clone, Copy, Debug)]
pub struct TradeUpdate<'f> {
    /// The channel and the instrument.
    pub topic: Topic<'f>,
    /// The number of the subscription; [`SubscriptionId::NONE`] from a decoder, and without a
    /// subscription.
    pub subscription_id: SubscriptionId,
    /// The trade: times, numbers, side, price and size.
    pub trade: &'f Trade,
    /// Whether this is the first push of a subscription. The exchange sends the last trade once
    /// after each subscribe request, at any age. If that trade was emitted before, it is
    /// suppressed; otherwise it is emitted with this flag. Always false from a decoder.
    pub replayed: bool,
    /// The number of trades missing between the last emitted trade and this one: lost with a
    /// connection or with a malformed message. With redundant connections, a missing trade may
    /// still arrive on another line.
    ///
    /// In v5 a message covers the `count` ids up to `trade_id`. 0 if no trade is missing, or if a
    /// gap cannot be detected: at the first trade, in v3, whose ids may have gaps, and from a
    /// decoder.
    pub missed: u64,
    /// Whether it came live, or from the history by which a client fills gaps.
    pub origin: Origin,
    /// The instrument of the subscription, if it is another than the trade's: after a rename, v5
    /// sends trades with the new id to subscriptions of the old one. The trade is this
    /// subscription's, unless the new id is subscribed too.
    pub renamed_from: Option<&'f str>,
}

impl<'f> TradeUpdate<'f> {
    /// Makes an update without a subscription and without known predecessors.
    #[inline]
    #[must_use]
    pub const fn new(topic: Topic<'f>, trade: &'f Trade) -> Self {
        Self {
            topic,
            subscription_id: SubscriptionId::NONE,
            trade,
            replayed: false,
            missed: 0,
            origin: Origin::Live,
            renamed_from: None,
        }
    }
}

/// A message of an order book, its outcome, and the book after it.
#[derive(Clone, Copy, Debug)]
pub struct DepthChange<'f> {
    /// The message: the levels that changed, or all of them.
    pub update: &'f DepthUpdate<'f>,
    /// The number of the subscription.
    pub subscription_id: SubscriptionId,
    /// The outcome: whether it was applied, and the sequence and checksum checks.
    pub outcome: ApplyOutcome,
    /// The book after the message. [`DepthBook::live`] is `None` while the book is invalid.
    pub book: &'f DepthBook,
    /// Whether the message came live, or is a snapshot of the REST interface by which a client has
    /// filled a gap.
    pub origin: Origin,
}

impl<'f> DepthChange<'f> {
    /// Makes a change without a subscription.
    #[must_use]
    pub const fn new(
        update: &'f DepthUpdate<'f>,
        outcome: ApplyOutcome,
        book: &'f DepthBook,
    ) -> Self {
        let subscription_id = SubscriptionId::NONE;
        Self { update, subscription_id, outcome, book, origin: Origin::Live }
    }
}

/// A record of one message.
///
/// A value that the message does not have is absent. Of a channel whose messages replace one
/// another, a feed does not emit one that is older than the last.
#[derive(Clone, Copy, Debug)]
pub struct RecordUpdate<'f> {
    /// The channel and what it is keyed by.
    pub topic: Topic<'f>,
    /// The number of the subscription; [`SubscriptionId::NONE`] from a decoder, and without a
    /// subscription.
    pub subscription_id: SubscriptionId,
    /// The record.
    pub record: &'f Record,
}

impl<'f> RecordUpdate<'f> {
    /// Makes an update without a subscription.
    #[inline]
    #[must_use]
    pub const fn new(topic: Topic<'f>, record: &'f Record) -> Self {
        Self { topic, subscription_id: SubscriptionId::NONE, record }
    }
}

/// The kind of a [`Control`] message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ControlKind<'f> {
    /// A subscription was acknowledged.
    Subscribe,
    /// The end of a subscription was acknowledged.
    Unsubscribe,
    /// The exchange refused something; see `code` and `message`.
    Error,
    /// The answer to a login; see `success`.
    Login,
    /// A notice, such as 64008: the connection will soon be closed for a service upgrade.
    Notice,
    /// The number of connections that use a private channel.
    ChannelConnCount,
    /// A subscription was refused because too many connections use the channel.
    ChannelConnCountError,
    /// The answer to a text `ping` of the client.
    Pong,
    /// An unknown event, by its wire name.
    Other(&'f str),
}

impl<'f> ControlKind<'f> {
    /// The kind of a wire name, the value of `event`.
    #[must_use]
    pub fn from_name(name: &'f str) -> Self {
        match name {
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "error" => Self::Error,
            "login" => Self::Login,
            "notice" => Self::Notice,
            "channel-conn-count" => Self::ChannelConnCount,
            "channel-conn-count-error" => Self::ChannelConnCountError,
            other => Self::Other(other),
        }
    }

    /// The wire name; `pong` for the answer to a ping.
    #[must_use]
    pub const fn name(self) -> &'f str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Error => "error",
            Self::Login => "login",
            Self::Notice => "notice",
            Self::ChannelConnCount => "channel-conn-count",
            Self::ChannelConnCountError => "channel-conn-count-error",
            Self::Pong => "pong",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ControlKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A reply or a notice of the exchange. Fields that the message does not have are `None`.
///
/// Source: v3 `{"event":"error","message":"…","errorCode":30041}`, v5
/// `{"id":"1512","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control<'f> {
    /// The kind of message.
    pub kind: ControlKind<'f>,
    /// The exchange's code: v3's number, v5's digits as a number.
    pub code: Option<i64>,
    /// The exchange's text: v3's `message`, v5's `msg`.
    pub message: Option<&'f str>,
    /// The market of a v3 channel.
    pub market: Option<&'f str>,
    /// The channel's name on the wire, which this crate may not decode.
    pub channel: Option<&'f str>,
    /// The instrument.
    pub inst_id: Option<&'f str>,
    /// The exchange's number of the instrument, in a reply on SBE's path.
    pub inst_id_code: Option<i64>,
    /// v5's echo of the request's id.
    pub id: Option<&'f str>,
    /// Whether a login succeeded; `None` if the message has no such field.
    pub success: Option<bool>,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
}

impl<'f> Control<'f> {
    /// Makes a control message of a kind with all other fields `None`.
    #[must_use]
    pub const fn new(kind: ControlKind<'f>) -> Self {
        Self {
            kind,
            code: None,
            message: None,
            market: None,
            channel: None,
            inst_id: None,
            inst_id_code: None,
            id: None,
            success: None,
            ts_recv: UnixNanos::UNKNOWN,
        }
    }
}

/// A message of a channel that this crate does not decode, as text, for a subscription to
/// [`Channel::Raw`](crate::Channel::Raw). It is counted as skipped all the same.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'f> {
    /// `raw` or `raw-business`, and the key: `books-elp-all:BTC-USDT`.
    pub topic: Topic<'f>,
    /// The number of the subscription.
    pub subscription_id: SubscriptionId,
    /// The whole message as it was received: JSON.
    pub text: &'f str,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
}

/// A message of a channel that is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped<'f> {
    /// The channel's name on the wire (v3: after the slash); empty if the message names none.
    pub channel: &'f str,
    /// The key of a subscription to [`Channel::Raw`](crate::Channel::Raw) that asks for this
    /// message; empty in v3, and if the message is over the limits.
    pub key: &'f str,
    /// The message; empty if `key` is.
    pub text: &'f str,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
}

/// A change of the state of a subscription's book or trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange<'f> {
    /// The subscription.
    pub subscription: &'f Subscription,
    /// The number of the subscription.
    pub subscription_id: SubscriptionId,
    /// The previous state.
    pub from: BookState,
    /// The new state.
    pub to: BookState,
    /// The time of the change, on the clock of `ts_recv`.
    pub ts_recv: UnixNanos,
}

impl StateChange<'_> {
    /// Emits it to a sink, if the states differ.
    #[inline]
    pub(crate) fn emit(self, sink: &mut impl EventSink) {
        if self.from != self.to {
            sink.on_event(&Event::State(self));
        }
    }
}

/// A frame that could not be decoded: the fault and its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The short name of the fault, such as `level_shape`.
    pub kind: &'static str,
    /// The byte offset of the fault in the text; 0 if it is not known.
    pub offset: u32,
    /// The channel and instrument of the message; `None` if the readable text does not name both.
    /// May not be subscribed.
    pub subscription: Option<Subscription>,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
}

/// A place where a recording lacks lines, since its writer fell behind or could not write, or since
/// a part of the file is damaged. What they held is not known: books that they may have changed are
/// not live from here on until the next snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap<'f> {
    /// How many lines are missing: frames, and what else a client records; 0 if that is not known.
    pub lines: u64,
    /// Why they are missing, in words.
    pub reason: &'f str,
    /// The time since when they are missing. It is not before the first time that is played, nor
    /// before the line that was played last.
    pub ts_recv: UnixNanos,
}
