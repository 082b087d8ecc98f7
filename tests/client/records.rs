//! Records over real sockets: each on its path, live, and read from another thread.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use okx_feed::model::{Candle, FundingRate, Liquidation, MarkPrice, RecordType, Ticker};
use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::{BookState, Client, Dialect, Record, Subscription};
use okx_feed_testkit::wait::wait_for;

async fn latest<T: RecordType + Copy>(client: &Client, text: &str) -> T {
    let subscription: Subscription = text.parse().unwrap();
    let reader = client.record_reader(&subscription).unwrap();
    let record: Record = wait_for(|| reader.live()).await;
    assert_eq!(client.state(&subscription), Some(BookState::Live));
    *record.get::<T>().unwrap()
}

async fn run(lines: usize) {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 500;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let client = Client::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .subscribe("tickers:BTC-USDT")
        .subscribe("mark-price:BTC-USDT-SWAP")
        .subscribe("index-tickers:BTC-USDT")
        .subscribe("funding-rate:BTC-USDT-SWAP")
        .subscribe("candle1m:BTC-USDT")
        .subscribe("trades-all:BTC-USDT")
        .subscribe("liquidation-orders:SWAP")
        .subscribe("instruments:SPOT")
        .subscribe("status")
        .redundancy(lines)
        .spawn()
        .unwrap();
    let ticker: Ticker = latest(&client, "tickers:BTC-USDT").await;
    assert!(ticker.last.is_some() && ticker.ask_px > ticker.bid_px);
    let mark: MarkPrice = latest(&client, "mark-price:BTC-USDT-SWAP").await;
    assert!(mark.mark_px > okx_feed::Decimal::ZERO);
    let funding: FundingRate = latest(&client, "funding-rate:BTC-USDT-SWAP").await;
    assert_eq!((funding.next_funding_rate, funding.method.as_str()), (None, "current_period"));
    let candle: Candle = latest(&client, "candle1m:BTC-USDT").await;
    assert!(candle.low <= candle.close && candle.close <= candle.high);
    let liquidations: Subscription = "liquidation-orders:SWAP".parse().unwrap();
    let reader = client.record_ring_reader(&liquidations).unwrap();
    let last = wait_for(|| reader.last()).await;
    assert!(last.get::<Liquidation>().unwrap().inst_id.as_str().ends_with("-SWAP"));
    let instruments = client.record_ring_reader(&"instruments:SPOT".parse().unwrap()).unwrap();
    wait_for(|| (instruments.next() > 1).then_some(())).await;
    let status = client.record_ring_reader(&"status".parse().unwrap()).unwrap();
    wait_for(|| status.last()).await;
    let stats = client.stats().unwrap();
    assert_eq!(
        (stats.feed.malformed(), stats.feed.unread.total(), stats.feed.skipped.total()),
        (0, 0, 0)
    );
    assert_eq!((stats.rejections, stats.feed.unsubscribed), (0, 0));
    // Two paths, each with its lines.
    assert_eq!(client.connections().unwrap().len(), 2 * lines);
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn records_are_live_each_on_its_path() {
    run(1).await;
}

#[tokio::test]
async fn redundant_lines_have_records_too() {
    run(2).await;
}

#[tokio::test]
async fn v3_has_records_as_well() {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = 500;
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let client = Client::builder(Dialect::V3)
        .url(format!("ws://{}/ws/v3", server.local_addr()))
        .subscribe("spot/ticker:BTC-USDT")
        .subscribe("swap/mark_price:BTC-USDT-SWAP")
        .subscribe("swap/funding_rate:BTC-USDT-SWAP")
        .subscribe("swap/candle60s:BTC-USDT-SWAP")
        .spawn()
        .unwrap();
    let ticker: Ticker = latest(&client, "spot/ticker:BTC-USDT").await;
    assert!(ticker.last.is_some() && ticker.ask_px > ticker.bid_px);
    let mark: MarkPrice = latest(&client, "swap/mark_price:BTC-USDT-SWAP").await;
    assert!(mark.mark_px > okx_feed::Decimal::ZERO);
    let funding: FundingRate = latest(&client, "swap/funding_rate:BTC-USDT-SWAP").await;
    assert!(funding.next_funding_rate.is_some());
    let candle: Candle = latest(&client, "swap/candle60s:BTC-USDT-SWAP").await;
    assert!(candle.vol_ccy.is_some() && candle.confirm.is_none());
    client.stop();
    server.shutdown().await;
}
