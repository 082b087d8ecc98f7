//! Messages in the exchange's shapes, from a seeded random walk.

use okx_feed::Dialect;
use okx_feed::internals::PADDING;

/// Messages in a corpus.
pub(crate) const COUNT: usize = 512;

/// Different messages of one shape, each in a buffer with padding.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) dialect: Dialect,
    texts: Vec<(Vec<u8>, usize)>,
}

impl Corpus {
    pub(crate) fn all() -> Vec<Self> {
        let corpus = |name, dialect, make: fn(&mut Walk) -> String| {
            let mut walk = Walk::new();
            let texts = (0..COUNT).map(|_| padded(make(&mut walk))).collect();
            Self { name, dialect, texts }
        };
        vec![
            corpus("v5 books5", Dialect::V5, v5_books5),
            corpus("v5 books5 spot", Dialect::V5, v5_books5_spot),
            corpus("v5 bbo-tbt", Dialect::V5, v5_bbo),
            corpus("v5 trades", Dialect::V5, v5_trades),
            corpus("v3 depth5", Dialect::V3, v3_depth5),
            corpus("v3 depth5 spot", Dialect::V3, v3_depth5_spot),
            corpus("v3 trade", Dialect::V3, v3_trade),
        ]
    }

    /// A message's buffer and the length of its text.
    pub(crate) fn text(&self, index: usize) -> (&[u8], usize) {
        let (buf, len) = &self.texts[index];
        (buf, *len)
    }

    pub(crate) fn text_mut(&mut self, index: usize) -> (&mut [u8], usize) {
        let (buf, len) = &mut self.texts[index];
        (buf, *len)
    }

    /// A message's text alone.
    pub(crate) fn bytes(&self, index: usize) -> &[u8] {
        let (buf, len) = self.text(index);
        &buf[..len]
    }

    pub(crate) fn shown(&self, index: usize) -> String {
        let (buf, len) = self.text(index);
        String::from_utf8_lossy(&buf[..len]).into_owned()
    }
}

fn padded(text: String) -> (Vec<u8>, usize) {
    let len = text.len();
    let mut buf = text.into_bytes();
    buf.resize(len + PADDING, 0);
    (buf, len)
}

/// A market in a random walk (splitmix64).
pub(crate) struct Walk {
    state: u64,
    ticks: u64,
    millis: u64,
    id: u64,
}

impl Walk {
    fn new() -> Self {
        Self { state: 1, ticks: 302_218, millis: 1_652_671_418_459, id: 240_333_841 }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn step(&mut self) {
        self.ticks = self.ticks + self.below(41) - 20;
        self.millis += self.below(300);
        self.id += self.below(9) + 1;
    }

    /// Contracts: mostly small integers.
    fn contracts(&mut self) -> String {
        let most = [10, 100, 1000, 10_000][self.below(4) as usize];
        (self.below(most) + 1).to_string()
    }

    /// Base currency: up to eight decimals, often all of them.
    fn coins(&mut self) -> String {
        let scale = [8, 8, 8, 5, 4, 3, 2, 0][self.below(8) as usize];
        let most = [100_000_000, 500_000_000][self.below(2) as usize];
        fixed((self.below(most) + 1) / 10_u64.pow(8 - scale) + 1, scale)
    }

    /// Numbers of orders: three in four are 1, few have two digits.
    fn orders(&mut self) -> u64 {
        if self.below(4) > 0 { 1 } else { self.below(30) + 1 }
    }

    fn side(&mut self, up: bool, spot: bool, three: bool, levels: u64) -> String {
        let mut ticks = self.ticks;
        let mut texts = Vec::new();
        for _ in 0..levels {
            ticks = if up { ticks + 1 + self.below(9) } else { ticks - 1 - self.below(9) };
            let sz = if spot { self.coins() } else { self.contracts() };
            let middle = if three { "" } else { "\"0\"," };
            texts.push(format!(r#"["{}","{sz}",{middle}"{}"]"#, fixed(ticks, 1), self.orders()));
        }
        format!("[{}]", texts.join(","))
    }

    fn iso(&self) -> String {
        okx_feed::UnixNanos(self.millis * 1_000_000).iso_ms().to_string()
    }

    fn taker(&mut self) -> &'static str {
        ["buy", "sell"][self.below(2) as usize]
    }
}

/// A decimal without trailing zeros, as the exchange writes them.
fn fixed(mantissa: u64, scale: u32) -> String {
    let one = 10_u64.pow(scale);
    let text = format!("{}.{:0width$}", mantissa / one, mantissa % one, width = scale as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn v5_book(
    walk: &mut Walk,
    channel: &str,
    id: &str,
    spot: bool,
    levels: u64,
    tail: &str,
) -> String {
    walk.step();
    let asks = walk.side(true, spot, false, levels);
    let bids = walk.side(false, spot, false, levels);
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"{id}"}},"data":[{{"asks":{asks},"bids":{bids},{tail}"ts":"{}","seqId":{}}}]}}"#,
        walk.millis, walk.id
    )
}

fn v5_books5(walk: &mut Walk) -> String {
    v5_book(walk, "books5", "BTC-USDT-SWAP", false, 5, "\"instId\":\"BTC-USDT-SWAP\",")
}

fn v5_books5_spot(walk: &mut Walk) -> String {
    v5_book(walk, "books5", "BTC-USDT", true, 5, "\"instId\":\"BTC-USDT\",")
}

fn v5_bbo(walk: &mut Walk) -> String {
    v5_book(walk, "bbo-tbt", "BTC-USDT-SWAP", false, 1, "")
}

fn v5_trades(walk: &mut Walk) -> String {
    walk.step();
    let (sz, side, count) = (walk.coins(), walk.taker(), walk.orders());
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{}","px":"{}","sz":"{sz}","side":"{side}","ts":"{}","count":"{count}","source":"0","seqId":{}}}]}}"#,
        walk.id,
        fixed(walk.ticks, 1),
        walk.millis,
        walk.id * 3
    )
}

fn v3_depth5(walk: &mut Walk) -> String {
    v3_book(walk, "swap", "BTC-USDT-SWAP", false)
}

fn v3_depth5_spot(walk: &mut Walk) -> String {
    v3_book(walk, "spot", "BTC-USDT", true)
}

fn v3_book(walk: &mut Walk, market: &str, id: &str, spot: bool) -> String {
    walk.step();
    let (asks, bids) = (walk.side(true, spot, spot, 5), walk.side(false, spot, spot, 5));
    format!(
        r#"{{"table":"{market}/depth5","data":[{{"asks":{asks},"bids":{bids},"instrument_id":"{id}","timestamp":"{}"}}]}}"#,
        walk.iso()
    )
}

fn v3_trade(walk: &mut Walk) -> String {
    walk.step();
    let (sz, side) = (walk.coins(), walk.taker());
    format!(
        r#"{{"table":"spot/trade","data":[{{"side":"{side}","trade_id":"{}","price":"{}","size":"{sz}","instrument_id":"BTC-USDT","timestamp":"{}"}}]}}"#,
        walk.id,
        fixed(walk.ticks, 1),
        walk.iso()
    )
}
