//! The catalogue of instruments.

use std::collections::BTreeMap;

use super::decimal::{Decimal, DecimalError, Price, Qty};
use super::instrument::InstrumentId;
use super::instrument_codes::InstrumentCodes;
use super::level::Level;
use super::record::reference::Instrument;
use super::text::Text;

/// The state of an instrument that is gone, as the exchange writes it.
const EXPIRED: &str = "expired";

/// The type whose rows are those of spot pairs once more, under the same ids.
const MARGIN: &str = "MARGIN";

/// What a row has done to an [`Instruments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CatalogueChange {
    /// Nothing.
    Unchanged,
    /// It is new, or open again: it can be subscribed ([`Instrument::is_open`]).
    Listed,
    /// Another value of it has changed.
    Changed,
    /// It can't be subscribed any more.
    Delisted,
}

/// The instruments of the exchange by id, kept up to date row by row.
///
/// Fill it with the rows of `GET /api/v5/public/instruments`
/// (`RestClient::instruments`, feature `rest`) and of the channel
/// `instruments`. A row replaces the one of the same id; nothing else is ever removed, since a
/// message of the channel names only what has changed (since 2026-09-30). A renamed instrument is
/// two: the old id becomes `expired`, the new one has the same code. Rows of type `MARGIN` are not
/// kept: they are those of spot pairs, under the same ids.
///
/// Source: `docs/PROTOCOL.md` 5.5. Allocates for each new instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instruments {
    all: BTreeMap<InstrumentId, Instrument>,
}

impl Instruments {
    /// Makes an empty catalogue.
    #[must_use]
    pub const fn new() -> Self {
        Self { all: BTreeMap::new() }
    }

    /// Applies a row of the catalogue.
    pub fn apply(&mut self, row: &Instrument) -> CatalogueChange {
        if row.inst_type.as_str() == MARGIN {
            return CatalogueChange::Unchanged;
        }
        let was_open = match self.all.insert(row.inst_id, *row) {
            Some(old) if old == *row => return CatalogueChange::Unchanged,
            Some(old) => old.is_open(),
            None => false,
        };
        match (was_open, row.is_open()) {
            (false, true) => CatalogueChange::Listed,
            (true, false) => CatalogueChange::Delisted,
            (true, true) | (false, false) => CatalogueChange::Changed,
        }
    }

    /// The open instruments of a type that `is_listed` denies: what a complete list, in which what
    /// is delisted is missing, does not have.
    pub fn missing<'i>(
        &'i self,
        inst_type: &'i str,
        is_listed: impl Fn(&InstrumentId) -> bool + 'i,
    ) -> impl Iterator<Item = &'i Instrument> {
        let of_type = move |row: &&Instrument| row.inst_type.as_str() == inst_type && row.is_open();
        self.all.values().filter(of_type).filter(move |row| !is_listed(&row.inst_id))
    }

    /// Marks an instrument as expired.
    pub fn expire(&mut self, inst_id: &InstrumentId) {
        if let Some(row) = self.all.get_mut(inst_id) {
            row.state = Text::cut(EXPIRED);
        }
    }

    /// The instrument of an id, expired ones included.
    #[must_use]
    pub fn get(&self, inst_id: &InstrumentId) -> Option<&Instrument> {
        self.all.get(inst_id)
    }

    /// All instruments in the order of their ids, expired ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.all.values()
    }

    /// How many instruments there are, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is no instrument.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The id under which an expired instrument goes on: the open one of the same type with its
    /// code.
    #[must_use]
    pub fn renamed(&self, inst_id: &InstrumentId) -> Option<&InstrumentId> {
        let old = self.all.get(inst_id).filter(|old| !old.is_open())?;
        let code = old.inst_id_code?;
        let is_new = |row: &&Instrument| {
            row.inst_id_code == Some(code) && row.is_open() && row.inst_type == old.inst_type
        };
        self.all.values().find(is_new).map(|row| &row.inst_id)
    }

    /// The codes by which SBE names the instruments that are not expired.
    #[must_use]
    pub fn codes(&self) -> InstrumentCodes {
        let current = self.all.values().filter(|row| !row.is_expired());
        let coded = current.filter_map(|row| {
            let code = i64::try_from(row.inst_id_code?).ok()?;
            Some((code, row.inst_id))
        });
        coded.collect()
    }
}

