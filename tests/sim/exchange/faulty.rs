//! A client of an exchange with faults.

use okx_feed::sim::{Endpoint, ExchangeConfig, FaultKind, Outbound};
use serde_json::Value;

use crate::exchange::bench::*;

pub(crate) const V5: [(&str, &str); 3] =
    [("books", "BTC-USDT"), ("books5", "BTC-USDT"), ("trades", "BTC-USDT")];

pub(crate) fn config(faults: &str) -> ExchangeConfig {
    let faults = faults.parse().unwrap();
    let mut config = ExchangeConfig { faults, v5_checksums: true, ..busy() };
    config.market.events_per_sec = 1_000;
    config
}

pub(crate) fn request(endpoint: Endpoint) -> String {
    match endpoint {
        Endpoint::V3 => {
            let args = ["spot/depth:BTC-USDT", "spot/depth5:BTC-USDT", "spot/trade:BTC-USDT"];
            v3_request("subscribe", &args.map(str::to_owned))
        }
        _ => v5_request("subscribe", &V5),
    }
}

/// A client with its subscriptions, after that many seconds.
pub(crate) fn after(endpoint: Endpoint, faults: &str, seconds: u32) -> Bench {
    let mut bench = Bench::new(endpoint, &config(faults));
    bench.send(&request(endpoint));
    bench.wait(1_000 * MS * seconds);
    bench
}

pub(crate) fn run(endpoint: Endpoint, faults: &str, seconds: u32) -> Vec<Outbound> {
    after(endpoint, faults, seconds).inbox
}

pub(crate) fn count(bench: &Bench, kind: FaultKind) -> usize {
    usize::try_from(bench.exchange.faults().count(kind)).unwrap()
}

pub(crate) const BOTH: [Endpoint; 2] = [Endpoint::V3, Endpoint::V5Public];

/// The increments of the book: the position in their chain as (prevSeqId, seqId).
pub(crate) fn chain(bench: &mut Bench, channel: &str) -> Vec<(i64, i64)> {
    let data = bench.texts().into_iter().filter_map(|text| data_of(&text));
    let ours = data.filter(|(name, ..)| name == channel);
    let number = |data: &Value, key: &str| data[key].as_i64().unwrap();
    ours.map(|(.., data)| (number(&data, "prevSeqId"), number(&data, "seqId"))).collect()
}

pub(crate) fn breaks(chain: &[(i64, i64)]) -> usize {
    chain.windows(2).filter(|pair| pair[1].0 != -1 && pair[1].0 != pair[0].1).count()
}
