//! The command: who is started, what happens when, and how it ends.
#![expect(clippy::disallowed_methods, reason = "a soak lasts as long as the clock says")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use tokio::time::{MissedTickBehavior, interval};

use super::clock::ToldClock;
use super::faults::{self, Drawn, Faults};
use super::memory;
use super::report::{ClientReport, Report};
use super::soaked::Soaked;
use super::witness::Verdict;
use crate::duration::parse_duration;
use crate::error::{CliError, Outcome, say};
use crate::exchange;
use crate::interrupt::Interrupt;
use crate::output::Output;
use okx_feed::sim::{
    ConnectionId, Endpoint, Exchange, Fault, FaultRule, Listing, Server, ServerHandle,
};
use okx_feed::{Clock, MonoNanos};

/// The arguments of `soak`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SoakArgs {
    /// How long things go wrong, in minutes
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = parse_minutes)]
    minutes: f64,
    /// Fixes the market and the order of the faults
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many instruments are subscribed in each dialect: two books and trades of each
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    instruments: usize,
    /// Orders, cancels and takers a second over all instruments
    #[arg(long, value_name = "EVENTS", default_value_t = 2_000)]
    rate: u32,
    /// The time between two faults
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = parse_duration)]
    every: Duration,
    /// The silence after which a book is stale. Now and then all connections of a client stand still
    /// for longer
    #[arg(long, value_name = "SPAN", default_value = "3s", value_parser = parse_duration)]
    stale_after: Duration,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Two clients, one of each dialect and each with two lines, follow an exchange inside of the program.
Every few seconds a fault happens to one of their connections: it is dropped, reset, stalled, fed
damaged, giant or missing messages, refused, closed; it goes on and brings no data, or none of one
instrument, with or without pongs and pings; its subscriptions are forgotten, ended, acknowledged and
not served, refused with codes of every kind, or errors name others. Or to the exchange: its clock
jumps, its numbers start anew, it asks for a pause. Or to a client: its clock is set by up to two
hours, its sink does not return for seconds.

Every book that is shown as live is compared with what the exchange had at the book's own time, none
may be live after too long a silence, and no trade may be shown twice. In the end the faults stop, and
every book must be live and the exchange's own.

The report tells how often each fault happened and how long it took until every book of every
connection was live again, as seen every 20 ms; unnoticed are those that took no book away.

Ctrl-C ends the faults early; the report follows all the same.

Exit code: 0 when all was as it must be, 1 when not, 2 for wrong usage.

Examples:
  okx-feed soak --minutes 10 --seed 7
  okx-feed soak --minutes 1 --json | jq .faults";

/// How often the clients are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often standard error hears how things go.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How long everything has to be well again once the faults have stopped.
const HEALING: Duration = Duration::from_secs(90);
/// How late it may be noticed that a book is stale: the client looks once a second.
const STALE_NOTICED: Duration = Duration::from_secs(2);
/// Where this program itself stood still for so long, ages tell nothing until as much time has
/// passed again as a stale book takes to be noticed.
const STOOD_STILL: Duration = Duration::from_millis(500);
/// How old the heartbeat of a client's thread may be for readers to trust its books.
const STOOD_STILL_CLIENT: Duration = Duration::from_millis(1_500);

fn parse_minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.01..=10_000.0).contains(minutes));
    minutes.ok_or_else(|| "give minutes from 0.01 to 10000, such as 1 or 0.5".to_owned())
}

/// Soaks.
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

/// What runs.
struct Soak {
    server: ServerHandle,
    clients: Vec<Soaked>,
    faults: Faults,
    random: fastrand::Rng,
    clock: Clock,
    told: Arc<ToldClock>,
    listings: Vec<Listing>,
    stale_after: Duration,
    /// When it looked last, and from when on ages tell something.
    looked: MonoNanos,
    ages_from: MonoNanos,
    too_old: usize,
}

