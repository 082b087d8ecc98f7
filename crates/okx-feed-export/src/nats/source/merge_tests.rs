//! Two writers, their losses and ends, with times as arguments.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use okx_feed::model::FieldValue;
use okx_feed::{BookState, DownReason, Event, MonoNanos};

use super::merge::{Merge, Received};
use super::options::SourceOptions;
use super::readers::Shared;
use crate::nats::config::NatsServer;

type Sink = Box<dyn FnMut(&Event<'_>) + Send>;

/// A merge with a log of what it emits.
struct World {
    merge: Merge<Sink>,
    shared: Arc<Shared>,
    log: Arc<Mutex<Vec<String>>>,
    position: u64,
    sequence: u64,
    session: u64,
    is_core: bool,
    now: MonoNanos,
}

const BOOKS5: &str = "md.okx.v5.books5.A-B";
const TRADES: &str = "md.okx.v5.trades.A-B";
const BOOKS: &str = "md.okx.v5.books.A-B";

impl World {
    fn new() -> Self {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let emitted = Arc::clone(&log);
        let sink: Sink = Box::new(move |event: &Event<'_>| {
            let text = match event {
                Event::Book(update) => format!("book {}", update.book.seq),
                Event::Trade(update) => {
                    format!("trade {} missed {}", update.trade.trade_id, update.missed)
                }
                Event::DepthBook(change) => {
                    format!("depth {} {}", change.update.seq, change.outcome.sync.name())
                }
                Event::Record(update) => {
                    let mut text = format!("record {}", update.topic.channel.name());
                    update.record.data.fields(&mut |name, value| match (name, value) {
                        ("close", FieldValue::Decimal(value)) => text = format!("{text} {value}"),
                        ("inst_id" | "state", FieldValue::Text(value)) => {
                            text = format!("{text} {value}");
                        }
                        _ => {}
                    });
                    text
                }
                Event::State(change) => format!("{} {}", change.subscription, change.to),
                _ => "other".to_owned(),
            };
            emitted.lock().unwrap().push(text);
        });
        let options = SourceOptions::new(NatsServer::new("nats://a"), ["md.okx.>"]);
        let shared = Arc::<Shared>::default();
        let merge = Merge::new(options, Arc::clone(&shared), sink);
        let now = MonoNanos(1_000_000_000);
        let (position, sequence, session, is_core) = (0, 0, 7, false);
        let mut world = Self { merge, shared, log, position, sequence, session, is_core, now };
        world.merge.set_current(true, world.now);
        world
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.merge.on_time(self.now);
    }

    /// A heartbeat, and all that the writer had until then.
    fn beat(&mut self, writer: &str, session: u64) {
        self.beat_with(writer, session, "");
    }

    fn beat_with(&mut self, writer: &str, session: u64, more: &str) {
        self.heartbeat(writer, session, more);
        self.watermark(writer, session, self.now);
    }

    fn heartbeat(&mut self, writer: &str, session: u64, more: &str) {
        let uptime = self.now.0;
        let text = format!(
            r#"{{"writer":"{writer}","session":{session},"interval_ms":500,"uptime_ns":{uptime},"event":"writer"{more}}}"#
        );
        self.merge.on_heartbeat(text.as_bytes(), self.now);
    }

    fn watermark(&mut self, writer: &str, session: u64, until: MonoNanos) {
        let subject = format!("md.okx.writer.{writer}");
        let head = format!("okx-feed/1 {writer} {session} 1 live");
        let text = format!(r#"{{"event":"watermark","uptime_ns":{}}}"#, until.0);
        let (payload, position) = (text.as_bytes(), 0);
        let received = Received { subject: &subject, head: &head, payload, position };
        self.merge.on_message(received, self.now);
    }

    fn send(&mut self, subject: &str, writer: &str, payload: &str) {
        self.position += 1;
        self.sequence += 1;
        let head = format!("okx-feed/1 {writer} {} {} live", self.session, self.sequence);
        let received = Received {
            subject,
            head: &head,
            payload: payload.as_bytes(),
            position: if self.is_core { 0 } else { self.position },
        };
        self.merge.on_message(received, self.now);
    }

    fn book(&mut self, writer: &str, seq: i64) {
        let text = format!(
            r#"{{"ts_recv_ns":5,"event":"book","channel":"books5","inst_id":"A-B","ts_ns":{seq},"seq":{seq},"asks":[["2","1",1]],"bids":[["1","1",1]],"flags":[]}}"#
        );
        self.send(BOOKS5, writer, &text);
    }

    fn trade(&mut self, writer: &str, id: u64) {
        let text = format!(
            r#"{{"ts_recv_ns":5,"event":"trade","channel":"trades","inst_id":"A-B","ts_ns":1,"seq":1,"trade_id":"{id}","side":"buy","px":"1","sz":"1","count":1,"source":0,"replayed":false,"missed":0}}"#
        );
        self.send(TRADES, writer, &text);
    }

    fn depth(&mut self, subject: &str, writer: &str, (before, seq, px): (i64, i64, &str)) {
        let action = if before == -1 { "snapshot" } else { "update" };
        let before = if subject == BOOKS { before.to_string() } else { "null".to_owned() };
        let text = format!(
            r#"{{"ts_recv_ns":5,"event":"depth_update","channel":"books","inst_id":"A-B","action":"{action}","ts_ns":{seq},"seq":{seq},"prev_seq":{before},"checksum":null,"asks":[["9","1",1]],"bids":[["{px}","1",1]]}}"#
        );
        self.send(subject, writer, &text);
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn state(&self, topic: &str) -> Option<BookState> {
        self.shared.with(|all| all.get(&topic.parse().unwrap()).map(|readers| readers.state))
    }
}

#[test]
fn two_writers_give_each_update_once_in_order() {
    let mut world = World::new();
    world.beat("A", 7);
    world.beat("B", 7);
    for (writer, seq) in [("A", 1), ("B", 1), ("B", 2), ("A", 2), ("B", 1), ("A", 3)] {
        world.book(writer, seq);
    }
    assert_eq!(world.log(), ["books5:A-B live", "book 1", "book 2", "book 3"]);
    for (writer, id) in [("A", 10), ("B", 10), ("A", 13), ("B", 11), ("B", 12), ("B", 13)] {
        world.trade(writer, id);
    }
    let trades =
        ["trade 10 missed 0", "trade 13 missed 2", "trade 11 missed 0", "trade 12 missed 0"];
    assert_eq!(world.log(), [&["trades:A-B live"][..], &trades].concat());
    assert_eq!(world.shared.stats.duplicates(), 5);
}

#[test]
fn nothing_is_live_without_a_running_writer_that_has_it_live() {
    let mut world = World::new();
    world.book("A", 1);
    assert_eq!(world.log(), ["book 1"], "no heartbeat has come");
    world.beat("A", 6);
    assert_eq!(world.state("books5:A-B"), Some(BookState::Connecting), "of another session");
    world.beat("A", 7);
    assert_eq!(world.log(), ["books5:A-B live"]);
    world.pass(1_400);
    assert_eq!(world.log(), Vec::<String>::new());
    world.pass(200);
    assert_eq!(world.log(), ["books5:A-B stale"]);
    // Another writer is as good, once it has said that it has the book.
    world.beat("B", 7);
    assert_eq!(world.log(), Vec::<String>::new());
    world.book("B", 1);
    assert_eq!(world.log(), ["books5:A-B live"]);
    world.merge.set_current(false, world.now);
    assert_eq!(world.log(), ["books5:A-B stale"]);
    world.merge.set_current(true, world.now);
    assert_eq!(world.log(), Vec::<String>::new(), "heartbeats are to come first");
    world.beat("B", 7);
    assert_eq!(world.log(), ["books5:A-B live"]);
}

#[test]
fn a_drop_takes_a_book_away_unless_another_writer_has_it() {
    let missed =
        r#"{"ts_recv_ns":0,"event":"missed","channel":"books5","inst_id":"A-B","count":2}"#;
    let mut world = World::new();
    world.beat("A", 7);
    world.book("A", 1);
    world.log();
    world.send(BOOKS5, "A", missed);
    assert_eq!(world.log(), ["books5:A-B stale"]);
    world.book("A", 4);
    assert_eq!(world.log(), ["books5:A-B live", "book 4"]);
    world.beat("B", 7);
    world.book("B", 4);
    world.send(BOOKS5, "A", missed);
    assert_eq!(world.log(), Vec::<String>::new());
    assert_eq!((world.shared.stats.gaps(), world.shared.stats.missed()), (2, 4));
}

#[test]
fn a_drop_before_a_value_that_was_read_takes_nothing_away() {
    let missed =
        r#"{"ts_recv_ns":0,"event":"missed","channel":"books5","inst_id":"A-B","count":2}"#;
    let states = format!("{BOOKS5}.state.A");
    let mut world = World::new();
    world.beat("A", 7);
    world.book("A", 1);
    world.book("A", 2);
    world.log();
    // A newcomer reads the stream from before the last values that it has.
    world.position = 0;
    world.send(&states, "A", missed);
    assert_eq!(world.log(), Vec::<String>::new());
    world.position = 2;
    world.send(&states, "A", missed);
    assert_eq!(world.log(), ["books5:A-B stale"]);
}

#[test]
fn an_order_book_follows_its_chain_through_both_writers() {
    let whole = format!("{BOOKS}.snapshot");
    let mut world = World::new();
    world.beat("A", 7);
    world.beat("B", 7);
    world.depth(BOOKS, "A", (9, 10, "1"));
    assert_eq!(world.log(), ["books:A-B awaiting_snapshot", "depth 10 no_snapshot"]);
    world.depth(&whole, "A", (-1, 12, "1"));
    assert_eq!(world.log(), ["books:A-B live", "depth 12 live"]);
    // What the snapshot has; the next of A; the same of B; a snapshot of B that is behind.
    world.depth(BOOKS, "B", (10, 12, "1"));
    world.depth(BOOKS, "A", (12, 13, "2"));
    world.depth(BOOKS, "B", (12, 13, "2"));
    world.depth(&whole, "B", (-1, 12, "1"));
    assert_eq!(world.log(), ["depth 13 live"]);
    // A gap, and what heals it.
    world.depth(BOOKS, "A", (14, 15, "3"));
    assert_eq!(world.log(), ["books:A-B resyncing", "depth 15 broken"]);
    world.depth(&whole, "A", (-1, 15, "3"));
    world.depth(BOOKS, "A", (15, 16, "4"));
    assert_eq!(world.log(), ["books:A-B live", "depth 15 live", "depth 16 live"]);
    // A reset of the numbers, which follows the last one.
    world.depth(BOOKS, "A", (16, 3, "5"));
    world.depth(BOOKS, "A", (3, 4, "5"));
    assert_eq!(world.log(), ["depth 3 live", "depth 4 live"]);
}

#[test]
fn a_whole_book_of_the_same_number_is_compared() {
    let whole = format!("{BOOKS}.snapshot");
    let mut world = World::new();
    world.beat("A", 7);
    world.depth(&whole, "A", (-1, 12, "1"));
    world.depth(&whole, "B", (-1, 12, "1"));
    let stats = &world.shared.stats;
    assert_eq!((stats.compared(), stats.different()), (1, 0));
    world.log();
    world.depth(&whole, "B", (-1, 12, "2"));
    let stats = &world.shared.stats;
    assert_eq!((stats.compared(), stats.different()), (2, 1));
    assert_eq!(world.log(), ["depth 12 live"]);
}

#[test]
fn what_comes_again_from_the_stream_is_not_read_again() {
    let mut world = World::new();
    world.beat("A", 7);
    world.trade("A", 5);
    world.position -= 1;
    world.trade("A", 6);
    assert_eq!(world.log(), ["trades:A-B live", "trade 5 missed 0"]);
    world.merge.forget_positions();
    world.position = 0;
    world.trade("A", 6);
    assert_eq!(world.log(), ["trade 6 missed 0"]);
}

#[test]
fn a_value_without_a_time_that_comes_back_is_shown() {
    let mut world = World::new();
    world.beat("A", 7);
    let candle = |close: &str| {
        format!(
            r#"{{"ts_recv_ns":5,"event":"candle","channel":"index-candle1m","inst_id":"A-B","ts_ns":0,"start_ns":60000000000,"close":"{close}"}}"#
        )
    };
    for (writer, close) in [("A", "1"), ("B", "1"), ("A", "2"), ("B", "2"), ("A", "1")] {
        world.send("md.okx.v5.index-candle1m.A-B", writer, &candle(close));
    }
    let candles = ["1", "2", "1"].map(|close| format!("record index-candle1m {close}"));
    assert_eq!(world.log(), [&["index-candle1m:A-B live".to_owned()][..], &candles].concat());
    let instrument = |id: &str, state: &str| {
        format!(
            r#"{{"ts_recv_ns":5,"event":"instrument","channel":"instruments","inst_id":"{id}","ts_ns":0,"state":"{state}"}}"#
        )
    };
    for (id, state) in [("A", "live"), ("B", "live"), ("A", "suspend"), ("A", "live")] {
        world.send("md.okx.v5.instruments.SPOT", "A", &instrument(id, state));
        world.send("md.okx.v5.instruments.SPOT", "B", &instrument(id, state));
    }
    let shown = ["A live", "B live", "A suspend", "A live"];
    let shown = shown.map(|text| format!("record instruments {text}"));
    assert_eq!(world.log(), [&["instruments:SPOT live".to_owned()][..], &shown].concat());
    assert_eq!(world.shared.stats.duplicates(), 6);
}

#[test]
fn a_message_with_a_time_is_emitted_once_without_its_id() {
    let mut world = World::new();
    world.beat("A", 7);
    let liquidation = |ts_recv_ns: u64, ts_ns: u64| {
        format!(
            r#"{{"ts_recv_ns":{ts_recv_ns},"event":"liquidation","channel":"liquidation-orders","inst_id":"A-B","ts_ns":{ts_ns},"side":"sell"}}"#
        )
    };
    for (writer, ts_recv, ts) in [("A", 5, 1), ("B", 6, 1), ("A", 7, 2), ("B", 8, 1), ("B", 8, 2)] {
        let payload = liquidation(ts_recv, ts);
        world.send("md.okx.v5.liquidation-orders.SWAP", writer, &payload);
    }
    let log = world.log();
    let records = log.iter().filter(|line| line.starts_with("record")).count();
    assert_eq!((records, world.shared.stats.duplicates()), (2, 3), "{log:?}");
}

#[test]
fn a_writer_with_an_earlier_clock_is_live_again() {
    let mut world = World::new();
    world.beat("A", 7);
    world.book("A", 1);
    world.pass(1_600);
    assert_eq!(world.log(), ["books5:A-B live", "book 1", "books5:A-B stale"]);
    // Its first message comes before its first heartbeat, and what is left of before behind both.
    world.session = 5;
    world.book("A", 2);
    world.beat("A", 5);
    world.session = 7;
    world.book("A", 1);
    assert_eq!(world.log(), ["book 2", "books5:A-B live"]);
    world.session = 9;
    world.book("A", 3);
    assert_eq!(world.log(), ["book 3"]);
    world.beat("A", 9);
    assert_eq!(world.state("books5:A-B"), Some(BookState::Live));
}

#[test]
fn the_highest_number_of_a_message_is_no_fault() {
    let mut world = World::new();
    world.beat("A", 7);
    for seq in 1..=2 {
        world.sequence = u64::MAX - 1;
        world.book("A", seq);
    }
    assert_eq!(world.log(), ["books5:A-B live", "book 1", "book 2"]);
}

#[test]
fn what_a_connection_without_a_stream_has_lost_is_not_live() {
    let state = r#"{"ts_recv_ns":5,"event":"state","channel":"books5","inst_id":"A-B","from":"live","to":"live"}"#;
    let mut world = World::new();
    world.is_core = true;
    world.beat("A", 7);
    world.book("A", 1);
    assert_eq!(world.log(), ["books5:A-B live", "book 1"]);
    // The writer has connected again: what it sent last may be lost.
    (world.session, world.sequence) = (8, 0);
    world.beat("A", 8);
    assert_eq!(world.log(), ["books5:A-B stale"]);
    world.send("md.okx.v5.books5.A-B.state.A", "A", state);
    assert_eq!(world.log(), Vec::<String>::new(), "a state is no value");
    world.book("A", 3);
    assert_eq!(world.log(), ["books5:A-B live", "book 3"]);
    // A number is missing: the value between is not known, but the last one is.
    world.sequence += 1;
    world.book("A", 3);
    world.book("A", 4);
    assert_eq!((world.log(), world.shared.stats.gaps()), (vec!["book 4".to_owned()], 1));
}

#[test]
fn what_a_server_has_refused_is_not_live_until_a_later_event() {
    let mut world = World::new();
    let refused = |at: u64| format!(r#","refused":{{"v5.books5.A-B":{at},"v5.books5.C-D":1}}"#);
    world.beat("A", 7);
    world.book("A", 1);
    world.trade("A", 5);
    world.log();
    world.beat_with("A", 7, &refused(1));
    assert_eq!(world.log(), ["books5:A-B stale"], "the heart beats, but the last may be refused");
    world.beat_with("A", 7, &refused(1));
    assert_eq!(world.shared.stats.gaps(), 1);
    // Another writer that has it is as good.
    world.beat("B", 3);
    world.session = 3;
    world.book("B", 1);
    assert_eq!(world.log(), ["books5:A-B live"]);
    world.pass(1_600);
    world.log();
    // A later event, before the heartbeat that no longer names it.
    world.session = 7;
    world.beat_with("A", 7, &refused(1));
    assert_eq!(world.log(), ["trades:A-B live"]);
    world.book("A", 2);
    assert_eq!(world.log(), ["books5:A-B live", "book 2"]);
    // A copy of another writer may be in its place: then only the heartbeat says so.
    world.beat_with("A", 7, &refused(99));
    assert_eq!(world.log(), ["books5:A-B stale"]);
    world.beat("A", 7);
    assert_eq!(world.log(), ["books5:A-B live"]);
}

#[test]
fn a_panic_in_the_sink_leaves_nothing_live() {
    let mut world = World::new();
    world.beat("A", 7);
    world.book("A", 1);
    let topic = "books5:A-B".parse().unwrap();
    let World { merge, shared, log, .. } = world;
    let reader = shared.with(|all| all[&topic].book.clone()).unwrap();
    assert!(reader.snapshot().state.is_live());
    let thread = std::thread::spawn(move || {
        let _merge = merge;
        panic!("a sink");
    });
    assert!(thread.join().is_err());
    let down = BookState::Down(DownReason::Stopped);
    assert_eq!((reader.snapshot().state, shared.with(|all| all[&topic].state)), (down, down));
    assert!(!shared.stats.is_current());
    assert_eq!(log.lock().unwrap().last().unwrap(), "book 1", "the sink is not called");
}

#[test]
fn trades_and_values_of_a_writer_that_was_away_are_not_shown_again() {
    let mut world = World::new();
    world.beat("A", 7);
    world.beat("B", 7);
    (1..=9_000).for_each(|id| world.trade("A", id));
    world.book("A", 8);
    world.book("A", 9);
    world.log();
    // The server remembers none of its message ids.
    (1..=9_000).for_each(|id| world.trade("B", id));
    world.book("B", 8);
    assert_eq!(world.log(), Vec::<String>::new());
    world.trade("B", 9_001);
    assert_eq!(world.log(), ["trade 9001 missed 0"]);
}

#[test]
fn names_without_end_take_nothing_from_a_writer_that_runs() {
    let mut world = World::new();
    (0..300).for_each(|number| world.beat(&format!("x{number}"), 3));
    world.beat("A", 7);
    world.book("A", 1);
    assert_eq!(world.log(), ["books5:A-B live", "book 1"]);
    for number in 0..1_000 {
        world.pass(1);
        world.beat("A", 7);
        world.book(&format!("y{number}"), number + 2);
        world.beat(&format!("z{number}"), 3);
    }
    let malformed = world.shared.stats.malformed();
    world.heartbeat("no name", 3, "");
    assert_eq!(world.shared.stats.malformed(), malformed + 1);
    assert!(world.log().iter().all(|text| text.starts_with("book ")), "it was live all the time");
}

#[test]
fn what_is_old_is_not_live_although_heartbeats_come() {
    let mut world = World::new();
    world.heartbeat("A", 7, "");
    world.book("A", 1);
    assert_eq!(world.log(), ["book 1"], "what the writer has since then is not known");
    world.watermark("A", 7, world.now);
    assert_eq!(world.log(), ["books5:A-B live"]);
    // The reader, the server's disk or the writer's connection is behind by ever more.
    for behind in (0..40_000).step_by(500) {
        world.pass(500);
        world.heartbeat("A", 7, "");
        let until = MonoNanos(world.now.0 - behind.min(30_000) * 1_000_000);
        world.watermark("A", 7, until);
        let is_live = world.state("books5:A-B") == Some(BookState::Live);
        assert_eq!(is_live, behind <= 1_500, "{behind}");
    }
    // The sink was blocked: nothing is known of the time since.
    world.beat("A", 7);
    assert_eq!(world.state("books5:A-B"), Some(BookState::Live));
    world.now = world.now + Duration::from_secs(30);
    world.book("A", 2);
    assert_eq!(world.state("books5:A-B"), Some(BookState::Stale));
    world.heartbeat("A", 7, "");
    assert_eq!(world.state("books5:A-B"), Some(BookState::Stale));
    world.watermark("A", 7, world.now);
    assert_eq!(world.state("books5:A-B"), Some(BookState::Live));
}

#[test]
fn a_repeated_value_is_shown_to_a_newcomer_and_to_none_that_has_a_later_one() {
    let book = |seq: i64| {
        format!(
            r#"{{"ts_recv_ns":5,"event":"book","channel":"books5","inst_id":"A-B","ts_ns":{seq},"seq":{seq},"asks":[["2","1",1]],"bids":[["1","1",1]],"flags":[]}}"#
        )
    };
    let mut world = World::new();
    // The last event of the topic has left the stream, and B is behind A.
    world.send("md.okx.v5.books5.A-B.last.B", "B", &book(4));
    world.send("md.okx.v5.books5.A-B.last.A", "A", &book(5));
    world.beat("A", 7);
    world.beat("B", 7);
    assert_eq!(world.log(), ["book 4", "book 5", "books5:A-B live"]);
    world.send("md.okx.v5.books5.A-B.last.B", "B", &book(4));
    assert_eq!(world.log(), Vec::<String>::new());
    // What A has dropped is not missing any more once it says what it has.
    let missed =
        r#"{"ts_recv_ns":0,"event":"missed","channel":"books5","inst_id":"A-B","count":2}"#;
    world.pass(1_600);
    world.beat("A", 7);
    world.log();
    world.send("md.okx.v5.books5.A-B.state.A", "A", missed);
    assert_eq!(world.log(), ["books5:A-B stale"]);
    world.send("md.okx.v5.books5.A-B.last.A", "A", &book(5));
    assert_eq!(world.log(), ["books5:A-B live"]);
}
