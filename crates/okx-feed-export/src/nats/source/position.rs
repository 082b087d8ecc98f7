//! Where a source is in a stream.

use std::fmt;
use std::str::FromStr;

use async_nats::datetime::{DateTime, from_nanos};
use okx_feed::UnixNanos;

/// A message of a stream: where a source is, to be kept while it does not run.
///
/// The time shows whether the stream still has that message. A server that crashed may have lost
/// the end of a stream, which then grows again from an earlier place.
///
/// Its text is `1234@1764512345678901234`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of the message in the stream, from 1; 0 for before the first.
    pub sequence: u64,
    /// When the stream stored it.
    pub stored: UnixNanos,
}

impl Position {
    /// The position of a message that the stream stored at a time.
    pub(super) fn new(sequence: u64, stored: DateTime) -> Self {
        let nanos = u64::try_from(stored.unix_timestamp_nanos()).unwrap_or_default();
        Self { sequence, stored: UnixNanos(nanos) }
    }

    /// The time that is so many nanoseconds before the message was stored.
    ///
    /// # Errors
    /// The library's, in words. No time of [`UnixNanos`] has one.
    pub(super) fn before(&self, nanos: u64) -> Result<DateTime, String> {
        let at = self.stored.0.saturating_sub(nanos);
        from_nanos(i128::from(at)).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.sequence, self.stored.0)
    }
}

/// A text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no position in a stream; it is written as 1234@1764512345678901234")]
pub struct ParsePositionError;

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let (sequence, stored) = text.split_once('@').ok_or(ParsePositionError)?;
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().map_err(|_| ParsePositionError),
            false => Err(ParsePositionError),
        };
        Ok(Self { sequence: number(sequence)?, stored: UnixNanos(number(stored)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_kept_as_a_text() {
        let position = Position { sequence: 1_234, stored: UnixNanos(1_764_512_345_678_901_234) };
        assert_eq!(position.to_string(), "1234@1764512345678901234");
        assert_eq!(position.to_string().parse(), Ok(position));
        let stored = position.before(0).unwrap();
        assert_eq!(Position::new(1_234, stored), position);
        let earlier = Position::new(1, position.before(1_234).unwrap());
        assert_eq!(earlier.stored, UnixNanos(1_764_512_345_678_900_000));
        for text in ["", "1234", "@", "1@", "-1@2", "+1@2", "1@2@3", "99999999999999999999@1"] {
            assert_eq!(text.parse::<Position>(), Err(ParsePositionError), "{text}");
        }
    }
}
