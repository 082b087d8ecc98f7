//! Messages of every form that the exchange is known to have sent, and of some that it never did.

use super::rng::Rng;
use crate::model::Dialect;

/// A message, most often one of the usual shapes.
pub(super) fn message(rng: &mut Rng) -> (Dialect, String) {
    let oddity = rng.pick(&[0, 0, 0, 1, 4, 20]);
    let mut make = Make { rng, oddity };
    if make.rng.one_in(2) { (Dialect::V3, make.v3()) } else { (Dialect::V5, make.v5()) }
}

/// A message with next to nothing out of the ordinary, for mutations to start from.
pub(super) fn usual_message(rng: &mut Rng) -> (Dialect, String) {
    let mut make = Make { rng, oddity: 0 };
    if make.rng.one_in(2) { (Dialect::V3, make.v3()) } else { (Dialect::V5, make.v5()) }
}

pub(super) struct Make<'r> {
    pub(super) rng: &'r mut Rng,
    /// How many in a hundred parts are out of the ordinary.
    oddity: usize,
}

type Fields = Vec<(&'static str, String)>;

impl Make<'_> {
    pub(super) fn odd(&mut self) -> bool {
        self.rng.below(100) < self.oddity
    }

    fn v3(&mut self) -> String {
        let market = self.rng.pick(&["spot", "swap", "futures", "option"]);
        let market = if self.odd() { "index" } else { market };
        if self.rng.one_in(3) {
            return self.v3_depth(market);
        }
        let is_book = self.rng.one_in(2);
        let channel = if self.odd() {
            "depth"
        } else if is_book {
            "depth5"
        } else {
            "trade"
        };
        let item = if is_book { self.v3_book(market) } else { self.v3_trade(market) };
        let item = self.object(item);
        let data = self.data(item);
        self.object(vec![("table", format!("\"{market}/{channel}\"")), ("data", data)])
    }

    fn v3_book(&mut self, market: &str) -> Fields {
        let form = if self.rng.one_in(4) { self.rng.below(8) } else { 7 };
        let arity = if (market == "spot") ^ self.odd() { 3 } else { 4 };
        let (asks, bids) = (self.side(true, arity, form), self.side(false, arity, form));
        let (id, time) = (self.id(), self.iso());
        vec![("asks", asks), ("bids", bids), ("instrument_id", id), ("timestamp", time)]
    }

    fn v3_trade(&mut self, market: &str) -> Fields {
        let size = if (market == "spot" || market == "swap") ^ self.odd() { "size" } else { "qty" };
        let (id, trade_id, px) = (self.id(), self.trade_id(), self.decimal());
        let (sz, side, time) = (self.decimal(), self.taker(), self.iso());
        let (px, sz) = if self.odd() { (px, sz) } else { (quoted(&px), quoted(&sz)) };
        let mut fields = vec![
            ("side", side),
            ("trade_id", trade_id),
            ("price", px),
            (size, sz),
            ("instrument_id", id),
            ("timestamp", time),
        ];
        if self.rng.one_in(3) {
            fields.sort_by_key(|(key, _)| *key);
        }
        fields
    }

    fn v5(&mut self) -> String {
        if self.rng.one_in(3) {
            return self.v5_depth();
        }
        let channel = self.rng.pick(&["books5", "bbo-tbt", "trades", "trades-all"]);
        let id = self.id();
        let item = if channel.starts_with('b') {
            self.v5_book(channel, &id)
        } else {
            self.v5_trade(channel, &id)
        };
        let item = self.object(item);
        let data = self.data(item);
        let channel = if self.odd() { "books" } else { channel };
        let arg = self.object(vec![("channel", quoted(channel)), ("instId", id)]);
        let mut fields = vec![("arg", arg), ("data", data)];
        if self.odd() {
            fields.insert(1, ("action", "\"snapshot\"".to_owned()));
        }
        self.object(fields)
    }

    fn own_id(&mut self, id: &str) -> String {
        if self.odd() { self.id() } else { id.to_owned() }
    }

    fn v5_book(&mut self, channel: &str, id: &str) -> Fields {
        let arity = if self.odd() { 3 } else { 4 };
        let (asks, bids) = (self.side(true, arity, 7), self.side(false, arity, 7));
        let mut fields = vec![("asks", asks), ("bids", bids)];
        if (channel == "books5") ^ self.odd() {
            fields.push(("instId", self.own_id(id)));
        }
        fields.push(("ts", self.millis()));
        if self.rng.one_in(2) {
            fields.push(("seqId", self.seq()));
        }
        fields
    }

    fn v5_trade(&mut self, channel: &str, id: &str) -> Fields {
        let mut fields = vec![
            ("instId", self.own_id(id)),
            ("tradeId", self.trade_id()),
            ("px", quoted(&self.decimal())),
            ("sz", quoted(&self.decimal())),
            ("side", self.taker()),
        ];
        let source = quoted(
            self.rng.pick(&["0", "1", "9", "10", "", "a"][..if self.oddity > 0 { 6 } else { 2 }]),
        );
        let years = self.rng.below(4);
        if channel == "trades-all" && years > 0 {
            fields.push(("source", source.clone()));
        }
        fields.push(("ts", self.millis()));
        if channel == "trades" || self.odd() {
            let most = if self.odd() { 1 << 40 } else { 30 };
            let count = self.rng.below(most);
            let rest =
                [("count", quoted(&count.to_string())), ("source", source), ("seqId", self.seq())];
            fields.extend(rest.into_iter().take(years));
        }
        fields
    }

    /// An object, seldom with its keys shuffled, doubled, missing or of unknown name.
    pub(super) fn object(&mut self, mut fields: Fields) -> String {
        if self.odd() {
            let (a, b) = (self.rng.below(fields.len()), self.rng.below(fields.len()));
            fields.swap(a, b);
        }
        if self.odd() {
            let at = self.rng.below(fields.len());
            let field = match self.rng.below(3) {
                0 => fields[at].clone(),
                1 => ("extra", "[{\"a\":null}]".to_owned()),
                _ => ("checksum", "-12".to_owned()),
            };
            fields.insert(at, field);
        }
        if self.odd() {
            fields.remove(self.rng.below(fields.len()));
        }
        let colon = if self.odd() { ": " } else { ":" };
        let texts: Vec<_> = fields.iter().map(|(k, v)| format!("\"{k}\"{colon}{v}")).collect();
        format!("{{{}}}", texts.join(","))
    }

    pub(super) fn data(&mut self, item: String) -> String {
        match self.odd() {
            true if self.rng.one_in(2) => "[]".to_owned(),
            true => format!("[{item},{item}]"),
            false => format!("[{item}]"),
        }
    }

    /// A side, mostly sorted. `form` has a bit for each element that is a string.
    fn side(&mut self, up: bool, arity: usize, form: usize) -> String {
        let most = if self.odd() { 7 } else { 6 };
        let levels = if self.rng.one_in(2) { 5 } else { self.rng.below(most) };
        self.levels(up, levels, arity, form)
    }

    /// A side of a number of levels, some of which are deletions.
    pub(super) fn levels(&mut self, up: bool, levels: usize, arity: usize, form: usize) -> String {
        let scale = self.rng.below(9);
        let mut mantissa = 10_u64.pow(5) + self.rng.next() % 10_u64.pow(7);
        let mut texts = Vec::new();
        for _ in 0..levels {
            mantissa =
                if up { mantissa + self.rng.next() % 50 } else { mantissa - self.rng.next() % 50 };
            let px = if self.rng.one_in(8) { self.decimal() } else { fixed(mantissa, scale) };
            let third = if self.rng.one_in(8) { self.decimal() } else { "0".to_owned() };
            let (sz, orders) = if self.rng.one_in(4) {
                ("0".to_owned(), "0".to_owned())
            } else {
                (self.decimal(), self.orders())
            };
            let elements = [px, sz, third, orders];
            let kinds = [form & 1, form >> 1 & 1, form >> 2, form >> 2];
            let parts: Vec<_> = elements
                .iter()
                .zip(kinds)
                .enumerate()
                .filter(|(at, _)| arity == 4 || *at != 2)
                .map(|(_, (text, kind))| if kind == 1 { quoted(text) } else { text.clone() })
                .collect();
            texts.push(format!("[{}]", parts.join(",")));
        }
        format!("[{}]", texts.join(","))
    }

    fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + u8::try_from(self.rng.below(10)).unwrap())).collect()
    }

    /// A decimal of 1 to 20 digits with up to 19 of them behind the point.
    fn decimal(&mut self) -> String {
        let most = if self.odd() { 20 } else { self.rng.pick(&[2, 4, 6, 9, 12, 18]) };
        let n = 1 + self.rng.below(most);
        let fraction = self.rng.below(n + 1);
        let mut whole = self.digits(n - fraction);
        if !self.odd() {
            whole = whole.trim_start_matches('0').to_owned();
            if whole.is_empty() {
                whole.push('0');
            }
        }
        let sign = if self.odd() { "-" } else { "" };
        let dot = if fraction > 0 || self.odd() { "." } else { "" };
        let exponent = if self.odd() { "e3" } else { "" };
        format!("{sign}{whole}{dot}{}{exponent}", self.digits(fraction))
    }

    fn orders(&mut self) -> String {
        let limit = if self.odd() { 1 << 33 } else { 1 << 32 };
        let most = self.rng.pick(&[2, 10, 100, 10_000, 1 << 20, limit]);
        let zero = if self.odd() { "0" } else { "" };
        format!("{zero}{}", self.rng.below(most))
    }

    pub(super) fn id(&mut self) -> String {
        let usual = [
            "BTC-USDT",
            "BTC-USD-210924-66000-C",
            "EOS-USD-210625-8.00-C",
            "BTC-USD_UM-SWAP",
            "BTC-ABOVE-DAILY-261130-1600-9250",
            "BTC-BETWEEN-DAILY-261130-1600-84000-INF",
            "LISTING-FUTURES-ZZZZZZZ-USD_UM_XPERP-310815-AND-SOME-MORE-TO-63",
        ];
        if !self.odd() {
            return quoted(self.rng.pick(&usual));
        }
        let letters =
            ["A", "z", "7", "-", "_", ".", " ", "/", "\\\"", "\\u0041", "\u{e9}", "\u{7f}"];
        let longest = self.rng.pick(&[34, 34, 66]);
        let n = self.rng.below(longest);
        let most = self.rng.pick(&[6, 12]);
        let id: String = (0..n).map(|_| letters[self.rng.below(most)]).collect();
        quoted(&id)
    }

    fn trade_id(&mut self) -> String {
        let most = if self.odd() { 21 } else { self.rng.pick(&[3, 9, 12, 18]) };
        let n = 1 + self.rng.below(most);
        let digits = self.digits(n);
        let plain = digits.trim_start_matches('0');
        quoted(if self.odd() || plain.is_empty() { &digits } else { plain })
    }

    fn taker(&mut self) -> String {
        let side = self.rng.pick(&["buy", "sell"]);
        quoted(if self.odd() { "both" } else { side })
    }

    pub(super) fn seq(&mut self) -> String {
        let most = if self.odd() { 20 } else { 18 };
        let n = 1 + self.rng.below(most);
        let digits = self.digits(n);
        let digits = if self.odd() { digits.as_str() } else { digits.trim_start_matches('0') };
        let sign = if self.odd() { "-" } else { "" };
        if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") }
    }

    pub(super) fn millis(&mut self) -> String {
        let n = if self.odd() { self.rng.below(20) } else { 13 };
        quoted(&self.digits(n))
    }

    /// A time text, of which the parts are at and over their limits rather often.
    pub(super) fn iso(&mut self) -> String {
        let years: &[u32] = if self.odd() {
            &[1969, 1999, 2100, 2400, 9999]
        } else {
            &[2000, 2019, 2020, 2021, 2099]
        };
        let year = self.rng.pick(years);
        let (month, day) =
            self.rng.pick(&[(2, 28), (2, 29), (12, 31), (1, 1), (3, 1), (6, 30), (10, 9)]);
        let day = if self.odd() { day + 1 } else { day };
        let month = if self.odd() { 13 - month } else { month };
        let over = u32::from(self.odd());
        let (hour, minute) = self.rng.pick(&[(23 + over, 59), (0, 0), (12, 59 + over)]);
        let second = self.rng.pick(&[0, 9, 59, 59 + over]);
        let milli = self.rng.below(1000);
        quoted(&format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        ))
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn fixed(mantissa: u64, scale: usize) -> String {
    let digits = format!("{mantissa:0width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let text = format!("{whole}.{fraction}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
