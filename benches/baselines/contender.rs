//! From a frame to a finished book or trade, in every way that is compared.

use flate2::{Decompress, FlushDecompress};
use libdeflater::Decompressor;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};
use okx_feed::internals::{PADDING, Scanner};
use okx_feed::{Book5, Dialect, Event, FeedHandler, Frame, Subscription, Trade};
use simd_json::Buffers;

use super::value::value;
use super::{Read, TS_RECV, Tapes, serde, sonic, typed};

/// The longest text of a frame in the benches, in bytes.
const ROOM: usize = 1 << 16;

/// The content of a frame: a book, or the trade.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, to be compared")]
pub(crate) enum Made {
    Book(Book5),
    Trade(Trade),
}

/// One way from a frame to a finished book or trade.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    way: Way,
}

enum Way {
    /// With lookup, state and counters, which the others do not have.
    Ours(Box<FeedHandler>),
    Baseline(Box<Baseline>),
}

/// All ways, ours first. `subscriptions` are those that frames may belong to.
pub(crate) fn contenders(dialect: Dialect, subscriptions: &[Subscription]) -> Vec<Contender> {
    let handler = |scanner: Option<Scanner>, small: bool| {
        let mut feed = FeedHandler::new(dialect);
        feed.decoder_mut().set_scanner(scanner);
        feed.decoder_mut().set_small_inflate(small);
        subscriptions
            .iter()
            .for_each(|subscription| assert_eq!(feed.subscribe(*subscription), Ok(())));
        Way::Ours(Box::new(feed))
    };
    let baseline = |inflate, parser| {
        let text = vec![0; ROOM + PADDING];
        let (book, trade) = (Book5::EMPTY, None);
        Way::Baseline(Box::new(Baseline { dialect, inflate, parser, text, book, trade }))
    };
    let fast = || Inflate::Libdeflate(Decompressor::new());
    let zlib = || Inflate::Zlib(Decompress::new(false));
    let miniz = || Inflate::Miniz(InflateState::new_boxed(DataFormat::Raw));
    let mut all = vec![
        ("ours", handler(Some(Scanner::new()), true)),
        ("ours portable", portable(dialect, subscriptions)),
        ("ours general path", handler(None, false)),
        ("libdeflater + simd-json tape", baseline(fast(), Parser::Tape(Box::default()))),
        ("libdeflater + simd-json typed", baseline(fast(), Parser::SimdTyped(Buffers::new(4096)))),
        ("libdeflater + sonic-rs typed", baseline(fast(), Parser::Sonic)),
        ("flate2 zlib-rs + serde_json typed", baseline(zlib(), Parser::Serde)),
        ("flate2 zlib-rs + serde_json Value", baseline(zlib(), Parser::Value)),
        ("flate2 miniz + serde_json typed", baseline(miniz(), Parser::Serde)),
    ];
    all.drain(..).map(|(name, way)| Contender { name, way }).collect()
}

/// Ours alone.
pub(crate) fn ours(dialect: Dialect, subscriptions: &[Subscription]) -> Contender {
    contenders(dialect, subscriptions).swap_remove(0)
}

fn portable(dialect: Dialect, subscriptions: &[Subscription]) -> Way {
    let mut feed = FeedHandler::new(dialect);
    feed.decoder_mut().set_portable();
    subscriptions.iter().for_each(|subscription| assert_eq!(feed.subscribe(*subscription), Ok(())));
    Way::Ours(Box::new(feed))
}

impl Contender {
    /// Ours with a handler of the bench's own.
    pub(crate) fn of(feed: FeedHandler) -> Self {
        Self { name: "ours", way: Way::Ours(Box::new(feed)) }
    }

