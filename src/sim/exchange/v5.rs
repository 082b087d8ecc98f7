//! The v5 dialect: requests in, messages out.
//!
//! Shapes of 2026. Source: `docs/PROTOCOL.md` 6 to 8.

use std::fmt::Write;

use serde_json::Value;

use super::request::{Arg, ErrorReply, Op, Request, json_string};
use crate::model::{Channel, Level, Qty, UnixNanos};
use crate::sim::market::{Listing, Print};

/// The request can't be read.
pub(crate) const BAD_REQUEST: u32 = 60012;
/// The arguments are missing or of the wrong form.
pub(crate) const BAD_ARGS: u32 = 60013;
/// Too many requests in the hour.
pub(crate) const TOO_MANY: u32 = 60014;
/// The channel or the instrument does not exist on this path.
pub(crate) const NO_CHANNEL: u32 = 60018;
/// There is no such operation.
pub(crate) const BAD_OP: u32 = 60019;
/// The login's key is not known.
pub(crate) const NO_KEY: u32 = 60032;
/// The channel moved to the business path.
pub(crate) const MOVED: u32 = 64001;
/// The channel is not on the business path.
pub(crate) const NOT_BUSINESS: u32 = 64002;

/// Reads a client's message.
///
/// # Errors
/// The error reply of a message that is no request.
pub(crate) fn parse_request(text: &str) -> Result<Request, ErrorReply> {
    if text == "ping" {
        return Ok(Request::Ping);
    }
    let bad = || ErrorReply::new(BAD_REQUEST, format!("Invalid request: {text}"));
    let request: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let id = match request.get("id") {
        None => None,
        Some(id) => Some(id.as_str().filter(|id| is_id(id)).ok_or_else(bad)?.to_owned()),
    };
    let bad = || bad().with_id(id.as_deref());
    let name = request.get("op").and_then(Value::as_str).ok_or_else(bad)?;
    if name != "login" && Op::from_name(name).is_none() {
        let invalid = ErrorReply::new(BAD_OP, format!("Invalid OP: {name}"));
        return Err(invalid.with_id(id.as_deref()));
    }
    let args = request.get("args").and_then(Value::as_array).ok_or_else(bad)?;
    let bad_args = || ErrorReply::new(BAD_ARGS, "Invalid args").with_id(id.as_deref());
    if args.is_empty() {
        return Err(bad_args());
    }
    let Some(op) = Op::from_name(name) else { return Ok(Request::Login { id }) };
    let args = args.iter().map(parse_arg).collect::<Option<Vec<_>>>().ok_or_else(bad_args)?;
    Ok(Request::Channels { id, op, args })
}

/// 1 to 32 letters and digits.
fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Reads `{"channel":"books5","instId":"BTC-USDT"}`; a missing instrument does not exist.
fn parse_arg(arg: &Value) -> Option<Arg> {
    let text = |key| arg.get(key).and_then(Value::as_str);
    let channel = text("channel")?;
    let names = ["instType", "instFamily", "instId", "sprdId"].into_iter();
    let members: Vec<_> = names.filter_map(|name| Some((name, text(name)?.to_owned()))).collect();
    let inst_id = members.last().map_or("", |(_, value)| value);
    Some(Arg {
        market: String::new(),
        channel: channel.to_owned(),
        inst_id: inst_id.to_owned(),
        members,
        code: arg.get("instIdCode").and_then(Value::as_i64),
        bytes: arg.to_string().len(),
    })
}

