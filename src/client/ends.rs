//! How connections end.

use super::connection_id::ConnectionId;
use super::stats::ConnectionStats;
use super::stats_board::PublishedConnection;

/// The counters of a connection that has ended, and how it ended.
pub(super) struct ConnectionEnd {
    pub(super) id: ConnectionId,
    pub(super) stats: ConnectionStats,
    pub(super) published: PublishedConnection,
    pub(super) was_open: bool,
    pub(super) closed_properly: bool,
    pub(super) unanswered: bool,
}

/// The connections of a client when it stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// The connections that were open.
    pub open: usize,
    /// Those of them that were closed properly: both close frames were sent.
    pub closed_properly: usize,
    /// Those of them with unanswered requests.
    pub unanswered: usize,
    /// Connections that did not end within the bound and were dropped.
    pub dropped: usize,
}

impl StopReport {
    pub(super) fn add(&mut self, ended: &ConnectionEnd) {
        self.open += usize::from(ended.was_open);
        self.closed_properly += usize::from(ended.closed_properly);
        self.unanswered += usize::from(ended.unanswered);
    }
}
