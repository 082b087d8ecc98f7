//! Choices: from a seed, or from the bytes of a fuzzer.

use arbitrary::Unstructured;

/// The source of choices. A changed byte of the fuzzer changes one choice. When its bytes are used
/// up, every choice is the first.
pub enum Choices<'b> {
    Seeded(u64),
    Bytes(Unstructured<'b>),
}

impl<'b> Choices<'b> {
    pub fn bytes(bytes: &'b [u8]) -> Self {
        Self::Bytes(Unstructured::new(bytes))
    }

    /// Whether the bytes are used up.
    pub fn is_spent(&self) -> bool {
        match self {
            Self::Seeded(_) => false,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// The bytes that are left; none of a seed.
    pub fn rest(&mut self) -> Vec<u8> {
        match self {
            Self::Seeded(_) => Vec::new(),
            Self::Bytes(bytes) => bytes.bytes(bytes.len()).unwrap_or_default().to_vec(),
        }
    }

    /// The next 64 bits (SplitMix64, the same on every machine).
    pub fn draw(&mut self) -> u64 {
        match self {
            Self::Seeded(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Self::Bytes(bytes) => bytes.arbitrary().unwrap_or_default(),
        }
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        match self {
            Self::Seeded(_) => usize::try_from(self.draw() % n as u64).unwrap(),
            // Takes no more bytes than the range needs.
            Self::Bytes(bytes) => bytes.int_in_range(0..=n - 1).unwrap_or_default(),
        }
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// `n` digits, of which any may be 0.
    pub fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }
}
