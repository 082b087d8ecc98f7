//! Where the digits of a decimal stand in its text.

/// The most bytes of a text that has a shape.
pub(super) const MAX_LEN: u32 = 16;

/// WordWriter in the tables: a power of two over all shapes, so that a mask replaces the check of
/// bounds.
const SHAPES: usize = 512;

/// The mark, among the scales, of a shape that no decimal has.
const NO_DECIMAL: u8 = 0x80;

/// How a decimal's bytes are laid out, as an index: 16 times its length, plus how many of its bytes
/// come before the point.
#[derive(Clone, Copy)]
pub(super) struct Shape(usize);

impl Shape {
    const FIRST: usize = 16 + 1;
    const LAST: usize = 16 * 16 + 16;

    /// The shape of a text of `len` bytes, up to [`MAX_LEN`], of which `whole`, up to `len`, come
    /// before the point; they are equal where there is no point.
    #[inline(always)]
    pub(super) const fn of(len: u32, whole: u32) -> Self {
        Self((len * 16 + whole) as usize)
    }

    /// For each of 16 bytes, filled from the right with the text's digits: the place in the text
    /// that it comes from, or 0x80 where there is no digit for it.
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "the mask keeps the index below the table's length"
    )]
    pub(super) fn order(self) -> &'static [u8; 16] {
        &ORDERS[self.0 & (SHAPES - 1)]
    }

    /// Whether both are laid out as decimals: with a digit before the point and one behind it.
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "the mask keeps the index below the table's length"
    )]
    pub(super) fn are_decimals(self, other: Self) -> bool {
        (SCALES[self.0 & (SHAPES - 1)] | SCALES[other.0 & (SHAPES - 1)]) & NO_DECIMAL == 0
    }

    /// The number of digits behind the point, 0 to 15.
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "the mask keeps the index below the table's length"
    )]
    pub(super) fn scale(self) -> u8 {
        // The second mask changes nothing, but gives the compiler the range.
        SCALES[self.0 & (SHAPES - 1)] & 15
    }

    const fn len_and_whole(self) -> (usize, usize) {
        ((self.0 - 1) / 16, (self.0 - 1) % 16 + 1)
    }
}

static ORDERS: [[u8; 16]; SHAPES] = make_orders();
static SCALES: [u8; SHAPES] = make_scales();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where a bad index fails; places are below 16"
)]
const fn make_orders() -> [[u8; 16]; SHAPES] {
    let mut orders = [[0x80; 16]; SHAPES];
    let mut shape = Shape::FIRST;
    while shape <= Shape::LAST {
        let (len, whole) = Shape(shape).len_and_whole();
        let (mut from, mut to) = (len, 16);
        while from > 0 {
            from -= 1;
            if from != whole {
                to -= 1;
                orders[shape][to] = from as u8;
            }
        }
        shape += 1;
    }
    orders
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where a bad index fails; scales are below 16"
)]
const fn make_scales() -> [u8; SHAPES] {
    let mut scales = [NO_DECIMAL; SHAPES];
    let mut shape = Shape::FIRST;
    while shape <= Shape::LAST {
        let (len, whole) = Shape(shape).len_and_whole();
        if whole == len || whole + 1 < len {
            scales[shape] = len.saturating_sub(whole + 1) as u8;
        }
        shape += 1;
    }
    scales
}
