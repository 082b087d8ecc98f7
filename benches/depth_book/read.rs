//! The best levels from another thread, while the book's own thread applies and publishes without a
//! pause, which is the worst that a reader can meet.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use okx_feed::book::DepthAction;
use okx_feed::publish::{BookPublisher, DepthPublisher};
use okx_feed::{BookState, DepthBook, DepthUpdate};

use crate::circle;
use crate::maps::MapBook;

/// Runs `read` under the clock while `write` runs again and again in another thread.
fn beside(
    criterion: &mut Criterion,
    name: BenchmarkId,
    mut write: impl FnMut() + Send,
    mut read: impl FnMut(),
) {
    let stop = AtomicBool::new(false);
    let mut group = criterion.benchmark_group("read beside a writer");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    group.sample_size(30);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                write();
            }
        });
        group.bench_function(name, |bencher| bencher.iter(&mut read));
        stop.store(true, Ordering::Relaxed);
    });
    group.finish();
}

pub(crate) fn other_thread(criterion: &mut Criterion) {
    let (snapshot, messages) = circle();
    let updates: Vec<_> = messages.iter().map(|m| m.update(DepthAction::Update)).collect();
    let mut updates = updates.iter().cycle();
    let mut next = || -> &DepthUpdate<'_> { updates.next().unwrap() };

    let mut book = DepthBook::new();
    assert!(book.apply(&snapshot.update(DepthAction::Snapshot)).applied);
    let (mut five, mut levels) = (BookPublisher::new(), DepthPublisher::new());
    five.publish(&book.view().top5(), BookState::Live);
    levels.publish_book(&book.view(), BookState::Live);
    let (five_reader, level_reader) = (five.reader(), levels.reader());
    let mut write = || {
        assert!(book.apply(next()).applied);
        five.publish(&book.view().top5(), BookState::Live);
        levels.publish_book(&book.view(), BookState::Live);
    };
    beside(criterion, BenchmarkId::new("top5", "okx_feed"), &mut write, || {
        let view = five_reader.snapshot();
        assert!(view.state.is_live() && view.value.asks().len() == 5);
        black_box(view);
    });
    beside(criterion, BenchmarkId::new("top25", "okx_feed"), &mut write, || {
        let seen = level_reader.snapshot();
        assert!(seen.state.is_live() && seen.asks().len() == 25);
        black_box(seen);
    });

    let mut maps = MapBook::default();
    snapshot.apply_to(&mut maps, DepthAction::Snapshot);
    let shared = Arc::new(RwLock::new(maps));
    let write = || {
        let update = next();
        shared.write().unwrap().apply(update.action, update.asks, update.bids);
    };
    beside(criterion, BenchmarkId::new("top5", "RwLock of btreemap"), write, || {
        let top = shared.read().unwrap().top5();
        assert_eq!(top.asks().len(), 5);
        black_box(top);
    });
}
