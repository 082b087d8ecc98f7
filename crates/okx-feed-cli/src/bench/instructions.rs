//! One stage of the hot path over fixed frames, for a tool that counts instructions.
//!
//! `okx-feed bench --count-stage STAGE`, a hidden option. The stage runs [`ROUNDS`] times over
//! [`FRAMES`] frames, or once over as many as that, inside one function, `measured`. The
//! preparation before it is not counted. `bash .ci/instructions` runs all stages under callgrind
//! and compares them with a stored baseline. It is part of the program so that no second optimised
//! binary is linked.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use super::measured::measured;
#[cfg(unix)]
use super::records::records_to_book;
use super::socket;
use okx_feed::book::DepthAction;
use okx_feed::internals::{OUTPUT_SPACE, PADDING, PaddedText, Scanner, Scratch, SmallInflate};
use okx_feed::sim::{Endpoint, Exchange, ExchangeConfig, Limits, Outbound, PushIntervals, record};
use okx_feed::{
    Channel, Decoder, DepthBook, DepthUpdate, Event, FeedHandler, Frame, Level, MonoNanos,
    Subscription, Topic, UnixNanos,
};

/// Different frames of a stage.
const FRAMES: usize = 200;

/// The passes over the frames: the first one also fills caches and tables.
const ROUNDS: usize = 5;

const STAGES: [&str; 29] = [
    "inflate depth5",
    "inflate depth5 portable",
    "scan books5",
    "scan books5 portable",
    "scan depth5",
    "scan depth5 portable",
    "scan books",
    "scan books portable",
    "scan depth",
    "scan trades",
    "scan trades portable",
    "scan trade",
    "parse books5",
    "parse books",
    "frame-to-book books5",
    "frame-to-book trades",
    "frame-to-book books",
    "frame-to-book depth5",
    "sbe bbo-tbt",
    "sbe trades",
    "sbe books-l2-tbt",
    "depth apply",
    "records-to-book books5",
    "records-to-book depth5",
    "frame-to-record tickers",
    "frame-to-record mark-price",
    "frame-to-record index-tickers",
    "frame-to-record funding-rate",
    "frame-to-record open-interest",
];

type Frames = Vec<Vec<u8>>;

/// Runs a stage and gives how many frames it took, or the names of the stages for any other name.
/// Those from a socket take as many frames as are `sent`.
///
/// # Errors
/// If the frames of a stage can't be made.
pub(super) fn count(stage: &str, sent: usize) -> Result<String, Box<dyn Error>> {
    if !STAGES.contains(&stage) && !socket::STAGES.contains(&stage) {
        return Ok([STAGES.as_slice(), &socket::STAGES].concat().join("\n"));
    }
    if socket::STAGES.contains(&stage) {
        socket::run_stage(stage, sent)?;
        return Ok(sent.to_string());
    }
    let portable = stage.ends_with("portable");
    let mut words = stage.split(' ');
    let (what, channel) = (
        words.next().unwrap_or_default(),
        words.find(|word| !["portable", "apply"].contains(word)),
    );
    if what == "sbe" {
        sbe(&format!("{}:BTC-USDT", channel.unwrap_or_default()).parse()?)?;
        return Ok((FRAMES * ROUNDS).to_string());
    }
    let channel = match channel {
        Some("tickers") => "tickers:BTC-USDT-SWAP",
        Some("mark-price") => "mark-price:BTC-USDT-SWAP",
        Some("index-tickers") => "index-tickers:BTC-USDT",
        Some("funding-rate") => "funding-rate:BTC-USDT-SWAP",
        Some("open-interest") => "open-interest:BTC-USDT-SWAP",
        Some("depth5") => "spot/depth5:BTC-USDT",
        Some("depth") => "swap/depth_l2_tbt:BTC-USDT-SWAP",
        Some("books") => "books:BTC-USDT-SWAP",
        Some("trade") => "spot/trade:BTC-USDT",
        Some("trades") => "trades:BTC-USDT",
        Some("books5") | None => "books5:BTC-USDT",
        Some(other) => return Err(format!("{stage}: no channel {other:?}").into()),
    };
    let channel: Subscription = channel.parse()?;
    // The hot path runs once: a subscription rejects repeated messages as duplicates.
    let (count, times) =
        if what.contains("-to-") { (FRAMES * ROUNDS, 1) } else { (FRAMES, ROUNDS) };
    let (bodies, texts) = frames(&channel, count)?;
    match what {
        "inflate" => inflate(&bodies, times, portable),
        "scan" => scan(&channel, &texts, times, portable),
        "parse" => parse(&channel, &texts, times),
        "frame-to-book" | "frame-to-record" => hot_path(channel, &bodies, &texts, times),
        #[cfg(unix)]
        "records-to-book" => records_to_book(channel, &bodies, &texts)?,
        _ => depth()?,
    }
    Ok((FRAMES * ROUNDS).to_string())
}

