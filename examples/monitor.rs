//! Watches the best bid and ask of a future, once a second, until Ctrl-C.
//!
//! The exchange no longer speaks v3. Without an argument the example starts an embedded one:
//! `cargo run --release --example monitor [ws://127.0.0.1:8443/ws/v3]`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use okx_feed::sim::{Endpoint, ExchangeConfig, ServerThread};
use okx_feed::{Client, Event, Market};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exchange = ServerThread::start("127.0.0.1:0", ExchangeConfig::default())?;
    let url = std::env::args().nth(1).unwrap_or_else(|| exchange.url(Endpoint::V3));

    let feed = Client::v3(Market::Futures, "BTC-USD-190517")
        .url(url)
        // Not needed to read the book: it is called for each event, on the feed's own thread.
        .on_event(|event| {
            if let Event::State(change) = event {
                println!("{} is {}", change.subscription, change.to);
            }
        })
        .spawn()?;

    loop {
        std::thread::sleep(Duration::from_secs(1));
        match feed.book().top() {
            Some((ask, bid)) => {
                println!("bid {} x {}   ask {} x {}", bid.px(), bid.sz(), ask.px(), ask.sz());
            }
            None => println!("no book yet"),
        }
    }
}
