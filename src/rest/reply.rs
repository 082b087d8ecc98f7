//! What a reply means: rows, a failure that passes, or one that does not.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::RestError;
use super::request::Request;
use crate::model::Dialect;

/// A reply as HTTP brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The pause that `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a reply means.
#[derive(Debug)]
pub(super) enum ReplyKind {
    /// The rows, as JSON text: v5's `data`, or the whole body of v3.
    Rows(String),
    /// It failed in a way that passes: send it again, after at least the pause.
    Again {
        /// What it failed with.
        why: String,
        /// Whether it was one request too many.
        limited: bool,
        /// The shortest pause.
        pause: Duration,
    },
    /// It failed, and would again.
    Refused(RestError),
}

/// The pause after a request too many, where the exchange names none: the length of most windows.
const LIMITED_PAUSE: Duration = Duration::from_secs(2);

/// The pause after HTTP 403, with which the edge answers floods, for minutes.
const BLOCKED_PAUSE: Duration = Duration::from_secs(60);

/// v5: "no data found".
const NO_DATA: i64 = 52_000;

#[derive(Deserialize)]
struct V5<'b> {
    #[serde(borrow)]
    code: Cow<'b, str>,
    #[serde(borrow, default)]
    msg: Cow<'b, str>,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
}

/// A code as v3 writes it: a number, or a number in a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(i64),
    Text(String),
}

#[derive(Deserialize)]
struct V3Error {
    #[serde(alias = "error_code", alias = "errorCode")]
    code: Code,
    #[serde(alias = "error_message", alias = "errorMessage", default)]
    message: String,
}

/// Classifies a reply by its status and the exchange's code, whichever says more: a limit is
/// reported by code 50011 with HTTP 429 or 200.
///
/// Source: `docs/PROTOCOL.md` 11.
#[must_use]
pub(super) fn classify(request: &Request, reply: &Reply) -> ReplyKind {
    match request.endpoint().dialect() {
        Dialect::V5 => match serde_json::from_slice::<V5<'_>>(&reply.body) {
            Ok(V5 { code, msg, data }) => match (code.parse(), data) {
                (Ok(0), Some(data)) => ReplyKind::Rows(data.get().to_owned()),
                (Ok(NO_DATA), _) => ReplyKind::Rows("[]".to_owned()),
                (Ok(0), None) => by_status(request, reply, "a reply without data"),
                (Ok(code), _) => by_code(request, reply, code, &msg),
                (Err(_), _) => by_status(request, reply, "a code that is no number"),
            },
            Err(error) => by_status(request, reply, &error.to_string()),
        },
        Dialect::V3 => match serde_json::from_slice::<V3Error>(&reply.body) {
            Ok(V3Error { code, message }) => {
                let code = match code {
                    Code::Number(code) => Some(code),
                    Code::Text(text) => text.parse().ok(),
                };
                match code {
                    Some(code) => by_code(request, reply, code, &message),
                    None => by_status(request, reply, "a code that is no number"),
                }
            }
            Err(_) if (200..300).contains(&reply.status) => {
                match serde_json::from_slice::<&RawValue>(&reply.body) {
                    Ok(rows) => ReplyKind::Rows(rows.get().to_owned()),
                    Err(error) => by_status(request, reply, &error.to_string()),
                }
            }
            Err(error) => by_status(request, reply, &error.to_string()),
        },
    }
}

fn by_code(request: &Request, reply: &Reply, code: i64, message: &str) -> ReplyKind {
    let why = || format!("code {code}: {message}");
    match code {
        // One request too many, of v5 and of v3.
        50_011 | 30_014 | 30_026 => ReplyKind::Again {
            why: why(),
            limited: true,
            pause: reply.retry_after.unwrap_or(LIMITED_PAUSE),
        },
        // Unavailable, timed out, busy, an error inside; v3's upgrade of the matching engine.
        50_001 | 50_004 | 50_013 | 50_026 | 30_038 => again(reply, why()),
        _ => ReplyKind::Refused(refused(request, code, message)),
    }
}

