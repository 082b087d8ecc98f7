//! A slow and simple order book, to compare the fast one with.

use std::collections::BTreeMap;

use okx_feed::book::{BookRef, BookSide, DepthAction};
use okx_feed::{Channel, Decimal, DepthBook, DepthUpdate, Level, Price, Topic, UnixNanos};

/// One side: levels by price, and the price from which it is cut.
#[derive(Clone, Debug, Default)]
pub struct OracleSide {
    pub levels: BTreeMap<Decimal, Level>,
    pub limit: Option<Price>,
}

/// A book of two maps that keeps at most `capacity` levels a side.
#[derive(Clone, Debug)]
pub struct Oracle {
    pub capacity: usize,
    pub asks: OracleSide,
    pub bids: OracleSide,
    pub missing: u32,
    pub out_of_capacity: u32,
}

impl Oracle {
    pub fn new(capacity: usize) -> Self {
        let (asks, bids) = Default::default();
        Self { capacity, asks, bids, missing: 0, out_of_capacity: 0 }
    }

    /// Applies a message that is known to be good.
    pub fn apply(&mut self, action: DepthAction, asks: &[Level], bids: &[Level]) {
        (self.missing, self.out_of_capacity) = (0, 0);
        if action == DepthAction::Snapshot {
            (self.asks, self.bids) = Default::default();
        }
        for level in asks {
            self.set(BookSide::Ask, *level);
        }
        for level in bids {
            self.set(BookSide::Bid, *level);
        }
    }

    fn set(&mut self, which: BookSide, level: Level) {
        let side = if which == BookSide::Ask { &mut self.asks } else { &mut self.bids };
        let out_of_capacity = side.limit.is_some_and(|limit| match which {
            BookSide::Ask => level.px() >= limit,
            BookSide::Bid => level.px() <= limit,
        });
        if out_of_capacity {
            self.out_of_capacity += 1;
            return;
        }
        // Removed first: a map keeps the old key, whose text may differ.
        let old = side.levels.remove(&level.px());
        if level.sz().is_zero() {
            self.missing += u32::from(old.is_none());
            return;
        }
        side.levels.insert(level.px(), level);
        if side.levels.len() > self.capacity {
            let worst = match which {
                BookSide::Ask => side.levels.pop_last(),
                BookSide::Bid => side.levels.pop_first(),
            };
            side.limit = worst.map(|(px, _)| px);
            self.out_of_capacity += 1;
        }
    }

    pub fn asks(&self) -> Vec<Level> {
        self.asks.levels.values().copied().collect()
    }

    pub fn bids(&self) -> Vec<Level> {
        self.bids.levels.values().rev().copied().collect()
    }

    /// The checksum as the protocol defines it: joined texts.
    pub fn checksum(&self) -> i32 {
        let mut asks = self.asks.levels.values();
        let mut bids = self.bids.levels.values().rev();
        let mut texts = Vec::new();
        for _ in 0..25 {
            for level in [bids.next(), asks.next()].into_iter().flatten() {
                texts.push(level.px().to_string());
                texts.push(level.sz().to_string());
            }
        }
        crc32_bitwise(texts.join(":").as_bytes()).cast_signed()
    }

    /// Panics unless the book has these levels, limits included, and is well formed.
    pub fn assert_same(&self, view: &BookRef<'_>, context: &str) {
        assert_eq!(view.asks(), self.asks(), "asks, {context}");
        assert_eq!(view.bids(), self.bids(), "bids, {context}");
        assert_eq!(view.ask_limit(), self.asks.limit, "ask limit, {context}");
        assert_eq!(view.bid_limit(), self.bids.limit, "bid limit, {context}");
        assert!(view.asks().is_sorted_by(|a, b| a.px() < b.px()), "asks sorted, {context}");
        assert!(view.bids().is_sorted_by(|a, b| a.px() > b.px()), "bids sorted, {context}");
        let both = || view.asks().iter().chain(view.bids());
        assert!(both().all(|level| level.sz() > Decimal::ZERO), "a size of zero, {context}");
        assert!(view.asks().len() <= self.capacity && view.bids().len() <= self.capacity);
    }
}

/// CRC-32 (IEEE) bit by bit, from the polynomial.
fn crc32_bitwise(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// A channel of the instrument of all messages here.
pub const fn topic(channel: Channel) -> Topic<'static> {
    Topic::v5(channel, "BTC-USDT")
}

/// A message with only levels; tests set the other members.
pub fn message<'f>(action: DepthAction, asks: &'f [Level], bids: &'f [Level]) -> DepthUpdate<'f> {
    DepthUpdate {
        topic: topic(Channel::Books),
        action,
        ts_event: UnixNanos(1),
        ts_recv: UnixNanos(2),
        seq: DepthUpdate::NO_SEQ,
        prev_seq: DepthUpdate::NO_SEQ,
        checksum: None,
        asks,
        bids,
        non_rpi: None,
    }
}

/// A level from texts.
pub fn level(px: &str, sz: &str) -> Level {
    Level::new(px.parse().expect("a price"), sz.parse().expect("a size"), 1)
}

/// A live book of these levels.
pub fn book_of(capacity: usize, asks: &[Level], bids: &[Level]) -> DepthBook {
    let mut book = DepthBook::with_capacity(capacity);
    let outcome = book.apply(&message(DepthAction::Snapshot, asks, bids));
    assert!(outcome.applied);
    book
}

/// A small pseudo-random generator, deterministic by its seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.draw() % n
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
