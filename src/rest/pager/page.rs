//! One page of a walk.

use std::time::Duration;

use crate::rest::request::Request;

/// The next request of a pager, and the pause before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The request.
    pub request: Request,
    /// The pause: a page that lacked rows is not requested again at once.
    pub pause: Duration,
}

/// The pause before a page is requested again.
pub(super) fn refetch_pause(refetches: u32) -> Duration {
    match refetches {
        0 => Duration::ZERO,
        n => Duration::from_millis(250 << (n - 1).min(4)),
    }
}
