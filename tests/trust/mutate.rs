//! Damage to bytes: bits flipped, parts cut out, doubled and taken from another frame.

use super::dice::Dice;

/// What is put in: bytes that mean something to JSON.
const BYTES: &[u8] = b"0123456789.-\"[]{},:eE+ \\/Zabsu\t\n\0\x7f\x80\xc3\xff";

/// Damages `bytes` one to three times.
pub fn corrupt(dice: &mut Dice<'_>, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..dice.pick(&[1, 1, 1, 2, 3]) {
        if bytes.is_empty() {
            return;
        }
        once(dice, bytes, other);
    }
}

fn once(dice: &mut Dice<'_>, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = dice.below(bytes.len());
    let most = dice.pick(&[1, 2, 4, 40]);
    let end = (at + 1 + dice.below(most)).min(bytes.len());
    match dice.below(9) {
        0 | 1 => bytes[at] ^= 1 << dice.below(8),
        // Another digit: what most often stays a message.
        2 => {
            let digits: Vec<_> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[dice.pick(&digits)] = dice.pick(&BYTES[..11]);
            }
        }
        3 => bytes[at] = dice.pick(BYTES),
        4 => bytes.insert(at, dice.pick(BYTES)),
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(at..end)),
        7 => {
            let copy = bytes[at..end].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        _ if other.is_empty() => {}
        _ => {
            let from = dice.below(other.len());
            let to = (from + end - at).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
}
