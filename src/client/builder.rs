//! How a client is made: one chain, then `spawn`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::Credentials;
use super::error::ClientError;
use super::handle::Client;
use super::health::SharedHealth;
use super::heartbeat::Heartbeat;
use super::shared::Shared;
use super::supervisor::{Director, Routes, Seed};
use crate::event::{Event, EventSink};
use crate::feed::{DepthOptions, StaleLimits};
use crate::model::{Channel, Dialect, InstrumentId, Market, Subscription, SubscriptionError};
use crate::publish::TradeOptions;
use crate::session::SessionConfig;
use crate::transport::{
    Clock, ConnectOptions, Connector, ExtraHeaders, Proxy, Region, Resolve, Target, Targets,
    TlsConfig, default_url,
};
use crate::wire::DecodeLimits;

/// Everything about a client but its subscriptions and its sink.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where to connect to; `None` for the exchange's own address of region and demo trading.
    ///
    /// Where its path ends in one of v5's (`/ws/v5/public`, `/ws/v5/business`, `/ws/v5/private`), each
    /// subscription goes to the one that serves it ([`Channel::path`]), put in its place. A URL of
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
    fn connect_options(&self) -> ConnectOptions {
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

/// A sink that wants nothing: the books are read through the client's handle.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    fn on_event(&mut self, _: &Event<'_>) {}
}

/// A client in the making. Mistakes are kept and told by [`ClientBuilder::spawn`].
///
/// # Example
/// ```no_run
/// use okx_feed::{Client, Market};
///
/// let feed = Client::v3(Market::Futures, "BTC-USD-190517").spawn()?;
/// println!("{:?}", feed.book().best_bid());
/// # Ok::<(), okx_feed::ClientError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder<S = NoSink> {
    config: ClientConfig,
    subscriptions: Vec<Subscription>,
    mistake: Option<ClientError>,
    sink: S,
}

impl ClientBuilder<NoSink> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            config: ClientConfig::new(dialect),
            subscriptions: Vec::new(),
            mistake: None,
            sink: NoSink,
        }
    }
}

