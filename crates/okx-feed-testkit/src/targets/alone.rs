//! Decoders and books without a reference, for many executions a second: invariants that hold for
//! every input, valid or not.

use std::cell::RefCell;

use okx_feed::book::{BookSync, DepthAction};
use okx_feed::internals::{MAX_OUTPUT, OUTPUT_SPACE, SmallInflate};
use okx_feed::publish::{WordArray, Words};
use okx_feed::wire::DecodeLimits;
use okx_feed::{
    Book5, Channel, Decimal, Decoder, DepthBook, DepthUpdate, Dialect, Event, Frame, Level, Record,
    UnixNanos,
};

use crate::depth_oracle::{message, topic};

const TS_RECV: UnixNanos = UnixNanos(77);

/// The capacity of a side of the order book, in levels.
const CAPACITY: usize = 26;

thread_local! {
    static V3: RefCell<Decoder> = RefCell::new(Decoder::new(Dialect::V3));
    static V5: RefCell<Decoder> = RefCell::new(Decoder::new(Dialect::V5));
    static INFLATE: RefCell<(SmallInflate, Vec<u8>)> =
        RefCell::new((SmallInflate::new(), vec![0xa5; OUTPUT_SPACE + 64]));
    static BOOK: RefCell<DepthBook> = RefCell::new(DepthBook::with_capacity(CAPACITY));
}

/// A v3 frame: a text if it begins as one, else a body.
pub fn v3_alone(bytes: &[u8]) {
    let is_text = bytes.first() == Some(&b'{');
    let frame = if is_text { Frame::Text(bytes) } else { Frame::Binary(bytes) };
    V3.with_borrow_mut(|decoder| decode(decoder, frame));
}

/// A v5 text.
pub fn v5_alone(bytes: &[u8]) {
    V5.with_borrow_mut(|decoder| decode(decoder, Frame::Text(bytes)));
}

fn decode(decoder: &mut Decoder, frame: Frame<'_>) {
    let mut emitted = 0;
    let mut sink = |event: &Event<'_>| {
        emitted += 1;
        check(event);
    };
    match decoder.decode(frame, TS_RECV, &mut sink) {
        Ok(decoded) => assert_eq!(decoded.events, emitted),
        Err(_) => assert_eq!(emitted, 0, "events of a refused frame"),
    }
    assert!(emitted as usize <= DecodeLimits::MAX_ITEMS);
}

fn check(event: &Event<'_>) {
    assert_eq!(event.ts_recv(), TS_RECV);
    match event {
        Event::Book(update) => {
            check_id(update.topic.inst_id);
            check_book(update.book);
        }
        Event::Trade(update) => {
            check_id(update.topic.inst_id);
            let trade = &update.trade;
            check_decimals(&[Level::new(trade.px(), trade.sz(), trade.count)]);
            assert!(trade.count > 0);
        }
        Event::Depth(update) => {
            check_id(update.topic.inst_id);
            assert!(update.asks.len().max(update.bids.len()) <= DecodeLimits::MAX_DEPTH_LEVELS);
            check_decimals(update.asks);
            check_decimals(update.bids);
            if let Some(sizes) = &update.non_rpi {
                assert_eq!(sizes.asks.len(), update.asks.len());
                assert_eq!(sizes.bids.len(), update.bids.len());
            }
        }
        Event::Record(update) => {
            // Some channels are keyed by nothing.
            assert!(update.topic.inst_id.len() <= 63, "{:?}", update.topic.inst_id);
            check_words(update.record);
        }
        Event::Control(_) | Event::Skipped(_) => {}
        other => panic!("no event of a decoder: {other:?}"),
    }
}

/// A record is the same after its publication as words.
fn check_words(record: &Record) {
    let mut words = <Record as Words>::Array::ZERO;
    Words::put_words(record, 3, |at, word| words[at] = word);
    assert_eq!(<Record as Words>::from_words(&words), (*record, 3));
}

