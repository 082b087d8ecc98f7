//! What recording costs the feed's thread, and how fast a capture is replayed.
//!
//! `cargo bench --features capture,sim --bench capture`

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench reads a clock"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use okx_feed::capture::{CaptureReader, CapturedKind, ConnectionLabel, Recorder};
use okx_feed::sim::{ExchangeConfig, Listing, Outbound, PushIntervals, record};
use okx_feed::{Dialect, Event, Replay, Subscription, UnixNanos};

/// Frames between two pauses, in which the writer, which needs longer for a frame than the feed's
/// thread, catches up: several full blocks and their hand-over are among them.
const BURST: u64 = 2_000;

/// Frames of the capture that is replayed.
const REPLAYED: u64 = 1_000_000;

const START: u64 = 1_790_000_000_000_000_000;

/// The time that this thread has run, where the system says it: other programs do not count. The
/// time of the clock elsewhere.
fn thread_time(clock: Instant) -> Duration {
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = ran.and_then(|text| text.split(' ').next()?.parse().ok());
    ran.map_or_else(|| clock.elapsed(), Duration::from_nanos)
}

/// The time that `work` takes `count` times.
fn timed(count: u64, mut work: impl FnMut()) -> Duration {
    let clock = Instant::now();
    let start = thread_time(clock);
    (0..count).for_each(|_| work());
    thread_time(clock) - start
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("okx-feed-bench-capture-{name}"));
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recorder");
    let folder = folder("hand-over");
    for len in [160, 400, 1_400] {
        let frame = vec![b'x'; len];
        let config = folder.clone().into();
        let mut recorder = Recorder::start(config, Dialect::V5, UnixNanos(START)).unwrap();
        let recording = recorder.recording();
        group.bench_function(format!("{len} bytes"), |bencher| {
            bencher.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                let mut done = 0;
                while done < count {
                    let burst = BURST.min(count - done);
                    let start = Instant::now();
                    for n in done..done + burst {
                        let ts = UnixNanos(START + n);
                        recorder.record(CapturedKind::Text, ConnectionLabel::default(), ts, &frame);
                    }
                    spent += start.elapsed();
                    done += burst;
                    while recording.stats().written_lines < recording.stats().lines {
                        std::thread::sleep(Duration::from_micros(200));
                    }
                }
                spent
            });
        });
        assert_eq!(recording.stats().dropped_blocks, 0, "the writer fell behind");
    }
    group.finish();
    let _ = std::fs::remove_dir_all(&folder);
}

/// Frames of v5 trades of the embedded exchange, repeated with later times.
fn capture_of_trades(folder: &std::path::Path) -> PathBuf {
    let subscription: Subscription = "trades:BTC-USDT".parse().unwrap();
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.listings = Listing::generate(1);
    let texts: Vec<_> = record(&config, &subscription, 20_000)
        .into_iter()
        .filter_map(|frame| match frame {
            Outbound::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    let config = folder.to_owned().into();
    let mut recorder = Recorder::start(config, Dialect::V5, UnixNanos(START)).unwrap();
    for n in 0..REPLAYED {
        let text = &texts[usize::try_from(n).unwrap() % texts.len()];
        let ts = UnixNanos(START + n * 1_000);
        recorder.record(CapturedKind::Text, ConnectionLabel::default(), ts, text.as_bytes());
        let stats = recorder.recording().stats();
        while n.is_multiple_of(2_000) && recorder.recording().stats().written_lines < stats.lines {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    assert_eq!(recorder.recording().stats().dropped_lines, 0, "the writer fell behind");
    drop(recorder);
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

fn replay(criterion: &mut Criterion) {
    let folder = folder("replay");
    let file = capture_of_trades(&folder);
    let mut group = criterion.benchmark_group("capture");
    group.throughput(Throughput::Elements(REPLAYED)).sample_size(10);
    group.bench_function("read", |bencher| {
        bencher.iter_custom(|count| {
            timed(count, || {
                let mut reader = CaptureReader::open(&file).unwrap();
                let mut count = 0_u64;
                while reader.next_entry().unwrap().is_some() {
                    count += 1;
                }
                assert!(count > REPLAYED);
            })
        });
    });
    group.bench_function("replay of v5 trades", |bencher| {
        bencher.iter_custom(|count| {
            timed(count, || {
                let mut trades = 0_u64;
                let sink =
                    |event: &Event<'_>| trades += u64::from(matches!(event, Event::Trade(_)));
                let replay =
                    Replay::builder().file(&file).subscribe("trades:BTC-USDT").on_event(sink);
                let report = replay.open().unwrap().run().unwrap();
                assert!(report.frames == REPLAYED && trades > 0);
            })
        });
    });
    group.finish();
    let _ = std::fs::remove_dir_all(&folder);
}

criterion_group!(benches, hand_over, replay);
criterion_main!(benches);
