//! The arbiter from its outside: lines that lag, end and come back, each of them a feed of its own,
//! and what a strategy is emitted of them. What it should be emitted is worked out by a model that
//! keeps a list of who delivered which number first.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as the test does"
)]

mod handover;
mod joining;
mod lagging;
mod model;
mod sequence_reset;
mod silent;
mod states;

use okx_feed::{Arbiter, BookState, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};

/// What the sink is emitted, in words: `books5 7` is the book of that number, and `books live` a
/// state.
fn name(event: &Event<'_>) -> String {
    match event {
        Event::Book(update) => {
            // Books have no number of their own here, so their price says which they are.
            format!("{} {}", update.topic.channel, update.book.best_ask().unwrap().px())
        }
        Event::Trade(update) => format!("{} {}", update.topic.channel, update.trade.trade_id),
        Event::DepthBook(change) => {
            format!("{} {}", change.update.topic.channel, change.update.seq().unwrap())
        }
        Event::State(change) => {
            assert_ne!(change.from, change.to);
            format!("{} {}", change.subscription.channel(), change.to)
        }
        other => format!("{other:?}"),
    }
}

/// Several lines before one arbiter, all of one instrument.
struct Rig {
    lines: Vec<FeedHandler>,
    arbiter: Arbiter,
    now: u64,
}

impl Rig {
    fn new(lines: usize, channels: &[&str]) -> Self {
        let mut rig = Self {
            lines: (0..lines).map(|_| FeedHandler::new(Dialect::V5)).collect(),
            arbiter: Arbiter::new(lines),
            now: 1_000_000_000_000,
        };
        for channel in channels {
            rig.lines.iter_mut().for_each(|line| line.subscribe(sub(channel)).unwrap());
            rig.arbiter.subscribe(sub(channel));
        }
        rig
    }

    /// A line delivers a message; gives what the sink is emitted of it.
    fn deliver(&mut self, line: usize, text: &str) -> Vec<String> {
        let Self { lines, arbiter, now } = self;
        let mut emitted = Vec::new();
        let frame = Frame::Text(text.as_bytes());
        let result = lines[line].on_frame(frame, UnixNanos(*now), &mut |event: &Event<'_>| {
            arbiter.on_event(line, event, &mut |event: &Event<'_>| emitted.push(name(event)));
        });
        assert!(result.is_ok(), "{text}");
        emitted
    }

    /// All of a line's subscriptions come to a state, as when its connection is lost.
    fn state(&mut self, line: usize, state: BookState) -> Vec<String> {
        let Self { lines, arbiter, now } = self;
        let mut emitted = Vec::new();
        lines[line].set_all_states(state, UnixNanos(*now), &mut |event: &Event<'_>| {
            arbiter.on_event(line, event, &mut |event: &Event<'_>| emitted.push(name(event)));
        });
        emitted
    }

    /// A line ends for good; what it delivers later, it delivers on another connection.
    fn close(&mut self, line: usize) -> Vec<String> {
        let at = UnixNanos(self.now);
        self.lines[line].set_all_states(BookState::Connecting, at, &mut |_: &Event<'_>| {});
        let mut emitted = Vec::new();
        let mut sink = |event: &Event<'_>| emitted.push(name(event));
        self.arbiter.close_line(line, UnixNanos(self.now), &mut sink);
        emitted
    }
}

fn sub(channel: &str) -> Subscription {
    format!("{channel}:A").parse().unwrap()
}

/// The book of a number, which is its price and its time too.
fn book(channel: &str, n: u64, numbered: bool) -> String {
    book_text(channel, n, numbered.then_some(n), n)
}

/// A book with one ask.
fn book_text(channel: &str, px: u64, seq: Option<u64>, ts: u64) -> String {
    let seq = seq.map_or(String::new(), |seq| format!(r#","seqId":{seq}"#));
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"A"}},"data":[{{"asks":[["{px}","1","0","1"]],"bids":[],"ts":"{ts}"{seq}}}]}}"#
    )
}

/// The trade of an id, which is its time too.
fn trade(n: u64) -> String {
    trade_text(n, 1, n)
}

fn trade_text(id: u64, px: u64, ts: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"A"}},"data":[{{"instId":"A","tradeId":"{id}","px":"{px}","sz":"1","side":"buy","ts":"{ts}"}}]}}"#
    )
}

/// A message of an order book: asks of a price and a size each. Its number is its time too.
fn deep(action: &str, asks: &[(u64, u64)], prev: i64, n: u64) -> String {
    deep_text(action, asks, (prev, n), n)
}

fn deep_text(action: &str, asks: &[(u64, u64)], (prev, seq): (i64, u64), ts: u64) -> String {
    let asks: Vec<_> = asks.iter().map(|(px, sz)| format!(r#"["{px}","{sz}","0","1"]"#)).collect();
    format!(
        r#"{{"arg":{{"channel":"books","instId":"A"}},"action":"{action}","data":[{{"asks":[{}],"bids":[],"ts":"{ts}","checksum":0,"seqId":{seq},"prevSeqId":{prev}}}]}}"#,
        asks.join(",")
    )
}
