//! The embedded exchange without sockets: what it says, in which order, and when.
#![cfg(feature = "sim")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, where a panic is the report"
)]

use std::time::Duration;

use flate2::{Decompress, FlushDecompress, Status};
use okx_feed::MonoNanos;
use okx_feed::sim::{
    ConnectionId, Endpoint, Exchange, ExchangeConfig, Limits, Listing, MarketConfig, Outbound,
    PushIntervals,
};
use serde_json::Value;

const MS: Duration = Duration::from_millis(1);

/// An exchange, one client and a virtual clock.
struct Bench {
    exchange: Exchange,
    id: ConnectionId,
    now: MonoNanos,
    /// What the client received and did not look at yet.
    inbox: Vec<Outbound>,
}

impl Bench {
    fn new(endpoint: Endpoint, config: &ExchangeConfig) -> Self {
        let mut exchange = Exchange::new(config);
        let id = exchange.connect(endpoint, MonoNanos::ZERO);
        Self { exchange, id, now: MonoNanos::ZERO, inbox: Vec::new() }
    }

    fn send(&mut self, text: &str) {
        self.exchange.receive(self.id, text.as_bytes(), self.now);
        self.collect();
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.exchange.advance(self.now);
        self.collect();
    }

    fn collect(&mut self) {
        self.inbox.extend(std::iter::from_fn(|| self.exchange.poll_transmit(self.id)));
    }

    /// All texts received since the last look.
    fn texts(&mut self) -> Vec<String> {
        self.inbox.drain(..).map(|message| text_of(&message)).collect()
    }

    /// The replies to one request, without the data that other requests brought.
    fn replies(&mut self, request: &str) -> Vec<Value> {
        self.texts();
        self.send(request);
        let texts = self.texts().into_iter().filter(|text| text.contains("\"event\""));
        texts.map(|text| serde_json::from_str(&text).unwrap()).collect()
    }

    fn close_code(&self) -> Option<u16> {
        self.inbox.iter().find_map(|message| match message {
            Outbound::Close { code, .. } => Some(*code),
            _ => None,
        })
    }
}

fn text_of(message: &Outbound) -> String {
    match message {
        Outbound::Text(text) => text.to_string(),
        Outbound::Binary(frame) => String::from_utf8(inflate(frame)).unwrap(),
        Outbound::Close { code, reason } => format!("close {code} {reason}"),
    }
}

/// Inflates a frame that must be one complete raw stream with nothing behind it.
fn inflate(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 16);
    let mut stream = Decompress::new(false);
    let status = stream.decompress_vec(frame, &mut out, FlushDecompress::Finish).unwrap();
    assert_eq!((status, stream.total_in()), (Status::StreamEnd, frame.len() as u64));
    out
}

fn v3_request(op: &str, args: &[String]) -> String {
    serde_json::json!({"op": op, "args": args}).to_string()
}

fn v5_request(op: &str, args: &[(&str, &str)]) -> String {
    let args = args.iter().map(|(c, i)| serde_json::json!({"channel": c, "instId": i}));
    serde_json::json!({"op": op, "args": args.collect::<Vec<_>>()}).to_string()
}

fn busy() -> ExchangeConfig {
    ExchangeConfig {
        market: MarketConfig { depth: 30, events_per_sec: 5_000, ..MarketConfig::default() },
        ..ExchangeConfig::default()
    }
}

/// Every channel of every instrument of a dialect, as one subscription.
fn everything(endpoint: Endpoint) -> String {
    let listings = Listing::defaults();
    if endpoint == Endpoint::V3 {
        let args = listings.iter().flat_map(|l| {
            ["depth5", "trade"].map(|c| format!("{}/{c}:{}", l.market(), l.inst_id()))
        });
        return v3_request("subscribe", &args.collect::<Vec<_>>());
    }
    let channels: &[_] = match endpoint {
        Endpoint::V5Business => &["trades-all"],
        _ => &["books5", "bbo-tbt", "trades"],
    };
    let pairs = listings.iter().flat_map(|l| channels.iter().map(move |c| (*c, l.inst_id())));
    let pairs: Vec<_> = pairs.map(|(c, id)| (c, id.to_string())).collect();
    let pairs: Vec<_> = pairs.iter().map(|(c, id)| (*c, id.as_str())).collect();
    v5_request("subscribe", &pairs)
}

