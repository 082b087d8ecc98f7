//! Incremental books, rebuilt from the messages alone and compared with the exchange's own.

use std::collections::BTreeMap;

use okx_feed::sim::{Endpoint, ExchangeConfig, Listing, MarketConfig, Outbound, PushIntervals};
use okx_feed::{Decimal, MonoNanos};
use serde_json::Value;

use crate::exchange::bench::*;

const V3: [&str; 2] = ["depth", "depth_l2_tbt"];
/// The v5 channels that one connection can hold together.
const V5: [&str; 4] = ["books50-l2-tbt", "books", "books-elp", "books-rpi"];

/// A book of a client: levels as the wire wrote them, by price.
#[derive(Default)]
struct Client {
    asks: BTreeMap<Decimal, Vec<String>>,
    bids: BTreeMap<Decimal, Vec<String>>,
    seq: Option<i64>,
    snapshots: u32,
    updates: u32,
    heartbeats: u32,
    resets: u32,
    deletions: u32,
}

impl Client {
    /// Applies one message and checks all of its members.
    fn apply(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        let data = &message["data"][0];
        let snapshot = match message["action"].as_str().unwrap() {
            "snapshot" | "partial" => true,
            "update" => false,
            other => panic!("{other}"),
        };
        self.number(data, snapshot);
        for (name, side) in [("asks", &mut self.asks), ("bids", &mut self.bids)] {
            let levels = data[name].as_array().unwrap();
            if snapshot {
                side.clear();
            }
            let mut last = None;
            for level in levels {
                let level: Vec<String> =
                    level.as_array().unwrap().iter().map(|e| e.as_str().unwrap().into()).collect();
                let px: Decimal = level[0].parse().unwrap();
                let sorted = last.is_none_or(|l| if name == "asks" { l < px } else { l > px });
                assert!(sorted, "{name} of {text}");
                last = Some(px);
                if level[1] == "0" {
                    assert!(level[2..].iter().all(|e| e == "0"), "{text}");
                    assert!(side.remove(&px).is_some(), "an unknown level left: {text}");
                    self.deletions += 1;
                } else {
                    side.insert(px, level);
                }
            }
        }
        if let Some(checksum) = data["checksum"].as_i64().filter(|c| *c != 0) {
            assert_eq!(checksum, i64::from(self.checksum()), "{text}");
        }
    }

    /// Follows the chain of sequence numbers and counts the kind of the message.
    fn number(&mut self, data: &Value, snapshot: bool) {
        let empty = ["asks", "bids"].iter().all(|name| data[name].as_array().unwrap().is_empty());
        if snapshot {
            self.snapshots += 1;
        } else if empty {
            self.heartbeats += 1;
        } else {
            self.updates += 1;
        }
        let Some(seq) = data["seqId"].as_i64() else { return };
        let prev = data["prevSeqId"].as_i64().unwrap();
        if snapshot {
            assert_eq!(prev, -1);
        } else {
            assert_eq!(Some(prev), self.seq, "the chain broke");
            assert_eq!(seq == prev, empty);
            self.resets += u32::from(seq < prev);
        }
        self.seq = Some(seq);
    }

    fn checksum(&self) -> i32 {
        let mut parts: Vec<&str> = Vec::new();
        let (mut bids, mut asks) = (self.bids.values().rev(), self.asks.values());
        for _ in 0..25 {
            for level in [bids.next(), asks.next()].into_iter().flatten() {
                parts.extend([level[0].as_str(), level[1].as_str()]);
            }
        }
        crc32(parts.join(":").as_bytes()) as i32
    }

    /// The levels best first, price and size and order count.
    fn rows(&self) -> [Vec<(String, String, String)>; 2] {
        let row = |l: &Vec<String>| (l[0].clone(), l[1].clone(), l.last().unwrap().clone());
        [self.asks.values().map(row).collect(), self.bids.values().rev().map(row).collect()]
    }
}

/// CRC-32 of IEEE 802.3 bit by bit, as the standard writes it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// The exchange's own book, at most that many levels a side.
fn own(bench: &Bench, id: &str, depth: usize) -> [Vec<(String, String, String)>; 2] {
    let market = bench.exchange.market();
    let inst = market.find(id).unwrap();
    let (listing, book) = (market.listing(inst).unwrap(), market.book(inst).unwrap());
    let row = |l: okx_feed::Level| (l.px().to_string(), l.sz().to_string(), l.orders().to_string());
    [
        book.asks(listing).take(depth).map(row).collect(),
        book.bids(listing).take(depth).map(row).collect(),
    ]
}

