//! Subscriptions by selection through the real client: listings join, delistings leave.
#![expect(clippy::disallowed_methods, reason = "a test of real sockets waits by the clock")]

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use okx_feed::model::SelectionError;
use okx_feed::sim::{Endpoint, ExchangeConfig, MarketConfig, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{BookState, Client, ClientError, Dialect, DownReason, Event, Subscription};

const LIMIT: Duration = Duration::from_secs(120);

/// What is seen of a subscription.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Live,
    Ended,
}

#[test]
fn a_selection_follows_a_listing_and_a_delisting() {
    let market = MarketConfig { depth: 10, events_per_sec: 2_000, ..MarketConfig::default() };
    // The connections are lost as it is listed: then the list has it.
    let faults =
        "list:at=1s,inst=NEW-USDT-SWAP;delist:at=2s,inst=ETH-USDT-SWAP;drop:at=1s,conn=1-2";
    let config =
        ExchangeConfig { market, faults: faults.parse().unwrap(), ..ExchangeConfig::default() };
    for lines in [1, 2] {
        let server = ServerThread::start("127.0.0.1:0", config.clone()).unwrap();
        let (sender, seen) = channel();
        let client = Client::builder(Dialect::V5)
            .select("books5:*-USDT-SWAP")
            .redundancy(lines)
            .url(server.url(Endpoint::V5Public))
            .rest_url(server.rest_url())
            .proxy(Proxy::Direct)
            .on_event(move |event| {
                // The test may have seen enough.
                let _ = match event {
                    Event::Book(update) => {
                        sender.send((Subscription::of(&update.topic).unwrap(), Seen::Live))
                    }
                    Event::State(change)
                        if change.to == BookState::Down(DownReason::Unsubscribed) =>
                    {
                        sender.send((*change.subscription, Seen::Ended))
                    }
                    _ => return,
                };
            })
            .configure(|config| config.session.backoff.first = Duration::from_millis(20))
            .spawn()
            .unwrap();
        let of = |id: &str| format!("books5:{id}-USDT-SWAP").parse::<Subscription>().unwrap();
        let (btc, eth, new) = (of("BTC"), of("ETH"), of("NEW"));
        let (mut live, mut ended) = (BTreeSet::new(), BTreeSet::new());
        let begin = Instant::now();
        while !ended.contains(&eth) || !live.contains(&new) {
            let (subscription, what) = seen.recv_timeout(LIMIT).unwrap();
            assert!(begin.elapsed() < LIMIT, "{live:?} {ended:?}");
            match what {
                Seen::Live => live.insert(subscription),
                Seen::Ended => ended.insert(subscription),
            };
        }
        assert_eq!(live.into_iter().collect::<Vec<_>>(), [btc, eth, new], "{lines} lines");
        assert_eq!(ended.into_iter().collect::<Vec<_>>(), [eth]);
        // The handle has readers of what has joined, and none of what has left.
        assert!(client.book_reader(&new).is_some() && client.book_reader(&eth).is_none());
        let books = client.subscriptions().into_iter().filter(|of| of.channel() == btc.channel());
        assert_eq!(books.collect::<BTreeSet<_>>(), BTreeSet::from([btc, new]));
    }
}

#[test]
fn selections_are_replaced_while_the_client_runs() {
    let market = MarketConfig { depth: 10, events_per_sec: 2_000, ..MarketConfig::default() };
    let config = ExchangeConfig { market, ..ExchangeConfig::default() };
    let server = ServerThread::start("127.0.0.1:0", config).unwrap();
    let client = |builder: okx_feed::ClientBuilder| {
        let builder = builder.url(server.url(Endpoint::V5Public)).rest_url(server.rest_url());
        builder.proxy(Proxy::Direct).subscribe("trades:BTC-USDT").spawn().unwrap()
    };
    let plain = client(Client::builder(Dialect::V5));
    assert!(matches!(plain.set_selections([]), Err(ClientError::NoSelection(_))));
    let client = client(Client::builder(Dialect::V5).selectable());
    let becomes = |wanted: &[&str]| {
        let wanted: BTreeSet<Subscription> = wanted.iter().map(|s| s.parse().unwrap()).collect();
        let begin = Instant::now();
        loop {
            let all = client.subscriptions().into_iter();
            let all = all.filter(|of| of.channel() != okx_feed::Channel::Instruments);
            let live = all.filter(|of| client.state(of) == Some(BookState::Live));
            let live: BTreeSet<_> = live.collect();
            if live == wanted {
                return;
            }
            assert!(begin.elapsed() < LIMIT, "{live:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let select = |texts: &[&str]| {
        client.set_selections(texts.iter().map(|text| text.parse().unwrap())).unwrap();
    };
    becomes(&["trades:BTC-USDT"]);
    select(&["books5:BTC-USDT*,type=SWAP"]);
    becomes(&["trades:BTC-USDT", "books5:BTC-USDT-SWAP"]);
    let kept = client.book_reader(&"books5:BTC-USDT-SWAP".parse().unwrap()).unwrap();
    select(&["books5:*-USDT-SWAP"]);
    becomes(&["trades:BTC-USDT", "books5:BTC-USDT-SWAP", "books5:ETH-USDT-SWAP"]);
    // What both have selected was not ended in between.
    assert!(kept.snapshot().state.is_live());
    select(&[]);
    becomes(&["trades:BTC-USDT"]);
}

#[test]
fn what_can_not_be_selected_is_refused_before_anything_is_connected() {
    let refused = |client: okx_feed::ClientBuilder| client.spawn().map(drop).unwrap_err();
    let bad = Client::builder(Dialect::V5).select("books5:");
    assert!(matches!(refused(bad), ClientError::Selection(SelectionError::Empty(_))));
    let v3 = Client::builder(Dialect::V3).select("books5:*");
    assert!(matches!(refused(v3), ClientError::WrongDialect(_)));
    let elsewhere = Client::builder(Dialect::V5).select("books5:*").url("ws://127.0.0.1:9");
    assert!(matches!(refused(elsewhere), ClientError::NoSelection(_)));
}
