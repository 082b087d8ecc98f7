//! Readers on other threads: after every message they have the book of a simple model of the
//! market, and a new version if and only if the book has changed.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::collections::BTreeMap;

use okx_feed::book::BookFlags;
use okx_feed::feed::{DepthOptions, StaleLimits};
use okx_feed::publish::TradeOptions;
use okx_feed::{
    Arbiter, BookState, Dialect, DownReason, Event, FeedHandler, Frame, Level, Subscription,
    UnixNanos,
};
use okx_feed_testkit::messages;

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

fn feed(handler: &mut FeedHandler, text: &str, at: u64) {
    let frame = Frame::Text(text.as_bytes());
    handler.on_frame(frame, UnixNanos(at), &mut |_: &Event<'_>| {}).unwrap();
}

type Side = BTreeMap<u64, u64>;

/// Levels as the exchange writes them.
fn text<'l>(levels: impl Iterator<Item = (&'l u64, &'l u64)>) -> String {
    let level = |(px, sz): (&u64, &u64)| format!(r#"["{px}","{sz}","0","1"]"#);
    levels.map(level).collect::<Vec<_>>().join(",")
}

fn pairs(levels: &[Level]) -> Vec<(u64, u64)> {
    let whole = |level: &Level| (level.px().mantissa(), level.sz().mantissa());
    let unsigned = |(px, sz): (i64, i64)| (px.cast_unsigned(), sz.cast_unsigned());
    levels.iter().map(whole).map(unsigned).collect()
}

/// The best of both sides.
fn best(asks: &Side, bids: &Side, levels: usize) -> [Vec<(u64, u64)>; 2] {
    let copied = |(px, sz): (&u64, &u64)| (*px, *sz);
    [
        asks.iter().take(levels).map(copied).collect(),
        bids.iter().rev().take(levels).map(copied).collect(),
    ]
}

#[test]
fn readers_of_an_order_book_have_its_best_levels_and_no_other_updates() {
    let name = sub("books:A");
    let mut random = fastrand::Rng::with_seed(7);
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(name).unwrap();
    let (top, deep) = (handler.book_reader(&name).unwrap(), handler.depth_reader(&name).unwrap());
    let [mut asks, mut bids]: [Side; 2] =
        [1_000, 500].map(|from| (from..from + 40).map(|px| (px, 1)).collect());
    let mut shown: [[Vec<_>; 2]; 2] = Default::default();
    let mut versions = (top.version(), deep.version());
    let (mut ts_before, mut backwards) = (0, 0);
    let (mut unseen, mut seen) = ([0; 2], [0; 2]);
    for n in 1..4_000u64 {
        let ts = 1_000 + n - random.u64(..3);
        let (action, prev, ask, bid): (_, _, Side, Side) = if n == 1 {
            ("snapshot", -1, asks.clone(), bids.clone())
        } else {
            let side: &mut Side = if random.bool() { &mut asks } else { &mut bids };
            let place = random.usize(..side.len());
            let px = *side.keys().nth(place).unwrap();
            // A side is between 30 and 50 long: sizes change, levels go and come.
            let (px, sz) = match random.u32(..4) {
                0 if side.len() > 30 => (px, 0),
                1 if side.len() < 50 => (px + 1, n),
                _ => (px, n),
            };
            let _ = if sz == 0 { side.remove(&px) } else { side.insert(px, sz) };
            let change = Side::from([(px, sz)]);
            let is_ask = px >= 750;
            let none = Side::new;
            let (ask, bid) = if is_ask { (change, none()) } else { (none(), change) };
            ("update", n.cast_signed() - 1, ask, bid)
        };
        let message = format!(
            r#"{{"arg":{{"channel":"books","instId":"A"}},"action":"{action}","data":[{{"asks":[{}],"bids":[{}],"ts":"{ts}","checksum":0,"seqId":{n},"prevSeqId":{prev}}}]}}"#,
            text(ask.iter()),
            text(bid.iter().rev()),
        );
        feed(&mut handler, &message, n);
        backwards += u64::from(ts < ts_before);
        ts_before = ts;

        let want = [best(&asks, &bids, 5), best(&asks, &bids, 25)];
        let view = top.snapshot();
        let snapshot = deep.snapshot();
        assert_eq!([pairs(view.value.asks()), pairs(view.value.bids())], want[0], "{message}");
        assert_eq!([pairs(snapshot.asks()), pairs(snapshot.bids())], want[1], "{message}");
        assert_eq!((view.state, snapshot.state), (BookState::Live, BookState::Live));
        let now = (top.version(), deep.version());
        assert_eq!((view.version, snapshot.version), now);
        for (at, (before, now)) in [(versions.0, now.0), (versions.1, now.1)].iter().enumerate() {
            let is_new = want[at] != shown[at];
            assert_eq!(now - before, u64::from(is_new), "{message}");
            seen[at] += u32::from(is_new);
            unseen[at] += u32::from(!is_new);
        }
        let times = (UnixNanos(ts * 1_000_000), UnixNanos(n));
        if now.0 != versions.0 {
            assert_eq!((view.value.ts_event, view.value.ts_recv), times);
        }
        if now.1 != versions.1 {
            let sent = (snapshot.ts_event, snapshot.ts_recv);
            assert_eq!((sent, snapshot.seq), (times, Some(n.cast_signed())));
        }
        (shown, versions) = (want, now);
    }
    assert!(unseen.into_iter().chain(seen).all(|count| count > 100), "{unseen:?} {seen:?}");
    assert_eq!(handler.stats().backwards, backwards);
    assert!(backwards > 100);
}

#[test]
fn readers_of_books_and_trades_have_the_last_of_each() {
    let (books, trades) = (sub("books5:A"), sub("trades:A"));
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(books).unwrap();
    handler.subscribe(trades).unwrap();
    let reader = handler.book_reader(&books).unwrap();
    let tape = handler.trade_reader(&trades).unwrap();
    assert_eq!(
        (tape.state(), reader.snapshot().state),
        (BookState::Connecting, BookState::Connecting)
    );
    let before = reader.version();
    let (mut backwards, mut ts_before) = (0, [0; 2]);
    for n in 1..1_000u64 {
        let book = n % 3 != 0;
        // Trades may come late; a book that is older than the one before is not live.
        let ts = if book { 5_000 + n } else { 5_000 + n - n % 7 * 2 };
        let last = &mut ts_before[usize::from(book)];
        backwards += u64::from(ts < *last);
        *last = ts;
        let message = if book {
            messages::book("books5", "A", n, Some(n), ts)
        } else {
            messages::trade("A", n, 1, ts)
        };
        feed(&mut handler, &message, n);
        let (last_book, last_trade) = (if book { n } else { n - 1 }, n / 3 * 3);
        assert_eq!(reader.value().seq, last_book.cast_signed());
        assert_eq!(handler.book(&books).unwrap(), reader.live().unwrap());
        assert_eq!(reader.version() - before, n - n / 3);
        assert_eq!(tape.next(), n / 3);
        let ids = handler.trades(&trades).unwrap().iter().map(|trade| trade.trade_id);
        let kept = 256.min(n / 3);
        assert!(ids.eq((0..kept).rev().map(|back| last_trade - 3 * back)), "{n}");
        assert_eq!(handler.trades(&trades).unwrap().is_empty(), n < 3);
        if n >= 3 {
            assert_eq!(tape.last().unwrap().trade_id, last_trade);
            assert_eq!(tape.state(), BookState::Live);
        }
    }
    assert_eq!(handler.stats().backwards, backwards);
    assert!(backwards > 50);
    // The flags of a book are published too.
    let crossed = r#"{"arg":{"channel":"books5","instId":"A"},"data":[{"asks":[["5","1","0","1"]],"bids":[["6","0","0","1"]],"ts":"9999"}]}"#;
    feed(&mut handler, crossed, 1_000);
    let flags = reader.value().flags();
    assert!(flags.contains(BookFlags::CROSSED) && flags.contains(BookFlags::EMPTY_LEVEL));
    assert!(!flags.contains(BookFlags::UNSORTED));
}

#[test]
fn readers_have_every_state_and_the_end() {
    let names = ["books5:A", "trades:A", "books:A"].map(sub);
    let mut handler = FeedHandler::new(Dialect::V5);
    assert!(handler.slots().is_empty());
    names.iter().for_each(|name| handler.subscribe(*name).unwrap());
    assert!(!handler.slots().is_empty());
    assert_eq!((handler.slots().len(), handler.slots().iter().count()), (3, 3));
    let book = handler.book_reader(&names[0]).unwrap();
    let tape = handler.trade_reader(&names[1]).unwrap();
    let (top, deep) =
        (handler.book_reader(&names[2]).unwrap(), handler.depth_reader(&names[2]).unwrap());
    let states =
        || [book.snapshot().state, tape.state(), top.snapshot().state, deep.snapshot().state];
    let rejected = BookState::Down(DownReason::Rejected);
    for state in [BookState::AwaitingSnapshot, BookState::Live, BookState::Stale, rejected] {
        for name in names {
            handler.set_state(&name, state, UnixNanos(1), &mut |_: &Event<'_>| {});
        }
        assert_eq!(states(), [state; 4]);
        assert_eq!(deep.live().is_some(), state.is_live());
    }
    handler.set_state(&names[0], BookState::Live, UnixNanos(1), &mut |_: &Event<'_>| {});
    handler.set_state(&names[1], BookState::Live, UnixNanos(1), &mut |_: &Event<'_>| {});
    drop(handler);
    // A subscription that ended before keeps its reason.
    let stopped = BookState::Down(DownReason::Stopped);
    assert_eq!(states(), [stopped, stopped, rejected, rejected]);
}

#[test]
fn options_and_limits_are_those_that_were_set() {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.set_depth_options(DepthOptions { capacity: 7, ..DepthOptions::default() });
    handler.subscribe(sub("books:A")).unwrap();
    assert_eq!(handler.depth(&sub("books:A")).unwrap().capacity(), 7);
    let books = sub("books:A").channel();
    let second = std::time::Duration::from_secs(1);
    let limits = StaleLimits::NONE.with(books, Some(second));
    assert_eq!(limits.of(books), Some(second));
    assert_eq!(limits.of(sub("books5:A").channel()), None);
    assert_eq!(limits.with(books, None), StaleLimits::NONE);
}

#[test]
fn a_tape_is_as_long_as_asked_for_alone_and_behind_an_arbiter() {
    let trades = sub("trades:A");
    let message = |n: u64| messages::trade("A", n, 1, n);
    for (asked, kept) in [(0, 1), (1, 1), (3, 3), (usize::MAX, 1 << 16)] {
        let mut handler = FeedHandler::new(Dialect::V5);
        handler.set_trade_options(TradeOptions { ring_len: asked });
        handler.subscribe(trades).unwrap();
        let tape = handler.trade_reader(&trades).unwrap();
        let mut arbiter = Arbiter::new(2);
        arbiter.set_trade_options(TradeOptions { ring_len: asked });
        arbiter.subscribe(trades);
        let behind = arbiter.readers(&trades).trades.unwrap();
        let pushed = kept.min(8) + 2;
        for n in 1..=pushed {
            let frame = message(1_000_000_000_000 + n);
            let frame = Frame::Text(frame.as_bytes());
            let mut sink = |event: &Event<'_>| arbiter.on_event(0, event, &mut |_: &Event<'_>| {});
            handler.on_frame(frame, UnixNanos(n), &mut sink).unwrap();
        }
        for tape in [&tape, &behind] {
            assert_eq!((tape.next(), tape.oldest()), (pushed, pushed.saturating_sub(kept)));
            assert_eq!(tape.since(0).count() as u64, kept.min(pushed), "{asked}");
        }
    }
}
