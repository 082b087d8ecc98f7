//! One run: what is sent, and what is seen of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use okx_feed::sim::{
    ExchangeConfig, FrameSender, Limits, Outbound, PushIntervals, SendPlan, SentFrame, record,
};
use okx_feed::{Dialect, Subscription};
use okx_feed_testkit::alloc::allocations;

/// The certificate of the server.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) server: Arc<rustls::ServerConfig>,
    pub(crate) ca_file: PathBuf,
}

/// What is sent to a client.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) dialect: Dialect,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) count: usize,
    pub(crate) burst: usize,
    pub(crate) every: Duration,
}

impl Case {
    pub(crate) fn subscription(&self) -> Subscription {
        let text = match self.dialect {
            Dialect::V5 => "books5:BTC-USDT",
            Dialect::V3 => "futures/depth5:BTC-USD-190517",
        };
        Subscription::parse(self.dialect, text).unwrap()
    }

    /// Starts the server.
    pub(crate) fn serve(&self, start: Instant) -> FrameSender {
        let answer = match self.dialect {
            Dialect::V5 => {
                let text = r#"{"event":"subscribe","arg":{"channel":"books5","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#;
                (text.as_bytes().to_vec(), false)
            }
            Dialect::V3 => {
                let text = r#"{"event":"subscribe","channel":"futures/depth5:BTC-USD-190517"}"#;
                (okx_feed_testkit::check::deflated(text.as_bytes(), 6), true)
            }
        };
        let plan = SendPlan {
            answers: vec![answer],
            frames: frames(&self.subscription(), self.count),
            count: self.count,
            burst: self.burst,
            every: self.every,
            shares_records: self.burst > 1,
            control_every: 0,
        };
        let tls = self.tls.as_ref().map(|tls| Arc::clone(&tls.server));
        FrameSender::start(plan, tls, start).unwrap()
    }

    pub(crate) fn url(&self, sender: &FrameSender) -> String {
        let port = sender.address().port();
        match self.tls {
            Some(_) => format!("wss://localhost:{port}/ws"),
            None => format!("ws://127.0.0.1:{port}/ws"),
        }
    }
}

/// Different frames of one channel: a client drops a book that is older than the last.
fn frames(subscription: &Subscription, count: usize) -> Vec<SentFrame> {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..ExchangeConfig::default() };
    config.limits = Limits { idle: None, ..config.limits };
    let frames = record(&config, subscription, count).into_iter().filter_map(|frame| match frame {
        Outbound::Text(text) => Some((text.as_bytes().to_vec(), false)),
        Outbound::Binary(body) => Some((body.to_vec(), true)),
        Outbound::Close { .. } | Outbound::Fault(_) => None,
    });
    frames.collect()
}

/// Notes each message on the client's own thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    start: Instant,
    sent: Arc<[AtomicU64]>,
    seen: usize,
    warm_up: usize,
    latency: Histogram<u64>,
    before: (u64, u64),
    done: Option<Sender<Outcome>>,
}

impl Recorder {
    pub(crate) fn new(
        case: &Case,
        start: Instant,
        sent: Arc<[AtomicU64]>,
        done: Sender<Outcome>,
    ) -> Self {
        let latency = Histogram::new_with_bounds(1, 10_000_000_000, 3).unwrap();
        let warm_up = case.count / 10;
        Self { start, sent, seen: 0, warm_up, latency, before: (0, 0), done: Some(done) }
    }

    /// One more message is in its book.
    #[inline]
    pub(crate) fn note(&mut self) {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap();
        let Some(sent) = self.sent.get(self.seen) else { return };
        let sent = sent.load(Ordering::Acquire);
        self.seen += 1;
        if self.seen > self.warm_up {
            self.latency.saturating_record(now.saturating_sub(sent).max(1));
        } else if self.seen == self.warm_up {
            self.before = (cpu_nanos(), allocations());
        }
        if self.seen == self.sent.len() {
            self.finish(now);
        }
    }

    fn finish(&mut self, now: u64) {
        // Before anything else, so that it counts none of its own.
        let (allocations, cpu) = (allocations(), cpu_nanos());
        let counted = (self.seen - self.warm_up) as f64;
        let first = self.sent[self.warm_up].load(Ordering::Acquire);
        let outcome = Outcome {
            per_second: counted * 1e9 / now.saturating_sub(first) as f64,
            latency: self.latency.clone(),
            kernel: None,
            cpu: (cpu - self.before.0) as f64 / counted,
            allocations: (allocations - self.before.1) as f64 / counted,
        };
        if let Some(done) = self.done.take() {
            done.send(outcome).unwrap();
        }
    }
}

/// What is seen of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    per_second: f64,
    latency: Histogram<u64>,
    /// From the kernel's stamp, where the client measures that.
    pub(crate) kernel: Option<Histogram<u64>>,
    cpu: f64,
    allocations: f64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |nanos: u64| format!("{:.2}", nanos as f64 / 1e3);
        let at = |of: &Histogram<u64>, q| micros(of.value_at_quantile(q));
        write!(f, "{:>10.0}", self.per_second)?;
        for quantile in [0.5, 0.99, 0.999] {
            write!(f, " {:>9}", at(&self.latency, quantile))?;
        }
        for quantile in [0.5, 0.99] {
            let kernel = self.kernel.as_ref().filter(|kernel| !kernel.is_empty());
            let text = kernel.map_or_else(|| "-".to_owned(), |kernel| at(kernel, quantile));
            write!(f, " {text:>9}")?;
        }
        write!(f, " {:>8.0} {:>7.2}", self.cpu, self.allocations)
    }
}

/// The processor time of this thread, in nanoseconds.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}
