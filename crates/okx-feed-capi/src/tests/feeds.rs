//! A feed, a decoder and their events, as C uses them.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use super::{c, last_error};
use crate::abi::decoder::{okx_decoder_close, okx_decoder_decode, okx_decoder_new};
use crate::abi::feed::*;
use crate::abi::reader::*;
use crate::abi::replay::*;
use crate::status::Status;
use crate::types::*;

const BOOK: &[u8] = br#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["84090.80","0.00022104","0","4294967295"],["84091","1","0","1"]],"bids":[["-0.5","7","0","2"]],"ts":"1700000000001","seqId":123456789012345}]}"#;
const DEPTH: &[u8] = br#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["3","1","0","1"],["4","2","0","1"]],"bids":[["2","3","0","1"]],"ts":"1700000000001","seqId":7,"prevSeqId":-1}]}"#;
const TICKER: &[u8] = br#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"84090.80","lastSz":"1","ts":"1700000000001"}]}"#;

fn trade(id: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{id}","px":"84090.8","sz":"0.0{id}","side":"sell","ts":"1700000000002","count":"1"}}]}}"#
    )
}

/// What a callback has seen.
#[derive(Default)]
struct Seen {
    kinds: Vec<EventKind>,
    texts: Vec<String>,
    book: Option<Book>,
    /// The books of order books' messages.
    best: Vec<Option<Book>>,
    trade: Option<Trade>,
    asks: Vec<Level>,
    fields: Vec<(String, FieldKind, i64, u8)>,
}

fn owned(text: &Text) -> String {
    if text.data.is_null() {
        return String::new();
    }
    // SAFETY: the library's text has so many bytes during the callback.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn c_text(text: &[std::ffi::c_char]) -> String {
    text.iter().take_while(|c| **c != 0).map(|c| char::from(c.cast_unsigned())).collect()
}

unsafe extern "C" fn see(event: *const Event, user: *mut c_void) {
    // SAFETY: both are what the test gave, and the library passes an event.
    let (event, seen) = unsafe { (&*event, &mut *user.cast::<Seen>()) };
    seen.kinds.push(event.kind);
    seen.texts.push(format!("{}:{}", owned(&event.channel), owned(&event.inst_id)));
    // SAFETY: not null, they point to one value each, and to so many levels.
    unsafe {
        seen.book = event.book.as_ref().copied().or(seen.book);
        if event.kind == EventKind::Depth {
            seen.best.push(event.book.as_ref().copied());
        }
        seen.trade = event.trade.as_ref().copied().or(seen.trade);
        if event.asks_len > 0 {
            seen.asks = std::slice::from_raw_parts(event.asks, event.asks_len).to_vec();
        }
        if let Some(record) = event.record.as_ref() {
            let fields = record.fields.iter().take(record.fields_len);
            seen.fields = fields
                .map(|field| (c_text(&field.name), field.kind, field.number, field.scale))
                .collect();
        }
    }
}

fn frame(feed: *mut Feed, text: &[u8]) -> Status {
    // SAFETY: the text has so many bytes.
    unsafe { okx_feed_on_frame(feed, 1, text.as_ptr(), text.len(), 1_700_000_000_123_456_789) }
}

