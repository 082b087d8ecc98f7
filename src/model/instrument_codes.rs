//! The exchange's numbers of instruments, by which SBE names them.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::instrument::InstrumentId;

/// A map between the exchange's number of an instrument (`instIdCode`) and its id.
///
/// Made once from the catalogue of instruments. It allocates when it is filled, not when it is
/// read. Codes have 64 bits: those of the demo environment have 16 digits.
///
/// Source: `GET /api/v5/public/instruments`, `"instId":"BTC-USDT",…,"instIdCode":3`, since
/// 2025-07-29.
#[derive(Clone, Default)]
pub struct InstrumentCodes {
    // Codes come from the catalogue, never from a frame, so a fixed seed is safe.
    // The ids are texts, since the check that bytes are one would cost more than the look-up.
    ids: HashTable<(i64, Box<str>)>,
    hasher: FixedState,
    codes: BTreeMap<InstrumentId, i64>,
}

impl InstrumentCodes {
    /// Makes an empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an instrument. A later entry replaces an earlier one of the same code or of the same
    /// id, so that each code has one id and each id one code.
    pub fn insert(&mut self, code: i64, id: InstrumentId) {
        if let Some(old) = self.codes.insert(id, code) {
            self.remove_code(old);
        }
        if let Some((_, old)) = self.remove_code(code) {
            self.codes.retain(|other, code_of_it| {
                *code_of_it != code || *other == id || other.as_str() != &*old
            });
        }
        let Self { ids, hasher, .. } = self;
        let entry = (code, id.as_str().into());
        ids.insert_unique(hash(hasher, code), entry, |(code, _)| hash(hasher, *code));
    }

    fn remove_code(&mut self, code: i64) -> Option<(i64, Box<str>)> {
        let found = self.ids.find_entry(hash(&self.hasher, code), |(other, _)| *other == code);
        found.ok().map(|entry| entry.remove().0)
    }

    /// The id of a code; `None` if it is not known.
    #[inline]
    #[must_use]
    pub fn id(&self, code: i64) -> Option<&str> {
        let found = self.ids.find(hash(&self.hasher, code), |(other, _)| *other == code);
        found.map(|(_, id)| &**id)
    }

    /// The code of an id; `None` if it is not known.
    #[must_use]
    pub fn code(&self, id: &InstrumentId) -> Option<i64> {
        self.codes.get(id).copied()
    }

    /// The number of instruments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is no instrument.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

#[inline]
fn hash(hasher: &FixedState, code: i64) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u64(code.cast_unsigned());
    state.finish()
}

impl Extend<(i64, InstrumentId)> for InstrumentCodes {
    fn extend<I: IntoIterator<Item = (i64, InstrumentId)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(code, id)| self.insert(code, id));
    }
}

impl FromIterator<(i64, InstrumentId)> for InstrumentCodes {
    fn from_iter<I: IntoIterator<Item = (i64, InstrumentId)>>(entries: I) -> Self {
        let mut codes = Self::new();
        codes.extend(entries);
        codes
    }
}

impl PartialEq for InstrumentCodes {
    fn eq(&self, other: &Self) -> bool {
        self.codes == other.codes
    }
}

impl Eq for InstrumentCodes {}

impl fmt::Debug for InstrumentCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.codes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_id_and_each_id_one_code() {
        let id = |text| InstrumentId::new(text).unwrap();
        let (btc, eth, ltc) = (id("BTC-USDT"), id("ETH-USDT"), id("LTC-USDT"));
        let mut codes = InstrumentCodes::from_iter([(3, btc), (2_021_032_622_018_248, eth)]);
        assert_eq!(
            (codes.id(3), codes.code(&eth)),
            (Some("BTC-USDT"), Some(2_021_032_622_018_248))
        );
        assert_eq!((codes.id(4), codes.code(&ltc)), (None, None));
        // A renamed instrument keeps its code.
        codes.insert(3, ltc);
        assert_eq!((codes.id(3), codes.code(&btc), codes.len()), (Some("LTC-USDT"), None, 2));
        // A new code of a known id.
        codes.insert(-1, ltc);
        assert_eq!((codes.id(3), codes.id(-1), codes.len()), (None, Some("LTC-USDT"), 2));
        // Both at once.
        codes.insert(-1, eth);
        assert_eq!((codes.id(-1), codes.id(2_021_032_622_018_248)), (Some("ETH-USDT"), None));
        assert_eq!((codes.len(), codes.code(&ltc)), (1, None));
        codes.insert(-1, eth);
        assert_eq!((codes.id(-1), codes.len(), codes.is_empty()), (Some("ETH-USDT"), 1, false));
    }
}
