//! Recorded frames, if the machine has them: in `OKX_FEED_CAPTURES` or `../shared/captures`, one
//! `time TAB base64` a line.

use std::path::PathBuf;

use base64::Engine;

use crate::oracle::Judge;

fn folder() -> PathBuf {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    std::env::var_os("OKX_FEED_CAPTURES").map_or_else(|| near.into(), PathBuf::from)
}

/// Proves that every recorded v3 frame is inflated or left to the general decoder, never wrong,
/// and that all but the long ones are inflated.
#[test]
fn recorded_frames_inflate() {
    let Ok(folder) = folder().read_dir() else {
        println!("skipped: no captures in {}", folder().display());
        return;
    };
    let mut judge = Judge::new();
    for path in folder.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("conn-") || !name.contains("-v3-") || !name.ends_with(".tsv") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let (_, body) = line.split_once('\t').unwrap();
            let frame = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
            let _ = judge.check(&frame);
        }
    }
    println!("{:?}", judge.tally);
    assert_eq!(judge.tally.invalid, 0);
    assert_eq!(judge.tally.libdeflate_differs, 0);
    assert!(judge.tally.inflated * 100 >= judge.tally.cases * 99, "{:?}", judge.tally);
}
