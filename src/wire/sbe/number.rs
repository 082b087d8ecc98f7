//! Fields of a block, and decimals of a mantissa and an exponent.

use crate::model::{Decimal, DecimalError, MAX_SCALE};
use crate::wire::error::DecodeErrorKind as Kind;

/// SBE's null of an `int64`. The schema has no optional number, so it is malformed where it occurs.
pub(super) const NULL: i64 = i64::MIN;

/// The `int64` at an offset of a block. The offset is a constant below the block's length, so the
/// check is removed.
#[inline(always)]
pub(super) fn int64<const N: usize>(block: &[u8; N], at: usize) -> i64 {
    i64::from_le_bytes(bytes(block, at))
}

/// The `int32` at an offset.
#[inline(always)]
pub(super) fn int32<const N: usize>(block: &[u8; N], at: usize) -> i32 {
    i32::from_le_bytes(bytes(block, at))
}

/// The `int16` at an offset.
#[inline(always)]
pub(super) fn int16<const N: usize>(block: &[u8; N], at: usize) -> i16 {
    i16::from_le_bytes(bytes(block, at))
}

/// The `int8` at an offset.
#[inline(always)]
pub(super) fn int8<const N: usize>(block: &[u8; N], at: usize) -> i8 {
    i8::from_le_bytes(bytes(block, at))
}

#[inline(always)]
fn bytes<const N: usize, const W: usize>(block: &[u8; N], at: usize) -> [u8; W] {
    debug_assert!(at + W <= N);
    block.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; W])
}

/// The exponent of all prices or of all sizes of a message: a value is `mantissa * 10^exponent`.
#[derive(Clone, Copy)]
pub(super) struct Exponent(pub(super) i8);

impl Exponent {
    /// The number of decimals; `None` if a mantissa must be changed to be a [`Decimal`].
    #[inline(always)]
    pub(super) fn scale(self) -> Option<u8> {
        let scale = u8::try_from(self.0.checked_neg()?).ok()?;
        (scale <= MAX_SCALE).then_some(scale)
    }

    /// The decimal of a mantissa, exact.
    ///
    /// # Errors
    /// [`Kind::Number`] for null, [`Kind::NumberOverflow`] or [`Kind::NumberScale`] if the value
    /// does not fit.
    #[inline(always)]
    pub(super) fn decimal(self, mantissa: i64) -> Result<Decimal, Kind> {
        match self.scale() {
            Some(_) if mantissa == NULL => Err(Kind::Number),
            Some(scale) => Ok(Decimal::from_parts(mantissa, scale)),
            None => self.wide_decimal(mantissa),
        }
    }

    /// As [`Exponent::decimal`], for an exponent above 0 or below -18.
    #[cold]
    fn wide_decimal(self, mantissa: i64) -> Result<Decimal, Kind> {
        let mut digits = mantissa;
        let mut exponent = i32::from(self.0);
        if digits == NULL {
            return Err(Kind::Number);
        }
        if digits == 0 {
            return Ok(Decimal::ZERO);
        }
        while exponent < -i32::from(MAX_SCALE) && digits % 10 == 0 {
            (digits, exponent) = (digits / 10, exponent + 1);
        }
        while exponent > 0 {
            digits = digits.checked_mul(10).ok_or(Kind::NumberOverflow)?;
            exponent -= 1;
        }
        let scale = u8::try_from(-exponent).map_err(|_| Kind::NumberScale)?;
        Decimal::new(digits, scale).map_err(|error: DecimalError| error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponent_gives_the_exact_value_or_an_error() {
        let text = |mantissa, exponent| {
            Exponent(exponent).decimal(mantissa).map(|decimal| decimal.to_string())
        };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(text(9_150_050, -2), ok("91500.50"));
        assert_eq!(text(-7, 0), ok("-7"));
        assert_eq!(text(0, -8), ok("0.00000000"));
        assert_eq!(text(1, -18), ok("0.000000000000000001"));
        assert_eq!(text(12, 3), ok("12000"));
        assert_eq!(text(i64::MAX, 0), ok("9223372036854775807"));
        assert_eq!(text(0, 127), ok("0"));
        assert_eq!(text(0, -128), ok("0"));
        assert_eq!(text(500, -20), ok("0.000000000000000005"));
        assert_eq!(text(5, -19), Err(Kind::NumberScale));
        assert_eq!(text(1_000_000_000_000_000_000, -128), Err(Kind::NumberScale));
        assert_eq!(text(1, 19), Err(Kind::NumberOverflow));
        assert_eq!(text(i64::MIN + 1, 1), Err(Kind::NumberOverflow));
        for exponent in [-128, -19, -2, 0, 1, 127] {
            assert_eq!(text(NULL, exponent), Err(Kind::Number));
        }
    }
}
