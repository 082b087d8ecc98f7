//! Spans of time as arguments: `10s`, `500ms`, `2m`, `1.5h`.

use std::time::Duration;

/// The longest span that is accepted, in seconds: a year.
const MAX_SECS: f64 = 365.0 * 86_400.0;

/// The shortest span, in seconds: the resolution of timers.
const MIN_SECS: f64 = 0.001;

/// Reads a number and its unit.
///
/// # Errors
/// The accepted forms, in words, for clap to print.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let help = || format!("{text:?} is not a span of time; write 500ms, 10s, 2m or 1h");
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(help)?;
    let unit_secs = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "" => return Err(format!("{text:?} has no unit; write {text}s, {text}ms or {text}m")),
        _ => return Err(help()),
    };
    let number: f64 = number.trim().parse().map_err(|_| help())?;
    let secs = number * unit_secs;
    match secs {
        _ if secs.is_nan() => Err(help()),
        _ if secs < 0.0 => Err(format!("{text:?} is negative; give 1ms or longer")),
        _ if secs < MIN_SECS => Err(format!("{text:?} is too short; give 1ms or longer")),
        _ if secs > MAX_SECS => {
            Err(format!("{text:?} is too long; give 8760h (a year) or shorter"))
        }
        _ => Ok(Duration::from_secs_f64(secs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        let millis = |text| parse_duration(text).map(|span| span.as_millis()).ok();
        assert_eq!(millis("10s"), Some(10_000));
        assert_eq!(millis("1.5s"), Some(1_500));
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!((millis("2m"), millis("2 min")), (Some(120_000), Some(120_000)));
        assert_eq!(millis("1h"), Some(3_600_000));
        for wrong in ["", "s", "10", "10x", "-1s", "0s", "nans", "infs", "1e30h", "1s2", "₿s"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
        for (wrong, word) in [
            ("10", "10s"),
            ("-1s", "is negative"),
            ("-0.001ms", "is negative"),
            ("0s", "too short"),
            ("0.1ms", "too short"),
            ("8761h", "too long"),
            ("99999999999h", "too long"),
            ("nans", "not a span"),
            ("x", "not a span"),
        ] {
            let error = parse_duration(wrong).unwrap_err();
            assert!(error.contains(word), "{wrong}: {error}");
        }
        assert_eq!(millis("8760h"), Some(31_536_000_000));
    }
}
