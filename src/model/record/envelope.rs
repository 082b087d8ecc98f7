//! A record with its times.

use super::data::{RecordData, RecordType};
use crate::model::time::UnixNanos;

/// One value of a channel that is neither a book nor a trade: a ticker, a mark price, a candle.
///
/// Plain and `Copy`, without heap. A value that the message does not have is absent, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    /// The exchange's time; [`UnixNanos::UNKNOWN`] if the message has none.
    pub ts_event: UnixNanos,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
    /// The value.
    pub data: RecordData,
}

/// Words before those of the value: times and kind.
const HEAD: usize = 3;

/// The code of no kind.
const NO_KIND: u8 = u8::MAX;

impl Record {
    /// No record: the value before the first one.
    pub const EMPTY: Self =
        Self { ts_event: UnixNanos::UNKNOWN, ts_recv: UnixNanos::UNKNOWN, data: RecordData::Empty };

    /// The number of words of a record.
    pub(crate) const WORDS: usize = HEAD + RecordData::WORDS;

    /// The value as a type, such as `record.get::<Ticker>()`; `None` if it is of another type.
    #[must_use]
    pub fn get<T: RecordType>(&self) -> Option<&T> {
        T::of(&self.data)
    }

    /// Whether there is a value.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        !matches!(self.data, RecordData::Empty)
    }

    /// The time by which records of a channel are ordered: the exchange's, or the start of a
    /// candle,
    /// which has no other.
    pub(crate) const fn order(&self) -> UnixNanos {
        match &self.data {
            RecordData::Candle(candle) => candle.start,
            _ => self.ts_event,
        }
    }

    /// Passes the words of the record and the caller's byte `mark` to `put`, with their indices.
    pub(crate) fn put_words(&self, mark: u8, mut put: impl FnMut(usize, u64)) {
        let code = self.data.kind().map_or(NO_KIND, |kind| kind as u8);
        put(0, self.ts_event.0);
        put(1, self.ts_recv.0);
        put(2, u64::from(u16::from_le_bytes([mark, code])));
        let mut at = HEAD;
        self.data.put(&mut |word| {
            put(at, word);
            at += 1;
        });
    }

    /// The record and the mark of [`Record::put_words`].
    pub(crate) fn from_words(words: &[u64; Self::WORDS]) -> (Self, u8) {
        let [ts_event, ts_recv, head, data @ ..] = words;
        let [mark, code, ..] = head.to_le_bytes();
        let data = RecordData::take(code, &mut data.iter().copied());
        (Self { ts_event: UnixNanos(*ts_event), ts_recv: UnixNanos(*ts_recv), data }, mark)
    }
}
