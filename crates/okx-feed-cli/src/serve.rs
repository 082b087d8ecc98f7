//! `okx-feed serve`: the embedded exchange for any client.

use std::path::PathBuf;
use std::{fs, io};

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::args::{DialectArg, Format};
use super::certificate::{self, Certificate, TlsArg};
use super::error::{CliError, Outcome, say};
use super::exchange::{self, MAX_INSTRUMENTS};
use super::format::{Counted, per_sec};
use super::interrupt::Interrupt;
use super::serve_capture::{self, Playlist};
use okx_feed::sim::{Endpoint, FaultPlan, Listing, ServerThread};
use okx_feed::transport::Clock;
use okx_feed::{Dialect, MonoNanos, Replay};

/// The arguments of `serve`.
#[derive(Args, Debug)]
#[command(after_help = after_help())]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8443")]
    listen: String,
    /// How many instruments are listed
    #[arg(long, value_name = "N", default_value_t = 16,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_INSTRUMENTS))]
    instruments: usize,
    /// Orders, cancels and takers a second over all instruments
    #[arg(long, value_name = "EVENTS", default_value_t = 1_000)]
    rate: u32,
    /// Fixes the market: the same seed gives the same orders
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Push books at every change, not every 100 ms (bbo-tbt: 10 ms) as the real exchange does
    #[arg(long)]
    every_change: bool,
    /// Refuse every login; by default any key is accepted
    #[arg(long)]
    refuse_logins: bool,
    /// Faults to inject, such as 'drop:every=5s;gap:p=0.01,channel=books'; see below
    #[arg(long, value_name = "SPEC", default_value = "")]
    faults: FaultPlan,
    /// Serve this capture in the place of a market, from its start to each client; may be repeated,
    /// in the order of time
    #[arg(long, value_name = "FILE", conflicts_with = "faults")]
    replay: Vec<PathBuf>,
    /// With --replay, play so many times as fast as recorded
    #[arg(long, value_name = "X", default_value_t = 1.0, requires = "replay",
          value_parser = parse_speed)]
    speed: f64,
    /// With --replay, the protocol; needed where the capture is not of `okx-feed record`
    #[arg(long, value_enum, requires = "replay")]
    dialect: Option<DialectArg>,
    /// With --replay, the form of the lines; default: by the name, or by the first line
    #[arg(long = "form", alias = "format", value_name = "FORM", value_enum, requires = "replay")]
    format: Option<Format>,
    /// Speak TLS (wss://) with a certificate that is made at the start
    #[arg(long, value_name = "CERTIFICATE", value_enum)]
    tls: Option<TlsArg>,
    /// Write the issuer's certificate to this file, for `watch --ca-file`
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,
}

const INTRODUCTION: &str = "\
Serves made-up markets in plain text (ws://) or over TLS, without limits but those of the real
exchange, to any client of the v3 or v5 protocol: at /ws/v3, /ws/v5/public, /ws/v5/business
(trades-all, candles, spreads, block trades) and /ws/v5/public-sbe (SBE, with a login), and with the
REST interface at /api/ of the same port. The addresses and some names go to standard error. Ctrl-C
ends it, with a proper close to each client.

With --replay it serves a capture instead: each connection gets, from the capture's start and at its
pace, the recorded frames of what it subscribes. It gets those of one of the recorded lines: the
first connection those of the first line, the second those of the second, so a client with as many
lines as were recorded (`record --lines 2`) gets all. It answers requests itself. An order book that
the client resynchronises comes back with the capture's next snapshot. At the end the connection is
closed. Where the capture lacks lines, standard error says so.";

const EXAMPLES: &str = "\
Exit code: 0 when it was ended, 2 when it could not listen and for wrong usage.

Examples:
  okx-feed serve
  okx-feed serve --listen 127.0.0.1:0 --rate 50000 --instruments 1000 --every-change
  okx-feed serve --faults 'drop:every=10s;gap:p=0.001,channel=books;corrupt:p=0.001'
  okx-feed serve --faults 'silence:at=10s'          data stops on every connection after 10 s
  okx-feed serve --faults 'silence:at=10s,on=any;wsping:every=5s'   a proxy before a dead exchange
  okx-feed serve --faults 'unsub:at=10s,inst=BTC-USDT;error:code=60018,inst=BTC-USDT,times=3'
  okx-feed serve --faults 'list:at=10s,inst=NEW-USDT-SWAP;delist:at=20s,inst=ETH-USDT-SWAP'
  okx-feed serve --faults 'lag:p=0.1,by=5s;holes:p=0.1;deny:p=0.05'    REST caches that lag
  okx-feed serve --replay capture.tsv.zst --speed 10        a recorded market, to any client
  okx-feed serve --tls expired --ca-out ca.pem
  okx-feed watch --url ws://127.0.0.1:8443/ws/v5/public books5:BTC-USDT trades:BTC-USDT";

