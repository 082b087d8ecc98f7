//! Whether the feed's thread is running.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::MonoNanos;
use crate::transport::Clock;

/// The heartbeat of a client's thread, for readers on other threads.
///
/// A book stays `Live` until the feed's thread changes it, and a sink that does not return keeps
/// the thread from doing so. The thread beats before each frame and at least once a second; where
/// each connection has a thread of its own, the one whose last beat is oldest counts. A
/// reader that must not trade on a stopped feed compares [`Heartbeat::age`] with a limit of its
/// own, say three seconds. Reading takes no lock and does not allocate.
#[derive(Clone)]
pub struct Heartbeat {
    clock: Clock,
    last: Arc<LastBeats>,
}

/// How many threads have a place of their own. Those beyond share the last one.
const THREADS: usize = 64;

/// No thread beats there.
const FREE: u64 = u64::MAX;

/// The time of the last beat by thread; [`FREE`] where there is none.
#[derive(Debug)]
struct LastBeats([LastBeat; THREADS]);

/// In a cache line that it shares with no other thread: else a beat would take the line from all of
/// them, before each frame. Processors fetch two lines at a time.
#[derive(Debug)]
#[repr(align(128))]
struct LastBeat(AtomicU64);

/// Where one thread beats, until it is dropped.
#[derive(Debug)]
pub(super) struct Beats {
    last: Arc<LastBeats>,
    at: usize,
}

impl Heartbeat {
    pub(super) fn new(clock: Clock) -> Self {
        let last = LastBeats(std::array::from_fn(|_| LastBeat(AtomicU64::new(FREE))));
        Self { clock, last: Arc::new(last) }
    }

    /// Where one more thread beats; it has beaten now.
    pub(super) fn beats(&self) -> Beats {
        let now = self.clock.mono().0;
        let relaxed = Ordering::Relaxed;
        let take = |last: &LastBeat| last.0.compare_exchange(FREE, now, relaxed, relaxed).is_ok();
        let at = self.last.0.iter().position(take).unwrap_or(THREADS - 1);
        Beats { last: Arc::clone(&self.last), at }
    }

    /// How long ago the last beat was; it grows without end once the client has stopped.
    #[must_use]
    pub fn age(&self) -> Duration {
        let last = self.last.0.iter().map(|last| last.0.load(Ordering::Relaxed)).min();
        let last = last.filter(|last| *last != FREE).unwrap_or_default();
        self.clock.mono().since(MonoNanos(last))
    }
}

impl Beats {
    /// Records that the thread runs at `now`.
    #[inline]
    pub(super) fn beat(&self, now: MonoNanos) {
        if let Some(last) = self.last.0.get(self.at) {
            last.0.store(now.0, Ordering::Relaxed);
        }
    }
}

impl Drop for Beats {
    fn drop(&mut self) {
        // The last thread leaves its last beat: of a client that has stopped the age grows.
        let others = self.last.0.iter().enumerate().filter(|(n, _)| *n != self.at);
        let has_others = others.into_iter().any(|(_, last)| last.0.load(Ordering::Relaxed) != FREE);
        if let Some(last) = self.last.0.get(self.at).filter(|_| has_others) {
            last.0.store(FREE, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat").field("age", &self.age()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_beat_of_a_thread_that_runs_counts() {
        let heartbeat = Heartbeat::new(Clock::start());
        let (first, second) = (heartbeat.beats(), heartbeat.beats());
        let last = || heartbeat.last.0.iter().map(|last| last.0.load(Ordering::Relaxed)).min();
        first.beat(MonoNanos(70));
        second.beat(MonoNanos(50));
        assert_eq!(last(), Some(50));
        second.beat(MonoNanos(90));
        assert_eq!(last(), Some(70));
        // One that has ended is not waited for; the last one's age grows.
        drop(first);
        assert_eq!(last(), Some(90));
        drop(second);
        assert_eq!(last(), Some(90));
        let many: Vec<_> = (0..2 * THREADS).map(|_| heartbeat.beats()).collect();
        many.iter().for_each(|beats| beats.beat(MonoNanos(7)));
        assert_eq!(last(), Some(7));
    }
}