impl<'r> Extend<&'r Instrument> for Instruments {
    fn extend<I: IntoIterator<Item = &'r Instrument>>(&mut self, rows: I) {
        for row in rows {
            self.apply(row);
        }
    }
}

impl<'r> FromIterator<&'r Instrument> for Instruments {
    fn from_iter<I: IntoIterator<Item = &'r Instrument>>(rows: I) -> Self {
        let mut instruments = Self::new();
        instruments.extend(rows);
        instruments
    }
}

impl Instrument {
    /// Whether it is gone: delivered, delisted or renamed.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.state.as_str() == EXPIRED
    }

    /// Whether it can be subscribed: it is not expired, not the exchange's own test, and an
    /// announced listing (`preopen`) is complete, which it is five minutes before it begins.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.state.as_str() {
            EXPIRED | "test" => false,
            "preopen" => self.tick_sz.is_some(),
            _ => true,
        }
    }

    /// Whether its sizes are contracts; else they are base currency.
    #[must_use]
    pub const fn has_contracts(&self) -> bool {
        self.ct_val.is_some()
    }

    /// Whether a contract is worth an amount of quote currency (`inverse`), whatever the price.
    #[must_use]
    pub fn is_inverse(&self) -> bool {
        self.ct_type.as_str() == "inverse"
    }

    /// A price as a whole number of ticks. Of options and event contracts the tick is that of the
    /// lowest prices.
    ///
    /// # Errors
    /// [`DecimalError::NotMultiple`] if it is between two ticks, [`DecimalError::DivisionByZero`]
    /// if the tick is not known, [`DecimalError::Overflow`].
    pub fn ticks(&self, px: Price) -> Result<i64, DecimalError> {
        px.ticks(self.tick_sz.unwrap_or(Decimal::ZERO))
    }

    /// A size as a whole number of lots.
    ///
    /// # Errors
    /// As [`Instrument::ticks`], of the lot.
    pub fn lots(&self, sz: Qty) -> Result<i64, DecimalError> {
        sz.ticks(self.lot_sz.unwrap_or(Decimal::ZERO))
    }

    /// What `sz` contracts are of, in the currency of the contract value
    /// ([`Instrument::ct_val_ccy`]): contracts times value times multiplier. Of spot the size
    /// itself.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] or [`DecimalError::Scale`] if it does not fit exactly.
    pub fn contract_amount(&self, sz: Qty) -> Result<Decimal, DecimalError> {
        let Some(value) = self.ct_val else { return Ok(sz) };
        let one = Decimal::from(1);
        sz.checked_mul(value)?.checked_mul(self.ct_mult.unwrap_or(one))
    }

    /// The value of `sz` at a price in quote currency: price times size on spot, price times
    /// [`Instrument::contract_amount`] for linear contracts, and that amount alone for inverse
    /// ones, whose contracts are worth a fixed amount of dollars.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] or [`DecimalError::Scale`] if it does not fit exactly.
    pub fn notional(&self, px: Price, sz: Qty) -> Result<Decimal, DecimalError> {
        let amount = self.contract_amount(sz)?;
        if self.is_inverse() { Ok(amount) } else { amount.checked_mul(px) }
    }
}

