//! An open connection that is read directly: one buffer from the socket to the frame.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::frames::{Incoming, Outgoing, write_frame};
use super::inbound::{Inbound, InboundError};
use super::reader::StampReader;
use crate::model::UnixNanos;
use crate::transport::clock::Clock;
use crate::transport::interface::{Buffered, CloseReason, Ready, Received};
use crate::wire::Frame;

/// How long a proper close in the background may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the sockets of a thread are read in a row, all together, before its other work gets a
/// turn: timers, commands, connections that are being opened.
const SPINS: usize = 32;

/// Whether a read that leaves room has taken all that is there, so that the runtime reports what
/// comes later and no further read has to find nothing: as tokio's own reads have it.
const IS_EDGE_TRIGGERED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How many bytes may wait to be sent before pings go unanswered: the other side does not read.
const MAX_PENDING: usize = 64 << 10;

/// The oldest stamp of the kernel that is believable: an older one shows a step of the clock.
const MAX_IN_KERNEL: Duration = Duration::from_secs(10);

/// How the sockets of a client are read.
#[derive(Clone, Debug)]
pub(crate) struct DirectOptions {
    /// Whether the thread busy-polls.
    pub(crate) busy_poll: bool,
    /// Whether the kernel's receive stamps are wanted.
    pub(crate) kernel_stamps: bool,
    /// The longest message, in bytes.
    pub(crate) max_len: usize,
    pub(crate) clock: Clock,
    /// How many sockets are open on the thread.
    pub(crate) open: Arc<AtomicUsize>,
}

/// A WebSocket whose bytes are read into one buffer and handled there.
#[derive(Debug)]
pub(crate) struct DirectSocket {
    tcp: TcpStream,
    reader: StampReader,
    inbound: Inbound,
    /// The frame that came last: whether it is text, and where it lies.
    frame: (bool, Range<usize>),
    received: Received,
    /// What is to be sent, as it goes on the wire.
    pending: Vec<u8>,
    /// A frame before it is sealed.
    unsealed: Vec<u8>,
    random: SystemRandom,
    /// Whether a close frame has come, and its code.
    close_received: Option<Option<u16>>,
    is_close_sent: bool,
    options: DirectOptions,
}

impl DirectSocket {
    pub(super) fn new(tcp: TcpStream, inbound: Inbound, options: DirectOptions) -> Self {
        options.open.fetch_add(1, Ordering::Relaxed);
        Self {
            reader: StampReader::new(&tcp, options.kernel_stamps),
            tcp,
            inbound,
            frame: (true, 0..0),
            received: Received::now(&options.clock),
            pending: Vec::with_capacity(2 * MAX_PENDING),
            unsealed: Vec::with_capacity(MAX_PENDING),
            random: SystemRandom::new(),
            close_received: None,
            is_close_sent: false,
            options,
        }
    }

    /// The next event of the connection.
    pub(super) async fn ready(&mut self) -> Ready {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// What the last read has given besides.
    #[inline]
    pub(in crate::transport) fn buffered(&mut self) -> Buffered {
        match self.next() {
            Some(ready) => Buffered::Ready(ready),
            None => Buffered::Drained,
        }
    }

    /// Keeps what a frame needs before it is decoded in the caches.
    pub(in crate::transport) fn warm_caches(&mut self) {
        self.inbound.warm_caches();
    }

    #[inline]
    pub(in crate::transport) fn frame(&self) -> Frame<'_> {
        let (is_text, range) = &self.frame;
        let bytes = self.inbound.bytes(range.clone());
        if *is_text { Frame::Text(bytes) } else { Frame::Binary(bytes) }
    }

    /// The time of the read that gave the frame.
    #[inline]
    pub(in crate::transport) const fn received(&self) -> Option<Received> {
        Some(self.received)
    }

