//! The headers of the request that opens a connection.

use std::fmt;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use super::error::TransportError;

/// Further headers of the request that opens a connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ExtraHeaders(pub Vec<(String, String)>);

#[cfg(feature = "rest")]
impl ExtraHeaders {
    /// Checks that they can be sent.
    ///
    /// # Errors
    /// [`TransportError::Header`].
    pub(crate) fn check(&self) -> Result<(), TransportError> {
        Headers::new(&self.0).map(drop)
    }
}

/// Names alone: values may be secret.
impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Makes the headers of a login, signed for the time of the call: for paths that log in by them.
#[derive(Clone)]
pub(crate) struct LoginHeaders(
    pub(crate) Arc<dyn Fn() -> Vec<(&'static str, String)> + Send + Sync>,
);

/// Without what they hold.
impl fmt::Debug for LoginHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginHeaders")
    }
}

/// The default `User-Agent`.
pub(crate) const USER_AGENT: &str = concat!("okx-feed/", env!("CARGO_PKG_VERSION"));

/// The headers that the upgrade itself needs.
const RESERVED: [&str; 10] = [
    "host",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-accept",
];

/// The further headers of a request, as they are sent.
#[derive(Clone, Default)]
pub(super) struct Headers(String);

impl Headers {
    /// Checks the user's headers; `User-Agent` is added unless it is among them.
    ///
    /// # Errors
    /// [`TransportError::Header`] where one is no header, or is the upgrade's own.
    pub(super) fn new(extra: &[(String, String)]) -> Result<Self, TransportError> {
        let mut text = String::new();
        for (name, value) in extra {
            let bad =
                |why: &str| TransportError::Header { name: name.clone(), why: why.to_owned() };
            let known = HeaderName::from_bytes(name.as_bytes());
            let known = known.map_err(|_| bad("it is no name of a header"))?;
            if RESERVED.contains(&known.as_str()) {
                return Err(bad("the upgrade to a WebSocket sets it"));
            }
            HeaderValue::from_str(value).map_err(|_| bad("its value can't stand in a header"))?;
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !extra.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            text.push_str(&format!("User-Agent: {USER_AGENT}\r\n"));
        }
        Ok(Self(text))
    }

    /// The same with the headers of a login, which hold nothing that can't stand in a header.
    pub(super) fn with(&self, login: &[(&str, String)]) -> Self {
        let mut text = self.0.clone();
        for (name, value) in login {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        Self(text)
    }

    /// The lines as they are sent, each with its end.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_headers_and_those_of_the_upgrade_are_refused() {
        let new = |name: &str, value: &str| Headers::new(&[(name.to_owned(), value.to_owned())]);
        assert!(new("Authorization", "Bearer x").is_ok());
        for (name, value) in [
            ("a b", "x"),
            ("", "x"),
            ("X", "a\r\nHost: evil"),
            ("Host", "x"),
            ("sec-websocket-key", "x"),
        ] {
            assert!(matches!(new(name, value), Err(TransportError::Header { .. })), "{name}");
        }
    }
}
