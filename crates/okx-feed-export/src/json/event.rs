//! Events as JSON, one object each, with no allocation but the growth of the output.
//!
//! docs/JSON.md is the contract: members are only ever added.

use super::members::{Stamp, close, market, open};
use super::record::write_record;
use super::text::{key, put_bool, put_i64, put_levels, put_optional, put_str, put_trade, put_u64};
use okx_feed::book::{BookFlags, BookSync, DepthAction};
use okx_feed::event::{Skipped, StateChange};
use okx_feed::model::Origin;
use okx_feed::{
    BookUpdate, Control, Decimal, DepthChange, DepthUpdate, Dialect, Event, Level, Malformed,
    Subscription, Topic, TradeUpdate,
};

/// The version of the contract, as `--schema` names it.
pub const SCHEMA: &str = "okx-feed/1";

/// Appends the line with the version of the contract.
pub fn write_schema(out: &mut Vec<u8>, command: &str, dialect: &str) {
    out.extend_from_slice(b"{\"schema\":");
    put_str(out, SCHEMA);
    key(out, b"program");
    put_str(out, concat!("okx-feed ", env!("CARGO_PKG_VERSION")));
    key(out, b"command");
    put_str(out, command);
    key(out, b"dialect");
    put_str(out, dialect);
    out.extend_from_slice(b"}\n");
}

/// Appends an event as one object and a line end. Books have at most `levels` a
/// side.
pub fn write_event(out: &mut Vec<u8>, stamp: Stamp, levels: usize, event: &Event<'_>) {
    match event {
        Event::Book(update) => book(out, stamp, levels, update),
        Event::Trade(update) => trade(out, stamp, update, Some((update.replayed, update.missed))),
        // A feed keeps books of what is subscribed.
        Event::Depth(update) => return skipped_book(out, stamp, update, "not_subscribed"),
        Event::DepthBook(change) => depth(out, stamp, levels, change),
        Event::Record(update) => return write_record(out, stamp, update),
        Event::Control(control) => reply(out, stamp, control),
        Event::Raw(message) => {
            open(out, stamp, b"raw");
            source(out, message.topic);
            key(out, b"text");
            put_str(out, message.text);
        }
        Event::Skipped(Skipped { channel, .. }) => skipped(out, stamp, channel),
        Event::State(change) => state(out, stamp, change),
        Event::Malformed(malformed) => return write_malformed(out, stamp, malformed),
        Event::Gap(gap) => return write_gap(out, stamp, (gap.lines, gap.reason)),
        _ => skipped(out, stamp, ""),
    }
    close(out, stamp);
}

/// Appends an order-book message for which there is no room, as one object and a line end.
pub fn write_left_out(out: &mut Vec<u8>, stamp: Stamp, update: &DepthUpdate<'_>) {
    skipped_book(out, stamp, update, "max_books");
}

/// Appends a trade that was not compared with the trades before it, as one object and a line end.
pub fn write_unchecked_trade(out: &mut Vec<u8>, stamp: Stamp, update: &TradeUpdate<'_>) {
    trade(out, stamp, update, None);
    close(out, stamp);
}

/// Appends a place where a recording lacks lines as one object and a line end.
pub fn write_gap(out: &mut Vec<u8>, stamp: Stamp, (lines, reason): (u64, &str)) {
    open(out, stamp, b"gap");
    key(out, b"missing");
    put_optional(out, (lines > 0).then_some(lines), put_u64);
    key(out, b"reason");
    put_str(out, reason);
    close(out, stamp);
}

/// Appends a malformed frame as one object and a line end.
pub fn write_malformed(out: &mut Vec<u8>, stamp: Stamp, malformed: &Malformed) {
    let Malformed { kind, offset, subscription, .. } = malformed;
    open(out, stamp, b"malformed");
    key(out, b"kind");
    put_str(out, kind);
    key(out, b"offset");
    put_u64(out, u64::from(*offset));
    if let Some(of) = subscription {
        subscribed(out, of);
        market(out, of.market());
    }
    close(out, stamp);
}

/// Appends the number of events that are missing here, as one object and a line end.
pub fn write_missed(out: &mut Vec<u8>, stamp: Stamp, count: u64) {
    open(out, stamp, b"missed");
    key(out, b"count");
    put_u64(out, count);
    close(out, stamp);
}

