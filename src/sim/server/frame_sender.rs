//! A server that sends given frames at a given pace and notes when: what benchmarks of the way from
//! a socket to a book receive.
#![expect(clippy::disallowed_methods, reason = "it paces and stamps what it sends")]

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::{ProtocolVersion, ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::{Message, accept};

use crate::model::Subscription;
use crate::sim::exchange::{ExchangeConfig, record_with_reply};
use crate::sim::faults::Outbound;

/// A frame to send: its payload, and whether it is binary.
pub type SentFrame = (Vec<u8>, bool);

/// What is sent, and how fast.
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// The answers to the first message of the client.
    pub answers: Vec<SentFrame>,
    /// The frames, which are repeated in turn.
    pub frames: Vec<SentFrame>,
    /// How many frames are sent.
    pub count: usize,
    /// How many of them are written at once.
    pub burst: usize,
    /// From one write to the next; zero for as fast as the client reads.
    pub every: Duration,
    /// Whether frames that are written at once share records of TLS, as those of a busy server do;
    /// else each has its own.
    pub shares_records: bool,
    /// After how many writes each the server sends a ping and, over TLS 1.3, changes its keys and
    /// has the client do the same; 0 for never.
    pub control_every: usize,
}

impl SendPlan {
    /// What the exchange of `config` sends to a client of one channel: its reply to the
    /// subscription, then `count` frames. Each has a write and a record of TLS of its own, as fast
    /// as the client reads.
    #[must_use]
    pub fn of(config: &ExchangeConfig, subscription: &Subscription, count: usize) -> Self {
        let (reply, pushes) = record_with_reply(config, subscription, count);
        let frames: Vec<_> = pushes.into_iter().filter_map(sent).collect();
        Self {
            answers: reply.into_iter().filter_map(sent).collect(),
            count: frames.len(),
            frames,
            burst: 1,
            every: Duration::ZERO,
            shares_records: false,
            control_every: 0,
        }
    }
}

fn sent(message: Outbound) -> Option<SentFrame> {
    match message {
        Outbound::Text(text) => Some((text.as_bytes().to_vec(), false)),
        Outbound::Binary(body) => Some((body.to_vec(), true)),
        Outbound::Close { .. } | Outbound::Fault(_) => None,
    }
}

/// A server on a thread of its own that serves one client. It holds all that it sends in memory.
#[derive(Debug)]
pub struct FrameSender {
    address: SocketAddr,
    sent: Arc<[AtomicU64]>,
    thread: JoinHandle<io::Result<()>>,
}

impl FrameSender {
    /// Starts the server on a loopback port; with TLS where it has a certificate. Times are
    /// nanoseconds since `start`.
    ///
    /// # Errors
    /// If no port or thread is available.
    pub fn start(
        plan: SendPlan,
        tls: Option<Arc<ServerConfig>>,
        start: Instant,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let sent: Arc<[AtomicU64]> = (0..plan.count).map(|_| AtomicU64::new(0)).collect();
        let noted = Arc::clone(&sent);
        let serve = move || {
            loop {
                let (tcp, _) = listener.accept()?;
                tcp.set_nodelay(true)?;
                let Some(config) = &tls else { return serve(tcp, &plan, &noted, start) };
                let connection = ServerConnection::new(Arc::clone(config));
                let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, tcp);
                stream.conn.set_buffer_limit(None);
                // A client may come again with another version of TLS.
                if stream.conn.complete_io(&mut stream.sock).is_ok() {
                    return serve(stream, &plan, &noted, start);
                }
            }
        };
        let thread = std::thread::Builder::new().name("frame-sender".to_owned()).spawn(serve)?;
        Ok(Self { address, sent, thread })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// When each frame was sent: 0 before that.
    #[must_use]
    pub fn sent(&self) -> Arc<[AtomicU64]> {
        Arc::clone(&self.sent)
    }

    /// Waits for its end: the client has ended the connection.
    ///
    /// # Errors
    /// What the connection failed with before everything was sent.
    pub fn join(self) -> io::Result<()> {
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the sender has panicked")))
    }
}

/// A stream that frames are written to, in one write for several.
trait Wire: io::Read + Write {
    /// Makes `wire` of frames as they go to the socket.
    fn seal(
        &mut self,
        frames: &[&[u8]],
        shares_records: bool,
        wire: &mut Vec<u8>,
    ) -> io::Result<()>;

