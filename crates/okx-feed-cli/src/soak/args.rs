//! The arguments of `soak`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::args::TransportArg;
use crate::duration::parse_duration;

/// The arguments of `soak`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SoakArgs {
    /// For how long faults happen, in minutes
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = parse_minutes,
          allow_hyphen_values = true)]
    pub(super) minutes: f64,
    /// Fixes the market and the order of the faults
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many instruments are subscribed in each dialect: two books and trades of each
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) instruments: usize,
    /// Orders, cancels and takers a second over all instruments
    #[arg(long, value_name = "EVENTS", default_value_t = 2_000)]
    pub(super) rate: u32,
    /// The time between two faults
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = parse_duration)]
    pub(super) every: Duration,
    /// The silence after which a book is stale. Now and then all connections of a client stall for
    /// longer
    #[arg(long, value_name = "SPAN", default_value = "3s", value_parser = parse_duration)]
    pub(super) stale_after: Duration,
    /// Record what the clients receive to files in this directory
    #[arg(long, value_name = "DIR")]
    pub(super) record: Option<PathBuf>,
    /// Connect over wss://, with a certificate of its own
    #[arg(long)]
    pub(super) tls: bool,
    /// What reads the clients' sockets
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) transport: TransportArg,
    /// Let the clients busy-poll: each needs a core to itself
    #[arg(long, alias = "busy")]
    pub(super) busy_poll: bool,
    /// Read each connection on a thread of its own
    #[arg(long)]
    pub(super) thread_per_connection: bool,
    /// Print the report as one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

const AFTER_HELP: &str = "\
Two clients, one of each dialect and each with two lines, follow an exchange inside of the program.
Every few seconds one of these happens:
  to a connection   it is dropped, reset, stalled, closed or refused; it brings damaged, giant or
                    missing messages; it goes on without data, or without that of one instrument,
                    with or without pongs and pings; its subscriptions are forgotten, ended,
                    acknowledged and not served, too many, or refused with codes of every kind;
                    errors name others
  to the exchange   its clock steps, its sequence numbers are reset, it asks for a pause
  to a client       its clock is set by up to two hours, its sink stalls for seconds

Every book that is shown as live is compared with what the exchange had at the book's own time, none
may be live after too long a silence, and no trade may be shown twice. In the end the faults stop,
and every book must be live and equal to the exchange's own.

The report has how often each fault happened and how long it took until every book of every
connection was live again, as seen every 20 ms; a fault that took no book away is unnoticed.

Ctrl-C ends the faults early; the report follows all the same.

Exit code: 0 when all was as it must be, 1 when not, 2 for wrong usage.

Examples:
  okx-feed soak --minutes 10 --seed 7
  okx-feed soak --minutes 20 --tls --transport direct
  okx-feed soak --minutes 1 --json | jq .faults";

fn parse_minutes(text: &str) -> Result<f64, String> {
    let minutes: Option<f64> = text.parse().ok();
    if minutes.is_some_and(|minutes| minutes < 0.0) {
        return Err(format!("{text:?} is negative; give 0.01 or longer"));
    }
    let minutes = minutes.filter(|minutes| (0.01..=10_000.0).contains(minutes));
    minutes.ok_or_else(|| "give minutes from 0.01 to 10000, such as 1 or 0.5".to_owned())
}
