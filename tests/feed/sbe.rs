//! SBE frames through the handler: books, trades, joined snapshots, lost messages, no allocation.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use okx_feed::{BookState, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};
use okx_feed_testkit::alloc::allocations;
use okx_feed_testkit::choices::Choices;
use okx_feed_testkit::mutate;
use okx_feed_testkit::sbe_vectors::{
    ALL, BBO, EXPONENT, HEARTBEAT, RESET, SNAPSHOT, TRADE, UPDATE, bytes,
};
use okx_feed_testkit::targets::sbe_codes;

const BOOK: &str = "books-l2-tbt:BTC-USDT-SWAP";

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

fn handler() -> FeedHandler {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.set_sbe(sbe_codes());
    for channel in [BOOK, "bbo-tbt:BTC-USDT-SWAP", "trades:BTC-USDT-SWAP"] {
        handler.subscribe(sub(channel)).unwrap();
    }
    handler
}

/// The events of a frame, in short.
fn feed(handler: &mut FeedHandler, frame: &[u8], at: u64) -> Vec<String> {
    let mut seen = Vec::new();
    let _ = handler.on_frame(Frame::Binary(frame), UnixNanos(at), &mut |event: &Event<'_>| {
        seen.push(match event {
            Event::Book(update) => format!("book {}", update.topic.inst_id),
            Event::Trade(update) => format!("trade {}", update.trade.trade_id),
            Event::DepthBook(change) => {
                let outcome = change.outcome;
                format!("depth {} {}", outcome.sequence.name(), outcome.sync.name())
            }
            Event::State(change) => format!("{} -> {}", change.from, change.to),
            Event::Skipped(skipped) => format!("skipped {}", skipped.channel),
            Event::Malformed(malformed) => format!("malformed {}", malformed.kind),
            other => format!("{other:?}"),
        });
    });
    seen
}

fn book(handler: &FeedHandler) -> String {
    let Some(view) = handler.depth(&sub(BOOK)).unwrap().live() else { return "none".to_owned() };
    format!("{:?} {:?} {:?}", view.seq().unwrap(), view.asks(), view.bids())
}

#[test]
fn best_levels_and_trades_reach_their_subscriptions() {
    let mut handler = handler();
    let bbo = feed(&mut handler, &bytes(BBO), 5);
    assert_eq!(bbo, ["connecting -> live", "book BTC-USDT-SWAP"]);
    let best = handler.book(&sub("bbo-tbt:BTC-USDT-SWAP")).unwrap();
    assert_eq!((best.seq(), best.spread().unwrap().to_string()), (Some(1000), "0.10".to_owned()));
    let trade = feed(&mut handler, &bytes(TRADE), 6);
    assert_eq!(trade, ["connecting -> live", "trade 2005639579"]);
    assert_eq!(feed(&mut handler, &bytes(TRADE), 7), [""; 0], "repeated");
    assert_eq!((handler.stats().sbe, handler.stats().books), (3, 1));
}

#[test]
fn a_book_is_live_once_a_snapshot_is_joined() {
    let mut handler = handler();
    assert_eq!(feed(&mut handler, &bytes(UPDATE), 1), ["depth none no_snapshot"]);
    assert_eq!(book(&handler), "none");
    let joined = feed(&mut handler, &bytes(SNAPSHOT), 2);
    assert_eq!(joined, ["connecting -> live", "depth ok live"]);
    assert_eq!(book(&handler), "1010 [0.55 @ 91500.60 (1)] [7.00 @ 91500.40 (3)]");
    assert_eq!(feed(&mut handler, &bytes(HEARTBEAT), 3), ["depth heartbeat live"]);
    assert_eq!(feed(&mut handler, &bytes(EXPONENT), 4), ["depth ok live"]);
    assert_eq!(feed(&mut handler, &bytes(SNAPSHOT), 5), ["depth none live"], "ignored");
    assert_eq!(feed(&mut handler, &bytes(RESET), 6), ["depth reset live"]);
    assert_eq!(
        book(&handler),
        "3 [0.55 @ 91500.60 (1)] [7.00 @ 91500.40 (3), 0.01 @ 91500.30 (1)]"
    );
}

/// Without the exponent update, a link of the chain would be missing.
#[test]
fn a_lost_exponent_update_is_a_gap() {
    let mut handler = handler();
    for frame in [UPDATE, SNAPSHOT] {
        feed(&mut handler, &bytes(frame), 1);
    }
    let gap = feed(&mut handler, &bytes(RESET), 2);
    assert_eq!(gap, ["live -> resyncing", "depth gap broken"]);
    assert_eq!(handler.stats().gaps, 1);
}

