//! Names and addresses: look-ups, staggered attempts, edges.

use std::time::Instant;

use super::*;

/// A second exchange on the same port of another loopback address.
async fn second(port: u16) -> ServerHandle {
    Server::bind(("127.0.0.2", port), ExchangeConfig::default()).await.unwrap().spawn()
}

/// An address that answers no SYN: its listener's queue is full. Returned with the streams that
/// fill it.
async fn silent(port: u16) -> (SocketAddr, std::net::TcpListener, Vec<TcpStream>) {
    let addr = SocketAddr::from(([127, 0, 0, 3], port));
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(addr).unwrap();
    let listener = socket.listen(0).unwrap().into_std().unwrap();
    let mut queued = Vec::new();
    loop {
        let connect = TcpStream::connect(addr);
        match tokio::time::timeout(Duration::from_millis(300), connect).await {
            Ok(stream) => queued.push(stream.unwrap()),
            Err(_) => return (addr, listener, queued),
        }
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the time is what is tested")]
async fn a_silent_first_address_costs_250_ms() {
    let server = exchange().await;
    let good = server.local_addr();
    let (hole, _listener, _queued) = silent(good.port()).await;
    let names = Names::new(&[hole, good], Duration::ZERO);
    let started = Instant::now();
    let client = client(&format!("ws://edge.example:{}/ws/v5/public", good.port()))
        .subscribe(BOOK)
        .configure(|config| config.resolver = Some(names))
        .spawn()
        .unwrap();
    is_live(&client, BOOK).await;
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(250), "the silent address was not tried: {took:?}");
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    assert_eq!(client.stats().unwrap().losses, 0);
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn a_refusing_address_costs_no_time() {
    let server = exchange().await;
    let good = server.local_addr();
    let refuses = SocketAddr::from(([127, 0, 0, 4], good.port()));
    let names = Names::new(&[refuses, good], Duration::ZERO);
    let client = client(&format!("ws://edge.example:{}/ws/v5/public", good.port()))
        .subscribe(BOOK)
        .configure(|config| {
            config.resolver = Some(names);
            // Practically never: the next address is tried because the first has failed.
            config.connect_stagger = Duration::from_secs(3_600);
        })
        .spawn()
        .unwrap();
    is_live(&client, BOOK).await;
    assert_eq!(client.stats().unwrap().losses, 0);
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn redundant_connections_begin_with_different_addresses() {
    let one = exchange().await;
    let two = second(one.local_addr().port()).await;
    let names = Names::new(&[one.local_addr(), two.local_addr()], Duration::ZERO);
    let client = client(&format!("ws://edge.example:{}/ws/v5/public", one.local_addr().port()))
        .subscribe(BOOK)
        .redundancy(2)
        .configure(|config| config.resolver = Some(names))
        .spawn()
        .unwrap();
    let each_has_one =
        || [&one, &two].iter().all(|server| server.inspect(|e| e.connections() == 1));
    wait_for(|| each_has_one().then_some(())).await;
    client.stop();
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test]
async fn a_pool_shares_one_slow_look_up() {
    let server = exchange().await;
    let addr = server.local_addr();
    let names = Names::new(&[addr], Duration::from_millis(600));
    let resolver = Arc::clone(&names);
    let channels = ["books5", "trades", "bbo-tbt", "books"].map(|c| sub(&format!("{c}:BTC-USDT")));
    let client = client(&format!("ws://slow.example:{}/ws/v5/public", addr.port()))
        .subscriptions(channels)
        .configure(move |config| {
            config.resolver = Some(resolver);
            config.max_subscriptions_per_connection = 1;
            // Shorter than the look-up, which has its own timeout.
            config.session.connect_timeout = Duration::from_millis(300);
        })
        .spawn()
        .unwrap();
    for channel in &channels {
        is_live(&client, &channel.to_string()).await;
    }
    let stats = client.stats().unwrap();
    assert_eq!((stats.connections.len(), stats.losses, names.asked()), (4, 0, 1));
    client.stop();
    server.shutdown().await;
}

#[tokio::test]
async fn a_look_up_timeout_is_reported_and_its_late_answer_used() {
    let server = exchange().await;
    let addr = server.local_addr();
    let names = Names::new(&[addr], Duration::from_millis(700));
    let resolver = Arc::clone(&names);
    let client = client(&format!("ws://late.example:{}/ws/v5/public", addr.port()))
        .subscribe(BOOK)
        .configure(move |config| {
            config.resolver = Some(resolver);
            config.session.resolve_timeout = Duration::from_millis(100);
        })
        .spawn()
        .unwrap();
    let loss = wait_for(|| client.stats().unwrap().last_loss).await;
    assert!(loss.contains("looking up"), "{loss}");
    is_live(&client, BOOK).await;
    assert_eq!(names.asked(), 1);
    client.stop();
    server.shutdown().await;
}
