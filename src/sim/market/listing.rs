//! What is listed on the exchange: names, ticks, lots and the prices to start from.

use crate::model::{Decimal, InstrumentId, InstrumentIdError, Market, Price, Qty};

/// Whether an instrument can be traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListingState {
    /// It is announced: it has a name, and nothing of it can be subscribed.
    Announced,
    /// It is traded.
    #[default]
    Live,
    /// It is gone.
    Delisted,
}

/// One instrument of the exchange.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    inst_id: InstrumentId,
    market: Market,
    tick: Decimal,
    lot: Decimal,
    /// The ticks of the price 0: 0, but of a spread.
    zero_ticks: i64,
    start_ticks: i64,
    typical_lots: i64,
    weight: u32,
    state: ListingState,
}

/// Why numbers do not make a [`Listing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// The instrument's id is empty or too long.
    #[error(transparent)]
    Id(#[from] InstrumentIdError),
    /// The market lists no instruments with books.
    #[error("an index has no book")]
    Index,
    /// A number is zero, negative or no decimal.
    #[error("tick, lot, price and size must be positive decimals")]
    Number,
    /// The starting price is no multiple of the tick, or the size none of the lot.
    #[error("a price must be a multiple of the tick, a size of the lot")]
    OffGrid,
    /// The price or the size is so large that sums of it could overflow.
    #[error("price and size must stay below 10^15 ticks and lots")]
    TooLarge,
}

/// The most ticks of a starting price and lots of a typical size, so that sums never overflow.
const MAX_UNITS: i64 = 1_000_000_000_000_000;

impl Listing {
    /// Lists an instrument from decimal texts: the smallest price step, the smallest size step, the
    /// price to start from and the size of a typical order (base currency on spot, contracts on
    /// derivatives).
    ///
    /// # Errors
    /// [`ListingError`] says which number is wrong.
    pub fn new(
        inst_id: &str,
        market: Market,
        [tick, lot, start_px, typical_sz]: [&str; 4],
    ) -> Result<Self, ListingError> {
        if market == Market::Index {
            return Err(ListingError::Index);
        }
        let (tick, lot) = (positive(tick)?, positive(lot)?);
        Ok(Self {
            inst_id: InstrumentId::new(inst_id)?,
            market,
            tick,
            lot,
            zero_ticks: 0,
            start_ticks: units(positive(start_px)?, tick)?,
            typical_lots: units(positive(typical_sz)?, lot)?,
            weight: 10,
            state: ListingState::Live,
        })
    }

    /// A made-up listing of an id, whose form says what market it is of: `-SWAP` at its end, a pair
    /// for spot, `-C` or `-P` for an option, else a future.
    ///
    /// # Errors
    /// [`ListingError::Id`].
    pub fn made_up(inst_id: &str) -> Result<Self, ListingError> {
        let market = match inst_id.rsplit('-').next() {
            Some("SWAP") => Market::Swap,
            Some("C" | "P") => Market::Option,
            _ if inst_id.matches('-').count() == 1 => Market::Spot,
            _ => Market::Futures,
        };
        Self::new(inst_id, market, ["0.01", "0.1", "123.45", "7"])
    }

    /// A spread of two instruments, whose price is the difference of theirs: it starts at 0 and may
    /// be negative.
    ///
    /// # Errors
    /// [`ListingError::Id`].
    pub fn spread([first, second]: [&str; 2]) -> Result<Self, ListingError> {
        let id = format!("{first}_{second}");
        let listing = Self::new(&id, Market::Swap, ["0.1", "0.01", "1000", "1"])?;
        Ok(Self { zero_ticks: listing.start_ticks, ..listing })
    }

    /// Whether it is a spread: then it is no instrument, and other channels serve it.
    #[must_use]
    pub const fn is_spread(&self) -> bool {
        self.zero_ticks != 0
    }

    /// The same listing in another state.
    #[must_use]
    pub const fn with_state(mut self, state: ListingState) -> Self {
        self.state = state;
        self
    }

    /// Whether it can be traded.
    #[must_use]
    pub const fn state(&self) -> ListingState {
        self.state
    }

