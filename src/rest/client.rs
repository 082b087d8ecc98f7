//! The REST client: `ureq` on the crate's rustls, blocking. The only part of `rest` with I/O.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, SocksConnector, TcpConnector,
};
use ureq::{Agent, ProxyProtocol};

use super::caller::{Caller, CallerStats, Step};
use super::endpoint::Endpoint;
use super::error::RestError;
use super::reply::Reply;
use super::request::Request;
use super::retry::RetryConfig;
use super::rows::{BookSnapshot, DataFile, HistoryCandle, Maintenance};
use super::tls::TlsConnector;
use super::{instruments, v3, v5};
use crate::model::{Dialect, Instrument, Market, Trade, UnixNanos};
use crate::rest::error::RowError;
use crate::transport::{
    Clock, ExtraHeaders, HttpProxy, Proxy, Region, TlsConfig, USER_AGENT, http_proxy, retry_after,
    without_user,
};

/// The longest body that is read; the longest of the exchange has about 2 MB.
const MAX_BODY: u64 = 32 << 20;

/// How long it sleeps before it looks whether anybody still waits.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// `market-data-history` refuses the user agents of libraries.
const BROWSER_AGENT: &str =
    concat!("Mozilla/5.0 (compatible; okx-feed/", env!("CARGO_PKG_VERSION"), ")");

/// The options of a [`RestClient`].
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// The address, `https://HOST` or `http://HOST:PORT`; `None` for the exchange's own address of
    /// the region.
    pub url: Option<String>,
    /// The dialect that is spoken there.
    pub dialect: Dialect,
    /// The region of the address, where no URL is given.
    pub region: Region,
    /// Whether requests are about demo trading.
    pub demo: bool,
    /// The proxy that requests go through; by default the one that the environment names.
    pub proxy: Proxy,
    /// Further headers of every request.
    pub headers: ExtraHeaders,
    /// The certificates that are trusted on `https://`.
    pub tls: TlsConfig,
    /// How long a request may take from the look-up of the name to the last byte; 30 s.
    pub timeout: Duration,
    /// When failed requests are sent again.
    pub retry: RetryConfig,
    /// Seed of the jitter of the pauses.
    pub seed: u64,
}

impl RestConfig {
    /// The defaults of a dialect: the exchange's own address.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            url: None,
            dialect,
            region: Region::default(),
            demo: false,
            proxy: Proxy::default(),
            headers: ExtraHeaders::default(),
            tls: TlsConfig::default(),
            timeout: Duration::from_secs(30),
            retry: RetryConfig::default(),
            seed: fastrand::u64(..),
        }
    }
}

/// The address of a region's REST interface, which serves demo trading too.
///
/// Source: `docs/PROTOCOL.md` 2.1.
#[must_use]
pub const fn rest_url(region: Region) -> &'static str {
    match region {
        Region::Global => "https://openapi.okx.com",
        Region::Eea => "https://eea.okx.com",
        Region::Us => "https://us.okx.com",
    }
}

/// A client of the REST interface. Blocking: a request takes as long as it and its repetitions do,
/// and waits where the exchange's limits say so. Connections are kept open.
///
/// # Example
/// ```no_run
/// use okx_feed::Dialect;
/// use okx_feed::rest::{Request, RestClient, RestConfig, TradeCursor};
///
/// let mut client = RestClient::new(&RestConfig::new(Dialect::V5))?;
/// let id = "BTC-USDT".parse().unwrap();
/// for trade in client.trades(&Request::history_trades(&id, TradeCursor::Newest, 100))? {
///     println!("{} {} {}", trade.trade_id, trade.px(), trade.sz());
/// }
/// # Ok::<(), okx_feed::rest::RestError>(())
/// ```
pub struct RestClient {
    agent: Agent,
    base: String,
    headers: ExtraHeaders,
    demo: bool,
    clock: Clock,
    caller: Caller,
    on_retry: OnRetry,
    stop: Arc<AtomicBool>,
}

/// Is called with the target of a request that failed, and why.
type OnRetry = Box<dyn FnMut(&str, &str) + Send + Sync>;

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestClient").field("base", &self.base).finish_non_exhaustive()
    }
}

