//! One client's connection: the REST interface, or a WebSocket's handshake, reader and writer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::http;
use super::rewound::Rewound;
use super::shared::{Shared, over};
use super::tls::ByteStream;
use super::transport_faults;
use crate::sim::exchange::{ConnectionId, Endpoint, Exchange};
use crate::sim::faults::{Admission, Outbound, TransportFault};

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client's socket may accept no byte before the connection is dropped.
const STUCK: Duration = Duration::from_secs(10);
/// How long a client may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);
/// Messages between two readings of the clock.
const CHUNK: usize = 256;
/// The largest request that is read at all: well above the largest that is allowed.
const MAX_REQUEST: usize = 1 << 20;

type WsSink<S> = SplitSink<WebSocketStream<S>, Message>;
type WsStream<S> = SplitStream<WebSocketStream<S>>;

/// The status with which an upgrade is refused, and its `Retry-After`.
type HttpRefusal = (u16, Option<Duration>);

/// Why reader and writer of a socket stop.
enum Stop {
    /// The client is gone, or reads nothing.
    Gone,
    /// The exchange has sent its close frame.
    Closed,
    /// Something happens below the WebSocket.
    Fault(TransportFault),
}

/// Serves one client to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    ended: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket keeps its delay");
    }
    let Some(tls) = tls else {
        route(shared, stream, ended).await;
        return;
    };
    match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => route(shared, stream, ended).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake takes too long"),
    }
}

/// Serves a WebSocket or the REST interface, whichever the first request asks for. Only attempts at
/// a WebSocket are counted as such.
async fn route<S: ByteStream>(
    shared: Arc<Shared>,
    mut stream: S,
    mut ended: watch::Receiver<bool>,
) {
    let mut bytes = Vec::new();
    let head = timeout(HANDSHAKE, http::read_head(&mut stream, &mut bytes)).await;
    let Ok(Some(head)) = head else { return };
    if !head.is_upgrade {
        tokio::select! {
            served = http::serve(&shared, stream, (head, bytes)) => if let Err(error) = served {
                tracing::debug!(%error, "a client of the REST interface is gone");
            },
            () = over(&mut ended) => {}
        }
        return;
    }
    let refusal = match shared.lock().admit() {
        Admission::Accept => None,
        Admission::Refuse { status, retry_after } => Some((status, retry_after)),
        Admission::Cut => return,
    };
    upgrade(shared, Rewound::new(bytes, stream), refusal, ended).await;
}

async fn upgrade<S: ByteStream>(
    shared: Arc<Shared>,
    stream: S,
    refusal: Option<HttpRefusal>,
    mut ended: watch::Receiver<bool>,
) {
    let accepts_logins = shared.inspect(Exchange::accepts_logins);
    let handshake = timeout(HANDSHAKE, handshake(stream, refusal, accepts_logins)).await;
    let Ok(Some((mut socket, endpoint))) = handshake else { return };
    let (id, waker) = shared.lock().connect(endpoint);
    let mut batch = VecDeque::new();
    loop {
        let (mut sink, mut stream) = socket.split();
        let stop = tokio::select! {
            () = read(&shared, id, &mut stream) => Stop::Gone,
            stop = write(&shared, id, &waker, &mut batch, &mut sink) => stop,
            () = over(&mut ended) => {
                let frame = close(1001, "The exchange closes");
                match timeout(CLOSING, sink.send(frame)).await {
                    Ok(Ok(())) => Stop::Closed,
                    _ => Stop::Gone,
                }
            }
        };
        match stop {
            Stop::Gone => break,
            Stop::Closed => {
                // The client's own close frame ends the stream.
                shared.lock().disconnect(id);
                let rest = async { while let Some(Ok(_)) = stream.next().await {} };
                let _ = timeout(CLOSING, rest).await;
                return;
            }
            Stop::Fault(fault) => {
                let Ok(whole) = sink.reunite(stream) else { break };
                socket = whole;
                let goes_on = tokio::select! {
                    done = transport_faults::apply(fault, &mut socket) => done.unwrap_or(false),
                    () = over(&mut ended) => false,
                };
                if !goes_on {
                    break;
                }
            }
        }
    }
    shared.lock().disconnect(id);
}

