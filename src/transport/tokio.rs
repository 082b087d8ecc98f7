//! An open connection over tokio and tokio-tungstenite.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::ProtocolVersion;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::interface::{CloseReason, Ready, Received};
use super::stamped::StampedStream;
use crate::wire::Frame;

/// How long a proper close in the background may take.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many messages are read in a row before other tasks get a turn.
const MAX_STREAK: u32 = 64;

/// A WebSocket whose frames tungstenite reads.
#[derive(Debug)]
pub(crate) struct TokioSocket {
    stream: WebSocketStream<MaybeTlsStream<StampedStream>>,
    /// The message that came last. It is given back before the next is read: as long as it lives,
    /// the read buffer can't be used again.
    message: Option<Message>,
}

impl TokioSocket {
    pub(super) const fn new(stream: WebSocketStream<MaybeTlsStream<StampedStream>>) -> Self {
        Self { stream, message: None }
    }

    #[inline]
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        self.message = None;
        Poll::Ready(match ready!(self.stream.poll_next_unpin(cx)) {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                self.message = Some(message);
                Ready::Frame
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map(|frame| CloseReason {
                    code: Some(frame.code.into()),
                    text: frame.reason.to_string(),
                });
                Ready::CloseRequested(reason.unwrap_or_default())
            }
            // tungstenite answers pings itself, with the next write or read.
            Some(Ok(_)) => Ready::PingOrPong,
            Some(Err(error)) => Ready::Ended(Some(io_error(error))),
            None => Ready::Ended(None),
        })
    }

    #[inline]
    pub(super) fn frame(&self) -> Frame<'_> {
        match &self.message {
            Some(Message::Text(text)) => Frame::Text(text.as_bytes()),
            Some(Message::Binary(body)) => Frame::Binary(body),
            _ => Frame::Text(&[]),
        }
    }

    /// Whether it has a version of TLS before 1.3.
    pub(super) fn has_old_tls(&self) -> bool {
        match self.stream.get_ref() {
            MaybeTlsStream::Rustls(tls) => {
                tls.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3)
            }
            _ => false,
        }
    }

    /// The time of the read that gave the last bytes.
    #[inline]
    pub(super) fn received(&self) -> Option<Received> {
        match self.stream.get_ref() {
            MaybeTlsStream::Plain(tcp) => Some(tcp.received()),
            MaybeTlsStream::Rustls(tls) => Some(tls.get_ref().0.received()),
            _ => None,
        }
    }

    pub(super) async fn send(&mut self, text: String) -> io::Result<()> {
        self.stream.send(Message::text(text)).await.map_err(io_error)
    }

    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        // The method of the stream itself sends nothing where the other side has closed first.
        SinkExt::close(&mut self.stream).await.map_err(io_error)
    }

    /// Closes the connection properly, within a bound.
    pub(super) async fn close(mut self) {
        let closing = async {
            SinkExt::close(&mut self.stream).await?;
            let mut streak = 0;
            while self.stream.next().await.transpose()?.is_some() {
                streak += 1;
                if streak % MAX_STREAK == 0 {
                    // Else a flood would leave the bound no chance.
                    tokio::task::yield_now().await;
                }
            }
            Ok::<(), WsError>(())
        };
        // The other side may be gone.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }
}

fn io_error(error: WsError) -> io::Error {
    match error {
        WsError::Io(error) => error,
        other => io::Error::other(other),
    }
}
