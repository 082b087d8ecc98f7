//! Recorded order-book messages: every checksum matches, no message is missing, and the book equals
//! that of two maps. Shortened recordings do not match.
//!
//! The recordings are not part of this repository; without them their tests are ignored. Those of
//! the embedded exchange are in `tests/data`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::or_fun_call,
    reason = "a test fails where a recording is not what it takes it for"
)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use okx_feed::book::{BookSync, Checksum, DepthAction, DesyncCause, FaultPolicy, Sequence};
use okx_feed::{Channel, Decimal, DepthBook, DepthUpdate, Level, Topic, UnixNanos};
use okx_feed_testkit::depth_oracle::Oracle;
use serde_json::Value;

/// A message with the owned data of a [`DepthUpdate`].
struct Message {
    channel: Channel,
    inst_id: String,
    action: DepthAction,
    seq: i64,
    prev_seq: i64,
    checksum: Option<i32>,
    asks: Vec<Level>,
    bids: Vec<Level>,
}

impl Message {
    /// Reads a line; `None` if it is no order-book message with an action.
    fn read(line: &str) -> Option<Self> {
        let root: Value = serde_json::from_str(line).expect("a line of JSON");
        let action = match root["action"].as_str()? {
            "partial" | "snapshot" => DepthAction::Snapshot,
            "update" => DepthAction::Update,
            other => panic!("action {other}"),
        };
        let channel = match (root["table"].as_str(), root["arg"]["channel"].as_str()) {
            (Some(table), _) if table.ends_with("depth") => Channel::Depth,
            (Some(table), _) if table.ends_with("depth_l2_tbt") => Channel::DepthL2Tbt,
            (_, Some("books" | "books-l2-tbt")) => Channel::Books,
            other => panic!("channel {other:?}"),
        };
        let [data] = root["data"].as_array().expect("data").as_slice() else {
            panic!("not one element of data");
        };
        let inst_id = data["instrument_id"].as_str().or(root["arg"]["instId"].as_str());
        Some(Self {
            channel,
            inst_id: inst_id.expect("an instrument").to_owned(),
            action,
            seq: data["seqId"].as_i64().unwrap_or(DepthUpdate::NO_SEQ),
            prev_seq: data["prevSeqId"].as_i64().unwrap_or(DepthUpdate::NO_SEQ),
            checksum: data["checksum"].as_i64().map(|sum| sum.try_into().expect("32 bits")),
            asks: levels(&data["asks"]),
            bids: levels(&data["bids"]),
        })
    }

    fn update(&self) -> DepthUpdate<'_> {
        DepthUpdate {
            topic: Topic { channel: self.channel, market: None, inst_id: &self.inst_id },
            action: self.action,
            ts_event: UnixNanos(1),
            ts_recv: UnixNanos(2),
            seq: self.seq,
            prev_seq: self.prev_seq,
            checksum: self.checksum,
            asks: &self.asks,
            bids: &self.bids,
            non_rpi: None,
        }
    }
}

fn levels(side: &Value) -> Vec<Level> {
    let level = |level: &Value| {
        let items = level.as_array().expect("a level");
        let orders = number(items.last().expect("orders"));
        let orders = u32::try_from(orders.mantissa()).expect("a count");
        Level::new(number(&items[0]), number(&items[1]), orders)
    };
    side.as_array().expect("a side").iter().map(level).collect()
}

fn number(value: &Value) -> Decimal {
    match value {
        Value::String(text) => text.parse().expect("a number"),
        // With arbitrary precision the number keeps its text.
        Value::Number(number) => number.to_string().parse().expect("a number"),
        other => panic!("no number: {other}"),
    }
}

fn recorded() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    std::env::var_os("OKX_FEED_CAPTURES").map_or(beside, PathBuf::from)
}

/// The recordings of a folder whose name passes `wanted`.
fn captures(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<Message>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of recordings") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let deep = name.contains("depth") || name.contains("books");
        let five = name.contains("depth5") || name.contains("books5");
        if deep && !five && name.ends_with(".jsonl") && wanted(&name) {
            let text = fs::read_to_string(&path).expect("a readable file");
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            found.push((name, lines.filter_map(Message::read).collect()));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(!found.is_empty(), "no such recording in {}", folder.display());
    found
}

fn is_whole(name: &str) -> bool {
    !["trimmed", "singles", "nosnapshot"].iter().any(|word| name.contains(word))
}

#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn every_checksum_of_whole_recordings_agrees_and_nothing_is_missing() {
    check_whole(&recorded());
}

