//! The endpoints of v5.
//!
//! Source: `docs/PROTOCOL.md` 11.

use std::fmt::Write;

use super::candles::{Grid, candles};
use super::query::Query;
use super::reply::RestReply;
use super::seen::Seen;
use crate::model::{Market, UnixNanos};
use crate::sim::exchange::record_text::instrument;
use crate::sim::market::{InstIndex, Listing, ListingState, NumberedBook, SimSide, SingleFill};

/// `candles` has the newest bars only.
const NEWEST_BARS: u64 = 1_440;

pub(super) fn endpoint(
    seen: Seen<'_>,
    path: &str,
    query: &Query<'_>,
) -> Result<RestReply, RestReply> {
    match path {
        "public/time" => Ok(RestReply::v5(&format!(r#"{{"ts":"{}"}}"#, seen.now.as_millis()))),
        "system/status" => Ok(RestReply::v5("")),
        "public/instruments" => instruments(seen, query),
        "public/market-data-history" => files(seen, query),
        // A code that is known is answered in SBE, elsewhere.
        "market/books-sbe" => Err(RestReply::v5_error(200, 51_000, "Parameter instIdCode error")),
        "market/books" => book(seen, query, 400, true),
        "market/books-full" => book(seen, query, 5_000, false),
        "market/trades" => newest_trades(seen, query),
        "market/history-trades" => history_trades(seen, query),
        "market/candles" => candle_rows(seen, query, true),
        "market/history-candles" => candle_rows(seen, query, false),
        _ => Err(RestReply::not_found()),
    }
}

fn newest_trades(seen: Seen<'_>, query: &Query<'_>) -> Result<RestReply, RestReply> {
    let inst = query.inst(seen.market)?;
    let limit = query.limit("limit", 100, 500)?;
    Ok(trades(seen, inst, (0, u64::MAX), limit.min(500)))
}

fn history_trades(seen: Seen<'_>, query: &Query<'_>) -> Result<RestReply, RestReply> {
    let inst = query.inst(seen.market)?;
    let limit = query.limit("limit", 100, 100)?;
    let (after, before) = (query.number("after")?, query.number("before")?);
    match query.text("type").unwrap_or("1") {
        "1" => {
            let above = before.map_or(0, |id| id.saturating_add(1));
            Ok(trades(seen, inst, (above, after.unwrap_or(u64::MAX)), limit))
        }
        "2" if before.is_some() => {
            let text = "Parameter before is not supported with timestamp paging";
            Err(RestReply::v5_error(200, 50_039, text))
        }
        "2" => {
            let time = after.and_then(UnixNanos::from_millis).unwrap_or(UnixNanos(u64::MAX));
            let below = seen.market.first_fill_at(inst, time).unwrap_or_default();
            Ok(trades(seen, inst, (0, below), limit))
        }
        _ => Err(RestReply::v5_error(400, 51_000, "Parameter type error")),
    }
}

/// The newest fills of ids from `above` to one below `below`.
pub(super) fn visible_fills(
    seen: Seen<'_>,
    inst: InstIndex,
    (above, below): (u64, u64),
    limit: usize,
) -> impl Iterator<Item = SingleFill> {
    let market = seen.market;
    let (first, end) = market.fill_ids(inst).unwrap_or_default();
    let shown = market.first_fill_at(inst, UnixNanos(seen.visible.0.saturating_add(1)));
    let end = end.min(shown.unwrap_or_default()).min(below);
    let ids = (first.max(above)..end).rev().take(limit);
    ids.filter_map(move |id| market.fill(inst, id))
}

fn trades(seen: Seen<'_>, inst: InstIndex, ids: (u64, u64), limit: usize) -> RestReply {
    let Some(listing) = seen.market.listing(inst) else { return RestReply::v5("") };
    let mut out = String::with_capacity(limit * 160);
    for (n, fill) in visible_fills(seen, inst, ids, limit).enumerate() {
        let SingleFill { id, ts, side, ticks, lots } = fill;
        let (px, sz, ts) = (listing.px(ticks), listing.sz(lots), ts.as_millis());
        // Writing to a `String` can't fail, here and below.
        let _ = write!(
            out,
            concat!(
                r#"{comma}{{"instId":"{inst_id}","side":"{side}","sz":"{sz}","source":"0","#,
                r#""px":"{px}","tradeId":"{id}","ts":"{ts}"}}"#
            ),
            comma = if n == 0 { "" } else { "," },
            inst_id = listing.inst_id(),
            side = side,
            sz = sz,
            px = px,
            id = id,
            ts = ts
        );
    }
    RestReply::v5(&out)
}

fn candle_rows(
    seen: Seen<'_>,
    query: &Query<'_>,
    only_newest: bool,
) -> Result<RestReply, RestReply> {
    let inst = query.inst(seen.market)?;
    let limit = query.limit("limit", 100, 300)?;
    let wrong = || RestReply::v5_error(400, 51_000, "Parameter bar error");
    let bar = Grid::of(query.text("bar").unwrap_or("1m")).ok_or_else(wrong)?;
    let mut from = query.number("before")?.unwrap_or(0);
    let to = query.number("after")?.unwrap_or(u64::MAX);
    if only_newest {
        from = from.max(seen.visible.as_millis().saturating_sub(bar.longest() * NEWEST_BARS));
    }
    let Some(listing) = seen.market.listing(inst) else { return Ok(RestReply::v5("")) };
    let mut out = String::new();
    for (n, c) in
        candles(seen.market, inst, bar, (from, to), limit, seen.visible).iter().enumerate()
    {
        let [open, high, low, close, volume] = c.texts(listing);
        let quote = listing.notional(c.ticks_lots);
        let of_ccy = if listing.market() == Market::Spot { &quote } else { &volume };
        let (comma, start) = (if n == 0 { "" } else { "," }, c.start);
        let closed = u8::from(c.closed);
        let _ = write!(
            out,
            r#"{comma}["{start}","{open}","{high}","{low}","{close}","{volume}","{of_ccy}","{quote}","{closed}"]"#
        );
    }
    Ok(RestReply::v5(&out))
}

fn book(
    seen: Seen<'_>,
    query: &Query<'_>,
    most: u64,
    numbered: bool,
) -> Result<RestReply, RestReply> {
    let inst = query.inst(seen.market)?;
    let levels = query.limit("sz", 1, most)?;
    let Some(NumberedBook { listing, book, seq }) = seen.market.numbered(inst) else {
        return Ok(RestReply::v5(""));
    };
    let mut out = String::from(r#"{"asks":["#);
    side(&mut out, &book.asks, listing, levels, numbered);
    out.push_str(r#"],"bids":["#);
    side(&mut out, &book.bids, listing, levels, numbered);
    let _ = write!(out, r#"],"ts":"{}""#, seen.now.as_millis());
    if numbered {
        let _ = write!(out, r#","seqId":{seq}"#);
    }
    out.push('}');
    Ok(RestReply::v5(&out))
}

/// Levels of four elements; of three where the book has no numbers.
fn side(out: &mut String, side: &SimSide, listing: &Listing, levels: usize, numbered: bool) {
    for (n, resting) in side.resting().take(levels).enumerate() {
        let level = side.level(listing, resting);
        let (comma, zero) = (if n == 0 { "" } else { "," }, if numbered { r#""0","# } else { "" });
        let (px, sz, orders) = (level.px(), level.sz(), level.orders());
        let _ = write!(out, r#"{comma}["{px}","{sz}",{zero}"{orders}"]"#);
    }
}

fn instruments(seen: Seen<'_>, query: &Query<'_>) -> Result<RestReply, RestReply> {
    let Some(kind) = query.text("instType") else {
        let text = "Parameter instType can not be empty";
        return Err(RestReply::v5_error(400, 50_014, text));
    };
    let named = query.text("instId");
    let all = seen.market.indices().filter_map(|inst| Some((inst, seen.market.listing(inst)?)));
    let fitting = all.filter(|(_, listing)| {
        listing.market().name().eq_ignore_ascii_case(kind)
            && listing.state() != ListingState::Delisted
            && !listing.is_spread()
            && named.is_none_or(|id| id == listing.inst_id().as_str())
    });
    let rows: Vec<_> = fitting.map(|(inst, listing)| instrument(inst, listing)).collect();
    Ok(RestReply::v5(&rows.join(",")))
}

/// The bulk files of the days that are asked for; the files themselves are elsewhere.
fn files(seen: Seen<'_>, query: &Query<'_>) -> Result<RestReply, RestReply> {
    const DAY: u64 = 86_400_000;
    let missing =
        |key: &str| RestReply::v5_error(400, 50_014, &format!("Parameter {key} can not be empty"));
    let module = query.text("module").ok_or_else(|| missing("module"))?;
    let begin = query.number("begin")?.ok_or_else(|| missing("begin"))?;
    let end = query.number("end")?.ok_or_else(|| missing("end"))?;
    let kind = query.text("instType").ok_or_else(|| missing("instType"))?;
    let what = query.text("instIdList").or_else(|| query.text("instFamilyList"));
    let what = what.ok_or_else(|| missing("instIdList"))?;
    if end.saturating_sub(begin) > 10 * DAY {
        let text = "The span between begin and end can not be longer than 10 days";
        return Err(RestReply::v5_error(200, 50_076, text));
    }
    let last = seen.now.as_millis().saturating_sub(2 * DAY).min(end) / DAY;
    let mut rows = String::new();
    for (n, day) in (begin / DAY..=last).rev().enumerate() {
        let ts = day * DAY;
        let date = UnixNanos::from_millis(ts).unwrap_or_default().iso_ms().to_string();
        let date = date.get(..10).unwrap_or_default().to_owned();
        let comma = if n == 0 { "" } else { "," };
        let name = format!("{what}-{module}-{date}.zip");
        let _ = write!(
            rows,
            concat!(
                r#"{}{{"filename":"{}","dateTs":"{}","sizeMB":"1.5","#,
                r#""url":"https://static.okx.com/cdn/okex/{}"}}"#
            ),
            comma, name, ts, name
        );
    }
    let details = match rows.is_empty() {
        true => String::new(),
        false => format!(r#"{{"instId":"{what}","instType":"{kind}","groupDetails":[{rows}]}}"#),
    };
    let ts = seen.now.as_millis();
    Ok(RestReply::v5(&format!(r#"{{"dateAggrType":"daily","ts":"{ts}","details":[{details}]}}"#)))
}
