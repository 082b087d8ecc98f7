//! Several lines before one arbiter, and scenes: texts that say what the lines deliver, and what
//! the sink is emitted of it.

use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::{
    Arbiter, BookState, Dialect, DownReason, Event, FeedHandler, Frame, Subscription, UnixNanos,
};

/// Several lines before one arbiter, all of one instrument.
pub(crate) struct Rig {
    pub(crate) lines: Vec<FeedHandler>,
    pub(crate) arbiter: Arbiter,
    pub(crate) limits: StaleLimits,
    pub(crate) now: u64,
}

impl Rig {
    pub(crate) fn new(lines: usize, channels: &[&str]) -> Self {
        let mut rig = Self {
            lines: (0..lines).map(|_| FeedHandler::new(Dialect::V5)).collect(),
            arbiter: Arbiter::new(lines),
            limits: StaleLimits::NONE,
            now: 1_000_000_000_000,
        };
        for channel in channels {
            rig.lines.iter_mut().for_each(|line| line.subscribe(sub(channel)).unwrap());
            rig.arbiter.subscribe(sub(channel));
        }
        rig
    }

    /// Lets a line's handler do something; gives what the sink is emitted of it.
    pub(crate) fn pass<T>(
        &mut self,
        line: usize,
        name: impl Fn(&Event<'_>) -> Option<T>,
        act: impl FnOnce(&mut FeedHandler, UnixNanos, &mut dyn FnMut(&Event<'_>)),
    ) -> Vec<T> {
        let (arbiter, mut emitted) = (&mut self.arbiter, Vec::new());
        act(&mut self.lines[line], UnixNanos(self.now), &mut |event: &Event<'_>| {
            arbiter.on_event(line, event, &mut |event: &Event<'_>| emitted.extend(name(event)));
        });
        emitted
    }

    /// A line delivers a message.
    pub(crate) fn deliver(&mut self, line: usize, text: &str) -> Vec<String> {
        self.pass(line, name, |handler, now, mut sink| {
            handler.on_frame(Frame::Text(text.as_bytes()), now, &mut sink).unwrap();
        })
    }

    /// All of a line's subscriptions come to a state, as when its connection is lost.
    pub(crate) fn state(&mut self, line: usize, state: BookState) -> Vec<String> {
        self.pass(line, name, |handler, now, mut sink| {
            handler.set_all_states(state, now, &mut sink);
        })
    }

    /// A line ends for good; what it delivers later, it delivers on another connection.
    fn close(&mut self, line: usize) -> Vec<String> {
        let (now, mut emitted) = (UnixNanos(self.now), Vec::new());
        self.lines[line].set_all_states(BookState::Connecting, now, &mut |_: &Event<'_>| {});
        let sink = &mut |event: &Event<'_>| emitted.extend(name(event));
        self.arbiter.close_line(line, now, sink);
        emitted
    }

    /// What a client does for its lines each second.
    fn look(&mut self) -> Vec<String> {
        let limits = self.limits;
        let lines = 0..self.lines.len();
        let mut emitted: Vec<_> = lines
            .flat_map(|line| {
                self.pass(line, name, |handler, now, mut sink| {
                    handler.mark_stale(&limits, now, &mut sink);
                })
            })
            .collect();
        let sink = &mut |event: &Event<'_>| emitted.extend(name(event));
        self.arbiter.mark_stale(&limits, UnixNanos(self.now), sink);
        emitted
    }

    /// Does a step of a scene of that channel; see [`play`].
    fn step(&mut self, channel: &str, step: &str) -> Vec<String> {
        let words: Vec<_> = step.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let line = || words[1].parse::<usize>().unwrap();
        match words[0] {
            "wait" => self.now += number(1) * 1_000_000,
            "limit" => {
                let limit = Some(Duration::from_secs(number(1)));
                self.limits = StaleLimits::NONE.with(sub(channel).channel(), limit);
            }
            "look" => return self.look(),
            "lost" => return self.state(line(), BookState::Connecting),
            "subscribed" => return self.state(line(), BookState::AwaitingSnapshot),
            "stale" => return self.state(line(), BookState::Stale),
            "live" => return self.state(line(), BookState::Live),
            "resyncing" => return self.state(line(), BookState::Resyncing),
            "rejected" => return self.state(line(), BookState::Down(DownReason::Rejected)),
            "close" => return self.close(line()),
            "open" => self.arbiter.open_line(line()),
            "adopt" => {
                self.arbiter = Arbiter::adopt(&mut self.lines[line()], line());
                let others = (0..3).filter(|other| *other != line());
                others.for_each(|other| self.arbiter.open_line(other));
            }
            "alone" => {
                let text = message(channel, words[2]);
                let (frame, now) = (Frame::Text(text.as_bytes()), UnixNanos(self.now));
                self.lines[line()].on_frame(frame, now, &mut |_: &Event<'_>| {}).unwrap();
            }
            "read" => {
                let reader = self.arbiter.book_reader(&sub(channel)).unwrap();
                let live = reader.live().map(|book| *book.best_ask().unwrap());
                let shown = live.map(|ask| if channel == "books" { ask.sz() } else { ask.px() });
                return vec![shown.map_or_else(|| "nothing".into(), |number| number.to_string())];
            }
            "stats" => {
                let of = &self.arbiter.stats()[line()];
                let all = [of.accepted, of.duplicates, of.self_duplicates, of.outdated, of.held];
                return all.iter().map(u64::to_string).collect();
            }
            line => return self.deliver(line.parse().unwrap(), &message(channel, words[1])),
        }
        Vec::new()
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
/// | `lost 0`, `subscribed 0`, `stale 0` ... | all that line 0 has comes to a state |
/// | `close 0`, `open 0` | line 0 ends, or there is one again |
/// | `alone 0 7`, `adopt 0` | line 0 has no arbiter yet; the arbiter takes it over |
/// | `read` | what a book's reader has live |
/// | `stats 0` | accepted, duplicates, self duplicates, outdated, held of line 0 |
pub(crate) fn play(channels: &str, scene: &str) {
    for channel in channels.split(' ') {
        let mut rig = Rig::new(3, &[channel]);
        for step in scene.split(';') {
            let (step, expected) = step.split_once('=').unwrap_or((step, ""));
            let each = step.split_once("..").map(|(first, rest)| {
                let (line, first) = first.trim().split_once(' ').unwrap();
                let rest = rest.trim();
                let (last, time) = rest.split_at(rest.find('@').unwrap_or(rest.len()));
                let numbers = first.parse::<u64>().unwrap()..=last.parse().unwrap();
                numbers.map(move |n| (format!("{line} {n}{time}"), n.to_string()))
            });
            let Some(each) = each else {
                let emitted = rig.step(channel, step).join(" ");
                let emitted = emitted.replace(&format!("{channel} "), "");
                assert_eq!(emitted, expected.trim(), "{channel}: {step} of {scene}");
                continue;
            };
            for (step, number) in each {
                let emitted = rig.step(channel, &step);
                let number = format!("{channel} {number}");
                let expected = (expected.trim() == "all").then_some(&number);
                assert_eq!(emitted.last(), expected, "{channel}: {step} of {scene}");
            }
        }
    }
}

/// Tests of scenes: name, channels, steps.
macro_rules! scenes {
    ($($name:ident: $channels:literal, $steps:literal;)*) => {
        $(#[test]
        fn $name() {
            $crate::arbiter::rig::play($channels, $steps);
        })*
    };
}
pub(crate) use scenes;

/// What the sink is emitted, in words: `books5 7` is the book of that number, and `books5 live` a
/// state.
pub(crate) fn name(event: &Event<'_>) -> Option<String> {
    let (channel, what) = match event {
        // Books have no number of their own here, so their price says which they are.
        Event::Book(update) => {
            (update.topic.channel, update.book.best_ask().unwrap().px().to_string())
        }
        Event::Trade(update) => (update.topic.channel, update.trade.trade_id.to_string()),
        Event::DepthBook(change) => {
            (change.update.topic.channel, change.update.seq().unwrap().to_string())
        }
        Event::State(change) => {
            assert_ne!(change.from, change.to);
            (change.subscription.channel(), change.to.to_string())
        }
        other => return Some(format!("{other:?}")),
    };
    Some(format!("{channel} {what}"))
}

pub(crate) fn sub(channel: &str) -> Subscription {
    format!("{channel}:A").parse().unwrap()
}

/// The message of an update `NUMBER@TIME-PREVIOUS` of a scene. A book's price is its number.
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
        "trades" => trade_text(number, 1, time),
        // A heartbeat has the number of the update before it.
        "books" if prev == Some(number.cast_signed()) => deep_text(&[], prev, number, time),
        "books" => deep_text(&[(10, number)], prev, number, time),
        "bbo-tbt" => book_text(channel, number, None, time),
        _ => book_text(channel, number, Some(number), time),
    }
}

/// A book with one ask.
pub(crate) fn book_text(channel: &str, px: u64, seq: Option<u64>, ts: u64) -> String {
    let seq = seq.map_or(String::new(), |seq| format!(r#","seqId":{seq}"#));
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"A"}},"data":[{{"asks":[["{px}","1","0","1"]],"bids":[],"ts":"{ts}"{seq}}}]}}"#
    )
}

pub(crate) fn trade_text(id: u64, px: u64, ts: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"A"}},"data":[{{"instId":"A","tradeId":"{id}","px":"{px}","sz":"1","side":"buy","ts":"{ts}"}}]}}"#
    )
}

/// A message of an order book, a snapshot if nothing is before it: asks of a price and a size each.
pub(crate) fn deep_text(asks: &[(u64, u64)], prev: Option<i64>, seq: u64, ts: u64) -> String {
    let asks: Vec<_> = asks.iter().map(|(px, sz)| format!(r#"["{px}","{sz}","0","1"]"#)).collect();
    let action = if prev.is_some() { "update" } else { "snapshot" };
    let prev = prev.unwrap_or(-1);
    format!(
        r#"{{"arg":{{"channel":"books","instId":"A"}},"action":"{action}","data":[{{"asks":[{}],"bids":[],"ts":"{ts}","checksum":0,"seqId":{seq},"prevSeqId":{prev}}}]}}"#,
        asks.join(",")
    )
}
