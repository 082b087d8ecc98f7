//! One gate per host for all connections of the process.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use crate::model::MonoNanos;
use crate::session::{ConnectRateLimit, ConnectRateLimiter};
use crate::transport::Clock;

struct Gates {
    clock: Clock,
    of_hosts: Mutex<HashMap<String, ConnectRateLimiter>>,
}

// All clients of the process share the host's limit, and have nothing else in common.
static GATES: LazyLock<Gates> =
    LazyLock::new(|| Gates { clock: Clock::start(), of_hosts: Mutex::new(HashMap::new()) });

/// Whether a host, named with its port, takes an attempt to connect now. Takes none.
///
/// # Errors
/// How long to wait before asking again.
pub(super) fn check(host: &str, limit: ConnectRateLimit) -> Result<(), Duration> {
    with(host, |gate, now| gate.check(limit, now).map_err(|until| until.since(now)))
}

/// Takes an attempt to connect to a host.
///
/// # Errors
/// How long to wait before asking again.
pub(super) fn take(host: &str, limit: ConnectRateLimit) -> Result<(), Duration> {
    with(host, |gate, now| gate.try_acquire(limit, now).map_err(|until| until.since(now)))
}

/// Lets no connection to a host be attempted for a time: it has asked for that.
pub(super) fn hold(host: &str, pause: Duration) {
    with(host, |gate, now| gate.hold(now + pause));
}

fn with<R>(host: &str, f: impl FnOnce(&mut ConnectRateLimiter, MonoNanos) -> R) -> R {
    let mut of_hosts = GATES.of_hosts.lock().unwrap_or_else(PoisonError::into_inner);
    let now = GATES.clock.mono();
    f(of_hosts.entry(host.to_owned()).or_default(), now)
}
