//! The options of a client that have no argument of their own, by name.

use std::num::NonZeroU32;
use std::time::Duration;

use okx_feed::book::{FaultPolicy, Verify};
use okx_feed::capture::{RecordConfig, SyncPolicy};
use okx_feed::client::{ClientConfig, HistoryConfig, TransportKind};
use okx_feed::feed::StaleLimits;
use okx_feed::session::{ResyncConfig, SessionConfig};
use okx_feed::{Channel, Dialect};
use pyo3::prelude::*;

use crate::arguments::{Arg, Seconds};
use crate::{arguments, errors};

/// A value of an option.
type Value<'v, 'py> = &'v Bound<'py, PyAny>;

/// Sets options by their names.
///
/// # Errors
/// `okx_feed.ConfigError` of an unknown name or a wrong value, `TypeError` of one of a wrong type.
pub(crate) fn apply(config: &mut ClientConfig, options: &Bound<'_, PyAny>) -> PyResult<()> {
    let pairs = arguments::pairs::<Arg<String>, Bound<'_, PyAny>>(options);
    let pairs = pairs.map_err(|error| arguments::named(options.py(), "options", &error))?;
    for (Arg(name), value) in pairs {
        let is_known = set(config, &name, &value)
            .map_err(|error| arguments::named(value.py(), &format!("option {name:?}"), &error))?;
        if !is_known {
            return Err(errors::config(format!(
                "unknown option {name:?}; docs/PYTHON.md lists them"
            )));
        }
    }
    Ok(())
}

fn duration(value: Value<'_, '_>) -> PyResult<Duration> {
    value.extract().map(|Seconds(duration)| duration)
}

/// A duration, or `None`.
fn limit(value: Value<'_, '_>) -> PyResult<Option<Duration>> {
    if value.is_none() { Ok(None) } else { duration(value).map(Some) }
}

/// One of several names.
fn one_of<T: Copy>(value: Value<'_, '_>, all: &[(&str, T)]) -> PyResult<T> {
    let name: String = value.extract()?;
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let names = || all.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| errors::config(format!("{name:?} is none of {}", names())))
}

