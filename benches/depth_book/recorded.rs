//! Recorded order books, channel by channel, where the machine has recordings.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use okx_feed::book::{Checksum, DepthAction, Verify};
use okx_feed::{
    Decoder, DepthBook, DepthUpdate, Dialect, Event, Frame, Level, Subscription, Topic, UnixNanos,
};

use crate::captures;
use crate::maps::MapBook;
use crate::segments::time_updates;
use crate::stream::{Stream, deflated};

/// The fewest messages of a channel that say anything.
const ENOUGH: usize = 100;

/// A recorded message with levels of its own.
struct Message {
    channel: okx_feed::Channel,
    market: Option<okx_feed::Market>,
    inst_id: String,
    /// The place of its book.
    book: usize,
    action: DepthAction,
    ts_event: UnixNanos,
    seq: i64,
    prev_seq: i64,
    checksum: Option<i32>,
    asks: Vec<Level>,
    bids: Vec<Level>,
}

impl Message {
    fn read(dialect: Dialect, text: &str) -> Option<Self> {
        let mut found = Vec::new();
        let mut sink = |event: &Event<'_>| {
            if let Event::Depth(update) = event {
                found.push(Self {
                    channel: update.topic.channel,
                    market: update.topic.market,
                    inst_id: update.topic.inst_id.to_owned(),
                    book: 0,
                    action: update.action,
                    ts_event: update.ts_event,
                    seq: update.seq,
                    prev_seq: update.prev_seq,
                    checksum: update.checksum,
                    asks: update.asks.to_vec(),
                    bids: update.bids.to_vec(),
                });
            }
        };
        Decoder::new(dialect).decode(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).ok()?;
        (found.len() == 1).then(|| found.remove(0))
    }

    fn update(&self) -> DepthUpdate<'_> {
        DepthUpdate {
            topic: Topic { channel: self.channel, market: self.market, inst_id: &self.inst_id },
            action: self.action,
            ts_event: UnixNanos(1),
            ts_recv: UnixNanos(2),
            seq: self.seq,
            prev_seq: self.prev_seq,
            checksum: self.checksum,
            asks: &self.asks,
            bids: &self.bids,
            non_rpi: None,
        }
    }

    fn subscription(&self) -> Subscription {
        let (channel, inst_id) = (self.channel.name(), &self.inst_id);
        let name = match self.market {
            Some(market) => format!("{market}/{channel}:{inst_id}"),
            None => format!("{channel}:{inst_id}"),
        };
        name.parse().unwrap()
    }
}

/// All messages of whole recordings by dialect and channel, without those before a snapshot or
/// after an old one.
fn channels() -> BTreeMap<String, (Dialect, Vec<(String, Message)>)> {
    let mut channels = BTreeMap::<String, (Dialect, Vec<_>)>::new();
    let mut times = HashMap::<Subscription, UnixNanos>::new();
    for (dialect, lines) in captures::order_books() {
        let mut begun = Vec::new();
        for line in lines {
            let Some(message) = Message::read(dialect, &line) else { continue };
            let subscription = message.subscription();
            let time = times.entry(subscription).or_default();
            if message.action == DepthAction::Snapshot {
                begun.push(subscription);
                // A feed does not show a book older than the one before it.
                if message.ts_event < *time {
                    begun.retain(|known| *known != subscription);
                }
            }
            *time = message.ts_event.max(*time);
            if has_numbers(&line) {
                begun.retain(|known| *known != subscription);
            }
            if begun.contains(&subscription) {
                let name = format!("{dialect} {}", message.channel);
                channels.entry(name).or_insert((dialect, Vec::new())).1.push((line, message));
            }
        }
    }
    channels.retain(|_, (_, messages)| messages.len() >= ENOUGH);
    channels
}

/// Whether a level has a number where serde's structs have a text, as in the recordings of 2019.
fn has_numbers(line: &str) -> bool {
    line.as_bytes().windows(3).any(|part| part.starts_with(b"\",") && part[2].is_ascii_digit())
}

/// The recorded channels as frames.
pub(crate) fn streams() -> Vec<Stream> {
    let stream = |(name, (dialect, messages)): (String, (Dialect, Vec<(String, Message)>))| {
        let mut stream = Stream::new(name, dialect);
        for (line, message) in messages {
            match dialect {
                Dialect::V3 => {
                    stream.push(&deflated(line.as_bytes()), true, message.subscription())
                }
                Dialect::V5 => stream.push(line.as_bytes(), false, message.subscription()),
            }
        }
        stream
    };
    channels().into_iter().map(stream).collect()
}

/// Applies the recorded updates of each channel, decoded before.
pub(crate) fn apply(criterion: &mut Criterion) {
    for (name, (_, messages)) in channels() {
        let mut places = Vec::new();
        let mut marked = Vec::new();
        for (_, mut message) in messages {
            let subscription = message.subscription();
            let known = places.iter().position(|known| *known == subscription);
            message.book = known.unwrap_or(places.len());
            if known.is_none() {
                places.push(subscription);
            }
            marked.push((message.action == DepthAction::Snapshot, message));
        }
        let mut books: Vec<_> = places.iter().map(|_| DepthBook::new()).collect();
        let mut maps: Vec<_> = places.iter().map(|_| MapBook::default()).collect();
        for (_, message) in &marked {
            let (book, map) = (&mut books[message.book], &mut maps[message.book]);
            assert_eq!(book.apply(&message.update()).checksum, Checksum::Ok);
            map.apply(message.action, &message.asks, &message.bids);
            assert_eq!(Some(map.checksum()), message.checksum);
            let view = book.live().unwrap();
            assert!(view.asks().iter().eq(map.asks.values()));
            assert!(view.bids().iter().eq(map.bids.values().rev()));
        }
        let mut group = criterion.benchmark_group(format!("recorded {name}"));
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
        group.sample_size(30);
        for (what, verify) in [("apply", Verify::Off), ("apply_verify", Verify::Every)] {
            books.iter_mut().for_each(|book| book.set_verify(verify));
            time_updates(&mut group, BenchmarkId::new(what, "okx_feed"), &marked, |message| {
                let book = &mut books[message.book];
                if message.action == DepthAction::Snapshot {
                    // Of the round before it would be an older one.
                    book.forget();
                }
                book.apply(&message.update())
            });
            time_updates(&mut group, BenchmarkId::new(what, "btreemap"), &marked, |message| {
                let map = &mut maps[message.book];
                map.apply(message.action, &message.asks, &message.bids);
                verify == Verify::Off || message.checksum == Some(map.checksum())
            });
        }
        group.finish();
    }
}
