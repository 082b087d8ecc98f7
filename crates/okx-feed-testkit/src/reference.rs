//! The reference decoder: slow, and without any of the crate's code. It uses flate2, serde_json,
//! and numbers as digits.

mod fields;
mod levels;
mod records;
mod times;

use flate2::{Decompress, FlushDecompress, Status};
use okx_feed::wire::DecodeLimits;
use okx_feed::{Dialect, Frame};

use super::big;
use super::json::{self, Json};
use super::observed::{Change, Head, Reply, Seen};
use levels::{Numbers, decimal, five_best, flags, levels, strip};
use records::{Arg, Key, Records};
use times::{iso, millis};

/// The deepest accepted nesting.
pub const MAX_DEPTH: usize = DecodeLimits::MAX_JSON_DEPTH;

/// The value of a sequence number that was not sent.
const NO_SEQ: i64 = i64::MIN;

const MARKETS: [&str; 5] = ["spot", "swap", "futures", "option", "index"];

/// The kind of a channel's messages.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Book,
    Trade,
    Depth,
}

/// The events of a frame; `None` if it must be refused.
pub fn read(dialect: Dialect, frame: Frame<'_>) -> Option<Vec<Seen>> {
    match (frame, dialect) {
        (Frame::Text(text), _) if text.len() > DecodeLimits::MAX_FRAME_LEN => unread(dialect, text),
        (Frame::Text(text), _) => read_text(dialect, text),
        (Frame::Binary(_), Dialect::V5) => None,
        (Frame::Binary(body), Dialect::V3) => read_body(body),
    }
}

/// A v3 body: DEFLATE of a text, or else a text as it is.
fn read_body(body: &[u8]) -> Option<Vec<Seen>> {
    let is_plain = body.len() <= DecodeLimits::MAX_FRAME_LEN && {
        let text = body.trim_ascii();
        word(text).is_some() || (text.starts_with(b"{\"") && text.ends_with(b"}"))
    };
    if body.len() > DecodeLimits::MAX_BODY_LEN {
        let (_, text) = inflate_some(body.get(..DecodeLimits::MAX_BODY_LEN)?);
        let plain = is_plain.then(|| read_text(Dialect::V3, body));
        return plain.unwrap_or_else(|| unread(Dialect::V3, &text));
    }
    match inflate_some(body) {
        (Status::StreamEnd, text) if !is_plain || is_text(&text) => read_text(Dialect::V3, &text),
        (_, text) if text.len() == DecodeLimits::MAX_INFLATED_LEN => unread(Dialect::V3, &text),
        _ if is_plain => read_text(Dialect::V3, body),
        _ => None,
    }
}

/// Whether a text is JSON, or a word that is a message.
fn is_text(text: &[u8]) -> bool {
    word(text).is_some() || json::read(text, MAX_DEPTH).is_some()
}

/// The text as a word, if it is a message by itself.
pub fn word(text: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace()).to_ascii_lowercase();
    ["ping", "pong"].into_iter().find(|word| *word == text)
}

/// A text over the limit, of a channel that is not decoded.
fn unread(dialect: Dialect, text: &[u8]) -> Option<Vec<Seen>> {
    let start = String::from_utf8_lossy(text.get(..256).unwrap_or(text)).into_owned();
    let prefix = if dialect == Dialect::V3 { "{\"table\":\"" } else { "{\"arg\":{\"channel\":\"" };
    let (name, _) = start.strip_prefix(prefix)?.split_once('"')?;
    if name.len() > 63 || name.contains('\u{fffd}') {
        return None;
    }
    let (market, channel) = match dialect {
        Dialect::V3 => name.split_once('/')?,
        Dialect::V5 => ("", name),
    };
    let is_known = kind_of(dialect, channel).is_some()
        || records::of_channel(dialect, Some(market), channel).is_some();
    let is_read = is_known && (dialect == Dialect::V5 || MARKETS.contains(&market));
    (!is_read).then(|| vec![Seen::Skipped(channel.to_owned())])
}

/// The kind of a channel; `None` if it is not decoded.
fn kind_of(dialect: Dialect, channel: &str) -> Option<Kind> {
    Some(match (dialect, channel) {
        (Dialect::V3, "depth5")
        | (Dialect::V5, "books5" | "bbo-tbt" | "sprd-books5" | "sprd-bbo-tbt") => Kind::Book,
        (Dialect::V3, "trade") | (Dialect::V5, "trades" | "trades-all" | "sprd-public-trades") => {
            Kind::Trade
        }
        (Dialect::V3, "depth" | "depth_l2_tbt") => Kind::Depth,
        (
            Dialect::V5,
            "books" | "books-l2-tbt" | "books50-l2-tbt" | "books-rpi" | "books-elp"
            | "sprd-books-l2-tbt",
        ) => Kind::Depth,
        _ => return None,
    })
}

