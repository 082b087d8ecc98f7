//! Numbers for people: grouped digits, times and sizes with units.

use std::fmt;
use std::time::Duration;

use crate::model::Decimal;

/// A number with its digits in groups of three, apart by a space.
#[derive(Clone, Copy)]
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// Nanoseconds in the unit that suits them, with three digits.
#[derive(Clone, Copy)]
pub(crate) struct Nanos(pub(crate) u64);

impl fmt::Display for Nanos {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0 as f64;
        let (number, unit) = match self.0 {
            0..1_000 => return f.pad(&format!("{} ns", self.0)),
            1_000..1_000_000 => (nanos / 1e3, "µs"),
            1_000_000..1_000_000_000 => (nanos / 1e6, "ms"),
            _ => (nanos / 1e9, "s"),
        };
        let decimals = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
        f.pad(&format!("{number:.decimals$} {unit}"))
    }
}

/// Bytes in the unit that suits them.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "few digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        f.pad(&match self.0 {
            0..10_000 => format!("{} B", self.0),
            10_000..10_000_000 => format!("{:.1} kB", bytes / 1e3),
            10_000_000..10_000_000_000 => format!("{:.1} MB", bytes / 1e6),
            _ => format!("{:.1} GB", bytes / 1e9),
        })
    }
}

/// How many a second; 0 where no time has passed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded rate")]
#[expect(clippy::cast_precision_loss, reason = "a rounded rate")]
pub(crate) fn per_sec(count: u64, time: Duration) -> u64 {
    let secs = time.as_secs_f64();
    if secs > 0.0 { (count as f64 / secs).round() as u64 } else { 0 }
}

/// Texts of numbers, padded on the right so that their decimal points stand below each other.
pub(crate) fn aligned(numbers: &[Decimal]) -> Vec<String> {
    let widest = numbers.iter().map(|number| fraction_len(*number)).max().unwrap_or_default();
    let pad = |number: &Decimal| {
        let missing = widest - fraction_len(*number);
        format!("{number}{:missing$}", "")
    };
    numbers.iter().map(pad).collect()
}

/// The characters from the decimal point on.
fn fraction_len(number: Decimal) -> usize {
    usize::from(number.scale()) + usize::from(number.scale() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        let text = |number| Grouped(number).to_string();
        assert_eq!(
            [text(0), text(999), text(1_000), text(1_234_567)],
            ["0", "999", "1 000", "1 234 567"]
        );
        assert_eq!(format!("{:>8}|", Grouped(1_000)), "   1 000|");
    }

    #[test]
    fn times_and_sizes_have_the_unit_that_suits_them() {
        let text = |nanos| Nanos(nanos).to_string();
        assert_eq!([text(0), text(999), text(4_123)], ["0 ns", "999 ns", "4.12 µs"]);
        assert_eq!([text(41_234), text(412_340)], ["41.2 µs", "412 µs"]);
        assert_eq!([text(1_500_000), text(2_000_000_000)], ["1.50 ms", "2.00 s"]);
        assert_eq!([Bytes(9_999).to_string(), Bytes(12_345).to_string()], ["9999 B", "12.3 kB"]);
        assert_eq!(Bytes(12_345_678_901).to_string(), "12.3 GB");
    }

    #[test]
    fn decimal_points_stand_below_each_other() {
        let numbers: Vec<Decimal> =
            ["84093.5", "84094", "0.0010"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(aligned(&numbers), ["84093.5   ", "84094     ", "0.0010"]);
    }

    #[test]
    fn no_time_is_no_rate() {
        assert_eq!(per_sec(10, Duration::ZERO), 0);
        assert_eq!(per_sec(10, Duration::from_secs(4)), 3);
    }
}
