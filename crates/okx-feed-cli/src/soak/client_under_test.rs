//! One client of the soak.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::book_checker::{BookChecker, CheckerStats};
use super::clock_steps::KnownClockSteps;
use crate::error::{CliError, say};
use okx_feed::client::{ConnectionStats, TransportKind};
use okx_feed::feed::StaleLimits;
use okx_feed::sim::{Endpoint, Exchange, Listing, MarketConfig, ServerHandle};
use okx_feed::transport::Proxy;
use okx_feed::{BookState, Client, Dialect, MonoNanos, Subscription};

/// How the clients connect.
pub(super) struct Connect {
    /// The issuer to trust, where they connect over `wss://`.
    pub(super) ca_file: Option<PathBuf>,
    pub(super) transport: TransportKind,
    pub(super) busy_poll: bool,
    pub(super) thread_per_connection: bool,
}

/// One client with its checker.
pub(super) struct ClientUnderTest {
    pub(super) endpoint: Endpoint,
    pub(super) client: Client,
    pub(super) stats: Arc<CheckerStats>,
    /// From when on the ages of its books are meaningful.
    pub(super) ages_from: MonoNanos,
}

impl ClientUnderTest {
    pub(super) fn start(
        (server, connect): (&ServerHandle, &Connect),
        endpoint: Endpoint,
        listings: &[Listing],
        (market, clock_steps): (&MarketConfig, &Arc<KnownClockSteps>),
        stale_after: Duration,
        record: Option<PathBuf>,
    ) -> Result<Self, CliError> {
        let names = listings.iter().flat_map(|l| {
            let (id, market) = (l.inst_id(), l.market());
            match endpoint.dialect() {
                Dialect::V3 => ["depth", "depth5", "trade"].map(|c| format!("{market}/{c}:{id}")),
                Dialect::V5 => ["books", "books5", "trades"].map(|c| format!("{c}:{id}")),
            }
        });
        let subscriptions = names.map(|name| name.parse::<Subscription>());
        let subscriptions =
            subscriptions.collect::<Result<Vec<_>, _>>().map_err(CliError::Channel)?;
        let stats = Arc::new(CheckerStats::default());
        let port = server.local_addr().port();
        let client = Client::builder(endpoint.dialect())
            .url(match connect.ca_file {
                Some(_) => format!("wss://localhost:{port}{}", endpoint.path()),
                None => format!("ws://{}{}", server.local_addr(), endpoint.path()),
            })
            .proxy(Proxy::Direct)
            .subscriptions(subscriptions)
            .redundancy(2)
            .configure(|config| {
                config.seed = market.seed;
                config.stale = StaleLimits::books(stale_after);
                config.record = record.map(Into::into);
                config.tls.ca_file.clone_from(&connect.ca_file);
                config.transport = connect.transport;
                config.busy_poll = connect.busy_poll;
                config.thread.per_connection = connect.thread_per_connection;
            })
            .sink(BookChecker::new(market, Arc::clone(clock_steps), Arc::clone(&stats)))
            .spawn()?;
        Ok(Self { endpoint, client, stats, ages_from: MonoNanos::ZERO })
    }

    /// Whether every connection has all its books.
    pub(super) fn is_ready(&self) -> Result<bool, CliError> {
        if self.stats.is_stalled() {
            // To ask its thread would stall this one too, and the exchange with it.
            return Ok(false);
        }
        Ok(self.client.connections()?.iter().all(|connection| connection.ready))
    }

    /// Writes to standard error which connections lack a book, and what may be the reason.
    pub(super) fn report_not_ready(&self) -> Result<(), CliError> {
        let connections = self.client.connections()?;
        for connection in connections.iter().filter(|connection| !connection.ready) {
            let ConnectionStats { group, line, live, refused, requests_left, lag, .. } = connection;
            say(format_args!(
                "not ready: {} group {group} line {line}: {live} live, {refused} refused, \
                 {requests_left} requests left, {lag:.1?} behind",
                self.endpoint.dialect()
            ));
        }
        Ok(())
    }

    /// How many books are live though nothing has come for them for longer than `bound`.
    pub(super) fn too_old(&self, bound: Duration) -> usize {
        let (_, now) = self.client.clock().now();
        let is_old = |subscription: &Subscription| {
            let view = self.client.book_reader(subscription).map(|reader| reader.snapshot());
            view.is_some_and(|view| {
                let last = self.stats.last_message(subscription).unwrap_or_default();
                let last = view.value.ts_recv.max(last);
                view.state.is_live() && now.since(last).is_some_and(|age| age > bound)
            })
        };
        self.client.subscriptions().iter().filter(|subscription| is_old(subscription)).count()
    }

    /// Whether a book is live and equal to the exchange's own now.
    pub(super) fn is_current(&self, subscription: &Subscription, exchange: &Exchange) -> bool {
        let Some(reader) = self.client.book_reader(subscription) else {
            return self.client.state(subscription) == Some(BookState::Live);
        };
        let (market, view) = (exchange.market(), reader.snapshot());
        let truth = market.find(subscription.inst_id().as_str()).and_then(|i| market.book5(i));
        truth.is_some_and(|truth| {
            let book = view.value;
            view.state.is_live() && book.asks() == truth.asks() && book.bids() == truth.bids()
        })
    }
}
