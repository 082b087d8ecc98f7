//! One strategy, live and in a backtest: `cargo run --example backtest --features capture,sim`.
//!
//! It runs on a client that is recorded, and then, unchanged, on the recording. Both give the same
//! result. With captures as arguments it runs on those:
//! `cargo run --release --example backtest --features capture,sim -- capture/*.tsv.zst`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use okx_feed::sim::{Endpoint, ExchangeConfig, PushIntervals, ServerThread};
use okx_feed::{Client, Dialect, Event, EventSink, Replay, Side};

/// Counts how often a trade takes the side that is thinner in the book.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Strategy {
    /// Whether the asks are thinner at the best level; `None` before the first book.
    asks_are_thin: Option<bool>,
    right: u64,
    pub(crate) trades: u64,
}

impl EventSink for Strategy {
    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Book(update) => {
                let best = update.book.best_ask().zip(update.book.best_bid());
                self.asks_are_thin = best.map(|(ask, bid)| ask.sz() < bid.sz());
            }
            Event::Trade(update) => {
                let takes_asks = update.trade.side() == Side::Buy;
                self.right += u64::from(self.asks_are_thin == Some(takes_asks));
                self.trades += 1;
            }
            _ => {}
        }
    }
}

/// A strategy that the main thread looks at while a client has it.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Strategy>>);

impl Shared {
    fn result(&self) -> Strategy {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for Shared {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on_event(event);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if !files.is_empty() {
        println!("backtest: {:?}", backtest(files)?);
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("okx-feed-backtest-{}", std::process::id()));
    let (live, replayed) = live_and_replayed(&folder)?;
    println!("live:     {live:?}");
    println!("backtest: {replayed:?}");
    std::fs::remove_dir_all(&folder)?;
    match live == replayed {
        true => Ok(()),
        false => Err("the backtest differs".into()),
    }
}

/// Runs the strategy on a client, and again on what that has recorded to a folder.
pub(crate) fn live_and_replayed(folder: &Path) -> Result<(Strategy, Strategy), Box<dyn Error>> {
    let live = run_live(folder)?;
    let files = std::fs::read_dir(folder)?.map(|file| Ok(file?.path()));
    Ok((live, backtest(files.collect::<Result<Vec<_>, std::io::Error>>()?)?))
}

/// Runs the strategy on an exchange inside this process for two seconds, and records it.
fn run_live(folder: &Path) -> Result<Strategy, Box<dyn Error>> {
    let config = ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    let server = ServerThread::start("127.0.0.1:0", config)?;
    let strategy = Shared::default();
    let client = Client::builder(Dialect::V5)
        .url(server.url(Endpoint::V5Public))
        .subscribe("books5:BTC-USDT")
        .subscribe("trades:BTC-USDT")
        .record(folder)
        .sink(strategy.clone())
        .spawn()?;
    std::thread::sleep(Duration::from_secs(2));
    client.stop();
    Ok(strategy.result())
}

/// Runs the strategy on captures.
fn backtest<P: Into<PathBuf>>(files: Vec<P>) -> Result<Strategy, Box<dyn Error>> {
    let strategy = Shared::default();
    Replay::builder().files(files).sink(strategy.clone()).open()?.run()?;
    Ok(strategy.result())
}
