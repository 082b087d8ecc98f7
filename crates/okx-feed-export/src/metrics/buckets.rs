//! Histograms of hdrhistogram as Prometheus writes them.

use hdrhistogram::Histogram;

/// The upper bounds of the buckets of latencies, in nanoseconds: 250 ns to 1 s.
pub(super) const LATENCY_NS: [u64; 20] = [
    250,
    500,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    125_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
];

/// The upper bounds of the buckets of longer times, in microseconds: 10 us to 10 minutes.
pub(super) const TIME_US: [u64; 14] = [
    10,
    100,
    1_000,
    5_000,
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
    600_000_000,
];

/// A histogram with a sum, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buckets {
    pub(super) sum: f64,
    pub(super) count: u64,
    /// Each bucket with its upper bound and its own count; the last has no bound.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Buckets {
    /// The values of a histogram by buckets of these upper bounds, where so many units are a
    /// second. The sum is exact to the histogram's precision.
    #[expect(clippy::cast_precision_loss, reason = "seconds are floats")]
    pub(super) fn new(values: &Histogram<u64>, bounds: &[u64], units_per_sec: f64) -> Self {
        let mut counts = vec![0; bounds.len() + 1];
        let mut sum = 0.0;
        for value in values.iter_recorded() {
            let (at, count) = (value.value_iterated_to(), value.count_at_value());
            let bucket = bounds.partition_point(|bound| *bound < values.lowest_equivalent(at));
            if let Some(total) = counts.get_mut(bucket) {
                *total += count;
            }
            sum += values.median_equivalent(at) as f64 * count as f64;
        }
        let bounds = bounds.iter().map(|bound| *bound as f64 / units_per_sec);
        let buckets = bounds.chain([f64::INFINITY]).zip(counts).collect();
        Self { sum: sum / units_per_sec, count: values.len(), buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_the_bucket_of_its_bound() {
        let mut values = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).unwrap();
        for value in [1, 250, 251, 1_000, 999_999_000, 5_000_000_000] {
            values.record(value).unwrap();
        }
        let Buckets { sum, count, buckets } = Buckets::new(&values, &LATENCY_NS, 1e9);
        assert_eq!(count, 6);
        assert!((sum - 6.0).abs() < 0.01, "{sum}");
        let found: Vec<_> = buckets.iter().filter(|(_, count)| *count > 0).copied().collect();
        let expected = [(2.5e-7, 2), (5e-7, 1), (1e-6, 1), (1.0, 1), (f64::INFINITY, 1)];
        assert_eq!(found, expected);
    }
}
