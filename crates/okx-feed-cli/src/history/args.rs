//! The arguments of `history`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::DialectArg;
use crate::connect_args::RestArgs;
use crate::error::CliError;
use crate::time_arg::parse_time;
use okx_feed::model::Bar;
use okx_feed::rest::Module;
use okx_feed::{InstrumentId, Market, UnixNanos};

/// The arguments of `history`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct HistoryArgs {
    /// What to fetch
    #[arg(value_enum)]
    pub(super) what: What,
    /// The protocol
    #[arg(long, value_enum, default_value_t = DialectArg::V5)]
    pub(super) dialect: DialectArg,
    /// The instrument, such as BTC-USDT
    #[arg(long, value_name = "ID")]
    inst_id: Option<String>,
    /// The market, for v3, instruments and files; v3 takes it from the name otherwise
    #[arg(long, value_enum)]
    market: Option<MarketArg>,
    /// The family, such as BTC-USD, which options and the files of derivatives need
    #[arg(long, value_name = "NAME")]
    pub(super) family: Option<String>,
    /// From when: 2026-11-29T12:00:00Z, or a number with a unit, such as 1790380800s.
    /// Without it the newest 500 trades, 300 candles or 2 days of files
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) since: Option<UnixNanos>,
    /// Until when; without it until now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) until: Option<UnixNanos>,
    /// The length of a candle: 1s 1m 3m 5m 15m 30m 1H 2H 4H 6H 12H 1D 2D 3D 1W 1M 3M, and 6Hutc to
    /// 1Mutc. 1m is a minute, 1M a month [default: 1m]
    #[arg(long, value_name = "BAR")]
    bar: Option<Bar>,
    /// The levels a side of a book [default: 400]. Above 400 it has no sequence number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    levels: Option<u32>,
    /// What the files hold [default: trades]
    #[arg(long, value_enum)]
    module: Option<ModuleArg>,
    /// Print rows as JSON, one object a line
    #[arg(long)]
    pub(super) json: bool,
    /// Write rows as JSON to this file. A run that was interrupted goes on where it stopped
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) connect: RestArgs,
}

const AFTER_HELP: &str = "\
Trades and candles come oldest first, each once. Trades are single fills, and their ids grow by one:
a page that lacks one comes from a cache that lags, and is requested again. What is missing after
that is reported, with exit code 1. Candles are those that are over. v3 has the newest 300 trades
(60 on spot) and 1 440 candles only.

Requests keep to the exchange's limits: 1 000 trades or 3 000 candles a second at most. Those that
fail in a way that passes are sent again, for five minutes. Progress goes to standard error.

With --out, rows go to FILE.part, which becomes FILE when all is there. FILE.resume holds the
request: the same command, started again after an interruption of any kind, goes on behind the last
whole row. Without --json and --out, rows are lines for people.

Ctrl-C ends it with what was fetched so far, in whole rows.

Exit code: 0; 1 when rows are missing, and when Ctrl-C ended it early; 2 for wrong usage, when the
exchange refuses the request, and when it failed for too long. A second Ctrl-C ends it at once, with
code 130.

Examples:
  okx-feed history trades --inst-id BTC-USDT
  okx-feed history trades --inst-id BTC-USDT --since 2026-11-29T00:00:00Z --out trades.jsonl
  okx-feed history candles --inst-id BTC-USDT-SWAP --bar 1H --since 2026-01-01T00:00:00Z --json
  okx-feed history book --inst-id BTC-USDT --levels 400 --json
  okx-feed history instruments --market swap
  okx-feed history files --inst-id BTC-USDT --module trades --since 2026-11-20T00:00:00Z
  okx-feed history trades --dialect v3 --rest-url http://127.0.0.1:8443 --inst-id BTC-USD-190517";

/// What to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// Trades, one a fill
    Trades,
    /// Candles that are over
    Candles,
    /// One order book
    Book,
    /// What is listed
    Instruments,
    /// Links to bulk files of days
    Files,
}

/// A market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MarketArg {
    /// Pairs
    Spot,
    /// Perpetual swaps
    Swap,
    /// Futures
    Futures,
    /// Options
    Option,
}

