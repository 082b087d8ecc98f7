//! Parses decimals by value, in any notation.

use super::decimal::{Decimal, DecimalError, MAX_SCALE, signed_digits};

/// The largest exponent that is distinguished. Beyond it, only zero fits.
const MAX_EXPONENT: i64 = 1 << 40;

impl Decimal {
    /// Parses a number by its value. Accepts, besides the texts of [`Decimal::parse`]:
    ///
    /// - exponents (`1E-10`),
    /// - a negative zero,
    /// - trailing zeros that do not fit mantissa or scale (`12345.0000000000000000`).
    ///
    /// Such a text gets the fewest decimals that its value needs, so it is not reproduced, and a
    /// checksum over the text cannot be verified. Never rounds. Allocates nothing.
    ///
    /// # Errors
    /// [`DecimalError::Syntax`] if the text is not
    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, [`DecimalError::Overflow`] or
    /// [`DecimalError::Scale`] if the exact value does not fit.
    pub fn parse_value(text: &[u8]) -> Result<Self, DecimalError> {
        Self::parse(text).or_else(|_| parse_any_form(text))
    }
}

#[cold]
fn parse_any_form(text: &[u8]) -> Result<Decimal, DecimalError> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (number, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => {
            let (number, exponent) = rest.split_at(at);
            (number, exponent_of(exponent.get(1..).unwrap_or_default())?)
        }
        None => (rest, 0),
    };
    let (whole, fraction) = match number.iter().position(|byte| *byte == b'.') {
        Some(at) => {
            let (whole, fraction) = number.split_at(at);
            (whole, fraction.get(1..).filter(|f| !f.is_empty()).ok_or(DecimalError::Syntax)?)
        }
        None => (number, &[][..]),
    };
    let is_padded = whole.len() > 1 && whole.first() == Some(&b'0');
    let mut digits = whole.iter().chain(fraction);
    if whole.is_empty() || is_padded || !digits.all(u8::is_ascii_digit) {
        return Err(DecimalError::Syntax);
    }
    let digits = || whole.iter().chain(fraction);
    let zeros = digits().rev().take_while(|digit| **digit == b'0').count();
    let mantissa = signed_digits(digits().take(digits().count() - zeros), negative)?;
    if mantissa == 0 {
        return Ok(Decimal::ZERO);
    }
    // The position of the point, counted from the last nonzero digit.
    let len = |len: usize| i64::try_from(len).unwrap_or(i64::MAX / 4);
    let scale = len(fraction.len()) - exponent - len(zeros);
    if scale >= 0 {
        let scale = u8::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE);
        return Decimal::new(mantissa, scale.ok_or(DecimalError::Scale)?);
    }
    let power = u32::try_from(-scale).ok().and_then(|power| 10_i64.checked_pow(power));
    let mantissa = power.and_then(|power| mantissa.checked_mul(power));
    Decimal::new(mantissa.ok_or(DecimalError::Overflow)?, 0)
}

/// The value of an exponent's text, clamped to [`MAX_EXPONENT`].
fn exponent_of(text: &[u8]) -> Result<i64, DecimalError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::Syntax);
    }
    let value = digits
        .iter()
        .fold(0, |value: i64, digit| (value * 10 + i64::from(*digit - b'0')).min(MAX_EXPONENT));
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, DecimalError> {
        Decimal::parse_value(text.as_bytes()).map(|number| number.to_string())
    }

    #[test]
    fn every_notation_of_a_value_is_accepted() {
        for (text, value) in [
            ("124.0", "124.0"),
            ("12345.0000000000000000", "12345"),
            ("9999999999999999.0000000000000000", "9999999999999999"),
            ("100000000.0000000000000000", "100000000"),
            ("0.10000000000000000000000", "0.1"),
            ("1E-10", "0.0000000001"),
            ("1.2e-7", "0.00000012"),
            ("1E+3", "1000"),
            ("1e3", "1000"),
            ("12.50e1", "125"),
            ("-1.5E2", "-150"),
            ("0E-8", "0"),
            ("0e999999999999999999999", "0"),
            ("-0", "0"),
            ("-0.00", "0"),
            ("1e18", "1000000000000000000"),
            ("1e-18", "0.000000000000000001"),
            ("-9223372036854775808.0", "-9223372036854775808"),
            ("0.000000000000000000000012e10", "0.00000000000012"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn values_that_do_not_fit_exactly_are_rejected() {
        for text in [
            "", "-", "+5", "05", "00", ".5", "5.", "1e", "1e+", "1e1.5", "e5", "1E5E5", "0x1",
            "1,5", "1 ", "n/a", "--1", "1.2.3", "-.5",
        ] {
            assert_eq!(read(text), Err(DecimalError::Syntax), "{text}");
        }
        for text in ["1e19", "9223372036854775808.0", "1e99999999999999999999", "93e17"] {
            assert_eq!(read(text), Err(DecimalError::Overflow), "{text}");
        }
        for text in ["0.1000000000000000055", "1e-19", "1e-99999999999999999999"] {
            assert_eq!(read(text), Err(DecimalError::Scale), "{text}");
        }
    }
}
