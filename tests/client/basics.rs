//! The real client over real sockets: against the embedded exchange, and against servers that
//! close, refuse and fall silent.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use crate::config::quick;
use futures_util::{SinkExt, StreamExt};
use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::transport::TransportError;
use okx_feed::{BookState, Client, ClientError, Dialect, DownReason, Event, Subscription};
use okx_feed_testkit::wait::wait_for;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const BOOK: &str = r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["101","1","0","1"]],"bids":[["100","1","0","1"]],"instId":"BTC-USDT","ts":"1654032991947"}]}"#;

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

/// An exchange with books that change seldom enough to be compared at rest.
async fn exchange() -> okx_feed::sim::ServerHandle {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 100;
    Server::bind("127.0.0.1:0", config).await.unwrap().spawn()
}

async fn follows_the_exchange(dialect: Dialect, path: &str, books: &str, trades: &str) {
    for busy in [false, true] {
        follows(dialect, path, books, trades, busy).await;
    }
}

async fn follows(dialect: Dialect, path: &str, books: &str, trades: &str, busy: bool) {
    let server = exchange().await;
    let client = crate::over::builder(dialect)
        .url(format!("ws://{}{path}", server.local_addr()))
        .subscribe(books)
        .subscribe(trades)
        .configure(|config| config.busy_poll = busy)
        .spawn()
        .unwrap();
    let inst_id = sub(books).inst_id().to_string();
    // The client's book equals the exchange's, more than once and as it changes.
    let mut seen = 0;
    for _ in 0..5 {
        seen = wait_for(|| {
            let truth = server.inspect(|exchange| {
                let market = exchange.market();
                market.book5(market.find(&inst_id)?)
            })?;
            let view = client.snapshot()?;
            let same = view.value.asks() == truth.asks() && view.value.bids() == truth.bids();
            (same && view.version > seen && view.state.is_live()).then_some(view.version)
        })
        .await;
    }
    wait_for(|| client.trades().last().copied()).await;
    let stats = client.stats().unwrap();
    assert!(stats.connected && stats.feed.books > 0 && stats.feed.trades > 0);
    assert_eq!((stats.feed.malformed(), stats.feed.crossed, stats.feed.unsubscribed), (0, 0, 0));
    assert_eq!(stats.latency.len(), stats.feed.frames);
    // Frames come every ten milliseconds: a busy-polling client has time between.
    let warmup_frames = || Some(client.stats().ok()?.connections.first()?.warmup_frames);
    match busy {
        true => assert!(wait_for(|| warmup_frames().filter(|n| *n > 100)).await > 100),
        false => assert_eq!(warmup_frames(), Some(0)),
    }
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn v3_books_are_the_exchanges_own() {
    let (books, trades) = ("futures/depth5:BTC-USD-190517", "futures/trade:BTC-USD-190517");
    follows_the_exchange(Dialect::V3, "/ws/v3", books, trades).await;
}

#[tokio::test]
async fn v5_books_are_the_exchanges_own() {
    follows_the_exchange(Dialect::V5, "/ws/v5/public", "books5:BTC-USDT", "trades:BTC-USDT").await;
}

#[tokio::test]
async fn subscriptions_are_added_and_removed_on_a_running_connection() {
    let server = exchange().await;
    let client = crate::over::v5("BTC-USDT")
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .spawn()
        .unwrap();
    let late = sub("bbo-tbt:BTC-USDT");
    client.subscribe(late).unwrap();
    let reader = client.book_reader(&late).unwrap();
    wait_for(|| reader.live()).await;
    client.unsubscribe(&late).unwrap();
    let down = BookState::Down(DownReason::Unsubscribed);
    wait_for(|| (reader.snapshot().state == down).then_some(())).await;
    assert_eq!(client.state(&late), None);

    // An unknown channel is refused, and the others continue.
    let nonsense = sub("books5:NO-SUCH");
    client.subscribe(nonsense).unwrap();
    let rejected = BookState::Down(DownReason::Rejected);
    wait_for(|| (client.state(&nonsense) == Some(rejected)).then_some(())).await;
    assert!(client.snapshot().unwrap().state.is_live());
    assert_eq!(client.stats().unwrap().rejections, 1);

    let reader = client.book_reader(&sub("books5:BTC-USDT")).unwrap();
    client.stop();
    assert_eq!(reader.snapshot().state, BookState::Down(DownReason::Stopped));
    server.shutdown().await;
}

/// A server of one connection after another, each served by `serve` with its number from 0.
async fn scripted<F, W>(mut serve: F) -> SocketAddr
where
    F: FnMut(usize, WebSocketStream<TcpStream>) -> W + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                serve(number, socket).await;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_lost_connection_is_reopened_with_its_subscriptions() {
    let (requests, asked) = mpsc::channel();
    let address = scripted(move |number, mut socket| {
        let requests = requests.clone();
        async move {
            if let Some(Ok(Message::Text(text))) = socket.next().await {
                requests.send(text.to_string()).unwrap();
            }
            let _ = socket.send(Message::text(BOOK)).await;
            match number % 3 {
                // A close frame, a dropped connection, and bytes that are no WebSocket frame.
                0 => drop(socket.close(None).await),
                1 => drop(socket),
                _ => {
                    use tokio::io::AsyncWriteExt;
                    let _ = socket.get_mut().write_all(&[0xff; 64]).await;
                }
            }
        }
    })
    .await;
    let mut states = Vec::new();
    let (sender, changes) = mpsc::channel();
    let client = crate::over::builder(Dialect::V5)
        .url(format!("ws://{address}"))
        .subscribe("books5:BTC-USDT")
        .configure(quick)
        .on_event(move |event: &Event<'_>| {
            if let Event::State(change) = event {
                let _ = sender.send(change.to);
            }
        })
        .spawn()
        .unwrap();
    wait_for(|| (client.stats().unwrap().connects >= 12).then_some(())).await;
    client.stop();
    states.extend(changes.try_iter());
    // Never live without a connection: between two live states the book was Connecting.
    let lives: Vec<_> = states
        .split(|state| *state == BookState::Connecting)
        .filter(|between| between.contains(&BookState::Live))
        .collect();
    assert!(lives.len() >= 6, "{states:?}");
    let asked: Vec<_> = asked.try_iter().collect();
    // The client may have stopped before the requests of the seventh connection.
    assert!(asked.len() >= 6 && asked.iter().all(|text| text.contains("books5")), "{asked:?}");
}