#[test]
fn a_feed_gives_books_trades_records_and_events() {
    let mut seen = Seen::default();
    let mut feed = null_mut();
    let user = (&raw mut seen).cast();
    // SAFETY: here and below, all pointers are to values of this test.
    unsafe {
        assert_eq!(okx_feed_new(5, Some(see), user, &mut feed), Status::Ok);
        for channel in ["books5", "books", "trades", "tickers"] {
            assert_eq!(okx_feed_subscribe(feed, c(&format!("{channel}:BTC-USDT"))), Status::Ok);
        }
        assert_eq!(okx_feed_set_states(feed, 1, 1), Status::Ok);
        let reader = |channel: &str| {
            let mut reader = null_mut();
            assert_eq!(okx_feed_reader(feed, c(channel), &mut reader), Status::Ok);
            reader
        };
        let (book, depth) = (reader("books5:BTC-USDT"), reader("books:BTC-USDT"));
        let (trades, ticker) = (reader("trades:BTC-USDT"), reader("tickers:BTC-USDT"));
        let mut record = std::mem::zeroed();
        assert_eq!(okx_reader_record(ticker, &mut record), Status::Empty);
        for text in [BOOK, DEPTH, TICKER] {
            assert_eq!(frame(feed, text), Status::Ok, "{}", last_error());
        }
        for id in 1..=5 {
            assert_eq!(frame(feed, trade(id).as_bytes()), Status::Ok);
        }
        let mut view: BookView = std::mem::zeroed();
        assert_eq!(okx_reader_book(book, &mut view), Status::Ok);
        let level = |px, px_scale, sz, sz_scale, orders| Level {
            px,
            sz,
            orders,
            px_scale,
            sz_scale,
            reserved: [0; 2],
        };
        assert_eq!((view.state, view.book.seq), (State::Live, 123_456_789_012_345));
        assert_eq!(
            (view.book.ts_event, view.book.ts_recv),
            (1_700_000_000_001_000_000, 1_700_000_000_123_456_789)
        );
        assert_eq!((view.book.asks_len, view.book.bids_len), (2, 1));
        assert_eq!(view.book.asks[0], level(8_409_080, 2, 22_104, 8, u32::MAX));
        assert_eq!(view.book.bids[0], level(-5, 1, 7, 0, 2));
        let mut deep: DepthView = std::mem::zeroed();
        assert_eq!(okx_reader_depth(depth, &mut deep), Status::Ok);
        assert_eq!((deep.state, deep.asks_len, deep.bids_len, deep.seq), (State::Live, 2, 1, 7));
        assert_eq!(deep.asks[1], level(4, 0, 2, 0, 1));
        assert_eq!(okx_reader_depth(book, &mut deep), Status::NotFound);
        let mut entries = [TradeEntry { number: 9, trade: seen.trade.unwrap() }; 3];
        let (mut count, mut next) = (0, 0);
        let out = entries.as_mut_ptr();
        assert_eq!(okx_reader_trades(trades, 0, out, 3, &mut count, &mut next), Status::Ok);
        assert_eq!((count, next, entries[2].number, entries[2].trade.trade_id), (3, 3, 2, 3));
        assert_eq!(okx_reader_trades(trades, next, out, 3, &mut count, &mut next), Status::Ok);
        assert_eq!((count, next, entries[1].trade.sz, entries[1].trade.side), (2, 5, 5, 1));
        assert_eq!(
            okx_reader_trades(trades, next, null_mut(), 0, &mut count, &mut next),
            Status::Ok
        );
        assert_eq!((count, next), (0, 5));
        assert_eq!(okx_reader_record(ticker, &mut record), Status::Ok);
        assert_eq!(c_text(&record.record.kind), "Ticker");
        let mut version = 0;
        assert_eq!(okx_reader_version(trades, &mut version), Status::Ok);
        assert_eq!(version, 5);
        // All levels, and too short a buffer for them.
        let mut levels = [Level::default(); 2];
        let (mut asks, mut bids, mut state) = (0, 0, State::Stale);
        let name = c("books:BTC-USDT");
        let to = levels.as_mut_ptr();
        let mut read =
            |room| okx_feed_depth(feed, name, to, room, &mut asks, to, room, &mut bids, &mut state);
        assert_eq!(read(1), Status::Buffer);
        assert_eq!(read(2), Status::Ok);
        assert_eq!((asks, bids, state), (2, 1, State::Live));
        let mut stats = Stats::default();
        assert_eq!(okx_feed_stats(feed, &mut stats, size_of::<Stats>()), Status::Ok);
        assert_eq!((stats.frames, stats.books, stats.trades, stats.records), (8, 1, 5, 1));
        // A program that knows two counters gets two.
        let mut stats = Stats::default();
        assert_eq!(okx_feed_stats(feed, &mut stats, 16), Status::Ok);
        assert_eq!((stats.frames, stats.books), (8, 0));
        // What a lost connection does, and what the end of the feed does.
        assert_eq!(okx_feed_set_states(feed, 0, 2), Status::Ok);
        assert_eq!(okx_reader_book(book, &mut view), Status::Ok);
        assert_eq!(view.state, State::Connecting);
        assert_eq!(okx_feed_close(feed), Status::Ok);
        assert_eq!(okx_reader_book(book, &mut view), Status::Ok);
        assert_eq!(view.state, State::DownStopped);
        for reader in [book, depth, trades, ticker] {
            assert_eq!(okx_reader_close(reader), Status::Ok);
        }
    }
    let count = |kind| seen.kinds.iter().filter(|of| **of == kind).count();
    assert_eq!((count(EventKind::Book), count(EventKind::Depth)), (1, 1));
    assert_eq!((count(EventKind::Trade), count(EventKind::Record)), (5, 1));
    assert!(count(EventKind::State) >= 8);
    assert!(seen.texts.contains(&"books5:BTC-USDT".to_owned()));
    let last = seen.trade.unwrap();
    assert_eq!((last.trade_id, last.px, last.px_scale, last.side), (5, 840_908, 1, 1));
    assert_eq!((seen.asks.len(), seen.asks[1].px), (2, 4));
    assert!(seen.fields.contains(&("last".to_owned(), FieldKind::Decimal, 8_409_080, 2)));
}