/// The answer to a login at the upgrade that is refused. Source: `docs/PROTOCOL.md` 12.2.
const NO_KEY: &str = r#"{"msg":"Invalid apiKey","code":"60005","connId":"24a2aea3"}"#;

/// Whether a request for an upgrade has all headers of a login. No signature is checked, as
/// elsewhere.
fn has_login(request: &Request) -> bool {
    let names = ["OK-ACCESS-KEY", "OK-ACCESS-SIGN", "OK-ACCESS-TIMESTAMP", "OK-ACCESS-PASSPHRASE"];
    names.iter().all(|name| request.headers().get(*name).is_some_and(|value| !value.is_empty()))
}

/// Answers the upgrade request. An unknown path gets HTTP 404; any path gets the status with which
/// the client is to be refused.
async fn handshake<S: ByteStream>(
    stream: S,
    refused: Option<HttpRefusal>,
    accepts_logins: bool,
) -> Option<(WebSocketStream<S>, Endpoint)> {
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .max_message_size(Some(MAX_REQUEST))
        .max_frame_size(Some(MAX_REQUEST));
    let mut endpoint = None;
    #[expect(clippy::result_large_err, reason = "the signature is that of the library's callback")]
    let route = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        endpoint = Endpoint::from_path(request.uri().path());
        let may_enter = accepts_logins && has_login(request);
        let (status, text) = match refused {
            Some((status, _)) => (StatusCode::from_u16(status).ok(), "not now"),
            None if endpoint == Some(Endpoint::V5Sbe) && !may_enter => {
                (Some(StatusCode::UNAUTHORIZED), NO_KEY)
            }
            None if endpoint.is_some() => return Ok(response),
            None => (Some(StatusCode::NOT_FOUND), "no such path"),
        };
        let mut refusal = ErrorResponse::new(Some(text.to_owned()));
        *refusal.status_mut() = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        if let Some((_, Some(after))) = refused {
            // Whole seconds, and not too few of them.
            let secs = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        Err(refusal)
    };
    match accept_hdr_async_with_config(stream, route, Some(config)).await {
        Ok(socket) => Some((socket, endpoint?)),
        Err(error) => {
            tracing::debug!(%error, "a handshake failed");
            None
        }
    }
}

/// Gives the exchange what the client sends, until it closes. Pings of the WebSocket protocol are
/// answered by the library.
async fn read<S: ByteStream>(shared: &Shared, id: ConnectionId, stream: &mut WsStream<S>) {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => shared.lock().receive(id, text.as_bytes()),
            Ok(Message::Binary(bytes)) => shared.lock().receive(id, &bytes),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a client is gone");
                return;
            }
        }
    }
}

/// Sends what the exchange has for the client, until something stops it.
async fn write<S: ByteStream>(
    shared: &Shared,
    id: ConnectionId,
    waker: &Notify,
    batch: &mut VecDeque<Outbound>,
    sink: &mut WsSink<S>,
) -> Stop {
    loop {
        if batch.is_empty() {
            shared.lock().drain(id, batch);
        }
        if batch.is_empty() {
            waker.notified().await;
            continue;
        }
        match timeout(STUCK, send(batch, sink)).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(stop))) => return stop,
            Ok(Err(_)) => return Stop::Gone,
            Err(_) => {
                tracing::debug!(connection = ?id, "a client reads nothing");
                return Stop::Gone;
            }
        }
    }
}

/// Sends up to [`CHUNK`] messages; what stops the writer after them, if anything.
async fn send<S: ByteStream>(
    batch: &mut VecDeque<Outbound>,
    sink: &mut WsSink<S>,
) -> Result<Option<Stop>, Error> {
    let mut stop = None;
    for _ in 0..CHUNK {
        match batch.pop_front() {
            None => break,
            Some(Outbound::Text(text)) => sink.feed(Message::Text(text)).await?,
            Some(Outbound::Binary(bytes)) => sink.feed(Message::Binary(bytes)).await?,
            Some(Outbound::Close { code, reason }) => {
                sink.feed(close(code, reason)).await?;
                stop = Some(Stop::Closed);
                break;
            }
            Some(Outbound::Fault(fault)) => {
                let Some(frames) = transport_faults::frames(&fault) else {
                    stop = Some(Stop::Fault(fault));
                    break;
                };
                for frame in frames {
                    sink.feed(frame).await?;
                }
            }
        }
    }
    sink.flush().await?;
    Ok(stop)
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}
