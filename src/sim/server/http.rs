//! The REST interface over HTTP/1.1, on the port of the WebSockets: requests that want no upgrade.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::shared::Shared;
use super::tls::ByteStream;
use crate::sim::exchange::RestReply;

/// The longest head of a request.
const MAX_HEAD: usize = 16 << 10;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The head of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Its length with the empty line after it.
    pub(super) len: usize,
    method: String,
    target: String,
    /// Whether the client asks for a WebSocket.
    pub(super) is_upgrade: bool,
    closes: bool,
}

/// Reads a head, and perhaps more, into `bytes`; `None` where the client ends before, or sends what
/// is no HTTP.
pub(super) async fn read_head<S: ByteStream>(stream: &mut S, bytes: &mut Vec<u8>) -> Option<Head> {
    loop {
        match parse(bytes) {
            Some(Ok(head)) => return Some(head),
            Some(Err(())) => return None,
            None if bytes.len() >= MAX_HEAD => return None,
            None => {}
        }
        let read = stream.read_buf(bytes).await.ok()?;
        if read == 0 {
            return None;
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Result<Head, ()>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => return Some(Err(())),
    };
    let has = |name: &str, word: &str| {
        let of_name = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case(name));
        of_name.into_iter().any(|h| h.value.eq_ignore_ascii_case(word.as_bytes()))
    };
    Some(Ok(Head {
        len,
        is_upgrade: request.headers.iter().any(|h| h.name.eq_ignore_ascii_case("upgrade")),
        closes: has("connection", "close"),
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
    }))
}

/// The path of snapshots in SBE, which alone are no JSON.
const BOOKS_SBE: &str = "/api/v5/market/books-sbe?";

/// The code of the instrument whose snapshot a target asks for.
fn sbe_code(target: &str) -> Option<i64> {
    let query = target.strip_prefix(BOOKS_SBE)?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("instIdCode="));
    // No instrument has the code 0.
    Some(value.and_then(|code| code.parse().ok()).unwrap_or_default())
}

/// Answers requests until the client ends, of which the first has come already.
pub(super) async fn serve<S: ByteStream>(
    shared: &Arc<Shared>,
    mut stream: S,
    (mut head, mut bytes): (Head, Vec<u8>),
) -> io::Result<()> {
    let client = stream.tcp().peer_addr()?.ip().to_string();
    loop {
        let snapshot = sbe_code(&head.target)
            .filter(|_| head.method == "GET")
            .and_then(|code| shared.intervene(|exchange, now| exchange.books_sbe(code, now)));
        if let Some(body) = snapshot {
            write_snapshot(&mut stream, &body).await?;
            bytes.drain(..head.len.min(bytes.len()));
            match timeout(KEEP_ALIVE, read_head(&mut stream, &mut bytes)).await {
                Ok(Some(next)) if !next.is_upgrade => head = next,
                _ => return Ok(()),
            }
            continue;
        }
        let reply = match head.method.as_str() {
            "GET" => shared.intervene(|exchange, now| exchange.rest(&client, &head.target, now)),
            _ => RestReply {
                status: 405,
                retry_after: None,
                headers: Vec::new(),
                body: r#"{"code":"50115","msg":"Invalid request method","data":[]}"#.to_owned(),
                cut: false,
            },
        };
        write(&mut stream, &reply).await?;
        if reply.cut || head.closes || head.method != "GET" {
            return stream.shutdown().await;
        }
        bytes.drain(..head.len.min(bytes.len()));
        match timeout(KEEP_ALIVE, read_head(&mut stream, &mut bytes)).await {
            Ok(Some(next)) if !next.is_upgrade => head = next,
            _ => return Ok(()),
        }
    }
}

async fn write_snapshot<S: ByteStream>(stream: &mut S, body: &[u8]) -> io::Result<()> {
    let len = body.len();
    let head =
        format!("HTTP/1.1 200 -\r\nContent-Type: application/sbe\r\nContent-Length: {len}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await
}

async fn write<S: ByteStream>(stream: &mut S, reply: &RestReply) -> io::Result<()> {
    let RestReply { status, retry_after, headers, body, cut } = reply;
    let mut head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    if let Some(after) = retry_after {
        // Whole seconds, and not too few of them. Writing to a `String` can't fail.
        let secs = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        let _ = write!(head, "Retry-After: {secs}\r\n");
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    let sent = if *cut { body.len() / 2 } else { body.len() };
    stream.write_all(body.as_bytes().get(..sent).unwrap_or_default()).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_and_upgrades_recognised() {
        let text =
            b"GET /api/v5/public/time?a=b HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\nrest";
        let head = parse(text).unwrap().unwrap();
        assert_eq!((head.target.as_str(), head.len), ("/api/v5/public/time?a=b", text.len() - 4));
        assert!(head.closes && !head.is_upgrade);
        let upgrade = b"GET /ws/v3 HTTP/1.1\r\nupgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        assert!(parse(upgrade).unwrap().unwrap().is_upgrade);
        assert_eq!(parse(b"GET / HTTP/1.1\r\nHost"), None);
        assert_eq!(parse(b"\x16\x03\x01\x00"), Some(Err(())));
    }
}