/// Sets an option. False if there is none of that name.
fn set(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    if let Some((group, name)) = name.split_once('.') {
        return match group {
            "session" => session(&mut config.session, name, value),
            "resync" => resync(&mut config.session.resync, name, value),
            "snapshot_requests" => resync(&mut config.session.snapshot_requests, name, value),
            "backoff" => backoff(config, name, value),
            "limits" => limits(config, name, value),
            "depth" => depth(config, name, value),
            "trades" => trades(config, name, value),
            "stale" => stale(config, name, value),
            "thread" => thread(config, name, value),
            "socket" => socket(config, name, value),
            "record" => record(config, name, value),
            "retry" => retry(config, name, value),
            _ => Ok(false),
        };
    }
    match name {
        "connect_stagger" => config.connect_stagger = duration(value)?,
        "age_limit" => config.age_limit = limit(value)?,
        "behind_timeout" => config.behind_timeout = duration(value)?,
        "max_subscriptions_per_connection" => {
            config.max_subscriptions_per_connection = value.extract()?;
        }
        "upgrade_retry_delay" => config.upgrade_retry_delay = duration(value)?,
        "measure" => config.measure = value.extract()?,
        "transport" => config.transport = one_of(value, &transports())?,
        "seed" => config.seed = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn transports() -> Vec<(&'static str, TransportKind)> {
    vec![
        ("auto", TransportKind::Auto),
        ("tokio", TransportKind::Tokio),
        #[cfg(unix)]
        ("direct", TransportKind::Direct),
    ]
}

fn session(session: &mut SessionConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    match name {
        "sbe_update_timeout" => session.sbe_update_timeout = duration(value)?,
        "ping_interval" => session.ping_interval = duration(value)?,
        "pong_timeout" => session.pong_timeout = duration(value)?,
        "probe_gaps" => session.probe_gaps = value.extract()?,
        "probe_silence" => session.probe_silence = duration(value)?,
        "probe_timeout" => session.probe_timeout = duration(value)?,
        "resolve_timeout" => session.resolve_timeout = duration(value)?,
        "connect_timeout" => session.connect_timeout = duration(value)?,
        "handshake_timeout" => session.handshake_timeout = duration(value)?,
        "ack_timeout" => session.ack_timeout = duration(value)?,
        "snapshot_timeout" => session.snapshot_timeout = duration(value)?,
        "connect_attempts" => session.connect_limit.attempts = value.extract()?,
        "connect_per" => session.connect_limit.per = duration(value)?,
        "requests_per_hour" => session.requests_per_hour = value.extract()?,
        "request_len" => session.request_len = value.extract()?,
        "controls_per_sec" => session.controls_per_sec = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn resync(resync: &mut ResyncConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    match name {
        "first" => resync.first = duration(value)?,
        "cap" => resync.cap = duration(value)?,
        "stable_after" => resync.stable_after = duration(value)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn backoff(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let backoff = &mut config.session.backoff;
    let field = match name {
        "first" => &mut backoff.first,
        "cap" => &mut backoff.cap,
        "floor" => &mut backoff.floor,
        "stable_after" => &mut backoff.stable_after,
        "refused_first" => &mut backoff.refused_first,
        "refused_cap" => &mut backoff.refused_cap,
        "retry_after_cap" => &mut backoff.retry_after_cap,
        _ => return Ok(false),
    };
    *field = duration(value)?;
    Ok(true)
}

fn limits(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let field = match name {
        "frame_len" => &mut config.limits.frame_len,
        "body_len" => &mut config.limits.body_len,
        "inflated_len" => &mut config.limits.inflated_len,
        _ => return Ok(false),
    };
    // The decoder allocates so much, and would panic where there is not so much.
    *field = value.extract::<u32>()? as usize;
    Ok(true)
}

fn depth(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let depth = &mut config.depth;
    match name {
        "capacity" => depth.capacity = value.extract()?,
        "verify" => {
            depth.verify = match value.extract::<u32>() {
                Ok(nth) => NonZeroU32::new(nth).map_or(Verify::Off, Verify::EveryNth),
                Err(_) => one_of(value, &[("every", Verify::Every), ("off", Verify::Off)])?,
            };
        }
        "fault_policy" => {
            let all = [("reject", FaultPolicy::Reject), ("apply", FaultPolicy::ApplyAnyway)];
            depth.fault_policy = one_of(value, &all)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn trades(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    match name {
        "ring_len" => config.trades.ring_len = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// `stale.all_books` is the limit of all books, `stale.books5` that of a channel.
fn stale(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let limit = limit(value)?;
    if name == "all_books" {
        config.stale = limit.map_or(StaleLimits::NONE, StaleLimits::books);
        return Ok(true);
    }
    let dialects = [Dialect::V5, Dialect::V3];
    let found = dialects.into_iter().find_map(|d| Channel::from_name(d, name.as_bytes()));
    let Some(channel) = found else { return Ok(false) };
    config.stale = config.stale.with(channel, limit);
    Ok(true)
}

fn thread(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    match name {
        "name" => config.thread.name = value.extract()?,
        "core" => config.thread.core = value.extract()?,
        "fifo_priority" => config.thread.fifo_priority = value.extract()?,
        "per_connection" => config.thread.per_connection = value.extract()?,
        "connection_cores" => config.thread.connection_cores = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn socket(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let socket = &mut config.socket;
    match name {
        "busy_poll_micros" => socket.busy_poll_micros = value.extract()?,
        "receive_buffer" => socket.receive_buffer = value.extract()?,
        "quick_ack" => socket.quick_ack = value.extract()?,
        "user_timeout" => socket.user_timeout = limit(value)?,
        "local_address" => {
            let text: Option<String> = value.extract()?;
            let parsed = text.map(|text| text.parse()).transpose();
            socket.local_address =
                parsed.map_err(|_| errors::config("it is no address of IPv4 or IPv6"))?;
        }
        "kernel_stamps" => socket.kernel_stamps = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn record(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let Some(record) = &mut config.record else {
        return Err(errors::config("nothing is recorded: give `record` a directory"));
    };
    set_record(record, name, value)
}

fn set_record(record: &mut RecordConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    match name {
        "max_file_len" => record.max_file_len = value.extract()?,
        "max_file_time" => record.max_file_time = duration(value)?,
        "max_block_time" => record.max_block_time = duration(value)?,
        "blocks" => {
            let blocks = value.extract()?;
            // A block has room for 256 KiB.
            if !(1..=4_096).contains(&blocks) {
                return Err(errors::config("record.blocks: 1 to 4096"));
            }
            record.blocks = blocks;
        }
        "level" => record.level = value.extract()?,
        "sync" => {
            let all = [
                ("never", SyncPolicy::Never),
                ("file", SyncPolicy::File),
                ("block", SyncPolicy::Block),
            ];
            record.sync = one_of(value, &all)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn retry(config: &mut ClientConfig, name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    let retry = &mut config.history.get_or_insert_with(HistoryConfig::default).retry;
    let field = match name {
        "first" => &mut retry.first,
        "cap" => &mut retry.cap,
        "give_up_after" => &mut retry.give_up_after,
        _ => return Ok(false),
    };
    *field = duration(value)?;
    Ok(true)
}
