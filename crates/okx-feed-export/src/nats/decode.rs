//! Payloads as values.

use std::borrow::Cow;

use serde::Deserialize;

use super::head::state_of;
use crate::json::kind_of;
use okx_feed::book::DepthAction;
use okx_feed::model::{ChannelKind, FieldValue, Origin, RecordData};
use okx_feed::{
    Book5, BookState, Channel, Decimal, DepthUpdate, InstrumentId, Level, Qty, Record, Side, Trade,
    UnixNanos,
};

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Payload {
    Book(Book5),
    Trade {
        trade: Trade,
        replayed: bool,
        origin: Origin,
        /// The trade's own instrument, if it is another than the subject's.
        renamed_to: Option<InstrumentId>,
    },
    Record(Record),
    Depth(DepthPayload),
    State(BookState, UnixNanos),
    Missed(u64),
}

/// An order-book message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DepthPayload {
    pub(super) action: DepthAction,
    pub(super) ts_event: UnixNanos,
    pub(super) ts_recv: UnixNanos,
    pub(super) seq: i64,
    pub(super) prev_seq: i64,
    pub(super) checksum: Option<i32>,
    pub(super) asks: Vec<Level>,
    pub(super) bids: Vec<Level>,
    /// The sizes without RPI orders of the asks and of the bids.
    pub(super) non_rpi: Option<(Vec<Qty>, Vec<Qty>)>,
}

/// Reads the payload of a topic's channel; `None` if it is none.
pub(super) fn read(channel: Channel, payload: &[u8]) -> Option<Payload> {
    match event_of(payload)? {
        "book" => book(payload),
        "trade" => trade(payload),
        "depth_update" => depth(payload, channel.has_non_rpi()),
        "state" => state(payload),
        "missed" => missed(payload),
        event if matches!(channel.kind(), ChannelKind::Latest(_) | ChannelKind::Stream(_)) => {
            record(event, payload)
        }
        _ => None,
    }
}

/// The event's name: the second member.
fn event_of(payload: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b",\"event\":\"";
    let head = payload.get(..payload.len().min(96))?;
    let at = head.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = payload.get(at + KEY.len()..)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// A level: price, size, orders, and the size without RPI orders.
#[derive(Deserialize)]
struct RawLevel<'p>(&'p str, &'p str, u32, #[serde(default)] Option<&'p str>);

impl RawLevel<'_> {
    fn level(&self) -> Option<Level> {
        Some(Level::new(number(self.0)?, number(self.1)?, self.2))
    }
}

fn number(text: &str) -> Option<Decimal> {
    Decimal::parse(text.as_bytes()).ok()
}

fn levels(raw: &[RawLevel<'_>]) -> Option<Vec<Level>> {
    raw.iter().map(RawLevel::level).collect()
}

#[derive(Deserialize)]
struct RawBook<'p> {
    ts_recv_ns: u64,
    ts_ns: u64,
    seq: Option<i64>,
    #[serde(borrow)]
    asks: Vec<RawLevel<'p>>,
    #[serde(borrow)]
    bids: Vec<RawLevel<'p>>,
}

fn book(payload: &[u8]) -> Option<Payload> {
    let raw: RawBook<'_> = serde_json::from_slice(payload).ok()?;
    let mut book = Book5::new(&levels(&raw.asks)?, &levels(&raw.bids)?);
    book.ts_recv = UnixNanos(raw.ts_recv_ns);
    book.ts_event = UnixNanos(raw.ts_ns);
    book.seq = raw.seq.unwrap_or(DepthUpdate::NO_SEQ);
    Some(Payload::Book(book))
}

