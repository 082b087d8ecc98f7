//! The command: what is started, what happens when, and how it ends.
#![expect(clippy::disallowed_methods, reason = "a soak lasts as long as the clock says")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::args::SoakArgs;
use super::book_checker::CheckerStats;
use super::client_under_test::{ClientUnderTest, Connect};
use super::clock_steps::KnownClockSteps;
use super::faults::{self, FaultPick, FaultTracker};
use super::memory;
use super::report::{ClientReport, Report};
use crate::certificate::LocalCertificate;
use crate::error::{CliError, Outcome, say};
use crate::exchange;
use crate::interrupt::Interrupt;
use crate::output::Output;
use okx_feed::MonoNanos;
use okx_feed::sim::{
    ConnectionId, Endpoint, Exchange, Fault, FaultRule, Listing, Server, ServerHandle,
};
use okx_feed::transport::Clock;

/// How often the clients are checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// How often the progress is written to standard error.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// How long everything may take to be live again once the faults have stopped.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(90);
/// Where this program itself stalls for so long, ages are meaningless until as much time has passed
/// again as a stale book takes to be noticed.
const STALL_THRESHOLD: Duration = Duration::from_millis(500);
/// How old the heartbeat of a client's thread may be for readers to trust its books.
const CLIENT_STALL_THRESHOLD: Duration = Duration::from_millis(1_500);
/// How late it may be noticed that a book is stale: the client checks once a second, its thread may
/// stall below its threshold, and so may this program.
const STALE_NOTICED: Duration = Duration::from_secs(3);

/// Runs the soak.
///
/// # Errors
/// Where exchange or client can't be started, or standard output does not take the report.
pub(crate) fn run(args: &SoakArgs) -> Result<Outcome, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let report = runtime.block_on(async { Soak::start(args).await?.run(args).await })?;
    let mut out = Output::stdout();
    match args.json {
        true => out.line(format_args!("{}", report.json())),
        false => out.line(format_args!("{report}")),
    }
    out.flush()?;
    Ok(if report.is_clean() { Outcome::Clean } else { Outcome::Malformed })
}

/// A soak at work.
struct Soak {
    server: ServerHandle,
    clients: Vec<ClientUnderTest>,
    faults: FaultTracker,
    random: fastrand::Rng,
    clock: Clock,
    clock_steps: Arc<KnownClockSteps>,
    listings: Vec<Listing>,
    stale_after: Duration,
    /// When the clients were checked last.
    checked: MonoNanos,
    /// From when on the ages of books are meaningful.
    ages_from: MonoNanos,
    too_old: usize,
}

impl Soak {
    async fn start(args: &SoakArgs) -> Result<Self, CliError> {
        let listings = Listing::generate(args.instruments);
        let mut config = exchange::config(listings.clone(), args.rate, args.seed, false);
        // Else only its sequence numbers could show that a book of v5 is wrong.
        config.v5_checksums = true;
        let mut market = config.market.clone();
        let tls = args.tls.then(LocalCertificate::new).transpose().map_err(CliError::Start)?;
        let mut server = Server::bind("127.0.0.1:0", config).await.map_err(CliError::Start)?;
        if let Some(LocalCertificate { made, .. }) = &tls {
            let with_tls = server.with_tls(made.chain.as_bytes(), made.key.as_bytes());
            server = with_tls.map_err(CliError::Start)?;
        }
        let server = server.spawn();
        let connect = Connect {
            ca_file: tls.as_ref().map(|tls| tls.ca_file.clone()),
            transport: args.transport.into(),
            busy_poll: args.busy_poll,
            thread_per_connection: args.thread_per_connection,
        };
        market.start = server.inspect(|exchange| exchange.market().wall(MonoNanos::ZERO));
        let endpoints = [Endpoint::V3, Endpoint::V5Public];
        let (clock_steps, stale) = (Arc::new(KnownClockSteps::default()), args.stale_after);
        let clients = endpoints.map(|of| {
            let record = args.record.as_ref().map(|dir| dir.join(of.dialect().to_string()));
            let watched = (&market, &clock_steps);
            ClientUnderTest::start((&server, &connect), of, &listings, watched, stale, record)
        });
        let clients = clients.into_iter().collect::<Result<_, _>>()?;
        let random = fastrand::Rng::with_seed(args.seed);
        let (faults, clock) = (FaultTracker::default(), Clock::start());
        let (checked, ages_from) = (MonoNanos::ZERO, MonoNanos::ZERO);
        let (stale_after, too_old) = (stale, 0);
        Ok(Self {
            server,
            clients,
            faults,
            random,
            clock,
            clock_steps,
            listings,
            stale_after,
            checked,
            ages_from,
            too_old,
        })
    }

