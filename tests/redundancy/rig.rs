//! Several lines before one arbiter, and scenes: texts that say what the lines deliver, and what
//! the sink is emitted of it.

use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::publish::Readers;
use okx_feed::{
    Arbiter, BookState, Dialect, DownReason, Event, EventSink, FeedHandler, Frame, Level, NoSink,
    Subscription, UnixNanos,
};
use okx_feed_testkit::lines::Lines;
use okx_feed_testkit::messages;

/// The price of all asks of an order book. What is shown of it is its size, of others the price.
const ORDER_BOOK_PX: u64 = 1_000_000;

/// What is shown of a book.
pub(crate) fn shown(ask: &Level) -> u64 {
    let [px, sz] = [ask.px(), ask.sz()].map(|decimal| decimal.mantissa().cast_unsigned());
    if px == ORDER_BOOK_PX { sz } else { px }
}

/// The message of an update: what is shown of it, its number, the one before it, and its time.
pub(crate) fn message(channel: &str, shown: u64, seq: u64, prev: Option<u64>, ts: u64) -> String {
    // A heartbeat has the number of the update before it, and no levels.
    let asks = if prev == Some(seq) { vec![] } else { vec![(ORDER_BOOK_PX, shown)] };
    match channel {
        "trades" => messages::trade("A", seq, shown, ts),
        "books" => messages::order_book("A", &asks, prev.map(u64::cast_signed), seq, ts),
        "bbo-tbt" => messages::book(channel, "A", shown, None, ts),
        _ => messages::book(channel, "A", shown, Some(seq), ts),
    }
}

/// The message of an update `NUMBER@TIME-PREVIOUS` of a scene.
pub(crate) fn message_of(channel: &str, update: &str) -> String {
    let number = |text: &str| text.parse::<u64>().unwrap();
    let mut parts = update.split('-');
    let (update, prev) = (parts.next().unwrap(), parts.next().map(number));
    let (seq, time) = update.split_once('@').unwrap_or((update, update));
    let seq = number(seq);
    let ts = time.strip_prefix('+').map_or_else(|| number(time), |later| seq + number(later));
    message(channel, seq, seq, prev, ts)
}

/// What the sink was emitted: what is shown of updates, and states. And what a scene asks for.
#[derive(Default)]
pub(crate) struct Sink(pub(crate) Vec<String>);

impl EventSink for Sink {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.push(match event {
            Event::Book(update) => shown(update.book.best_ask().unwrap()).to_string(),
            Event::Trade(update) => update.trade.px().to_string(),
            Event::DepthBook(change) => shown(&change.update.asks[0]).to_string(),
            Event::State(change) if change.from != change.to => change.to.to_string(),
            other => panic!("{other:?}"),
        });
    }
}

/// Several lines before one arbiter, all of one instrument.
pub(crate) struct Rig {
    lines: Lines,
    limits: StaleLimits,
    pub(crate) now: u64,
    pub(crate) sink: Sink,
    /// Those of the last channel, from before anything else.
    pub(crate) readers: Readers,
}

impl Rig {
    pub(crate) fn new(lines: usize, channels: &[&str]) -> Self {
        let subscriptions: Vec<_> = channels.iter().map(|channel| sub(channel)).collect();
        let lines = Lines::new(lines, &subscriptions);
        let readers = subscriptions.last().map(|of| lines.arbiter.readers(of));
        Self {
            lines,
            limits: StaleLimits::NONE,
            now: 1_000_000_000_000,
            sink: Sink::default(),
            readers: readers.unwrap_or_default(),
        }
    }

    /// A line delivers a message.
    pub(crate) fn deliver(&mut self, line: usize, text: &str) {
        self.lines.deliver(line, text, UnixNanos(self.now), &mut self.sink);
    }

