//! The table of channels in docs/PROTOCOL.md is that of the code.
//!
//! `OKX_FEED_BLESS=1` writes it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use okx_feed::Channel;
use okx_feed::model::{ChannelKey, ChannelKind, FirstPush};

const START: &str = "<!-- channels: start -->\n";
const END: &str = "<!-- channels: end -->\n";

fn row(channel: Channel) -> String {
    let bar = ["candle1s", "candle60s"].iter().find_map(|bar| channel.name().strip_suffix(bar));
    let name = match bar {
        Some(family) if channel.dialect().name() == "v3" => format!("{family}candle<seconds>s"),
        Some(family) => format!("{family}candle<bar>"),
        None => channel.name().to_owned(),
    };
    let key = match channel.key() {
        ChannelKey::InstId => "`instId`",
        ChannelKey::InstFamily => "`instFamily`",
        ChannelKey::InstType => "`instType`",
        ChannelKey::Underlying => "underlying",
        ChannelKey::TypeAndFamily => "`instType/instFamily`",
        ChannelKey::OptionFamily => "`instFamily`, type `OPTION`",
        ChannelKey::SprdId => "`sprdId`",
        ChannelKey::Raw => "name and key of any other",
        ChannelKey::Nothing => "none",
        other => unreachable!("{other:?}"),
    };
    let kind = match channel.kind() {
        ChannelKind::Book5 => "five-level book".to_owned(),
        ChannelKind::Depth => "order book".to_owned(),
        ChannelKind::Trades => "trades".to_owned(),
        ChannelKind::Latest(kind) => format!("latest `{}`", kind.name()),
        ChannelKind::Raw => "text, not decoded".to_owned(),
        ChannelKind::Stream(kind) => format!("stream of `{}`", kind.name()),
    };
    let stale =
        channel.max_silence().map_or_else(|| "never".to_owned(), |s| format!("{} s", s.as_secs()));
    let first = match channel.first_push() {
        FirstPush::Value => "the value",
        FirstPush::LastKnown => "the last one",
        FirstPush::Nothing => "nothing",
        other => unreachable!("{other:?}"),
    };
    format!("| `{name}` | `{}` | {key} | {kind} | {stale} | {first} |\n", channel.path())
}

#[test]
fn the_table_of_the_documents_is_that_of_the_code() {
    let mut table = String::new();
    let _ = writeln!(table, "| channel | path | key | state | stale after | first push |");
    let _ = writeln!(table, "|---|---|---|---|---|---|");
    for channel in Channel::ALL {
        let name = channel.name();
        let is_bar = name.contains("candle");
        if !is_bar || name.ends_with("candle1s") || name == "candle60s" {
            table.push_str(&row(channel));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROTOCOL.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (stored, after) = rest.split_once(END).unwrap();
    if std::env::var_os("OKX_FEED_BLESS").is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(stored, table, "run with OKX_FEED_BLESS=1 to write it");
}
