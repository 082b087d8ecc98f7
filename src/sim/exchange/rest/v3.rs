//! The endpoints of v3.
//!
//! Source: `docs/PROTOCOL.md` 11.

use std::fmt::Write;

use super::candles::{Grid, candles};
use super::query::Query;
use super::reply::RestReply;
use super::seen::Seen;
use super::v5::visible_fills;
use crate::model::{Market, UnixNanos};
use crate::sim::market::{InstIndex, Listing, NumberedBook, SimSide, SingleFill};

/// Trades and candles go back no further.
const NEWEST_TRADES: u64 = 300;
const NEWEST_BARS: u64 = 1_440;

pub(super) fn endpoint(
    seen: Seen<'_>,
    path: &str,
    query: &Query<'_>,
) -> Result<RestReply, RestReply> {
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let listed = |market: &str, id: &str| {
        let found = seen.market.find(id).filter(|inst| {
            seen.market.listing(*inst).is_some_and(|listing| listing.market().name() == market)
        });
        found.ok_or_else(|| RestReply::v3_error(400, 30_032, "The pair does not exist"))
    };
    match parts.as_slice() {
        ["api", "general", "v3", "time"] => {
            Ok(RestReply::ok(format!(r#"{{"iso":"{}"}}"#, seen.now.iso_ms())))
        }
        ["api", market, "v3", "instruments"] => Ok(instruments(seen, market)),
        ["api", market, "v3", "instruments", id, "trades"] => {
            trades(seen, listed(market, id)?, query)
        }
        ["api", market, "v3", "instruments", id, "candles"] => {
            candle_rows(seen, listed(market, id)?, query)
        }
        ["api", "swap", "v3", "instruments", id, "depth"] => book(seen, listed("swap", id)?, query),
        ["api", market, "v3", "instruments", id, "book"] if *market != "swap" => {
            book(seen, listed(market, id)?, query)
        }
        _ => Err(RestReply::not_found()),
    }
}

fn instruments(seen: Seen<'_>, market: &str) -> RestReply {
    let listings = seen.market.indices().filter_map(|inst| seen.market.listing(inst));
    let mut out = String::from("[");
    let of_market = |l: &&Listing| l.market().name() == market && !l.is_spread();
    for (n, listing) in listings.filter(of_market).enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let (id, tick, lot) = (listing.inst_id(), listing.tick(), listing.lot());
        let step = if market == "futures" { "trade_increment" } else { "size_increment" };
        // Writing to a `String` can't fail, here and below.
        let _ = write!(
            out,
            r#"{comma}{{"instrument_id":"{id}","tick_size":"{tick}","{step}":"{lot}"}}"#
        );
    }
    out.push(']');
    RestReply::ok(out)
}

fn trades(seen: Seen<'_>, inst: InstIndex, query: &Query<'_>) -> Result<RestReply, RestReply> {
    let Some(listing) = seen.market.listing(inst) else { return Err(RestReply::not_found()) };
    let is_spot = listing.market() == Market::Spot;
    let limit = query.limit("limit", 60, if is_spot { 60 } else { 100 })?;
    let newest = visible_fills(seen, inst, (0, u64::MAX), 1).next().map_or(0, |fill| fill.id);
    // Spot knows no cursor.
    let after = query.number("after")?.filter(|_| !is_spot).unwrap_or(u64::MAX);
    let above = newest.saturating_sub(NEWEST_TRADES - 1);
    let size = match listing.market() {
        Market::Futures | Market::Option => "qty",
        _ => "size",
    };
    let mut out = String::from("[");
    let mut ids = (None, None);
    for (n, fill) in visible_fills(seen, inst, (above, after), limit).enumerate() {
        let SingleFill { id, ts, side, ticks, lots } = fill;
        let (px, sz, ts) = (listing.px(ticks), listing.sz(lots), ts.iso_ms());
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            out,
            concat!(
                r#"{comma}{{"time":"{ts}","timestamp":"{ts}","trade_id":"{id}","#,
                r#""price":"{px}","{size}":"{sz}","side":"{side}"}}"#
            ),
            comma = comma,
            ts = ts,
            id = id,
            px = px,
            size = size,
            sz = sz,
            side = side
        );
        ids = (ids.0.or(Some(id)), Some(id));
    }
    out.push(']');
    let mut reply = RestReply::ok(out);
    if let ((Some(newest), Some(oldest)), false) = (ids, is_spot) {
        reply.headers = vec![("OK-BEFORE", newest.to_string()), ("OK-AFTER", oldest.to_string())];
    }
    Ok(reply)
}

fn candle_rows(seen: Seen<'_>, inst: InstIndex, query: &Query<'_>) -> Result<RestReply, RestReply> {
    let Some(listing) = seen.market.listing(inst) else { return Err(RestReply::not_found()) };
    let secs = query.number("granularity")?.unwrap_or(60);
    const SECS: [u64; 12] =
        [60, 180, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 604_800];
    if !SECS.contains(&secs) {
        return Err(RestReply::v3_error(400, 30_024, "Parameter value error"));
    }
    let len = secs * 1_000;
    let oldest = seen.visible.as_millis().saturating_sub(len * NEWEST_BARS);
    // Both ends are included.
    let from = query.iso("start").map_or(0, |at| at.as_millis().saturating_sub(1)).max(oldest);
    let to = query.iso("end").map_or(u64::MAX, |at| at.as_millis().saturating_add(1));
    let found = candles(seen.market, inst, Grid::Fixed(len, 0), (from, to), 200, seen.visible);
    let mut out = String::from("[");
    for (n, candle) in found.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let start = UnixNanos::from_millis(candle.start).unwrap_or_default().iso_ms();
        let [open, high, low, close, volume] = candle.texts(listing);
        let ccy = match listing.market() {
            Market::Spot => String::new(),
            _ => format!(r#","{volume}""#),
        };
        let _ = write!(
            out,
            r#"{comma}["{start}","{open}","{high}","{low}","{close}","{volume}"{ccy}]"#
        );
    }
    out.push(']');
    Ok(RestReply::ok(out))
}

fn book(seen: Seen<'_>, inst: InstIndex, query: &Query<'_>) -> Result<RestReply, RestReply> {
    let Some(NumberedBook { listing, book, .. }) = seen.market.numbered(inst) else {
        return Err(RestReply::not_found());
    };
    // Only spot gives all levels where none are asked for.
    let usual = if listing.market() == Market::Spot { 200 } else { 1 };
    let levels = query.limit("size", usual, 200)?;
    let time = if listing.market() == Market::Swap { "time" } else { "timestamp" };
    let mut out = String::from(r#"{"asks":["#);
    side(&mut out, &book.asks, listing, levels);
    out.push_str(r#"],"bids":["#);
    side(&mut out, &book.bids, listing, levels);
    let _ = write!(out, r#"],"{time}":"{}"}}"#, seen.now.iso_ms());
    Ok(RestReply::ok(out))
}

/// Spot has three elements a level, swap two texts and two numbers, others four texts.
fn side(out: &mut String, side: &SimSide, listing: &Listing, levels: usize) {
    for (n, resting) in side.resting().take(levels).enumerate() {
        let level = side.level(listing, resting);
        let comma = if n == 0 { "" } else { "," };
        let (px, sz, orders) = (level.px(), level.sz(), level.orders());
        let _ = match listing.market() {
            Market::Spot => write!(out, r#"{comma}["{px}","{sz}","{orders}"]"#),
            Market::Swap => write!(out, r#"{comma}["{px}","{sz}",0,{orders}]"#),
            _ => write!(out, r#"{comma}["{px}","{sz}","0","{orders}"]"#),
        };
    }
}
