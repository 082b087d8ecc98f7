//! The counters of a client as text: the table at the end of a run, and one line.

use std::fmt;
use std::time::Duration;

use super::format::{Bytes, Counted, Nanos, Printable, per_sec};
use hdrhistogram::Histogram;

use okx_feed::ClientStats;
use okx_feed::feed::Stats;
use okx_feed::wire::UnreadCounts;

/// The percentiles that are shown, by name and quantile; the maximum comes after them.
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

/// The percentiles that are shown, by name; `None` if nothing was measured.
pub(crate) fn percentiles(
    times: &Histogram<u64>,
) -> impl Iterator<Item = (&'static str, Option<Nanos>)> {
    let known = |value: u64| (!times.is_empty()).then_some(Nanos(value));
    let shown = PERCENTILES.iter().map(move |(name, at)| (*name, times.value_at_quantile(*at)));
    shown.chain([("max", times.max())]).map(move |(name, value)| (name, known(value)))
}

/// Everything that went wrong: malformed frames and errors that the exchange reported.
pub(crate) const fn errors(feed: &Stats, malformed: u64) -> u64 {
    malformed + feed.control_errors
}

/// The counters of a run as a table.
pub(crate) struct Table<'a> {
    pub(crate) stats: &'a ClientStats,
    pub(crate) elapsed: Duration,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, elapsed } = self;
        let feed = &stats.feed;
        let mut row = |name: &str, count: &dyn fmt::Display, note: String| {
            writeln!(f, "{}", format!("  {name:<10} {count:>12}   {note}").trim_end())
        };
        let rate = format!("{} /s", per_sec(feed.frames, *elapsed));
        row("frames", &feed.frames, rate)?;
        row("bytes", &Bytes(feed.wire_bytes), format!("{} of text", Bytes(feed.text_bytes)))?;
        row("events", &events(feed), event_notes(feed))?;
        row("errors", &errors(feed, feed.malformed()), error_notes(feed))?;
        row("anomalies", &anomalies(feed), anomaly_notes(feed))?;
        row("skipped", &feed.skipped.total(), skipped_notes(feed))?;
        if !feed.unread.is_empty() {
            row("unread", &feed.unread.total(), unread_notes(&feed.unread))?;
        }
        row("connects", &stats.connects, loss_notes(stats))
    }
}

/// The counters of a run on one line.
pub(crate) struct Summary<'a> {
    pub(crate) stats: &'a ClientStats,
    pub(crate) elapsed: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, elapsed } = self;
        let feed = &stats.feed;
        let frames = Counted(feed.frames, "frame");
        write!(f, "{:.1} s, {frames}: ", elapsed.as_secs_f64())?;
        let notes = [event_notes(feed), anomaly_notes(feed)];
        for text in notes.iter().filter(|text| !text.is_empty()) {
            write!(f, "{text}, ")?;
        }
        write!(f, "{} skipped, {} malformed", feed.skipped.total(), feed.malformed())?;
        if !feed.unread.is_empty() {
            let unread = unread_notes(&feed.unread);
            write!(f, "; optional values that could not be read: {unread}")?;
        }
        write!(f, "; {}, {} lost or failed", Counted(stats.connects, "connect"), stats.losses)?;
        let mut known = percentiles(&stats.latency).filter_map(|(name, at)| Some((name, at?)));
        if let (Some((_, p50)), Some((_, p99))) = (known.next(), known.next()) {
            write!(f, "; p50 {p50}, p99 {p99} from receipt to book")?;
        }
        Ok(())
    }
}

/// All events that were emitted.
pub(crate) const fn events(feed: &Stats) -> u64 {
    feed.books + feed.trades + feed.depths + feed.controls
}

fn event_notes(feed: &Stats) -> String {
    listed([
        ("book", feed.books),
        ("trade", feed.trades),
        ("order book", feed.depths),
        ("control", feed.controls),
    ])
}

/// Malformed frames by their kind, and refusals of the exchange.
fn error_notes(feed: &Stats) -> String {
    let kinds = feed.errors.iter().map(|(kind, count)| (kind.name(), count));
    listed(kinds.chain([("refused by the exchange", feed.control_errors)]))
}

/// Well-formed messages with content that should not occur.
pub(crate) const fn anomalies(feed: &Stats) -> u64 {
    let books = feed.crossed + feed.unsorted + feed.empty_levels;
    let order_books = feed.gaps + feed.mismatches + feed.broken;
    books + order_books + feed.backwards + feed.unsubscribed
}

fn anomaly_notes(feed: &Stats) -> String {
    listed([
        ("crossed", feed.crossed),
        ("unsorted", feed.unsorted),
        ("empty level", feed.empty_levels),
        ("sequence gap", feed.gaps),
        ("checksum mismatch", feed.mismatches),
        ("order book broken otherwise", feed.broken),
        ("time backwards", feed.backwards),
        ("not subscribed", feed.unsubscribed),
    ])
}

/// Optional values that could not be read, by field.
pub(crate) fn unread_notes(unread: &UnreadCounts) -> String {
    listed(unread.iter().map(|(field, count)| (field.name(), count)))
}

fn skipped_notes(feed: &Stats) -> String {
    let named = |(name, count)| (if str::is_empty(name) { "(no channel)" } else { name }, count);
    listed(feed.skipped.iter().map(named).chain([("others", feed.skipped.other)]))
}

fn loss_notes(stats: &ClientStats) -> String {
    let why = stats.last_loss.as_deref().map(|why| format!(", last: {}", Printable(why)));
    format!("{} lost or failed{}", stats.losses, why.unwrap_or_default())
}

/// The counts by name, without those that are 0.
fn listed<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let some = counts.into_iter().filter(|(_, count)| *count > 0);
    some.map(|(name, count)| format!("{} {name}", count)).collect::<Vec<_>>().join(", ")
}
