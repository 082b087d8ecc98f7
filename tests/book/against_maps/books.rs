//! The interface of books: equality, changes at the top, and a market that moves in one direction.

use std::collections::BTreeMap;

use okx_feed::book::{BookSide, DepthAction, TopDiff};
use okx_feed::{Book5, Decimal, DepthBook, Level, UnixNanos};

use okx_feed_testkit::depth_oracle::{Oracle, Rng, book_of, level, message};

#[test]
fn books_that_differ_in_one_thing_are_not_equal() {
    let book = Book5::new(&[level("101", "1")], &[level("100", "1"), level("99", "1")]);
    let same = book;
    assert_eq!(book, same);
    let other_asks = Book5::new(&[level("102", "1")], book.bids());
    let other_text = Book5::new(&[level("101.0", "1")], book.bids());
    let other_bids = Book5::new(book.asks(), &[level("100", "1"), level("99", "2")]);
    let fewer_bids = Book5::new(book.asks(), &[level("100", "1")]);
    let mut later = book;
    later.ts_event = UnixNanos(1);
    let mut received = book;
    received.ts_recv = UnixNanos(1);
    let mut numbered = book;
    numbered.seq = 1;
    let others = [other_asks, other_text, other_bids, fewer_bids, later, received, numbered];
    for other in others {
        assert_ne!(other, book);
    }
}

#[test]
fn the_debug_output_of_a_book_names_its_content() {
    let book = Book5::new(&[level("101.5", "1")], &[level("102", "0")]);
    let text = format!("{book:?}");
    for part in ["101.5", "102", "CROSSED", "EMPTY_LEVEL"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("UNSORTED"), "{text}");
    let deep = book_of(4, &[level("103.5", "1"), level("104", "1")], &[level("90", "1")]);
    let view = deep.view();
    let text = format!("{view:?}");
    assert!(text.contains("103.5") && text.contains("asks: 2"), "{text}");
    assert_eq!(view.best_ask().unwrap().px(), "103.5".parse().unwrap());
    assert_eq!(view.best_bid().unwrap().px(), Decimal::from(90));
    let empty = DepthBook::with_capacity(4);
    assert_eq!((empty.view().best_ask(), empty.view().best_bid()), (None, None));
}

/// The best of a side by price; bids with their sign changed, so that the best comes first.
fn top<const K: usize>(side: BookSide, levels: &[Level]) -> BTreeMap<Decimal, Level> {
    let key = |level: &Level| match side {
        BookSide::Ask => level.px(),
        BookSide::Bid => Decimal::ZERO.checked_sub(level.px()).unwrap(),
    };
    levels.iter().take(K).map(|level| (key(level), *level)).collect()
}

/// The levels before and after, price by price.
#[test]
fn a_top_diff_reports_every_change_of_the_top_and_nothing_else() {
    const K: usize = 4;
    let mut rng = Rng(5);
    let mut watch = TopDiff::<K>::new();
    let mut was = [BTreeMap::new(), BTreeMap::new()];
    let mut changed = 0;
    for _ in 0..3_000 {
        let mut draw = |bid: bool| -> Vec<Level> {
            let mut side: Vec<_> = (0..rng.below(7))
                .map(|_| {
                    let px = 10 + rng.below(8);
                    let px = if rng.one_in(3) { format!("{px}.0") } else { px.to_string() };
                    level(&px, &(1 + rng.below(2)).to_string())
                })
                .collect();
            side.sort_by_key(Level::px);
            side.dedup_by_key(|level| level.px());
            if bid {
                side.reverse();
            }
            side
        };
        let (asks, bids) = (draw(false), draw(true));
        let book = book_of(8, &asks, &bids);
        let mut reported = Vec::new();
        let count = watch.changes(&book.view(), |c| reported.push((c.side, c.before, c.after)));
        let mut want = Vec::new();
        let sides = [(BookSide::Ask, &asks), (BookSide::Bid, &bids)];
        for (before, (side, levels)) in was.iter_mut().zip(sides) {
            let now = top::<K>(side, levels);
            let before = std::mem::replace(before, now.clone());
            let mut prices: Vec<_> = before.keys().chain(now.keys()).copied().collect();
            prices.sort();
            prices.dedup();
            for px in prices {
                let pair = (before.get(&px).copied(), now.get(&px).copied());
                if pair.0 != pair.1 {
                    want.push((side, pair.0, pair.1));
                }
            }
        }
        assert_eq!(reported, want);
        assert_eq!(count, want.len());
        changed += count;
    }
    assert!(changed > 10_000);
}

/// Prices that run one way for long, then the other: each message removes the level at one end and
/// adds one at the other, so that the levels move through all of their memory.
#[test]
fn a_market_that_moves_one_way_keeps_all_its_levels() {
    for capacity in [1, 2, 7, 30] {
        let size = i64::try_from(capacity).unwrap();
        let levels = |from: i64| -> Vec<Level> {
            (from..from + size).map(|px| level(&px.to_string(), "1")).collect()
        };
        let reversed = |from| levels(from).into_iter().rev().collect::<Vec<_>>();
        let mut oracle = Oracle::new(capacity);
        let mut book = book_of(capacity, &levels(10_000), &reversed(5_000));
        oracle.apply(DepthAction::Snapshot, &levels(10_000), &reversed(5_000));
        let mut from = [10_000, 5_000];
        for step in (0..500).map(|n: i64| if n / 100 % 2 == 0 { 1 } else { -1 }) {
            let sides = from.map(|from| {
                let (gone, come) =
                    if step > 0 { (from, from + size) } else { (from + size - 1, from - 1) };
                [level(&gone.to_string(), "0"), level(&come.to_string(), "2")]
            });
            from = from.map(|from| from + step);
            let [asks, bids] = &sides;
            assert!(book.apply(&message(DepthAction::Update, asks, bids)).applied);
            oracle.apply(DepthAction::Update, asks, bids);
            oracle.assert_same(&book.view(), &format!("{capacity} {from:?}"));
            assert_eq!(book.view().asks().len(), capacity);
        }
    }
}
