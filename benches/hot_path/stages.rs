//! Each stage of the hot path by itself, over the same frames.

use std::hint::black_box;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use hdrhistogram::Histogram;
use okx_feed::feed::{DepthOptions, Slots, Stats};
use okx_feed::internals::{
    OUTPUT_SPACE, PADDING, PaddedText, Scanned, Scanner, Scratch, SmallInflate,
};
use okx_feed::publish::{BookPublisher, TradeOptions, TradePublisher};
use okx_feed::{
    Book5, BookState, BookUpdate, Decoder, Dialect, Event, Frame, Topic, Trade, TradeUpdate,
};

use crate::baselines::TS_RECV;
use crate::stream::{Stream, text_of};

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A text with padding, and its result of the scanner.
struct Read {
    buf: Vec<u8>,
    len: usize,
    book: Book5,
    trade: Option<Trade>,
}

/// Times every stage over every stream.
pub(crate) fn stages(c: &mut Criterion) {
    for stream in Stream::all() {
        let mut group = c.benchmark_group(format!("stages/{}", stream.name));
        group.throughput(Throughput::Elements(stream.len() as u64));
        let read = read_all(&stream);
        if stream.dialect == Dialect::V3 {
            inflate(&mut group, &stream);
        }
        scan(&mut group, stream.dialect, &read);
        general(&mut group, stream.dialect, &read);
        apply(&mut group, &stream, &read, false);
        apply(&mut group, &stream, &read, true);
        publish(&mut group, &read);
        group.finish();
    }
    latency(c);
}

/// The cost of the client's histogram for a frame: one more read of the clock, and the record.
#[expect(clippy::disallowed_methods, reason = "the clock is what is timed")]
fn latency(c: &mut Criterion) {
    let mut group = c.benchmark_group("stages/client");
    let (start, mut times) =
        (Instant::now(), Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).unwrap());
    group.bench_function("note the latency", |b| {
        b.iter(|| {
            let nanos = u64::try_from(black_box(start).elapsed().as_nanos()).unwrap_or(u64::MAX);
            times.saturating_record(nanos.clamp(1, 10_000_000_000));
        });
    });
    group.finish();
}

fn read_all(stream: &Stream) -> Vec<Read> {
    let scanner = Scanner::new();
    let read = |(frame, _)| {
        let mut buf = text_of(frame);
        let len = buf.len();
        buf.resize(len + PADDING, 0);
        let mut scratch = Scratch::new();
        let text = PaddedText::new(&buf, len).unwrap();
        let trade = match scanner.scan(stream.dialect, text, TS_RECV, &mut scratch).unwrap() {
            Scanned::Book { .. } | Scanned::Depth { .. } | Scanned::Record { .. } => None,
            Scanned::Trade { trade, .. } => Some(trade),
        };
        Read { buf, len, book: scratch.book, trade }
    };
    stream.iter().map(read).collect()
}

fn inflate(group: &mut Group<'_>, stream: &Stream) {
    let mut output = vec![0; OUTPUT_SPACE];
    for (name, mut small) in
        [("inflate", SmallInflate::new()), ("inflate portable", SmallInflate::portable())]
    {
        group.bench_function(name, |b| {
            b.iter(|| {
                for (frame, _) in stream.iter() {
                    if let Frame::Binary(body) = frame {
                        black_box(small.inflate(body, &mut output).is_ok());
                    }
                }
            });
        });
    }
    let mut libdeflate = libdeflater::Decompressor::new();
    group.bench_function("inflate libdeflate", |b| {
        b.iter(|| {
            for (frame, _) in stream.iter() {
                if let Frame::Binary(body) = frame {
                    black_box(libdeflate.deflate_decompress(body, &mut output).is_ok());
                }
            }
        });
    });
}

fn scan(group: &mut Group<'_>, dialect: Dialect, read: &[Read]) {
    let mut scratch = Scratch::new();
    for (name, scanner) in [("scan", Scanner::new()), ("scan portable", Scanner::portable())] {
        group.bench_function(name, |b| {
            b.iter(|| {
                for Read { buf, len, .. } in read {
                    let text = PaddedText::new(buf, *len).unwrap();
                    black_box(scanner.scan(dialect, text, TS_RECV, &mut scratch));
                    black_box(&scratch);
                }
            });
        });
    }
}

/// The general parser, with the copy of the text into the decoder.
fn general(group: &mut Group<'_>, dialect: Dialect, read: &[Read]) {
    let mut decoder = Decoder::new(dialect);
    decoder.set_scanner(None);
    group.bench_function("general parse", |b| {
        b.iter(|| {
            for Read { buf, len, .. } in read {
                let frame = Frame::Text(&buf[..*len]);
                let mut sink = |event: &Event<'_>| {
                    black_box(event);
                };
                black_box(decoder.decode(frame, TS_RECV, &mut sink).is_ok());
            }
        });
    });
}

/// Finding the subscription and replacing its book, with and without publication.
fn apply(group: &mut Group<'_>, stream: &Stream, read: &[Read], published: bool) {
    let subscription = *stream.subscription(0);
    let mut slots = Slots::default();
    let slot = slots.insert(subscription, DepthOptions::default(), TradeOptions::default());
    let _readers = published.then(|| (slot.book_reader(), slot.trade_reader()));
    let mut stats = Stats::default();
    let (channel, market) = (subscription.channel(), subscription.market());
    let inst_id = subscription.inst_id().as_str();
    group.bench_function(if published { "apply and publish" } else { "apply" }, |b| {
        b.iter(|| {
            for Read { book, trade, .. } in read {
                let event = match trade {
                    Some(trade) => {
                        Event::Trade(TradeUpdate::new(Topic { channel, market, inst_id }, trade))
                    }
                    None => Event::Book(BookUpdate::new(Topic { channel, market, inst_id }, book)),
                };
                slots.apply(black_box(&event), &mut stats, &mut |event: &Event<'_>| {
                    black_box(event);
                });
            }
        });
    });
    assert_eq!(stats.unsubscribed, 0);
}

fn publish(group: &mut Group<'_>, read: &[Read]) {
    let (mut books, mut trades) = (BookPublisher::new(), TradePublisher::new());
    let _readers = (books.reader(), trades.reader());
    group.bench_function("publish", |b| {
        b.iter(|| {
            for Read { book, trade, .. } in read {
                match trade {
                    Some(trade) => trades.push(black_box(trade)),
                    None => books.publish(black_box(book), BookState::Live),
                }
            }
        });
    });
}
