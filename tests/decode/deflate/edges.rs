//! The rules of the format one by one, each also checked with zlib.

use crate::deflate::blocks::{Bits, head, plain_head, with_end};
use crate::deflate::compressor::{Knobs, compress};
use crate::deflate::oracle::Oracle;
use crate::deflate::{
    Inflated, Invalid, MAX_INPUT, MAX_OUTPUT, OUTPUT_SPACE, Refusal, SmallInflate, Unsupported,
};

/// Returns the agreed result of a hand-made block.
fn outcome(bits: &Bits) -> Result<Inflated, Refusal> {
    Oracle::new().check(&bits.bytes)
}

/// Expects a block to be refused for `why`, by zlib too.
fn refuse(bits: &Bits, why: Invalid) {
    assert_eq!(outcome(bits), Err(Refusal::Invalid(why)));
}

/// Expects a block to give `len` bytes.
fn accept(bits: &Bits, len: usize) {
    assert_eq!(outcome(bits).map(|inflated| inflated.written), Ok(len));
}

/// Starts a final fixed block.
fn fixed() -> Bits {
    let mut bits = Bits::default();
    bits.number(0b011, 3);
    bits
}

const END: (u32, u32) = (0, 7);
const LETTER: (u32, u32) = (0x30 + 65, 8);

#[test]
fn empty_input_is_truncated() {
    let result = Oracle::new().check(&[]);
    assert_eq!(result, Err(Refusal::Invalid(Invalid::Truncated)));
}

#[test]
fn block_types() {
    let mut bits = Bits::default();
    refuse(bits.number(0b111, 8), Invalid::BlockType);
    let stored = [1, 1, 0, 0xfe, 0xff, b'x'];
    let result = Oracle::new().check(&stored);
    assert_eq!(result, Err(Refusal::Unsupported(Unsupported::StoredBlock)));
    let mut bits = Bits::default();
    bits.number(0b010, 3).code(END).number(0b011, 3).code(END);
    let result = Oracle::new().check(&bits.bytes);
    assert_eq!(result, Err(Refusal::Unsupported(Unsupported::SeveralBlocks)));
}

#[test]
fn announced_counts() {
    for (literals, distances) in [(287, 1), (288, 1), (257, 31), (257, 32)] {
        refuse(&head(literals, distances, &[(0, 0); 320]), Invalid::CodeCounts);
    }
}

#[test]
fn precode_must_be_complete() {
    // All zero, one code, over-subscribed, incomplete.
    for lengths in [[0; 4], [1, 0, 0, 0], [1, 1, 1, 0], [2, 2, 2, 0]] {
        let mut bits = Bits::default();
        bits.number(0b101, 3).number(0, 5).number(0, 5).number(0, 4);
        for length in lengths {
            bits.number(length, 3);
        }
        bits.number(0, 32).number(0, 32);
        refuse(&bits, Invalid::CodeLengthCode);
    }
}

#[test]
fn repeats() {
    // The previous length repeated where there is none.
    let mut tokens = vec![(16, 0)];
    tokens.extend([(0, 0); 300]);
    refuse(&head(257, 1, &tokens), Invalid::RepeatAtStart);
    // Runs past the announced 258 lengths, by each of the three symbols.
    for last in [(16, 3), (17, 7), (18, 127)] {
        let mut tokens = vec![(1, 0); 2];
        tokens.extend([(0, 0); 254]);
        tokens.push(last);
        let mut bits = head(257, 1, &tokens);
        refuse(bits.number(0, 32), Invalid::RepeatPastEnd);
    }
    // A repeat from the literal/length code into the distance code is allowed: from symbol 257
    // on, two lengths and four distances.
    let tokens = [(2, 0), (18, 127), (18, 106), (2, 0), (16, 3)];
    let mut lengths = with_end(&[2], 2);
    lengths.extend([2, 2]);
    let mut bits = head(259, 4, &tokens);
    bits.symbol(&lengths, 0).symbol(&lengths, 257).symbol(&[2; 4], 0).symbol(&lengths, 258);
    accept(bits.symbol(&[2; 4], 3).symbol(&lengths, 256), 8);
    // And from the first distance on.
    let mut tokens = vec![(2, 0); 3];
    tokens.extend([(18, 127), (18, 104), (2, 0), (16, 1)]);
    let mut bits = head(257, 4, &tokens);
    let lengths = with_end(&[2, 2, 2], 2);
    accept(bits.symbol(&lengths, 0).symbol(&lengths, 2).symbol(&lengths, 256), 2);
    // The same by a run of zeros.
    let mut tokens = vec![(1, 0)];
    tokens.extend([(18, 127), (18, 106), (1, 0), (17, 0)]);
    let mut bits = head(257, 3, &tokens);
    let lengths = with_end(&[1], 1);
    accept(bits.symbol(&lengths, 0).symbol(&lengths, 256), 1);
}