fn request(endpoint: Endpoint, op: &str, channels: &[&str], id: &str) -> String {
    if endpoint == Endpoint::V3 {
        let listings = Listing::defaults();
        let market = listings.iter().find(|l| l.inst_id().as_str() == id).unwrap().market();
        let args: Vec<_> = channels.iter().map(|c| format!("{market}/{c}:{id}")).collect();
        return v3_request(op, &args);
    }
    v5_request(op, &channels.iter().map(|c| (*c, id)).collect::<Vec<_>>())
}

/// The channel without v3's market, and the text, of all books received since the last call.
fn books(bench: &mut Bench) -> Vec<(String, String)> {
    let texts = bench.texts().into_iter();
    texts
        .filter_map(|text| {
            let (channel, ..) = data_of(&text)?;
            Some((channel.rsplit('/').next().unwrap().to_owned(), text))
        })
        .collect()
}

/// An active market of few instruments, with books deeper than those of the channels.
fn config(depth: usize, intervals: PushIntervals) -> ExchangeConfig {
    let mut listings = Listing::defaults();
    listings.truncate(4);
    ExchangeConfig {
        market: MarketConfig {
            depth,
            events_per_sec: 4_000,
            listings,
            seed: 5,
            ..MarketConfig::default()
        },
        intervals,
        v5_checksums: true,
        ..ExchangeConfig::default()
    }
}

/// A market without events.
fn quiet() -> ExchangeConfig {
    let mut config = config(60, PushIntervals::default());
    config.market.events_per_sec = 0;
    config
}

/// Subscribes a channel, rebuilds its book at every change and compares it after each message.
fn rebuild(endpoint: Endpoint, channel: &str, id: &str, depth: usize, shown: usize) -> Client {
    let mut bench = Bench::new(endpoint, &config(depth, PushIntervals::EVERY_CHANGE));
    bench.send(&request(endpoint, "subscribe", &[channel], id));
    let mut client = Client::default();
    let until = MonoNanos::ZERO + 1_000 * MS;
    for step in 0.. {
        let messages = books(&mut bench);
        assert!(messages.len() <= 1, "{messages:?}");
        messages.iter().for_each(|(_, text)| client.apply(text));
        // Without a message nothing has changed; that is checked now and then.
        if !messages.is_empty() || step % 100 == 0 {
            assert_eq!(client.rows(), own(&bench, id, shown), "{channel} of {id}");
        }
        if bench.exchange.step(until).is_none() {
            break;
        }
        bench.collect();
    }
    client
}

#[test]
fn the_messages_alone_give_the_exchanges_own_book() {
    for (endpoint, channel, depth, shown) in [
        (Endpoint::V3, "depth", 60, 400),
        (Endpoint::V3, "depth_l2_tbt", 400, 400),
        (Endpoint::V5Public, "books", 400, 400),
        (Endpoint::V5Public, "books-l2-tbt", 30, 400),
        (Endpoint::V5Public, "books50-l2-tbt", 60, 50),
    ] {
        for id in ["BTC-USDT", "BTC-USD-190517"] {
            let client = rebuild(endpoint, channel, id, depth, shown);
            assert_eq!((client.snapshots, client.heartbeats, client.resets), (1, 0, 0));
            assert!(client.updates > 200 && client.deletions > 50, "{channel}: {}", client.updates);
        }
    }
}

#[test]
fn levels_pushed_out_of_the_window_are_deleted_and_come_back() {
    // More levels exist than are shown, so every new price close to the top pushes one out.
    let client = rebuild(Endpoint::V5Public, "books50-l2-tbt", "BTC-USDT-SWAP", 100, 50);
    assert!(client.deletions > 200, "{}", client.deletions);
    assert_eq!((client.asks.len(), client.bids.len()), (50, 50));
}

