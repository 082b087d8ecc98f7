//! What a client of two well-known WebSocket libraries and the fastest JSON parser does: the
//! five-level book as floating-point numbers, without states, sequence or readers.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};
use flate2::read::DeflateDecoder;
use futures_util::{SinkExt, StreamExt};
use okx_feed::Dialect;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{Connector, client_async_tls_with_config};

use crate::run::{Case, Outcome, Recorder, Tls};

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    data: Vec<Book<'a>>,
}

#[derive(Deserialize)]
struct Book<'a> {
    #[serde(borrow)]
    asks: Vec<Vec<&'a str>>,
    #[serde(borrow)]
    bids: Vec<Vec<&'a str>>,
}

/// A book of five levels, as price and size.
#[derive(Default)]
struct Levels {
    asks: [(f64, f64); 5],
    bids: [(f64, f64); 5],
}

/// The state of a rival: its book, and the text of v3.
struct Reader {
    dialect: Dialect,
    text: Vec<u8>,
    book: Levels,
    recorder: Recorder,
}

impl Reader {
    fn read(&mut self, frame: &[u8]) {
        let text = match self.dialect {
            Dialect::V5 => frame,
            Dialect::V3 => {
                self.text.clear();
                DeflateDecoder::new(frame).read_to_end(&mut self.text).unwrap();
                &self.text
            }
        };
        let Ok(push) = sonic_rs::from_slice::<Push<'_>>(text) else { return };
        for book in &push.data {
            for (to, from) in [(&mut self.book.asks, &book.asks), (&mut self.book.bids, &book.bids)]
            {
                for (to, from) in to.iter_mut().zip(from) {
                    if let [px, sz, ..] = &from[..] {
                        *to = (px.parse().unwrap(), sz.parse().unwrap());
                    }
                }
            }
            std::hint::black_box(&self.book.asks);
            self.recorder.note();
        }
    }
}

fn tls_config(tls: &Tls) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&tls.ca_file).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn run(case: &Case, serve: impl AsyncFn(&Case, String, TcpStream, Reader)) -> Outcome {
    let start = Instant::now();
    let sender = case.serve(start);
    let (done, outcome) = mpsc::channel();
    let recorder = Recorder::new(case, start, &sender, done);
    let reader = Reader {
        dialect: case.dialect,
        text: Vec::with_capacity(1 << 16),
        book: Levels::default(),
        recorder,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tcp = TcpStream::connect(sender.address()).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        serve(case, case.url(&sender), tcp, reader).await;
    });
    drop(runtime);
    sender.join().unwrap();
    outcome.recv().unwrap()
}

/// Reads until everything has come.
pub(crate) fn tungstenite(case: &Case) -> Outcome {
    run(case, async |case, url, tcp, mut reader| {
        let connector = case.tls.as_ref().map(|tls| Connector::Rustls(tls_config(tls)));
        let connected = client_async_tls_with_config(url, tcp, None, connector).await;
        let (mut socket, _) = connected.unwrap();
        socket.send(Message::text("subscribe")).await.unwrap();
        let mut left = case.count + 1;
        while left > 0 {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => reader.read(text.as_bytes()),
                Message::Binary(body) => reader.read(&body),
                _ => {}
            }
            left -= 1;
        }
    })
}

/// Reads until everything has come.
pub(crate) fn fastwebsockets(case: &Case) -> Outcome {
    run(case, async |case, _, tcp, reader| match &case.tls {
        None => read_fast(case, tcp, reader).await,
        Some(tls) => {
            let connector = tokio_rustls::TlsConnector::from(tls_config(tls));
            let name = ServerName::try_from("localhost").unwrap();
            read_fast(case, connector.connect(name, tcp).await.unwrap(), reader).await;
        }
    })
}

async fn read_fast<S>(case: &Case, mut stream: S, mut reader: Reader)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let mut socket = WebSocket::after_handshake(stream, Role::Client);
    socket.set_auto_pong(true);
    let mut socket = FragmentCollector::new(socket);
    let request = Frame::text(Payload::Borrowed(b"subscribe"));
    socket.write_frame(request).await.unwrap();
    for _ in 0..=case.count {
        let frame = socket.read_frame().await.unwrap();
        if matches!(frame.opcode, OpCode::Text | OpCode::Binary) {
            reader.read(&frame.payload);
        }
    }
}
