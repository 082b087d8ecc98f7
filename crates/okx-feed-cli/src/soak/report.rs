//! What a soak has found: a text for people, an object for programs.

use std::fmt::{self, Display};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::book_checker::CheckerStats;
use super::faults::FaultTracker;
use crate::format::{Bytes, Counted};
use crate::report::percentiles;
use okx_feed::capture::RecordStats;
use okx_feed::{ClientStats, Dialect};

/// How much the memory may have grown since a third of the time: what is small, and a tenth.
const SMALL: u64 = 16 << 20;

/// One client at the end.
pub(super) struct ClientReport {
    pub(super) dialect: Dialect,
    pub(super) checks: Arc<CheckerStats>,
    pub(super) stats: ClientStats,
    /// What was recorded, where it was.
    pub(super) recorded: Option<RecordStats>,
}

/// What a soak has found.
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) lasted: Duration,
    pub(super) faults: FaultTracker,
    pub(super) clients: Vec<ClientReport>,
    /// Books that a reader saw live after too long a silence.
    pub(super) too_old: usize,
    /// Subscriptions that were not live with the exchange's own book in time after the last fault.
    pub(super) not_recovered: usize,
    /// How long after the last fault all were.
    pub(super) recovery: Duration,
    /// How far the exchange's time has fallen behind the wall clock. The client takes all books for
    /// too old where that grows by seconds.
    pub(super) behind: Duration,
    /// The resident memory after a third of the time, and at the end.
    pub(super) memory: Option<(u64, u64)>,
}

impl Report {
    /// Whether all was as it must be.
    pub(super) fn is_clean(&self) -> bool {
        let right = self.clients.iter().all(ClientReport::is_clean);
        let flat = self.memory.is_none_or(|(then, now)| now <= then + then / 10 + SMALL);
        right && flat && self.too_old == 0 && self.not_recovered == 0 && self.faults.open() == 0
    }

    pub(super) fn json(&self) -> Value {
        let faults = self.faults.by_kind.iter().map(|(kind, stats)| {
            json!({
                "kind": kind.name(), "injected": stats.injected,
                "unnoticed": stats.unnoticed, "recovered": stats.recovery_ms.len(),
                "recovery_ms_p50": stats.recovery_ms.value_at_quantile(0.5),
                "recovery_ms_max": stats.recovery_ms.max(),
            })
        });
        let clients = self.clients.iter().map(ClientReport::json);
        let memory = self.memory.map(|(then, now)| json!({"third": then, "end": now}));
        json!({
            "clean": self.is_clean(), "seed": self.seed, "seconds": self.lasted.as_secs_f64(),
            "faults": faults.collect::<Vec<_>>(), "faults_not_recovered": self.faults.open(),
            "clocks_set": self.faults.clocks_set, "sinks_stalled": self.faults.sinks_stalled,
            "clients": clients.collect::<Vec<_>>(), "live_and_too_old": self.too_old,
            "not_the_exchanges_own": self.not_recovered, "recovery_s": self.recovery.as_secs_f64(),
            "exchange_behind_s": self.behind.as_secs_f64(), "resident_bytes": memory,
        })
    }
}

impl ClientReport {
    fn is_clean(&self) -> bool {
        let recorded = self.recorded.as_ref();
        self.checks.is_clean() && recorded.is_none_or(|recorded| recorded.dropped_lines == 0)
    }

    fn json(&self) -> Value {
        let [verified, wrong, backwards, too_old, trades, wrong_trades] = self.counts();
        let recovery = &self.stats.recovery;
        let lines = self.stats.lines.iter().map(|line| {
            json!({
                "accepted": line.accepted, "duplicates": line.duplicates, "held": line.held,
                "lag_us_p50": line.lag_us.value_at_quantile(0.5),
                "lag_us_p99": line.lag_us.value_at_quantile(0.99),
            })
        });
        json!({
            "dialect": self.dialect.to_string(), "books_verified": verified, "wrong": wrong,
            "backwards": backwards, "too_old_to_verify": too_old, "trades": trades,
            "wrong_trades": wrong_trades, "stale": self.stale(), "undecided": self.undecided(),
            "losses": self.stats.losses,
            "resyncs": self.stats.session.resyncs, "malformed": self.stats.feed.malformed(),
            "not_live": recovery.any_us.len(),
            "not_live_ms_p50": recovery.any_us.value_at_quantile(0.5) / 1000,
            "not_live_ms_max": recovery.any_us.max() / 1000,
            "latency_ns": latency(&self.stats.latency),
            "recorded": self.recorded.as_ref().map(|of| json!({
                "lines": of.lines, "dropped": of.dropped_lines, "bytes": of.written_len,
            })),
            "lines": lines.collect::<Vec<_>>(),
        })
    }