fn check_id(id: &str) {
    assert!((1..=63).contains(&id.len()), "{id:?}");
}

fn check_book(book: &Book5) {
    let (asks, bids) = (book.asks(), book.bids());
    assert!(asks.is_sorted_by(|a, b| a.px() <= b.px()), "{asks:?}");
    assert!(bids.is_sorted_by(|a, b| a.px() >= b.px()), "{bids:?}");
    check_decimals(asks);
    check_decimals(bids);
}

fn check_decimals(levels: &[Level]) {
    for number in levels.iter().flat_map(|level| [level.px(), level.sz()]) {
        assert!(number.scale() <= Decimal::MAX_SCALE);
        assert!(number.to_f64().is_finite());
    }
}

/// A raw DEFLATE stream of a small frame.
pub fn inflate_alone(bytes: &[u8]) {
    INFLATE.with_borrow_mut(|(inflate, output)| {
        if let Ok(inflated) = inflate.inflate(bytes, output) {
            assert!(inflated.written <= MAX_OUTPUT && inflated.consumed <= bytes.len());
        }
        assert!(output[OUTPUT_SPACE..].iter().all(|byte| *byte == 0xa5), "past the space");
    });
}

/// Messages of an order book: six bytes a level, the first of which ends the message or not.
pub fn book_alone(bytes: &[u8]) {
    BOOK.with_borrow_mut(|book| {
        book.forget();
        let (mut asks, mut bids, mut seq) = (Vec::new(), Vec::new(), 1);
        for [how, px, scale, sz, number, time] in bytes.as_chunks::<6>().0 {
            let px = Decimal::new(i64::from(*px) - 8, scale % 3).unwrap();
            let sz = Decimal::new(i64::from(*sz % 64) - 1, scale / 64).unwrap();
            let side = if how & 1 == 0 { &mut asks } else { &mut bids };
            side.push(Level::new(px, sz, 1));
            if how & 0x0e != 0 {
                continue;
            }
            let snapshot = how & 0x30 == 0;
            let action = if snapshot { DepthAction::Snapshot } else { DepthAction::Update };
            let next =
                if number % 8 == 0 { DepthUpdate::NO_SEQ } else { seq + i64::from(number % 4) };
            let update = DepthUpdate {
                topic: topic(if how & 0x40 == 0 { Channel::Books } else { Channel::DepthL2Tbt }),
                seq: next,
                prev_seq: if number % 16 == 15 { DepthUpdate::NO_SEQ } else { seq },
                checksum: (how & 0x80 != 0).then(|| i32::from(number / 64) - 1),
                ts_event: UnixNanos(10 + u64::from(time % 8)),
                ts_recv: UnixNanos(u64::from(*time) * 1_000_000_000),
                ..message(action, &asks, &bids)
            };
            seq = next;
            let applied = book.apply(&update);
            assert_eq!(applied.sync, book.sync());
            check_deep(book);
            asks.clear();
            bids.clear();
        }
    });
}

fn check_deep(book: &DepthBook) {
    let view = book.view();
    let (asks, bids) = (view.asks(), view.bids());
    assert!(asks.len().max(bids.len()) <= CAPACITY);
    assert!(asks.is_sorted_by(|a, b| a.px() < b.px()), "{asks:?}");
    assert!(bids.is_sorted_by(|a, b| a.px() > b.px()), "{bids:?}");
    assert!(asks.iter().chain(bids).all(|level| level.sz() > Decimal::ZERO));
    assert_eq!(book.live().is_some(), book.sync() == BookSync::Live);
    let is_within = |level: Option<&Level>, limit: Option<Decimal>, is_ask: bool| {
        let both = level.zip(limit);
        both.is_none_or(|(level, px)| if is_ask { level.px() < px } else { level.px() > px })
    };
    assert!(is_within(asks.last(), view.ask_limit(), true));
    assert!(is_within(bids.last(), view.bid_limit(), false));
}