#[test]
fn end_of_block_needs_a_code() {
    let mut bits = plain_head(&with_end(&[1, 1], 0), &[0]);
    for _ in 0..=MAX_OUTPUT {
        bits.number(0, 1);
    }
    refuse(&bits, Invalid::NoEndOfBlock);
    let mut bits = plain_head(&with_end(&[], 0), &[0]);
    refuse(bits.number(0, 32), Invalid::NoEndOfBlock);
}

#[test]
fn literal_code_must_be_complete() {
    for lengths in [&[1, 2, 2][..], &[1, 1], &[2], &[1, 3]] {
        let mut bits = plain_head(&with_end(lengths, 2), &[0]);
        refuse(bits.number(0, 32), Invalid::LiteralCode);
    }
    let mut bits = plain_head(&with_end(&[], 2), &[0]);
    refuse(bits.number(0, 32), Invalid::LiteralCode);
    // Over-subscribed and incomplete beyond the width of the table.
    let mut lengths = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    refuse(plain_head(&with_end(&lengths, 13), &[0]).number(0, 32), Invalid::LiteralCode);
    lengths.extend([12, 13]);
    refuse(plain_head(&with_end(&lengths, 13), &[0]).number(0, 32), Invalid::LiteralCode);
}

#[test]
fn end_of_block_may_stand_alone() {
    let lengths = with_end(&[], 1);
    accept(plain_head(&lengths, &[0]).symbol(&lengths, 256), 0);
    // The other bit is no code.
    refuse(plain_head(&lengths, &[0]).number(1, 1).number(0, 32), Invalid::LiteralSymbol);
}

/// Returns a code of the letter 0, the end of block, and length 3.
fn with_match() -> Vec<u8> {
    let mut lengths = with_end(&[1], 2);
    lengths.push(2);
    lengths
}

#[test]
fn distance_codes() {
    let lengths = with_match();
    let start = |distances: &[u8]| {
        let mut bits = plain_head(&lengths, distances);
        bits.symbol(&lengths, 0);
        bits
    };
    // None is needed without a match, and none is there with one.
    accept(start(&[0]).symbol(&lengths, 256), 1);
    refuse(start(&[0]).symbol(&lengths, 257).number(0, 32), Invalid::DistanceSymbol);
    // One of one bit may stand alone; its other bit is no code.
    accept(start(&[1]).symbol(&lengths, 257).number(0, 1).symbol(&lengths, 256), 4);
    refuse(start(&[1]).symbol(&lengths, 257).number(1, 1).number(0, 32), Invalid::DistanceSymbol);
    // Otherwise the code must be complete, even if it is not used.
    for distances in [&[2][..], &[1, 2], &[1, 1, 1], &[2, 2, 2]] {
        refuse(start(distances).symbol(&lengths, 256).number(0, 32), Invalid::DistanceCode);
    }
}

#[test]
fn distance_must_stay_in_the_text() {
    for letters in 0..40usize {
        for (symbol, base, extra) in [(0, 1, 0), (3, 4, 0), (4, 5, 1), (8, 17, 3), (9, 25, 3)] {
            for more in 0..1 << extra {
                let mut bits = fixed();
                for _ in 0..letters {
                    bits.code(LETTER);
                }
                bits.code((1, 7)).code((symbol, 5)).number(more, extra).code(END);
                if (base + more) as usize > letters {
                    refuse(&bits, Invalid::DistanceTooFar);
                } else {
                    accept(&bits, letters + 3);
                }
            }
        }
    }
}

#[test]
fn reserved_symbols() {
    for symbol in [286, 287] {
        let mut bits = fixed();
        bits.code((0xc0 + symbol - 280, 8)).number(0, 32);
        refuse(&bits, Invalid::LiteralSymbol);
    }
    for symbol in [30, 31] {
        let mut bits = fixed();
        bits.code(LETTER).code((1, 7)).code((symbol, 5)).number(0, 32);
        refuse(&bits, Invalid::DistanceSymbol);
    }
}

