//! What a client records gives, replayed, exactly the events that its sink had.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use okx_feed::capture::{RecordConfig, RecordStats};
use okx_feed::sim::{ExchangeConfig, Listing, PushIntervals, Server, ServerHandle};
use okx_feed::transport::Proxy;
use okx_feed::{Client, Dialect, Event, Replay};
use okx_feed_testkit::wait::wait_for;

use crate::scratch_dir::ScratchDir;

/// All of an event, with times, levels and states.
fn text(event: &Event<'_>) -> String {
    format!("{event:?}")
}

async fn exchange(faults: &str) -> ServerHandle {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 3_000;
    config.market.listings = Listing::generate(2);
    config.market.depth = 10;
    config.faults = faults.parse().unwrap();
    Server::bind("127.0.0.1:0", config).await.unwrap().spawn()
}

/// How many events are recorded; a longer run for the acceptance of a release:
/// `OKX_FEED_RECORD_EVENTS=400000 cargo test --release --test capture -- live`.
fn wanted() -> usize {
    let chosen = std::env::var("OKX_FEED_RECORD_EVENTS");
    chosen.ok().and_then(|text| text.parse().ok()).unwrap_or(3_000)
}

/// Waits until so many events have come: each thousand within the bound, so that a long run has its
/// time.
async fn wait_for_events(seen: &Mutex<Vec<String>>, wanted: usize) {
    for count in (0..wanted).step_by(1_000).chain([wanted]) {
        wait_for(|| (seen.lock().unwrap().len() > count).then_some(())).await;
    }
}

/// Sets the client's clock once everything is live, and waits until everything is again.
async fn set_clock(client: &Client, seen: &Mutex<Vec<String>>, nanos: i64) {
    wait_for_events(seen, 500).await;
    let is_stale = |text: &String| text.starts_with("State(") && text.contains("to: Stale");
    let stale = |seen: &[String]| seen.iter().filter(|text| is_stale(text)).count();
    let before = stale(&seen.lock().unwrap());
    client.clock().set_system_by(nanos);
    if nanos > 1_000_000_000 {
        // As after a sleep of the machine. A step of less than a second may be taken for the new
        // age of all books before one of them is stale.
        wait_for(|| (stale(&seen.lock().unwrap()) > before).then_some(())).await;
    }
    // The check for silence comes once a second: what it does to the ages of books is behind two.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
}