/// One decoded data message: channel, instrument, the data element.
fn data_of(text: &str) -> Option<(String, String, Value)> {
    let message: Value = serde_json::from_str(text).ok()?;
    let data = message.get("data")?.as_array().unwrap();
    assert_eq!(data.len(), 1, "{text}");
    let data = data[0].clone();
    if let Some(arg) = message.get("arg") {
        let text = |key: &str| arg[key].as_str().unwrap().to_owned();
        return Some((text("channel"), text("instId"), data));
    }
    let table = message["table"].as_str().unwrap().to_owned();
    Some((table, data["instrument_id"].as_str().unwrap().to_owned(), data))
}

fn prices(side: &Value) -> Vec<f64> {
    side.as_array().unwrap().iter().map(|l| l[0].as_str().unwrap().parse().unwrap()).collect()
}

fn check_book(text: &str, data: &Value) {
    let (asks, bids) = (prices(&data["asks"]), prices(&data["bids"]));
    assert!(asks.is_sorted_by(|a, b| a < b) && bids.is_sorted_by(|a, b| a > b), "{text}");
    assert!(asks[0] > bids[0] && bids.last().unwrap() > &0.0, "{text}");
}

const ENDPOINTS: [Endpoint; 3] = [Endpoint::V3, Endpoint::V5Public, Endpoint::V5Business];

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for endpoint in ENDPOINTS {
        let run = |seed| {
            let mut config = busy();
            config.market.seed = seed;
            let mut bench = Bench::new(endpoint, &config);
            bench.send(&everything(endpoint));
            (0..20).for_each(|_| bench.wait(50 * MS));
            bench.inbox
        };
        let first = run(7);
        assert!(first.len() > 500, "{}", first.len());
        assert_eq!(first, run(7));
        assert_ne!(first, run(8));
    }
}

#[test]
fn how_often_the_clock_is_moved_changes_nothing() {
    let run = |steps: u32| {
        let mut bench = Bench::new(Endpoint::V5Public, &busy());
        bench.send(&everything(Endpoint::V5Public));
        (0..steps).for_each(|_| bench.wait(Duration::from_secs(1) / steps));
        bench.inbox
    };
    assert_eq!(run(1), run(1000));
}

#[test]
fn pushed_books_are_sorted_and_never_crossed() {
    for endpoint in [Endpoint::V3, Endpoint::V5Public] {
        for seed in 0..3 {
            let mut config = busy();
            config.market.seed = seed;
            config.intervals = PushIntervals::EVERY_CHANGE;
            let mut bench = Bench::new(endpoint, &config);
            bench.send(&everything(endpoint));
            bench.wait(1000 * MS);
            let mut books = 0;
            for text in bench.texts() {
                let Some((_, _, data)) = data_of(&text) else { continue };
                if data.get("asks").is_some() {
                    check_book(&text, &data);
                    books += 1;
                }
            }
            assert!(books > 2_000, "{books}");
        }
    }
}

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
    bench.wait(120_000 * MS);
    assert_eq!(bench.close_code(), None);
}

#[test]
fn v3_data_are_dynamic_blocks_and_control_replies_are_fixed_ones() {
    let mut bench = Bench::new(Endpoint::V3, &busy());
    bench.send(&everything(Endpoint::V3));
    bench.send("ping");
    bench.wait(1_000 * MS);
    let mut kinds = [[0u32; 4]; 2];
    for message in bench.inbox.drain(..) {
        let Outbound::Binary(frame) = &message else { panic!("v3 sends binary frames") };
        let is_book = text_of(&message).contains("depth5\"");
        assert_eq!(frame[0] & 1, 1, "the first block is the last");
        kinds[usize::from(is_book)][usize::from(frame[0] >> 1 & 3)] += 1;
    }
    let [_, books] = kinds;
    assert!(books[2] > 100 && books[0] + books[1] + books[3] == 0, "{kinds:?}");
    assert!(kinds[0][1] > 20, "{kinds:?}");
}

