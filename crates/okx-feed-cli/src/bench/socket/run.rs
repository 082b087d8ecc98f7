//! One run: a server that sends, a client that receives, and what is seen of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use stats_alloc::{Region, Stats};

use crate::certificate::LocalCertificate;
use crate::error::CliError;
use crate::exchange;
use okx_feed::client::{ThreadOptions, TransportKind};
use okx_feed::sim::{Arrivals, FrameSender, Limits, SendPlan, server_config};
use okx_feed::transport::Proxy;
use okx_feed::{Client, ClientStats, Event, Subscription};

/// Market events a second of the embedded exchange: it decides what changes from a frame to the
/// next, not how fast they are sent.
const EVENTS_PER_SEC: u32 = 1_000;

/// How long a run may take beyond what it is planned for.
const GRACE: Duration = Duration::from_secs(60);

/// How frames are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// How many are written at once.
    pub(super) burst: usize,
    /// From one write to the next; zero for as fast as the client reads.
    pub(super) every: Duration,
}

/// What is sent, and what receives it.
pub(super) struct Case<'a> {
    pub(super) subscription: Subscription,
    pub(super) seed: u64,
    pub(super) tls: Option<&'a LocalCertificate>,
    pub(super) pace: Pace,
    pub(super) count: usize,
    pub(super) transport: TransportKind,
    pub(super) busy_poll: bool,
    pub(super) thread: &'a ThreadOptions,
}

/// What is seen of a run.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) per_second: f64,
    /// From the write of a frame to the return of the sink, with the kernel's loopback in it.
    pub(super) from_send: Histogram<u64>,
    /// From the kernel's receive stamp; empty where the transport asks for none.
    pub(super) from_kernel: Histogram<u64>,
    /// From the read of the socket.
    pub(super) from_read: Histogram<u64>,
    /// The processor time of the client's thread a frame, in nanoseconds, empty polls included.
    pub(super) cpu_ns: Option<f64>,
    /// The allocations of the program a frame. The sender makes none meanwhile.
    pub(super) allocations: f64,
}

/// What the thread of the client reports.
enum Report {
    WarmedUp,
    Over(Box<Counted>),
}

struct Counted {
    arrivals: Arrivals,
    cpu_ns: Option<u64>,
    allocations: usize,
}