impl<S: EventSink + Send + 'static> ClientBuilder<S> {
    /// Connects to another address than the exchange's own ([`ClientConfig::url`]).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.config.url = Some(url.into());
        self
    }

    /// Connects to the exchange's address for a region. A URL goes before it.
    pub fn region(mut self, region: Region) -> Self {
        self.config.region = region;
        self
    }

    /// Connects to demo trading. A URL goes before it.
    pub fn demo(mut self) -> Self {
        self.config.demo = true;
        self
    }

    /// Connects through a proxy, or through none, whatever the environment says.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.config.proxy = proxy;
        self
    }

    /// Sends one more header in the request that opens a connection.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.headers.0.push((name.into(), value.into()));
        self
    }

    /// Trusts the CA certificates of a PEM file too.
    pub fn ca_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.config.tls.ca_file = Some(path.into());
        self
    }

    /// Logs in on every connection before anything is asked for, as v5's tick-by-tick books need.
    ///
    /// This crate logs nothing of the key. tungstenite's own log shows every frame at `trace`, the
    /// login among them: keep it lower where `log` is collected.
    pub fn login(mut self, credentials: Credentials) -> Self {
        self.config.credentials = Some(credentials);
        self
    }

    /// Opens so many connections with the same subscriptions. The first copy of each update wins,
    /// and what one of them loses another brings.
    pub fn redundancy(mut self, connections: usize) -> Self {
        self.config.redundancy = connections;
        self
    }

    /// Has the client's thread never sleep while a connection is open: a core for shorter latencies
    /// ([`ClientConfig::busy_poll`]).
    pub fn busy_poll(mut self) -> Self {
        self.config.busy_poll = true;
        self
    }

    /// Sets how deep books are kept: their room, their checks, what a broken one does.
    pub fn depth_options(mut self, options: DepthOptions) -> Self {
        self.config.depth = options;
        self
    }

    /// Sets how trades are kept: how many a reader on another thread can look back.
    pub fn trade_options(mut self, options: TradeOptions) -> Self {
        self.config.trades = options;
        self
    }

    /// Changes anything else.
    pub fn configure(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Subscribes a channel, as the dialect's documents write it: `books5:BTC-USDT`,
    /// `futures/depth5:BTC-USD-190517`.
    pub fn subscribe(self, channel: &str) -> Self {
        let dialect = self.config.session.dialect;
        self.add(Subscription::parse(dialect, channel))
    }

    /// Subscribes channels that are known already.
    pub fn subscriptions(mut self, subscriptions: impl IntoIterator<Item = Subscription>) -> Self {
        for subscription in subscriptions {
            self = self.add(Ok(subscription));
        }
        self
    }

    /// Has `f` called for each event, inline on the feed's own thread. For a sink that is no closure
    /// see [`ClientBuilder::sink`].
    pub fn on_event<F>(self, f: F) -> ClientBuilder<F>
    where
        // Of the closure itself, so that its argument needs no type: through `EventSink` the compiler
        // would not see that it must take an event of any lifetime.
        F: FnMut(&Event<'_>) + Send + 'static,
    {
        self.sink(f)
    }

    /// Has each event given to `sink`, inline on the feed's own thread.
    pub fn sink<T: EventSink + Send + 'static>(self, sink: T) -> ClientBuilder<T> {
        let Self { config, subscriptions, mistake, .. } = self;
        ClientBuilder { config, subscriptions, mistake, sink }
    }

    /// Subscribes five-level book and trades of a v3 instrument.
    pub(super) fn v3_instrument(self, market: Market, inst_id: &str) -> Self {
        let id = InstrumentId::new(inst_id).map_err(SubscriptionError::from);
        let of = |channel| id.clone().and_then(|id| Subscription::v3(market, channel, id));
        self.add(of(Channel::Depth5)).add(of(Channel::Trade))
    }

    /// Subscribes five-level book and trades of a v5 instrument.
    pub(super) fn v5_instrument(self, inst_id: &str) -> Self {
        let id = InstrumentId::new(inst_id).map_err(SubscriptionError::from);
        let of = |channel| id.clone().and_then(|id| Subscription::v5(channel, id));
        self.add(of(Channel::Books5)).add(of(Channel::Trades))
    }

    fn add(mut self, subscription: Result<Subscription, SubscriptionError>) -> Self {
        match subscription {
            Ok(subscription) if subscription.dialect() != self.config.session.dialect => {
                let wrong = || ClientError::WrongDialect(subscription.to_string());
                self.mistake.get_or_insert_with(wrong);
            }
            Ok(subscription) if !self.subscriptions.contains(&subscription) => {
                self.subscriptions.push(subscription);
            }
            Ok(_) => {}
            Err(error) => {
                self.mistake.get_or_insert_with(|| error.into());
            }
        }
        self
    }

    /// Starts the client on a thread of its own and gives a handle to it.
    ///
    /// Whether the exchange can be reached is no matter here: the client connects, and connects
    /// again, for as long as it runs.
    ///
    /// # Errors
    /// [`ClientError`] where a channel, the URL, the region, the proxy, a header, the credentials or the
    /// CA file is wrong, nothing was subscribed, or the thread could not be started.
    pub fn spawn(self) -> Result<Client, ClientError> {
        let Self { mut config, subscriptions, mistake, sink } = self;
        config.session.login = config.credentials.is_some();
        if let Some(mistake) = mistake {
            return Err(mistake);
        }
        if subscriptions.is_empty() {
            return Err(ClientError::NoSubscription);
        }
        if let Some(credentials) = &config.credentials {
            credentials.check()?;
        }
        let connector = Arc::new(Connector::new(&config.connect_options())?);
        let target = Target::parse(&config.address()?)?;
        let given = connector.route(target.clone())?;
        let routes = Routes { connector, targets: Targets::new(target), given };
        let most = config.max_subscriptions_per_connection.max(1);
        let groups = routes.targets.grouped(&subscriptions, most);
        let mut seeds: Vec<_> =
            groups.iter().map(|(path, group)| Seed::new(&config, *path, group)).collect();
        let mut readers = HashMap::new();
        for seed in &mut seeds {
            for subscription in seed.subscriptions().to_vec() {
                readers.insert(subscription, seed.readers(&subscription));
            }
        }
        let (commands, receiver) = tokio::sync::mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let clock = Clock::start();
        let shared = Shared {
            heartbeat: Heartbeat::new(clock.clone()),
            health: SharedHealth::new(clock.now().1),
            clock,
        };
        let of_handle = shared.clone();
        let run = move || {
            let local = tokio::task::LocalSet::new();
            let director = async move {
                Director::start(config, routes, seeds, sink, receiver, shared).run().await
            };
            let report = local.block_on(&runtime, director);
            drop(local);
            runtime.shutdown_background();
            report
        };
        let thread = std::thread::Builder::new().name("okx-feed".to_owned()).spawn(run)?;
        Ok(Client::new(subscriptions, readers, commands, of_handle, thread))
    }
}
