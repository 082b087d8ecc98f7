//! Two publishers of one exchange, three readers, and everything that may fail.

use std::time::{Duration, Instant};

use okx_feed::Subscription;
use okx_feed::sim::Exchange;
use okx_feed_export::nats::{NatsServer, NatsSource, SourceOptions, Start};

use super::fleet::Fleet;
use super::log::Logger;
use super::server::TestServer;

/// What happens to one line at a time. Each takes messages or the connection away, and is over
/// within seconds: what a client only notices by a minute of silence would overlap with the other
/// line's.
const FAULTS: [&str; 7] =
    ["drop", "gap", "rst", "silence:for=1500ms", "stall:for=1s", "repeat", "close:code=4004"];

/// A reader and what it has shown.
struct Reader {
    source: NatsSource,
    log: Logger,
}

impl Reader {
    fn start(nats: &str, log: Logger, start: Start) -> Self {
        let mut options = SourceOptions::new(NatsServer::new(nats), ["md.okx.v5.>"]);
        options.start = start;
        Self { source: NatsSource::spawn(options, log.clone()).unwrap(), log }
    }

    /// Whether each book is live and the exchange's own now.
    fn is_current(&self, fleet: &Fleet) -> bool {
        fleet.exchange.inspect(|exchange| {
            let market = exchange.market();
            fleet.subscriptions.iter().all(|of| {
                let Some(reader) = self.source.book_reader(of) else {
                    return self.source.state(of).is_some_and(|state| state.is_live());
                };
                let (shown, id) = (reader.snapshot(), of.inst_id().as_str());
                let truth = market.find(id).and_then(|inst| market.book5(inst)).unwrap();
                let (asks, bids) = (shown.value.asks(), shown.value.bids());
                shown.state.is_live() && asks == truth.asks() && bids == truth.bids()
            })
        })
    }

    fn are_live(&self, subscriptions: &[Subscription]) -> bool {
        subscriptions.iter().all(|of| self.source.state(of).is_some_and(|state| state.is_live()))
    }
}

/// How long faults happen: `OKX_FEED_NATS_SECONDS`, by default 20.
fn span() -> Duration {
    let text = std::env::var("OKX_FEED_NATS_SECONDS").ok();
    Duration::from_secs(text.and_then(|text| text.parse().ok()).unwrap_or(20))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_has_the_exchanges_own_books_and_trades_through_every_loss() {
    let Some(mut server) = TestServer::start(&[]) else { return };
    let nats = server.url();
    let mut fleet = Fleet::start(&nats, 6, 300).await;
    fleet.publish("A").await;
    fleet.publish("B").await;
    let mut readers: Vec<_> =
        (0..3).map(|_| Reader::start(&nats, Logger::default(), Start::Last)).collect();
    let all = fleet.subscriptions.clone();
    for reader in &readers {
        fleet.wait("a reader is live", |_| reader.are_live(&all)).await;
    }

    // One thing at a time, since a trade that no line receives is nowhere.
    let (began, span, mut faults) = (Instant::now(), span(), 0);
    let mut events = ["kill a publisher", "restart the server", "restart a reader"].into_iter();
    let seed = std::env::var("OKX_FEED_NATS_SEED").ok().and_then(|text| text.parse().ok());
    let mut random = fastrand::Rng::with_seed(seed.unwrap_or(21));
    // When both lines were away, by times of trades: a machine that is too slow for its clients
    // makes one of them reconnect by itself.
    let mut away = Vec::new();
    while began.elapsed() < span || events.len() > 0 {
        fleet.are_live().await;
        let mut lines = fleet.lines();
        let (since, line) = (fleet.last_trade(), lines[faults % lines.len()]);
        fleet.inject(line, random.choice(FAULTS).unwrap());
        faults += 1;
        // By the clocks of the exchange, which may be late, and of its clients: until then the
        // fault is over, and the other line must not have one.
        let over = fleet.exchange.inspect(Exchange::now) + Duration::from_millis(2_500);
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        fleet.wait("the fault is over", |f| f.exchange.inspect(Exchange::now) >= over).await;
        fleet.are_live().await;
        let before = std::mem::replace(&mut lines, fleet.lines());
        if before.iter().any(|other| *other != line && !lines.contains(other)) {
            away.push(since..=fleet.last_trade());
        }
        let done = 3 - u32::try_from(events.len()).unwrap();
        if began.elapsed() < span * (done + 1) / 4 {
            continue;
        }
        match events.next() {
            Some("kill a publisher") => {
                let since = fleet.last_trade();
                fleet.kill("B").await;
                tokio::time::sleep(Duration::from_millis(2_500)).await;
                // The other one has everything.
                assert!(readers.iter().all(|reader| reader.are_live(&all)));
                fleet.publish("B").await;
                // One of the lines before is that of the other publisher.
                let now = fleet.lines();
                if !lines.iter().any(|line| now.contains(line)) {
                    away.push(since..=fleet.last_trade());
                }
            }
            Some("restart the server") => {
                server.kill();
                tokio::time::sleep(Duration::from_millis(1_000)).await;
                let is_any_live = |reader: &Reader| {
                    all.iter()
                        .any(|of| reader.source.state(of).is_some_and(|state| state.is_live()))
                };
                assert!(!readers.iter().any(is_any_live), "nothing is live without a server");
                server.run();
                for reader in &readers {
                    fleet.wait("a reader is live again", |_| reader.are_live(&all)).await;
                }
            }
            Some("restart a reader") => {
                let reader = readers.remove(2);
                let (log, position) = (reader.log.clone(), reader.source.stop());
                log.0.lock().unwrap().begin_again();
                tokio::time::sleep(Duration::from_millis(1_000)).await;
                readers.push(Reader::start(&nats, log, Start::After(position)));
                fleet.wait("the reader is live again", |_| readers[2].are_live(&all)).await;
            }
            _ => {}
        }
    }

    for reader in &readers {
        fleet.wait("the exchange's own books", |fleet| reader.is_current(fleet)).await;
    }
    let mut truth = fleet.truth.0.lock().unwrap().clone();
    truth.away = away;
    for (number, reader) in readers.iter().enumerate() {
        // The last trades may be on their way.
        let compare = || reader.log.0.lock().unwrap().compare(&truth, &format!("reader {number}"));
        let began = Instant::now();
        while compare().is_err() && began.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let compared = match compare() {
            Ok(compared) => compared,
            Err(difference) => panic!("{}", fleet.explain(&difference).await),
        };
        let stats = reader.source.stats();
        eprintln!(
            "reader {number}: {compared:?}; {} messages, {} brought nothing new, {} gaps, \
             {} compared, {} different, {} connects",
            stats.messages(),
            stats.duplicates(),
            stats.gaps(),
            stats.compared(),
            stats.different(),
            stats.connects(),
        );
        assert!(compared.books > 100 && compared.trades > 20, "{compared:?}");
        assert_eq!((stats.malformed(), stats.different(), stats.missing()), (0, 0, 0));
        assert!(stats.compared() > 0 || number == 2, "no book was verified");
    }
    eprintln!(
        "{faults} faults of lines in {:.0?}, both away {} times",
        began.elapsed(),
        truth.away.len()
    );
    fleet.assert_direct();
    fleet.end();
}
