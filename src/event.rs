//! What happens on a feed, as events that borrow the frame they came in.

use std::fmt;

use crate::book::{ApplyOutcome, Book5, DepthBook, DepthUpdate};
use crate::model::{BookState, Subscription, SubscriptionId, Topic, Trade, UnixNanos};

/// One thing that a frame said. It borrows the decoder's scratch and ends with the frame; what must
/// outlive it ([`Book5`], [`Trade`], [`Level`](crate::model::Level)) is `Copy`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'f> {
    /// A five-level book, whole.
    Book(BookUpdate<'f>),
    /// A trade.
    Trade(TradeUpdate<'f>),
    /// A snapshot of a deep book, or a change to one, as the message brought it.
    Depth(DepthUpdate<'f>),
    /// The same, applied to the book of its subscription. It comes from the feed, in place of
    /// [`Event::Depth`].
    DepthBook(DepthChange<'f>),
    /// A reply or a notice of the exchange.
    Control(Control<'f>),
    /// A message that is not decoded: counted by its channel, no error.
    Skipped(Skipped<'f>),
    /// A subscription's state changed. It comes from the feed, never from a decoder.
    State(StateChange<'f>),
    /// A frame could not be decoded and is lost; all else goes on. It comes from the feed.
    Malformed(Malformed),
}

impl Event<'_> {
    /// When we received the frame, or noticed the change of state; [`UnixNanos::UNKNOWN`] where
    /// nobody looked at a clock.
    #[inline]
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        match self {
            Self::Book(update) => update.book.ts_recv,
            Self::Trade(update) => update.trade.ts_recv,
            Self::Depth(update) => update.ts_recv,
            Self::DepthBook(change) => change.update.ts_recv,
            Self::Control(control) => control.ts_recv,
            Self::Skipped(skipped) => skipped.ts_recv,
            Self::State(change) => change.ts_recv,
            Self::Malformed(malformed) => malformed.ts_recv,
        }
    }
}

impl<'f> Event<'f> {
    /// What a book, a trade or a deep-book message is about; `None` for all else.
    #[inline]
    #[must_use]
    pub const fn topic(&self) -> Option<Topic<'f>> {
        match self {
            Self::Book(update) => Some(update.topic),
            Self::Trade(update) => Some(update.topic),
            Self::Depth(update) => Some(update.topic),
            Self::DepthBook(change) => Some(change.update.topic),
            Self::Control(_) | Self::Skipped(_) | Self::State(_) | Self::Malformed(_) => None,
        }
    }
}

impl Event<'_> {
    /// The number of the subscription that it is about; [`SubscriptionId::NONE`] where it is about
    /// none, and from a decoder.
    #[inline]
    #[must_use]
    pub const fn subscription_id(&self) -> SubscriptionId {
        match self {
            Self::Book(update) => update.subscription_id,
            Self::Trade(update) => update.subscription_id,
            Self::DepthBook(change) => change.subscription_id,
            Self::State(change) => change.subscription_id,
            Self::Depth(_) | Self::Control(_) | Self::Skipped(_) | Self::Malformed(_) => {
                SubscriptionId::NONE
            }
        }
    }
}

/// Who receives events. A closure `FnMut(&Event<'_>)` is one.
pub trait EventSink {
    /// Takes one event. It is called inline on the hot path, before the next frame is read.
    fn on_event(&mut self, event: &Event<'_>);

    /// Is called by a client after the last frame that a connection had ready, before it waits for the
    /// next: the place for work that is better done once than after each event. Does nothing by
    /// default. A frame that comes meanwhile waits for it.
    #[inline]
    fn on_drained(&mut self) {}
}

impl<F: FnMut(&Event<'_>)> EventSink for F {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// A five-level book as one message brought it.
///
/// Of a new connection that begins with older books than the one before it had, a feed emits none until
/// it has caught up: the book is [`BookState::Stale`] so long. A [`Decoder`](crate::Decoder) emits all.
#[derive(Clone, Copy, Debug)]
pub struct BookUpdate<'f> {
    /// The channel and the instrument.
    pub topic: Topic<'f>,
    /// The number of the subscription; [`SubscriptionId::NONE`] from a decoder, and where nobody
    /// subscribed it.
    pub subscription_id: SubscriptionId,
    /// The book: times, sequence number and levels.
    pub book: &'f Book5,
}

impl<'f> BookUpdate<'f> {
    /// A book as a message brings it, of no subscription yet.
    #[inline]
    #[must_use]
    pub const fn new(topic: Topic<'f>, book: &'f Book5) -> Self {
        Self { topic, subscription_id: SubscriptionId::NONE, book }
    }
}

/// A trade as one message brought it.
#[derive(Clone, Copy, Debug)]
pub struct TradeUpdate<'f> {
    /// The channel and the instrument.
    pub topic: Topic<'f>,
    /// The number of the subscription; [`SubscriptionId::NONE`] from a decoder, and where nobody
    /// subscribed it.
    pub subscription_id: SubscriptionId,
    /// The trade: times, numbers, side, price and size.
    pub trade: &'f Trade,
    /// Whether it is the first push of a subscription: the exchange sends the last trade once after
    /// each, however old. One that was told before is not told again; one that was not is told with
    /// this mark. Always false from a decoder, which knows of no subscriptions.
    pub replayed: bool,
    /// How many trades the exchange made between the one that was told last and this one that were
    /// not told: lost with a connection or with a malformed message. Where several lines are merged
    /// one of them may still come.
    ///
    /// 0 where nothing is missing or nothing can tell: before the first trade, in v3, whose ids may
    /// have gaps, and always from a decoder. In v5 a message covers the `count` ids up to `trade_id`.
    pub missed: u64,
}

impl<'f> TradeUpdate<'f> {
    /// A trade as a message brings it, with nothing known of those before it.
    #[inline]
    #[must_use]
    pub const fn new(topic: Topic<'f>, trade: &'f Trade) -> Self {
        Self { topic, subscription_id: SubscriptionId::NONE, trade, replayed: false, missed: 0 }
    }
}

/// A message of a deep book, what became of it, and the book after it.
#[derive(Clone, Copy, Debug)]
pub struct DepthChange<'f> {
    /// The message: the levels that changed, or all of them.
    pub update: &'f DepthUpdate<'f>,
    /// The number of the subscription.
    pub subscription_id: SubscriptionId,
    /// What became of it: whether it was applied, and what sequence and checksum say.
    pub applied: ApplyOutcome,
    /// The book after it. [`DepthBook::live`] is `None` where it can't be believed.
    pub book: &'f DepthBook,
}

impl<'f> DepthChange<'f> {
    /// A message and what became of it, of no subscription yet.
    #[must_use]
    pub const fn new(
        update: &'f DepthUpdate<'f>,
        applied: ApplyOutcome,
        book: &'f DepthBook,
    ) -> Self {
        Self { update, subscription_id: SubscriptionId::NONE, applied, book }
    }
}

/// What a [`Control`] message is.
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
    /// How many connections hold a private channel.
    ChannelConnCount,
    /// A subscription was refused since too many connections hold the channel.
    ChannelConnCountError,
    /// The answer to our text `ping`.
    Pong,
    /// An event that this crate does not know, by its wire name.
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

/// A reply or a notice of the exchange. What a message did not have is `None`.
///
/// Source: v3 `{"event":"error","message":"…","errorCode":30041}`, v5
/// `{"id":"1512","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control<'f> {
    /// What it is.
    pub kind: ControlKind<'f>,
    /// The exchange's code: v3's number, v5's digits as a number.
    pub code: Option<i64>,
    /// The exchange's text: v3's `message`, v5's `msg`.
    pub message: Option<&'f str>,
    /// The market of a v3 channel.
    pub market: Option<&'f str>,
    /// The channel's name as the wire has it, which this crate need not know.
    pub channel: Option<&'f str>,
    /// The instrument.
    pub inst_id: Option<&'f str>,
    /// v5's echo of the request's id.
    pub id: Option<&'f str>,
    /// Whether a login succeeded, where the message says so.
    pub success: Option<bool>,
    /// When we received the frame.
    pub ts_recv: UnixNanos,
}

