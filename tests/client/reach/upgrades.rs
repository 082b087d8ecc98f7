//! The request that opens a connection, and the answers to it.

use okx_feed::transport::TransportError;
use okx_feed::{ClientError, Credentials};

use super::*;

#[tokio::test]
async fn each_attempt_sends_a_user_agent_and_its_own_key() {
    let (addr, requests) = server(|_, _| "HTTP/1.1 404 Not Found\r\n\r\n".to_owned()).await;
    let client = client(&format!("ws://{addr}/feed"))
        .header("X-Desk", "seven")
        .subscribe(BOOK)
        .spawn()
        .unwrap();
    let (first, second) = (next(&requests).await, next(&requests).await);
    let key = |request: &str| {
        let line = request.lines().find(|line| line.starts_with("Sec-WebSocket-Key"));
        line.unwrap().to_owned()
    };
    assert_ne!(key(&first), key(&second));
    let agent = format!("User-Agent: okx-feed/{}\r\n", env!("CARGO_PKG_VERSION"));
    assert!(first.contains(&agent) && second.contains(&agent), "{first}");
    assert!(first.contains("X-Desk: seven\r\n"), "{first}");
    client.stop();
    let bad = self::client("ws://127.0.0.1/").header("Host", "x").subscribe(BOOK).spawn();
    assert!(matches!(bad.unwrap_err(), ClientError::Transport(TransportError::Header { .. })));
}

#[tokio::test]
async fn a_list_in_the_connection_header_is_accepted() {
    let answer = |_, request: &str| accepts(request, "Connection: keep-alive, Upgrade\r\n");
    let (addr, _requests) = server(answer).await;
    let client = client(&format!("ws://{addr}/")).subscribe(BOOK).spawn().unwrap();
    wait_for(|| client.stats().ok().filter(|stats| stats.connected)).await;
    client.stop();
}

#[tokio::test]
async fn a_refusal_is_reported_with_status_and_body() {
    let refusal = "HTTP/1.1 451 Unavailable For Legal Reasons\r\nContent-Length: 30\r\n\r\n\
                   Not served\r\nin your region, sir";
    let (addr, _requests) = server(|_, _| refusal.to_owned()).await;
    let client = client(&format!("ws://{addr}/")).subscribe(BOOK).spawn().unwrap();
    let loss = wait_for(|| client.stats().unwrap().last_loss).await;
    assert!(loss.contains("451 Unavailable For Legal Reasons"), "{loss}");
    assert!(loss.contains("Not served in your region"), "{loss}");
    client.stop();
}

#[tokio::test]
async fn retry_after_holds_for_all_clients_of_a_host() {
    let refusal = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\n\r\nslow down";
    let (addr, requests) = server(|_, _| refusal.to_owned()).await;
    let url = format!("ws://{addr}/");
    let first = client(&url).subscribe(BOOK).spawn().unwrap();
    let loss = wait_for(|| first.stats().unwrap().last_loss).await;
    assert!(loss.contains("429") && loss.contains("3600 s") && loss.contains("slow"), "{loss}");
    let second = client(&url).subscribe(BOOK).redundancy(2).spawn().unwrap();
    let held = |stats: okx_feed::ClientStats| (stats.session.postponed == 2).then_some(());
    wait_for(|| held(second.stats().unwrap())).await;
    assert_eq!(requests.try_iter().count(), 1);
    first.stop();
    second.stop();
}

#[tokio::test]
async fn one_redirect_is_followed_and_a_second_is_an_error() {
    let exchange = exchange().await;
    let good = format!("http://{}/ws/v5/public", exchange.local_addr());
    let moved = |to: &str| format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\n\r\n");
    let answer = moved(&good);
    let (addr, requests) = server(move |_, _| answer.clone()).await;
    let client = |url: &str| client(url).header("X-Secret", "s").subscribe(BOOK);
    let followed = client(&format!("ws://{addr}/ws/v5/public")).spawn().unwrap();
    is_live(&followed, BOOK).await;
    assert_eq!(followed.stats().unwrap().losses, 0);
    assert!(next(&requests).await.contains("X-Secret: s\r\n"));
    followed.stop();
    exchange.shutdown().await;

    let (second, foreign) = server(move |_, _| moved("/elsewhere")).await;
    let answer = format!("HTTP/1.1 301 Moved\r\nLocation: ws://{second}/there\r\n\r\n");
    let (first, _requests) = server(move |_, _| answer.clone()).await;
    let url = format!("ws://{first}/here");
    let lost = client(&url).spawn().unwrap();
    let loss = wait_for(|| lost.stats().unwrap().last_loss).await;
    assert!(loss.contains("307") && loss.contains("Location: /elsewhere"), "{loss}");
    let request = next(&foreign).await;
    assert!(request.starts_with("GET /there ") && !request.contains("X-Secret"), "{request}");
    lost.stop();

    // No other host gets the key.
    let logs_in = client(&url).login(Credentials::new("key", "secret", "word")).spawn().unwrap();
    let loss = wait_for(|| logs_in.stats().unwrap().last_loss).await;
    assert!(loss.contains("301") && loss.contains(&second.to_string()), "{loss}");
    logs_in.stop();
}

#[tokio::test]
async fn a_close_frame_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let client = client(&format!("ws://{addr}/")).subscribe(BOOK).spawn().unwrap();
    for code in [Some(1001u16), Some(4004), None] {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = head(&mut stream).await;
        let reply = accepts(&request, "Connection: Upgrade\r\n");
        stream.write_all(reply.as_bytes()).await.unwrap();
        let code = code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default();
        let close = [&[0x88, u8::try_from(code.len()).unwrap()], code.as_slice()].concat();
        stream.write_all(&close).await.unwrap();
        // The subscription, then the close frame with the same code; both masked.
        let mut all = Vec::new();
        while !all.windows(2).any(|pair| pair == [0x88, 0x80 | close[1]]) {
            assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "no close frame came");
        }
    }
    client.stop();
}

#[test]
fn credentials_with_an_empty_part_are_refused_at_the_start() {
    for parts in [["", "s", "p"], ["k", "", "p"], ["k", "s", " "]] {
        let [key, secret, passphrase] = parts;
        let login = Credentials::new(key, secret, passphrase);
        let refused = client("ws://127.0.0.1:9/").subscribe(BOOK).login(login).spawn();
        assert!(matches!(refused.unwrap_err(), ClientError::Credentials(_)), "{parts:?}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_reported_with_a_hint() {
    let exchange = exchange().await;
    let client = client(&format!("ws://{}/ws/v5/public", exchange.local_addr()))
        .subscribe(BOOK)
        .login(Credentials::new("key", "secret", "word"))
        .spawn()
        .unwrap();
    let refusal = wait_for(|| client.stats().unwrap().last_login_refusal).await;
    assert!(refusal.contains("60032") && refusal.contains("region"), "{refusal}");
    assert_eq!(client.stats().unwrap().logins_refused, 1);
    is_live(&client, BOOK).await;
    client.stop();
    exchange.shutdown().await;
}
