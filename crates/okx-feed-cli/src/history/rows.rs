//! Rows as text: JSON objects, or lines for people.

use std::io::Write;

use okx_feed::model::Instrument;
use okx_feed::rest::{BookSnapshot, DataFile, HistoryCandle};
use okx_feed::{InstrumentId, Trade, UnixNanos};
use okx_feed_export::json::text::{
    key, put_decimal, put_i64, put_levels, put_optional, put_str, put_trade, put_u64,
};

fn open(out: &mut Vec<u8>, event: &str, inst_id: &str) {
    out.extend_from_slice(b"{\"event\":");
    put_str(out, event);
    key(out, b"inst_id");
    put_str(out, inst_id);
}

/// A trade. The members have the names and the meaning of those of a live trade.
pub(super) fn trade(out: &mut Vec<u8>, json: bool, inst_id: &InstrumentId, trade: &Trade) {
    if !json {
        let (time, side) = (trade.ts_event.iso_ms(), trade.side());
        let (px, sz, id) = (trade.px(), trade.sz(), trade.trade_id);
        // Writing to memory does not fail, here and below.
        let _ = writeln!(out, "{time}  {side:4} {px} x {sz}  id {id}");
        return;
    }
    open(out, "trade", inst_id.as_str());
    key(out, b"ts_ns");
    put_u64(out, trade.ts_event.0);
    put_trade(out, trade);
    key(out, b"source");
    put_u64(out, u64::from(trade.source));
    out.extend_from_slice(b"}\n");
}

/// A candle.
pub(super) fn candle(
    out: &mut Vec<u8>,
    json: bool,
    inst_id: &InstrumentId,
    candle: &HistoryCandle,
) {
    let HistoryCandle {
        ts, open: first, high, low, close, volume, volume_ccy, volume_quote, ..
    } = candle;
    if !json {
        let time = ts.iso_ms();
        let _ = writeln!(out, "{time}  o {first} h {high} l {low} c {close}  vol {volume}");
        return;
    }
    open(out, "candle", inst_id.as_str());
    key(out, b"ts_ns");
    put_u64(out, ts.0);
    for (name, px) in [("open", first), ("high", high), ("low", low), ("close", close)] {
        key(out, name.as_bytes());
        put_decimal(out, *px);
    }
    key(out, b"volume");
    put_str(out, volume);
    for (name, volume) in [("volume_ccy", volume_ccy), ("volume_quote", volume_quote)] {
        key(out, name.as_bytes());
        put_optional(out, volume.as_deref(), put_str);
    }
    out.extend_from_slice(b"}\n");
}

/// A book.
pub(super) fn book(out: &mut Vec<u8>, json: bool, inst_id: &InstrumentId, book: &BookSnapshot) {
    if !json {
        let _ = writeln!(out, "{}  {inst_id}", book.ts.iso_ms());
        for (name, levels) in [("ask", &book.asks), ("bid", &book.bids)] {
            for level in levels {
                let (px, sz, orders) = (level.px(), level.sz(), level.orders());
                let _ = writeln!(out, "{name} {px:>16} {sz:>16} {orders:>5}");
            }
        }
        return;
    }
    open(out, "book", inst_id.as_str());
    key(out, b"ts_ns");
    put_u64(out, book.ts.0);
    key(out, b"seq");
    put_optional(out, book.seq, put_i64);
    for (name, levels) in [("asks", &book.asks), ("bids", &book.bids)] {
        key(out, name.as_bytes());
        put_levels(out, levels, |_, _| None);
    }
    out.extend_from_slice(b"}\n");
}

/// An instrument.
pub(super) fn instrument(out: &mut Vec<u8>, json: bool, row: &Instrument) {
    let Instrument { inst_id, inst_type, state, tick_sz: tick, lot_sz: lot, .. } = row;
    if !json {
        let or_dash = |number: &Option<okx_feed::Decimal>| {
            number.map_or_else(|| "-".to_owned(), |number| number.to_string())
        };
        let (tick, lot) = (or_dash(tick), or_dash(lot));
        let _ = writeln!(out, "{inst_id:32} {inst_type:8} {state:10} tick {tick:14} lot {lot}");
        return;
    }
    open(out, "instrument", inst_id.as_str());
    key(out, b"inst_type");
    put_str(out, inst_type.as_str());
    key(out, b"state");
    put_str(out, state.as_str());
    for (name, number) in [
        ("tick", tick),
        ("lot", lot),
        ("contract_value", &row.ct_val),
        ("contract_multiplier", &row.ct_mult),
    ] {
        key(out, name.as_bytes());
        put_optional(out, *number, put_decimal);
    }
    key(out, b"contract_currency");
    put_str(out, row.ct_val_ccy.as_str());
    for (name, time) in [("listed_ns", row.list_time), ("expires_ns", row.exp_time)] {
        key(out, name.as_bytes());
        put_optional(out, time, |out, UnixNanos(nanos)| put_u64(out, nanos));
    }
    out.extend_from_slice(b"}\n");
}

/// A bulk file.
pub(super) fn file(out: &mut Vec<u8>, json: bool, file: &DataFile) {
    let DataFile { name, url, date, size_mb } = file;
    if !json {
        let _ = writeln!(out, "{}  {size_mb:>8} MB  {url}", date.iso_ms());
        return;
    }
    out.extend_from_slice(b"{\"event\":\"file\"");
    for (member, text) in [("name", name), ("url", url), ("size_mb", size_mb)] {
        key(out, member.as_bytes());
        put_str(out, text);
    }
    key(out, b"ts_ns");
    put_u64(out, date.0);
    out.extend_from_slice(b"}\n");
}
