//! The style, as a test: layers, circles, sizes, columns, words, and `unsafe` that is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/public_api.rs"]
mod public_api;

const MAX_FILE_LINES: usize = 400;
const MAX_FACE_LINES: usize = 70;
const MAX_COLUMNS: usize = 100;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[
    ("src/event.rs", "every kind of event"),
    ("src/session/subscriptions.rs", "one table and all that changes it"),
    ("crates/okx-feed-capi/src/tests/wrong.rs", "every wrong use of one interface"),
    ("crates/okx-feed-cli/src/view/size_tests.rs", "one screen in every window"),
    ("crates/okx-feed-cli/tests/cli/decode.rs", "one command"),
    ("crates/okx-feed-cli/tests/cli/watch.rs", "one command"),
    ("crates/okx-feed-export/src/events/sink.rs", "the writing side of one ring"),
    ("crates/okx-feed-export/src/nats/publishing.rs", "one connection, all that it sends"),
    ("crates/okx-feed-export/src/nats/source/merge.rs", "one rule of merging writers"),
    ("crates/okx-feed-export/src/nats/source/merge_tests.rs", "each case of that rule"),
    ("crates/okx-feed-export/src/nats/topics.rs", "one table and all that changes it"),
    ("tests/book/order_book.rs", "each kind of message, on one book"),
    ("tests/book/random.rs", "one model and what it is compared with"),
    ("tests/book/splice.rs", "each case of one rule"),
    ("tests/decode/forms_of_messages.rs", "each form of message in PROTOCOL.md"),
    ("tests/decode/records.rs", "a table of messages, one of each channel"),
    ("tests/feed/alloc.rs", "one allocation counter and each path that it watches"),
    ("tests/session/simulation/world.rs", "one simulated run"),
    ("tests/sim/exchange/depth.rs", "each rule of incremental books, by one reader"),
];

/// Private words of earlier versions and their kin, in any form; the vocabulary is the field's.
const BANNED_WORDS: [&str; 25] = [
    "anew",
    "believed",
    "herald",
    "heralds",
    "judge",
    "judged",
    "judges",
    "judging",
    "mend",
    "mended",
    "patience",
    "rehearsal",
    "rehearse",
    "relieve",
    "relieved",
    "road",
    "standin",
    "successor",
    "tell",
    "told",
    "tells",
    "venue",
    "vetted",
    "whom",
    "witness",
];

