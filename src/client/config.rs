//! The options of a client.

use std::sync::Arc;
use std::time::Duration;

use super::credentials::Credentials;
use super::error::ClientError;
#[cfg(feature = "rest")]
use super::history_config::HistoryConfig;
use super::thread::ThreadOptions;
#[cfg(feature = "capture")]
use crate::capture::RecordConfig;
use crate::feed::{DepthOptions, StaleLimits};
use crate::model::{ChannelPath, Dialect};
use crate::publish::TradeOptions;
use crate::session::SessionConfig;
use crate::transport::{
    Clock, ConnectOptions, ExtraHeaders, LoginHeaders, Proxy, Region, Resolve, SocketOptions,
    TlsConfig, default_url,
};
use crate::wire::DecodeLimits;

/// What reads the sockets of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportKind {
    /// The direct transport where the client busy-polls and there is one (feature `direct`, Unix),
    /// else tokio.
    #[default]
    Auto,
    /// tokio and tokio-tungstenite, whether or not the client busy-polls.
    Tokio,
    /// The direct transport, whether or not the client busy-polls: bytes are decrypted and decoded
    /// in the buffer that they were received in, without a copy or an allocation. A host that has
    /// no TLS 1.3 is served by tokio, which is logged.
    #[cfg(all(feature = "direct", unix))]
    Direct,
}

/// The options of a client, except for its subscriptions and its sink.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The URL to connect to; `None` for the exchange's own address of region and demo trading.
    ///
    /// Where its path ends in one of v5's (`/ws/v5/public`, `/ws/v5/business`, `/ws/v5/private`),
    /// each subscription goes to the path that serves it ([`Channel::path`](crate::Channel::path)),
    /// put in its place. A URL of another shape serves all.
    pub url: Option<String>,
    /// The region of the address, where no URL is given.
    pub region: Region,
    /// Whether the address is that of demo trading, where no URL is given.
    pub demo: bool,
    /// The proxy that connections go through; by default the one that the environment names.
    pub proxy: Proxy,
    /// Further headers of the request that opens a connection. They are sent to the host of the URL
    /// alone, not to one that it redirects to. `User-Agent` is `okx-feed/VERSION` unless it is
    /// here.
    pub headers: ExtraHeaders,
    /// The resolver of host names; `None` for the system's, whose answers all clients of the
    /// process share. An answer is used for 30 s.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// How long one of the host's addresses may be silent before the next is tried beside it; 250
    /// ms (RFC 8305).
    pub connect_stagger: Duration,
    /// The certificates that are trusted on `wss://`.
    pub tls: TlsConfig,
    /// The key to log in with before anything is subscribed; none by default.
    pub credentials: Option<Credentials>,
    /// The session's times and limits.
    pub session: SessionConfig,
    /// The limits of a frame.
    pub limits: DecodeLimits,
    /// How order books are kept.
    pub depth: DepthOptions,
    /// How trades are kept.
    pub trades: TradeOptions,
    /// The silence on each channel after which its books are stale.
    pub stale: StaleLimits,
    /// How much older a book may be at receipt than the youngest was at its receipt, before it is
    /// stale; 5 s. `None` for no limit.
    pub age_limit: Option<Duration>,
    /// How long a line may lack an update that another line has, before it is resynchronised; 5 s.
    pub behind_timeout: Duration,
    /// How many redundant connections (lines) carry the same subscriptions; 1. The first copy of
    /// each update is passed on, the others are dropped.
    pub redundancy: usize,
    /// How many subscriptions a connection carries before another one is opened; 100.
    pub max_subscriptions_per_connection: usize,
    /// How long to wait before a replacement is replaced, where the exchange announces that it will
    /// close it as well; 10 s.
    pub upgrade_retry_delay: Duration,
    /// Whether the time from receipt to book update is measured, which reads the clock twice a
    /// frame.
    pub measure: bool,
    /// Whether the client's thread busy-polls while a connection is open, instead of blocking; no
    /// by default.
    ///
    /// Uses 100 % of one core, and slows other programs where there is none to spare. While no
    /// frame has come for 20 µs, the thread runs a recent one again, so that code and data stay in
    /// the caches ([`FeedHandler::warm_caches`](crate::FeedHandler::warm_caches)). Does not warm
    /// the arbiter of redundant connections, order books and the sink; with many connections each
    /// is polled in turn.
    pub busy_poll: bool,
    /// Where to record every frame that is received, and what decides what it does; nowhere by
    /// default.
    #[cfg(feature = "capture")]
    pub record: Option<RecordConfig>,
    /// From when on trades are joined with their history, and how; not by default.
    #[cfg(feature = "rest")]
    pub history: Option<HistoryConfig>,
    /// The thread of the client.
    pub thread: ThreadOptions,
    /// What reads the sockets.
    pub transport: TransportKind,
    /// The options of sockets.
    pub socket: SocketOptions,
    /// Seed of the jitter of the pauses between attempts.
    pub seed: u64,
}

