//! Queries of strategies on the levels of a book, exact and without floats.

use crate::model::{Decimal, DecimalError, Level, Price, Qty, Side, div_wide};

/// The decimals of a ratio such as an imbalance, and of an average price.
pub(crate) const RATIO_SCALE: u8 = 9;

/// The cost of taking a size from one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sweep {
    /// The size that the book can fill, at most the requested one.
    pub filled: Qty,
    /// The price of the last level reached.
    pub worst_px: Price,
    /// The average price at [`Sweep::RATIO_SCALE`] decimals, rounded half to even.
    pub avg_px: Price,
    /// Whether the book could fill the whole size.
    pub complete: bool,
}

impl Sweep {
    /// The decimals of a ratio such as an imbalance, and of an average price.
    pub const RATIO_SCALE: u8 = RATIO_SCALE;
}

/// Both sides of a book, best first: the shared implementation of the queries of all book types.
///
/// [`Book5`](super::top5::Book5) documents each method. A book that may lack levels checks that
/// before the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'b> {
    pub(crate) asks: &'b [Level],
    pub(crate) bids: &'b [Level],
}

impl<'b> Sides<'b> {
    #[inline]
    pub(crate) fn top(self) -> Option<(&'b Level, &'b Level)> {
        Some((self.asks.first()?, self.bids.first()?))
    }

    pub(crate) fn spread(self) -> Option<Price> {
        let (ask, bid) = self.top()?;
        ask.px().checked_sub(bid.px()).ok()
    }

    pub(crate) fn mid(self) -> Option<Price> {
        let (ask, bid) = self.top()?;
        let sum = ask.px().widen().add(bid.px().widen())?;
        if sum.value % 2 == 0 {
            return Decimal::from_wide(sum.value / 2, sum.scale).ok();
        }
        Decimal::from_wide(sum.value.checked_mul(5)?, sum.scale + 1).ok()
    }

    pub(crate) fn microprice(self, scale: u8) -> Option<Price> {
        let (ask, bid) = self.top()?;
        let weighted = ask.px().mul_wide(bid.sz()).add(bid.px().mul_wide(ask.sz()))?;
        let total = ask.sz().widen().add(bid.sz().widen())?;
        weighted.div(total, scale).ok()
    }

    pub(crate) fn imbalance(self, levels: usize) -> Option<Decimal> {
        let sum = |side: &[Level]| {
            let mut sizes = side.iter().take(levels).map(|level| level.sz().widen());
            sizes.try_fold(Wide { value: 0, scale: 0 }, Wide::add)
        };
        let (asks, bids) = (sum(self.asks)?, sum(self.bids)?);
        let difference = bids.add(Wide { value: asks.value.checked_neg()?, scale: asks.scale })?;
        difference.div(bids.add(asks)?, RATIO_SCALE).ok()
    }

    pub(crate) fn sweep(self, taker: Side, sz: Qty) -> Option<Sweep> {
        sweep(if taker == Side::Buy { self.asks } else { self.bids }, sz)
    }
}

/// Trades `sz` against levels that are sorted best first.
fn sweep(levels: &[Level], sz: Qty) -> Option<Sweep> {
    if sz <= Decimal::ZERO {
        return None;
    }
    let mut filled = Decimal::ZERO;
    let mut cost = Wide { value: 0, scale: 0 };
    let mut worst_px = levels.first()?.px();
    for level in levels {
        let missing = sz.checked_sub(filled).ok()?;
        if missing.is_zero() {
            break;
        }
        let take = missing.min(level.sz());
        cost = cost.add(level.px().mul_wide(take))?;
        filled = filled.checked_add(take).ok()?;
        worst_px = level.px();
    }
    let avg_px = cost.div(filled.widen(), RATIO_SCALE).ok()?;
    Some(Sweep { filled, worst_px, avg_px, complete: filled == sz })
}

/// A decimal with 128 bits, for intermediate sums and products.
#[derive(Clone, Copy)]
struct Wide {
    value: i128,
    scale: u8,
}

impl Wide {
    fn at(self, scale: u8) -> Option<i128> {
        let factor = 10i128.checked_pow(u32::from(scale.checked_sub(self.scale)?))?;
        self.value.checked_mul(factor)
    }

    fn add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Self { value: self.at(scale)?.checked_add(other.at(scale)?)?, scale })
    }

    fn div(self, other: Self, scale: u8) -> Result<Decimal, DecimalError> {
        let common = self.scale.max(other.scale);
        let parts = self.at(common).zip(other.at(common));
        let (num, den) = parts.ok_or(DecimalError::Overflow)?;
        div_wide(num, den, scale)
    }
}

impl Decimal {
    fn widen(self) -> Wide {
        Wide { value: i128::from(self.mantissa()), scale: self.scale() }
    }

    fn mul_wide(self, other: Self) -> Wide {
        let value = i128::from(self.mantissa()) * i128::from(other.mantissa());
        Wide { value, scale: self.scale() + other.scale() }
    }
}
