//! One market in both encodings: best levels, trades, and updates of four levels to a book of 400
//! levels a side.

use okx_feed::{Decimal, Level, Side, Trade, UnixNanos};
use okx_feed_testkit::depth_oracle::Rng;
use okx_feed_testkit::sbe_encode::{self, Decimals};

const FRAMES: usize = 1024;
/// So many that the processor does not learn which levels change, as it does from fewer.
const BOOK_FRAMES: usize = 16 * FRAMES;
const CODE: i64 = 10_459;
const ID: &str = "BTC-USDT-SWAP";
const OF: Decimals = Decimals { px: 1, sz: 2 };
const TS: UnixNanos = UnixNanos(1_767_225_600_123_000_000);

pub(crate) struct Market {
    pub(crate) name: &'static str,
    pub(crate) subscription: &'static str,
    /// What a book begins with.
    pub(crate) json_start: Vec<Vec<u8>>,
    pub(crate) sbe_start: Vec<Vec<u8>>,
    pub(crate) json: Vec<Vec<u8>>,
    pub(crate) sbe: Vec<Vec<u8>>,
}

impl Market {
    pub(crate) fn all() -> [Self; 3] {
        [bbo(), trades(), book()]
    }

    fn new(name: &'static str, subscription: &'static str) -> Self {
        let none = Vec::new;
        let (json_start, sbe_start, json, sbe) = (none(), none(), none(), none());
        Self { name, subscription, json_start, sbe_start, json, sbe }
    }
}

fn level(px: i64, rng: &mut Rng) -> Level {
    let sz = Decimal::new(100 + rng.below(99_999).cast_signed(), OF.sz).unwrap();
    Level::new(Decimal::new(px, OF.px).unwrap(), sz, 1 + u32::try_from(rng.below(40)).unwrap())
}

fn side(levels: &[Level]) -> String {
    let level =
        |level: &Level| format!(r#"["{}","{}","0","{}"]"#, level.px(), level.sz(), level.orders());
    format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(","))
}

fn bbo() -> Market {
    let mut market = Market::new("bbo", "bbo-tbt:BTC-USDT-SWAP");
    let mut rng = Rng(1);
    for seq in 0..FRAMES as i64 {
        let px = 915_000 + rng.below(1_000).cast_signed();
        let (ask, bid) = (level(px + 1, &mut rng), level(px, &mut rng));
        market.sbe.push(sbe_encode::bbo(CODE, TS, seq, [ask, bid], OF));
        let (asks, bids, ts) = (side(&[ask]), side(&[bid]), TS.as_millis());
        market.json.push(
            format!(
                r#"{{"arg":{{"channel":"bbo-tbt","instId":"{ID}"}},"data":[{{"asks":{asks},"bids":{bids},"ts":"{ts}","seqId":{seq}}}]}}"#
            )
            .into(),
        );
    }
    market
}

fn trades() -> Market {
    let mut market = Market::new("trade", "trades:BTC-USDT-SWAP");
    let mut rng = Rng(2);
    for n in 0..FRAMES as u64 {
        let at = level(915_000 + rng.below(1_000).cast_signed(), &mut rng);
        let side = if rng.one_in(2) { Side::Buy } else { Side::Sell };
        let mut trade = Trade::new(side, at.px(), at.sz());
        (trade.trade_id, trade.ts_event, trade.seq) = (2_005_639_579 + n, TS, n.cast_signed());
        market.sbe.push(sbe_encode::trade(CODE, &trade, OF));
        let (id, px, sz, ts) = (trade.trade_id, trade.px(), trade.sz(), TS.as_millis());
        market.json.push(
            format!(
                r#"{{"arg":{{"channel":"trades","instId":"{ID}"}},"data":[{{"instId":"{ID}","tradeId":"{id}","px":"{px}","sz":"{sz}","side":"{side}","ts":"{ts}","count":"1","source":"0","seqId":{n}}}]}}"#
            )
            .into(),
        );
    }
    market
}

/// The last update restarts the numbers, so that the stream can follow itself.
fn book() -> Market {
    let mut market = Market::new("book of 4 levels", "books-l2-tbt:BTC-USDT-SWAP");
    let mut rng = Rng(3);
    let (best_ask, best_bid) = (915_001, 915_000);
    let push = |market: &mut Market,
                snapshot: bool,
                [prev, seq]: [i64; 2],
                sides: [&[Level]; 2]| {
        let (asks, bids, ts) = (side(sides[0]), side(sides[1]), TS.as_millis());
        let action = if snapshot { "snapshot" } else { "update" };
        let json = format!(
            r#"{{"arg":{{"channel":"books-l2-tbt","instId":"{ID}"}},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},"ts":"{ts}","checksum":0,"seqId":{seq},"prevSeqId":{prev}}}]}}"#
        );
        if snapshot {
            market.json_start.push(json.into());
            // The update before it, which its number confirms.
            market.sbe_start.push(sbe_encode::update(CODE, TS, [seq, seq], [&[], &[]], OF));
            market.sbe_start.push(sbe_encode::snapshot(CODE, TS, seq, sides, OF));
        } else {
            market.json.push(json.into());
            market.sbe.push(sbe_encode::update(CODE, TS, [prev, seq], sides, OF));
        }
    };
    let asks: Vec<_> = (0..400).map(|n| level(best_ask + n, &mut rng)).collect();
    let bids: Vec<_> = (0..400).map(|n| level(best_bid - n, &mut rng)).collect();
    push(&mut market, true, [-1, 1000], [&asks, &bids]);
    for n in 0..BOOK_FRAMES as i64 {
        let place = |rng: &mut Rng| rng.below(24).cast_signed();
        let asks = [0, 25].map(|from| level(best_ask + from + place(&mut rng), &mut rng));
        let bids = [0, 25].map(|from| level(best_bid - from - place(&mut rng), &mut rng));
        let next = if n + 1 == BOOK_FRAMES as i64 { 1000 } else { 1000 + n + 1 };
        push(&mut market, false, [1000 + n, next], [&asks, &bids]);
    }
    market
}
