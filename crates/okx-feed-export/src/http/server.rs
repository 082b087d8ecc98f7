//! The server and its thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

use super::connection::{in_time, serve};

/// The most connections at a time; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 64;

/// How long to wait where no connection can be taken, such as without a free file descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// An HTTP server on a thread of its own. Dropping it stops it.
///
/// A connection ends where its client takes longer than 10 s to send the head of a request or to
/// take an answer, and a head has at most 16 KiB: no client keeps others out for long.
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
        let run = move || {
            runtime.block_on(async move {
                // Streams never end by themselves: what is open is dropped.
                tokio::select! {
                    () = accept(listener, make) => {}
                    _ = stopped => {}
                }
            });
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

/// Takes connections, each in a task of its own.
async fn accept(listener: TcpListener, make: impl FnOnce() -> Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the HTTP server can't listen"),
    };
    let routes = in_time(make());
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // It is never closed.
        let permit = Arc::clone(&permits).acquire_owned().await.ok();
        let stream = next(&listener).await;
        // Small messages must not wait for each other.
        let _ = stream.set_nodelay(true);
        let served = serve(stream, routes.clone());
        drop(tokio::spawn(async move {
            served.await;
            drop(permit);
        }));
    }
}

async fn next(listener: &tokio::net::TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
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
