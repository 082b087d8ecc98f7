//! An HTTP answer that refuses a connection: its status, its reason, and when to come back.

use std::fmt;
use std::time::Duration;

/// How much of the body and of `Location` is shown, in characters.
const MAX_EXCERPT: usize = 120;

/// An HTTP answer that refuses a connection.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: u16,
    reason: String,
    /// The target of a redirect.
    pub(super) location: Option<String>,
    /// How long the client is asked to wait.
    pub(super) retry_after: Option<Duration>,
    body: String,
}

impl Refusal {
    /// A refusal of these parts; `body` is cut to an excerpt.
    pub(super) fn new(
        status: u16,
        reason: String,
        location: Option<String>,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let body = excerpt(&String::from_utf8_lossy(body));
        Self { status, reason, location, retry_after, body }
    }

    /// The target, if it is a redirect.
    pub(super) fn redirect(&self) -> Option<&str> {
        let is_redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        self.location.as_deref().filter(|_| is_redirect)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP error: {}", self.status)?;
        if !self.reason.is_empty() {
            write!(f, " {}", excerpt(&self.reason))?;
        }
        if let Some(location) = &self.location {
            write!(f, ", Location: {}", excerpt(location))?;
        }
        if let Some(pause) = self.retry_after {
            write!(f, ", Retry-After: {} s", pause.as_secs())?;
        }
        if !self.body.is_empty() {
            write!(f, ": {}", self.body)?;
        }
        Ok(())
    }
}

/// The beginning of a text, on one line.
fn excerpt(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(MAX_EXCERPT).collect()
}
