//! The progress of a measurement.

use crate::progress::{Progress, Share};

/// Frames between two progress reports.
const STEPS_A_REPORT: u64 = 256;

/// The work that was done so far, of all that will be, in nanoseconds as they are expected: a frame
/// of a pass that evicts the caches takes many times as long as one of the others.
pub(super) struct Steps {
    progress: Progress,
    /// The expected time of a frame without eviction.
    frame_ns: u64,
    /// The expected time of a frame of the current pass.
    pass_ns: u64,
    frames: u64,
    done_ns: u64,
    of_ns: u64,
}

impl Steps {
    /// The steps of passes of so many frames each: some without eviction, and one for each expected
    /// time of an eviction.
    pub(super) fn new((plain, evictions): (u64, &[u64]), frame_ns: u64, turns: u64) -> Self {
        let evicting = evictions.iter().map(|evict_ns| frame_ns + evict_ns).sum::<u64>();
        let of_ns = (plain * frame_ns + evicting).saturating_mul(turns);
        let progress = Progress::start("bench");
        Self { progress, frame_ns, pass_ns: frame_ns, frames: 0, done_ns: 0, of_ns }
    }

    /// Begins a pass, with so much time for eviction before each frame.
    pub(super) const fn begin(&mut self, evict_ns: u64) {
        self.pass_ns = self.frame_ns + evict_ns;
    }

    /// A frame was processed.
    pub(super) fn step(&mut self) {
        self.frames += 1;
        self.done_ns += self.pass_ns;
        // Seldom, so that reading the clock does not disturb the caches.
        if self.frames.is_multiple_of(STEPS_A_REPORT) {
            let share = self.share();
            self.progress.at(share, || "timing");
        }
    }

    /// What is done. An eviction that is timed a second time differs a little.
    fn share(&self) -> Share {
        Share { done: self.done_ns.min(self.of_ns), of: self.of_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_weighs_what_it_takes() {
        let mut steps = Steps::new((4, &[9_000, 199_000]), 1_000, 10);
        let mut pass = |evict_ns| {
            steps.begin(evict_ns);
            (0..10).for_each(|_| steps.step());
            let Share { done, of } = steps.share();
            (done, of)
        };
        let all = 10 * (4 * 1_000 + 10_000 + 200_000);
        (1..=4).for_each(|passes| assert_eq!(pass(0), (passes * 10_000, all)));
        assert_eq!(pass(9_000), (140_000, all));
        assert_eq!(pass(199_000), (all, all));
        assert_eq!(pass(0), (all, all));
    }
}
