//! Snapshots of order books in SBE, several at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::connection_id::ConnectionId;
use super::error::ClientError;
use crate::model::{InstrumentId, MonoNanos, Subscription};
use crate::rest::{Reply, Request, RestClient, RestConfig};
use crate::transport::Clock;

/// How many requests are on their way at once. A reply of 16 kB takes about a round trip.
const AT_ONCE: usize = 8;

/// The exchange answers ten requests in ten seconds for an instrument from one address.
///
/// Source: `docs/PROTOCOL.md` 12.5.
const MAX_REQUESTS: usize = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// A snapshot in SBE that a connection asks for.
#[derive(Debug)]
pub(super) struct SnapshotAsk {
    pub(super) of: SnapshotOf,
    pub(super) request: Request,
}

/// Whose a snapshot in SBE is: the connection, the order book, and the number of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct SnapshotOf {
    pub(super) connection: ConnectionId,
    pub(super) subscription: Subscription,
    pub(super) id: u64,
}

/// When the snapshots of each instrument were requested last. Connections do not know of each
/// other, and redundant lines ask for the same.
#[derive(Debug, Default)]
struct SnapshotLimits(HashMap<InstrumentId, Vec<MonoNanos>>);

impl SnapshotLimits {
    /// Whether a snapshot may be requested at `now`; then it counts.
    fn admit(&mut self, inst_id: InstrumentId, now: MonoNanos) -> bool {
        let sent = self.0.entry(inst_id).or_default();
        sent.retain(|at| now.since(*at) < WINDOW);
        let is_free = sent.len() < MAX_REQUESTS;
        if is_free {
            sent.push(now);
        }
        is_free
    }
}

/// Starts the threads that request snapshots, as long as the sender lives and `reply` returns true.
///
/// # Errors
/// [`ClientError::Rest`] where a REST client can't be set up, [`ClientError::Thread`].
pub(super) fn start(
    config: &RestConfig,
    reply: &(impl Fn(SnapshotOf, Vec<u8>) -> bool + Clone + Send + 'static),
) -> Result<mpsc::Sender<SnapshotAsk>, ClientError> {
    let (asks, receiver) = mpsc::channel();
    let (receiver, limits) = (Arc::new(Mutex::new(receiver)), Arc::new(Mutex::default()));
    let clock = Clock::start();
    for n in 0..AT_ONCE {
        let client = RestClient::new(config)?;
        let (receiver, limits) = (Arc::clone(&receiver), Arc::clone(&limits));
        let (reply, clock) = (reply.clone(), clock.clone());
        let fetch = move || {
            loop {
                let ask = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(SnapshotAsk { of, request }) = ask else { return };
                let inst_id = *of.subscription.inst_id();
                let limits: &Mutex<SnapshotLimits> = &limits;
                let mut limits = limits.lock().unwrap_or_else(PoisonError::into_inner);
                let is_free = limits.admit(inst_id, clock.mono());
                drop(limits);
                let body = match is_free {
                    true => snapshot(&client, &request),
                    false => Err("the exchange's limit is reached".to_owned()),
                };
                match body {
                    Ok(body) => {
                        if !reply(of, body) {
                            return;
                        }
                    }
                    // The session asks again.
                    Err(why) => {
                        tracing::warn!(target = request.target(), why, "there is no snapshot");
                    }
                }
            }
        };
        thread::Builder::new().name(format!("okx-feed-snap-{n}")).spawn(fetch)?;
    }
    Ok(asks)
}

/// The body of a snapshot in SBE. Requested once: the session paces its requests itself.
///
/// # Errors
/// Why there is none, in words.
fn snapshot(client: &RestClient, request: &Request) -> Result<Vec<u8>, String> {
    let Reply { status, body, .. } = client.send(request)?;
    // A failure is JSON.
    let is_failure = body.first().is_none_or(|first| *first == b'{');
    match status {
        200 if !is_failure => Ok(body),
        _ => {
            let text: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            Err(format!("HTTP {status}: {text}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ten_seconds_have_more_requests_for_an_instrument_than_the_exchange_answers() {
        let mut limits = SnapshotLimits::default();
        let (a, b) = ("A-B".parse().unwrap(), "C-D".parse().unwrap());
        let at = |ms| MonoNanos::ZERO + Duration::from_millis(ms);
        let sent: Vec<u64> =
            (0..300).map(|n| n * 100).filter(|ms| limits.admit(a, at(*ms))).collect();
        assert_eq!(sent.iter().take(11).copied().collect::<Vec<_>>()[9..], [900, 10_000]);
        for window in sent.windows(MAX_REQUESTS + 1) {
            assert!(window[MAX_REQUESTS] - window[0] >= 10_000, "{window:?}");
        }
        assert!(limits.admit(b, at(1)), "each instrument has its own");
    }
}
