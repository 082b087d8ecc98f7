//! `okx-feed watch`: live channels of any exchange that speaks one of the two protocols.

mod nats;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedI64ValueParser;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::args::ProtocolArg;
use super::channels;
use super::connect_args::{ConnectArgs, LoginArgs};
use super::disconnect_log::DisconnectLog;
use super::duration::parse_duration;
use super::endpoints::EndpointArgs;
use super::error::{CliError, Outcome, say};
use super::event_writer::{EventWriter, News, Style};
use super::format::Printable;
use super::interrupt::Interrupt;
use super::monitor::{Monitor, STATS_EVERY};
use super::nats_args::NatsArgs;
use super::pipe::{CLOSE_TIMEOUT, Pipe};
use super::progress::{Progress, Share};
use super::report::Summary;
use super::screen::is_drawable;
#[cfg(unix)]
use super::segment::{parse_mode, segment};
use super::view::{DRAW_EVERY, Header, LiveView};
use okx_feed::publish::DepthSnapshot;
#[cfg(unix)]
use okx_feed::publish::shm::ShmSink;
use okx_feed::transport::without_user;
use okx_feed::{Book5, Client, ClientConfig, Dialect};
use okx_feed_export::Feeds;
use okx_feed_export::json::write_schema;

/// The arguments of `watch`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP, group = nats::without())]
pub(crate) struct WatchArgs {
    /// The protocol
    #[arg(long, value_enum, default_value_t = ProtocolArg::V5)]
    dialect: ProtocolArg,
    /// With --dialect sbe, the instruments' codes: an answer of GET /api/v5/public/instruments. By
    /// default the lists of the REST interface
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// Print events as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// With --json, begin with a line that names the version: {"schema":"okx-feed/1",..}
    #[arg(long, requires = "json")]
    schema: bool,
    /// Stop after so many books and trades; other events are not counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop after so long: 500ms, 10s, 2m
    #[arg(long, value_name = "SPAN", value_parser = parse_duration,
          allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// End with code 2 once the exchange has refused every channel for so long. Until then each is
    /// requested again, since an instrument may be about to be listed
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = parse_duration,
          allow_hyphen_values = true)]
    refused_for: Duration,
    /// Show so many levels a side of each book, 1 to 25; five-level channels have five. By default
    /// five are printed, and as many drawn as the window has room for
    #[arg(long, value_name = "N", value_parser = levels_parser())]
    depth: Option<u8>,
    #[command(flatten)]
    login: LoginArgs,
    /// Also publish to other processes: a segment of this name in /dev/shm, or a path with a slash
    #[cfg(unix)]
    #[arg(long, value_name = "NAME")]
    shm: Option<PathBuf>,
    /// Who may read the segment, as an octal mode: 640 is also the file's group
    #[cfg(unix)]
    #[arg(long, value_name = "MODE", requires = "shm", default_value = "600",
          value_parser = parse_mode)]
    shm_mode: u32,
    /// Never sleep while connected: a core of its own for shorter latencies
    #[arg(long, alias = "busy")]
    busy_poll: bool,
    /// Read each connection on a thread of its own
    #[arg(long)]
    thread_per_connection: bool,
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    endpoints: EndpointArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What to subscribe, as the dialect's documents write it
    #[arg(value_name = "CHANNEL", required = true)]
    channels: Vec<String>,
}

const AFTER_HELP: &str = "\
Channels:
  v5   CHANNEL:INSTRUMENT          books5 bbo-tbt trades trades-all books books-l2-tbt
                                   books50-l2-tbt books-rpi books-elp
       CHANNEL:CONDITIONS          of all instruments that fit, those that are listed later too:
                                   an id with *, type=SWAP, family=BTC-USD, state=live, with
                                   commas between them; see okx-feed instruments --help
  v3   MARKET/CHANNEL:INSTRUMENT   depth5 trade depth depth_l2_tbt, of spot swap futures option

