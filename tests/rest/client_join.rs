//! The join through the real client, over real sockets.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use okx_feed::book::DepthAction;
use okx_feed::model::Origin;
use okx_feed::sim::{Endpoint, ExchangeConfig, MarketConfig, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{Client, ClientError, Dialect, Event, Market, UnixNanos};

#[test]
fn the_client_gives_one_sequence_from_the_past_through_its_reconnects() {
    let market = MarketConfig { depth: 10, events_per_sec: 4_000, ..MarketConfig::default() };
    let faults = "drop:every=300ms;gap:p=0.02,channel=trades;lag:p=0.2,by=500ms;holes:p=0.1;\
                  deny:nth=3,status=503,code=50001";
    let config =
        ExchangeConfig { market, faults: faults.parse().unwrap(), ..ExchangeConfig::default() };
    let server = ServerThread::start("127.0.0.1:0", config).unwrap();
    // Half an hour before the opening: some seven hundred fills.
    let since = server.inspect(|exchange| exchange.market().wall(exchange.now()).0);
    let since = UnixNanos(since - 1_800_000_000_000);
    let (sender, trades) = channel();
    let client = Client::v5("BTC-USDT")
        .with_trade_history(since)
        .url(server.url(Endpoint::V5Public))
        .rest_url(server.rest_url())
        .proxy(Proxy::Direct)
        .on_event(move |event| {
            if let Event::Trade(update) = event {
                // The test may have seen enough.
                let _ = sender.send((*update.trade, update.origin, update.missed));
            }
        })
        .configure(|config| config.session.backoff.first = Duration::from_millis(50))
        .spawn()
        .unwrap();
    let (mut history, mut live, mut healed, mut next) = (0, 0, 0, None);
    // Gaps are filled after the live feed was reached, and live trades follow them.
    while healed < 3 || live < 300 {
        let (trade, origin, missed) = trades.recv_timeout(Duration::from_secs(120)).unwrap();
        assert_eq!(missed, 0);
        assert!(next.is_none_or(|next| next == trade.first_id()), "{next:?} {trade:?}");
        next = Some(trade.trade_id + 1);
        assert!(trade.ts_event.as_millis() >= since.as_millis());
        match origin {
            Origin::History => {
                history += 1;
                healed += usize::from(live > 0);
            }
            Origin::Live => live += 1,
        }
    }
    assert!(history > 200, "{history}");
    let stats = client.stats().unwrap();
    let (subscription, stats) = stats.joins[0];
    assert_eq!(subscription.to_string(), "trades:BTC-USDT");
    assert!(stats.gaps > 1 && stats.missing == 0, "{stats:?}");
}

#[test]
fn what_has_no_history_is_refused_before_anything_is_connected() {
    let refused = |client: okx_feed::ClientBuilder| client.spawn().map(drop).unwrap_err();
    let v3 = Client::v3(Market::Futures, "BTC-USD-190517").with_trade_history(UnixNanos(1));
    assert!(matches!(refused(v3), ClientError::NoHistory(_)));
    let elsewhere = Client::v5("BTC-USDT").with_trade_history(UnixNanos(1)).url("ws://127.0.0.1:9");
    assert!(matches!(refused(elsewhere), ClientError::NoHistory(_)));
    let wrong = Client::v5("BTC-USDT").with_trade_history(UnixNanos(1)).rest_url("ws://127.0.0.1");
    assert!(matches!(refused(wrong), ClientError::Rest(_)));
}

/// The changes of a book: what changed it, from where, and whether it is live.
type Changes = Receiver<(DepthAction, Origin, bool)>;

/// A client that joins the book of `BTC-USDT` with snapshots, and an exchange with faults.
fn book_of(faults: &str) -> (ServerThread, Client, Changes) {
    let market = MarketConfig { depth: 30, events_per_sec: 3_000, ..MarketConfig::default() };
    let faults = faults.parse().unwrap();
    let config = ExchangeConfig { market, faults, ..ExchangeConfig::default() };
    let server = ServerThread::start("127.0.0.1:0", config).unwrap();
    let (sender, changes) = channel();
    let client = Client::builder(Dialect::V5)
        .subscribe("books:BTC-USDT")
        .with_book_snapshots()
        .url(server.url(Endpoint::V5Public))
        .rest_url(server.rest_url())
        .proxy(Proxy::Direct)
        .on_event(move |event| {
            if let Event::DepthBook(change) = event {
                let is_live = change.book.live().is_some();
                let _ = sender.send((change.update.action, change.origin, is_live));
            }
        })
        .spawn()
        .unwrap();
    (server, client, changes)
}

#[test]
fn a_broken_book_recovers_by_a_snapshot_without_a_request_to_subscribe() {
    let (_server, client, changes) = book_of("gap:each=15,channel=books;lag:p=0.2,by=300ms");
    let (mut sent, mut requested, mut live_after) = (0, 0, 0);
    while live_after < 60 || requested < 3 {
        let (action, origin, is_live) = changes.recv_timeout(Duration::from_secs(120)).unwrap();
        let is_requested = action == DepthAction::RestSnapshot;
        assert_eq!(origin == Origin::History, is_requested);
        sent += usize::from(action == DepthAction::Snapshot);
        requested += usize::from(is_requested);
        live_after += usize::from(requested > 0 && is_live);
    }
    // That of the subscription.
    assert_eq!(sent, 1);
    assert_eq!(client.stats().unwrap().session.resyncs, 0);
}

#[test]
fn a_book_whose_snapshot_was_refused_recovers_from_the_next_gap_by_one() {
    let faults = "gap:each=15,channel=books;deny:nth=1,status=400,code=51000";
    let (_server, client, changes) = book_of(faults);
    let (mut sent, mut requested, mut recovered) = (0, 0, false);
    // Bounded by pushes: a book that is never recovered has them too.
    for _ in 0..400 {
        let (action, _, is_live) = changes.recv_timeout(Duration::from_secs(120)).unwrap();
        sent += usize::from(action == DepthAction::Snapshot);
        requested += usize::from(action == DepthAction::RestSnapshot);
        recovered = sent == 2 && requested >= 2 && is_live;
        if recovered {
            break;
        }
    }
    assert!(recovered, "{sent} sent, {requested} requested");
    // That of the refused request.
    assert_eq!(client.stats().unwrap().session.resyncs, 1);
}
