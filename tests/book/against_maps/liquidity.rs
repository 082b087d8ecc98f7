//! The queries of every kind of book, against integers of 128 bits.

use okx_feed::book::{BookRef, DepthAction, FaultPolicy, Sweep};
use okx_feed::publish::{DepthPublisher, DepthSnapshot};
use okx_feed::{Book5, BookState, Decimal, DepthBook, Level, Side};

use okx_feed_testkit::depth_oracle::{Oracle, Rng, level, message};

/// The decimals of the numbers here at most, and of a unit below.
const SCALE: u8 = 4;

fn units(number: Decimal) -> i128 {
    i128::from(number.mantissa()) * 10i128.pow(u32::from(SCALE - number.scale()))
}

/// `num / den` at so many decimals, half to even, by its mantissa. `den > 0`.
fn rounded(num: i128, den: i128, scale: u8) -> i128 {
    let num = num * 10i128.pow(scale.into());
    let (quotient, rest) = (num.div_euclid(den), num.rem_euclid(den));
    quotient + i128::from(2 * rest > den || (2 * rest == den && quotient % 2 != 0))
}

fn mantissa(number: Decimal) -> i128 {
    number.mantissa().into()
}

/// A side of levels of all sizes, each price once, best first.
fn side(rng: &mut Rng, most: u64, descending: bool) -> Vec<Level> {
    let number = |rng: &mut Rng| {
        let bits = 1 + rng.below(30);
        let mantissa = 1 + (rng.draw() >> (64 - bits)).cast_signed();
        Decimal::new(mantissa, u8::try_from(rng.below(u64::from(SCALE) + 1)).unwrap()).unwrap()
    };
    let mut levels: Vec<_> =
        (0..rng.below(most + 1)).map(|_| Level::new(number(rng), number(rng), 1)).collect();
    levels.sort_by_key(Level::px);
    levels.dedup_by_key(|level| level.px());
    if descending {
        levels.reverse();
    }
    levels
}

/// The same questions to any kind of book.
macro_rules! answers {
    ($book:expr, $scale:expr, $levels:expr, $sz:expr) => {
        Answers {
            best: ($book.best_ask().copied(), $book.best_bid().copied()),
            spread: $book.spread(),
            mid: $book.mid(),
            microprice: $book.microprice($scale),
            imbalance: $book.imbalance($levels),
            buy: $book.sweep(Side::Buy, $sz),
            sell: $book.sweep(Side::Sell, $sz),
        }
    };
}

#[derive(Debug, PartialEq)]
struct Answers {
    best: (Option<Level>, Option<Level>),
    spread: Option<Decimal>,
    mid: Option<Decimal>,
    microprice: Option<Decimal>,
    imbalance: Option<Decimal>,
    buy: Option<Sweep>,
    sell: Option<Sweep>,
}

/// Asserts that the answers are those of simple arithmetic over the sides.
fn assert_plain(
    got: &Answers,
    asks: &[Level],
    bids: &[Level],
    scale: u8,
    levels: usize,
    sz: Decimal,
) {
    assert_eq!(got.best, (asks.first().copied(), bids.first().copied()));
    let top = asks.first().zip(bids.first());
    let spread = top.map(|(ask, bid)| units(ask.px()) - units(bid.px()));
    assert_eq!(got.spread.map(units), spread);
    // In tenths of a unit, since the middle has one decimal more.
    let mid = top.map(|(ask, bid)| 5 * (units(ask.px()) + units(bid.px())));
    let tenths = |mid: Decimal| mantissa(mid) * 10i128.pow(u32::from(SCALE + 1 - mid.scale()));
    assert_eq!(got.mid.map(tenths), mid);
    let microprice = top.map(|(ask, bid)| {
        let weighted = units(ask.px()) * units(bid.sz()) + units(bid.px()) * units(ask.sz());
        let unit = 10i128.pow(SCALE.into());
        rounded(weighted, (units(ask.sz()) + units(bid.sz())) * unit, scale)
    });
    assert_eq!(got.microprice.map(mantissa), microprice);
    let sum = |side: &[Level]| side.iter().take(levels).map(|l| units(l.sz())).sum::<i128>();
    let (ask_sum, bid_sum) = (sum(asks), sum(bids));
    let imbalance =
        (ask_sum + bid_sum > 0).then(|| rounded(bid_sum - ask_sum, bid_sum + ask_sum, 9));
    assert_eq!(got.imbalance.map(mantissa), imbalance);
    for (sweep, side) in [(got.buy, asks), (got.sell, bids)] {
        assert_eq!(sweep.map(plain), swept(side, sz));
    }
}

fn plain(sweep: Sweep) -> (i128, i128, i128, bool) {
    (units(sweep.filled), units(sweep.worst_px), mantissa(sweep.avg_px), sweep.complete)
}

/// Filled, worst price, average price and whether it was enough, in units.
fn swept(side: &[Level], sz: Decimal) -> Option<(i128, i128, i128, bool)> {
    let (mut left, mut cost, mut worst) = (units(sz), 0, units(side.first()?.px()));
    for level in side.iter().filter(|_| units(sz) > 0) {
        if left > 0 {
            let take = left.min(units(level.sz()));
            (left, cost, worst) = (left - take, cost + take * units(level.px()), units(level.px()));
        }
    }
    let filled = units(sz) - left;
    let unit = 10i128.pow(SCALE.into());
    (filled > 0).then(|| (filled, worst, rounded(cost, filled * unit, 9), left == 0))
}

