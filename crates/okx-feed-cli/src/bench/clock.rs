//! A clock with a resolution for single frames, and the binding to one core.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "only the processor's own instruction keeps its counter in order"
    )
)]

use std::hint::black_box;
use std::sync::atomic::{Ordering, fence};

/// Empty measurements from which the clock's own cost is determined.
const TRIALS: usize = 20_000;

/// Times single calls by the processor's cycle counter, calibrated against the system's clock.
///
/// If there is no steady counter it uses the system's clock itself.
#[derive(Debug)]
pub(super) struct CycleClock {
    clock: quanta::Clock,
    /// The usual result of an empty measurement, in nanoseconds. It is subtracted from each.
    cost_ns: u64,
    /// The resolution of the counter, in nanoseconds.
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

    /// The cost of a measurement, in nanoseconds, which [`CycleClock::time`] subtracts.
    pub(super) const fn cost_ns(&self) -> u64 {
        self.cost_ns
    }

    /// The resolution of the counter, in nanoseconds.
    pub(super) const fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// Calls `work`; returns its result and its time in nanoseconds.
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

/// Waits until all earlier instructions are done and their stores are visible, before any later one
/// begins.
///
/// A fence alone orders memory and not the read of the counter. The processor would read the
/// counter while the frame is still being copied, and the copy would be measured as work.
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
/// The last, since the first usually handles the machine's interrupts.
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

/// Does nothing: a thread can be bound to a core only on Linux.
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