/// Records until there are enough events, and returns those of the sink.
async fn record(
    dialect: Dialect,
    lines: usize,
    faults: &str,
    clock_step: Option<i64>,
    config: RecordConfig,
) -> (Vec<String>, RecordStats) {
    let server = exchange(faults).await;
    let path = if dialect == Dialect::V3 { "/ws/v3" } else { "/ws/v5/public" };
    let channels: &[&str] = match dialect {
        Dialect::V3 => {
            &["spot/trade:BTC-USDT", "spot/depth5:BTC-USDT", "spot/depth_l2_tbt:BTC-USDT"]
        }
        Dialect::V5 => {
            &["trades:BTC-USDT", "books5:BTC-USDT", "bbo-tbt:BTC-USDT", "books:BTC-USDT"]
        }
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let mut builder = Client::builder(dialect)
        .url(format!("ws://{}{path}", server.local_addr()))
        .redundancy(lines)
        .record(config)
        .configure(|config| {
            config.proxy = Proxy::Direct;
            config.session.backoff.first = Duration::from_millis(5);
            config.session.backoff.floor = Duration::from_millis(5);
            config.session.connect_limit.attempts = 1000;
        });
    for channel in channels {
        builder = builder.subscribe(channel);
    }
    let on_event = move |event: &Event<'_>| sink.lock().unwrap().push(text(event));
    let client = builder.on_event(on_event).spawn().unwrap();
    if let Some(nanos) = clock_step {
        set_clock(&client, &seen, nanos).await;
    }
    wait_for_events(&seen, wanted() / 2).await;
    // Subscriptions that come and go are a part of it.
    let late = match dialect {
        Dialect::V3 => "spot/trade:ETH-USDT",
        Dialect::V5 => "trades:ETH-USDT",
    };
    client.subscribe(late.parse().unwrap()).unwrap();
    client.unsubscribe(&channels[0].parse().unwrap()).unwrap();
    wait_for_events(&seen, wanted()).await;
    let recording = client.recording().unwrap();
    client.stop();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (seen, recording.stats())
}

fn replay(files: Vec<PathBuf>) -> (Vec<String>, okx_feed::replay::ReplayReport) {
    let mut seen = Vec::new();
    let on_event = |event: &Event<'_>| seen.push(text(event));
    let report = Replay::builder().files(files).on_event(on_event).open().unwrap().run().unwrap();
    (seen, report)
}

/// Says where two runs differ first.
fn assert_same(live: &[String], replayed: &[String]) {
    let differs = live.iter().zip(replayed).position(|(live, replayed)| live != replayed);
    if let Some(at) = differs {
        let from = at.saturating_sub(3);
        panic!("event {at}:\n{:#?}\n{:#?}", &live[from..=at], &replayed[from..=at]);
    }
    assert_eq!(live.len(), replayed.len(), "the rest: {:?}", live.get(replayed.len()));
}

async fn replays_exactly(name: &str, dialect: Dialect, lines: usize, faults: &str) {
    steps_replay_exactly(name, dialect, lines, faults, None).await;
}

async fn steps_replay_exactly(
    name: &str,
    dialect: Dialect,
    lines: usize,
    faults: &str,
    clock_step: Option<i64>,
) {
    let dir = ScratchDir::new(name);
    let (live, stats) = record(dialect, lines, faults, clock_step, dir.path().into()).await;
    assert_eq!((stats.dropped_lines, &stats.error), (0, &None), "{stats:?}");
    let (replayed, report) = replay(dir.files());
    assert_same(&live, &replayed);
    assert_eq!((report.gaps, report.torn.len(), report.malformed_lines), (0, 0, 0), "{report:?}");
    // The faults have left their marks.
    assert_eq!(report.losses > 0, faults.contains("drop"), "{report:?}");
}

const FAULTS: &str = "drop:every=700ms;gap:p=0.01;corrupt:p=0.003;repeat:p=0.01;unsub:at=900ms";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_of_v5_replays_exactly() {
    replays_exactly("v5-one", Dialect::V5, 1, "").await;
    replays_exactly("v5-one", Dialect::V5, 1, FAULTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lines_of_v5_replay_exactly() {
    replays_exactly("v5-two", Dialect::V5, 2, "").await;
    replays_exactly("v5-two", Dialect::V5, 2, FAULTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lines_of_v3_replay_exactly() {
    replays_exactly("v3-two", Dialect::V3, 2, FAULTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_replaced_replays_exactly() {
    replays_exactly("v5-notice", Dialect::V5, 1, "notice:at=300ms,after=60s").await;
}

/// What the check for silence then does to the ages of books is in no frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_replays_exactly() {
    const HOUR: i64 = 3_600_000_000_000;
    for step in [HOUR, -HOUR, 900_000_000] {
        steps_replay_exactly("v5-clock", Dialect::V5, 1, "", Some(step)).await;
    }
    steps_replay_exactly("v5-clock", Dialect::V5, 2, FAULTS, Some(HOUR)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_follow_each_other_replay_exactly() {
    let dir = ScratchDir::new("v5-files");
    let config = RecordConfig { max_file_len: 20_000, ..dir.path().into() };
    let (live, stats) = record(Dialect::V5, 2, FAULTS, None, config).await;
    assert!(stats.files > 2, "{stats:?}");
    assert_eq!(dir.files().len() as u64, stats.files);
    let mut files = dir.files();
    files.reverse();
    let (replayed, _) = replay(files);
    assert_same(&live, &replayed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_part_of_a_login_is_recorded() {
    let server = exchange("").await;
    let dir = ScratchDir::new("login");
    let parts = ["the-key-4711", "the-secret-4711", "the-word-4711"];
    let client = Client::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .configure(|config| config.proxy = Proxy::Direct)
        .subscribe("trades:BTC-USDT")
        .login(okx_feed::Credentials::new(parts[0], parts[1], parts[2]))
        .record(dir.path())
        .spawn()
        .unwrap();
    let recording = client.recording().unwrap();
    wait_for(|| (client.trades().len() > 3).then_some(())).await;
    client.stop();
    assert!(recording.stats().written_lines > 5);
    let bytes = std::fs::read(&dir.files()[0]).unwrap();
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    assert!(text.contains("(withheld: the login request)"), "{text}");
    assert!(parts.iter().all(|part| !text.contains(part)), "{text}");
}