/// Notes each frame, on the client's thread.
struct Recorder {
    arrivals: Option<Arrivals>,
    warm_up: usize,
    /// Whether counting may begin: the client has been asked for what it counted before.
    may_begin: Arc<AtomicBool>,
    began: Option<(Option<u64>, Region<'static, std::alloc::System>)>,
    reports: mpsc::Sender<Report>,
}

impl Recorder {
    #[inline]
    fn note(&mut self) {
        let Some(arrivals) = &mut self.arrivals else { return };
        let seen = arrivals.note();
        if self.began.is_none() {
            if seen == self.warm_up {
                // Nobody waits for it any more where the run was given up.
                let _ = self.reports.send(Report::WarmedUp);
            }
            if seen >= self.warm_up && self.may_begin.load(Ordering::Acquire) {
                self.began = Some((cpu_nanos(), Region::new(crate::ALLOCATOR)));
                arrivals.begin();
            }
        }
        if arrivals.is_over() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        // Before anything else, so that it counts none of its own.
        let end = self.began.as_ref().map(|(cpu, region)| (region.change(), *cpu, cpu_nanos()));
        let Some(arrivals) = self.arrivals.take() else { return };
        let (Stats { allocations, reallocations, .. }, before, after) = end.unwrap_or_default();
        let cpu_ns = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        let counted = Counted { arrivals, cpu_ns, allocations: allocations + reallocations };
        let _ = self.reports.send(Report::Over(Box::new(counted)));
    }
}

/// Sends and receives all frames of a case.
///
/// # Errors
/// If the server or the client can't be started, or does not come to the end.
#[expect(clippy::disallowed_methods, reason = "the clock of all times of the run")]
pub(super) fn run(case: &Case<'_>) -> Result<Seen, CliError> {
    let start = Instant::now();
    let dialect = case.subscription.dialect();
    let listings = exchange::demo_listings(dialect, 1);
    let mut config = exchange::config(listings, EVENTS_PER_SEC, case.seed, true);
    config.limits = Limits { idle: None, ..config.limits };
    let plan = SendPlan {
        burst: case.pace.burst,
        every: case.pace.every,
        shares_records: case.pace.burst > 1,
        ..SendPlan::of(&config, &case.subscription, case.count)
    };
    if plan.count < case.count {
        return Err(CliError::NotPushed { channel: case.subscription.to_string() });
    }
    let tls = case.tls.map(|tls| &tls.made);
    let server = tls.map(|made| server_config(made.chain.as_bytes(), made.key.as_bytes()));
    let server = server.transpose().map_err(CliError::Start)?;
    let sender = FrameSender::start(plan, server, start).map_err(CliError::Start)?;
    let port = sender.address().port();
    let url = match case.tls {
        Some(_) => format!("wss://localhost:{port}/ws"),
        None => format!("ws://127.0.0.1:{port}/ws"),
    };
    let (reports, reported) = mpsc::channel();
    let may_begin = Arc::new(AtomicBool::new(false));
    let arrivals = Arrivals::new(&sender, start);
    let mut recorder = Recorder {
        arrivals: Some(arrivals.map_err(|error| other(&error.to_string()))?),
        warm_up: case.count / 10,
        may_begin: Arc::clone(&may_begin),
        began: None,
        reports,
    };
    let client = Client::builder(dialect)
        .url(url)
        .proxy(Proxy::Direct)
        .subscriptions([case.subscription])
        .configure(|config| {
            config.transport = case.transport;
            config.busy_poll = case.busy_poll;
            config.thread = case.thread.clone();
            // The times of the frames are those of their generation.
            config.age_limit = None;
            config.tls.ca_file = case.tls.map(|tls| tls.ca_file.clone());
        })
        .on_event(move |event: &Event<'_>| {
            if let Event::Book(_) = event {
                recorder.note();
            }
        })
        .spawn()?;
    let writes = u32::try_from(case.count / case.pace.burst.max(1)).unwrap_or(u32::MAX);
    let wait = case.pace.every.saturating_mul(writes) + GRACE;
    let next =
        || reported.recv_timeout(wait).map_err(|_| other("the run does not come to its end"));
    // What it measures itself, without what was to warm up.
    let mut before = None;
    let counted = loop {
        match next()? {
            Report::WarmedUp => {
                before = Some(client.stats()?);
                may_begin.store(true, Ordering::Release);
            }
            Report::Over(counted) => break counted,
        }
    };
    let stats = client.stats()?;
    client.stop();
    // It has sent everything.
    let _ = sender.join();
    Ok(seen(*counted, before.as_ref(), stats))
}

#[expect(clippy::cast_precision_loss, reason = "means have fewer digits than a float")]
fn seen(counted: Counted, before: Option<&ClientStats>, stats: ClientStats) -> Seen {
    let Counted { arrivals, cpu_ns, allocations } = counted;
    let ClientStats { mut latency, mut kernel_latency, .. } = stats;
    if let Some(before) = before {
        // What it had before is a part of what it has now.
        let _ = latency.subtract(&before.latency);
        let _ = kernel_latency.subtract(&before.kernel_latency);
    }
    let count = arrivals.counted().max(1) as f64;
    Seen {
        per_second: count / arrivals.span().as_secs_f64().max(1e-9),
        from_send: arrivals.latency().clone(),
        from_kernel: kernel_latency,
        from_read: latency,
        cpu_ns: cpu_ns.map(|nanos| nanos as f64 / count),
        allocations: allocations as f64 / count,
    }
}

fn other(error: &str) -> CliError {
    CliError::Start(std::io::Error::other(error.to_owned()))
}

/// The processor time of this thread, in nanoseconds; `None` where the system does not say.
fn cpu_nanos() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}
