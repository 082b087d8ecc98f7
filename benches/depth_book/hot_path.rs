//! The whole hot path: a frame is inflated, parsed and applied to its book, sequence and checksum
//! included.
//!
//! The frames are those of the embedded exchange for every change of a market of 400 levels a side,
//! and the recorded ones if there are any. Before anything is timed each contender is asserted to
//! have the same book after every frame: the best 25 levels, the number of levels and, if it
//! verifies, a matching checksum.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use flate2::Decompress;
use libdeflater::Decompressor;
use okx_feed::book::{Checksum, Verify};
use okx_feed::feed::DepthOptions;
use okx_feed::{Dialect, Event, FeedHandler, Frame, Level, UnixNanos};

use crate::recorded;
use crate::segments::time_updates;
use crate::stream::{Stream, text_of};
use crate::usual::{Inflate, Usual};

const TS_RECV: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

enum Way {
    Ours(Box<FeedHandler>),
    Usual(Box<Usual>),
}

struct Contender {
    name: &'static str,
    verifies: bool,
    way: Way,
}

impl Contender {
    fn all(stream: &Stream) -> Vec<Self> {
        let handler = |verify| {
            let mut feed = FeedHandler::new(stream.dialect);
            feed.set_depth_options(DepthOptions { verify, ..DepthOptions::default() });
            stream
                .subscriptions
                .iter()
                .for_each(|subscription| feed.subscribe(*subscription).unwrap());
            Box::new(feed)
        };
        let ours = |verify| Way::Ours(handler(verify));
        let parsed = || {
            let mut feed = handler(Verify::Off);
            feed.decoder_mut().set_scanner(None);
            Way::Ours(feed)
        };
        let usual = |inflate, verify| Way::Usual(Box::new(Usual::new(inflate, verify)));
        let libdeflate = || Inflate::Libdeflate(Decompressor::new());
        let zlib = || Inflate::Zlib(Decompress::new(false));
        let all = match stream.dialect {
            Dialect::V3 => vec![
                ("ours", true, ours(Verify::Every)),
                ("libdeflater + serde_json + BTreeMap", true, usual(libdeflate(), true)),
                ("flate2 + serde_json + BTreeMap", true, usual(zlib(), true)),
                ("ours, unverified", false, ours(Verify::Off)),
                ("ours, general parser, unverified", false, parsed()),
                (
                    "libdeflater + serde_json + BTreeMap, unverified",
                    false,
                    usual(libdeflate(), false),
                ),
            ],
            Dialect::V5 => vec![
                ("ours", true, ours(Verify::Every)),
                ("serde_json + BTreeMap", true, usual(zlib(), true)),
                ("ours, unverified", false, ours(Verify::Off)),
                ("ours, general parser, unverified", false, parsed()),
                ("serde_json + BTreeMap, unverified", false, usual(zlib(), false)),
            ],
        };
        all.into_iter().map(|(name, verifies, way)| Self { name, verifies, way }).collect()
    }

    /// Makes ready for a stream from its beginning.
    fn begin(&mut self) {
        if let Way::Ours(feed) = &mut self.way {
            feed.forget(TS_RECV, &mut |_: &Event<'_>| {});
        }
    }

    fn take(&mut self, frame: Frame<'_>) -> bool {
        match &mut self.way {
            Way::Ours(feed) => feed.on_frame(frame, TS_RECV, &mut |_: &Event<'_>| {}).is_ok(),
            Way::Usual(usual) => usual.take(frame).is_some(),
        }
    }

    /// Takes a frame, and gives the book after it and whether its checksum was compared.
    fn checked(&mut self, frame: Frame<'_>, stream: &Stream, place: usize) -> (Book, bool) {
        let subscription = stream.subscription(place);
        match &mut self.way {
            Way::Ours(feed) => {
                let mut compared = false;
                let mut sink = |event: &Event<'_>| {
                    if let Event::DepthBook(change) = event {
                        compared = change.outcome.checksum == Checksum::Ok;
                    }
                };
                feed.on_frame(frame, TS_RECV, &mut sink).unwrap();
                let view = feed.depth(subscription).unwrap().live().unwrap();
                let (asks, bids) = view.top(25);
                let counts = [view.asks().len(), view.bids().len()];
                (([asks.to_vec(), bids.to_vec()], counts), compared)
            }
            Way::Usual(usual) => {
                let before = usual.verified;
                usual.take(frame).unwrap();
                let book = usual.top(subscription.inst_id().as_str(), 25).unwrap();
                (book, usual.verified > before)
            }
        }
    }
}

/// The best 25 levels of each side, and how many there are.
type Book = ([Vec<Level>; 2], [usize; 2]);

/// Every contender has the same book after every frame.
fn check(contenders: &mut [Contender], stream: &Stream) {
    for (frame, place) in stream.iter() {
        let mut first = None;
        for contender in &mut *contenders {
            let (book, compared) = contender.checked(frame, stream, place);
            assert_eq!(compared, contender.verifies, "{}", contender.name);
            let first = first.get_or_insert_with(|| book.clone());
            assert_eq!(book, *first, "{} differs", contender.name);
        }
    }
}

/// The frames, and whether each is a snapshot.
fn marked(stream: &Stream) -> Vec<(bool, Frame<'_>)> {
    let is_snapshot = |frame| {
        let text = String::from_utf8(text_of(frame)).unwrap();
        text.contains(r#""action":"partial""#) || text.contains(r#""action":"snapshot""#)
    };
    let marked: Vec<_> = stream.iter().map(|(frame, _)| (is_snapshot(frame), frame)).collect();
    assert!(marked[0].0, "the first message is a snapshot");
    marked
}

pub(crate) fn hot_path(criterion: &mut Criterion) {
    let simulated = ["books:BTC-USDT-SWAP", "swap/depth_l2_tbt:BTC-USDT-SWAP"];
    let simulated = simulated.map(Stream::simulated).map(|stream| ("hot_path", stream));
    let recorded = recorded::streams().into_iter().map(|stream| ("frame-to-book recorded", stream));
    for (kind, stream) in simulated.into_iter().chain(recorded) {
        let mut contenders = Contender::all(&stream);
        check(&mut contenders, &stream);
        let frames = marked(&stream);
        let mut group = criterion.benchmark_group(format!("{kind}/{}", stream.name));
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
        group.sample_size(30);
        for contender in &mut contenders {
            let name = BenchmarkId::from_parameter(contender.name);
            let first = &frames[0].1;
            time_updates(&mut group, name, &frames, |frame| {
                if std::ptr::eq(frame, first) {
                    contender.begin();
                }
                contender.take(*frame)
            });
        }
        group.finish();
    }
}
