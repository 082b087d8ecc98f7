//! Replay: the same events as from the frames themselves, in any arrangement of the files.

use std::path::{Path, PathBuf};

use okx_feed::capture::{CaptureReader, CapturedKind, ConnectionLabel, EntryKind, Mark, Recorder};
use okx_feed::replay::{Lines, ReplayBuilder, ReplayError, ReplayReport, Speed};
use okx_feed::{
    BookState, Dialect, Event, EventSink, FeedHandler, Frame, Replay, Subscription, SubscriptionId,
    UnixNanos,
};

use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

const DIALECTS: [Dialect; 2] = [Dialect::V3, Dialect::V5];

fn session(dialect: Dialect) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/conn-sim-{dialect}.tsv"))
}

fn played<S: EventSink>(builder: ReplayBuilder<S>) -> (Vec<String>, ReplayReport) {
    let mut seen = Vec::new();
    let sink = |event: &Event<'_>| seen.push(format!("{event:?}"));
    let report = builder.on_event(sink).open().unwrap().run().unwrap();
    (seen, report)
}

/// Books and trades alone, without what depends on how a subscription was found.
fn data(seen: &[String]) -> Vec<&String> {
    let is_data =
        |text: &&String| ["Book(", "Trade(", "DepthBook("].iter().any(|s| text.starts_with(s));
    seen.iter().filter(is_data).collect()
}

#[test]
fn sessions_of_another_recorder_give_what_a_handler_gives_for_their_frames() {
    for dialect in DIALECTS {
        let (seen, report) = played(Replay::builder().file(session(dialect)));
        let mut reader = CaptureReader::open(session(dialect)).unwrap();
        let mut frames = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            if let EntryKind::Frame(frame) = entry.kind {
                let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
                frames.push((entry.ts_recv, matches!(frame, Frame::Binary(_)), bytes.to_vec()));
            }
        }
        let replay = Replay::builder().file(session(dialect)).on_event(|_: &Event<'_>| {});
        let mut replay = replay.open().unwrap();
        while replay.step().unwrap() {}
        let mut handler = FeedHandler::new(dialect);
        handler.set_age_limit(Some(std::time::Duration::from_secs(5)));
        for subscription in replay.subscriptions() {
            handler.subscribe(subscription).unwrap();
        }
        let mut expected = Vec::new();
        let mut last = UnixNanos::UNKNOWN;
        for (ts, is_binary, bytes) in &frames {
            last = last.max(*ts);
            let frame = if *is_binary { Frame::Binary(bytes) } else { Frame::Text(bytes) };
            let sink = &mut |event: &Event<'_>| expected.push(format!("{event:?}"));
            let _ = handler.on_frame(frame, last, sink);
        }
        assert_eq!(report.frames, frames.len() as u64);
        // A frame that shows a subscription is run twice and counted once.
        let counts = |stats: &okx_feed::feed::Stats| {
            (stats.frames, stats.books, stats.trades, stats.depths, stats.controls)
        };
        assert_eq!(counts(&report.feed), counts(handler.stats()));
        assert!(data(&seen).len() > 100, "{dialect}: {report:?}");
        let ids = |text: &String| {
            // They are given in the order in which subscriptions are found.
            let (head, rest) = text.split_once("subscription_id").unwrap();
            format!("{head}{}", rest.split_once(')').unwrap().1)
        };
        let same = |all: Vec<&String>| all.into_iter().map(ids).collect::<Vec<_>>();
        assert_eq!(same(data(&seen)), same(data(&expected)), "{dialect}");
    }
}

/// The values of an event, in a form that does not depend on how types are printed.
fn stable(event: &Event<'_>) -> String {
    let best = |levels: [Option<&okx_feed::Level>; 2]| {
        levels.map(|level| level.map(|level| (level.px().to_string(), level.sz().to_string())))
    };
    match event {
        Event::Book(update) => {
            let book = update.book;
            let best = best([book.best_bid(), book.best_ask()]);
            format!("{} {} {} {best:?};", update.topic, book.ts_recv.0, book.ts_event.0)
        }
        Event::Trade(update) => {
            let trade = &update.trade;
            format!("{} {} {} {};", update.topic, trade.trade_id, trade.px(), trade.sz())
        }
        Event::DepthBook(change) => {
            let view = change.book.view();
            let best = best([view.best_bid(), view.best_ask()]);
            format!("{} {} {best:?};", change.update.topic, change.update.ts_recv.0)
        }
        Event::State(change) => format!("{} {} {};", change.subscription, change.from, change.to),
        other => format!("{};", other.ts_recv().0),
    }
}

