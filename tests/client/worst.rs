//! Unusual behaviour of an exchange: repeated announcements of its end, late refusals, floods. Each
//! case is a regression test.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::quick;
use futures_util::{SinkExt, StreamExt};
use okx_feed::sim::{Exchange, ExchangeConfig, FaultRule, Server, ServerHandle};
use okx_feed::{
    BookState, Client, ClientConfig, ClientStats, Credentials, Dialect, DownReason, Event,
    EventSink, Subscription,
};
use okx_feed_testkit::wait::wait_for;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

async fn exchange() -> (ServerHandle, Client) {
    exchange_with(quick).await
}

async fn exchange_with(configure: impl FnOnce(&mut ClientConfig)) -> (ServerHandle, Client) {
    let server = Server::bind("127.0.0.1:0", ExchangeConfig::default()).await.unwrap().spawn();
    let url = format!("ws://{}/ws/v5/public", server.local_addr());
    let client = crate::over::v5("BTC-USDT").url(url).configure(configure).spawn().unwrap();
    wait_for(|| client.connections().unwrap().iter().all(|one| one.ready).then_some(())).await;
    (server, client)
}

fn announce(server: &ServerHandle) {
    let notice: FaultRule = "notice:after=60s".parse().unwrap();
    server.intervene(|exchange, now| {
        exchange.ids().into_iter().for_each(|id| exchange.inject(id, &notice, now));
    });
}

