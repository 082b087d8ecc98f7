//! Subscriptions have one number each in a client, whichever connection an event comes from.
#![cfg(feature = "sim")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use okx_feed::sim::{Endpoint, ExchangeConfig, ServerThread};
use okx_feed::{Dialect, Event, Subscription, SubscriptionId};
use okx_feed_testkit::wait::wait_for;

use crate::config::quick;

const CHANNELS: [&str; 4] =
    ["books5:BTC-USDT", "bbo-tbt:BTC-USDT", "trades:BTC-USDT", "books:BTC-USDT-SWAP"];

#[tokio::test]
async fn a_subscription_has_one_number_on_all_connections() {
    let exchange = ServerThread::start("127.0.0.1:0", ExchangeConfig::default()).unwrap();
    let seen = Arc::new(Mutex::new(HashMap::<String, HashSet<SubscriptionId>>::new()));
    let of_sink = Arc::clone(&seen);
    let client = crate::over::builder(Dialect::V5)
        .url(exchange.url(Endpoint::V5Public))
        .subscribe(CHANNELS[0])
        .subscribe(CHANNELS[1])
        .redundancy(2)
        // So that each pair of subscriptions has connections of its own.
        .configure(|config| config.max_subscriptions_per_connection = 2)
        .configure(quick)
        .on_event(move |event| {
            let name = match event {
                Event::State(change) => change.subscription.to_string(),
                other => other.topic().map(|topic| topic.to_string()).unwrap_or_default(),
            };
            if !name.is_empty() {
                of_sink.lock().unwrap().entry(name).or_default().insert(event.subscription_id());
            }
        })
        .spawn()
        .unwrap();
    let subscriptions = CHANNELS.map(|channel| channel.parse::<Subscription>().unwrap());
    client.subscribe_all(subscriptions[2..].iter().copied()).unwrap();
    let books_and_states = || CHANNELS.iter().all(|name| seen.lock().unwrap().contains_key(*name));
    wait_for(|| books_and_states().then_some(())).await;
    let live = |of: &Subscription| client.state(of).is_some_and(|state| state.is_live());
    wait_for(|| subscriptions.iter().all(live).then_some(())).await;
    for (number, subscription) in subscriptions.iter().enumerate() {
        let id = SubscriptionId::new(number);
        assert_eq!(client.subscription_id(subscription), Some(id), "{subscription}");
        let ids = seen.lock().unwrap().get(&subscription.to_string()).cloned();
        assert_eq!(ids, Some(HashSet::from([id])), "{subscription}");
    }
    assert_eq!(client.subscription_id(&"trades:ETH-USDT".parse().unwrap()), None);
}
