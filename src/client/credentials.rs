//! The credentials and the signed request of a login, which v5's tick-by-tick books need.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::error::ClientError;
use crate::model::{Dialect, UnixNanos};
use crate::wire::quoted;

/// The text that is signed besides the time, in both dialects.
///
/// Source: `docs/PROTOCOL.md` 3.4.
const SIGNED: &str = "GET/users/self/verify";

/// Codes with which v5 refuses an unknown key, also one of another region.
///
/// Source: `docs/PROTOCOL.md` 3.2 for 600xx; 50101 and 50119 are those of the same refusals
/// over HTTP, as third-party clients report them.
const UNKNOWN_KEY: [i64; 4] = [50_101, 50_119, 60_005, 60_032];

/// The exchange's reason for refusing a login, with a hint.
pub(super) fn refusal(code: Option<i64>, message: &str) -> String {
    let number = code.map(|code| format!("{code} ")).unwrap_or_default();
    let message = if message.is_empty() { "no reason was given" } else { message };
    let hint = match code {
        Some(code) if UNKNOWN_KEY.contains(&code) => {
            " (a key is known only at the address of its own region, and one of demo trading only \
             there)"
        }
        _ => "",
    };
    format!("{number}{message}{hint}")
}

/// An API key of the exchange. It is never printed: [`fmt::Debug`] leaves all of it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    key: String,
    secret: String,
    passphrase: String,
}

