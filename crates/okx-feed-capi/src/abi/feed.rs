//! Feed handlers: frames of a caller's own transport to books and trades.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::{c_char, c_void};

use okx_feed::wire::{RequestOp, request_text};
use okx_feed::{FeedHandler, Subscription, UnixNanos};

use super::reader::{Reader, Readers};
use crate::channels::{not_subscribed, subscription};
use crate::emit::Emitter;
use crate::frames::with_frame;
use crate::handles::{Exclusive, Handle, close, open, with};
use crate::pointers::{Callback, EventCallback, Room, check_out, put, put_sized, put_text, text};
use crate::status::{Failure, Outcome, Status, guard};
use crate::types::{Level, State, Stats, names};

/// The books and trades of one connection, whose frames the caller passes. Reads no clock and no
/// socket.
#[derive(Debug)]
pub struct Feed(());

impl Handle for Feed {
    type Object = Exclusive<Handler>;
    const NAME: &'static str = "a feed";
}

/// A feed handler and where its events go.
#[derive(Debug)]
pub(crate) struct Handler {
    feed: FeedHandler,
    emitter: Emitter,
}

fn with_channel<R>(
    feed: *const Feed,
    channel: *const c_char,
    f: impl FnOnce(&mut Handler, Subscription) -> Outcome<R>,
) -> Outcome<R> {
    let channel = text(channel, "channel")?;
    with(feed, |handler| {
        handler.with(|handler| {
            let channel = subscription(handler.feed.dialect(), &channel)?;
            f(handler, channel)
        })
    })
}

/// Makes a feed for a dialect (okx_dialect). The callback gets each event after the state that it
/// changes, in the calls that change it; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_new(
    dialect: i32,
    callback: EventCallback,
    user: *mut c_void,
    out: *mut *mut Feed,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        let feed = FeedHandler::new(names::dialect(dialect)?);
        let emitter = Emitter::new(Callback::new(callback, user));
        put(out, open(Exclusive::new(Handler { feed, emitter })), "out")?;
        Ok(Status::Ok)
    })
}

/// Closes a feed. Its readers stay, and show that it is down.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_close(feed: *mut Feed) -> Status {
    guard(|| close(feed, Exclusive::end))
}

/// Adds a subscription. Sends nothing: okx_feed_request gives the text to send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_subscribe(feed: *mut Feed, channel: *const c_char) -> Status {
    guard(|| {
        with_channel(feed, channel, |handler, channel| {
            let subscribed = handler.feed.subscribe(channel);
            subscribed.map_err(|error| Failure::new(Status::Text, error))?;
            Ok(Status::Ok)
        })
    })
}

/// Removes a subscription at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_unsubscribe(
    feed: *mut Feed,
    channel: *const c_char,
    ts_recv: u64,
) -> Status {
    guard(|| {
        with_channel(feed, channel, |Handler { feed, emitter }, channel| {
            match feed.unsubscribe(&channel, UnixNanos(ts_recv), emitter) {
                true => Ok(Status::Ok),
                false => Err(not_subscribed(&channel)),
            }
        })
    })
}

/// The text of the request that subscribes or unsubscribes a channel, with a null byte; `len` gets
/// its bytes without it, and may be NULL. `id` is echoed by v5 and ignored by v3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_request(
    feed: *const Feed,
    channel: *const c_char,
    is_subscribe: bool,
    id: u64,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> Status {
    guard(|| {
        with_channel(feed, channel, |handler, channel| {
            let op = if is_subscribe { RequestOp::Subscribe } else { RequestOp::Unsubscribe };
            let request = request_text(handler.feed.dialect(), op, id, &[channel]);
            put_text(buffer, capacity, len, request.as_bytes())?;
            Ok(Status::Ok)
        })
    })
}

/// Processes one WebSocket message (okx_frame_kind) that was received at `ts_recv`, which must not
/// run backwards.
///
/// OKX_STATUS_DECODE if it is malformed: what it may have changed is not live any more, and the
/// feed goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_on_frame(
    feed: *mut Feed,
    kind: i32,
    data: *const u8,
    len: usize,
    ts_recv: u64,
) -> Status {
    guard(|| {
        with_frame(feed, (kind, data, len), |Handler { feed, emitter }, frame| {
            feed.on_frame(frame, UnixNanos(ts_recv), emitter)
        })
    })
}

/// Sets the state (okx_state) of all subscriptions that are not down, such as
/// OKX_STATE_CONNECTING after the connection was lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_set_states(feed: *mut Feed, state: i32, ts_recv: u64) -> Status {
    guard(|| {
        let state = names::state(state)?;
        with(feed, |handler| {
            handler.with(|Handler { feed, emitter }| {
                feed.set_all_states(state, UnixNanos(ts_recv), emitter);
                Ok(Status::Ok)
            })
        })
    })
}

/// A reader of what a subscription holds, for any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_reader(
    feed: *mut Feed,
    channel: *const c_char,
    out: *mut *mut Reader,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        with_channel(feed, channel, |Handler { feed, .. }, channel| {
            let readers = Readers {
                book: feed.book_reader(&channel),
                depth: feed.depth_reader(&channel),
                trades: feed.trade_reader(&channel),
                record: feed.record_reader(&channel),
                records: feed.record_ring_reader(&channel),
            };
            put(out, open(readers.some(&channel)?), "out")?;
            Ok(Status::Ok)
        })
    })
}

/// All levels of an order book, best first, and its state. `asks_len` and `bids_len` get how many
/// there are; OKX_STATUS_BUFFER if one of the buffers has no room for them, and then no level is
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_depth(
    feed: *const Feed,
    channel: *const c_char,
    asks: *mut Level,
    asks_capacity: usize,
    asks_len: *mut usize,
    bids: *mut Level,
    bids_capacity: usize,
    bids_len: *mut usize,
    state: *mut State,
) -> Status {
    guard(|| {
        check_out(state, "state")?;
        check_out(asks_len, "asks_len")?;
        check_out(bids_len, "bids_len")?;
        with_channel(feed, channel, |Handler { feed, .. }, channel| {
            let slot = feed.slots().get(&channel).ok_or_else(|| not_subscribed(&channel))?;
            let none = || Failure::new(Status::NotFound, "the channel has no order book");
            let book = feed.depth(&channel).ok_or_else(none)?.view();
            put(asks_len, book.asks().len(), "asks_len")?;
            put(bids_len, book.bids().len(), "bids_len")?;
            if book.asks().len() > asks_capacity || book.bids().len() > bids_capacity {
                return Err(Failure::new(Status::Buffer, "there are more levels"));
            }
            let mut asks = Room::new(asks, asks_capacity, "asks")?;
            let mut bids = Room::new(bids, bids_capacity, "bids")?;
            book.asks().iter().all(|level| asks.push(level.into()));
            book.bids().iter().all(|level| bids.push(level.into()));
            put(state, State::of(slot.state()), "state")?;
            Ok(Status::Ok)
        })
    })
}

/// The counters. `size` is sizeof(okx_stats).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_feed_stats(feed: *const Feed, out: *mut Stats, size: usize) -> Status {
    guard(|| {
        let stats =
            with(feed, |handler| handler.with(|handler| Ok(Stats::from(handler.feed.stats()))))?;
        put_sized(out, size, stats, "out")?;
        Ok(Status::Ok)
    })
}
