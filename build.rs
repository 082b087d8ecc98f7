//! Whether the machine has recorded traffic, without which some tests are ignored.

use std::path::Path;

/// Where recorded traffic is looked for if `OKX_FEED_CAPTURES` names no folder.
const BESIDE: &str = "../shared/captures";

fn main() {
    // Else any change of any file would run this again.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=OKX_FEED_CAPTURES");
    let named = std::env::var_os("OKX_FEED_CAPTURES");
    if named.map_or_else(|| Path::new(BESIDE).is_dir(), |folder| Path::new(&folder).is_dir()) {
        println!("cargo::rustc-cfg=okx_feed_captures");
    }
}
