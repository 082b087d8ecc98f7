//! Seeded randomness in whole numbers, so that a seed gives the same stream on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers that its seed fixes. No floats: their logarithms differ by platform.
#[derive(Clone, Debug)]
pub(crate) struct Rng(ChaCha8Rng);

impl Rng {
    /// Starts the stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 32 random bits.
    pub(crate) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number from 0 to `n - 1`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(n);
        // The high half of a product of two 64-bit numbers always fits.
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number from 0 to `n - 1`, for signed counts; 0 where `n` is not positive.
    pub(crate) fn below_signed(&mut self, n: i64) -> i64 {
        let drawn = self.below(u64::try_from(n).unwrap_or_default());
        i64::try_from(drawn).unwrap_or_default()
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number with a mean of about `mean` and an exponential fall: what gaps and sizes look like.
    pub(crate) fn exponential(&mut self, mean: u64) -> u64 {
        // -log2 of a uniform number is its leading zeros plus what is left, taken as linear; that
        // has a mean of 1.5 instead of 1.44, which the last line divides away.
        let drawn = self.0.next_u64() | 1;
        let zeros = drawn.leading_zeros();
        let fraction = ((drawn << zeros) << 1) >> 32;
        let log = (u128::from(zeros) << 32) + ((1 << 32) - u128::from(fraction));
        u64::try_from(u128::from(mean) * log / (3 << 31)).unwrap_or(u64::MAX)
    }

    /// [`Rng::exponential`] for signed counts; 0 where `mean` is not positive.
    pub(crate) fn exponential_signed(&mut self, mean: i64) -> i64 {
        let drawn = self.exponential(u64::try_from(mean).unwrap_or_default());
        i64::try_from(drawn).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_fixes_the_stream() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..100).map(|_| rng.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_have_the_mean_they_say() {
        let mut rng = Rng::new(1);
        let mean =
            |draw: &mut dyn FnMut() -> u64| (0..200_000).map(|_| draw()).sum::<u64>() / 200_000;
        let exponential = mean(&mut || rng.exponential(10_000));
        assert!((9_800..10_200).contains(&exponential), "{exponential}");
        let uniform = mean(&mut || rng.below(20_001));
        assert!((9_800..10_200).contains(&uniform), "{uniform}");
        assert_eq!((rng.below(0), rng.below_signed(-3), rng.exponential(0)), (0, 0, 0));
    }
}
