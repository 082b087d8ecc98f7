//! After each frame, readers of the segment see what the feed's own readers see.

use okx_feed::publish::shm::{MonotonicNanos, ShmReader, ShmSink, ShmWriter, SlotKind};
use okx_feed::{BookState, Dialect, FeedHandler, Frame, NoSink, Subscription, UnixNanos};
use okx_feed_testkit::alloc::allocations;

use super::{Name, small};

const NAMES: [&str; 4] =
    ["books5:BTC-USDT", "books:BTC-USDT", "trades:BTC-USDT", "tickers:BTC-USDT"];

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

/// The messages of a round: some are malformed or have a sequence gap.
fn messages(n: u64, random: &mut fastrand::Rng) -> Vec<String> {
    let ts = 1_700_000_000_000 + n;
    let px = |offset: u64| 1_000 + n % 7 + offset;
    let sides = format!(
        r#""asks":[["{}","{n}","0","1"],["{}","2","0","1"]],"bids":[["{}","3","0","1"]]"#,
        px(1),
        px(2),
        px(0)
    );
    let (action, prev) = match random.u32(..12) {
        _ if n == 1 => ("snapshot", -1),
        0 => ("snapshot", -1),
        // A lost message: the book is not live until the next snapshot.
        1 => ("update", n.cast_signed() - 2),
        _ => ("update", n.cast_signed() - 1),
    };
    let book = |channel: &str, rest: &str| {
        format!(r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},{rest}}}"#)
    };
    let mut all = vec![
        book("books5", &format!(r#""data":[{{{sides},"ts":"{ts}","seqId":{n}}}]"#)),
        book(
            "books",
            &format!(
                r#""action":"{action}","data":[{{{sides},"ts":"{ts}","seqId":{n},"prevSeqId":{prev}}}]"#
            ),
        ),
        book(
            "trades",
            &format!(
                r#""data":[{{"instId":"BTC-USDT","tradeId":"{n}","px":"{}","sz":"1","side":"buy","ts":"{ts}","count":"1","seqId":{n}}}]"#,
                px(0)
            ),
        ),
        book(
            "tickers",
            &format!(
                r#""data":[{{"instType":"SPOT","instId":"BTC-USDT","last":"{}","lastSz":"1","ts":"{ts}"}}]"#,
                px(0)
            ),
        ),
    ];
    if random.u32(..10) == 0 {
        all.push(book("books5", &format!(r#""data":[{{"asks":[["x"]],"ts":"{ts}"}}]"#)));
    }
    all
}

#[test]
fn every_reader_of_the_segment_sees_what_the_feeds_own_readers_see() {
    let name = Name::new();
    let mut feed = FeedHandler::new(Dialect::V5);
    NAMES.iter().for_each(|text| feed.subscribe(sub(text)).map(drop).unwrap());
    let (book, depth) = (feed.book_reader(&sub(NAMES[0])), feed.book_reader(&sub(NAMES[1])));
    let (trades, ticker) = (feed.trade_reader(&sub(NAMES[2])), feed.record_reader(&sub(NAMES[3])));
    let (book, depth) = (book.unwrap(), depth.unwrap());
    let (trades, ticker) = (trades.unwrap(), ticker.unwrap());
    let mut sink = ShmSink::new(ShmWriter::create(&name.0, small()).unwrap(), NoSink);
    let mut random = fastrand::Rng::with_seed(3);
    let (mut live, mut passed, mut spent) = (0, 0, 0);
    let mut seen: Option<ShmReader> = None;
    for n in 1..2_000 {
        for text in messages(n, &mut random) {
            let at = UnixNanos((1_700_000_000_000 + n) * 1_000_000);
            let before = allocations();
            let _ = feed.on_frame(Frame::Text(text.as_bytes()), at, &mut sink);
            // The first round makes the slots.
            spent += if n > 1 { allocations() - before } else { 0 };
        }
        let reader = seen.get_or_insert_with(|| ShmReader::open(&name.0).unwrap());
        let now = MonotonicNanos::now();
        for (text, own) in [(NAMES[0], &book), (NAMES[1], &depth)] {
            let shared = reader.book(text).unwrap().snapshot(now).unwrap();
            assert_eq!((shared.value, shared.state), (own.value(), own.snapshot().state), "{n}");
            live += u32::from(shared.state.is_live());
        }
        let shared = reader.record(NAMES[3]).unwrap().snapshot(now).unwrap();
        assert_eq!((shared.value, shared.state), (ticker.value(), ticker.snapshot().state));
        let ring = reader.trades(NAMES[2]).unwrap();
        assert_eq!((ring.next(), ring.state(now)), (trades.next(), trades.state()));
        for (number, trade) in ring.since(passed) {
            assert_eq!(Some(trade), trades.at(number));
            passed = number + 1;
        }
    }
    assert_eq!((passed, spent), (trades.next(), 0));
    assert!(live > 1_000 && live < 3_998, "both live books and others: {live}");
    let kinds = seen.unwrap().slots();
    assert!(kinds.contains(&(NAMES[2].to_owned(), SlotKind::Trades)) && kinds.len() == 4);
    assert!(sink.failure().is_none());
}

#[test]
fn a_full_segment_is_reported_and_the_events_pass() {
    let name = Name::new();
    let options = okx_feed::publish::shm::ShmOptions { subscriptions: 1, ..small() };
    let mut feed = FeedHandler::new(Dialect::V5);
    NAMES.iter().for_each(|text| feed.subscribe(sub(text)).map(drop).unwrap());
    let mut events = 0;
    let count = |_: &okx_feed::Event<'_>| events += 1;
    let mut sink = ShmSink::new(ShmWriter::create(&name.0, options).unwrap(), count);
    for text in messages(1, &mut fastrand::Rng::with_seed(1)) {
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).unwrap();
    }
    assert!(sink.failure().unwrap().to_string().contains("full"));
    let reader = ShmReader::open(&name.0).unwrap();
    assert_eq!(reader.slots(), [(NAMES[0].to_owned(), SlotKind::Book)]);
    drop(sink);
    assert!(events >= 4);
    let book = reader.book(NAMES[0]).unwrap().snapshot(MonotonicNanos::now()).unwrap();
    assert_eq!(book.state, BookState::Down(okx_feed::DownReason::Stopped));
}