    async fn run(mut self, args: &SoakArgs) -> Result<Report, CliError> {
        let mut interrupt = Interrupt::listen().map_err(CliError::Start)?;
        let span = Duration::from_secs_f64(args.minutes * 60.0);
        let (began, mut injected, mut reported) = (Instant::now(), Duration::ZERO, Duration::ZERO);
        let mut memory = None;
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while began.elapsed() < span {
            tokio::select! {
                () = interrupt.wait() => break,
                _ = checks.tick() => {}
            }
            let elapsed = began.elapsed();
            if elapsed >= injected + args.every {
                injected = elapsed;
                self.inject();
            }
            self.check()?;
            if memory.is_none() && elapsed > span / 3 {
                memory = memory::resident();
            }
            if elapsed >= reported + REPORT_INTERVAL {
                reported = elapsed;
                self.report_progress(elapsed, span);
            }
        }
        let lasted = began.elapsed();
        let (not_recovered, recovery) = self.wait_for_recovery(&mut interrupt).await?;
        let memory = memory.zip(memory::resident());
        self.finish(Report {
            seed: args.seed,
            lasted,
            faults: FaultTracker::default(),
            clients: Vec::new(),
            too_old: 0,
            not_recovered,
            recovery,
            behind: Duration::ZERO,
            memory,
        })
        .await
    }

    /// Injects the next fault.
    fn inject(&mut self) {
        let Self { server, clients, faults, random, clock_steps, listings, stale_after, .. } = self;
        let Some(pick) = faults::pick(random, *stale_after, listings) else { return };
        if let FaultPick::SetClock(_) | FaultPick::StallSink(_) = pick {
            return self.inject_host_fault(&pick);
        }
        server.intervene(|exchange, now| {
            let Some(id) = random.choice(exchange.ids()) else { return };
            let mut inject = |exchange: &mut Exchange, id: ConnectionId, rule: &FaultRule| {
                let endpoint = exchange.endpoint(id);
                if let Some(client) = clients.iter().position(|c| Some(c.endpoint) == endpoint) {
                    faults.set_owner(id, client);
                    exchange.inject(id, rule, now);
                }
            };
            match pick {
                FaultPick::Scene(rules) => {
                    for rule in &rules {
                        if !rule.kind().is_of_exchange() {
                            inject(exchange, id, rule);
                            continue;
                        }
                        exchange.inject_exchange_fault(rule, now);
                        if let Fault::Clock { by, back_after } = *rule.fault() {
                            // Before anybody can see a message with the new time.
                            let at = exchange.market().wall(exchange.now());
                            clock_steps.add(at, by.get(), back_after);
                        }
                    }
                }
                FaultPick::SetClock(_) | FaultPick::StallSink(_) => {}
                FaultPick::AllConnections(rule) => {
                    let endpoint = exchange.endpoint(id);
                    for other in exchange.ids() {
                        if exchange.endpoint(other) == endpoint {
                            inject(exchange, other, &rule);
                        }
                    }
                }
            }
        });
    }

    /// Sets the clock of a client, or stalls its sink.
    fn inject_host_fault(&mut self, pick: &FaultPick) {
        let Self { clients, faults, random, clock, stale_after, .. } = self;
        let Some(client) = random.choice(clients.iter_mut()) else { return };
        match pick {
            FaultPick::SetClock(nanos) => {
                client.client.clock().set_system_by(*nanos);
                client.ages_from = clock.mono() + *stale_after + STALE_NOTICED;
                faults.clocks_set += 1;
            }
            FaultPick::StallSink(span) => {
                client.stats.stall_sink(*span);
                faults.sinks_stalled += 1;
            }
            FaultPick::Scene(_) | FaultPick::AllConnections(_) => {}
        }
    }