#[test]
fn what_is_pushed_at_every_change_is_the_exchanges_own_book() {
    for (endpoint, request) in [
        (Endpoint::V5Public, v5_request("subscribe", &[("books5", "ETH-USDT")])),
        (Endpoint::V3, v3_request("subscribe", &["spot/depth5:ETH-USDT".to_owned()])),
    ] {
        let config = ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..busy() };
        let mut bench = Bench::new(endpoint, &config);
        bench.send(&request);
        let inst = bench.exchange.market().find("ETH-USDT").unwrap();
        let mut last = bench.texts().pop().unwrap();
        let mut pushes = 0;
        while let Some(at) = bench.exchange.step(MonoNanos::ZERO + 1_000 * MS) {
            bench.collect();
            if let Some(text) = bench.texts().pop() {
                (last, pushes) = (text, pushes + 1);
            }
            let own = bench.exchange.market().book5(inst).unwrap();
            let (_, _, data) = data_of(&last).unwrap();
            for (side, levels) in [("asks", own.asks()), ("bids", own.bids())] {
                let pushed = data[side].as_array().unwrap();
                assert_eq!(pushed.len(), levels.len());
                for (pushed, level) in pushed.iter().zip(levels) {
                    let orders = level.orders().to_string();
                    assert_eq!(pushed[0], level.px().to_string(), "at {at:?}");
                    assert_eq!(pushed[1], level.sz().to_string(), "at {at:?}");
                    assert_eq!(pushed.as_array().unwrap().last().unwrap(), &orders);
                }
            }
        }
        assert!(pushes > 100, "{pushes}");
    }
}

#[test]
fn pushes_fall_on_their_grid_and_share_one_sequence() {
    let mut bench = Bench::new(Endpoint::V5Public, &busy());
    let args = [("bbo-tbt", "BTC-USDT"), ("books5", "BTC-USDT"), ("trades", "BTC-USDT")];
    bench.send(&v5_request("subscribe", &args));
    bench.texts();
    bench.wait(5_000 * MS);
    let (mut seq, mut counts) = (0, [0u32; 3]);
    for text in bench.texts() {
        let (channel, _, data) = data_of(&text).unwrap();
        let ts: u64 = data["ts"].as_str().unwrap().parse().unwrap();
        let this = data["seqId"].as_i64().unwrap();
        match channel.as_str() {
            "bbo-tbt" => {
                assert_eq!(ts % 10, 0, "{text}");
                assert_eq!(data["asks"].as_array().unwrap().len(), 1);
                counts[0] += 1;
            }
            "books5" => {
                assert_eq!(ts % 100, 0, "{text}");
                assert_eq!(data["asks"].as_array().unwrap().len(), 5);
                counts[1] += 1;
            }
            _ => counts[2] += 1,
        }
        assert!(this >= seq, "{text} after {seq}");
        seq = this;
    }
    assert!(counts[0] > 100 && (40..=50).contains(&counts[1]) && counts[2] > 50, "{counts:?}");
}

#[test]
fn merged_trades_tell_of_every_fill() {
    let config = busy();
    let mut merged = Bench::new(Endpoint::V5Public, &config);
    merged.send(&v5_request("subscribe", &[("trades", "BTC-USDT-SWAP")]));
    let mut single = Bench::new(Endpoint::V5Business, &config);
    single.send(&v5_request("subscribe", &[("trades-all", "BTC-USDT-SWAP")]));
    let ids = |bench: &mut Bench| -> Vec<(u64, u64)> {
        bench.texts();
        bench.wait(5_000 * MS);
        let data = bench.texts().into_iter().filter_map(|text| Some(data_of(&text)?.2));
        data.map(|data| {
            let count = data["count"].as_str().unwrap_or("1").parse().unwrap();
            (data["tradeId"].as_str().unwrap().parse().unwrap(), count)
        })
        .collect()
    };
    let (merged, single) = (ids(&mut merged), ids(&mut single));
    assert!(merged.iter().any(|(_, count)| *count > 1));
    let from_merged: Vec<_> =
        merged.iter().flat_map(|(last, count)| last + 1 - count..=*last).collect();
    assert_eq!(from_merged, single.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_instruments_are_served() {
    let market = MarketConfig {
        listings: Listing::generate(10_000),
        depth: 10,
        events_per_sec: 20_000,
        ..MarketConfig::default()
    };
    let mut bench = Bench::new(Endpoint::V5Public, &ExchangeConfig { market, ..busy() });
    let listings = Listing::generate(10_000);
    for chunk in listings.chunks(500) {
        let ids: Vec<_> = chunk.iter().map(|l| l.inst_id().to_string()).collect();
        let args: Vec<_> = ids.iter().map(|id| ("books5", id.as_str())).collect();
        bench.send(&v5_request("subscribe", &args));
    }
    assert_eq!(bench.texts().len(), 20_000);
    bench.wait(500 * MS);
    let texts = bench.texts();
    assert!(texts.len() > 4_000, "{}", texts.len());
    for text in texts {
        check_book(&text, &data_of(&text).unwrap().2);
    }
}