/// One whole raw DEFLATE stream; what follows it is ignored.
pub fn inflate(body: &[u8]) -> Option<Vec<u8>> {
    let (status, text) = inflate_some(body);
    (status == Status::StreamEnd).then_some(text)
}

/// The content of a stream up to its end, up to its first fault, or up to the size of the buffer.
fn inflate_some(body: &[u8]) -> (Status, Vec<u8>) {
    // Most texts are short, and the longest room costs the most.
    let mut inflated = (Status::BufError, vec![]);
    for room in [1 << 14, DecodeLimits::MAX_INFLATED_LEN] {
        let mut text = vec![0; room];
        let mut zlib = Decompress::new(false);
        let status = zlib.decompress(body, &mut text, FlushDecompress::Finish);
        let status = status.unwrap_or(Status::BufError);
        text.truncate(usize::try_from(zlib.total_out()).unwrap());
        inflated = (status, text);
        if inflated.0 == Status::StreamEnd {
            break;
        }
    }
    inflated
}

fn read_text(dialect: Dialect, text: &[u8]) -> Option<Vec<Seen>> {
    if let Some(word) = word(text) {
        let reply = Reply { kind: word.to_owned(), ..Reply::default() };
        return Some(vec![Seen::Control(Box::new(reply))]);
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
    if let Some((name, key)) = records::of_channel(Dialect::V3, Some(market), channel)
        .filter(|_| MARKETS.contains(&market))
    {
        let dialect = Dialect::V3;
        let market = Some(market);
        return Records { dialect, market, channel, name, key, arg_key: None }.all(data?);
    }
    let known = kind_of(Dialect::V3, channel).filter(|_| MARKETS.contains(&market));
    let Some(kind) = known else {
        return Some(vec![Seen::Skipped(channel.to_owned())]);
    };
    let read = Items { dialect: Dialect::V3, market: Some(market), channel, kind, arg_id: None };
    read.all(action, data?)
}

fn v5(message: &[(String, Json)]) -> Option<Vec<Seen>> {
    let (mut action, mut data, mut event, mut named) = (None, None, None, None);
    let mut arg = Arg::default();
    let mut reply = Reply { kind: "error".to_owned(), ..Reply::default() };
    for (key, value) in message {
        let value = present(value);
        match &**key {
            "arg" => {
                (reply.channel, arg) = (None, Arg::default());
                for (key, value) in value.map_or(Some(&[][..]), Json::members)? {
                    let member = match &**key {
                        "channel" => &mut reply.channel,
                        "instId" => &mut arg.inst_id,
                        "instType" => &mut arg.inst_type,
                        "instFamily" => &mut arg.inst_family,
                        "sprdId" => &mut arg.sprd_id,
                        _ => continue,
                    };
                    *member = strict_text(present(value))?.map(str::to_owned);
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
    let record =
        reply.channel.as_ref().and_then(|name| records::of_channel(Dialect::V5, None, name));
    let of_books = |name: &String| match kind_of(Dialect::V5, name) {
        Some(_) if name.starts_with("sprd-") => Some(Key::Spread),
        Some(_) => Some(Key::Instrument),
        None => None,
    };
    let key = record.map(|(_, key)| key).or_else(|| reply.channel.as_ref().and_then(of_books));
    if event.is_some() || (data.is_none() && reply.code.is_some()) {
        (reply.inst_id, reply.channel) = (arg.key(key), reply.channel.or(named));
        event.unwrap_or("error").clone_into(&mut reply.kind);
        if reply.kind == "login" {
            reply.success = reply.code.map(|code| code == 0);
        }
        return Some(vec![Seen::Control(Box::new(reply))]);
    }
    let channel = reply.channel.unwrap_or_default();
    if let Some((name, key)) = record {
        let (dialect, arg_key) = (Dialect::V5, arg.key(Some(key)));
        let records = Records { dialect, market: None, channel: &channel, name, key, arg_key };
        return records.all(data?);
    }
    let Some(kind) = kind_of(Dialect::V5, &channel) else {
        return Some(vec![Seen::Skipped(channel)]);
    };
    let arg_id = arg.inst_id.or(arg.sprd_id);
    let arg_id = arg_id.as_deref();
    let read = Items { dialect: Dialect::V5, market: None, channel: &channel, kind, arg_id };
    read.all(action, data?)
}

/// The members of the envelope, which apply to all items.
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
        if items.len() > DecodeLimits::MAX_ITEMS {
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
        let needed = |field: Option<&Json>| match field {
            Some(value) => int(value).filter(|seq| *seq != NO_SEQ),
            None => Some(NO_SEQ),
        };
        // Only the chain of an order book needs its numbers.
        let number = |field: Option<&Json>| match (needed(field), self.kind) {
            (None, Kind::Depth) => None,
            (seq, _) => Some(seq.unwrap_or(NO_SEQ)),
        };
        let ids: &[&str] = if is_v3 { &["instrument_id"] } else { &["instId", "sprdId"] };
        let own_id = find(item, ids).and_then(Json::text);
        let own_id = own_id.filter(|id| !id.is_empty());
        let inst_id = match (self.arg_id, own_id) {
            (Some(arg), Some(own)) if arg != own && self.kind != Kind::Trade => return None,
            // A trade that was subscribed under an old name has the new one.
            (arg, own) => own.or(arg)?,
        };
        if inst_id.is_empty() || inst_id.len() > 63 {
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
            let decimal = |names: &[&str]| decimal(find(item, names)?, false);
            let side = find(item, &["side"])?.text()?;
            let id = find(item, &[name("trade_id", "tradeId")])?.number()?;
            let optional = |key, none: &str, least: &str, most: &str| {
                let value = v5_only(key).and_then(Json::number);
                let value = value.and_then(|text| big::integer(text, least, most));
                value.unwrap_or_else(|| none.to_owned())
            };
            let trade = [
                ["buy", "sell"].contains(&side).then(|| side.to_owned())?,
                big::integer(id, "0", "18446744073709551615")?,
                decimal(&[name("price", "px")])?,
                decimal(names)?,
                optional("count", "1", "1", "4294967295"),
                optional("source", "0", "0", "255"),
            ];
            return Some(Seen::Trade(head, trade));
        }
        if self.kind == Kind::Book {
            let numbers = Numbers { as_text: false, drop_zeros: true };
            let asks = levels(side(item, "asks")?, numbers, usize::MAX)?;
            let bids = levels(side(item, "bids")?, numbers, usize::MAX)?;
            let (asks, bids) = (strip(&asks), strip(&bids));
            let (asks, asks_sorted) = five_best(&asks, true);
            let (bids, bids_sorted) = five_best(&bids, false);
            let mut flags = flags(&asks, &bids);
            flags[1] |= !(asks_sorted && bids_sorted);
            return Some(Seen::Book(head, asks, bids, flags));
        }
        let checksum = find(item, &["checksum"]).and_then(Json::number);
        let checksum = checksum.and_then(|text| big::integer(text, "-2147483648", "2147483647"));
        let checksum: Option<i32> = checksum.map(|text| text.parse().unwrap());
        let as_text = checksum.is_some_and(|sum| sum != 0 || is_v3);
        let numbers = Numbers { as_text, drop_zeros: false };
        let asks = levels(side(item, "asks")?, numbers, DecodeLimits::MAX_DEPTH_LEVELS)?;
        let bids = levels(side(item, "bids")?, numbers, DecodeLimits::MAX_DEPTH_LEVELS)?;
        let snapshot = match action?.text()? {
            "partial" | "snapshot" => true,
            "update" => false,
            _ => return None,
        };
        let thirds = |side: &[[String; 4]]| side.iter().map(|level| level[3].clone()).collect();
        let non_rpi: Option<[Vec<String>; 2]> =
            (self.channel == "books-rpi").then(|| [thirds(&asks), thirds(&bids)]);
        // Of sizes that are not all known, none is shown.
        let non_rpi = non_rpi.filter(|sides| sides.iter().flatten().all(|size| !size.is_empty()));
        let prev_seq = number(v5_only("prevSeqId"))?;
        let change = Change { snapshot, prev_seq, checksum, non_rpi };
        Some(Seen::Depth(head, change, strip(&asks), strip(&bids)))
    }
}

/// A required side; `null` is one without levels.
fn side<'j>(item: &'j [(String, Json)], name: &str) -> Option<&'j Json> {
    item.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// `null` counts as absent.
fn present(value: &Json) -> Option<&Json> {
    Some(value).filter(|value| **value != Json::Null)
}

/// The text of an optional member of any type.
fn text(value: Option<&Json>) -> Option<&str> {
    value.and_then(Json::text)
}

/// The text of an optional member that must be a string; `None` if it has another type.
fn strict_text(value: Option<&Json>) -> Option<Option<&str>> {
    value.map_or(Some(None), |value| value.text().map(Some))
}

/// The last member of one of the names; `null` counts as absent.
fn find<'j>(item: &'j [(String, Json)], names: &[&str]) -> Option<&'j Json> {
    let (_, value) = item.iter().rev().find(|(key, _)| names.contains(&&**key))?;
    (*value != Json::Null).then_some(value)
}

/// An integer of 64 bits.
fn int(value: &Json) -> Option<i64> {
    let text = big::integer(value.number()?, "-9223372036854775808", "9223372036854775807")?;
    text.parse().ok()
}
