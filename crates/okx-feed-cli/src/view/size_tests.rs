//! No number on the screen is cut: in every window, each word with a digit in it is one of the
//! expected words, whole. The expected words are written here, not formatted by the tested code.

use std::collections::HashSet;
use std::time::Duration;

use hdrhistogram::Histogram;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::draw::{Header, draw};
use super::layout::{MIN_HEIGHT, MIN_WIDTH};
use super::picture::{Content, Counters, Pane, Picture, Tape};
use super::theme::Theme;
use crate::ladder::Ladder;
use okx_feed::{BookState, Dialect, Level, Side, Trade, UnixNanos};

const WIDTHS: std::ops::RangeInclusive<u16> = 20..=250;
const HEIGHTS: std::ops::RangeInclusive<u16> = 6..=70;

const URL: &str = "wss://real.example.com:8443/ws/v3";
const NOTICES: [&str; 2] = [
    "no connection to ws://127.0.0.1:18443/ws/v5/public after 16 attempts: refused",
    "books5:NO-SUCH-251226 is refused: 60018 wrong URL or channel",
];

/// 2026-11-30T01:02:03.004Z in milliseconds.
const TIME_MS: u64 = 1_796_000_523_004;

/// The same moment as the time of day, so many milliseconds later, in the test's own arithmetic.
fn time_text(later: u64) -> String {
    let of_day = (TIME_MS + later) % 86_400_000;
    let (secs, ms) = (of_day / 1_000, of_day % 1_000);
    format!("{:02}:{:02}:{:02}.{ms:03}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// A picture and every word with a digit that it may show.
struct Expected {
    picture: Picture,
    words: HashSet<String>,
    names: Vec<String>,
    dialect: Dialect,
}

impl Expected {
    fn new(dialect: Dialect) -> Self {
        let mut words: HashSet<String> = ["p50", "p99", "p99.9"].map(String::from).into();
        words.insert(dialect.to_string());
        // The further channels that a window has no room for.
        words.extend((13_579..13_590).map(|n| format!("13,{}", n % 1_000)));
        Self { picture: picture(), words, names: Vec::new(), dialect }
    }

    /// Notes the words that may be shown.
    fn expect<'t>(&mut self, words: impl IntoIterator<Item = &'t str>) {
        self.words.extend(words.into_iter().map(str::to_owned));
    }

    fn name(&mut self, name: &str) -> String {
        self.names.push(name.to_owned());
        name.to_owned()
    }

    /// A level whose texts are noted.
    fn level(&mut self, px: &str, sz: &str, orders: u32) -> Level {
        self.expect([px, sz, &orders.to_string()]);
        Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders)
    }

    fn book(&mut self, name: &str, state: BookState, sides: [Vec<Level>; 2]) {
        self.expect([time_text(7).as_str()]);
        let name = self.name(name);
        let [asks, bids] = sides;
        let ts_event = UnixNanos((TIME_MS + 7) * 1_000_000);
        let ladder = Ladder { state, ts_event, version: 8_765_432, asks, bids };
        self.expect(["8,765,432"]);
        let content = Content::Book(ladder);
        self.put(Pane { name, content });
    }

    /// A tape of trades `px`, `sz`, the newest first.
    fn tape(&mut self, name: &str, state: BookState, trades: &[(String, String)]) {
        let name = self.name(name);
        let mut shown = Vec::new();
        for (at, (px, sz)) in trades.iter().enumerate() {
            self.expect([px.as_str(), sz, &time_text(at as u64)]);
            let side = if at % 3 == 0 { Side::Sell } else { Side::Buy };
            let mut trade = Trade::new(side, px.parse().unwrap(), sz.parse().unwrap());
            trade.ts_event = UnixNanos((TIME_MS + at as u64) * 1_000_000);
            shown.push(trade);
        }
        self.expect(["98,765,432,109"]);
        let tape = Tape { state, count: 98_765_432_109, trades: shown };
        self.put(Pane { name, content: Content::Trades(tape) });
    }

    fn put(&mut self, pane: Pane) {
        let panels = &mut self.picture.panels;
        if panels.len() < 2 { panels.push(pane) } else { self.picture.others.push(pane) }
    }

    fn draw(&self, width: u16, height: u16) -> Buffer {
        let header = Header {
            command: "watch",
            dialect: self.dialect,
            url: URL,
            duration: Some(Duration::from_secs(3_600)),
            depth: None,
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let notices = NOTICES.map(String::from);
        let theme = Theme { colored: false };
        let (paused, notices) = match height % 3 {
            0 => (true, &notices[..]),
            1 => (false, &notices[..1]),
            _ => (false, &notices[..0]),
        };
        terminal
            .draw(|frame| {
                let area = frame.area();
                draw(frame.buffer_mut(), area, theme, &self.picture, &header, paused, notices);
            })
            .unwrap();
        let backend = terminal.backend_mut();
        std::mem::replace(backend, TestBackend::new(0, 0)).buffer().clone()
    }

    /// Every word with a digit in a window of this size is an expected one.
    fn check(&self, width: u16, height: u16) {
        let buf = self.draw(width, height);
        let mut row = String::new();
        for cells in buf.content.chunks(width.into()) {
            row.clear();
            row.extend(cells.iter().map(|cell| cell.symbol()));
            for word in words(&row).filter(|word| word.contains(|c: char| c.is_ascii_digit())) {
                assert!(
                    self.is_expected(word),
                    "{word:?} at {width}x{height}:\n{}",
                    rows(&buf).join("\n")
                );
            }
        }
    }

    /// Names alone may lack their middle.
    fn is_expected(&self, word: &str) -> bool {
        let whole = || {
            let texts = NOTICES.iter().flat_map(|text| text.split_whitespace());
            texts.chain([URL]).chain(self.names.iter().map(String::as_str))
        };
        match word.split_once('…') {
            Some((head, tail)) => {
                whole().any(|name| name.starts_with(head) && name.ends_with(tail))
                    && word.contains(char::is_alphabetic)
            }
            None => self.words.contains(word) || whole().any(|name| name == word),
        }
    }
}

/// A picture with counters and charts, and nothing in its panels.
fn picture() -> Picture {
    let mut latency = Histogram::new_with_bounds(1, 10_000_000_000, 3).unwrap();
    for _ in 0..64_213 {
        latency.record(987).unwrap();
    }
    for _ in 0..1_234 {
        latency.record(48_704).unwrap();
    }
    latency.record(7_250_000).unwrap();
    Picture {
        elapsed: Duration::from_millis(2_345_600),
        panels: Vec::new(),
        others: Vec::new(),
        more: 13_579,
        instrument: (17, 5_003),
        counters: Counters {
            frames: 1_234_567_890,
            frames_per_sec: 456_789,
            bytes: 74_100_000_000,
            errors: 31_337,
            losses: 2_718,
            connections: (29, 101),
            latency,
        },
        mids: Vec::new(),
    }
}

/// The words of the counters: of a histogram with the times above, and of the numbers beside it.
const COUNTED: [&str; 27] = [
    "2345.6",
    "3600",
    "29",
    "101",
    "17",
    "5003",
    "1,234,567,890",
    "456,789",
    "74.1",
    "31,337",
    "2,718",
    "987",
    "48.7",
    "7.25",
    "1",
    "2",
    "5",
    "10",
    "20",
    "50",
    "100",
    "200",
    "500",
    "64,213",
    "1,234",
    "0",
    "16",
];

fn rows(buf: &Buffer) -> Vec<String> {
    let Rect { width, height, .. } = buf.area;
    (0..height).map(|y| (0..width).map(|x| buf[(x, y)].symbol()).collect()).collect()
}

/// The words of a row, without the lines and bars between them.
fn words(row: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || ('\u{2500}'..='\u{259f}').contains(&c);
    row.split(between).filter(|word| !word.is_empty())
}

/// Long and tiny numbers, full books and many trades of one dialect.
fn long_numbers(dialect: Dialect) -> Expected {
    let mut expected = Expected::new(dialect);
    expected.expect(COUNTED);
    let live = BookState::Live;
    let (first, second, family) = match dialect {
        Dialect::V3 => ("futures/depth5:BTC-USD-190517", "futures/trade:BTC-USD-190517", "option/"),
        Dialect::V5 => ("books5:BTC-USDT", "trades:BTC-USDT", ""),
    };
    let levels = if dialect == Dialect::V3 { 5 } else { 25 };
    let side = |expected: &mut Expected, of: fn(u32) -> String| -> Vec<Level> {
        (0..levels)
            .map(|n| expected.level(&of(n), &format!("0.0{:07}", 22_104 + 7_919 * n), 70_311 + n))
            .collect()
    };
    let asks = side(&mut expected, |n| format!("84{:03}.8", 91 + 3 * n));
    let bids = side(&mut expected, |n| format!("84{:03}.{}", 90 - 3 * n, n % 10));
    // The middle and the spread of 84091.8 and 84090.0.
    expected.expect(["84090.9", "1.8"]);
    expected.book(first, live, [asks, bids]);
    let trades: Vec<_> = (0..80)
        .map(|n| (format!("84{:03}.{}", 100 + n, n % 10), format!("0.00{:06}", 22_104 + 1_301 * n)))
        .collect();
    expected.tape(second, live, &trades);
    for (at, state) in [live, BookState::Stale, BookState::Connecting, BookState::Resyncing]
        .into_iter()
        .enumerate()
    {
        let name = format!("{family}books:BTC-USD-26122{at}-118000-C");
        let ask = expected.level("0.000000000123", "123456789012345", 4_294_967_295);
        let bid = expected.level("0.0000000001229", "9007199254740.993", 77);
        expected.book(&name, state, [vec![ask], vec![bid]]);
        let trade = ("0.000000000124".to_owned(), "0.00022104".to_owned());
        expected.tape(&format!("{family}trades:BTC-USD-26122{at}-118000-P"), state, &[trade]);
    }
    for px in ["84090.4", "84091.25", "84093.75"] {
        expected.picture.mids.extend([Some(px.parse().unwrap()), None]);
    }
    expected.expect(["84090.4", "84093.75"]);
    expected
}

/// Tiny prices and huge sizes in the panels themselves.
fn tiny_numbers() -> Expected {
    let mut expected = Expected::new(Dialect::V5);
    expected.expect(COUNTED);
    let asks = [("0.000000000123", "123456789012345"), ("0.000000000124", "9007199254740.993")];
    let bids = [("0.0000000001229", "0.00022104"), ("0.000000000122", "84090.8")];
    let [asks, bids] =
        [asks, bids].map(|side| side.map(|(px, sz)| expected.level(px, sz, 98_765)).to_vec());
    expected.expect(["0.00000000012295", "0.0000000000001"]);
    expected.book(
        "books-l2-tbt:PEPE2-EVENT-CONTRACT-2026-12-31-YES",
        BookState::Stale,
        [asks, bids],
    );
    let trade = ("0.000000000123".to_owned(), "123456789012345".to_owned());
    expected.tape(
        "trades-all:PEPE2-EVENT-CONTRACT-2026-12-31-YES",
        BookState::AwaitingSnapshot,
        &[trade],
    );
    expected.picture.mids = vec![Some("0.00000000012295".parse().unwrap()); 400];
    expected
}

/// Checks every width, and heights in such steps, on all cores.
fn check_sizes(expected: &Expected, step: usize) {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for width in WIDTHS.skip(thread).step_by(threads) {
                    HEIGHTS.step_by(step).for_each(|height| expected.check(width, height));
                }
            });
        }
    });
}

