//! The builder of a client.

mod spawn;

#[cfg(feature = "rest")]
use std::sync::Arc;

use super::config::ClientConfig;
use super::credentials::Credentials;
use super::error::ClientError;
use super::handle::Client;
#[cfg(feature = "rest")]
use super::history_config::HistoryConfig;
use crate::event::{Event, EventSink, NoSink};
use crate::feed::DepthOptions;
use crate::model::{Channel, Dialect, InstrumentId, Market, Subscription, SubscriptionError};
#[cfg(feature = "rest")]
use crate::model::{InstrumentCodes, Selection, UnixNanos};
use crate::publish::TradeOptions;
use crate::transport::{Proxy, Region};

/// Builds a client. Errors of its options are reported by [`ClientBuilder::spawn`].
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
    /// `None` where the client never selects.
    #[cfg(feature = "rest")]
    selections: Option<Vec<Selection>>,
    mistake: Option<ClientError>,
    sink: S,
}

impl ClientBuilder<NoSink> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            config: ClientConfig::new(dialect),
            subscriptions: Vec::new(),
            #[cfg(feature = "rest")]
            selections: None,
            mistake: None,
            sink: NoSink,
        }
    }
}

impl Client {
    /// A builder of a client of a dialect.
    pub fn builder(dialect: Dialect) -> ClientBuilder {
        ClientBuilder::new(dialect)
    }

    /// A client of five-level book and trades of one v3 instrument, such as
    /// `(Market::Futures, "BTC-USD-190517")`.
    pub fn v3(market: Market, inst_id: &str) -> ClientBuilder {
        ClientBuilder::new(Dialect::V3).v3_instrument(market, inst_id)
    }

    /// A client of five-level book and trades of one v5 instrument, such as `BTC-USDT`.
    pub fn v5(inst_id: &str) -> ClientBuilder {
        ClientBuilder::new(Dialect::V5).v5_instrument(inst_id)
    }
}

