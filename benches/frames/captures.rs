//! Recorded traffic, where the machine has it: `OKX_FEED_CAPTURES`, or `../shared/captures`.

#![allow(dead_code, reason = "each bench needs a part of it")]

use std::path::PathBuf;

use base64::Engine;
use okx_feed::Dialect;

/// A frame of a recording: its bytes, and whether it was a binary message.
pub(crate) type Recorded = (Vec<u8>, bool);

/// The folder of captures.
pub(crate) fn folder() -> Option<PathBuf> {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    let folder = std::env::var_os("OKX_FEED_CAPTURES").map_or_else(|| near.into(), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The files whose names satisfy `wanted`, by name.
fn files(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = folder().and_then(|folder| folder.read_dir().ok());
    let mut paths: Vec<_> =
        entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| wanted(path.file_name().unwrap().to_str().unwrap()));
    paths.sort();
    paths
}

/// All frames of recorded connections of a dialect, `v3` or `v5`: one `time TAB payload` a line.
pub(crate) fn connections(dialect: &str) -> Vec<Recorded> {
    let marked = format!("-{dialect}-");
    let paths =
        files(|name| name.starts_with("conn-") && name.contains(&marked) && name.ends_with(".tsv"));
    let mut frames = Vec::new();
    for path in paths {
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let (_, body) = line.split_once('\t').unwrap();
            frames.push(match body.starts_with('{') || body.starts_with("pong") {
                true => (body.as_bytes().to_vec(), false),
                false => (base64::engine::general_purpose::STANDARD.decode(body).unwrap(), true),
            });
        }
    }
    frames
}

/// The dialect and the lines of each recording of order books that is whole.
pub(crate) fn order_books() -> Vec<(Dialect, Vec<String>)> {
    let paths = files(|name| {
        let deep = name.contains("depth") || name.contains("books");
        let five = name.contains("depth5") || name.contains("books5");
        let part = ["trimmed", "singles", "nosnapshot"].iter().any(|word| name.contains(word));
        deep && !five && !part && name.ends_with(".jsonl")
    });
    let read = |path: &PathBuf| {
        let v3 = path.file_name().unwrap().to_str().unwrap().contains("-v3-");
        let lines = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
        (if v3 { Dialect::V3 } else { Dialect::V5 }, lines)
    };
    paths.iter().map(read).collect()
}

/// The recorded texts of a dialect's five-level books and trades, one a line.
pub(crate) fn texts(dialect: &str) -> Vec<String> {
    const KINDS: [&str; 5] =
        ["-depth5.jsonl", "-trade.jsonl", "-books5.jsonl", "-bbo-tbt.jsonl", "-trades.jsonl"];
    let marked = format!("-{dialect}-");
    let paths = files(|name| {
        name.starts_with("ok")
            && name.contains(&marked)
            && KINDS.iter().any(|kind| name.ends_with(kind))
    });
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    paths
        .iter()
        .flat_map(|path| text(path).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
