//! A part of the instruments: which of several publishers takes which.

use std::fmt;
use std::str::FromStr;

/// A hash that is the same on every machine and in every version: FNV-1a with 64 bits.
#[must_use]
pub fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// One of several parts of all ids, by [`stable_hash`]: `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    number: u32,
    of: u32,
}

/// A text that is no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shard is its number and how many there are, from 1/1 to 1024/1024: 2/4")]
pub struct ShardError;

impl Shard {
    /// Whether an id is of this shard: the upper half of [`stable_hash`], modulo the number of
    /// shards.
    #[must_use]
    pub fn has(&self, inst_id: &str) -> bool {
        (stable_hash(inst_id.as_bytes()) >> 32) % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (number, of) = text.split_once('/').ok_or(ShardError)?;
        let (number, of) = (number.parse().ok(), of.parse().ok());
        let (Some(number), Some(of)) = (number, of) else { return Err(ShardError) };
        let is_valid = (1..=1_024).contains(&of) && (1..=of).contains(&number);
        is_valid.then_some(Self { number, of }).ok_or(ShardError)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_of_one_shard_and_always_of_the_same() {
        let shards: Vec<Shard> = (1..=4).map(|n| format!("{n}/4").parse().unwrap()).collect();
        let mut sizes = [0; 4];
        for id in (0..4_000).map(|n| format!("COIN{n}-USDT")) {
            let of: Vec<_> = (0..4).filter(|n| shards[*n].has(&id)).collect();
            assert_eq!(of.len(), 1, "{id}");
            sizes[of[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (900..1_100).contains(size)), "{sizes:?}");
        // Known values: a publisher of another version or machine must agree.
        let of = |id: &str| shards.iter().find(|shard| shard.has(id)).unwrap().to_string();
        assert_eq!(["BTC-USDT", "ETH-USDT", "SOL-USDT"].map(of), ["3/4", "4/4", "4/4"]);
    }

    #[test]
    fn only_numbers_within_the_count_are_shards() {
        for text in ["", "1", "0/4", "5/4", "1/0", "1/1025", "a/b", "1/2/3", "-1/2"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError), "{text}");
        }
    }
}
