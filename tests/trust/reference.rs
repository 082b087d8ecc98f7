//! What a frame means, read slowly and with nothing of the crate's code: flate2, serde_json, and
//! numbers as digits.

use flate2::{Decompress, FlushDecompress, Status};
use okx_feed::{
    Dialect, Frame, MAX_BODY_LEN, MAX_DEPTH_LEVELS, MAX_FRAME_LEN, MAX_INFLATED_LEN, MAX_ITEMS,
};

use super::big::{self, Big};
use super::json::{self, Json};
use super::seen::{Change, Flags, Head, Reply, Seen};

/// The deepest nesting that is taken.
pub const MAX_DEPTH: usize = okx_feed::MAX_JSON_DEPTH;

/// What stands for a sequence number that was not sent.
const NO_SEQ: i64 = i64::MIN;

const MARKETS: [&str; 5] = ["spot", "swap", "futures", "option", "index"];

/// What kind of message a channel has.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Book,
    Trade,
    Depth,
}

/// The events of a frame; `None` where it has to be refused.
pub fn read(dialect: Dialect, frame: Frame<'_>) -> Option<Vec<Seen>> {
    if frame.len() > MAX_FRAME_LEN {
        return None;
    }
    match (frame, dialect) {
        (Frame::Text(text), _) => read_text(dialect, text),
        (Frame::Binary(body), _) if body.len() > MAX_BODY_LEN => None,
        (Frame::Binary(body), Dialect::V3) => read_text(dialect, &inflate(body)?),
        (Frame::Binary(_), Dialect::V5) => None,
    }
}

/// One whole raw DEFLATE stream; what follows it is ignored.
pub fn inflate(body: &[u8]) -> Option<Vec<u8>> {
    // Most texts are short, and the longest room costs the most.
    [1 << 14, MAX_INFLATED_LEN].into_iter().find_map(|room| {
        let mut text = vec![0; room];
        let mut zlib = Decompress::new(false);
        let status = zlib.decompress(body, &mut text, FlushDecompress::Finish).ok()?;
        text.truncate(usize::try_from(zlib.total_out()).ok()?);
        (status == Status::StreamEnd).then_some(text)
    })
}

fn read_text(dialect: Dialect, text: &[u8]) -> Option<Vec<Seen>> {
    if text == b"pong" {
        let pong = Reply { kind: "pong".to_owned(), ..Reply::default() };
        return Some(vec![Seen::Control(Box::new(pong))]);
    }
    let json = json::read(text, MAX_DEPTH)?;
    match dialect {
        Dialect::V3 => v3(json.members()?),
        Dialect::V5 => v5(json.members()?),
    }
}

fn v3(message: &[(String, Json)]) -> Option<Vec<Seen>> {
    let (mut table, mut action, mut data, mut event) = (None, None, None, None);
    let mut reply = Reply { kind: "error".to_owned(), ..Reply::default() };
    for (key, value) in message {
        let value = present(value);
        match &**key {
            "table" => table = strict_text(value)?,
            "action" => action = value,
            "data" => data = value,
            "event" => event = strict_text(value)?,
            "channel" => {
                (reply.market, reply.channel, reply.inst_id) = (None, None, None);
                let Some(text) = text(value).filter(|text| !text.is_empty()) else { continue };
                let (head, id) = text.split_once(':').map_or((text, None), |(h, i)| (h, Some(i)));
                let (market, name) =
                    head.split_once('/').map_or((None, head), |(m, c)| (Some(m), c));
                reply.market = market.map(str::to_owned);
                reply.channel = Some(name.to_owned());
                reply.inst_id = id.map(str::to_owned);
            }
            "message" => reply.message = text(value).map(str::to_owned),
            "errorCode" | "error_code" => reply.code = value.and_then(int),
            "success" => reply.success = value.and_then(Json::flag),
            _ => {}
        }
    }
    let Some(table) = table else {
        if let Some(name) = event {
            reply.kind = name.to_owned();
        } else if reply.code.is_none() {
            return Some(vec![Seen::Skipped(String::new())]);
        }
        return Some(vec![Seen::Control(Box::new(reply))]);
    };
    let (market, channel) = table.split_once('/').unwrap_or(("", table));
    let kind = match channel {
        "depth5" => Kind::Book,
        "trade" => Kind::Trade,
        "depth" | "depth_l2_tbt" => Kind::Depth,
        _ => return Some(vec![Seen::Skipped(channel.to_owned())]),
    };
    if !MARKETS.contains(&market) {
        return Some(vec![Seen::Skipped(channel.to_owned())]);
    }
    let read = Items { dialect: Dialect::V3, market: Some(market), channel, kind, arg_id: None };
    read.all(action, data?)
}

