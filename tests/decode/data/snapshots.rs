//! Outdated snapshots, and channels without `prevSeqId`.

use okx_feed::book::DesyncCause;
use okx_feed::{BookState, Dialect};

use crate::data::{Feed, SECOND, sub, v5_deep};

const BOOKS: &str = "books:A";

fn snapshot(ts: u64, seq: i64) -> String {
    v5_deep("snapshot", r#"[["2","1","0","1"]]"#, ts, seq, Some(-1))
}

fn update(ts: u64, seq: i64, prev: Option<i64>) -> String {
    v5_deep("update", r#"[["2","3","0","1"]]"#, ts, seq, prev)
}

#[test]
fn an_older_snapshot_in_a_live_chain_is_not_shown_live() {
    let mut feed = Feed::new(Dialect::V5, &[BOOKS]);
    feed.text(&snapshot(0, 10));
    feed.text(&update(100, 11, Some(10)));
    feed.text(&update(200, 12, Some(11)));
    let events = feed.text(&snapshot(0, 10));
    assert_eq!(events, ["books:A resyncing", "books broken old"]);
    assert_eq!(feed.state(BOOKS), BookState::Resyncing);
    let book = feed.handler.depth(&sub(BOOKS)).unwrap();
    // Its levels are not those of the book that was there.
    assert_eq!((book.view().seq(), book.live().is_none()), (Some(12), true));
    assert_eq!(book.sync(), okx_feed::book::BookSync::Broken(DesyncCause::OldSnapshot));
    assert_eq!(feed.text(&update(300, 13, Some(12))), ["books broken gap"]);
    // Nor is the next one, while it is older.
    assert_eq!(feed.text(&snapshot(150, 11)), ["books broken old"]);
    assert_eq!(feed.text(&snapshot(250, 13)), ["books:A live", "books live ok"]);
    assert_eq!(feed.handler.stats().broken, 1);
}

#[test]
fn an_older_snapshot_on_a_new_connection_is_not_shown_live() {
    let mut feed = Feed::new(Dialect::V5, &[BOOKS]);
    feed.text(&snapshot(0, 10));
    feed.text(&update(100, 12, Some(10)));
    for (ts, seq) in [(0, 10), (100, 11), (99, 11)] {
        feed.reconnect();
        assert_eq!(feed.text(&snapshot(ts, seq)), ["books:A resyncing", "books broken old"]);
        assert_eq!(feed.text(&update(200, 20, Some(seq))), ["books broken ok"]);
    }
    // The same number is the same book, and a lower one at a later time is a sequence reset.
    for (ts, seq) in [(100, 12), (90, 12), (101, 3), (102, 1)] {
        feed.reconnect();
        assert_eq!(feed.text(&snapshot(ts, seq)), ["books:A live", "books live ok"], "{seq}");
    }
    // After half a minute any number is accepted.
    feed.now += 30 * SECOND;
    feed.reconnect();
    assert_eq!(feed.text(&snapshot(1, 0)), ["books:A live", "books live ok"]);
}

#[test]
fn without_numbers_the_time_decides() {
    let mut feed = Feed::new(Dialect::V3, &["spot/depth:A"]);
    let partial = |milli: u32| {
        format!(
            r#"{{"table":"spot/depth","action":"partial","data":[{{"instrument_id":"A","asks":[],"bids":[],"timestamp":"2020-04-17T07:45:31.{milli}Z","checksum":0}}]}}"#
        )
    };
    feed.text(&partial(700));
    assert_eq!(feed.text(&partial(699)), ["spot/depth:A resyncing", "depth broken old"]);
    assert_eq!(feed.text(&partial(700)), ["spot/depth:A live", "depth live none"]);
    feed.reconnect();
    assert_eq!(feed.text(&partial(699)), ["spot/depth:A resyncing", "depth broken old"]);
}

#[test]
fn a_channel_without_prev_seq_id_is_checked_by_its_numbers() {
    let mut feed = Feed::new(Dialect::V5, &[BOOKS]);
    feed.text(&snapshot(0, 10));
    for seq in [11, 15, 16] {
        assert_eq!(feed.text(&update(100, seq, None)), ["books live ok"]);
    }
    assert_eq!(feed.text(&update(100, 16, None)), ["books:A resyncing", "books broken gap"]);
    feed.text(&snapshot(200, 20));
    assert_eq!(feed.text(&update(200, 19, None)), ["books:A resyncing", "books broken gap"]);
    // In a chain, an update without `prevSeqId` may follow any number.
    feed.text(&snapshot(300, 30));
    assert_eq!(feed.text(&update(300, 31, Some(30))), ["books live ok"]);
    assert_eq!(feed.text(&update(300, 32, None)), ["books:A resyncing", "books broken gap"]);
    // The next snapshot begins another chain.
    feed.text(&snapshot(400, 40));
    assert_eq!(feed.text(&update(400, 41, None)), ["books live ok"]);
}

/// The rules of the chain: a heartbeat, a reset, an update that comes again.
#[test]
fn the_rules_of_the_chain_hold() {
    let mut feed = Feed::new(Dialect::V5, &[BOOKS]);
    feed.text(&snapshot(0, 10));
    feed.text(&update(100, 11, Some(10)));
    let beat = v5_deep("update", "[]", 200, 11, Some(11)).replace(r#"[["1","1","0","1"]]"#, "[]");
    assert_eq!(feed.text(&beat), ["books live heartbeat"]);
    assert_eq!(feed.text(&update(300, 3, Some(11))), ["books live reset"]);
    assert_eq!(feed.text(&update(400, 4, Some(3))), ["books live ok"]);
    assert_eq!(feed.text(&update(500, 4, Some(3))), ["books:A resyncing", "books broken gap"]);
    feed.text(&snapshot(600, 20));
    assert_eq!(feed.text(&update(700, 0, Some(20))), ["books live reset"]);
    assert_eq!(feed.text(&update(800, 5, Some(0))), ["books live ok"]);
}
