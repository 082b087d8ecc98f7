//! Order books: applying an update, verifying its checksum, the best levels for this thread and for
//! another, and the whole hot path from a frame to the book.
//!
//! A book of two `BTreeMap`s, behind serde_json, does the same work as a baseline. Each message
//! changes two of 400 levels a side, at the places of recorded messages: half in the best 13, a
//! tenth at the window's end. Both books verify every message's checksum first, so that a wrong
//! result fails the bench.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a bench fails where its numbers are not what it takes them for"
)]

#[path = "../frames/captures.rs"]
mod captures;
mod hot_path;
mod maps;
mod read;
mod recorded;
mod segments;
#[allow(dead_code, reason = "each bench needs a part of it")]
#[path = "../frames/stream.rs"]
mod stream;
mod usual;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use maps::MapBook;
use okx_feed::book::{BookSync, Checksum, DepthAction, Verify};
use okx_feed::{Decimal, DepthBook, DepthUpdate, Level};
use okx_feed_testkit::depth_oracle::{Oracle, Rng, message};

const LEVELS: i64 = 400;

/// WordWriter of changed levels in the recorded updates, at every tenth of their distribution.
const PLACES: [i64; 10] = [0, 1, 4, 7, 10, 13, 16, 22, 47, 399];

/// A message that owns its levels.
pub(crate) struct Message {
    asks: Vec<Level>,
    bids: Vec<Level>,
    checksum: i32,
}

impl Message {
    pub(crate) fn update(&self, action: DepthAction) -> DepthUpdate<'_> {
        let checksum = Some(self.checksum);
        DepthUpdate { checksum, ..message(action, &self.asks, &self.bids) }
    }

    pub(crate) fn apply_to(&self, maps: &mut MapBook, action: DepthAction) {
        maps.apply(action, &self.asks, &self.bids);
    }
}

fn size(rng: &mut Rng) -> Decimal {
    let mantissa = 1 + i64::try_from(rng.below(900_000_000)).expect("a small number");
    Decimal::new(mantissa, 8).expect("a legal scale").normalized()
}

/// Prices as the exchange writes them, without zeros at their end.
fn price(side: i64, place: i64, half_tick: i64) -> Decimal {
    let tenths = 610_000 + side * (10 * place + 5 * half_tick + 10);
    Decimal::new(tenths, 1).expect("a legal scale").normalized()
}

fn snapshot(rng: &mut Rng) -> Message {
    let mut side = |sign: i64| -> Vec<Level> {
        let level = |place| Level::new(price(sign, place, 0), size(rng), 3);
        (0..LEVELS).map(level).collect()
    };
    let (asks, bids) = (side(1), side(-1));
    Message { asks, bids, checksum: 0 }
}

/// Pairs of messages, the second of which reverts the first: a price is replaced by the next one
/// and restored, or a size changes twice.
fn updates(rng: &mut Rng, start: &Oracle) -> Vec<Message> {
    let mut oracle = start.clone();
    let mut messages = Vec::new();
    for _ in 0..512 {
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        let asks = rng.one_in(2);
        let sign = if asks { 1 } else { -1 };
        let levels = if asks { oracle.asks() } else { oracle.bids() };
        let place = PLACES[rng.below(10) as usize];
        let old = levels[usize::try_from(place).expect("a place")];
        if rng.one_in(4) {
            forth.push(Level::new(old.px(), size(rng), 4));
            back.push(old);
        } else {
            let gone = |px| Level::new(px, Decimal::ZERO, 0);
            let beside = price(sign, place, 1);
            forth.extend([gone(old.px()), Level::new(beside, size(rng), 1)]);
            back.extend([old, gone(beside)]);
        }
        for side in [forth, back] {
            let (asks, bids) = if asks { (side, Vec::new()) } else { (Vec::new(), side) };
            oracle.apply(DepthAction::Update, &asks, &bids);
            messages.push(Message { asks, bids, checksum: oracle.checksum() });
        }
    }
    assert_eq!((oracle.asks(), oracle.bids()), (start.asks(), start.bids()), "a closed circle");
    messages
}

/// A book's snapshot, and updates that lead back to it.
pub(crate) fn circle() -> (Message, Vec<Message>) {
    let mut rng = Rng(1);
    let snapshot = snapshot(&mut rng);
    let mut oracle = Oracle::new(512);
    oracle.apply(DepthAction::Snapshot, &snapshot.asks, &snapshot.bids);
    let messages = updates(&mut rng, &oracle);
    (Message { checksum: oracle.checksum(), ..snapshot }, messages)
}

fn depth_book(criterion: &mut Criterion) {
    let (snapshot, messages) = circle();

    let mut book = DepthBook::new();
    let mut maps = MapBook::default();
    snapshot.apply_to(&mut maps, DepthAction::Snapshot);
    assert_eq!(book.apply(&snapshot.update(DepthAction::Snapshot)).checksum, Checksum::Ok);
    for message in &messages {
        let outcome = book.apply(&message.update(DepthAction::Update));
        assert_eq!((outcome.checksum, outcome.missing), (Checksum::Ok, 0));
        message.apply_to(&mut maps, DepthAction::Update);
        assert_eq!(maps.checksum(), message.checksum);
        let (top, want) = (book.view().top5(), maps.top5());
        assert_eq!((top.asks(), top.bids()), (want.asks(), want.bids()));
    }

    let mut group = criterion.benchmark_group("depth");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    group.warm_up_time(Duration::from_secs(1));
    for (name, verify) in [("apply", Verify::Off), ("apply_verify", Verify::Every)] {
        book.set_verify(verify);
        // The circle goes on where it stopped: the harness calls the closure more than once.
        let mut next = messages.iter().cycle();
        group.bench_function(BenchmarkId::new(name, "okx_feed"), |bencher| {
            bencher.iter(|| {
                let update = next.next().map(|m| m.update(DepthAction::Update));
                update.map(|update| book.apply(black_box(&update)))
            });
        });
        assert_eq!(book.sync(), BookSync::Live);
        // The circle may have stopped half way round.
        let _ = book.apply(&snapshot.update(DepthAction::Snapshot));
        let mut next = messages.iter().cycle();
        group.bench_function(BenchmarkId::new(name, "btreemap"), |bencher| {
            bencher.iter(|| {
                let update = next.next().map(|m| m.update(DepthAction::Update));
                update.map(|update| {
                    let update = black_box(&update);
                    maps.apply(update.action, update.asks, update.bids);
                    verify == Verify::Off || update.checksum == Some(maps.checksum())
                })
            });
        });
        snapshot.apply_to(&mut maps, DepthAction::Snapshot);
    }
    let top = |name| BenchmarkId::new("top5", name);
    group
        .bench_function(top("okx_feed"), |bencher| bencher.iter(|| black_box(&book).view().top5()));
    group.bench_function(top("btreemap"), |bencher| bencher.iter(|| black_box(&maps).top5()));
    group.bench_function("snapshot/okx_feed", |bencher| {
        let update = snapshot.update(DepthAction::Snapshot);
        bencher.iter(|| book.apply(black_box(&update)));
    });
    group.finish();
}

criterion_group!(benches, depth_book, read::other_thread, recorded::apply, hot_path::hot_path);
criterion_main!(benches);
