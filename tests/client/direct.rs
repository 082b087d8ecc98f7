//! What the direct transport alone has to prove: the fallback to tokio, the time of a read.
#![cfg(all(feature = "direct", feature = "sim", unix))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::config::quick;
use okx_feed::client::TransportKind;
use okx_feed::sim::{FrameSender, SendPlan, SentFrame};
use okx_feed::{Client, ClientStats, Dialect, Event};
use okx_feed_testkit::alloc::allocations;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const TIMEOUT: Duration = Duration::from_secs(120);

/// How long the sink of a test takes.
const SLOW: Duration = Duration::from_millis(1);

/// What rustls' key schedule allocates for a new secret and its key, in both directions together. A
/// key lasts for 2^24 records or more.
const ALLOCATIONS_OF_A_KEY_UPDATE: u64 = 4;

fn book(seq: usize) -> SentFrame {
    let text = format!(
        r#"{{"arg":{{"channel":"books5","instId":"A"}},"data":[{{"asks":[["101","1","0","1"]],"bids":[["100","1","0","1"]],"instId":"A","ts":"{}","seqId":{seq}}}]}}"#,
        1_654_032_991_000 + seq
    );
    (text.into_bytes(), false)
}

fn plan(count: usize) -> SendPlan {
    let answer = r#"{"event":"subscribe","arg":{"channel":"books5","instId":"A"},"connId":"c"}"#;
    SendPlan {
        answers: vec![(answer.as_bytes().to_vec(), false)],
        frames: (1..=count).map(book).collect(),
        count,
        burst: count,
        every: Duration::ZERO,
        shares_records: true,
        control_every: 0,
    }
}

/// The counters of a client over a transport whose sink takes a millisecond, after 100 frames that
/// were written at once; and after how many of them it was called that no more is ready.
fn burst(transport: TransportKind, busy_poll: bool) -> (ClientStats, Vec<usize>) {
    struct Sink {
        books: usize,
        drained: Vec<usize>,
        done: mpsc::Sender<Vec<usize>>,
    }
    impl okx_feed::EventSink for Sink {
        fn on_event(&mut self, event: &Event<'_>) {
            if let Event::Book(_) = event {
                self.books += 1;
                std::thread::sleep(SLOW);
            }
        }

        fn on_drained(&mut self) {
            self.drained.push(self.books);
            if self.books == 100 {
                let _ = self.done.send(self.drained.clone());
            }
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the sender stamps by it")]
    let sender = FrameSender::start(plan(100), None, Instant::now()).unwrap();
    let (done, drained) = mpsc::channel();
    let client = Client::builder(Dialect::V5)
        .url(format!("ws://{}/", sender.address()))
        .subscribe("books5:A")
        .configure(quick)
        .configure(|config| {
            (config.transport, config.busy_poll) = (transport, busy_poll);
        })
        .sink(Sink { books: 0, drained: Vec::new(), done })
        .spawn()
        .unwrap();
    let drained = drained.recv_timeout(TIMEOUT).unwrap();
    let stats = client.stats().unwrap();
    client.stop();
    sender.join().unwrap();
    (stats, drained)
}

/// The last of 100 frames of one write has waited for the sink 99 times, and its latency says so:
/// all have the time of the read, whichever transport it is.
#[test]
fn frames_that_wait_for_a_slow_sink_are_late_in_the_histogram() {
    for (transport, busy_poll) in [
        (TransportKind::Tokio, false),
        (TransportKind::Tokio, true),
        (TransportKind::Direct, false),
        (TransportKind::Direct, true),
    ] {
        let (stats, drained) = burst(transport, busy_poll);
        let most = Duration::from_nanos(stats.latency.max());
        // A read may have ended inside the burst: tungstenite's takes 8 KiB of its 18.
        let least = if transport == TransportKind::Direct { 95 * SLOW } else { 20 * SLOW };
        assert!(most >= least, "{transport:?} {busy_poll}: {most:?}");
        // Once per read, and after the last frame.
        assert_eq!(drained.last(), Some(&100));
        if cfg!(target_os = "linux") && transport == TransportKind::Direct {
            assert!(stats.kernel_latency.len() >= 100, "{}", stats.kernel_latency.len());
            let kernel = Duration::from_nanos(stats.kernel_latency.max());
            assert!(kernel >= least, "{kernel:?}");
            assert!(drained.iter().filter(|books| **books > 0).count() <= 3, "{drained:?}");
        }
    }
}

/// A host that has TLS 1.2 alone is served by tokio; its certificate is checked all the same.
#[test]
fn a_host_without_tls_1_3_is_served_by_tokio() {
    served_by_tokio(|host| host);
}

/// So is one that closes the connection in place of the alert.
#[test]
fn a_host_without_tls_1_3_that_closes_instead_of_an_alert_is_served_by_tokio() {
    served_by_tokio(|host| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            // The first handshake is not answered.
            let (mut first, _) = listener.accept().unwrap();
            assert!(first.read(&mut [0; 1_024]).unwrap() > 0);
            drop(first);
            let (client, _) = listener.accept().unwrap();
            let host = TcpStream::connect(("127.0.0.1", host)).unwrap();
            let ways = [(&client, &host), (&host, &client)];
            let ways = ways.map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()));
            for (mut from, mut to) in ways {
                std::thread::spawn(move || {
                    // It ends with the test.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        });
        port
    });
}

/// Has a client read three books of a host with TLS 1.2, at a port that stands for the host's.
fn served_by_tokio(port: impl FnOnce(u16) -> u16) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let chain = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let config = Arc::new(config);
    #[expect(clippy::disallowed_methods, reason = "the sender stamps by it")]
    let start = Instant::now();
    let sender = FrameSender::start(plan(3), Some(config), start).unwrap();
    let file = std::env::temp_dir().join(format!("okx-feed-12-{}.pem", sender.address().port()));
    std::fs::write(&file, issuer.pem()).unwrap();
    let (done, books) = mpsc::channel();
    let client = Client::builder(Dialect::V5)
        .url(format!("wss://localhost:{}/", port(sender.address().port())))
        .subscribe("books5:A")
        .configure(quick)
        .configure(|config| config.transport = TransportKind::Direct)
        .ca_file(&file)
        .on_event(move |event: &Event<'_>| {
            if let Event::Book(_) = event {
                let _ = done.send(());
            }
        })
        .spawn()
        .unwrap();
    (0..3).for_each(|_| books.recv_timeout(TIMEOUT).unwrap());
    let stats = client.stats().unwrap();
    // It is no loss: the attempt went on by another way.
    assert_eq!((stats.connects, stats.losses), (1, 0));
    // Read by tokio: it has no stamps of the kernel.
    assert_eq!(stats.kernel_latency.len(), 0);
    client.stop();
    sender.join().unwrap();
    std::fs::remove_file(&file).unwrap();
}

