//! The v3 dialect: requests in, messages out, before compression.
//!
//! Shapes of 2020 to 2022: all numbers as strings, three elements a level in spot `depth5` and four
//! on derivatives. Source: `docs/PROTOCOL.md` 6 to 8.

use std::fmt::Write;

use serde_json::Value;

use super::request::{Arg, ErrorReply, Op, Request, json_string};
use crate::model::{Level, Market, UnixNanos};
use crate::sim::market::{Listing, Print};

/// The request can't be read. The number is of the family; its use here is not confirmed.
pub(crate) const BAD_REQUEST: u32 = 30039;
/// The channel or the instrument does not exist.
pub(crate) const NO_CHANNEL: u32 = 30040;
/// Too many requests in the hour.
pub(crate) const TOO_MANY: u32 = 30026;
/// The login was refused.
pub(crate) const LOGIN_FAILED: u32 = 30027;

/// Reads a client's message.
///
/// # Errors
/// The error reply of a message that is no request.
pub(crate) fn parse_request(text: &str) -> Result<Request, ErrorReply> {
    if text == "ping" {
        return Ok(Request::Ping);
    }
    let bad = || ErrorReply::new(BAD_REQUEST, format!("Unrecognized request: {text}"));
    let request: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let op = request.get("op").and_then(Value::as_str).ok_or_else(bad)?;
    let args = request.get("args").and_then(Value::as_array).ok_or_else(bad)?;
    if op == "login" {
        return Ok(Request::Login { id: None });
    }
    let op = Op::from_name(op).ok_or_else(bad)?;
    if args.is_empty() {
        return Err(bad());
    }
    let args = args.iter().map(|arg| Some(parse_arg(arg.as_str()?)));
    let args = args.collect::<Option<Vec<_>>>().ok_or_else(bad)?;
    Ok(Request::Channels { id: None, op, args })
}

/// Splits `futures/depth5:BTC-USD-190517`; what is missing stays empty and so does not exist.
fn parse_arg(text: &str) -> Arg {
    let (head, inst_id) = text.split_once(':').unwrap_or((text, ""));
    let (market, channel) = head.split_once('/').unwrap_or(("", head));
    Arg {
        market: market.to_owned(),
        channel: channel.to_owned(),
        inst_id: inst_id.to_owned(),
        code: None,
        members: Vec::new(),
        bytes: text.len(),
    }
}