/// The frames of a channel as they are sent, and their texts with room behind.
fn frames(channel: &Subscription, count: usize) -> Result<(Frames, Frames), Box<dyn Error>> {
    let config = ExchangeConfig {
        intervals: PushIntervals::EVERY_CHANGE,
        limits: Limits { idle: None, ..Limits::default() },
        ..ExchangeConfig::default()
    };
    let mut decoder = Decoder::new(channel.dialect());
    let (mut bodies, mut texts) = (Vec::new(), Vec::new());
    for frame in record(&config, channel, count) {
        let mut text = match frame {
            Outbound::Text(text) => text.as_bytes().to_vec(),
            Outbound::Binary(body) => {
                let (frame, mut sink) = (Frame::Binary(&body), |_: &Event<'_>| {});
                decoder.decode(frame, UnixNanos(1), &mut sink)?;
                bodies.push(body.to_vec());
                decoder.last_text().to_vec()
            }
            Outbound::Fault(fault) => return Err(format!("{fault:?}").into()),
            Outbound::Close { reason, .. } => return Err(reason.into()),
        };
        text.resize(text.len() + PADDING, 0);
        texts.push(text);
    }
    Ok((bodies, texts))
}

/// Runs `work` over all frames so many times, counted.
fn rounds(frames: &[Vec<u8>], times: usize, mut work: impl FnMut(&[u8])) {
    measured(&mut || (0..times).for_each(|_| frames.iter().for_each(|frame| work(frame))));
}

fn inflate(bodies: &[Vec<u8>], times: usize, portable: bool) {
    let mut small = if portable { SmallInflate::portable() } else { SmallInflate::new() };
    let mut output = vec![0; OUTPUT_SPACE];
    rounds(bodies, times, |body| {
        black_box(small.inflate(body, &mut output).is_ok());
    });
}

fn scan(channel: &Subscription, texts: &[Vec<u8>], times: usize, portable: bool) {
    let scanner = if portable { Scanner::portable() } else { Scanner::new() };
    let (dialect, mut scratch) = (channel.dialect(), Scratch::new());
    rounds(texts, times, |text| {
        if let Some(padded) = PaddedText::new(text, text.len() - PADDING) {
            black_box(scanner.scan(dialect, padded, UnixNanos(1), &mut scratch).is_some());
        }
    });
}

fn parse(channel: &Subscription, texts: &[Vec<u8>], times: usize) {
    let mut decoder = Decoder::new(channel.dialect());
    decoder.set_scanner(None);
    rounds(texts, times, |text| {
        let frame = Frame::Text(text.get(..text.len() - PADDING).unwrap_or_default());
        let mut sink = |event: &Event<'_>| {
            black_box(event);
        };
        black_box(decoder.decode(frame, UnixNanos(1), &mut sink).is_ok());
    });
}

/// The whole hot path to a published book, as the frames are sent.
fn hot_path(channel: Subscription, bodies: &[Vec<u8>], texts: &[Vec<u8>], times: usize) {
    let mut feed = FeedHandler::new(channel.dialect());
    // The channel is of its own dialect.
    let _ = feed.subscribe(channel);
    let readers = (feed.book_reader(&channel), feed.trade_reader(&channel));
    let binary = !bodies.is_empty();
    rounds(if binary { bodies } else { texts }, times, |bytes| {
        let frame = match binary {
            true => Frame::Binary(bytes),
            false => Frame::Text(bytes.get(..bytes.len() - PADDING).unwrap_or_default()),
        };
        let mut sink = |event: &Event<'_>| {
            black_box(event);
        };
        black_box(feed.on_frame(frame, UnixNanos(1), &mut sink).is_ok());
    });
    black_box(readers);
}

