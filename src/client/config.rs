//! The options of a client.

use std::sync::Arc;
use std::time::Duration;

use super::credentials::Credentials;
use super::error::ClientError;
use crate::feed::{DepthOptions, StaleLimits};
use crate::model::Dialect;
use crate::publish::TradeOptions;
use crate::session::SessionConfig;
use crate::transport::{
    ConnectOptions, ExtraHeaders, Proxy, Region, Resolve, TlsConfig, default_url,
};
use crate::wire::DecodeLimits;

/// Everything about a client but its subscriptions and its sink.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where to connect to; `None` for the exchange's own address of region and demo trading.
    ///
    /// Where its path ends in one of v5's (`/ws/v5/public`, `/ws/v5/business`, `/ws/v5/private`), each
    /// subscription goes to the one that serves it ([`Channel::path`](crate::Channel::path)), put in its place. A URL of
    /// another shape serves all.
    pub url: Option<String>,
    /// Whose address it is, where no URL is given.
    pub region: Region,
    /// Whether it is that of demo trading.
    pub demo: bool,
    /// Through which proxy connections go; by default the environment says so.
    pub proxy: Proxy,
    /// Further headers of the request that opens a connection. They are sent to the host of the URL
    /// alone, not to one that it redirects to. `User-Agent` is `okx-feed/VERSION` unless it is here.
    pub headers: ExtraHeaders,
    /// What turns the host's name into addresses; `None` for the system's resolver, whose answers all
    /// clients of the process share. An answer is used for 30 s.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// How long one of the host's addresses may be silent before the next is tried beside it; 250 ms
    /// (RFC 8305).
    pub connect_stagger: Duration,
    /// Whom to trust on `wss://`.
    pub tls: TlsConfig,
    /// Whom to log in as, before anything is asked for; nobody by default.
    pub credentials: Option<Credentials>,
    /// The session's times and limits.
    pub session: SessionConfig,
    /// What a frame may cost.
    pub limits: DecodeLimits,
    /// How deep books are kept.
    pub depth: DepthOptions,
    /// How trades are kept.
    pub trades: TradeOptions,
    /// The silence on each channel after which what it brought is stale.
    pub stale: StaleLimits,
    /// By how much a book may be older when it is received than the youngest was, until it counts as
    /// stale; 5 s. `None` for no limit.
    pub age_limit: Option<Duration>,
    /// How long a line may lack what another line brings, until it is subscribed again; 5 s.
    pub behind_timeout: Duration,
    /// How many connections bring the same subscriptions; 1. The first copy of each update wins.
    pub redundancy: usize,
    /// How many subscriptions a connection takes before another one is opened; 100.
    pub max_subscriptions_per_connection: usize,
    /// When a connection that is to relieve another, and is announced to be closed as well, is looked
    /// at again; 10 s.
    pub upgrade_retry_delay: Duration,
    /// Whether the time from receipt to book update is measured, at two looks at a clock a frame.
    pub measure: bool,
    /// Whether the client's thread never sleeps while a connection is open; no by default. It uses up
    /// a core, and is in the way of others where there is none to spare: it looks at its sockets
    /// again and again, and where no frame came for 20 µs plays one of the last over, so that code
    /// and data stay in the caches ([`FeedHandler::warm_caches`](crate::FeedHandler::warm_caches)). That
    /// does not reach what several lines share, deep books, and the sink; of many connections each
    /// has its turn seldom.
    pub busy_poll: bool,
    /// Decides the jitter of the pauses between attempts.
    pub seed: u64,
}

impl ClientConfig {
    /// Where it connects to: the URL, or the exchange's own address of region and demo trading.
    ///
    /// # Errors
    /// [`ClientError::NoRegion`] where v3 is asked for in a region or in demo trading.
    pub fn address(&self) -> Result<String, ClientError> {
        let dialect = self.session.dialect;
        match (&self.url, dialect) {
            (Some(url), _) => Ok(url.clone()),
            (None, Dialect::V5) => Ok(self.region.url(self.demo)),
            (None, Dialect::V3) if self.demo || self.region != Region::Global => {
                Err(ClientError::NoRegion)
            }
            (None, Dialect::V3) => Ok(default_url(dialect).to_owned()),
        }
    }

    /// What the transport needs to know.
    pub(super) fn connect_options(&self) -> ConnectOptions {
        ConnectOptions {
            tls: self.tls.clone(),
            headers: self.headers.clone(),
            proxy: self.proxy.clone(),
            resolver: self.resolver.clone(),
            stagger: self.connect_stagger,
            frame_len: self.limits.frame_len,
            logs_in: self.credentials.is_some(),
        }
    }

    /// The defaults of a dialect: the exchange's own address, 20 s to a ping.
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
            seed: fastrand::u64(..),
        }
    }
}
