//! Wall-clock and monotonic times.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SEC: u64 = 1_000_000_000;
const SECS_PER_DAY: u64 = 86_400;

/// The length of a v3 time text, `YYYY-MM-DDTHH:MM:SS.mmmZ`, in bytes.
pub(crate) const ISO_MS_LEN: usize = 24;

/// A wall-clock time in nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The range ends in the year 2554. Zero means "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
#[repr(transparent)]
pub struct UnixNanos(pub u64);

impl UnixNanos {
    /// No time: the value of a field that was never set.
    pub const UNKNOWN: Self = Self(0);

    /// Makes a time from milliseconds since the epoch; `None` past the year 2554.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Option<Self> {
        match millis.checked_mul(NANOS_PER_MILLI) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / NANOS_PER_MILLI
    }

    /// The time from `earlier` to `self`; `None` if the clock ran backwards.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }

    /// Parses v5's time text: decimal milliseconds since the epoch, such as `1597026383085`.
    ///
    /// `None` if the text is empty, has a byte that is not a digit or is past the year 2554.
    /// Leading zeros are accepted.
    #[must_use]
    pub fn parse_millis(text: &[u8]) -> Option<Self> {
        Self::from_millis(parse_digits(text)?)
    }

    /// Parses v3's time text, always `YYYY-MM-DDTHH:MM:SS.mmmZ` in UTC: 24 bytes.
    ///
    /// `None` for any other shape and for a day, hour, minute or second that does not exist; a
    /// leap second (`:60`) is one of those. The range starts in 1970.
    #[must_use]
    pub fn parse_iso_ms(text: &[u8]) -> Option<Self> {
        let text: &[u8; ISO_MS_LEN] = text.try_into().ok()?;
        let [y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', rest @ ..] = text else {
            return None;
        };
        let [h0, h1, b':', m0, m1, b':', s0, s1, b'.', f0, f1, f2, b'Z'] = rest else {
            return None;
        };
        let year = parse_digits(&[*y0, *y1, *y2, *y3])?;
        let month = parse_digits(&[*mo0, *mo1])?;
        let day = parse_digits(&[*d0, *d1])?;
        let hour = parse_digits(&[*h0, *h1])?;
        let minute = parse_digits(&[*m0, *m1])?;
        let second = parse_digits(&[*s0, *s1])?;
        let milli = parse_digits(&[*f0, *f1, *f2])?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_since_epoch(year, month, day)?;
        let secs = days * SECS_PER_DAY + hour * 3600 + minute * 60 + second;
        secs.checked_mul(NANOS_PER_SEC)?.checked_add(milli * NANOS_PER_MILLI).map(Self)
    }

    /// Formats the time as v3 does, `YYYY-MM-DDTHH:MM:SS.mmmZ`, cut to milliseconds.
    #[must_use]
    pub fn iso_ms(self) -> IsoMs {
        IsoMs(self)
    }
}

/// A time that displays as `YYYY-MM-DDTHH:MM:SS.mmmZ`. Made by [`UnixNanos::iso_ms`].
#[derive(Clone, Copy, Debug)]
pub struct IsoMs(UnixNanos);

impl IsoMs {
    /// The length of a v3 time text, `YYYY-MM-DDTHH:MM:SS.mmmZ`, in bytes.
    pub const LEN: usize = ISO_MS_LEN;
}

impl fmt::Display for IsoMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (secs, milli) = (millis / 1000, millis % 1000);
        let (days, second_of_day) = (secs / SECS_PER_DAY, secs % SECS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) =
            (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// A monotonic time: nanoseconds since a start that the caller chooses once.
///
/// Only the client and the transport read clocks. All other code gets times as arguments, so tests
/// control time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoNanos(pub u64);

impl MonoNanos {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for MonoNanos {
    type Output = Self;

    /// Saturates at the end of the range, 584 years after the start.
    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// Parses plain ASCII digits into a `u64`; `None` for anything else or on overflow.
pub(crate) fn parse_digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Days from the epoch to a Gregorian date of 1970 or later; `None` if there is no such day.
pub(crate) fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    // Years start in March, so that the leap day is the last one (Howard Hinnant, "chrono-
    // Compatible Low-Level Date Algorithms", days_from_civil).
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (y / 400, y % 400);
    let day_of_year = (153 * m + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The Gregorian date of a day since the epoch (the same source's civil_from_days).
pub(crate) fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_reads_back() {
        // The oracle counts days one by one with the calendar's own rule.
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..(500 * 366) {
            assert_eq!(days_since_epoch(year, month, day), Some(days));
            assert_eq!(civil_from_days(days), (year, month, day));
            day += 1;
            if day > days_in_month(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn iso_text_reads_and_prints() {
        let text = "2021-04-25T08:24:33.352Z";
        let time = UnixNanos::parse_iso_ms(text.as_bytes()).unwrap();
        assert_eq!(time, UnixNanos(1_619_339_073_352_000_000));
        assert_eq!(time.iso_ms().to_string(), text);
        assert_eq!(UnixNanos(0).iso_ms().to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "2021-02-29T00:00:00.000Z",
            "2100-02-29T00:00:00.000Z",
            "2021-13-01T00:00:00.000Z",
            "2021-00-01T00:00:00.000Z",
            "2021-01-00T00:00:00.000Z",
            "2021-01-32T00:00:00.000Z",
            "2021-01-01T24:00:00.000Z",
            "2021-01-01T00:60:00.000Z",
            "2021-01-01T00:00:60.000Z",
            "2021-01-01T00:00:00.000z",
            "2021-01-01 00:00:00.000Z",
            "2021-01-01T00:00:00.00Z",
            "2021-01-01T00:00:00.0000Z",
            "1969-12-31T23:59:59.999Z",
            "2021-1a-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
            "",
        ] {
            assert_eq!(UnixNanos::parse_iso_ms(text.as_bytes()), None, "{text}");
        }
        assert!(UnixNanos::parse_iso_ms(b"2020-02-29T23:59:59.999Z").is_some());
    }

    #[test]
    fn millis_text_reads() {
        assert_eq!(
            UnixNanos::parse_millis(b"1597026383085"),
            Some(UnixNanos(1_597_026_383_085_000_000))
        );
        for text in ["", "-1", "1.5", " 1", "1a", "99999999999999", "18446744073709551616"] {
            assert_eq!(UnixNanos::parse_millis(text.as_bytes()), None, "{text}");
        }
    }
}
