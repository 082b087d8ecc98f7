//! What the handle, the supervisor and the connections ask of one another.

use std::sync::mpsc;

use tokio::sync::oneshot;

use super::connection_id::ConnectionId;
#[cfg(feature = "rest")]
use super::error::ClientError;
use super::events::EventQueue;
#[cfg(feature = "rest")]
use super::snapshot_fetcher::SnapshotOf;
use super::stats::{ClientStats, ConnectionStats};
#[cfg(feature = "rest")]
use crate::model::Selection;
use crate::model::Subscription;
use crate::publish::Readers;
#[cfg(feature = "rest")]
use crate::rest::RestError;

/// What the handle asks of the client's thread.
pub(super) enum Command {
    Subscribe(Subscription, mpsc::Sender<Readers>),
    Unsubscribe(Subscription),
    /// Other selections in the place of those that there are.
    #[cfg(feature = "rest")]
    Select(Vec<Selection>, mpsc::Sender<Result<(), ClientError>>),
    Stats(mpsc::Sender<ClientStats>),
    Connections(mpsc::Sender<Vec<ConnectionStats>>),
    Events(EventQueue),
    Stop,
}

/// What the supervisor asks of one connection.
pub(super) enum ConnectionCommand {
    Subscribe(Subscription, Option<mpsc::Sender<Readers>>),
    Unsubscribe(Subscription),
    /// The instrument of one that was ended has a new id.
    #[cfg(feature = "rest")]
    Renamed(Subscription, Subscription),
    Stats(oneshot::Sender<ConnectionStats>),
    /// The reply to the request of that number: a REST snapshot of an order book, or none.
    #[cfg(feature = "rest")]
    BookSnapshot(Subscription, u64, Box<Result<String, RestError>>),
    /// The body of a snapshot in SBE.
    #[cfg(feature = "rest")]
    Snapshot(SnapshotOf, Vec<u8>),
    /// Another has replaced it: end soon, but not before what is on the way has come.
    Drain,
    Stop,
}

/// What a connection reports to the supervisor.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectionEvent {
    /// The exchange will soon close it, or it can't send requests any more.
    ReplacementRequested(ConnectionId),
    /// The same, a while ago.
    ReplacementRetry(ConnectionId),
    /// It is to replace another, and everything that is subscribed has come.
    Ready(ConnectionId),
    /// The exchange closed it since so many subscriptions are too many for one connection.
    TooManyChannels(ConnectionId, usize),
    /// A selection subscribes an instrument.
    #[cfg(feature = "rest")]
    Selected(Subscription),
    /// No selection wants it any more.
    #[cfg(feature = "rest")]
    Deselected(Subscription),
    /// So many lists that selections need have not come yet; behind what those that came select.
    #[cfg(feature = "rest")]
    MissingLists(usize),
    /// The instrument of one that was ended has a new id.
    #[cfg(feature = "rest")]
    Renamed(Subscription, Subscription),
}
