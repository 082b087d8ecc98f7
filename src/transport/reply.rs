//! HTTP answers, as far as a WebSocket client needs them: their head, and why they refuse.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::clock::Clock;
use super::error::ConnectError;
use super::refusal::Refusal;

/// The longest head that is read.
const MAX_HEAD: usize = 16 << 10;
/// The most headers that it may have.
const MAX_HEADERS: usize = 100;
/// How much of a refusal's body is read, and for how long it is waited for.
const MAX_BODY: usize = 1 << 10;
const BODY_WITHIN: Duration = Duration::from_millis(500);

/// The head of an answer, and the bytes behind it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    reason: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(super) rest: Vec<u8>,
}

impl Reply {
    /// Reads the head of the final answer; interim ones (`103 Early Hints`) are skipped.
    ///
    /// # Errors
    /// Where the connection ends before, or the head is not HTTP/1.1, or too long.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, ConnectError> {
        let mut buf = Vec::with_capacity(1 << 10);
        loop {
            if let Some(reply) = Self::parse(&buf)? {
                if !(100..200).contains(&reply.status) || reply.status == 101 {
                    return Ok(reply);
                }
                buf = reply.rest;
                continue;
            }
            if buf.len() >= MAX_HEAD {
                return Err(ConnectError::Reply("the answer's head is too long"));
            }
            if stream.read_buf(&mut buf).await? == 0 {
                return Err(ConnectError::Reply("the connection was closed before an answer"));
            }
        }
    }

    /// The answer at the front of `buf`; `None` where it is incomplete.
    fn parse(buf: &[u8]) -> Result<Option<Self>, ConnectError> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let bad = |_| ConnectError::Reply("the answer is not HTTP");
        let Status::Complete(len) = head.parse(buf).map_err(bad)? else { return Ok(None) };
        let header = |header: &httparse::Header<'_>| (header.name.to_owned(), header.value.into());
        Ok(Some(Self {
            status: head.code.unwrap_or_default(),
            reason: head.reason.unwrap_or_default().to_owned(),
            headers: head.headers.iter().map(header).collect(),
            rest: buf.get(len..).unwrap_or_default().to_owned(),
        }))
    }

    /// The values of a header, one for each occurrence.
    pub(super) fn values(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let found = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        found.filter_map(|(_, value)| std::str::from_utf8(value).ok().map(str::trim))
    }

    /// Whether a header that is a list holds a word, in upper or lower case.
    pub(super) fn has_word(&self, name: &'static str, word: &str) -> bool {
        let words = self.values(name).flat_map(|value| value.split(','));
        words.map(str::trim).any(|found| found.eq_ignore_ascii_case(word))
    }

    /// Reads the rest of an answer that refuses the connection: the beginning of its body too, if
    /// it comes soon.
    pub(super) async fn refusal(self, stream: &mut (impl AsyncRead + Unpin)) -> Refusal {
        let length = self.values("Content-Length").next().and_then(|len| len.parse().ok());
        let wanted = length.unwrap_or(MAX_BODY).min(MAX_BODY);
        let date = self.values("Date").next().and_then(|d| httpdate::parse_http_date(d).ok());
        let pause = self.values("Retry-After").next();
        let retry_after = pause.and_then(|text| retry_after(text, date.unwrap_or_else(wall)));
        let location = self.values("Location").next().map(str::to_owned);
        let Self { status, reason, rest: mut body, .. } = self;
        let read = async {
            while body.len() < wanted {
                match stream.read_buf(&mut body).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        };
        // An excerpt of what has come until then is enough.
        let _ = tokio::time::timeout(BODY_WITHIN, read).await;
        body.truncate(wanted);
        Refusal::new(status, reason, location, retry_after, &body)
    }
}

/// The pause of `Retry-After`: a number of seconds, or a date. A date is compared with the answer's
/// own date, so that a wrong clock here does not matter.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(Clock::start().now().1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut text: &[u8]) -> Result<Reply, ConnectError> {
        Reply::read(&mut text).await
    }

    async fn refusal(text: &str) -> Refusal {
        let mut bytes = text.as_bytes();
        let reply = Reply::read(&mut bytes).await.unwrap();
        reply.refusal(&mut bytes).await
    }

    #[tokio::test]
    async fn heads_are_read_to_their_end_and_following_bytes_are_kept() {
        let text =
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\
                     Connection: keep-alive\r\nconnection: Foo , UPGRADE\r\n\r\n\x81\x04pong";
        let reply = read(text).await.unwrap();
        assert_eq!((reply.status, reply.rest.as_slice()), (101, b"\x81\x04pong".as_slice()));
        assert!(reply.has_word("Connection", "upgrade") && !reply.has_word("Connection", "up"));
        let cut = read(b"HTTP/1.1 101 Switch").await.unwrap_err().to_string();
        assert!(cut.contains("closed before"), "{cut}");
        assert!(read(b"SSH-2.0-x\r\n\r\n").await.is_err());
        let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"a: b\r\n".repeat(90)].concat();
        assert!(read(&endless).await.is_err());
        let long = [b"HTTP/1.1 200 OK\r\na: ".as_slice(), &[b'x'; 2 * MAX_HEAD]].concat();
        assert!(read(&long).await.unwrap_err().to_string().contains("too long"));
    }

    #[tokio::test]
    async fn a_refusal_shows_status_pause_and_body() {
        let text = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 11\r\n\r\n\
                    slow\r\n\tdown and what is behind";
        let refusal = refusal(text).await;
        assert_eq!((refusal.status, refusal.retry_after), (429, Some(Duration::from_secs(60))));
        let text = refusal.to_string();
        assert_eq!(text, "HTTP error: 429 Too Many Requests, Retry-After: 60 s: slow down");
        assert_eq!(refusal.redirect(), None);
    }

    #[tokio::test]
    async fn a_redirect_needs_a_location() {
        let moved = refusal("HTTP/1.1 307 \r\nLocation: wss://b/\r\n\r\n").await;
        assert_eq!(moved.redirect(), Some("wss://b/"));
        assert!(moved.to_string().contains("307, Location: wss://b/"));
        assert_eq!(refusal("HTTP/1.1 307 Moved\r\n\r\n").await.redirect(), None);
        let made = refusal("HTTP/1.1 201 Created\r\nLocation: /x\r\n\r\n").await;
        assert_eq!(made.redirect(), None);
    }

    #[tokio::test]
    async fn retry_after_is_a_number_or_a_date() {
        let date = "Date: Mon, 30 Nov 2026 12:00:00 GMT\r\n";
        let pause = async |value: &str| {
            let text = format!("HTTP/1.1 503 No\r\n{date}Retry-After: {value}\r\n\r\n");
            refusal(&text).await.retry_after
        };
        let secs = |secs| Some(Duration::from_secs(secs));
        assert_eq!(pause("0").await, secs(0));
        assert_eq!(pause("120").await, secs(120));
        assert_eq!(pause("Mon, 30 Nov 2026 12:01:30 GMT").await, secs(90));
        assert_eq!(pause("Mon, 30 Nov 2026 11:00:00 GMT").await, secs(0));
        assert_eq!(pause("99999999999999999999999").await, secs(u64::MAX));
        for none in ["", "-5", "soon", "1.5"] {
            assert_eq!(pause(none).await, None, "{none}");
        }
    }
}
