//! Imports: the layers of the folders, and no circles.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, is_test, sources};

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