impl<S: EventSink + Send + 'static> ClientBuilder<S> {
    /// Connects to another address than the exchange's own ([`ClientConfig::url`]).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.config.url = Some(url.into());
        self
    }

    /// Connects to the exchange's address of a region. [`ClientBuilder::url`] takes precedence.
    pub fn region(mut self, region: Region) -> Self {
        self.config.region = region;
        self
    }

    /// Connects to demo trading. [`ClientBuilder::url`] takes precedence.
    pub fn demo(mut self) -> Self {
        self.config.demo = true;
        self
    }

    /// Connects through a proxy, or through none, whatever the environment says.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.config.proxy = proxy;
        self
    }

    /// Adds a header to the request that opens a connection.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.headers.0.push((name.into(), value.into()));
        self
    }

    /// Also trusts the CA certificates of a PEM file.
    pub fn ca_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.config.tls.ca_file = Some(path.into());
        self
    }

    /// Logs in on every connection before anything is subscribed, as v5's tick-by-tick books need.
    ///
    /// This crate logs nothing of the key. tungstenite's own log shows every frame at `trace`, the
    /// login among them: keep it lower where `log` is collected.
    pub fn login(mut self, credentials: Credentials) -> Self {
        self.config.credentials = Some(credentials);
        self
    }

    /// Opens this many redundant connections (lines) with the same subscriptions. The first copy of
    /// each update is passed on, so that the loss of one connection is not noticed while another is
    /// up to date.
    pub fn redundancy(mut self, connections: usize) -> Self {
        self.config.redundancy = connections;
        self
    }

    /// Busy-polls instead of blocking: one core for lower latency ([`ClientConfig::busy_poll`]).
    pub fn busy_poll(mut self) -> Self {
        self.config.busy_poll = true;
        self
    }

    /// Records every frame that is received, on every connection, to files in a directory:
    /// [`Replay`](crate::Replay) plays them again. For the other options give a
    /// [`RecordConfig`](crate::capture::RecordConfig).
    ///
    /// The feed's thread copies each frame once, after the sink has had its events. A writer that
    /// falls behind, or a disk that is full, costs lines of the recording, which are counted
    /// ([`Client::recording`]), and never stops the feed.
    #[cfg(feature = "capture")]
    pub fn record(mut self, config: impl Into<crate::capture::RecordConfig>) -> Self {
        self.config.record = Some(config.into());
        self
    }

    /// Sets how order books are kept: their capacity, their checks, and what a broken one does.
    pub fn depth_options(mut self, options: DepthOptions) -> Self {
        self.config.depth = options;
        self
    }

    /// Sets how trades are kept: how many a reader on another thread can look back.
    pub fn trade_options(mut self, options: TradeOptions) -> Self {
        self.config.trades = options;
        self
    }

    /// Joins live trades with their history: the sink gets every trade at or after `since` once, in
    /// the order of ids, without a gap (feature `rest`, v5 only).
    ///
    /// What happened before the first live trade comes from the REST interface, and so does what a
    /// reconnect or a lost message has left out; meanwhile live trades wait. History has single
    /// fills, the channel `trades` merges those of a taker order at one price: ids and `count` say
    /// which. [`TradeUpdate::origin`](crate::TradeUpdate::origin) is where a trade comes from, and
    /// [`TradeUpdate::missed`](crate::TradeUpdate::missed) what the exchange itself does not have.
    /// Applies to the builder's own subscriptions of trades. Readers ([`Client::trades`]) have the
    /// live trades alone, as they come.
    ///
    /// Where [`ClientBuilder::url`] is given, [`ClientBuilder::rest_url`] is needed too.
    ///
    /// # Example
    /// ```no_run
    /// use okx_feed::{Client, Event, UnixNanos};
    ///
    /// let yesterday = UnixNanos(1_795_910_400_000_000_000);
    /// let client = Client::v5("BTC-USDT")
    ///     .with_trade_history(yesterday)
    ///     .on_event(|event| {
    ///         if let Event::Trade(update) = event {
    ///             println!("{} {:?}", update.trade.trade_id, update.origin);
    ///         }
    ///     })
    ///     .spawn()?;
    /// # Ok::<(), okx_feed::ClientError>(())
    /// ```
    #[cfg(feature = "rest")]
    pub fn with_trade_history(mut self, since: UnixNanos) -> Self {
        self.history().since = Some(since);
        self
    }

    /// Lets a broken order book of `books` or `books-l2-tbt` recover by a snapshot of the REST
    /// interface, with which the updates that come meanwhile are joined by sequence number (feature
    /// `rest`, v5 only). That takes none of the requests to subscribe, of which an hour has few,
    /// and also begins a book for which the exchange sends no snapshot. Where it fails, the book is
    /// subscribed again as without it.
    /// [`DepthChange::origin`](crate::DepthChange::origin) is where a message comes from.
    ///
    /// Where [`ClientBuilder::url`] is given, [`ClientBuilder::rest_url`] is needed too.
    #[cfg(feature = "rest")]
    pub fn with_book_snapshots(mut self) -> Self {
        self.history().books = true;
        self
    }

    /// The address of the REST interface, where it is not the exchange's own; for
    /// [`ClientBuilder::with_trade_history`] and [`ClientBuilder::with_book_snapshots`], which may
    /// come before or after.
    #[cfg(feature = "rest")]
    pub fn rest_url(mut self, url: impl Into<String>) -> Self {
        self.history().url = Some(url.into());
        self
    }

    #[cfg(feature = "rest")]
    fn history(&mut self) -> &mut HistoryConfig {
        self.config.history.get_or_insert_default()
    }

    /// Uses v5's binary encoding, SBE, for `trades`, `bbo-tbt` and `books-l2-tbt` of the
    /// instruments in `codes`, on the path that serves it (feature `rest`). Other channels, and
    /// instruments without a code, are as without it. Events and books are the same.
    ///
    /// Every connection of that path logs in, so [`ClientBuilder::login`] is needed. Order books
    /// begin with a snapshot of the REST interface, one at a time. The codes are those of
    /// [`Instruments::codes`](crate::model::Instruments::codes).
    ///
    /// Where [`ClientBuilder::url`] is given, [`ClientBuilder::rest_url`] is needed too.
    #[cfg(feature = "rest")]
    pub fn sbe(mut self, codes: InstrumentCodes) -> Self {
        self.config.session.sbe = Some(Arc::new(codes));
        self
    }

    /// Changes any other option.
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

    /// Adds subscriptions.
    pub fn subscriptions(mut self, subscriptions: impl IntoIterator<Item = Subscription>) -> Self {
        for subscription in subscriptions {
            self = self.add(Ok(subscription));
        }
        self
    }

    /// Subscribes a channel of all instruments that fit, those that are listed later too, as
    /// [`Selection`] writes it: `books5:*-USDT-SWAP` (feature `rest`, v5 only).
    ///
    /// The client fetches the lists of instruments, and subscribes `instruments` of the types that
    /// may fit, whose records the sink gets. What is listed is subscribed, and what is delisted is
    /// unsubscribed; [`Event::State`] is emitted for both. What the caller subscribes itself stays.
    /// Readers of what has joined are at the [`Client`] by their subscription
    /// ([`Client::subscriptions`]).
    ///
    /// Where [`ClientBuilder::url`] is given, [`ClientBuilder::rest_url`] is needed too.
    ///
    /// # Example
    /// ```no_run
    /// use okx_feed::{Client, Dialect};
    ///
    /// let client = Client::builder(Dialect::V5).select("books5:*-USDT-SWAP").spawn()?;
    /// # Ok::<(), okx_feed::ClientError>(())
    /// ```
    #[cfg(feature = "rest")]
    pub fn select(self, selection: &str) -> Self {
        match selection.parse() {
            Ok(selection) => self.selections([selection]),
            Err(error) => {
                let mut builder = self;
                builder.mistake.get_or_insert(ClientError::Selection(error));
                builder
            }
        }
    }

    /// Adds selections.
    #[cfg(feature = "rest")]
    pub fn selections(mut self, selections: impl IntoIterator<Item = Selection>) -> Self {
        for selection in selections {
            self.selections.get_or_insert_default().push(selection);
        }
        self
    }

    /// Prepares for [`Client::set_selections`] a client that may begin without a selection: starts
    /// the thread that fetches lists of instruments (feature `rest`, v5 only).
    #[cfg(feature = "rest")]
    pub fn selectable(mut self) -> Self {
        self.selections.get_or_insert_default();
        self
    }

    /// Calls `f` for each event, on the feed's thread. For a sink that is no closure see
    /// [`ClientBuilder::sink`].
    pub fn on_event<F>(self, f: F) -> ClientBuilder<F>
    where
        // Of the closure itself, so that its argument needs no type: through `EventSink` the
        // compiler would not see that it must take an event of any lifetime.
        F: FnMut(&Event<'_>) + Send + 'static,
    {
        self.sink(f)
    }

    /// Passes each event to `sink`, on the feed's thread.
    pub fn sink<T: EventSink + Send + 'static>(self, sink: T) -> ClientBuilder<T> {
        ClientBuilder {
            config: self.config,
            subscriptions: self.subscriptions,
            #[cfg(feature = "rest")]
            selections: self.selections,
            mistake: self.mistake,
            sink,
        }
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
}
