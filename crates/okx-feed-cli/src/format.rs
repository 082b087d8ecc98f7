//! Numbers for people: grouped digits, times and sizes with units.

use std::fmt::{self, Write};
use std::time::Duration;

use okx_feed::{Decimal, UnixNanos};

/// A number with its digits in groups of three, apart by a comma: for a screen, whose numbers no
/// other program reads.
#[derive(Clone, Copy)]
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
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
        f.pad(&match self.0 {
            0..1_000 => format!("{} ns", self.0),
            1_000..1_000_000 => three_digits(nanos / 1e3, "µs"),
            1_000_000..1_000_000_000 => three_digits(nanos / 1e6, "ms"),
            _ => three_digits(nanos / 1e9, "s"),
        })
    }
}

/// A round time, without digits behind a point.
#[derive(Clone, Copy)]
pub(crate) struct RoundNanos(pub(crate) u64);

impl fmt::Display for RoundNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{} {name}", self.0 / unit)
    }
}

/// The time of day, to the millisecond, in UTC; empty if it is not known.
pub(crate) fn clock_text(at: UnixNanos) -> String {
    if at == UnixNanos::UNKNOWN {
        return String::new();
    }
    let text = at.iso_ms().to_string();
    text.get(11..23).unwrap_or(&text).to_owned()
}

/// A text of the exchange without control characters, which a terminal would interpret.
#[derive(Clone, Copy)]
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }?;
        }
        Ok(())
    }
}

/// A number and its noun, in the plural if it is not 1.
#[derive(Clone, Copy)]
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}

/// Bytes in the unit that suits them, with three digits.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "few digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        f.pad(&match self.0 {
            0..1_000 => format!("{} B", self.0),
            1_000..1_000_000 => three_digits(bytes / 1e3, "kB"),
            1_000_000..1_000_000_000 => three_digits(bytes / 1e6, "MB"),
            _ => three_digits(bytes / 1e9, "GB"),
        })
    }
}

fn three_digits(number: f64, unit: &str) -> String {
    let decimals = if number < 9.995 { 2 } else { usize::from(number < 99.95) };
    format!("{number:.decimals$} {unit}")
}

/// How many a second; 0 if no time has passed.
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
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(format!("{:>8}|", Grouped(1_000)), "   1,000|");
    }

    #[test]
    fn times_and_sizes_have_the_unit_that_suits_them() {
        let text = |nanos| Nanos(nanos).to_string();
        assert_eq!([text(0), text(999), text(4_123)], ["0 ns", "999 ns", "4.12 µs"]);
        assert_eq!([text(41_234), text(412_340)], ["41.2 µs", "412 µs"]);
        assert_eq!([text(1_500_000), text(2_000_000_000)], ["1.50 ms", "2.00 s"]);
        assert_eq!([Bytes(999).to_string(), Bytes(12_345).to_string()], ["999 B", "12.3 kB"]);
        assert_eq!(Bytes(12_345_678_901).to_string(), "12.3 GB");
    }

    #[test]
    fn decimal_points_stand_below_each_other() {
        let numbers: Vec<Decimal> =
            ["84093.5", "84094", "0.0010"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(aligned(&numbers), ["84093.5   ", "84094     ", "0.0010"]);
    }

    #[test]
    fn nothing_of_the_exchange_moves_the_cursor() {
        assert_eq!(Printable("it's 5 \u{20ac}\u{1b}[2J\n").to_string(), "it's 5 €\\u{1b}[2J\\n");
    }

    #[test]
    fn nouns_follow_their_number() {
        let text = |count| Counted(count, "frame").to_string();
        assert_eq!([text(0), text(1), text(2_000)], ["0 frames", "1 frame", "2000 frames"]);
    }

    #[test]
    fn no_time_is_no_rate() {
        assert_eq!(per_sec(10, Duration::ZERO), 0);
        assert_eq!(per_sec(10, Duration::from_secs(4)), 3);
    }
}