#[test]
fn every_checksum_of_the_embedded_exchange_agrees_and_nothing_is_missing() {
    check_whole(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"));
}

fn check_whole(folder: &Path) {
    let (mut snapshots, mut updates, mut missing, mut deepest) = (0, 0, 0, 0);
    for (name, messages) in captures(folder, is_whole) {
        let mut books: HashMap<String, (DepthBook, Oracle)> = HashMap::new();
        for (line, message) in messages.iter().enumerate() {
            let context = format!("{name}, message {line}, {}", message.inst_id);
            let (book, oracle) = books
                .entry(message.inst_id.clone())
                .or_insert_with(|| (DepthBook::new(), Oracle::new(DepthBook::DEFAULT_CAPACITY)));
            let outcome = book.apply(&message.update());
            oracle.apply(message.action, &message.asks, &message.bids);
            assert_eq!(outcome.checksum, Checksum::Ok, "{context}");
            assert_eq!(Some(oracle.checksum()), message.checksum, "{context}");
            assert!(matches!(outcome.sequence, Sequence::None | Sequence::Ok), "{context}");
            assert_eq!((outcome.applied, outcome.sync), (true, BookSync::Live), "{context}");
            assert_eq!(outcome.missing, oracle.missing, "{context}");
            let view = book.live().expect("a live book");
            oracle.assert_same(&view, &context);
            let top = view.top5();
            let (asks, bids) = (oracle.asks(), oracle.bids());
            assert_eq!(top.asks(), &asks[..asks.len().min(5)], "{context}");
            assert_eq!(top.bids(), &bids[..bids.len().min(5)], "{context}");
            assert!(top.flags().is_empty() && !outcome.truncated, "{context}");
            match message.action {
                DepthAction::Snapshot => snapshots += 1,
                DepthAction::Update | DepthAction::RestSnapshot => updates += 1,
            }
            missing += outcome.missing;
            deepest = deepest.max(asks.len()).max(bids.len());
        }
    }
    println!(
        "{snapshots} snapshots and {updates} updates agree; {missing} deletions of absent levels; \
         deepest side {deepest}"
    );
}

/// Two of the recordings called shortened are whole books of one side, and agree.
#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn shortened_books_do_not_agree_and_are_not_shown() {
    let (mut mismatches, mut agree) = (0, 0);
    for (name, messages) in captures(&recorded(), |name| name.contains("trimmed")) {
        let mut books: HashMap<String, (DepthBook, Oracle)> = HashMap::new();
        for (line, message) in messages.iter().enumerate() {
            let context = format!("{name}, message {line}, {}", message.inst_id);
            let (book, oracle) = books
                .entry(message.inst_id.clone())
                .or_insert_with(|| (DepthBook::new(), Oracle::new(DepthBook::DEFAULT_CAPACITY)));
            book.set_fault_policy(FaultPolicy::ApplyAnyway);
            let outcome = book.apply(&message.update());
            oracle.apply(message.action, &message.asks, &message.bids);
            assert!(outcome.applied, "{context}");
            if Some(oracle.checksum()) == message.checksum {
                assert_eq!((outcome.checksum, outcome.sync), (Checksum::Ok, BookSync::Live));
                assert!(message.asks.is_empty() || message.bids.is_empty(), "{context}");
                agree += 1;
            } else {
                assert_eq!(outcome.checksum, Checksum::Mismatch, "{context}");
                assert_eq!(outcome.sync, BookSync::Broken(DesyncCause::Checksum), "{context}");
                assert!(book.live().is_none(), "{context}");
                mismatches += 1;
            }
        }
    }
    println!("{mismatches} messages of shortened books do not agree, {agree} do");
}

#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn updates_without_a_snapshot_change_nothing() {
    for (name, messages) in captures(&recorded(), |name| name.contains("nosnapshot")) {
        let mut book = DepthBook::new();
        for message in &messages {
            let outcome = book.apply(&message.update());
            assert_eq!((outcome.applied, outcome.sync), (false, BookSync::NoSnapshot), "{name}");
            assert!(book.view().asks().is_empty() && book.view().bids().is_empty());
        }
        // With a snapshot made up, the recorded chain of numbers has no gap.
        let first = messages.first().expect("a message");
        let mut snapshot = okx_feed_testkit::depth_oracle::message(DepthAction::Snapshot, &[], &[]);
        (snapshot.seq, snapshot.prev_seq) = (first.prev_seq, -1);
        assert_eq!(book.apply(&snapshot).sequence, Sequence::Ok);
        for message in &messages {
            let outcome = book.apply(&message.update());
            assert_eq!((outcome.sequence, outcome.checksum), (Sequence::Ok, Checksum::None));
            assert_eq!(outcome.sync, BookSync::Live, "{name}");
        }
    }
}

#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn single_snapshots_agree_and_single_updates_have_none() {
    for (name, messages) in captures(&recorded(), |name| name.contains("singles")) {
        for message in &messages {
            let mut book = DepthBook::new();
            let outcome = book.apply(&message.update());
            match message.action {
                DepthAction::Snapshot => assert_eq!(outcome.checksum, Checksum::Ok, "{name}"),
                DepthAction::Update | DepthAction::RestSnapshot => {
                    assert_eq!(outcome.sync, BookSync::NoSnapshot, "{name}")
                }
            }
        }
    }
}
