//! Several lines before one arbiter, and scenes: texts that say what the lines deliver, and what
//! the sink is emitted of it.

use std::fmt;
use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::{
    Arbiter, BookReader, BookState, Dialect, DownReason, Event, EventSink, FeedHandler, Frame,
    Level, NoSink, Subscription, TradeReader, UnixNanos,
};
use okx_feed_testkit::messages;

/// What the sink is emitted: an update, by its number, or a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emitted {
    Update(u64),
    State(BookState),
}

impl fmt::Display for Emitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update(number) => number.fmt(f),
            Self::State(state) => state.fmt(f),
        }
    }
}

/// The price of all asks of an order book. Its number is its size, that of anything else its price.
pub(crate) const ORDER_BOOK_PX: u64 = 1_000_000;

pub(crate) fn number(ask: &Level) -> u64 {
    let [px, sz] = [ask.px(), ask.sz()].map(|decimal| decimal.mantissa().cast_unsigned());
    if px == ORDER_BOOK_PX { sz } else { px }
}

/// What the sink was emitted.
#[derive(Default)]
pub(crate) struct Sink(pub(crate) Vec<Emitted>);

impl EventSink for Sink {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.push(match event {
            Event::Book(update) => Emitted::Update(number(update.book.best_ask().unwrap())),
            Event::Trade(update) => Emitted::Update(update.trade.px().mantissa().cast_unsigned()),
            Event::DepthBook(change) => Emitted::Update(number(&change.update.asks[0])),
            Event::State(change) => {
                assert_ne!(change.from, change.to);
                Emitted::State(change.to)
            }
            other => panic!("{other:?}"),
        });
    }
}

/// Several lines before one arbiter, all of one instrument.
pub(crate) struct Rig {
    pub(crate) lines: Vec<FeedHandler>,
    pub(crate) arbiter: Arbiter,
    limits: StaleLimits,
    pub(crate) now: u64,
    pub(crate) sink: Sink,
    /// Readers of the last channel, from before anything else.
    pub(crate) book: Option<BookReader>,
    trades: Option<TradeReader>,
}

impl Rig {
    pub(crate) fn new(lines: usize, channels: &[&str]) -> Self {
        let mut rig = Self {
            lines: (0..lines).map(|_| FeedHandler::new(Dialect::V5)).collect(),
            arbiter: Arbiter::new(lines),
            limits: StaleLimits::NONE,
            now: 1_000_000_000_000,
            sink: Sink::default(),
            book: None,
            trades: None,
        };
        for of in channels.iter().map(|channel| sub(channel)) {
            rig.lines.iter_mut().for_each(|line| line.subscribe(of).unwrap());
            rig.arbiter.subscribe(of);
            (rig.book, rig.trades) = (rig.arbiter.book_reader(&of), rig.arbiter.trade_reader(&of));
        }
        rig
    }