#[derive(Deserialize)]
struct RawTrade<'p> {
    ts_recv_ns: u64,
    #[serde(borrow)]
    inst_id: Cow<'p, str>,
    ts_ns: u64,
    seq: Option<i64>,
    trade_id: &'p str,
    side: &'p str,
    px: &'p str,
    sz: &'p str,
    count: u32,
    #[serde(borrow)]
    renamed_from: Option<Cow<'p, str>>,
    #[serde(default)]
    source: u8,
    origin: Option<&'p str>,
    #[serde(default)]
    replayed: Option<bool>,
}

fn trade(payload: &[u8]) -> Option<Payload> {
    let raw: RawTrade<'_> = serde_json::from_slice(payload).ok()?;
    let side = Side::from_name(raw.side.as_bytes())?;
    let mut trade = Trade::new(side, number(raw.px)?, number(raw.sz)?);
    trade.ts_recv = UnixNanos(raw.ts_recv_ns);
    trade.ts_event = UnixNanos(raw.ts_ns);
    trade.trade_id = raw.trade_id.parse().ok()?;
    trade.seq = raw.seq.unwrap_or(DepthUpdate::NO_SEQ);
    trade.count = raw.count.max(1);
    trade.source = raw.source;
    let renamed_to = match raw.renamed_from {
        Some(_) => Some(InstrumentId::new(&raw.inst_id).ok()?),
        None => None,
    };
    let is_past = raw.origin == Some(Origin::History.name());
    let origin = if is_past { Origin::History } else { Origin::Live };
    Some(Payload::Trade { trade, replayed: raw.replayed.unwrap_or(false), origin, renamed_to })
}

#[derive(Deserialize)]
struct RawDepth<'p> {
    ts_recv_ns: u64,
    action: &'p str,
    ts_ns: u64,
    seq: Option<i64>,
    prev_seq: Option<i64>,
    checksum: Option<i32>,
    #[serde(borrow)]
    asks: Vec<RawLevel<'p>>,
    #[serde(borrow)]
    bids: Vec<RawLevel<'p>>,
}

fn depth(payload: &[u8], has_non_rpi: bool) -> Option<Payload> {
    let raw: RawDepth<'_> = serde_json::from_slice(payload).ok()?;
    let all = [DepthAction::Snapshot, DepthAction::Update];
    let sizes = |side: &[RawLevel<'_>]| {
        side.iter().map(|level| number(level.3?)).collect::<Option<Vec<Qty>>>()
    };
    let non_rpi = match has_non_rpi {
        true => Some((sizes(&raw.asks)?, sizes(&raw.bids)?)),
        false => None,
    };
    Some(Payload::Depth(DepthPayload {
        action: all.into_iter().find(|action| action.name() == raw.action)?,
        ts_event: UnixNanos(raw.ts_ns),
        ts_recv: UnixNanos(raw.ts_recv_ns),
        seq: raw.seq.unwrap_or(DepthUpdate::NO_SEQ),
        prev_seq: raw.prev_seq.unwrap_or(DepthUpdate::NO_SEQ),
        checksum: raw.checksum,
        asks: levels(&raw.asks)?,
        bids: levels(&raw.bids)?,
        non_rpi,
    }))
}

fn state(payload: &[u8]) -> Option<Payload> {
    #[derive(Deserialize)]
    struct RawState<'p> {
        ts_recv_ns: u64,
        to: &'p str,
    }
    let raw: RawState<'_> = serde_json::from_slice(payload).ok()?;
    Some(Payload::State(state_of(raw.to)?, UnixNanos(raw.ts_recv_ns)))
}

fn missed(payload: &[u8]) -> Option<Payload> {
    #[derive(Deserialize)]
    struct RawMissed {
        count: u64,
    }
    let raw: RawMissed = serde_json::from_slice(payload).ok()?;
    Some(Payload::Missed(raw.count))
}