#[tokio::test]
async fn silence_causes_a_ping_and_then_a_new_connection() {
    let (sender, pings) = mpsc::channel();
    let address = scripted(move |_, mut socket| {
        let sender = sender.clone();
        async move {
            // Reads everything and answers nothing, like a half-open connection.
            while let Some(Ok(message)) = socket.next().await {
                if message == Message::text("ping") {
                    sender.send(()).unwrap();
                }
            }
        }
    })
    .await;
    let client = crate::over::v5("BTC-USDT")
        .url(format!("ws://{address}"))
        .configure(quick)
        .configure(|config| {
            config.session.ping_interval = Duration::from_millis(20);
            config.session.pong_timeout = Duration::from_millis(20);
        })
        .spawn()
        .unwrap();
    wait_for(|| (client.stats().unwrap().connects >= 3).then_some(())).await;
    client.stop();
    assert!(pings.try_iter().count() >= 2);
}

fn deep(action: &str, prev: i64, seq: i64) -> Message {
    let level = |px: i64| format!(r#"[["{px}","{seq}","0","1"]]"#);
    Message::text(format!(
        r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"{action}","data":[{{"asks":{},"bids":{},"ts":"1654032991947","checksum":0,"seqId":{seq},"prevSeqId":{prev}}}]}}"#,
        level(101),
        level(100),
    ))
}

#[tokio::test]
async fn a_broken_order_book_is_resynchronised_alone() {
    let (requests, asked) = mpsc::channel();
    let address = scripted(move |_, mut socket| {
        let requests = requests.clone();
        async move {
            let mut snapshots = 0;
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                requests.send(text.to_string()).unwrap();
                if text.contains(r#""op":"subscribe""#) && text.contains(r#""books""#) {
                    snapshots += 10;
                    socket.send(deep("snapshot", -1, snapshots)).await.unwrap();
                    // The first chain breaks, the second holds.
                    let prev = if snapshots == 10 { 12 } else { 20 };
                    socket.send(deep("update", prev, snapshots + 5)).await.unwrap();
                }
            }
        }
    })
    .await;
    let books = sub("books:BTC-USDT");
    let client = crate::over::builder(Dialect::V5)
        .url(format!("ws://{address}"))
        .subscribe("books:BTC-USDT")
        .subscribe("books5:BTC-USDT")
        .depth_options(okx_feed::feed::DepthOptions { capacity: 64, ..Default::default() })
        .configure(quick)
        .spawn()
        .unwrap();
    let reader = client.depth_reader(&books).unwrap();
    let snapshot = wait_for(|| reader.live().filter(|book| book.seq == Some(25))).await;
    assert_eq!(snapshot.asks()[0].sz().to_string(), "25");
    assert_eq!(client.depth_reader(&sub("books5:BTC-USDT")).map(|_| ()), None);
    let stats = client.stats().unwrap();
    assert_eq!((stats.feed.gaps, stats.session.resyncs, stats.losses), (1, 1, 0));
    assert_eq!(stats.recovery.resync_us.len(), 1);
    client.stop();
    let asked: Vec<_> = asked.try_iter().collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1..].iter().all(|text| !text.contains("books5")), "{asked:?}");
}

