//! The actions and events of a session, and its counters.

use std::fmt;

use crate::model::{MonoNanos, Subscription};

/// What the owner of the socket has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection, then call [`Session::handle_connected`](crate::Session::handle_connected)
    /// or [`Session::handle_disconnected`](crate::Session::handle_disconnected); or call
    /// [`Session::handle_rate_limited`](crate::Session::handle_rate_limited) where the host accepts
    /// no attempt yet.
    Connect,
    /// Send a login request, signed for the current time.
    Login,
    /// Send this as a text message.
    Send(String),
    /// Request a snapshot of this order book in SBE: `GET
    /// /api/v5/market/books-sbe?instIdCode=…&source=0`. If
    /// [`Session::accepts_snapshot`](crate::Session::accepts_snapshot) then, give the body of the
    /// answer to the feed as a binary frame. A failure needs no report: the snapshot is requested
    /// again while the book is not live.
    RequestSnapshot {
        /// The order book.
        subscription: Subscription,
        /// The number of the request, higher with each.
        id: u64,
    },
    /// Close the connection. It counts as closed already.
    Close,
}

/// What has happened in a session, for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The exchange has acknowledged a subscription, or its data shows that it is active.
    Subscribed(Subscription),
    /// An order book in SBE is being requested, or the request was acknowledged: its next updates
    /// do not follow those before, whatever their numbers. The book is to be cleared, by
    /// [`FeedHandler::begin_chain`](crate::FeedHandler::begin_chain).
    ChainBegins(Subscription),
    /// The exchange has refused a subscription, has ended it unasked, or has not answered three
    /// isolated requests for it while it answered others.
    ///
    /// It is requested again after a pause that grows with each refusal, after a login that
    /// succeeds where it was refused for lack of one, and on the next connection; only the caller
    /// can end it. Where the exchange has closed the connection right after, the pause holds on the
    /// next connections too.
    Rejected {
        /// The subscription.
        subscription: Subscription,
        /// The exchange's code, where it sent one.
        code: Option<i64>,
        /// The exchange's text, where it sent one.
        message: String,
    },
    /// The exchange has refused the login for its key, or for the last time where it was too busy.
    /// Subscriptions are requested without a login.
    LoginRefused {
        /// The exchange's code, where it sent one.
        code: Option<i64>,
        /// The exchange's text, where it sent one.
        message: String,
    },
    /// The exchange will soon close the connection for a service upgrade (v5's notice 64008). The
    /// session goes on until then.
    UpgradeAnnounced,
    /// The hour's requests are spent and something waits for one; or three quarters of them are,
    /// and only resynchronisation waits. It is sent at `until`. A new connection has a quota of its
    /// own.
    RequestsSpent {
        /// When the next request can be sent on this connection.
        until: MonoNanos,
    },
    /// The connection is open.
    Connected,
    /// The connection, or the attempt at one, has come to an end.
    Disconnected(DisconnectReason),
}

/// Why a connection came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// Connecting failed.
    ConnectFailed,
    /// The look-up of the host's name took too long.
    ResolveTimeout,
    /// The TCP connection took too long.
    ConnectTimeout,
    /// TLS and the upgrade to a WebSocket took too long.
    HandshakeTimeout,
    /// The other side closed, or the transport failed.
    Closed,
    /// No text or binary frame came in time after a ping.
    PongTimeout,
    /// No subscription was answered, though requested twice; or a login was not.
    AckTimeout,
    /// The exchange announced that it will close for a service upgrade.
    ServiceUpgrade,
    /// More control messages came in a second than the session accepts.
    ControlFlood,
    /// No channel of the connection brought what it promises, though the connection is open.
    Silent,
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ConnectFailed => "connecting failed",
            Self::ResolveTimeout => "looking up the host's name took too long",
            Self::ConnectTimeout => "connecting took too long",
            Self::HandshakeTimeout => "the TLS and WebSocket handshake took too long",
            Self::Closed => "the connection was closed",
            Self::PongTimeout => "the exchange did not answer a ping",
            Self::AckTimeout => "the exchange did not answer a request",
            Self::ServiceUpgrade => "the exchange announced a service upgrade",
            Self::ControlFlood => "too many control messages in a second",
            Self::Silent => "no channel brought data though the connection was open",
        })
    }
}

/// The counters of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Attempts to connect.
    pub attempts: u64,
    /// Attempts that had to wait for the host's limit.
    pub postponed: u64,
    /// Requests sent: subscribe, unsubscribe and login.
    pub requests: u64,
    /// Pings sent.
    pub pings: u64,
    /// Resynchronisations: a broken book, a silent channel, no first push.
    pub resyncs: u64,
    /// First pushes that did not come in time after an acknowledgement.
    pub late_snapshots: u64,
    /// Requests that were not answered in time.
    pub late_acks: u64,
    /// Pings sent early, since the connection was more silent than usual; among `pings`.
    pub probes: u64,
    /// Subscriptions that were silent for longer than their channel promises; among `resyncs` once
    /// they are resynchronised.
    pub silences: u64,
    /// Subscriptions that were refused and requested again.
    pub retries: u64,
    /// Requests for a snapshot of an order book in SBE.
    pub snapshots: u64,
}

impl SessionStats {
    /// Adds another session's counters to these.
    pub const fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.postponed += other.postponed;
        self.requests += other.requests;
        self.pings += other.pings;
        self.resyncs += other.resyncs;
        self.late_snapshots += other.late_snapshots;
        self.late_acks += other.late_acks;
        self.probes += other.probes;
        self.silences += other.silences;
        self.retries += other.retries;
        self.snapshots += other.snapshots;
    }
}
