//! A clock fine enough for one frame, and a core to stay on.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "only the processor's own instruction keeps its counter in order"
    )
)]

use std::hint::black_box;
use std::sync::atomic::{Ordering, fence};

/// Empty measurements that the clock's own cost is taken from.
const TRIALS: usize = 20_000;

/// Times single calls by the processor's cycle counter, calibrated against the system's clock.
///
/// Where there is no steady counter it is the system's clock itself.
#[derive(Debug)]
pub(super) struct CycleClock {
    clock: quanta::Clock,
    /// What an empty measurement mostly shows, in nanoseconds. It is taken off each.
    cost_ns: u64,
    /// The least that the counter moves by, in nanoseconds.
    step_ns: u64,
}

impl CycleClock {
    /// Calibrates the counter, which takes up to a fifth of a second.
    pub(super) fn start() -> Self {
        let mut clock = Self { clock: quanta::Clock::new(), cost_ns: 0, step_ns: 0 };
        let mut empty: Vec<_> = (0..TRIALS).map(|_| clock.time(|| ()).1).collect();
        empty.sort_unstable();
        clock.cost_ns = empty.get(TRIALS / 2).copied().unwrap_or_default();
        let steps = empty.iter().zip(empty.iter().skip(1)).map(|(a, b)| b - a);
        clock.step_ns = steps.filter(|step| *step > 0).min().unwrap_or_default();
        clock
    }

    /// The cost of a measurement, in nanoseconds, which [`CycleClock::time`] has taken off.
    pub(super) const fn cost_ns(&self) -> u64 {
        self.cost_ns
    }

    /// The least that the counter moves by, in nanoseconds: times are no finer than this.
    pub(super) const fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// Calls `work` and gives its time in nanoseconds beside what it gave.
    #[inline(always)]
    pub(super) fn time<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        wait();
        let start = self.clock.raw();
        wait();
        let done = black_box(work());
        wait();
        let end = self.clock.raw();
        (done, self.clock.delta_as_nanos(start, end).saturating_sub(self.cost_ns))
    }
}

/// Waits until all before it is done and all of its stores can be seen, before anything behind it
/// begins.
///
/// A fence alone orders memory and not the reading of the counter: the processor would read it while
/// the frame before it is still being copied, and that would count as work.
#[inline(always)]
fn wait() {
    fence(Ordering::SeqCst);
    // SAFETY: every x86-64 processor has the instruction, which touches nothing.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_lfence();
    };
}

/// Binds this thread to the last core that it may run on, and gives its number.
///
/// The last, since the first mostly serves the machine's interrupts.
#[cfg(target_os = "linux")]
pub(super) fn pin() -> Option<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None).ok()?;
    let last = (0..CpuSet::MAX_CPU).rfind(|cpu| allowed.is_set(*cpu))?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).ok()?;
    Some(last)
}

/// Does nothing: only on Linux can a thread be bound to a core.
#[cfg(not(target_os = "linux"))]
pub(super) const fn pin() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_work_takes_more_time_and_none_takes_next_to_none() {
        let clock = CycleClock::start();
        let least = |work: u64| {
            let spin = || (0..work).map(black_box).fold(0, u64::wrapping_add);
            (0..200).map(|_| clock.time(spin).1).min().unwrap()
        };
        let (none, some, much) = (least(0), least(2_000), least(200_000));
        assert!(none < some && some < much, "{none} {some} {much}");
    }
}
