//! The words of a rule, such as `for=5s`, and the values that they can have.

use std::num::NonZero;
use std::time::Duration;

use crate::model::{Channel, Decimal, Dialect, InstrumentId};

/// The most bytes of a frame: a limit on what a rule makes the exchange hold in memory.
const MAX_SIZE: usize = 1 << 30;

/// Why a text is no [`FaultPlan`](super::FaultPlan) or [`FaultRule`](super::FaultRule).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultSpecError {
    /// There is no such kind of fault.
    #[error("unknown fault {name:?}; there are {known}")]
    Kind {
        /// The name as it was written.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A kind has no such word.
    #[error("{kind} has no {word:?}; it has {known}")]
    Word {
        /// The kind of fault.
        kind: &'static str,
        /// The word as it was written.
        word: String,
        /// The words that there are.
        known: String,
    },
    /// A word that has no value.
    #[error("{0:?} has no value; write {0}=...")]
    NoValue(String),
    /// A word that has to be given, and how.
    #[error("{0} is missing; add {0}={1}")]
    Missing(&'static str, &'static str),
    /// A word's value can't be read.
    #[error("{word}={value:?} can't be read; write {right}")]
    Value {
        /// The word.
        word: String,
        /// Its value as it was written.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// A fault that does not say when it happens.
    #[error("{0} does not say when; add at=5s, every=5s, p=0.01, nth=3 or each=100")]
    NoTime(&'static str),
    /// A fault that can't happen then.
    #[error("{0} can't happen then; write {1}")]
    WrongTime(&'static str, &'static str),
}

/// What the value of a word can be read as.
pub(super) trait Value: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// What would be right.
    fn from_text(text: &str) -> Result<Self, &'static str>;
}

/// Reads the value of a word.
pub(super) fn read<T: Value>(word: &str, text: &str) -> Result<T, FaultSpecError> {
    T::from_text(text).map_err(|right| {
        let (word, value) = (word.to_owned(), text.to_owned());
        FaultSpecError::Value { word, value, right }
    })
}

/// The words of a rule that are not yet read. Of a word that comes twice, the last one holds.
#[derive(Debug)]
pub(super) struct Words<'t>(pub(super) Vec<(&'t str, &'t str)>);

impl<'t> Words<'t> {
    /// Splits `for=5s,times=2`.
    pub(super) fn split(text: &'t str) -> Result<Self, FaultSpecError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let pairs = words.map(|word| match word.split_once('=') {
            Some((word, value)) => Ok((word.trim(), value.trim())),
            None => Err(FaultSpecError::NoValue(word.to_owned())),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// Removes a word and reads it. `default` stands in for it; where that is no value, the word
    /// has to be there.
    pub(super) fn read_own<T: Value>(
        &mut self,
        word: &'static str,
        default: &str,
    ) -> Result<T, FaultSpecError> {
        let found = self.0.iter().rfind(|(name, _)| *name == word).map(|(_, value)| *value);
        self.0.retain(|(name, _)| *name != word);
        match found {
            Some(text) => read(word, text),
            None => T::from_text(default).map_err(|right| FaultSpecError::Missing(word, right)),
        }
    }
}

/// Which subscription a stray error names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One that the connection does not have.
    Other,
    /// One that the connection has, other than the one that is being answered.
    Live,
    /// None.
    None,
}

/// Which request's id an error has, in v5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyId {
    /// That of the request that is being answered.
    Own,
    /// That of an earlier request, which has been answered.
    Other,
    /// None.
    None,
}

/// Which messages a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFilter {
    /// All.
    Any,
    /// Data.
    Push,
    /// Acknowledgements, errors and pongs.
    Reply,
}

/// A probability in parts per billion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// A probability of 1.
    pub(super) const CERTAIN: u64 = 1_000_000_000;
    /// The decimals of a probability.
    const SCALE: u8 = 9;
}

/// A time between two faults: not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period(pub(super) Duration);

/// The numbers of connections, from 1: the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers(pub(super) u64, pub(super) u64);

impl Numbers {
    pub(super) const ALL: Self = Self(1, u64::MAX);

    pub(super) fn contain(self, number: u64) -> bool {
        (self.0..=self.1).contains(&number)
    }
}

impl Value for u64 {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "a whole number")
    }
}

impl Value for u16 {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "a whole number")
    }
}

impl Value for NonZero<u64> {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "a whole number above 0")
    }
}

/// Bytes, parts, subscriptions.
impl Value for usize {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let number = text.parse().ok().filter(|number| (1..=MAX_SIZE).contains(number));
        number.ok_or("a whole number from 1 to 1073741824")
    }
}

impl Value for Duration {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let right = "a time such as 500ms, 5s, 2m or 1h";
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at_checked(digits).ok_or(right)?;
        let nanos = match unit {
            "us" => 1_000_u64,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(right),
        };
        let count = count.parse().map_err(|_| right)?;
        nanos.checked_mul(count).map(Self::from_nanos).ok_or(right)
    }
}

/// Zero is none.
impl<T: Value + Default + PartialEq> Value for Option<T> {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        T::from_text(text).map(|value| (value != T::default()).then_some(value))
    }
}

impl Value for Period {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        Option::from_text(text)?.map(Self).ok_or("a time above 0, such as 5s")
    }
}

/// Nanoseconds.
impl Value for NonZero<i64> {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let right = "5s or -500ms: a time with a sign, not 0";
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let nanos = Duration::from_text(rest).map_err(|_| right)?.as_nanos();
        i64::try_from(nanos).ok().and_then(|nanos| Self::new(sign * nanos)).ok_or(right)
    }
}

impl Value for Chance {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let decimal = text.parse::<Decimal>().ok().and_then(|p| p.rescale(Self::SCALE).ok());
        let parts = decimal.and_then(|decimal| u64::try_from(decimal.mantissa()).ok());
        let parts = parts.filter(|parts| *parts <= Self::CERTAIN);
        parts.map(Self).ok_or("a probability from 0 to 1, such as 0.01")
    }
}

impl Value for Numbers {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let last = if last.is_empty() { Some(u64::MAX) } else { last.parse().ok() };
        let both = first.parse().ok().zip(last).filter(|(first, last)| (1..=*last).contains(first));
        both.map(|(first, last)| Self(first, last)).ok_or("numbers from 1, such as 3, 2-4 or 5-")
    }
}

impl Value for Dialect {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        choice(text, &[("v3", Self::V3), ("v5", Self::V5)]).ok_or("v3 or v5")
    }
}

impl Value for Channel {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|channel| channel.name() == text);
        found.ok_or("a channel without market, such as books or depth5")
    }
}

impl Value for InstrumentId {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        Self::new(text).map_err(|_| "an id such as BTC-USDT")
    }
}

impl Value for MessageFilter {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let choices = [("any", Self::Any), ("push", Self::Push), ("reply", Self::Reply)];
        choice(text, &choices).ok_or("push, reply or any")
    }
}

impl Value for Subject {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let choices = [("other", Self::Other), ("live", Self::Live), ("none", Self::None)];
        choice(text, &choices).ok_or("other, live or none")
    }
}

impl Value for ReplyId {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let choices = [("own", Self::Own), ("other", Self::Other), ("none", Self::None)];
        choice(text, &choices).ok_or("own, other or none")
    }
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}
