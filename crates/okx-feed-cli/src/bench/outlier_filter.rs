//! Selects the frames that were timed without a disturbance of the core.

/// The time of a frame, and the time of the memory read before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) read_ns: u64,
    pub(super) path_ns: u64,
}

/// How many memory reads before and after a frame must have been undisturbed.
const AROUND: usize = 3;

/// A memory read is undisturbed if it takes at most one part in so many longer than the quick ones.
const SLACK: u64 = 32;

/// The times of the frames around which every read of the same memory took its usual time.
///
/// Load on the other hardware thread of the core, which a virtual machine can't observe, makes
/// everything take half as long again for microseconds at a time, the memory reads as well. Frames
/// are selected by the memory reads alone, never by the times that are reported.
pub(super) fn undisturbed(samples: &[Sample]) -> impl Iterator<Item = u64> {
    let mut reads: Vec<_> = samples.iter().map(|sample| sample.read_ns).collect();
    reads.sort_unstable();
    let quick = reads.get(reads.len() / 20).copied().unwrap_or_default();
    let limit = quick + quick / SLACK;
    samples.windows(2 * AROUND + 1).filter_map(move |around| {
        let is_quiet = around.iter().all(|sample| sample.read_ns <= limit);
        around.get(AROUND).filter(|_| is_quiet).map(|sample| sample.path_ns)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_near_a_slow_reading_are_left_out_and_slow_frames_are_not() {
        let mut samples: Vec<_> =
            (0..100).map(|path_ns| Sample { read_ns: 1_000, path_ns }).collect();
        samples[50].read_ns = 1_032;
        samples[70].path_ns = 1_000_000;
        let kept: Vec<_> = undisturbed(&samples).collect();
        assert_eq!(kept.len(), 87);
        assert!(kept.contains(&46) && !(47..54).any(|ns| kept.contains(&ns)) && kept.contains(&54));
        assert!(kept.contains(&1_000_000));
        assert_eq!(undisturbed(&samples[..6]).count(), 0);
    }
}
