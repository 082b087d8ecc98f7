//! A publisher that is always behind still says that it runs.

use std::time::Duration;

use futures_util::StreamExt;
use okx_feed_export::nats::{Delivery, NatsServer};

use super::hand_feed::HandFeed;
use super::server::TestServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_always_has_more_to_send_sends_heartbeats() {
    let Some(server) = TestServer::start(&[]) else { return };
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut beats = client.subscribe("writer.okx.*").await.unwrap();
    client.flush().await.unwrap();
    let feed = NatsServer::new(server.url());
    let flooded = tokio::task::spawn_blocking(move || {
        let mut feed = HandFeed::start_by(feed, &Delivery::Core, 8);
        // The ring is full from the first event to the last.
        feed.flood(Duration::from_secs(4));
        feed.exporter.stats().published()
    });
    let mut count = 0;
    let mut flooded = std::pin::pin!(flooded);
    let published = loop {
        tokio::select! {
            _ = beats.next() => count += 1,
            published = &mut flooded => break published.unwrap(),
        }
    };
    // One each 500 ms; the machine may have other programs.
    assert!(count >= 4 && published > 0, "{count} heartbeats with {published} messages");
}
