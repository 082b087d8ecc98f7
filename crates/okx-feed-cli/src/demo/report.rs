//! The report of a demonstration: a table for people, one object for programs.

use std::fmt::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::own_pace::OwnPace;
use crate::format::{Counted, per_sec};
use crate::report::{Table, anomalies, errors, events, percentiles};
use crate::run_facts::RunFacts;
use okx_feed::wire::UnreadCounts;
use okx_feed::{ClientStats, Dialect};

/// The two ends of a latency.
const SPANS: &str = "from the receipt of a frame, as the WebSocket library hands it over, to its \
                     published book and the return of the sink";

/// The reached share of the requested rate, in percent, below which the report states both.
const NEARLY: u64 = 97;

/// A finished demonstration.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) facts: RunFacts,
    pub(super) dialect: Dialect,
    pub(super) url: String,
    pub(super) instruments: usize,
    pub(super) seed: u64,
    pub(super) busy_poll: bool,
    pub(super) rate_asked: u32,
    /// The market events of the exchange over the whole run.
    pub(super) market_events: u64,
    pub(super) elapsed: Duration,
    pub(super) stats: ClientStats,
    pub(super) own_pace: Vec<OwnPace>,
}

impl Report {
    /// The measured market events a second.
    fn rate_reached(&self) -> u64 {
        per_sec(self.market_events, self.elapsed)
    }

    fn is_rate_reached(&self) -> bool {
        self.rate_reached() * 100 >= u64::from(self.rate_asked) * NEARLY
    }

    /// The report as one JSON object.
    pub(super) fn json(&self) -> Value {
        let feed = &self.stats.feed;
        let own_pace = self.own_pace.iter().map(|run| {
            let frames = run.stats.feed.frames;
            json!({
                "busy_poll": run.busy_poll, "seconds": run.span.as_secs_f64(), "frames": frames,
                "frames_per_sec": per_sec(frames, run.span),
                "latency_ns": latency_json(&run.stats.latency),
            })
        });
        json!({
            "command": "demo", "program": self.facts.json(),
            "dialect": self.dialect.to_string(), "instruments": self.instruments,
            "seed": self.seed, "busy_poll": self.busy_poll, "seconds": self.elapsed.as_secs_f64(),
            "rate_asked": self.rate_asked, "rate_reached": self.rate_reached(),
            "frames": feed.frames, "frames_per_sec": per_sec(feed.frames, self.elapsed),
            "bytes": feed.wire_bytes, "text_bytes": feed.text_bytes, "events": events(feed),
            "books": feed.books, "trades": feed.trades, "controls": feed.controls,
            "errors": errors(feed, feed.malformed()), "anomalies": anomalies(feed),
            "skipped": feed.skipped.total(), "unread": unread_json(&feed.unread), "connects": self.stats.connects,
            "losses": self.stats.losses, "last_loss": self.stats.last_loss,
            "latency_spans": SPANS, "latency_ns": latency_json(&self.stats.latency),
            "own_pace": own_pace.collect::<Vec<_>>(),
        })
    }
}

/// The optional values that could not be read, by field; empty if there is none.
fn unread_json(unread: &UnreadCounts) -> Value {
    unread.iter().map(|(field, count)| (field.name().to_owned(), Value::from(count))).collect()
}

/// The percentiles in nanoseconds, `null` if nothing was measured.
fn latency_json(times: &Histogram<u64>) -> Value {
    let value = |value: Option<u64>| value.map_or(Value::Null, Value::from);
    let shown = percentiles(times);
    let mut fields: Map<String, Value> =
        shown.map(|(name, at)| (name.replace('.', "_"), value(at.map(|nanos| nanos.0)))).collect();
    fields.insert("count".to_owned(), times.len().into());
    Value::Object(fields)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, url, seed, rate_asked, elapsed, stats, .. } = self;
        writeln!(f, "okx-feed demo: {dialect} over {url}, {:.1} s", elapsed.as_secs_f64())?;
        writeln!(f, "{}", self.facts)?;
        write!(f, "{}, ", Counted(self.instruments as u64, "instrument"))?;
        match self.is_rate_reached() {
            true => write!(f, "{} market events/s", self.rate_reached())?,
            false => {
                let reached = self.rate_reached();
                write!(f, "{reached} market events/s, where {rate_asked} were asked for")?;
            }
        }
        let busy = if self.busy_poll { ", --busy-poll" } else { "" };
        writeln!(f, ", seed {seed}{busy}\n")?;
        write!(f, "{}", Table { stats, elapsed: *elapsed })?;
        writeln!(f, "\n  latency, {SPANS}")?;
        self.write_latencies(f)?;
        if stats.losses > 0 {
            write!(
                f,
                "\n\n  the exchange closes a connection that reads too slowly; this machine may be \
                 too slow or too busy: try a lower --rate"
            )?;
        }
        Ok(())
    }
}

impl Report {
    fn write_latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = per_sec(self.stats.feed.frames, self.elapsed);
        let mut rows = vec![(format!("{rate} frames/s"), &self.stats)];
        rows.extend(self.own_pace.iter().map(|run| {
            let rate = per_sec(run.stats.feed.frames, run.span);
            let busy = if run.busy_poll { " with --busy-poll" } else { "" };
            (format!("{rate} frames/s{busy}, the exchange's own pace"), &run.stats)
        }));
        let widest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let names = percentiles(&self.stats.latency).map(|(name, _)| name);
        let mut text = format!("  {:widest$}{:>10}", "", "frames");
        names.into_iter().try_for_each(|name| write!(text, "{name:>11}"))?;
        for (name, stats) in rows {
            write!(text, "\n  {name:widest$}{:>10}", stats.latency.len())?;
            for (_, value) in percentiles(&stats.latency) {
                let value = value.map_or_else(|| "-".to_owned(), |value| value.to_string());
                write!(text, "{value:>11}")?;
            }
        }
        f.write_str(&text)?;
        if !self.own_pace.is_empty() {
            write!(f, "\n\n{WHY}")?;
        }
        Ok(())
    }
}

const WHY: &str = "  \
At the exchange's own pace milliseconds pass between two frames: other programs use the caches
  meanwhile, and the core slows down. With --busy-poll the client never sleeps, so that both stay as
  at a high rate, if the machine has a core for it alone.";
