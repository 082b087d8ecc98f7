//! Times updates. The snapshots between them are applied but not timed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Throughput};

/// Times `take` over the updates among messages that begin with a snapshot, so that they can be
/// repeated. The figure is that of one update.
pub(crate) fn time_updates<T, R>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: BenchmarkId,
    messages: &[(bool, T)],
    mut take: impl FnMut(&T) -> R,
) {
    let updates = messages.iter().filter(|(snapshot, _)| !snapshot).count();
    group.throughput(Throughput::Elements(updates as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| round(messages, &mut take)).sum());
    });
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn round<T, R>(messages: &[(bool, T)], take: &mut impl FnMut(&T) -> R) -> Duration {
    let mut total = Duration::ZERO;
    let mut since = None;
    for (snapshot, message) in messages {
        if *snapshot {
            total += since.take().map_or(Duration::ZERO, |since: Instant| since.elapsed());
        } else if since.is_none() {
            since = Some(Instant::now());
        }
        black_box(take(black_box(message)));
    }
    total + since.map_or(Duration::ZERO, |since| since.elapsed())
}
