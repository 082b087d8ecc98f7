//! Recording costs the feed's thread no allocation and no page of memory.

use okx_feed::Dialect;
use okx_feed::UnixNanos;
use okx_feed::capture::{CapturedKind, ConnectionLabel, RecordConfig, Recorder};
use okx_feed_testkit::alloc::allocations;
use okx_feed_testkit::page_faults::page_faults;

use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

#[test]
fn recording_allocates_nothing_whatever_the_writer_does() {
    let dir = ScratchDir::new("alloc");
    for blocks in [2, 32] {
        let config = RecordConfig { blocks, ..dir.path().into() };
        let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
        let frame = [b'x'; 400];
        let before = allocations();
        for n in 0..50_000 {
            let ts = UnixNanos(START.0 + n * 1_000_000);
            recorder.record(CapturedKind::Text, ConnectionLabel::default(), ts, &frame);
        }
        recorder.flush_due(UnixNanos(START.0 + 3_600_000_000_000));
        assert_eq!(allocations() - before, 0, "{blocks} blocks");
        let stats = recorder.recording().stats();
        assert!(stats.lines > 0);
    }
}

/// Code that runs first, and the stack.
const FEW_FAULTS: u64 = 16;

#[test]
fn recording_touches_no_new_memory() {
    let dir = ScratchDir::new("page-faults");
    let mut recorder = Recorder::start(dir.path().into(), Dialect::V5, START).unwrap();
    let frame = [b'x'; 400];
    let Some(before) = page_faults() else { return };
    // A block has room for 550 of them.
    for n in 0..5_000 {
        let ts = UnixNanos(START.0 + n * 1_000_000);
        recorder.record(CapturedKind::Text, ConnectionLabel::default(), ts, &frame);
    }
    let faults = page_faults().unwrap() - before;
    assert!(faults <= FEW_FAULTS, "{faults} page faults");
}

/// As without a recording, only the WebSocket's read buffer may still grow: it doubles from 8 KiB
/// to 128 KiB.
#[cfg(all(feature = "client", feature = "sim"))]
const GROWTHS: u64 = 4;

#[cfg(all(feature = "client", feature = "sim"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_records_allocates_nothing_in_steady_state() {
    use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
    use okx_feed::{Client, Event};
    const WARM_UP: u64 = 1_000;
    const COUNTED: u64 = 6_000;
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 10_000;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let dir = ScratchDir::new("alloc-client");
    let (sender, receiver) = std::sync::mpsc::channel();
    let (mut events, mut before) = (0, 0);
    let client = Client::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .configure(|config| config.proxy = okx_feed::transport::Proxy::Direct)
        .subscribe("books5:BTC-USDT")
        .subscribe("trades:BTC-USDT")
        .record(dir.path())
        // The sink runs on the client's thread, so its counter is the one to read.
        .on_event(move |_: &Event<'_>| {
            events += 1;
            if events == WARM_UP {
                before = allocations();
            } else if events == WARM_UP + COUNTED {
                let _ = sender.send(allocations() - before);
            }
        })
        .spawn()
        .unwrap();
    let wait = move || receiver.recv_timeout(std::time::Duration::from_secs(240)).unwrap();
    let spent = tokio::task::spawn_blocking(wait).await.unwrap();
    assert!(spent <= GROWTHS, "{spent} allocations in {COUNTED} events");
    let recording = client.recording().unwrap();
    client.stop();
    assert!(recording.stats().written_lines > COUNTED);
}
