//! Trades joined with their history: the joins on the feed's thread, and the thread that asks.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::config::ClientConfig;
use super::connection_id::ConnectionId;
use super::error::ClientError;
use super::selections::{ListAsk, Selections};
use super::snapshot_fetcher::{self, SnapshotAsk, SnapshotOf};
use crate::event::{Event, EventSink, TradeUpdate};
use crate::feed::SubscriptionNumbers;
use crate::model::{
    ChannelKind, Dialect, MonoNanos, Origin, Subscription, SubscriptionId, Trade, UnixNanos,
};
use crate::rest::join::{JoinStats, TradeJoin};
use crate::rest::{Request, RestClient, RestConfig, RestError};

/// For what something is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The join of trades of that number.
    Trades(usize),
    /// A book of a connection, by the number of the request.
    Book(ConnectionId, Subscription, u64),
    /// The list of instruments of that number.
    Instruments(usize),
}

/// What is asked for.
struct Ask {
    purpose: Purpose,
    request: Request,
    pause: Duration,
}

/// A book that a connection asks for.
#[derive(Debug)]
pub(super) struct BookAsk {
    pub(super) subscription: Subscription,
    pub(super) request: Request,
    pub(super) pause: Duration,
}

/// The reply to what was asked for.
pub(super) enum HistoryReply {
    /// Rows, or why there are none.
    Rows(Purpose, Result<String, RestError>),
    /// A snapshot in SBE.
    Snapshot(SnapshotOf, Vec<u8>),
}

/// A subscription and its join.
struct Joined {
    subscription: Subscription,
    id: SubscriptionId,
    join: TradeJoin,
}

/// The joins of a client's subscriptions of trades.
pub(super) struct TradeJoins {
    joins: Vec<Joined>,
    asks: Sender<Ask>,
    /// How many books were asked for.
    books: u64,
    /// Asks for snapshots in SBE, if the client has it.
    snapshots: Option<Sender<SnapshotAsk>>,
}

/// What a client has the REST interface for, and where the replies come in.
pub(super) struct History {
    pub(super) joins: TradeJoins,
    pub(super) selections: Option<Selections>,
    pub(super) replies: UnboundedReceiver<HistoryReply>,
}

/// Starts the joins of all subscriptions of trades, and the thread that asks for them and for the
/// lists of selections.
///
/// # Errors
/// [`ClientError::Rest`] where the REST client can't be set up, [`ClientError::NoHistory`] for v3
/// and for a URL without one of the REST interface, [`ClientError::Thread`].
pub(super) fn start(
    config: &ClientConfig,
    subscriptions: &[Subscription],
    selections: Option<Selections>,
    numbers: &SubscriptionNumbers,
) -> Result<Option<History>, ClientError> {
    let history = config.history.clone().unwrap_or_default();
    let is_sbe = config.session.sbe.is_some();
    if history.since.is_none() && !history.books && selections.is_none() && !is_sbe {
        return Ok(None);
    }
    if config.session.dialect == Dialect::V3 {
        return Err(ClientError::NoHistory("v3's trade ids have gaps"));
    }
    if config.url.is_some() && history.url.is_none() {
        let why = "a URL needs one of its REST interface too: rest_url";
        return Err(match selections {
            None if is_sbe => ClientError::Sbe(why),
            None => ClientError::NoHistory(why),
            Some(_) => ClientError::NoSelection(why),
        });
    }
    let rest = RestConfig {
        url: history.url.clone(),
        region: config.region,
        demo: config.demo,
        proxy: config.proxy.clone(),
        headers: config.headers.clone(),
        tls: config.tls.clone(),
        retry: history.retry,
        seed: config.seed,
        ..RestConfig::new(config.session.dialect)
    };
    let client = RestClient::new(&rest)?;
    let joins = subscriptions.iter().filter_map(|subscription| {
        let since = history.since?;
        (subscription.channel().kind() == ChannelKind::Trades).then(|| Joined {
            subscription: *subscription,
            id: numbers.number(*subscription),
            join: TradeJoin::new(*subscription.inst_id(), since),
        })
    });
    let (asks, receiver) = channel();
    let (sender, replies) = unbounded_channel();
    let snapshots = is_sbe
        .then(|| {
            let sender = sender.clone();
            let reply = move |of, body| sender.send(HistoryReply::Snapshot(of, body)).is_ok();
            snapshot_fetcher::start(&rest, &reply)
        })
        .transpose()?;
    let mut joins = TradeJoins { joins: joins.collect(), asks, books: 0, snapshots };
    (0..joins.joins.len()).for_each(|n| joins.ask(n));
    thread::Builder::new()
        .name("okx-feed-rest".to_owned())
        .spawn(move || serve(client, &receiver, &sender))?;
    Ok(Some(History { joins, selections, replies }))
}

