//! The two time texts of the wire.

use super::cursor::Cursor;
use super::digits::{above_nine, count, join, join_first, pairs, values};
use crate::model::UnixNanos;

pub(super) const NANOS_PER_MILLI: u64 = 1_000_000;
const MILLIS_PER_DAY: u64 = 86_400_000;

/// Reads v5's milliseconds since the epoch, with 13 digits: from 2001-09-09 to 2286-11-20.
#[inline(always)]
pub(super) fn millis(cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
    let text: &[u8; 16] = cursor.peek()?;
    let ([first, second], _) = text.as_chunks::<8>() else { return None };
    let (first, second) = (values(u64::from_le_bytes(*first)), values(u64::from_le_bytes(*second)));
    if above_nine(first) != 0 || count(second) != 5 {
        return None;
    }
    cursor.advance(13)?;
    let millis = join(first) * 100_000 + join_first(second, 5);
    Some(UnixNanos(millis * NANOS_PER_MILLI))
}

/// Reads v3's `YYYY-MM-DDTHH:MM:SS.mmmZ` in the years 2000 to 2099.
#[inline(always)]
pub(super) fn iso_ms(cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
    let text: &[u8; 24] = cursor.peek()?;
    let (words, _) = text.as_chunks::<8>();
    let [date, middle, end] = words else { return None };
    // A literal becomes 0 and a digit its value; anything else is above 9 or not 0 where it must
    // be.
    let date = u64::from_le_bytes(*date) ^ u64::from_le_bytes(*b"0000-00-");
    let middle = u64::from_le_bytes(*middle) ^ u64::from_le_bytes(*b"00T00:00");
    let end = u64::from_le_bytes(*end) ^ u64::from_le_bytes(*b":00.000Z");
    let literals = (date & 0xff00_00ff_0000_0000)
        | (middle & 0x0000_ff00_00ff_0000)
        | (end & 0xff00_0000_ff00_00ff);
    if literals | above_nine(date) | above_nine(middle) | above_nine(end) != 0 {
        return None;
    }
    cursor.advance(24)?;
    let [century, _, year, _, _, month, ..] = pairs(date).to_le_bytes();
    let [day, _, _, hour, _, _, minute, _] = pairs(middle).to_le_bytes();
    let [_, second, _, _, centis, _, millis_times_ten, _] = pairs(end).to_le_bytes();
    let days = days_since_epoch(century, year, month, day)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (u64::from(hour) * 60 + u64::from(minute)) * 60 + u64::from(second);
    let millis = u64::from(centis) * 10 + u64::from(millis_times_ten / 10);
    let millis = days * MILLIS_PER_DAY + seconds * 1000 + millis;
    Some(UnixNanos(millis * NANOS_PER_MILLI))
}

/// Days from 1970-01-01 to a date of the years 2000 to 2099, in which every fourth year is a leap
/// year.
#[inline(always)]
fn days_since_epoch(century: u8, year: u8, month: u8, day: u8) -> Option<u64> {
    /// Days in the year before each month, then the days of the month; months count from 1.
    const MONTHS: [(u16, u8); 13] = [
        (0, 0),
        (0, 31),
        (31, 28),
        (59, 31),
        (90, 30),
        (120, 31),
        (151, 30),
        (181, 31),
        (212, 31),
        (243, 30),
        (273, 31),
        (304, 30),
        (334, 31),
    ];
    const DAYS_TO_2000: u64 = 10_957;
    let &(before, days_in_month) = MONTHS.get(usize::from(month))?;
    let leap = year.is_multiple_of(4);
    let days_in_month = days_in_month + u8::from(leap & (month == 2));
    if century != 20 || day == 0 || day > days_in_month {
        return None;
    }
    let leap_days = year.div_ceil(4) + u8::from(leap & (month > 2));
    let year_days = u64::from(year) * 365 + u64::from(leap_days);
    Some(DAYS_TO_2000 + year_days + u64::from(before) + u64::from(day) - 1)
}
