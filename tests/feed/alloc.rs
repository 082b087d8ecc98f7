//! Counts the heap allocations that a frame costs, on each dialect and channel, valid, malformed
//! and control frames alike: from the frame's bytes to the published book.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use okx_feed::publish::RecordRingReader;
use okx_feed::wire::DecodeLimits;
use okx_feed::{
    BookReader, Dialect, Event, FeedHandler, Frame, RecordReader, Subscription, TradeReader,
    UnixNanos,
};
use okx_feed_testkit::alloc::allocations;

/// The allocations that a frame may cost, on every dialect and channel.
const ALLOWED: u64 = 0;

const ROUNDS: u64 = 200;

const LEVELS: &str = r#"[["9362.1","23","0","3"],["9362.93","1","0","1"]]"#;
const BIDS: &str = r#"[["9362.09","1615","0","9"],["9361.99","20","0","1"]]"#;

/// Snapshots, so that updates of order books meet a book.
const SNAPSHOTS: [(Dialect, &str); 2] = [
    (
        Dialect::V3,
        r#"{"table":"futures/depth_l2_tbt","action":"partial","data":[{"asks":[["9362.1","1","0","1"]],"bids":[],"checksum":0,"instrument_id":"BTC-USD-190517","timestamp":"2019-05-14T02:03:04.567Z"}]}"#,
    ),
    (
        Dialect::V5,
        r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["9362.1","1","0","1"]],"bids":[],"ts":"1652671418483","seqId":274877906944,"prevSeqId":-1}]}"#,
    ),
];

/// Feeds a frame many times, with cache warm-ups between and without; returns the allocations of
/// one, and whether it was decoded.
fn cost(dialect: Dialect, frame: Frame<'_>) -> (u64, bool) {
    let (spent, decoded) = cost_of(dialect, frame, false);
    let (warmed, _) = cost_of(dialect, frame, true);
    (spent.max(warmed), decoded)
}

fn cost_of(dialect: Dialect, frame: Frame<'_>, warms_up: bool) -> (u64, bool) {
    let mut feed = FeedHandler::new(dialect);
    feed.set_warmup(warms_up);
    let subscriptions: &[&str] = match dialect {
        Dialect::V3 => &[
            "futures/depth5:BTC-USD-190517",
            "futures/trade:BTC-USD-190517",
            "futures/depth_l2_tbt:BTC-USD-190517",
        ],
        Dialect::V5 => &[
            "books5:BTC-USDT",
            "bbo-tbt:BTC-USDT",
            "trades:BTC-USDT",
            "trades-all:BTC-USDT",
            "books:BTC-USDT",
            "books-rpi:BTC-USDT",
            "books5:BTC-BETWEEN-DAILY-261130-1600-84000-INF",
            "tickers:BTC-USDT",
            "mark-price:BTC-USDT",
            "funding-rate:BTC-USDT",
            "candle1m:BTC-USDT",
            "liquidation-orders:SWAP",
        ],
    };
    let mut books: Vec<BookReader> = Vec::new();
    let mut trades: Vec<TradeReader> = Vec::new();
    let mut records: Vec<RecordReader> = Vec::new();
    let mut streams: Vec<RecordRingReader> = Vec::new();
    for text in subscriptions {
        let subscription: Subscription = text.parse().unwrap();
        feed.subscribe(subscription).unwrap();
        books.extend(feed.book_reader(&subscription));
        trades.extend(feed.trade_reader(&subscription));
        records.extend(feed.record_reader(&subscription));
        streams.extend(feed.record_ring_reader(&subscription));
    }
    for (_, snapshot) in SNAPSHOTS.iter().filter(|(of, _)| *of == dialect) {
        let frame = Frame::Text(snapshot.as_bytes());
        feed.on_frame(frame, UnixNanos(1), &mut |_: &Event<'_>| {}).unwrap();
    }
    let (mut events, mut decoded) = (0u64, true);
    let mut step = |feed: &mut FeedHandler, n: u64| {
        let sink = &mut |_: &Event<'_>| events += 1;
        let result = feed.on_frame(frame, UnixNanos(n), sink);
        let played = feed.warm_caches(sink);
        let (stats, is_short) = (feed.stats(), frame.len() < 1024);
        let is_kept = result.is_ok() && is_short && stats.books + stats.trades > 0;
        assert_eq!(played, warms_up && is_kept, "{stats:?}");
        let seen = books.iter().map(|reader| reader.version()).sum::<u64>();
        let numbered = trades.iter().map(TradeReader::next).sum::<u64>()
            + records.iter().map(|reader| reader.version()).sum::<u64>()
            + streams.iter().map(RecordRingReader::next).sum::<u64>();
        decoded &= result.is_ok();
        std::hint::black_box((seen, numbered));
    };
    step(&mut feed, 1);
    let before = allocations();
    for n in 0..ROUNDS {
        step(&mut feed, n);
    }
    let spent = allocations() - before;
    let repeated = feed.stats().repeated_trades;
    assert!(
        events + repeated > ROUNDS,
        "each frame is an event, or a trade that was emitted before"
    );
    (spent.div_ceil(ROUNDS), decoded)
}

fn deflated(text: &str) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).unwrap());
    let mut body = vec![0; compressor.deflate_compress_bound(text.len())];
    let len = compressor.deflate_compress(text.as_bytes(), &mut body).unwrap();
    body.truncate(len);
    body
}

