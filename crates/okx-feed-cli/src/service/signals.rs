//! The signals of a service: to end it, and to read its file again.

use std::io;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    End,
    Reload,
}

/// The signals, installed before anything is started.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    end: [tokio::signal::unix::Signal; 2],
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Installs the handlers. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the operating system refuses.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let end = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        Ok(Self { end, hangup: signal(SignalKind::hangup())? })
    }

    /// Installs nothing: Ctrl-C is waited for.
    #[cfg(not(unix))]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for a signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Asked {
        let [interrupt, terminate] = &mut self.end;
        tokio::select! {
            _ = interrupt.recv() => Asked::End,
            _ = terminate.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Asked {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Asked::End
    }
}
