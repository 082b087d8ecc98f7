//! Instrument ids: opaque, stored inline.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest instrument id in bytes.
///
/// Ids of pairs and contracts have at most 23 (`BTC-USD_UM_XPERP-310404`), event contracts up to 39
/// (`BTC-BETWEEN-DAILY-261130-1600-84000-INF`) and placeholders of listings up to 42. 63 and a
/// length byte fill a cache line.
pub(crate) const MAX_ID_LEN: usize = 63;

/// An instrument's id as the exchange writes it, such as `BTC-USDT` or `EOS-USD-210625-8.00-C`.
///
/// Opaque: this crate never splits an id or counts its dashes, because the exchange has changed the
/// forms before (`BTC-USD_UM-SWAP`). 1 to [`InstrumentId::MAX_LEN`] bytes of UTF-8, stored inline:
/// `Copy`, 64 bytes, no heap.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct InstrumentId {
    // First, so that a short id is adjacent to its length.
    len: u8,
    // Bytes past `len` are zero, so that the derived comparison is correct.
    bytes: [u8; MAX_ID_LEN],
}

/// The error of a text that is not an [`InstrumentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentIdError {
    /// The text is empty.
    #[error("an instrument id can't be empty")]
    Empty,
    /// The text has more than [`InstrumentId::MAX_LEN`] bytes.
    #[error("an instrument id has at most {MAX_ID_LEN} bytes")]
    TooLong,
}

impl InstrumentId {
    /// The longest instrument id in bytes.
    ///
    /// Ids of pairs and contracts have at most 23 (`BTC-USD_UM_XPERP-310404`), event contracts up
    /// to 39 (`BTC-BETWEEN-DAILY-261130-1600-84000-INF`) and placeholders of listings up to 42. 63
    /// and a length byte fill a cache line.
    pub const MAX_LEN: usize = MAX_ID_LEN;
}

impl InstrumentId {
    /// No instrument: the key of a channel that has none.
    pub const NONE: Self = Self { len: 0, bytes: [0; MAX_ID_LEN] };

    /// Copies an id from a text. Allocates nothing.
    ///
    /// # Errors
    /// [`InstrumentIdError`] if the text is empty or too long.
    pub fn new(text: &str) -> Result<Self, InstrumentIdError> {
        if text.is_empty() {
            return Err(InstrumentIdError::Empty);
        }
        let mut bytes = [0; MAX_ID_LEN];
        let slot = bytes.get_mut(..text.len()).ok_or(InstrumentIdError::TooLong)?;
        slot.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).map_err(|_| InstrumentIdError::TooLong)?;
        Ok(Self { len, bytes })
    }

    /// The id's bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Made from a whole `&str`, so the fallback is never used.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl Ord for InstrumentId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for InstrumentId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for InstrumentId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for InstrumentId {
    type Err = InstrumentIdError;

    fn from_str(text: &str) -> Result<Self, InstrumentIdError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for InstrumentId {
    type Error = InstrumentIdError;

    fn try_from(text: &str) -> Result<Self, InstrumentIdError> {
        Self::new(text)
    }
}

const _: () = assert!(size_of::<InstrumentId>() == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque_and_round_trip() {
        for text in [
            "BTC-USDT",
            "EOS-USD-210625-8.00-C",
            "BTC-USD_UM_XPERP-310404",
            "BTC-BETWEEN-DAILY-261130-1600-84000-INF",
            "₿-USDT",
        ] {
            assert_eq!(InstrumentId::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn length_is_checked_at_the_limit() {
        assert!(InstrumentId::new(&"X".repeat(MAX_ID_LEN)).is_ok());
        let long = InstrumentId::new(&"X".repeat(MAX_ID_LEN + 1));
        assert_eq!(long, Err(InstrumentIdError::TooLong));
        assert_eq!(InstrumentId::new(""), Err(InstrumentIdError::Empty));
    }

    #[test]
    fn order_is_that_of_the_text() {
        let id = |text| InstrumentId::new(text).unwrap();
        assert!(id("BTC-USD") < id("BTC-USDT"));
        assert!(id("A") < id("B"));
        assert_ne!(id("A"), id("AA"));
    }
}
