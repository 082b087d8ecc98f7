//! Blanks long JSON numbers before the text is parsed.
//!
//! simd-json converts each number to a double. The result is not used, because digits are read from
//! the text. But a number halfway between two doubles costs five times as much as other text. So
//! each long number is replaced by a `0` and blanks.

/// A number with this many bytes before its exponent is long. Shorter numbers never use the slow
/// conversion.
const LONG: usize = 20;

/// Replaces each long number, after its sign, by a `0` and blanks.
///
/// Changes only complete numbers at the position of a value, so invalid JSON stays invalid. Without
/// long numbers, it reads about one byte in four.
pub(super) fn blank(text: &mut [u8]) {
    if !has_long_run(text) {
        return;
    }
    let (mut rest, mut before) = (text, b'[');
    while let Some(&first) = rest.first() {
        let len = if first == b'"' { string_len(rest) } else { run_len(rest).max(1) };
        let Some((token, after)) = rest.split_at_mut_checked(len) else { return };
        let last = token.last().copied().unwrap_or_default();
        let is_long = len >= LONG && mantissa_len(token) >= LONG;
        if is_long && may_precede(before) && may_follow(after.first()) && is_number(token) {
            let digits = if first == b'-' { token.get_mut(1..) } else { Some(token) };
            if let Some([digit, tail @ ..]) = digits {
                *digit = b'0';
                tail.fill(b' ');
            }
        }
        (rest, before) = (after, last);
    }
}

/// Whether the text has a run of number bytes as long as a long number, in strings or not.
fn has_long_run(text: &[u8]) -> bool {
    let mut from = 0;
    // Checked from the end, most windows are rejected at the first or second byte.
    while let Some(window) = text.get(from..from + LONG) {
        match window.iter().rposition(|byte| !is_of_mantissa(*byte)) {
            Some(last) => from += last + 1,
            None => return true,
        }
    }
    false
}

/// The number of leading number bytes.
fn run_len(text: &[u8]) -> usize {
    let is_of_number = |byte: u8| is_of_mantissa(byte) || matches!(byte, b'+' | b'e' | b'E');
    text.iter().take_while(|byte| is_of_number(**byte)).count()
}

fn mantissa_len(number: &[u8]) -> usize {
    number.iter().take_while(|byte| is_of_mantissa(**byte)).count()
}

const fn is_of_mantissa(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'.')
}

/// The length of the string that a text starts with, its quotes included.
fn string_len(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

const fn may_precede(byte: u8) -> bool {
    matches!(byte, b'[' | b':' | b',' | b' ' | b'\t' | b'\n' | b'\r')
}

const fn may_follow(byte: Option<&u8>) -> bool {
    matches!(byte, None | Some(b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'))
}

/// Whether the text is exactly one number in JSON's grammar.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &mut &[u8]| {
        let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        *text = text.get(len..).unwrap_or_default();
        len
    };
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let is_padded = matches!(rest, [b'0', b'0'..=b'9', ..]);
    let mut is_whole = digits(&mut rest) > 0 && !is_padded;
    if let [b'.', fraction @ ..] = rest {
        rest = fraction;
        is_whole &= digits(&mut rest) > 0;
    }
    if let [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] = rest {
        rest = exponent;
        is_whole &= digits(&mut rest) > 0;
    }
    is_whole && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        blank(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn long_numbers_become_a_zero_and_blanks() {
        for (before, number, after) in [
            ("[", "12345678901234567890", "]"),
            ("", "12345678901234567890", ""),
            ("{\"a\": ", "0.123456789012345678e-34567", "\n}"),
            ("[1,", "12345678901234567.89E+9999", ",2]"),
            ("[\"\\\"\",-", "1.000000000000000000", ",3]"),
            ("[-", "1234567890123456789", " ]"),
        ] {
            let expected = format!("{before}{:<len$}{after}", 0, len = number.len());
            assert_eq!(blanked(&format!("{before}{number}{after}")), expected);
        }
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in [
            "",
            "[1234567890123456789]",
            "[123456789012345678.e1234567890]",
            "[123456789.123456789e1234567890]",
            "[1.5E+00000000000000000000000000]",
            "[\"12345678901234567890\",\"\\\"12345678901234567890\"]",
            "[\", 12345678901234567890 ,\"]",
            "[\"\\\", 12345678901234567890 ,\"]",
            "[\"a\\\\\",12345678901234567890x]",
            "[x12345678901234567890]",
            "[\"\"12345678901234567890]",
            "[12345678901234567890\"\"]",
            "[012345678901234567890]",
            "[+12345678901234567890]",
            "[--12345678901234567890]",
            "[-]--------------------",
            "[12345678901234567890.]",
            "[.12345678901234567890]",
            "[12345678901234567890e]",
            "[12345678901234567890e+]",
            "[1234567890.1234567890.1]",
            "[12345678901234567890e1e1]",
            "[\\\"12345678901234567890]",
            "[\"12345678901234567890",
            "\"\\",
        ] {
            assert_eq!(blanked(text), text);
        }
    }

    #[test]
    fn a_run_is_found_at_any_offset() {
        for (before, len) in (0..50).flat_map(|before| (0..45).map(move |len| (before, len))) {
            let after = before * len % 7;
            let text = format!("{}{}{}", "x".repeat(before), "7".repeat(len), "x".repeat(after));
            assert_eq!(has_long_run(text.as_bytes()), len >= LONG, "{text}");
        }
    }
}
