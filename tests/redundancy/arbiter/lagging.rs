//! Lines that bring the same stream, each at its own pace.

use std::collections::{BTreeMap, BTreeSet};

use okx_feed::{Arbiter, BookState, Decimal, Event, Frame, UnixNanos};

use crate::arbiter::{Rig, book, deep, sub, trade};

const LINES: usize = 3;
/// Books with numbers, books without, trades, an order book.
const CHANNELS: [&str; 4] = ["books5", "bbo-tbt", "trades", "books"];
const MESSAGES: u64 = 1_500;
/// The arbiter promises to tell copies apart within 64 books.
const LAG: u64 = 60;

/// Who delivered what first, and when; and what each line has won and lost by that.
#[derive(Default)]
struct Model {
    first: [BTreeMap<u64, (usize, u64)>; 4],
    /// When what is shown came last: first, or again on a line that had just delivered it, or as
    /// the first of a connection.
    shown: [u64; 4],
    /// The trades that each line has delivered, on whichever connection: it says none again.
    trades: [BTreeSet<u64>; LINES],
    /// What each line has delivered last on its connection.
    last: [[Option<u64>; 4]; LINES],
    wins: [u64; LINES],
    copies: [u64; LINES],
    repeats: [u64; LINES],
    old: [u64; LINES],
    most_behind: [u64; LINES],
}

impl Model {
    /// Whether this copy is the first.
    fn deliver(&mut self, channel: usize, n: u64, line: usize, now: u64) -> bool {
        if CHANNELS[channel] == "trades" && !self.trades[line].insert(n) {
            return false;
        }
        let is_last = self.first[channel].last_key_value().is_some_and(|(last, _)| *last == n);
        let before = self.last[line][channel].replace(n);
        if is_last && before.is_none_or(|before| before == n) {
            self.shown[channel] = now;
        }
        match self.first[channel].get(&n) {
            None => {
                self.first[channel].insert(n, (line, now));
                self.shown[channel] = now;
                self.wins[line] += 1;
                return true;
            }
            // A book without a number may be one that came back within the moment: it is not called
            // a repeat, but is not emitted either.
            Some((winner, _)) if *winner == line && CHANNELS[channel] == "bbo-tbt" && !is_last => {
                self.old[line] += 1;
            }
            Some((winner, _)) if *winner == line => self.repeats[line] += 1,
            Some((_, at)) => {
                self.copies[line] += 1;
                self.most_behind[line] = self.most_behind[line].max((now - at) / 1000);
            }
        }
        false
    }

    /// The counters are the model's too.
    fn agrees(&self, rig: &Rig) {
        for (line, stats) in rig.arbiter.stats().iter().enumerate() {
            let (wins, copies) = (self.wins[line], self.copies[line]);
            assert!(
                wins > 500 && copies > 500 && self.repeats[line] > 5,
                "the lines are all alike"
            );
            assert_eq!((stats.accepted, stats.duplicates), (wins, copies), "line {line}");
            assert_eq!(
                (stats.self_duplicates, stats.outdated),
                (self.repeats[line], self.old[line]),
                "line {line}"
            );
            // The histogram keeps two digits.
            let (most, seen) = (self.most_behind[line], stats.lag_us.max());
            assert!(seen >= most && seen <= most + most / 50, "{seen} {most}");
            assert_eq!(stats.lag_us.len(), copies);
        }
    }
}

/// The order book after each of its messages: 40 prices, of which one changes at a time; the first
/// message has them all.
fn deep_levels(n: u64) -> Vec<(u64, u64)> {
    let last_change = |place: u64| (0..=n).rev().find(|m| *m == 0 || place == m * 7 % 40).unwrap();
    (0..40).map(|place| (1000 + place, 1 + last_change(place))).collect()
}

fn message(channel: usize, n: u64, again: bool) -> String {
    match CHANNELS[channel] {
        "trades" => trade(n + 1),
        "books" if again => deep("snapshot", &deep_levels(n), -1, n + 1),
        "books" => deep("update", &[(1000 + n * 7 % 40, 1 + n)], n.cast_signed(), n + 1),
        name => book(name, n + 1, name == "books5"),
    }
}

