//! Names as numbers. What C passes is any number, so functions take `int32_t` and check it.

use okx_feed::model::DownReason;
use okx_feed::{BookState, SubscriptionId};

use crate::status::{Failure, Outcome, Status};

/// The sequence number of what has none.
pub const NO_SEQ: i64 = i64::MIN;

/// The subscription number of what belongs to none.
pub const NO_SUBSCRIPTION: u32 = u32::MAX;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Dialect {
    /// OKEX, 2018 to 2022: binary frames of raw DEFLATE.
    V3 = 3,
    /// OKX, 2021 to today: text frames.
    V5 = 5,
}

/// The type of a WebSocket message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum FrameKind {
    /// A text message.
    Text = 1,
    /// A binary message.
    Binary = 2,
}

/// A region of the exchange, which has an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Region {
    /// All others.
    Global = 0,
    /// The European Economic Area.
    Eea = 1,
    /// The United States and Australia.
    Us = 2,
}

/// The side of a trade's taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Side {
    /// The taker bought.
    Buy = 0,
    /// The taker sold.
    Sell = 1,
}

/// The state of a subscription. Only a live book matches the exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum State {
    /// No connection, or not acknowledged yet.
    Connecting = 0,
    /// Acknowledged; no data yet.
    AwaitingSnapshot = 1,
    /// The value is the exchange's.
    Live = 2,
    /// Too silent, or too late.
    Stale = 3,
    /// The book failed verification and waits for a snapshot.
    Resyncing = 4,
    /// The exchange refused the subscription.
    DownRejected = 5,
    /// The caller ended it.
    DownUnsubscribed = 6,
    /// The client has stopped.
    DownStopped = 7,
}

impl State {
    pub(crate) const fn of(state: BookState) -> Self {
        match state {
            BookState::Connecting => Self::Connecting,
            BookState::AwaitingSnapshot => Self::AwaitingSnapshot,
            BookState::Live => Self::Live,
            BookState::Stale => Self::Stale,
            BookState::Resyncing => Self::Resyncing,
            BookState::Down(DownReason::Rejected) => Self::DownRejected,
            BookState::Down(DownReason::Unsubscribed) => Self::DownUnsubscribed,
            BookState::Down(DownReason::Stopped) => Self::DownStopped,
        }
    }
}

/// The state of a number that C passed, for [`State`] as the library has it.
pub(crate) fn state(number: i32) -> Outcome<BookState> {
    Ok(match number {
        0 => BookState::Connecting,
        1 => BookState::AwaitingSnapshot,
        2 => BookState::Live,
        3 => BookState::Stale,
        4 => BookState::Resyncing,
        5 => BookState::Down(DownReason::Rejected),
        6 => BookState::Down(DownReason::Unsubscribed),
        7 => BookState::Down(DownReason::Stopped),
        _ => return Err(out_of_range("state", number)),
    })
}

pub(crate) fn dialect(number: i32) -> Outcome<okx_feed::Dialect> {
    match number {
        3 => Ok(okx_feed::Dialect::V3),
        5 => Ok(okx_feed::Dialect::V5),
        _ => Err(out_of_range("dialect", number)),
    }
}

pub(crate) fn region(number: i32) -> Outcome<okx_feed::transport::Region> {
    match number {
        0 => Ok(okx_feed::transport::Region::Global),
        1 => Ok(okx_feed::transport::Region::Eea),
        2 => Ok(okx_feed::transport::Region::Us),
        _ => Err(out_of_range("region", number)),
    }
}

pub(crate) fn frame(number: i32, payload: &[u8]) -> Outcome<okx_feed::Frame<'_>> {
    match number {
        1 => Ok(okx_feed::Frame::Text(payload)),
        2 => Ok(okx_feed::Frame::Binary(payload)),
        _ => Err(out_of_range("frame kind", number)),
    }
}

fn out_of_range(what: &str, number: i32) -> Failure {
    Failure::new(Status::Argument, format_args!("{number} is no {what}"))
}

pub(crate) fn subscription_number(id: SubscriptionId) -> u32 {
    id.index().and_then(|index| u32::try_from(index).ok()).unwrap_or(NO_SUBSCRIPTION)
}
