//! The catalogue of instruments, from a file.

use std::path::Path;

use serde_json::Value;

use super::error::CliError;
use okx_feed::Decimal;
use okx_feed::export::ContractValues;
use okx_feed::model::{InstrumentCodes, Instruments};

/// Reads instruments: the answer of `GET /api/v5/public/instruments`, or the list in it.
///
/// # Errors
/// If the file can't be read or is not such a list.
pub(crate) fn read_instruments(path: &Path) -> Result<Instruments, CliError> {
    let error = |reason: String| CliError::Instruments { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|read| error(read.to_string()))?;
    Instruments::from_json(&text).map_err(|wrong| error(wrong.to_string()))
}

/// Reads the ids and codes of instruments. One without a code is left out.
///
/// # Errors
/// As [`read_instruments`], and if no instrument has a code.
pub(crate) fn read_codes(path: &Path) -> Result<InstrumentCodes, CliError> {
    let codes = read_instruments(path)?.codes();
    if codes.is_empty() {
        let reason = "it has no instIdCode".to_owned();
        return Err(CliError::Instruments { path: path.to_owned(), reason });
    }
    Ok(codes)
}

/// Reads what a contract of each instrument is worth: rows of `okx-feed history instruments
/// --json` or of `okx-feed instruments --json`, or the answer of `GET
/// /api/v5/public/instruments`. Instruments without contracts are left out.
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
            let text = |names: [&str; 3]| names.iter().find_map(|name| row.get(name)?.as_str());
            let number = |names| match text(names).filter(|text| !text.is_empty()) {
                Some(text) => {
                    text.parse::<Decimal>().map(Some).map_err(|why| format!("{text:?}: {why}"))
                }
                None => Ok(None),
            };
            let value = number(["contract_value", "ct_val", "ctVal"])?;
            let multiplier = number(["contract_multiplier", "ct_mult", "ctMult"])?;
            if let (Some(id), Some(value)) = (text(["inst_id", "inst_id", "instId"]), value) {
                let worth =
                    multiplier.map_or(Ok(value), |multiplier| value.checked_mul(multiplier));
                values.add(id, worth.map_err(|why| format!("{id}: {why}"))?);
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

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