    /// Lets a line's handler do something that gives the arbiter events.
    fn pass(
        &mut self,
        line: usize,
        act: impl FnOnce(&mut FeedHandler, UnixNanos, &mut dyn FnMut(&Event<'_>)),
    ) {
        let Self { arbiter, sink, .. } = self;
        act(&mut self.lines[line], UnixNanos(self.now), &mut |event| {
            arbiter.on_event(line, event, sink);
        });
    }

    /// A line delivers a message.
    pub(crate) fn deliver(&mut self, line: usize, text: &str) {
        let frame = Frame::Text(text.as_bytes());
        self.pass(line, |handler, now, mut sink| {
            handler.on_frame(frame, now, &mut sink).unwrap();
        });
    }

    /// All of a line's subscriptions come to a state, as when its connection is lost.
    pub(crate) fn state(&mut self, line: usize, state: BookState) {
        self.pass(line, |handler, now, mut sink| handler.set_all_states(state, now, &mut sink));
    }

    /// What a client does each second, for its lines and for its arbiter.
    fn look(&mut self) {
        let limits = self.limits;
        for line in 0..self.lines.len() {
            self.pass(line, |handler, now, mut sink| handler.mark_stale(&limits, now, &mut sink));
        }
        self.look_at_arbiter();
    }

    pub(crate) fn look_at_arbiter(&mut self) {
        self.arbiter.mark_stale(&self.limits, UnixNanos(self.now), &mut self.sink);
    }

    /// What the readers have live.
    fn shown(&self) -> Option<u64> {
        let trades = self.trades.as_ref().filter(|reader| reader.state().is_live());
        let trade = trades.and_then(TradeReader::last).map(|trade| trade.trade_id);
        trade.or_else(|| Some(number(self.book.as_ref()?.live()?.best_ask()?)))
    }

    /// Does a step of a scene of that channel; see [`play`]. What it asks for is put to what is
    /// emitted.
    fn step(&mut self, channel: &str, step: &str) {
        let words: Vec<_> = step.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let line = || words[1].parse::<usize>().unwrap();
        let (of, now) = (sub(channel), UnixNanos(self.now));
        match words[0] {
            "wait" => self.now += number(1) * 1_000_000,
            "limit" => {
                let limit = Some(Duration::from_secs(number(1)));
                self.limits = StaleLimits::NONE.with(of.channel(), limit);
            }
            "age_limit" => {
                self.lines[line()].set_age_limit(Some(Duration::from_secs(number(2))));
            }
            "look" => self.look(),
            "lost" => self.state(line(), BookState::Connecting),
            "subscribed" => self.state(line(), BookState::AwaitingSnapshot),
            "stale" => self.state(line(), BookState::Stale),
            "live" => self.state(line(), BookState::Live),
            "resyncing" => self.state(line(), BookState::Resyncing),
            "rejected" => self.state(line(), BookState::Down(DownReason::Rejected)),
            "close" => {
                self.lines[line()].set_all_states(BookState::Connecting, now, &mut NoSink);
                self.arbiter.close_line(line(), now, &mut self.sink);
            }
            "open" => self.arbiter.open_line(line()),
            "drop" => {
                self.lines[line()] = FeedHandler::new(Dialect::V5);
                self.lines[line()].subscribe(of).unwrap();
            }
            "subscribe" => self.arbiter.subscribe(of),
            "unsubscribe" => self.arbiter.unsubscribe(&of, now, &mut self.sink),
            "adopt" => self.arbiter = Arbiter::adopt(&mut self.lines[line()], line()),
            "alone" => {
                let handler = &mut self.lines[line()];
                (self.book, self.trades) = (handler.book_reader(&of), handler.trade_reader(&of));
                let text = message(channel, words[2]);
                handler.on_frame(Frame::Text(text.as_bytes()), now, &mut NoSink).unwrap();
            }
            "read" => self.sink.0.extend(self.shown().map(Emitted::Update)),
            "age" => {
                let age = self.now - self.book.as_ref().unwrap().value().ts_recv.0;
                self.sink.0.push(Emitted::Update(age / 1_000_000));
            }
            "lines" => self.sink.0.push(Emitted::Update(self.arbiter.stats().len() as u64)),
            "stats" => {
                let of = &self.arbiter.stats()[line()];
                let all = [of.accepted, of.duplicates, of.self_duplicates, of.outdated, of.held];
                self.sink.0.extend(all.map(Emitted::Update));
            }
            line => self.deliver(line.parse().unwrap(), &message(channel, words[1])),
        }
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
/// | `drop 0` | line 0 has a handler that knows nothing yet |
/// | `alone 0 7`, `adopt 0` | line 0 has no arbiter yet; the arbiter takes it over |
/// | `unsubscribe`, `subscribe` | at the arbiter; its lines do not know yet |
/// | `read`, `age` | what a reader from the beginning has live; how old a book is, in ms |
/// | `stats 0` | accepted, duplicates, self duplicates, outdated, held of line 0 |
/// | `lines` | how many lines have counters |
pub(crate) fn play(channels: &str, scene: &str) {
    for channel in channels.split(' ') {
        let mut rig = Rig::new(3, &[channel]);
        for step in scene.split(';') {
            let (step, expected) = step.split_once('=').unwrap_or((step, ""));
            let mut steps = vec![(step.trim().to_owned(), expected.trim().to_owned())];
            if let Some((first, rest)) = step.trim().split_once("..") {
                let (line, first) = first.rsplit_once(' ').unwrap();
                let (last, time) = rest.split_at(rest.find('@').unwrap_or(rest.len()));
                let numbers = first.parse::<u64>().unwrap()..=last.parse().unwrap();
                let expected = |n: u64| (expected.trim() == "all").then(|| n.to_string());
                let each = |n| (format!("{line} {n}{time}"), expected(n).unwrap_or_default());
                steps = numbers.map(each).collect();
            }
            let is_range = steps.len() > 1;
            for (step, expected) in steps {
                rig.step(channel, &step);
                let emitted = rig.sink.0.drain(..).map(|emitted| emitted.to_string());
                let emitted: Vec<_> = emitted.filter(|text| !is_range || text != "live").collect();
                let emitted = emitted.join(" ");
                assert_eq!(emitted, expected, "{channel}: {step} of {scene}");
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

/// The message of an update `NUMBER@TIME-PREVIOUS` of a scene.
pub(crate) fn message(channel: &str, update: &str) -> String {
    let (update, prev) =
        update.split_once('-').map_or((update, None), |(of, prev)| (of, Some(prev)));
    let (number, time) = update.split_once('@').unwrap_or((update, update));
    let number: u64 = number.parse().unwrap();
    let prev: Option<i64> = prev.map(|prev| prev.parse().unwrap());
    let time = match time.strip_prefix('+') {
        Some(later) => number + later.parse::<u64>().unwrap(),
        None => time.parse().unwrap(),
    };
    match channel {
        "trades" => messages::trade("A", number, number, time),
        // A heartbeat has the number of the update before it.
        "books" if prev == Some(number.cast_signed()) => {
            messages::order_book("A", &[], prev, number, time)
        }
        "books" => messages::order_book("A", &[(ORDER_BOOK_PX, number)], prev, number, time),
        "bbo-tbt" => messages::book(channel, "A", number, None, time),
        _ => messages::book(channel, "A", number, Some(number), time),
    }
}
