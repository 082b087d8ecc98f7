//! A reply of the REST interface.

use std::time::Duration;

/// A reply of the REST interface, for whoever speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestReply {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: String,
    /// Whether the connection ends after half of the body.
    pub cut: bool,
}

impl RestReply {
    pub(super) const fn ok(body: String) -> Self {
        Self { status: 200, retry_after: None, headers: Vec::new(), body, cut: false }
    }

    /// v5's envelope around rows.
    pub(super) fn v5(rows: &str) -> Self {
        Self::ok(format!(r#"{{"code":"0","msg":"","data":[{rows}]}}"#))
    }

    /// v5's envelope around an error.
    pub(super) fn v5_error(status: u16, code: u16, message: &str) -> Self {
        let body = format!(r#"{{"msg":"{message}","code":"{code}","data":[]}}"#);
        Self { status, ..Self::ok(body) }
    }

    /// v3's error.
    pub(super) fn v3_error(status: u16, code: u16, message: &str) -> Self {
        let body = format!(r#"{{"error_message":"{message}","error_code":"{code}"}}"#);
        Self { status, ..Self::ok(body) }
    }

    pub(super) fn not_found() -> Self {
        Self { status: 404, ..Self::ok("not found".to_owned()) }
    }
}
