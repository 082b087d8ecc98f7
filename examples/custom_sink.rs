//! A custom sink: a struct that keeps the spread and the traded volume of each frame.
//!
//! `cargo run --example custom_sink`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use okx_feed::{Decimal, Dialect, Event, EventSink, FeedHandler, Frame, Qty, Side, UnixNanos};

/// The values that a strategy uses.
#[derive(Debug, Default)]
struct Tally {
    bought: Qty,
    sold: Qty,
    widest: Decimal,
}

impl EventSink for Tally {
    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Book(update) => {
                let spread = update.book.spread().unwrap_or_default();
                self.widest = self.widest.max(spread);
            }
            Event::Trade(update) => {
                let total = match update.trade.side() {
                    Side::Buy => &mut self.bought,
                    Side::Sell => &mut self.sold,
                };
                // Exact, or an error: nothing is rounded silently.
                *total = total.checked_add(update.trade.sz()).unwrap_or(*total);
            }
            other => println!("{other:?}"),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut feed = FeedHandler::new(Dialect::V5);
    feed.subscribe("bbo-tbt:BTC-USDT".parse()?)?;
    feed.subscribe("trades:BTC-USDT".parse()?)?;
    let mut tally = Tally::default();
    for text in [
        r#"{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"BTC-USDT"}}"#,
        r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7","0.14","0","3"]],"bids":[["31774.6","0.33","0","3"]],"ts":"1654032991947"}]}"#,
        r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"206","px":"31774.7","sz":"0.10","side":"buy","ts":"1654032991950"}]}"#,
        r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31775","1","0","2"]],"bids":[["31774.6","0.33","0","3"]],"ts":"1654032991957"}]}"#,
    ] {
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos::UNKNOWN, &mut tally)?;
    }
    println!("{tally:?}");
    Ok(())
}
