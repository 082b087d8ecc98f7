//! SBE frames to the finished book or trade, beside a plain field-by-field decoder and beside the
//! JSON of the same market.
//!
//! Every contender is asserted to give the same before it is timed. Times are per stream of 1,024
//! different frames: read the throughput, or divide.

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
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use okx_feed::{Decoder, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};
use okx_feed_testkit::targets::sbe_codes;

use market::Market;
use plain::Plain;

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
            (handler.book(&subscription).map(|book| format!("{book:?}")), depth, last)
        };
        let (json, sbe) = (made(&json), made(&sbe));
        assert_eq!(json, sbe);
        assert_eq!(plain.made(market.subscription), (sbe.1, sbe.2, sbe.0));
    }
    assert_eq!(json.stats().scanned, (market.json.len() + market.json_start.len()) as u64);
}

fn sbe(c: &mut Criterion) {
    for market in Market::all() {
        check(&market);
        let mut group = c.benchmark_group(format!("sbe/{}", market.name));
        group.throughput(Throughput::Elements(market.sbe.len() as u64));
        let mut decoder = Decoder::new(Dialect::V5);
        decoder.set_sbe(sbe_codes());
        group.bench_function("decode", |b| {
            b.iter(|| {
                measured(&mut || {
                    for body in &market.sbe {
                        let mut sink = |event: &Event<'_>| {
                            black_box(event);
                        };
                        let frame = Frame::Binary(black_box(body));
                        let _ = black_box(decoder.decode(frame, UnixNanos(1), &mut sink));
                    }
                });
            });
        });
        let mut plain = Plain::new(&market.sbe_start);
        group.bench_function("plain decoder", |b| {
            b.iter(|| {
                measured(&mut || market.sbe.iter().for_each(|body| plain.take(black_box(body))));
            });
        });
        for (name, sbe) in [("SBE to the book", true), ("JSON to the book", false)] {
            let frames = if sbe { &market.sbe } else { &market.json };
            let (mut feed, subscription) = handler(&market, sbe);
            let is_trades = market.name == "trade";
            group.bench_function(name, |b| {
                b.iter(|| {
                    if is_trades {
                        // Else they were repeated.
                        feed.forget(UnixNanos(1), &mut |_: &Event<'_>| {});
                    }
                    measured(&mut || {
                        frames.iter().for_each(|frame| take(&mut feed, black_box(frame), sbe));
                    });
                });
            });
            assert!(feed.slots().get(&subscription).unwrap().state().is_live());
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
    targets = sbe
}
criterion_main!(benches);
