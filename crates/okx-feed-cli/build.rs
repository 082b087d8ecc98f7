//! What the sources can't know: the commit that an optimised program is built from, for the reports
//! of its benchmarks; and whether the machine has recorded traffic, without which some tests are
//! ignored.

use std::path::Path;
use std::process::Command;

/// Where recorded traffic is looked for if `OKX_FEED_CAPTURES` names no folder.
const BESIDE: &str = "../../../shared/captures";

fn main() {
    // Else any change of any file would run this again.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=OKX_FEED_CAPTURES");
    let named = std::env::var_os("OKX_FEED_CAPTURES");
    if named.map_or_else(|| Path::new(BESIDE).is_dir(), |folder| Path::new(&folder).is_dir()) {
        println!("cargo::rustc-cfg=okx_feed_captures");
    }
    // Results of an unoptimised program need no commit, and each commit would rebuild it.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=src");
        println!("cargo::rerun-if-changed=../../src");
        println!("cargo::rerun-if-changed=../../.git/HEAD");
        println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
        println!("cargo::rustc-env=OKX_FEED_COMMIT={}", commit().unwrap_or_default());
    }
}

/// The commit, and whether the sources differ from it; `None` if there is no repository or no
/// git.
fn commit() -> Option<String> {
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed =
        git(&["status", "--porcelain", "--", ":/src", ":/crates", ":/Cargo.toml", ":/Cargo.lock"])?;
    Some(if changed.is_empty() { head } else { format!("{head}, changed") })
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
