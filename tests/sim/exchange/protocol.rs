//! Requests and their answers: acknowledgements, errors, greetings, silence.

use okx_feed::MonoNanos;
use okx_feed::sim::{Endpoint, ExchangeConfig, Limits, MarketConfig};
use serde_json::Value;

use crate::exchange::bench::*;

#[test]
fn acknowledgements_come_in_order_and_before_all_data() {
    for endpoint in ENDPOINTS {
        let mut bench = Bench::new(endpoint, &busy());
        let request = everything(endpoint);
        bench.send(&request);
        let request: Value = serde_json::from_str(&request).unwrap();
        let args = request["args"].as_array().unwrap();
        let texts = bench.texts();
        assert_eq!(texts.len(), 2 * args.len());
        let (acks, data) = texts.split_at(args.len());
        for (ack, arg) in acks.iter().zip(args) {
            let ack: Value = serde_json::from_str(ack).unwrap();
            assert_eq!(ack["event"], "subscribe");
            assert_eq!(if endpoint == Endpoint::V3 { &ack["channel"] } else { &ack["arg"] }, arg);
        }
        assert!(data.iter().all(|text| data_of(text).is_some()));
    }
}

#[test]
fn v3_refuses_with_its_codes() {
    let limits = Limits { v3_requests_per_hour: Some(12), ..Limits::default() };
    let mut bench = Bench::new(Endpoint::V3, &ExchangeConfig { limits, ..busy() });
    let mut code = |request: &str| {
        let replies = bench.replies(request);
        assert_eq!(replies.len(), 1, "{request}: {replies:?}");
        assert_eq!(replies[0]["event"], "error");
        replies[0]["errorCode"].as_i64().unwrap()
    };
    assert_eq!(code("hello"), 30039);
    assert_eq!(code(r#"{"op":"subscribe"}"#), 30039);
    for arg in [
        "spot/tickerinvalid:NEO-USDT",
        "spot/depth5:NO-SUCH",
        "spot/depth5:BTC-USD-190517",
        "index/depth5:BTC-USDT",
        "spot/books5:BTC-USDT",
        "depth5:BTC-USDT",
        "spot/depth5",
    ] {
        assert_eq!(code(&v3_request("subscribe", &[arg.to_owned()])), 30040, "{arg}");
    }
    assert_eq!(code(r#"{"op":"login","args":["key","phrase","1","sign"]}"#), 30027);
    let long: Vec<_> = (0..200).map(|_| "futures/depth5:BTC-USD-190517".to_owned()).collect();
    assert_eq!(code(&v3_request("subscribe", &long)), 30039);
    assert_eq!(code(&v3_request("unsubscribe", &["spot/xyz:A-B".to_owned()])), 30040);
    assert_eq!(code(&v3_request("subscribe", &["spot/depth5:BTC-USDT".to_owned()])), 30026);
}

#[test]
fn v5_refuses_with_its_codes() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    let mut code = |request: &str| {
        let replies = bench.replies(request);
        assert_eq!(replies.len(), 1, "{request}: {replies:?}");
        assert_eq!(replies[0]["event"], "error");
        assert_eq!(replies[0]["connId"].as_str().unwrap().len(), 8);
        replies[0]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code("hello"), "60012");
    assert_eq!(code(r#"{"op":"subscribe","argss":[]}"#), "60012");
    assert_eq!(code(r#"{"op":"subscribe","args":[]}"#), "60013");
    assert_eq!(code(r#"{"op":"dance","args":[]}"#), "60019");
    assert_eq!(code(r#"{"op":"login","args":[{"apiKey":"x"}]}"#), "60032");
    for arg in [("no-such", "BTC-USDT"), ("books5", "NO-SUCH"), ("depth5", "BTC-USDT")] {
        assert_eq!(code(&v5_request("subscribe", &[arg])), "60018", "{arg:?}");
    }
    assert_eq!(code(&v5_request("subscribe", &[("trades-all", "BTC-USDT")])), "64001");

    let limits = Limits { v5_requests_per_hour: Some(2), ..Limits::default() };
    let config = ExchangeConfig { limits, ..busy() };
    let mut bench = Bench::new(Endpoint::V5Business, &config);
    let subscribe = v5_request("subscribe", &[("trades", "BTC-USDT")]);
    assert_eq!(bench.replies(&subscribe)[0]["code"], "64002");
    assert_eq!(bench.replies("x")[0]["code"], "60012");
    assert_eq!(bench.replies(&subscribe)[0]["code"], "60014");
    bench.wait(29_000 * MS);
    bench.send("ping");
    assert_eq!(bench.texts(), ["pong"]);
}

#[test]
fn a_v5_request_that_is_too_long_closes_the_connection() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    bench.send(&v5_request("subscribe", &[("books5", "BTC-USDT"); 2_000]));
    assert_eq!(bench.close_code(), Some(1009));
    bench.wait(1_000 * MS);
    assert_eq!(bench.inbox.len(), 1);
}

#[test]
fn the_id_of_a_request_is_echoed_first() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    bench.send(
        r#"{"id":"1512","op":"subscribe","args":[{"channel":"books5","instId":"BTC-USDT"},
            {"channel":"books5","instId":"NO-SUCH"}]}"#,
    );
    let texts = bench.texts();
    assert!(texts[0].starts_with(r#"{"id":"1512","event":"subscribe","arg":{"channel":"#));
    assert!(texts[1].starts_with(r#"{"id":"1512","event":"error","msg":"Wrong URL or channel:"#));
    assert_eq!(texts.len(), 3);
}

#[test]
fn the_last_trade_follows_the_subscription_however_old() {
    let mut config = busy();
    config.market.events_per_sec = 0;
    for endpoint in ENDPOINTS {
        let mut bench = Bench::new(endpoint, &config);
        let arg = match endpoint {
            Endpoint::V3 => v3_request("subscribe", &["swap/trade:BTC-USD-SWAP".to_owned()]),
            Endpoint::V5Business => v5_request("subscribe", &[("trades-all", "BTC-USD-SWAP")]),
            _ => v5_request("subscribe", &[("trades", "BTC-USD-SWAP")]),
        };
        bench.send(&arg);
        let texts = bench.texts();
        assert_eq!(texts.len(), 2, "{texts:?}");
        let (_, inst_id, data) = data_of(&texts[1]).unwrap();
        assert_eq!(inst_id, "BTC-USD-SWAP");
        let market = bench.exchange.market();
        let inst = market.find("BTC-USD-SWAP").unwrap();
        let trade = market.trade(inst, market.last_print(inst).unwrap()).unwrap();
        assert!(trade.ts_event < market.wall(MonoNanos::ZERO));
        let (px, id) =
            if endpoint == Endpoint::V3 { ("price", "trade_id") } else { ("px", "tradeId") };
        assert_eq!(data[px], trade.px().to_string());
        assert_eq!(data[id], trade.trade_id.to_string());
    }
}

#[test]
fn unsubscribing_is_acknowledged_and_stops_the_pushes() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    bench.send(&v5_request("subscribe", &[("books5", "BTC-USDT"), ("bbo-tbt", "BTC-USDT")]));
    bench.wait(500 * MS);
    assert!(bench.texts().iter().any(|text| text.contains("books5")));
    let replies = bench.replies(&v5_request("unsubscribe", &[("books5", "BTC-USDT")]));
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0]["event"], "unsubscribe");
    assert_eq!(replies[0]["arg"]["channel"], "books5");
    bench.wait(500 * MS);
    let texts = bench.texts();
    assert!(!texts.is_empty() && texts.iter().all(|text| text.contains("bbo-tbt")));

    let mut bench = Bench::new(Endpoint::V3, &busy());
    let args = ["spot/depth5:BTC-USDT".to_owned()];
    bench.send(&v3_request("subscribe", &args));
    bench.wait(500 * MS);
    let replies = bench.replies(&v3_request("unsubscribe", &args));
    assert_eq!(replies[0]["channel"], args[0].as_str());
    bench.wait(500 * MS);
    assert_eq!(bench.texts(), [""; 0]);
}

#[test]
fn a_repeated_subscription_gives_a_second_snapshot_but_no_second_push() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    let subscribe = v5_request("subscribe", &[("books5", "BTC-USDT")]);
    bench.send(&subscribe);
    bench.send(&subscribe);
    let texts = bench.texts();
    assert_eq!(texts.len(), 4);
    assert_eq!(texts[1], texts[3]);
    bench.wait(100 * MS);
    assert_eq!(bench.texts().len(), 1);
}

#[test]
fn silence_is_closed_after_thirty_seconds_and_ping_prevents_it() {
    let quiet = ExchangeConfig {
        market: MarketConfig { events_per_sec: 0, ..MarketConfig::default() },
        ..ExchangeConfig::default()
    };
    for (endpoint, code) in [(Endpoint::V3, 1001), (Endpoint::V5Public, 4004)] {
        let mut bench = Bench::new(endpoint, &quiet);
        bench.send(&everything(endpoint));
        bench.wait(29_999 * MS);
        assert_eq!(bench.close_code(), None);
        bench.texts();
        bench.send("ping");
        assert_eq!(bench.texts(), ["pong"]);
        bench.wait(29_999 * MS);
        assert_eq!(bench.close_code(), None);
        bench.wait(MS);
        assert_eq!(bench.close_code(), Some(code));
        bench.texts();
        bench.send("ping");
        assert!(bench.inbox.is_empty());
    }
}

#[test]
fn pushes_keep_a_connection_alive() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    bench.send(&v5_request("subscribe", &[("bbo-tbt", "BTC-USDT")]));
    bench.wait(45_000 * MS);
    assert_eq!(bench.close_code(), None);
}
