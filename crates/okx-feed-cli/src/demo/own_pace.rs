//! The latency at the exchange's own pace, with caches that grow cold between two frames.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::CliError;
use crate::exchange;
use crate::interrupt::Interrupt;
use okx_feed::sim::{Listing, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{Client, ClientStats, Dialect, Subscription};

/// The longest time of a run, and of the connection before it.
const LONGEST: Duration = Duration::from_secs(3);
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);
/// The market events a second. They make about 40 trades a second and, with the books of four
/// instruments every 100 ms at most, about 80 frames: the rate of the real exchange for four
/// instruments.
const EVENTS_PER_SEC: u32 = 160;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A run of the client at the exchange's own pace.
#[derive(Debug)]
pub(super) struct OwnPace {
    /// Whether the client busy-polled.
    pub(super) busy_poll: bool,
    /// How long frames came.
    pub(super) span: Duration,
    pub(super) stats: ClientStats,
}

/// How long one of the runs takes beside a demonstration of this length.
pub(super) fn span(duration: Duration) -> Duration {
    LONGEST.min(duration / 2)
}

/// Runs a client against an exchange that pushes as seldom as the real one does; `None` if it was
/// interrupted.
///
/// # Errors
/// If no port or thread is available.
pub(super) async fn measure(
    (dialect, listings): (Dialect, &[Listing]),
    subscriptions: &[Subscription],
    seed: u64,
    (busy_poll, span): (bool, Duration),
    interrupt: &mut Interrupt,
) -> Result<Option<OwnPace>, CliError> {
    let config = exchange::config(listings.to_vec(), EVENTS_PER_SEC, seed, false);
    let exchange = ServerThread::start("127.0.0.1:0", config).map_err(CliError::Start)?;
    let url = exchange.url(exchange::endpoint(dialect));
    let builder = Client::builder(dialect).url(url).proxy(Proxy::Direct);
    let builder = builder.subscriptions(subscriptions.to_vec());
    let client = if busy_poll { builder.busy_poll().spawn()? } else { builder.spawn()? };
    let mut waited = Duration::ZERO;
    while !client.health().is_whole() && waited < CONNECTS_WITHIN {
        sleep(LOOK_EVERY).await;
        waited += LOOK_EVERY;
    }
    tokio::select! {
        () = interrupt.wait() => return Ok(None),
        () = sleep(span) => {}
    }
    let stats = client.stats()?;
    client.stop();
    Ok(Some(OwnPace { busy_poll, span, stats }))
}