#[tokio::test]
async fn a_sink_that_panics_leaves_no_book_live() {
    let address = scripted(move |_, mut socket| async move {
        while socket.send(Message::text(BOOK)).await.is_ok() {}
    })
    .await;
    let mut books = 0;
    let client = crate::over::v5("BTC-USDT")
        .url(format!("ws://{address}"))
        .on_event(move |event: &Event<'_>| {
            books += u32::from(matches!(event, Event::Book(_)));
            assert!(books < 5, "this panic is the test's own");
        })
        .spawn()
        .unwrap();
    let stopped = BookState::Down(DownReason::Stopped);
    wait_for(|| client.snapshot().filter(|book| book.state == stopped)).await;
    wait_for(|| matches!(client.stats(), Err(ClientError::Stopped)).then_some(())).await;
}

#[tokio::test]
async fn a_flood_does_not_keep_the_client_from_stopping() {
    let address = scripted(move |_, mut socket| async move {
        while socket.send(Message::text(BOOK)).await.is_ok() {}
    })
    .await;
    let client = crate::over::v5("BTC-USDT").url(format!("ws://{address}")).spawn().unwrap();
    wait_for(|| (client.stats().unwrap().feed.frames > 10_000).then_some(())).await;
    let stopped = tokio::task::spawn_blocking(move || client.stop());
    tokio::time::timeout(Duration::from_secs(5), stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn malformed_frames_are_counted_and_affect_no_other() {
    let address = scripted(move |_, mut socket| async move {
        for text in ["{", BOOK, r#"{"arg":{"channel":"books5"},"data":[{}]}"#, "pong", BOOK] {
            socket.send(Message::text(text)).await.unwrap();
        }
        socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let client = crate::over::v5("BTC-USDT").url(format!("ws://{address}")).spawn().unwrap();
    let stats = wait_for(|| client.stats().ok().filter(|stats| stats.feed.frames == 6)).await;
    assert_eq!((stats.feed.malformed(), stats.feed.books, stats.feed.pongs), (3, 2, 1));
    assert_eq!((stats.connects, stats.losses), (1, 0));
}

#[test]
fn wrong_options_are_reported_before_the_start() {
    let spawn = |url: &str, channel: &str| {
        let error =
            crate::over::builder(Dialect::V5).url(url).subscribe(channel).spawn().unwrap_err();
        error.to_string()
    };
    let good = "ws://127.0.0.1:1";
    assert!(spawn(good, "ticker:BTC-USDT").contains("books5"));
    assert!(spawn("http://127.0.0.1", "books5:X").contains("ws://"));
    assert!(spawn("ws://", "books5:X").contains("ws://HOST"));
    let nothing = crate::over::builder(Dialect::V3).spawn().unwrap_err();
    assert!(matches!(nothing, ClientError::NoSubscription));
    let wrong =
        crate::over::builder(Dialect::V3).subscriptions([sub("books5:X")]).spawn().unwrap_err();
    assert!(matches!(wrong, ClientError::WrongDialect(_)));
    let file = crate::over::v5("X").url("wss://127.0.0.1").ca_file("no-such-file.pem").spawn();
    assert!(matches!(file.unwrap_err(), ClientError::Transport(TransportError::CaFile { .. })));
}

#[tokio::test]
async fn clients_of_one_host_share_its_connect_rate_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Cuts every connection, so that each client opens the next as soon as its pauses allow.
    let (sender, attempts) = mpsc::channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            sender.send(()).unwrap();
            drop(stream);
        }
    });
    let spawn = || {
        crate::over::v5("BTC-USDT")
            .url(format!("ws://{address}"))
            .configure(quick)
            .configure(|config| {
                config.session.connect_limit.attempts = 2;
                config.session.connect_limit.per = Duration::from_secs(3600);
            })
            .spawn()
            .unwrap()
    };
    let clients = [spawn(), spawn(), spawn()];
    let held = |client: &Client| client.stats().ok().filter(|s| s.session.postponed > 0);
    wait_for(|| clients.iter().all(|client| held(client).is_some()).then_some(())).await;
    let made: u64 = clients.iter().map(|c| c.stats().unwrap().session.attempts).sum();
    assert_eq!(made, 2);
    drop(clients);
    assert_eq!(attempts.try_iter().count(), 2);
}

#[tokio::test]
async fn tick_by_tick_books_need_a_login() {
    let mut config = ExchangeConfig { accept_logins: true, ..Default::default() };
    config.tbt_access = okx_feed::sim::TbtAccess::LoggedIn;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let books = sub("books-l2-tbt:BTC-USDT");
    let builder = || {
        crate::over::builder(Dialect::V5)
            .url(format!("ws://{}/ws/v5/public", server.local_addr()))
            .subscribe("books-l2-tbt:BTC-USDT")
            .configure(quick)
    };
    let client = builder().login(okx_feed::Credentials::new("k", "s", "p")).spawn().unwrap();
    wait_for(|| client.state(&books).filter(|state| state.is_live())).await;
    client.stop();
    let client = builder().spawn().unwrap();
    let rejected = BookState::Down(DownReason::Rejected);
    wait_for(|| (client.state(&books) == Some(rejected)).then_some(())).await;
    client.stop();
    server.shutdown().await;
}