/// Classifies a reply that can't be read.
fn by_status(request: &Request, reply: &Reply, error: &str) -> ReplyKind {
    let why = format!("HTTP {}: {error}", reply.status);
    match reply.status {
        429 => ReplyKind::Again {
            why,
            limited: true,
            pause: reply.retry_after.unwrap_or(LIMITED_PAUSE),
        },
        403 => ReplyKind::Again {
            why,
            limited: true,
            pause: reply.retry_after.unwrap_or(BLOCKED_PAUSE),
        },
        // A reply that was cut off, or one of something in between.
        200..300 | 408 | 425 | 500..600 => again(reply, why),
        status => {
            ReplyKind::Refused(refused(request, i64::from(status), "HTTP status without a reply"))
        }
    }
}

fn again(reply: &Reply, why: String) -> ReplyKind {
    ReplyKind::Again { why, limited: false, pause: reply.retry_after.unwrap_or_default() }
}

fn refused(request: &Request, code: i64, message: &str) -> RestError {
    let (target, message) = (request.target().to_owned(), message.to_owned());
    RestError::Refused { target, code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &Request, status: u16, retry_after: Option<u64>, body: &str) -> String {
        let retry_after = retry_after.map(Duration::from_secs);
        let reply = Reply { status, retry_after, body: body.as_bytes().to_vec() };
        match classify(request, &reply) {
            ReplyKind::Rows(rows) => rows,
            ReplyKind::Again { limited, pause, .. } => {
                format!("again {} {}", if limited { "limited" } else { "failed" }, pause.as_secs())
            }
            ReplyKind::Refused(RestError::Refused { code, .. }) => format!("refused {code}"),
            ReplyKind::Refused(error) => error.to_string(),
        }
    }

    #[test]
    fn v5_replies_are_classified_by_code_before_status() {
        let request = Request::time();
        let v5 = |status, after, body: &str| of(&request, status, after, body);
        let rows = r#"{"code":"0","msg":"","data":[{"ts":"1"}]}"#;
        assert_eq!(v5(200, None, rows), r#"[{"ts":"1"}]"#);
        assert_eq!(v5(200, None, r#"{"data":[],"code":"0"}"#), "[]");
        assert_eq!(v5(200, None, r#"{"code":"52000","msg":"No data found","data":[]}"#), "[]");
        let limit = r#"{"msg":"Too Many Requests","code":"50011","data":[]}"#;
        assert_eq!(v5(429, Some(7), limit), "again limited 7");
        assert_eq!(v5(200, None, limit), "again limited 2");
        assert_eq!(v5(429, Some(3), "<html>"), "again limited 3");
        assert_eq!(v5(403, None, "<html>"), "again limited 60");
        assert_eq!(v5(503, Some(9), r#"{"code":"50001","msg":"","data":[]}"#), "again failed 9");
        assert_eq!(v5(503, None, "no JSON"), "again failed 0");
        assert_eq!(v5(200, None, r#"{"code":"0","msg":"","data":[{"ts""#), "again failed 0");
        let unknown = r#"{"code":"51001","msg":"Instrument ID does not exist","data":[]}"#;
        assert_eq!(v5(200, None, unknown), "refused 51001");
        assert_eq!(v5(404, None, "<html>"), "refused 404");
        assert_eq!(v5(301, None, ""), "refused 301");
    }

    #[test]
    fn v3_replies_have_no_envelope() {
        let id = "BTC-USDT".parse().unwrap();
        let request = Request::v3_trades(crate::model::Market::Spot, &id, None);
        let v3 = |status, body: &str| of(&request, status, None, body);
        assert_eq!(v3(200, r#"[{"a":"1"}]"#), r#"[{"a":"1"}]"#);
        assert_eq!(v3(200, r#"{"asks":[]}"#), r#"{"asks":[]}"#);
        assert_eq!(v3(200, r#"[{"a":"#), "again failed 0");
        let limit = r#"{"code":30014,"message":"Too Many Requests"}"#;
        assert_eq!(v3(429, limit), "again limited 2");
        let unknown = r#"{"error_message":"Instrument does not exist","error_code":"36002"}"#;
        assert_eq!(v3(400, unknown), "refused 36002");
        assert_eq!(v3(404, "no such page"), "refused 404");
    }
}
