//! The style, as a test: which folder may import which, how long files and functions may be.

use std::fs;
use std::path::{Path, PathBuf};

/// What each folder may import besides itself.
const MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("book", &["model"]),
    ("event", &["model", "book"]),
    ("wire", &["model", "book", "event"]),
    ("publish", &["model", "book"]),
    ("session", &["model", "book", "event", "wire"]),
    ("feed", &["model", "book", "event", "wire", "publish", "session"]),
    ("transport", &["model", "wire"]),
    ("client", &["model", "book", "event", "wire", "publish", "session", "feed", "transport"]),
    // An exchange that shared the decoder's code could not catch its mistakes.
    ("sim", &["model", "book"]),
];

const MAX_FILE_LINES: usize = 500;
const MAX_FACE_LINES: usize = 60;

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            found.push((path, text));
        }
    }
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn may_import(folder: &str, other: &str) -> bool {
    let imports = MAY_IMPORT.iter().find(|(name, _)| *name == folder).map(|(_, imports)| imports);
    folder == other || imports.is_some_and(|imports| imports.contains(&other))
}

/// The sources of a folder, or of the file of that name.
fn sources_of(folder: &str) -> Vec<(PathBuf, String)> {
    let file = src().join(format!("{folder}.rs"));
    match fs::read_to_string(&file) {
        Ok(text) => vec![(file, text)],
        Err(_) => sources(&src().join(folder)),
    }
}

#[test]
fn imports_point_down() {
    let folders = MAY_IMPORT.map(|(folder, _)| folder);
    let mut checked = 0;
    for folder in &folders {
        for (path, text) in sources_of(folder) {
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for other in &folders {
                    let imports = line.contains(&format!("crate::{other}"));
                    checked += usize::from(imports);
                    assert!(
                        !imports || may_import(folder, other),
                        "{}: {folder} must not import {other}: {line}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(checked > 20, "the check found no imports at all");
}

#[test]
fn faces_only_declare_and_files_are_short() {
    let mut seen = 0;
    for (path, text) in sources(&src()) {
        let lines = text.lines().count();
        assert!(lines <= MAX_FILE_LINES, "{} has {lines} lines", path.display());
        let name = path.file_name().unwrap_or_default();
        let of_tests = path.components().any(|part| part.as_os_str() == "tests");
        if (name == "mod.rs" || name == "lib.rs") && !of_tests {
            seen += 1;
            assert!(lines <= MAX_FACE_LINES, "{} is a face and has {lines} lines", path.display());
            for word in ["fn ", "struct ", "enum ", "impl "] {
                let defines = text.lines().any(|line| {
                    let code = !line.trim_start().starts_with("//");
                    code && (line.starts_with(word) || line.contains(&format!("pub {word}")))
                });
                assert!(!defines, "{} defines something: {word}", path.display());
            }
        }
    }
    assert!(seen >= 6, "the check found no faces");
}
