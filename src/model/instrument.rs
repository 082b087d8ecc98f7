//! The name of an instrument: opaque bytes, kept inline.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest instrument id in bytes.
///
/// The longest that the exchange is known to use has 23 (`BTC-USD_UM_XPERP-310404`); 31 and a
/// length byte fill half a cache line.
pub const MAX_ID_LEN: usize = 31;

/// An instrument's id as the exchange writes it, such as `BTC-USDT` or `EOS-USD-210625-8.00-C`.
///
/// It is opaque: nothing here splits it or counts its dashes, since the exchange has changed the
/// forms before (`BTC-USD_UM-SWAP`). 1 to [`MAX_ID_LEN`] bytes of UTF-8, held inline: `Copy`, 32
/// bytes, no heap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct InstrumentId {
    // Bytes past `len` are zero, so that the derived comparisons are right.
    bytes: [u8; MAX_ID_LEN],
    len: u8,
}

/// Why a text is no [`InstrumentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentIdError {
    /// The text is empty.
    #[error("an instrument id can't be empty")]
    Empty,
    /// The text has more than [`MAX_ID_LEN`] bytes.
    #[error("an instrument id has at most {MAX_ID_LEN} bytes")]
    TooLong,
}

impl InstrumentId {
    /// Copies an id out of borrowed text. Allocates nothing.
    ///
    /// # Errors
    /// [`InstrumentIdError`] where the text is empty or too long.
    pub fn new(text: &str) -> Result<Self, InstrumentIdError> {
        if text.is_empty() {
            return Err(InstrumentIdError::Empty);
        }
        let mut bytes = [0; MAX_ID_LEN];
        let slot = bytes.get_mut(..text.len()).ok_or(InstrumentIdError::TooLong)?;
        slot.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).map_err(|_| InstrumentIdError::TooLong)?;
        Ok(Self { bytes, len })
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
        // Made from a whole `&str`, so the fallback is never taken.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
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

const _: () = assert!(size_of::<InstrumentId>() == 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque_and_come_back() {
        for text in ["BTC-USDT", "EOS-USD-210625-8.00-C", "BTC-USD_UM_XPERP-310404", "₿-USDT"] {
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
