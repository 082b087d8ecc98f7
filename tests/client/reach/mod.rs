//! How the client reaches an exchange: addresses, names, paths, proxies, redirects, refusals.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod addresses;
mod paths;
mod proxies;
mod upgrades;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::config::quick;
use okx_feed::sim::{ExchangeConfig, Server, ServerHandle};
use okx_feed::transport::Resolve;
use okx_feed::{Client, ClientBuilder, Dialect, Subscription};
use okx_feed_testkit::wait::wait_for;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const BOOK: &str = "books5:BTC-USDT";

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

async fn exchange() -> ServerHandle {
    Server::bind("127.0.0.1:0", ExchangeConfig::default()).await.unwrap().spawn()
}

/// A client that ignores the environment.
fn client(url: &str) -> ClientBuilder {
    crate::over::builder(Dialect::V5)
        .url(url)
        .proxy(okx_feed::transport::Proxy::Direct)
        .configure(quick)
}

async fn is_live(client: &Client, channel: &str) {
    let channel = sub(channel);
    wait_for(|| client.state(&channel).filter(|state| state.is_live())).await;
}

/// Resolves every name to the same addresses, after a while, and counts the calls.
#[derive(Debug)]
struct Names {
    addrs: Vec<IpAddr>,
    after: Duration,
    asked: AtomicUsize,
}

impl Names {
    fn new(addrs: &[SocketAddr], after: Duration) -> Arc<Self> {
        let addrs = addrs.iter().map(SocketAddr::ip).collect();
        Arc::new(Self { addrs, after, asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.after);
        Ok(self.addrs.clone())
    }
}

/// Reads a request's head.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8(head).unwrap()
}

/// The answer that opens a WebSocket, with these lines besides.
fn accepts(request: &str, lines: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
    )
}

/// Answers each connection's request by `answer`, and passes on the requests. After an answer that
/// opens a WebSocket it reads to the end, and passes that on too.
async fn server(
    answer: impl Fn(usize, &str) -> String + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::channel();
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = head(&mut stream).await;
            let reply = answer(count, &request);
            count += 1;
            let _ = sender.send(request);
            let _ = stream.write_all(reply.as_bytes()).await;
            if reply.starts_with("HTTP/1.1 101") {
                tokio::spawn(async move { drop(stream.read_to_end(&mut Vec::new()).await) });
            }
        }
    });
    (addr, requests)
}

/// Waits for the next request.
async fn next(requests: &mpsc::Receiver<String>) -> String {
    wait_for(|| requests.try_recv().ok()).await
}
