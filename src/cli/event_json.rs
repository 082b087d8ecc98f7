//! Events as JSON, one object each, with no allocation but the growth of the output.

use super::ladder::best;
use crate::model::{
    BookSync, BookUpdate, Control, Decimal, DepthChange, Event, Level, MAX_DECIMAL_TEXT, Skipped,
    StateChange, TradeUpdate,
};

/// The first member of an object: where or when its event came.
///
/// `decode` writes `"line"`, `watch` writes `"ts_recv_ns"`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) key: &'static str,
    pub(crate) value: u64,
}

/// Appends an event as one object and a line end. Books have at most so many levels a side.
pub(crate) fn write_event(out: &mut Vec<u8>, stamp: Stamp, levels: usize, event: &Event<'_>) {
    match event {
        Event::Book(update) => book(out, stamp, levels, update),
        Event::Trade(update) => trade(out, stamp, update),
        // No book is kept for it: told by its channel alone.
        Event::Depth(update) => skipped(out, stamp, update.channel.name()),
        Event::DepthBook(change) => depth(out, stamp, levels, change),
        Event::Control(control) => reply(out, stamp, control),
        Event::Skipped(Skipped { channel, .. }) => skipped(out, stamp, channel),
        Event::State(change) => state(out, stamp, change),
        Event::Malformed(malformed) => {
            return write_malformed(out, stamp, malformed.kind, malformed.offset);
        }
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a malformed frame as one object and a line end.
pub(crate) fn write_malformed(out: &mut Vec<u8>, stamp: Stamp, kind: &str, offset: u32) {
    open(out, stamp, b"malformed");
    key(out, b"kind");
    put_str(out, kind);
    key(out, b"offset");
    put_u64(out, u64::from(offset));
    out.extend_from_slice(b"}\n");
}

/// Appends the number of events that are missing here, as one object and a line end.
pub(crate) fn write_missed(out: &mut Vec<u8>, stamp: Stamp, count: u64) {
    open(out, stamp, b"missed");
    key(out, b"count");
    put_u64(out, count);
    out.extend_from_slice(b"}\n");
}

fn book(out: &mut Vec<u8>, stamp: Stamp, levels: usize, update: &BookUpdate<'_>) {
    open(out, stamp, b"book");
    source(out, update.channel.name(), update.inst_id);
    key(out, b"ts_ns");
    put_u64(out, update.book.ts_event.0);
    key(out, b"seq");
    put_optional(out, update.book.seq(), put_i64);
    key(out, b"asks");
    put_levels(out, best(update.book.asks(), levels));
    key(out, b"bids");
    put_levels(out, best(update.book.bids(), levels));
}

fn trade(out: &mut Vec<u8>, stamp: Stamp, update: &TradeUpdate<'_>) {
    let trade = &update.trade;
    open(out, stamp, b"trade");
    source(out, update.channel.name(), update.inst_id);
    key(out, b"ts_ns");
    put_u64(out, trade.ts_event.0);
    key(out, b"seq");
    put_optional(out, trade.seq(), put_i64);
    key(out, b"trade_id");
    out.push(b'"');
    put_u64(out, trade.trade_id);
    out.push(b'"');
    key(out, b"side");
    put_str(out, trade.side().name());
    key(out, b"px");
    put_decimal(out, trade.px());
    key(out, b"sz");
    put_decimal(out, trade.sz());
    key(out, b"count");
    put_u64(out, u64::from(trade.count));
}

/// A deep-book message with the book after it: what sequence and checksum say, how many levels there
/// are, and the best of each side. One that came before a snapshot has `"state":"no_snapshot"`.
fn depth(out: &mut Vec<u8>, stamp: Stamp, levels: usize, change: &DepthChange<'_>) {
    let DepthChange { update, applied, book } = change;
    let view = book.view();
    open(out, stamp, b"depth");
    key(out, b"channel");
    put_str(out, update.channel.name());
    key(out, b"action");
    put_str(out, update.action.name());
    key(out, b"inst_id");
    put_str(out, update.inst_id);
    key(out, b"ts_ns");
    put_u64(out, update.ts_event.0);
    key(out, b"seq");
    put_optional(out, update.seq(), put_i64);
    key(out, b"checksum");
    put_str(out, applied.checksum.name());
    key(out, b"sequence");
    put_str(out, applied.sequence.name());
    key(out, b"bid_levels");
    put_u64(out, view.bids().len() as u64);
    key(out, b"ask_levels");
    put_u64(out, view.asks().len() as u64);
    let (asks, bids) = view.top(levels);
    key(out, b"asks");
    put_levels(out, asks);
    key(out, b"bids");
    put_levels(out, bids);
    if applied.sync == BookSync::NoSnapshot {
        key(out, b"state");
        put_str(out, BookSync::NoSnapshot.name());
    }
}

fn reply(out: &mut Vec<u8>, stamp: Stamp, control: &Control<'_>) {
    open(out, stamp, b"control");
    key(out, b"kind");
    put_str(out, control.kind.name());
    key(out, b"code");
    put_optional(out, control.code, put_i64);
    key(out, b"message");
    put_optional(out, control.message, put_str);
    key(out, b"channel");
    put_optional(out, control.channel, put_str);
    key(out, b"inst_id");
    put_optional(out, control.inst_id, put_str);
}

fn skipped(out: &mut Vec<u8>, stamp: Stamp, channel: &str) {
    open(out, stamp, b"skipped");
    key(out, b"channel");
    put_optional(out, (!channel.is_empty()).then_some(channel), put_str);
}

fn state(out: &mut Vec<u8>, stamp: Stamp, change: &StateChange<'_>) {
    let subscription = change.subscription;
    open(out, stamp, b"state");
    source(out, subscription.channel().name(), subscription.inst_id().as_str());
    key(out, b"from");
    put_str(out, change.from.name());
    key(out, b"to");
    put_str(out, change.to.name());
}

/// Begins an object with its stamp and the event's name; both are plain ASCII.
fn open(out: &mut Vec<u8>, stamp: Stamp, event: &[u8]) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(stamp.key.as_bytes());
    out.extend_from_slice(b"\":");
    put_u64(out, stamp.value);
    out.extend_from_slice(b",\"event\":\"");
    out.extend_from_slice(event);
    out.push(b'"');
}

fn source(out: &mut Vec<u8>, channel: &str, inst_id: &str) {
    key(out, b"channel");
    put_str(out, channel);
    key(out, b"inst_id");
    put_str(out, inst_id);
}

/// Appends the key of a further member; keys are plain ASCII.
#[inline]
fn key(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
}

/// A level is `[px, sz, orders]`: two texts with the wire's own digits, and a number.
fn put_levels(out: &mut Vec<u8>, levels: &[Level]) {
    out.push(b'[');
    for (number, level) in levels.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"[" } else { b",[" });
        put_decimal(out, level.px());
        out.push(b',');
        put_decimal(out, level.sz());
        out.push(b',');
        put_u64(out, u64::from(level.orders()));
        out.push(b']');
    }
    out.push(b']');
}