impl Soak {
    async fn start(args: &SoakArgs) -> Result<Self, CliError> {
        let listings = Listing::generate(args.instruments);
        let mut config = exchange::config(listings.clone(), args.rate, args.seed, false);
        // Else nothing but their numbers would tell a broken book of v5.
        config.v5_checksums = true;
        let mut market = config.market.clone();
        let server = Server::bind("127.0.0.1:0", config).await.map_err(CliError::Start)?.spawn();
        market.start = server.inspect(|exchange| exchange.market().wall(MonoNanos::ZERO));
        let endpoints = [Endpoint::V3, Endpoint::V5Public];
        let (told, stale) = (Arc::new(ToldClock::default()), args.stale_after);
        let clients =
            endpoints.map(|of| Soaked::start(&server, of, &listings, (&market, &told), stale));
        let clients = clients.into_iter().collect::<Result<_, _>>()?;
        let random = fastrand::Rng::with_seed(args.seed);
        let (faults, clock) = (Faults::default(), Clock::start());
        let (looked, ages_from) = (MonoNanos::ZERO, MonoNanos::ZERO);
        let (stale_after, too_old) = (stale, 0);
        Ok(Self {
            server,
            clients,
            faults,
            random,
            clock,
            told,
            listings,
            stale_after,
            looked,
            ages_from,
            too_old,
        })
    }

    async fn run(mut self, args: &SoakArgs) -> Result<Report, CliError> {
        let mut interrupt = Interrupt::listen().map_err(CliError::Start)?;
        let span = Duration::from_secs_f64(args.minutes * 60.0);
        let (began, mut faulted, mut told) = (Instant::now(), Duration::ZERO, Duration::ZERO);
        let mut memory = None;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while began.elapsed() < span {
            tokio::select! {
                () = interrupt.wait() => break,
                _ = looks.tick() => {}
            }
            let elapsed = began.elapsed();
            if elapsed >= faulted + args.every {
                faulted = elapsed;
                self.inject();
            }
            self.look()?;
            if memory.is_none() && elapsed > span / 3 {
                memory = memory::resident();
            }
            if elapsed >= told + TELL_EVERY {
                told = elapsed;
                self.tell(elapsed, span);
            }
        }
        let lasted = began.elapsed();
        let (unhealed, healed) = self.heal(&mut interrupt).await?;
        let memory = memory.zip(memory::resident());
        self.finish(Report {
            seed: args.seed,
            lasted,
            faults: Faults::default(),
            clients: Vec::new(),
            too_old: 0,
            unhealed,
            healed,
            memory,
        })
        .await
    }

    /// Lets something happen.
    fn inject(&mut self) {
        let Self { server, clients, faults, random, told, listings, stale_after, .. } = self;
        let Some(drawn) = faults::draw(random, *stale_after, listings) else { return };
        if let Drawn::ClockSet(_) | Drawn::StandsStill(_) = drawn {
            return self.disturb_host(&drawn);
        }
        server.intervene(|exchange, now| {
            let Some(id) = random.choice(exchange.ids()) else { return };
            let mut strike = |exchange: &mut Exchange, id: ConnectionId, rule: &FaultRule| {
                let endpoint = exchange.endpoint(id);
                if let Some(client) = clients.iter().position(|c| Some(c.endpoint) == endpoint) {
                    faults.aim(id, client);
                    exchange.inject(id, rule, now);
                }
            };
            match drawn {
                Drawn::Once(rules) => {
                    for rule in &rules {
                        if !rule.kind().is_of_exchange() {
                            strike(exchange, id, rule);
                            continue;
                        }
                        exchange.inject_exchange_fault(rule, now);
                        if let Fault::Clock { by, back_after } = *rule.fault() {
                            // Before anybody can see a message with the new time.
                            let at = exchange.market().wall(exchange.now());
                            told.jump(at, by.get(), back_after);
                        }
                    }
                }
                Drawn::ClockSet(_) | Drawn::StandsStill(_) => {}
                Drawn::ToAll(rule) => {
                    let endpoint = exchange.endpoint(id);
                    for other in exchange.ids() {
                        if exchange.endpoint(other) == endpoint {
                            strike(exchange, other, &rule);
                        }
                    }
                }
            }
        });
    }

