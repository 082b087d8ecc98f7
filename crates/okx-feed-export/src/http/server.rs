//! The server and its thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use axum::Router;
use tokio::sync::oneshot;

use super::listener::BoundedListener;

/// The most connections at a time.
const MAX_CONNECTIONS: usize = 64;

/// An HTTP server on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct HttpServer {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Listens on `addr` and serves what `make` gives; `make` is called on the server's thread,
    /// inside its runtime.
    ///
    /// # Errors
    /// Where the address can't be listened on, or there is no thread.
    pub(crate) fn start(
        name: &str,
        addr: SocketAddr,
        make: impl FnOnce() -> Router + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => BoundedListener::new(listener, MAX_CONNECTIONS),
                Err(error) => return tracing::error!(%error, "the HTTP server can't listen"),
            };
            let served = axum::serve(listener, make()).into_future();
            // Streams never end by themselves: what is open is dropped.
            tokio::select! {
                _ = served => {}
                _ = stopped => {}
            }
        };
        let run = move || {
            runtime.block_on(serve);
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { addr, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that it listens on, with the port that the system has chosen for port 0.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its thread.
            let _ = thread.join();
        }
    }
}
