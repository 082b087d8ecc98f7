//! Records through a handler: state, readers, silence, reconnection, and redundant lines.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::model::{Liquidation, MarkPrice};
use okx_feed::{
    Arbiter, BookState, Channel, Dialect, DownReason, Event, FeedHandler, Frame, RecordUpdate,
    Subscription, UnixNanos,
};
use okx_feed_testkit::lines::Lines;

const SECOND: u64 = 1_000_000_000;

fn mark(px: &str, ts: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"mark-price","instId":"A"}},"data":[{{"instId":"A","markPx":"{px}","ts":"{ts}"}}]}}"#
    )
}

fn liquidation(px: &str, ts: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{{"bkPx":"{px}","side":"buy","sz":"1","ts":"{ts}"}}],"instId":"A"}}]}}"#
    )
}

fn price(update: &RecordUpdate<'_>) -> String {
    let mark = update.record.get::<MarkPrice>().map(|mark| mark.mark_px);
    let px = mark.or_else(|| Some(update.record.get::<Liquidation>()?.bk_px));
    px.unwrap().to_string()
}

/// Feeds a text and gives the prices that were emitted.
fn feed(handler: &mut FeedHandler, text: &str, at: u64) -> Vec<String> {
    let mut seen = Vec::new();
    let sink = &mut |event: &Event<'_>| {
        if let Event::Record(update) = event {
            seen.push(price(update));
        }
    };
    let _ = handler.on_frame(Frame::Text(text.as_bytes()), UnixNanos(at), sink);
    seen
}

fn handler(subscription: &Subscription) -> FeedHandler {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(*subscription).unwrap();
    handler
}

fn none(_: &Event<'_>) {}

#[test]
fn the_latest_record_is_published_with_its_state() {
    let subscription: Subscription = "mark-price:A".parse().unwrap();
    let mut handler = handler(&subscription);
    let reader = handler.record_reader(&subscription).unwrap();
    assert!(handler.record(&subscription).is_none() && handler.book(&subscription).is_none());
    assert_eq!(reader.snapshot().state, BookState::Connecting);
    assert_eq!(feed(&mut handler, &mark("1.50", 1000), SECOND), ["1.50"]);
    let latest = reader.snapshot();
    assert_eq!(latest.state, BookState::Live);
    assert_eq!(latest.get::<MarkPrice>().unwrap().mark_px.to_string(), "1.50");
    assert_eq!((latest.ts_event, latest.ts_recv), (UnixNanos(SECOND), UnixNanos(SECOND)));
    // Of two messages of one time, the later counts.
    assert_eq!(feed(&mut handler, &mark("1.51", 1000), 2 * SECOND), ["1.51"]);
    assert_eq!(handler.record(&subscription).unwrap(), reader.value());
    // A message that can't be read may have been the next price.
    assert!(feed(&mut handler, &mark("no", 2000), 3 * SECOND).is_empty());
    assert_eq!(reader.snapshot().state, BookState::Stale);
    assert_eq!(feed(&mut handler, &mark("1.6", 3000), 4 * SECOND), ["1.6"]);
    assert_eq!(reader.snapshot().state, BookState::Live);
    // It is repeated after ten seconds at the latest.
    let limits = StaleLimits::default();
    assert_eq!(limits.of(Channel::MarkPrice), Some(Duration::from_secs(25)));
    assert_eq!(limits.of(Channel::Tickers), None);
    handler.mark_stale(&limits, UnixNanos(28 * SECOND), &mut none);
    assert_eq!(reader.snapshot().state, BookState::Live);
    handler.mark_stale(&limits, UnixNanos(29 * SECOND), &mut none);
    assert_eq!(reader.snapshot().state, BookState::Stale);
    drop(handler);
    assert_eq!(reader.snapshot().state, BookState::Down(DownReason::Stopped));
    assert_eq!(reader.value().get::<MarkPrice>().unwrap().mark_px.to_string(), "1.6");
}

#[test]
fn a_new_connection_that_begins_behind_shows_nothing_older() {
    let subscription: Subscription = "mark-price:A".parse().unwrap();
    let mut handler = handler(&subscription);
    assert_eq!(feed(&mut handler, &mark("1", 10_000), 10 * SECOND), ["1"]);
    handler.set_all_states(BookState::Connecting, UnixNanos(11 * SECOND), &mut none);
    assert!(feed(&mut handler, &mark("9", 9_000), 12 * SECOND).is_empty());
    assert_eq!(handler.slots().get(&subscription).unwrap().state(), BookState::Stale);
    assert_eq!(handler.record(&subscription).unwrap().ts_event, UnixNanos(10 * SECOND));
    assert_eq!(feed(&mut handler, &mark("2", 11_000), 13 * SECOND), ["2"]);
    // Within a connection the order is the exchange's, even if its clock is set back.
    assert_eq!(feed(&mut handler, &mark("3", 5_000), 14 * SECOND), ["3"]);
    assert_eq!(handler.stats().backwards, 2);
    assert_eq!(handler.stats().records, 4);
}

#[test]
fn a_stream_keeps_its_last_records_and_skips_a_number_for_a_lost_one() {
    let subscription: Subscription = "liquidation-orders:SWAP".parse().unwrap();
    let mut handler = handler(&subscription);
    assert!(handler.record_reader(&subscription).is_none());
    let reader = handler.record_ring_reader(&subscription).unwrap();
    // In no order of time.
    for (n, ts) in [3_000, 1_000, 2_000].into_iter().enumerate() {
        assert_eq!(feed(&mut handler, &liquidation(&n.to_string(), ts), SECOND).len(), 1);
    }
    assert_eq!((reader.next(), reader.state()), (3, BookState::Live));
    assert!(feed(&mut handler, &liquidation("x", 4_000), SECOND).is_empty());
    feed(&mut handler, &liquidation("4", 4_000), SECOND);
    let kept: Vec<_> = reader
        .since(0)
        .map(|(n, record)| (n, record.get::<Liquidation>().unwrap().bk_px.to_string()))
        .collect();
    let want = [(0, "0"), (1, "1"), (2, "2"), (4, "4")].map(|(n, px)| (n, px.to_owned()));
    assert_eq!(kept, want);
}

/// A line delivers a message. Returns the records that are emitted.
fn deliver(lines: &mut Lines, line: usize, text: &str, at: u64) -> Vec<String> {
    let mut seen = Vec::new();
    lines.deliver(line, text, UnixNanos(at), &mut |event: &Event<'_>| {
        if let Event::Record(update) = event {
            seen.push(price(update));
        }
    });
    seen
}

