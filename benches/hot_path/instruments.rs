//! The cost of many instruments: the same number of frames over 1 to 10,000 subscribed books.
//!
//! All runs read as many frames of the same lengths, so that only the books differ: finding them,
//! and the cache lines that they and their published copies stand in. Each book has a reader, so
//! each update is published.

use std::hint::black_box;
use std::time::Instant;

use criterion::Criterion;
use okx_feed::{BookReader, Dialect, FeedHandler, Subscription};

use crate::baselines::{Contender, TS_RECV};
use crate::ratios::{table, wanted};
use crate::stream::{Stream, deflated, text_of};
use crate::time;

/// Frames of a run: each of 10,000 instruments comes at least once.
const FRAMES: usize = 10_240;

/// Which instrument comes next.
#[derive(Clone, Copy)]
enum Order {
    /// Each as often as any other, in an order that no prefetcher guesses.
    Even,
    /// Half of the frames are of 1 % of the instruments, as on an exchange.
    Hot,
}

const CHANNELS: [&str; 2] = ["books5:BTC-USDT-SWAP", "swap/depth5:BTC-USDT-SWAP"];
const ORDERS: [(&str, Order); 2] = [("even", Order::Even), ("hot", Order::Hot)];
const COUNTS: [usize; 4] = [1, 100, 1_000, 10_000];

/// Passes of each count in turn.
const PASSES: usize = 31;

/// Times 1, 100, 1,000 and 10,000 instruments.
pub(crate) fn instruments(c: &mut Criterion) {
    for channel in CHANNELS {
        let base = Stream::simulated(channel);
        for (name, order) in ORDERS {
            let mut group = c.benchmark_group(format!("instruments/{}/{name}", base.name));
            for count in COUNTS {
                let stream = spread(&base, count, order);
                let (mut ours, _readers) = subscribed(&stream);
                time(&mut group, &count.to_string(), &mut ours, &stream);
            }
        }
    }
}

/// Prints the table of the same runs in turn, pass by pass. Their differences are smaller than the
/// variation of a shared machine from one second to the next.
#[expect(clippy::print_stdout, reason = "the table is the result")]
#[expect(clippy::disallowed_methods, reason = "a bench reads a clock")]
#[expect(clippy::cast_precision_loss, reason = "nanoseconds a frame and ratios")]
pub(crate) fn instruments_in_turn(_: &mut Criterion) {
    let Some(passes) = wanted(PASSES) else { return };
    for channel in CHANNELS {
        let base = Stream::simulated(channel);
        for (name, order) in ORDERS {
            let streams = COUNTS.map(|count| spread(&base, count, order));
            let mut runs: Vec<_> = streams.iter().map(|s| (s, subscribed(s), vec![])).collect();
            for _ in 0..passes {
                for (stream, (ours, _), times) in &mut runs {
                    // The first pass reloads what the others evicted from the caches.
                    take_all(ours, stream);
                    let start = Instant::now();
                    take_all(ours, stream);
                    times.push(start.elapsed().as_nanos() as f64 / stream.len() as f64);
                }
            }
            println!("\nratios/{} over instruments, {name}: {passes} passes in turn", base.name);
            table(COUNTS.iter().zip(runs.iter_mut().map(|(_, _, times)| times)));
        }
    }
}

fn take_all(ours: &mut Contender, stream: &Stream) {
    ours.begin();
    for (frame, _) in stream.iter() {
        black_box(ours.take(black_box(frame)));
    }
}

/// Ours with a reader of each book, once through the stream.
fn subscribed(stream: &Stream) -> (Contender, Vec<Option<BookReader>>) {
    let mut feed = FeedHandler::new(stream.dialect);
    let subscribe = |subscription: &Subscription| {
        feed.subscribe(*subscription).unwrap();
        feed.book_reader(subscription)
    };
    let readers: Vec<_> = stream.subscriptions.iter().map(subscribe).collect();
    let mut ours = Contender::of(feed);
    stream.iter().for_each(|(frame, _)| assert!(ours.take(frame)));
    let stats = ours.handler().unwrap().stats();
    assert_eq!((stats.scanned, stats.unsubscribed), (FRAMES as u64, 0));
    let last = readers.last().unwrap().as_ref().unwrap();
    assert!(last.version() > 0 && last.value().ts_recv == TS_RECV);
    (ours, readers)
}

/// The frames of one instrument, renamed to `count` instruments in turn.
fn spread(base: &Stream, count: usize, order: Order) -> Stream {
    let mut stream = Stream::new(base.name.clone(), base.dialect);
    let subscription = base.subscription(0).to_string();
    let id = base.subscription(0).inst_id().to_string();
    let ids: Vec<_> = (0..count).map(|n| format!("X{n:07}-SWAP")).collect();
    assert!(ids.iter().all(|other| other.len() == id.len()), "lengths stay as they are");
    let of = |own: &String| subscription.replace(&id, own).parse::<Subscription>().unwrap();
    stream.subscriptions = ids.iter().map(of).collect();
    let texts: Vec<_> =
        base.iter().map(|(frame, _)| String::from_utf8(text_of(frame)).unwrap()).collect();
    let hot = (count / 100).max(1);
    for n in 0..FRAMES {
        // A number that shares no factor with the count visits all places out of order.
        let even = n * 7_919 % count;
        let place = match order {
            Order::Hot if n % 2 == 0 => (n / 2 * 7_919) % hot,
            Order::Hot | Order::Even => even,
        };
        let text = texts[n % texts.len()].replace(&id, &ids[place]);
        match stream.dialect {
            Dialect::V3 => stream.push_at(&deflated(text.as_bytes()), true, place),
            Dialect::V5 => stream.push_at(text.as_bytes(), false, place),
        }
    }
    stream
}
