//! Files as they are found: of other recorders, packed in any way, torn, damaged.

use std::io::Write;
use std::time::Duration;

use okx_feed::Dialect;
use okx_feed::capture::{CaptureReader, EntryKind, Mark, RecordConfig, Recorder, Trailer};

use crate::recorder::{START, Seen, lines, record};
use crate::scratch_dir::ScratchDir;

/// A capture of several blocks, its lines, and the lines of each block by where it ends.
fn capture(
    dir: &ScratchDir,
    count: u64,
    per_block: u64,
) -> (Vec<u8>, Vec<Seen>, Vec<(usize, usize)>) {
    let step = Duration::from_millis(10);
    let max_block_time = step * u32::try_from(per_block).unwrap();
    let config = RecordConfig { max_block_time, ..dir.path().into() };
    let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
    record(&mut recorder, count, step);
    drop(recorder);
    let file = &dir.files()[0];
    let bytes = std::fs::read(file).unwrap();
    let (all, _) = lines(file);
    let (mut ends, mut count) = (Vec::new(), 0);
    for at in 0..=bytes.len().saturating_sub(Trailer::LEN) {
        if let Some(trailer) = Trailer::parse(&bytes[at..at + Trailer::LEN]) {
            count += trailer.lines as usize;
            ends.push((at + Trailer::LEN, count));
        }
    }
    assert_eq!(ends.last(), Some(&(bytes.len(), all.len())));
    (bytes, all, ends)
}

/// A process that is killed leaves a file that may end at any byte.
#[test]
fn a_file_cut_at_any_byte_opens_with_all_that_was_committed() {
    let dir = ScratchDir::new("cut");
    let (bytes, all, ends) = capture(&dir, 120, 25);
    assert!(ends.len() > 4, "{ends:?}");
    let cut = dir.path().join("cut.tsv.zst");
    for len in 0..=bytes.len() {
        std::fs::write(&cut, &bytes[..len]).unwrap();
        let (seen, is_torn) = lines(&cut);
        let committed = ends.iter().rev().find(|(end, _)| *end <= len);
        let (end, mut count) = committed.copied().unwrap_or((0, 0));
        // A first block without its trailer is a zstd file like any other.
        let is_whole_file = end == 0 && len + Trailer::LEN == ends[0].0;
        // Of its start, what can be unpacked is there.
        if end == 0 && (is_whole_file || !seen.is_empty()) {
            count = ends[0].1;
            assert!(len + Trailer::LEN + 4 >= ends[0].0, "cut at {len}");
        }
        assert_eq!(seen[..], all[..count], "cut at {len}");
        assert_eq!(is_torn, len != end && !is_whole_file, "cut at {len}");
    }
}

#[test]
fn a_damaged_byte_costs_its_block_at_most_and_is_never_silent() {
    let dir = ScratchDir::new("damaged");
    let (bytes, all, ends) = capture(&dir, 120, 25);
    let damaged = dir.path().join("damaged.tsv.zst");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        std::fs::write(&damaged, &changed).unwrap();
        let mut reader = CaptureReader::open(&damaged).unwrap();
        let (mut read, mut faults) = (0, 0);
        let result = loop {
            match reader.next_entry() {
                Ok(Some(entry)) => match entry.kind {
                    EntryKind::Mark(Mark::Gap, _) | EntryKind::Malformed(_) => faults += 1,
                    _ => read += 1,
                },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(result.is_ok() && faults + usize::from(reader.is_torn()) > 0, "byte {at}");
        let is_last = ends.iter().rev().nth(1).is_some_and(|(end, _)| *end <= at);
        assert!(is_last || (faults > 0 && read + 50 >= all.len()), "byte {at}: {read} lines");
    }
}

#[test]
fn every_form_reads_plain_and_packed() {
    let dir = ScratchDir::new("forms");
    let text = r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[]}"#;
    let forms = [
        ("a.jsonl", format!("{text}\n{text}\n")),
        ("a.tsv", format!("1630454400.0123456\t{text}\n1630454400.0123457\t{text}\n")),
        (
            "tardis",
            format!("2021-09-01T00:00:00.0123456Z {text}\n2021-09-01T00:00:00.0123457Z {text}\n"),
        ),
        ("btcusdt_20210901", format!("1630454400012345600 {text}\n1630454400012345700 {text}\n")),
    ];
    for (name, content) in &forms {
        let gzip = |parts: &[&str]| {
            let mut packed = Vec::new();
            for part in parts {
                let mut encoder = flate2::write::GzEncoder::new(&mut packed, Default::default());
                encoder.write_all(part.as_bytes()).unwrap();
                encoder.finish().unwrap();
            }
            packed
        };
        let half = content.find('\n').unwrap() + 1;
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
        let packings = [
            ("", content.clone().into_bytes()),
            (".gz", gzip(&[content])),
            // As recorders do that append to a file.
            (".2.gz", gzip(&[&content[..half], &content[half..]])),
            (".zst", zstd(content)),
            (".2.zst", [zstd(&content[..half]), zstd(&content[half..])].concat()),
        ];
        for (end, bytes) in packings {
            let path = dir.path().join(format!("{name}{end}"));
            std::fs::write(&path, bytes).unwrap();
            let (seen, is_torn) = lines(&path);
            assert_eq!(seen.len(), 2, "{path:?}");
            assert!(
                !is_torn
                    && seen
                        .iter()
                        .all(|(.., kind, payload)| kind == "text" && payload == text.as_bytes())
            );
            let time = if name.ends_with(".jsonl") { 0 } else { 1_630_454_400_012_345_600 };
            assert_eq!(seen[0].0, time, "{path:?}");
        }
    }
}

#[test]
fn a_packed_file_that_ends_in_the_middle_gives_what_is_whole_and_says_so() {
    let dir = ScratchDir::new("torn");
    let line = "1630454400012345600 {\"n\":1}\n";
    let content = line.repeat(200_000);
    let packed = zstd::encode_all(content.as_bytes(), 1).unwrap();
    let path = dir.path().join("torn.zst");
    std::fs::write(&path, &packed[..packed.len() * 3 / 4]).unwrap();
    let mut reader = CaptureReader::open(&path).unwrap();
    let mut count = 0;
    while let Some(_entry) = reader.next_entry().unwrap() {
        count += 1;
    }
    assert!(reader.is_torn() && count > 50_000 && count < 200_000, "{count}");
    // As the `zstd` program packs a file of a few hundred kilobytes: in one frame, whose head has
    // the size of the content and whose end a checksum.
    let lines = (0..9_000).map(|n| format!("1630454400012345600 {{\"n\":{}}}\n", n * 7919 % 9973));
    let content: String = lines.collect();
    let mut packer = zstd::bulk::Compressor::new(3).unwrap();
    packer.include_checksum(true).unwrap();
    let packed = packer.compress(content.as_bytes()).unwrap();
    std::fs::write(&path, &packed[..packed.len() * 3 / 4]).unwrap();
    let mut reader = CaptureReader::open(&path).unwrap();
    let mut count = 0;
    while let Some(_entry) = reader.next_entry().unwrap() {
        count += 1;
    }
    assert!(reader.is_torn() && count > 1_000 && count < 9_000, "{count}");
}
