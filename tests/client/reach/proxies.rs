//! Proxies: minimal real ones.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::copy_bidirectional;

use okx_feed::transport::TransportError;

use super::*;

/// Passes bytes on between a client and the exchange.
async fn pass_on(mut client: TcpStream, to: SocketAddr) {
    let mut exchange = TcpStream::connect(to).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut exchange).await;
}

/// An HTTP proxy that accepts `CONNECT` alone, connects to `to`, and reports the requests.
async fn http_proxy(to: SocketAddr, answer: &'static str) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            sender.send(head(&mut stream).await).unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.contains(" 200 ") {
                tokio::spawn(pass_on(stream, to));
            }
        }
    });
    (addr, requests)
}

/// Takes one client's SOCKS 5 request with user and password (RFC 1928, 1929); gives the name that
/// was asked for, and who asked.
async fn socks(stream: &mut TcpStream) -> io::Result<String> {
    let mut hello = [0; 2];
    stream.read_exact(&mut hello).await?;
    let mut methods = vec![0; usize::from(hello[1])];
    stream.read_exact(&mut methods).await?;
    assert!(hello[0] == 5 && methods.contains(&2), "{hello:?} {methods:?}");
    stream.write_all(&[5, 2]).await?;
    assert_eq!(stream.read_u8().await?, 1);
    let mut words = Vec::new();
    for _ in 0..2 {
        let mut word = vec![0; usize::from(stream.read_u8().await?)];
        stream.read_exact(&mut word).await?;
        words.push(String::from_utf8(word).unwrap());
    }
    stream.write_all(&[1, 0]).await?;
    let mut request = [0; 5];
    stream.read_exact(&mut request).await?;
    assert_eq!(request[..4], [5, 1, 0, 3], "a name is asked for, no address");
    let mut name = vec![0; usize::from(request[4])];
    stream.read_exact(&mut name).await?;
    let port = stream.read_u16().await?;
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1]).await?;
    Ok(format!("{}@{}:{port}", words.join(":"), String::from_utf8(name).unwrap()))
}

#[tokio::test]
async fn an_http_proxy_connects_and_resolves_the_name() {
    let server = exchange().await;
    let ok = "HTTP/1.1 200 Connection established\r\n\r\n";
    let (proxy, requests) = http_proxy(server.local_addr(), ok).await;
    let client = client("ws://exchange.invalid:81/ws/v5/public")
        .proxy(okx_feed::transport::Proxy::Url(format!("http://us%20er:secret@{proxy}")))
        .subscribe(BOOK)
        .spawn()
        .unwrap();
    is_live(&client, BOOK).await;
    let request = next(&requests).await;
    assert!(request.starts_with("CONNECT exchange.invalid:81 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Host: exchange.invalid:81\r\n"), "{request}");
    // `us er:secret` in base64.
    assert!(request.contains("Proxy-Authorization: Basic dXMgZXI6c2VjcmV0\r\n"), "{request}");
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn tls_goes_through_a_proxy_unopened() {
    let name = "exchange.invalid".to_owned();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.clone()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    let server = Server::bind("127.0.0.1:0", ExchangeConfig::default()).await.unwrap();
    let server = server.with_tls(certificate.pem().as_bytes(), key.serialize_pem().as_bytes());
    let server = server.unwrap().spawn();
    let file = format!("okx-feed-proxied-{}.pem", server.local_addr().port());
    let file = std::env::temp_dir().join(file);
    std::fs::write(&file, issuer.pem()).unwrap();
    let ok = "HTTP/1.1 200 OK\r\n\r\n";
    let (proxy, requests) = http_proxy(server.local_addr(), ok).await;
    let client = client(&format!("wss://{name}/ws/v5/public"))
        .proxy(okx_feed::transport::Proxy::Url(format!("http://{proxy}")))
        .ca_file(&file)
        .subscribe(BOOK)
        .spawn()
        .unwrap();
    is_live(&client, BOOK).await;
    assert!(next(&requests).await.starts_with("CONNECT exchange.invalid:443 HTTP/1.1\r\n"));
    std::fs::remove_file(&file).unwrap();
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn a_refusing_proxy_is_reported_without_its_password() {
    let no = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 7\r\n\r\nwho? go";
    let (proxy, _requests) = http_proxy(SocketAddr::from(([127, 0, 0, 1], 1)), no).await;
    let client = client("ws://exchange.invalid/ws/v5/public")
        .proxy(okx_feed::transport::Proxy::Url(format!("http://user:secret@{proxy}")))
        .subscribe(BOOK)
        .spawn()
        .unwrap();
    let loss = wait_for(|| client.stats().unwrap().last_loss).await;
    assert!(loss.contains("proxy") && loss.contains("407"), "{loss}");
    assert!(loss.contains("who? go") && !loss.contains("secret"), "{loss}");
    client.stop();
}

#[tokio::test]
async fn a_socks_proxy_gets_name_and_password() {
    let server = exchange().await;
    let to = server.local_addr();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let (sender, asked) = mpsc::channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            sender.send(socks(&mut stream).await.unwrap()).unwrap();
            tokio::spawn(pass_on(stream, to));
        }
    });
    let client = client("ws://exchange.invalid:82/ws/v5/public")
        .proxy(okx_feed::transport::Proxy::Url(format!("socks5h://user:secret@{proxy}")))
        .subscribe(BOOK)
        .spawn()
        .unwrap();
    is_live(&client, BOOK).await;
    assert_eq!(next(&asked).await, "user:secret@exchange.invalid:82");
    client.stop();
    server.shutdown().await;
}

#[test]
fn an_unusable_proxy_is_refused_at_the_start() {
    for url in ["https://proxy:1", "socks4://proxy:1", "proxy:x:1", ""] {
        let proxy = okx_feed::transport::Proxy::Url(url.to_owned());
        let refused = client("ws://127.0.0.1/").proxy(proxy).subscribe(BOOK).spawn();
        assert!(
            matches!(
                refused.unwrap_err(),
                okx_feed::ClientError::Transport(TransportError::Proxy { .. })
            ),
            "{url}"
        );
    }
}