#[test]
fn books_on_their_grids_keep_their_chains_and_checksums() {
    for (endpoint, channels) in [
        (Endpoint::V3, &V3[..]),
        (Endpoint::V5Public, &V5[..]),
        (Endpoint::V5Public, &["books-l2-tbt"]),
    ] {
        let mut bench = Bench::new(endpoint, &config(400, PushIntervals::default()));
        bench.send(&request(endpoint, "subscribe", channels, "ETH-USDT"));
        let mut clients: BTreeMap<String, Client> = BTreeMap::new();
        for (channel, text) in books(&mut bench) {
            clients.entry(channel).or_default().apply(&text);
        }
        // Every 100 ms all grids meet.
        for _ in 0..30 {
            bench.wait(100 * MS);
            let mut order = Vec::new();
            for (channel, text) in books(&mut bench) {
                clients.entry(channel.clone()).or_default().apply(&text);
                order.push(channel);
            }
            let expected: Vec<_> = channels.iter().rev().take(2).rev().collect();
            if endpoint == Endpoint::V5Public && channels.len() > 2 {
                assert_eq!(order.iter().rev().take(2).rev().collect::<Vec<_>>(), expected);
            }
            for (channel, client) in &clients {
                let shown = if channel.starts_with("books50") { 50 } else { 400 };
                if !matches!(channel.as_str(), "books-elp" | "books-rpi") {
                    assert_eq!(client.rows(), own(&bench, "ETH-USDT", shown), "{channel}");
                }
            }
        }
        assert_eq!(clients.len(), channels.len());
        let updates = |channel| clients.get(channel).map_or(0, |client: &Client| client.updates);
        for slow in ["depth", "books", "books-elp", "books-rpi"] {
            assert!(!channels.contains(&slow) || updates(slow) == 30, "{slow}");
        }
        for (tbt, most) in [("depth_l2_tbt", 150), ("books-l2-tbt", 300), ("books50-l2-tbt", 300)] {
            let range = most / 2..=most;
            assert!(!channels.contains(&tbt) || range.contains(&updates(tbt)), "{tbt}");
        }
    }
}

#[test]
fn rpi_books_hold_the_plain_book_and_what_rpi_orders_add() {
    let mut bench = Bench::new(Endpoint::V5Public, &config(400, PushIntervals::default()));
    bench.send(&request(Endpoint::V5Public, "subscribe", &V5[1..], "BTC-USDT-SWAP"));
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    for _ in 0..10 {
        bench.wait(100 * MS);
        for (channel, text) in books(&mut bench) {
            assert_eq!(text.contains("checksum"), channel == "books");
            clients.entry(channel).or_default().apply(&text);
        }
    }
    let [plain, elp, rpi] = ["books", "books-elp", "books-rpi"].map(|c| &clients[c]);
    assert_eq!(rpi.asks.len(), 400);
    let mut added = 0;
    for (px, level) in &rpi.asks {
        let [total, other]: [Decimal; 2] = [1, 2].map(|n| level[n].parse().unwrap());
        assert_eq!(level[2], plain.asks[px][1]);
        if let Some(elp) = elp.asks.get(px) {
            assert_eq!(other.checked_add(elp[1].parse().unwrap()), Ok(total));
            added += 1;
        } else {
            assert_eq!(total, other);
        }
    }
    assert!((100..200).contains(&added), "{added}");
}

