//! Publication of a five-level book to the threads of the process and to other processes.
//!
//! `cargo bench --features shm --bench shm` prints nanoseconds a publication and a read. A read of
//! a segment includes the check of the writer's heartbeat; `clock` is what the reading of the clock
//! for it costs.

#![expect(clippy::unwrap_used, reason = "a bench fails by it")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use okx_feed::event::StateChange;
use okx_feed::publish::BookPublisher;
use okx_feed::publish::shm::{MonotonicNanos, ShmOptions, ShmReader, ShmSink, ShmWriter};
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, Event, EventSink, Level, NoSink, Subscription,
    SubscriptionId, UnixNanos,
};

fn books() -> Vec<Book5> {
    let level = |px: i64, sz: i64| Level::new(Decimal::from(px), Decimal::from(sz), 1);
    let book = |n: i64| {
        let asks: Vec<_> = (1..=5).map(|i| level(1_000 + i, n)).collect();
        let bids: Vec<_> = (0..5).map(|i| level(1_000 - i, n)).collect();
        let mut book = Book5::new(&asks, &bids);
        book.seq = n;
        book
    };
    (1..=64).map(book).collect()
}

fn publication(c: &mut Criterion) {
    let books = books();
    let path = std::env::temp_dir().join(format!("okx-feed-bench-{}", std::process::id()));
    let writer = ShmWriter::create(&path, ShmOptions::default()).unwrap();
    let mut sink = ShmSink::new(writer, NoSink);
    let subscription: Subscription = "books5:BTC-USDT".parse().unwrap();
    let subscription_id = SubscriptionId::new(0);
    sink.on_event(&Event::State(StateChange {
        subscription: &subscription,
        subscription_id,
        from: BookState::Connecting,
        to: BookState::Live,
        ts_recv: UnixNanos(1),
    }));
    let mut publisher = BookPublisher::new();
    let mut nth = 0;
    let mut next = || {
        nth = (nth + 1) % 64;
        books.get(nth).unwrap()
    };
    let mut group = c.benchmark_group("publish");
    group.bench_function("threads", |b| {
        b.iter(|| publisher.publish(black_box(next()), BookState::Live));
    });
    group.bench_function("segment", |b| {
        b.iter(|| {
            let mut update = BookUpdate::new(subscription.topic(), black_box(next()));
            update.subscription_id = subscription_id;
            sink.on_event(&Event::Book(update));
        });
    });
    group.finish();
    let (own, segment) = (publisher.reader(), ShmReader::open(&path).unwrap());
    let shared = segment.book("books5:BTC-USDT").unwrap();
    let mut group = c.benchmark_group("read");
    group.bench_function("threads", |b| b.iter(|| black_box(own.snapshot())));
    group.bench_function("segment", |b| {
        // A time that is a second old would make the writer silent.
        let read = |now: MonotonicNanos| black_box(shared.snapshot(black_box(now)));
        b.iter_batched(MonotonicNanos::now, read, BatchSize::SmallInput);
    });
    group.bench_function("clock", |b| b.iter(MonotonicNanos::now));
    group.finish();
    std::fs::remove_file(path).unwrap();
}

criterion_group!(benches, publication);
criterion_main!(benches);
