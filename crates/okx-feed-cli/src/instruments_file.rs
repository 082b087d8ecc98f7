//! The instruments' codes, from a file.

use std::path::Path;

use serde_json::Value;

use super::error::CliError;
use okx_feed::export::ContractValues;
use okx_feed::{Decimal, InstrumentCodes, InstrumentId};

/// Reads the ids and codes of instruments: the answer of `GET /api/v5/public/instruments`, or a
/// list of such instruments. One without a code is left out.
///
/// # Errors
/// If the file can't be read, is not such a list, or has no instrument with a code.
pub(crate) fn read_codes(path: &Path) -> Result<InstrumentCodes, CliError> {
    let error = |reason: String| CliError::Instruments { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|read| error(read.to_string()))?;
    let codes = parse(&text).map_err(error)?;
    if codes.is_empty() {
        return Err(error("it has no instIdCode".to_owned()));
    }
    Ok(codes)
}

/// Reads what a contract of each instrument is worth: rows of `okx-feed history instruments
/// --json`, or the answer of `GET /api/v5/public/instruments`. Instruments without contracts are
/// left out.
///
/// # Errors
/// If the file can't be read, or has no instrument with a contract value.
pub(crate) fn read_contract_values(path: &Path) -> Result<ContractValues, CliError> {
    let error = |reason: String| CliError::Instruments { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|read| error(read.to_string()))?;
    let values = contract_values(&text).map_err(error)?;
    if values == ContractValues::new() {
        let text = "it has no contract value; fetch it by okx-feed history instruments --json";
        return Err(error(text.to_owned()));
    }
    Ok(values)
}

fn contract_values(text: &[u8]) -> Result<ContractValues, String> {
    let mut values = ContractValues::new();
    for row in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        let row = row.map_err(|json| json.to_string())?;
        let of_answer = row.get("data").unwrap_or(&row).as_array();
        for row in of_answer.map_or_else(|| std::slice::from_ref(&row), Vec::as_slice) {
            let text = |names: [&str; 2]| names.iter().find_map(|name| row.get(name)?.as_str());
            let number = |names| match text(names).filter(|text| !text.is_empty()) {
                Some(text) => {
                    text.parse::<Decimal>().map(Some).map_err(|why| format!("{text:?}: {why}"))
                }
                None => Ok(None),
            };
            let value = number(["contract_value", "ctVal"])?;
            let multiplier = number(["contract_multiplier", "ctMult"])?;
            if let (Some(id), Some(value)) = (text(["inst_id", "instId"]), value) {
                let worth =
                    multiplier.map_or(Ok(value), |multiplier| value.checked_mul(multiplier));
                values.add(id, worth.map_err(|why| format!("{id}: {why}"))?);
            }
        }
    }
    Ok(values)
}

fn parse(text: &[u8]) -> Result<InstrumentCodes, String> {
    let value: Value = serde_json::from_slice(text).map_err(|json| json.to_string())?;
    let list = value.get("data").unwrap_or(&value).as_array();
    let list = list.ok_or("it is neither an answer with data nor a list")?;
    let mut codes = InstrumentCodes::new();
    for instrument in list {
        let code = instrument.get("instIdCode").and_then(code_of);
        let id = instrument.get("instId").and_then(Value::as_str);
        if let (Some(code), Some(id)) = (code, id) {
            codes.insert(code, InstrumentId::new(id).map_err(|wrong| wrong.to_string())?);
        }
    }
    Ok(codes)
}

/// A code is a number; digits in quotes are accepted too.
fn code_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_and_a_list_are_read() {
        let list = r#"[{"instId":"BTC-USDT","instIdCode":3},{"instId":"OLD","instIdCode":null},
            {"instIdCode":4},{"instId":"ETH-USDT","instIdCode":"2021032622018248"}]"#;
        let answer = format!(r#"{{"code":"0","msg":"","data":{list}}}"#);
        for text in [list, &answer] {
            let codes = parse(text.as_bytes()).unwrap();
            assert_eq!(codes.len(), 2);
            assert_eq!(codes.id(3), Some("BTC-USDT"));
            assert_eq!(codes.id(2_021_032_622_018_248), Some("ETH-USDT"));
        }
        assert!(parse(b"{}").is_err() && parse(b"3").is_err() && parse(b"[").is_err());
        assert!(parse(br#"[{"instId":"","instIdCode":3}]"#).is_err());
    }

    #[test]
    fn contract_values_are_read_from_rows_and_from_an_answer() {
        let number = |text: &str| text.parse().unwrap();
        let mut expected = ContractValues::new();
        expected.add("A-SWAP", number("0.01"));
        expected.add("B-OPT", number("0.010"));
        let rows = br#"{"inst_id":"A-SWAP","contract_value":"0.01","contract_multiplier":null}
            {"inst_id":"A","contract_value":null}
            {"inst_id":"B-OPT","contract_value":"1","contract_multiplier":"0.010"}"#;
        assert_eq!(contract_values(rows).unwrap(), expected);
        let answer = br#"{"code":"0","data":[{"instId":"A-SWAP","ctVal":"0.01","ctMult":"1"},
            {"instId":"A","ctVal":"","ctMult":""},
            {"instId":"B-OPT","ctVal":"1","ctMult":"0.010"}]}"#;
        assert_eq!(contract_values(answer).unwrap(), expected);
        assert_eq!(contract_values(b"").unwrap(), ContractValues::new());
        assert!(contract_values(b"{\"inst_id\":\"A\",\"contract_value\":\"x\"}").is_err());
        assert!(contract_values(b"[{").is_err());
    }
}
