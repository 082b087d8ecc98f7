//! What a fault makes the exchange do for one connection, beyond what happens to its messages.

use super::value::ReplyId;
use crate::model::Channel;
use crate::sim::market::InstIndex;

/// Something that the exchange does though the client did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultAction {
    /// It sends a snapshot.
    Snapshot(InstIndex, Channel),
    /// It ends a subscription, and acknowledges that where `acknowledged`.
    Forget { inst: InstIndex, channel: Channel, acknowledged: bool },
    /// It sends an error.
    Stray(StrayError),
}

/// An error that is not about what it seems to be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StrayError {
    pub(crate) code: u16,
    pub(crate) named: Named,
    pub(crate) id: ReplyId,
}

/// What an error names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A subscription that the connection does not have.
    Other,
    One(InstIndex, Channel),
    Nothing,
}

/// The error with which a subscription or a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InjectedError {
    pub(crate) code: u16,
    pub(crate) id: ReplyId,
}
