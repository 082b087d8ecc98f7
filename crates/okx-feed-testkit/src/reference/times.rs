//! Times in both notations of the wire.

use crate::big;

/// Milliseconds since 1970 to nanoseconds.
pub(super) fn millis(text: &str) -> Option<u64> {
    if text.starts_with('-') {
        return None;
    }
    // Times, unlike ids and counts, may have leading zeros.
    let digits = text.trim_start_matches('0');
    let digits = if digits.is_empty() && !text.is_empty() { "0" } else { digits };
    big::integer(digits, "0", "18446744073709551615")?.parse::<u64>().ok()?.checked_mul(1_000_000)
}

/// The same, or a date alone, which is its midnight.
pub(super) fn iso_or_date(text: &str) -> Option<u64> {
    if text.len() == 10 { iso(&format!("{text}T00:00:00.000Z")) } else { iso(text) }
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ` to nanoseconds, days counted year by year and month by month.
pub(super) fn iso(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.len() != 24 {
        return None;
    }
    for (byte, form) in bytes.iter().zip(b"0000-00-00T00:00:00.000Z") {
        let fits = if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        if !fits {
            return None;
        }
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    let mut months = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    months[1] += u64::from(leap(year));
    let in_year = months.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year < 1970 || day == 0 || day > *in_year || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + months.iter().take(usize::try_from(month).ok()? - 1).sum::<u64>() + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(part(20, 23)? * 1_000_000)
}