    /// Sets the clock of a client, or has its sink stand still.
    fn disturb_host(&mut self, drawn: &Drawn) {
        let Self { clients, faults, random, clock, stale_after, .. } = self;
        let Some(client) = random.choice(clients.iter_mut()) else { return };
        match drawn {
            Drawn::ClockSet(nanos) => {
                client.client.clock().set_system_by(*nanos);
                client.ages_from = clock.mono() + *stale_after + STALE_NOTICED;
                faults.clocks_set += 1;
            }
            Drawn::StandsStill(span) => {
                client.verdict.stand_still(*span);
                faults.stood_still += 1;
            }
            Drawn::Once(_) | Drawn::ToAll(_) => {}
        }
    }

    /// Looks at all clients.
    fn look(&mut self) -> Result<(), CliError> {
        let Self { server, clients, faults, clock, stale_after, looked, ages_from, .. } = self;
        let well = clients.iter().map(Soaked::is_well).collect::<Result<Vec<_>, _>>()?;
        server.inspect(|exchange| faults.look(exchange, &well));
        let mono = clock.mono();
        let bound = *stale_after + STALE_NOTICED;
        if mono.since(*looked) > STOOD_STILL {
            *ages_from = mono + bound;
        }
        *looked = mono;
        for soaked in clients {
            // Whose heart does not beat says so itself to who reads its books.
            if soaked.client.heartbeat().age() > STOOD_STILL_CLIENT {
                soaked.ages_from = mono + bound;
            }
            if mono >= *ages_from && mono >= soaked.ages_from {
                self.too_old += soaked.too_old(bound);
            }
        }
        Ok(())
    }

    fn tell(&self, elapsed: Duration, span: Duration) {
        let count =
            |of: fn(&Verdict) -> u64| self.clients.iter().map(|c| of(&c.verdict)).sum::<u64>();
        let judged = count(|verdict| verdict.judged.load(Ordering::Relaxed));
        let wrong = count(|verdict| verdict.wrong.load(Ordering::Relaxed));
        let faults = self.faults.by_kind.values().map(|of| of.injected).sum::<u64>();
        let (elapsed, span) = (elapsed.as_secs(), span.as_secs());
        let memory = memory::resident().map(|bytes| format!(", {} MiB", bytes >> 20));
        let memory = memory.unwrap_or_default();
        say(format_args!(
            "{elapsed} s of {span} s: {faults} faults, {judged} live books judged, {wrong} wrong{memory}"
        ));
    }

    /// Waits until every book was live and the exchange's own at one moment, and every fault is
    /// healed; how many never were.
    async fn heal(&mut self, interrupt: &mut Interrupt) -> Result<(usize, Duration), CliError> {
        let began = Instant::now();
        let of = |(at, soaked): (usize, &Soaked)| {
            soaked.client.subscriptions().into_iter().map(move |s| (at, s)).collect::<Vec<_>>()
        };
        let mut waiting: Vec<_> = self.clients.iter().enumerate().flat_map(of).collect();
        while !(waiting.is_empty() && self.faults.open() == 0) && began.elapsed() < HEALING {
            tokio::select! {
                () = interrupt.wait() => break,
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
            self.look()?;
            let clients = &self.clients;
            self.server.inspect(|exchange| {
                waiting.retain(|(at, subscription)| {
                    !clients.get(*at).is_some_and(|soaked| soaked.is_own(subscription, exchange))
                });
            });
        }
        for (at, subscription) in waiting.iter().take(5) {
            let state = self.clients.get(*at).and_then(|soaked| soaked.client.state(subscription));
            say(format_args!("not the exchange's own: {subscription}, {state:?}"));
        }
        Ok((waiting.len(), began.elapsed()))
    }

    /// Stops everything.
    async fn finish(self, mut report: Report) -> Result<Report, CliError> {
        for soaked in self.clients {
            let (dialect, stats) = (soaked.endpoint.dialect(), soaked.client.stats()?);
            report.clients.push(ClientReport { dialect, verdict: soaked.verdict, stats });
            // The exchange is to answer meanwhile.
            let _ = tokio::task::spawn_blocking(move || soaked.client.stop()).await;
        }
        self.server.shutdown().await;
        (report.faults, report.too_old) = (self.faults, self.too_old);
        Ok(report)
    }
}
