//! What a connection of SBE does besides: snapshots of order books by request.

use super::ConnectionDriver;
#[cfg(feature = "rest")]
use super::frames::Source;
#[cfg(feature = "rest")]
use crate::client::snapshot_fetcher::{SnapshotAsk, SnapshotOf};
use crate::event::EventSink;
use crate::model::Subscription;
#[cfg(feature = "rest")]
use crate::rest::Request;
use crate::transport::Transport;

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Asks for a snapshot of an order book. Where it fails, the session asks again.
    #[cfg(feature = "rest")]
    pub(super) fn ask_for_snapshot(&self, subscription: &Subscription, id: u64) {
        let codes = self.config.session.sbe.as_ref();
        let Some(code) = codes.and_then(|codes| codes.code(subscription.inst_id())) else { return };
        let of = SnapshotOf { connection: self.id, subscription: *subscription, id };
        let ask = SnapshotAsk { of, request: Request::book_sbe(code) };
        self.shared.lock().ask_for_snapshot(ask);
    }

    /// Processes the body of a snapshot as if it had come on the connection, unless it may be older
    /// than the updates that are to follow it.
    #[cfg(feature = "rest")]
    pub(super) fn on_snapshot(&mut self, of: &SnapshotOf, body: Vec<u8>) {
        if !self.session.accepts_snapshot(&of.subscription, of.id) {
            return;
        }
        let (mono, wall) = self.clock.now();
        if let Some(error) = self.process(Source::Snapshot(&body), mono, wall) {
            tracing::warn!(%error, "a snapshot of an order book is malformed");
        }
    }

    /// Without the feature `rest` no client has SBE.
    #[cfg(not(feature = "rest"))]
    #[expect(clippy::unused_self, reason = "as the other one")]
    pub(super) const fn ask_for_snapshot(&self, _: &Subscription, _: u64) {}
}