/// How many events the sessions of the repository have, and the CRC-32 of all of them.
const HASHES: [(usize, u32); 2] = [(168, 1_158_684_455), (168, 2_810_563_074)];

/// The same file gives the same events on any machine.
#[test]
fn a_replay_is_the_same_everywhere() {
    let mut hashes = Vec::new();
    for dialect in DIALECTS {
        let (seen, _) = played(Replay::builder().file(session(dialect)));
        assert_eq!(seen, played(Replay::builder().file(session(dialect))).0);
        let paced = Replay::builder().file(session(dialect)).speed(Speed::Times(1e12));
        assert_eq!(seen, played(paced).0);
        let mut text = String::new();
        let sink = |event: &Event<'_>| text.push_str(&stable(event));
        let builder = Replay::builder().file(session(dialect)).on_event(sink);
        builder.open().unwrap().run().unwrap();
        hashes.push((seen.len(), crc32fast::hash(text.as_bytes())));
    }
    assert_eq!(hashes, HASHES);
}

/// Writes frames as a recorder does, each on the connection that `connection` says.
fn write(
    dir: &Path,
    frames: &[(UnixNanos, Vec<u8>)],
    subscriptions: &str,
    connection: impl Fn(usize) -> Option<ConnectionLabel>,
) -> PathBuf {
    let mut recorder = Recorder::start(dir.into(), Dialect::V5, START).unwrap();
    let mut known = Vec::new();
    for (at, (ts, frame)) in frames.iter().enumerate() {
        let Some(label) = connection(at) else { continue };
        if !known.contains(&label) {
            known.push(label);
            let text = subscriptions.as_bytes();
            recorder.record(CapturedKind::Mark(Mark::Line), label, START, text);
        }
        recorder.record(CapturedKind::Text, label, *ts, frame);
    }
    drop(recorder);
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files.pop().unwrap()
}

fn trade(id: u64) -> Vec<u8> {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{id}","px":"4.1","sz":"2","side":"buy","ts":"1790000000001","count":"1"}}]}}"#
    )
    .into_bytes()
}

fn trades(count: u64) -> Vec<(UnixNanos, Vec<u8>)> {
    (0..count).map(|n| (UnixNanos(START.0 + 1 + n * 1_000), trade(n + 1))).collect()
}

fn ids(builder: ReplayBuilder) -> Vec<u64> {
    let mut seen = Vec::new();
    let sink = |event: &Event<'_>| {
        if let Event::Trade(update) = event {
            seen.push(update.trade.trade_id);
        }
    };
    builder.on_event(sink).open().unwrap().run().unwrap();
    seen
}

const TRADES: &str = "v5 1 trades:BTC-USDT";

#[test]
fn several_recordings_are_merged_by_time_and_arbitrated_apart_or_alone() {
    let dir = ScratchDir::new("merge");
    let frames = trades(300);
    let label = ConnectionLabel::default();
    // Each misses what another has.
    let files: Vec<_> = (0..3)
        .map(|n| {
            let has = |at: usize| (at / 7 % 3 != n).then_some(label);
            write(&dir.path().join(n.to_string()), &frames, TRADES, has)
        })
        .collect();
    let all: Vec<u64> = (1..=300).collect();
    assert_eq!(ids(Replay::builder().files(&files)), all);
    let mut reversed = files.clone();
    reversed.reverse();
    assert_eq!(ids(Replay::builder().files(&reversed)), all);
    let apart = ids(Replay::builder().files(&files).configure(|c| c.lines = Lines::Apart));
    assert_eq!(apart.len(), 600);
    assert!(apart.is_sorted());
    let alone = ids(Replay::builder().file(&files[0]));
    assert_eq!(alone, all.iter().copied().filter(|id| (id - 1) / 7 % 3 != 0).collect::<Vec<_>>());
}

#[test]
fn lines_of_one_recording_are_arbitrated_apart_or_alone() {
    let dir = ScratchDir::new("lines");
    let twice: Vec<_> = trades(200).into_iter().flat_map(|frame| [frame.clone(), frame]).collect();
    let label = |at: usize| Some(ConnectionLabel { group: 0, line: (at % 2) as u16 });
    let file = write(dir.path(), &twice, "v5 2 trades:BTC-USDT", label);
    let with = |lines| ids(Replay::builder().file(&file).configure(|c| c.lines = lines));
    let all: Vec<u64> = (1..=200).collect();
    assert_eq!(with(Lines::Arbitrated), all);
    assert_eq!(with(Lines::Only(1)), all);
    assert_eq!(with(Lines::Apart).len(), 400);
    assert_eq!(with(Lines::Only(7)), [0; 0]);
}

