//! Replays the seeds of the fuzz targets, and every finding that was added to them, on stable.
//!
//! With `OKX_FEED_WRITE_SEEDS=1` the generated seeds are rewritten first.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::path::{Path, PathBuf};

use okx_feed::Dialect;
use okx_feed::capture::Trailer;
use okx_feed_testkit::check::deflated;
use okx_feed_testkit::choices::Choices;
use okx_feed_testkit::{generate, mutate, targets};

/// Generated seeds of each target.
const SEEDS: u64 = 24;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

#[test]
fn every_seed_and_every_finding_passes_its_target() {
    if std::env::var_os("OKX_FEED_WRITE_SEEDS").is_some() {
        write_seeds();
    }
    for &(name, target) in targets::ALL {
        let mut replayed = 0;
        for entry in fs::read_dir(folder(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
            replayed += 1;
        }
        assert!(replayed >= SEEDS, "{name} has {replayed} seeds");
    }
}

fn write_seeds() {
    for &(name, _) in targets::ALL {
        fs::create_dir_all(folder(name)).unwrap();
        for seed in 0..SEEDS {
            fs::write(folder(name).join(format!("{seed:02}")), made(name, seed)).unwrap();
        }
    }
}

/// A seed of a target, from a number.
fn made(target: &str, seed: u64) -> Vec<u8> {
    let choices = &mut Choices::Seeded(seed);
    let dialect =
        if matches!(target, "decode_v5" | "v5_alone") { Dialect::V5 } else { Dialect::V3 };
    let text = match seed % 3 {
        0 => generate::message(choices, dialect),
        _ => generate::usual_message(choices, dialect),
    };
    match target {
        "decode_v3_text" | "decode_v5" | "v5_alone" => text.into_bytes(),
        "v3_alone" if seed.is_multiple_of(2) => text.into_bytes(),
        "decode_v3" | "inflate" | "v3_alone" | "inflate_alone" => {
            let mut body = deflated(text.as_bytes(), choices.pick(&[0, 1, 6, 12]));
            if seed % 4 == 3 {
                let other = body.clone();
                mutate::corrupt(choices, &mut body, &other);
            }
            body
        }
        "decimal" => {
            let texts: Vec<_> = (0..8).map(|_| generate::decimal(choices)).collect();
            texts.join("\n").into_bytes()
        }
        "capture" => {
            let text = text.replace('\n', " ");
            let line = match seed % 5 {
                0 => text,
                1 => format!("1790000000000000000\ttext/0.1\t{text}\n1.5\t{text}"),
                2 => format!("2021-09-01T00:00:00.0123456Z {text}\n"),
                _ => format!("1790000000000000000 {text}"),
            };
            let packed = match seed / 5 {
                0 => line.into_bytes(),
                1 => zstd::encode_all(line.as_bytes(), 1).unwrap(),
                _ => block(line.as_bytes()),
            };
            [&[u8::try_from(seed % 5).unwrap()], &packed[..]].concat()
        }
        "sbe" => sbe_frame(choices),
        // These targets read choices, for which all bytes are valid.
        _ => (0..256).flat_map(|_| choices.draw().to_le_bytes()).collect(),
    }
}

/// A text as a block of a capture, with its trailer.
fn block(text: &[u8]) -> Vec<u8> {
    let mut packer = zstd::bulk::Compressor::new(1).unwrap();
    packer.include_checksum(true).unwrap();
    let mut packed = packer.compress(text).unwrap();
    let (packed_len, text_len) = (packed.len().try_into().unwrap(), text.len().try_into().unwrap());
    let trailer = Trailer { lines: 1, packed_len, text_len, ..Trailer::default() };
    packed.extend_from_slice(&trailer.to_bytes());
    packed
}

/// A frame of one to three of the vectors, every other one damaged.
fn sbe_frame(choices: &mut Choices<'_>) -> Vec<u8> {
    use okx_feed_testkit::sbe_vectors::{ALL, bytes};
    let mut frame = Vec::new();
    for _ in 0..=choices.below(3) {
        frame.extend(bytes(choices.pick(&ALL)));
    }
    if choices.one_in(2) {
        let other = frame.clone();
        mutate::corrupt(choices, &mut frame, &other);
    }
    frame
}
