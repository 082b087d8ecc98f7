//! The results of a run, and their table.

use std::fmt::{self, Write};

use super::clock::CycleClock;
use super::frames::Frames;
use super::measure::Row;
use crate::format::{Counted, Nanos};
use crate::run_facts::RunFacts;

/// The percentiles that are shown, by name and quantile; the maximum comes after them.
pub(super) const PERCENTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// A finished run.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) facts: RunFacts,
    /// A description of the frames.
    pub(super) title: String,
    /// The core that the thread was bound to.
    pub(super) core: Option<usize>,
    /// The cost of a measurement, in nanoseconds, subtracted from all times.
    pub(super) clock_cost_ns: u64,
    /// The resolution of the clock, in nanoseconds.
    pub(super) clock_step_ns: u64,
    /// How many frames were timed.
    pub(super) frames: usize,
    /// How many of them do not decode.
    pub(super) malformed: usize,
    pub(super) rows: Vec<Row>,
}

impl Report {
    pub(super) fn new(
        facts: RunFacts,
        (frames, source): (&Frames, String),
        core: Option<usize>,
        clock: &CycleClock,
        rows: Vec<Row>,
    ) -> Self {
        let (len, text_len) = frames.mean_lengths();
        let (dialect, count) = (frames.dialect, Counted(frames.timed() as u64, "frame"));
        let lengths = match frames.compressed() {
            true => format!("{len} bytes deflated, {text_len} of text"),
            false => format!("{len} bytes"),
        };
        let different = match frames.len() {
            all if all == frames.timed() => String::new(),
            some => format!(", {some} different ones in turn"),
        };
        let title = format!("{dialect}, {source}: {count} of {lengths}{different}");
        let (frames, malformed) = (frames.timed(), frames.malformed);
        let (clock_cost_ns, clock_step_ns) = (clock.cost_ns(), clock.step_ns());
        Self { facts, title, core, clock_cost_ns, clock_step_ns, frames, malformed, rows }
    }

    /// A description of the method.
    pub(super) fn method(&self) -> String {
        let core = match self.core {
            Some(core) => format!("bound to core {core}"),
            None => "not bound to a core".to_owned(),
        };
        format!(
            "each frame timed alone, {core}; a measurement costs {} ns, which are subtracted; the \
             clock's steps are {} ns",
            self.clock_cost_ns, self.clock_step_ns
        )
    }
}

/// The percentiles of a row and its maximum, by name, in nanoseconds.
pub(super) fn percentiles(row: &Row) -> impl Iterator<Item = (&'static str, u64)> {
    let shown = PERCENTILES.iter().map(|(name, at)| (*name, row.times.value_at_quantile(*at)));
    shown.chain([("max", row.times.max())])
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "okx-feed bench: {}\n{}\n{}", self.title, self.facts, self.method())?;
        writeln!(f, "latency {SPANS}")?;
        if self.malformed > 0 {
            writeln!(f, "{} malformed, timed with the others", self.malformed)?;
        }
        let widest = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let names = PERCENTILES.iter().map(|(name, _)| *name).chain(["max"]);
        let mut line = format!("\n  {:widest$}", "");
        names.into_iter().try_for_each(|name| write!(line, "{name:>10}"))?;
        for row in &self.rows {
            write!(line, "\n  {:widest$}", row.name)?;
            if row.times.is_empty() {
                write!(line, "{:>10}", "none")?;
                continue;
            }
            percentiles(row).try_for_each(|(_, ns)| write!(line, "{:>10}", Nanos(ns)))?;
        }
        write!(f, "{line}\n\n{OMISSION}")
    }
}

/// The two ends of a latency of the whole path.
pub(super) const SPANS: &str =
    "from the bytes of a frame in memory to the book that other threads can read";

const OMISSION: &str = "\
No frame waits for another: there is no queue, so nothing is omitted and nothing queues. This is \
what a\nframe costs when it comes; `okx-feed demo` shows frames that come at a rate.";
