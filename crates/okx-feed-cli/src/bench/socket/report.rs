//! The results of all cases, and their table.

use std::fmt::{self, Write};

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::run::{Pace, Seen};
use crate::format::Nanos;
use crate::run_facts::RunFacts;

/// The percentiles that are shown, by name and quantile.
pub(super) const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

/// The spans that are measured: the name of each, and where its times are.
type Span = (&'static str, fn(&Seen) -> &Histogram<u64>);
pub(super) const SPANS: [Span; 3] = [
    ("send to book", |seen| &seen.from_send),
    ("kernel to book", |seen| &seen.from_kernel),
    ("read to book", |seen| &seen.from_read),
];

/// A finished run of all cases.
pub(super) struct Report {
    pub(super) facts: RunFacts,
    pub(super) title: String,
    pub(super) rounds: usize,
    pub(super) rows: Vec<Row>,
}

/// One case, by each transport.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) is_paced: bool,
    pub(super) transports: Vec<(&'static str, Vec<Seen>)>,
}

impl Row {
    pub(super) fn new(
        name: String,
        pace: Pace,
        transports: impl Iterator<Item = (&'static str, Vec<Seen>)>,
    ) -> Self {
        Self { name, is_paced: !pace.every.is_zero(), transports: transports.collect() }
    }

    /// The median over the rounds of the ratio of the second transport to the first; `None` where
    /// one of them has no such value.
    fn ratio(&self, of: impl Fn(&Seen) -> Option<f64>) -> Option<f64> {
        let [(_, first), (_, second)] = self.transports.as_slice() else { return None };
        let ratio = |(first, second): (&Seen, &Seen)| Some(of(first)? / of(second)?);
        median(first.iter().zip(second).filter_map(ratio).collect())
    }
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The median over the rounds.
fn median_of(rounds: &[Seen], of: impl Fn(&Seen) -> Option<f64>) -> Option<f64> {
    median(rounds.iter().filter_map(of).collect())
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn at(times: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (!times.is_empty()).then(|| times.value_at_quantile(quantile) as f64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no negative time")]
fn nanos(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |nanos| Nanos(nanos as u64).to_string())
}

impl Report {
    /// The report as one JSON object; all times are in nanoseconds.
    pub(super) fn json(&self) -> Value {
        let rows = self.rows.iter().flat_map(|row| {
            row.transports.iter().map(move |(transport, rounds)| {
                let median = |of: &dyn Fn(&Seen) -> Option<f64>| median_of(rounds, of);
                let mut fields = Map::from_iter([
                    ("case".to_owned(), json!(row.name)),
                    ("transport".to_owned(), json!(transport)),
                    ("per_second".to_owned(), json!(median(&|seen| Some(seen.per_second)))),
                    ("cpu_ns".to_owned(), json!(median(&|seen| seen.cpu_ns))),
                    ("allocations".to_owned(), json!(median(&|seen| Some(seen.allocations)))),
                ]);
                for (span, times) in SPANS {
                    let name = span.replace(' ', "_");
                    for (percentile, quantile) in PERCENTILES {
                        let name = format!("{name}_{}", percentile.replace('.', "_"));
                        fields.insert(name, json!(median(&|seen| at(times(seen), quantile))));
                    }
                }
                Value::from(fields)
            })
        });
        json!({
            "title": self.title,
            "program": self.facts.json(),
            "rounds": self.rounds,
            "unit": "ns",
            "rows": rows.collect::<Vec<_>>(),
        })
    }

    fn write_row(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
        let Row { name, transports, .. } = row;
        for (n, (transport, rounds)) in transports.iter().enumerate() {
            let name = if n == 0 { name.as_str() } else { "" };
            let rate = median_of(rounds, |seen| Some(seen.per_second)).unwrap_or_default();
            let cpu = nanos(median_of(rounds, |seen| seen.cpu_ns));
            let allocations = median_of(rounds, |seen| Some(seen.allocations)).unwrap_or_default();
            write!(f, "\n  {name:<12}{transport:<8}{rate:>10.0}{cpu:>10}{allocations:>9.2}")?;
            for (_, times) in SPANS {
                f.write_str("  ")?;
                for (_, quantile) in PERCENTILES {
                    let time = nanos(median_of(rounds, |seen| at(times(seen), quantile)));
                    write!(f, "{time:>9}")?;
                }
            }
        }
        let text = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}"));
        let rate = text(row.ratio(|seen| Some(seen.per_second)));
        let cpu = text(row.ratio(|seen| seen.cpu_ns));
        write!(f, "\n  {:<12}{:<8}{rate:>10}{cpu:>10}{:>9}", "", "ratio", "")?;
        for (_, times) in SPANS {
            f.write_str("  ")?;
            for (_, quantile) in PERCENTILES {
                let ratio = text(row.ratio(|seen| at(times(seen), quantile)));
                write!(f, "{ratio:>9}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { facts, title, rounds, rows } = self;
        writeln!(f, "okx-feed bench --socket: {title}; medians of {rounds} rounds\n{facts}\n")?;
        let mut head = format!("  {:<20}{:>10}{:>10}{:>9}", "", "frames/s", "cpu", "allocs");
        let mut spans = format!("  {:<20}{:>29}", "", "a frame");
        for (span, _) in SPANS {
            write!(spans, "  {span:^27}")?;
            head.push_str("  ");
            PERCENTILES.iter().try_for_each(|(name, _)| write!(head, "{name:>9}"))?;
        }
        write!(f, "{}\n{head}", spans.trim_end())?;
        rows.iter().try_for_each(|row| Self::write_row(f, row))?;
        write!(f, "\n\n{NOTE}")
    }
}

const NOTE: &str = "\
Both busy-poll. Send: from the write of the frame, with the kernel's loopback. Kernel: from its \
receive\nstamp, which the direct transport alone asks for. Read: from the end of the read. All \
frames of a read\nhave its time, so those of a burst wait for one another in the figures. \
Processor time includes empty\npolls. The ratio is the direct transport's to tokio's.";