/// The exponents change between two updates; the levels keep their values and stay in order.
#[test]
fn levels_of_other_exponents_are_in_one_book() {
    let mut handler = handler();
    for frame in [UPDATE, SNAPSHOT, EXPONENT] {
        feed(&mut handler, &bytes(frame), 1);
    }
    let mut next = bytes(UPDATE);
    next[32..40].copy_from_slice(&1030_i64.to_le_bytes());
    next[40..48].copy_from_slice(&1020_i64.to_le_bytes());
    next[48] = 0xfd;
    // Ask 91500.500 is deleted (there is none), 91500.601 is new; bid 91500.400 changes.
    next[54..62].copy_from_slice(&91_500_500_i64.to_le_bytes());
    next[74..82].copy_from_slice(&91_500_601_i64.to_le_bytes());
    next[98..106].copy_from_slice(&91_500_400_i64.to_le_bytes());
    next[106..114].copy_from_slice(&900_i64.to_le_bytes());
    assert_eq!(feed(&mut handler, &next, 2), ["depth ok live"]);
    assert_eq!(
        book(&handler),
        "1030 [0.55 @ 91500.60 (1), 0.55 @ 91500.601 (1)] [9.00 @ 91500.400 (3)]"
    );
}

#[test]
fn a_malformed_frame_breaks_the_book_that_it_names() {
    let mut handler = handler();
    for frame in [UPDATE, SNAPSHOT, BBO] {
        feed(&mut handler, &bytes(frame), 1);
    }
    let cut = &bytes(UPDATE)[..60];
    assert_eq!(feed(&mut handler, cut, 2), ["live -> resyncing", "malformed truncated"]);
    let cut = &bytes(BBO)[..60];
    assert_eq!(feed(&mut handler, cut, 3), ["live -> stale", "malformed truncated"]);
    assert_eq!(handler.stats().malformed(), 2);
}

#[test]
fn unknown_messages_and_unread_values_are_counted() {
    let mut handler = handler();
    let mut unknown = bytes(BBO);
    unknown[2] = 0xef;
    assert_eq!(feed(&mut handler, &unknown, 1), ["skipped sbe-template-1007"]);
    let mut negative = bytes(BBO);
    negative[72..76].fill(0xff);
    feed(&mut handler, &negative, 2);
    let stats = handler.stats();
    assert_eq!(stats.unread.of(okx_feed::wire::OptionalField::Orders), 1);
    assert_eq!(stats.skipped.iter().collect::<Vec<_>>(), [("sbe-template-1007", 1)]);
    let mut other = bytes(BBO);
    other[8] = 0;
    feed(&mut handler, &other, 3);
    assert_eq!(handler.stats().unsubscribed, 1, "a code without a subscription");
}

/// A REST snapshot is not news of the channel: neither its age nor its time counts.
#[test]
fn an_old_snapshot_makes_no_book_stale() {
    let mut handler = handler();
    handler.set_age_limit(Some(std::time::Duration::from_secs(5)));
    let at = 1_767_225_600_200_000_000;
    feed(&mut handler, &bytes(BBO), at);
    feed(&mut handler, &bytes(UPDATE), at);
    let joined = feed(&mut handler, &bytes(SNAPSHOT), at + 60_000_000_000);
    assert_eq!(joined, ["connecting -> live", "depth ok live"]);
    assert_eq!(handler.slots().get(&sub(BOOK)).unwrap().state(), BookState::Live);
    assert_eq!(handler.stats().backwards, 0);
}

#[test]
fn no_frame_costs_an_allocation() {
    let mut frames: Vec<Vec<u8>> = ALL.iter().map(|hex| bytes(hex)).collect();
    frames.push(ALL.iter().rev().flat_map(|hex| bytes(hex)).collect());
    for seed in 0..2_000 {
        let choices = &mut Choices::Seeded(seed);
        let mut frame = bytes(choices.pick(&ALL));
        let other = bytes(choices.pick(&ALL));
        mutate::corrupt(choices, &mut frame, &other);
        frames.push(frame);
    }
    for warms_up in [false, true] {
        let mut handler = handler();
        handler.set_warmup(warms_up);
        let readers = (
            handler.book_reader(&sub("bbo-tbt:BTC-USDT-SWAP")),
            handler.trade_reader(&sub("trades:BTC-USDT-SWAP")),
            handler.depth_reader(&sub(BOOK)),
        );
        let mut events = 0;
        let mut sink = |_: &Event<'_>| events += 1;
        let before = allocations();
        for (at, frame) in frames.iter().enumerate() {
            let _ = handler.on_frame(Frame::Binary(frame), UnixNanos(at as u64), &mut sink);
            handler.warm_caches(&mut sink);
        }
        assert_eq!(allocations() - before, 0);
        assert!(events > 2_000 && readers.0.is_some(), "{events}");
    }
}
