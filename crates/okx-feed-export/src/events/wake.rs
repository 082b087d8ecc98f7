//! How the receiver of a ring learns that there is something to read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// The shortest time that a runtime's timer waits for.
const SHORTEST: Duration = Duration::from_millis(1);

/// One of the two ends; clones are of the same ring.
#[derive(Clone, Debug)]
pub(super) enum Wake {
    /// The feed's thread wakes the receiver. Where it sleeps, that is a system call, and an
    /// interrupt of another core.
    Notified(Arc<Notify>),
    /// The receiver looks so often, and the feed's thread does nothing.
    Polled(Duration),
}

impl Wake {
    pub(super) fn new(poll: Option<Duration>) -> Self {
        match poll {
            Some(every) => Self::Polled(every.max(SHORTEST)),
            None => Self::Notified(Arc::default()),
        }
    }

    /// Wakes the receiver, where it is to be woken.
    pub(super) fn wake(&self) {
        if let Self::Notified(notify) = self {
            notify.notify_one();
        }
    }

    pub(super) async fn wait(&self) {
        match self {
            Self::Notified(notify) => notify.notified().await,
            Self::Polled(every) => sleep(*every).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};

    #[tokio::test(start_paused = true)]
    async fn a_receiver_is_woken_or_looks_for_itself() {
        let hour = Duration::from_secs(3_600);
        let woken = Wake::new(None);
        assert!(timeout(hour, woken.wait()).await.is_err());
        woken.clone().wake();
        assert!(timeout(Duration::ZERO, woken.wait()).await.is_ok());
        for (every, waited) in [(0, 1), (7, 7)] {
            let polled = Wake::new(Some(Duration::from_millis(every)));
            polled.wake();
            let began = Instant::now();
            polled.wait().await;
            assert_eq!(began.elapsed(), Duration::from_millis(waited));
        }
    }
}
