//! Damage to a message's text.

use super::rng::Rng;
use crate::wire::scan::PADDING;

/// What is put in, mostly: bytes that mean something to the format.
const BYTES: &[u8] = b"0123456789.-\"[]{},:eE+ \\/Zabs\t\n\0\x7f\x80\xff";

/// Damages `text`, mostly once and at most three times, and gives it with padding behind: the
/// buffer and the text's length.
pub(super) fn mutate(rng: &mut Rng, text: &[u8], other: &[u8]) -> (Vec<u8>, usize) {
    let mut text = text.to_vec();
    let mut cut = Vec::new();
    for _ in 0..rng.pick(&[1, 1, 1, 2, 3]) {
        if text.is_empty() {
            break;
        }
        damage(rng, &mut text, other, &mut cut);
    }
    let len = text.len();
    match rng.below(4) {
        // What was cut off still stands behind the end.
        0 | 1 => text.extend(&cut),
        2 => text.extend(std::iter::repeat_n(rng.pick(BYTES), PADDING)),
        _ => {}
    }
    text.resize(text.len().max(len + PADDING), 0);
    (text, len)
}

fn damage(rng: &mut Rng, text: &mut Vec<u8>, other: &[u8], cut: &mut Vec<u8>) {
    let at = rng.below(text.len());
    let most = rng.pick(&[1, 2, 4, 40]);
    let chunk = 1 + rng.below(most);
    let end = (at + chunk).min(text.len());
    match rng.below(10) {
        // Another digit: what most often stays a message.
        0..=2 => {
            let digits: Vec<_> = (0..text.len()).filter(|i| text[*i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                text[rng.pick(&digits)] = rng.pick(&BYTES[..11]);
            }
        }
        3 => text[at] = rng.pick(BYTES),
        4 => text[at] ^= 1 << rng.below(8),
        5 => drop(text.drain(at..end)),
        6 => text.insert(at, rng.pick(BYTES)),
        7 => {
            let copy = text[at..end].to_vec();
            let to = rng.below(text.len());
            text.splice(to..to, copy);
        }
        8 => {
            let from = rng.below(other.len());
            let to = (from + chunk).min(other.len());
            text.splice(at..end, other[from..to].iter().copied());
        }
        _ => *cut = text.split_off(at),
    }
}