impl Level {
    /// The value of the level in quote currency, whatever its sizes are: see
    /// [`Instrument::notional`].
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] or [`DecimalError::Scale`] if it does not fit exactly.
    pub fn notional(&self, instrument: &Instrument) -> Result<Decimal, DecimalError> {
        instrument.notional(self.px(), self.sz())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dialect, RawValue, RecordData, RecordKind, RecordType};

    fn row(members: &[(&str, &str)]) -> Instrument {
        let mut data = RecordData::empty(RecordKind::Instrument);
        for (key, value) in members {
            assert_ne!(data.set(key, RawValue::Text(value), Dialect::V5).unwrap(), 0, "{key}");
        }
        *Instrument::of(&data).unwrap()
    }

    fn swap(id: &str, state: &str, code: &str) -> Instrument {
        row(&[
            ("instId", id),
            ("instType", "SWAP"),
            ("state", state),
            ("tickSz", "0.1"),
            ("instIdCode", code),
        ])
    }

    fn id(text: &str) -> InstrumentId {
        InstrumentId::new(text).unwrap()
    }

    #[test]
    fn rows_list_change_and_delist_and_nothing_absent_is_removed() {
        let mut all = Instruments::new();
        let announced = row(&[("instId", "N-USDT-SWAP"), ("state", "preopen")]);
        assert_eq!(all.apply(&swap("B-USDT-SWAP", "live", "5")), CatalogueChange::Listed);
        assert_eq!(all.apply(&announced), CatalogueChange::Changed);
        assert!(!all.get(&id("N-USDT-SWAP")).unwrap().is_open());
        assert_eq!(all.apply(&swap("N-USDT-SWAP", "preopen", "")), CatalogueChange::Listed);
        assert_eq!(all.apply(&swap("N-USDT-SWAP", "live", "7")), CatalogueChange::Changed);
        assert_eq!(all.apply(&swap("N-USDT-SWAP", "live", "7")), CatalogueChange::Unchanged);
        assert_eq!(all.apply(&swap("N-USDT-SWAP", "expired", "7")), CatalogueChange::Delisted);
        assert_eq!(all.len(), 2);
        let margin = row(&[("instId", "B-USDT"), ("instType", "MARGIN"), ("state", "live")]);
        assert_eq!(all.apply(&margin), CatalogueChange::Unchanged);
        assert_eq!((all.len(), all.codes().len()), (2, 1));
    }

    /// Source: the rename of XAUT-USDT-SWAP on 2026-01-15.
    #[test]
    fn a_renamed_instrument_goes_on_under_the_same_code() {
        let mut all = Instruments::new();
        all.apply(&swap("XAUT-USDT-SWAP", "live", "42"));
        assert_eq!(all.renamed(&id("XAUT-USDT-SWAP")), None);
        all.apply(&swap("XAUT-USDT-SWAP", "expired", "42"));
        assert_eq!(all.renamed(&id("XAUT-USDT-SWAP")), None);
        all.apply(&swap("XAU-USDT-SWAP", "live", "42"));
        assert_eq!(all.renamed(&id("XAUT-USDT-SWAP")), Some(&id("XAU-USDT-SWAP")));
        assert_eq!(all.codes().id(42), Some("XAU-USDT-SWAP"));
    }

    #[test]
    fn what_a_complete_list_does_not_have_is_found_and_ended() {
        let rows = ["A", "B", "C"].map(|name| swap(name, "live", ""));
        let mut all: Instruments = rows.iter().collect();
        let listed = |inst: &InstrumentId| inst.as_str() == "B";
        assert_eq!(all.missing("SPOT", listed).count(), 0);
        all.expire(&id("C"));
        let missing: Vec<_> = all.missing("SWAP", listed).map(|row| row.inst_id).collect();
        assert_eq!(missing, [id("A")]);
        assert!(all.get(&id("C")).unwrap().is_expired());
    }

    /// Source: `ctVal` of the exchange's instruments: BTC-USDT-SWAP 0.01 BTC, BTC-USD-SWAP 100 USD.
    #[test]
    fn sizes_have_a_value() {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        let (px, sz) = (decimal("91500.5"), decimal("123.4"));
        let spot = row(&[("instId", "A"), ("tickSz", "0.1"), ("lotSz", "0.00000001")]);
        let linear = [("ctVal", "0.01"), ("ctMult", "1"), ("ctType", "linear"), ("tickSz", "0.1")];
        let linear = row(&[&[("instId", "A")], &linear[..]].concat());
        let inverse = row(&[("instId", "A"), ("ctVal", "100"), ("ctType", "inverse")]);
        let level = Level::new(px, sz, 1);
        assert_eq!(level.notional(&spot), Ok(decimal("11291161.70")));
        assert_eq!(level.notional(&linear), Ok(decimal("112911.61700")));
        assert_eq!(level.notional(&inverse), Ok(decimal("12340.0")));
        assert_eq!(linear.contract_amount(sz), Ok(decimal("1.234")));
        assert_eq!((linear.ticks(px), spot.lots(sz)), (Ok(915_005), Ok(12_340_000_000)));
        assert_eq!(inverse.ticks(px), Err(DecimalError::DivisionByZero));
        assert_eq!(linear.ticks(decimal("0.05")), Err(DecimalError::NotMultiple));
        assert!(linear.notional(decimal("9223372036854775807"), decimal("0.7")).is_err());
    }
}
