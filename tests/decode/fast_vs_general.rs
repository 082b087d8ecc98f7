//! The fast paths and the general one give the same events and the same errors: over recorded
//! frames, and over millions of damaged ones.
//!
//! `OKX_FEED_MUTATIONS` sets how many damaged messages are tried; `OKX_FEED_CAPTURES` names the
//! folder of captures where it is not `../shared/captures`.
#![cfg(feature = "sim")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the helpers of a test may fail as the test does"
)]

use std::path::{Path, PathBuf};

use base64::Engine;
use flate2::{Decompress, FlushDecompress, Status};
use okx_feed::sim::{ExchangeConfig, Limits, Outbound, PushIntervals, record};
use okx_feed::wire::{Decoded, InflatePath, TextPath};
use okx_feed::{
    DecodeError, DecodeErrorKind, Decoder, Dialect, Event, Frame, Subscription, UnixNanos,
};

/// The default number of damaged messages.
const MUTATIONS: u64 = if cfg!(debug_assertions) { 40_000 } else { 1_000_000 };

/// Undamaged messages of each channel to start from.
const SEEDS: usize = 400;

const CHANNELS: [&str; 24] = [
    "spot/depth5:BTC-USDT",
    "swap/depth5:BTC-USDT-SWAP",
    "spot/trade:SATS-USDT",
    "futures/trade:BTC-USD-190517",
    "books5:BTC-USDT",
    "books5:ETH-USDT-SWAP",
    "bbo-tbt:SATS-USDT",
    "trades:BTC-USDT",
    "trades-all:ETH-BTC",
    "books:BTC-USDT",
    "books-l2-tbt:ETH-USDT-SWAP",
    "books-rpi:BTC-USDT",
    "books-elp:BTC-USDT",
    "spot/depth:BTC-USDT",
    "swap/depth_l2_tbt:BTC-USDT-SWAP",
    "tickers:BTC-USDT",
    "mark-price:BTC-USDT-SWAP",
    "index-tickers:BTC-USDT",
    "funding-rate:BTC-USDT-SWAP",
    "open-interest:BTC-USDT-SWAP",
    "price-limit:BTC-USDT-SWAP",
    "candle1m:BTC-USDT",
    "spot/ticker:BTC-USDT",
    "swap/funding_rate:BTC-USDT-SWAP",
];

/// One decoder of each kind. They must agree.
struct Pair {
    fast: Decoder,
    general: Decoder,
    /// The events of each as text, in reused buffers.
    seen: [String; 2],
}

/// The path of a frame through the fast decoder.
enum Fate {
    Taken(Decoded),
    Refused,
}

impl Pair {
    fn new(dialect: Dialect) -> Self {
        let mut general = Decoder::new(dialect);
        general.set_scanner(None);
        general.set_small_inflate(false);
        Self { fast: Decoder::new(dialect), general, seen: [String::new(), String::new()] }
    }

    /// Decodes a frame twice and compares: the events, or the kind of the error.
    fn check(&mut self, frame: Frame<'_>) -> Fate {
        let Self { fast, general, seen: [seen_fast, seen_general] } = self;
        let run = |decoder: &mut Decoder, seen: &mut String, frame: Frame<'_>| {
            use std::fmt::Write;
            seen.clear();
            decoder.decode(frame, UnixNanos(77), &mut |event: &Event<'_>| {
                write!(seen, "{event:?};").unwrap();
            })
        };
        let fast = run(fast, seen_fast, frame);
        let mut general_result = run(general, seen_general, frame);
        if let Frame::Binary(body) = frame
            && is_deflate(&fast) != is_deflate(&general_result)
        {
            // libdeflate accepts some codes that zlib refuses, and the reverse. Ours must match
            // zlib, which the exchange's clients used.
            let text = zlib(body);
            assert_eq!(is_deflate(&fast), text.is_none(), "not as zlib: {frame:?}");
            let Some(text) = text else { return Fate::Refused };
            general_result = run(general, seen_general, Frame::Text(&text));
        }
        let general = general_result;
        assert_eq!(seen_fast, seen_general, "events differ over {frame:?}");
        match (fast, general) {
            (Ok(fast), Ok(general)) => {
                let same = (general.events, general.text_len);
                assert_eq!((fast.events, fast.text_len), same, "{frame:?}");
                Fate::Taken(fast)
            }
            (Err(fast), Err(general)) => {
                assert_eq!(fast.kind, general.kind, "errors differ over {frame:?}");
                Fate::Refused
            }
            (fast, general) => panic!("{fast:?} but {general:?} over {frame:?}"),
        }
    }
}

