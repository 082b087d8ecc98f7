//! One gate per host for all connections of the process.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use crate::feed::{ConnectGate, ConnectLimit};
use crate::model::MonoNanos;

struct Gates {
    clock: Clock,
    of_hosts: Mutex<HashMap<String, ConnectGate>>,
}

// All clients of the process share the host's limit, and have nothing else in common.
static GATES: LazyLock<Gates> =
    LazyLock::new(|| Gates { clock: Clock::start(), of_hosts: Mutex::new(HashMap::new()) });

/// Takes an attempt to connect to a host, named with its port.
///
/// # Errors
/// How long to wait before asking again.
pub(super) fn take(host: &str, limit: ConnectLimit) -> Result<(), Duration> {
    let mut of_hosts = GATES.of_hosts.lock().unwrap_or_else(PoisonError::into_inner);
    let now: MonoNanos = GATES.clock.mono();
    let gate = of_hosts.entry(host.to_owned()).or_default();
    gate.take(limit, now).map_err(|until| until.since(now))
}
