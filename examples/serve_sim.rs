//! Serves the embedded exchange: `cargo run --release --example serve_sim [ADDR] [EVENTS_PER_SEC]
//! [INSTRUMENTS] [every | grid] [FAULTS]`; with `every`, books are pushed at every change. Faults
//! are a text such as `drop:every=5s;corrupt:p=0.001`.

use std::error::Error;

use okx_feed::sim::{ExchangeConfig, Listing, PushIntervals, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:8443".to_owned());
    let mut config = ExchangeConfig::default();
    if let Some(rate) = args.next() {
        config.market.events_per_sec = rate.parse()?;
    }
    if let Some(count) = args.next() {
        config.market.listings = Listing::generate(count.parse()?);
        config.market.depth = 25;
    }
    if args.next().as_deref() == Some("every") {
        config.intervals = PushIntervals::EVERY_CHANGE;
    }
    if let Some(faults) = args.next() {
        config.faults = faults.parse()?;
    }
    let server = Server::bind(addr, config).await?;
    eprintln_addr(&server);
    server.run().await;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a program tells its user where it listens")]
fn eprintln_addr(server: &Server) {
    eprintln!("ws://{0}/ws/v3 and ws://{0}/ws/v5/public", server.local_addr());
}