/// A server that gives each connection to `serve`.
async fn scripted<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(WebSocketStream<TcpStream>) -> F + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            tokio::spawn(serve(socket));
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_reported_by_channel_before_and_after_an_upgrade() {
    let (server, client) = exchange().await;
    let rejected = Some(BookState::Down(DownReason::Rejected));
    let [early, late] = ["books5:NO-EARLY", "books5:NO-LATE"];
    let [early, late]: [Subscription; 2] = [early.parse().unwrap(), late.parse().unwrap()];
    client.subscribe(early).unwrap();
    wait_for(|| (client.state(&early) == rejected).then_some(())).await;
    announce(&server);
    wait_for(|| {
        let stats = client.stats().unwrap();
        (stats.connects == 2 && stats.connections.len() == 1).then_some(())
    })
    .await;
    client.subscribe(late).unwrap();
    wait_for(|| (client.state(&late) == rejected).then_some(())).await;
    assert_eq!(client.state(&early), rejected);
    client.stop();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_during_draining_opens_no_connection() {
    let (server, client) = exchange().await;
    announce(&server);
    wait_for(|| (client.stats().unwrap().connects == 2).then_some(())).await;
    wait_for(|| client.connections().unwrap().iter().all(|one| one.ready).then_some(())).await;
    let young = server.inspect(Exchange::ids).into_iter().next_back().unwrap();
    // The old connection drains for a second, and gets the announcement again.
    let notice: FaultRule = "notice:after=60s".parse().unwrap();
    server.intervene(|exchange, now| {
        let ids = exchange.ids().into_iter().filter(|id| *id != young);
        ids.for_each(|id| exchange.inject(id, &notice, now));
    });
    // The old one's counts are never missing, not even at the moment of its end.
    wait_for(|| {
        assert_eq!(client.stats().unwrap().connects, 2);
        (client.connections().unwrap().len() == 1).then_some(())
    })
    .await;
    assert_eq!(client.stats().unwrap().connects, 2);
    client.stop();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_announcements_open_one_replacement() {
    let notice = r#"{"event":"notice","code":"64008","msg":"soon","connId":"a"}"#;
    let address = scripted(move |mut socket| async move {
        for _ in 0..5 {
            let _ = socket.send(Message::text(notice)).await;
        }
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let url = format!("ws://{address}");
    let client = crate::over::v5("BTC-USDT").url(url).configure(quick).spawn().unwrap();
    // Each of the two has reported everything.
    wait_for(|| (client.stats().unwrap().upgrades == 10).then_some(())).await;
    for _ in 0..50 {
        assert!(client.connections().unwrap().len() <= 2);
    }
    client.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_replacement_is_replaced_once_the_old_connection_has_ended() {
    let (server, client) = exchange_with(|config| {
        quick(config);
        config.upgrade_retry_delay = Duration::from_millis(100);
    })
    .await;
    let old = server.inspect(Exchange::ids);
    announce(&server);
    // The second is announced before it has data, and never again.
    let young =
        wait_for(|| server.inspect(Exchange::ids).into_iter().find(|id| !old.contains(id))).await;
    let notice: FaultRule = "notice:after=60s".parse().unwrap();
    server.intervene(|exchange, now| {
        exchange.inject(young, &notice, now);
    });
    // A third replaces it, and stays alone.
    wait_for(|| (client.stats().unwrap().connects == 3).then_some(())).await;
    wait_for(|| (client.connections().unwrap().len() == 1).then_some(())).await;
    assert_eq!(client.stats().unwrap().upgrades, 2);
    client.stop();
    server.shutdown().await;
}

/// Everything that a sink is given.
struct Shown(Arc<Mutex<Vec<String>>>);

impl Shown {
    fn push(&self, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

impl EventSink for Shown {
    fn on_event(&mut self, event: &Event<'_>) {
        self.push(format!("{event:?}"));
    }

    fn on_text(&mut self, text: &[u8]) {
        self.push(String::from_utf8_lossy(text).into_owned());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_repeats_the_login_is_withheld() {
    let address = scripted(move |mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(request) = message else { continue };
            let quoted = request.replace('"', "\\\"");
            let error =
                format!(r#"{{"event":"error","code":"60012","msg":"Invalid request: {quoted}"}}"#);
            let _ = socket.send(Message::text(error)).await;
        }
    })
    .await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let events = Arc::clone(&seen);
    let client = crate::over::builder(Dialect::V5)
        .subscribe("books5:BTC-USDT")
        .url(format!("ws://{address}"))
        .login(Credentials::new("the-key", "the-secret", "the-word"))
        .sink(Shown(events))
        .spawn()
        .unwrap();
    wait_for(|| {
        (client.connections().unwrap().iter().any(|one| one.logins_refused == 1)).then_some(())
    })
    .await;
    let rejected = Some(BookState::Down(DownReason::Rejected));
    let books: Subscription = "books5:BTC-USDT".parse().unwrap();
    wait_for(|| (client.state(&books) == rejected).then_some(())).await;
    client.stop();
    let seen = seen.lock().unwrap().join("\n");
    assert!(seen.contains("withheld") && seen.contains("books5"), "{seen}");
    assert!(
        !["the-key", "the-secret", "the-word"].iter().any(|part| seen.contains(part)),
        "{seen}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_stops_in_time_despite_a_slow_sink_and_a_flood() {
    let book = r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[],"bids":[],"ts":"1654032991947","seqId":1}]}"#;
    let address = scripted(move |mut socket| async move {
        while socket.send(Message::text(book)).await.is_ok() {}
    })
    .await;
    let client = crate::over::builder(Dialect::V5)
        .subscribe("bbo-tbt:BTC-USDT")
        .url(format!("ws://{address}"))
        .on_event(|event: &Event<'_>| {
            if matches!(event, Event::Book(_)) {
                std::thread::sleep(Duration::from_micros(200));
            }
        })
        .spawn()
        .unwrap();
    wait_for(|| (client.stats().unwrap().feed.books > 500).then_some(())).await;
    let stopped = tokio::task::spawn_blocking(move || client.stop());
    // The bound is two seconds; the rest is for a busy machine.
    tokio::time::timeout(Duration::from_secs(4), stopped).await.unwrap().unwrap();
}

/// A server whose connections buffer little and read nothing once they are WebSockets.
async fn deaf() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            kept.push(tokio_tungstenite::accept_async(stream).await.unwrap());
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_is_disconnected() {
    let url = format!("ws://{}", deaf().await);
    // A request larger than all buffers on the way.
    let login = Credentials::new("key", "secret", "x".repeat(32 << 20));
    let client = crate::over::v5("BTC-USDT")
        .url(url)
        .login(login)
        .configure(quick)
        .configure(|config| config.session.ack_timeout = Duration::from_millis(300))
        .spawn()
        .unwrap();
    let reason = |stats: ClientStats| stats.last_loss.filter(|why| why.contains("does not read"));
    wait_for(|| client.stats().ok().and_then(reason)).await;
    client.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_dropped_in_its_own_sink_ends() {
    let server = Server::bind("127.0.0.1:0", ExchangeConfig::default()).await.unwrap().spawn();
    let url = format!("ws://{}/ws/v5/public", server.local_addr());
    let place: Arc<Mutex<Option<Client>>> = Arc::default();
    let mine = Arc::clone(&place);
    let client =
        crate::over::v5("BTC-USDT").url(url).configure(quick).on_event(move |event: &Event<'_>| {
            if let Event::Book(_) = event {
                drop(mine.lock().unwrap().take());
            }
        });
    // The sink waits for the lock until the handle is stored.
    let reader = {
        let mut held = place.lock().unwrap();
        let client = held.insert(client.spawn().unwrap());
        client.book_reader(&"books5:BTC-USDT".parse().unwrap()).unwrap()
    };
    let stopped = BookState::Down(DownReason::Stopped);
    wait_for(|| (reader.snapshot().state == stopped).then_some(())).await;
    wait_for(|| (server.inspect(Exchange::connections) == 0).then_some(())).await;
    server.shutdown().await;
}

/// A list of all instruments is longer than any frame that is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_message_of_an_unread_channel_does_not_end_the_connection() {
    let item = r#"{"instId":"BTC-USDT","state":"live"},"#.repeat(40_000);
    let long = format!(r#"{{"arg":{{"channel":"greeks","instId":"X"}},"data":[{item}{{}}]}}"#);
    assert!(long.len() > okx_feed::wire::DecodeLimits::MAX_FRAME_LEN);
    let book = r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["2","1","0","1"]],"bids":[],"ts":"1795940000000","seqId":1}]}"#;
    let address = scripted(move |mut socket| {
        let long = long.clone();
        async move {
            let ack = r#"{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"BTC-USDT"}}"#;
            let _ = socket.next().await;
            for text in [ack, &long, book] {
                let _ = socket.send(Message::text(text)).await;
            }
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await;
    let books: Subscription = "bbo-tbt:BTC-USDT".parse().unwrap();
    let client = crate::over::builder(Dialect::V5)
        .subscribe("bbo-tbt:BTC-USDT")
        .url(format!("ws://{address}"))
        .configure(quick)
        .spawn()
        .unwrap();
    wait_for(|| (client.state(&books) == Some(BookState::Live)).then_some(())).await;
    let stats = client.stats().unwrap();
    assert_eq!((stats.connects, stats.feed.malformed(), stats.feed.skipped.total()), (1, 0, 1));
    client.stop();
}
