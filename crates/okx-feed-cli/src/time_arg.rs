//! Times as arguments: RFC 3339, or an integer with a unit.

use okx_feed::UnixNanos;

/// Reads a time: `2026-11-30T08:00:00Z`, with up to nine decimals, or `1796025600s`, `..ms`,
/// `..us`, `..ns` since 1970.
///
/// # Errors
/// The accepted forms, in words, for clap to print.
pub(crate) fn parse_time(text: &str) -> Result<UnixNanos, String> {
    let help = || {
        format!(
            "{text:?} is not a time; write 2026-11-30T08:00:00Z (UTC), or an integer with its \
             unit, such as 1796025600s or 1796025600000ms"
        )
    };
    with_unit(text).or_else(|| rfc_3339(text)).ok_or_else(help)
}

fn with_unit(text: &str) -> Option<UnixNanos> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let scale = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale).map(UnixNanos)
}

fn rfc_3339(text: &str) -> Option<UnixNanos> {
    let (head, rest) = text.split_at_checked(19)?;
    let at = head.replacen(' ', "T", 1);
    let whole = UnixNanos::parse_iso_ms(format!("{at}.000Z").as_bytes())?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at_checked(zone_at)?;
    let nanos = match fraction.strip_prefix('.') {
        Some(digits) if (1..=9).contains(&digits.len()) => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| format!("{digits:0<9}").parse::<u64>().ok())??
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    let offset = offset_secs(zone)?.checked_mul(1_000_000_000)?;
    whole.0.checked_add_signed(-offset)?.checked_add(nanos).map(UnixNanos)
}

/// The offset of a zone from UTC, in seconds.
fn offset_secs(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let number = |text: &str, most: i64| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|value| is_number && *value <= most)
    };
    Some(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_integers_with_a_unit() {
        let at = |text: &str| parse_time(text).ok().map(|at| at.0);
        let base = 1_630_454_400_000_000_000;
        for (text, nanos) in [
            ("2021-09-01T00:00:00Z", 0),
            ("2021-09-01T00:00:00.5Z", 500_000_000),
            ("2021-09-01T00:00:00.123456789Z", 123_456_789),
            ("2021-09-01T02:00:00+02:00", 0),
            ("2021-08-31T19:30:00.25-04:30", 250_000_000),
            ("2021-09-01 00:00:00Z", 0),
            ("1630454400s", 0),
            ("1630454400001ms", 1_000_000),
            ("1630454400000001us", 1_000),
            ("1630454400000000001ns", 1),
        ] {
            assert_eq!(at(text), Some(base + nanos), "{text}");
        }
        for text in [
            "",
            "now",
            "1630454400",
            "1.5s",
            "-1s",
            "2021-09-01",
            "2021-09-01T00:00:00",
            "2021-09-31T00:00:00Z",
            "2021-09-01T00:00:00.Z",
            "2021-09-01T00:00:00.1234567890Z",
            "2021-09-01T00:00:00+2:00",
            "2021-09-01T00:00:00+24:00",
            "99999999999999999999s",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