#[test]
fn every_number_of_v5_is_whole_in_every_window() {
    check_sizes(&long_numbers(Dialect::V5), 1);
}

#[test]
fn every_number_of_v3_is_whole_in_every_window() {
    check_sizes(&long_numbers(Dialect::V3), 1);
}

#[test]
fn tiny_and_huge_numbers_are_whole_in_every_window() {
    check_sizes(&tiny_numbers(), 3);
}

/// A price or size that was cut is no other expected word, or the check would not see it. The
/// shortest ends, as `1` or `1.8`, are left out.
#[test]
fn no_part_of_a_price_or_size_is_another_number() {
    let expected = long_numbers(Dialect::V5);
    let long =
        |word: &&String| word.len() > 5 && word.starts_with(['0', '8']) && word.contains('.');
    let long = |word: &&String| long(word) && !word.contains(':');
    let mut checked = 0;
    for word in expected.words.iter().filter(long) {
        for at in 2..word.len() {
            let (head, tail) = word.split_at(at);
            assert!(!expected.is_expected(tail) || tail.len() < 4, "{tail} of {word}");
            let head_is_number = expected.words.contains(head) && head.len() > 4;
            assert!(!head_is_number || head.contains("0.000000000"), "{head} of {word}");
            checked += 1;
        }
    }
    assert!(checked > 1_000);
}

