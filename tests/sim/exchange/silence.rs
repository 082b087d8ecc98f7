//! Open connections without data: of all channels, of one channel, of one subscription.

use std::collections::BTreeMap;

use okx_feed::sim::{Endpoint, FaultKind, Outbound, TransportFault};
use serde_json::Value;

use crate::exchange::bench::*;
use crate::exchange::faulty::*;

/// The number of data messages of each channel since the last call.
fn data(bench: &mut Bench) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (channel, ..) in bench.texts().iter().filter_map(|text| data_of(text)) {
        *counts.entry(channel.rsplit('/').next().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn channels(bench: &mut Bench) -> Vec<String> {
    data(bench).into_keys().collect()
}

fn names(endpoint: Endpoint) -> [&'static str; 3] {
    if endpoint == Endpoint::V3 {
        ["depth", "depth5", "trade"]
    } else {
        ["books", "books5", "trades"]
    }
}

/// The request for one of the three subscriptions.
fn request_for(endpoint: Endpoint, op: &str, at: usize) -> String {
    let channel = names(endpoint)[at];
    match endpoint {
        Endpoint::V3 => v3_request(op, &[format!("spot/{channel}:BTC-USDT")]),
        _ => v5_request(op, &[(channel, "BTC-USDT")]),
    }
}

#[test]
fn a_silent_connection_answers_and_has_no_data_until_it_ends() {
    for endpoint in BOTH {
        let mut bench = after(endpoint, "silence:at=1s", 1);
        assert_eq!(channels(&mut bench), names(endpoint));
        bench.wait(60_000 * MS);
        assert_eq!(bench.inbox, []);
        bench.send("ping");
        assert_eq!(bench.texts(), ["pong"]);
        // A new request is answered and changes nothing: only a reconnect does.
        let replies = bench.replies(&request(endpoint));
        assert!(replies.len() == 3 && replies.iter().all(|reply| reply["event"] == "subscribe"));
        bench.wait(10_000 * MS);
        assert_eq!(bench.inbox, []);
        assert_eq!(count(&bench, FaultKind::Silence), 1);
        bench.exchange.disconnect(bench.id);
        bench.id = bench.exchange.connect(endpoint, bench.now);
        bench.send(&request(endpoint));
        bench.wait(500 * MS);
        assert_eq!(channels(&mut bench), names(endpoint));
    }
}

#[test]
fn events_in_a_silence_are_lost_and_later_ones_are_sent() {
    let mut bench = after(Endpoint::V5Public, "silence:at=1s,for=2s", 1);
    data(&mut bench);
    bench.wait(1_999 * MS);
    assert_eq!(bench.inbox, []);
    bench.wait(2_000 * MS);
    let updates: Vec<_> = bench.texts().into_iter().filter_map(|text| data_of(&text)).collect();
    let first = updates.iter().find(|(channel, ..)| channel == "books").unwrap();
    let plain = run(Endpoint::V5Public, "", 1);
    let last = plain.iter().filter_map(|message| data_of(&text_of(message)));
    let last = last.filter(|(channel, ..)| channel == "books").last().unwrap();
    // The chain of sequence numbers shows the loss.
    assert!(first.2["prevSeqId"].as_i64() > last.2["seqId"].as_i64());
}

#[test]
fn one_channel_or_one_instrument_is_silent() {
    for endpoint in BOTH {
        let [books, five, trades] = names(endpoint);
        let rule = format!("silence:at=1s,channel={five}");
        let mut bench = after(endpoint, &rule, 1);
        data(&mut bench);
        bench.wait(5_000 * MS);
        assert_eq!(channels(&mut bench), [books, trades]);
        bench.send(&request_for(endpoint, "subscribe", 1));
        bench.wait(5_000 * MS);
        assert_eq!(channels(&mut bench), [books, trades]);

        let mut other = after(endpoint, "silence:at=1s,inst=ETH-USDT", 1);
        data(&mut other);
        other.wait(1_000 * MS);
        assert_eq!(channels(&mut other), names(endpoint));
        let mut ours = after(endpoint, "silence:at=1s,inst=BTC-USDT", 1);
        data(&mut ours);
        ours.wait(1_000 * MS);
        assert_eq!(ours.inbox, []);
    }
}

#[test]
fn a_silence_may_hold_replies_back_too() {
    let mut bench = after(Endpoint::V5Public, "silence:at=1s,on=any", 2);
    bench.texts();
    bench.send("ping");
    bench.send(&request(Endpoint::V5Public));
    bench.wait(20_000 * MS);
    assert_eq!(bench.inbox, []);

    let mut bench = after(Endpoint::V5Public, "silence:at=1s,on=reply", 2);
    bench.texts();
    bench.send("ping");
    bench.send(&request(Endpoint::V5Public));
    bench.wait(1_000 * MS);
    let texts = bench.texts();
    assert!(texts.len() > 3 && texts.iter().all(|text| data_of(text).is_some()), "{texts:?}");
}

#[test]
fn a_forgotten_subscription_is_silent_until_it_is_asked_for_again() {
    for endpoint in BOTH {
        let [books, five, trades] = names(endpoint);
        let mut bench = after(endpoint, &format!("forget:at=1s,channel={books}"), 1);
        data(&mut bench);
        bench.wait(30_000 * MS);
        assert_eq!(channels(&mut bench), [five, trades]);
        bench.send(&request_for(endpoint, "subscribe", 0));
        bench.wait(1_000 * MS);
        assert_eq!(channels(&mut bench), names(endpoint));

        // All of an instrument; or one, by chance.
        let mut all = after(endpoint, "forget:at=1s,inst=BTC-USDT", 1);
        data(&mut all);
        all.wait(1_000 * MS);
        assert_eq!(all.inbox, []);
        let mut one = after(endpoint, "forget:at=1s", 1);
        data(&mut one);
        one.wait(5_000 * MS);
        assert_eq!(channels(&mut one).len(), 2);
        assert_eq!(count(&one, FaultKind::Forget), 1);
        // Without a subscription to forget, the fault has not happened.
        let none = after(endpoint, "forget:at=1s,inst=ETH-USDT;unsub:at=1s,inst=ETH-USDT", 2);
        assert_eq!(none.exchange.faults().total(), 0);
    }
}

#[test]
fn an_unasked_end_is_acknowledged_and_carried_out() {
    for endpoint in BOTH {
        let mut bench = after(endpoint, "unsub:at=1s,inst=BTC-USDT,times=1", 1);
        let replies = bench.texts().split_off(3);
        let replies = replies.into_iter().filter(|text| data_of(text).is_none());
        let replies: Vec<Value> =
            replies.map(|text| serde_json::from_str(&text).unwrap()).collect();
        assert_eq!(replies.len(), 3);
        for reply in &replies {
            assert_eq!(reply["event"], "unsubscribe");
            assert_eq!(reply.get("id"), None);
            let name = match endpoint {
                Endpoint::V3 => reply["channel"].as_str().unwrap(),
                _ => reply["arg"]["instId"].as_str().unwrap(),
            };
            assert!(name.ends_with("BTC-USDT"), "{reply}");
        }
        bench.wait(20_000 * MS);
        assert_eq!(bench.inbox, []);
        bench.send(&request(endpoint));
        bench.wait(1_000 * MS);
        assert_eq!(channels(&mut bench), names(endpoint));
    }
}

#[test]
fn a_subscription_without_data_is_served_after_it_is_requested_again() {
    for endpoint in BOTH {
        let [books, five, trades] = names(endpoint);
        let mut bench = after(endpoint, &format!("nodata:channel={five},nth=1"), 10);
        let events = bench.texts();
        let acks = events.iter().filter(|text| text.contains(r#""event":"subscribe""#));
        assert_eq!(acks.count(), 3);
        bench.inbox.clear();
        bench.wait(10_000 * MS);
        assert_eq!(channels(&mut bench), [books, trades]);
        bench.send(&request_for(endpoint, "subscribe", 1));
        bench.wait(1_000 * MS);
        assert_eq!(channels(&mut bench), names(endpoint));
        // It ends the active subscription, and its end is no opportunity.
        let mut never = after(endpoint, "nodata", 10);
        assert_eq!(data(&mut never), BTreeMap::new());
        never.send(&request_for(endpoint, "unsubscribe", 1));
        assert_eq!(count(&never, FaultKind::NoData), 3);
    }
}

#[test]
fn a_proxy_pings_while_the_exchange_behind_it_is_dead() {
    let rules = "silence:at=1s,on=any;wsping:every=5s";
    for endpoint in BOTH {
        let mut bench = after(endpoint, rules, 1);
        bench.texts();
        for _ in 0..60 {
            bench.send("ping");
            bench.wait(1_000 * MS);
        }
        let ping = Outbound::Fault(TransportFault::Ping);
        assert_eq!(bench.inbox, vec![ping; 12]);
    }
    // A ping of the WebSocket is no traffic of the exchange.
    let mut config = config("wsping:every=5s");
    config.market.events_per_sec = 0;
    let mut quiet = Bench::new(Endpoint::V5Public, &config);
    quiet.wait(31_000 * MS);
    assert_eq!(quiet.close_code(), Some(4004));
}