#[test]
fn each_update_is_emitted_once_when_the_first_line_brings_it() {
    let mut random = fastrand::Rng::with_seed(6);
    let mut rig = Rig::new(LINES, &CHANNELS);
    let mut model = Model::default();
    let deep_reader = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let readers = CHANNELS.map(|channel| rig.arbiter.book_reader(&sub(channel)));
    let trades = rig.arbiter.trade_reader(&sub("trades")).unwrap();
    // What each line delivers next of each channel, and whether that is its first on a connection.
    let mut next = [[0; 4]; LINES];
    let mut again = [[true; 4]; LINES];
    let mut emitted_live = [false; 4];
    loop {
        let (line, channel) = (random.usize(..LINES), random.usize(..4));
        let n = next[line][channel];
        let slowest = next.iter().map(|of_line| of_line[channel]).min().unwrap();
        if n == MESSAGES || n > slowest + LAG {
            if slowest == MESSAGES && next.iter().flatten().all(|n| *n == MESSAGES) {
                break;
            }
            continue;
        }
        // Now and then a connection is lost, and on the next its last messages come again.
        if random.u32(..300) == 0 && next.iter().flatten().all(|n| *n > 2) {
            assert_eq!(rig.state(line, BookState::Connecting), [""; 0]);
            again[line] = [true; 4];
            model.last[line] = [None; 4];
            for n in &mut next[line] {
                *n -= 1;
            }
            for channel in 0..4 {
                one(&mut rig, &mut model, &mut next, &mut again, line, channel, &mut emitted_live);
            }
            continue;
        }
        rig.now += random.u64(1_000..400_000);
        one(&mut rig, &mut model, &mut next, &mut again, line, channel, &mut emitted_live);
        // A reader on another thread has what was emitted last.
        let (last, (winner, at)) = model.first[channel].last_key_value().unwrap();
        if CHANNELS[channel] == "trades" {
            let trade = trades.last().unwrap();
            assert_eq!((trade.trade_id, trade.ts_recv.0), (last + 1, *at));
            assert_eq!(trades.state(), BookState::Live);
        } else if CHANNELS[channel] == "books" {
            let levels = deep_levels(*last);
            let seen = deep_reader.live().unwrap();
            let want = levels.iter().take(seen.asks().len());
            assert!(seen.asks().len() == 25 && pairs(seen.asks().iter()).eq(want.copied()));
            let top = readers[channel].as_ref().unwrap().live().unwrap();
            assert!(pairs(top.asks().iter()).eq(levels.into_iter().take(5)));
        } else {
            let top = readers[channel].as_ref().unwrap().live().unwrap();
            let px = top.best_ask().unwrap().px();
            let shown = model.shown[channel];
            assert_eq!(
                (px.mantissa().cast_unsigned(), top.ts_recv.0),
                (last + 1, shown),
                "{winner}"
            );
        }
        let seq = (CHANNELS[channel] != "bbo-tbt").then_some(last.cast_signed() + 1);
        assert_eq!(rig.arbiter.last_seq(&sub(CHANNELS[channel])), seq);
    }
    model.agrees(&rig);
}

/// A line delivers its next message of a channel, and the sink is emitted what the model says.
fn one(
    rig: &mut Rig,
    model: &mut Model,
    next: &mut [[u64; 4]; LINES],
    again: &mut [[bool; 4]; LINES],
    line: usize,
    channel: usize,
    emitted_live: &mut [bool; 4],
) {
    let n = next[line][channel];
    let first = model.deliver(channel, n, line, rig.now);
    let text = message(channel, n, std::mem::take(&mut again[line][channel]));
    let emitted = rig.deliver(line, &text);
    let mut want = Vec::new();
    if !std::mem::replace(&mut emitted_live[channel], true) {
        want.push(format!("{} live", CHANNELS[channel]));
    }
    if first {
        want.push(format!("{} {}", CHANNELS[channel], n + 1));
    }
    assert_eq!(emitted, want, "line {line}");
    next[line][channel] += 1;
}

fn pairs<'l>(
    levels: impl Iterator<Item = &'l okx_feed::Level>,
) -> impl Iterator<Item = (u64, u64)> {
    let whole = |number: Decimal| number.mantissa().cast_unsigned();
    levels.map(move |level| (whole(level.px()), whole(level.sz())))
}

#[test]
fn a_line_that_lags_by_a_thousand_trades_is_known_to_bring_copies() {
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=1_000 {
        rig.deliver(0, &trade(n));
    }
    for n in 1..=1_000 {
        assert_eq!(rig.deliver(1, &trade(n)), [""; 0]);
    }
    let stats = rig.arbiter.stats();
    assert_eq!((stats[1].duplicates, stats[1].outdated), (1_000, 0));
}

#[test]
fn no_trade_is_emitted_twice_after_all_lines_were_lost_or_a_line_got_another_beside_it() {
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=2_000 {
        rig.deliver(0, &trade(n));
        rig.deliver(1, &trade(n));
    }
    rig.state(0, BookState::Connecting);
    rig.state(1, BookState::Connecting);
    rig.now += 1_000_000_000;
    assert_eq!(rig.deliver(0, &trade(2_000)), ["trades live"]);
    assert_eq!(rig.deliver(1, &trade(900)), [""; 0]);

    // Its ring holds the last 256 of them.
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=300 {
        let (text, nobody) = (trade(n), &mut |_: &Event<'_>| {});
        rig.lines[0].on_frame(Frame::Text(text.as_bytes()), UnixNanos(rig.now), nobody).unwrap();
    }
    rig.arbiter = Arbiter::adopt(&mut rig.lines[0], 0);
    rig.arbiter.open_line(1);
    for n in [45, 44, 40] {
        assert_eq!(rig.deliver(1, &trade(n)), [""; 0]);
    }
    assert_eq!(rig.deliver(1, &trade(301)), ["trades 301"]);
}

#[test]
fn no_trade_is_emitted_again_to_who_unsubscribes_and_subscribes_before_the_lines_have_heard() {
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=5 {
        rig.deliver(0, &trade(n));
    }
    // The other is a little behind.
    for n in 1..=2 {
        rig.deliver(1, &trade(n));
    }
    rig.arbiter.unsubscribe(&sub("trades"), UnixNanos(rig.now), &mut |_: &Event<'_>| {});
    rig.arbiter.subscribe(sub("trades"));
    for n in 3..=5 {
        assert_eq!(rig.deliver(1, &trade(n)), [""; 0]);
    }
    // Now they have: what is emitted is of the new subscription.
    rig.state(0, BookState::AwaitingSnapshot);
    assert_eq!(rig.deliver(0, &trade(6)), ["trades live", "trades 6"]);
}