fn put_decimal(out: &mut Vec<u8>, decimal: Decimal) {
    out.push(b'"');
    out.extend_from_slice(decimal.write_text(&mut [0; MAX_DECIMAL_TEXT]));
    out.push(b'"');
}

fn put_optional<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => put(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn put_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    put_u64(out, number.unsigned_abs());
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut len = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        len += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - len..).unwrap_or_default());
}

/// Appends a text in quotes, escaped as JSON demands and no further.
fn put_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| needs_escape(byte)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = tail.split_first() else { break };
        put_escape(out, byte);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{
        BOOK5_LEVELS, Book5, Channel, ControlKind, DepthAction, DepthBook, DepthUpdate, Side,
        Trade, UnixNanos,
    };

    /// What serde_json, the oracle, reads from the one line that an event is written as.
    fn read(stamp: Stamp, event: Event<'_>) -> Value {
        let mut out = Vec::new();
        write_event(&mut out, stamp, BOOK5_LEVELS, &event);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.find('\n'), Some(text.len() - 1), "one line: {text}");
        serde_json::from_str(&text).unwrap()
    }

    const LINE: Stamp = Stamp { key: "line", value: 7 };

    fn level(px: &str, sz: &str, orders: u32) -> Level {
        Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders)
    }

    #[test]
    fn a_book_has_the_digits_of_the_wire() {
        let asks = [level("124.0", "0.0000007465", u32::MAX), level("124.10", "6021641435", 0)];
        let mut book = Book5::new(&asks, &[]);
        (book.ts_event, book.seq) = (UnixNanos(u64::MAX), -1);
        let event = |book| {
            Event::Book(BookUpdate { channel: Channel::Books5, market: None, inst_id: "A-B", book })
        };
        let object = read(LINE, event(&book));
        let expected = json!({
            "line": 7, "event": "book", "channel": "books5", "inst_id": "A-B",
            "ts_ns": u64::MAX, "seq": -1,
            "asks": [["124.0", "0.0000007465", u32::MAX], ["124.10", "6021641435", 0]],
            "bids": [],
        });
        assert_eq!(object, expected);
        let stamp = Stamp { key: "ts_recv_ns", value: u64::MAX };
        let object = read(stamp, event(&Book5::EMPTY));
        assert_eq!((&object["ts_recv_ns"], &object["seq"]), (&json!(u64::MAX), &Value::Null));
        assert_eq!(object.get("line"), None);
    }

    #[test]
    fn a_trade_has_its_id_as_text() {
        let mut trade = Trade::new(Side::Sell, "-0.10".parse().unwrap(), "2".parse().unwrap());
        trade.trade_id = u64::MAX;
        trade.ts_event = UnixNanos(5);
        trade.seq = i64::MAX;
        trade.count = 3;
        let update = TradeUpdate::new(Channel::Trade, None, "A", trade);
        let expected = json!({
            "line": 7, "event": "trade", "channel": "trade", "inst_id": "A", "ts_ns": 5,
            "seq": i64::MAX, "trade_id": "18446744073709551615", "side": "sell", "px": "-0.10",
            "sz": "2", "count": 3,
        });
        assert_eq!(read(LINE, Event::Trade(update)), expected);
    }

    #[test]
    fn any_text_comes_back_from_its_escapes() {
        let every_char: String = (0..=0x2030).filter_map(char::from_u32).collect();
        let texts = ["", "plain", "\"", "\\", "a\\\"b\"\\", "\u{0}\u{1f}\r\n\t", "\u{7f}₿🦀"];
        for text in texts.into_iter().chain([every_char.as_str()]) {
            let control = Control {
                code: Some(i64::MIN),
                message: Some(text),
                channel: Some(text),
                inst_id: Some(text),
                ..Control::new(ControlKind::Other(text))
            };
            let expected = json!({
                "line": 7, "event": "control", "kind": text, "code": i64::MIN, "message": text,
                "channel": text, "inst_id": text,
            });
            assert_eq!(read(LINE, Event::Control(control)), expected);
        }
    }

    #[test]
    fn what_is_absent_is_null() {
        let expected = json!({
            "line": 7, "event": "control", "kind": "pong", "code": null, "message": null,
            "channel": null, "inst_id": null,
        });
        let pong = Event::Control(Control::new(ControlKind::Pong));
        assert_eq!(read(LINE, pong), expected);
        let skipped = |channel| Event::Skipped(Skipped { channel, ts_recv: UnixNanos::UNKNOWN });
        let expected = json!({"line": 7, "event": "skipped", "channel": null});
        assert_eq!(read(LINE, skipped("")), expected);
        assert_eq!(read(LINE, skipped("tick\"er"))["channel"], "tick\"er");
    }

    #[test]
    fn a_deep_book_has_its_verdicts_and_its_best_five() {
        let (asks, bids) = ([level("2.0", "1", 3)], [level("1", "0.50", 1)]);
        let mut update = DepthUpdate {
            channel: Channel::Books,
            market: None,
            inst_id: "A-B",
            action: DepthAction::Update,
            ts_event: UnixNanos(1),
            ts_recv: UnixNanos(2),
            seq: 9,
            prev_seq: -1,
            checksum: Some(5),
            asks: &asks,
            bids: &bids,
            non_rpi: None,
        };
        let mut book = DepthBook::with_capacity(8);
        let applied = book.apply(&update);
        let change = DepthChange { update: &update, applied, book: &book };
        let mut expected = json!({
            "line": 7, "event": "depth", "channel": "books", "action": "update", "inst_id": "A-B",
            "ts_ns": 1, "seq": 9, "checksum": "none", "sequence": "none", "bid_levels": 0,
            "ask_levels": 0, "asks": [], "bids": [], "state": "no_snapshot",
        });
        assert_eq!(read(LINE, Event::DepthBook(change)), expected);
        // Without a book there is only the channel to tell.
        let skipped = json!({"line": 7, "event": "skipped", "channel": "books"});
        assert_eq!(read(LINE, Event::Depth(update)), skipped);

        update.action = DepthAction::Snapshot;
        let applied = book.apply(&update);
        let change = DepthChange { update: &update, applied, book: &book };
        expected["action"] = json!("snapshot");
        expected["checksum"] = json!("mismatch");
        expected["sequence"] = json!("ok");
        (expected["bid_levels"], expected["ask_levels"]) = (json!(1), json!(1));
        expected["asks"] = json!([["2.0", "1", 3]]);
        expected["bids"] = json!([["1", "0.50", 1]]);
        expected.as_object_mut().unwrap().remove("state");
        assert_eq!(read(LINE, Event::DepthBook(change)), expected);
    }

    #[test]
    fn a_malformed_frame_says_what_and_where() {
        let mut out = Vec::new();
        write_malformed(&mut out, LINE, "json", u32::MAX);
        let expected = json!({
            "line": 7, "event": "malformed", "kind": "json", "offset": u32::MAX,
        });
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        let powers = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]);
        for number in powers.chain((0..20).map(|n| 10u64.pow(n))).chain([u64::MAX]) {
            let mut out = Vec::new();
            put_u64(&mut out, number);
            out.push(b' ');
            put_i64(&mut out, number.cast_signed());
            let expected = format!("{number} {}", number.cast_signed());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
