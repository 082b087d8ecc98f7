//! Writes SBE frames, field by field in the order of the schema.

use okx_feed::{Decimal, Level, Side, Trade, UnixNanos};

/// The exponents of the prices and sizes of a message, as numbers of decimals.
#[derive(Clone, Copy, Debug)]
pub struct Decimals {
    pub px: u8,
    pub sz: u8,
}

impl Decimals {
    fn exponents(self) -> [u8; 2] {
        [self.px, self.sz].map(|decimals| decimals.wrapping_neg())
    }
}

fn header(block_len: u16, template: u16) -> Vec<u8> {
    [block_len, template, 1, 0].into_iter().flat_map(u16::to_le_bytes).collect()
}

/// `instIdCode`, `tsUs` and, where the message has it, `outTime`, 1.2 ms later.
fn root(out: &mut Vec<u8>, code: i64, ts: UnixNanos, has_out_time: bool) {
    let micros = i64::try_from(ts.0 / 1000).unwrap();
    out.extend(code.to_le_bytes());
    out.extend(micros.to_le_bytes());
    if has_out_time {
        out.extend((micros + 1_200).to_le_bytes());
    }
}

fn mantissa(number: Decimal, decimals: u8) -> [u8; 8] {
    number.rescale(decimals).unwrap().mantissa().to_le_bytes()
}

/// Template 1000.
pub fn bbo(code: i64, ts: UnixNanos, seq: i64, [ask, bid]: [Level; 2], of: Decimals) -> Vec<u8> {
    let mut out = header(74, 1000);
    root(&mut out, code, ts, true);
    out.extend(seq.to_le_bytes());
    for level in [ask, bid] {
        out.extend(mantissa(level.px(), of.px));
        out.extend(mantissa(level.sz(), of.sz));
    }
    out.extend(ask.orders().to_le_bytes());
    out.extend(bid.orders().to_le_bytes());
    out.extend(of.exponents());
    out
}

/// Template 1001.
pub fn update(
    code: i64,
    ts: UnixNanos,
    [prev_seq, seq]: [i64; 2],
    sides: [&[Level]; 2],
    of: Decimals,
) -> Vec<u8> {
    let mut out = header(42, 1001);
    root(&mut out, code, ts, true);
    out.extend(seq.to_le_bytes());
    out.extend(prev_seq.to_le_bytes());
    out.extend(of.exponents());
    groups(&mut out, sides, of);
    out
}

/// Template 1005.
pub fn trade(code: i64, trade: &Trade, of: Decimals) -> Vec<u8> {
    let mut out = header(62, 1005);
    root(&mut out, code, trade.ts_event, true);
    out.extend(trade.seq().unwrap_or(0).to_le_bytes());
    out.extend(mantissa(trade.px(), of.px));
    out.extend(mantissa(trade.sz(), of.sz));
    out.extend(trade.trade_id.to_le_bytes());
    out.extend(i16::try_from(trade.count).unwrap().to_le_bytes());
    out.push(u8::from(trade.side() == Side::Buy));
    out.extend(of.exponents());
    out.push(trade.source);
    out
}

/// Template 1006.
pub fn snapshot(code: i64, ts: UnixNanos, seq: i64, sides: [&[Level]; 2], of: Decimals) -> Vec<u8> {
    let mut out = header(26, 1006);
    root(&mut out, code, ts, false);
    out.extend(seq.to_le_bytes());
    out.extend(of.exponents());
    groups(&mut out, sides, of);
    out
}

fn groups(out: &mut Vec<u8>, sides: [&[Level]; 2], of: Decimals) {
    for side in sides {
        out.extend(20_u16.to_le_bytes());
        out.extend(u16::try_from(side.len()).unwrap().to_le_bytes());
        for level in side {
            out.extend(mantissa(level.px(), of.px));
            out.extend(mantissa(level.sz(), of.sz));
            out.extend(level.orders().to_le_bytes());
        }
    }
}