#[test]
fn times_select_and_blocks_of_other_times_are_not_unpacked() {
    let dir = ScratchDir::new("times");
    // Ten seconds, in blocks of a second.
    let frames: Vec<_> =
        (0..1_000_u64).map(|n| (UnixNanos(START.0 + 1 + n * 10_000_000), trade(n + 1))).collect();
    let label = |_: usize| Some(ConnectionLabel::default());
    let file = write(dir.path(), &frames, TRADES, label);
    // Every block but the first and those of the sixth second is destroyed.
    let mut bytes = std::fs::read(&file).unwrap();
    let mut start = 0;
    let mut blocks = 0;
    while start < bytes.len() {
        let len = okx_feed::capture::Trailer::LEN;
        let parse = |at: usize| okx_feed::capture::Trailer::parse(bytes.get(at..at + len)?);
        let (end, trailer) = (start..bytes.len()).find_map(|at| Some((at, parse(at)?))).unwrap();
        let is_wanted =
            trailer.last.0 >= START.0 + 5_000_000_000 && trailer.first.0 < START.0 + 6_000_000_000;
        if blocks > 0 && !is_wanted {
            // Within the content, whose checksum shows it; the headers stay.
            let middle = (start + end) / 2;
            bytes[middle..middle + 8].fill(0x55);
        }
        (start, blocks) = (end + len, blocks + 1);
    }
    assert!(blocks >= 9, "{blocks}");
    std::fs::write(&file, bytes).unwrap();
    let at = |secs: u64| UnixNanos(START.0 + 1 + secs * 1_000_000_000);
    let (seen, report) = played(Replay::builder().file(&file).times(at(5), at(6)));
    assert_eq!((report.frames, report.gaps), (100, 0), "{report:?}");
    assert!(seen.iter().any(|text| text.contains("trade_id: 501,")), "{:?}", seen.first());
    // All of it shows what is destroyed.
    assert!(played(Replay::builder().file(&file)).1.gaps > 5);
}

#[test]
fn a_gap_makes_stale_what_may_have_lost_a_message() {
    let dir = ScratchDir::new("gap");
    let mut recorder = Recorder::start(dir.path().into(), Dialect::V5, START).unwrap();
    let label = ConnectionLabel::default();
    // The second comes ten seconds after the first, and is as young.
    let books = |seq: u64| {
        let ts = START.0 / 1_000_000 + (seq - 1) * 10_000;
        format!(
            r#"{{"arg":{{"channel":"books5","instId":"A"}},"data":[{{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"instId":"A","ts":"{ts}","seqId":{seq}}}]}}"#
        )
    };
    let at = |n: u64| UnixNanos(START.0 + n);
    recorder.record(CapturedKind::Mark(Mark::Line), label, at(1), b"v5 1 books5:A");
    recorder.record(CapturedKind::Text, label, at(2), books(1).as_bytes());
    // Too long for any frame: it is dropped, and a gap mark says so.
    recorder.record(CapturedKind::Text, label, at(3), &vec![b' '; (1 << 20) + 1]);
    recorder.flush_due(at(10_000_000_000));
    recorder.record(CapturedKind::Text, label, at(10_000_000_001), books(2).as_bytes());
    drop(recorder);
    let (mut states, mut gaps) = (Vec::new(), Vec::new());
    let sink = |event: &Event<'_>| match event {
        Event::State(change) => states.push(change.to),
        Event::Gap(gap) => gaps.push((gap.lines, gap.ts_recv, states.len())),
        _ => {}
    };
    let builder = Replay::builder().files(dir.files()).on_event(sink);
    let mut replay = builder.open().unwrap();
    let subscription: Subscription = "books5:A".parse().unwrap();
    // Its readers are there before the first frame.
    let reader = replay.book_reader(&subscription).unwrap();
    assert_eq!(replay.state(&subscription), Some(BookState::Connecting));
    while replay.step().unwrap() {}
    let report = replay.report();
    drop(replay);
    assert_eq!((report.gaps, report.missing_lines), (1, 1));
    // Before what it costs.
    assert_eq!(gaps, [(1, at(3), 1)]);
    // It was killed, not stopped.
    let expected = [BookState::Live, BookState::Stale, BookState::Live, BookState::Connecting];
    assert_eq!(states, expected);
    assert_eq!(reader.snapshot().seq, 2);
}

