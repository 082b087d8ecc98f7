//! One limit of attempts to connect per host, for all connections of the process.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use crate::model::MonoNanos;
use crate::session::{ConnectRateLimit, ConnectRateLimiter};
use crate::transport::Clock;

struct HostLimits {
    clock: Clock,
    limiters: Mutex<HashMap<String, ConnectRateLimiter>>,
}

// All clients of the process share the host's limit, and have nothing else in common.
static LIMITS: LazyLock<HostLimits> =
    LazyLock::new(|| HostLimits { clock: Clock::start(), limiters: Mutex::new(HashMap::new()) });

/// Whether a host, named with its port, takes an attempt to connect now. Takes none.
///
/// # Errors
/// How long to wait before asking again.
pub(super) fn check(host: &str, limit: ConnectRateLimit) -> Result<(), Duration> {
    with(host, |limiter, now| limiter.check(limit, now).map_err(|until| until.since(now)))
}

/// Acquires an attempt to connect to a host.
///
/// # Errors
/// How long to wait before asking again.
pub(super) fn try_acquire(host: &str, limit: ConnectRateLimit) -> Result<(), Duration> {
    with(host, |limiter, now| limiter.try_acquire(limit, now).map_err(|until| until.since(now)))
}

/// Allows no attempt to connect to a host for a time, as it has requested.
pub(super) fn hold(host: &str, pause: Duration) {
    with(host, |limiter, now| limiter.hold(now + pause));
}

fn with<R>(host: &str, f: impl FnOnce(&mut ConnectRateLimiter, MonoNanos) -> R) -> R {
    let mut limiters = LIMITS.limiters.lock().unwrap_or_else(PoisonError::into_inner);
    let now = LIMITS.clock.mono();
    f(limiters.entry(host.to_owned()).or_default(), now)
}
