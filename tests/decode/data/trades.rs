//! Trades are emitted once on one line, with the number of missing ones between them.

use okx_feed::{Dialect, Event, UnixNanos};

use crate::data::{Feed, name, sub, v3_message, v5_message};

fn trade(channel: &str, id: u64, count: Option<u32>) -> String {
    let count = count.map_or(String::new(), |count| format!(r#","count":"{count}""#));
    let item = format!(
        r#""instId":"A","tradeId":"{id}","px":"1","sz":"2","side":"buy","ts":"{}"{count}"#,
        1_795_940_000_000 + id
    );
    v5_message(channel, "A", &item)
}

#[test]
fn the_last_trade_is_not_emitted_again_after_a_reconnect() {
    for (dialect, subscription, channel) in [
        (Dialect::V5, "trades:A", "trades"),
        (Dialect::V5, "trades-all:A", "trades-all"),
        (Dialect::V3, "spot/trade:A", "trade"),
    ] {
        let mut feed = Feed::new(dialect, &[subscription]);
        let tape = feed.handler.trade_reader(&sub(subscription)).unwrap();
        let trade = |id: u64| match dialect {
            Dialect::V5 => trade(channel, id, None),
            Dialect::V3 => v3_message(
                "spot/trade",
                "A",
                &format!(r#""side":"buy","trade_id":"{id}","price":"1","size":"2""#),
            ),
        };
        let event = |id: u64, marks: &str| format!("{channel}:A {id} 2@1 x1 from 0{marks}");
        let live = || format!("{subscription} live");
        feed.reconnect();
        assert_eq!(feed.text(&trade(7)), [live(), event(7, " replayed")]);
        assert_eq!(feed.text(&trade(8)), [event(8, "")]);
        // The last one again, on three connections; then one from between.
        for _ in 0..3 {
            feed.reconnect();
            assert_eq!(feed.text(&trade(8)), [live()]);
        }
        assert_eq!(feed.text(&trade(9)), [event(9, "")]);
        feed.reconnect();
        let missed = if dialect == Dialect::V5 { " true missed 2" } else { " replayed" };
        assert_eq!(feed.text(&trade(12)), [live(), event(12, missed)]);
        let ring = feed.handler.trades(&sub(subscription)).unwrap();
        let ids: Vec<_> = ring.iter().map(|trade| trade.trade_id).collect();
        assert_eq!(ids, [7, 8, 9, 12]);
        assert_eq!(tape.since(0).map(|(_, trade)| trade.trade_id).collect::<Vec<_>>(), ids);
        assert!(tape.state().is_live());
        let stats = feed.handler.stats();
        let missed = if dialect == Dialect::V5 { 2 } else { 0 };
        assert_eq!((stats.trades, stats.repeated_trades, stats.missed_trades), (7, 3, missed));
    }
}

#[test]
fn a_merged_trade_covers_as_many_ids_as_it_counts() {
    let mut feed = Feed::new(Dialect::V5, &["trades:A"]);
    feed.text(&trade("trades", 10, Some(4)));
    for (id, count, missed) in [(13, 3, 0), (14, 1, 0), (20, 2, 4), (30, 10, 0), (31, 5, 0)] {
        let events = feed.text(&trade("trades", id, Some(count)));
        let marks = if missed == 0 { String::new() } else { format!(" false missed {missed}") };
        assert_eq!(events, [format!("trades:A {id} 2@1 x{count} from 0{marks}")]);
    }
    assert_eq!(feed.handler.stats().missed_trades, 4);
}

/// Several trades in one message, one of which was emitted before.
#[test]
fn each_trade_of_a_message_is_checked_by_itself() {
    let mut feed = Feed::new(Dialect::V5, &["trades:A"]);
    feed.text(&trade("trades", 5, None));
    let item = |id: u64| {
        let text = trade("trades", id, None);
        text.split_once('[').unwrap().1.strip_suffix("]}").unwrap().to_owned()
    };
    let text = trade("trades", 5, None).replace(&item(5), &[5, 6, 7].map(item).join(","));
    assert_eq!(feed.text(&text), ["trades:A 6 2@1 x1 from 0", "trades:A 7 2@1 x1 from 0"]);
}

#[test]
fn source_and_count_are_emitted() {
    let mut feed = Feed::new(Dialect::V5, &["trades:A"]);
    let text = v5_message(
        "trades",
        "A",
        r#""instId":"A","tradeId":"130639474","px":"60000.1","sz":"0.05","side":"sell","ts":"1790358565298","count":"3","source":"0","seqId":4321},{"instId":"A","tradeId":"130639475","px":"60000.2","sz":"1","side":"buy","ts":"1790358565299","count":"1","source":"1","seqId":4322"#,
    );
    assert_eq!(
        feed.text(&text),
        [
            "trades:A live",
            "trades:A 130639474 0.05@60000.1 x3 from 0 replayed",
            "trades:A 130639475 1@60000.2 x1 from 1",
        ]
    );
}

/// The number of missing trades is that of all lines, not of the line that delivered the trade.
#[test]
fn a_trade_of_another_line_is_not_missing() {
    let mut lines = [(); 2].map(|()| Feed::new(Dialect::V5, &["trades:A"]));
    let mut arbiter = okx_feed::Arbiter::new(2);
    arbiter.subscribe(sub("trades:A"));
    let mut deliver = |line: usize, id: u64| {
        let mut events = Vec::new();
        let text = trade("trades", id, None);
        let frame = okx_feed::Frame::Text(text.as_bytes());
        let mut sink = |event: &Event<'_>| {
            arbiter.on_event(line, event, &mut |event: &Event<'_>| events.push(name(event)));
        };
        lines[line].handler.on_frame(frame, UnixNanos(1), &mut sink).unwrap();
        events
    };
    let event = |id: u64| [format!("trades:A {id} 2@1 x1 from 0")];
    assert_eq!(deliver(0, 1).len(), 2);
    assert!(deliver(1, 1).is_empty());
    assert_eq!(deliver(0, 2), event(2));
    assert_eq!(deliver(0, 3), event(3));
    // The other line has lost two of them.
    assert_eq!(deliver(1, 4), event(4));
    assert_eq!(deliver(1, 7), ["trades:A 7 2@1 x1 from 0 false missed 2"]);
    assert_eq!(deliver(0, 6), event(6));
}
