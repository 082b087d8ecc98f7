//! The clocks of this machine, read once per frame.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the client that reads a clock"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{MonoNanos, UnixNanos};

/// How far two readings may be apart that count as one moment.
const SAME_MOMENT: Duration = Duration::from_micros(5);

/// A monotonic clock, and a wall clock that is driven by it and so never runs backwards.
///
/// One reading of the monotonic clock gives both. The wall clock follows the system's:
/// [`Clock::follow`] takes a step forward at once, and after a step back lets the wall clock run at
/// half its speed until both agree. Clones share one wall clock. Durations are measured by the
/// monotonic clock alone.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    wall: Arc<Wall>,
}

/// The wall clock that the clones of a [`Clock`] share.
///
/// Only the client's thread compares it with the system's. A reader on another thread may see a
/// time between the two just then.
#[derive(Debug, Default)]
struct Wall {
    /// The time of the system's clock at the start, in nanoseconds since 1970.
    at_start: AtomicU64,
    /// The same without `set_by`: what the kernel's stamps are to be compared with.
    system_at_start: AtomicU64,
    /// The monotonic time at which it was compared with the system's last.
    followed: AtomicU64,
    /// How far it was ahead of the system's then. Half of the time that passes is given back.
    ahead: AtomicU64,
    /// The offset of the system's clock for tests, in nanoseconds; else 0.
    set_by: AtomicI64,
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start() -> Self {
        let (start, system) = (Instant::now(), system().0);
        let at_start = || AtomicU64::new(system);
        let wall = Wall { at_start: at_start(), system_at_start: at_start(), ..Wall::default() };
        Self { start, wall: Arc::new(wall) }
    }

    /// The monotonic time since the start.
    #[inline]
    #[must_use]
    pub fn mono(&self) -> MonoNanos {
        MonoNanos::ZERO + self.start.elapsed()
    }

    /// The monotonic time, and the wall-clock time of the same moment.
    #[inline]
    #[must_use]
    pub fn now(&self) -> (MonoNanos, UnixNanos) {
        let mono = self.mono();
        (mono, self.wall_at(mono))
    }

    /// The system's own time now, which a signature needs.
    #[must_use]
    pub fn system(&self) -> UnixNanos {
        UnixNanos(system().0.saturating_add_signed(self.wall.set_by.load(Ordering::Relaxed)))
    }

    /// How long before `mono` the system's own clock showed `at`; `None` where it was later.
    ///
    /// It is read off the monotonic clock and what [`Clock::follow`] saw last, without a look at
    /// the system's clock: after a step of that one it is wrong by the step, for a second at most.
    #[inline]
    #[must_use]
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    pub(crate) fn since_system(&self, mono: MonoNanos, at: UnixNanos) -> Option<Duration> {
        let system = self.wall.system_at_start.load(Ordering::Relaxed).saturating_add(mono.0);
        UnixNanos(system).since(at)
    }

