//! Generates messages in every form of `docs/PROTOCOL.md`, from choices, never from captures.

use okx_feed::Dialect;

use super::choices::Choices;
use super::tree::{self, Node, Style};

/// A message's text: of the usual form, changed field by field, or written in an unusual way.
pub fn message(choices: &mut Choices<'_>, dialect: Dialect) -> String {
    let mut tree = usual(choices, dialect);
    let changes = choices.pick(&[0, 0, 0, 1, 1, 2, 4]);
    for _ in 0..changes {
        tree::change(choices, &mut tree);
    }
    let style = Style { spaced: choices.one_in(6), escaped: choices.one_in(6) };
    tree::write(choices, style, &tree)
}

/// A message's text as the exchange sends it.
pub fn usual_message(choices: &mut Choices<'_>, dialect: Dialect) -> String {
    let tree = usual(choices, dialect);
    tree::write(choices, Style::default(), &tree)
}

fn usual(choices: &mut Choices<'_>, dialect: Dialect) -> Node {
    match dialect {
        Dialect::V3 => v3(choices),
        Dialect::V5 => v5(choices),
    }
}

fn v3(choices: &mut Choices<'_>) -> Node {
    let market = choices.pick(&["spot", "swap", "futures", "option", "index"]);
    let channel = choices.pick(&[
        "depth5",
        "depth5",
        "trade",
        "trade",
        "depth5",
        "trade",
        "depth",
        "depth_l2_tbt",
        "ticker",
        "",
    ]);
    let action = ("action", Node::text(choices.pick(&["partial", "update"])));
    let mut members = vec![("table", Node::text(format!("{market}/{channel}")))];
    match channel {
        "depth5" => members.push(("data", items(choices, |choices| v3_book(choices, market)))),
        "trade" => members.push(("data", items(choices, |choices| v3_trade(choices, market)))),
        "depth" | "depth_l2_tbt" => {
            let data = items(choices, |choices| v3_depth(choices, market));
            members.extend([action, ("data", data)]);
        }
        "ticker" => members.push(("data", items(choices, v3_ticker))),
        _ => return v3_reply(choices, market),
    }
    Node::object(members)
}

fn v3_reply(choices: &mut Choices<'_>, market: &str) -> Node {
    let channel = format!("{market}/trade:{}", id(choices));
    match choices.below(6) {
        0 => Node::object([
            ("event", Node::text(choices.pick(&["subscribe", "unsubscribe"]))),
            ("channel", Node::text(channel)),
        ]),
        1 => Node::object([
            ("event", Node::text("error")),
            ("message", Node::text(format!("Channel \"{channel}\" doesn't exist"))),
            ("errorCode", Node::raw("30040")),
        ]),
        2 => Node::object([("message", Node::text("?")), ("error_code", Node::text("30041"))]),
        3 => Node::object([("event", Node::text("login")), ("success", Node::raw("true"))]),
        4 => Node::object([("event", Node::text("login")), ("success", Node::text("false"))]),
        // Not JSON: the answer to a ping, or a ping.
        _ => Node::raw(choices.pick(&["pong", "pong", "PONG", "ping", " pong ", "Ping\r\n"])),
    }
}

fn v3_book(choices: &mut Choices<'_>, market: &str) -> Node {
    let form = Form::v3(choices, market);
    let (asks, bids) = (side(choices, form, true, 5), side(choices, form, false, 5));
    let (id, time) = (Node::text(id(choices)), Node::text(iso(choices)));
    Node::object([("asks", asks), ("bids", bids), ("instrument_id", id), ("timestamp", time)])
}

fn v3_depth(choices: &mut Choices<'_>, market: &str) -> Node {
    let form = Form::v3(choices, market);
    let most = choices.pick(&[0, 2, 8, 30]);
    let (asks, bids) = (side(choices, form, true, most), side(choices, form, false, most));
    let mut members = vec![
        ("instrument_id", Node::text(id(choices))),
        ("asks", asks),
        ("bids", bids),
        ("timestamp", Node::text(iso(choices))),
        ("checksum", Node::raw(signed(choices, 9))),
    ];
    // In the documents the instrument follows the levels.
    match choices.below(6) {
        0 => members.rotate_left(1),
        1 => members.swap(3, 4),
        _ => {}
    }
    Node::object(members)
}

