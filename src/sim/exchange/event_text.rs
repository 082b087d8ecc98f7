//! Texts of auctions, reductions of positions, event contracts, block volumes, and of channels that
//! this crate does not decode.

use super::record_key::{family, inst_type};
use super::record_text::{HOUR_MS, Period};
use crate::model::Level;
use crate::sim::market::Listing;

/// The row of `call-auction-details`: an auction that ends with the hour.
pub(super) fn auction(listing: &Listing, period: &Period, now: u64) -> String {
    let (id, px, sz) =
        (listing.inst_id(), listing.px(period.close), listing.sz(period.lots.max(1)));
    let end = (now / HOUR_MS + 1) * HOUR_MS;
    format!(
        concat!(
            r#"{{"instId":"{}","unmatchedSz":"{}","eqPx":"{}","matchedSz":"{}","#,
            r#""state":"call_auction","auctionEndTime":"{}","ts":"{}"}}"#
        ),
        id,
        listing.lot(),
        px,
        sz,
        end,
        now
    )
}

/// The row of `adl-warning`; what is empty is so since 2026-06.
pub(super) fn adl_warning(listing: &Listing, period: &Period, now: u64) -> String {
    let (kind, family) = (inst_type(listing.market()), family(listing));
    let fund = 280_784_384_i64.saturating_add(period.lots % 1_000);
    format!(
        concat!(
            r#"{{"adlBal":"","adlRate":"","adlRecBal":"","adlRecRate":"","adlType":"","#,
            r#""bal":"{}","ccy":"","decRate":"","instFamily":"{}","instType":"{}","maxBal":"","#,
            r#""maxBalTs":"","state":"warning","ts":"{}"}}"#
        ),
        fund, family, kind, now
    )
}

/// The row of `event-contract-markets`: whether a price will be above where the day began.
pub(super) fn event_contract(listing: &Listing, period: &Period) -> String {
    let (strike, event) = (listing.px(period.open), period.start_ms / (24 * HOUR_MS));
    let series = format!("{}-ABOVE-DAILY", family(listing));
    let end = period.start_ms + 24 * HOUR_MS;
    format!(
        concat!(
            r#"{{"seriesId":"{series}","eventId":"{series}-{event}","instId":"{series}-{event}-1","#,
            r#""listTime":"{start}","fixTime":"","expTime":"{end}","state":"live","outcome":"","#,
            r#""floorStrike":"{strike}","capStrike":"","settleValue":"","disputed":false,"#,
            r#""hitDir":""}}"#
        ),
        series = series,
        event = event,
        start = period.start_ms,
        end = end,
        strike = strike,
    )
}

/// The row of `block-tickers`.
pub(super) fn block_ticker(listing: &Listing, period: &Period, now: u64) -> String {
    let volume = listing.sz(period.lots);
    format!(
        r#"{{"instType":"{}","instId":"{}","volCcy24h":"{volume}","vol24h":"{volume}","ts":"{now}"}}"#,
        inst_type(listing.market()),
        listing.inst_id(),
    )
}

/// A book of a channel that this crate does not decode.
pub(super) fn undecoded_book((ask, bid): (Option<&Level>, Option<&Level>), now: u64) -> String {
    let side = |level: Option<&Level>| {
        level.map_or_else(String::new, |l| format!(r#"["{}","{}"]"#, l.px(), l.sz()))
    };
    format!(r#"{{"asks":[{}],"bids":[{}],"ts":"{now}"}}"#, side(ask), side(bid))
}

/// A row of the calendar.
pub(super) fn calendar(now: u64) -> String {
    let date = (now / HOUR_MS + 1) * HOUR_MS;
    format!(
        concat!(
            r#"{{"calendarId":"319275","date":"{}","region":"United States","category":"GDP","#,
            r#""event":"GDP Growth Rate","importance":"3","ts":"{}"}}"#
        ),
        date, now
    )
}