On a terminal the books and trades are drawn in place: the arrow keys choose an instrument, the
space bar pauses, `q` or Ctrl-C ends it. Elsewhere each event is a line, with --json an object:
those of `okx-feed decode --help` and docs/JSON.md, with \"ts_recv_ns\", the time of receipt in
nanoseconds since 1970, in the place of \"line\", --depth levels a side, and one more:
  {\"ts_recv_ns\":1,\"event\":\"state\",\"channel\":..,\"inst_id\":..,\"from\":..,\"to\":..}
States: connecting, awaiting_snapshot, live, stale, resyncing, down_rejected, down_unsubscribed,
down_stopped. Only a live book is the exchange's own. A reader that falls 64 MiB behind misses
events and gets {\"ts_recv_ns\":1,\"event\":\"missed\",\"count\":..} in their place.

With --dialect sbe, trades, bbo-tbt and books-l2-tbt come in SBE on a path of its own, which needs
--login; their events are the same. Everything else is as with v5.

trades-all is served on another path than the other channels of v5. A --url that ends in
/ws/v5/public or /ws/v5/business means both, and a connection is made to each that is needed.

It reconnects for as long as it runs, and reports failures on standard error. A summary goes to
standard error.

A subscription that the exchange refuses is reported on standard error and requested again, at
pauses that grow from a second to a minute.

With --nats, the options of a connection to the exchange, of metrics, the page and segments are
wrong usage. Gaps are reported on standard error.

Exit code: 0; 1 when a frame was malformed, an event was missed, or the messages are of the other
dialect; 2 for wrong usage, when every channel was refused for --refused-for or at the end of
--duration, and when --duration ended before any connection was open.

Examples:
  okx-feed watch books5:BTC-USDT trades:BTC-USDT
  okx-feed watch --depth 20 books:BTC-USDT trades:BTC-USDT
  okx-feed watch books5:BTC-USDT trades-all:BTC-USDT       two paths of the exchange
  okx-feed watch 'books5:*-USDT-SWAP'                      follows listings and delistings
  okx-feed watch --region eea --demo books5:BTC-USDT
  okx-feed watch --proxy socks5://127.0.0.1:1080 books5:BTC-USDT
  okx-feed watch --login books-l2-tbt:BTC-USDT             v5's tick-by-tick books need a login
  okx-feed watch --dialect sbe --login bbo-tbt:BTC-USDT    v5's binary encoding
  okx-feed watch --nats nats://127.0.0.1:4222 'md.okx.v5.books5.*'     what others publish
  okx-feed watch --shm okx books5:BTC-USDT                 for other processes of the machine
  okx-feed watch --web 127.0.0.1:9465 books5:BTC-USDT      a page for a browser
  okx-feed watch --json --duration 1m bbo-tbt:BTC-USDT-SWAP > bbo.jsonl
  okx-feed watch --json --count 100 trades:BTC-USDT | jq -r 'select(.event == \"trade\").px'
  okx-feed watch --url ws://127.0.0.1:8443/ws/v3 --dialect v3 futures/depth5:BTC-USD-190517";

/// The most notices that are shown below the picture.
const MAX_NOTICES: usize = 3;

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By the user: Ctrl-C or `q`.
    Asked,
    /// The requested number of events was received.
    Enough,
    /// The time is over.
    Elapsed,
    /// Every channel was refused.
    Refused,
    /// Standard output takes no more.
    Closed,
    /// The messages are of the other dialect.
    OtherDialect(Dialect),
}

/// Watches channels until the user or a limit ends it.
///
/// # Errors
/// If a channel, the URL or the CA file is wrong, if the exchange sent nothing, or if writing to
/// standard output failed.
pub(crate) fn run(args: &WatchArgs) -> Result<Outcome, CliError> {
    let dialect = args.dialect.dialect();
    if let Some(server) = args.nats.server()? {
        return nats::watch(args, server);
    }
    let (selections, others) = channels::selections(dialect, &args.channels)?;
    let subscriptions = channels::parse(dialect, &others)?;
    let mut config = ClientConfig::new(dialect);
    args.connect.change(&mut config);
    let url = without_user(&config.address()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;

    let depth = args.depth.map(usize::from);
    let drawn = !args.json && is_drawable();
    let pipe = if drawn { None } else { Some(Pipe::start()?) };
    let style = if args.json { Style::Json } else { Style::Lines };
    if let Some(pipe) = pipe.as_ref().filter(|_| args.schema) {
        pipe.writer().event(|buf| write_schema(buf, "watch", args.dialect.name()), |_, _| {});
    }
    let news = Arc::new(News::default());
    let sink = EventWriter {
        out: pipe.as_ref().map(|pipe| (pipe.writer(), style)),
        depth: depth.unwrap_or(Book5::LEVELS),
        left: args.count,
        news: Arc::clone(&news),
        dialect,
        has_data: false,
        refusal: String::new(),
    };
    let mut builder = Client::builder(dialect).subscriptions(subscriptions.clone());
    let follows = !selections.is_empty();
    builder = builder.selections(selections);
    if args.dialect == ProtocolArg::Sbe {
        builder = builder.sbe(args.connect.codes(args.instruments.as_deref())?);
    }
    builder = args.connect.apply(builder);
    if args.busy_poll {
        builder = builder.busy_poll();
    }
    builder = builder.configure(|config| {
        config.thread.per_connection = args.thread_per_connection;
    });
    if let Some(credentials) = args.login.credentials()? {
        builder = builder.login(credentials);
    }
    #[cfg(unix)]
    let client = match &args.shm {
        Some(name) => {
            let (writer, path) = segment(name, args.shm_mode)?;
            say(format_args!("okx-feed watch: publishing to {}", path.display()));
            builder.sink(ShmSink::new(writer, sink)).spawn()?
        }
        None => builder.sink(sink).spawn()?,
    };
    #[cfg(not(unix))]
    let client = builder.sink(sink).spawn()?;
    let report = |text: &str| say(format_args!("okx-feed watch: {text}"));
    let _endpoints = args.endpoints.start(&Feeds::one(client.reader()), report)?;
    let mut watch = Watch {
        monitor: Monitor::new(client, &subscriptions, follows)?,
        header: Header { command: "watch", dialect, url: &url, duration: args.duration, depth },
        refused_for: args.refused_for,
        refused_since: None,
        logins_refused: 0,
        disconnects: DisconnectLog::default(),
        notices: Vec::new(),
        view: if drawn { LiveView::open_if_terminal() } else { None },
    };
    let end = runtime.block_on(watch.follow(&news, pipe.as_ref(), &mut interrupt))?;
    watch.finish(end, pipe)
}

/// Accepts at most the number of levels that are published to other threads.
fn levels_parser() -> RangedI64ValueParser<u8> {
    let most = i64::try_from(DepthSnapshot::LEVELS).unwrap_or(i64::MAX);
    RangedI64ValueParser::new().range(1..=most)
}

/// A running watch.
struct Watch<'a> {
    monitor: Monitor,
    header: Header<'a>,
    /// How long every channel may be refused, and since when all of them are.
    refused_for: Duration,
    refused_since: Option<Duration>,
    logins_refused: u64,
    disconnects: DisconnectLog,
    notices: Vec<String>,
    view: Option<LiveView>,
}

impl Watch<'_> {
    async fn follow(
        &mut self,
        news: &News,
        pipe: Option<&Pipe>,
        interrupt: &mut Interrupt,
    ) -> Result<End, CliError> {
        let mut ticks = interval(if self.view.is_some() { DRAW_EVERY } else { STATS_EVERY });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connecting = Progress::start("watch");
        let mut end = std::pin::pin!(sleep(self.header.duration.unwrap_or(Duration::MAX)));
        let closed = async {
            match pipe {
                Some(pipe) => pipe.failed().await,
                None => std::future::pending().await,
            }
        };
        let mut closed = std::pin::pin!(closed);
        loop {
            tokio::select! {
                () = interrupt.wait() => return Ok(End::Asked),
                () = &mut closed => return Ok(End::Closed),
                () = &mut end => return Ok(End::Elapsed),
                () = news.changed.notified() => {}
                _ = ticks.tick() => {}
            }
            if news.enough() {
                return Ok(End::Enough);
            }
            if let Some(other) = news.other_dialect() {
                return Ok(End::OtherDialect(other));
            }
            for text in news.take_rejections() {
                self.notice(text);
            }
            if self.is_refused_for_long() {
                return Ok(End::Refused);
            }
            self.monitor.refresh()?;
            self.note_login();
            if let Some(text) = self.disconnects.news(self.header.url, self.monitor.stats()) {
                self.notice(text);
            }
            let (open, all) = self.monitor.connections();
            if self.view.is_none() && open < all && self.monitor.stats().losses == 0 {
                let done = Share { done: open as u64, of: all as u64 };
                connecting.at(done, || format!("{open} of {all} connections"));
            }
            let Self { view, monitor, header, notices, .. } = self;
            if let Some(view) = view
                && !view.refresh(monitor, header, notices)
            {
                return Ok(End::Asked);
            }
        }
    }

    /// Whether the exchange has refused every channel for the permitted time.
    fn is_refused_for_long(&mut self) -> bool {
        let now = self.monitor.elapsed();
        let since = self.refused_since.unwrap_or(now);
        self.refused_since = self.monitor.all_refused().then_some(since);
        self.refused_since.is_some() && now.saturating_sub(since) >= self.refused_for
    }

    /// Reports a refused login: the first, and then each time that the number has doubled.
    fn note_login(&mut self) {
        let stats = self.monitor.stats();
        if stats.logins_refused < (2 * self.logins_refused).max(1) {
            return;
        }
        self.logins_refused = stats.logins_refused;
        let why = Printable(stats.last_login_refusal.as_deref().unwrap_or("no reason was given"));
        let text = format!("the login is refused: {why}; see --region and --demo");
        self.notice(text);
    }

    fn notice(&mut self, text: String) {
        if self.view.is_none() {
            say(format_args!("okx-feed: {text}"));
        }
        if self.notices.len() == MAX_NOTICES {
            self.notices.remove(0);
        }
        self.notices.push(text);
    }

    /// Stops the client, prints the rest, and determines the exit code.
    fn finish(mut self, end: End, pipe: Option<Pipe>) -> Result<Outcome, CliError> {
        if self.view.take().is_some() {
            // They were on the screen, which is restored now.
            self.notices.iter().for_each(|text| say(format_args!("okx-feed: {text}")));
        }
        let elapsed = self.monitor.elapsed();
        let stats = self.monitor.fetch()?.clone();
        if let Some(text) = self.disconnects.news(self.header.url, &stats) {
            say(format_args!("okx-feed: {text}"));
        }
        self.note_login();
        self.monitor.stop();
        let missed = pipe.map_or(Ok(0), |pipe| pipe.close(CLOSE_TIMEOUT))?;
        say(format_args!("okx-feed watch: {}", Summary { stats: &stats, elapsed }));
        if missed > 0 {
            say(format_args!(
                "okx-feed watch: {missed} events were not printed, since the reader of standard \
                 output is too slow"
            ));
        }
        match end {
            End::OtherDialect(other) => {
                say(format_args!(
                    "okx-feed watch: the messages are of {other}; add --dialect {other} and write \
                     the channels as {other} does, or give the --url of an exchange that speaks {}",
                    self.header.dialect
                ));
                Ok(Outcome::Malformed)
            }
            End::Refused => Err(CliError::AllRefused),
            End::Elapsed if self.refused_since.is_some() => Err(CliError::AllRefused),
            End::Elapsed if stats.connects == 0 => {
                Err(CliError::NeverConnected { url: self.header.url.to_owned() })
            }
            _ if missed > 0 || stats.feed.malformed() > 0 => Ok(Outcome::Malformed),
            _ => Ok(Outcome::Clean),
        }
    }
}
