//! Any record.

use super::declare::RecordBody;
use super::field::{FieldError, FieldValue, RawValue};
use super::prices::{
    BlockTicker, CallAuction, Candle, EstimatedPrice, FundingRate, IndexTicker, MarkPrice,
    OpenInterest, PriceLimit, Ticker,
};
use super::reference::{
    AdlWarning, EventContract, Instrument, OptionDetail, OptionSummary, Status,
};
use super::trades::{BlockLeg, BlockTrade, Liquidation, OptionTrade};
use crate::model::dialect::Dialect;

/// A type of record, to take it out of a [`RecordData`].
pub trait RecordType: Sized {
    /// The record, if it is of this type.
    fn of(data: &RecordData) -> Option<&Self>;
}

macro_rules! kinds {
    ($($record:ident,)*) => {
        /// The kind of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum RecordKind {
            $(
                #[doc = concat!("A [`", stringify!($record), "`](crate::model::", stringify!($record), ").")]
                $record,
            )*
        }

        impl RecordKind {
            /// All kinds, in declaration order.
            pub const ALL: [Self; [$(Self::$record),*].len()] = [$(Self::$record),*];

            /// The name of the record's type.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$record => stringify!($record),)* }
            }

            /// The bits of the fields that a message must have.
            pub(crate) const fn required(self) -> u32 {
                match self { $(Self::$record => $record::REQUIRED,)* }
            }
        }

        /// What a record holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum RecordData {
            /// Nothing: before the first record, and in the place of one that was lost.
            Empty,
            $(
                #[doc = concat!("A [`", stringify!($record), "`].")]
                $record($record),
            )*
        }

        $(
            impl RecordType for $record {
                fn of(data: &RecordData) -> Option<&Self> {
                    match data {
                        RecordData::$record(record) => Some(record),
                        _ => None,
                    }
                }
            }
        )*

        impl RecordData {
            /// The most words that a record takes.
            pub(super) const WORDS: usize = {
                let mut most = 0;
                $(
                    if $record::WORDS > most {
                        most = $record::WORDS;
                    }
                )*
                most
            };

            /// A record of a kind without any value: to be filled by [`RecordData::set_field`].
            #[must_use]
            pub const fn empty(kind: RecordKind) -> Self {
                match kind { $(RecordKind::$record => Self::$record($record::EMPTY),)* }
            }

            /// The kind; `None` if it is empty.
            #[must_use]
            pub const fn kind(&self) -> Option<RecordKind> {
                match self {
                    Self::Empty => None,
                    $(Self::$record(_) => Some(RecordKind::$record),)*
                }
            }

            /// Reads the field of a key: the field's bit; 0 for a key that is not read.
            pub(crate) fn set(
                &mut self,
                key: &str,
                raw: RawValue<'_>,
                dialect: Dialect,
            ) -> Result<u32, FieldError> {
                match self {
                    Self::Empty => Ok(0),
                    $(Self::$record(record) => record.set(key, raw, dialect),)*
                }
            }

            pub(super) fn put(&self, put: &mut impl FnMut(u64)) {
                match self {
                    Self::Empty => {}
                    $(Self::$record(record) => record.put(put),)*
                }
            }

            /// The record of a kind's code, from its words.
            pub(super) fn take(code: u8, words: &mut impl Iterator<Item = u64>) -> Self {
                match RecordKind::ALL.get(usize::from(code)) {
                    None => Self::Empty,
                    $(Some(RecordKind::$record) => Self::$record($record::take(words)),)*
                }
            }

            /// Passes the name and the value of each field to `each`, in declaration order.
            pub fn fields(&self, each: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
                match self {
                    Self::Empty => {}
                    $(Self::$record(record) => record.fields(each),)*
                }
            }

            /// Sets the field of a name, as [`RecordData::fields`] passes them: from a value of
            /// its type, an exact number also from its text, a time also from its nanoseconds.
            /// False for no such field, and for a value of another type.
            pub fn set_field(&mut self, name: &str, value: FieldValue<'_>) -> bool {
                match self {
                    Self::Empty => false,
                    $(Self::$record(record) => record.set_field(name, value),)*
                }
            }
        }
    };
}

kinds! {
    Ticker,
    MarkPrice,
    IndexTicker,
    FundingRate,
    OpenInterest,
    PriceLimit,
    Candle,
    EstimatedPrice,
    Liquidation,
    OptionSummary,
    OptionTrade,
    Status,
    Instrument,
    EventContract,
    CallAuction,
    AdlWarning,
    BlockTicker,
    BlockTrade,
    BlockLeg,
    OptionDetail,
}
