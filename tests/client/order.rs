//! Subscriptions are connected in their order, where the host accepts a few connections at a time.
#![cfg(all(feature = "client", feature = "sim"))]

use std::sync::mpsc;
use std::time::Duration;

use okx_feed::sim::{Endpoint, ExchangeConfig, Listing, MarketConfig, ServerThread};
use okx_feed::{BookState, Event, Subscription};

#[test]
fn connections_are_opened_in_the_order_of_their_subscriptions() {
    let listings = Listing::generate(40);
    let market = MarketConfig { listings: listings.clone(), ..MarketConfig::default() };
    let config = ExchangeConfig { market, ..ExchangeConfig::default() };
    let exchange = ServerThread::start("127.0.0.1:0", config).unwrap();
    let asked: Vec<Subscription> =
        listings.iter().map(|of| format!("books5:{}", of.inst_id()).parse().unwrap()).collect();
    let (sender, acknowledged) = mpsc::channel();
    let feed = crate::over::builder(okx_feed::Dialect::V5)
        .url(exchange.url(Endpoint::V5Public).replace("127.0.0.1", "localhost"))
        .subscriptions(asked.clone())
        .configure(|config| {
            config.max_subscriptions_per_connection = 1;
            // One at a time, so that the order can be seen.
            config.session.connect_limit.attempts = 1;
            config.session.connect_limit.per = Duration::from_millis(50);
        })
        .on_event(move |event| {
            if let Event::State(change) = event
                && change.from == BookState::Connecting
            {
                let _ = sender.send(*change.subscription);
            }
        })
        .spawn()
        .unwrap();
    let mut order = Vec::new();
    while order.len() < asked.len() {
        order.push(acknowledged.recv_timeout(Duration::from_secs(120)).unwrap());
    }
    // On a busy machine handshakes overlap, and may end in another order than they began in.
    for (place, subscription) in asked.iter().enumerate() {
        let opened = order.iter().position(|of| of == subscription).unwrap();
        assert!(opened.abs_diff(place) < 10, "{subscription} as number {opened}: {order:?}");
    }
    let health = feed.health();
    assert_eq!((health.open, health.connections), (40, 40));
    assert_eq!(health.to_string(), "40 of 40 connections");
}
