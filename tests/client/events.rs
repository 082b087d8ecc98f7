//! The events of a client on another thread or task.
#![cfg(all(feature = "client", feature = "sim"))]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use okx_feed::client::{DroppedEvents, OwnedEvent};
use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::{Client, Dialect, Event};
use okx_feed_testkit::wait::wait_for;

/// What both a sink and a queue see of an event.
fn key(event: OwnedEvent) -> Option<(String, i64)> {
    match event {
        OwnedEvent::Book { subscription, book, .. } => Some((subscription.to_string(), book.seq)),
        OwnedEvent::Trade { subscription, trade, .. } => {
            Some((subscription.to_string(), trade.trade_id.cast_signed()))
        }
        OwnedEvent::DepthBook { subscription, best, .. } => {
            Some((subscription.to_string(), best.seq))
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_stream_yields_what_the_sink_is_given_and_ends_with_the_client() {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 500;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let by_sink = Arc::new(Mutex::new(Vec::new()));
    let of_sink = Arc::clone(&by_sink);
    let client = Client::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .subscribe("books5:BTC-USDT")
        .subscribe("books:BTC-USDT")
        .subscribe("trades:BTC-USDT")
        .on_event(move |event: &Event<'_>| {
            of_sink.lock().unwrap().extend(OwnedEvent::new(event).and_then(key));
        })
        .spawn()
        .unwrap();
    let mut events = client.events(1 << 16).unwrap();
    let mut full = client.events(1).unwrap();
    let mut seen = Vec::new();
    let mut kinds = [0; 3];
    while kinds.iter().any(|count| *count < 20) {
        let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await;
        let event = event.unwrap().unwrap().unwrap();
        kinds[0] += u32::from(matches!(event, OwnedEvent::Book { .. }));
        kinds[1] += u32::from(matches!(event, OwnedEvent::DepthBook { .. }));
        kinds[2] += u32::from(matches!(event, OwnedEvent::Trade { .. }));
        seen.extend(key(event));
    }
    // A queue that nobody empties reports what it lost, and loses nothing of the others.
    let lost = wait_for(|| match full.try_recv() {
        Some(Err(dropped)) => Some(dropped),
        _ => None,
    });
    let lost: DroppedEvents = lost.await;
    assert!(lost.books > 0 && lost.total() >= lost.books + lost.trades + lost.depths);
    drop(full);
    client.stop();
    let rest: Vec<_> = events.collect().await;
    seen.extend(rest.into_iter().filter_map(|event| key(event.unwrap())));
    let by_sink = by_sink.lock().unwrap().clone();
    assert!(by_sink.ends_with(&seen), "{} of {}", seen.len(), by_sink.len());
    server.shutdown().await;
}
