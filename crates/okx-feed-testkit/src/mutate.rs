//! Damage to bytes: bits flipped, parts cut out, doubled and taken from another frame.

use super::choices::Choices;

/// The inserted bytes: tokens of JSON.
const BYTES: &[u8] = b"0123456789.-\"[]{},:eE+ \\/Zabsu\t\n\0\x7f\x80\xc3\xff";

/// Damages `bytes` one to three times.
pub fn corrupt(choices: &mut Choices<'_>, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..choices.pick(&[1, 1, 1, 2, 3]) {
        if bytes.is_empty() {
            return;
        }
        once(choices, bytes, other);
    }
}

fn once(choices: &mut Choices<'_>, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = choices.below(bytes.len());
    let most = choices.pick(&[1, 2, 4, 40]);
    let end = (at + 1 + choices.below(most)).min(bytes.len());
    match choices.below(9) {
        0 | 1 => bytes[at] ^= 1 << choices.below(8),
        // Another digit: the mutation that most often leaves a valid message.
        2 => {
            let digits: Vec<_> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[choices.pick(&digits)] = choices.pick(&BYTES[..11]);
            }
        }
        3 => bytes[at] = choices.pick(BYTES),
        4 => bytes.insert(at, choices.pick(BYTES)),
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(at..end)),
        7 => {
            let copy = bytes[at..end].to_vec();
            let to = choices.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        _ if other.is_empty() => {}
        _ => {
            let from = choices.below(other.len());
            let to = (from + end - at).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
}
