//! Counts the heap allocations of the client's own thread in steady state: from a loopback socket
//! through WebSocket, decoder and handler to the published book, while another thread reads all
//! that there is to read.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::{ClientReader, Dialect, Event};
use okx_feed_testkit::alloc::allocations;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const WARM_UP: u64 = 1_000;
const COUNTED: u64 = 8_000;

/// The WebSocket's read buffer begins with 8 KiB and doubles where a read ends inside a frame and
/// the rest of it has no room. Whether that falls into the warm-up is chance, so its way to the 128
/// KiB that tungstenite would begin with is let pass; a frame that allocated would show as
/// thousands.
const GROWTHS: u64 = 4;

/// A certificate for `localhost` with its key and the issuer to trust, each as PEM.
fn certificate() -> [String; 3] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    [certificate.pem(), key.serialize_pem(), issuer.pem()]
}

/// The allocations of the client's thread during `COUNTED` events, after `WARM_UP` of them.
async fn allocations_without_busy_polling(
    dialect: Dialect,
    path: &str,
    channels: &[&str],
    tls: bool,
) -> u64 {
    allocations_of(dialect, path, channels, tls, false).await
}

/// What reads a client all the time while its allocations are counted, as exporters do.
fn read_all_the_time(reader: ClientReader) -> impl FnOnce() {
    let (stop, stopped) = mpsc::channel::<()>();
    let read = move || {
        let mut read = 0;
        while stopped.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
            read += reader.stats().feed.frames.min(1) + reader.statuses().len() as u64;
        }
        assert!(read > 0, "nothing was read");
    };
    let thread = std::thread::spawn(read);
    move || {
        drop(stop);
        thread.join().unwrap();
    }
}

async fn allocations_of(
    dialect: Dialect,
    path: &str,
    channels: &[&str],
    tls: bool,
    busy: bool,
) -> u64 {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 20_000;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap();
    let port = server.local_addr().port();
    let ca_file = std::env::temp_dir().join(format!("okx-feed-alloc-ca-{port}.pem"));
    let server = if tls {
        let [chain, key, issuer] = certificate();
        std::fs::write(&ca_file, issuer).unwrap();
        server.with_tls(chain.as_bytes(), key.as_bytes()).unwrap().spawn()
    } else {
        server.spawn()
    };
    let (sender, receiver) = mpsc::channel();
    let (mut events, mut before) = (0, 0);
    let scheme = if tls { "wss" } else { "ws" };
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let mut client = crate::over::builder(dialect).url(format!("{scheme}://{host}:{port}{path}"));
    if tls {
        client = client.ca_file(&ca_file);
    }
    if busy {
        client = client.busy_poll();
    }
    for channel in channels {
        client = client.subscribe(channel);
    }
    // The sink runs on the client's thread, so its counter is the one to read.
    let client = client
        .on_event(move |_: &Event<'_>| {
            events += 1;
            match events {
                WARM_UP => before = allocations(),
                n if n == WARM_UP + COUNTED => sender.send(allocations() - before).unwrap(),
                _ => {}
            }
        })
        .spawn()
        .unwrap();
    let stop_reading = read_all_the_time(client.reader());
    let wait = move || receiver.recv_timeout(Duration::from_secs(240)).unwrap();
    let spent = tokio::task::spawn_blocking(wait).await.unwrap();
    stop_reading();
    client.stop();
    server.shutdown().await;
    if tls {
        std::fs::remove_file(&ca_file).unwrap();
    }
    spent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_v3_connection_allocates_nothing() {
    let channels = ["futures/depth5:BTC-USD-190517", "futures/trade:BTC-USD-190517"];
    let spent = allocations_without_busy_polling(Dialect::V3, "/ws/v3", &channels, false).await;
    assert!(spent <= GROWTHS, "{spent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_v5_connection_allocates_nothing() {
    let channels = ["books5:BTC-USDT", "bbo-tbt:BTC-USDT", "trades:BTC-USDT"];
    let spent =
        allocations_without_busy_polling(Dialect::V5, "/ws/v5/public", &channels, false).await;
    assert!(spent <= GROWTHS, "{spent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_busy_polling_connection_allocates_nothing() {
    let channels = ["books5:BTC-USDT", "bbo-tbt:BTC-USDT", "trades:BTC-USDT"];
    let spent = allocations_of(Dialect::V5, "/ws/v5/public", &channels, false, true).await;
    assert!(spent <= GROWTHS, "{spent}");
}

/// Over TLS tokio's transport allocates once for each record, and nothing of ours does: rustls
/// returns the plain text of a record in a new `Vec`. A quiet exchange sends a record per message,
/// a busy one several messages in one. The direct transport opens records in place.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tls_allocates_once_per_record_and_the_direct_transport_nothing() {
    let channels = ["books5:BTC-USDT", "bbo-tbt:BTC-USDT", "trades:BTC-USDT"];
    let spent =
        allocations_without_busy_polling(Dialect::V5, "/ws/v5/public", &channels, true).await;
    if crate::over::is_direct() {
        return assert!(spent <= GROWTHS, "{spent}");
    }
    assert!(spent > 0, "rustls allocates no more: correct docs/BENCHMARKS.md");
    assert!(spent <= COUNTED + GROWTHS, "{spent} allocations for {COUNTED} events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_v3_connection_over_tls_allocates_once_per_record_or_nothing() {
    let channels = ["futures/depth5:BTC-USD-190517", "futures/trade:BTC-USD-190517"];
    let spent = allocations_without_busy_polling(Dialect::V3, "/ws/v3", &channels, true).await;
    let most = if crate::over::is_direct() { GROWTHS } else { COUNTED + GROWTHS };
    assert!(spent <= most, "{spent} allocations for {COUNTED} events");
}