/// Acknowledges one argument.
pub(crate) fn ack(op: Op, arg: &Arg) -> String {
    format!(r#"{{"event":"{}","channel":{}}}"#, op.name(), json_string(&arg_text(arg)))
}

/// Acknowledges a login.
pub(crate) fn login() -> String {
    r#"{"event":"login","success":true}"#.to_owned()
}

/// Refuses a request or an argument.
pub(crate) fn error(refusal: &ErrorReply) -> String {
    let ErrorReply { code, message, .. } = refusal;
    let message = json_string(message);
    format!(r#"{{"event":"error","message":{message},"errorCode":{code}}}"#)
}

/// The refusal of an argument whose channel or instrument does not exist.
pub(crate) fn no_channel(arg: &Arg) -> ErrorReply {
    ErrorReply::new(NO_CHANNEL, format!("Channel {} doesn't exist", arg_text(arg)))
}

fn arg_text(arg: &Arg) -> String {
    let Arg { market, channel, inst_id, .. } = arg;
    let slash = if market.is_empty() { "" } else { "/" };
    let colon = if inst_id.is_empty() { "" } else { ":" };
    format!("{market}{slash}{channel}{colon}{inst_id}")
}

/// A `depth5` message.
pub(crate) fn book5(listing: &Listing, asks: &[Level], bids: &[Level], ts: UnixNanos) -> String {
    let market = listing.market();
    let mut out = String::with_capacity(640);
    out.push_str(r#"{"table":""#);
    out.push_str(market.name());
    out.push_str(r#"/depth5","data":[{"asks":"#);
    levels(&mut out, market, asks);
    out.push_str(r#","bids":"#);
    levels(&mut out, market, bids);
    end(&mut out, listing, ts);
    out
}

/// The `trade` messages of a print: one for each resting order that was filled.
pub(crate) fn trades<'a>(
    listing: &'a Listing,
    print: &'a Print,
) -> impl Iterator<Item = String> + 'a {
    // Futures and options call the size `qty`.
    let size = match listing.market() {
        Market::Futures | Market::Option => "qty",
        _ => "size",
    };
    let (market, side, px) = (listing.market().name(), print.side.name(), listing.px(print.ticks));
    print.fills().map(move |(id, lots)| {
        let sz = listing.sz(lots);
        let mut out = String::with_capacity(200);
        // Writing to a `String` can't fail.
        let _ = write!(
            out,
            concat!(
                r#"{{"table":"{market}/trade","data":[{{"side":"{side}","trade_id":"{id}","#,
                r#""price":"{px}","{size}":"{sz}""#
            ),
            market = market,
            side = side,
            id = id,
            px = px,
            size = size,
            sz = sz
        );
        end(&mut out, listing, print.ts);
        out
    })
}

/// The instrument, the time and the closing brackets that end a data message.
fn end(out: &mut String, listing: &Listing, ts: UnixNanos) {
    let _ = write!(
        out,
        r#","instrument_id":"{}","timestamp":"{}"}}]}}"#,
        listing.inst_id(),
        ts.iso_ms()
    );
}

fn levels(out: &mut String, market: Market, levels: &[Level]) {
    let liquidations = if market == Market::Spot { "" } else { r#","0""# };
    out.push('[');
    for (n, level) in levels.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let (px, sz, orders) = (level.px(), level.sz(), level.orders());
        let _ = write!(out, r#"{comma}["{px}","{sz}"{liquidations},"{orders}"]"#);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;

    fn level(px: &str, sz: &str, orders: u32) -> Level {
        Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders)
    }

    fn listing(id: &str, market: Market) -> Listing {
        Listing::new(id, market, ["0.01", "1", "7880.25", "4"]).unwrap()
    }

    #[test]
    fn requests_are_read() {
        let text = r#"{"op": "subscribe", "args": ["futures/depth5:BTC-USD-190517"]}"#;
        let Ok(Request::Channels { op: Op::Subscribe, args, .. }) = parse_request(text) else {
            panic!("not read")
        };
        let arg = args.first().unwrap();
        assert_eq!(
            (&*arg.market, &*arg.channel, &*arg.inst_id),
            ("futures", "depth5", "BTC-USD-190517")
        );
        assert_eq!(parse_request("ping"), Ok(Request::Ping));
        let login = r#"{"op":"login","args":["key","phrase","1538054050.975","sign"]}"#;
        assert_eq!(parse_request(login), Ok(Request::Login { id: None }));
    }

    #[test]
    fn what_is_no_request_is_refused_with_30039() {
        for text in [
            "",
            "pong",
            "{",
            "[]",
            r#"{"op":"subscribe"}"#,
            r#"{"op":"subscribe","args":[]}"#,
            r#"{"op":"subscribe","args":[{"channel":"books5","instId":"BTC-USDT"}]}"#,
            r#"{"op":"dance","args":["spot/depth5:BTC-USDT"]}"#,
        ] {
            assert_eq!(parse_request(text).unwrap_err().code, BAD_REQUEST, "{text}");
        }
    }

    #[test]
    fn control_messages_have_the_recorded_shape() {
        let arg = parse_arg("spot/trade:DOT-USD");
        assert_eq!(
            ack(Op::Subscribe, &arg),
            r#"{"event":"subscribe","channel":"spot/trade:DOT-USD"}"#
        );
        assert_eq!(
            error(&no_channel(&parse_arg("spot/xyz:A\"B"))),
            r#"{"event":"error","message":"Channel spot/xyz:A\"B doesn't exist","errorCode":30040}"#
        );
        for text in ["spot/depth5:BTC-USDT", "depth5:BTC-USDT", "spot/depth5", ""] {
            assert_eq!(arg_text(&parse_arg(text)), text);
        }
    }

    #[test]
    fn spot_levels_have_three_elements_and_others_four() {
        let (asks, bids) =
            ([level("7880.3", "12", 3)], [level("7880", "1", 1), level("7879", "4", 2)]);
        let ts = UnixNanos(1_558_000_000_123_000_000);
        assert_eq!(
            book5(&listing("BTC-USD-190517", Market::Futures), &asks, &bids, ts),
            concat!(
                r#"{"table":"futures/depth5","data":[{"asks":[["7880.3","12","0","3"]],"#,
                r#""bids":[["7880","1","0","1"],["7879","4","0","2"]],"#,
                r#""instrument_id":"BTC-USD-190517","timestamp":"2019-05-16T09:46:40.123Z"}]}"#
            )
        );
        let spot = book5(&listing("BTC-USDT", Market::Spot), &asks, &[], ts);
        assert!(spot.contains(r#"{"asks":[["7880.3","12","3"]],"bids":[],"instr"#), "{spot}");
    }

    #[test]
    fn each_fill_is_a_trade_of_its_own() {
        let print = Print {
            ts: UnixNanos(1_558_000_000_123_000_000),
            side: Side::Sell,
            last_id: 78,
            count: 2,
            seq: 5,
            ticks: 788_025,
            lots: 7,
        };
        let futures = listing("BTC-USD-190517", Market::Futures);
        let messages: Vec<_> = trades(&futures, &print).collect();
        assert_eq!(messages.len(), 2);
        assert_eq!(
            messages[1],
            concat!(
                r#"{"table":"futures/trade","data":[{"side":"sell","trade_id":"78","#,
                r#""price":"7880.25","qty":"4","instrument_id":"BTC-USD-190517","#,
                r#""timestamp":"2019-05-16T09:46:40.123Z"}]}"#
            )
        );
        let swap = listing("BTC-USD-SWAP", Market::Swap);
        assert!(trades(&swap, &print).all(|text| text.contains(r#""size":""#)));
    }
}
