//! Counts the heap allocations of the client's own thread in steady state: from a loopback socket
//! through WebSocket, decoder and handler to the published book.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::mpsc;
use std::time::Duration;

use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::{Client, Dialect, Event};

/// Counts the allocations of each thread apart.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts")]
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(place, layout, len) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const WARM_UP: u64 = 1_000;
const COUNTED: u64 = 8_000;

/// The WebSocket's read buffer doubles once: the first time that a read ends inside a frame after
/// the client had fallen behind by a whole buffer (128 KiB). Whether that falls into the warm-up is
/// chance, so one allocation in all is let pass; a frame that allocated would show as thousands.
const GROWTHS: u64 = 1;

/// The allocations of the client's thread during `COUNTED` events, after `WARM_UP` of them.
async fn allocations(dialect: Dialect, path: &str, channels: &[&str]) -> u64 {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 20_000;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let (sender, receiver) = mpsc::channel();
    let (mut events, mut before) = (0, 0);
    let mut client = Client::builder(dialect).url(format!("ws://{}{path}", server.local_addr()));
    for channel in channels {
        client = client.subscribe(channel);
    }
    // The sink runs on the client's thread, so its counter is the one to read.
    let client = client
        .on_event(move |_: &Event<'_>| {
            events += 1;
            match events {
                WARM_UP => before = ALLOCATIONS.get(),
                n if n == WARM_UP + COUNTED => sender.send(ALLOCATIONS.get() - before).unwrap(),
                _ => {}
            }
        })
        .spawn()
        .unwrap();
    let wait = move || receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    let spent = tokio::task::spawn_blocking(wait).await.unwrap();
    client.stop();
    server.shutdown().await;
    spent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_v3_connection_allocates_nothing() {
    let channels = ["futures/depth5:BTC-USD-190517", "futures/trade:BTC-USD-190517"];
    assert!(allocations(Dialect::V3, "/ws/v3", &channels).await <= GROWTHS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_v5_connection_allocates_nothing() {
    let channels = ["books5:BTC-USDT", "bbo-tbt:BTC-USDT", "trades:BTC-USDT"];
    assert!(allocations(Dialect::V5, "/ws/v5/public", &channels).await <= GROWTHS);
}