/// Frames of several channels, among them those of records and one that is not decoded.
const CHANNELS: &str = r#"
{"arg":{"channel":"trades","instId":"A"},"data":[{"instId":"A","tradeId":"1","px":"4","sz":"2","side":"buy","ts":"1","count":"1"}]}
{"arg":{"channel":"mark-price","instId":"A"},"data":[{"instType":"SWAP","instId":"A","markPx":"5","ts":"2"}]}
{"arg":{"channel":"funding-rate","instId":"A"},"data":[{"instType":"SWAP","instId":"A","fundingRate":"0.1","ts":"3"}]}
{"arg":{"channel":"books-elp-all","instId":"A"},"data":[{}]}
{"arg":{"channel":"mark-price","instId":"A"},"data":[{"instType":"SWAP","instId":"A","markPx":"6","ts":"4"}]}
"#;

#[test]
fn records_and_raw_messages_are_left_out_like_all_that_was_not_named() {
    let dir = ScratchDir::new("channels");
    let path = dir.path().join("a.jsonl");
    std::fs::write(&path, CHANNELS.trim_start()).unwrap();
    let kinds = |channels: &[&str]| {
        let mut builder = Replay::builder().file(&path).dialect(Dialect::V5);
        for channel in channels {
            builder = builder.subscribe(channel);
        }
        let mut seen = Vec::new();
        let sink = |event: &Event<'_>| {
            if !matches!(event, Event::State(_)) {
                let topic = event.topic().map(|topic| topic.to_string());
                seen.push((
                    topic.unwrap_or_default(),
                    event.subscription_id() != SubscriptionId::NONE,
                ));
            }
        };
        builder.on_event(sink).open().unwrap().run().unwrap();
        seen
    };
    let named = |names: &[&str]| -> Vec<(String, bool)> {
        names.iter().map(|name| ((*name).to_owned(), true)).collect()
    };
    assert_eq!(kinds(&["trades:A"]), named(&["trades:A"]));
    let mark = ["mark-price:A", "mark-price:A"];
    assert_eq!(kinds(&["mark-price:A"]), named(&mark));
    assert_eq!(kinds(&["raw:books-elp-all:A"]), named(&["raw:books-elp-all:A"]));
    // Where nothing is named, all that is decoded is subscribed as it is found.
    let all = kinds(&[]);
    let mut expected = named(&["trades:A", "mark-price:A", "funding-rate:A"]);
    expected.push((String::new(), false));
    expected.push(("mark-price:A".to_owned(), true));
    assert_eq!(all, expected);
}

#[test]
fn what_a_file_says_costs_no_memory_without_bound() {
    let dir = ScratchDir::new("hostile");
    let path = dir.path().join("a.tsv");
    let mut text = String::new();
    for group in 0..600 {
        text.push_str(&format!("1\tline/{group}.{group}\tv5 99999999999 books5:A{group} x:y\n"));
        text.push_str(&format!("2\ttext/{group}.1\t{{}}\n3\tstate/{group}.1\tlive\n"));
        text.push_str(&format!("4\tend/{group}.1\t\n5\tgap/0.0\tlines=x\n6\tfile/0.0\t\n"));
    }
    std::fs::write(&path, text).unwrap();
    let (_, report) = played(Replay::builder().file(&path).dialect(Dialect::V5));
    assert!(report.gaps == 600 && report.frames < 600, "{report:?}");
    // Subscriptions that nobody named are bounded.
    let path = dir.path().join("b.jsonl");
    let lines = (0..50).map(|n| {
        format!(r#"{{"arg":{{"channel":"bbo-tbt","instId":"I{n}"}},"data":[{{"asks":[],"bids":[],"ts":"1"}}]}}"#)
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let builder = Replay::builder().file(&path).configure(|config| config.max_subscriptions = 20);
    let (seen, report) = played(builder);
    assert_eq!((report.left_out, data(&seen).len()), (30, 20), "{report:?}");
}

#[test]
fn mistakes_are_errors_that_say_what_is_wrong() {
    let error = |builder: ReplayBuilder| builder.open().unwrap_err();
    assert!(matches!(error(Replay::builder()), ReplayError::NoFile));
    let v5 = || Replay::builder().file(session(Dialect::V5));
    assert!(matches!(error(v5().file(session(Dialect::V3))), ReplayError::OtherDialect { .. }));
    assert!(matches!(error(v5().dialect(Dialect::V3)), ReplayError::OtherDialect { .. }));
    assert!(matches!(error(v5().subscribe("nothing")), ReplayError::Subscription(_)));
    assert!(matches!(error(v5().speed(Speed::Times(0.0))), ReplayError::Speed));
    assert!(matches!(error(v5().file("no-such-file")), ReplayError::Capture(_)));
}
