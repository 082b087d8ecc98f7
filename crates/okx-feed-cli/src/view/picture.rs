//! Everything that one drawing of the view shows, as plain values.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::format::{Printable, clock_text};
use crate::ladder::Ladder;
use crate::monitor::{Monitor, Reader, Watched};
use crate::report::{anomalies, errors};
use okx_feed::model::FieldValue;
use okx_feed::publish::DepthSnapshot;
use okx_feed::{
    Book5, BookState, Decimal, InstrumentId, Market, Record, Subscription, Trade, TradeReader,
};

/// The most further channels and trades that any window has room for.
const MAX_ROWS: usize = 250;

/// Everything that one drawing of the view shows.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) elapsed: Duration,
    /// The book and the trades of the chosen instrument, if it has both.
    pub(super) panels: Vec<Pane>,
    /// The other channels, as many as any window has room for.
    pub(super) others: Vec<Pane>,
    /// How many more there are.
    pub(super) more: usize,
    /// The number of the chosen instrument, from 1, and how many there are.
    pub(super) instrument: (usize, usize),
    pub(super) counters: Counters,
    /// The middle of the book of the first panel, oldest first; `None` if it was not live.
    pub(super) mids: Vec<Option<Decimal>>,
}

/// A channel and its content.
#[derive(Clone, Debug)]
pub(super) struct Pane {
    pub(super) name: String,
    pub(super) content: Content,
}

/// The content of a channel.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Book(Ladder),
    Trades(Tape),
    Record(RecordFields),
}

impl Content {
    pub(super) const fn state(&self) -> BookState {
        match self {
            Self::Book(ladder) => ladder.state,
            Self::Trades(tape) => tape.state,
            Self::Record(record) => record.state,
        }
    }
}

/// The latest trades of a channel.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    pub(super) state: BookState,
    /// How many there were in all.
    pub(super) count: u64,
    /// The newest first.
    pub(super) trades: Vec<Trade>,
}

impl Tape {
    fn of(reader: &TradeReader, most: usize) -> Self {
        let count = reader.next();
        let first = count.saturating_sub(most as u64);
        let mut trades: Vec<_> = reader.since(first).map(|(_, trade)| trade).collect();
        trades.reverse();
        Self { state: reader.state(), count, trades }
    }
}

/// The latest record of a channel, as texts.
#[derive(Clone, Debug)]
pub(super) struct RecordFields {
    pub(super) state: BookState,
    /// How many there were in all.
    pub(super) count: u64,
    /// The names and values of the fields that it has.
    pub(super) fields: Vec<(&'static str, String)>,
}

impl RecordFields {
    fn of(state: BookState, count: u64, record: &Record) -> Self {
        let mut fields = Vec::new();
        record.data.fields(&mut |name, value| {
            let text = match value {
                FieldValue::Decimal(number) => number.to_string(),
                FieldValue::Text(text) => Printable(text).to_string(),
                FieldValue::Time(time) => clock_text(time),
                FieldValue::Bool(value) => value.to_string(),
                FieldValue::Integer(value) => value.to_string(),
                _ => return,
            };
            fields.push((name, text));
        });
        Self { state, count, fields }
    }
}

/// The counters of a client.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    pub(super) frames: u64,
    pub(super) frames_per_sec: u64,
    pub(super) bytes: u64,
    pub(super) errors: u64,
    pub(super) losses: u64,
    /// How many connections are open, and how many there are to be.
    pub(super) connections: (usize, usize),
    /// Nanoseconds from receipt to book.
    pub(super) latency: Histogram<u64>,
}

impl Counters {
    fn of(monitor: &Monitor) -> Self {
        let stats = monitor.stats();
        let feed = &stats.feed;
        Self {
            frames: feed.frames,
            frames_per_sec: monitor.frames_per_sec(),
            bytes: feed.wire_bytes,
            errors: errors(feed, feed.malformed()) + anomalies(feed),
            losses: stats.losses,
            connections: monitor.connections(),
            latency: stats.latency.clone(),
        }
    }
}