/// What a bulk file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModuleArg {
    /// Trades
    Trades,
    /// Candles of a minute
    Candles,
    /// Funding rates
    FundingRates,
    /// Order books of 400 levels
    Books400,
    /// Order books of 5 000 levels
    Books5000,
}

impl From<ModuleArg> for Module {
    fn from(arg: ModuleArg) -> Self {
        match arg {
            ModuleArg::Trades => Self::Trades,
            ModuleArg::Candles => Self::Candles,
            ModuleArg::FundingRates => Self::FundingRates,
            ModuleArg::Books400 => Self::Books400,
            ModuleArg::Books5000 => Self::Books5000,
        }
    }
}

impl HistoryArgs {
    /// The instrument.
    ///
    /// # Errors
    /// [`CliError::History`] where none was given, or its name is none.
    pub(super) fn inst_id(&self) -> Result<InstrumentId, CliError> {
        let missing = || CliError::History("which instrument? add --inst-id BTC-USDT".to_owned());
        let text = self.inst_id.as_ref().ok_or_else(missing)?;
        InstrumentId::new(text).map_err(|error| CliError::History(format!("{text:?}: {error}")))
    }

    /// The length of a candle.
    pub(super) fn bar(&self) -> Bar {
        self.bar.unwrap_or(Bar::M1)
    }

    /// The levels a side of a book.
    pub(super) fn levels(&self) -> u32 {
        self.levels.unwrap_or(400)
    }

    /// What the files hold.
    pub(super) fn module(&self) -> Module {
        self.module.unwrap_or(ModuleArg::Trades).into()
    }

    /// Refuses what does not apply to what is fetched.
    ///
    /// # Errors
    /// [`CliError::History`] with the option.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let spans = matches!(self.what, What::Trades | What::Candles | What::Files);
        let families = matches!(self.what, What::Instruments | What::Files);
        // A trade, a candle and a book of v5 are named by the instrument alone.
        let markets = families || self.dialect == DialectArg::V3;
        for (option, is_given, applies) in [
            ("--market", self.market.is_some(), markets),
            ("--since", self.since.is_some(), spans),
            ("--until", self.until.is_some(), spans),
            ("--bar", self.bar.is_some(), self.what == What::Candles),
            ("--levels", self.levels.is_some(), self.what == What::Book),
            ("--module", self.module.is_some(), self.what == What::Files),
            ("--family", self.family.is_some(), families),
        ] {
            if is_given && !applies {
                let what = self.what.to_possible_value();
                let what = what.as_ref().map_or("this", |what| what.get_name());
                return Err(CliError::History(format!(
                    "{option} does not apply to {what}; leave it out"
                )));
            }
        }
        Ok(())
    }

    /// The market that was given, or that the instrument's name says, or spot.
    pub(super) fn market(&self) -> Market {
        match self.market {
            Some(MarketArg::Spot) => Market::Spot,
            Some(MarketArg::Swap) => Market::Swap,
            Some(MarketArg::Futures) => Market::Futures,
            Some(MarketArg::Option) => Market::Option,
            None => self.inst_id.as_deref().map_or(Market::Spot, market_of),
        }
    }

    /// Instruments and files are of a family, or of an instrument.
    pub(super) fn family_or_instrument(&self) -> Result<String, CliError> {
        match &self.family {
            Some(family) => Ok(family.clone()),
            None => Ok(self.inst_id()?.to_string()),
        }
    }
}

/// The market that a name says: `BTC-USDT`, `BTC-USD-SWAP`, `BTC-USD-190517`,
/// `BTC-USD-190517-9000-C`.
fn market_of(inst_id: &str) -> Market {
    let parts: Vec<_> = inst_id.split('-').collect();
    match parts.as_slice() {
        [_, _, "SWAP"] => Market::Swap,
        [_, _, _] => Market::Futures,
        [_, _, _, _, ..] => Market::Option,
        _ => Market::Spot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_market() {
        for (name, market) in [
            ("BTC-USDT", Market::Spot),
            ("BTC-USD-SWAP", Market::Swap),
            ("BTC-USD-190517", Market::Futures),
            ("BTC-USD-190517-9000-C", Market::Option),
        ] {
            assert_eq!(market_of(name), market, "{name}");
        }
    }
}
