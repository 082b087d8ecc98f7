//! A connection with TLS until it is a WebSocket: a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::inbound::Inbound;

/// The content of records, to read and to write.
#[derive(Debug)]
pub(super) struct Upgrading<'a> {
    pub(super) tcp: &'a mut TcpStream,
    pub(super) inbound: &'a mut Inbound,
    /// Records that are to be sent.
    out: Vec<u8>,
}

impl<'a> Upgrading<'a> {
    pub(super) const fn new(tcp: &'a mut TcpStream, inbound: &'a mut Inbound) -> Self {
        Self { tcp, inbound, out: Vec::new() }
    }
}

impl AsyncRead for Upgrading<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { tcp, inbound, out } = &mut *self;
        loop {
            if let Some(content) = inbound.content(buf.remaining(), out).map_err(invalid)? {
                buf.put_slice(content);
                return Poll::Ready(Ok(()));
            }
            if inbound.is_closed() {
                return Poll::Ready(Ok(()));
            }
            let mut room = ReadBuf::new(inbound.room());
            ready!(Pin::new(&mut **tcp).poll_read(cx, &mut room))?;
            match room.filled().len() {
                0 => return Poll::Ready(Ok(())),
                len => inbound.received(len),
            }
        }
    }
}

impl AsyncWrite for Upgrading<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { inbound, out, .. } = &mut *self;
        match inbound.records_mut() {
            Some(records) => records.seal(buf, out).map_err(invalid)?,
            None => out.extend_from_slice(buf),
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { tcp, out, .. } = &mut *self;
        while !out.is_empty() {
            let len = ready!(Pin::new(&mut **tcp).poll_write(cx, out))?;
            out.drain(..len);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