#[test]
fn an_order_books_event_has_the_best_levels_after_it() {
    let update = br#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["3","0","0","0"],["5","9","0","1"]],"bids":[["1","4","0","1"]],"ts":"1700000000002","seqId":8,"prevSeqId":7}]}"#;
    let mut seen = Seen::default();
    let mut read = Vec::new();
    let mut feed = null_mut();
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_feed_new(5, Some(see), (&raw mut seen).cast(), &mut feed), Status::Ok);
        assert_eq!(okx_feed_subscribe(feed, c("books:BTC-USDT")), Status::Ok);
        assert_eq!(okx_feed_set_states(feed, 1, 1), Status::Ok);
        let mut reader = null_mut();
        assert_eq!(okx_feed_reader(feed, c("books:BTC-USDT"), &mut reader), Status::Ok);
        for text in [DEPTH, update] {
            assert_eq!(frame(feed, text), Status::Ok, "{}", last_error());
            let mut view: BookView = std::mem::zeroed();
            assert_eq!(okx_reader_book(reader, &mut view), Status::Ok);
            read.push(Some(view.book));
        }
        let other = String::from_utf8_lossy(DEPTH).replace("BTC", "ETH");
        assert_eq!(frame(feed, other.as_bytes()), Status::Ok);
        read.push(None);
        assert_eq!(okx_reader_close(reader), Status::Ok);
        assert_eq!(okx_feed_close(feed), Status::Ok);
    }
    assert_eq!(seen.best, read, "the third is not subscribed");
    let best = seen.best[1].unwrap();
    assert_eq!((best.asks_len, best.bids_len, best.seq), (2, 2, 8));
    assert_eq!((best.asks[0].px, best.bids[1].px), (4, 1));
}

#[test]
fn a_replay_has_books_in_its_events_and_readers_but_of_records() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/sim-v5-books.jsonl");
    let mut seen = Seen::default();
    let (files, name) = ([c(file)], c("books:BTC-USDT"));
    let (mut replay, mut reader, mut none) = (null_mut(), null_mut(), null_mut());
    // SAFETY: as above.
    unsafe {
        let (see, user) = (Some(see as _), (&raw mut seen).cast());
        let opened =
            okx_replay_open(files.as_ptr(), 1, 5, &raw const name, 1, 0.0, see, user, &mut replay);
        assert_eq!(opened, Status::Ok, "{}", last_error());
        assert_eq!(okx_replay_step(replay), Status::Ok);
        assert_eq!(okx_replay_reader(replay, name, &mut reader), Status::Ok);
        let refused = okx_replay_reader(replay, c("tickers:BTC-USDT"), &mut none);
        assert_eq!(refused, Status::NotFound);
        assert!(last_error().contains("order books and trades only"), "{}", last_error());
        let refused = okx_replay_reader(replay, c("trades:BTC-USDT"), &mut none);
        assert_eq!(refused, Status::NotFound);
        assert!(last_error().contains("is not subscribed"), "{}", last_error());
        let mut view: BookView = std::mem::zeroed();
        for _ in 0..10 {
            assert_eq!(okx_replay_step(replay), Status::Ok);
            assert_eq!(okx_reader_book(reader, &mut view), Status::Ok);
            assert_eq!((view.book.asks_len, view.book.bids_len), (5, 5));
            // The reader's is published when the best levels change.
            let best = seen.best.last().unwrap().unwrap();
            assert_eq!((best.asks, best.bids), (view.book.asks, view.book.bids));
        }
        assert_eq!(okx_replay_run(replay), Status::Ok);
        assert!(seen.best.iter().all(Option::is_some));
        assert_eq!(okx_reader_close(reader), Status::Ok);
        assert_eq!(okx_replay_close(replay), Status::Ok);
    }
}