#[test]
fn longest_match_two_ways() {
    // Symbol 285, and symbol 284 with all extra bits set.
    let mut bits = fixed();
    bits.code(LETTER).code((0xc5, 8)).code((0, 5)).code(END);
    accept(&bits, 259);
    let mut bits = fixed();
    bits.code(LETTER).code((0xc4, 8)).number(31, 5).code((0, 5)).code(END);
    accept(&bits, 259);
}

#[test]
fn every_length_and_distance() {
    let mut oracle = Oracle::new();
    for len in 3..=258 {
        for distance in [1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 64, 100, 257, 600, 1200] {
            let mut text: Vec<u8> = (0..distance).map(|at| (at * 7 + at / 251) as u8).collect();
            for _ in 0..len {
                text.push(text[text.len() - distance]);
            }
            let result = oracle.check(&compress(&text, Knobs { strategy: 4, ..Knobs::default() }));
            assert!(!matches!(result, Err(Refusal::Invalid(_))), "{len} {distance}");
        }
    }
}

#[test]
fn output_limit() {
    // The limit reached by literals, by a match that ends there and by one that goes past it.
    for (letters, matches) in [(2045, 0), (2048, 0), (2049, 0), (247, 7), (242, 7), (248, 7)] {
        let mut bits = fixed();
        for _ in 0..letters.min(200) {
            bits.code(LETTER);
        }
        let mut left = letters - letters.min(200) + matches * 258;
        while left > 0 {
            let len = if left > 258 + 3 || left == 258 { 258 } else { left.min(10) };
            match len {
                258 => bits.code((0xc5, 8)).code((0, 5)),
                3..=10 => bits.code((len - 2, 7)).code((0, 5)),
                _ => bits.code(LETTER),
            };
            left -= if len < 3 { 1 } else { len };
        }
        bits.code(END);
        let total = (letters + matches * 258) as usize;
        if total <= MAX_OUTPUT {
            accept(&bits, total);
        } else {
            assert_eq!(outcome(&bits), Err(Refusal::OutputFull), "{total}");
        }
    }
}

#[test]
fn last_literal_past_the_output_limit() {
    let mut bits = fixed();
    for _ in 0..200 {
        bits.code(LETTER);
    }
    for _ in 0..7 {
        bits.code((0xc5, 8)).code((0, 5));
    }
    for len in [10, 10, 10, 9, 3] {
        bits.code((len - 2, 7)).code((0, 5));
    }
    let mut over = bits.clone();
    accept(bits.code(END), MAX_OUTPUT);
    assert_eq!(outcome(over.code(LETTER).code(END)), Err(Refusal::OutputFull));
}

#[test]
fn output_space_is_asked_for() {
    let mut frame = fixed();
    frame.code(LETTER).code(END);
    for mut decoder in [SmallInflate::new(), SmallInflate::portable()] {
        let mut output = vec![0; OUTPUT_SPACE];
        let whole = decoder.inflate(&frame.bytes, &mut output);
        assert_eq!(whole, Ok(Inflated { written: 1, consumed: 3 }));
        let short = decoder.inflate(&frame.bytes, &mut output[1..]);
        assert_eq!(short, Err(Refusal::Unsupported(Unsupported::OutputSpaceTooShort)));
    }
}

#[test]
fn bytes_after_the_end_are_not_consumed() {
    let mut bits = fixed();
    bits.code(LETTER).code(END);
    bits.bytes.extend([0xff; 9]);
    assert_eq!(outcome(&bits), Ok(Inflated { written: 1, consumed: 3 }));
}

#[test]
fn an_input_of_the_greatest_length_is_looked_at() {
    let mut output = vec![0; OUTPUT_SPACE];
    let too_long = Err(Refusal::Unsupported(Unsupported::InputTooLong));
    for (len, is_too_long) in [(MAX_INPUT, false), (MAX_INPUT + 1, true)] {
        let mut inflate = SmallInflate::new();
        let result = inflate.inflate(&vec![0x55; len], &mut output);
        assert_eq!(result == too_long, is_too_long, "{len}");
    }
}
