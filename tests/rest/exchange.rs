//! The embedded exchange's REST interface against what its market really did.

use std::collections::BTreeMap;
use std::time::Duration;

use okx_feed::sim::{Exchange, ExchangeConfig, Listing, MarketConfig, RestReply};
use okx_feed::{Market, MonoNanos};
use serde_json::Value;

const SEC: Duration = Duration::from_secs(1);

fn exchange(faults: &str) -> Exchange {
    let listing = Listing::new("BTC-USDT", Market::Spot, ["0.1", "0.0001", "60000", "0.02"]);
    let swap = Listing::new("BTC-USDT-SWAP", Market::Swap, ["0.1", "0.01", "60000", "8"]);
    let market = MarketConfig {
        listings: vec![listing.unwrap(), swap.unwrap()],
        depth: 30,
        events_per_sec: 400,
        ..MarketConfig::default()
    };
    let faults = faults.parse().unwrap();
    Exchange::new(&ExchangeConfig { market, faults, ..ExchangeConfig::default() })
}

fn at(secs: u64) -> MonoNanos {
    MonoNanos(secs * 1_000_000_000)
}

fn rows(reply: &RestReply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let value: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(value["code"], "0", "{}", reply.body);
    value["data"].as_array().unwrap().clone()
}

fn id(row: &Value) -> u64 {
    row["tradeId"].as_str().unwrap().parse().unwrap()
}

#[test]
fn trades_are_the_markets_own_and_ids_have_no_gap_across_the_opening() {
    let mut exchange = exchange("");
    let inst = exchange.market().find("BTC-USDT").unwrap();
    let opening = exchange.market().last_print(inst).unwrap().last_id;
    // What the market really trades, by the last id of a print.
    let mut real = BTreeMap::new();
    let mut last = opening;
    while exchange.step(at(60)).is_some() {
        let print = *exchange.market().last_print(inst).unwrap();
        if print.last_id > last {
            let trade = exchange.market().trade(inst, &print).unwrap();
            real.insert(print.last_id, trade.px().to_string());
            last = print.last_id;
        }
    }
    let mut below = u64::MAX;
    let mut walked = Vec::new();
    // Beyond the opening too.
    while below > opening - 500 {
        let target = format!("/api/v5/market/history-trades?instId=BTC-USDT&after={below}");
        // Each page as another client, for the limits.
        let page = rows(&exchange.rest(&below.to_string(), &target, at(60)));
        walked.extend(page.iter().map(|row| (id(row), row["px"].as_str().unwrap().to_owned())));
        below = id(page.last().unwrap());
    }
    assert_eq!(walked[0].0, last);
    assert!(walked.windows(2).all(|pair| pair[0].0 == pair[1].0 + 1));
    let walked: BTreeMap<_, _> = walked.into_iter().collect();
    assert!(real.len() > 100 && real.iter().all(|(id, px)| walked.get(id) == Some(px)));
}

#[test]
fn pages_by_id_and_by_time_are_exclusive() {
    let mut exchange = exchange("");
    let mut get = |target: &str| rows(&exchange.rest("me", target, at(5)));
    let base = "/api/v5/market/history-trades?instId=BTC-USDT";
    let page = get(base);
    assert_eq!(page.len(), 100);
    let (tenth, ts) = (id(&page[10]), page[10]["ts"].as_str().unwrap());
    assert_eq!(id(&get(&format!("{base}&after={tenth}"))[0]), tenth - 1);
    let both = get(&format!("{base}&after={tenth}&before={}", tenth - 4));
    assert_eq!(both.iter().map(id).collect::<Vec<_>>(), [tenth - 1, tenth - 2, tenth - 3]);
    let earlier = get(&format!("{base}&type=2&after={ts}"));
    assert!(earlier.iter().all(|row| row["ts"].as_str().unwrap() < ts));
    let refused = exchange.rest("me", &format!("{base}&type=2&after={ts}&before=1"), at(5));
    assert!(refused.body.contains("50039"), "{}", refused.body);
}

#[test]
fn limits_are_the_exchanges_and_are_refused_with_429_or_200() {
    let mut exchange = exchange("");
    let target = "/api/v5/market/history-trades?instId=BTC-USDT&limit=1";
    let mut send = |now| {
        let reply = exchange.rest("me", target, now);
        (reply.status, reply.body.contains("50011"))
    };
    let first: Vec<_> = (0..22).map(|_| send(at(1))).collect();
    assert!(first[..20].iter().all(|reply| *reply == (200, false)));
    assert_eq!(first[20..], [(429, true), (200, true)]);
    assert_eq!(send(at(3)), (200, false));
    // Another client has limits of its own.
    (0..20).for_each(|_| _ = send(at(3)));
    assert_eq!(exchange.rest("you", target, at(3)).status, 200);
}