#[test]
fn a_queue_says_which_trades_are_of_the_history() {
    let mut held = crate::emit::Held::new();
    for origin in [okx_feed::model::Origin::Live, okx_feed::model::Origin::History] {
        let one = okx_feed::Decimal::from(1);
        let event = held.hold(okx_feed::client::OwnedEvent::Trade {
            subscription: "trades:BTC-USDT".parse().unwrap(),
            id: okx_feed::SubscriptionId::new(0),
            trade: okx_feed::Trade::new(okx_feed::Side::Sell, one, one),
            replayed: false,
            missed: 3,
            origin,
        });
        assert_eq!((event.kind, event.missed), (EventKind::Trade, 3));
        assert_eq!(event.is_history, origin == okx_feed::model::Origin::History);
    }
}

#[test]
fn a_malformed_frame_is_a_status_and_an_event_and_the_feed_goes_on() {
    let mut seen = Seen::default();
    let mut feed = null_mut();
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_feed_new(5, Some(see), (&raw mut seen).cast(), &mut feed), Status::Ok);
        assert_eq!(okx_feed_subscribe(feed, c("books5:BTC-USDT")), Status::Ok);
        assert_eq!(frame(feed, &BOOK[..150]), Status::Decode);
        assert!(!last_error().is_empty());
        assert_eq!(frame(feed, &[]), Status::Decode);
        assert_eq!(okx_feed_on_frame(feed, 1, null(), 0, 1), Status::Decode);
        assert_eq!(frame(feed, BOOK), Status::Ok);
        assert_eq!(okx_feed_close(feed), Status::Ok);
    }
    assert_eq!(seen.kinds.iter().filter(|kind| **kind == EventKind::Malformed).count(), 3);
    assert!(seen.book.is_some());
}

#[test]
fn the_librarys_own_values_have_the_layout_of_c() {
    let mut seen = Seen::default();
    let mut decoder = null_mut();
    // SAFETY: as above.
    unsafe {
        let user = (&raw mut seen).cast();
        assert_eq!(okx_decoder_new(5, Some(see), user, &mut decoder), Status::Ok);
        for text in [BOOK, trade(3).as_bytes(), DEPTH] {
            let done = okx_decoder_decode(decoder, 1, text.as_ptr(), text.len(), 4);
            assert_eq!(done, Status::Ok);
        }
        assert_eq!(okx_decoder_close(decoder), Status::Ok);
    }
    // The callback saw them through pointers to the library's own; here they are, value by value.
    let asks = [("84090.80", "0.00022104", u32::MAX), ("84091", "1", 1)];
    let number = |text: &str| okx_feed::Decimal::parse(text.as_bytes()).unwrap();
    let level = |(px, sz, orders)| okx_feed::Level::new(number(px), number(sz), orders);
    let bids = [level(("-0.5", "7", 2))];
    let mut book = okx_feed::Book5::new(&asks.map(level), &bids);
    book.ts_event = okx_feed::UnixNanos(1_700_000_000_001_000_000);
    book.ts_recv = okx_feed::UnixNanos(4);
    book.seq = 123_456_789_012_345;
    assert_eq!(seen.book, Some(Book::from(&book)));
    let mut trade = okx_feed::Trade::new(okx_feed::Side::Sell, number("84090.8"), number("0.03"));
    trade.ts_event = okx_feed::UnixNanos(1_700_000_000_002_000_000);
    trade.ts_recv = okx_feed::UnixNanos(4);
    trade.trade_id = 3;
    assert_eq!(seen.trade, Some(Trade::from(&trade)));
    assert_eq!(
        seen.asks,
        [("3", "1"), ("4", "2")].map(|(px, sz)| Level::from(&level((px, sz, 1))))
    );
    assert_eq!(seen.kinds, [EventKind::Book, EventKind::Trade, EventKind::Depth]);
    assert_eq!(seen.best, [None], "a decoder keeps no books");
}
