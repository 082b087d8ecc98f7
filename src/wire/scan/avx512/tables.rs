//! Vectors that give for each byte where it comes from or what it may be.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where a bad index fails; all numbers are below 256"
)]

use super::load::VECTOR;

/// The quotes of a level: two for each of its four strings.
pub(super) const QUOTES: usize = 8;

/// Each byte's own place.
pub(super) const PLACES: [u8; VECTOR] = {
    let mut places = [0; VECTOR];
    let mut place = 0;
    while place < VECTOR {
        places[place] = place as u8;
        place += 1;
    }
    places
};

/// For each byte of a vector the place of the byte before it; for the first one any place.
pub(super) const BEFORE: [u8; VECTOR] = {
    let mut places = PLACES;
    let mut place = 1;
    while place < VECTOR {
        places[place] -= 1;
        place += 1;
    }
    places
};

/// The quotes that [`Quotes::beside`](super::quotes::Quotes) goes by.
pub(super) const BASES: [u8; VECTOR] = {
    let mut places = PLACES;
    let mut place = 4;
    while place < VECTOR {
        places[place] += 3;
        place += QUOTES;
    }
    places
};

/// Makes a vector byte by byte: what `price` gives for the lanes of prices, which begin with the
/// orders, and `size` for those of sizes, by the place in the lane.
const fn lanes(price: [u8; 16], size: [u8; 16]) -> [u8; VECTOR] {
    let mut bytes = [0; VECTOR];
    let mut at = 0;
    while at < VECTOR {
        bytes[at] = if at / 16 % 2 == 0 { price[at % 16] } else { size[at % 16] };
        at += 1;
    }
    bytes
}

/// The quote that ends the string of which a byte comes, for each pair of levels.
pub(super) const PAIRS: [[u8; VECTOR]; 4] = {
    let mut quotes = [lanes([7, 7, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [3; 16]); 4];
    let mut at = 0;
    while at < 4 * VECTOR {
        // Lanes 2 and 3 are those of the second level.
        let level = at / VECTOR * 2 + at % VECTOR / 32;
        quotes[at / VECTOR][at % VECTOR] += (level * QUOTES) as u8;
        at += 1;
    }
    quotes
};

/// How many bytes before that quote it stands: each string ends at the end of its part of a lane.
pub(super) const AHEAD: [u8; VECTOR] = lanes(
    [3, 2, 1, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
);

/// [`AHEAD`], negative.
pub(super) const BACK: [u8; VECTOR] = {
    let mut bytes = AHEAD;
    let mut at = 0;
    while at < VECTOR {
        bytes[at] = AHEAD[at].wrapping_neg();
        at += 1;
    }
    bytes
};

/// The places of a lane from 1 on, which say where a point is; none in orders.
pub(super) const POINT: [u8; VECTOR] = lanes(
    [0, 0, 0, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);

/// A byte moves up by one where this is less than its lane's point: what is before the point closes
/// it.
pub(super) const MOVES: [u8; VECTOR] = lanes(
    [255, 255, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
);

/// What moves up; a zero comes where nothing is before.
pub(super) const MOVED: [u8; VECTOR] = lanes(
    [255, 255, 255, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    [255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
);

/// The most that a byte may be. The first of a price's lane behind the orders is only there for
/// what moves up: with a point a price has 13 bytes at most, without one 12.
pub(super) const MOST: [u8; VECTOR] =
    lanes([9, 9, 9, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], [9; 16]);

/// The weights of two digits each; the three of the orders make one number with those of [`FOURS`].
pub(super) const TWOS: [u8; VECTOR] = lanes(
    [10, 1, 1, 0, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1],
    [10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1],
);

/// The weights of two times two digits each.
pub(super) const FOURS: [u8; VECTOR] = lanes(
    [10, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0],
    [100, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0],
);

/// The weights of two times four digits each; the first four of a price's lane are the orders.
pub(super) const EIGHTS: [u8; VECTOR] = {
    let [low, high] = 10_000_u16.to_le_bytes();
    lanes(
        [0, 0, 1, 0, low, high, 1, 0, 0, 0, 1, 0, low, high, 1, 0],
        [low, high, 1, 0, low, high, 1, 0, low, high, 1, 0, low, high, 1, 0],
    )
};

/// The bytes of two levels, from the numbers and scales in the first vector, and the orders in the
/// second. The highest byte of a price is always zero.
pub(super) const LEVELS: [u8; VECTOR] = {
    const ZERO: u8 = 7;
    const SECOND: u8 = VECTOR as u8;
    let mut bytes = [ZERO; VECTOR];
    let mut at = 0;
    while at < VECTOR {
        let lane = at as u8 / 32 * 32;
        bytes[at] = match at as u8 % 32 {
            px @ 0..8 => lane + px,
            sz @ 8..16 => lane + 16 + (sz - 8),
            orders @ 16..18 => SECOND + lane + (orders - 16),
            20 => lane + 8,
            21 => lane + 16 + 8,
            _ => ZERO,
        };
        at += 1;
    }
    bytes
};

/// The quotes of two fifth levels.
pub(super) const FIFTHS: [u8; VECTOR] = {
    let mut quotes = PAIRS[2];
    let mut at = 32;
    while at < VECTOR {
        quotes[at] -= QUOTES as u8;
        at += 1;
    }
    quotes
};