    /// Adds an offset in nanoseconds to the system's clock, for this clock and its clones alone: a
    /// soak tests clock steps with it.
    #[cfg(feature = "sim")]
    pub fn set_system_by(&self, nanos: i64) {
        self.wall.set_by.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Compares the wall clock with the system's; to be called about once a second.
    pub fn follow(&self) {
        let (mono, system) = self.same_moment();
        let at_start = system.0.saturating_sub(mono.0);
        self.wall.system_at_start.store(at_start, Ordering::Relaxed);
        let set_by = self.wall.set_by.load(Ordering::Relaxed);
        self.wall.follow(mono, UnixNanos(system.0.saturating_add_signed(set_by)));
    }

    /// Both clocks at one moment: of a few readings the one that was interrupted least, since a
    /// pause between the two would look like a step of the system's clock.
    fn same_moment(&self) -> (MonoNanos, UnixNanos) {
        let reading = || {
            let (before, system) = (self.mono(), system());
            (self.mono().since(before), before, system)
        };
        let mut best = reading();
        for _ in 0..3 {
            if best.0 <= SAME_MOMENT {
                break;
            }
            best = best.min(reading());
        }
        (best.1, best.2)
    }

    /// The point of tokio's clock that is `at` on this one.
    #[must_use]
    pub(crate) fn deadline(&self, at: MonoNanos) -> tokio::time::Instant {
        let start = tokio::time::Instant::from_std(self.start);
        // A deadline that can't be expressed never comes: a day is as good.
        start.checked_add(Duration::from_nanos(at.0)).unwrap_or(start + Duration::from_secs(86_400))
    }

    #[inline]
    fn wall_at(&self, mono: MonoNanos) -> UnixNanos {
        self.wall.at(mono)
    }
}

impl Wall {
    #[inline]
    fn at(&self, mono: MonoNanos) -> UnixNanos {
        let passed = mono.0.saturating_sub(self.followed.load(Ordering::Relaxed));
        let ahead = self.ahead.load(Ordering::Relaxed).saturating_sub(passed / 2);
        let right = self.at_start.load(Ordering::Relaxed).saturating_add(mono.0);
        UnixNanos(right.saturating_add(ahead))
    }

    /// Follows the system's time, which is `system` at `mono`.
    fn follow(&self, mono: MonoNanos, system: UnixNanos) {
        let ahead = self.at(mono).0.saturating_sub(system.0);
        self.at_start.store(system.0.saturating_sub(mono.0), Ordering::Relaxed);
        self.followed.store(mono.0, Ordering::Relaxed);
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}

fn system() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// A wall clock that was right at the monotonic time 0, when it was `start` seconds since 1970.
    fn wall(start: u64) -> Wall {
        Wall { at_start: AtomicU64::new(start * SECOND), ..Wall::default() }
    }

    #[test]
    fn a_step_forward_is_taken_at_once() {
        let wall = wall(1_000);
        wall.follow(MonoNanos(SECOND), UnixNanos(8_201 * SECOND));
        assert_eq!(wall.at(MonoNanos(SECOND)), UnixNanos(8_201 * SECOND));
    }

    #[test]
    fn after_a_step_back_it_runs_at_half_speed_until_it_is_right() {
        let wall = wall(1_000);
        let mut last = UnixNanos::UNKNOWN;
        // Also between two comparisons, which are a second apart.
        for tenth in 1..=1_000 {
            let mono = MonoNanos(tenth * SECOND / 10);
            let system = UnixNanos(990 * SECOND + mono.0);
            let before = wall.at(mono);
            if tenth % 10 == 1 {
                wall.follow(mono, system);
            }
            let shown = wall.at(mono);
            assert!(shown > last && shown == before.max(system), "at {mono:?}");
            let gained = shown.0 - last.0;
            let is_slow = (2..=201).contains(&tenth);
            assert!(tenth == 1 || gained == SECOND / if is_slow { 20 } else { 10 }, "{mono:?}");
            assert_eq!(shown == system, tenth >= 201, "at {mono:?}");
            last = shown;
        }
    }

    #[test]
    #[cfg(feature = "sim")]
    fn an_offset_shows_once_the_clock_follows() {
        let clock = Clock::start();
        clock.set_system_by(i64::try_from(3_600 * SECOND).unwrap());
        let before = clock.now().1;
        assert!(clock.system().0 > before.0 + 3_590 * SECOND);
        clock.follow();
        assert!(clock.now().1.0 > before.0 + 3_590 * SECOND);
    }

    #[test]
    fn clones_agree_and_give_time_back_once() {
        let clock = Clock::start();
        let other = clock.clone();
        clock.wall.ahead.store(60 * SECOND, Ordering::Relaxed);
        for _ in 0..1000 {
            clock.follow();
            other.follow();
        }
        assert_eq!(clock.wall_at(MonoNanos(7)), other.wall_at(MonoNanos(7)));
        // What has passed is far less than a second: so is what was given back.
        assert!(clock.now().1.0 > clock.system().0 + 30 * SECOND);
    }
}