/// Acknowledges one argument.
pub(crate) fn ack(id: Option<&str>, op: Op, arg: &Arg, conn_id: &str) -> String {
    let (id, op) = (id_key(id), op.name());
    let channel = json_string(&arg.channel);
    let members = match arg.code {
        Some(code) => format!(r#","instIdCode":{code}"#),
        None => members_text(&arg.members),
    };
    let arg = format!(r#"{{"channel":{channel}{members}}}"#);
    format!(r#"{{{id}"event":"{op}","arg":{arg},"connId":"{conn_id}"}}"#)
}

/// The members of an argument after the channel.
pub(crate) fn members_text(members: &[(&'static str, String)]) -> String {
    let member = |(name, value): &(&str, String)| format!(r#","{name}":{}"#, json_string(value));
    members.iter().map(member).collect()
}

/// Acknowledges a login.
pub(crate) fn login(id: Option<&str>, conn_id: &str) -> String {
    format!(r#"{{{}"event":"login","code":"0","msg":"","connId":"{conn_id}"}}"#, id_key(id))
}

/// Refuses a request or an argument.
pub(crate) fn error(refusal: &ErrorReply, conn_id: &str) -> String {
    let ErrorReply { id, code, message } = refusal;
    format!(
        r#"{{{}"event":"error","msg":{},"code":"{code}","connId":"{conn_id}"}}"#,
        id_key(id.as_deref()),
        json_string(message)
    )
}

/// The refusal of an argument whose channel or instrument does not exist.
pub(crate) fn no_channel(arg: &Arg) -> ErrorReply {
    let Arg { channel, inst_id, code, .. } = arg;
    let what = match code {
        Some(code) => format!("channel:{channel},instIdCode:{code} doesn't exist. "),
        None => format!("channel:{channel},instId:{inst_id} doesn't exist. "),
    };
    let what = format!("Wrong URL or {what}");
    let advice = "Please use the correct URL, channel and parameters referring to API document.";
    ErrorReply::new(NO_CHANNEL, what + advice)
}

/// The refusal of a channel that is asked for on the public path and served on the business path.
pub(crate) fn moved() -> ErrorReply {
    let text = "This channel has been migrated to the '/business' URL. Please subscribe using the \
                new URL.";
    ErrorReply::new(MOVED, text)
}

/// The refusal of a channel that is asked for on the business path and served on the public path.
pub(crate) fn not_business() -> ErrorReply {
    let text = "This channel is not supported by \"/business\" URL. Please use \"/private\" \
                URL(for private channels), or \"/public\" URL(for public channels).";
    ErrorReply::new(NOT_BUSINESS, text)
}

/// The refusal of a login: nobody has a key here.
pub(crate) fn no_key() -> ErrorReply {
    ErrorReply::new(NO_KEY, "API key doesn't exist")
}

/// The notice before the exchange closes a connection to be upgraded.
pub(crate) fn upgrade_notice(conn_id: &str) -> String {
    let text = "The connection will soon be closed for a service upgrade. Please reconnect.";
    format!(r#"{{"event":"notice","msg":"{text}","code":"64008","connId":"{conn_id}"}}"#)
}

/// The request's id goes first in its replies.
fn id_key(id: Option<&str>) -> String {
    id.map(|id| format!(r#""id":"{id}","#)).unwrap_or_default()
}

/// A message of five levels or of the best ones, of an instrument or of a spread.
pub(crate) fn book5(
    channel: Channel,
    listing: &Listing,
    [asks, bids]: [&[Level]; 2],
    ts: UnixNanos,
    seq: i64,
) -> String {
    let mut out = String::with_capacity(640);
    begin(&mut out, channel, listing);
    out.push_str(r#"{"asks":"#);
    levels(&mut out, listing, asks);
    out.push_str(r#","bids":"#);
    levels(&mut out, listing, bids);
    if channel == Channel::Books5 {
        let _ = write!(out, r#","instId":"{}""#, listing.inst_id());
    }
    let _ = write!(out, r#","ts":"{}","seqId":{seq}}}]}}"#, ts.as_millis());
    out
}

/// The `trades` message of a print: the fills of all resting orders merged.
pub(crate) fn trade(listing: &Listing, print: &Print) -> String {
    let mut out = String::with_capacity(256);
    begin(&mut out, Channel::Trades, listing);
    fill(&mut out, listing, print, print.last_id, listing.sz(print.lots));
    let Print { ts, count, seq, .. } = print;
    let ts = ts.as_millis();
    let _ = write!(out, r#","ts":"{ts}","count":"{count}","source":"0","seqId":{seq}}}]}}"#);
    out
}

/// The `trades-all` messages of a print: one for each resting order that was filled.
pub(crate) fn trades_all<'a>(
    listing: &'a Listing,
    print: &'a Print,
) -> impl Iterator<Item = String> + 'a {
    print.fills().map(move |(id, lots)| {
        let mut out = String::with_capacity(256);
        begin(&mut out, Channel::TradesAll, listing);
        fill(&mut out, listing, print, id, listing.sz(lots));
        let _ = write!(out, r#","source":"0","ts":"{}"}}]}}"#, print.ts.as_millis());
        out
    })
}

/// The `sprd-public-trades` messages of a print.
pub(crate) fn sprd_trades<'a>(
    listing: &'a Listing,
    print: &'a Print,
) -> impl Iterator<Item = String> + 'a {
    print.fills().map(move |(id, lots)| {
        let mut out = String::with_capacity(256);
        begin(&mut out, Channel::SprdPublicTrades, listing);
        let (sprd_id, side, px) = (listing.inst_id(), print.side, listing.px(print.ticks));
        let (sz, ts) = (listing.sz(lots), print.ts.as_millis());
        let _ = write!(
            out,
            concat!(
                r#"{{"sprdId":"{sprd_id}","tradeId":"{id}","px":"{px}","sz":"{sz}","#,
                r#""side":"{side}","ts":"{ts}"}}]}}"#
            ),
            sprd_id = sprd_id,
            id = id,
            px = px,
            sz = sz,
            side = side,
            ts = ts
        );
        out
    })
}

fn begin(out: &mut String, channel: Channel, listing: &Listing) {
    out.push_str(r#"{"arg":{"channel":""#);
    out.push_str(channel.name());
    out.push_str(if listing.is_spread() { r#"","sprdId":""# } else { r#"","instId":""# });
    out.push_str(listing.inst_id().as_str());
    out.push_str(r#""},"data":["#);
}

fn fill(out: &mut String, listing: &Listing, print: &Print, id: u64, sz: Qty) {
    let (inst_id, side, px) = (listing.inst_id(), print.side, listing.px(print.ticks));
    let _ = write!(
        out,
        r#"{{"instId":"{inst_id}","tradeId":"{id}","px":"{px}","sz":"{sz}","side":"{side}""#
    );
}

fn levels(out: &mut String, listing: &Listing, levels: &[Level]) {
    // A spread has no liquidations.
    let liquidations = if listing.is_spread() { "" } else { r#","0""# };
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
    use crate::model::{Market, Side};

    fn level(px: &str, sz: &str, orders: u32) -> Level {
        Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders)
    }

    fn listing() -> Listing {
        Listing::new("BTC-USDT-SWAP", Market::Swap, ["0.1", "0.01", "84093.5", "8"]).unwrap()
    }

    #[test]
    fn requests_are_read() {
        let text =
            r#"{"id":"1512","op":"unsubscribe","args":[{"channel":"books5","instId":"A-B"}]}"#;
        let Ok(Request::Channels { id, op: Op::Unsubscribe, args }) = parse_request(text) else {
            panic!("not read")
        };
        assert_eq!(id.as_deref(), Some("1512"));
        assert_eq!(args.first().map(|arg| (&*arg.channel, &*arg.inst_id)), Some(("books5", "A-B")));
        assert_eq!(parse_request("ping"), Ok(Request::Ping));
        let login = r#"{"op":"login","args":[{"apiKey":"a"}]}"#;
        assert_eq!(parse_request(login), Ok(Request::Login { id: None }));
    }

    #[test]
    fn each_bad_request_has_its_code() {
        let code = |text: &str| parse_request(text).unwrap_err().code;
        for text in ["", "pong", "{", "[]", r#"{"args":[]}"#, r#"{"op":"subscribe","argss":[]}"#] {
            assert_eq!(code(text), BAD_REQUEST, "{text}");
        }
        let with_id = |id: &str| format!(r#"{{"id":{id},"op":"subscribe","args":[]}}"#);
        for id in [r#""""#, r#""a-b""#, "7", &format!("\"{}\"", "a".repeat(33))] {
            assert_eq!(code(&with_id(id)), BAD_REQUEST, "{id}");
        }
        assert_eq!(code(&with_id(r#""a1""#)), BAD_ARGS);
        assert_eq!(code(r#"{"op":"subscribe","args":["spot/depth5:BTC-USDT"]}"#), BAD_ARGS);
        assert_eq!(code(r#"{"op":"subscribe","args":[{"instId":"BTC-USDT"}]}"#), BAD_ARGS);
        assert_eq!(code(r#"{"op":"dance","args":[]}"#), BAD_OP);
    }

    #[test]
    fn control_messages_have_the_recorded_shape() {
        let arg = Arg {
            market: String::new(),
            channel: "books".to_owned(),
            inst_id: "BTC-USDT".to_owned(),
            code: None,
            members: vec![("instId", "BTC-USDT".to_owned())],
            bytes: 0,
        };
        assert_eq!(
            ack(Some("1512"), Op::Subscribe, &arg, "a4d3ae55"),
            concat!(
                r#"{"id":"1512","event":"subscribe","#,
                r#""arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#
            )
        );
        assert_eq!(
            error(&no_key(), "f9ab6f3c"),
            r#"{"event":"error","msg":"API key doesn't exist","code":"60032","connId":"f9ab6f3c"}"#
        );
        let echoed = parse_request(r#"{"id":"7","op":"subscribe","args":"x"}"#).unwrap_err();
        assert_eq!(
            error(&echoed, "f9ab6f3c"),
            concat!(
                r#"{"id":"7","event":"error","msg":"Invalid request: "#,
                r#"{\"id\":\"7\",\"op\":\"subscribe\",\"args\":\"x\"}","code":"60012","#,
                r#""connId":"f9ab6f3c"}"#
            )
        );
    }

    #[test]
    fn books_have_the_recorded_shape() {
        let (asks, bids) = ([level("84093.5", "623.43", 68)], [level("84093.4", "567.17", 82)]);
        let ts = UnixNanos(1_790_439_596_480_000_000);
        assert_eq!(
            book5(Channel::BboTbt, &listing(), [&asks, &bids], ts, 342_177_338_569),
            concat!(
                r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT-SWAP"},"#,
                r#""data":[{"asks":[["84093.5","623.43","0","68"]],"#,
                r#""bids":[["84093.4","567.17","0","82"]],"#,
                r#""ts":"1790439596480","seqId":342177338569}]}"#
            )
        );
        let books5 = book5(Channel::Books5, &listing(), [&asks, &bids], ts, 7);
        assert!(
            books5.contains(r#"]],"instId":"BTC-USDT-SWAP","ts":"1790439596480","seqId":7}]}"#)
        );
    }

    #[test]
    fn trades_are_merged_or_one_by_one() {
        let print = Print {
            ts: UnixNanos(1_790_439_595_946_000_000),
            side: Side::Buy,
            last_id: 2_953_620_212,
            count: 2,
            seq: 342_177_337_897,
            ticks: 840_935,
            lots: 242,
        };
        assert_eq!(
            trade(&listing(), &print),
            concat!(
                r#"{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"#,
                r#""data":[{"instId":"BTC-USDT-SWAP","tradeId":"2953620212","px":"84093.5","#,
                r#""sz":"2.42","side":"buy","ts":"1790439595946","count":"2","source":"0","#,
                r#""seqId":342177337897}]}"#
            )
        );
        let all: Vec<_> = trades_all(&listing(), &print).collect();
        assert_eq!(all.len(), 2);
        assert!(all[0].contains(r#""tradeId":"2953620211","px":"84093.5","sz":"1.21""#));
        assert!(all[1].ends_with(r#""side":"buy","source":"0","ts":"1790439595946"}]}"#));
    }
}