    /// The same listing with another share of the activity; the default is 10.
    #[must_use]
    pub const fn with_weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// The instrument's id.
    #[must_use]
    pub const fn inst_id(&self) -> &InstrumentId {
        &self.inst_id
    }

    /// The market: v3's prefix, and the unit of sizes in both dialects.
    #[must_use]
    pub const fn market(&self) -> Market {
        self.market
    }

    /// The share of the activity, relative to the weights of the other listings.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// The price of a number of ticks, with no trailing zeros, as the exchange prints it.
    #[must_use]
    pub fn px(&self, ticks: i64) -> Price {
        scaled(self.tick, ticks.saturating_sub(self.zero_ticks))
    }

    /// The size of a number of lots, with no trailing zeros, as the exchange prints it.
    #[must_use]
    pub fn sz(&self, lots: i64) -> Qty {
        scaled(self.lot, lots)
    }

    /// The exact text of a sum of prices times sizes, in ticks times lots.
    pub(crate) fn notional(&self, ticks_lots: i128) -> String {
        let unit = i128::from(self.tick.mantissa()) * i128::from(self.lot.mantissa());
        let mantissa = ticks_lots.saturating_mul(unit).unsigned_abs();
        let scale = usize::from(self.tick.scale() + self.lot.scale());
        let digits = format!("{mantissa:0width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        }
    }

    /// The smallest price step.
    pub(crate) const fn tick(&self) -> Decimal {
        self.tick
    }

    /// The smallest size step.
    pub(crate) const fn lot(&self) -> Decimal {
        self.lot
    }

    /// The decimals of the tick and of the lot.
    pub(crate) const fn decimals(&self) -> [u8; 2] {
        [self.tick.scale(), self.lot.scale()]
    }

    pub(crate) const fn start_ticks(&self) -> i64 {
        self.start_ticks
    }

    pub(crate) const fn typical_lots(&self) -> i64 {
        self.typical_lots
    }

    /// The instruments that the exchange lists when nothing else is asked for: at least one of
    /// every class and of every odd form of id.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let rows = DEFAULTS.iter();
        rows.filter_map(|(id, market, numbers, weight)| {
            Some(Self::new(id, *market, *numbers).ok()?.with_weight(*weight))
        })
        .collect()
    }

    /// The first `count` instruments: the defaults, then made-up pairs, swaps and futures with all
    /// sorts of ticks.
    #[must_use]
    pub fn generate(count: usize) -> Vec<Self> {
        let mut listings = Self::defaults();
        listings.truncate(count);
        let made_up = (0u32..).filter_map(|n| made_up(n).ok());
        let missing = count.saturating_sub(listings.len());
        listings.extend(made_up.take(missing));
        listings
    }
}

/// Id, market, `[tick, lot, starting price, typical size]`, weight.
type DefaultListing = (&'static str, Market, [&'static str; 4], u32);

const DEFAULTS: [DefaultListing; 16] = [
    ("BTC-USDT", Market::Spot, ["0.1", "0.00000001", "84093.4", "0.05"], 100),
    ("BTC-USDT-SWAP", Market::Swap, ["0.1", "0.01", "84093.5", "8"], 100),
    ("BTC-USD-190517", Market::Futures, ["0.01", "1", "7880.25", "20"], 60),
    ("ETH-USDT", Market::Spot, ["0.01", "0.000001", "2252.94", "0.8"], 80),
    ("ETH-USDT-SWAP", Market::Swap, ["0.01", "0.01", "2253.1", "12"], 80),
    ("BTC-USD-SWAP", Market::Swap, ["0.1", "1", "84101.2", "40"], 60),
    ("BTC-USD_UM-SWAP", Market::Swap, ["0.1", "0.01", "84088.8", "3"], 20),
    ("BTC-USD_UM_XPERP-310404", Market::Futures, ["0.1", "0.01", "84120.6", "3"], 20),
    ("BTC-USD-210924", Market::Futures, ["0.1", "1", "42480.1", "15"], 30),
    ("BTC-USDT-210625", Market::Futures, ["0.1", "1", "60059.7", "10"], 30),
    ("SATS-USDT", Market::Spot, ["0.0000000001", "1", "0.0000007465", "900000000"], 20),
    ("ETH-BTC", Market::Spot, ["0.00001", "0.000001", "0.02679", "1.5"], 20),
    ("OKB-USDT", Market::Spot, ["0.001", "0.0001", "52.317", "4"], 20),
    ("BTC-USD-210423-64000-C", Market::Option, ["0.0005", "1", "0.0425", "9"], 5),
    ("BTC-USD-210924-42000-P", Market::Option, ["0.0005", "1", "0.0835", "12"], 5),
    ("EOS-USD-210625-8.00-C", Market::Option, ["0.0005", "1", "0.123", "30"], 5),
];