#[test]
fn redundant_lines_show_each_record_once_and_none_that_is_older() {
    let subscription: Subscription = "mark-price:A".parse().unwrap();
    let mut lines = Lines::new(2, &[subscription]);
    let reader = lines.arbiter.readers(&subscription).record.unwrap();
    let mut emitted = Vec::new();
    // The second line lags by up to five messages.
    for n in 0_u64..200 {
        let at = SECOND + n * 1_000_000;
        emitted.extend(deliver(&mut lines, 0, &mark(&n.to_string(), 1000 + n), at));
        if n >= 5 {
            let late = n - 5;
            let text = mark(&late.to_string(), 1000 + late);
            assert!(deliver(&mut lines, 1, &text, at).is_empty(), "{late} came twice");
        }
        let shown = reader.value().get::<MarkPrice>().unwrap().mark_px.to_string();
        assert_eq!(shown, n.to_string());
    }
    assert_eq!(emitted, (0..200).map(|n: u64| n.to_string()).collect::<Vec<_>>());
    // What the first line has lost, the second one brings.
    assert_eq!(deliver(&mut lines, 1, &mark("200", 1200), 2 * SECOND), ["200"]);
    assert!(deliver(&mut lines, 0, &mark("200", 1200), 2 * SECOND).is_empty());
    // An older one is shown only of the line that has delivered the last one: a clock step.
    assert_eq!(deliver(&mut lines, 1, &mark("201", 1201), 3 * SECOND), ["201"]);
    assert!(deliver(&mut lines, 0, &mark("7.5", 900), 3 * SECOND).is_empty());
    assert_eq!(deliver(&mut lines, 1, &mark("7.6", 901), 3 * SECOND), ["7.6"]);
    // Soon after that no time shows what is newer: "202" is from before the step, and held. What its
    // line delivers is not waited for when no other line goes on for a second.
    assert!(deliver(&mut lines, 0, &mark("202", 1202), 3 * SECOND).is_empty());
    assert_eq!(deliver(&mut lines, 1, &mark("7.7", 902), 3 * SECOND), ["7.7"]);
    assert_eq!(deliver(&mut lines, 0, &mark("7.8", 903), 5 * SECOND), ["7.8"]);
    let stats = lines.arbiter.stats();
    assert_eq!((stats[0].accepted, stats[1].accepted, stats[0].held), (201, 4, 1));
    assert_eq!((stats[1].duplicates, stats[0].duplicates, stats[0].outdated), (195, 1, 1));
    assert_eq!(reader.snapshot().state, BookState::Live);
}

