//! The rows of instruments, by the table of keys that the WebSocket's messages have too.

use serde_json::{Map, Value};

use super::error::RowError;
use crate::model::{
    DecimalError, Dialect, FieldError, Instrument, Instruments, Market, RawValue, RecordData,
    RecordKind, RecordType, Text,
};

/// The instruments of a list. A row without an id is left out: an announced listing may have none
/// yet. A number that is not needed and has too many digits is absent, never rounded.
pub(crate) fn instruments(rows: &str, dialect: Dialect) -> Result<Vec<Instrument>, RowError> {
    let rows: Vec<Map<String, Value>> = serde_json::from_str(rows)?;
    let found = rows.iter().enumerate().map(|(n, row)| instrument(n, row, dialect));
    found.filter_map(Result::transpose).collect()
}

/// The same of v3, whose rows do not say what type they are of.
pub(super) fn v3_instruments(market: Market, rows: &str) -> Result<Vec<Instrument>, RowError> {
    let mut found = instruments(rows, Dialect::V3)?;
    let inst_type = Text::cut(&market.name().to_ascii_uppercase());
    found.iter_mut().for_each(|row| row.inst_type = inst_type);
    Ok(found)
}

fn instrument(
    n: usize,
    row: &Map<String, Value>,
    dialect: Dialect,
) -> Result<Option<Instrument>, RowError> {
    let mut data = RecordData::empty(RecordKind::Instrument);
    for (key, value) in row {
        let number;
        let raw = match value {
            Value::Null => RawValue::Text(""),
            Value::Bool(value) => RawValue::Bool(*value),
            Value::String(text) if is_id(key) && text.is_empty() => return Ok(None),
            Value::String(text) => RawValue::Text(text),
            Value::Number(value) => {
                number = value.to_string();
                RawValue::Number(number.as_bytes())
            }
            Value::Array(_) | Value::Object(_) => RawValue::Nested,
        };
        match data.set(key, raw, dialect) {
            Ok(_) => {}
            Err(FieldError::Number(DecimalError::Overflow | DecimalError::Scale))
                if data.set(key, RawValue::Text(""), dialect).is_ok() => {}
            Err(_) => {
                let value = value.to_string().chars().take(40).collect();
                return Err(RowError::Member { row: n, key: key.clone(), value });
            }
        }
    }
    Ok(Instrument::of(&data).copied().filter(|found| !found.inst_id.as_str().is_empty()))
}

fn is_id(key: &str) -> bool {
    matches!(key, "instId" | "instrument_id")
}

impl Instruments {
    /// Reads a catalogue from a file of the exchange's: the answer of
    /// `GET /api/v5/public/instruments`, or the list in it.
    ///
    /// # Errors
    /// [`RowError`] says which row is wrong.
    pub fn from_json(text: &str) -> Result<Self, RowError> {
        #[derive(serde::Deserialize)]
        struct Answer<'b> {
            #[serde(borrow)]
            data: &'b serde_json::value::RawValue,
            #[serde(default)]
            code: Option<String>,
            #[serde(default)]
            msg: String,
        }
        let is_list = text.trim_start().starts_with('[');
        let rows = match is_list {
            true => text,
            false => {
                let Answer { data, code, msg: message } = serde_json::from_str(text)?;
                if let Some(code) = code.filter(|code| code != "0") {
                    return Err(RowError::Refused { code, message });
                }
                data.get()
            }
        };
        Ok(instruments(rows, Dialect::V5)?.iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the exchange's documents of 2026-07-28; the swap has the keys of a live answer of
    /// 2026-04-27.
    const LIST: &str = r#"[
        {"instId":"","instType":"SPOT","state":"preopen"},
        {"instType":"SPOT","instId":"N-USDT","state":"preopen","tickSz":"","instIdCode":null,
         "tradeQuoteCcyList":["USDT"],"upcChg":[],"futureSettlement":false},
        {"alias":"","auctionEndTime":"","baseCcy":"","category":"1","ctMult":"1","ctType":"linear",
         "ctVal":"0.01","ctValCcy":"BTC","expTime":"","futureSettlement":false,
         "instCategory":"1","instFamily":"BTC-USDT","instId":"BTC-USDT-SWAP","instIdCode":10459,
         "instType":"SWAP","lever":"100","listTime":"1573557408000","lotSz":"0.01",
         "maxLmtSz":"100000000.0000000000000000","minSz":"0.01","optType":"","quoteCcy":"",
         "ruleType":"normal","settleCcy":"USDT","state":"live","stk":"","tickSz":"0.1",
         "uly":"BTC-USDT","upcChg":[{"param":"tickSz","newValue":"0.01","effTime":"1"}]}]"#;