    /// Makes ready for a stream from its beginning.
    pub(crate) fn begin(&mut self) {
        if let Way::Ours(feed) = &mut self.way {
            feed.forget(TS_RECV, &mut |_: &Event<'_>| {});
        }
    }

    /// Takes a frame; false if it is malformed.
    #[inline]
    pub(crate) fn take(&mut self, frame: Frame<'_>) -> bool {
        match &mut self.way {
            Way::Ours(feed) => feed.on_frame(frame, TS_RECV, &mut |_: &Event<'_>| {}).is_ok(),
            Way::Baseline(baseline) => baseline.take(frame),
        }
    }

    /// The content of the last frame, of `subscription`.
    pub(crate) fn made(&self, subscription: &Subscription) -> Option<Made> {
        match &self.way {
            Way::Ours(feed) => match feed.book(subscription) {
                Some(book) => Some(Made::Book(book)),
                None => feed.trades(subscription)?.last().copied().map(Made::Trade),
            },
            Way::Baseline(baseline) => {
                Some(baseline.trade.map_or(Made::Book(baseline.book), Made::Trade))
            }
        }
    }

    /// The handler, where this is ours.
    pub(crate) fn handler(&self) -> Option<&FeedHandler> {
        match &self.way {
            Way::Ours(feed) => Some(feed),
            Way::Baseline(_) => None,
        }
    }
}

enum Inflate {
    Libdeflate(Decompressor),
    Zlib(Decompress),
    /// flate2's default backend. flate2 supports one backend at a time, so the two calls of it are
    /// repeated here.
    Miniz(Box<InflateState>),
}

enum Parser {
    Tape(Box<Tapes>),
    SimdTyped(Buffers),
    Sonic,
    Serde,
    Value,
}

/// A decompressor, a parser and the one book that they fill.
struct Baseline {
    dialect: Dialect,
    inflate: Inflate,
    parser: Parser,
    text: Vec<u8>,
    book: Book5,
    trade: Option<Trade>,
}

impl Baseline {
    #[inline]
    fn take(&mut self, frame: Frame<'_>) -> bool {
        let read = self.read(frame);
        if let Some((_, trade)) = read {
            self.trade = trade;
        }
        read.is_some()
    }

    fn read(&mut self, frame: Frame<'_>) -> Read {
        let Self { dialect, inflate, parser, text, book, .. } = self;
        let in_place = matches!(parser, Parser::Tape(_) | Parser::SimdTyped(_));
        let len = match frame {
            // These two read the frame where it lies.
            Frame::Text(bytes) if !in_place => {
                return match parser {
                    Parser::Sonic => sonic(*dialect, bytes, book),
                    Parser::Serde => serde(*dialect, bytes, book),
                    _ => value(*dialect, bytes, book),
                };
            }
            Frame::Text(bytes) => {
                text.get_mut(..bytes.len())?.copy_from_slice(bytes);
                bytes.len()
            }
            Frame::Binary(body) => inflate.inflate(body, text.get_mut(..ROOM)?)?,
        };
        match parser {
            Parser::Tape(tapes) => tapes.walk(*dialect, text, len, book),
            Parser::SimdTyped(buffers) => {
                typed::simd(*dialect, text.get_mut(..len)?, buffers, book)
            }
            Parser::Sonic => sonic(*dialect, text.get(..len)?, book),
            Parser::Serde => serde(*dialect, text.get(..len)?, book),
            Parser::Value => value(*dialect, text.get(..len)?, book),
        }
    }
}

impl Inflate {
    fn inflate(&mut self, body: &[u8], text: &mut [u8]) -> Option<usize> {
        match self {
            Self::Libdeflate(libdeflate) => libdeflate.deflate_decompress(body, text).ok(),
            Self::Zlib(zlib) => {
                zlib.reset(false);
                let status = zlib.decompress(body, text, FlushDecompress::Finish).ok()?;
                let ended = status == flate2::Status::StreamEnd;
                ended.then(|| usize::try_from(zlib.total_out()).ok())?
            }
            Self::Miniz(miniz) => {
                miniz.reset(DataFormat::Raw);
                let result = inflate(miniz, body, text, MZFlush::Finish);
                (result.status == Ok(MZStatus::StreamEnd)).then_some(result.bytes_written)
            }
        }
    }
}
