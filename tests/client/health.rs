//! `Client::health`: the state of the connections, without waiting for the feed's thread.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test does")]

#[allow(dead_code, reason = "each test file needs a part of it")]
use std::sync::{Arc, OnceLock};

use okx_feed::Client;
use okx_feed::client::Health;
use okx_feed::sim::{Endpoint, ExchangeConfig, ServerThread};
use okx_feed_testkit::wait::wait_for;

fn start(url: &str) -> Arc<OnceLock<Client>> {
    let handle = Arc::new(OnceLock::<Client>::new());
    let of_sink = Arc::downgrade(&handle);
    let client = crate::over::v5("BTC-USDT").url(url).on_event(move |_| {
        // On the feed's own thread, which it must not wait for.
        let handle = of_sink.upgrade();
        let _ = handle.as_ref().and_then(|handle| handle.get()).map(Client::health);
    });
    assert!(handle.set(client.spawn().unwrap()).is_ok());
    handle
}

fn health(client: &Arc<OnceLock<Client>>) -> Health {
    client.get().unwrap().health()
}

#[tokio::test]
async fn health_shows_why_and_since_when_there_is_no_connection() {
    // Bound and released: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = start(&format!("ws://127.0.0.1:{port}/ws/v5/public"));
    let first = health(&client);
    assert_eq!(first.open, 0);
    assert!(first.down_since.is_some() && !first.is_whole());
    wait_for(|| health(&client).last_loss.is_some().then_some(())).await;
    let now = health(&client);
    assert_eq!((now.open, now.connections, now.down_since), (0, 1, first.down_since));
    let loss = now.last_loss.as_ref().unwrap();
    assert!(loss.reason.contains("refused") && Some(loss.at) >= now.down_since, "{now:?}");
    assert!(now.to_string().starts_with("not connected (") && now.to_string().contains("refused"));
}

#[tokio::test]
async fn health_shows_why_a_connection_was_lost() {
    let exchange = ServerThread::start("127.0.0.1:0", ExchangeConfig::default()).unwrap();
    let client = start(&exchange.url(Endpoint::V5Public));
    wait_for(|| health(&client).is_whole().then_some(())).await;
    let up = health(&client);
    assert_eq!((up.to_string().as_str(), up.down_since, up.last_loss), ("connected", None, None));
    drop(exchange);
    wait_for(|| health(&client).down_since.is_some().then_some(())).await;
    let down = health(&client);
    assert!(down.open == 0 && down.last_loss.is_some(), "{down:?}");
}

/// The client runs without what the system refuses, and says so.
#[tokio::test]
async fn health_lists_what_the_system_refuses() {
    let exchange = ServerThread::start("127.0.0.1:0", ExchangeConfig::default()).unwrap();
    let client = crate::over::v5("BTC-USDT")
        .url(exchange.url(Endpoint::V5Public))
        .configure(|config| {
            config.thread.name = "feed-of-a-test".to_owned();
            config.thread.core = Some(1_000_000);
            config.socket.busy_poll_micros = Some(u32::MAX);
        })
        .spawn()
        .unwrap();
    wait_for(|| client.health().is_whole().then_some(())).await;
    let refused = client.health().refused;
    let options: Vec<_> = refused.iter().map(|refused| refused.option).collect();
    assert_eq!(options, ["core affinity", "SO_BUSY_POLL"]);
    assert!(refused.iter().all(|refused| !refused.reason.is_empty()), "{refused:?}");
    client.stop();
}

#[test]
fn a_thread_can_have_no_name_with_a_null_byte() {
    let client = Client::v5("BTC-USDT").configure(|config| config.thread.name = "a\0b".to_owned());
    assert!(matches!(client.spawn(), Err(okx_feed::ClientError::ThreadName)));
}

#[test]
fn a_client_that_has_just_started_has_all_its_connections() {
    for per_connection in [false, true] {
        let client = Client::v5("BTC-USDT")
            .url("ws://127.0.0.1:1/ws/v5/public")
            .redundancy(2)
            .configure(|config| config.thread.per_connection = per_connection)
            .spawn()
            .unwrap();
        assert_eq!(client.health().connections, 2);
        assert_eq!(client.reader().stats().connections.len(), 2);
    }
}
