//! The flags of a book, against prices in 128 bits.

use okx_feed::book::BookFlags;
use okx_feed::{Decimal, Level};

use okx_feed_testkit::depth_oracle::Rng;

/// A price of at most so many bits and decimals.
fn price(rng: &mut Rng, bits: u64, scales: u64) -> Decimal {
    let mantissa = rng.draw() >> (64 - bits);
    Decimal::new(mantissa.cast_signed(), u8::try_from(rng.below(scales)).unwrap()).unwrap()
}

/// A price in the finest unit.
fn wide(level: &Level) -> i128 {
    i128::from(level.px().mantissa()) * 10i128.pow(18 - u32::from(level.px().scale()))
}

/// Prices of every length, equal ones too: the fast comparison of common digits must detect when
/// they do not fit.
#[test]
fn flags_are_those_of_the_exact_prices() {
    let mut rng = Rng(4);
    let mut seen = [[0; 2]; 3];
    for _ in 0..60_000 {
        let (bits, scales) = (1 + rng.below(63), 1 + rng.below(19));
        let mut pool: Vec<_> = (0..6).map(|_| price(&mut rng, bits, scales)).collect();
        // The same price with a zero more, where it has room.
        let twin = pool.first().and_then(|px| px.rescale(px.scale() + 1).ok());
        pool.extend(twin);
        let side = |rng: &mut Rng| -> Vec<Level> {
            let px = |rng: &mut Rng| {
                let at = usize::try_from(rng.below(pool.len() as u64)).unwrap();
                pool.get(at).copied().unwrap()
            };
            let no_size = rng.one_in(8);
            let level = |rng: &mut Rng| {
                let sz = if no_size && rng.one_in(2) { 0 } else { 1 };
                Level::new(px(rng), Decimal::from(sz), 1)
            };
            (0..rng.below(6)).map(|_| level(rng)).collect::<Vec<_>>()
        };
        let (mut asks, mut bids) = (side(&mut rng), side(&mut rng));
        if !rng.one_in(4) {
            asks.sort_by_key(wide);
            bids.sort_by_key(|level| -wide(level));
        }
        if !rng.one_in(4) {
            asks.dedup_by_key(|level| wide(level));
            bids.dedup_by_key(|level| wide(level));
        }
        let crossed = asks.first().zip(bids.first()).is_some_and(|(a, b)| wide(b) >= wide(a));
        let sorted = asks.windows(2).all(|pair| wide(&pair[0]) < wide(&pair[1]))
            && bids.windows(2).all(|pair| wide(&pair[0]) > wide(&pair[1]));
        let no_size = asks.iter().chain(&bids).any(|level| level.sz() == Decimal::ZERO);
        let flags = BookFlags::of(&asks, &bids);
        let want = [crossed, !sorted, no_size];
        let all = [BookFlags::CROSSED, BookFlags::UNSORTED, BookFlags::EMPTY_LEVEL];
        assert_eq!(all.map(|flag| flags.contains(flag)), want, "{asks:?} {bids:?}");
        assert_eq!(flags.is_empty(), want == [false; 3]);
        for (count, is_set) in seen.iter_mut().zip(want) {
            count[usize::from(is_set)] += 1;
        }
    }
    assert!(seen.iter().flatten().all(|count| *count > 1_000), "{seen:?}");
}