#[test]
fn candles_are_counted_from_the_fills() {
    let mut exchange = exchange("");
    exchange.advance(at(300));
    // Each request as another client, for the limits.
    let mut get = |target: &str| rows(&exchange.rest(target, target, at(300)));
    let candles = get("/api/v5/market/candles?instId=BTC-USDT&bar=1m&limit=300");
    assert_eq!(candles[0][8], "0");
    assert!(candles[1..].iter().all(|row| row[8] == "1"));
    let starts: Vec<u64> =
        candles.iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
    assert!(starts.windows(2).all(|pair| pair[0] == pair[1] + 60_000));
    // The second newest is the sum of its trades.
    let (start, end) = (starts[1], starts[0]);
    let mut below = None;
    let mut fills = Vec::new();
    loop {
        let cursor =
            below.map_or_else(|| format!("&type=2&after={end}"), |id| format!("&after={id}"));
        let page = get(&format!("/api/v5/market/history-trades?instId=BTC-USDT{cursor}"));
        let ts = |row: &Value| row["ts"].as_str().unwrap().parse::<u64>().unwrap();
        fills.extend(page.iter().filter(|row| ts(row) >= start).cloned());
        below = page.last().map(id);
        if page.last().is_none_or(|row| ts(row) < start) {
            break;
        }
    }
    let lots = |text: &Value| {
        let size: okx_feed::Decimal = text.as_str().unwrap().parse().unwrap();
        size.rescale(4).unwrap().mantissa()
    };
    let volume: i64 = fills.iter().map(|row| lots(&row["sz"])).sum();
    assert!(fills.len() > 10);
    assert_eq!(lots(&candles[1][5]), volume);
    assert_eq!((&candles[1][1], &candles[1][4]), (&fills.last().unwrap()["px"], &fills[0]["px"]));
    let window = format!(
        "/api/v5/market/history-candles?instId=BTC-USDT&bar=1m&before={}&after={}",
        starts[9], starts[5]
    );
    assert_eq!(get(&window), candles[6..9]);
}

#[test]
fn v3_has_its_own_shapes_and_its_own_limits() {
    let mut exchange = exchange("");
    let mut get = |target: &str| {
        let reply = exchange.rest("me", target, at(5));
        assert_eq!(reply.status, 200, "{}", reply.body);
        (serde_json::from_str::<Value>(&reply.body).unwrap(), reply.headers)
    };
    let (trades, headers) = get("/api/swap/v3/instruments/BTC-USDT-SWAP/trades?limit=100");
    let v3_id = |row: &Value| row["trade_id"].as_str().unwrap().to_owned();
    let trades = trades.as_array().unwrap();
    assert_eq!(headers[0], ("OK-BEFORE", v3_id(&trades[0])));
    assert_eq!(headers[1], ("OK-AFTER", v3_id(&trades[99])));
    let mut count = trades.len();
    let mut below = v3_id(&trades[99]);
    loop {
        let target =
            format!("/api/swap/v3/instruments/BTC-USDT-SWAP/trades?after={below}&limit=100");
        let page = get(&target).0;
        let page = page.as_array().unwrap();
        let Some(last) = page.last() else { break };
        (count, below) = (count + page.len(), v3_id(last));
    }
    assert_eq!(count, 300);
    assert_eq!(get("/api/spot/v3/instruments/BTC-USDT/trades").0.as_array().unwrap().len(), 60);
    let depth = get("/api/swap/v3/instruments/BTC-USDT-SWAP/depth?size=2").0;
    assert!(depth["time"].is_string() && depth["asks"][0][2].is_number());
    let book = get("/api/spot/v3/instruments/BTC-USDT/book?size=2").0;
    assert_eq!(book["asks"][0].as_array().unwrap().len(), 3);
    let candles = get("/api/spot/v3/instruments/BTC-USDT/candles?granularity=60").0;
    assert_eq!(candles.as_array().unwrap().len(), 200);
    assert_eq!(exchange.rest("me", "/api/swap/v3/instruments/X/depth", at(5)).status, 400);
}

#[test]
fn faults_show_in_replies() {
    let trades = "/api/v5/market/history-trades?instId=BTC-USDT";
    let newest = |exchange: &mut Exchange| id(&rows(&exchange.rest("me", trades, at(30)))[0]);
    let fresh = newest(&mut exchange(""));
    assert!(newest(&mut exchange("lag:by=5s")) < fresh);
    let mut holes = exchange("holes:rows=3");
    assert_eq!(rows(&holes.rest("me", trades, at(30))).len(), 97);
    let denied = exchange("deny:status=503,code=50001,retry=3s").rest("me", trades, at(1));
    assert_eq!((denied.status, denied.retry_after), (503, Some(3 * SEC)));
    assert!(exchange("short").rest("me", trades, at(1)).cut);
    // A book that was answered a while ago is answered again, after newer ones.
    let mut lagging = exchange("lag:each=3,by=5s");
    let book = "/api/v5/market/books?instId=BTC-USDT&sz=5";
    let mut seq = |ms: u64| {
        let now = MonoNanos(ms * 1_000_000);
        rows(&lagging.rest("me", book, now))[0]["seqId"].as_i64().unwrap()
    };
    let (first, second, third) = (seq(1_000), seq(2_000), seq(3_000));
    assert!(first < second && third == first);
}
