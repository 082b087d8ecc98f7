//! The blocking client over real sockets.

use std::time::Duration;

use okx_feed::rest::{
    Request, RestClient, RestConfig, RestError, TimeSpan, TradeCursor, TradePager,
};
use okx_feed::sim::{ExchangeConfig, MarketConfig, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{Dialect, InstrumentId, Market, UnixNanos};

fn server(faults: &str) -> ServerThread {
    let market = MarketConfig { depth: 25, ..MarketConfig::default() };
    let faults = faults.parse().unwrap();
    let config = ExchangeConfig { market, faults, ..ExchangeConfig::default() };
    ServerThread::start("127.0.0.1:0", config).unwrap()
}

fn config(url: String, dialect: Dialect) -> RestConfig {
    RestConfig { url: Some(url), proxy: Proxy::Direct, ..RestConfig::new(dialect) }
}

fn client(server: &ServerThread, dialect: Dialect) -> RestClient {
    RestClient::new(&config(server.rest_url(), dialect)).unwrap()
}

fn btc() -> InstrumentId {
    "BTC-USDT".parse().unwrap()
}

#[test]
fn every_endpoint_answers() {
    let server = server("");
    let mut v5 = client(&server, Dialect::V5);
    let id = btc();
    let now = v5.time().unwrap();
    assert!(v5.status().unwrap().is_empty());
    let book = v5.book(&Request::book(&id, 400)).unwrap();
    assert!(book.seq.is_some() && book.asks[0].px() > book.bids[0].px());
    let full = v5.book(&Request::full_book(&id, 5_000)).unwrap();
    assert_eq!((full.seq, full.asks.len() >= 25), (None, true));
    assert_eq!(v5.trades(&Request::trades(&id, 500)).unwrap().len(), 500);
    let spot = v5.instruments(Market::Spot, &Request::instruments(Market::Spot, None, None));
    assert!(spot.unwrap().iter().any(|row| row.inst_id == id && row.tick_sz.is_some()));
    let bar = "1m".parse().unwrap();
    let before = |millis: u64| UnixNanos(now.0 - millis * 1_000_000);
    let span = TimeSpan { since: before(599_999), until: before(1) };
    assert_eq!(v5.candles(&Request::newest_candles(&id, bar, span)).unwrap().len(), 10);
    let begin = UnixNanos(now.0 - 6 * 86_400_000_000_000);
    let files =
        Request::files(okx_feed::rest::Module::Trades, Market::Spot, "BTC-USDT", begin, now);
    assert!((4..=6).contains(&v5.files(&files).unwrap().len()));
    let mut v3 = client(&server, Dialect::V3);
    assert_eq!(v3.trades(&Request::v3_trades(Market::Spot, &id, None)).unwrap().len(), 60);
    let minute = Duration::from_secs(60);
    let span = TimeSpan { since: before(3_600_000), until: now };
    let candles = v3.candles(&Request::v3_candles(Market::Spot, &id, minute, span)).unwrap();
    assert!((59..=61).contains(&candles.len()));
    assert!(!v3.book(&Request::v3_book(Market::Spot, &id, 5)).unwrap().bids.is_empty());
    let listed = v3.instruments(Market::Spot, &Request::v3_instruments(Market::Spot)).unwrap();
    assert!(listed.iter().any(|row| row.inst_id == id));
}

#[test]
fn failures_that_pass_are_retried_and_others_are_not() {
    let server = server("deny:nth=1,status=200;deny:nth=2,status=503,code=50001;short:nth=3");
    let mut client = client(&server, Dialect::V5);
    let page = Request::history_trades(&btc(), TradeCursor::Newest, 100);
    assert_eq!(client.trades(&page).unwrap().len(), 100);
    assert_eq!((client.stats().retries, client.stats().limited), (3, 1));
    let unknown = Request::history_trades(&"NO-SUCH".parse().unwrap(), TradeCursor::Newest, 1);
    let error = client.trades(&unknown).unwrap_err();
    assert!(matches!(error, RestError::Refused { code: 51_001, .. }), "{error}");
}

#[test]
fn a_walk_is_complete_and_never_breaks_a_limit() {
    let server = server("lag:p=0.2,by=3s;holes:p=0.2;short:p=0.02");
    let mut client = client(&server, Dialect::V5);
    let mut pager = TradePager::new(btc(), None, None);
    let mut trades = Vec::new();
    while let Some(page) = pager.next() {
        let rows = client.fetch_after(page.request, page.pause).unwrap();
        pager.on_rows(&rows, &mut trades).unwrap();
    }
    assert_eq!((trades.len(), pager.missing()), (500, 0));
    assert!(trades.windows(2).all(|pair| pair[0].trade_id + 1 == pair[1].trade_id));
    assert_eq!(client.stats().limited, 0);
}

#[test]
fn wrong_options_are_reported_before_any_request() {
    let new = |url: &str| RestClient::new(&config(url.to_owned(), Dialect::V5)).map(drop);
    for bad in ["ws://x", "x", "http://", "https:///path"] {
        assert!(matches!(new(bad), Err(RestError::Url { .. })), "{bad}");
    }
    assert!(matches!(RestClient::new(&RestConfig::new(Dialect::V3)), Err(RestError::NoUrl)));
    let proxy = Proxy::Url("ftp://x".to_owned());
    let wrong = RestConfig { proxy, ..RestConfig::new(Dialect::V5) };
    assert!(matches!(RestClient::new(&wrong), Err(RestError::Transport(_))));
}
