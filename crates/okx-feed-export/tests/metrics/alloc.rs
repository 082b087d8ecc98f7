//! The feed's own thread while everything is exported: metrics, a page, a recording, NATS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use okx_feed::Event;
use okx_feed_export::metrics::{self, Metrics, MetricsOptions};
use okx_feed_export::web;
use okx_feed_testkit::alloc::allocations;
use okx_feed_testkit::page_faults::page_faults;

use crate::http::{events, get};
use crate::running::{Folder, Running};

const WARM_UP: u64 = 2_000;
const COUNTED: u64 = 12_000;

/// The read buffers of the two WebSockets double from 8 to 128 KiB, at times that are chance.
const GROWTHS: u64 = 8;

/// Code that runs first, the stack and those buffers. The ring and the blocks of the recording have
/// thousands of pages.
const FAULTS: u64 = 100;

#[test]
fn the_feeds_thread_takes_no_memory_with_everything_on() {
    let folder = Folder::new("everything");
    let (sender, spent) = mpsc::channel();
    let (mut count, mut before) = (0, (0, None));
    let spent_by_now = || (allocations(), page_faults());
    // It is on the feed's thread, before the ring of the exporter.
    let sink = move |_: &Event<'_>| {
        count += 1;
        match count {
            WARM_UP => before = spent_by_now(),
            n if n == WARM_UP + COUNTED => sender.send((before, spent_by_now())).unwrap(),
            _ => {}
        }
    };
    let channels = ["books:BTC-USDT", "books5:ETH-USDT", "bbo-tbt:BTC-USDT", "trades:BTC-USDT"];
    // Nobody listens there: the ring fills, and events are dropped and marked besides.
    let running = Running::with_everything(5_000, &channels, &folder, "nats://127.0.0.1:1", sink);
    let any = "127.0.0.1:0".parse().unwrap();
    let mut options = MetricsOptions::default();
    options.by_instrument = true;
    let scraped = metrics::serve(any, Metrics::new(running.feeds(), options)).unwrap();
    let page = web::serve(any, running.feeds(), None).unwrap();
    let (stop, addr) = (Arc::new(AtomicBool::new(false)), scraped.addr());
    let stopped = Arc::clone(&stop);
    let scraper = thread::spawn(move || {
        let mut scrapes = 0;
        while !stopped.load(Ordering::Relaxed) {
            scrapes += u64::from(get(addr, "/metrics").0 == 200);
            assert_eq!(get(addr, "/readyz").0, 200);
            thread::sleep(Duration::from_millis(20));
        }
        scrapes
    });
    let (stopped, addr) = (Arc::clone(&stop), page.addr());
    let reader = thread::spawn(move || {
        let given = events(addr, "sub=books%3ABTC-USDT").unwrap();
        given.take_while(|_| !stopped.load(Ordering::Relaxed)).count()
    });
    let (before, after) = spent.recv_timeout(Duration::from_secs(240)).unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(scraper.join().unwrap() > 5);
    assert!(reader.join().unwrap() > 5);
    let allocations = after.0 - before.0;
    assert!(allocations <= GROWTHS, "{allocations} allocations in {COUNTED} events");
    let faults = after.1.unwrap_or_default() - before.1.unwrap_or_default();
    assert!(faults <= FAULTS, "{faults} page faults in {COUNTED} events");
    let recorded = running.client.recording().unwrap().stats();
    assert!(recorded.lines > COUNTED / 2 && recorded.dropped_lines == 0, "{recorded:?}");
}