fn made_up(n: u32) -> Result<Listing, ListingError> {
    let scale = usize::try_from(n % 9).unwrap_or_default();
    // Primes spread the prices over 1 000 to 900 999 ticks, and the sizes over 1 to 1 009 units.
    let ticks = 1_000 + u64::from(n) * 7_919 % 900_000;
    let units = 1 + u64::from(n) * 31 % 1_009;
    let (whole, fraction) = (ticks / 10u64.pow(n % 9), ticks % 10u64.pow(n % 9));
    let (tick, px) = match scale {
        0 => ("1".to_owned(), whole.to_string()),
        _ => (format!("0.{}1", "0".repeat(scale - 1)), format!("{whole}.{fraction:0scale$}")),
    };
    let (id, market, lot) = match n % 3 {
        0 => (format!("X{n:05}-USDT"), Market::Spot, "0.0001"),
        1 => (format!("X{n:05}-USDT-SWAP"), Market::Swap, "1"),
        _ => (format!("X{n:05}-USD-310404"), Market::Futures, "1"),
    };
    Listing::new(&id, market, [&tick, lot, &px, &units.to_string()])
}

fn positive(text: &str) -> Result<Decimal, ListingError> {
    let number = Decimal::parse(text.as_bytes()).map_err(|_| ListingError::Number)?;
    if number <= Decimal::ZERO { Err(ListingError::Number) } else { Ok(number) }
}

/// How many of `unit` make `number`.
fn units(number: Decimal, unit: Decimal) -> Result<i64, ListingError> {
    let scale = number.scale().max(unit.scale());
    let both = (number.rescale(scale), unit.rescale(scale));
    let (Ok(number), Ok(unit)) = both else { return Err(ListingError::TooLarge) };
    if number.mantissa() % unit.mantissa() != 0 {
        return Err(ListingError::OffGrid);
    }
    let count = number.mantissa() / unit.mantissa();
    if count > MAX_UNITS { Err(ListingError::TooLarge) } else { Ok(count) }
}

fn scaled(unit: Decimal, count: i64) -> Decimal {
    let mantissa = unit.mantissa().saturating_mul(count);
    Decimal::new(mantissa, unit.scale()).unwrap_or_default().normalized()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_defaults_are_valid_and_start_where_they_say() {
        let listings = Listing::defaults();
        assert_eq!(listings.len(), DEFAULTS.len());
        for (listing, (_, _, [_, _, px, sz], _)) in listings.iter().zip(&DEFAULTS) {
            assert_eq!(listing.px(listing.start_ticks()).to_string(), *px);
            assert_eq!(listing.sz(listing.typical_lots()).to_string(), *sz);
        }
    }

    #[test]
    fn any_number_of_instruments_has_different_ids() {
        let listings = Listing::generate(10_000);
        let ids: HashSet<_> = listings.iter().map(|l| *l.inst_id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert_eq!(Listing::generate(3).len(), 3);
    }

    #[test]
    fn bad_numbers_are_refused() {
        let listing = |numbers| Listing::new("A-B", Market::Spot, numbers).map(|_| ());
        assert_eq!(listing(["0", "1", "1", "1"]), Err(ListingError::Number));
        assert_eq!(listing(["1", "x", "1", "1"]), Err(ListingError::Number));
        assert_eq!(listing(["0.5", "1", "1.2", "1"]), Err(ListingError::OffGrid));
        assert_eq!(listing(["0.0000000001", "1", "900000000", "1"]), Err(ListingError::TooLarge));
        let index = Listing::new("BTC-USD", Market::Index, ["1", "1", "1", "1"]);
        assert_eq!(index.map(|_| ()), Err(ListingError::Index));
    }
}
