//! Health and counters as dictionaries.

use std::time::Duration;

use okx_feed::client::{ClientStats, ConnectionStats, Health};
use okx_feed::feed::Stats;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// A histogram, of nanoseconds in `ClientStats`, of microseconds in `Recovery`.
macro_rules! percentiles {
    ($py:expr, $histogram:expr) => {{
        let dict = PyDict::new($py);
        dict.set_item("count", $histogram.len())?;
        for (name, at) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
            dict.set_item(name, $histogram.value_at_quantile(at))?;
        }
        dict.set_item("max", $histogram.max())?;
        dict
    }};
}

/// Puts fields of a struct into a dictionary under their own names.
macro_rules! put {
    ($dict:expr, $of:expr, $($field:ident)*) => {
        $($dict.set_item(stringify!($field), $of.$field.clone())?;)*
    };
}

/// Whether connections are open, and why not.
pub(crate) fn health<'py>(py: Python<'py>, health: &Health) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    put!(dict, health, open connections);
    dict.set_item("is_whole", health.is_whole())?;
    dict.set_item("down_since", health.down_since.map(|since| since.0))?;
    let loss = health.last_loss.as_ref();
    dict.set_item("last_loss", loss.map(|loss| loss.reason.as_str()))?;
    dict.set_item("last_loss_at", loss.map(|loss| loss.at.0))?;
    let refused = health.refused.iter().map(|one| (one.option, one.reason.as_str()));
    dict.set_item("refused", refused.collect::<Vec<_>>())?;
    dict.set_item("text", health.to_string())?;
    Ok(dict)
}

/// The counters of frames and books.
pub(crate) fn feed<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    put!(dict, stats, frames wire_bytes text_bytes scanned parsed sbe inflated_small
        inflated_general books trades depths records no_snapshot gaps mismatches broken
        missing_deletes controls control_errors pongs unsubscribed crossed unsorted empty_levels
        backwards repeated_trades missed_trades lost_trades);
    dict.set_item("malformed", stats.malformed())?;
    let errors = PyDict::new(py);
    for (kind, count) in stats.errors.iter().filter(|(_, count)| *count > 0) {
        errors.set_item(kind.name(), count)?;
    }
    dict.set_item("errors", errors)?;
    let skipped = PyDict::new(py);
    for (name, count) in stats.skipped.iter() {
        skipped.set_item(name, count)?;
    }
    dict.set_item("skipped", skipped)?;
    Ok(dict)
}

fn connection<'py>(py: Python<'py>, one: &ConnectionStats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    put!(dict, one, group line connects losses last_loss rejections refused requests_spent
        requests_left logins_refused last_login_refusal upgrades warmup_frames live ready
        connected);
    dict.set_item("lag", one.lag.as_secs_f64())?;
    dict.set_item("round_trip", one.round_trip.as_ref().map(Duration::as_secs_f64))?;
    dict.set_item("ts_event", one.ts_event.0)?;
    dict.set_item("feed", feed(py, &one.feed)?)?;
    Ok(dict)
}

/// The counters of a client.
pub(crate) fn client<'py>(py: Python<'py>, stats: &ClientStats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    put!(dict, stats, connects losses last_loss rejections logins_refused last_login_refusal
        upgrades connected);
    dict.set_item("feed", feed(py, &stats.feed)?)?;
    let session = PyDict::new(py);
    put!(session, stats.session, attempts postponed requests pings resyncs late_snapshots late_acks
        probes silences retries snapshots);
    dict.set_item("session", session)?;
    dict.set_item("latency_ns", percentiles!(py, stats.latency))?;
    dict.set_item("kernel_latency_ns", percentiles!(py, stats.kernel_latency))?;
    dict.set_item("recovery_us", percentiles!(py, stats.recovery.any_us))?;
    let connections = stats.connections.iter().map(|one| connection(py, one));
    let connections = connections.collect::<PyResult<Vec<_>>>()?;
    dict.set_item("connections", PyList::new(py, connections)?)?;
    Ok(dict)
}
