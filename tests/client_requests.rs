//! What a client asks for while it runs: in few requests, and again where it was refused.
#![cfg(all(feature = "client", feature = "sim"))]

mod patience;

use futures_util::{SinkExt, StreamExt};
use okx_feed::sim::{ExchangeConfig, Listing, Server};
use okx_feed::{BookState, Client, Dialect, DownReason, Subscription};
use patience::{quick, wait_for};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_and_is_then_taken_is_no_longer_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let exchange = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        let mut asked = 0;
        while let Some(Ok(Message::Text(_))) = socket.next().await {
            asked += 1;
            let answer = if asked == 1 {
                r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:trades,instId:BTC-USDT doesn't exist."}"#
            } else {
                r#"{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}"#
            };
            socket.send(Message::text(answer)).await.unwrap();
        }
    });
    let trades: Subscription = "trades:BTC-USDT".parse().unwrap();
    let client = Client::builder(Dialect::V5).subscribe("trades:BTC-USDT").url(url);
    let client = client.configure(quick).spawn().unwrap();
    let is = |state| (client.state(&trades) == Some(state)).then_some(());
    wait_for(|| is(BookState::Down(DownReason::Rejected))).await;
    client.subscribe(trades).unwrap();
    wait_for(|| is(BookState::AwaitingSnapshot)).await;
    client.stop();
    exchange.abort();
}
