//! Events.

use std::ffi::c_char;
use std::ptr::null;

use super::book::{Book, Level};
use super::names::{NO_SEQ, NO_SUBSCRIPTION, State};
use super::record::Record;
use super::trade::Trade;

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum EventKind {
    /// A five-level book: `book`.
    Book = 1,
    /// A trade: `trade`, `missed`, `is_replayed`, `is_history`.
    Trade = 2,
    /// A message of an order book. From a client, a feed and a replay it has been applied: `book`
    /// has the best five levels after it, `is_live` whether the book is the exchange's. `asks` and
    /// `bids` are the levels of the message; a queue does not have them. `book` is NULL
    /// from a decoder, and of an order book that is not subscribed.
    Depth = 3,
    /// A record: `record`.
    Record = 4,
    /// The state of a subscription changed: `state_before`, `state`.
    State = 5,
    /// A reply or a notice of the exchange: `code`, `text`; `channel` is what it names.
    Control = 6,
    /// A message of a channel that is not decoded: `channel`.
    Skipped = 7,
    /// A message of a raw channel: `text` is all of it.
    Raw = 8,
    /// A frame could not be decoded: `text` is the fault, `code` its place in bytes.
    Malformed = 9,
    /// A recording lacks lines here: `text` is the reason, `missed` their number.
    Gap = 10,
    /// A queue was full: `missed` events before this one are not in it.
    Dropped = 11,
}

/// A text without a null byte at its end, UTF-8. `data` is NULL if there is none.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Text {
    /// The bytes.
    pub data: *const c_char,
    /// Their number.
    pub len: usize,
}

impl Text {
    pub(crate) const NONE: Self = Self { data: null(), len: 0 };

    pub(crate) const fn of(text: &str) -> Self {
        Self { data: text.as_ptr().cast(), len: text.len() }
    }
}

/// An event. What its kind does not have is NULL, zero or empty. Later versions add fields at the
/// end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Event {
    /// What it is.
    pub kind: EventKind,
    /// The number of the subscription; OKX_NO_SUBSCRIPTION without one.
    pub subscription: u32,
    /// The time of receipt.
    pub ts_recv: u64,
    /// The channel, such as `books5`.
    pub channel: Text,
    /// The market of a v3 channel, such as `futures`.
    pub market: Text,
    /// The instrument.
    pub inst_id: Text,
    /// The book.
    pub book: *const Book,
    /// The trade.
    pub trade: *const Trade,
    /// The record.
    pub record: *const Record,
    /// The levels of an order book's message.
    pub asks: *const Level,
    /// Their number.
    pub asks_len: usize,
    /// The levels of an order book's message.
    pub bids: *const Level,
    /// Their number.
    pub bids_len: usize,
    /// The sequence number of an order book's message; OKX_NO_SEQ without one.
    pub seq: i64,
    /// Its predecessor's; OKX_NO_SEQ without one, -1 in a snapshot.
    pub prev_seq: i64,
    /// Trades, lines or events that are missing before this.
    pub missed: u64,
    /// The code of a reply, or the place of a fault.
    pub code: i64,
    /// The text of a reply, a fault or a raw message.
    pub text: Text,
    /// The state before a change.
    pub state_before: State,
    /// The state after it.
    pub state: State,
    /// Whether an order book's message is a snapshot.
    pub is_snapshot: bool,
    /// Whether the order book is the exchange's after it.
    pub is_live: bool,
    /// Whether a trade is the one that the exchange repeats after a subscription.
    pub is_replayed: bool,
    /// Whether it is from the REST interface.
    pub is_history: bool,
}

impl Event {
    pub(crate) const fn new(kind: EventKind) -> Self {
        Self {
            kind,
            subscription: NO_SUBSCRIPTION,
            ts_recv: 0,
            channel: Text::NONE,
            market: Text::NONE,
            inst_id: Text::NONE,
            book: null(),
            trade: null(),
            record: null(),
            asks: null(),
            asks_len: 0,
            bids: null(),
            bids_len: 0,
            seq: NO_SEQ,
            prev_seq: NO_SEQ,
            missed: 0,
            code: 0,
            text: Text::NONE,
            state_before: State::Connecting,
            state: State::Connecting,
            is_snapshot: false,
            is_live: false,
            is_replayed: false,
            is_history: false,
        }
    }
}
