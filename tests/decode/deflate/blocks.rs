//! Hand-made blocks.

use crate::deflate::texts::Random;

/// Code lengths of a code of code lengths that has them all, and is complete.
const PRECODE: [u8; 19] = [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5];

/// The order in which the head lists them.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Writes bits, first one lowest.
#[derive(Clone, Default)]
pub struct Bits {
    pub bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// Writes a number of `count` bits.
    pub fn number(&mut self, value: u32, count: u32) -> &mut Self {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> at & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
        self
    }

    /// Writes a prefix code, which goes first bit highest.
    pub fn code(&mut self, (code, len): (u32, u32)) -> &mut Self {
        for at in (0..len).rev() {
            self.number(code >> at & 1, 1);
        }
        self
    }

    /// Writes the code of `symbol` under `lengths`.
    pub fn symbol(&mut self, lengths: &[u8], symbol: usize) -> &mut Self {
        self.code(canonical(lengths, symbol))
    }
}

/// Returns the canonical code of `symbol` and its length.
pub fn canonical(lengths: &[u8], symbol: usize) -> (u32, u32) {
    let mut code = 0;
    for len in 1..=15 {
        for (at, &of) in lengths.iter().enumerate() {
            if of == len {
                if at == symbol {
                    return (code, u32::from(len));
                }
                code += 1;
            }
        }
        code <<= 1;
    }
    panic!("symbol {symbol} has no code");
}

/// Starts a final dynamic block: counts and the precode, then the `tokens` of the code lengths.
///
/// A token is a precode symbol and the value of its extra bits.
pub fn head(literals: u32, distances: u32, tokens: &[(usize, u32)]) -> Bits {
    let mut bits = Bits::default();
    bits.number(0b101, 3).number(literals - 257, 5).number(distances - 1, 5).number(15, 4);
    for symbol in ORDER {
        bits.number(PRECODE[symbol].into(), 3);
    }
    for &(symbol, extra) in tokens {
        let count = match symbol {
            16 => 2,
            17 => 3,
            18 => 7,
            _ => 0,
        };
        bits.symbol(&PRECODE, symbol).number(extra, count);
    }
    bits
}

/// Starts a final dynamic block with these code lengths, each written by itself.
pub fn plain_head(literals: &[u8], distances: &[u8]) -> Bits {
    let tokens: Vec<_> = literals.iter().chain(distances).map(|&len| (len.into(), 0)).collect();
    head(literals.len() as u32, distances.len() as u32, &tokens)
}

/// Returns 257 literal/length code lengths: `lengths` for the first ones, `end` for the last.
pub fn with_end(lengths: &[u8], end: u8) -> Vec<u8> {
    let mut all = vec![0; 257];
    all[..lengths.len()].copy_from_slice(lengths);
    all[256] = end;
    all
}

/// Splits the code space at random into at most `most` codes of at most 15 bits.
fn random_lengths(random: &mut Random, most: usize) -> Vec<u8> {
    let mut lengths = vec![0u8];
    let wanted = 1 + random.below(most);
    while lengths.len() < wanted {
        // Prefers the last: long codes occur.
        let at = if random.below(3) == 0 { lengths.len() - 1 } else { random.below(lengths.len()) };
        if lengths[at] == 15 {
            break;
        }
        lengths[at] += 1;
        lengths.push(lengths[at]);
    }
    if lengths.len() == 1 {
        lengths[0] = 1;
    }
    lengths
}

/// Returns a dynamic block with random codes, sometimes spoilt, and a random body.
pub fn random_block(random: &mut Random) -> Vec<u8> {
    let most = [3, 30, 80, 286][random.below(4)];
    let announced = 257 + random.below(30);
    let literals = spread(random, announced, most, Some(256));
    let distance_codes = [1, 4, 12, 30][random.below(4)];
    let distances = spread(random, 30, distance_codes, None);
    let mut bits = plain_head(&literals, &distances);
    for _ in 0..random.below(300) {
        bits.number(random.next() as u32, 8);
    }
    if random.below(2) == 0 {
        return bits.bytes;
    }
    // A body of literals and an end, so that many blocks are sound.
    let mut bits = plain_head(&literals, &distances);
    let used: Vec<_> = (0..256).filter(|&at| literals[at] > 0).collect();
    for _ in 0..random.below(60) {
        if !used.is_empty() {
            bits.symbol(&literals, used[random.below(used.len())]);
        }
    }
    if literals[256] > 0 {
        bits.symbol(&literals, 256);
    }
    bits.bytes
}

/// Assigns random code lengths to `count` symbols; `must` gets one of them.
fn spread(random: &mut Random, count: usize, most: usize, must: Option<usize>) -> Vec<u8> {
    let mut all = vec![0; count];
    let mut assigned = random_lengths(random, most.min(count - 1));
    if random.below(8) == 0 {
        let at = random.below(assigned.len());
        assigned[at] = random.below(16) as u8;
    }
    for len in assigned {
        let free = match must {
            Some(at) if all[at] == 0 && random.below(20) > 0 => at,
            _ => loop {
                let at = random.below(count);
                if all[at] == 0 {
                    break at;
                }
            },
        };
        all[free] = len;
    }
    all
}
