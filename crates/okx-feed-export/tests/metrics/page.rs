//! The stream of the page: what it gives of a running client, and how many may be open.

use okx_feed::Subscription;
use okx_feed_export::web;
use serde_json::Value;

use crate::http::events;
use crate::running::{Running, wait};

#[test]
fn a_page_follows_a_subscription_that_was_ended_and_is_back() {
    let running = Running::start(&["books5:BTC-USDT", "trades:BTC-USDT"]);
    let page = web::serve("127.0.0.1:0".parse().unwrap(), running.feeds(), None).unwrap();
    let mut given = events(page.addr(), "sub=books5%3ABTC-USDT").unwrap();
    let mut state = |wanted: &str| {
        wait(wanted, || {
            let (_, tick) = given.next().unwrap();
            (tick["book"]["state"] == wanted).then(|| tick["book"].clone())
        })
    };
    let first = state("live");
    let both: [Subscription; 2] =
        ["books5:BTC-USDT", "trades:BTC-USDT"].map(|s| s.parse().unwrap());
    both.iter().for_each(|one| running.client.unsubscribe(one).unwrap());
    state("down_unsubscribed");
    running.client.subscribe_all(both).unwrap();
    let again = state("live");
    assert!(again["ts_recv"].as_u64() > first["ts_recv"].as_u64());
    // Its trades as well.
    wait("trades", || {
        let (name, tick) = given.next().unwrap();
        (name == "tick" && !tick["trades"].as_array().unwrap().is_empty()).then_some(())
    });
}

#[test]
fn every_trade_is_given_once_and_in_order_with_its_own_digits() {
    let running = Running::start(&["trades:BTC-USDT"]);
    let trades = running.client.trade_reader(&"trades:BTC-USDT".parse().unwrap()).unwrap();
    let page = web::serve("127.0.0.1:0".parse().unwrap(), running.feeds(), None).unwrap();
    let mut seen = Vec::<Value>::new();
    for (name, tick) in events(page.addr(), "").unwrap() {
        if name == "tick" {
            assert_eq!(tick["left_out"], 0);
            seen.extend(tick["trades"].as_array().unwrap().iter().cloned());
        }
        if seen.len() > 200 {
            break;
        }
    }
    let known: Vec<_> = trades.since(0).map(|(_, trade)| trade).collect();
    let mut compared = 0;
    let mut last = 0;
    for one in &seen {
        let id: u64 = one["id"].as_str().unwrap().parse().unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
        let Some(trade) = known.iter().find(|trade| trade.trade_id == id) else { continue };
        assert_eq!(one["px"], trade.px().to_string());
        assert_eq!(one["sz"], trade.sz().to_string());
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn so_many_pages_are_open_at_a_time_and_a_closed_one_makes_room() {
    let running = Running::start(&["books5:BTC-USDT"]);
    let page = web::serve("127.0.0.1:0".parse().unwrap(), running.feeds(), None).unwrap();
    let mut open: Vec<_> = (0..16).map(|_| events(page.addr(), "").unwrap()).collect();
    assert!(events(page.addr(), "").is_none());
    open.pop();
    let mut again = wait("room for a page", || events(page.addr(), ""));
    assert_eq!(again.next().unwrap().0, "hello");
}

#[test]
fn what_was_not_subscribed_is_not_picked() {
    let running = Running::start(&["books5:BTC-USDT", "books5:ETH-USDT"]);
    let page = web::serve("127.0.0.1:0".parse().unwrap(), running.feeds(), None).unwrap();
    let picked = |query: &str| events(page.addr(), query).unwrap().next().unwrap().1["sub"].clone();
    assert_eq!(picked("sub=books5%3AETH-USDT"), "books5:ETH-USDT");
    assert_eq!(picked("sub=books5%3AETH-USDT&feed=main"), "books5:ETH-USDT");
    for odd in ["", "sub=", "sub=%00", "sub=%ff%fe", "feed=none", "&&&=", "sub=%3Cscript%3E"] {
        assert_eq!(picked(odd), "books5:BTC-USDT", "{odd}");
    }
}
