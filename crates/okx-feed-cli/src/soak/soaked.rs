//! One client of the soak.

use std::sync::Arc;
use std::time::Duration;

use super::clock::ToldClock;
use super::witness::{Verdict, Witness};
use crate::error::CliError;
use okx_feed::sim::{Endpoint, Exchange, Listing, MarketConfig, ServerHandle};
use okx_feed::{BookState, Client, Dialect, MonoNanos, Proxy, StaleLimits, Subscription};

/// One client, and who judges it.
pub(super) struct Soaked {
    pub(super) endpoint: Endpoint,
    pub(super) client: Client,
    pub(super) verdict: Arc<Verdict>,
    /// From when on the ages of what it shows tell something.
    pub(super) ages_from: MonoNanos,
}

impl Soaked {
    pub(super) fn start(
        server: &ServerHandle,
        endpoint: Endpoint,
        listings: &[Listing],
        (market, told): (&MarketConfig, &Arc<ToldClock>),
        stale_after: Duration,
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
        let verdict = Arc::new(Verdict::default());
        let client = Client::builder(endpoint.dialect())
            .url(format!("ws://{}{}", server.local_addr(), endpoint.path()))
            .proxy(Proxy::Direct)
            .subscriptions(subscriptions)
            .lines(2)
            .configure(|config| {
                config.seed = market.seed;
                config.stale = StaleLimits::books(stale_after);
            })
            .sink(Witness::new(market, Arc::clone(told), Arc::clone(&verdict)))
            .spawn()?;
        Ok(Self { endpoint, client, verdict, ages_from: MonoNanos::ZERO })
    }

    /// Whether every connection has all its books.
    pub(super) fn is_well(&self) -> Result<bool, CliError> {
        if self.verdict.stands_still() {
            // To ask its thread would be to stand still too, and the exchange with it.
            return Ok(false);
        }
        Ok(self.client.connections()?.iter().all(|connection| connection.well))
    }

    /// How many books are live though nothing has come for them for longer than that may be.
    pub(super) fn too_old(&self, bound: Duration) -> usize {
        let (_, now) = self.client.clock().now();
        let is_old = |subscription: &Subscription| {
            let view = self.client.book_reader(subscription).map(|reader| reader.snapshot());
            view.is_some_and(|view| {
                let heard = self.verdict.heard(subscription).unwrap_or_default();
                let last = view.book.ts_recv.max(heard);
                view.state.is_live() && now.since(last).is_some_and(|age| age > bound)
            })
        };
        self.client.subscriptions().iter().filter(|subscription| is_old(subscription)).count()
    }

    /// Whether a book is live and the exchange's own now.
    pub(super) fn is_own(&self, subscription: &Subscription, exchange: &Exchange) -> bool {
        let Some(reader) = self.client.book_reader(subscription) else {
            return self.client.state(subscription) == Some(BookState::Live);
        };
        let (market, view) = (exchange.market(), reader.snapshot());
        let truth = market.find(subscription.inst_id().as_str()).and_then(|i| market.book5(i));
        truth.is_some_and(|truth| {
            let book = view.book;
            view.state.is_live() && book.asks() == truth.asks() && book.bids() == truth.bids()
        })
    }
}
