//! The latencies of the frames of a connection.

use crate::publish::SharedHistogram;

/// The longest latency of the histogram, in nanoseconds; longer ones count as this.
pub(super) const LATENCY_MAX_NS: u64 = 10_000_000_000;

/// The latencies of the frames of one connection, which runs on one thread, in nanoseconds. Clones
/// share them.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    /// From the read of a frame.
    pub(super) from_read: SharedHistogram,
    /// From the kernel's stamp.
    pub(super) from_kernel: SharedHistogram,
}

impl Latencies {
    pub(super) fn new() -> Self {
        let histogram = || SharedHistogram::new(LATENCY_MAX_NS);
        Self { from_read: histogram(), from_kernel: histogram() }
    }
}
