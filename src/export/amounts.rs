//! Sizes of contracts as amounts of a currency.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::ExportError;
use super::names::tardis_exchange;
use crate::book::Book5;
use crate::model::{Decimal, Level, Topic, Trade};

/// What a contract of each instrument is worth, in the currency of its contract value: base
/// currency where the instrument is linear, US dollars where it is inverse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractValues(Option<HashMap<String, Decimal>>);

impl ContractValues {
    /// No instrument yet: all that is not [added](ContractValues::add), but pairs of spot, is an
    /// error of the export. The default leaves all sizes as they are.
    #[must_use]
    pub fn new() -> Self {
        Self(Some(HashMap::new()))
    }

    /// Adds an instrument: the value of a contract, times its multiplier.
    pub fn add(&mut self, inst_id: &str, value: Decimal) {
        self.0.get_or_insert_default().insert(inst_id.to_owned(), value);
    }

    /// The value of a contract; `None` where sizes stay as they are.
    fn of(&self, topic: &Topic<'_>) -> Result<Option<Decimal>, ExportError> {
        let Some(values) = &self.0 else { return Ok(None) };
        match values.get(topic.inst_id) {
            Some(value) => Ok(Some(*value)),
            None if tardis_exchange(topic) == "okex" => Ok(None),
            None => Err(ExportError::NoContractValue { inst_id: topic.inst_id.to_owned() }),
        }
    }

    pub(super) fn of_size(&self, topic: &Topic<'_>, sz: Decimal) -> Result<Decimal, ExportError> {
        self.of(topic)?.map_or(Ok(sz), |value| times(topic, sz, value))
    }

    pub(super) fn of_trade(&self, topic: &Topic<'_>, of: &Trade) -> Result<Trade, ExportError> {
        let Some(value) = self.of(topic)? else { return Ok(*of) };
        let mut trade = Trade::new(of.side(), of.px(), times(topic, of.sz(), value)?);
        (trade.trade_id, trade.seq, trade.count) = (of.trade_id, of.seq, of.count);
        (trade.source, trade.ts_event, trade.ts_recv) = (of.source, of.ts_event, of.ts_recv);
        Ok(trade)
    }

    pub(super) fn of_book(&self, topic: &Topic<'_>, of: &Book5) -> Result<Book5, ExportError> {
        if self.of(topic)?.is_none() {
            return Ok(*of);
        }
        let (asks, bids) = (self.of_levels(topic, of.asks())?, self.of_levels(topic, of.bids())?);
        let mut book = Book5::new(&asks, &bids);
        (book.seq, book.ts_event, book.ts_recv) = (of.seq, of.ts_event, of.ts_recv);
        Ok(book)
    }

    pub(super) fn of_levels<'l>(
        &self,
        topic: &Topic<'_>,
        levels: &'l [Level],
    ) -> Result<Cow<'l, [Level]>, ExportError> {
        let Some(value) = self.of(topic)? else { return Ok(Cow::Borrowed(levels)) };
        let level = |level: &Level| {
            Ok(Level::new(level.px(), times(topic, level.sz(), value)?, level.orders()))
        };
        Ok(Cow::Owned(levels.iter().map(level).collect::<Result<_, ExportError>>()?))
    }
}

/// The exact product, without zeros at the end that the wire does not have.
fn times(topic: &Topic<'_>, sz: Decimal, value: Decimal) -> Result<Decimal, ExportError> {
    let product = sz.checked_mul(value.normalized());
    product.map_err(|why| ExportError::Amount { inst_id: topic.inst_id.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Channel, Side};

    #[test]
    fn sizes_are_times_the_value_of_a_contract_exactly() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        let swap = Topic::v5(Channel::Trades, "BTC-USDT-SWAP");
        let spot = Topic::v5(Channel::Trades, "BTC-USDT");
        let trade = Trade::new(Side::Buy, number("84000.5"), number("12.3"));
        let mut values = ContractValues::new();
        assert!(values.of_trade(&swap, &trade).is_err());
        assert_eq!(values.of_trade(&spot, &trade).unwrap(), trade);
        values.add("BTC-USDT-SWAP", number("0.010"));
        let made = values.of_trade(&swap, &trade).unwrap();
        assert_eq!((made.sz().to_string(), made.px()), ("0.123".to_owned(), number("84000.5")));
        let levels =
            [Level::new(number("1"), number("0"), 3), Level::new(number("2"), number("7"), 1)];
        let sizes: Vec<_> =
            values.of_levels(&swap, &levels).unwrap().iter().map(Level::sz).collect();
        assert!(sizes[0].is_zero() && sizes[1] == number("0.07"));
        let book = values.of_book(&swap, &Book5::new(&levels[1..], &levels[1..])).unwrap();
        assert_eq!(book.best_bid().unwrap().sz(), number("0.07"));
        values.add("BTC-USDT-SWAP", number("9223372036854775807"));
        assert!(values.of_trade(&swap, &trade).is_err());
        // Nobody asked for it.
        assert_eq!(ContractValues::default().of_trade(&swap, &trade).unwrap(), trade);
    }
}
