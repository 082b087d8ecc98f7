//! What a fault has the exchange do for one connection, beyond what becomes of its messages.

use super::kind::ReplyId;
use crate::model::Channel;
use crate::sim::market::InstIndex;

/// Something that the exchange does though the client did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultAct {
    /// It sends a snapshot.
    Snapshot(InstIndex, Channel),
    /// It ends a subscription, and says so where `told`.
    Forget { inst: InstIndex, channel: Channel, told: bool },
    /// It sends an error.
    Stray(Stray),
}

/// An error that is not about what it seems to be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stray {
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

/// How a subscription or a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) code: u16,
    pub(crate) id: ReplyId,
}