fn v3_trade(choices: &mut Choices<'_>, market: &str) -> Node {
    let sz = if matches!(market, "spot" | "swap") { "size" } else { "qty" };
    let numbers = choices.one_in(6);
    let number = |text: String| if numbers { Node::raw(text) } else { Node::text(text) };
    let mut members = vec![
        ("side", Node::text(choices.pick(&["buy", "sell"]))),
        ("trade_id", Node::text(plain(choices, 16))),
        ("price", number(decimal(choices))),
        (sz, number(decimal(choices))),
        ("instrument_id", Node::text(id(choices))),
        ("timestamp", Node::text(iso(choices))),
    ];
    if choices.one_in(3) {
        members.sort_by_key(|(key, _)| *key);
    }
    Node::object(members)
}

fn v5(choices: &mut Choices<'_>) -> Node {
    let channel = choices.pick(&[
        "books5",
        "bbo-tbt",
        "trades",
        "trades-all",
        "books5",
        "bbo-tbt",
        "trades",
        "books",
        "books-l2-tbt",
        "books50-l2-tbt",
        "books-rpi",
        "books-elp",
        "tickers",
        "mark-price",
        "candle1m",
        "",
    ]);
    let id = id(choices);
    let arg = Node::object([("channel", Node::text(channel)), ("instId", Node::text(&*id))]);
    let mut members = vec![("arg", arg)];
    match channel {
        "books5" | "bbo-tbt" => {
            members.push(("data", items(choices, |choices| v5_book(choices, channel, &id))));
        }
        "trades" | "trades-all" => {
            members.push(("data", items(choices, |choices| v5_trade(choices, channel, &id))));
        }
        "tickers" | "mark-price" | "candle1m" => {
            members.push(("data", items(choices, |choices| v5_record(choices, channel, &id))));
        }
        "" => return v5_reply(choices, &id),
        _ => {
            members.push(("action", Node::text(choices.pick(&["snapshot", "update"]))));
            members.push(("data", items(choices, |choices| v5_depth(choices, channel))));
        }
    }
    Node::object(members)
}

fn v5_reply(choices: &mut Choices<'_>, id: &str) -> Node {
    let arg = Node::object([("channel", Node::text("books")), ("instId", Node::text(id))]);
    let connection = ("connId", Node::text("a4d3ae55"));
    match choices.below(6) {
        0 => Node::object([
            ("id", Node::text("1512")),
            ("event", Node::text(choices.pick(&["subscribe", "unsubscribe"]))),
            ("arg", arg),
            connection,
        ]),
        1 => Node::object([
            ("event", Node::text(choices.pick(&["error", "notice", "login"]))),
            ("msg", Node::text(format!("Wrong URL or channel:\"books\",instId:{id}"))),
            ("code", Node::text(choices.pick(&["60018", "0", "64008", ""]))),
            connection,
        ]),
        2 => Node::object([("msg", Node::text("Invalid apiKey")), ("code", Node::raw("60005"))]),
        3 => Node::object([
            ("event", Node::text("channel-conn-count")),
            ("channel", Node::text("orders")),
            ("connCount", Node::text("2")),
        ]),
        4 => Node::object([("arg", Node::object([("channel", Node::text("?"))]))]),
        _ => Node::raw(choices.pick(&["pong", "pong", "PONG", "ping", " pong ", "Ping\r\n"])),
    }
}

