//! Which of a client's connections.

/// A connection of a client: the group of subscriptions that it serves, and its number among the
/// redundant connections of that group, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ConnectionId {
    pub(super) group: usize,
    pub(super) line: usize,
}