#[test]
fn v5_checksums_are_zero_unless_asked_for_and_v3_ones_never() {
    let config = ExchangeConfig { v5_checksums: false, ..config(30, PushIntervals::default()) };
    let mut v5 = Bench::new(Endpoint::V5Public, &config);
    v5.send(&request(Endpoint::V5Public, "subscribe", &V5[..2], "ETH-USDT"));
    v5.wait(1_000 * MS);
    let messages = books(&mut v5);
    assert!(messages.len() > 50);
    assert!(messages.iter().all(|(_, text)| text.contains(r#""checksum":0,"seqId":"#)));
    let mut v3 = Bench::new(Endpoint::V3, &config);
    v3.send(&request(Endpoint::V3, "subscribe", &V3, "ETH-USDT"));
    v3.wait(1_000 * MS);
    assert!(books(&mut v3).iter().all(|(_, text)| !text.contains(r#""checksum":0}"#)));
}

#[test]
fn silence_is_broken_by_heartbeats() {
    for (endpoint, channels, seconds) in
        [(Endpoint::V3, &V3[..], 20), (Endpoint::V5Public, &V5[..], 60)]
    {
        let mut bench = Bench::new(endpoint, &quiet());
        bench.send(&request(endpoint, "subscribe", channels, "ETH-USDT"));
        let mut clients: BTreeMap<String, Client> = BTreeMap::new();
        let mut beats = Vec::new();
        for second in 0..=125 {
            for (channel, text) in books(&mut bench) {
                if clients.contains_key(&channel) {
                    beats.push(second);
                }
                clients.entry(channel).or_default().apply(&text);
            }
            bench.wait(1_000 * MS);
            bench.send("ping");
        }
        let expected: Vec<_> = (1..=125 / seconds)
            .flat_map(|n| std::iter::repeat_n(n * seconds, channels.len()))
            .collect();
        assert_eq!(beats, expected);
        assert!(clients.values().all(|client| client.updates == 0));
    }
}

#[test]
fn books_sent_whole_are_sent_again_instead_of_a_heartbeat() {
    let mut bench = Bench::new(Endpoint::V5Public, &quiet());
    bench.send(&v5_request("subscribe", &[("books5", "ETH-USDT"), ("bbo-tbt", "ETH-USDT")]));
    let first = books(&mut bench);
    for _ in 0..60 {
        bench.wait(1_000 * MS);
        bench.send("ping");
    }
    let mut again = books(&mut bench);
    assert_eq!(again.len(), 2);
    again.sort();
    let cut = |text: &str| text.split("\"ts\"").next().unwrap().to_owned();
    for ((_, old), (_, new)) in first.iter().zip(again.iter().rev()) {
        assert_eq!(cut(old), cut(new));
        assert_ne!(old, new);
    }
}

#[test]
fn changes_put_the_heartbeat_off_and_a_new_topic_has_only_its_own() {
    let mut config = config(30, PushIntervals::default());
    config.market.events_per_sec = 100;
    let mut bench = Bench::new(Endpoint::V3, &config);
    for op in ["subscribe", "unsubscribe", "subscribe"] {
        bench.send(&request(Endpoint::V3, op, &["depth"], "ETH-USDT"));
    }
    let mut client = Client::default();
    for _ in 0..60 {
        bench.wait(1_000 * MS);
        books(&mut bench).iter().for_each(|(_, text)| client.apply(text));
    }
    assert_eq!((client.snapshots, client.heartbeats), (2, 0));
    assert!(client.updates > 100);
}

#[test]
fn a_reset_continues_the_chain_at_a_lower_number() {
    let mut bench = Bench::new(Endpoint::V5Public, &config(60, PushIntervals::default()));
    bench.send(&request(Endpoint::V5Public, "subscribe", &V5, "BTC-USDT"));
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    for second in 0..4 {
        for (channel, text) in books(&mut bench) {
            clients.entry(channel).or_default().apply(&text);
        }
        if second == 2 {
            let inst = bench.exchange.market().find("BTC-USDT").unwrap();
            bench.exchange.reset_seq(inst, bench.now);
        }
        bench.wait(1_000 * MS);
    }
    for client in clients.values() {
        assert_eq!((client.snapshots, client.resets), (1, 1));
        assert!(client.seq.unwrap() < 1 << 20);
    }
    let books = &clients["books"];
    assert_eq!(clients.len(), 4);
    assert!(books.updates > 20);
}

#[test]
fn a_second_subscription_gives_the_same_snapshot_again_and_the_chain_goes_on() {
    let mut bench = Bench::new(Endpoint::V5Public, &config(60, PushIntervals::default()));
    let subscribe = request(Endpoint::V5Public, "subscribe", &["books"], "BTC-USDT");
    bench.send(&subscribe);
    // Between two pushes the market moves on, and the snapshot does not.
    bench.wait(50 * MS);
    bench.send(&subscribe);
    let other = bench.exchange.connect(Endpoint::V5Public, bench.now);
    bench.exchange.receive(other, subscribe.as_bytes(), bench.now);
    let mut client = Client::default();
    let messages = books(&mut bench);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], messages[1]);
    messages.iter().for_each(|(_, text)| client.apply(text));
    let seen: Vec<_> =
        std::iter::from_fn(|| bench.exchange.poll_transmit(other)).map(|m| text_of(&m)).collect();
    assert_eq!(seen[1], messages[0].1, "all connections have the same state");
    bench.wait(1_000 * MS);
    let updates = books(&mut bench);
    assert_eq!(updates.len(), 10);
    updates.iter().for_each(|(_, text)| client.apply(text));
    let shared = std::iter::from_fn(|| bench.exchange.poll_transmit(other)).map(|m| text_of(&m));
    assert_eq!(shared.collect::<Vec<_>>(), updates.into_iter().map(|u| u.1).collect::<Vec<_>>());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for (endpoint, channels) in [(Endpoint::V3, &V3[..]), (Endpoint::V5Public, &V5[..])] {
        let run = |seed| -> Vec<Outbound> {
            let mut config = config(100, PushIntervals::default());
            config.market.seed = seed;
            let mut bench = Bench::new(endpoint, &config);
            bench.send(&request(endpoint, "subscribe", channels, "ETH-USDT"));
            bench.wait(2_000 * MS);
            bench.inbox
        };
        let first = run(1);
        assert!(first.len() > 50, "{}", first.len());
        assert_eq!(first, run(1));
        assert_ne!(first, run(2));
    }
}
