//! Metrics of the recording.

use std::fmt::Error;

use okx_feed::capture::RecordStats;

use super::families::Families;
use super::scrape::FeedScrape;

pub(super) fn write(scrapes: &[FeedScrape], families: &mut Families<'_>) -> Result<(), Error> {
    let recorded = || scrapes.iter().filter_map(|of| Some((&of.name, of.recorded.as_ref()?)));
    type Count = fn(&RecordStats) -> u64;
    let counters: [(&str, &str, Count); 5] = [
        ("okx_feed_recorder_lines", "Frames and marks handed to the recorder's writer", |of| {
            of.lines
        }),
        ("okx_feed_recorder_written_lines", "Frames and marks that are in the files", |of| {
            of.written_lines
        }),
        (
            "okx_feed_recorder_dropped_lines",
            "Frames and marks that are missing in the files",
            |of| of.dropped_lines,
        ),
        ("okx_feed_recorder_written_bytes", "Bytes written, compressed", |of| of.written_len),
        ("okx_feed_recorder_files", "Files begun", |of| of.files),
    ];
    for (name, help, count) in counters {
        families.counters(name, help, &|value| {
            recorded().try_for_each(|(name, of)| value(&[("feed", name)], count(of)))
        })?;
    }
    let help = "Frames and marks between the feed's thread and the files";
    families.gauges("okx_feed_recorder_queued_lines", help, &|value| {
        recorded().try_for_each(|(name, of)| {
            let done = of.written_lines + of.dropped_lines;
            #[expect(clippy::cast_precision_loss, reason = "a queue is not that long")]
            let queued = of.lines.saturating_sub(done) as f64;
            value(&[("feed", name)], queued)
        })
    })?;
    let help = "Whether the recorder can't write now, such as when the disk is full";
    families.gauges("okx_feed_recorder_failing", help, &|value| {
        recorded().try_for_each(|(name, of)| {
            value(&[("feed", name)], f64::from(u8::from(of.error.is_some())))
        })
    })
}