fn book(out: &mut Vec<u8>, stamp: Stamp, levels: usize, update: &BookUpdate<'_>) {
    open(out, stamp, b"book");
    source(out, update.topic);
    key(out, b"ts_ns");
    put_u64(out, update.book.ts_event.0);
    key(out, b"seq");
    put_optional(out, update.book.seq(), put_i64);
    key(out, b"asks");
    put_levels(out, best(update.book.asks(), levels), |_, _| None);
    key(out, b"bids");
    put_levels(out, best(update.book.bids(), levels), |_, _| None);
    market(out, update.topic.market);
    flags(out, &[update.book.flags()]);
}

/// A trade. `checked` is whether it was sent again and how many are missing before it; `None` if it
/// was not compared with earlier ones.
fn trade(out: &mut Vec<u8>, stamp: Stamp, update: &TradeUpdate<'_>, checked: Option<(bool, u64)>) {
    let trade = &update.trade;
    open(out, stamp, b"trade");
    source(out, update.topic);
    key(out, b"ts_ns");
    put_u64(out, trade.ts_event.0);
    key(out, b"seq");
    put_optional(out, trade.seq(), put_i64);
    put_trade(out, trade);
    if let Some(old) = update.renamed_from {
        key(out, b"renamed_from");
        put_str(out, old);
    }
    market(out, update.topic.market);
    if update.topic.channel.dialect() == Dialect::V5 {
        key(out, b"source");
        put_u64(out, u64::from(trade.source));
    }
    if update.origin != Origin::Live {
        key(out, b"origin");
        put_str(out, update.origin.name());
    }
    key(out, b"replayed");
    put_optional(out, checked.map(|(replayed, _)| replayed), put_bool);
    key(out, b"missed");
    put_optional(out, checked.map(|(_, missed)| missed), put_u64);
}

/// An order-book message with the book after it: the results of the sequence and checksum checks,
/// the number of levels, and the best of each side. A message that the book rejected has no levels,
/// since the book's are those of another message.
fn depth(out: &mut Vec<u8>, stamp: Stamp, levels: usize, change: &DepthChange<'_>) {
    let DepthChange { update, outcome, book, .. } = change;
    let view = book.view();
    let shown = if outcome.applied { levels } else { 0 };
    let count = |side: &[Level]| if outcome.applied { side.len() as u64 } else { 0 };
    open(out, stamp, b"depth");
    key(out, b"channel");
    put_str(out, update.topic.channel.name());
    key(out, b"action");
    put_str(out, update.action.name());
    key(out, b"inst_id");
    put_str(out, update.topic.inst_id);
    key(out, b"ts_ns");
    put_u64(out, update.ts_event.0);
    key(out, b"seq");
    put_optional(out, update.seq(), put_i64);
    key(out, b"checksum");
    put_str(out, outcome.checksum.name());
    key(out, b"sequence");
    put_str(out, outcome.sequence.name());
    let all = view.top(usize::MAX);
    key(out, b"bid_levels");
    put_u64(out, count(all.1));
    key(out, b"ask_levels");
    put_u64(out, count(all.0));
    let (asks, bids) = view.top(shown);
    let non_rpi = update.topic.channel.has_non_rpi().then(|| book.non_rpi_view()).flatten();
    key(out, b"asks");
    put_levels(out, asks, |_, level| Some(size_in(non_rpi.as_ref()?.top(shown).0, level)));
    key(out, b"bids");
    put_levels(out, bids, |_, level| Some(size_in(non_rpi.as_ref()?.top(shown).1, level)));
    key(out, b"state");
    put_str(out, outcome.sync.name());
    let fault = match outcome.sync {
        BookSync::Broken(fault) => Some(fault.name()),
        BookSync::NoSnapshot | BookSync::Unlinked => Some(outcome.sync.name()),
        BookSync::Live => None,
    };
    if let Some(fault) = fault {
        key(out, b"fault");
        put_str(out, fault);
    }
    market(out, update.topic.market);
    let of_book = if outcome.applied { view.top5().flags() } else { BookFlags::NONE };
    let is_whole = outcome.applied && update.action != DepthAction::Update;
    let [unsorted, empty] = if is_whole { message_flags(update) } else { [BookFlags::NONE; 2] };
    flags(out, &[of_book, unsorted, empty]);
}