/// Pings and changes of keys, both ways, in the midst of data: no book is lost, no ping allocates,
/// and a change of keys allocates what rustls needs for the new secrets and nothing else.
#[test]
fn pings_and_key_updates_pass_between_frames_without_an_allocation_of_ours() {
    const COUNT: usize = 4_000;
    const EVERY: usize = 100;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let chain = params.signed_by(&key, &issuer).unwrap().pem();
    let tls = okx_feed::sim::server_config(chain.as_bytes(), key.serialize_pem().as_bytes());
    for with_tls in [false, true] {
        let plan =
            SendPlan { burst: 1, shares_records: false, control_every: EVERY, ..plan(COUNT) };
        let tls = with_tls.then(|| Arc::clone(tls.as_ref().unwrap()));
        #[expect(clippy::disallowed_methods, reason = "the sender stamps by it")]
        let sender = FrameSender::start(plan, tls, Instant::now()).unwrap();
        let port = sender.address().port();
        let file = std::env::temp_dir().join(format!("okx-feed-keys-{port}.pem"));
        std::fs::write(&file, issuer.pem()).unwrap();
        let (done, spent) = mpsc::channel();
        let (mut books, mut before) = (0, 0);
        let scheme = if with_tls { "wss://localhost" } else { "ws://127.0.0.1" };
        let client = Client::builder(Dialect::V5)
            .url(format!("{scheme}:{port}/"))
            .subscribe("books5:A")
            .configure(quick)
            .configure(|config| config.transport = TransportKind::Direct)
            .ca_file(&file)
            .on_event(move |event: &Event<'_>| {
                if let Event::Book(_) = event {
                    books += 1;
                    match books {
                        1_000 => before = allocations(),
                        COUNT => drop(done.send(allocations() - before)),
                        _ => {}
                    }
                }
            })
            .spawn()
            .unwrap();
        let spent = spent.recv_timeout(TIMEOUT).unwrap();
        let stats = client.stats().unwrap();
        assert_eq!((stats.feed.books, stats.losses), (COUNT as u64, 0));
        client.stop();
        // The last frame of its data was sealed with the newest key, and the client's close, which
        // it reads to its end, with the client's newest.
        sender.join().unwrap();
        std::fs::remove_file(&file).unwrap();
        println!("{with_tls}: {spent} allocations, {} changes of keys", 3_000 / EVERY);
        let most = if with_tls { 3_000 / EVERY as u64 * ALLOCATIONS_OF_A_KEY_UPDATE } else { 0 };
        assert!(spent <= most, "{spent} allocations");
    }
}

/// A client that falls behind for the first time lets its other tasks run between frames, which
/// once allocated the runtime's list of those that wait.
#[test]
fn the_first_long_burst_allocates_nothing() {
    const COUNT: usize = 600;
    // What begins with the first frame, as the warm-up of other tests.
    const WARM_UP: usize = 10;
    let plan = SendPlan { burst: COUNT, ..plan(COUNT) };
    #[expect(clippy::disallowed_methods, reason = "the sender stamps by it")]
    let sender = FrameSender::start(plan, None, Instant::now()).unwrap();
    let (done, spent) = mpsc::channel();
    let (mut books, mut before) = (0, 0);
    let client = Client::builder(Dialect::V5)
        .url(format!("ws://{}/", sender.address()))
        .subscribe("books5:A")
        .configure(quick)
        .configure(|config| config.transport = TransportKind::Direct)
        .on_event(move |event: &Event<'_>| {
            if let Event::Book(_) = event {
                books += 1;
                match books {
                    WARM_UP => before = allocations(),
                    COUNT => drop(done.send(allocations() - before)),
                    _ => {}
                }
            }
        })
        .spawn()
        .unwrap();
    assert_eq!(spent.recv_timeout(TIMEOUT).unwrap(), 0);
    client.stop();
    sender.join().unwrap();
}
