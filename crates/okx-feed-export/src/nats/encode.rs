//! Events as payloads, and the keys by which two writers give each of them once.

use std::io::Write;

use crate::events::{DepthMessage, Message};
use crate::json::text::{key, put_i64, put_levels, put_optional, put_str, put_u64};
use crate::json::{Stamp, write_event};
use okx_feed::event::StateChange;
use okx_feed::model::stable_hash;
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, DepthUpdate, Event, Qty, RecordUpdate, Subscription,
    SubscriptionId, Topic, TradeUpdate, UnixNanos,
};

/// Appends the payload of an event.
pub(super) fn write_payload(out: &mut Vec<u8>, message: &Message<'_>) {
    match message {
        Message::Book(subscription, book) => {
            let update = BookUpdate::new(subscription.topic(), book);
            write(out, book.ts_recv, &Event::Book(update));
        }
        Message::Trade { subscription, trade, replayed, missed, origin, renamed_to } => {
            let topic = subscription.topic();
            let inst_id = renamed_to.as_ref().map_or(topic.inst_id, |own| own.as_str());
            let update = TradeUpdate {
                replayed: *replayed,
                missed: *missed,
                origin: *origin,
                renamed_from: renamed_to.map(|_| topic.inst_id),
                ..TradeUpdate::new(Topic { inst_id, ..topic }, trade)
            };
            write(out, trade.ts_recv, &Event::Trade(update));
        }
        Message::Record(subscription, record) => {
            let update = RecordUpdate::new(subscription.topic(), record);
            write(out, record.ts_recv, &Event::Record(update));
        }
        Message::Depth(depth) => write_depth(out, depth),
        Message::State(subscription, state, at) => write_state(out, subscription, *state, *at),
        Message::Missed(subscription, count, _) => {
            write_missed(out, &subscription.topic(), *count);
        }
    }
}

/// Appends the key of an event within its topic: equal for the same update of two writers. False if
/// there is none, for what is a writer's own.
///
/// A number of the exchange where there is one, with the time, since numbers may start again. Else
/// a hash of what the exchange sent, its time with it. Without a time there is none: a value that
/// comes back is a new message, which the same hash would hide.
pub(super) fn write_key(out: &mut Vec<u8>, message: &Message<'_>, payload_len: usize) -> bool {
    let (kind, time) = match message {
        Message::Book(_, book) => match book.seq() {
            Some(seq) => return numbered(out, b'b', &[seq], book.ts_event),
            None => (b'b', book.ts_event),
        },
        Message::Trade { trade, .. } => {
            out.push(b't');
            put_u64(out, trade.trade_id);
            return true;
        }
        Message::Record(_, record) => (b'r', record.ts_event),
        Message::Depth(depth) => {
            let kind = if depth.is_repeated { b's' } else { b'd' };
            match (depth.seq, depth.prev_seq) {
                (DepthUpdate::NO_SEQ, _) => (kind, depth.ts_event),
                (seq, DepthUpdate::NO_SEQ) => {
                    return numbered(out, kind, &[seq], depth.ts_event);
                }
                (seq, before) => return numbered(out, kind, &[before, seq], depth.ts_event),
            }
        }
        Message::State(..) | Message::Missed(..) => return false,
    };
    if time == UnixNanos::UNKNOWN {
        return false;
    }
    hashed(out, kind, payload_len);
    true
}

/// Appends the numbers of an update and its time.
fn numbered(out: &mut Vec<u8>, kind: u8, numbers: &[i64], time: UnixNanos) -> bool {
    out.push(kind);
    for number in numbers {
        put_i64(out, *number);
        out.push(b'.');
    }
    put_u64(out, time.0);
    true
}

/// Appends a key of what the exchange sent: of the payload, with which `out` begins.
fn hashed(out: &mut Vec<u8>, kind: u8, payload_len: usize) {
    let hash = content_hash(out.get(..payload_len).unwrap_or_default());
    out.extend_from_slice(&[kind, b'x']);
    // Writing to memory does not fail.
    let _ = write!(out, "{hash:016x}");
}

/// A hash of what the exchange sent: a payload without the time of receipt, its first member.
pub(super) fn content_hash(payload: &[u8]) -> u64 {
    let at = payload.iter().position(|byte| *byte == b',').unwrap_or_default();
    stable_hash(payload.get(at..).unwrap_or_default())
}

/// The event's object of `watch --json`, without the line end.
fn write(out: &mut Vec<u8>, ts_recv: UnixNanos, event: &Event<'_>) {
    write_event(out, stamp(ts_recv), Book5::LEVELS, event);
    out.pop();
}

const fn stamp(ts_recv: UnixNanos) -> Stamp {
    Stamp { key: "ts_recv_ns", value: ts_recv.0, ts_recv: None }
}

/// Appends a state. What it was before is not known here: the same.
pub(super) fn write_state(out: &mut Vec<u8>, of: &Subscription, to: BookState, at: UnixNanos) {
    let subscription_id = SubscriptionId::NONE;
    let change = StateChange { subscription: of, subscription_id, from: to, to, ts_recv: at };
    write(out, at, &Event::State(change));
}

fn begin(out: &mut Vec<u8>, ts_recv: UnixNanos, event: &[u8], topic: &Topic<'_>) {
    out.extend_from_slice(b"{\"ts_recv_ns\":");
    put_u64(out, ts_recv.0);
    out.extend_from_slice(b",\"event\":\"");
    out.extend_from_slice(event);
    out.extend_from_slice(b"\",\"channel\":");
    put_str(out, topic.channel.name());
    key(out, b"inst_id");
    put_optional(out, (!topic.inst_id.is_empty()).then_some(topic.inst_id), put_str);
}

fn end(out: &mut Vec<u8>, topic: &Topic<'_>) {
    if let Some(market) = topic.market {
        key(out, b"market");
        put_str(out, market.name());
    }
    out.push(b'}');
}

/// Appends the mark of dropped events.
fn write_missed(out: &mut Vec<u8>, topic: &Topic<'_>, count: u64) {
    begin(out, UnixNanos::UNKNOWN, b"missed", topic);
    key(out, b"count");
    put_u64(out, count);
    end(out, topic);
}

/// Appends a message of an order book with all its levels, by which a reader rebuilds the book.
fn write_depth(out: &mut Vec<u8>, depth: &DepthMessage<'_>) {
    let topic = depth.subscription.topic();
    let number = |seq| (seq != DepthUpdate::NO_SEQ).then_some(seq);
    begin(out, depth.ts_recv, b"depth_update", &topic);
    key(out, b"action");
    put_str(out, depth.action.name());
    key(out, b"ts_ns");
    put_u64(out, depth.ts_event.0);
    key(out, b"seq");
    put_optional(out, number(depth.seq), put_i64);
    key(out, b"prev_seq");
    put_optional(out, number(depth.prev_seq), put_i64);
    key(out, b"checksum");
    put_optional(out, depth.checksum.map(i64::from), put_i64);
    key(out, b"asks");
    put_levels(out, depth.asks, |place, _| Some(size_at(depth.non_rpi?.asks, place)));
    key(out, b"bids");
    put_levels(out, depth.bids, |place, _| Some(size_at(depth.non_rpi?.bids, place)));
    end(out, &topic);
}

fn size_at(sizes: &[Qty], place: usize) -> Decimal {
    sizes.get(place).copied().unwrap_or(Decimal::ZERO)
}
