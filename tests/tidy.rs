//! The style, as a test: layers, circles, sizes, columns, words, and `unsafe` that is explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "tidy/public_api.rs"]
mod public_api;

/// What each folder of the library may import besides itself.
const MAY_IMPORT: [(&str, &[&str]); 15] = [
    ("model", &[]),
    ("book", &["model"]),
    ("event", &["model", "book"]),
    ("wire", &["model", "book", "event"]),
    ("publish", &["model", "book", "event"]),
    ("session", &["model", "book", "event", "wire"]),
    ("feed", &["model", "book", "event", "wire", "publish", "session"]),
    // What was received, on disk: it does not know what it means.
    ("capture", &["model", "wire"]),
    ("replay", &["model", "book", "event", "wire", "publish", "session", "feed", "capture"]),
    ("export", &["model", "book", "event"]),
    ("rest", &["model", "book", "transport"]),
    // A transport moves frames and reads none.
    ("transport", &["model", "wire"]),
    (
        "client",
        &[
            "model",
            "book",
            "event",
            "wire",
            "publish",
            "session",
            "feed",
            "transport",
            "capture",
            "rest",
        ],
    ),
    // An exchange that shared the decoder's code could not catch its mistakes.
    ("sim", &["model", "book"]),
    // What benchmarks and fuzz targets reach, and no user.
    ("internals", &["wire", "transport"]),
];

const MAX_FILE_LINES: usize = 400;
const MAX_FACE_LINES: usize = 70;
const MAX_COLUMNS: usize = 100;

/// Files that may be longer, and why.
const LONG_FILES: [(&str, &str); 3] = [
    ("src/event.rs", "every kind of event"),
    ("src/sim/exchange/record_topic.rs", "the text of each channel of records"),
    ("src/session/subscriptions.rs", "one table and all that changes it"),
];

/// Private words of earlier versions and their kin, in any form; the vocabulary is the field's.
const BANNED_WORDS: [&str; 14] = [
    "anew",
    "believed",
    "herald",
    "heralds",
    "mend",
    "mended",
    "rehearsal",
    "rehearse",
    "relieve",
    "relieved",
    "road",
    "told",
    "tells",
    "whom",
];

/// The sources of a folder, its subfolders' included: path from the root, and text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
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

/// The code of a file: without comments, and without its tests where those are at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text.get(..end).unwrap_or_default().lines();
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    lines.map(code).collect::<Vec<_>>().join("\n")
}

/// The module that a file is, from the crate's root.
fn module(file: &str, src: &str) -> Vec<String> {
    let inside = file.strip_prefix(src).unwrap_or(file).trim_start_matches('/');
    let mut parts: Vec<_> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// All paths that begin with `crate::` or `super::` in a module's code, from the crate's root.
fn references(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code.get(..at).and_then(|text| text.chars().next_back());
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            for path in paths(code.get(at..).unwrap_or_default()) {
                let mut base = if start == "crate::" { Vec::new() } else { module.to_vec() };
                for part in path.split("::").filter(|part| !["", "crate", "self"].contains(part)) {
                    match part {
                        "super" => drop(base.pop()),
                        _ => base.push(part.to_owned()),
                    }
                }
                found.push(base);
            }
        }
    }
    found
}

/// The paths that a text begins with: one, or each of `a::{b, c::{d, e}}`.
fn paths(text: &str) -> Vec<String> {
    let end = text.find(|c| !is_path(&c)).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let list = rest.strip_prefix('{').filter(|_| head.is_empty() || head.ends_with("::"));
    let Some(list) = list else { return vec![head.to_owned()] };
    let mut depth = 0;
    let mut starts = vec![0];
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    let members = starts.into_iter().filter_map(|at| Some(list.get(at..)?.trim_start()));
    let members = members.filter(|member| !member.starts_with('}'));
    members.flat_map(paths).map(|member| format!("{head}{member}")).collect()
}

fn is_path(c: &char) -> bool {
    c.is_alphanumeric() || *c == '_' || *c == ':'
}

