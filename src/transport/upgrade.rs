//! The upgrade of a connection to a WebSocket (RFC 6455, section 4).
//!
//! Our own, in place of tungstenite's: that one accepts no list in the answer's `Connection`
//! header, though `keep-alive, Upgrade` is as good as `Upgrade` alone, and overlooks an extension
//! that was not requested.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use super::error::ConnectError;
use super::headers::Headers;
use super::reply::Reply;
use super::target::Target;

/// Requests the upgrade and checks the answer. Returns what was read behind it: frames.
///
/// # Errors
/// [`ConnectError::Refused`] where the status is not 101, [`ConnectError::Reply`] where the answer
/// is invalid, and errors of the connection.
pub(super) async fn upgrade<S>(
    stream: &mut S,
    target: &Target,
    headers: &Headers,
) -> Result<Vec<u8>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{}\r\n",
        target.path,
        target.authority(),
        headers.as_str()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let reply = Reply::read(stream).await?;
    if reply.status != 101 {
        let refusal = reply.refusal(stream).await;
        return Err(ConnectError::Refused(Box::new(refusal)));
    }
    check(&reply, &derive_accept_key(key.as_bytes())).map_err(ConnectError::Reply)?;
    Ok(reply.rest)
}

/// Checks an answer of status 101, as RFC 6455 demands in section 4.1.
fn check(reply: &Reply, accept: &str) -> Result<(), &'static str> {
    if !reply.has_word("Upgrade", "websocket") {
        return Err("the answer does not upgrade to a WebSocket");
    }
    if !reply.has_word("Connection", "upgrade") {
        return Err("the answer's Connection header does not say Upgrade");
    }
    if reply.values("Sec-WebSocket-Accept").next() != Some(accept) {
        return Err("the answer's Sec-WebSocket-Accept does not fit the request");
    }
    if reply.values("Sec-WebSocket-Extensions").any(|value| !value.is_empty()) {
        return Err("the answer has an extension that was not requested");
    }
    if reply.values("Sec-WebSocket-Protocol").next().is_some() {
        return Err("the answer has a subprotocol that was not requested");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::super::headers::USER_AGENT;
    use super::*;

    /// The result of an upgrade whose answer has these lines, and the request that was sent.
    /// `ACCEPT` stands for the right key.
    async fn answered(extra: &[(&str, &str)], lines: &str) -> (Result<(), String>, String) {
        let extra: Vec<_> = extra.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let (mut client, mut server) = duplex(4096);
        let lines = lines.to_owned();
        let serve = tokio::spawn(async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                server.read_buf(&mut request).await.unwrap();
            }
            let request = String::from_utf8(request).unwrap();
            let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
            let accept = derive_accept_key(key.unwrap().as_bytes());
            let reply = format!("HTTP/1.1 {}\r\n\r\n", lines.replace("ACCEPT", &accept));
            server.write_all(reply.as_bytes()).await.unwrap();
            (request, server)
        });
        let headers = Headers::new(&extra).unwrap();
        let target = Target::parse("ws://h.example:81/ws/v5/public?x=1").unwrap();
        let made = upgrade(&mut client, &target, &headers).await;
        let (request, _server) = serve.await.unwrap();
        (made.map(drop).map_err(|error| error.to_string()), request)
    }

    const GOOD: &str = "101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: ACCEPT";

    #[tokio::test]
    async fn the_request_is_complete_and_has_a_key_of_its_own() {
        let (made, first) = answered(&[("X-Desk", "a b")], GOOD).await;
        assert_eq!(made, Ok(()));
        assert!(first.starts_with("GET /ws/v5/public?x=1 HTTP/1.1\r\nHost: h.example:81\r\n"));
        assert!(first.contains(&format!("\r\nUser-Agent: {USER_AGENT}\r\n")), "{first}");
        assert!(first.contains("\r\nX-Desk: a b\r\n"), "{first}");
        let (_, second) = answered(&[("user-agent", "mine")], GOOD).await;
        assert!(second.contains("user-agent: mine\r\n") && !second.contains("okx-feed"));
        let key = |request: &str| request.lines().nth(5).map(str::to_owned);
        assert!(key(&first).unwrap().starts_with("Sec-WebSocket-Key: "));
        assert_ne!(key(&first), key(&second));
    }

    #[tokio::test]
    async fn header_lists_are_accepted_and_unrequested_extensions_refused() {
        let with = |from: &str, to: &str| GOOD.replace(from, to);
        for good in [
            with("Connection: Upgrade", "connection: keep-alive, Upgrade"),
            with("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"),
            with("Upgrade: websocket", "upgrade: foo/2, WebSocket"),
            with("101 Switching Protocols", "101"),
            format!("{GOOD}\r\nSec-WebSocket-Extensions: "),
        ] {
            assert_eq!(answered(&[], &good).await.0, Ok(()), "{good}");
        }
        for (bad, why) in [
            (with("Upgrade: websocket", "Upgrade: h2c"), "does not upgrade"),
            (with("Connection: Upgrade", "Connection: close"), "Connection header"),
            (with("ACCEPT", "AAAA"), "Sec-WebSocket-Accept"),
            (format!("{GOOD}\r\nSec-WebSocket-Extensions: permessage-deflate"), "extension"),
            (format!("{GOOD}\r\nSec-WebSocket-Protocol: x"), "subprotocol"),
            ("200 OK\r\nContent-Length: 0".to_owned(), "HTTP error: 200 OK"),
        ] {
            let error = answered(&[], &bad).await.0.unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
