//! A plain decoder of SBE frames: fields by name, numbers as digits, nothing shared with the fast
//! one.

use std::collections::HashMap;

use super::observed::{Change, Head, Seen};

/// The codes that have an id.
pub const IDS: [(i64, &str); 2] = [(3, "BTC-USDT"), (10_459, "BTC-USDT-SWAP")];

const MAX_LEVELS: i128 = 1024;
const MAX_FRAME: usize = 1 << 20;
const NULL: i128 = i64::MIN as i128;

type Fields = HashMap<&'static str, i128>;

const ROOT: [(&str, usize); 3] = [("instIdCode", 8), ("tsUs", 8), ("outTime", 8)];
const BBO: [(&str, usize); 9] = [
    ("seqId", 8),
    ("askPxMantissa", 8),
    ("askSzMantissa", 8),
    ("bidPxMantissa", 8),
    ("bidSzMantissa", 8),
    ("askOrdCount", 4),
    ("bidOrdCount", 4),
    ("pxExponent", 1),
    ("szExponent", 1),
];
const UPDATE: [(&str, usize); 4] =
    [("seqId", 8), ("prevSeqId", 8), ("pxExponent", 1), ("szExponent", 1)];
const TRADE: [(&str, usize); 9] = [
    ("seqId", 8),
    ("pxMantissa", 8),
    ("szMantissa", 8),
    ("tradeId", 8),
    ("count", 2),
    ("side", 1),
    ("pxExponent", 1),
    ("szExponent", 1),
    ("source", 1),
];
const SNAPSHOT: [(&str, usize); 3] = [("seqId", 8), ("pxExponent", 1), ("szExponent", 1)];
const LEVEL: [(&str, usize); 3] = [("pxMantissa", 8), ("szMantissa", 8), ("ordCount", 4)];

/// The bytes that are not read yet.
struct Cursor<'f>(&'f [u8]);

