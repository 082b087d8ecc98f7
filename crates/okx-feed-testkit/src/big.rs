//! Numbers of any length, as digits: slow and simple.

use std::cmp::Ordering;

/// `[-]digits / 10^scale`, all digits kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big {
    negative: bool,
    /// Digits, first the most significant, at least one.
    digits: String,
    scale: usize,
}

/// The reason why a text is no decimal of the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Syntax,
    Overflow,
    Scale,
}

impl Big {
    /// Reads `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, with any number of digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match rest.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (rest, ""),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !is_plain(whole) || !is_plain(fraction) {
            return None;
        }
        Some(Self { negative, digits: format!("{whole}{fraction}"), scale: fraction.len() })
    }

    /// The documented result for a text: the mantissa's text and the scale.
    pub fn decimal(text: &str) -> Result<(String, usize), Refused> {
        let big = Self::parse(text).ok_or(Refused::Syntax)?;
        if big.scale > 18 {
            return Err(Refused::Scale);
        }
        let digits = significant(&big.digits);
        let most = if big.negative { "9223372036854775808" } else { "9223372036854775807" };
        if shorter_first(digits, most) == Ordering::Greater {
            return Err(Refused::Overflow);
        }
        if big.negative && digits == "0" {
            return Err(Refused::Syntax);
        }
        let sign = if big.negative { "-" } else { "" };
        Ok((format!("{sign}{digits}"), big.scale))
    }

    /// The documented result for a number by its value, in any notation: its text, without zeros
    /// that the value does not need.
    pub fn value(text: &str) -> Result<String, Refused> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Refused::Syntax);
                }
                let far = if exponent.starts_with('-') { -1_000_000_000 } else { 1_000_000_000 };
                (
                    number,
                    exponent.parse::<i64>().unwrap_or(far).clamp(-1_000_000_000, 1_000_000_000),
                )
            }
            None => (text, 0),
        };
        let Self { negative, mut digits, scale } = Self::parse(number).ok_or(Refused::Syntax)?;
        if significant(&digits) == "0" {
            return Ok("0".to_owned());
        }
        let mut scale = i64::try_from(scale).unwrap() - exponent;
        while digits.ends_with('0') {
            digits.pop();
            scale -= 1;
        }
        let most = if negative { "9223372036854775808" } else { "9223372036854775807" };
        let fits = |digits: &str| shorter_first(significant(digits), most).is_le();
        if !fits(&digits) || scale < -30 {
            return Err(Refused::Overflow);
        }
        if scale > 18 {
            return Err(Refused::Scale);
        }
        digits.push_str(&"0".repeat(usize::try_from(-scale).unwrap_or(0)));
        if !fits(&digits) {
            return Err(Refused::Overflow);
        }
        let scale = usize::try_from(scale).unwrap_or(0);
        let digits = format!("{:0>width$}", significant(&digits), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let point = if scale == 0 { "" } else { "." };
        Ok(format!("{}{whole}{point}{fraction}", if negative { "-" } else { "" }))
    }

    /// Compares by value.
    pub fn compare(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let aligned = |big: &Self| format!("{}{}", big.digits, "0".repeat(scale - big.scale));
        let (a, b) = (aligned(self), aligned(other));
        let (a, b) = (significant(&a), significant(&b));
        let negative = |big: &Self, digits: &str| big.negative && digits != "0";
        match (negative(self, a), negative(other, b)) {
            (false, false) => shorter_first(a, b),
            (true, true) => shorter_first(b, a),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// Without leading zeros; `0` for nothing but zeros.
fn significant(digits: &str) -> &str {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { "0" } else { digits }
}

/// Compares digits without leading zeros.
fn shorter_first(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Reads `-?(0|[1-9][0-9]*)` but `-0` between two limits given as text.
pub fn integer(text: &str, least: &str, most: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.starts_with('0') && text != "0" {
        return None;
    }
    let big = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        Big { negative: text.starts_with('-'), digits: significant(digits).to_owned(), scale: 0 }
    };
    let value = big(text);
    let fits = value.compare(&big(least)).is_ge() && value.compare(&big(most)).is_le();
    let sign = if value.negative && value.digits != "0" { "-" } else { "" };
    fits.then(|| format!("{sign}{}", value.digits))
}