    /// Changes the keys, where there are any.
    fn update_keys(&mut self) -> io::Result<()>;

    fn tcp(&mut self) -> &mut TcpStream;
}

impl Wire for TcpStream {
    fn seal(&mut self, frames: &[&[u8]], _: bool, wire: &mut Vec<u8>) -> io::Result<()> {
        frames.iter().for_each(|frame| wire.extend_from_slice(frame));
        Ok(())
    }

    fn update_keys(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn tcp(&mut self) -> &mut TcpStream {
        self
    }
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn seal(
        &mut self,
        frames: &[&[u8]],
        shares_records: bool,
        wire: &mut Vec<u8>,
    ) -> io::Result<()> {
        if shares_records {
            self.conn.writer().write_all(&frames.concat())?;
        } else {
            frames.iter().try_for_each(|frame| self.conn.writer().write_all(frame))?;
        }
        while self.conn.wants_write() {
            self.conn.write_tls(wire)?;
        }
        Ok(())
    }

    fn update_keys(&mut self) -> io::Result<()> {
        match self.conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => {
                self.conn.refresh_traffic_keys().map_err(io::Error::other)
            }
            _ => Ok(()),
        }
    }

    fn tcp(&mut self) -> &mut TcpStream {
        &mut self.sock
    }
}

fn serve(stream: impl Wire, plan: &SendPlan, sent: &[AtomicU64], start: Instant) -> io::Result<()> {
    let mut socket = accept(stream).map_err(|error| io::Error::other(error.to_string()))?;
    socket.read().map_err(io::Error::other)?;
    for (payload, is_binary) in &plan.answers {
        let message = match is_binary {
            true => Message::binary(payload.clone()),
            false => Message::text(String::from_utf8_lossy(payload).into_owned()),
        };
        socket.send(message).map_err(io::Error::other)?;
    }
    // Sealed before anything is sent: a sender that seals is slower than a client that opens.
    let writes = seal_all(socket.get_mut(), plan, sent.len())?;
    std::thread::sleep(Duration::from_millis(200));
    let first = Instant::now();
    for (n, (stamps, wire)) in sent.chunks(plan.burst.max(1)).zip(&writes).enumerate() {
        wait_until(first + plan.every.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX)));
        let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        stamps.iter().for_each(|stamp| stamp.store(now, Ordering::Release));
        socket.get_mut().tcp().write_all(wire)?;
    }
    // Until the client closes the connection, or is gone.
    while socket.read().is_ok() {}
    Ok(())
}

/// What each write of a plan of `count` frames takes to the socket.
fn seal_all(stream: &mut impl Wire, plan: &SendPlan, count: usize) -> io::Result<Vec<Vec<u8>>> {
    const PING: &[u8] = b"\x89\x04ping";
    let encoded: Vec<_> = plan.frames.iter().map(encode).collect();
    let frames: Vec<_> = encoded.iter().map(Vec::as_slice).cycle().take(count).collect();
    let mut writes = Vec::new();
    for (n, burst) in frames.chunks(plan.burst.max(1)).enumerate() {
        let mut wire = Vec::new();
        if plan.control_every > 0 && n % plan.control_every == 0 {
            stream.update_keys()?;
            stream.seal(&[&[PING], burst].concat(), plan.shares_records, &mut wire)?;
        } else {
            stream.seal(burst, plan.shares_records, &mut wire)?;
        }
        writes.push(wire);
    }
    Ok(writes)
}

/// Sleeps most of the time and spins the rest.
fn wait_until(due: Instant) {
    const SPIN: Duration = Duration::from_micros(300);
    loop {
        match due.checked_duration_since(Instant::now()) {
            None => return,
            Some(left) if left > SPIN => std::thread::sleep(left - SPIN),
            Some(_) => std::hint::spin_loop(),
        }
    }
}

/// A frame as a server writes it: in one part, not masked.
fn encode((payload, is_binary): &SentFrame) -> Vec<u8> {
    let mut frame = vec![if *is_binary { 0x82 } else { 0x81 }];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < 126 => frame.push(len),
        (_, Ok(len)) => {
            frame.push(126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}