/// The sources of a folder, its subfolders' included: path from the root, and text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "md") {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let name: PathBuf = path.strip_prefix(root).unwrap_or(&path).into();
                found.push((name.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

/// All that is written for people: the folders, and the two files of the root.
fn texts() -> Vec<(String, String)> {
    let folders = ["src", "crates", "tests", "benches", "examples", "docs", "fuzz/fuzz_targets"];
    let mut found: Vec<_> = folders.into_iter().flat_map(sources).collect();
    for file in ["README.md", "CHANGELOG.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        found.push((file.to_owned(), fs::read_to_string(path).unwrap_or_default()));
    }
    found
}

/// The code of a file: without comments, and without its tests where those are at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text.get(..end).unwrap_or_default().lines();
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    lines.map(code).collect::<Vec<_>>().join("\n")
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("tests.rs") || file.ends_with("loom_models.rs")
}

#[test]
fn faces_only_declare() {
    let mut seen = 0;
    for (file, text) in sources("src").into_iter().chain(sources("crates")) {
        let is_face = file.ends_with("/mod.rs") || file == "src/lib.rs";
        if !is_face || is_test(&file) || file.contains("testkit") {
            continue;
        }
        seen += 1;
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//")).count();
        assert!(lines <= MAX_FACE_LINES, "{file} is a face and has {lines} lines");
        for word in ["fn ", "struct ", "enum ", "impl ", "use super::*"] {
            let defines = code(&text)
                .lines()
                .any(|line| line.starts_with(word) || line.contains(&format!("pub {word}")));
            assert!(!defines, "{file} defines something: {word}");
        }
    }
    assert!(seen >= 12, "the check found {seen} faces only");
}

#[test]
fn files_are_short_and_lines_are_narrow() {
    let mut found = Vec::new();
    let mut long = BTreeSet::new();
    for (file, text) in texts() {
        if !file.ends_with(".rs") {
            continue;
        }
        let lines = text.find("#[cfg(test)]\nmod tests {").and_then(|end| text.get(..end));
        let lines = lines.unwrap_or(&text).lines().count();
        if lines > MAX_FILE_LINES && !LONG_FILES.iter().any(|(name, _)| *name == file) {
            found.push(format!("{file} has {lines} lines"));
        } else if lines > MAX_FILE_LINES {
            long.insert(file.clone());
        }
        for (number, line) in text.lines().enumerate() {
            // A message of the wire in a text is as long as it is.
            let columns = line.chars().count();
            if columns > MAX_COLUMNS && !line.contains('"') {
                found.push(format!("{file}:{}: {columns} columns", number + 1));
            }
        }
    }
    let listed = LONG_FILES.iter().filter(|(name, _)| !long.contains(*name));
    found.extend(listed.map(|(name, _)| format!("{name} is short: LONG_FILES need not have it")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The names of earlier versions, in the tables of what was renamed.
fn is_renamed(file: &str, line: &str) -> bool {
    file == "CHANGELOG.md" && line.starts_with("| `")
}

#[test]
fn private_words_stay_out() {
    let mut found = Vec::new();
    for (file, text) in texts() {
        if file == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            for word in words {
                if BANNED_WORDS.contains(&word.as_str()) && !is_renamed(&file, line) {
                    found.push(format!("{file}:{}: {word:?} is no word of the field", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_use_of_unsafe_is_explained() {
    let mut seen = 0;
    for (file, text) in sources("src").into_iter().chain(sources("crates")) {
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let opens = ["unsafe {", "unsafe impl"].iter().any(|word| code.contains(word));
            if opens && file.ends_with(".rs") {
                seen += 1;
                let above = lines.iter().take(at + 1).rev().take(8);
                let is_explained = above.into_iter().any(|line| line.contains("SAFETY:"));
                assert!(is_explained, "{file}:{}: no SAFETY note", at + 1);
            }
        }
    }
    assert!(seen > 10, "the check found {seen} uses only");
}

/// The links of a Markdown text: line, and target. Fenced code has none.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        is_code ^= line.trim_start().starts_with("```");
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        found.extend(targets.filter(|_| !is_code).map(|target| (number + 1, target)));
    }
    found
}

/// The anchors of a Markdown text's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    titles.map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn links_of_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut checked = 0;
    let pages = ["docs", "crates"].into_iter().flat_map(sources);
    let faces = ["README.md", "CHANGELOG.md"]
        .map(|name| (name.to_owned(), fs::read_to_string(root.join(name)).expect("it is there")));
    for (file, text) in pages.chain(faces).filter(|(file, _)| file.ends_with(".md")) {
        for (number, target) in links(&text).into_iter().filter(|(_, to)| !to.contains("://")) {
            checked += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = root.join(&file).parent().expect("a file is in a folder").join(path);
            let page = if path.is_empty() { root.join(&file) } else { folder };
            let is_there = page.exists()
                && (anchor.is_empty()
                    || fs::read_to_string(page).is_ok_and(|text| anchors(&text).contains(anchor)));
            if !is_there {
                found.push(format!("{file}:{number}: {target} does not exist"));
            }
        }
    }
    assert!(checked > 50, "the check found {checked} links only");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_of_links_knows_headings() {
    let page = "# A `b`-c: d\n```text\n[no](#link)\n```\n[yes](#a-b-c-d) [x](y.md)";
    assert_eq!(links(page), [(5, "#a-b-c-d"), (5, "y.md")]);
    assert!(anchors(page).contains("a-b-c-d"));
}