    pub(in crate::transport) async fn send(&mut self, text: String) -> io::Result<()> {
        if self.is_close_sent {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.write(Outgoing::Text, text.as_bytes())?;
        self.flush().await
    }

    /// Sends a binary message: the Autobahn suite has it echoed.
    #[cfg(test)]
    pub(super) async fn send_binary(&mut self, body: &[u8]) -> io::Result<()> {
        self.write(Outgoing::Binary, body)?;
        self.flush().await
    }

    /// Ends the connection with a code.
    #[cfg(test)]
    pub(super) async fn fail(&mut self, code: u16) -> io::Result<()> {
        self.write_close(Some(code))?;
        self.flush().await
    }

    /// Sends a close frame, or answers the one that came.
    pub(in crate::transport) async fn shutdown(&mut self) -> io::Result<()> {
        self.write_close(self.close_received.flatten())?;
        self.flush().await
    }

    /// Closes the connection properly, within a bound.
    pub(in crate::transport) async fn close(mut self) {
        let closing = async {
            self.shutdown().await?;
            let mut streak = 0_usize;
            while !matches!(self.ready().await, Ready::Ended(_)) {
                streak += 1;
                if streak.is_multiple_of(SPINS) {
                    // Else a flood would leave the bound no chance.
                    tokio::task::yield_now().await;
                }
            }
            Ok::<(), io::Error>(())
        };
        // The other side may be gone.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }

    /// The next event of the connection.
    #[inline]
    pub(in crate::transport) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        loop {
            if let Some(ready) = self.next() {
                return Poll::Ready(ready);
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) => return Poll::Ready(Ready::Ended(self.end())),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Ready::Ended(Some(error))),
            }
        }
    }

    /// The next event of what was read; `None` where more bytes are needed first.
    #[inline]
    fn next(&mut self) -> Option<Ready> {
        if self.inbound.is_exhausted() {
            return None;
        }
        if self.close_received.is_some() {
            // What follows a close frame is not read (RFC 6455, section 5.5.1).
            self.inbound.discard();
            return None;
        }
        match self.inbound.next(&mut self.pending) {
            Ok(Some(Incoming::Text(range))) => self.frame = (true, range),
            Ok(Some(Incoming::Binary(range))) => self.frame = (false, range),
            Ok(None) if self.inbound.is_closed() => return Some(Ready::Ended(self.end())),
            Ok(None) => return None,
            Ok(Some(control)) => return Some(self.control(control)),
            Err(error) => return Some(self.refuse(error)),
        }
        Some(Ready::Frame)
    }

    #[cold]
    fn control(&mut self, control: Incoming) -> Ready {
        match control {
            Incoming::Ping(range) => {
                if self.pending.len() < MAX_PENDING && !self.is_close_sent {
                    self.unsealed.clear();
                    let mask = self.mask();
                    let payload = self.inbound.bytes(range);
                    if let Ok(mask) = mask {
                        write_frame(&mut self.unsealed, Outgoing::Pong, payload, mask);
                        // What can't be sealed now can't be later: the next send says so.
                        let _ = self.seal();
                        self.try_flush();
                    }
                }
                Ready::PingOrPong
            }
            Incoming::Close(code, range) => {
                let text = String::from_utf8_lossy(self.inbound.bytes(range)).into_owned();
                self.close_received = Some(code);
                Ready::CloseRequested(CloseReason { code, text })
            }
            Incoming::Pong(_) | Incoming::Text(_) | Incoming::Binary(_) => Ready::PingOrPong,
        }
    }

    /// Ends a connection whose other side breaks the protocol, and says why.
    #[cold]
    fn refuse(&mut self, error: InboundError) -> Ready {
        // The connection is given up whether or not that can be sent.
        let _ = match error {
            InboundError::Frame(error) => self.write_close(Some(error.close_code())),
            InboundError::Record(error) => match (error.alert(), self.inbound.records_mut()) {
                (Some(alert), Some(records)) => {
                    records.seal_alert(alert, &mut self.pending).map_err(io::Error::other)
                }
                _ => Ok(()),
            },
        };
        self.try_flush();
        Ready::Ended(Some(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    /// The error with which a connection ends that ends now; `None` after a close frame.
    #[cold]
    fn end(&self) -> Option<io::Error> {
        let error = || io::Error::new(io::ErrorKind::UnexpectedEof, "ended without a close frame");
        self.close_received.is_none().then(error)
    }

    /// Reads what is there. Before it waits, it has flushed what is to be sent.
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.options.busy_poll {
            let open = self.options.open.load(Ordering::Relaxed).max(1);
            for _ in 0..(SPINS / open).max(1) {
                match self.read() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
            }
        }
        if !self.pending.is_empty() {
            self.poll_flush(cx)?;
        }
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            let Self { tcp, reader, inbound, .. } = self;
            let room = inbound.room();
            let mut partial = None;
            let read = tcp.try_io(Interest::READABLE, || {
                let len = room.len();
                let read = reader.read(tcp, room)?;
                if IS_EDGE_TRIGGERED && (1..len).contains(&read.0) {
                    partial = Some(read);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(read)
            });
            match (partial, read) {
                (Some((len, stamp)), _) | (None, Ok((len, stamp))) => {
                    return Poll::Ready(Ok(self.note(len, stamp)));
                }
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }

    #[inline]
    fn read(&mut self) -> io::Result<usize> {
        let (len, stamp) = self.reader.read(&self.tcp, self.inbound.room())?;
        Ok(self.note(len, stamp))
    }

    /// Queues what was read, with its time.
    #[inline]
    fn note(&mut self, len: usize, stamp: Option<UnixNanos>) -> usize {
        let Received { mono, wall, .. } = Received::now(&self.options.clock);
        let in_kernel = stamp.and_then(|at| self.options.clock.since_system(mono, at));
        let in_kernel = in_kernel.filter(|age| *age <= MAX_IN_KERNEL);
        let age = in_kernel.map_or(0, |age| u64::try_from(age.as_nanos()).unwrap_or_default());
        self.received = Received { mono, wall: UnixNanos(wall.0.saturating_sub(age)), in_kernel };
        self.inbound.received(len);
        len
    }

    fn write_close(&mut self, code: Option<u16>) -> io::Result<()> {
        if self.is_close_sent {
            return Ok(());
        }
        let code = code.map(u16::to_be_bytes);
        self.write(Outgoing::Close, code.as_ref().map_or(&[], |code| code.as_slice()))?;
        self.is_close_sent = true;
        Ok(())
    }

    fn write(&mut self, kind: Outgoing, payload: &[u8]) -> io::Result<()> {
        let mask = self.mask()?;
        self.unsealed.clear();
        write_frame(&mut self.unsealed, kind, payload, mask);
        self.seal()
    }

    /// Appends the unsealed frame to what is to be sent.
    fn seal(&mut self) -> io::Result<()> {
        match self.inbound.records_mut() {
            Some(records) => {
                records.seal(&self.unsealed, &mut self.pending).map_err(io::Error::other)
            }
            None => {
                self.pending.extend_from_slice(&self.unsealed);
                Ok(())
            }
        }
    }

    fn mask(&self) -> io::Result<[u8; 4]> {
        let mut mask = [0; 4];
        let filled = self.random.fill(&mut mask);
        filled.map_err(|_| io::Error::other("the system gives no random numbers"))?;
        Ok(mask)
    }

    /// Sends what can be sent without waiting. An error shows with the next read as well.
    fn try_flush(&mut self) {
        while !self.pending.is_empty() {
            match self.tcp.try_write(&self.pending) {
                Ok(len) => drop(self.pending.drain(..len)),
                Err(_) => return,
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.tcp.poll_write_ready(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(ready) => ready?,
            }
            match self.tcp.try_write(&self.pending) {
                Ok(len) => drop(self.pending.drain(..len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            self.tcp.writable().await?;
            match self.tcp.try_write(&self.pending) {
                Ok(len) => drop(self.pending.drain(..len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for DirectSocket {
    fn drop(&mut self) {
        self.options.open.fetch_sub(1, Ordering::Relaxed);
    }
}
