//! An HTTP answer that refuses a connection: its status, and what it says of why and until when.

use std::fmt;
use std::time::Duration;

/// How much of the body and of `Location` is shown, in characters.
const MAX_EXCERPT: usize = 120;

/// An answer that is not the one that was wanted.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: u16,
    reason: String,
    /// Where it sends the client.
    pub(super) location: Option<String>,
    /// How long the client is asked to wait.
    pub(super) retry_after: Option<Duration>,
    body: String,
}

impl Refusal {
    /// A refusal of these parts, of which the texts are cut to what may be shown.
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

    /// Where it sends the client, if it is a redirect.
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

/// The first words of a text of the other side's, on one line.
fn excerpt(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(MAX_EXCERPT).collect()
}
