//! What a client asks for while it runs: in few requests.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use okx_feed::sim::{ExchangeConfig, Listing, Server};
use okx_feed::{BookState, Client, ClientConfig, Subscription};

/// How long anything may take before a test gives up. Nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

async fn wait_for<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = probe() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap()
}

/// Pauses that suit a test.
fn quick(config: &mut ClientConfig) {
    config.session.backoff.first = Duration::from_millis(5);
    config.session.backoff.floor = Duration::from_millis(5);
    config.session.connects.attempts = 1000;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_are_asked_for_one_by_one_take_few_requests() {
    let mut config = ExchangeConfig::default();
    config.market.listings = Listing::generate(90);
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let url = format!("ws://{}/ws/v5/public", server.local_addr());
    let client = Client::v5("BTC-USDT").url(url).configure(quick).spawn().unwrap();
    let well = || client.connections().unwrap().iter().all(|line| line.well).then_some(());
    wait_for(well).await;
    let before = client.stats().unwrap().session.requests;
    let wanted: Vec<Subscription> = Listing::generate(90)
        .iter()
        .map(|listing| format!("bbo-tbt:{}", listing.inst_id()).parse().unwrap())
        .collect();
    for subscription in &wanted {
        client.subscribe(*subscription).unwrap();
    }
    let live = |s: &Subscription| client.state(s) == Some(BookState::Live);
    wait_for(|| wanted.iter().all(live).then_some(())).await;
    for subscription in &wanted {
        client.unsubscribe(subscription).unwrap();
    }
    wait_for(well).await;
    let requests = client.stats().unwrap().session.requests - before;
    // The machine decides how many of them fall into one pause.
    assert!((2..60).contains(&requests), "{requests}");
    client.stop();
    server.shutdown().await;
}