#[test]
fn redundant_lines_merge_a_stream_in_any_order() {
    let subscription: Subscription = "liquidation-orders:SWAP".parse().unwrap();
    let mut lines = Lines::new(2, &[subscription]);
    let reader = lines.arbiter.readers(&subscription).records.unwrap();
    let mut emitted = 0;
    for n in 0_u64..100 {
        // Each line brings every other one first, and its times go up and down.
        let (first, ts) = (usize::from(n % 2 == 0), 1000 + (n * 37) % 11);
        let text = liquidation(&n.to_string(), ts);
        emitted += deliver(&mut lines, first, &text, SECOND + n).len();
        emitted += deliver(&mut lines, 1 - first, &text, SECOND + n).len();
    }
    assert_eq!((emitted, reader.next()), (100, 100));
}

#[test]
fn a_line_that_was_alone_hands_its_records_over() {
    let subscription: Subscription = "mark-price:A".parse().unwrap();
    let mut first = handler(&subscription);
    let reader = first.record_reader(&subscription).unwrap();
    feed(&mut first, &mark("1", 1000), SECOND);
    let mut arbiter = Arbiter::adopt(&mut first, 0);
    arbiter.open_line(1);
    let mut second = handler(&subscription);
    let mut seen = 0;
    let mut sink = |event: &Event<'_>| seen += u32::from(matches!(event, Event::Record(_)));
    for text in [mark("1", 1000), mark("2", 2000)] {
        let frame = Frame::Text(text.as_bytes());
        second
            .on_frame(frame, UnixNanos(2 * SECOND), &mut |event: &Event<'_>| {
                arbiter.on_event(1, event, &mut sink);
            })
            .unwrap();
    }
    assert_eq!(seen, 1, "what was shown before came again, or the next one did not come");
    assert_eq!(reader.value().get::<MarkPrice>().unwrap().mark_px.to_string(), "2");
}

#[test]
fn a_channel_that_is_not_decoded_passes_as_text_to_who_asks_for_it() {
    let asked: Subscription = "raw:books-elp-all:A".parse().unwrap();
    let mut one = handler(&asked);
    let text = r#"{"arg":{"channel":"books-elp-all","instId":"A"},"data":[{"x":1.50}]}"#;
    let other = text.replace("\"A\"", "\"B\"");
    let mut seen = Vec::new();
    for (at, text) in [text, &other].into_iter().enumerate() {
        let sink = &mut |event: &Event<'_>| match event {
            Event::Raw(message) => seen.push(format!("{} {}", message.topic, message.text)),
            Event::Skipped(skipped) => seen.push(format!("skipped {}", skipped.key)),
            Event::State(change) => seen.push(change.to.to_string()),
            _ => {}
        };
        one.on_frame(Frame::Text(text.as_bytes()), UnixNanos(at as u64), sink).unwrap();
    }
    let live = BookState::Live.to_string();
    assert_eq!(seen, [live, format!("{asked} {text}"), "skipped books-elp-all:B".to_owned()]);
    assert_eq!(one.stats().skipped.total(), 2);
    // Redundant lines bring it once.
    let mut arbiter = Arbiter::new(2);
    arbiter.subscribe(asked);
    let mut lines = [handler(&asked), handler(&asked)];
    let mut count = 0;
    let mut sink = |event: &Event<'_>| count += u32::from(matches!(event, Event::Raw(_)));
    for (line, handler) in lines.iter_mut().enumerate() {
        let frame = Frame::Text(text.as_bytes());
        handler
            .on_frame(frame, UnixNanos(1), &mut |event: &Event<'_>| {
                arbiter.on_event(line, event, &mut sink);
            })
            .unwrap();
    }
    assert_eq!(count, 1);
    // What is decoded has a name of its own.
    assert!("raw:books:A".parse::<Subscription>().is_err());
}
