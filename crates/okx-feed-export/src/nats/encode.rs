//! Events as payloads, and the keys by which two writers give each of them once.

use crate::events::{DepthMessage, Message};
use crate::json::text::{key, put_decimal, put_i64, put_optional, put_str, put_u64};
use crate::json::{Stamp, write_event};
use okx_feed::model::stable_hash;
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, DepthUpdate, Event, Level, Qty, RecordUpdate,
    StateChange, Subscription, SubscriptionId, Topic, TradeUpdate, UnixNanos,
};

/// The key of a payload within its topic: equal for the same update of two writers.
///
/// A number of the exchange where there is one, with the time, since numbers may start again. Else
/// a hash of what the exchange sent. `None` for what is a writer's own.
pub(super) fn write_message(out: &mut Vec<u8>, message: &Message<'_>) -> Option<String> {
    out.clear();
    match message {
        Message::Book(subscription, book) => {
            let update = BookUpdate::new(subscription.topic(), book);
            write(out, book.ts_recv, &Event::Book(update));
            Some(match book.seq() {
                Some(seq) => format!("b{seq}.{}", book.ts_event.0),
                None => hashed('b', out),
            })
        }
        Message::Trade { subscription, trade, replayed, missed, renamed_to, .. } => {
            let topic = subscription.topic();
            let inst_id = renamed_to.as_ref().map_or(topic.inst_id, |own| own.as_str());
            let update = TradeUpdate {
                replayed: *replayed,
                missed: *missed,
                renamed_from: renamed_to.map(|_| topic.inst_id),
                ..TradeUpdate::new(Topic { inst_id, ..topic }, trade)
            };
            write(out, trade.ts_recv, &Event::Trade(update));
            Some(format!("t{}", trade.trade_id))
        }
        Message::Record(subscription, record) => {
            let update = RecordUpdate::new(subscription.topic(), record);
            write(out, record.ts_recv, &Event::Record(update));
            Some(hashed('r', out))
        }
        Message::Depth(depth) => {
            write_depth(out, depth);
            let kind = if depth.is_repeated { 's' } else { 'd' };
            Some(match (depth.seq, depth.prev_seq) {
                (DepthUpdate::NO_SEQ, _) => hashed(kind, out),
                (seq, DepthUpdate::NO_SEQ) => format!("{kind}{seq}.{}", depth.ts_event.0),
                (seq, before) => format!("{kind}{before}.{seq}.{}", depth.ts_event.0),
            })
        }
        Message::State(subscription, state, at) => {
            write_state(out, subscription, *state, *at);
            None
        }
        Message::Missed(subscription, count, _) => {
            write_missed(out, &subscription.topic(), *count);
            None
        }
    }
}

/// A key of what the exchange sent: the payload without the time of receipt, its first member.
fn hashed(kind: char, payload: &[u8]) -> String {
    let at = payload.iter().position(|byte| *byte == b',').unwrap_or_default();
    format!("{kind}x{:016x}", stable_hash(payload.get(at..).unwrap_or_default()))
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
    put_levels(out, depth.asks, depth.non_rpi.map(|sizes| sizes.asks));
    key(out, b"bids");
    put_levels(out, depth.bids, depth.non_rpi.map(|sizes| sizes.bids));
    end(out, &topic);
}

/// A level is `[px, sz, orders]`, with the size without RPI orders as a fourth where there is one.
fn put_levels(out: &mut Vec<u8>, levels: &[Level], non_rpi: Option<&[Qty]>) {
    out.push(b'[');
    for (number, level) in levels.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"[" } else { b",[" });
        put_decimal(out, level.px());
        out.push(b',');
        put_decimal(out, level.sz());
        out.push(b',');
        put_u64(out, u64::from(level.orders()));
        if let Some(sizes) = non_rpi {
            out.push(b',');
            put_decimal(out, sizes.get(number).copied().unwrap_or(Decimal::ZERO));
        }
        out.push(b']');
    }
    out.push(b']');
}