/// The files and folders that import each other in a circle, for every folder of `src`.
fn circles(files: &[(String, String)], src: &str) -> Vec<Vec<String>> {
    let modules: Vec<_> = files
        .iter()
        .filter(|(file, _)| file.ends_with(".rs") && !is_test(file))
        .map(|(file, text)| (module(file, src), code(text)))
        .collect();
    let exports = exports(&modules);
    // Of each folder: which of its members each of its members imports.
    let mut imports = BTreeMap::<Vec<String>, BTreeMap<String, BTreeSet<String>>>::new();
    for (module, code) in &modules {
        for path in references(code, module) {
            let same = module.iter().zip(&path).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.get(same), path.get(same)) {
                let folder: Vec<_> = module.iter().take(same).cloned().collect();
                let to = exports.get(&(folder.clone(), to.clone())).unwrap_or(to);
                if to == from {
                    continue;
                }
                let members = imports.entry(folder).or_default();
                members.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    let in_circle = |members: &BTreeMap<String, BTreeSet<String>>, start: &String| {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = members.get(start).into_iter().flatten().collect();
        while let Some(member) = next.pop() {
            if reached.insert(member) {
                next.extend(members.get(member).into_iter().flatten());
            }
        }
        reached.contains(start)
    };
    let mut found = Vec::new();
    for (folder, members) in &imports {
        let circle: Vec<_> = members.keys().filter(|start| in_circle(members, start)).collect();
        if !circle.is_empty() {
            found.push(
                circle.iter().map(|name| [folder.join("::"), (*name).clone()].join("::")).collect(),
            );
        }
    }
    found
}

/// Of the names that a module exports from its members: the member.
fn exports(modules: &[(Vec<String>, String)]) -> BTreeMap<(Vec<String>, String), String> {
    let mut found = BTreeMap::new();
    for (module, code) in modules {
        for text in code.split("pub").skip(1) {
            let visible = |before: &str| before.trim().is_empty() || before.ends_with(") ");
            let list = text.split_once("use ").filter(|(before, _)| visible(before));
            for path in list.into_iter().flat_map(|(_, list)| paths(list)) {
                let mut parts = path.split("::").filter(|part| *part != "self");
                if let (Some(member), Some(name)) = (parts.next(), parts.last()) {
                    found.insert((module.clone(), name.to_owned()), member.to_owned());
                }
            }
        }
    }
    // A member of the same name is meant.
    let is_module = |folder: &[String], name: &String| {
        modules.iter().any(|(module, _)| {
            module.split_last().is_some_and(|(last, above)| above == folder && last == name)
        })
    };
    found.retain(|(folder, name), _| !is_module(folder, name));
    found
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("tests.rs") || file.ends_with("loom_models.rs")
}

#[test]
fn imports_point_down() {
    let mut checked = 0;
    for (file, text) in sources("src") {
        let module = module(&file, "src");
        let Some(folder) = module.first().map(String::as_str) else { continue };
        let allowed = MAY_IMPORT.iter().find(|(name, _)| *name == folder).map(|(_, may)| *may);
        let allowed = allowed.unwrap_or_else(|| panic!("{folder} has no row in MAY_IMPORT"));
        for path in references(&code(&text), &module) {
            let Some(other) = path.first().filter(|other| *other != folder) else { continue };
            // A name of the crate's root, in an example.
            let is_folder = MAY_IMPORT.iter().any(|(name, _)| name == other);
            checked += usize::from(is_folder);
            let may = !is_folder || allowed.contains(&other.as_str());
            assert!(may, "{file}: {folder} must not import {other}");
        }
    }
    assert!(checked > 100, "the check found {checked} imports only");
}

#[test]
fn no_files_or_folders_import_each_other() {
    let crates = ["capi", "cli", "export", "py", "testkit"]
        .map(|name| format!("crates/okx-feed-{name}/src"));
    let packages = ["src".to_owned()].into_iter().chain(crates);
    for src in packages {
        assert_eq!(circles(&sources(&src), &src), Vec::<Vec<String>>::new(), "{src}");
    }
}

#[test]
fn the_check_for_circles_finds_one_that_is_planted() {
    let file = |name: &str, text: &str| (format!("src/{name}.rs"), text.to_owned());
    let planted = [
        file("a/one", "use super::two::Two;"),
        file("a/two", "use crate::a::three::Three;"),
        file("a/three", "fn f() { super::one::g(); }"),
        file("b", "use super::a::one::One;"),
    ];
    let found = circles(&planted, "src");
    assert_eq!(found, [["a::one", "a::three", "a::two"]]);
    assert!(circles(&planted[..2], "src").is_empty());
    assert!(
        circles(&[file("a", "use super::b::B;"), file("b", "use crate::a::A;")], "src").len() == 1
    );
    let lists = [
        file("a/one", "use super::{four, two::{self, Two}};"),
        file("a/two", "use crate::{a::{three::Three, five}, b};"),
        file("a/three", "use super::{\n    five,\n    one,\n};"),
    ];
    assert_eq!(circles(&lists, "src"), [["a::one", "a::three", "a::two"]]);
    // A name that the folder exports is its member's.
    let exported = [
        file("a/mod", "mod one;\nmod two;\npub(crate) use two::{Other, Two};"),
        file("a/one", "use super::Two;"),
        file("a/two", "use super::one::One;"),
    ];
    assert_eq!(circles(&exported, "src"), [["a::one", "a::two"]]);
}

#[test]
fn the_check_for_imports_sees_lists() {
    let module = ["a".to_owned(), "one".to_owned()];
    let found = references("use crate::{\n    b::{self, c::D as E},\n    f::*,\n};", &module);
    assert_eq!(found, [vec!["b"], vec!["b", "c", "D"], vec!["f"]]);
    let code = "fn f(x: super::X) -> Y { super::Z { a, b } }";
    assert_eq!(references(code, &module), [["a", "X"], ["a", "Z"]]);
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
    for (file, text) in sources("src").into_iter().chain(sources("crates")) {
        let is_source = file.ends_with(".rs") && file.contains("src/") && !is_test(&file);
        if !is_source {
            continue;
        }
        let lines = text.find("#[cfg(test)]\nmod tests {").and_then(|end| text.get(..end));
        let lines = lines.unwrap_or(&text).lines().count();
        let is_exempt = LONG_FILES.iter().any(|(name, _)| *name == file);
        if lines > MAX_FILE_LINES && !is_exempt {
            found.push(format!("{file} has {lines} lines"));
        }
        for (number, line) in text.lines().enumerate() {
            // A message of the wire in a text is as long as it is.
            let columns = line.chars().count();
            if columns > MAX_COLUMNS && !line.contains('"') {
                found.push(format!("{file}:{}: {columns} columns", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn private_words_stay_out() {
    let mut found = Vec::new();
    let folders = ["src", "crates", "tests", "benches", "examples", "docs"];
    for (file, text) in folders.into_iter().flat_map(sources) {
        if file == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            for word in words {
                if BANNED_WORDS.contains(&word.as_str()) {
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