    /// All of a line's subscriptions come to a state, as when its connection is lost.
    pub(crate) fn state(&mut self, line: usize, state: BookState) {
        let Self { lines, sink, now, .. } = self;
        lines.pass(line, sink, |handler, mut sink| {
            handler.set_all_states(state, UnixNanos(*now), &mut sink);
        });
    }

    pub(crate) fn look_at_arbiter(&mut self) {
        self.lines.arbiter.mark_stale(&self.limits, UnixNanos(self.now), &mut self.sink);
    }

    /// What the readers have live.
    pub(crate) fn read(&self) -> Option<u64> {
        let Readers { book, trades, .. } = &self.readers;
        let trades = trades.as_ref().filter(|reader| reader.state().is_live());
        let trade = trades.and_then(|reader| Some(reader.last()?.trade_id));
        trade.or_else(|| book.as_ref()?.live()?.best_ask().map(shown))
    }

    /// Does a step of a scene of that channel; see [`play`].
    fn step(&mut self, channel: &str, step: &str) {
        let words: Vec<_> = step.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let seconds = |at: usize| Some(Duration::from_secs(number(at)));
        let line = || words[1].parse::<usize>().unwrap();
        let (of, now, limits) = (sub(channel), UnixNanos(self.now), self.limits);
        match words[0] {
            "wait" => self.now += number(1) * 1_000_000,
            "limit" => self.limits = StaleLimits::NONE.with(of.channel(), seconds(1)),
            "age_limit" => self.lines.handlers[line()].set_age_limit(seconds(2)),
            "look" => {
                for line in 0..self.lines.handlers.len() {
                    let Self { lines, sink, .. } = self;
                    lines.pass(line, sink, |of, mut sink| of.mark_stale(&limits, now, &mut sink));
                }
                self.look_at_arbiter();
            }
            "lost" => self.state(line(), BookState::Connecting),
            "subscribed" => self.state(line(), BookState::AwaitingSnapshot),
            "stale" => self.state(line(), BookState::Stale),
            "live" => self.state(line(), BookState::Live),
            "resyncing" => self.state(line(), BookState::Resyncing),
            "rejected" => self.state(line(), BookState::Down(DownReason::Rejected)),
            "close" => {
                self.lines.handlers[line()].set_all_states(BookState::Connecting, now, &mut NoSink);
                self.lines.arbiter.close_line(line(), now, &mut self.sink);
            }
            "open" => self.lines.arbiter.open_line(line()),
            "drop" => self.lines.handlers[line()] = FeedHandler::new(Dialect::V5),
            "subscribe" => self.lines.arbiter.subscribe(of),
            "unsubscribe" => self.lines.arbiter.unsubscribe(&of, now, &mut self.sink),
            "end" => self.lines.arbiter = Arbiter::new(1),
            "adopt" => {
                self.lines.arbiter = Arbiter::adopt(&mut self.lines.handlers[line()], line())
            }
            "alone" => {
                let handler = &mut self.lines.handlers[line()];
                self.readers = handler.readers(&of);
                let text = message_of(channel, words[2]);
                handler.on_frame(Frame::Text(text.as_bytes()), now, &mut NoSink).unwrap();
            }
            "read" => self.print(self.read()),
            "states" => {
                let Readers { book, depth, trades, .. } = &self.readers;
                let book = book.as_ref().map(|reader| reader.snapshot().state);
                let depth = depth.as_ref().map(|reader| reader.snapshot().state);
                let trades = trades.as_ref().map(|reader| reader.state());
                let mut states: Vec<_> = [book, depth, trades].into_iter().flatten().collect();
                states.dedup();
                self.print(states);
            }
            "age" => {
                let read = self.readers.book.as_ref().unwrap().value().ts_recv;
                self.print([(self.now - read.0) / 1_000_000]);
            }
            "lines" => self.print([self.lines.arbiter.stats().len()]),
            "stats" => {
                let of = &self.lines.arbiter.stats()[line()];
                let counters = [of.accepted, of.duplicates, of.self_duplicates, of.outdated];
                self.print(counters.into_iter().chain([of.held]));
            }
            "lags" => {
                let lag_us = &self.lines.arbiter.stats()[line()].lag_us;
                self.print([lag_us.len(), lag_us.min(), lag_us.max()]);
            }
            line => self.deliver(line.parse().unwrap(), &message_of(channel, words[1])),
        }
    }

