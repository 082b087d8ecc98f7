//! The table of channels in README.md: each row has a message here or in `records`, captured or
//! documented, whose malformed neighbours are read or refused as the reference does; and what the
//! row says of it is what the code does.
//!
//! `OKX_FEED_BLESS=1` writes the table.
#![expect(clippy::panic, reason = "the helpers of a test fail as the test does")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use okx_feed::model::ChannelKind;
use okx_feed::wire::TextPath;
use okx_feed::{Channel, Decoder, Dialect, Event, Frame, UnixNanos};
use okx_feed_testkit::check::Checker;

use crate::records::{ROWS, channel_name};

const START: &str = "<!-- channels: start -->\n";
const END: &str = "<!-- channels: end -->\n";

/// The first version with a channel.
const SINCE: &str = "0.1.0";

/// Books and trades, with where each message is from; records have theirs in `records`.
///
/// *Documented* ones are of the exchange's documents of 2026-07 and, of v3, of 2020-06, with fewer
/// levels; *captured* ones were published verbatim by roq-okx in 2025-12.
const MESSAGES: &[&str] = &[
    // Documented.
    r#"{"table":"spot/depth5","data":[{"asks":[["8.8","96.99999966","1"],["9","39","3"],["9.5","100","1"],["12","12","1"],["95","0.42973686","3"]],"bids":[["5","7","4"],["3","5","3"],["2.5","100","2"],["1.5","100","1"],["1.1","100","1"]],"instrument_id":"ETH-USDT","timestamp":"2019-04-16T11:03:03.712Z"}]}"#,
    // Captured form, in docs/PROTOCOL.md 7.
    r#"{"table":"futures/trade","data":[{"side":"buy","trade_id":"5430565","price":"60059.7","qty":"20","instrument_id":"BTC-USDT-210625","timestamp":"2021-04-17T07:44:12.000Z"}]}"#,
    // Documented, with a checksum that was recomputed.
    r#"{"table":"spot/depth","action":"partial","data":[{"instrument_id":"BTC-USDT","asks":[["3366.8","9","10"],["3368","8","3"]],"bids":[["3366.1","7","1"],["3366","6","2"]],"timestamp":"2018-12-04T09:38:36.300Z","checksum":-1881014294}]}"#,
    r#"{"table":"spot/depth_l2_tbt","action":"partial","data":[{"instrument_id":"BTC-USDT","asks":[["3366.8","9","0","10"],["3368","8","0","3"]],"bids":[["3366.1","7","0","1"],["3366","6","0","2"]],"timestamp":"2018-12-04T09:38:36.300Z","checksum":-1881014294}]}"#,
    // Documented.
    r#"{"arg":{"channel":"books5","instId":"BCH-USDT-SWAP"},"data":[{"asks":[["111.06","55154","0","2"],["111.07","53276","0","2"],["111.08","72435","0","2"],["111.09","70312","0","2"],["111.1","67272","0","2"]],"bids":[["111.05","57745","0","2"],["111.04","57109","0","2"],["111.03","69563","0","2"],["111.02","71248","0","2"],["111.01","65090","0","2"]],"instId":"BCH-USDT-SWAP","ts":"1670324386802","seqId":363996337}]}"#,
    // Captured, 2025-12.
    r#"{"arg":{"channel":"bbo-tbt","instId":"LTC-USDC"},"data":[{"asks":[["83.81","11.93175","0","1"]],"bids":[["83.8","11.93317","0","1"]],"ts":"1765201257149","seqId":378617009}]}"#,
    r#"{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","tradeId":"2005639579","px":"91467.1","sz":"0.03","side":"sell","ts":"1765201257145","count":"1","source":"0","seqId":279183506666}]}"#,
    // Documented.
    r#"{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","source":"0","ts":"1630048897897"}]}"#,
    r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["8476.98","415","0","13"],["8477","7","0","2"],["8477.34","85","0","1"]],"bids":[["8476.97","256","0","12"],["8475.55","101","0","1"],["8475.54","100","0","1"]],"ts":"1597026383085","checksum":0,"prevSeqId":-1,"seqId":123456}]}"#,
    r#"{"arg":{"channel":"books-l2-tbt","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415","0","13"],["8477","0","0","0"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":0,"prevSeqId":10,"seqId":15}]}"#,
    r#"{"arg":{"channel":"books50-l2-tbt","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[],"ts":"1597026383085","checksum":0,"prevSeqId":15,"seqId":15}]}"#,
    r#"{"arg":{"channel":"books-rpi","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["8476.98","415","400","13"],["8477","7","7","2"]],"bids":[["8476.97","256","200","12"]],"ts":"1597026383085","prevSeqId":-1,"seqId":123456}]}"#,
    r#"{"arg":{"channel":"books-elp","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":0,"prevSeqId":-1,"seqId":123456}]}"#,
    r#"{"arg":{"channel":"sprd-bbo-tbt","sprdId":"BTC-USDT_BTC-USDT-SWAP"},"data":[{"asks":[["-1.9","2","1"]],"bids":[["-2","5","1"]],"ts":"1724391380926","seqId":1724294007352168320}]}"#,
    r#"{"arg":{"channel":"sprd-books5","sprdId":"BTC-USDT_BTC-USDT-SWAP"},"data":[{"asks":[["-1.9","2","1"],["0","1","1"]],"bids":[["-2","5","1"]],"ts":"1724391380926","seqId":1724294007352168320}]}"#,
    r#"{"arg":{"channel":"sprd-books-l2-tbt","sprdId":"BTC-USDT_BTC-USDT-SWAP"},"action":"snapshot","data":[{"asks":[["3","1","1"]],"bids":[["-2","5","1"]],"ts":"1724391380926","checksum":0,"prevSeqId":-1,"seqId":1724294007352168320}]}"#,
    r#"{"arg":{"channel":"sprd-public-trades","sprdId":"BTC-USDT_BTC-USDT-SWAP"},"data":[{"sprdId":"BTC-USDT_BTC-USDT-SWAP","tradeId":"2499206329160695808","px":"-10","sz":"0.001","side":"sell","ts":"1726801105519"}]}"#,
    // Third parties report the name; the shape is that of books.
    r#"{"arg":{"channel":"books-elp-all","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[]}]}"#,
];

