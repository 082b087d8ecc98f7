//! The exchange on a thread of its own, for callers that have no runtime.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};

use tokio::net::ToSocketAddrs;
use tokio::sync::watch;

use super::listener::Server;
use super::shared::Shared;
use crate::sim::exchange::{Endpoint, Exchange, ExchangeConfig};

/// A [`Server`] that runs on a thread of its own. Dropping it closes its connections and
/// the port, which takes at most a second.
///
/// # Example
/// ```
/// use okx_feed::sim::{Endpoint, ExchangeConfig, ServerThread};
///
/// let exchange = ServerThread::start("127.0.0.1:0", ExchangeConfig::default())?;
/// assert!(exchange.url(Endpoint::V3).starts_with("ws://127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ServerThread {
    local_addr: SocketAddr,
    scheme: &'static str,
    ended: watch::Sender<bool>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    /// Binds the port, as [`Server::bind`] does, and serves.
    ///
    /// # Errors
    /// What the operating system says where the address can't be bound or the thread not started.
    pub fn start(
        addr: impl ToSocketAddrs + Send + 'static,
        config: ExchangeConfig,
    ) -> io::Result<Self> {
        Self::start_with(addr, config, None)
    }

    /// As [`ServerThread::start`], but speaks TLS, as [`Server::with_tls`] does.
    ///
    /// # Errors
    /// As [`ServerThread::start`], and [`io::ErrorKind::InvalidInput`] for certificate and key.
    pub fn start_tls(
        addr: impl ToSocketAddrs + Send + 'static,
        config: ExchangeConfig,
        chain_pem: String,
        key_pem: String,
    ) -> io::Result<Self> {
        Self::start_with(addr, config, Some((chain_pem, key_pem)))
    }

    fn start_with(
        addr: impl ToSocketAddrs + Send + 'static,
        config: ExchangeConfig,
        pem: Option<(String, String)>,
    ) -> io::Result<Self> {
        let scheme = if pem.is_some() { "wss" } else { "ws" };
        let (sender, receiver) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = async move {
            let bound = Server::bind(addr, config).await;
            let server = bound.and_then(|server| match &pem {
                Some((chain, key)) => server.with_tls(chain.as_bytes(), key.as_bytes()),
                None => Ok(server),
            });
            match server {
                Ok(server) => {
                    // Whoever starts us waits for this answer.
                    let shared = Arc::clone(server.shared());
                    let _ = sender.send(Ok((server.local_addr(), server.ended().clone(), shared)));
                    server.run().await;
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            }
        };
        let thread =
            Builder::new().name("okx-sim".to_owned()).spawn(move || runtime.block_on(serve))?;
        let (local_addr, ended, shared) = receiver.recv().map_err(io::Error::other)??;
        Ok(Self { local_addr, scheme, ended, shared, thread: Some(thread) })
    }

    /// The address that is bound, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Reads the state of the exchange, which waits meanwhile.
    pub fn inspect<R>(&self, read: impl FnOnce(&Exchange) -> R) -> R {
        self.shared.inspect(read)
    }

    /// The address of the REST interface, on the same port as the WebSockets.
    #[must_use]
    pub fn rest_url(&self) -> String {
        let scheme = if self.scheme == "wss" { "https" } else { "http" };
        format!("{scheme}://{}", self.local_addr)
    }

    /// The URL of an endpoint.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> String {
        format!("{}://{}{}", self.scheme, self.local_addr, endpoint.path())
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        self.ended.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the simulated exchange has panicked");
        }
    }
}
