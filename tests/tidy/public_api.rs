//! The public interface, as a list that is checked in: it changes on purpose only.
//!
//! `OKX_FEED_BLESS=1 cargo test --test tidy` writes `docs/public-api.txt`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{is_test, sources};

const LIST: &str = "docs/public-api.txt";

/// The names that a `mod.rs` or `lib.rs` exports by `pub use`.
fn exported(face: &str) -> Vec<String> {
    let mut names = Vec::new();
    let parts = face.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    for part in parts {
        let list = match part.split_once('{') {
            Some((_, list)) => list.trim_end_matches('}'),
            None => part.rsplit("::").next().unwrap_or(part),
        };
        let all = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.extend(all.map(str::to_owned));
    }
    names
}

/// The name at the start of a text.
fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What a public line of an item's body declares.
fn member(line: &str, is_enum: bool) -> Option<String> {
    if let Some(rest) = line.strip_prefix("pub ") {
        let words: Vec<_> = rest.split_whitespace().collect();
        let at = words.iter().position(|word| ["fn", "const", "type"].contains(word));
        return match at {
            // A constant function is listed as a function.
            Some(at) if words.get(at + 1) == Some(&"fn") => words.get(at + 2),
            Some(at) => words.get(at + 1),
            None => words.first(),
        }
        .map(|word| name(word));
    }
    let is_variant = is_enum && line.starts_with(|c: char| c.is_ascii_uppercase());
    is_variant.then(|| name(line))
}

/// The type whose body a line opens, and whether it is an enumeration.
fn opened(line: &str) -> Option<(String, bool)> {
    let (head, is_enum) = if let Some(rest) = line.strip_prefix("pub struct ") {
        (rest, false)
    } else if let Some(rest) = line.strip_prefix("pub enum ") {
        (rest, true)
    } else if let Some(rest) = line.strip_prefix("pub trait ") {
        (rest, false)
    } else {
        let rest = line.strip_prefix("impl")?;
        let rest = match rest.strip_prefix('<') {
            Some(rest) => rest.split_once("> ")?.1,
            None => rest.trim_start(),
        };
        // What a trait's implementation offers is the trait's.
        if rest.contains(" for ") {
            return None;
        }
        (rest, false)
    };
    line.ends_with('{').then(|| (name(head), is_enum))
}

/// `Type::member` for each public member in a formatted file.
fn members(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let mut open: Option<(String, bool, usize)> = None;
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        match &open {
            Some((_, _, at)) if indent == *at && code.starts_with('}') => open = None,
            Some((of, is_enum, at)) if indent == at + 4 => {
                found.extend(member(code, *is_enum).map(|member| (of.clone(), member)));
            }
            Some(_) => {}
            None => open = opened(code).map(|(of, is_enum)| (of, is_enum, indent)),
        }
    }
    found
}

/// The list: what the crate's root exports, what each public folder exports, and their members.
fn public_items() -> BTreeSet<String> {
    let files = sources("src");
    let text = |file: &str| {
        files.iter().find(|(name, _)| name == file).map(|(_, text)| text.as_str()).unwrap_or("")
    };
    let root = text("src/lib.rs");
    let public = root.split("pub mod internals").next().unwrap_or(root);
    let mut list: BTreeSet<String> =
        exported(public).into_iter().map(|name| format!("okx_feed::{name}")).collect();
    let modules = public.lines().filter_map(|line| line.strip_prefix("pub mod "));
    for folder in modules.map(name) {
        let single = format!("src/{folder}.rs");
        let face = format!("src/{folder}/mod.rs");
        let is_inside = |file: &str| file == single || file.starts_with(&format!("src/{folder}/"));
        let of_folder: Vec<_> = files
            .iter()
            .filter(|(file, _)| is_inside(file) && !is_test(file))
            .map(|(_, text)| text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(""))
            .collect();
        let own = text(&single).lines();
        let declares = |line: &str| {
            let line = line.strip_prefix("pub ")?;
            let kinds = ["struct ", "enum ", "trait ", "type "];
            kinds.iter().find_map(|kind| line.strip_prefix(kind)).map(name)
        };
        let names: BTreeSet<_> =
            exported(text(&face)).into_iter().chain(own.filter_map(declares)).collect();
        list.extend(names.iter().map(|name| format!("okx_feed::{folder}::{name}")));
        for (of, member) in of_folder.into_iter().flat_map(members) {
            if names.contains(&of) {
                list.insert(format!("okx_feed::{folder}::{of}::{member}"));
            }
        }
    }
    list
}

#[test]
fn the_public_interface_changes_on_purpose_only() {
    let list = public_items();
    let text: String = list.iter().map(|item| format!("{item}\n")).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST);
    if std::env::var_os("OKX_FEED_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let stored: BTreeSet<String> = stored.lines().map(str::to_owned).collect();
    let gone: Vec<_> = stored.difference(&list).collect();
    let new: Vec<_> = list.difference(&stored).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public interface differs from {LIST}: gone {gone:#?}, new {new:#?}; if that is meant, \
         run `OKX_FEED_BLESS=1 cargo test --test tidy` and list it in CHANGELOG.md"
    );
    assert!(list.len() > 300, "the check found {} items only", list.len());
}

#[test]
fn the_list_has_types_fields_variants_and_functions() {
    let list = public_items();
    for item in [
        "okx_feed::Book5",
        "okx_feed::book::Book5::mid",
        "okx_feed::event::Event::Book",
        "okx_feed::event::BookUpdate::topic",
        "okx_feed::publish::SeqReader::snapshot",
        "okx_feed::feed::StaleLimits::NONE",
    ] {
        assert!(list.contains(item), "{item}");
    }
    assert!(!list.iter().any(|item| item.contains("SeqPublisher::write")));
}
