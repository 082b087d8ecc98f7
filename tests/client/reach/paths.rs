//! The exchange's paths, regions and demo trading.

use okx_feed::model::ChannelPath;
use okx_feed::sim::Endpoint;
use okx_feed::transport::Region;
use okx_feed::{Channel, ClientConfig, ClientError};

use super::*;

const FILLS: &str = "trades-all:BTC-USDT";

/// The number of connections of each path.
fn paths(server: &ServerHandle) -> [usize; 2] {
    server.inspect(|exchange| {
        let all: Vec<_> = exchange.ids().into_iter().map(|id| exchange.endpoint(id)).collect();
        [Endpoint::V5Public, Endpoint::V5Business]
            .map(|path| all.iter().filter(|one| **one == Some(path)).count())
    })
}

#[tokio::test]
async fn one_client_serves_channels_of_both_paths() {
    let server = exchange().await;
    for given in ["public", "business", "private"] {
        let client = client(&format!("ws://{}/ws/v5/{given}", server.local_addr()))
            .subscribe(BOOK)
            .subscribe(FILLS)
            .subscribe("trades:BTC-USDT")
            .spawn()
            .unwrap();
        is_live(&client, BOOK).await;
        is_live(&client, FILLS).await;
        assert_eq!(paths(&server), [1, 1]);
        client.stop();
        wait_for(|| (paths(&server) == [0, 0]).then_some(())).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_channel_of_another_path_can_be_added_later() {
    let server = exchange().await;
    let client = client(&format!("ws://{}/ws/v5/public", server.local_addr()))
        .subscribe(BOOK)
        .spawn()
        .unwrap();
    is_live(&client, BOOK).await;
    client.subscribe(sub(FILLS)).unwrap();
    is_live(&client, FILLS).await;
    client.subscribe(sub("trades-all:ETH-USDT")).unwrap();
    client.subscribe(sub("books5:ETH-USDT")).unwrap();
    is_live(&client, "trades-all:ETH-USDT").await;
    is_live(&client, "books5:ETH-USDT").await;
    assert_eq!(paths(&server), [1, 1]);
    client.stop();
    server.shutdown().await;
}

#[test]
fn every_channel_has_a_path_of_its_protocol() {
    for channel in Channel::ALL {
        let of_v3 = channel.path() == ChannelPath::V3;
        assert_eq!(of_v3, channel.dialect() == Dialect::V3, "{channel}");
    }
}

#[test]
fn region_and_demo_trading_choose_the_address_unless_a_url_is_given() {
    let address = |change: fn(&mut ClientConfig)| {
        let mut config = ClientConfig::new(Dialect::V5);
        change(&mut config);
        config.address().unwrap()
    };
    assert_eq!(address(|_| {}), "wss://ws.okx.com/ws/v5/public");
    assert_eq!(address(|c| c.region = Region::Eea), "wss://wseea.okx.com/ws/v5/public");
    assert_eq!(address(|c| c.demo = true), "wss://wspap.okx.com/ws/v5/public");
    let url = |c: &mut ClientConfig| (c.demo, c.url) = (true, Some("ws://h/".to_owned()));
    assert_eq!(address(url), "ws://h/");
    let v3 = crate::over::builder(Dialect::V3).subscribe("spot/depth5:BTC-USDT").demo().spawn();
    assert!(matches!(v3.unwrap_err(), ClientError::NoRegion));
}
