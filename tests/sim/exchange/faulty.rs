//! A client of an exchange with faults.

use okx_feed::sim::{Endpoint, ExchangeConfig, FaultKind, Outbound};

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
