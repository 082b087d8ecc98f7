//! The tokens of JSON, appended with no allocation but the growth of the output.

use okx_feed::{Decimal, Level, Trade};

/// Appends the key of a further member; keys are plain ASCII.
#[inline]
pub fn key(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
}

/// Appends a number as text, with the digits of the wire.
pub fn put_decimal(out: &mut Vec<u8>, decimal: Decimal) {
    out.push(b'"');
    out.extend_from_slice(decimal.write_text(&mut [0; Decimal::MAX_TEXT_LEN]));
    out.push(b'"');
}

/// Appends a value, or `null`.
pub fn put_optional<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => put(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends `true` or `false`.
pub fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a whole number.
pub fn put_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    put_u64(out, number.unsigned_abs());
}

/// Appends a whole number.
pub fn put_u64(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut len = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        len += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - len..).unwrap_or_default());
}

/// Appends a list of levels: each is `[px, sz, orders]`, and what `fourth` gives for it and its
/// place.
pub fn put_levels(
    out: &mut Vec<u8>,
    levels: &[Level],
    fourth: impl Fn(usize, &Level) -> Option<Decimal>,
) {
    out.push(b'[');
    for (place, level) in levels.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"[" } else { b",[" });
        put_decimal(out, level.px());
        out.push(b',');
        put_decimal(out, level.sz());
        out.push(b',');
        put_u64(out, u64::from(level.orders()));
        if let Some(number) = fourth(place, level) {
            out.push(b',');
            put_decimal(out, number);
        }
        out.push(b']');
    }
    out.push(b']');
}

/// Appends the members `trade_id`, `side`, `px`, `sz` and `count` of a trade.
pub fn put_trade(out: &mut Vec<u8>, trade: &Trade) {
    key(out, b"trade_id");
    out.push(b'"');
    put_u64(out, trade.trade_id);
    out.push(b'"');
    key(out, b"side");
    put_str(out, trade.side().name());
    key(out, b"px");
    put_decimal(out, trade.px());
    key(out, b"sz");
    put_decimal(out, trade.sz());
    key(out, b"count");
    put_u64(out, u64::from(trade.count));
}

/// Appends a text in quotes, with the escapes that JSON requires.
pub fn put_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| needs_escape(byte)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = tail.split_first() else { break };
        put_escape(out, byte);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        let powers = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]);
        for number in powers.chain((0..20).map(|n| 10u64.pow(n))).chain([u64::MAX]) {
            let mut out = Vec::new();
            put_u64(&mut out, number);
            out.push(b' ');
            put_i64(&mut out, number.cast_signed());
            let expected = format!("{number} {}", number.cast_signed());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
