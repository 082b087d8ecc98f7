//! The whole hot path from a frame to the finished book or trade, compared with the baselines, and
//! its stages alone.
//!
//! Each contender is asserted to give the same books and trades before it is timed. Ours also finds
//! the subscription, keeps its state and counts; the baselines keep one book. Times are per stream
//! of 1,024 different frames: read the throughput, or divide. Contenders of one stream run one
//! after the other, so that a busy machine widens the interval and favours none.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "bench code: a panic is how it fails, and criterion's macros have no docs"
)]

#[path = "../baselines/mod.rs"]
mod baselines;
#[path = "../frames/captures.rs"]
mod captures;
mod instruments;
mod malformed;
mod ratios;
mod real;
mod stages;
#[path = "../frames/stream.rs"]
mod stream;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

use baselines::{Contender, contenders};
use stream::Stream;

/// Times one contender over a stream.
pub(crate) fn time(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    contender: &mut Contender,
    stream: &Stream,
) {
    group.throughput(Throughput::Elements(stream.len() as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            contender.begin();
            for (frame, _) in stream.iter() {
                black_box(contender.take(black_box(frame)));
            }
        });
    });
}

/// Every contender gives the same as the first for every frame.
pub(crate) fn check(contenders: &mut [Contender], stream: &Stream) {
    for (frame, place) in stream.iter() {
        let subscription = stream.subscription(place);
        let mut first = None;
        for contender in &mut *contenders {
            assert!(contender.take(frame), "{} declines {frame:?}", contender.name);
            // A recorded book that is older than the one before is not shown.
            let slot = contender.handler().and_then(|feed| feed.slots().get(subscription));
            if slot.is_some_and(|slot| !slot.state().is_live()) {
                break;
            }
            let made = contender.made(subscription);
            assert!(made.is_some());
            first = first.or(made);
            assert_eq!(made, first, "{} differs", contender.name);
        }
    }
}

fn hot_path(c: &mut Criterion) {
    for stream in Stream::all() {
        let mut contenders = contenders(stream.dialect, &stream.subscriptions);
        check(&mut contenders, &stream);
        let stats = contenders[0].handler().map(|feed| *feed.stats()).unwrap();
        assert_eq!(stats.scanned, stream.len() as u64, "the fast path takes all of them");
        let mut group = c.benchmark_group(format!("hot_path/{}", stream.name));
        for contender in &mut contenders {
            time(&mut group, contender.name, contender, &stream);
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20);
    targets = ratios::ratios, hot_path, real::real, stages::stages, instruments::instruments,
        instruments::instruments_in_turn, malformed::malformed
}
criterion_main!(benches);