/// The hot path of SBE: binary frames to a published book or trade.
fn sbe(channel: &Subscription) -> Result<(), Box<dyn Error>> {
    let config = ExchangeConfig {
        intervals: PushIntervals::EVERY_CHANGE,
        limits: Limits { idle: None, ..Limits::default() },
        ..ExchangeConfig::default()
    };
    let mut exchange = Exchange::new(&config);
    let market = exchange.market();
    let inst = market.find(channel.inst_id().as_str()).ok_or("it is not listed")?;
    let code = exchange.inst_id_code(inst);
    let id = exchange.connect(Endpoint::V5Sbe, MonoNanos::ZERO);
    let argument = format!(r#"{{"channel":"{}","instIdCode":{code}}}"#, channel.channel());
    let request = format!(r#"{{"op":"subscribe","args":[{argument}]}}"#);
    exchange.receive(id, request.as_bytes(), MonoNanos::ZERO);
    let snapshot = exchange.books_sbe(code, MonoNanos::ZERO).ok_or("it has no snapshot")?;
    let mut frames = Vec::new();
    // One more than is counted: a book begins with an update and a snapshot.
    while frames.len() < FRAMES * ROUNDS + 1 {
        match exchange.poll_transmit(id) {
            Some(Outbound::Binary(body)) => frames.push(body.to_vec()),
            // The acknowledgement.
            Some(_) => {}
            None => drop(exchange.step(MonoNanos(u64::MAX)).ok_or("its market stands still")?),
        }
    }
    let mut feed = FeedHandler::new(channel.dialect());
    feed.set_sbe(Arc::new([(code, *channel.inst_id())].into_iter().collect()));
    // The channel is of its own dialect.
    let _ = feed.subscribe(*channel);
    let readers =
        (feed.book_reader(channel), feed.depth_reader(channel), feed.trade_reader(channel));
    let mut sink = |event: &Event<'_>| {
        black_box(event);
    };
    feed.on_frame(Frame::Binary(&frames.remove(0)), UnixNanos(1), &mut sink)?;
    if channel.channel() == Channel::BooksL2Tbt {
        feed.on_frame(Frame::Binary(&snapshot), UnixNanos(1), &mut sink)?;
    }
    rounds(&frames, 1, |bytes| {
        black_box(feed.on_frame(Frame::Binary(bytes), UnixNanos(1), &mut sink).is_ok());
    });
    black_box(readers);
    let is_live = feed.slots().get(channel).is_some_and(|slot| slot.state().is_live());
    if is_live { Ok(()) } else { Err("the book is not live".into()) }
}

/// An order book of 400 levels a side: a size changes in one of the best fifty places.
fn depth() -> Result<(), Box<dyn Error>> {
    let level = |px: i64, sz: i64| Level::new(px.into(), sz.into(), 1);
    let mut book = DepthBook::new();
    let asks: Vec<_> = (1..=400).map(|n| level(10_000 + n, n)).collect();
    let bids: Vec<_> = (0..400).map(|n| level(10_000 - n, n + 1)).collect();
    let channel: Subscription = "books:BTC-USDT".parse()?;
    let mut seq = 1;
    let mut update = |action, asks: &[Level], bids: &[Level], count: bool| {
        let update = DepthUpdate {
            topic: Topic { channel: channel.channel(), market: None, inst_id: "BTC-USDT" },
            action,
            asks,
            bids,
            non_rpi: None,
            checksum: None,
            seq: DepthUpdate::NO_SEQ,
            prev_seq: DepthUpdate::NO_SEQ,
            ts_event: UnixNanos(seq),
            ts_recv: UnixNanos(seq),
        };
        seq += 1;
        match count {
            true => measured(&mut || {
                let _ = black_box(book.apply(black_box(&update)));
            }),
            false => drop(black_box(book.apply(&update))),
        }
    };
    update(DepthAction::Snapshot, &asks, &bids, false);
    for n in 0..FRAMES * ROUNDS {
        let place = i64::try_from(n * 7 % 50)?;
        let changed = [level(10_001 + place, i64::try_from(n)? + 1)];
        update(DepthAction::Update, &changed, &[], true);
    }
    Ok(())
}
