//! The checked-in header is the one that the sources make.

use std::path::Path;

/// `OKX_FEED_WRITE_HEADER=1 cargo test -p okx-feed-capi header` writes it.
#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let made = cbindgen::generate_with_config(root, config).unwrap();
    let mut text = Vec::new();
    made.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let path = root.join("include/okx_feed.h");
    if std::env::var_os("OKX_FEED_WRITE_HEADER").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap();
    let differing = text.lines().zip(checked_in.lines()).position(|(a, b)| a != b);
    assert!(text == checked_in, "line {differing:?} differs; write it as the test says");
}
