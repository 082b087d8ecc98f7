//! What a connection sends, and its proper close.

use std::time::Duration;

use super::{ConnectionDriver, MAX_STREAK};
use crate::client::recorder::Noted;
use crate::event::EventSink;
use crate::transport::{Ready, Transport};

/// How long a request may wait for a peer that does not read, at most: it is as good as gone, and
/// meanwhile nothing else is read and no book is marked stale.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a proper close may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Sends the login request, whose text must not be logged.
    pub(super) async fn log_in(&mut self) {
        // Signed with the system's time, which the exchange compares with its own.
        let wall = self.clock.system();
        let dialect = self.config.session.dialect;
        if let Some(credentials) = &self.config.credentials {
            let text = credentials.request(dialect, wall);
            tracing::debug!("logging in");
            self.record(Noted::Sent, self.clock.now().1, || "(withheld: the login request)");
            self.send(text).await;
        }
    }

    pub(super) async fn send(&mut self, text: String) {
        if !self.transport.is_open() {
            return;
        }
        let timeout = self.config.session.ack_timeout.min(SEND_TIMEOUT);
        match tokio::time::timeout(timeout, self.transport.send(text)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.on_disconnected(&error),
            Err(_) => self.on_disconnected(&"the other side does not read"),
        }
    }

    /// Closes the connection properly, within a bound; frames that still come are handled. Returns
    /// whether it came to that.
    pub(super) async fn shutdown(&mut self) -> bool {
        self.shared.lock().leave_connect_queue(self.id);
        if !self.transport.is_open() {
            self.transport.close();
            return false;
        }
        let closing = async {
            self.transport.shutdown().await.ok()?;
            let mut streak = 0;
            loop {
                match self.transport.ready().await {
                    Ready::Frame => self.on_frame(),
                    Ready::PingOrPong => self.session.handle_ping(self.clock.mono()),
                    Ready::Ended(error) => return error.is_none().then_some(()),
                    _ => {}
                }
                streak += 1;
                if streak % MAX_STREAK == 0 {
                    // Else a flood would leave the bound no chance.
                    tokio::task::yield_now().await;
                }
            }
        };
        // The other side may be gone.
        matches!(tokio::time::timeout(CLOSE_TIMEOUT, closing).await, Ok(Some(())))
    }
}