    /// Adds what a scene asks for to what the sink was emitted.
    fn print(&mut self, asked: impl IntoIterator<Item = impl ToString>) {
        self.sink.0.extend(asked.into_iter().map(|asked| asked.to_string()));
    }
}

/// Plays a scene with each of the channels: three lines, and steps with semicolons between them.
/// Behind `=` is what the sink is emitted of a step: numbers of updates, and states.
///
/// | step | |
/// |---|---|
/// | `0 7` | line 0 delivers the update of number 7 (its time is 7 too) |
/// | `0 7@5`, `0 7@+5` | the same, of time 5, or 7 + 5 |
/// | `0 1..9 = all` | line 0 delivers nine updates, and each is emitted; without `= all` none is |
/// | `0 7@7-5` | line 0 delivers an update of an order book after number 5, not a snapshot |
/// | `wait 500` | half a second passes |
/// | `limit 4`, `look` | the longest silence is 4 s; what a client does each second |
/// | `age_limit 0 5` | books of line 0 that are 5 s older at receipt than others are too old |
/// | `lost 0`, `subscribed 0`, `stale 0` ... | all that line 0 has comes to a state |
/// | `close 0`, `open 0` | line 0 ends, or there is one again |
/// | `drop 0` | line 0 has a handler without a subscription |
/// | `alone 0 7`, `adopt 0` | line 0 has no arbiter yet; the arbiter takes it over |
/// | `unsubscribe`, `subscribe` | at the arbiter; its lines do not know yet |
/// | `end` | the arbiter is dropped |
/// | `read`, `age` | what a reader from the beginning has live; how old a book is, in ms |
/// | `states` | the states that such readers have |
/// | `stats 0` | accepted, duplicates, self duplicates, outdated, held of line 0 |
/// | `lags 0`, `lines` | how often and how late line 0 was second, in µs; how many have counters |
pub(crate) fn play(channels: &str, scene: &str) {
    for channel in channels.split(' ') {
        let mut rig = Rig::new(3, &[channel]);
        for step in scene.split(';') {
            let (step, expected) = step.split_once('=').unwrap_or((step, ""));
            let (step, expected) = (step.trim(), expected.trim());
            let mut steps = vec![(step.to_owned(), expected.to_owned())];
            if let Some((first, rest)) = step.split_once("..") {
                let (line, first) = first.rsplit_once(' ').unwrap();
                let (last, time) = rest.split_at(rest.find('@').unwrap_or(rest.len()));
                let numbers = first.parse::<u64>().unwrap()..=last.parse().unwrap();
                let each = |n: u64| expected.replace("all", &n.to_string());
                steps = numbers.map(|n| (format!("{line} {n}{time}"), each(n))).collect();
            }
            let is_range = steps.len() > 1;
            for (step, expected) in steps {
                rig.step(channel, &step);
                let mut emitted = std::mem::take(&mut rig.sink.0);
                emitted.retain(|text| !is_range || text != "live");
                assert_eq!(emitted.join(" "), expected, "{channel}: {step} of {scene}");
            }
        }
    }
}

/// Tests of scenes: name, channels, steps.
macro_rules! scenes {
    ($($name:ident: $channels:literal, $steps:literal;)*) => {
        $(#[test]
        fn $name() {
            $crate::rig::play($channels, $steps);
        })*
    };
}
pub(crate) use scenes;

pub(crate) fn sub(channel: &str) -> Subscription {
    format!("{channel}:A").parse().unwrap()
}
