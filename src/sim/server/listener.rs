//! Accepts connections on a TCP port and runs the exchange by the wall clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::shared::{Shared, over};
use super::{socket, tls};
use crate::model::{MonoNanos, UnixNanos};
use crate::sim::exchange::{Exchange, ExchangeConfig};

/// How often the exchange catches up with the wall clock.
const TICK: Duration = Duration::from_millis(1);
/// How long the connections may take to close when the server ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause after an accept that failed, as it does when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An [`Exchange`] that listens on a TCP port at `/ws/v3`, `/ws/v5/public` and `/ws/v5/business`,
/// and at `/api/` (REST): in plain text, or over TLS after [`Server::with_tls`].
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    ended: watch::Sender<bool>,
}

/// A running [`Server`]. Dropping it leaves the server running until its runtime ends.
#[derive(Debug)]
pub struct ServerHandle {
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    ended: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl Server {
    /// Binds the port and opens the exchange; the wall-clock time of now replaces
    /// [`MarketConfig::start`](crate::sim::MarketConfig::start). Connections wait until the server
    /// runs.
    ///
    /// # Errors
    /// What the operating system says where the address can't be bound.
    #[expect(clippy::disallowed_methods, reason = "the server is where the clocks are read")]
    pub async fn bind(addr: impl ToSocketAddrs, mut config: ExchangeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local_addr = listener.local_addr()?;
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        config.market.start = UnixNanos(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX));
        let shared = Arc::new(Shared::new(Exchange::new(&config), Instant::now()));
        Ok(Self { listener, tls: None, local_addr, shared, ended: watch::Sender::new(false) })
    }

    /// Speaks TLS with a certificate chain and its key in PEM form. Whether clients can trust the
    /// chain is not checked: a test may want one that is expired, or of another host.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where the two can't be read or don't belong together.
    pub fn with_tls(mut self, chain_pem: &[u8], key_pem: &[u8]) -> io::Result<Self> {
        self.tls = Some(tls::acceptor(chain_pem, key_pem)?);
        Ok(self)
    }

    /// Lets it catch up more of the wall clock at once than 100 ms: on a machine that is busy with
    /// something else for a while, but fast enough for the market.
    #[must_use]
    pub fn with_catch_up(self, most: Duration) -> Self {
        self.shared.lock().set_catch_up(most);
        self
    }

    /// The address that is bound, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The exchange, for a server on a thread of its own.
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What ends the server when it is set.
    pub(super) const fn ended(&self) -> &watch::Sender<bool> {
        &self.ended
    }

    /// Serves until the future is dropped.
    pub async fn run(self) {
        let mut ended = self.ended.subscribe();
        let mut clients = JoinSet::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = over(&mut ended) => break,
                _ = ticks.tick() => self.shared.lock().tick(),
                Some(_) = clients.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        tracing::debug!(%peer, "a client connects to the simulated exchange");
                        let shared = Arc::clone(&self.shared);
                        let (tls, ended) = (self.tls.clone(), self.ended.subscribe());
                        clients.spawn(socket::serve(shared, stream, tls, ended));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        let closing = async { while clients.join_next().await.is_some() {} };
        if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::debug!("some clients did not close their connections");
        }
    }

    /// Serves in a task of the current tokio runtime.
    #[must_use]
    pub fn spawn(self) -> ServerHandle {
        ServerHandle {
            local_addr: self.local_addr,
            shared: Arc::clone(&self.shared),
            ended: self.ended.clone(),
            task: tokio::spawn(self.run()),
        }
    }
}

impl ServerHandle {
    /// The address that is bound.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Reads the state of the exchange, which waits until `read` returns.
    pub fn inspect<R>(&self, read: impl FnOnce(&Exchange) -> R) -> R {
        self.shared.inspect(read)
    }

    /// How far the exchange's time has fallen behind the wall clock, on a machine that is too slow.
    #[must_use]
    pub fn behind(&self) -> Duration {
        self.shared.lock().behind()
    }

    /// Changes the exchange at its own time, as with [`Exchange::inject`].
    pub fn intervene<R>(&self, act: impl FnOnce(&mut Exchange, MonoNanos) -> R) -> R {
        self.shared.intervene(act)
    }

    /// Closes all connections with code 1001, and the port, and waits for both.
    pub async fn shutdown(self) {
        self.ended.send_replace(true);
        // A panic of the server's task has been reported by tokio; there is nothing left to end.
        let _ = self.task.await;
    }
}
