//! Every counter of a feed counts its documented events, once.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use okx_feed::event::StateChange;
use okx_feed::feed::{Recovery, Stats};
use okx_feed::internals::Scanner;
use okx_feed::session::SessionStats;
use okx_feed::{
    BookState, DecodeErrorKind, Dialect, Event, FeedHandler, Frame, Subscription, SubscriptionId,
    UnixNanos,
};

/// The counters that are numbers, by name.
fn numbers(stats: &Stats) -> Vec<(&'static str, u64)> {
    vec![
        ("frames", stats.frames),
        ("wire_bytes", stats.wire_bytes),
        ("text_bytes", stats.text_bytes),
        ("scanned", stats.scanned),
        ("parsed", stats.parsed),
        ("inflated_small", stats.inflated_small),
        ("inflated_general", stats.inflated_general),
        ("books", stats.books),
        ("trades", stats.trades),
        ("depths", stats.depths),
        ("records", stats.records),
        ("no_snapshot", stats.no_snapshot),
        ("gaps", stats.gaps),
        ("mismatches", stats.mismatches),
        ("broken", stats.broken),
        ("missing_deletes", stats.missing_deletes),
        ("controls", stats.controls),
        ("control_errors", stats.control_errors),
        ("pongs", stats.pongs),
        ("unsubscribed", stats.unsubscribed),
        ("crossed", stats.crossed),
        ("unsorted", stats.unsorted),
        ("empty_levels", stats.empty_levels),
        ("backwards", stats.backwards),
        ("malformed", stats.malformed()),
        ("skipped", stats.skipped.total()),
    ]
}

/// The increments of the counters by a frame.
fn added(handler: &mut FeedHandler, frame: Frame<'_>) -> Vec<(&'static str, u64)> {
    let before = numbers(handler.stats());
    let _ = handler.on_frame(frame, UnixNanos(1), &mut |_: &Event<'_>| {});
    let after = numbers(handler.stats());
    let pairs = after.into_iter().zip(before);
    pairs.map(|((name, after), (_, before))| (name, after - before)).filter(|a| a.1 > 0).collect()
}

/// Asserts that a text adds one to each of these counters, and nothing to others but a frame's.
fn adds(handler: &mut FeedHandler, text: &str, names: &[&str]) {
    let seen = added(handler, Frame::Text(text.as_bytes()));
    let len = text.len() as u64;
    let of_frame = |name: &str| match name {
        "wire_bytes" | "text_bytes" => Some(len),
        "frames" | "scanned" | "parsed" => Some(1),
        _ => None,
    };
    assert!(
        seen.contains(&("frames", 1)) && seen.contains(&("wire_bytes", len)),
        "{text} {seen:?}"
    );
    let is_whole = !names.contains(&"malformed");
    let paths = seen.iter().filter(|(name, _)| ["scanned", "parsed"].contains(name)).count();
    let is_read = is_whole && text != "pong";
    assert_eq!((paths == 1, seen.contains(&("text_bytes", len))), (is_read, is_whole), "{text}");
    let others = seen.iter().filter(|(name, count)| of_frame(name) != Some(*count));
    assert!(others.copied().eq(names.iter().map(|name| (*name, 1))), "{text} {seen:?} {names:?}");
}

fn five(asks: &str, bids: &str, ts: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"books5","instId":"A"}},"data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"{ts}"}}]}}"#
    )
}

fn deep(id: &str, action: &str, asks: &str, checksum: i64, [prev, seq]: [i64; 2]) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{id}"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[],"ts":"1","checksum":{checksum},"seqId":{seq},"prevSeqId":{prev}}}]}}"#
    )
}