fn v5(message: &[(String, Json)]) -> Option<Vec<Seen>> {
    let (mut action, mut data, mut event, mut named) = (None, None, None, None);
    let mut reply = Reply { kind: "error".to_owned(), ..Reply::default() };
    for (key, value) in message {
        let value = present(value);
        match &**key {
            "arg" => {
                (reply.channel, reply.inst_id) = (None, None);
                for (key, value) in value.map_or(Some(&[][..]), Json::members)? {
                    match &**key {
                        "channel" => {
                            reply.channel = strict_text(present(value))?.map(str::to_owned)
                        }
                        "instId" => reply.inst_id = strict_text(present(value))?.map(str::to_owned),
                        _ => {}
                    }
                }
            }
            "action" => action = value,
            "data" => data = value,
            "event" => event = strict_text(value)?,
            "channel" => named = text(value).map(str::to_owned),
            "msg" => reply.message = text(value).map(str::to_owned),
            "code" => reply.code = value.and_then(int),
            "id" => reply.id = text(value).map(str::to_owned),
            _ => {}
        }
    }
    if event.is_some() || (data.is_none() && reply.code.is_some()) {
        reply.channel = reply.channel.or(named);
        event.unwrap_or("error").clone_into(&mut reply.kind);
        if reply.kind == "login" {
            reply.success = reply.code.map(|code| code == 0);
        }
        return Some(vec![Seen::Control(Box::new(reply))]);
    }
    let channel = reply.channel.unwrap_or_default();
    let kind = match &*channel {
        "books5" | "bbo-tbt" => Kind::Book,
        "trades" | "trades-all" => Kind::Trade,
        "books" | "books-l2-tbt" | "books50-l2-tbt" | "books-rpi" | "books-elp" => Kind::Depth,
        _ => return Some(vec![Seen::Skipped(channel)]),
    };
    let arg_id = reply.inst_id.as_deref();
    let read = Items { dialect: Dialect::V5, market: None, channel: &channel, kind, arg_id };
    read.all(action, data?)
}

/// What the envelope says about all items.
struct Items<'m> {
    dialect: Dialect,
    market: Option<&'m str>,
    channel: &'m str,
    kind: Kind,
    arg_id: Option<&'m str>,
}

impl Items<'_> {
    fn all(&self, action: Option<&Json>, data: &Json) -> Option<Vec<Seen>> {
        let items = data.list()?;
        if items.len() > MAX_ITEMS {
            return None;
        }
        items.iter().map(|item| self.one(action, item)).collect()
    }

    fn one(&self, action: Option<&Json>, item: &Json) -> Option<Seen> {
        let item = item.members()?;
        let is_v3 = self.dialect == Dialect::V3;
        let name = |v3: &'static str, v5: &'static str| if is_v3 { v3 } else { v5 };
        let ts = find(item, &[name("timestamp", "ts")])?.number()?;
        let v5_only = |key| if is_v3 { None } else { find(item, &[key]) };
        let number = |field: Option<&Json>| match field {
            Some(value) => int(value).filter(|seq| *seq != NO_SEQ),
            None => Some(NO_SEQ),
        };
        let inst_id = match self.arg_id {
            Some(id) => id,
            None => find(item, &[name("instrument_id", "instId")])?.text()?,
        };
        if inst_id.is_empty() || inst_id.len() > 31 {
            return None;
        }
        let head = Head {
            market: self.market.map(str::to_owned),
            channel: self.channel.to_owned(),
            inst_id: inst_id.to_owned(),
            ts_event: if is_v3 { iso(ts)? } else { millis(ts)? },
            seq: number(v5_only("seqId"))?,
        };
        if self.kind == Kind::Trade {
            let names: &[&str] = if is_v3 { &["size", "qty"] } else { &["sz"] };
            let decimal = |names: &[&str]| decimal(find(item, names)?);
            let side = find(item, &["side"])?.text()?;
            let id = find(item, &[name("trade_id", "tradeId")])?.number()?;
            let optional = |key, none: &str, most: &str| match v5_only(key) {
                Some(value) => big::integer(value.number()?, "0", most),
                None => Some(none.to_owned()),
            };
            let trade = [
                ["buy", "sell"].contains(&side).then(|| side.to_owned())?,
                big::integer(id, "0", "18446744073709551615")?,
                decimal(&[name("price", "px")])?,
                decimal(names)?,
                optional("count", "1", "4294967295")?,
                optional("source", "0", "255")?,
            ];
            return Some(Seen::Trade(head, trade));
        }
        let most = if self.kind == Kind::Book { 5 } else { MAX_DEPTH_LEVELS };
        let asks = levels(find(item, &["asks"])?, most)?;
        let bids = levels(find(item, &["bids"])?, most)?;
        if self.kind == Kind::Book {
            let flags = flags(&asks, &bids);
            return Some(Seen::Book(head, asks, bids, flags));
        }
        let snapshot = match action?.text()? {
            "partial" | "snapshot" => true,
            "update" => false,
            _ => return None,
        };
        let checksum = match find(item, &["checksum"]) {
            Some(value) => {
                let text = big::integer(value.number()?, "-2147483648", "2147483647")?;
                Some(text.parse().unwrap())
            }
            None => None,
        };
        let change = Change { snapshot, prev_seq: number(v5_only("prevSeqId"))?, checksum };
        Some(Seen::Depth(head, change, asks, bids))
    }
}

