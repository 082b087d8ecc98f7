//! Recorded frames, if the machine has them in `OKX_FEED_CAPTURES` or `../shared/captures`, and
//! those of the embedded exchange: one `time TAB base64` a line.

use std::path::{Path, PathBuf};

use base64::Engine;

use crate::deflate::oracle::Oracle;

fn folder() -> PathBuf {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    std::env::var_os("OKX_FEED_CAPTURES").map_or_else(|| near.into(), PathBuf::from)
}

/// Proves that every v3 frame of a folder is inflated or left to the general decoder, never wrong,
/// and that at least `percent` of them, all but the long ones, are inflated.
fn check(folder: &Path, percent: u64) {
    let mut oracle = Oracle::new();
    for path in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("conn-") || !name.contains("-v3") || !name.ends_with(".tsv") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let (_, body) = line.split_once('\t').unwrap();
            let frame = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
            let _ = oracle.check(&frame);
        }
    }
    println!("{:?}", oracle.tally);
    assert!(oracle.tally.cases > 0);
    assert_eq!(oracle.tally.invalid, 0);
    assert_eq!(oracle.tally.libdeflate_differs, 0);
    assert!(oracle.tally.inflated * 100 >= oracle.tally.cases * percent, "{:?}", oracle.tally);
}

#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn recorded_frames_inflate() {
    check(&folder(), 99);
}

#[test]
fn frames_of_the_embedded_exchange_inflate() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"), 98);
}
