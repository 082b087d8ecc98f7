//! Exact decimal numbers that preserve the wire's text.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A price, in the quote unit of its instrument. See [`Decimal`].
pub type Price = Decimal;

/// A quantity: base currency on spot, contracts on derivatives. See [`Decimal`].
pub type Qty = Decimal;

/// The largest number of decimals of a [`Decimal`].
///
/// The finest tick of the exchange has 10 decimals. 18 is the largest scale at which any two
/// mantissas can be aligned in an `i128` without an overflow check.
pub(crate) const MAX_SCALE: u8 = 18;

/// The longest text of a [`Decimal`] in bytes: a sign, 19 digits and a point.
pub(crate) const MAX_DECIMAL_TEXT: usize = 21;

/// An exact decimal: `mantissa / 10^scale`, with the scale of the wire's text.
///
/// `124.0` is `{ mantissa: 1240, scale: 1 }` and prints as `124.0`, which the book checksum
/// needs. Comparison, equality and hashing are by value, so `124.0 == 124`; use
/// [`Decimal::same_text`] to distinguish the two.
///
/// The mantissa has the whole range of an `i64`; the scale is 0 to [`Decimal::MAX_SCALE`]. There
/// is no null: an absent number is an absent `Option`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// The error of a text or a result that is not a [`Decimal`], or of a tick conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text is not `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, or is a negative zero.
    #[error("not a plain decimal number")]
    Syntax,
    /// The digits do not fit the mantissa, an `i64`.
    #[error("more digits than an i64 mantissa holds")]
    Overflow,
    /// There are more than [`Decimal::MAX_SCALE`] decimals.
    #[error("more than {MAX_SCALE} decimals")]
    Scale,
    /// The divisor is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The number is not a whole multiple of the tick.
    #[error("not a whole number of ticks")]
    NotMultiple,
}

/// `10^n` for the scales that a decimal can have.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, so a bad index fails to build"
)]
pub(super) const POW10: [i128; MAX_SCALE as usize + 1] = {
    let mut table = [1i128; MAX_SCALE as usize + 1];
    let mut n = 1;
    while n < table.len() {
        table[n] = table[n - 1] * 10;
        n += 1;
    }
    table
};

impl Decimal {
    /// The longest text of a [`Decimal`] in bytes: a sign, 19 digits and a point.
    pub const MAX_TEXT_LEN: usize = MAX_DECIMAL_TEXT;

    /// The largest number of decimals of a [`Decimal`].
    ///
    /// The finest tick of the exchange has 10 decimals. 18 is the largest scale at which any two
    /// mantissas can be aligned in an `i128` without an overflow check.
    pub const MAX_SCALE: u8 = MAX_SCALE;
}

impl Decimal {
    /// Zero without decimals.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// Makes the decimal `mantissa / 10^scale`.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] if `scale` is over [`Decimal::MAX_SCALE`].
    pub const fn new(mantissa: i64, scale: u8) -> Result<Self, DecimalError> {
        if scale > MAX_SCALE {
            return Err(DecimalError::Scale);
        }
        Ok(Self { mantissa, scale })
    }

    /// Makes the decimal `mantissa / 10^scale` from a scale that the caller has checked.
    ///
    /// A larger scale is clamped to [`Decimal::MAX_SCALE`], which keeps the type's invariant.
    #[inline]
    pub(crate) const fn from_parts(mantissa: i64, scale: u8) -> Self {
        debug_assert!(scale <= MAX_SCALE);
        Self { mantissa, scale: if scale > MAX_SCALE { MAX_SCALE } else { scale } }
    }

    /// The digits without the point.
    #[inline]
    #[must_use]
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// The number of decimals, 0 to [`Decimal::MAX_SCALE`].
    #[inline]
    #[must_use]
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the value is zero, at any scale (`0` and `0.00` both are).
    #[inline]
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether both have the same text: equal value and equal number of decimals.
    #[inline]
    #[must_use]
    pub const fn same_text(self, other: Self) -> bool {
        self.mantissa == other.mantissa && self.scale == other.scale
    }

    /// Parses a decimal from ASCII text such as `124.0`, `0.0000007465` or `-3`.
    ///
    /// Accepts only texts that [`Display`](fmt::Display) reproduces byte for byte: no exponent, no
    /// plus sign, no leading zeros, no bare point, no negative zero. Allocates nothing.
    ///
    /// # Errors
    /// [`DecimalError::Syntax`], [`DecimalError::Overflow`] or [`DecimalError::Scale`].
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let point = digits.iter().position(|&b| b == b'.');
        let (whole, fraction) = match point {
            Some(at) => {
                let (whole, rest) = digits.split_at(at);
                (whole, rest.get(1..).unwrap_or_default())
            }
            None => (digits, &[][..]),
        };
        let leading_zero = whole.len() > 1 && whole.first() == Some(&b'0');
        if whole.is_empty() || leading_zero || (point.is_some() && fraction.is_empty()) {
            return Err(DecimalError::Syntax);
        }
        if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return Err(DecimalError::Syntax);
        }
        let scale = u8::try_from(fraction.len()).map_err(|_| DecimalError::Scale)?;
        if scale > MAX_SCALE {
            return Err(DecimalError::Scale);
        }
        let mantissa = signed_digits(whole.iter().chain(fraction), negative)?;
        if negative && mantissa == 0 {
            return Err(DecimalError::Syntax);
        }
        Ok(Self { mantissa, scale })
    }

    /// Writes the text into `buf` and returns it as a slice. Allocates nothing.
    pub fn write_text(self, buf: &mut [u8; MAX_DECIMAL_TEXT]) -> &[u8] {
        let mut at = buf.len();
        let mut rest = self.mantissa.unsigned_abs();
        let mut written = 0u8;
        while rest > 0 || written <= self.scale {
            if written == self.scale && self.scale > 0 {
                at = put(buf, at, b'.');
            }
            let digit = u8::try_from(rest % 10).unwrap_or_default();
            at = put(buf, at, b'0' + digit);
            rest /= 10;
            written += 1;
        }
        if self.mantissa < 0 {
            at = put(buf, at, b'-');
        }
        buf.get(at..).unwrap_or_default()
    }

    /// The nearest `f64`, for display and statistics only: it is not exact.
    #[inline]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Both numbers are exact, so only the division rounds.
        // One comparison for both signs.
        if self.mantissa.wrapping_add(MAX_EXACT_F64).cast_unsigned()
            <= 2 * MAX_EXACT_F64.cast_unsigned()
        {
            return self.mantissa as f64 / pow10_f64(self.scale);
        }
        self.to_f64_by_text()
    }

    /// [`Decimal::to_f64`] for any value.
    #[cold]
    #[inline(never)]
    fn to_f64_by_text(self) -> f64 {
        let mut buf = [0; MAX_DECIMAL_TEXT];
        let text = self.write_text(&mut buf);
        // Parsing the text rounds once; a division of two floats would round twice.
        std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(f64::NAN)
    }

    /// The same value with the fewest decimals: `124.0` becomes `124`.
    #[must_use]
    pub fn normalized(self) -> Self {
        let Self { mut mantissa, mut scale } = self;
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self { mantissa, scale }
    }
}

