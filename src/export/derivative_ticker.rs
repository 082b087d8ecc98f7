//! The columns of Tardis' `derivative_ticker`: the last of several channels side by side.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::amounts::ContractValues;
use super::csv::micros;
use super::error::ExportError;
use super::names::tardis_exchange;
use crate::model::{Decimal, Record, RecordData, Topic, UnixNanos};

/// What is known of a swap or a future.
#[derive(Clone, Debug, Default)]
pub(super) struct DerivativeTicker {
    funding_time: Option<UnixNanos>,
    funding_rate: Option<Decimal>,
    predicted_rate: Option<Decimal>,
    open_interest: Option<Decimal>,
    last: Option<Decimal>,
    index: Option<Decimal>,
    mark: Option<Decimal>,
    /// The columns that were written last.
    written: String,
}

impl DerivativeTicker {
    /// The names of the columns. Source: Tardis' page of its data types.
    pub(super) const COLUMNS: &'static str = ",funding_timestamp,funding_rate,\
        predicted_funding_rate,open_interest,last_price,index_price,mark_price";

    /// The columns, where they are others than those that were given last.
    fn changed(&mut self) -> Option<String> {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = match self.funding_time {
            Some(at) => write!(text, ",{}", micros(at)),
            None => text.write_str(","),
        };
        let numbers = [
            self.funding_rate,
            self.predicted_rate,
            self.open_interest,
            self.last,
            self.index,
            self.mark,
        ];
        for number in numbers {
            let _ = match number {
                Some(number) => write!(text, ",{number}"),
                None => text.write_str(","),
            };
        }
        (text != self.written).then(|| {
            self.written.clone_from(&text);
            text
        })
    }
}

/// All swaps and futures, and the prices of indices.
#[derive(Debug, Default)]
pub(super) struct DerivativeTickers {
    tickers: BTreeMap<String, DerivativeTicker>,
    indices: BTreeMap<String, Decimal>,
}

impl DerivativeTickers {
    /// Applies a record, and gives the instruments whose columns it changed, with the columns;
    /// `None` where it has none of them.
    pub(super) fn take(
        &mut self,
        topic: &Topic<'_>,
        record: &Record,
        values: &ContractValues,
    ) -> Result<Option<Vec<(String, String)>>, ExportError> {
        if let RecordData::IndexTicker(index) = &record.data {
            return Ok(Some(self.take_index(topic.inst_id, index.idx_px)));
        }
        if !matches!(tardis_exchange(topic), "okex-swap" | "okex-futures") {
            return Ok(None);
        }
        let Self { tickers, indices } = self;
        let ticker = tickers.entry(topic.inst_id.to_owned()).or_insert_with(|| DerivativeTicker {
            index: index_of(topic.inst_id).and_then(|name| indices.get(name)).copied(),
            ..DerivativeTicker::default()
        });
        let size = |contracts: Option<Decimal>| match contracts {
            Some(contracts) => values.of_size(topic, contracts).map(Some),
            None => Ok(None),
        };
        match &record.data {
            RecordData::Ticker(of) => {
                ticker.last = of.last.or(ticker.last);
                ticker.open_interest = size(of.open_interest)?.or(ticker.open_interest);
            }
            RecordData::MarkPrice(of) => ticker.mark = Some(of.mark_px),
            RecordData::OpenInterest(of) => {
                ticker.open_interest = size(of.oi)?.or(ticker.open_interest);
            }
            RecordData::FundingRate(of) => {
                // One message has all of it: what it lacks is not known any more.
                ticker.funding_time = of.funding_time;
                (ticker.funding_rate, ticker.predicted_rate) =
                    (of.funding_rate, of.next_funding_rate);
            }
            _ => return Ok(None),
        }
        Ok(Some(
            ticker.changed().map(|text| (topic.inst_id.to_owned(), text)).into_iter().collect(),
        ))
    }

    fn take_index(&mut self, name: &str, px: Decimal) -> Vec<(String, String)> {
        self.indices.insert(name.to_owned(), px);
        let is_of = |(id, _): &(&String, &mut DerivativeTicker)| index_of(id) == Some(name);
        let all = self.tickers.iter_mut().filter(is_of);
        let changed = all.filter_map(|(id, ticker)| {
            ticker.index = Some(px);
            Some((id.clone(), ticker.changed()?))
        });
        changed.collect()
    }
}

/// The index of a derivative, `BTC-USDT` of `BTC-USDT-SWAP`: the first two parts of its id.
fn index_of(inst_id: &str) -> Option<&str> {
    let (end, _) = inst_id.match_indices('-').nth(1)?;
    inst_id.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_derivative_is_in_its_id() {
        assert_eq!(index_of("BTC-USDT-SWAP"), Some("BTC-USDT"));
        assert_eq!(index_of("BTC-USD-261225"), Some("BTC-USD"));
        assert_eq!(index_of("BTC-USDT"), None);
    }
}