    /// How many books were from before the clock was set back, which v3 can't show.
    fn undecided(&self) -> u64 {
        self.checks.undecided.load(Ordering::Relaxed)
    }

    /// How often a book was stale.
    fn stale(&self) -> u64 {
        self.checks.stale.load(Ordering::Relaxed)
    }

    fn counts(&self) -> [u64; 6] {
        let CheckerStats { verified, wrong, backwards, too_old, trades, wrong_trades, .. } =
            &*self.checks;
        [verified, wrong, backwards, too_old, trades, wrong_trades]
            .map(|count| count.load(Ordering::Relaxed))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.lasted.as_secs_f64();
        writeln!(f, "okx-feed soak: {secs:.0} s, seed {}\n", self.seed)?;
        writeln!(f, "  fault       times  unnoticed  recovered  p50        max")?;
        for (kind, stats) in &self.faults.by_kind {
            let ms = &stats.recovery_ms;
            writeln!(
                f,
                "  {:10} {:6} {:10} {:10}  {:9}  {}",
                kind.name(),
                stats.injected,
                stats.unnoticed,
                ms.len(),
                Millis(ms, 0.5),
                Millis(ms, 1.0),
            )?;
        }
        for client in &self.clients {
            write!(f, "\n{client}")?;
        }
        if let Some((then, now)) = self.memory {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            writeln!(f, "\n  memory: {:.1} MiB, {:.1} MiB after a third", mib(now), mib(then))?;
        }
        let FaultTracker { clocks_set, sinks_stalled, .. } = &self.faults;
        writeln!(f, "  clocks set: {clocks_set}, sinks stalled: {sinks_stalled}")?;
        let behind = self.behind.as_secs_f64();
        writeln!(f, "  exchange behind the wall clock: {behind:.1} s")?;
        writeln!(f, "  live and too old: {}", self.too_old)?;
        writeln!(f, "  faults not recovered from: {}", self.faults.open())?;
        let recovery = self.recovery.as_secs_f64();
        write!(
            f,
            "  not the exchange's own {recovery:.1} s after the last fault: {}",
            self.not_recovered
        )
    }
}

impl Display for ClientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [verified, wrong, backwards, too_old, trades, wrong_trades] = self.counts();
        let Self { dialect, stats, checks, recorded } = self;
        write!(
            f,
            "  {dialect}: {verified} live books verified, {wrong} wrong, {backwards} backwards"
        )?;
        writeln!(f, ", {too_old} too old to verify")?;
        writeln!(f, "      {trades} trades, {wrong_trades} wrong or shown twice")?;
        let first = checks.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = &*first {
            writeln!(f, "      first: {first}")?;
        }
        writeln!(
            f,
            "      {} connections lost, {} books resynchronised, {} malformed frames",
            stats.losses,
            stats.session.resyncs,
            stats.feed.malformed(),
        )?;
        let us = &stats.recovery.any_us;
        let (p50, max) = (us.value_at_quantile(0.5) / 1000, us.max() / 1000);
        writeln!(f, "      seen not live: {} times, p50 {p50} ms, max {max} ms", us.len())?;
        writeln!(f, "      stale: {} times; {} books undecided", self.stale(), self.undecided())?;
        let mut shown = percentiles(&stats.latency).filter_map(|(name, at)| Some((name, at?)));
        if let (Some((_, p50)), Some((_, p99))) = (shown.next(), shown.next()) {
            writeln!(f, "      p50 {p50}, p99 {p99} from receipt to book")?;
        }
        if let Some(recorded) = recorded {
            let RecordStats { lines, dropped_lines, written_len, .. } = recorded;
            let (lines, bytes) = (Counted(*lines, "line"), Bytes(*written_len));
            writeln!(f, "      recorded {lines}, {bytes}; {dropped_lines} dropped")?;
        }
        for (at, line) in stats.lines.iter().enumerate() {
            let [p50, p99] = [0.5, 0.99].map(|quantile| line.lag_us.value_at_quantile(quantile));
            let (accepted, duplicates) = (line.accepted, line.duplicates);
            write!(f, "      line {at}: {accepted} accepted, {duplicates} duplicates")?;
            writeln!(f, ", lag p50 {p50} us, p99 {p99} us")?;
        }
        Ok(())
    }
}

/// The latencies from the read of a frame to the book, in nanoseconds, by quantile.
fn latency(times: &Histogram<u64>) -> Value {
    let at = |quantile| times.value_at_quantile(quantile);
    json!({
        "count": times.len(), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99_9": at(0.999),
        "max": times.max(),
    })
}

/// A quantile in milliseconds; a dash where there is nothing.
struct Millis<'h>(&'h Histogram<u64>, f64);

impl Display for Millis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 => f.pad("-"),
            _ => f.pad(&format!("{} ms", self.0.value_at_quantile(self.1))),
        }
    }
}
