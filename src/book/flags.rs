//! Flags for anomalies in the levels of a book.

use std::fmt;

use crate::model::{Level, pow10_i64};

/// Anomalies of a book or of its message. Books with a flag are counted in `Stats`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct BookFlags(u8);

impl BookFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The best bid is at or above the best ask. Legal before the market opens.
    pub const CROSSED: Self = Self(1);
    /// A side was not strictly sorted best first in the message, or repeats a price. The decoder
    /// has sorted it.
    pub const UNSORTED: Self = Self(2);
    /// A level has zero or negative size.
    pub const EMPTY_LEVEL: Self = Self(4);

    /// Each flag with its name.
    const NAMES: [(Self, &'static str); 3] = [
        (Self::CROSSED, "crossed"),
        (Self::UNSORTED, "unsorted"),
        (Self::EMPTY_LEVEL, "empty_level"),
    ];

    /// The names of the flags that are set, in lower case: `crossed`, `unsorted`, `empty_level`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }

    /// The flag of a name; `None` if there is no such flag.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, known)| *known == name).map(|(flag, _)| flag)
    }

    /// The flags as bits: 1 crossed, 2 unsorted, 4 empty level.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether all of `other`'s flags are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn with(self, other: Self, on: bool) -> Self {
        if on { Self(self.0 | other.0) } else { self }
    }

    /// The flags of two sides, each best first.
    #[must_use]
    pub fn of(asks: &[Level], bids: &[Level]) -> Self {
        Self::of_sides(asks, bids)
    }

    /// As [`BookFlags::of`], inlined, so that sides of a known length need no loops.
    #[inline(always)]
    pub(super) fn of_sides(asks: &[Level], bids: &[Level]) -> Self {
        let sum = LevelSum::of(bids, LevelSum::of(asks, LevelSum::NONE));
        if !sum.fits() {
            return Self::of_wide(asks, bids);
        }
        // Prices of one book often differ in scale (`31841.2`, `31834`). Scaling all to the finest
        // costs one multiplication each and no branch.
        let (ask, asks_sorted) = order_of(asks, sum.scale, |worse, better| worse > better);
        let (bid, bids_sorted) = order_of(bids, sum.scale, |worse, better| worse < better);
        let both = !asks.is_empty() & !bids.is_empty();
        Self::NONE
            .with(Self::CROSSED, both & (bid >= ask))
            .with(Self::UNSORTED, !(asks_sorted & bids_sorted))
            .with(Self::EMPTY_LEVEL, sum.has_empty_level)
    }

    /// As [`BookFlags::of`], for prices without a common scale that fits an `i64`.
    #[cold]
    fn of_wide(asks: &[Level], bids: &[Level]) -> Self {
        let unsorted = !asks.is_sorted_by(|a, b| a.px() < b.px())
            || !bids.is_sorted_by(|a, b| a.px() > b.px());
        let crossed = match (asks.first(), bids.first()) {
            (Some(ask), Some(bid)) => bid.px() >= ask.px(),
            _ => false,
        };
        Self::NONE
            .with(Self::CROSSED, crossed)
            .with(Self::UNSORTED, unsorted)
            .with(Self::EMPTY_LEVEL, asks.iter().chain(bids).any(|level| !level.has_sz()))
    }
}

/// The common properties of levels.
struct LevelSum {
    /// All bits that are set in some price's mantissa.
    px_bits: i64,
    /// The finest scale of a price.
    scale: usize,
    /// Whether a level has no size.
    has_empty_level: bool,
}

impl LevelSum {
    const NONE: Self = Self { px_bits: 0, scale: 0, has_empty_level: false };

    #[inline(always)]
    fn of(side: &[Level], start: Self) -> Self {
        side.iter().fold(start, |sum, level| {
            let (px, scale) = level.px_parts();
            Self {
                px_bits: sum.px_bits | px,
                scale: sum.scale.max(scale),
                has_empty_level: sum.has_empty_level | !level.has_sz(),
            }
        })
    }

    /// Whether all prices certainly fit an `i64` at the finest scale: a product has at most as many
    /// bits as both factors together, and the sign bit must stay free.
    #[inline(always)]
    fn fits(&self) -> bool {
        self.px_bits.leading_zeros() + pow10_i64(self.scale).leading_zeros() > 64
    }
}

/// The best price of a side at the finest scale, and whether the side is in order; 0 and true for
/// an empty side.
#[inline(always)]
fn order_of(side: &[Level], scale: usize, in_order: impl Fn(i64, i64) -> bool) -> (i64, bool) {
    let px_at = |level: &Level| {
        let (px, px_scale) = level.px_parts();
        px.wrapping_mul(pow10_i64(scale.wrapping_sub(px_scale)))
    };
    let Some((first, rest)) = side.split_first() else {
        return (0, true);
    };
    let best = px_at(first);
    let (_, sorted) = rest.iter().fold((best, true), |(better, sorted), level| {
        let px = px_at(level);
        (px, sorted & in_order(px, better))
    });
    (best, sorted)
}

impl fmt::Debug for BookFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::CROSSED, "CROSSED"),
            (Self::UNSORTED, "UNSORTED"),
            (Self::EMPTY_LEVEL, "EMPTY_LEVEL"),
        ];
        let set = names.into_iter().filter(|(flag, _)| self.contains(*flag));
        f.debug_list().entries(set.map(|(_, name)| name)).finish()
    }
}