fn after_help() -> String {
    format!("{INTRODUCTION}\n\n{}\n\n{EXAMPLES}", FaultPlan::help())
}

/// How many prints the REST interface has, over all instruments: 56 MB.
const HISTORY: usize = 1_000_000;

/// The instruments that are named at the start.
const NAMED: usize = 8;

/// Serves until Ctrl-C.
///
/// # Errors
/// If the address can't be listened on.
pub(crate) fn run(args: &ServeArgs) -> Result<Outcome, CliError> {
    if !args.replay.is_empty() {
        return serve_capture(args);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;
    let listings = Listing::generate(args.instruments);
    let all = exchange::with_spread(listings.clone());
    let mut config = exchange::config(all, args.rate, args.seed, args.every_change);
    config.faults = args.faults.clone();
    config.accept_logins = !args.refuse_logins;
    config.market.history = HISTORY;
    let server = match certificate(args)? {
        None => ServerThread::start(args.listen.clone(), config),
        Some(made) => ServerThread::start_tls(args.listen.clone(), config, made.chain, made.key),
    };
    let server = server.map_err(|source| CliError::Listen { addr: args.listen.clone(), source })?;
    greet(args, &server, &listings);
    let clock = Clock::start();
    runtime.block_on(interrupt.wait());
    let events = server.inspect(|exchange| exchange.market().events());
    drop(server);
    let elapsed = clock.mono().since(MonoNanos::ZERO);
    let (secs, rate) = (elapsed.as_secs_f64(), per_sec(events, elapsed));
    say(format_args!(
        "okx-feed serve: ended after {secs:.1} s, {rate} market events/s of {} asked for",
        args.rate
    ));
    Ok(Outcome::Clean)
}

/// Serves captures until Ctrl-C.
fn serve_capture(args: &ServeArgs) -> Result<Outcome, CliError> {
    let dialect = match args.dialect {
        Some(dialect) => dialect.into(),
        None => {
            let mut replay = Replay::builder().files(args.replay.iter().cloned());
            if let Some(format) = args.format {
                replay = replay.form(format.into());
            }
            replay.open()?.dialect()
        }
    };
    let playlist = Playlist::new(args.replay.clone(), args.format, dialect, args.speed)?;
    serve_capture::run(&args.listen, playlist, certificate(args)?.as_ref())
}

/// The certificate that was asked for; its issuer's is in its file then.
fn certificate(args: &ServeArgs) -> Result<Option<Certificate>, CliError> {
    let Some(tls) = args.tls else { return Ok(None) };
    let made = certificate::make(tls, &args.listen);
    let made = made.map_err(|error| CliError::Start(io::Error::other(error)))?;
    if let Some(path) = &args.ca_out {
        let write = fs::write(path, &made.ca);
        write.map_err(|source| CliError::Save { path: path.clone(), source })?;
    }
    Ok(Some(made))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| *speed > 0.0 && speed.is_finite());
    speed.ok_or_else(|| format!("{text:?} is not a number above 0"))
}

/// Prints the addresses of the exchange and commands to watch it.
fn greet(args: &ServeArgs, server: &ServerThread, listings: &[Listing]) {
    if !server.local_addr().ip().is_loopback() {
        say(format_args!(
            "warning: {} can be reached from other machines, with no {}password",
            server.local_addr(),
            if args.tls.is_some() { "" } else { "TLS and no " }
        ));
    }
    let (instruments, rate) = (Counted(listings.len() as u64, "instrument"), args.rate);
    say(format_args!("okx-feed serve: {instruments}, {rate} market events/s, seed {}", args.seed));
    let Some(first) = listings.first() else { return };
    let (Ok([v3, _]), Ok([v5, trades])) =
        (exchange::channels(Dialect::V3, first), exchange::channels(Dialect::V5, first))
    else {
        return;
    };
    let url = server.url(Endpoint::V5Public);
    say(format_args!("  v3  {:42} {v3}", server.url(Endpoint::V3)));
    say(format_args!("  v5  {url:42} {v5}"));
    let business = server.url(Endpoint::V5Business);
    say(format_args!("  v5  {business:42} trades-all:{}", first.inst_id()));
    let rest = server.rest_url();
    say(format_args!("  REST  {rest}"));
    let names: Vec<&str> = listings.iter().take(NAMED).map(|l| l.inst_id().as_str()).collect();
    let more = match listings.len() - names.len() {
        0 => String::new(),
        more => format!(" and {} more", more),
    };
    say(format_args!("  instruments: {}{more}", names.join(", ")));
    let ca_file = args.ca_out.as_ref().map(|path| format!(" --ca-file {}", path.display()));
    let ca_file = ca_file.unwrap_or_default();
    say(format_args!("  look at it:  okx-feed watch --url {url}{ca_file} {v5} {trades}"));
    say(format_args!(
        "  its history: okx-feed history trades --rest-url {rest}{ca_file} --inst-id {}",
        first.inst_id()
    ));
    say(format_args!("  Ctrl-C ends it"));
}
