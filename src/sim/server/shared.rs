//! What the tasks of a server share: the exchange, its clock and who waits for its messages.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::model::MonoNanos;
use crate::sim::exchange::{ConnectionId, Endpoint, Exchange};
use crate::sim::faults::{Admission, Outbound};

/// The most that it catches up at once unless said; beyond it, exchange time falls behind the wall
/// clock.
const MAX_CATCH_UP: Duration = Duration::from_millis(100);

/// What the server's tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
}

impl Shared {
    /// `start` is the wall clock's time at the exchange's time zero.
    pub(super) fn new(exchange: Exchange, start: Instant) -> Self {
        let (wakers, behind) = (HashMap::new(), Duration::ZERO);
        let catch_up = MAX_CATCH_UP;
        Self { state: Mutex::new(State { exchange, wakers, start, behind, catch_up }) }
    }

    /// Changes the exchange at its own time, and wakes whoever then has something to send.
    pub(super) fn intervene<R>(&self, act: impl FnOnce(&mut Exchange, MonoNanos) -> R) -> R {
        let mut state = self.lock();
        let now = state.now();
        let result = act(&mut state.exchange, now);
        state.wake();
        result
    }

    /// Reads the state of the exchange, which waits meanwhile.
    pub(super) fn inspect<R>(&self, read: impl FnOnce(&Exchange) -> R) -> R {
        read(&self.lock().exchange)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere can't leave half a book: the exchange is changed in whole steps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exchange, its clock and who waits for its messages.
#[derive(Debug)]
pub(crate) struct State {
    exchange: Exchange,
    wakers: HashMap<ConnectionId, Arc<Notify>>,
    start: Instant,
    /// How far exchange time is behind the wall clock.
    behind: Duration,
    /// The most that it catches up at once.
    catch_up: Duration,
}

impl State {
    /// Decides about an attempt to connect.
    pub(crate) fn admit(&mut self) -> Admission {
        let now = self.now();
        self.exchange.admit(now)
    }

    pub(super) const fn set_catch_up(&mut self, catch_up: Duration) {
        self.catch_up = catch_up;
    }

    /// How far exchange time is behind the wall clock.
    pub(super) const fn behind(&self) -> Duration {
        self.behind
    }

    /// Opens a connection and gives what wakes its writer.
    pub(crate) fn connect(&mut self, endpoint: Endpoint) -> (ConnectionId, Arc<Notify>) {
        let now = self.now();
        let id = self.exchange.connect(endpoint, now);
        let waker = Arc::new(Notify::new());
        self.wakers.insert(id, Arc::clone(&waker));
        self.wake();
        (id, waker)
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        self.exchange.disconnect(id);
        self.wakers.remove(&id);
    }

    pub(crate) fn receive(&mut self, id: ConnectionId, message: &[u8]) {
        let now = self.now();
        self.exchange.receive(id, message, now);
        self.wake();
    }

    pub(crate) fn drain(&mut self, id: ConnectionId, empty: &mut VecDeque<Outbound>) {
        self.exchange.drain(id, empty);
    }

    /// Brings the exchange to the time of now.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.exchange.advance(now);
        self.wake();
    }

    fn wake(&mut self) {
        while let Some(id) = self.exchange.poll_ready() {
            if let Some(waker) = self.wakers.get(&id) {
                waker.notify_one();
            }
        }
    }

    /// Exchange time. Where the machine is too slow for the chosen rate, time slows down instead of
    /// piling up events without end.
    fn now(&mut self) -> MonoNanos {
        let elapsed = MonoNanos::ZERO + self.start.elapsed().saturating_sub(self.behind);
        let latest = self.exchange.now() + self.catch_up;
        if elapsed > latest {
            let lost = elapsed.since(latest);
            if self.behind.is_zero() {
                tracing::warn!(?lost, "the simulated exchange falls behind the wall clock");
            }
            self.behind += lost;
        }
        elapsed.min(latest)
    }
}

/// Waits for the server's end.
pub(crate) async fn over(ended: &mut watch::Receiver<bool>) {
    // An error means that the server itself is gone, which is an end too.
    let _ = ended.wait_for(|ended| *ended).await;
}
