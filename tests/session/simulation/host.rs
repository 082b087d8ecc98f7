//! The machine that the clients run on: its clocks, and whether it runs.

use std::time::Duration;

use okx_feed::{MonoNanos, UnixNanos};

/// The wall clock at the start of the exchange.
const START: u64 = 1_790_380_800_000_000_000;

/// How often the clients compare their wall clock with the system's.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// A time by the clocks of a machine with correct clocks.
pub(crate) fn moment(now: MonoNanos) -> (MonoNanos, UnixNanos) {
    (now, UnixNanos(START + now.0))
}

/// The clocks of the machine. The exchange's time is the true one.
#[derive(Debug)]
pub(crate) struct Host {
    /// The end of a stop.
    stopped_until: MonoNanos,
    /// The time that the monotonic clock did not count.
    slept: Duration,
    /// How far the system's wall clock is ahead of the true time, in nanoseconds.
    skew: i64,
    was_set_back: bool,
    /// The system's wall clock at the monotonic time 0, as of the clients' last comparison, and the
    /// lead of theirs. Theirs follows a step forward at once, and runs at half speed after a step
    /// back.
    wall_at_start: u64,
    followed: MonoNanos,
    ahead: u64,
}

impl Host {
    pub(crate) const fn new() -> Self {
        let (stopped_until, followed) = (MonoNanos::ZERO, MonoNanos::ZERO);
        Self {
            stopped_until,
            slept: Duration::ZERO,
            skew: 0,
            was_set_back: false,
            wall_at_start: START,
            followed,
            ahead: 0,
        }
    }

    /// The monotonic time of the machine.
    pub(crate) fn mono(&self, now: MonoNanos) -> MonoNanos {
        MonoNanos(now.0.saturating_sub(nanos(self.slept)))
    }

    /// The true time at which the machine's monotonic clock shows `mono`.
    pub(crate) fn when(&self, mono: MonoNanos) -> MonoNanos {
        MonoNanos(mono.0.saturating_add(nanos(self.slept)))
    }

    /// The clients' wall clock.
    pub(crate) fn wall(&self, now: MonoNanos) -> UnixNanos {
        let mono = self.mono(now);
        let ahead = self.ahead.saturating_sub(nanos(mono.since(self.followed)) / 2);
        UnixNanos(self.wall_at_start + mono.0 + ahead)
    }

    /// The end of a stop; `None` if it runs.
    pub(crate) fn stopped_until(&self, now: MonoNanos) -> Option<MonoNanos> {
        (self.stopped_until > now).then_some(self.stopped_until)
    }

    /// Compares the wall clock with the system's if that is due.
    pub(crate) fn follow(&mut self, now: MonoNanos) {
        let mono = self.mono(now);
        if mono.since(self.followed) < FOLLOW_EVERY {
            return;
        }
        let system = (START + now.0).saturating_add_signed(self.skew);
        self.ahead = self.wall(now).0.saturating_sub(system);
        (self.wall_at_start, self.followed) = (system - mono.0, mono);
    }

    /// The system's wall clock is set.
    pub(crate) const fn step(&mut self, by: i64) {
        self.skew += by;
        self.was_set_back |= by < 0;
    }

    /// Whether the wall clock was ever set back.
    pub(crate) const fn was_set_back(&self) -> bool {
        self.was_set_back
    }

    /// The process stops; its monotonic clock goes on, as after `SIGSTOP`.
    pub(crate) fn stop(&mut self, span: Duration, now: MonoNanos) {
        self.stopped_until = now + span;
    }

    /// The machine sleeps, and its monotonic clock with it.
    pub(crate) fn sleep(&mut self, span: Duration, now: MonoNanos) {
        self.stop(span, now);
        self.slept += span;
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap()
}