impl<'f> Control<'f> {
    /// A control message with nothing but its kind.
    #[must_use]
    pub const fn new(kind: ControlKind<'f>) -> Self {
        Self {
            kind,
            code: None,
            message: None,
            market: None,
            channel: None,
            inst_id: None,
            id: None,
            success: None,
            ts_recv: UnixNanos::UNKNOWN,
        }
    }
}

/// A message that is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped<'f> {
    /// The channel's name as the wire has it (v3: after the slash); empty where the message names
    /// none.
    pub channel: &'f str,
    /// When we received the frame.
    pub ts_recv: UnixNanos,
}

/// A change of what may be believed of a subscription's book or trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange<'f> {
    /// Whose state it is.
    pub subscription: &'f Subscription,
    /// Its number.
    pub subscription_id: SubscriptionId,
    /// The state before.
    pub from: BookState,
    /// The state from now on.
    pub to: BookState,
    /// When, on the clock of `ts_recv`.
    pub ts_recv: UnixNanos,
}

/// A frame that could not be decoded: what is wrong with it, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, by its short name, such as `level_shape`.
    pub kind: &'static str,
    /// The byte of the text at which it is wrong; 0 where the place is not known.
    pub offset: u32,
    /// Whose message it was, as far as its text still tells: `None` where it does not name both
    /// channel and instrument. Nobody need have subscribed it.
    pub subscription: Option<Subscription>,
    /// When we received the frame.
    pub ts_recv: UnixNanos,
}
