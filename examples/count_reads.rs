//! The cost of reading one frame of a WebSocket, by the size of its read buffer.
//!
//! `cargo run --release --example count_reads -- BUFFER [FRAME]`, both in bytes, prints nanoseconds
//! a frame. Each read of the socket gives one frame, as in a feed that its client keeps up with.
//! For the instructions run it under callgrind with `--toggle-collect=count_reads::measured`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Frames that are read.
const FRAMES: usize = 50_000;

/// A `books5` frame of v5 is about as long.
const FRAME: usize = 420;

/// A server that has always sent exactly one more frame.
struct Frames {
    frame: Vec<u8>,
    sent: usize,
}

impl Frames {
    fn new(len: usize) -> Self {
        // A text frame, unmasked, as servers send them.
        let mut frame = vec![0x81];
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len @ 0..126), _) => frame.push(len),
            (_, Ok(len)) => frame.extend([&[126], len.to_be_bytes().as_slice()].concat()),
            _ => frame.extend([&[127], (len as u64).to_be_bytes().as_slice()].concat()),
        }
        frame.resize(frame.len() + len, b'x');
        Self { frame, sent: 0 }
    }
}

impl AsyncRead for Frames {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.frame.get(self.sent..).unwrap_or_default();
        let len = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..len).unwrap_or_default());
        self.sent = (self.sent + len) % self.frame.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Frames {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Reads the frames. The preparation is not counted.
#[inline(never)]
fn measured(
    runtime: &tokio::runtime::Runtime,
    socket: &mut WebSocketStream<Frames>,
) -> Result<usize, Box<dyn Error>> {
    runtime.block_on(async {
        let mut bytes = 0;
        for _ in 0..FRAMES {
            bytes += socket.next().await.ok_or("the frames have ended")??.len();
        }
        Ok(bytes)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let buffer = args.next().ok_or("give the size of the read buffer")?.parse()?;
    let len = args.next().map_or(Ok(FRAME), |len| len.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let config = WebSocketConfig::default().read_buffer_size(buffer);
    let frames = Frames::new(len);
    let open = WebSocketStream::from_raw_socket(frames, Role::Client, Some(config));
    let mut socket = runtime.block_on(open);
    let start = Instant::now();
    let bytes = measured(&runtime, &mut socket)?;
    let nanos = start.elapsed().as_nanos() / FRAMES as u128;
    println!("{nanos} ns a frame of {} bytes, read buffer {buffer}", bytes / FRAMES);
    Ok(())
}
