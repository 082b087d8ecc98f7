//! The requests of a running client: batched, and retried after a refusal.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use crate::config::quick;
use futures_util::{SinkExt, StreamExt};
use okx_feed::feed::StaleLimits;
use okx_feed::sim::{ExchangeConfig, Listing, Server};
use okx_feed::transport::Clock;
use okx_feed::{BookState, Dialect, DownReason, Subscription};
use okx_feed_testkit::wait::wait_for;
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_added_one_by_one_share_requests() {
    let mut config = ExchangeConfig::default();
    config.market.listings = Listing::generate(90);
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let url = format!("ws://{}/ws/v5/public", server.local_addr());
    let client = crate::over::v5("BTC-USDT").url(url).configure(quick).spawn().unwrap();
    let well = || client.connections().unwrap().iter().all(|line| line.ready).then_some(());
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
    // The number of them in one pause depends on the machine.
    assert!((2..60).contains(&requests), "{requests}");
    client.stop();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_accepted_after_a_refusal_is_no_longer_down() {
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
    let client = crate::over::builder(Dialect::V5).subscribe("trades:BTC-USDT").url(url);
    let client = client.configure(quick).spawn().unwrap();
    let is = |state| (client.state(&trades) == Some(state)).then_some(());
    wait_for(|| is(BookState::Down(DownReason::Rejected))).await;
    client.subscribe(trades).unwrap();
    wait_for(|| is(BookState::AwaitingSnapshot)).await;
    client.stop();
    exchange.abort();
}

/// Accepts connections with at most `most` channels each, and closes one with more with code 4009.
async fn take_at_most(listener: TcpListener, most: usize) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut socket = accept_async(stream).await.unwrap();
            let mut channels = 0;
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                let Some(ids) = text.strip_prefix(r#"{"id":""#) else { continue };
                let ids: Vec<_> = ids.split(r#""instId":""#).skip(1).collect();
                channels += ids.len();
                if channels > most {
                    let code = 4009.into();
                    let _ = socket.close(Some(CloseFrame { code, reason: "".into() })).await;
                    return;
                }
                for id in ids.iter().filter_map(|id| id.split('"').next()) {
                    let arg = format!(r#"{{"channel":"books5","instId":"{id}"}}"#);
                    let ack = format!(r#"{{"event":"subscribe","arg":{arg}}}"#);
                    let book = r#"{"asks":[["2","1","0","1"]],"bids":[],"ts":"1","seqId":1}"#;
                    let book = format!(r#"{{"arg":{arg},"data":[{book}]}}"#);
                    for text in [ack, book] {
                        let _ = socket.send(Message::text(text)).await;
                    }
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_too_many_for_a_connection_are_halved_until_they_fit() {
    for lines in [1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let exchange = tokio::spawn(take_at_most(listener, 10));
        let all: Vec<Subscription> =
            (0..30).map(|n| format!("books5:C{n}-USDT").parse().unwrap()).collect();
        let client = crate::over::builder(Dialect::V5).url(url).subscriptions(all.iter().copied());
        let client = client.redundancy(lines).configure(quick).spawn().unwrap();
        // Readers from before the split continue.
        let readers: Vec<_> = all.iter().map(|one| client.book_reader(one).unwrap()).collect();
        let live = || readers.iter().all(|reader| reader.live().is_some()).then_some(());
        wait_for(live).await;
        assert!(all.iter().all(|one| client.state(one) == Some(BookState::Live)));
        // Eight, eight, seven and seven.
        assert_eq!(client.connections().unwrap().len(), 4 * lines);
        client.stop();
        exchange.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_with_no_requests_left_is_replaced() {
    for lines in [1, 2] {
        let mut config = ExchangeConfig::default();
        config.market.listings = Listing::generate(8);
        let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
        let url = format!("ws://{}/ws/v5/public", server.local_addr());
        let client = crate::over::v5("BTC-USDT").url(url).redundancy(lines).configure(quick);
        let client = client.configure(|config| config.session.requests_per_hour = 2);
        let client = client.spawn().unwrap();
        let live = |s: &Subscription| (client.state(s) == Some(BookState::Live)).then_some(());
        for listing in Listing::generate(8) {
            let one: Subscription = format!("bbo-tbt:{}", listing.inst_id()).parse().unwrap();
            client.subscribe(one).unwrap();
            wait_for(|| live(&one)).await;
        }
        let spent: u64 = client.stats().unwrap().connections.iter().map(|c| c.requests_spent).sum();
        let connects = client.stats().unwrap().connects;
        assert!(connects > lines as u64 && connects < 20, "{connects} connections, {spent} spent");
        client.stop();
        server.shutdown().await;
    }
}

/// A quiet book is resubscribed after a long silence, and has changed meanwhile. Its first push is
/// as old as that change, and is the exchange's current book.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_push_makes_a_stale_book_live_however_old() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let clock = Clock::start();
    let book = move |id: &str, age_ms: u64, seq: u64| {
        let ts = clock.now().1.0 / 1_000_000 - age_ms;
        format!(
            r#"{{"arg":{{"channel":"books5","instId":"{id}"}},"data":[{{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"{ts}","seqId":{seq}}}]}}"#
        )
    };
    let exchange = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        let (mut asked, mut seq) = (0, 0);
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            let mut texts = Vec::new();
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) if text.contains(r#""subscribe""#) => {
                        asked += 1;
                        for id in ["A", "QUIET"].into_iter().filter(|id| text.contains(id)) {
                            texts.push(format!(
                                r#"{{"event":"subscribe","arg":{{"channel":"books5","instId":"{id}"}}}}"#
                            ));
                        }
                        texts.push(book("QUIET", 60_000 - 20_000 * asked, seq));
                    }
                    Some(Ok(_)) => {}
                    _ => return,
                },
                _ = tick.tick() => texts.push(book("A", 0, seq)),
            }
            seq += 1;
            for text in texts {
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    });
    let quiet: Subscription = "books5:QUIET".parse().unwrap();
    let client = crate::over::builder(Dialect::V5).subscribe("books5:A").subscribe("books5:QUIET");
    let client = client.url(url).configure(quick).configure(|config| {
        config.stale = StaleLimits::books(Duration::from_secs(1));
    });
    let client = client.spawn().unwrap();
    let is = |state| (client.state(&quiet) == Some(state)).then_some(());
    wait_for(|| is(BookState::Live)).await;
    wait_for(|| is(BookState::Stale)).await;
    wait_for(|| is(BookState::Live)).await;
    // Else the second time it comes is the third request for it.
    assert_eq!(client.stats().unwrap().session.resyncs, 1);
    client.stop();
    exchange.abort();
}