impl RestClient {
    /// Makes a client. Connects at the first request.
    ///
    /// # Errors
    /// [`RestError::Url`], [`RestError::NoUrl`], or [`RestError::Transport`] where the proxy, a
    /// header or the CA file is wrong.
    pub fn new(config: &RestConfig) -> Result<Self, RestError> {
        let base = match (&config.url, config.dialect) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Dialect::V5) => rest_url(config.region).to_owned(),
            (None, Dialect::V3) => return Err(RestError::NoUrl),
        };
        let bad = || RestError::Url { url: without_user(&base) };
        let (secure, rest) = match base.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(bad()),
        };
        if rest.is_empty() || rest.starts_with('/') {
            return Err(bad());
        }
        config.headers.check()?;
        let scheme = if secure { "wss" } else { "ws" };
        let proxy = http_proxy(&config.proxy, &format!("{scheme}://{rest}"))?;
        let options = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(config.timeout))
            .user_agent(USER_AGENT)
            .proxy(proxy.map(|proxy| ureq_proxy(&proxy)).transpose()?)
            .build();
        let connector =
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector(config.tls.client_config()?));
        Ok(Self {
            agent: Agent::with_parts(options, connector, DefaultResolver::default()),
            base,
            headers: config.headers.clone(),
            demo: config.demo,
            clock: Clock::start(),
            caller: Caller::new(config.retry, config.seed),
            on_retry: Box::new(|_, _| {}),
            stop: Arc::default(),
        })
    }

    /// The clock of the client's limits.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Calls `on_retry` with the path and query of each request that failed and is sent again, and
    /// with what it failed with.
    pub fn on_retry(&mut self, on_retry: impl FnMut(&str, &str) + Send + Sync + 'static) {
        self.on_retry = Box::new(on_retry);
    }

    /// Ends each request with [`RestError::Stopped`] once a flag is set, within 100 ms while
    /// nothing is on its way.
    pub fn stop_when(&mut self, flag: Arc<AtomicBool>) {
        self.stop = flag;
    }

    /// What was sent so far.
    #[must_use]
    pub const fn stats(&self) -> &CallerStats {
        self.caller.stats()
    }

    /// Sends a request once, without regard to the limits.
    ///
    /// # Errors
    /// Why there is no reply, in words.
    pub fn send(&self, request: &Request) -> Result<Reply, String> {
        let mut builder = self.agent.get(format!("{}{}", self.base, request.target()));
        for (name, value) in &self.headers.0 {
            builder = builder.header(name, value);
        }
        if self.demo {
            builder = builder.header("x-simulated-trading", "1");
        }
        if request.endpoint() == Endpoint::MarketDataHistory {
            builder = builder.header("User-Agent", BROWSER_AGENT);
        }
        let mut reply = builder.call().map_err(|error| error.to_string())?;
        let status = reply.status().as_u16();
        let now = UNIX_EPOCH + Duration::from_nanos(self.clock.system().0);
        let pause = |text: &str, now: SystemTime| retry_after(text, now);
        let after = reply.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let retry_after = after.and_then(|text| pause(text, now));
        let body = reply.body_mut().with_config().limit(MAX_BODY).read_to_vec();
        let body = body.map_err(|error| error.to_string())?;
        Ok(Reply { status, retry_after, body })
    }

    /// Sends a request, within the limits and again where it fails in a way that passes. Returns
    /// the rows as JSON text.
    ///
    /// # Errors
    /// [`RestError::Refused`], [`RestError::GaveUp`] or [`RestError::Stopped`].
    pub fn fetch(&mut self, request: Request) -> Result<String, RestError> {
        self.fetch_after(request, Duration::ZERO)
    }

    /// As [`RestClient::fetch`], after a pause.
    ///
    /// # Errors
    /// As [`RestClient::fetch`].
    pub fn fetch_after(&mut self, request: Request, pause: Duration) -> Result<String, RestError> {
        self.caller.start(request, self.clock.mono() + pause);
        let stop = Arc::clone(&self.stop);
        self.run(|| stop.load(Ordering::Relaxed)).unwrap_or(Err(RestError::Stopped))
    }

    /// As [`RestClient::fetch`], unless `is_over` says that nobody waits for it any more: then
    /// there is no result. It is asked ten times a second while nothing is on its way.
    pub(crate) fn fetch_unless(
        &mut self,
        request: Request,
        is_over: impl Fn() -> bool,
    ) -> Option<Result<String, RestError>> {
        self.caller.start(request, self.clock.mono());
        self.run(is_over)
    }

    fn run(&mut self, is_over: impl Fn() -> bool) -> Option<Result<String, RestError>> {
        while !is_over() {
            let now = self.clock.mono();
            match self.caller.poll(now) {
                Step::Wait(at) => thread::sleep(at.since(now).min(LONGEST_SLEEP)),
                Step::Send => {
                    let request = self.caller.request()?.clone();
                    let reply = self.send(&request);
                    let reply = reply.as_ref().map_err(String::as_str);
                    let result = self.caller.on_reply(reply, self.clock.mono());
                    if result.is_some() {
                        return result;
                    }
                    if let Some(why) = self.caller.failure() {
                        (self.on_retry)(request.target(), why);
                    }
                }
                Step::Idle => return None,
            }
        }
        None
    }

    /// The trades of a request, newest first.
    ///
    /// # Errors
    /// [`RestError`].
    pub fn trades(&mut self, request: &Request) -> Result<Vec<Trade>, RestError> {
        let by = if is_v3(request) { v3::trades } else { v5::trades };
        self.rows(request, by)
    }

    /// The candles of a request, newest first.
    ///
    /// # Errors
    /// [`RestError`].
    pub fn candles(&mut self, request: &Request) -> Result<Vec<HistoryCandle>, RestError> {
        let by = if is_v3(request) { v3::candles } else { v5::candles };
        self.rows(request, by)
    }

    /// The book of a request.
    ///
    /// # Errors
    /// [`RestError`].
    pub fn book(&mut self, request: &Request) -> Result<BookSnapshot, RestError> {
        let by = if is_v3(request) { v3::book } else { v5::book };
        self.rows(request, by)
    }

    /// The instruments of a request about a market.
    ///
    /// # Errors
    /// [`RestError`].
    pub fn instruments(
        &mut self,
        market: Market,
        request: &Request,
    ) -> Result<Vec<Instrument>, RestError> {
        let is_v3 = is_v3(request);
        self.rows(request, |rows| match is_v3 {
            true => instruments::v3_instruments(market, rows),
            false => instruments::instruments(rows, Dialect::V5),
        })
    }

    /// The exchange's time (v5).
    ///
    /// # Errors
    /// [`RestError`].
    pub fn time(&mut self) -> Result<UnixNanos, RestError> {
        self.rows(&Request::time(), v5::time)
    }

    /// Announced and running maintenance (v5).
    ///
    /// # Errors
    /// [`RestError`].
    pub fn status(&mut self) -> Result<Vec<Maintenance>, RestError> {
        self.rows(&Request::status(), v5::status)
    }

    /// The files of a request.
    ///
    /// # Errors
    /// [`RestError`].
    pub fn files(&mut self, request: &Request) -> Result<Vec<DataFile>, RestError> {
        self.rows(request, v5::files)
    }

    fn rows<R>(
        &mut self,
        request: &Request,
        parse: impl FnOnce(&str) -> Result<R, RowError>,
    ) -> Result<R, RestError> {
        let rows = self.fetch(request.clone())?;
        let target = || request.target().to_owned();
        parse(&rows).map_err(|why| RestError::Row { target: target(), why })
    }
}

fn is_v3(request: &Request) -> bool {
    request.endpoint().dialect() == Dialect::V3
}

fn ureq_proxy(proxy: &HttpProxy) -> Result<ureq::Proxy, RestError> {
    let protocol = if proxy.is_socks { ProxyProtocol::Socks5 } else { ProxyProtocol::Http };
    let mut builder = ureq::Proxy::builder(protocol)
        .host(&proxy.host)
        .port(proxy.port)
        // The proxy resolves the exchange's name, as it does for the WebSockets.
        .resolve_target(false);
    if let Some((user, password)) = &proxy.auth {
        builder = builder.username(user).password(password);
    }
    let url = || RestError::Url { url: format!("{}:{}", proxy.host, proxy.port) };
    builder.build().map_err(|_| url())
}
