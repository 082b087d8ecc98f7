//! One price level of a book.

use std::fmt;

use super::decimal::{Decimal, DecimalError, MAX_SCALE, Price, Qty, exact_to_f64};

/// One price level: a price, the quantity resting there and the number of orders.
///
/// Plain data, 24 bytes: `px` mantissa at offset 0, `sz` mantissa at 8 (both `i64`), `orders` at 16
/// (`u32`), the two scales at 20 and 21 (`u8`), two zero bytes. The same bytes are read from C,
/// Python and shared memory.
///
/// Source: v3 `["9362.1","23","0","3"]` (price, size, liquidation orders, orders) or, on spot,
/// `["2252.95","0.625033","2"]`; v5 always the four-element form. The third of four elements is not
/// stored: it is zero in every captured message except those of `books-rpi`, see
/// [`NonRpiSizes`](crate::book::NonRpiSizes).
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Level {
    px: i64,
    sz: i64,
    // One word, so that it is written and read as one: what is written in parts and read as a whole
    // soon after has to wait.
    tail: Tail,
}

/// The last eight bytes of a level: the orders and the two scales, each in native byte order.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
struct Tail(u64);

/// The bits of the word at which the orders and the scales begin: their bytes have the same
/// offsets in either byte order.
const SHIFTS: (u32, u32, u32) =
    if cfg!(target_endian = "little") { (0, 32, 40) } else { (32, 24, 16) };

#[expect(clippy::cast_possible_truncation, reason = "each takes its own bits of the word")]
impl Tail {
    #[inline(always)]
    const fn new(orders: u32, px_scale: u8, sz_scale: u8) -> Self {
        let (at_orders, at_px, at_sz) = SHIFTS;
        let (px_scale, sz_scale) = (px_scale as u64, sz_scale as u64);
        Self((orders as u64) << at_orders | px_scale << at_px | sz_scale << at_sz)
    }

    #[inline(always)]
    const fn orders(self) -> u32 {
        (self.0 >> SHIFTS.0) as u32
    }

    #[inline(always)]
    const fn px_scale(self) -> u8 {
        (self.0 >> SHIFTS.1) as u8
    }

    #[inline(always)]
    const fn sz_scale(self) -> u8 {
        (self.0 >> SHIFTS.2) as u8
    }

    /// The orders in the lower half, then the scales, in either byte order.
    #[inline(always)]
    const fn to_word(self) -> u64 {
        if cfg!(target_endian = "little") {
            // As it is: to put the parts together again would cost a mask.
            return self.0;
        }
        self.orders() as u64 | (self.px_scale() as u64) << 32 | (self.sz_scale() as u64) << 40
    }

    /// The tail of [`Tail::to_word`], whatever the upper sixteen bits are.
    #[inline(always)]
    const fn from_word(word: u64) -> Self {
        Self::new(word as u32, (word >> 32) as u8, (word >> 40) as u8)
    }
}

impl Level {
    /// No level: the value of unused entries of a book.
    pub const EMPTY: Self = Self { px: 0, sz: 0, tail: Tail(0) };

    /// Makes a level.
    #[inline]
    #[must_use]
    pub const fn new(px: Price, sz: Qty, orders: u32) -> Self {
        let tail = Tail::new(orders, px.scale(), sz.scale());
        Self { px: px.mantissa(), sz: sz.mantissa(), tail }
    }

    /// The price.
    #[inline]
    #[must_use]
    pub const fn px(&self) -> Price {
        Decimal::from_parts(self.px, self.tail.px_scale())
    }

    /// The size: base currency on spot, contracts on derivatives. Zero deletes the level in an
    /// update of an order book and does not occur elsewhere.
    #[inline]
    #[must_use]
    pub const fn sz(&self) -> Qty {
        Decimal::from_parts(self.sz, self.tail.sz_scale())
    }

    /// The number of orders that make up the size; 0 if the message has no readable one.
    #[inline]
    #[must_use]
    pub const fn orders(&self) -> u32 {
        self.tail.orders()
    }

    /// The price and the size as [`Decimal::to_f64`] gives them, together: on most processors one
    /// division for both.
    #[inline]
    #[must_use]
    pub fn to_f64(&self) -> (f64, f64) {
        if (self.px | self.sz) >> f64::MANTISSA_DIGITS == 0 {
            let (px_scale, sz_scale) = (self.tail.px_scale(), self.tail.sz_scale());
            return exact_to_f64([(self.px, px_scale), (self.sz, sz_scale)]).into();
        }
        (self.px().to_f64(), self.sz().to_f64())
    }

    /// The price as a whole number of ticks, exact.
    ///
    /// # Errors
    /// As [`Decimal::ticks`].
    pub fn ticks(&self, tick: Price) -> Result<i64, DecimalError> {
        self.px().ticks(tick)
    }

    /// The price's mantissa and scale, 0 to [`Decimal::MAX_SCALE`].
    #[inline]
    pub(crate) fn px_parts(&self) -> (i64, usize) {
        // A scale that is widened directly is loaded as the single byte that was stored.
        (self.px, usize::from(self.tail.px_scale()))
    }