fn is_deflate(result: &Result<Decoded, DecodeError>) -> bool {
    result.as_ref().is_err_and(|error| error.kind == DecodeErrorKind::Deflate)
}

/// zlib's output for a body; `None` if it is no complete stream.
fn zlib(body: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(2 << 20);
    let mut stream = Decompress::new(false);
    let status = stream.decompress_vec(body, &mut text, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd).then_some(text)
}

/// Seeded randomness (splitmix64).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }
}

/// The bytes that are mostly inserted: tokens of the format.
const BYTES: &[u8] = b"0123456789.-\"[]{},:eE+ \\/Zabs\t\n\0\x7f\x80\xff";

/// Damages a message in one to three places.
fn damage(rng: &mut Rng, text: &mut Vec<u8>, other: &[u8]) {
    let more = [0, 0, 0, 1, 2][rng.below(5)];
    for _ in 0..=more {
        if text.is_empty() {
            return;
        }
        let at = rng.below(text.len());
        let most = [1, 2, 4, 40][rng.below(4)];
        let end = (at + 1 + rng.below(most)).min(text.len());
        match rng.below(10) {
            0..=2 => text[at] = BYTES[rng.below(11)],
            3 => text[at] = BYTES[rng.below(BYTES.len())],
            4 => text[at] ^= 1 << rng.below(8),
            5 => drop(text.drain(at..end)),
            6 => text.insert(at, BYTES[rng.below(BYTES.len())]),
            7 => {
                let copy = text[at..end].to_vec();
                let to = rng.below(text.len());
                text.splice(to..to, copy);
            }
            8 => {
                let from = rng.below(other.len());
                let to = (from + end - at).min(other.len());
                text.splice(at..end, other[from..to].iter().copied());
            }
            _ => text.truncate(at),
        }
    }
}

/// A message's text, and its body where it was compressed.
type Original = (Vec<u8>, Vec<u8>);

/// Undamaged messages of a channel, as texts and as they are sent.
fn originals(channel: &str, seed: u64) -> (Dialect, Vec<Original>) {
    let subscription: Subscription = channel.parse().unwrap();
    let mut config = ExchangeConfig {
        intervals: PushIntervals::EVERY_CHANGE,
        limits: Limits { idle: None, ..Limits::default() },
        ..ExchangeConfig::default()
    };
    config.market.seed = seed;
    let mut room = vec![0; 1 << 16];
    let frames = record(&config, &subscription, SEEDS).into_iter().map(|frame| match frame {
        Outbound::Text(text) => (text.as_bytes().to_vec(), Vec::new()),
        Outbound::Binary(body) => {
            let mut libdeflate = libdeflater::Decompressor::new();
            let len = libdeflate.deflate_decompress(&body, &mut room).unwrap();
            (room[..len].to_vec(), body.to_vec())
        }
        Outbound::Close { reason, .. } => panic!("{reason}"),
        Outbound::Fault(fault) => panic!("{fault:?}"),
    });
    (subscription.dialect(), frames.collect())
}