/// Sends what is asked for, each after its pause, until nobody waits for replies.
fn serve(mut client: RestClient, asks: &Receiver<Ask>, replies: &UnboundedSender<HistoryReply>) {
    let mut queue: Vec<(MonoNanos, Ask)> = Vec::new();
    loop {
        let now = client.clock().mono();
        let first = (0..queue.len()).min_by_key(|n| queue.get(*n).map(|(at, _)| *at));
        let due = first.and_then(|n| queue.get(n)).map(|(at, _)| *at);
        let received = match due {
            None => asks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => asks.recv_timeout(at.since(now)),
        };
        match (received, first) {
            (Ok(ask), _) => queue.push((now + ask.pause, ask)),
            (Err(RecvTimeoutError::Timeout), Some(n)) => {
                let (_, ask) = queue.swap_remove(n);
                let rows = client.fetch_unless(ask.request, || replies.is_closed());
                let Some(rows) = rows else { return };
                if replies.send(HistoryReply::Rows(ask.purpose, rows)).is_err() {
                    return;
                }
            }
            (Err(_), _) => return,
        }
    }
}

impl TradeJoins {
    /// Passes a live trade on, through its join where it has one.
    #[inline]
    pub(super) fn on_trade(&mut self, update: &TradeUpdate<'_>, sink: &mut impl EventSink) {
        let n = self.joins.iter().position(|joined| joined.id == update.subscription_id);
        let Some((n, joined)) = n.and_then(|n| Some((n, self.joins.get_mut(n)?))) else {
            return sink.on_event(&Event::Trade(*update));
        };
        joined.join.on_live(update.trade, &mut |trade: &Trade, origin, missed| {
            // One that has waited is no first push any more.
            let replayed = update.replayed && trade.trade_id == update.trade.trade_id;
            let joined = TradeUpdate { trade, origin, missed, replayed, ..*update };
            sink.on_event(&Event::Trade(joined));
        });
        if joined.join.held() > 0 {
            self.ask(n);
        }
    }

    /// Processes a reply.
    pub(super) fn on_reply(
        &mut self,
        n: usize,
        rows: Result<String, RestError>,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        let Some(Joined { subscription, id, join }) = self.joins.get_mut(n) else { return };
        let topic = subscription.topic();
        let mut pass = |trade: &Trade, origin: Origin, missed: u64| {
            let subscription_id = *id;
            let update =
                TradeUpdate { subscription_id, missed, origin, ..TradeUpdate::new(topic, trade) };
            sink.on_event(&Event::Trade(update));
        };
        match rows {
            Ok(rows) => {
                let before = join.stats().unreadable;
                if let Err(error) = join.on_rows(&rows, ts_recv, &mut pass) {
                    let text = match join.stats().unreadable == before {
                        true => "a page of trades can't be read, and is requested again",
                        false => "trades are missing: their page can't be read",
                    };
                    tracing::warn!(%subscription, %error, "{text}");
                }
            }
            Err(error) => {
                tracing::warn!(%subscription, %error, "trades are missing: there is no history");
                join.on_failure(&mut pass);
            }
        }
        sink.on_drained();
        self.ask(n);
    }

    fn ask(&mut self, n: usize) {
        let Some(joined) = self.joins.get_mut(n) else { return };
        if let Some(next) = joined.join.next_request() {
            // Without that thread everything is about to end.
            let (purpose, request) = (Purpose::Trades(n), next.request);
            let _ = self.asks.send(Ask { purpose, request, pause: next.pause });
        }
    }

    /// Asks for a book of a connection. Gives the number of the request, which no other request of
    /// the client has.
    pub(super) fn ask_for_book(&mut self, id: ConnectionId, ask: BookAsk) -> u64 {
        let BookAsk { subscription, request, pause } = ask;
        self.books += 1;
        let purpose = Purpose::Book(id, subscription, self.books);
        // As above.
        let _ = self.asks.send(Ask { purpose, request, pause });
        self.books
    }

    /// Asks for a snapshot in SBE.
    pub(super) fn ask_for_snapshot(&self, ask: SnapshotAsk) {
        if let Some(snapshots) = &self.snapshots {
            // As above.
            let _ = snapshots.send(ask);
        }
    }

    /// Asks for lists of instruments.
    pub(super) fn ask_for_lists(&self, asks: Vec<ListAsk>) {
        for ListAsk { list, request, pause } in asks {
            // As above.
            let _ = self.asks.send(Ask { purpose: Purpose::Instruments(list), request, pause });
        }
    }

    /// What each subscription's join has done.
    pub(super) fn stats(&self) -> impl Iterator<Item = (Subscription, JoinStats)> {
        self.joins.iter().map(|joined| (joined.subscription, *joined.join.stats()))
    }
}
