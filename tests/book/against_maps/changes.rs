//! The changes between two books transform one into the other, and their number is minimal.
#![expect(clippy::indexing_slicing, reason = "a test fails by it")]

use std::collections::BTreeMap;

use okx_feed::book::{BookSide, LevelChange};
use okx_feed::publish::{DepthPublisher, DepthSnapshot};
use okx_feed::{Book5, BookState, Decimal, Level};

use okx_feed_testkit::depth_oracle::{Rng, book_of, level};

/// Few prices, sizes and texts, so that two draws have much in common.
fn draw(rng: &mut Rng, most: u64, side: BookSide) -> Vec<Level> {
    let one = |rng: &mut Rng| {
        let px = 10 + rng.below(2 * most);
        let px = if rng.one_in(3) { format!("{px}.0") } else { px.to_string() };
        level(&px, &(1 + rng.below(2)).to_string())
    };
    let mut levels: Vec<_> = (0..rng.below(most + 1)).map(|_| one(rng)).collect();
    levels.sort_by_key(Level::px);
    levels.dedup_by_key(|level| level.px());
    if side == BookSide::Bid {
        levels.reverse();
    }
    levels
}

fn sides(rng: &mut Rng, most: u64) -> [Vec<Level>; 2] {
    [draw(rng, most, BookSide::Ask), draw(rng, most, BookSide::Bid)]
}

/// Applies changes, price by price: removes the level before, inserts the level after.
fn apply(sides: [&[Level]; 2], changes: &[LevelChange]) -> [Vec<Level>; 2] {
    let mut maps = sides.map(|side| -> BTreeMap<Decimal, Level> {
        side.iter().map(|level| (level.px(), *level)).collect()
    });
    for change in changes {
        let map = &mut maps[usize::from(change.side == BookSide::Bid)];
        if let Some(before) = change.before {
            assert_eq!(map.remove(&before.px()), Some(before));
        }
        if let Some(after) = change.after {
            assert_eq!(map.insert(after.px(), after), None);
        }
    }
    let [asks, bids] = maps;
    [asks.into_values().collect(), bids.into_values().rev().collect()]
}

/// The prices of either list at which the two differ.
fn differing(old: &[Level], new: &[Level]) -> usize {
    let has = |side: &[Level], level: &Level| side.contains(level);
    let gone = old.iter().filter(|level| !has(new, level));
    let came = new.iter().filter(|level| !has(old, level));
    let mut prices: Vec<_> = gone.chain(came).map(Level::px).collect();
    prices.sort();
    prices.dedup();
    prices.len()
}

#[test]
fn changes_transform_the_old_five_levels_into_the_new() {
    let mut rng = Rng(21);
    let mut changed = 0;
    for _ in 0..20_000 {
        let [old, new] = [(); 2].map(|()| {
            let [asks, bids] = sides(&mut rng, 6);
            Book5::new(&asks, &bids)
        });
        let mut changes = Vec::new();
        assert_eq!(new.changes_since(&old, |change| changes.push(change)), changes.len());
        let [asks, bids] = apply([old.asks(), old.bids()], &changes);
        assert_eq!((&*asks, &*bids), (new.asks(), new.bids()));
        let needed = differing(old.asks(), new.asks()) + differing(old.bids(), new.bids());
        assert_eq!(changes.len(), needed);
        // Asks first, each side from its best price on.
        let keys = changes.iter().map(|change| {
            let px = change.before.or(change.after).map(|level| level.px()).unwrap();
            match change.side {
                BookSide::Ask => (BookSide::Ask, px),
                BookSide::Bid => (BookSide::Bid, Decimal::ZERO.checked_sub(px).unwrap()),
            }
        });
        assert!(keys.is_sorted());
        changed += changes.len();
        assert_eq!(new.changes_since(&new, |_| panic!("nothing changed")), 0);
    }
    assert!(changed > 50_000, "{changed}");
}

#[test]
fn changes_transform_an_old_snapshot_into_the_new() {
    let mut rng = Rng(22);
    let mut publisher = DepthPublisher::new();
    let reader = publisher.reader();
    let mut old: DepthSnapshot = reader.value();
    for _ in 0..3_000 {
        let [asks, bids] = sides(&mut rng, 40);
        publisher.publish_book(&book_of(64, &asks, &bids).view(), BookState::Live);
        let new = reader.value();
        let mut changes = Vec::new();
        assert_eq!(new.changes_since(&old, |change| changes.push(change)), changes.len());
        let [asks, bids] = apply([old.asks(), old.bids()], &changes);
        assert_eq!((&*asks, &*bids), (new.asks(), new.bids()));
        // A state is no level.
        publisher.publish_state(BookState::Stale);
        assert_eq!(reader.snapshot().changes_since(&new, |_| panic!("nothing changed")), 0);
        old = new;
    }
}

/// A book may have been made of levels in any order, prices twice among them.
#[test]
fn changes_transform_any_levels_into_any_others() {
    let mut rng = Rng(23);
    for _ in 0..20_000 {
        let [old, new] = [(); 2].map(|()| {
            let mut side = || -> Vec<Level> {
                let px = |rng: &mut Rng| level(&rng.below(4).to_string(), "1");
                (0..rng.below(6)).map(|_| px(&mut rng)).collect()
            };
            Book5::new(&side(), &side())
        });
        let mut sides = [old.asks().to_vec(), old.bids().to_vec()];
        new.changes_since(&old, |change| {
            let levels = &mut sides[usize::from(change.side == BookSide::Bid)];
            if let Some(before) = change.before {
                let at = levels.iter().position(|level| *level == before);
                levels.remove(at.unwrap());
            }
            levels.extend(change.after);
        });
        let sorted = |mut levels: Vec<Level>| {
            levels.sort_by_key(Level::px);
            levels
        };
        let want = [new.asks().to_vec(), new.bids().to_vec()];
        assert_eq!(sides.map(sorted), want.map(sorted));
    }
}
