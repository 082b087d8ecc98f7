//! Unusual forms on the wire and their events: unneeded values, ids of any length, levels in any
//! order, repeated trades, outdated books, frames of the wrong kind.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod frames;
mod ids;
mod levels;
mod malformed;
mod numbers;
mod rpi;
mod snapshots;
mod trades;
mod unneeded;

use okx_feed::{
    BookState, DecodeErrorKind, Decoder, Dialect, Event, FeedHandler, Frame, Level, Subscription,
    UnixNanos,
};

/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// The events of a text, or the error. Asserts that the scanner and the general parser agree.
fn decode(dialect: Dialect, text: &str) -> Result<Vec<String>, DecodeErrorKind> {
    let frame = Frame::Text(text.as_bytes());
    let mut results = [true, false].map(|scans| {
        let mut decoder = Decoder::new(dialect);
        if !scans {
            decoder.set_scanner(None);
        }
        let mut events = Vec::new();
        let decoded =
            decoder.decode(frame, UnixNanos(1), &mut |e: &Event<'_>| events.push(name(e)));
        decoded.map(|_| events).map_err(|error| error.kind)
    });
    assert_eq!(results[0], results[1], "{text}");
    std::mem::replace(&mut results[0], Ok(vec![]))
}

fn v5(text: &str) -> Result<Vec<String>, DecodeErrorKind> {
    decode(Dialect::V5, text)
}

/// An event as text.
fn name(event: &Event<'_>) -> String {
    match event {
        Event::Book(update) => {
            let (asks, bids) = (levels(update.book.asks()), levels(update.book.bids()));
            format!("{}:{} asks {asks} bids {bids}", update.topic.channel, update.topic.inst_id)
        }
        Event::Trade(update) => {
            let trade = &update.trade;
            let marks = match (update.replayed, update.missed) {
                (false, 0) => String::new(),
                (true, 0) => " replayed".to_owned(),
                (replayed, missed) => format!(" {replayed} missed {missed}"),
            };
            let (px, sz, count, source) = (trade.px(), trade.sz(), trade.count, trade.source);
            let id =
                format!("{}:{} {}", update.topic.channel, update.topic.inst_id, trade.trade_id);
            format!("{id} {sz}@{px} x{count} from {source}{marks}")
        }
        Event::Depth(update) => {
            let (asks, bids) = (levels(update.asks), levels(update.bids));
            format!("{}:{} asks {asks} bids {bids}", update.topic.channel, update.topic.inst_id)
        }
        Event::DepthBook(change) => {
            let state = change.outcome.sync.name();
            let sequence = change.outcome.sequence.name();
            format!("{} {} {sequence}", change.update.topic.channel, state)
        }
        Event::State(change) => format!("{} {}", change.subscription, change.to),
        Event::Malformed(malformed) => {
            let whose =
                malformed.subscription.map_or_else(|| "?".to_owned(), |whose| whose.to_string());
            format!("malformed {} of {whose}", malformed.kind)
        }
        Event::Control(control) => control.kind.to_string(),
        Event::Skipped(skipped) => format!("skipped {}", skipped.channel),
        other => format!("{other:?}"),
    }
}

fn levels(levels: &[Level]) -> String {
    let level = |l: &Level| format!("{}x{}({})", l.px(), l.sz(), l.orders());
    levels.iter().map(level).collect::<Vec<_>>().join(",")
}

/// A feed of one dialect with a virtual clock.
struct Feed {
    handler: FeedHandler,
    now: u64,
}

impl Feed {
    fn new(dialect: Dialect, subscriptions: &[&str]) -> Self {
        let mut handler = FeedHandler::new(dialect);
        for subscription in subscriptions {
            handler.subscribe(sub(subscription)).unwrap();
        }
        Self { handler, now: 1_000 * SECOND }
    }

    /// Processes a frame, valid or not; returns the events of the sink.
    fn frame(&mut self, frame: Frame<'_>) -> Vec<String> {
        self.now += 1;
        let mut events = Vec::new();
        let at = UnixNanos(self.now);
        let _ = self.handler.on_frame(frame, at, &mut |e: &Event<'_>| events.push(name(e)));
        events
    }

    fn text(&mut self, text: &str) -> Vec<String> {
        self.frame(Frame::Text(text.as_bytes()))
    }

    /// The connection is lost, and the subscriptions of a new one are acknowledged.
    fn reconnect(&mut self) {
        for state in [BookState::Connecting, BookState::AwaitingSnapshot] {
            self.handler.set_all_states(state, UnixNanos(self.now), &mut |_: &Event<'_>| {});
        }
    }

    fn state(&self, subscription: &str) -> BookState {
        self.handler.slots().get(&sub(subscription)).unwrap().state()
    }
}

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

fn deflated(text: &str) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).unwrap());
    let mut body = vec![0; compressor.deflate_compress_bound(text.len())];
    let len = compressor.deflate_compress(text.as_bytes(), &mut body).unwrap();
    body.truncate(len);
    body
}

/// A v5 message of one item.
fn v5_message(channel: &str, id: &str, item: &str) -> String {
    format!(r#"{{"arg":{{"channel":"{channel}","instId":"{id}"}},"data":[{{{item}}}]}}"#)
}

/// A v5 message of an order book.
fn v5_deep(action: &str, asks: &str, ts: u64, seq: i64, prev: Option<i64>) -> String {
    let prev = prev.map_or(String::new(), |prev| format!(r#","prevSeqId":{prev}"#));
    format!(
        r#"{{"arg":{{"channel":"books","instId":"A"}},"action":"{action}","data":[{{"asks":{asks},"bids":[["1","1","0","1"]],"ts":"{ts}","checksum":0,"seqId":{seq}{prev}}}]}}"#
    )
}

/// A v3 message of one item, its instrument and time last.
fn v3_message(table: &str, id: &str, item: &str) -> String {
    let action = if table.contains("depth5") || table.contains("trade") {
        String::new()
    } else {
        r#""action":"partial","#.to_owned()
    };
    format!(
        r#"{{"table":"{table}",{action}"data":[{{{item},"instrument_id":"{id}","timestamp":"2020-04-17T07:45:31.700Z"}}]}}"#
    )
}
