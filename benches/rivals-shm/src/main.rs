//! One five-level book to other processes: this crate's segment beside iceoryx2's blackboard and
//! publish/subscribe, in turn, with the same 248 bytes.
//!
//! `cargo run --release --manifest-path benches/rivals-shm/Cargo.toml` prints the least and the
//! median nanoseconds of 201 passes of 10,000 calls each. Writer and reader are on one core, so
//! that neither waits for the other's cache lines, and each pass runs every contender once.

use std::hint::black_box;
use std::time::Instant;

use iceoryx2::prelude::*;
use okx_feed::event::StateChange;
use okx_feed::publish::BookPublisher;
use okx_feed::publish::shm::{MonotonicNanos, ShmOptions, ShmReader, ShmSink, ShmWriter};
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, Event, EventSink, Level, NoSink, Subscription,
    SubscriptionId, UnixNanos,
};

const CALLS: usize = 10_000;
const PASSES: usize = 201;
/// Samples that are on their way at once, of publish/subscribe.
const BATCH: usize = 100;

/// A book's 31 words, as both rivals carry them.
#[derive(Clone, Copy, Debug, ZeroCopySend)]
#[repr(C)]
struct Words([u64; 31]);

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

fn words(n: usize) -> Words {
    Words([n as u64; 31])
}

/// A contender and the nanoseconds of each of its passes.
struct Contender<'c> {
    name: &'static str,
    pass: Box<dyn FnMut() + 'c>,
    times: Vec<f64>,
}

fn contender<'c>(name: &'static str, mut call: impl FnMut(usize) + 'c) -> Contender<'c> {
    let pass = Box::new(move || (0..CALLS).for_each(&mut call));
    Contender { name, pass, times: Vec::new() }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let books = books();
    let path = std::env::temp_dir().join(format!("okx-feed-rivals-{}", std::process::id()));
    let mut sink = ShmSink::new(ShmWriter::create(&path, ShmOptions::default())?, NoSink);
    let subscription: Subscription = "books5:BTC-USDT".parse()?;
    let subscription_id = SubscriptionId::new(0);
    let (from, to) = (BookState::Connecting, BookState::Live);
    let ts_recv = UnixNanos(1);
    let subscription_ref = &subscription;
    sink.on_event(&Event::State(StateChange {
        subscription: subscription_ref,
        subscription_id,
        from,
        to,
        ts_recv,
    }));
    let segment = ShmReader::open(&path)?;
    let shared = segment.book("books5:BTC-USDT")?;
    let mut threads = BookPublisher::new();
    let own = threads.reader();

    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let name = |kind: &str| format!("okx-feed-rivals/{}/{kind}", std::process::id());
    let board = node
        .service_builder(&name("board").as_str().try_into()?)
        .blackboard_creator::<u64>()
        .add::<Words>(0, words(0))
        .create()?;
    let (board_writer, board_reader) =
        (board.writer_builder().create()?, board.reader_builder().create()?);
    let (put, get) = (board_writer.entry::<Words>(&0)?, board_reader.entry::<Words>(&0)?);
    let queue = node
        .service_builder(&name("queue").as_str().try_into()?)
        .publish_subscribe::<Words>()
        .subscriber_max_buffer_size(BATCH)
        .open_or_create()?;
    let publisher = queue.publisher_builder().create()?;
    let lone = node
        .service_builder(&name("lone").as_str().try_into()?)
        .publish_subscribe::<Words>()
        .open_or_create()?;
    let lone = lone.publisher_builder().create()?;
    let subscriber = queue.subscriber_builder().buffer_size(BATCH).create()?;

    let book = |n: usize| &books[n % 64];
    // Read once a pass: a time that is a second old would make the writer silent.
    let mut now = MonotonicNanos::now();
    let mut contenders = [
        contender("publish: threads of the process", |n| {
            threads.publish(black_box(book(n)), BookState::Live);
        }),
        contender("publish: segment", |n| {
            let mut update = BookUpdate::new(subscription_ref.topic(), black_box(book(n)));
            update.subscription_id = subscription_id;
            sink.on_event(&Event::Book(update));
        }),
        contender("publish: iceoryx2 blackboard", |n| {
            put.update_with_copy(black_box(words(n)));
        }),
        contender("publish: iceoryx2 publish/subscribe, no reader", |n| {
            let sample = lone.loan_uninit().expect("a free sample");
            sample.write_payload(black_box(words(n))).send().expect("sent");
        }),
        contender("publish and receive: iceoryx2 publish/subscribe", |n| {
            let sample = publisher.loan_uninit().expect("a free sample");
            sample.write_payload(black_box(words(n))).send().expect("sent");
            black_box(*subscriber.receive().expect("received").expect("a sample"));
        }),
        contender("read: threads of the process", |_| {
            black_box(own.snapshot());
        }),
        contender("read: segment", |n| {
            if n == 0 {
                now = MonotonicNanos::now();
            }
            black_box(shared.snapshot(black_box(now)));
        }),
        contender("read: iceoryx2 blackboard", |_| {
            black_box(*get.get());
        }),
    ];
    for _ in 0..PASSES {
        for contender in &mut contenders {
            let begin = Instant::now();
            (contender.pass)();
            contender.times.push(begin.elapsed().as_nanos() as f64 / CALLS as f64);
        }
    }
    println!("{:50} {:>8} {:>8}", "ns a call", "least", "median");
    for Contender { name, times, .. } in &mut contenders {
        times.sort_by(f64::total_cmp);
        println!("{name:50} {:8.1} {:8.1}", times[0], times[PASSES / 2]);
    }
    drop(contenders);
    std::fs::remove_file(path)?;
    Ok(())
}