    /// Whether the size is above zero.
    #[inline]
    pub(crate) const fn has_sz(&self) -> bool {
        self.sz > 0
    }

    /// Whether the size is below zero, which no level of a book has.
    #[inline]
    pub(crate) const fn has_negative_sz(&self) -> bool {
        self.sz < 0
    }

    /// The level as three words, for publication in atomics.
    #[inline]
    pub(crate) const fn to_words(self) -> [u64; 3] {
        [self.px.cast_unsigned(), self.sz.cast_unsigned(), self.tail.to_word()]
    }

    /// The level of [`Level::to_words`].
    #[inline]
    pub(crate) const fn from_words(words: [u64; 3]) -> Self {
        let [px, sz, tail] = words;
        let tail = Tail::from_word(tail);
        let (px_scale, sz_scale) = (tail.px_scale(), tail.sz_scale());
        let tail = Tail::new(
            tail.orders(),
            if px_scale > MAX_SCALE { MAX_SCALE } else { px_scale },
            if sz_scale > MAX_SCALE { MAX_SCALE } else { sz_scale },
        );
        Self { px: px.cast_signed(), sz: sz.cast_signed(), tail }
    }
}

/// Equal texts of price and size, and equal orders: `124.0` and `124` are different levels.
impl PartialEq for Level {
    fn eq(&self, other: &Self) -> bool {
        (self.px, self.sz, self.tail) == (other.px, other.sz, other.tail)
    }
}

impl Eq for Level {}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} @ {} ({})", self.sz(), self.px(), self.orders())
    }
}

const _: () = {
    assert!(size_of::<Level>() == 24 && align_of::<Level>() == 8);
    assert!(std::mem::offset_of!(Level, px) == 0);
    assert!(std::mem::offset_of!(Level, sz) == 8);
    assert!(std::mem::offset_of!(Level, tail) == 16);
    // The tail's own offsets: orders at 0, the scales at 4 and 5, then zeros.
    let [o0, o1, o2, o3, px_scale, sz_scale, 0, 0] = Tail::new(0x0102_0304, 5, 6).0.to_ne_bytes()
    else {
        panic!("the last two bytes are zeros");
    };
    assert!(u32::from_ne_bytes([o0, o1, o2, o3]) == 0x0102_0304);
    assert!(px_scale == 5 && sz_scale == 6);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_the_whole_level() {
        let level =
            Level::new("-124.0".parse().unwrap(), "0.0000007465".parse().unwrap(), u32::MAX);
        assert_eq!(Level::from_words(level.to_words()), level);
        assert_eq!(Level::from_words(Level::EMPTY.to_words()), Level::EMPTY);
        assert_eq!(level.tail.0.to_ne_bytes(), [255, 255, 255, 255, 1, 10, 0, 0]);
        let level = Level::from_words([1, 2, u64::MAX]);
        assert_eq!((level.px().scale(), level.sz().scale()), (MAX_SCALE, MAX_SCALE));
        assert_eq!(level.to_words()[2] >> 48, 0);
    }

    #[test]
    fn price_and_size_together_are_the_floats_that_each_is() {
        let edge = 1_i64 << f64::MANTISSA_DIGITS;
        let mut mantissas = vec![0, 1, -1, 7, edge - 1, edge, edge + 1, -edge, i64::MAX, -i64::MAX];
        let mut draw = 1_u64;
        mantissas.extend((0..200).map(|bits| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            draw.cast_signed() >> (bits % 64)
        }));
        let decimal = |mantissa, scale| Decimal::new(mantissa, scale).unwrap();
        for (at, px) in mantissas.iter().enumerate() {
            for sz in &mantissas {
                let scales = [0, 1, 4, 9, MAX_SCALE];
                let (px, sz) = (decimal(*px, scales[at % 5]), decimal(*sz, scales[at / 5 % 5]));
                let floats = Level::new(px, sz, 1).to_f64();
                assert_eq!(floats, (px.to_f64(), sz.to_f64()), "{px} {sz}");
                assert_eq!(floats.0, px.to_string().parse::<f64>().unwrap(), "{px}");
            }
        }
    }

    #[test]
    fn a_price_is_a_number_of_ticks() {
        let level = Level::new("100.50".parse().unwrap(), Decimal::from(3), 1);
        let ticks = |tick: &str| level.ticks(tick.parse().unwrap());
        assert_eq!((ticks("0.1"), ticks("0.5"), ticks("0.500")), (Ok(1005), Ok(201), Ok(201)));
        assert_eq!(ticks("0.2"), Err(DecimalError::NotMultiple));
        assert_eq!(ticks("0.00"), Err(DecimalError::DivisionByZero));
        assert_eq!(ticks("0.00000000000000001"), Err(DecimalError::Overflow));
    }

    #[test]
    fn a_level_differs_by_the_text_of_its_numbers() {
        let level = |px: &str| Level::new(px.parse().unwrap(), Decimal::from(1), 1);
        assert_ne!(level("124.0"), level("124"));
    }
}