    /// Checks all clients.
    fn check(&mut self) -> Result<(), CliError> {
        let Self { server, clients, faults, clock, stale_after, checked, ages_from, .. } = self;
        let ready = clients.iter().map(ClientUnderTest::is_ready).collect::<Result<Vec<_>, _>>()?;
        server.inspect(|exchange| faults.update(exchange, &ready));
        let mono = clock.mono();
        let bound = *stale_after + STALE_NOTICED;
        if mono.since(*checked) > STALL_THRESHOLD {
            *ages_from = mono + bound;
        }
        *checked = mono;
        for client in clients {
            // The readers of its books can see that its thread stalls.
            if client.client.heartbeat().age() > CLIENT_STALL_THRESHOLD {
                client.ages_from = mono + bound;
            }
            if mono >= *ages_from && mono >= client.ages_from {
                self.too_old += client.too_old(bound);
            }
        }
        Ok(())
    }

    fn report_progress(&self, elapsed: Duration, span: Duration) {
        let count =
            |of: fn(&CheckerStats) -> u64| self.clients.iter().map(|c| of(&c.stats)).sum::<u64>();
        let verified = count(|stats| stats.verified.load(Ordering::Relaxed));
        let wrong = count(|stats| stats.wrong.load(Ordering::Relaxed));
        let faults = self.faults.by_kind.values().map(|of| of.injected).sum::<u64>();
        let (elapsed, span) = (elapsed.as_secs(), span.as_secs());
        let memory = memory::resident().map(|bytes| format!(", {} MiB", bytes >> 20));
        let memory = memory.unwrap_or_default();
        say(format_args!(
            "{elapsed} s of {span} s: {faults} faults, {verified} live books verified, {wrong} wrong\
             {memory}"
        ));
    }

    /// Waits until every book was live and equal to the exchange's own at one time, and the clients
    /// have recovered from every fault. Gives how many books never were, and the time it took.
    async fn wait_for_recovery(
        &mut self,
        interrupt: &mut Interrupt,
    ) -> Result<(usize, Duration), CliError> {
        let began = Instant::now();
        let of = |(at, client): (usize, &ClientUnderTest)| {
            client.client.subscriptions().into_iter().map(move |s| (at, s)).collect::<Vec<_>>()
        };
        let mut waiting: Vec<_> = self.clients.iter().enumerate().flat_map(of).collect();
        while !(waiting.is_empty() && self.faults.open() == 0) && began.elapsed() < RECOVERY_TIMEOUT
        {
            tokio::select! {
                () = interrupt.wait() => break,
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
            self.check()?;
            let clients = &self.clients;
            self.server.inspect(|exchange| {
                waiting.retain(|(at, subscription)| {
                    let client = clients.get(*at);
                    !client.is_some_and(|client| client.is_current(subscription, exchange))
                });
            });
        }
        for (at, subscription) in waiting.iter().take(5) {
            let state = self.clients.get(*at).and_then(|client| client.client.state(subscription));
            say(format_args!("not the exchange's own: {subscription}, {state:?}"));
        }
        if self.faults.open() > 0 {
            self.clients.iter().try_for_each(ClientUnderTest::report_not_ready)?;
        }
        Ok((waiting.len(), began.elapsed()))
    }

    /// Stops everything.
    async fn finish(self, mut report: Report) -> Result<Report, CliError> {
        for ClientUnderTest { endpoint, client, stats: checks, .. } in self.clients {
            let (stats, recording) = (client.stats()?, client.recording());
            // The exchange has to answer meanwhile.
            let _ = tokio::task::spawn_blocking(move || client.stop()).await;
            let recorded = recording.map(|recording| recording.stats());
            let dialect = endpoint.dialect();
            report.clients.push(ClientReport { dialect, checks, stats, recorded });
        }
        report.behind = self.server.behind();
        self.server.shutdown().await;
        (report.faults, report.too_old) = (self.faults, self.too_old);
        Ok(report)
    }
}
