//! The instruments' codes, from a file.

use std::path::Path;

use serde_json::Value;

use super::error::CliError;
use okx_feed::{InstrumentCodes, InstrumentId};

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
}