#[test]
fn a_window_that_is_too_small_says_so() {
    let expected = long_numbers(Dialect::V5);
    for (width, height) in [(MIN_WIDTH - 1, 20), (80, MIN_HEIGHT - 1), (20, 6)] {
        let words = rows(&expected.draw(width, height)).join(" ");
        let words: Vec<_> = words.split_whitespace().collect();
        assert_eq!(words.join(" "), "this window is too small", "{width}x{height}");
    }
    for (width, height) in [(0, 0), (1, 1), (3, 50), (300, 1)] {
        expected.draw(width, height);
    }
    assert!(rows(&tiny_numbers().draw(MIN_WIDTH, 20)).join(" ").contains("0.0000000001229"));
    let narrow = rows(&expected.draw(MIN_WIDTH, MIN_HEIGHT)).join(" ");
    assert!(narrow.contains("84091.8") && narrow.contains("84090.0"), "{narrow}");
}

/// How many levels a side of the ladder a window shows.
fn levels(expected: &Expected, width: u16, height: u16) -> usize {
    let shown = rows(&expected.draw(width, height)).join(" ");
    let Content::Book(ladder) = &expected.picture.panels[0].content else { return 0 };
    let on_screen = |level: &&Level| shown.contains(&format!(" {} ", level.px()));
    let [asks, bids] =
        [&ladder.asks, &ladder.bids].map(|side| side.iter().filter(on_screen).count());
    assert_eq!(asks, bids, "{width}x{height}");
    asks
}