fn record(event: &str, payload: &[u8]) -> Option<Payload> {
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(payload).ok()?;
    let mut data = RecordData::empty(kind_of(event)?);
    for (name, value) in &members {
        let value = match value {
            serde_json::Value::Null => FieldValue::Absent,
            serde_json::Value::Bool(value) => FieldValue::Bool(*value),
            serde_json::Value::Number(number) => FieldValue::Integer(number.as_u64()?),
            serde_json::Value::String(text) => FieldValue::Text(text),
            _ => return None,
        };
        // The members that are no fields: times of the event, its names.
        data.set_field(name.strip_suffix("_ns").unwrap_or(name), value);
    }
    let time = |name| Some(UnixNanos(members.get(name)?.as_u64()?));
    let (ts_event, ts_recv) = (time("ts_ns")?, time("ts_recv_ns")?);
    Some(Payload::Record(Record { ts_event, ts_recv, data }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Message, RingOptions, RingSink};
    use crate::nats::encode::{write_key, write_payload};
    use okx_feed::{Dialect, FeedHandler, Frame, NoSink};

    /// What comes out of a ring and back from its payload, of frames of the exchange.
    fn round_trip(dialect: Dialect, frames: &[&str], subscribe: &[&str]) -> usize {
        let mut feed = FeedHandler::new(dialect);
        for text in subscribe {
            feed.subscribe(text.parse().unwrap()).unwrap();
        }
        let (mut sink, mut ring) = RingSink::new(RingOptions::default(), NoSink);
        for frame in frames {
            feed.on_frame(Frame::Text(frame.as_bytes()), UnixNanos(7), &mut sink).unwrap();
        }
        let (mut out, mut seen) = (Vec::new(), 0);
        while let Some(message) = ring.pop() {
            out.clear();
            write_payload(&mut out, &message);
            let (mut with_key, payload_len) = (out.clone(), out.len());
            let has_key = write_key(&mut with_key, &message, payload_len);
            assert_eq!(has_key, with_key.len() > payload_len);
            let channel = match &message {
                Message::Book(of, _) | Message::Record(of, _) | Message::State(of, ..) => {
                    of.channel()
                }
                Message::Trade { subscription, .. } => subscription.channel(),
                Message::Depth(depth) => depth.subscription.channel(),
                Message::Missed(of, ..) => of.channel(),
            };
            let text = String::from_utf8_lossy(&out).into_owned();
            let back = read(channel, &out).unwrap_or_else(|| panic!("{text}"));
            match (&message, &back) {
                (Message::Book(_, book), Payload::Book(read)) => assert_eq!(book, read, "{text}"),
                (Message::Trade { trade, .. }, Payload::Trade { trade: read, .. }) => {
                    assert_eq!(trade, read, "{text}");
                }
                (Message::Record(_, record), Payload::Record(read)) => {
                    assert_eq!(record, read, "{text}");
                }
                (Message::Depth(depth), Payload::Depth(read)) => {
                    assert_eq!((depth.asks, depth.bids), (&*read.asks, &*read.bids), "{text}");
                    assert_eq!(
                        (depth.seq, depth.prev_seq, depth.checksum, depth.ts_event),
                        (read.seq, read.prev_seq, read.checksum, read.ts_event),
                    );
                    let sizes = read.non_rpi.as_ref().map(|(a, b)| (&**a, &**b));
                    assert_eq!(depth.non_rpi.map(|of| (of.asks, of.bids)), sizes, "{text}");
                }
                (Message::State(_, state, _), Payload::State(read, _)) => assert_eq!(state, read),
                other => panic!("{other:?}"),
            }
            // A candle has no time of the exchange's.
            let is_own = match &back {
                Payload::Record(record) => record.ts_event == UnixNanos::UNKNOWN,
                other => matches!(other, Payload::State(..)),
            };
            assert_eq!(has_key, !is_own, "{text}");
            seen += 1;
        }
        seen
    }

    #[test]
    fn books_trades_and_depths_come_back_exactly() {
        let frames = [
            r#"{"arg":{"channel":"books5","instId":"LTC-USDT"},"data":[{"asks":[["81.50","2.0","0","3"],["81.6","7","0","1"]],"bids":[["81.4","0.25","0","2"]],"instId":"LTC-USDT","ts":"1700000000123","seqId":12}]}"#,
            r#"{"arg":{"channel":"trades","instId":"LTC-USDT"},"data":[{"instId":"LTC-USDT","tradeId":"9","px":"81.5","sz":"1","side":"buy","ts":"1700000000125","count":"4","source":"1","seqId":13}]}"#,
            r#"{"arg":{"channel":"books","instId":"LTC-USDT"},"action":"snapshot","data":[{"asks":[["81.5","2","0","1"]],"bids":[["81.4","1","0","1"]],"ts":"1700000000127","checksum":0,"seqId":11,"prevSeqId":-1}]}"#,
            r#"{"arg":{"channel":"books","instId":"LTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["81.3","3","0","2"]],"ts":"1700000000128","checksum":0,"seqId":15,"prevSeqId":11}]}"#,
            r#"{"arg":{"channel":"books-rpi","instId":"LTC-USDT"},"action":"snapshot","data":[{"asks":[["81.5","1.5","1.50","4"]],"bids":[["81.4","2.5","0.25","8"],["81.3","1","0","2"]],"ts":"1700000000127","seqId":11,"prevSeqId":-1}]}"#,
            r#"{"arg":{"channel":"tickers","instId":"LTC-USDT"},"data":[{"instType":"SPOT","instId":"LTC-USDT","last":"81.50","lastSz":"2","askPx":"81.6","askSz":"7","bidPx":"","bidSz":"","open24h":"80","high24h":"82","low24h":"79.9","sodUtc0":"80.1","sodUtc8":"80.2","volCcy24h":"1000.5","vol24h":"12","ts":"1700000000123"}]}"#,
            r#"{"arg":{"channel":"candle1m","instId":"LTC-USDT"},"data":[["1700000000000","81.5","81.6","81.4","81.5","3.1","252.65","252.65","0"]]}"#,
            r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"81.5","ccy":"","posSide":"long","side":"sell","sz":"3","ts":"1700000000125"}],"instFamily":"LTC-USDT","instId":"LTC-USDT-SWAP","instType":"SWAP","uly":"LTC-USDT"}]}"#,
        ];
        let subscribe = [
            "books5:LTC-USDT",
            "trades:LTC-USDT",
            "books:LTC-USDT",
            "books-rpi:LTC-USDT",
            "tickers:LTC-USDT",
            "candle1m:LTC-USDT",
            "liquidation-orders:SWAP",
        ];
        assert!(round_trip(Dialect::V5, &frames, &subscribe) >= frames.len() + 3);
    }

    #[test]
    fn a_trade_of_history_stays_one() {
        let subscription = "trades:LTC-USDT".parse().unwrap();
        let one = "1".parse().unwrap();
        for origin in [Origin::Live, Origin::History] {
            let trade = Trade::new(Side::Buy, one, one);
            let (renamed_to, missed, replayed) = (None, 0, false);
            let message =
                Message::Trade { subscription, trade, replayed, missed, origin, renamed_to };
            let mut out = Vec::new();
            write_payload(&mut out, &message);
            let back = read(Channel::Trades, &out).unwrap();
            assert_eq!(back, Payload::Trade { trade, replayed, origin, renamed_to });
        }
    }

    #[test]
    fn what_is_no_payload_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"ts_recv_ns":1,"event":"book"}"#,
            r#"{"ts_recv_ns":1,"event":"book","ts_ns":1,"seq":1,"asks":[["x","1",1]],"bids":[]}"#,
            r#"{"ts_recv_ns":1,"event":"trade","ts_ns":1}"#,
            r#"{"ts_recv_ns":1,"event":"nothing"}"#,
        ] {
            assert_eq!(read(Channel::Books5, text.as_bytes()), None, "{text}");
        }
    }
}
