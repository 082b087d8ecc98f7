//! Arithmetic of decimals: exact, or rounded as documented.

use super::decimal::{Decimal, DecimalError, MAX_SCALE, POW10, align, pow10};

impl Decimal {
    /// `self + other`, with the larger of the two scales.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if the result does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        let (a, b, scale) = align(self, other);
        Self::from_wide(a + b, scale)
    }

    /// `self - other`, with the larger of the two scales.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if the result does not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, DecimalError> {
        let (a, b, scale) = align(self, other);
        Self::from_wide(a - b, scale)
    }

    /// `self * other`, exact: the scales are added, and trailing zeros past [`Decimal::MAX_SCALE`]
    /// are dropped.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] or [`DecimalError::Scale`] if the exact product does not fit.
    pub fn checked_mul(self, other: Self) -> Result<Self, DecimalError> {
        let mut wide = i128::from(self.mantissa()) * i128::from(other.mantissa());
        let mut scale = self.scale() + other.scale();
        while scale > MAX_SCALE || (i64::try_from(wide).is_err() && scale > 0) {
            if wide % 10 != 0 {
                let too_fine = scale > MAX_SCALE;
                return Err(if too_fine { DecimalError::Scale } else { DecimalError::Overflow });
            }
            wide /= 10;
            scale -= 1;
        }
        Self::from_wide(wide, scale)
    }

    /// `self / other` rounded half to even at `scale` decimals.
    ///
    /// # Errors
    /// [`DecimalError::DivisionByZero`], [`DecimalError::Scale`] if `scale` is over
    /// [`Decimal::MAX_SCALE`], [`DecimalError::Overflow`] if the result or an intermediate value
    /// does not fit.
    pub fn checked_div(self, other: Self, scale: u8) -> Result<Self, DecimalError> {
        let (num, den, _) = align(self, other);
        div_wide(num, den, scale)
    }

    /// The number as a whole number of ticks, exact: `self / tick`.
    ///
    /// `tick` is the instrument's tick size for a price and its lot size for a quantity. Scales do
    /// not matter: `100.50` is 1005 ticks of `0.1`. Allocates nothing.
    ///
    /// # Errors
    /// [`DecimalError::DivisionByZero`] if `tick` is zero, [`DecimalError::NotMultiple`] if the
    /// number is between two ticks, [`DecimalError::Overflow`] if the result does not fit an `i64`.
    pub fn ticks(self, tick: Self) -> Result<i64, DecimalError> {
        let (num, den, _) = align(self, tick);
        if den == 0 {
            return Err(DecimalError::DivisionByZero);
        }
        if num % den != 0 {
            return Err(DecimalError::NotMultiple);
        }
        i64::try_from(num / den).map_err(|_| DecimalError::Overflow)
    }

    /// The same value with `scale` decimals, if no digit is lost.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] if digits other than zero would be cut or `scale` is over
    /// [`Decimal::MAX_SCALE`]; [`DecimalError::Overflow`] if the mantissa does not fit.
    pub fn rescale(self, scale: u8) -> Result<Self, DecimalError> {
        if scale >= self.scale() {
            let factor =
                *POW10.get(usize::from(scale - self.scale())).ok_or(DecimalError::Scale)?;
            if scale > MAX_SCALE {
                return Err(DecimalError::Scale);
            }
            return Self::from_wide(i128::from(self.mantissa()) * factor, scale);
        }
        let factor = pow10(self.scale() - scale);
        let wide = i128::from(self.mantissa());
        if wide % factor != 0 {
            return Err(DecimalError::Scale);
        }
        Self::from_wide(wide / factor, scale)
    }

    pub(crate) fn from_wide(wide: i128, scale: u8) -> Result<Self, DecimalError> {
        let mantissa = i64::try_from(wide).map_err(|_| DecimalError::Overflow)?;
        Self::new(mantissa, scale)
    }
}

/// `num / den` rounded half to even at `scale` decimals.
pub(crate) fn div_wide(num: i128, den: i128, scale: u8) -> Result<Decimal, DecimalError> {
    let factor = *POW10.get(usize::from(scale)).ok_or(DecimalError::Scale)?;
    if den == 0 {
        return Err(DecimalError::DivisionByZero);
    }
    let num = num.checked_mul(factor).ok_or(DecimalError::Overflow)?;
    let quotient = num.checked_div(den).ok_or(DecimalError::Overflow)?;
    let rest = (num - quotient * den).unsigned_abs();
    // Compares the remainder with the divisor less the remainder, so that doubling cannot overflow.
    let missing = den.unsigned_abs() - rest;
    let round_away = rest > missing || (rest == missing && quotient % 2 != 0);
    let away = if (num < 0) == (den < 0) { 1 } else { -1 };
    Decimal::from_wide(if round_away { quotient + away } else { quotient }, scale)
}