impl Credentials {
    /// Credentials of three parts. None may be empty:
    /// [`ClientBuilder::spawn`](crate::ClientBuilder::spawn) refuses that.
    #[must_use]
    pub fn new(
        key: impl Into<String>,
        secret: impl Into<String>,
        passphrase: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), secret: secret.into(), passphrase: passphrase.into() }
    }

    /// Reads `OKX_API_KEY`, `OKX_API_SECRET` and `OKX_API_PASSPHRASE`; `None` where none of them is
    /// set.
    ///
    /// # Errors
    /// [`ClientError::Credentials`] where some of them are set and others not.
    pub fn from_env() -> Result<Option<Self>, ClientError> {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::of(read("OKX_API_KEY"), read("OKX_API_SECRET"), read("OKX_API_PASSPHRASE"))
    }

    /// Reads a file of three lines: `key=…`, `secret=…`, `passphrase=…`.
    ///
    /// # Errors
    /// [`ClientError::Credentials`] where it can't be read or a part is missing.
    pub fn from_file(path: &Path) -> Result<Self, ClientError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ClientError::Credentials(format!("{}: {error}", path.display())))?;
        let part = |name: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let mut values = pairs.filter(|(key, _)| key.trim() == name);
            values.next().map(|(_, value)| value.trim().to_owned()).filter(|v| !v.is_empty())
        };
        let missing = || {
            let why = "has none of the lines key=, secret= and passphrase=";
            ClientError::Credentials(format!("{} {why}", path.display()))
        };
        Self::of(part("key"), part("secret"), part("passphrase"))?.ok_or_else(missing)
    }

    fn of(
        key: Option<String>,
        secret: Option<String>,
        passphrase: Option<String>,
    ) -> Result<Option<Self>, ClientError> {
        match (key, secret, passphrase) {
            (Some(key), Some(secret), Some(passphrase)) => {
                Ok(Some(Self { key, secret, passphrase }))
            }
            (None, None, None) => Ok(None),
            _ => Err(ClientError::Credentials(
                "key, secret and passphrase belong together, and not all are there".to_owned(),
            )),
        }
    }

    /// Checks that no part is empty.
    ///
    /// # Errors
    /// [`ClientError::Credentials`] says which part is.
    pub(super) fn check(&self) -> Result<(), ClientError> {
        let parts =
            [("key", &self.key), ("secret", &self.secret), ("passphrase", &self.passphrase)];
        match parts.iter().find(|(_, part)| part.trim().is_empty()) {
            Some((name, _)) => Err(ClientError::Credentials(format!("the {name} is empty"))),
            None => Ok(()),
        }
    }

    /// The login request of a dialect, signed for the time `now`.
    ///
    /// The exchange accepts it for 30 s. The text holds secrets: it must not be logged.
    pub(super) fn request(&self, dialect: Dialect, now: UnixNanos) -> String {
        let timestamp = (now.as_millis() / 1000).to_string();
        let sign = self.sign(&timestamp);
        let [key, pass, time, sign] =
            [&self.key, &self.passphrase, &timestamp, &sign].map(|text| quoted(text));
        match dialect {
            Dialect::V3 => format!(r#"{{"op":"login","args":[{key},{pass},{time},{sign}]}}"#),
            Dialect::V5 => format!(
                r#"{{"op":"login","args":[{{"apiKey":{key},"passphrase":{pass},"timestamp":{time},"sign":{sign}}}]}}"#
            ),
        }
    }

    /// The headers of a login at the upgrade, signed for the time `now`.
    ///
    /// Source: `docs/PROTOCOL.md` 12.2.
    pub(super) fn headers(&self, now: UnixNanos) -> Vec<(&'static str, String)> {
        let timestamp = (now.as_millis() / 1000).to_string();
        vec![
            ("OK-ACCESS-KEY", self.key.clone()),
            ("OK-ACCESS-SIGN", self.sign(&timestamp)),
            ("OK-ACCESS-TIMESTAMP", timestamp),
            ("OK-ACCESS-PASSPHRASE", self.passphrase.clone()),
        ]
    }

    /// Checks that the parts can stand in a header.
    ///
    /// # Errors
    /// [`ClientError::Credentials`] says which part can't.
    pub(super) fn check_headers(&self) -> Result<(), ClientError> {
        let parts = [("key", &self.key), ("passphrase", &self.passphrase)];
        let is_bad = |part: &str| !part.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        match parts.iter().find(|(_, part)| is_bad(part)) {
            Some((name, _)) => {
                let why = format!("the {name} can't stand in a header, by which SBE logs in");
                Err(ClientError::Credentials(why))
            }
            None => Ok(()),
        }
    }

    /// Whether a text holds a part of the credentials, as the answer of an exchange does that
    /// repeats the request.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let mut parts = [&self.key, &self.secret, &self.passphrase].into_iter();
        parts.any(|part| !part.is_empty() && text.contains(part.as_str()))
    }

    /// Signs a time: base64 of the HMAC-SHA256 of time, method and path.
    fn sign(&self, timestamp: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, format!("{timestamp}{SIGNED}").as_bytes());
        STANDARD.encode(tag)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials::new("the-key", "22582BD0CFF14C41EDBF1AB98506286D", "pass\"word")
    }

    /// The signature was computed with another implementation, Python's `hmac`.
    #[test]
    fn both_dialects_sign_alike_in_requests_of_their_own_form() {
        let now = UnixNanos(1_538_054_050_999_000_000);
        let sign = "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M=";
        assert_eq!(
            credentials().request(Dialect::V3, now),
            format!(r#"{{"op":"login","args":["the-key","pass\"word","1538054050","{sign}"]}}"#)
        );
        assert_eq!(
            credentials().request(Dialect::V5, now),
            format!(
                r#"{{"op":"login","args":[{{"apiKey":"the-key","passphrase":"pass\"word","timestamp":"1538054050","sign":"{sign}"}}]}}"#
            )
        );
    }

    #[test]
    fn credentials_are_never_printed_and_need_all_three_parts() {
        assert_eq!(format!("{:?}", credentials()), "Credentials(..)");
        let some = |text: &str| Some(text.to_owned());
        assert!(Credentials::of(some("a"), None, some("c")).is_err());
        assert_eq!(Credentials::of(None, None, None).ok(), Some(None));
        assert!(Credentials::from_file(Path::new("no-such-file")).is_err());
    }

    #[test]
    fn an_unknown_key_is_reported_with_a_hint_about_regions() {
        let text = refusal(Some(60_032), "API key doesn't exist");
        assert!(text.starts_with("60032 API key doesn't exist (") && text.contains("region"));
        assert_eq!(refusal(Some(60_007), "Invalid sign"), "60007 Invalid sign");
        assert_eq!(refusal(None, ""), "no reason was given");
    }

    #[test]
    fn an_empty_part_is_an_error() {
        assert!(credentials().check().is_ok());
        for (parts, name) in
            [(["", "s", "p"], "key"), (["k", " ", "p"], "secret"), (["k", "s", ""], "passphrase")]
        {
            let [key, secret, passphrase] = parts;
            let error = Credentials::new(key, secret, passphrase).check().unwrap_err();
            assert_eq!(error.to_string(), format!("can't log in: the {name} is empty"));
        }
        let empty = Credentials::new("", "", "");
        assert!(!empty.are_in("any text") && !empty.are_in(""));
        assert!(credentials().are_in("Invalid request: the-key"));
    }
}
