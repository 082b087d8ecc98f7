//! Compressed, cut, flipped and random frames against zlib.

use crate::deflate::compressor::{Knobs, STRATEGIES, compress};
use crate::deflate::oracle::Oracle;
use crate::deflate::texts::{Random, message, text};
use crate::deflate::{MAX_INPUT, Refusal, Unsupported};

/// Cases of each random test; debug builds do a sample.
const CASES: usize = if cfg!(debug_assertions) { 20_000 } else { 400_000 };

/// Proves that texts compressed by zlib inflate to themselves, with every setting and size.
#[test]
fn compressed_texts_inflate_to_themselves() {
    let mut random = Random(1);
    let mut oracle = Oracle::new();
    let step = if cfg!(debug_assertions) { 97 } else { 5 };
    for len in (0..64).chain((64..4000).step_by(step)) {
        for strategy in STRATEGIES {
            for level in 0..10 {
                let window = 9 + random.below(7) as i32;
                let memory = 1 + random.below(9) as i32;
                let text = text(&mut random, len);
                let frame = compress(&text, Knobs { level, strategy, window, memory });
                let result = oracle.check(&frame);
                assert!(!matches!(result, Err(Refusal::Invalid(_))), "{result:?}");
            }
        }
    }
    println!("{:?}", oracle.tally);
    assert_eq!(oracle.tally.libdeflate_differs, 0);
    assert!(oracle.tally.inflated * 4 > oracle.tally.cases, "{:?}", oracle.tally);
}

/// Proves that texts compressed by libdeflate inflate to themselves. Unlike zlib it shares runs of
/// code lengths between the two codes.
#[test]
fn libdeflates_frames_inflate_to_themselves() {
    let mut random = Random(7);
    let mut oracle = Oracle::new();
    for round in 0..CASES / 20 {
        let len = random.below(1500);
        let text = if round % 2 == 0 { message(&mut random) } else { text(&mut random, len) };
        let level = libdeflater::CompressionLvl::new(1 + random.below(12) as i32).unwrap();
        let mut compressor = libdeflater::Compressor::new(level);
        let mut frame = vec![0; compressor.deflate_compress_bound(text.len())];
        let len = compressor.deflate_compress(&text, &mut frame).unwrap();
        let result = oracle.check(&frame[..len]);
        assert!(!matches!(result, Err(Refusal::Invalid(_))), "{result:?}");
    }
    println!("{:?}", oracle.tally);
    assert!(oracle.tally.inflated * 2 > oracle.tally.cases, "{:?}", oracle.tally);
}

/// Proves that every cut frame is refused, and that bytes after the end are ignored.
#[test]
fn cut_and_followed_frames() {
    let mut random = Random(2);
    let mut oracle = Oracle::new();
    let rounds = if cfg!(debug_assertions) { 20 } else { 400 };
    for round in 0..rounds {
        let text = if round % 2 == 0 { message(&mut random) } else { text(&mut random, round) };
        let strategy = STRATEGIES[random.below(5)];
        let mut frame = compress(&text, Knobs { strategy, ..Knobs::default() });
        let whole = oracle.check(&frame);
        for len in 0..frame.len() {
            let cut = oracle.check(&frame[..len]);
            assert!(cut.is_err(), "{len} of {} bytes", frame.len());
        }
        for _ in 0..20 {
            frame.push(random.next() as u8);
        }
        if frame.len() <= MAX_INPUT {
            assert_eq!(oracle.check(&frame), whole);
        }
    }
    println!("{:?}", oracle.tally);
}

/// Proves that frames with flipped bits get zlib's result, for flips at any place.
#[test]
fn flipped_frames_get_zlibs_result() {
    let mut random = Random(3);
    let mut oracle = Oracle::new();
    let mut frame = Vec::new();
    for case in 0..CASES * 3 {
        if case % 64 == 0 {
            let len = random.below(700);
            let text =
                if random.below(3) > 0 { message(&mut random) } else { text(&mut random, len) };
            let strategy = STRATEGIES[random.below(5)];
            let level = 1 + random.below(9) as i32;
            frame = compress(&text, Knobs { strategy, level, ..Knobs::default() });
        }
        let mut flipped = frame.clone();
        // Half of the flips hit the head, where most of the rules are.
        let within = if random.below(2) == 0 { frame.len().min(50) } else { frame.len() };
        for _ in 0..=random.below(3) {
            flipped[random.below(within)] ^= 1 << random.below(8);
        }
        let _ = oracle.check(&flipped);
    }
    println!("{:?}", oracle.tally);
    assert!(oracle.tally.inflated > 0 && oracle.tally.invalid > 0);
}

/// Proves that noise with a valid block type gets zlib's result.
#[test]
fn noise_gets_zlibs_result() {
    let mut random = Random(4);
    let mut oracle = Oracle::new();
    for _ in 0..CASES {
        let len = 1 + random.below(120);
        let mut frame: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        frame[0] = frame[0] & !7 | if random.below(2) == 0 { 0b011 } else { 0b101 };
        let _ = oracle.check(&frame);
    }
    println!("{:?}", oracle.tally);
    assert!(oracle.tally.inflated > 0 && oracle.tally.invalid > 0);
}

/// Proves that dynamic heads of random code lengths, mostly near-complete codes, get zlib's
/// result.
#[test]
fn random_codes_get_zlibs_result() {
    let mut random = Random(5);
    let mut oracle = Oracle::new();
    for _ in 0..CASES {
        let frame = crate::deflate::blocks::random_block(&mut random);
        let _ = oracle.check(&frame);
    }
    println!("{:?}", oracle.tally);
    assert!(oracle.tally.inflated * 10 > oracle.tally.cases, "{:?}", oracle.tally);
    assert!(oracle.tally.invalid * 10 > oracle.tally.cases, "{:?}", oracle.tally);
}

/// Proves that a frame over the input limit is left to the general decoder.
#[test]
fn long_frames_are_left() {
    let mut random = Random(6);
    let noise: Vec<u8> = (0..2000).map(|_| random.next() as u8).collect();
    let frame = compress(&noise, Knobs { strategy: 2, ..Knobs::default() });
    let result = Oracle::new().check(&frame);
    assert_eq!(result, Err(Refusal::Unsupported(Unsupported::InputTooLong)));
}