impl Picture {
    /// Takes a picture with the instrument of this number in the panels. Where more levels than
    /// five are asked for, a book that has them comes first.
    pub(super) fn take(monitor: &mut Monitor, selected: usize, depth: Option<usize>) -> Self {
        let instruments = instruments(monitor.channels());
        let at = selected % instruments.len().max(1);
        let chosen = instruments
            .get(at)
            .map(|instrument| chosen(monitor.channels(), instrument, depth))
            .unwrap_or_default();
        monitor.keep_mids_of(chosen.iter().copied().find(|at| {
            let watched = monitor.channels().get(*at);
            watched.is_some_and(|watched| is_book(&watched.reader))
        }));
        let channels = monitor.channels();
        let panels = chosen.iter().filter_map(|at| channels.get(*at));
        let panels = panels.map(|watched| pane(watched, DepthSnapshot::LEVELS, MAX_ROWS)).collect();
        let others = channels.iter().enumerate().filter(|(at, _)| !chosen.contains(at));
        let others: Vec<_> = others.map(|(_, watched)| watched).collect();
        let more = others.len().saturating_sub(MAX_ROWS);
        let others = others.iter().take(MAX_ROWS).map(|watched| pane(watched, 1, 1)).collect();
        Self {
            elapsed: monitor.elapsed(),
            panels,
            others,
            more,
            instrument: (at + 1, instruments.len()),
            counters: Counters::of(monitor),
            mids: monitor.mids().collect(),
        }
    }
}

fn pane(watched: &Watched, levels: usize, trades: usize) -> Pane {
    let content = match &watched.reader {
        Reader::Book(reader) => Content::Book(Ladder::of_book(reader, levels)),
        Reader::Deep(reader) => Content::Book(Ladder::of_depth(reader, levels)),
        Reader::Trades(reader) => Content::Trades(Tape::of(reader, trades)),
        Reader::Record(reader) => {
            let latest = reader.snapshot();
            Content::Record(RecordFields::of(latest.state, latest.version, &latest.value))
        }
        Reader::Records(reader) => {
            let last = reader.last().unwrap_or(Record::EMPTY);
            Content::Record(RecordFields::of(reader.state(), reader.next(), &last))
        }
    };
    Pane { name: watched.subscription.to_string(), content }
}

type Instrument = (Option<Market>, InstrumentId);

/// The instrument of a subscription.
fn instrument_of(subscription: &Subscription) -> Instrument {
    (subscription.market(), *subscription.inst_id())
}

/// The instruments in the order in which they were asked for.
fn instruments(channels: &[Watched]) -> Vec<Instrument> {
    let mut found = std::collections::HashSet::new();
    let all = channels.iter().map(|watched| instrument_of(&watched.subscription));
    all.filter(|instrument| found.insert(*instrument)).collect()
}

fn is_book(reader: &Reader) -> bool {
    matches!(reader, Reader::Book(_) | Reader::Deep(_))
}

/// The two channels of an instrument that get a panel: a book and its trades, or two of a kind.
fn chosen(channels: &[Watched], instrument: &Instrument, depth: Option<usize>) -> Vec<usize> {
    let mut own = channels.iter().enumerate();
    let own: Vec<_> =
        own.by_ref().filter(|(_, c)| instrument_of(&c.subscription) == *instrument).collect();
    let find = |wanted: fn(&Reader) -> bool| {
        own.iter().find(|(_, channel)| wanted(&channel.reader)).map(|(at, _)| *at)
    };
    let wants_deep = depth.is_some_and(|depth| depth > Book5::LEVELS);
    let deep = find(|reader| matches!(reader, Reader::Deep(_))).filter(|_| wants_deep);
    let book = deep.or_else(|| find(is_book));
    let trades = find(|reader| matches!(reader, Reader::Trades(_)));
    let mut chosen: Vec<usize> = [book, trades].into_iter().flatten().collect();
    let rest: Vec<_> = own.iter().map(|(at, _)| *at).filter(|at| !chosen.contains(at)).collect();
    chosen.extend(rest);
    chosen.truncate(2);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::publish::{BookPublisher, DepthPublisher, TradePublisher};

    fn watched(name: &str) -> Watched {
        let subscription: Subscription = name.parse().unwrap();
        let reader = match () {
            () if name.starts_with("trades") => Reader::Trades(TradePublisher::new().reader()),
            () if name.starts_with("books:") => Reader::Deep(DepthPublisher::new().reader()),
            () => Reader::Book(BookPublisher::new().reader()),
        };
        Watched { subscription, reader }
    }

    #[test]
    fn the_panels_are_of_one_instrument() {
        let channels: Vec<_> =
            ["books5:A", "books:A", "trades:B", "trades:A", "bbo-tbt:B", "bbo-tbt:C"]
                .map(watched)
                .into();
        let all = instruments(&channels);
        let names: Vec<_> = all.iter().map(|(_, id)| id.as_str().to_owned()).collect();
        assert_eq!(names, ["A", "B", "C"]);
        let of = |at: usize, depth| chosen(&channels, &all[at], depth);
        assert_eq!(of(0, None), [0, 3]);
        assert_eq!(of(0, Some(5)), [0, 3]);
        assert_eq!(of(0, Some(6)), [1, 3]);
        assert_eq!(of(1, None), [4, 2]);
        assert_eq!(of(2, None), [5]);
    }
}
