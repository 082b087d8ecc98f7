//! Messages in every form of the wire facts, made from choices, never from captures.

use okx_feed::Dialect;

use super::dice::Dice;
use super::tree::{self, Node, Style};

/// A message's text: of the usual form, changed field by field, or written in an unusual way.
pub fn message(dice: &mut Dice<'_>, dialect: Dialect) -> String {
    let mut tree = usual(dice, dialect);
    let changes = dice.pick(&[0, 0, 0, 1, 1, 2, 4]);
    for _ in 0..changes {
        tree::change(dice, &mut tree);
    }
    let style = Style { spaced: dice.one_in(6), escaped: dice.one_in(6) };
    tree::write(dice, style, &tree)
}

/// A message's text as the exchange sends it.
pub fn usual_message(dice: &mut Dice<'_>, dialect: Dialect) -> String {
    let tree = usual(dice, dialect);
    tree::write(dice, Style::default(), &tree)
}

fn usual(dice: &mut Dice<'_>, dialect: Dialect) -> Node {
    match dialect {
        Dialect::V3 => v3(dice),
        Dialect::V5 => v5(dice),
    }
}

fn v3(dice: &mut Dice<'_>) -> Node {
    let market = dice.pick(&["spot", "swap", "futures", "option", "index"]);
    let channel = dice.pick(&[
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
    let action = ("action", Node::text(dice.pick(&["partial", "update"])));
    let mut members = vec![("table", Node::text(format!("{market}/{channel}")))];
    match channel {
        "depth5" => members.push(("data", items(dice, |dice| v3_book(dice, market)))),
        "trade" => members.push(("data", items(dice, |dice| v3_trade(dice, market)))),
        "depth" | "depth_l2_tbt" => {
            let data = items(dice, |dice| v3_depth(dice, market));
            members.extend([action, ("data", data)]);
        }
        "ticker" => members.push(("data", items(dice, ticker))),
        _ => return v3_reply(dice, market),
    }
    Node::object(members)
}

fn v3_reply(dice: &mut Dice<'_>, market: &str) -> Node {
    let channel = format!("{market}/trade:{}", id(dice));
    match dice.below(6) {
        0 => Node::object([
            ("event", Node::text(dice.pick(&["subscribe", "unsubscribe"]))),
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
        _ => Node::raw(dice.pick(&["pong", "pong", "PONG", "ping", " pong ", "Ping\r\n"])),
    }
}

fn v3_book(dice: &mut Dice<'_>, market: &str) -> Node {
    let form = Form::v3(dice, market);
    let (asks, bids) = (side(dice, form, true, 5), side(dice, form, false, 5));
    let (id, time) = (Node::text(id(dice)), Node::text(iso(dice)));
    Node::object([("asks", asks), ("bids", bids), ("instrument_id", id), ("timestamp", time)])
}

fn v3_depth(dice: &mut Dice<'_>, market: &str) -> Node {
    let form = Form::v3(dice, market);
    let most = dice.pick(&[0, 2, 8, 30]);
    let (asks, bids) = (side(dice, form, true, most), side(dice, form, false, most));
    let mut members = vec![
        ("instrument_id", Node::text(id(dice))),
        ("asks", asks),
        ("bids", bids),
        ("timestamp", Node::text(iso(dice))),
        ("checksum", Node::raw(signed(dice, 9))),
    ];
    // The documents had the instrument behind the levels.
    match dice.below(6) {
        0 => members.rotate_left(1),
        1 => members.swap(3, 4),
        _ => {}
    }
    Node::object(members)
}

fn v3_trade(dice: &mut Dice<'_>, market: &str) -> Node {
    let sz = if matches!(market, "spot" | "swap") { "size" } else { "qty" };
    let numbers = dice.one_in(6);
    let number = |text: String| if numbers { Node::raw(text) } else { Node::text(text) };
    let mut members = vec![
        ("side", Node::text(dice.pick(&["buy", "sell"]))),
        ("trade_id", Node::text(plain(dice, 16))),
        ("price", number(decimal(dice))),
        (sz, number(decimal(dice))),
        ("instrument_id", Node::text(id(dice))),
        ("timestamp", Node::text(iso(dice))),
    ];
    if dice.one_in(3) {
        members.sort_by_key(|(key, _)| *key);
    }
    Node::object(members)
}

fn v5(dice: &mut Dice<'_>) -> Node {
    let channel = dice.pick(&[
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
        "",
    ]);
    let id = id(dice);
    let arg = Node::object([("channel", Node::text(channel)), ("instId", Node::text(&*id))]);
    let mut members = vec![("arg", arg)];
    match channel {
        "books5" | "bbo-tbt" => {
            members.push(("data", items(dice, |dice| v5_book(dice, channel, &id))));
        }
        "trades" | "trades-all" => {
            members.push(("data", items(dice, |dice| v5_trade(dice, channel, &id))));
        }
        "tickers" => members.push(("data", items(dice, ticker))),
        "" => return v5_reply(dice, &id),
        _ => {
            members.push(("action", Node::text(dice.pick(&["snapshot", "update"]))));
            members.push(("data", items(dice, |dice| v5_depth(dice, channel))));
        }
    }
    Node::object(members)
}

fn v5_reply(dice: &mut Dice<'_>, id: &str) -> Node {
    let arg = Node::object([("channel", Node::text("books")), ("instId", Node::text(id))]);
    let connection = ("connId", Node::text("a4d3ae55"));
    match dice.below(6) {
        0 => Node::object([
            ("id", Node::text("1512")),
            ("event", Node::text(dice.pick(&["subscribe", "unsubscribe"]))),
            ("arg", arg),
            connection,
        ]),
        1 => Node::object([
            ("event", Node::text(dice.pick(&["error", "notice", "login"]))),
            ("msg", Node::text(format!("Wrong URL or channel:\"books\",instId:{id}"))),
            ("code", Node::text(dice.pick(&["60018", "0", "64008", ""]))),
            connection,
        ]),
        2 => Node::object([("msg", Node::text("Invalid apiKey")), ("code", Node::raw("60005"))]),
        3 => Node::object([
            ("event", Node::text("channel-conn-count")),
            ("channel", Node::text("orders")),
            ("connCount", Node::text("2")),
        ]),
        4 => Node::object([("arg", Node::object([("channel", Node::text("?"))]))]),
        _ => Node::raw(dice.pick(&["pong", "pong", "PONG", "ping", " pong ", "Ping\r\n"])),
    }
}

fn v5_book(dice: &mut Dice<'_>, channel: &str, id: &str) -> Node {
    let most = if channel == "books5" { 5 } else { 1 };
    let form = Form::STRINGS;
    let mut members =
        vec![("asks", side(dice, form, true, most)), ("bids", side(dice, form, false, most))];
    if channel == "books5" {
        members.push(("instId", Node::text(id)));
    }
    members.push(("ts", Node::text(millis(dice))));
    if dice.one_in(2) {
        members.push(("seqId", Node::raw(plain(dice, 13))));
    }
    Node::object(members)
}

fn v5_depth(dice: &mut Dice<'_>, channel: &str) -> Node {
    let most = dice.pick(&[0, 2, 8, 30]);
    let form = Form { has_third: channel == "books-rpi", ..Form::STRINGS };
    let mut members = vec![
        ("asks", side(dice, form, true, most)),
        ("bids", side(dice, form, false, most)),
        ("ts", Node::text(millis(dice))),
        ("checksum", Node::raw(signed(dice, 9))),
    ];
    let years = dice.below(3);
    members.extend([("seqId", Node::raw(plain(dice, 13)))].into_iter().take(years));
    if years == 2 {
        members.push(("prevSeqId", Node::raw(signed(dice, 13))));
    }
    match dice.below(6) {
        // Some channels never had a checksum.
        0 => drop(members.remove(3)),
        1 => members[2..].reverse(),
        _ => {}
    }
    Node::object(members)
}

fn v5_trade(dice: &mut Dice<'_>, channel: &str, id: &str) -> Node {
    let mut members = vec![
        ("instId", Node::text(id)),
        ("tradeId", Node::text(plain(dice, 12))),
        ("px", Node::text(decimal(dice))),
        ("sz", Node::text(decimal(dice))),
        ("side", Node::text(dice.pick(&["buy", "sell"]))),
    ];
    let years = dice.below(4);
    let source = Node::text(dice.pick(&["0", "1"]));
    if channel == "trades-all" && years > 0 {
        members.push(("source", source.clone()));
    }
    members.push(("ts", Node::text(millis(dice))));
    if channel == "trades" {
        let (count, seq) = (Node::text(plain(dice, 2)), Node::raw(plain(dice, 13)));
        let later = [("count", count), ("source", source), ("seqId", seq)];
        members.extend(later.into_iter().take(years));
    }
    Node::object(members)
}

fn ticker(dice: &mut Dice<'_>) -> Node {
    Node::object([("last", Node::text(decimal(dice))), ("bidPx", Node::text(""))])
}

/// One item, as always on the wire, and seldom none or several.
fn items(dice: &mut Dice<'_>, mut item: impl FnMut(&mut Dice<'_>) -> Node) -> Node {
    let count = dice.pick(&[1, 1, 1, 1, 1, 1, 1, 0, 2, 3]);
    Node::List((0..count).map(|_| item(dice)).collect())
}

/// Which elements a level has, and which of them are strings.
#[derive(Clone, Copy)]
struct Form {
    elements: usize,
    strings: [bool; 4],
    /// Whether the third of four elements means something.
    has_third: bool,
}

impl Form {
    const STRINGS: Self = Self { elements: 4, strings: [true; 4], has_third: false };

    /// The forms of the years: numbers in 2018 and 2019, strings since.
    fn v3(dice: &mut Dice<'_>, market: &str) -> Self {
        let elements = if market == "spot" { 3 } else { 4 };
        let [yes, no] = [true, false];
        let years = [[yes; 4], [yes; 4], [yes, yes, no, no], [no; 4]];
        Self { elements, strings: dice.pick(&years), has_third: false }
    }
}

fn side(dice: &mut Dice<'_>, form: Form, up: bool, most: usize) -> Node {
    let count = if dice.one_in(2) { most } else { dice.below(most + 1) };
    let scale = dice.below(9);
    let mut mantissa = 100_000 + dice.below(10_000_000);
    let mut levels = Vec::new();
    for _ in 0..count {
        let step = 1 + dice.below(50);
        mantissa = if up { mantissa + step } else { mantissa - step };
        let px = if dice.one_in(16) { decimal(dice) } else { fixed(mantissa, scale) };
        let sz = if dice.one_in(8) { "0".to_owned() } else { decimal(dice) };
        let orders = if sz == "0" { "0".to_owned() } else { plain(dice, 3) };
        let elements = match form.elements {
            3 => vec![px, sz, orders],
            _ if form.has_third => vec![px, sz, decimal(dice), orders],
            _ => vec![px, sz, "0".to_owned(), orders],
        };
        let node = |(text, string)| if string { Node::Text(text) } else { Node::Raw(text) };
        levels.push(Node::List(elements.into_iter().zip(form.strings).map(node).collect()));
    }
    Node::List(levels)
}

/// A positive number as prices and sizes are: trailing zeros occur.
pub fn decimal(dice: &mut Dice<'_>) -> String {
    let scale = dice.below(11);
    let most = if dice.one_in(8) { 18 } else { 9 };
    let digits = u32::try_from(1 + dice.below(most)).unwrap();
    fixed(1 + dice.below(10_usize.pow(digits)), scale)
}

fn fixed(mantissa: usize, scale: usize) -> String {
    let digits = format!("{mantissa:0width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// An integer of up to `most` digits, without leading zeros.
fn plain(dice: &mut Dice<'_>, most: usize) -> String {
    let count = 1 + dice.below(most);
    let digits = dice.digits(count);
    let plain = digits.trim_start_matches('0');
    if plain.is_empty() { "0".to_owned() } else { plain.to_owned() }
}

fn signed(dice: &mut Dice<'_>, most: usize) -> String {
    let digits = plain(dice, most);
    if dice.one_in(2) && digits != "0" { format!("-{digits}") } else { digits }
}

fn id(dice: &mut Dice<'_>) -> String {
    dice.pick(&[
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

fn iso(dice: &mut Dice<'_>) -> String {
    let (year, month, day) = (2018 + dice.below(5), 1 + dice.below(12), 1 + dice.below(28));
    let (hour, minute, second) = (dice.below(24), dice.below(60), dice.below(60));
    let milli = dice.below(1000);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn millis(dice: &mut Dice<'_>) -> String {
    format!("1{}", dice.digits(12))
}