fn v5_book(choices: &mut Choices<'_>, channel: &str, id: &str) -> Node {
    let most = if channel == "books5" { 5 } else { 1 };
    let form = Form::STRINGS;
    let mut members =
        vec![("asks", side(choices, form, true, most)), ("bids", side(choices, form, false, most))];
    if channel == "books5" {
        members.push(("instId", Node::text(id)));
    }
    members.push(("ts", Node::text(millis(choices))));
    if choices.one_in(2) {
        members.push(("seqId", Node::raw(plain(choices, 13))));
    }
    Node::object(members)
}

fn v5_depth(choices: &mut Choices<'_>, channel: &str) -> Node {
    let most = choices.pick(&[0, 2, 8, 30]);
    let form = Form { has_third: channel == "books-rpi", ..Form::STRINGS };
    let mut members = vec![
        ("asks", side(choices, form, true, most)),
        ("bids", side(choices, form, false, most)),
        ("ts", Node::text(millis(choices))),
        ("checksum", Node::raw(signed(choices, 9))),
    ];
    let years = choices.below(3);
    members.extend([("seqId", Node::raw(plain(choices, 13)))].into_iter().take(years));
    if years == 2 {
        members.push(("prevSeqId", Node::raw(signed(choices, 13))));
    }
    match choices.below(6) {
        // Some channels never had a checksum.
        0 => drop(members.remove(3)),
        1 => members[2..].reverse(),
        _ => {}
    }
    Node::object(members)
}

fn v5_trade(choices: &mut Choices<'_>, channel: &str, id: &str) -> Node {
    let mut members = vec![
        ("instId", Node::text(id)),
        ("tradeId", Node::text(plain(choices, 12))),
        ("px", Node::text(decimal(choices))),
        ("sz", Node::text(decimal(choices))),
        ("side", Node::text(choices.pick(&["buy", "sell"]))),
    ];
    let years = choices.below(4);
    let source = Node::text(choices.pick(&["0", "1"]));
    if channel == "trades-all" && years > 0 {
        members.push(("source", source.clone()));
    }
    members.push(("ts", Node::text(millis(choices))));
    if channel == "trades" {
        let (count, seq) = (Node::text(plain(choices, 2)), Node::raw(plain(choices, 13)));
        let later = [("count", count), ("source", source), ("seqId", seq)];
        members.extend(later.into_iter().take(years));
    }
    Node::object(members)
}

fn v5_record(choices: &mut Choices<'_>, channel: &str, id: &str) -> Node {
    let number = |choices: &mut Choices<'_>| Node::text(decimal(choices));
    match channel {
        "candle1m" => {
            let volumes = choices.pick(&[0, 2, 4]);
            let start = Node::text(millis(choices));
            let numbers: Vec<_> =
                (0..4 + volumes / 4 * 3 + volumes % 4).map(|_| number(choices)).collect();
            let confirm = Some(Node::text(choices.pick(&["0", "1"]))).filter(|_| volumes != 2);
            Node::List([start].into_iter().chain(numbers).chain(confirm).collect())
        }
        "mark-price" => Node::object([
            ("instId", Node::text(id)),
            ("markPx", number(choices)),
            ("ts", Node::text(millis(choices))),
        ]),
        _ => Node::object([
            ("instType", Node::text("SPOT")),
            ("instId", Node::text(id)),
            ("last", number(choices)),
            ("bidPx", Node::text("")),
            ("askPx", number(choices)),
            ("ts", Node::text(millis(choices))),
        ]),
    }
}

fn v3_ticker(choices: &mut Choices<'_>) -> Node {
    Node::object([
        ("last", Node::text(decimal(choices))),
        ("best_bid", Node::text("")),
        ("instrument_id", Node::text(id(choices))),
        ("timestamp", Node::text(iso(choices))),
    ])
}

/// One item, as always on the wire, and seldom none or several.
fn items(choices: &mut Choices<'_>, mut item: impl FnMut(&mut Choices<'_>) -> Node) -> Node {
    let count = choices.pick(&[1, 1, 1, 1, 1, 1, 1, 0, 2, 3]);
    Node::List((0..count).map(|_| item(choices)).collect())
}

