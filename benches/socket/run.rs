//! One run: what is sent, and what is seen of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use okx_feed::sim::{Arrivals, ExchangeConfig, FrameSender, Limits, PushIntervals, SendPlan};
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
        let mut config =
            ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..ExchangeConfig::default() };
        config.limits = Limits { idle: None, ..config.limits };
        // Different frames: a client drops a book that is older than the last.
        let plan = SendPlan {
            burst: self.burst,
            every: self.every,
            shares_records: self.burst > 1,
            ..SendPlan::of(&config, &self.subscription(), self.count)
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

/// Notes each message on the client's own thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    arrivals: Arrivals,
    warm_up: usize,
    before: (u64, u64),
    done: Option<Sender<Outcome>>,
}

impl Recorder {
    pub(crate) fn new(
        case: &Case,
        start: Instant,
        sender: &FrameSender,
        done: Sender<Outcome>,
    ) -> Self {
        let arrivals = Arrivals::new(sender, start).unwrap();
        Self { arrivals, warm_up: case.count / 10, before: (0, 0), done: Some(done) }
    }

    /// One more message is in its book.
    #[inline]
    pub(crate) fn note(&mut self) {
        if self.arrivals.note() == self.warm_up {
            self.before = (cpu_nanos(), allocations());
            self.arrivals.begin();
        }
        if self.arrivals.is_over() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        // Before anything else, so that it counts none of its own.
        let (allocations, cpu) = (allocations(), cpu_nanos());
        let counted = self.arrivals.counted() as f64;
        let outcome = Outcome {
            per_second: counted / self.arrivals.span().as_secs_f64(),
            latency: self.arrivals.latency().clone(),
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