/// `null` is as good as none.
fn present(value: &Json) -> Option<&Json> {
    Some(value).filter(|value| **value != Json::Null)
}

/// The text of what may be of use and may be anything.
fn text(value: Option<&Json>) -> Option<&str> {
    value.and_then(Json::text)
}

/// The text of what has to be one where it is there; `None` where it is something else.
fn strict_text(value: Option<&Json>) -> Option<Option<&str>> {
    value.map_or(Some(None), |value| value.text().map(Some))
}

/// The last member of one of the names; `null` is as good as none.
fn find<'j>(item: &'j [(String, Json)], names: &[&str]) -> Option<&'j Json> {
    let (_, value) = item.iter().rev().find(|(key, _)| names.contains(&&**key))?;
    (*value != Json::Null).then_some(value)
}

/// An integer of 64 bits.
fn int(value: &Json) -> Option<i64> {
    let text = big::integer(value.number()?, "-9223372036854775808", "9223372036854775807")?;
    text.parse().ok()
}

fn decimal(value: &Json) -> Option<String> {
    let text = value.number()?;
    Big::decimal(text).ok()?;
    Some(text.to_owned())
}

fn levels(side: &Json, most: usize) -> Option<Vec<[String; 3]>> {
    let side = side.list()?;
    if side.len() > most {
        return None;
    }
    side.iter().map(level).collect()
}

fn level(level: &Json) -> Option<[String; 3]> {
    let (px, sz, orders) = match level.list()? {
        [px, sz, orders] => (px, sz, orders),
        [px, sz, third, orders] => {
            decimal(third)?;
            (px, sz, orders)
        }
        _ => return None,
    };
    Some([decimal(px)?, decimal(sz)?, big::integer(orders.number()?, "0", "4294967295")?])
}

fn flags(asks: &[[String; 3]], bids: &[[String; 3]]) -> Flags {
    let big = |text: &String| Big::parse(text).unwrap();
    let compare = |a: &[String; 3], b: &[String; 3]| big(&a[0]).compare(&big(&b[0]));
    let zero = Big::parse("0").unwrap();
    let crossed = match (bids.first(), asks.first()) {
        (Some(bid), Some(ask)) => compare(bid, ask).is_ge(),
        _ => false,
    };
    let unsorted = asks.windows(2).any(|pair| compare(&pair[0], &pair[1]).is_ge())
        || bids.windows(2).any(|pair| compare(&pair[0], &pair[1]).is_le());
    let empty = asks.iter().chain(bids).any(|level| big(&level[1]).compare(&zero).is_le());
    [crossed, unsorted, empty]
}

fn millis(text: &str) -> Option<u64> {
    if text.starts_with('-') {
        return None;
    }
    // Times, unlike ids and counts, may have leading zeros.
    let digits = text.trim_start_matches('0');
    let digits = if digits.is_empty() && !text.is_empty() { "0" } else { digits };
    big::integer(digits, "0", "18446744073709551615")?.parse::<u64>().ok()?.checked_mul(1_000_000)
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ` to nanoseconds, days counted year by year and month by month.
fn iso(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.len() != 24 {
        return None;
    }
    for (byte, form) in bytes.iter().zip(b"0000-00-00T00:00:00.000Z") {
        let fits = if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        if !fits {
            return None;
        }
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    let mut months = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    months[1] += u64::from(leap(year));
    let in_year = months.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year < 1970 || day == 0 || day > *in_year || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + months.iter().take(usize::try_from(month).ok()? - 1).sum::<u64>() + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(part(20, 23)? * 1_000_000)
}