fn snapshot_of(view: &BookRef<'_>) -> DepthSnapshot {
    let mut publisher = DepthPublisher::new();
    publisher.publish_book(view, BookState::Live);
    publisher.reader().value()
}

#[test]
fn every_kind_of_book_matches_simple_arithmetic() {
    let mut rng = Rng(11);
    let mut seen = [0; 3];
    for _ in 0..20_000 {
        // Most books have fewer levels than are published, so that all kinds hold the same.
        let most = [5, 24, 40][usize::try_from(rng.below(3)).unwrap()];
        let (asks, bids) = (side(&mut rng, most, false), side(&mut rng, most, true));
        let (scale, levels) = (u8::try_from(rng.below(10)).unwrap(), rng.below(10));
        let levels = usize::try_from(levels).unwrap();
        let sz = rng.draw().cast_signed() >> (34 + rng.below(29));
        let sz = Decimal::new(sz, u8::try_from(rng.below(u64::from(SCALE) + 1)).unwrap()).unwrap();

        let five = Book5::new(&asks, &bids);
        let got = answers!(five, scale, levels, sz);
        assert_plain(&got, five.asks(), five.bids(), scale, levels, sz);

        let mut deep = DepthBook::with_capacity(64);
        assert!(deep.apply(&message(DepthAction::Snapshot, &asks, &bids)).applied);
        let view = deep.view();
        let of_view = answers!(view, scale, levels, sz);
        assert_plain(&of_view, &asks, &bids, scale, levels, sz);
        seen[0] += u32::from(of_view.buy.is_some_and(|sweep| !sweep.complete));

        let snapshot = snapshot_of(&view);
        let of_snapshot = answers!(snapshot, scale, levels, sz);
        assert_plain(&of_snapshot, snapshot.asks(), snapshot.bids(), scale, levels, sz);
        seen[1] += u32::from(asks.len() > DepthSnapshot::LEVELS);
        seen[2] += u32::from(of_snapshot.mid.is_some());
    }
    assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
}

/// A middle has at most one digit more than its prices. It is returned if it is representable.
#[test]
fn a_middle_is_returned_if_it_is_representable() {
    let max = i64::MAX.to_string();
    let one = |px: &str| [level(px, "1")];
    let mid =
        |ask: &str, bid: &str| Book5::new(&one(ask), &one(bid)).mid().map(|px| px.to_string());
    // The sum alone would not fit.
    assert_eq!(mid(&max, &max).as_deref(), Some(&*max));
    assert_eq!(
        mid("9223372036854775807", "9223372036854775805").as_deref(),
        Some("9223372036854775806")
    );
    assert_eq!(mid(&max, "-9223372036854775807").as_deref(), Some("0"));
    // A half of the last of so many digits has no place.
    assert_eq!(mid(&max, "9223372036854775806"), None);
    assert_eq!(mid("0.000000000000000001", "0"), None);
}

/// Changes below the published levels are not published. A snapshot's answers about more levels
/// than it has must still be true for the exchange's whole book.
#[test]
fn a_snapshot_answers_for_the_whole_book_or_not_at_all() {
    let (mut answered, mut declined) = (0, 0);
    for seed in 0..120 {
        let mut rng = Rng(seed);
        let capacity = [3, 8, 24, 25, 26, 40][usize::try_from(seed % 6).unwrap()];
        let mut book = DepthBook::with_capacity(capacity);
        book.set_fault_policy(FaultPolicy::ApplyAnyway);
        let mut whole = Oracle::new(usize::MAX);
        let mut publisher = DepthPublisher::new();
        let reader = publisher.reader();
        for n in 0..300 {
            let action = if n % 60 == 0 { DepthAction::Snapshot } else { DepthAction::Update };
            // A snapshot that fits, so that the limit comes later, unpublished.
            let most = if n % 60 == 0 { capacity as u64 + 1 } else { 4 };
            let mut draw = |from: u64| -> Vec<Level> {
                let level = |rng: &mut Rng| {
                    let sz = if n % 60 > 0 && rng.one_in(2) { 0 } else { 1 + rng.below(3) };
                    level(&(from + rng.below(40)).to_string(), &sz.to_string())
                };
                (0..rng.below(most)).map(|_| level(&mut rng)).collect()
            };
            let (asks, bids) = (draw(100), draw(50));
            let outcome = book.apply(&message(action, &asks, &bids));
            whole.apply(action, &asks, &bids);
            if outcome.first_changed.is_some_and(|at| at < DepthSnapshot::LEVELS) {
                publisher.publish_book(&book.view(), BookState::Live);
            }
            let snapshot = reader.snapshot();
            let (asks, bids) = (whole.asks(), whole.bids());
            for levels in [1, 4, 20, 25, 26, 100] {
                let Some(got) = snapshot.imbalance(levels) else {
                    declined += 1;
                    continue;
                };
                let sum =
                    |side: &[Level]| side.iter().take(levels).map(|l| units(l.sz())).sum::<i128>();
                let (asks, bids) = (sum(&asks), sum(&bids));
                assert_eq!(
                    mantissa(got),
                    rounded(bids - asks, bids + asks, 9),
                    "{seed} {n} {levels}"
                );
                answered += 1;
            }
        }
    }
    assert!(answered > 20_000 && declined > 20_000, "{answered} {declined}");
}