impl ClientConfig {
    /// The address to connect to: the URL, or the exchange's own address of region and demo
    /// trading.
    ///
    /// # Errors
    /// [`ClientError::NoRegion`] where v3 is to have a region or demo trading.
    pub fn address(&self) -> Result<String, ClientError> {
        let dialect = self.session.dialect;
        match (&self.url, dialect) {
            (Some(url), _) => Ok(url.clone()),
            (None, Dialect::V5) if self.demo => Ok(self.region.demo_url()),
            (None, Dialect::V5) => Ok(self.region.url()),
            (None, Dialect::V3) if self.demo || self.region != Region::Global => {
                Err(ClientError::NoRegion)
            }
            (None, Dialect::V3) => Ok(default_url(dialect).to_owned()),
        }
    }

    /// Whether sockets are read directly.
    const fn is_direct(&self) -> bool {
        let is_wanted = match self.transport {
            TransportKind::Auto => self.busy_poll,
            TransportKind::Tokio => false,
            #[cfg(all(feature = "direct", unix))]
            TransportKind::Direct => true,
        };
        is_wanted && cfg!(all(feature = "direct", unix))
    }

    /// The session of a path: SBE is for its own path alone, where the login is in the upgrade.
    pub(super) fn session_of(&self, path: Option<ChannelPath>) -> SessionConfig {
        let mut session = self.session.clone();
        match path {
            Some(ChannelPath::PublicSbe) => session.login = false,
            _ => session.sbe = None,
        }
        session
    }

    /// The options of order books: those that are joined with REST snapshots keep their updates.
    #[cfg(feature = "rest")]
    pub(super) fn depth_options(&self) -> DepthOptions {
        let is_joined = self.history.as_ref().is_some_and(|history| history.books);
        DepthOptions { keep_updates: self.depth.keep_updates || is_joined, ..self.depth }
    }

    /// The options of order books.
    #[cfg(not(feature = "rest"))]
    pub(super) const fn depth_options(&self) -> DepthOptions {
        self.depth
    }

    /// The options of the transport.
    pub(super) fn connect_options(&self, clock: Clock) -> ConnectOptions {
        ConnectOptions {
            tls: self.tls.clone(),
            headers: self.headers.clone(),
            proxy: self.proxy.clone(),
            resolver: self.resolver.clone(),
            stagger: self.connect_stagger,
            frame_len: self.limits.frame_len,
            logs_in: self.credentials.is_some(),
            login: self.credentials.clone().map(|credentials| {
                let clock = clock.clone();
                // Signed with the system's time, which the exchange compares with its own.
                LoginHeaders(Arc::new(move || credentials.headers(clock.system())))
            }),
            socket: self.socket.clone(),
            is_direct: self.is_direct(),
            busy_poll: self.busy_poll,
            clock,
        }
    }

    /// The defaults of a dialect: the exchange's own address, a ping after 20 s.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            url: None,
            region: Region::default(),
            demo: false,
            proxy: Proxy::default(),
            headers: ExtraHeaders::default(),
            resolver: None,
            connect_stagger: Duration::from_millis(250),
            tls: TlsConfig::default(),
            credentials: None,
            session: SessionConfig::new(dialect),
            limits: DecodeLimits::default(),
            depth: DepthOptions::default(),
            trades: TradeOptions::default(),
            stale: StaleLimits::default(),
            age_limit: Some(Duration::from_secs(5)),
            behind_timeout: Duration::from_secs(5),
            redundancy: 1,
            max_subscriptions_per_connection: 100,
            upgrade_retry_delay: Duration::from_secs(10),
            measure: true,
            busy_poll: false,
            #[cfg(feature = "capture")]
            record: None,
            #[cfg(feature = "rest")]
            history: None,
            thread: ThreadOptions::default(),
            transport: TransportKind::default(),
            socket: SocketOptions::default(),
            seed: fastrand::u64(..),
        }
    }
}