/// The elements of a level, and which of them are strings.
#[derive(Clone, Copy)]
struct Form {
    elements: usize,
    strings: [bool; 4],
    /// Whether the third of four elements has a meaning.
    has_third: bool,
}

impl Form {
    const STRINGS: Self = Self { elements: 4, strings: [true; 4], has_third: false };

    /// The forms of the years: numbers in 2018 and 2019, strings since.
    fn v3(choices: &mut Choices<'_>, market: &str) -> Self {
        let elements = if market == "spot" { 3 } else { 4 };
        let [yes, no] = [true, false];
        let years = [[yes; 4], [yes; 4], [yes, yes, no, no], [no; 4]];
        Self { elements, strings: choices.pick(&years), has_third: false }
    }
}

fn side(choices: &mut Choices<'_>, form: Form, up: bool, most: usize) -> Node {
    let count = if choices.one_in(2) { most } else { choices.below(most + 1) };
    let scale = choices.below(9);
    let mut mantissa = 100_000 + choices.below(10_000_000);
    let mut levels = Vec::new();
    for _ in 0..count {
        let step = 1 + choices.below(50);
        mantissa = if up { mantissa + step } else { mantissa - step };
        let px = if choices.one_in(16) { decimal(choices) } else { fixed(mantissa, scale) };
        let sz = if choices.one_in(8) { "0".to_owned() } else { decimal(choices) };
        let orders = if sz == "0" { "0".to_owned() } else { plain(choices, 3) };
        let elements = match form.elements {
            3 => vec![px, sz, orders],
            _ if form.has_third => vec![px, sz, decimal(choices), orders],
            _ => vec![px, sz, "0".to_owned(), orders],
        };
        let node = |(text, string)| if string { Node::Text(text) } else { Node::Raw(text) };
        levels.push(Node::List(elements.into_iter().zip(form.strings).map(node).collect()));
    }
    Node::List(levels)
}

/// A positive number as prices and sizes are: trailing zeros occur.
pub fn decimal(choices: &mut Choices<'_>) -> String {
    let scale = choices.below(11);
    let most = if choices.one_in(8) { 18 } else { 9 };
    let digits = u32::try_from(1 + choices.below(most)).unwrap();
    fixed(1 + choices.below(10_usize.pow(digits)), scale)
}

fn fixed(mantissa: usize, scale: usize) -> String {
    let digits = format!("{mantissa:0width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// An integer of up to `most` digits, without leading zeros.
fn plain(choices: &mut Choices<'_>, most: usize) -> String {
    let count = 1 + choices.below(most);
    let digits = choices.digits(count);
    let plain = digits.trim_start_matches('0');
    if plain.is_empty() { "0".to_owned() } else { plain.to_owned() }
}

fn signed(choices: &mut Choices<'_>, most: usize) -> String {
    let digits = plain(choices, most);
    if choices.one_in(2) && digits != "0" { format!("-{digits}") } else { digits }
}

fn id(choices: &mut Choices<'_>) -> String {
    choices
        .pick(&[
            "BTC-USDT",
            "BTC-USD-SWAP",
            "BTC-USD-190517",
            "EOS-USD-210625-8.00-C",
            "X",
            "BTC-USD_UM_XPERP-310404",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCD",
            "BTC-ABOVE-DAILY-261130-1600-9250",
            "BTC-BETWEEN-DAILY-261130-1600-84000-INF",
            "LISTING-FUTURES-ZZZZZZZ-USD_UM_XPERP-310815-AND-SOME-MORE-TO-63",
        ])
        .to_owned()
}

fn iso(choices: &mut Choices<'_>) -> String {
    let (year, month, day) =
        (2018 + choices.below(5), 1 + choices.below(12), 1 + choices.below(28));
    let (hour, minute, second) = (choices.below(24), choices.below(60), choices.below(60));
    let milli = choices.below(1000);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn millis(choices: &mut Choices<'_>) -> String {
    format!("1{}", choices.digits(12))
}
