//! Pushes: determinism, plausible books, the exchange's own book, times and sequence.

use std::time::Duration;

use okx_feed::MonoNanos;
use okx_feed::sim::{Endpoint, ExchangeConfig, Listing, MarketConfig, Outbound, PushIntervals};

use crate::exchange::bench::*;

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
            assert!(books > 1_000, "{books}");
        }
    }
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
fn pushes_at_every_change_are_the_exchanges_own_book() {
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
fn merged_trades_count_every_fill() {
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