impl<'f> Cursor<'f> {
    fn take(&mut self, len: usize) -> Option<&'f [u8]> {
        let (taken, rest) = (self.0.get(..len)?, self.0.get(len..)?);
        self.0 = rest;
        Some(taken)
    }

    fn unsigned(&mut self) -> Option<usize> {
        let bytes = self.take(2)?;
        Some(usize::from(bytes[0]) + 256 * usize::from(bytes[1]))
    }

    /// A block of the given length, of which the named fields are the beginning.
    fn block(&mut self, len: usize, names: &[(&'static str, usize)]) -> Option<Fields> {
        let mut block = Cursor(self.take(len)?);
        let mut fields = Fields::new();
        for (name, width) in names {
            let mut value = 0_i128;
            for (at, byte) in block.take(*width)?.iter().enumerate() {
                value += i128::from(*byte) << (8 * at);
            }
            let half = 1_i128 << (8 * width - 1);
            fields.insert(name, if value >= half { value - 2 * half } else { value });
        }
        Some(fields)
    }
}

/// The events of a frame; `None` if it is malformed.
pub fn read(frame: &[u8]) -> Option<Vec<Seen>> {
    if frame.len() < 8 || frame.len() > MAX_FRAME {
        return None;
    }
    let mut events = Vec::new();
    let mut cursor = Cursor(frame);
    loop {
        let start = cursor.0;
        if start.len() < 8 {
            events.push(Seen::Skipped("sbe-tail".to_owned()));
            return Some(events);
        }
        let (len, template) = (cursor.unsigned()?, cursor.unsigned()?);
        let (schema, _version) = (cursor.unsigned()?, cursor.unsigned()?);
        let names = match (schema, template) {
            (1, 1000) => [&ROOT[..], &BBO].concat(),
            (1, 1001..=1004) => [&ROOT[..], &UPDATE].concat(),
            (1, 1005) => [&ROOT[..], &TRADE].concat(),
            (1, 1006) => [&ROOT[..2], &SNAPSHOT].concat(),
            _ => {
                events.push(unknown(schema, template));
                return Some(events);
            }
        };
        if len < names.iter().map(|(_, width)| width).sum() {
            if start.len() == frame.len() {
                return None;
            }
            events.push(unknown(schema, template));
            return Some(events);
        }
        let root = cursor.block(len, &names)?;
        let mut sides = [Vec::new(), Vec::new()];
        if [1001, 1003, 1006].contains(&template) {
            for side in &mut sides {
                let (len, count) = (cursor.unsigned()?, cursor.unsigned()?);
                if len < 20 && count > 0 {
                    return None;
                }
                for _ in 0..count {
                    side.push(cursor.block(len, &LEVEL)?);
                }
            }
        }
        events.push(event(template, &root, &sides)?);
        if cursor.0.iter().all(|byte| *byte == 0) {
            return Some(events);
        }
    }
}

fn unknown(schema: usize, template: usize) -> Seen {
    Seen::Skipped(match schema {
        1 => format!("sbe-template-{template}"),
        _ => format!("sbe-schema-{schema}"),
    })
}

fn event(template: usize, root: &Fields, sides: &[Vec<Fields>; 2]) -> Option<Seen> {
    let head = |channel: &str| {
        let code = i64::try_from(root["instIdCode"]).unwrap();
        let id = IDS.iter().find(|(known, _)| *known == code);
        let nanos = root["tsUs"] * 1000;
        Some(Head {
            market: None,
            channel: channel.to_owned(),
            inst_id: id.map_or_else(|| code.to_string(), |(_, id)| (*id).to_owned()),
            ts_event: u64::try_from(nanos).ok()?,
            seq: number(root["seqId"])?,
        })
    };
    match template {
        1000 => {
            let ask = best(root, ["askPxMantissa", "askSzMantissa", "askOrdCount"])?;
            let bid = best(root, ["bidPxMantissa", "bidSzMantissa", "bidOrdCount"])?;
            let both = ask.is_some() && bid.is_some();
            let crossed = both && root["bidPxMantissa"] >= root["askPxMantissa"];
            let is_empty = |level: &Option<_>, sz| level.is_some() && root[sz] <= 0;
            let empty = is_empty(&ask, "askSzMantissa") || is_empty(&bid, "bidSzMantissa");
            let (asks, bids) = (ask.into_iter().collect(), bid.into_iter().collect());
            Some(Seen::Book(head("bbo-tbt")?, asks, bids, [crossed, false, empty]))
        }
        1005 => {
            let side = match root["side"] {
                0 => "sell",
                1 => "buy",
                _ => return None,
            };
            let px = decimal(root["pxMantissa"], root["pxExponent"])?;
            let sz = decimal(root["szMantissa"], root["szExponent"])?;
            let id = u64::try_from(root["tradeId"]).ok()?.to_string();
            let count = root["count"].max(1).to_string();
            let source = root["source"].max(0).to_string();
            Some(Seen::Trade(head("trades")?, [side.to_owned(), id, px, sz, count, source]))
        }
        1001 | 1002 | 1006 => {
            let prev_seq = if template == 1006 { i64::MIN } else { number(root["prevSeqId"])? };
            let change =
                Change { snapshot: template == 1006, prev_seq, checksum: None, non_rpi: None };
            let [asks, bids] = [levels(root, &sides[0])?, levels(root, &sides[1])?];
            Some(Seen::Depth(head("books-l2-tbt")?, change, asks, bids))
        }
        _ => Some(Seen::Skipped("books-l2-tbt-elp".to_owned())),
    }
}

/// A sequence number, which is not the null.
fn number(value: i128) -> Option<i64> {
    if value == NULL { None } else { i64::try_from(value).ok() }
}

/// A best level: `None` inside if there is neither price nor size.
fn best(root: &Fields, [px, sz, orders]: [&str; 3]) -> Option<Option<[String; 3]>> {
    let level = [
        decimal(root[px], root["pxExponent"])?,
        decimal(root[sz], root["szExponent"])?,
        root[orders].max(0).to_string(),
    ];
    Some((root[px] != 0 || root[sz] != 0).then_some(level))
}

fn levels(root: &Fields, side: &[Fields]) -> Option<Vec<[String; 3]>> {
    if i128::try_from(side.len()).unwrap() > MAX_LEVELS {
        return None;
    }
    let level = |level: &Fields| {
        Some([
            decimal(level["pxMantissa"], root["pxExponent"])?,
            decimal(level["szMantissa"], root["szExponent"])?,
            level["ordCount"].max(0).to_string(),
        ])
    };
    side.iter().map(level).collect()
}

/// A number as text: the digits of the mantissa with the point moved, at most 18 decimals.
fn decimal(mantissa: i128, exponent: i128) -> Option<String> {
    if mantissa == NULL {
        return None;
    }
    let sign = if mantissa < 0 { "-" } else { "" };
    let mut digits = mantissa.unsigned_abs().to_string();
    let mut decimals = -exponent;
    if mantissa == 0 && !(0..=18).contains(&decimals) {
        return Some("0".to_owned());
    }
    while decimals > 18 && digits.ends_with('0') {
        digits.pop();
        decimals -= 1;
    }
    if decimals > 18 {
        return None;
    }
    while decimals < 0 {
        digits.push('0');
        decimals += 1;
        if digits.len() > 20 {
            return None;
        }
    }
    format!("{sign}{digits}").parse::<i64>().ok()?;
    let decimals = usize::try_from(decimals).unwrap();
    if decimals == 0 {
        return Some(format!("{sign}{digits}"));
    }
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    Some(format!("{sign}{whole}.{fraction}"))
}