/// All messages with their dialects.
fn messages() -> impl Iterator<Item = (Dialect, &'static str)> {
    let books = MESSAGES.iter().map(|text| {
        (if text.starts_with(r#"{"table""#) { Dialect::V3 } else { Dialect::V5 }, *text)
    });
    books.chain(ROWS.iter().map(|row| (row.0, row.1)))
}

/// The name of a channel without its bar.
fn family(dialect: Dialect, name: &str) -> String {
    match (name.find("candle"), dialect) {
        (None, _) => name.to_owned(),
        (Some(at), Dialect::V5) => format!("{}candle<bar>", &name[..at]),
        (Some(at), Dialect::V3) => format!("{}candle<seconds>s", &name[..at]),
    }
}

fn row(channel: Channel, name: &str) -> String {
    let dialect = channel.dialect();
    let is_raw = channel.kind() == ChannelKind::Raw;
    let wanted = if is_raw { "books-elp-all" } else { name };
    let of = |text: &str| family(dialect, channel_name(text)) == wanted;
    let mut paths = Vec::new();
    for (_, text) in messages().filter(|(of_dialect, text)| *of_dialect == dialect && of(text)) {
        let mut skipped = false;
        let decoded = Decoder::new(dialect)
            .decode(Frame::Text(text.as_bytes()), UnixNanos(1), &mut |event: &Event<'_>| {
                skipped |= matches!(event, Event::Skipped(_));
            })
            .unwrap_or_else(|error| panic!("{channel}: {error}"));
        assert_eq!(skipped, is_raw, "{channel}");
        paths.push(decoded.parsed);
    }
    assert!(!paths.is_empty(), "{channel} has no message");
    // The scanner declines what is not usual.
    let by = match paths.contains(&TextPath::Scanned) {
        _ if is_raw => "passed as text",
        true if channel.has_sbe() => "scanner; SBE decoder",
        true => "scanner",
        false => "general parser",
    };
    format!("| `{name}` | {} | `{}` | {by} | {SINCE} |\n", dialect.name(), channel.path())
}

#[test]
fn the_table_of_the_readme_is_that_of_the_code() {
    let mut table = String::new();
    let _ = writeln!(table, "| channel | dialect | path | decoded by | since |");
    let _ = writeln!(table, "|---|---|---|---|---|");
    let mut last = String::new();
    for channel in Channel::ALL {
        let name = family(channel.dialect(), channel.name());
        if name != last {
            table.push_str(&row(channel, &name));
        }
        last = name;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (stored, after) = rest.split_once(END).unwrap();
    if std::env::var_os("OKX_FEED_BLESS").is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(stored, table, "run with OKX_FEED_BLESS=1 to write it");
}

/// Each book and trade with one byte changed, removed or added: decoders and reference agree.
/// Those of records are in `records`.
#[test]
fn malformed_neighbours_of_books_and_trades_are_read_or_refused_alike() {
    let mut checkers = [Checker::new(Dialect::V3), Checker::new(Dialect::V5)];
    let (mut refused, mut read) = (0, 0);
    for (dialect, text) in messages().take(MESSAGES.len()) {
        let checker = &mut checkers[usize::from(dialect == Dialect::V5)];
        assert!(checker.check(Frame::Text(text.as_bytes())).is_some(), "{text}");
        let step = if cfg!(miri) { 97 } else { 3 };
        for at in (0..text.len()).step_by(step) {
            for with in ["", "\"", "x", "-", "9", ".", "null", "{", "]", "\\u0031"] {
                let mut changed = text.as_bytes().to_vec();
                changed.splice(at..=at, with.bytes());
                match checker.check(Frame::Text(&changed)) {
                    Some(_) => read += 1,
                    None => refused += 1,
                }
            }
        }
    }
    assert!(refused > 2_000 && read > 2_000, "{refused} refused, {read} read");
}