fn v3_texts() -> Vec<(&'static str, String)> {
    let tail = r#""instrument_id":"BTC-USD-190517","timestamp":"2019-05-14T02:03:04.567Z"}]}"#;
    let depth5 = |asks: &str| {
        format!(r#"{{"table":"futures/depth5","data":[{{"asks":{asks},"bids":{BIDS},{tail}"#)
    };
    let trade = format!(
        r#"{{"table":"futures/trade","data":[{{"side":"buy","trade_id":"5430565","price":"60059.7","qty":"20",{tail}"#
    );
    let depth = format!(
        r#"{{"table":"futures/depth_l2_tbt","action":"update","data":[{{"asks":{LEVELS},"bids":{BIDS},"checksum":-5,{tail}"#
    );
    vec![
        ("depth5", depth5(LEVELS)),
        ("depth5 in numbers", depth5("[[3690.06,1,0,1],[3690.33,11,0,1]]")),
        ("depth5 of white space", depth5(" [ [ \"1\" , \"2\" , \"3\" ] ] ")),
        ("trade", trade),
        ("order book", depth),
        ("not subscribed", depth5(LEVELS).replace("190517", "190614")),
        ("skipped", format!(r#"{{"table":"spot/ticker","data":[{{"last":"1",{tail}"#)),
        ("acknowledgement", r#"{"event":"subscribe","channel":"spot/trade:DOT-USD"}"#.into()),
        ("error", r#"{"event":"error","message":"\"x\" doesn't exist","errorCode":30040}"#.into()),
        ("login", r#"{"event":"login","success":true}"#.into()),
        ("pong", "pong".into()),
        ("ping with blanks", " PING\n".into()),
        ("worst first", depth5(r#"[["3","1","1"],["2","1","1"],["1","1","1"],["0","0","0"],[]]"#)),
        ("unknown", r#"{"what":[1,2,{"is":"this"}]}"#.into()),
    ]
}

fn v5_texts() -> Vec<(&'static str, String)> {
    let book = |channel: &str, action: &str| {
        format!(
            r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},{action}"data":[{{"asks":{LEVELS},"bids":{BIDS},"ts":"1652671418483","checksum":0,"seqId":274877906945,"prevSeqId":274877906944}}]}}"#
        )
    };
    let trades = |channel: &str| {
        format!(
            r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"206","px":"0.0065","sz":"2","side":"sell","ts":"1626922893155","count":"3","source":"0","seqId":5}}]}}"#
        )
    };
    let long_id = "BTC-BETWEEN-DAILY-261130-1600-84000-INF";
    let levels = |levels: &str| book("books5", "").replace(LEVELS, levels);
    let two = trades("trades").replace("}]}", r#"},{"instId":"BTC-USDT","tradeId":"207","px":"1","sz":"1","side":"buy","ts":"1626922893156"}]}"#);
    vec![
        ("books5", book("books5", "")),
        ("bbo-tbt", book("bbo-tbt", "")),
        ("books", book("books", r#""action":"update","#)),
        ("trades", trades("trades")),
        ("trades-all", trades("trades-all")),
        ("two trades", two),
        ("long id", book("books5", "").replace("BTC-USDT", long_id)),
        ("RPI", book("books-rpi", r#""action":"snapshot","#)),
        ("six levels", levels(&format!("[{}]", [r#"["1","1","0","1"]"#; 6].join(",")))),
        ("more elements", levels(r#"[["9362.1","23",null,"n/a",["?"]],["1E+4","2.50"]]"#)),
        ("padded", levels(r#"[["9362.1000000000000000","23.000000000000000000","","3"]]"#)),
        ("odd count", trades("trades").replace(r#""3","source":"0""#, r#""three","source":[]"#)),
        ("renamed", trades("trades").replacen("BTC-USDT", "BTC-USD", 1)),
        ("skipped", r#"{"arg":{"channel":"greeks","instId":"X"},"data":[{"last":"1"}]}"#.into()),
        ("ticker", r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"91517.2","lastSz":"0.00269444","askPx":"91527.3","askSz":"1.54613591","bidPx":"","bidSz":"","ts":"1765201256914"}]}"#.into()),
        ("mark", r#"{"arg":{"channel":"mark-price","instId":"BTC-USDT"},"data":[{"instType":"SWAP","instId":"BTC-USDT","markPx":"0.1","ts":"1597026383085"}]}"#.into()),
        ("funding", r#"{"arg":{"channel":"funding-rate","instId":"BTC-USDT"},"data":[{"formulaType":"withRate","fundingRate":"0.0001000000000000","fundingTime":"1765209600000","impactValue":"10000.0000000000000000","instId":"BTC-USDT","nextFundingRate":"","settState":"settled","ts":"1765201461438"}]}"#.into()),
        ("candle", r#"{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1757076060000","112600.1","112631.9","112477.1","112477.1","3.10944629","349947.3","349947.3","0"]]}"#.into()),
        ("liquidation", r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkPx":"0.0078","posSide":"short","side":"buy","sz":"13","ts":"1692266434010"}],"instId":"IOST-USDT-SWAP"}]}"#.into()),
        ("notice", r#"{"event":"notice","code":"64008","msg":"soon","connId":"a4d3ae55"}"#.into()),
        ("error", r#"{"id":"1","event":"error","code":"60012","msg":"a \"b\""}"#.into()),
        ("pong", "pong".into()),
    ]
}

/// A side of so many levels, from a price on.
fn side(levels: u32, from: i64, step: i64) -> String {
    let level = |n: u32| {
        let px = from + step * i64::from(n);
        format!(r#"["{px}.{n}","{n}.5","0","{n}"]"#)
    };
    format!("[{}]", (0..levels).map(level).collect::<Vec<_>>().join(","))
}

#[test]
fn order_books_are_scanned_and_cost_nothing() {
    let message = |dialect: Dialect, snapshot: bool, asks: &str, bids: &str| match dialect {
        Dialect::V3 => {
            let action = if snapshot { "partial" } else { "update" };
            format!(
                r#"{{"table":"swap/depth_l2_tbt","action":"{action}","data":[{{"instrument_id":"BTC-USD-SWAP","asks":{asks},"bids":{bids},"timestamp":"2019-05-14T02:03:04.567Z","checksum":-5}}]}}"#
            )
        }
        Dialect::V5 => {
            let action = if snapshot { "snapshot" } else { "update" };
            format!(
                r#"{{"arg":{{"channel":"books","instId":"BTC-USD-SWAP"}},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},"ts":"1652671418483","checksum":0,"seqId":5,"prevSeqId":-1}}]}}"#
            )
        }
    };
    for (dialect, channel) in
        [(Dialect::V3, "swap/depth_l2_tbt:BTC-USD-SWAP"), (Dialect::V5, "books:BTC-USD-SWAP")]
    {
        let texts = [
            message(dialect, true, &side(400, 50_000, 1), &side(400, 49_999, -1)),
            message(dialect, false, r#"[["50000.0","0","0","0"]]"#, &side(3, 49_999, -1)),
            message(dialect, false, "[]", "[]"),
            message(dialect, true, &side(1024, 50_000, 1), "[]"),
        ];
        let mut feed = FeedHandler::new(dialect);
        feed.subscribe(channel.parse().unwrap()).unwrap();
        let mut levels = 0;
        let before = allocations();
        for text in &texts {
            let frame = Frame::Text(text.as_bytes());
            let mut sink = |event: &Event<'_>| {
                if let Event::DepthBook(change) = event {
                    levels += change.update.asks.len() + change.update.bids.len();
                }
            };
            feed.on_frame(frame, UnixNanos(1), &mut sink).unwrap();
        }
        assert_eq!(allocations() - before, ALLOWED, "{dialect}");
        assert_eq!((feed.stats().scanned, feed.stats().parsed), (4, 0), "{dialect}");
        assert_eq!(levels, 800 + 4 + 1024, "{dialect}");
    }
}

/// Breaks a text in the ways that each give another kind of error.
fn broken(text: &str) -> Vec<(&'static str, String)> {
    let changed = |what: &'static str, from: &str, to: &str| (what, text.replacen(from, to, 1));
    vec![
        changed("no JSON", "}", ""),
        changed("bad price", "9362.1", "9362.x"),
        changed("huge price", "9362.1", "93621111111111111111"),
        changed("fine price", "9362.1", "0.00000000000000000000001"),
        changed("short level", r#"["9362.1","23","0","3"]"#, r#"["9362.1"]"#),
        changed("wrong type", r#""bids":"#, r#""bids":5,"x":"#),
        changed("no asks", r#""asks""#, r#""tasks""#),
        changed("time", "1652671418483", "16526714184x3"),
        changed("time", "2019-05-14", "2019-15-14"),
        changed("long id", "BTC-", "BTC-BTC-BTC-BTC-BTC-BTC-BTC-BTC-BTC-"),
        changed(
            "many levels",
            "[[",
            r#"[["1","1","1"],["1","1","1"],["1","1","1"],["1","1","1"],["#,
        ),
    ]
}

/// Checks a text as it is, and in each way broken that changes it; gives the ways that were
/// refused.
fn check(
    dialect: Dialect,
    what: &str,
    text: &str,
    frames: impl Fn(&str) -> Vec<(u64, bool)>,
) -> u32 {
    for (spent, decoded) in frames(text) {
        assert!(decoded, "{dialect} {what} is not decoded: {text}");
        assert_eq!(spent, ALLOWED, "{dialect} {what}: allocations a frame");
    }
    let mut refused = 0;
    for (how, text) in broken(text).into_iter().filter(|(_, changed)| changed != text) {
        for (spent, decoded) in frames(&text) {
            refused += u32::from(!decoded);
            assert_eq!(spent, ALLOWED, "{dialect} {what}, {how}: allocations a frame");
        }
    }
    refused
}

#[test]
fn v3_frames_cost_nothing() {
    let frames = |text: &str| {
        vec![
            cost(Dialect::V3, Frame::Binary(&deflated(text))),
            cost(Dialect::V3, Frame::Text(text.as_bytes())),
        ]
    };
    let texts = v3_texts();
    let refused: u32 = texts.iter().map(|(w, t)| check(Dialect::V3, w, t, frames)).sum();
    assert!(refused > 60, "only {refused} of the broken frames were refused");
}

#[test]
fn v5_frames_cost_nothing() {
    let frames = |text: &str| vec![cost(Dialect::V5, Frame::Text(text.as_bytes()))];
    let texts = v5_texts();
    let refused: u32 = texts.iter().map(|(w, t)| check(Dialect::V5, w, t, frames)).sum();
    assert!(refused > 30, "only {refused} of the broken frames were refused");
}

#[test]
fn broken_bodies_cost_nothing() {
    let body = deflated(&v3_texts()[0].1);
    let bomb = deflated(&" ".repeat(3 << 20));
    let huge = vec![b' '; (1 << 20) + 1];
    for (what, frame) in [
        ("empty", Frame::Binary(&[])),
        ("cut", Frame::Binary(&body[..body.len() / 2])),
        ("noise", Frame::Binary(&[0xff; 64])),
        ("bomb", Frame::Binary(&bomb)),
        ("too large", Frame::Text(&huge)),
        ("bad UTF-8", Frame::Text(b"{\"event\":\"\xff\"}")),
        ("empty text", Frame::Text(b"")),
        ("plain and no JSON", Frame::Binary(b"{\"a\":}")),
    ] {
        assert_eq!(cost(Dialect::V3, frame), (ALLOWED, false), "{what}");
    }
    assert_eq!(cost(Dialect::V5, Frame::Binary(&body)), (ALLOWED, false), "binary in v5");
    // Not malformed: plain text, and an overlong text of an ignored channel.
    let unread = |len| {
        let data = r#"{"last":"1"},"#.repeat(len);
        format!(r#"{{"table":"spot/no_such","data":[{data}{{}}]}}"#)
    };
    let (bomb, huge) = (deflated(&unread(200_000)), unread(100_000));
    for (what, frame) in [
        ("plain", Frame::Binary(v3_texts()[0].1.as_bytes())),
        ("plain pong", Frame::Binary(b"pong")),
        ("unread bomb", Frame::Binary(&bomb)),
        ("unread text", Frame::Text(huge.as_bytes())),
    ] {
        assert_eq!(cost(Dialect::V3, frame), (ALLOWED, true), "{what}");
    }
}

#[test]
fn each_kind_of_error_costs_nothing() {
    use okx_feed::{DecodeErrorKind as Kind, Decoder};

    let texts = v5_texts();
    let text = |of: &str| texts.iter().find(|(name, _)| *name == of).unwrap().1.clone();
    let (book, trade) = (text("books5"), text("trades"));
    let changed = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let item = trade.split_once('[').unwrap().1.strip_suffix("]}").unwrap();
    let items = vec![item; DecodeLimits::MAX_ITEMS + 1].join(",");
    let levels = [r#"["1","1","1"]"#; DecodeLimits::MAX_DEPTH_LEVELS + 1].join(",");
    let bytes = [
        (Kind::FrameTooLarge, vec![b' '; (1 << 20) + 1]),
        (Kind::InflatedTooLarge, deflated(&" ".repeat(3 << 20))),
        (Kind::Deflate, vec![0xff; 64]),
        (Kind::UnexpectedBinary, vec![0xff; 64]),
        (Kind::Json, changed(&book, "}", "")),
        (Kind::WrongType, changed(&book, r#""bids":"#, r#""bids":5,"x":"#)),
        (Kind::MissingField, changed(&book, r#""asks""#, r#""tasks""#)),
        (Kind::Number, changed(&book, "9362.1", "9362.x")),
        (Kind::NumberOverflow, changed(&book, "9362.1", "93621111111111111111")),
        (Kind::NumberScale, changed(&book, "9362.1", "0.0000000000000000001")),
        (Kind::Timestamp, changed(&book, "1652671418483", "16526714184x3")),
        (Kind::Side, changed(&trade, "sell", "sold")),
        (Kind::Action, changed(&text("books"), "update", "upgrade")),
        (Kind::LevelShape, changed(&book, r#"["9362.1","23","0","3"]"#, r#"["9362.1"]"#)),
        (Kind::TooManyLevels, changed(&text("books"), LEVELS, &format!("[{levels}]"))),
        (Kind::TooManyItems, changed(&trade, item, &items)),
        (Kind::InstrumentId, changed(&book, "BTC-USDT", &"BTC".repeat(22))),
        (Kind::OtherInstrument, changed(&book, r#""ts":"#, r#""instId":"OTHER","ts":"#)),
    ];
    // `sbe.rs` has the kinds of SBE.
    let is_text = |kind: &Kind| !matches!(kind, Kind::Truncated | Kind::BlockLength);
    assert!(bytes.iter().map(|(kind, _)| *kind).eq(Kind::ALL.into_iter().filter(is_text)));
    for (kind, bytes) in &bytes {
        let (dialect, frame) = match kind {
            Kind::InflatedTooLarge | Kind::Deflate => (Dialect::V3, Frame::Binary(bytes)),
            Kind::UnexpectedBinary => (Dialect::V5, Frame::Binary(bytes)),
            _ => (Dialect::V5, Frame::Text(bytes)),
        };
        let mut decoder = Decoder::new(dialect);
        let result = decoder.decode(frame, UnixNanos(1), &mut |_: &Event<'_>| {});
        assert_eq!(result.unwrap_err().kind, *kind);
        assert_eq!(cost(dialect, frame), (ALLOWED, false), "{kind:?}");
    }
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    std::hint::black_box(Box::new(5u8));
    assert_eq!(allocations() - before, 1);
}

/// Every deep channel with its readers, as the embedded exchange serves it: whole, broken by a
/// message that is missing, refused while it is broken, and whole again with a snapshot.
#[cfg(feature = "sim")]
#[test]
fn order_books_that_break_and_come_back_cost_nothing() {
    use okx_feed::sim::{ExchangeConfig, Outbound, record};
    let channels = [
        "spot/depth:BTC-USDT",
        "spot/depth_l2_tbt:BTC-USDT",
        "books:BTC-USDT",
        "books-l2-tbt:BTC-USDT",
        "books50-l2-tbt:BTC-USDT",
        "books-rpi:BTC-USDT",
        "books-elp:BTC-USDT",
    ];
    for channel in channels {
        let subscription: Subscription = channel.parse().unwrap();
        let config = ExchangeConfig { v5_checksums: true, ..ExchangeConfig::default() };
        let frames = record(&config, &subscription, 60);
        assert_eq!(frames.len(), 60, "{channel}");
        let mut feed = FeedHandler::new(subscription.dialect());
        feed.subscribe(subscription).unwrap();
        let readers = (feed.book_reader(&subscription), feed.depth_reader(&subscription));
        let mut states = [0_u32; 2];
        // So long after the previous pass that its older snapshot is accepted.
        let mut now = UnixNanos(1);
        let mut pass = |feed: &mut FeedHandler| {
            now = UnixNanos(now.0 + 60_000_000_000);
            // The first is the snapshot; the twentieth to the thirtieth are lost.
            for frame in frames.iter().enumerate().filter(|(n, _)| !(20..30).contains(n)) {
                let frame = match frame.1 {
                    Outbound::Text(text) => Frame::Text(text.as_bytes()),
                    Outbound::Binary(body) => Frame::Binary(body),
                    _ => continue,
                };
                let mut sink = |event: &Event<'_>| {
                    if let Event::State(change) = event {
                        states[usize::from(change.to.is_live())] += 1;
                    }
                };
                feed.on_frame(frame, now, &mut sink).unwrap();
            }
        };
        pass(&mut feed);
        let before = allocations();
        for _ in 0..3 {
            pass(&mut feed);
        }
        assert_eq!(allocations() - before, ALLOWED, "{channel}");
        // Each pass broke the book, and the next one's snapshot made it live again.
        assert_eq!(states, [4, 4], "{channel}: {:?}", feed.stats());
        assert!(readers.0.is_some() && readers.1.is_some());
    }
}