/// Tries `cases` damaged messages, all different by their seed. Returns the numbers of those
/// decoded by a fast path, decoded at all, and refused.
fn try_damaged(cases: u64, thread: u64) -> [u64; 3] {
    let mut rng = Rng(thread << 32);
    let sets = CHANNELS.map(|channel| originals(channel, thread + 1));
    let mut pairs = [Pair::new(Dialect::V3), Pair::new(Dialect::V5)];
    let mut counts = [0; 3];
    for case in 0..cases {
        let (dialect, set) = &sets[rng.below(sets.len())];
        let pair = &mut pairs[usize::from(*dialect == Dialect::V5)];
        let (text, body) = &set[rng.below(set.len())];
        let (_, others) = &sets[rng.below(sets.len())];
        let (other, _) = &others[rng.below(others.len())];
        // One in four of v3 is damaged as it is sent, to try the decompressors too.
        let binary = !body.is_empty() && case % 4 == 0;
        let mut bytes = if binary { body.clone() } else { text.clone() };
        damage(&mut rng, &mut bytes, if binary { body } else { other });
        let frame = if binary { Frame::Binary(&bytes) } else { Frame::Text(&bytes) };
        match pair.check(frame) {
            Fate::Taken(decoded) => {
                counts[0] += u64::from(decoded.parsed == TextPath::Scanned);
                counts[1] += 1;
            }
            Fate::Refused => counts[2] += 1,
        }
    }
    counts
}

#[test]
fn damaged_messages_decode_or_fail_alike() {
    let asked = std::env::var("OKX_FEED_MUTATIONS").ok();
    let cases = asked.map_or(MUTATIONS, |text| text.parse().unwrap());
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let counts = std::thread::scope(|scope| {
        let run = |thread| scope.spawn(move || try_damaged(cases / threads, thread));
        let running: Vec<_> = (0..threads).map(run).collect();
        let all = running.into_iter().map(|thread| thread.join().unwrap());
        all.fold([0; 3], |a: [u64; 3], b| std::array::from_fn(|i| a[i] + b[i]))
    });
    let [scanned, taken, refused] = counts;
    println!("{} damaged: {taken} taken, {scanned} by the fast path, {refused} refused", cases);
    assert!(scanned > cases / 20 && refused > cases / 20, "{counts:?}");
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn recorded_frames_decode_alike_and_books_and_trades_take_the_fast_path() {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    let folder = std::env::var_os("OKX_FEED_CAPTURES").map_or_else(|| near.into(), PathBuf::from);
    check_captures(&folder);
}

#[test]
fn frames_of_the_embedded_exchange_decode_alike_by_the_fast_path() {
    check_captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"));
}

fn check_captures(folder: &Path) {
    let (mut frames, mut small, mut deflated) = (0, 0, 0);
    // Of five-level books and trades, and of order books: all, and those that went fast.
    let mut counts = [[0u32; 2]; 2];
    for path in captures(folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let dialect = match () {
            () if name.contains("-v3") => Dialect::V3,
            () if name.contains("-v5") => Dialect::V5,
            () => continue,
        };
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        // Re-encoded by others, so the form is not the exchange's, but the events must be equal.
        let original = !name.starts_with("reformatted") && !name.starts_with("doc-examples");
        let mut pair = Pair::new(dialect);
        for line in text.lines() {
            let payload = line.split_once('\t').map_or(line, |(_, payload)| payload);
            let body = base64::engine::general_purpose::STANDARD.decode(payload);
            let fate = match &body {
                Ok(body) if payload != "pong" => pair.check(Frame::Binary(body)),
                _ => pair.check(Frame::Text(payload.as_bytes())),
            };
            frames += 1;
            let Fate::Taken(decoded) = fate else { continue };
            deflated += u64::from(decoded.inflated.is_some());
            small += u64::from(decoded.inflated == Some(InflatePath::Small));
            let seen = &pair.seen[0];
            let deep = seen.starts_with("Depth(");
            if original && (deep || seen.starts_with("Book(") || seen.starts_with("Trade(")) {
                let [wanted, fast] = &mut counts[usize::from(deep)];
                *wanted += 1;
                *fast += u32::from(decoded.parsed == TextPath::Scanned);
                if decoded.parsed != TextPath::Scanned {
                    println!("general path, {name}: {}", &seen[..seen.len().min(150)]);
                }
            }
        }
    }
    let [[small_books, small_fast], [order_books, deep_fast]] = counts;
    println!(
        "{frames} frames alike; {small_fast} of {small_books} five-level books and trades and"
    );
    println!("{deep_fast} of {order_books} messages of order books went fast");
    println!("{small} of {deflated} deflated frames went to the small-frame decoder");
    for [wanted, fast] in counts {
        assert!(wanted > 0);
        assert!(fast * 100 >= wanted * 99, "{fast} of {wanted}");
    }
}
