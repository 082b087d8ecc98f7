//! Results for other programs: one JSON object, and an HDR histogram log.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde_json::{Map, Value};

use super::report::{Report, SPANS, percentiles};

/// The report as one JSON object; all times are in nanoseconds.
pub(super) fn json(report: &Report) -> Value {
    let rows = report.rows.iter().map(|row| {
        let times = percentiles(row).map(|(name, ns)| (name.replace('.', "_"), Value::from(ns)));
        let mut fields = Map::from_iter([
            ("name".to_owned(), Value::from(row.name.as_str())),
            ("count".to_owned(), Value::from(row.times.len())),
        ]);
        fields.extend(times);
        Value::from(fields)
    });
    serde_json::json!({
        "title": report.title,
        "program": report.facts.json(),
        "latency_spans": SPANS,
        "frames": report.frames,
        "malformed": report.malformed,
        "core": report.core,
        "clock_cost_ns": report.clock_cost_ns,
        "clock_step_ns": report.clock_step_ns,
        "unit": "ns",
        "rows": rows.collect::<Vec<_>>(),
    })
}

/// Writes all times as an HDR histogram log, one tagged histogram a row, in nanoseconds.
///
/// # Errors
/// If the file can't be written.
pub(super) fn write_hdr(report: &Report, file: &mut impl Write) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the log says when it was made")]
    let now = SystemTime::now();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment(&report.title).add_comment(&report.facts.to_string());
    builder.add_comment(&format!("nanoseconds {SPANS}"));
    builder.with_start_time(now).with_base_time(now);
    let mut log = builder.begin_log_with(file, &mut serializer)?;
    for row in &report.rows {
        // A tag has neither comma nor space.
        let name = row.name.replace(',', "").replace(' ', "-");
        let written =
            log.write_histogram(&row.times, Duration::ZERO, Duration::ZERO, Tag::new(&name));
        written.map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(())
}