/// The first `levels` of a side.
fn best(side: &[Level], levels: usize) -> &[Level] {
    side.get(..levels).unwrap_or(side)
}

/// The size of a level's price in a side that lacks the prices whose size is 0.
fn size_in(side: &[Level], level: &Level) -> Decimal {
    side.iter().find(|other| other.px() == level.px()).map_or(Decimal::ZERO, Level::sz)
}

/// The anomalies of a snapshot that its book does not show, which sorts levels and leaves out empty
/// ones.
fn message_flags(update: &DepthUpdate<'_>) -> [BookFlags; 2] {
    let all = BookFlags::of(update.asks, update.bids);
    [BookFlags::UNSORTED, BookFlags::EMPTY_LEVEL].map(|flag| match all.contains(flag) {
        true => flag,
        false => BookFlags::NONE,
    })
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
    if let Some(name) = control.market {
        key(out, b"market");
        put_str(out, name);
    }
}

fn skipped(out: &mut Vec<u8>, stamp: Stamp, channel: &str) {
    open(out, stamp, b"skipped");
    key(out, b"channel");
    put_optional(out, (!channel.is_empty()).then_some(channel), put_str);
}

/// An order-book message that no book takes.
fn skipped_book(out: &mut Vec<u8>, stamp: Stamp, update: &DepthUpdate<'_>, reason: &str) {
    skipped(out, stamp, update.topic.channel.name());
    market(out, update.topic.market);
    key(out, b"inst_id");
    put_str(out, update.topic.inst_id);
    key(out, b"reason");
    put_str(out, reason);
    close(out, stamp);
}

fn state(out: &mut Vec<u8>, stamp: Stamp, change: &StateChange<'_>) {
    open(out, stamp, b"state");
    subscribed(out, change.subscription);
    key(out, b"from");
    put_str(out, change.from.name());
    key(out, b"to");
    put_str(out, change.to.name());
    market(out, change.subscription.market());
}

fn subscribed(out: &mut Vec<u8>, subscription: &Subscription) {
    source(out, subscription.topic());
}

fn source(out: &mut Vec<u8>, topic: Topic<'_>) {
    key(out, b"channel");
    put_str(out, topic.channel.name());
    key(out, b"inst_id");
    put_str(out, topic.inst_id);
}

