//! What other threads read of a client, without an answer from the feed's thread.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::sync::mpsc;
use std::time::Duration;

use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::{BookState, Dialect, Event, Subscription};
use okx_feed_testkit::wait::wait_for;

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

async fn exchange() -> okx_feed::sim::ServerHandle {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 500;
    Server::bind("127.0.0.1:0", config).await.unwrap().spawn()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_reader_needs_no_answer_of_a_thread_that_the_sink_holds() {
    let server = exchange().await;
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let mut books = 0;
    let client = crate::over::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .subscribe("books5:BTC-USDT")
        .subscribe("trades:BTC-USDT")
        .on_event(move |event: &Event<'_>| {
            books += u32::from(matches!(event, Event::Book(_)));
            if books == 500 {
                books += 1;
                held.send(()).unwrap();
                // Until the test has read.
                let _ = released.recv();
            }
        })
        .spawn()
        .unwrap();
    let reader = client.reader();
    let wait = move || is_held.recv_timeout(Duration::from_secs(240)).unwrap();
    tokio::task::spawn_blocking(wait).await.unwrap();
    let stats = reader.stats();
    assert_eq!((stats.connects, stats.connections.len(), stats.connected), (1, 1, true));
    // Published while frames came, at most a second before.
    assert!(stats.feed.books > 0 && stats.feed.frames > 0, "{:?}", stats.feed);
    assert!(stats.latency.len() >= stats.feed.frames, "histograms are as of now");
    let statuses = reader.statuses();
    assert_eq!(statuses.len(), 2);
    let book = statuses.iter().find(|one| one.subscription == sub("books5:BTC-USDT")).unwrap();
    assert!(book.state.is_live() && book.ts_recv.0 > 0 && book.ts_event.0 > 0);
    assert!(reader.book_reader(&sub("books5:BTC-USDT")).unwrap().value().best_bid().is_some());
    assert_eq!(reader.health().to_string(), "connected");
    release.send(()).unwrap();
    client.stop();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_published_is_what_the_thread_answers_and_outlives_it() {
    let server = exchange().await;
    let client = crate::over::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .subscribe("books5:BTC-USDT")
        .redundancy(2)
        .spawn()
        .unwrap();
    let reader = client.reader();
    // Once both lines have delivered, and the counters were published since.
    wait_for(|| {
        let lines = reader.stats().lines;
        (lines.len() == 2 && lines.iter().all(|line| line.accepted + line.duplicates > 20))
            .then_some(())
    })
    .await;
    client.subscribe(sub("books5:ETH-USDT")).unwrap();
    wait_for(|| reader.state(&sub("books5:ETH-USDT")).filter(|state| state.is_live())).await;
    assert!(client.is_running());
    let before = reader.stats();
    let answer = client.stats().unwrap();
    assert!(answer.feed.frames >= before.feed.frames && answer.connects == 2);
    let frames = answer.feed.frames;
    let after = wait_for(|| Some(reader.stats()).filter(|of| of.feed.frames >= frames)).await;
    assert!(after.latency.len() >= answer.latency.len());
    client.stop();
    let ended = reader.stats();
    assert_eq!((ended.connects, reader.health().connections), (2, 0));
    assert!(ended.feed.frames >= after.feed.frames, "no sum falls");
    let down = BookState::Down(okx_feed::DownReason::Stopped);
    assert_eq!(reader.state(&sub("books5:BTC-USDT")), Some(down));
    server.shutdown().await;
}
