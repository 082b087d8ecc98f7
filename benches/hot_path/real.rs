//! Recorded traffic: the books and trades of all captures, and whole connections.

use std::collections::{BTreeMap, HashSet};

use criterion::Criterion;
use okx_feed::{Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};

use crate::baselines::{contenders, ours};
use crate::stream::{Stream, deflated};
use crate::{captures, check, time};

/// Times recorded frames; nothing where there are no captures.
pub(crate) fn real(c: &mut Criterion) {
    for dialect in [Dialect::V3, Dialect::V5] {
        if let Some(stream) = books_and_trades(dialect) {
            let mut contenders = contenders(dialect, &stream.subscriptions);
            check(&mut contenders, &stream);
            let mut group = c.benchmark_group(format!("recorded/{}", stream.name));
            for contender in &mut contenders {
                time(&mut group, contender.name, contender, &stream);
            }
        }
        if let Some(stream) = connections(dialect) {
            let mut group = c.benchmark_group(format!("recorded/{}", stream.name));
            let mut ours = ours(dialect, &[]);
            time(&mut group, "ours", &mut ours, &stream);
        }
    }
}

/// The recorded five-level books and trades with one item, as this dialect's frames; without those
/// of early 2019 that write numbers where the baselines' schema has texts.
fn books_and_trades(dialect: Dialect) -> Option<Stream> {
    let name = dialect.to_string();
    let mut stream = Stream::new(format!("{name} books and trades"), dialect);
    let mut all = contenders(dialect, &[]);
    let mut trades = HashSet::new();
    for text in captures::texts(&name) {
        let text = text.trim();
        if !all.iter_mut().all(|contender| contender.take(Frame::Text(text.as_bytes()))) {
            continue;
        }
        // Those with several items are no single book or trade.
        let Some((subscription, 1, trade_id)) = subscription_of(dialect, text) else { continue };
        // A trade that was recorded twice is emitted once by ours.
        if trade_id.is_some_and(|id| !trades.insert((subscription, id))) {
            continue;
        }
        match dialect {
            Dialect::V3 => stream.push(&deflated(text.as_bytes()), true, subscription),
            Dialect::V5 => stream.push(text.as_bytes(), false, subscription),
        }
    }
    (stream.len() > 0).then_some(stream)
}

/// All frames of the recorded connections that are well-formed, of every channel.
fn connections(dialect: Dialect) -> Option<Stream> {
    let name = dialect.to_string();
    let mut stream = Stream::new(format!("{name} whole connections"), dialect);
    for (bytes, binary) in captures::connections(&name) {
        stream.push_at(&bytes, binary, 0);
    }
    (stream.len() > 0).then_some(stream)
}

/// The subscription of a message of a book or a trade, the number of its events, and the id of its
/// last trade.
fn subscription_of(dialect: Dialect, text: &str) -> Option<(Subscription, usize, Option<u64>)> {
    let mut feed = FeedHandler::new(dialect);
    let mut seen = BTreeMap::new();
    let mut trade_id = None;
    let mut sink = |event: &Event<'_>| {
        let text = match event {
            Event::Book(book) => name(book.topic.market, book.topic.channel, book.topic.inst_id),
            Event::Trade(trade) => {
                trade_id = Some(trade.trade.trade_id);
                name(trade.topic.market, trade.topic.channel, trade.topic.inst_id)
            }
            _ => return,
        };
        *seen.entry(text).or_insert(0) += 1;
    };
    feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).ok()?;
    let (name, count) = seen.pop_first()?;
    Some((Subscription::parse(dialect, &name).unwrap(), count, trade_id))
}

fn name(market: Option<okx_feed::Market>, channel: okx_feed::Channel, inst_id: &str) -> String {
    match market {
        Some(market) => format!("{market}/{}:{inst_id}", channel.name()),
        None => format!("{}:{inst_id}", channel.name()),
    }
}