/// The anomalies of a book, as a list of names.
fn flags(out: &mut Vec<u8>, flags: &[BookFlags]) {
    key(out, b"flags");
    out.push(b'[');
    let known = [BookFlags::CROSSED, BookFlags::UNSORTED, BookFlags::EMPTY_LEVEL];
    let set = known.into_iter().filter(|flag| flags.iter().any(|some| some.contains(*flag)));
    for (number, name) in set.flat_map(BookFlags::names).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        put_str(out, name);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use okx_feed::Market;
    use okx_feed::event::ControlKind;
    use okx_feed::{Book5, Channel, DepthBook, Side, Trade, UnixNanos};

    /// The line of an event, parsed by serde_json as the oracle.
    fn read(stamp: Stamp, event: Event<'_>) -> Value {
        let mut out = Vec::new();
        write_event(&mut out, stamp, Book5::LEVELS, &event);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.find('\n'), Some(text.len() - 1), "one line: {text}");
        serde_json::from_str(&text).unwrap()
    }

    const LINE: Stamp = Stamp { key: "line", value: 7, ts_recv: None };

    fn level(px: &str, sz: &str, orders: u32) -> Level {
        Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders)
    }

    #[test]
    fn a_book_has_the_digits_of_the_wire() {
        let asks = [level("124.0", "0.0000007465", u32::MAX), level("124.10", "6021641435", 0)];
        let mut book = Book5::new(&asks, &[]);
        (book.ts_event, book.seq) = (UnixNanos(u64::MAX), -1);
        let event = |book| Event::Book(BookUpdate::new(Topic::v5(Channel::Books5, "A-B"), book));
        let object = read(LINE, event(&book));
        let expected = json!({
            "line": 7, "event": "book", "channel": "books5", "inst_id": "A-B",
            "ts_ns": u64::MAX, "seq": -1,
            "asks": [["124.0", "0.0000007465", u32::MAX], ["124.10", "6021641435", 0]],
            "bids": [], "flags": [],
        });
        assert_eq!(object, expected);
        let stamp = Stamp { key: "ts_recv_ns", value: u64::MAX, ts_recv: None };
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
        let update = TradeUpdate::new(Topic::v3(Market::Swap, Channel::Trade, "A"), &trade);
        let expected = json!({
            "line": 7, "event": "trade", "channel": "trade", "inst_id": "A", "ts_ns": 5,
            "seq": i64::MAX, "trade_id": "18446744073709551615", "side": "sell", "px": "-0.10",
            "sz": "2", "count": 3, "market": "swap", "replayed": false, "missed": 0,
        });
        assert_eq!(read(LINE, Event::Trade(update)), expected);
        trade.source = 1;
        let update = TradeUpdate {
            replayed: true,
            missed: 4,
            ..TradeUpdate::new(Topic::v5(Channel::Trades, "A"), &trade)
        };
        let stamp = Stamp { ts_recv: Some(UnixNanos(9)), ..LINE };
        let object = read(stamp, Event::Trade(update));
        let added = ["source", "replayed", "missed", "ts_recv_ns"].map(|name| object[name].clone());
        assert_eq!(added, [json!(1), json!(true), json!(4), json!(9)]);
        assert_eq!(object.get("market"), None);
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
    fn absent_values_are_null() {
        let expected = json!({
            "line": 7, "event": "control", "kind": "pong", "code": null, "message": null,
            "channel": null, "inst_id": null,
        });
        let pong = Event::Control(Control::new(ControlKind::Pong));
        assert_eq!(read(LINE, pong), expected);
        let skipped = |channel| {
            Event::Skipped(Skipped { channel, key: "", text: "", ts_recv: UnixNanos::UNKNOWN })
        };
        let expected = json!({"line": 7, "event": "skipped", "channel": null});
        assert_eq!(read(LINE, skipped("")), expected);
        assert_eq!(read(LINE, skipped("tick\"er"))["channel"], "tick\"er");
    }

    #[test]
    fn an_order_book_has_its_check_results_and_its_best_five() {
        let (asks, bids) = ([level("2.0", "1", 3)], [level("1", "0.50", 1)]);
        let mut update = DepthUpdate {
            topic: Topic::v5(Channel::Books, "A-B"),
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
        let outcome = book.apply(&update);
        let change = DepthChange::new(&update, outcome, &book);
        let mut expected = json!({
            "line": 7, "event": "depth", "channel": "books", "action": "update", "inst_id": "A-B",
            "ts_ns": 1, "seq": 9, "checksum": "none", "sequence": "none", "bid_levels": 0,
            "ask_levels": 0, "asks": [], "bids": [], "state": "no_snapshot",
            "fault": "no_snapshot", "flags": [],
        });
        assert_eq!(read(LINE, Event::DepthBook(change)), expected);
        // Without a book only the channel is written, and why.
        let mut skipped = json!({
            "line": 7, "event": "skipped", "channel": "books", "inst_id": "A-B",
            "reason": "not_subscribed",
        });
        assert_eq!(read(LINE, Event::Depth(update)), skipped);
        let mut out = Vec::new();
        write_left_out(&mut out, LINE, &update);
        skipped["reason"] = json!("max_books");
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), skipped);

        update.action = DepthAction::Snapshot;
        let outcome = book.apply(&update);
        let change = DepthChange::new(&update, outcome, &book);
        expected["action"] = json!("snapshot");
        expected["checksum"] = json!("mismatch");
        expected["sequence"] = json!("ok");
        (expected["bid_levels"], expected["ask_levels"]) = (json!(1), json!(1));
        expected["asks"] = json!([["2.0", "1", 3]]);
        expected["bids"] = json!([["1", "0.50", 1]]);
        (expected["state"], expected["fault"]) = (json!("broken"), json!("checksum"));
        assert_eq!(read(LINE, Event::DepthBook(change)), expected);
    }

    #[test]
    fn a_malformed_frame_has_kind_and_offset() {
        let mut out = Vec::new();
        let subscription = "spot/trade:A-B".parse().ok();
        let (kind, offset, ts_recv) = ("json", u32::MAX, UnixNanos(1));
        write_malformed(&mut out, LINE, &Malformed { kind, offset, subscription, ts_recv });
        let expected = json!({
            "line": 7, "event": "malformed", "kind": "json", "offset": u32::MAX,
            "channel": "trade", "inst_id": "A-B", "market": "spot",
        });
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }
}
