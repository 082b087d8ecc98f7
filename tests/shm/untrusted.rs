//! Any bytes: reading ends, without a panic. The fuzz target `shm_reader` does the same for longer.

use okx_feed_testkit::targets::shm_reader;

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
