//! One client's WebSocket: handshake, reader and writer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::connection::{ConnectionId, Endpoint, Outbound};
use super::server::{self, Shared};

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client's socket may take no byte before the client is given up.
const STUCK: Duration = Duration::from_secs(10);
/// How long a client may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);
/// Messages between two looks at the clock.
const CHUNK: usize = 256;
/// The largest request that is read at all: well above the largest that is allowed.
const MAX_REQUEST: usize = 1 << 20;

type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;
type Stream = SplitStream<WebSocketStream<TcpStream>>;

/// Serves one client to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    mut ended: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket keeps its delay");
    }
    let Ok(Some((socket, endpoint))) = timeout(HANDSHAKE, handshake(stream)).await else { return };
    let (id, waker) = shared.lock().connect(endpoint);
    let (mut sink, mut stream) = socket.split();
    let closed = tokio::select! {
        () = read(&shared, id, &mut stream) => false,
        closed = write(&shared, id, &waker, &mut sink) => closed,
        () = server::over(&mut ended) => {
            let goodbye = close(1001, "The exchange closes");
            matches!(timeout(CLOSING, sink.send(goodbye)).await, Ok(Ok(())))
        }
    };
    shared.lock().disconnect(id);
    if closed {
        // The client's own close frame ends the stream.
        let _ = timeout(CLOSING, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
}

/// Answers the upgrade request; a path that is none of ours gets HTTP 404.
async fn handshake(stream: TcpStream) -> Option<(WebSocketStream<TcpStream>, Endpoint)> {
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .max_message_size(Some(MAX_REQUEST))
        .max_frame_size(Some(MAX_REQUEST));
    let mut endpoint = None;
    #[expect(clippy::result_large_err, reason = "the signature is that of the library's callback")]
    let route = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        endpoint = Endpoint::from_path(request.uri().path());
        if endpoint.is_some() {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("no such path".to_owned()));
        *refusal.status_mut() = StatusCode::NOT_FOUND;
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

/// Passes on what the client sends until it closes. Pings of the WebSocket protocol are answered by
/// the library.
async fn read(shared: &Shared, id: ConnectionId, stream: &mut Stream) {
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

/// Sends what the exchange has for the client. True where the exchange closed the connection, false
/// where the client is gone or takes nothing.
async fn write(shared: &Shared, id: ConnectionId, waker: &Notify, sink: &mut Sink) -> bool {
    let mut batch = VecDeque::new();
    loop {
        shared.lock().drain(id, &mut batch);
        if batch.is_empty() {
            waker.notified().await;
            continue;
        }
        while !batch.is_empty() {
            match timeout(STUCK, send(&mut batch, sink)).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => return true,
                Ok(Err(_)) => return false,
                Err(_) => {
                    tracing::debug!(connection = ?id, "a client takes nothing");
                    return false;
                }
            }
        }
    }
}

/// Sends up to [`CHUNK`] messages; true where the last was a close.
async fn send(batch: &mut VecDeque<Outbound>, sink: &mut Sink) -> Result<bool, Error> {
    for _ in 0..CHUNK {
        let Some(message) = batch.pop_front() else { break };
        let (message, last) = match message {
            Outbound::Text(text) => (Message::Text(text), false),
            Outbound::Binary(bytes) => (Message::Binary(bytes), false),
            Outbound::Close { code, reason } => (close(code, reason), true),
        };
        sink.feed(message).await?;
        if last {
            sink.flush().await?;
            return Ok(true);
        }
    }
    sink.flush().await?;
    Ok(false)
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}