/// Accumulates ASCII digits into an `i64` of the given sign.
pub(super) fn signed_digits<'a>(
    digits: impl Iterator<Item = &'a u8>,
    negative: bool,
) -> Result<i64, DecimalError> {
    let mut value = 0i64;
    for &byte in digits {
        let digit = i64::from(byte - b'0');
        value = value.checked_mul(10).ok_or(DecimalError::Overflow)?;
        let next = if negative { value.checked_sub(digit) } else { value.checked_add(digit) };
        value = next.ok_or(DecimalError::Overflow)?;
    }
    Ok(value)
}

#[inline]
fn put(buf: &mut [u8; MAX_DECIMAL_TEXT], at: usize, byte: u8) -> usize {
    let at = at.saturating_sub(1);
    if let Some(slot) = buf.get_mut(at) {
        *slot = byte;
    }
    at
}

#[inline]
pub(super) fn pow10(n: u8) -> i128 {
    POW10.get(usize::from(n)).copied().unwrap_or(i128::MAX)
}

/// `10^n` for `n` up to [`Decimal::MAX_SCALE`]; unspecified for larger `n`.
#[inline]
#[expect(clippy::indexing_slicing, reason = "the mask keeps the index below the table's length")]
pub(crate) fn pow10_i64(n: usize) -> i64 {
    // The table is as long as the mask allows, so that the bounds check is removed.
    static TABLE: [i64; 32] = {
        let mut table = [0; 32];
        let (mut n, mut power) = (0, 1_i64);
        while n <= MAX_SCALE as usize {
            table[n] = power;
            power = power.wrapping_mul(10);
            n += 1;
        }
        table
    };
    TABLE[n & 31]
}

/// The largest integer up to which an `f64` represents every integer.
const MAX_EXACT_F64: i64 = 1 << f64::MANTISSA_DIGITS;

/// [`Decimal::to_f64`] of mantissas from 0 to `2^53` and their scales.
#[inline]
pub(super) fn exact_to_f64<const N: usize>(parts: [(i64, u8); N]) -> [f64; N] {
    parts.map(|(mantissa, scale)| mantissa as f64 / pow10_f64(scale))
}

/// `10^n` for `n` up to [`Decimal::MAX_SCALE`], exact, as an `f64` is up to `10^22`.
#[inline]
#[expect(clippy::indexing_slicing, reason = "the mask keeps the index below the table's length")]
fn pow10_f64(n: u8) -> f64 {
    static TABLE: [f64; 32] = {
        let mut table = [1.0; 32];
        let mut n = 1;
        while n <= MAX_SCALE as usize {
            table[n] = table[n - 1] * 10.0;
            n += 1;
        }
        table
    };
    TABLE[usize::from(n & 31)]
}

/// Both mantissas at the larger of the two scales. Cannot overflow: `2^63 * 10^18 < 2^127`.
#[inline]
pub(super) fn align(a: Decimal, b: Decimal) -> (i128, i128, u8) {
    let (am, bm) = (i128::from(a.mantissa), i128::from(b.mantissa));
    match a.scale.cmp(&b.scale) {
        Ordering::Equal => (am, bm, a.scale),
        Ordering::Less => (am * pow10(b.scale - a.scale), bm, b.scale),
        Ordering::Greater => (am, bm * pow10(a.scale - b.scale), a.scale),
    }
}

impl PartialEq for Decimal {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let (a, b, _) = align(*self, *other);
        a.cmp(&b)
    }
}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A zero of any scale becomes that of scale 0.
        let Self { mantissa, scale } = self.normalized();
        (mantissa, scale).hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buf = [0; MAX_DECIMAL_TEXT];
        let text = std::str::from_utf8(self.write_text(&mut buf)).map_err(|_| fmt::Error)?;
        // `pad_integral` keeps width and alignment flags working as for numbers.
        match text.strip_prefix('-') {
            Some(digits) => f.pad_integral(false, "", digits),
            None => f.pad_integral(true, "", text),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

impl From<i64> for Decimal {
    fn from(mantissa: i64) -> Self {
        Self { mantissa, scale: 0 }
    }
}
