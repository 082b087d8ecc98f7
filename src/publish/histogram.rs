//! Publishes a histogram of times to other threads, lock-free.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;

/// The bits of a value that are kept: three significant digits, as hdrhistogram does it.
const KEPT_BITS: u32 = 11;

/// The values that are kept as they are; those above lose bits, and have half as many counts for
/// each bit.
const EXACT: u64 = 1 << KEPT_BITS;

/// A histogram that one thread records in and that any thread reads: the counts of
/// `Histogram<u64>` with three significant digits, as atomics.
///
/// INVARIANT: one thread records. With several, counts would be lost.
#[derive(Clone)]
pub(crate) struct SharedHistogram {
    counts: Arc<[AtomicU64]>,
    max: u64,
}

impl SharedHistogram {
    /// Makes an empty one for values up to `max`; larger ones count as this.
    pub(crate) fn new(max: u64) -> Self {
        let counts = (0..=index_of(max)).map(|_| AtomicU64::new(0)).collect();
        Self { counts, max }
    }

    /// Counts a value; 0 counts as 1. Allocates nothing and needs no locked instruction.
    #[inline]
    pub(crate) fn record(&self, value: u64) {
        if let Some(count) = self.counts.get(index_of(value.clamp(1, self.max))) {
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// The values so far. Recording goes on meanwhile: each count is that of some moment of the
    /// call.
    pub(crate) fn snapshot(&self) -> Histogram<u64> {
        let mut all = empty(self.max);
        self.add_to(&mut all);
        all
    }

    /// Adds the values so far to a histogram of the same bounds.
    pub(crate) fn add_to(&self, all: &mut Histogram<u64>) {
        for (index, count) in self.counts.iter().enumerate() {
            match count.load(Ordering::Relaxed) {
                0 => {}
                // No value is above the bound.
                count => drop(all.record_n(value_at(index), count)),
            }
        }
    }
}

impl fmt::Debug for SharedHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedHistogram").field("max", &self.max).finish()
    }
}

/// An empty histogram for values up to `max`.
#[expect(clippy::expect_used, reason = "two to any bound above are in order")]
fn empty(max: u64) -> Histogram<u64> {
    Histogram::new_with_bounds(1, max.max(2), 3).expect("bounds are in order")
}

/// Where the count of a value is.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "at most 55,000")]
const fn index_of(value: u64) -> usize {
    let lost_bits = (u64::BITS - KEPT_BITS) - (value | (EXACT - 1)).leading_zeros();
    (lost_bits as u64 * (EXACT / 2) + (value >> lost_bits)) as usize
}

/// The smallest value that is counted there.
const fn value_at(index: usize) -> u64 {
    let index = index as u64;
    if index < EXACT {
        return index;
    }
    let lost_bits = index / (EXACT / 2) - 1;
    (index - lost_bits * (EXACT / 2)) << lost_bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_histogram_of_hdrhistogram() {
        const MAX: u64 = 10_000_000_000;
        let (shared, mut plain) = (SharedHistogram::new(MAX), empty(MAX));
        let mut random = fastrand::Rng::with_seed(7);
        let edges = (0..40).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let any = (0..20_000).map(|_| random.u64(..) >> random.u32(20..64));
        for value in edges.chain(any) {
            shared.record(value);
            plain.saturating_record(value.clamp(1, MAX));
        }
        let snapshot = shared.snapshot();
        assert_eq!(snapshot, plain);
        assert_eq!((snapshot.min(), snapshot.max()), (plain.min(), plain.max()));
        for quantile in [0.0, 0.5, 0.9, 0.99, 0.999, 1.0] {
            assert_eq!(snapshot.value_at_quantile(quantile), plain.value_at_quantile(quantile));
        }
    }

    #[test]
    fn another_thread_reads_while_one_records() {
        let shared = SharedHistogram::new(1_000);
        let rounds = if cfg!(miri) { 200 } else { 100_000 };
        std::thread::scope(|scope| {
            let writer = shared.clone();
            scope.spawn(move || (0..rounds).for_each(|value| writer.record(value % 100)));
            let mut last = 0;
            while last < rounds {
                let count = shared.snapshot().len();
                assert!(count >= last);
                last = count;
            }
        });
    }
}
