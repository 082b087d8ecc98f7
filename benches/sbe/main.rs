//! SBE frames to the finished book or trade, beside a plain field-by-field decoder and beside the
//! JSON of the same market.
//!
//! Every contender is asserted to give the same before it is timed. Criterion's times are per
//! stream of thousands of different frames: read the throughput, or divide.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    reason = "bench code: a panic is how it fails, and criterion's macros have no docs"
)]

mod market;
mod plain;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use okx_feed::{Decoder, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};
use okx_feed_testkit::targets::sbe_codes;

use market::Market;
use plain::Plain;

/// Passes of each contender over a market.
const PASSES: usize = 1_001;

fn handler(market: &Market, sbe: bool) -> (FeedHandler, Subscription) {
    let subscription: Subscription = market.subscription.parse().unwrap();
    let mut handler = FeedHandler::new(Dialect::V5);
    if sbe {
        handler.set_sbe(sbe_codes());
    }
    handler.subscribe(subscription).unwrap();
    for frame in if sbe { &market.sbe_start } else { &market.json_start } {
        take(&mut handler, frame, sbe);
    }
    (handler, subscription)
}

fn take(handler: &mut FeedHandler, bytes: &[u8], sbe: bool) {
    let frame = if sbe { Frame::Binary(bytes) } else { Frame::Text(bytes) };
    let mut sink = |event: &Event<'_>| {
        black_box(event);
    };
    let decoded = handler.on_frame(frame, UnixNanos(1), &mut sink);
    debug_assert!(decoded.is_ok());
    let _ = black_box(decoded);
}

/// One pass over a stream, for a tool that counts instructions: all that is timed happens in here.
#[inline(never)]
fn measured(pass: &mut dyn FnMut()) {
    pass();
}

/// The JSON and the SBE of a market, and the plain decoder, end in the same state.
fn check(market: &Market) {
    let (mut json, subscription) = handler(market, false);
    let (mut sbe, _) = handler(market, true);
    let mut plain = Plain::new(&market.sbe_start);
    for (text, body) in market.json.iter().zip(&market.sbe) {
        take(&mut json, text, false);
        take(&mut sbe, body, true);
        plain.take(body);
        assert!(sbe.slots().get(&subscription).unwrap().state().is_live());
        let made = |handler: &FeedHandler| {
            let depth = handler.depth(&subscription).and_then(|book| book.live());
            let depth = depth.map(|view| (view.asks().to_vec(), view.bids().to_vec()));
            let last = handler.trades(&subscription).and_then(|ring| ring.last().copied());
            (handler.book(&subscription), depth, last)
        };
        let (json, sbe) = (made(&json), made(&sbe));
        assert_eq!(json, sbe);
        assert_eq!(plain.made(market.subscription), (sbe.1, sbe.2, sbe.0));
    }
    assert_eq!(json.stats().scanned, (market.json.len() + market.json_start.len()) as u64);
}

/// One pass of a contender over a market's frames.
type Pass<'m> = Box<dyn FnMut() + 'm>;

/// What is timed: the decoder alone, to the finished book or trade, the plain decoder with the same
/// book behind it, and JSON to the finished book or trade.
fn contenders(market: &Market) -> Vec<(&'static str, Pass<'_>)> {
    let mut decoder = Decoder::new(Dialect::V5);
    decoder.set_sbe(sbe_codes());
    let decode = move || {
        for body in &market.sbe {
            let mut sink = |event: &Event<'_>| {
                black_box(event);
            };
            let _ =
                black_box(decoder.decode(Frame::Binary(black_box(body)), UnixNanos(1), &mut sink));
        }
    };
    let mut plain = Plain::new(&market.sbe_start);
    let to_the_book = |sbe: bool| {
        let frames = if sbe { &market.sbe } else { &market.json };
        let (mut feed, _) = handler(market, sbe);
        move || {
            if market.name == "trade" {
                // Else they were repeated.
                feed.forget(UnixNanos(1), &mut |_: &Event<'_>| {});
            }
            frames.iter().for_each(|frame| take(&mut feed, black_box(frame), sbe));
        }
    };
    vec![
        ("SBE to the book", Box::new(to_the_book(true))),
        ("SBE decoded", Box::new(decode)),
        (
            "plain decoder to the book",
            Box::new(move || market.sbe.iter().for_each(|body| plain.take(black_box(body)))),
        ),
        ("JSON to the book", Box::new(to_the_book(false))),
    ]
}

fn sbe(c: &mut Criterion) {
    for market in Market::all() {
        check(&market);
        let mut group = c.benchmark_group(format!("sbe/{}", market.name));
        group.throughput(Throughput::Elements(market.sbe.len() as u64));
        for (name, mut pass) in contenders(&market) {
            group.bench_function(name, |b| b.iter(|| measured(&mut *pass)));
        }
        group.finish();
    }
}

/// Prints the least and the median time a frame over passes in turn, so that a disturbance of the
/// machine affects all alike: `cargo bench --bench sbe -- ratios` prints it alone.
#[expect(clippy::print_stdout, reason = "the table is the result")]
#[expect(clippy::disallowed_methods, reason = "a bench reads a clock")]
#[expect(clippy::cast_precision_loss, reason = "nanoseconds a frame and ratios")]
fn ratios(_: &mut Criterion) {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let mut filters = args.iter().filter(|arg| !arg.starts_with('-'));
    if filters.next().is_some_and(|filter| filter != "ratios") {
        return;
    }
    let passes = if args.iter().any(|arg| arg == "--test") { 1 } else { PASSES };
    for market in Market::all() {
        check(&market);
        let mut contenders = contenders(&market);
        let mut times = vec![Vec::new(); contenders.len()];
        for _ in 0..passes {
            for ((_, pass), times) in contenders.iter_mut().zip(&mut times) {
                let start = Instant::now();
                measured(&mut **pass);
                times.push(start.elapsed().as_nanos() as f64 / market.sbe.len() as f64);
            }
        }
        times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        println!("\nratios/{}: ns a frame over {passes} passes in turn", market.name);
        println!("  {:28}{:>8}{:>9}{:>12}", "", "least", "median", "least x");
        for ((name, _), of) in contenders.iter().zip(&times) {
            let (least, median, x) = (of[0], of[of.len() / 2], of[0] / times[0][0]);
            println!("  {name:28}{least:8.1}{median:9.1}{x:12.2}");
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20);
    targets = ratios, sbe
}
criterion_main!(benches);
