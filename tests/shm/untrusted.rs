//! Any bytes: reading ends, without a panic. The fuzz target `shm_reader` does the same for longer.

use std::path::Path;
use std::time::Duration;

use okx_feed::publish::shm::ShmOptions;
use okx_feed_testkit::targets::shm_reader;

use super::foreign::{output, publish_to};
use super::{Name, languages, small};

/// A heartbeat would store to a file that the test makes shorter.
const NEVER: Duration = Duration::from_secs(1_000_000);

#[test]
fn a_segment_with_any_words_changed_is_read_without_a_panic() {
    let mut random = fastrand::Rng::with_seed(11);
    // Header, directory, and the slots.
    let interesting = 32 + 8 * 32 + 256;
    for _ in 0..3_000 {
        let mut patches = Vec::new();
        for _ in 0..random.usize(1..4) {
            let at: u16 = random.u16(..interesting);
            let word = match random.u32(..4) {
                0 => random.u64(..),
                1 => u64::MAX - random.u64(..16),
                2 => 1 << random.u32(..64),
                _ => random.u64(..300),
            };
            patches.extend(at.to_le_bytes());
            patches.extend(word.to_ne_bytes());
        }
        if random.u32(..8) == 0 {
            patches.extend(random.u16(..).to_le_bytes());
            patches.push(0);
        }
        shm_reader(&patches);
    }
}

#[test]
fn the_c_header_reads_a_segment_with_any_words_changed() {
    let name = Name::new();
    let (heartbeat_every, heartbeat_limit) = (NEVER, NEVER * 2);
    let options = ShmOptions { bytes: 1 << 13, heartbeat_every, heartbeat_limit, ..small() };
    let sink = publish_to(&name, options);
    let program = name.0.with_extension("untrusted");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shm/untrusted.c");
    let Some(mut command) = languages::c_sanitized(&source, &program) else { return };
    command.arg(&name.0).args(["books5:BTC-USDT", "trades:BTC-USDT", "3000"]);
    let printed = output(&mut command).unwrap();
    let values: u32 = printed.split(' ').next().unwrap().parse().unwrap();
    // Most rounds leave most of the book and the 16 trades readable.
    assert!(values > 10_000, "{printed}");
    drop(sink);
    std::fs::remove_file(program).unwrap();
}
