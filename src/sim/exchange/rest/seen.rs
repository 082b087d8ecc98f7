//! What endpoints are given.

use crate::model::UnixNanos;
use crate::sim::market::SimMarket;

/// The market and the time that an endpoint answers from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'m> {
    pub(super) market: &'m SimMarket,
    /// The exchange's time.
    pub(super) now: UnixNanos,
    /// Up to when trades are visible, which a cache that lags makes earlier.
    pub(super) visible: UnixNanos,
}