#[test]
fn larger_windows_show_more() {
    let expected = long_numbers(Dialect::V5);
    assert!(levels(&expected, 80, 24) >= 5);
    assert!(levels(&expected, 120, 50) > 7);
    assert_eq!(levels(&expected, 200, 70), 25);
    assert!(levels(&expected, 200, 60) >= 20);
    let shows =
        |width, height, text: &str| rows(&expected.draw(width, height)).join("\n").contains(text);
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        for text in ["0.00022104", "p99", "1,234,567,890", "q quit", "29 of 101 connections"] {
            assert!(shows(width, height, text), "{text} at {width}x{height}");
        }
    }
    assert!(!shows(80, 24, "mid price") && !shows(80, 24, "frames by latency"));
    for (width, height) in [(120, 40), (200, 60)] {
        for text in
            ["mid price", "high 84093.75", "frames by latency", "64,213", "p99.9", "further"]
        {
            assert!(shows(width, height, text), "{text} at {width}x{height}");
        }
    }
}

#[test]
fn a_book_that_is_not_live_is_dimmed_and_shows_its_state() {
    for (state, dimmed) in [
        (BookState::Live, false),
        (BookState::Stale, true),
        (BookState::Connecting, true),
        (BookState::Resyncing, true),
    ] {
        for (width, height) in [(30, 12), (80, 24), (200, 60)] {
            let mut expected = long_numbers(Dialect::V5);
            for pane in &mut expected.picture.panels {
                match &mut pane.content {
                    Content::Book(ladder) => ladder.state = state,
                    Content::Trades(tape) => tape.state = state,
                    Content::Record(record) => record.state = state,
                }
            }
            let buf = expected.draw(width, height);
            let shown = rows(&buf);
            let (y, row) =
                shown.iter().enumerate().find(|(_, row)| row.contains("84091.8")).unwrap();
            let x = row.split("84091.8").next().unwrap().chars().count();
            let cell = &buf[(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())];
            assert_eq!(cell.modifier.contains(Modifier::DIM), dimmed, "{state} {width}x{height}");
            let title = shown.iter().find(|row| row.contains(state.name()));
            assert!(title.is_some(), "{state} {width}x{height}:\n{}", shown.join("\n"));
        }
    }
}

#[test]
fn nothing_measured_is_no_number() {
    let mut expected = long_numbers(Dialect::V5);
    expected.picture.counters.latency.reset();
    let shown = rows(&expected.draw(120, 40)).join("\n");
    assert!(!shown.contains("0 ns") && !shown.contains("987"), "{shown}");
}