#[test]
fn each_counter_counts_its_own() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let names = ["books5:A", "trades:A", "books:A", "books:B", "books:C"];
    names.iter().for_each(|name| handler.subscribe(name.parse().unwrap()).unwrap());
    let h = &mut handler;
    let (ask, bid) = (r#"["5","1","0","1"]"#, r#"["4","1","0","1"]"#);
    adds(h, &five(ask, bid, 5), &["books"]);
    adds(h, &five(bid, ask, 5), &["books", "crossed"]);
    adds(h, &five(&format!("{ask},{bid}"), "", 5), &["books", "unsorted"]);
    adds(h, &five(r#"["5","0","0","1"]"#, "", 5), &["books", "empty_levels"]);
    adds(h, &five(ask, bid, 4), &["books", "backwards"]);
    adds(h, &five(ask, bid, 4).replace(r#""A""#, r#""Z""#), &["books", "unsubscribed"]);
    let trade = r#"{"arg":{"channel":"trades","instId":"A"},"data":[{"instId":"A","tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1"}]}"#;
    adds(h, trade, &["trades"]);
    let mark = r#"{"arg":{"channel":"mark-price","instId":"Z"},"data":[{"instId":"Z","markPx":"1","ts":"1"}]}"#;
    adds(h, mark, &["records", "unsubscribed"]);
    // Sequence numbers.
    adds(h, &deep("A", "update", ask, 0, [1, 2]), &["depths", "no_snapshot"]);
    adds(h, &deep("A", "snapshot", ask, 0, [-1, 2]), &["depths"]);
    adds(
        h,
        &deep("A", "update", r#"["9","0","0","0"]"#, 0, [2, 3]),
        &["depths", "missing_deletes"],
    );
    adds(h, &deep("A", "update", ask, 0, [4, 5]), &["depths", "gaps"]);
    adds(h, &deep("A", "update", ask, 0, [5, 6]), &["depths"]);
    // Checksums, of which this is none; and a size that no book has.
    adds(h, &deep("B", "snapshot", ask, 1, [-1, 2]), &["depths", "mismatches"]);
    adds(h, &deep("C", "snapshot", ask, 0, [-1, 2]), &["depths"]);
    adds(h, &deep("C", "update", r#"["5","-1","0","1"]"#, 0, [2, 3]), &["depths", "broken"]);
    // Messages that are no data.
    adds(h, r#"{"event":"subscribe","arg":{"channel":"trades","instId":"A"}}"#, &["controls"]);
    let refusal = r#"{"event":"error","code":"60018","msg":"no such channel"}"#;
    adds(h, refusal, &["controls", "control_errors"]);
    let refusal = r#"{"event":"channel-conn-count-error","channel":"trades","connCount":"20"}"#;
    adds(h, refusal, &["controls", "control_errors"]);
    adds(h, "pong", &["controls", "pongs"]);
    let candle = r#"{"arg":{"channel":"greeks","instId":"A"},"data":[["1"]]}"#;
    adds(h, candle, &["skipped"]);
    adds(h, "{", &["malformed"]);
    adds(h, "[", &["malformed"]);
    let errors = &h.stats().errors;
    assert_eq!((errors.of(DecodeErrorKind::Json), errors.of(DecodeErrorKind::Number)), (2, 0));

    assert!(errors.iter().eq([(DecodeErrorKind::Json, 2)]));
    // More unknown names than are distinguished.
    for n in 2..50 {
        adds(h, &candle.replace("greeks", &format!("greeks{n}")), &["skipped"]);
    }

    let once = *h.stats();
    assert!(once.skipped.other > 5);
    let mut twice = once;
    twice.merge(&once);
    let counted = numbers(&once).into_iter().map(|(name, count)| (name, 2 * count));
    assert!(numbers(&twice).into_iter().eq(counted));
    assert_eq!(twice.skipped.other, 2 * once.skipped.other);
    assert!(twice.errors.iter().eq(once.errors.iter().map(|(kind, count)| (kind, 2 * count))));
    assert!(twice.skipped.iter().eq(once.skipped.iter().map(|(name, count)| (name, 2 * count))));
    assert_eq!(once.skipped.iter().next(), Some(("greeks", 1)));
}

#[test]
fn bytes_are_counted_on_the_wire_and_as_text_and_by_inflater() {
    let text = r#"{"table":"spot/trade","data":[{"instrument_id":"A","price":"1","side":"buy","size":"1","timestamp":"2021-04-25T08:24:33.352Z","trade_id":"1"}]}"#;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let mut handler = FeedHandler::new(Dialect::V3);
    handler.subscribe("spot/trade:A".parse().unwrap()).unwrap();
    let seen = |by| {
        let (wire, len) = (body.len() as u64, text.len() as u64);
        let mut seen =
            vec![("frames", 1), ("wire_bytes", wire), ("text_bytes", len), ("scanned", 1)];
        seen.extend([(by, 1), ("trades", 1)]);
        seen
    };
    assert_eq!(added(&mut handler, Frame::Binary(&body)), seen("inflated_small"));
    handler.decoder_mut().set_small_inflate(false);
    assert_eq!(added(&mut handler, Frame::Binary(&body)), seen("inflated_general"));
    // The comparisons of the scanner with the general parser switch like this.
    handler.decoder_mut().set_scanner(None);
    let general = added(&mut handler, Frame::Binary(&body));
    assert!(general.contains(&("parsed", 1)) && !general.contains(&("scanned", 1)));
    handler.decoder_mut().set_scanner(Some(Scanner::portable()));
    assert_eq!(added(&mut handler, Frame::Binary(&body)), seen("inflated_general"));
    // Another order of the keys is read by the general parser.
    let other = r#"{"data":[],"table":"spot/trade"}"#;
    let of_frame = [("frames", 1), ("wire_bytes", 32), ("text_bytes", 32), ("parsed", 1)];
    assert_eq!(added(&mut handler, Frame::Text(other.as_bytes())), of_frame);
    let once = *handler.stats();
    let mut twice = once;
    twice.merge(&once);
    let counted = numbers(&once).into_iter().map(|(name, count)| (name, 2 * count));
    assert!(numbers(&twice).into_iter().eq(counted));
}

#[test]
fn times_and_counters_of_several_sessions_add_up() {
    let subscription: Subscription = "books:A".parse().unwrap();
    // A book that is not live for so many milliseconds, after a gap or a silence.
    let gone = |ms: u64, by: BookState| {
        let mut recovery = Recovery::default();
        for (from, to, at) in [(BookState::Live, by, 0), (by, BookState::Live, ms)] {
            let ts_recv = UnixNanos(at * 1_000_000);
            recovery.note(&StateChange {
                subscription: &subscription,
                subscription_id: SubscriptionId::NONE,
                from,
                to,
                ts_recv,
            });
        }
        recovery
    };
    let mut all = gone(5, BookState::Resyncing);
    all.merge(&gone(40, BookState::Stale));
    all.merge(&gone(300, BookState::Resyncing));
    assert_eq!((all.any_us.len(), all.resync_us.len()), (3, 2));
    let close = |us: u64, ms: u64| us.abs_diff(ms * 1_000) <= ms * 20;
    assert!(close(all.any_us.value_at_quantile(0.5), 40), "{}", all.any_us.value_at_quantile(0.5));
    assert!(close(all.resync_us.min(), 5) && close(all.resync_us.max(), 300));

    let numbers = |s: &SessionStats| {
        [s.attempts, s.postponed, s.requests, s.pings, s.resyncs, s.late_snapshots, s.late_acks]
    };
    let of = |from: u64| {
        let mut stats = SessionStats::default();
        stats.attempts = from;
        stats.postponed = from + 1;
        stats.requests = from + 2;
        stats.pings = from + 3;
        stats.resyncs = from + 4;
        stats.late_snapshots = from + 5;
        stats.late_acks = from + 6;
        stats
    };
    let mut both = of(100);
    both.merge(&of(1_000));
    assert_eq!(numbers(&both), [1_100, 1_102, 1_104, 1_106, 1_108, 1_110, 1_112]);
}
