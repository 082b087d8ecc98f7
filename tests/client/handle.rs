//! The handle to a client: calls from its own sink, the detection of a blocked feed, and batched
//! requests.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::config::quick;
use okx_feed::sim::{ExchangeConfig, PushIntervals, Server, ServerHandle};
use okx_feed::{Client, ClientError, Dialect, Event, Subscription};
use okx_feed_testkit::wait::wait_for;

async fn exchange() -> ServerHandle {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 100;
    Server::bind("127.0.0.1:0", config).await.unwrap().spawn()
}

fn url(server: &ServerHandle) -> String {
    format!("ws://{}/ws/v5/public", server.local_addr())
}

#[tokio::test]
async fn waiting_calls_fail_in_the_sink() {
    let server = exchange().await;
    let handle: Arc<Mutex<Option<Client>>> = Arc::default();
    let (results, answers) = mpsc::channel();
    let in_sink = Arc::clone(&handle);
    let client = crate::over::builder(Dialect::V5)
        .url(url(&server))
        .subscribe("books5:BTC-USDT")
        .on_event(move |event: &Event<'_>| {
            let handle = in_sink.lock().unwrap();
            let (Event::Book(_), Some(client)) = (event, handle.as_ref()) else { return };
            let another: Subscription = "trades:BTC-USDT".parse().unwrap();
            let refused = [
                client.stats().err(),
                client.connections().err(),
                client.subscribe(another).err(),
                client.subscribe_all([another]).err(),
            ];
            let _ = results.send(refused.map(|error| matches!(error, Some(ClientError::FromSink))));
        })
        .configure(quick)
        .spawn()
        .unwrap();
    *handle.lock().unwrap() = Some(client);
    assert_eq!(wait_for(|| answers.try_recv().ok()).await, [true; 4]);
    let client = handle.lock().unwrap().take().unwrap();
    assert!(client.stats().is_ok());
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn the_heartbeat_shows_a_sink_that_does_not_return() {
    let server = exchange().await;
    let (go, gate) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let client = crate::over::builder(Dialect::V5)
        .url(url(&server))
        .subscribe("books5:BTC-USDT")
        .on_event(move |event: &Event<'_>| {
            if matches!(event, Event::Book(_)) {
                let _ = entered.send(());
                // Until the test lets it go, once.
                let _ = gate.recv();
            }
        })
        .configure(quick)
        .spawn()
        .unwrap();
    let heartbeat = client.heartbeat();
    wait_for(|| inside.try_recv().ok()).await;
    // Only the timeout of this thread ends the wait: the sink does not return.
    wait_for(|| (heartbeat.age() >= Duration::from_millis(1_500)).then_some(())).await;
    drop(go);
    wait_for(|| (heartbeat.age() < Duration::from_millis(500)).then_some(())).await;
    client.stop();
    let stopped = heartbeat.age();
    wait_for(|| (heartbeat.age() > stopped).then_some(())).await;
    server.shutdown().await;
}

/// The sink is called on the thread of the connection that an event came on.
#[tokio::test]
async fn each_connection_has_a_thread_of_its_own_where_that_is_wanted() {
    let server = exchange().await;
    for (per_connection, threads) in
        [(false, ["okx-feed", "okx-feed"]), (true, ["okx-feed-0.0", "okx-feed-1.0"])]
    {
        let (called, calls) = mpsc::channel();
        let client = crate::over::builder(Dialect::V5)
            .url(url(&server))
            .subscribe("books5:BTC-USDT")
            .subscribe("trades-all:BTC-USDT")
            .on_event(move |event: &Event<'_>| {
                let of = match event {
                    Event::Book(_) => 0,
                    Event::Trade(_) => 1,
                    _ => return,
                };
                let thread = std::thread::current().name().unwrap_or_default().to_owned();
                let _ = called.send((of, thread));
            })
            .configure(quick)
            .configure(|config| config.thread.per_connection = per_connection)
            .spawn()
            .unwrap();
        for (of, name) in threads.into_iter().enumerate() {
            let thread = wait_for(|| calls.try_iter().find(|(called, _)| *called == of)).await.1;
            assert_eq!(thread, name, "{per_connection}");
        }
        assert_eq!(client.stop().dropped, 0);
        // All threads have ended: the sink is gone, and its sender with it.
        while calls.try_recv().is_ok() {}
        assert_eq!(calls.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn many_channels_take_few_requests() {
    let server = exchange().await;
    let mut client = crate::over::builder(Dialect::V5)
        .url(url(&server))
        .subscribe("books5:BTC-USDT")
        .configure(quick);
    client = client.configure(|config| config.max_subscriptions_per_connection = 1_000);
    let client = client.spawn().unwrap();
    wait_for(|| client.snapshot().filter(|book| book.state.is_live())).await;
    let requests = || client.stats().unwrap().session.requests;
    assert_eq!(requests(), 1);
    let more: Vec<Subscription> =
        (0..200).map(|n| format!("books5:NO-SUCH-{n}").parse().unwrap()).collect();
    client.subscribe_all(more.iter().copied()).unwrap();
    assert_eq!(client.subscriptions().len(), 201);
    // One request asks for all, since nothing is sent before the client knows of each.
    let asked = wait_for(|| Some(requests()).filter(|requests| *requests > 1)).await;
    assert!(asked <= 4, "{asked}");
    let v3: Subscription = "spot/trade:BTC-USDT".parse().unwrap();
    assert!(matches!(client.subscribe_all([v3]), Err(ClientError::WrongDialect(_))));
    client.stop();
    server.shutdown().await;
}
