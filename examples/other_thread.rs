//! Reads books and trades on separate threads while the client runs on its own.
//!
//! Readers take no lock and the client never waits for them.
//! `cargo run --release --example other_thread`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::thread;
use std::time::Duration;

use okx_feed::sim::{Endpoint, ExchangeConfig, ServerThread};
use okx_feed::{BookReader, Client, Subscription, TradeReader};

/// Polls for new books and keeps the narrowest spread. A book that is not live is ignored.
fn watch_spread(reader: &BookReader, looks: u32) -> String {
    let (mut seen, mut narrowest) = (0, None);
    for _ in 0..looks {
        if reader.version() != seen {
            seen = reader.version();
            let spread = reader.live().and_then(|book| book.spread());
            narrowest = [narrowest, spread].into_iter().flatten().min();
        }
        thread::sleep(Duration::from_millis(1));
    }
    format!("{seen} books, narrowest spread {narrowest:?}")
}

/// Reads each trade once, in batches. The tape numbers them, so that a miss would be visible.
fn follow_trades(reader: &TradeReader, batches: u32) -> String {
    let (mut next, mut missed) = (0, 0);
    for _ in 0..batches {
        thread::sleep(Duration::from_millis(100));
        for (number, _trade) in reader.since(next) {
            missed += number - next;
            next = number + 1;
        }
    }
    format!("{next} trades, {missed} of them missed, last {:?}", reader.last().map(|t| t.px()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exchange = ServerThread::start("127.0.0.1:0", ExchangeConfig::default())?;
    let feed = Client::v5("BTC-USDT").url(exchange.url(Endpoint::V5Public)).spawn()?;
    let (books, trades): (Subscription, Subscription) =
        ("books5:BTC-USDT".parse()?, "trades:BTC-USDT".parse()?);
    let books = feed.book_reader(&books).ok_or("books are subscribed")?;
    let trades = feed.trade_reader(&trades).ok_or("trades are subscribed")?;

    let spread = thread::spawn(move || watch_spread(&books, 2_000));
    let tape = thread::spawn(move || follow_trades(&trades, 20));
    println!("{}", spread.join().map_err(|_| "the first reader panicked")?);
    println!("{}", tape.join().map_err(|_| "the second reader panicked")?);
    Ok(())
}
