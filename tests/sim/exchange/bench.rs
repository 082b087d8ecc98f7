//! An exchange, one client and a virtual clock.

use std::time::Duration;

use flate2::{Decompress, FlushDecompress, Status};
use okx_feed::MonoNanos;
use okx_feed::sim::{
    ConnectionId, Endpoint, Exchange, ExchangeConfig, Listing, MarketConfig, Outbound,
};
use serde_json::Value;

pub(crate) const MS: Duration = Duration::from_millis(1);

/// An exchange, one client and a virtual clock.
pub(crate) struct Bench {
    pub(crate) exchange: Exchange,
    pub(crate) id: ConnectionId,
    pub(crate) now: MonoNanos,
    /// The received frames that the client has not read yet.
    pub(crate) inbox: Vec<Outbound>,
}

impl Bench {
    pub(crate) fn new(endpoint: Endpoint, config: &ExchangeConfig) -> Self {
        let mut exchange = Exchange::new(config);
        let id = exchange.connect(endpoint, MonoNanos::ZERO);
        Self { exchange, id, now: MonoNanos::ZERO, inbox: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.exchange.receive(self.id, text.as_bytes(), self.now);
        self.collect();
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.exchange.advance(self.now);
        self.collect();
    }

    pub(crate) fn collect(&mut self) {
        self.inbox.extend(std::iter::from_fn(|| self.exchange.poll_transmit(self.id)));
    }

    /// All texts received since the last call.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        self.inbox.drain(..).map(|message| text_of(&message)).collect()
    }

    /// The replies to one request, without the data of other requests.
    pub(crate) fn replies(&mut self, request: &str) -> Vec<Value> {
        self.texts();
        self.send(request);
        let texts = self.texts().into_iter().filter(|text| text.contains("\"event\""));
        texts.map(|text| serde_json::from_str(&text).unwrap()).collect()
    }

    pub(crate) fn close_code(&self) -> Option<u16> {
        self.inbox.iter().find_map(|message| match message {
            Outbound::Close { code, .. } => Some(*code),
            _ => None,
        })
    }
}

pub(crate) fn text_of(message: &Outbound) -> String {
    match message {
        Outbound::Text(text) => text.to_string(),
        Outbound::Binary(frame) => String::from_utf8(inflate(frame)).unwrap(),
        Outbound::Close { code, reason } => format!("close {code} {reason}"),
        Outbound::Fault(fault) => format!("fault {fault:?}"),
    }
}

/// Inflates a frame that must be one complete raw stream with nothing behind it.
pub(crate) fn inflate(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 16);
    let mut stream = Decompress::new(false);
    let status = stream.decompress_vec(frame, &mut out, FlushDecompress::Finish).unwrap();
    assert_eq!((status, stream.total_in()), (Status::StreamEnd, frame.len() as u64));
    out
}

pub(crate) fn v3_request(op: &str, args: &[String]) -> String {
    serde_json::json!({"op": op, "args": args}).to_string()
}

pub(crate) fn v5_request(op: &str, args: &[(&str, &str)]) -> String {
    let args = args.iter().map(|(c, i)| serde_json::json!({"channel": c, "instId": i}));
    serde_json::json!({"op": op, "args": args.collect::<Vec<_>>()}).to_string()
}

pub(crate) fn busy() -> ExchangeConfig {
    ExchangeConfig {
        market: MarketConfig { depth: 10, events_per_sec: 3_000, ..MarketConfig::default() },
        ..ExchangeConfig::default()
    }
}

/// Every channel of every instrument of a dialect, as one subscription.
pub(crate) fn everything(endpoint: Endpoint) -> String {
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
pub(crate) fn data_of(text: &str) -> Option<(String, String, Value)> {
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

pub(crate) fn prices(side: &Value) -> Vec<f64> {
    side.as_array().unwrap().iter().map(|l| l[0].as_str().unwrap().parse().unwrap()).collect()
}

pub(crate) fn check_book(text: &str, data: &Value) {
    let (asks, bids) = (prices(&data["asks"]), prices(&data["bids"]));
    assert!(asks.is_sorted_by(|a, b| a < b) && bids.is_sorted_by(|a, b| a > b), "{text}");
    assert!(asks[0] > bids[0] && bids.last().unwrap() > &0.0, "{text}");
}

pub(crate) const ENDPOINTS: [Endpoint; 3] =
    [Endpoint::V3, Endpoint::V5Public, Endpoint::V5Business];
