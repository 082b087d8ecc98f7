//! From a message's text to a finished five-level book or trade: the scanner against parsers that
//! do the same work.
//!
//! Every contender is asserted to give the same books and trades before it is timed. Times are per
//! corpus of 512 different messages; divide by that, or read the throughput.

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a benchmark of its own messages, of which it knows the number"
)]

#[path = "baselines/mod.rs"]
mod baselines;
#[path = "frames/messages.rs"]
mod messages;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use okx_feed::internals::{PaddedText, Scanned, Scanner, Scratch};
use okx_feed::{Book5, Decimal, Trade};
use std::hint::black_box;

use baselines::{TS_RECV, Tapes, serde, sonic};
use messages::Corpus;

/// The result of a contender for a message: the length of the id and the trade, or else the book.
type Made = (usize, Option<Trade>, Option<Book5>);

fn scan(scanner: &Scanner, corpus: &Corpus, index: usize, scratch: &mut Scratch) -> Option<Made> {
    let (buf, len) = corpus.text(index);
    match scanner.scan(corpus.dialect, PaddedText::new(buf, len)?, TS_RECV, scratch)? {
        Scanned::Book { inst_id, .. } => Some((inst_id.len(), None, Some(scratch.book))),
        Scanned::Trade { inst_id, trade, .. } => Some((inst_id.len(), Some(trade), None)),
        Scanned::Depth { .. } | Scanned::Record { .. } => None,
    }
}

/// As [`scan`], without a copy of the book.
fn scan_only(scanner: &Scanner, corpus: &Corpus, index: usize, scratch: &mut Scratch) {
    let (buf, len) = corpus.text(index);
    let Some(text) = PaddedText::new(buf, len) else { return };
    black_box(scanner.scan(corpus.dialect, text, TS_RECV, scratch));
    black_box(&*scratch);
}

/// Walks the tape of a message in its own buffer.
fn walk(tapes: &mut Tapes, corpus: &mut Corpus, index: usize, book: &mut Book5) -> baselines::Read {
    let dialect = corpus.dialect;
    let (buf, len) = corpus.text_mut(index);
    tapes.walk(dialect, buf, len, book)
}

fn bench(c: &mut Criterion) {
    for mut corpus in Corpus::all() {
        check(&mut corpus);
        let mut group = c.benchmark_group(corpus.name);
        group.throughput(Throughput::Elements(messages::COUNT as u64));
        let (mut book, mut scratch) = (Book5::EMPTY, Scratch::new());
        for (name, scanner) in [("avx2", Scanner::new()), ("portable", Scanner::portable())] {
            group.bench_function(name, |b| {
                b.iter(|| {
                    (0..messages::COUNT).for_each(|i| scan_only(&scanner, &corpus, i, &mut scratch))
                });
            });
        }
        let mut tapes = Tapes::default();
        group.bench_function("simd-json tape + walk", |b| {
            b.iter(|| {
                for index in 0..messages::COUNT {
                    black_box(walk(&mut tapes, &mut corpus, index, &mut book));
                    black_box(&book);
                }
            });
        });
        group.bench_function("simd-json tape alone", |b| {
            b.iter(|| {
                for index in 0..messages::COUNT {
                    let (buf, len) = corpus.text_mut(index);
                    black_box(tapes.fill_only(buf, len));
                }
            });
        });
        group.bench_function("sonic-rs typed", |b| {
            b.iter(|| {
                for index in 0..messages::COUNT {
                    black_box(sonic(corpus.dialect, corpus.bytes(index), &mut book));
                    black_box(&book);
                }
            });
        });
        group.bench_function("serde_json typed", |b| {
            b.iter(|| {
                for index in 0..messages::COUNT {
                    black_box(serde(corpus.dialect, corpus.bytes(index), &mut book));
                    black_box(&book);
                }
            });
        });
        group.finish();
    }
}

/// The cost of each number for parsers that read floats, besides the scan of its text.
fn floats(c: &mut Criterion) {
    let decimal =
        |n: i64| Decimal::new(3_000_000_000 + n * 7919, n.rem_euclid(9).unsigned_abs() as u8);
    let decimals: Vec<_> = (0..messages::COUNT as i64).filter_map(|n| decimal(n).ok()).collect();
    let by_text = |decimal: &Decimal| {
        let mut buf = [0; Decimal::MAX_TEXT_LEN];
        let text = std::str::from_utf8(decimal.write_text(&mut buf)).ok();
        text.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
    };
    assert!(decimals.iter().all(|decimal| decimal.to_f64() == by_text(decimal)));
    let mut group = c.benchmark_group("decimal");
    group.throughput(Throughput::Elements(messages::COUNT as u64));
    group.bench_function("to_f64", |b| {
        b.iter(|| decimals.iter().for_each(|decimal| _ = black_box(black_box(decimal).to_f64())));
    });
    group.bench_function("by text", |b| {
        b.iter(|| decimals.iter().for_each(|decimal| _ = black_box(by_text(black_box(decimal)))));
    });
    group.finish();
}

/// All contenders give the same.
fn check(corpus: &mut Corpus) {
    let (best, portable) = (Scanner::new(), Scanner::portable());
    let (mut tapes, mut scratch) = (Tapes::default(), Scratch::new());
    for index in 0..messages::COUNT {
        let mut book = Book5::EMPTY;
        let made = scan(&best, corpus, index, &mut scratch);
        assert!(made.is_some(), "{}", corpus.shown(index));
        assert_eq!(scan(&portable, corpus, index, &mut scratch), made);
        let whole = |read: Option<(usize, Option<Trade>)>, book: &Book5| {
            let (len, trade) = read?;
            Some((len, trade, trade.is_none().then_some(*book)))
        };
        let walked = walk(&mut tapes, corpus, index, &mut book);
        assert_eq!(whole(walked, &book), made);
        let sonic = sonic(corpus.dialect, corpus.bytes(index), &mut book);
        assert_eq!(whole(sonic, &book), made);
        let serde = serde(corpus.dialect, corpus.bytes(index), &mut book);
        assert_eq!(whole(serde, &book), made);
    }
}

criterion_group!(benches, bench, floats);
criterion_main!(benches);