    #[test]
    fn a_list_and_an_answer_are_read() {
        let all = Instruments::from_json(LIST).unwrap();
        let answer = format!(r#"{{"msg":"","data":{LIST},"code":"0"}}"#);
        assert_eq!(Instruments::from_json(&answer).unwrap(), all);
        assert_eq!(all.len(), 2);
        let swap = all.get(&"BTC-USDT-SWAP".parse().unwrap()).unwrap();
        assert_eq!((swap.inst_id_code, swap.inst_family.as_str()), (Some(10_459), "BTC-USDT"));
        let decimals = [swap.tick_sz, swap.lot_sz, swap.min_sz, swap.ct_val, swap.ct_mult];
        let decimals = decimals.map(|number| number.unwrap().to_string());
        assert_eq!(decimals, ["0.1", "0.01", "0.01", "0.01", "1"]);
        assert_eq!((swap.stk, swap.exp_time), (None, None));
        assert_eq!(swap.list_time.unwrap().as_millis(), 1_573_557_408_000);
        let announced = all.get(&"N-USDT".parse().unwrap()).unwrap();
        assert_eq!((announced.tick_sz, announced.is_open()), (None, false));
        assert_eq!(all.codes().id(10_459), Some("BTC-USDT-SWAP"));
    }

    #[test]
    fn what_is_no_list_is_an_error_that_says_where() {
        let error = |text: &str| Instruments::from_json(text).unwrap_err().to_string();
        assert!(
            error(r#"[{"instId":"A"},{"instId":"B","tickSz":"x"}]"#).contains("tickSz of row 1")
        );
        assert!(error(r#"[{"instId":"B","listTime":[]}]"#).contains("listTime of row 0"));
        assert!(error(r#"[{"instId":7}]"#).contains("instId of row 0"));
        assert!(error(r#"{"code":"51000","msg":"no","data":[]}"#).contains("51000"));
        assert!(Instruments::from_json("{}").is_err() && Instruments::from_json("3").is_err());
        assert!(Instruments::from_json(&"[".repeat(100_000)).is_err());
        let long = r#"[{"instId":"B","minSz":"0.12345678901234567890123"}]"#;
        assert_eq!(Instruments::from_json(long).unwrap().iter().next().unwrap().min_sz, None);
    }

    /// Source: the exchange's documents of v3.
    #[test]
    fn rows_of_v3_are_read() {
        let list = r#"[{"instrument_id":"BTC-USD-190517","underlying":"BTC-USD","base_currency":"BTC",
            "quote_currency":"USD","tick_size":"0.01","contract_val":"100","listing":"2019-05-03",
            "delivery":"2019-05-17","trade_increment":"1","alias":"this_week",
            "settlement_currency":"BTC","is_inverse":"true","contract_val_currency":"USD"}]"#;
        let row = v3_instruments(Market::Futures, list).unwrap()[0];
        assert_eq!((row.inst_type.as_str(), row.inst_family.as_str()), ("FUTURES", "BTC-USD"));
        assert_eq!(row.lot_sz, Some("1".parse().unwrap()));
        assert_eq!((row.base_ccy.as_str(), row.settle_ccy.as_str()), ("BTC", "BTC"));
        assert_eq!(row.exp_time.unwrap().iso_ms().to_string(), "2019-05-17T00:00:00.000Z");
    }
}
