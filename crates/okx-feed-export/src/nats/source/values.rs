//! The value of a topic and its publishers.

use okx_feed::book::{ApplyOutcome, BookSync, DepthAction};
use okx_feed::model::{ChannelKind, RecordData};
use okx_feed::publish::{
    BookPublisher, DepthPublisher, RecordPublisher, RecordRingPublisher, TradePublisher,
};
use okx_feed::{Book5, BookState, Channel, DepthBook, DepthUpdate, Record, Topic, UnixNanos};

use super::chain::{Step, step};
use super::options::SourceOptions;
use super::readers::TopicReaders;
use super::seen::{SeenMessages, SeenTrades};
use crate::nats::decode::DepthPayload;

/// What a topic's channel feeds.
#[derive(Debug)]
pub(super) enum Value {
    Book { last: Option<Book5>, publisher: BookPublisher },
    Depth { book: Box<DepthBook>, top: BookPublisher, publisher: DepthPublisher },
    Trades { seen: SeenTrades, publisher: TradePublisher },
    Latest { last: Option<Record>, publisher: RecordPublisher },
    Stream { seen: SeenMessages, publisher: RecordRingPublisher },
}

/// The outcome of an order-book message.
#[derive(Clone, Copy, Debug)]
pub(super) enum DepthOutcome {
    Applied(ApplyOutcome),
    Old,
    /// The book was compared with the whole one and is the same.
    Same,
    /// It was not the same, and is replaced.
    Different(ApplyOutcome),
}

impl Value {
    /// An empty value; `None` for a channel that is not published.
    pub(super) fn new(channel: Channel, options: &SourceOptions) -> Option<Self> {
        Some(match channel.kind() {
            ChannelKind::Book5 => Self::Book { last: None, publisher: BookPublisher::new() },
            ChannelKind::Depth => {
                let mut book = DepthBook::with_capacity(options.book_capacity);
                if channel.has_non_rpi() {
                    book.keep_non_rpi();
                }
                let (top, publisher) = (BookPublisher::new(), DepthPublisher::new());
                Self::Depth { book: Box::new(book), top, publisher }
            }
            ChannelKind::Trades => Self::Trades {
                seen: SeenTrades::default(),
                publisher: TradePublisher::with_len(options.trades),
            },
            ChannelKind::Latest(_) => {
                Self::Latest { last: None, publisher: RecordPublisher::new() }
            }
            ChannelKind::Stream(_) => Self::Stream {
                seen: SeenMessages::default(),
                publisher: RecordRingPublisher::with_len(options.trades),
            },
            ChannelKind::Raw => return None,
        })
    }

    pub(super) fn readers(&self) -> TopicReaders {
        let mut readers = TopicReaders::default();
        match self {
            Self::Book { publisher, .. } => readers.book = Some(publisher.reader()),
            Self::Depth { top, publisher, .. } => {
                readers.book = Some(top.reader());
                readers.depth = Some(publisher.reader());
            }
            Self::Trades { publisher, .. } => readers.trades = Some(publisher.reader()),
            Self::Latest { publisher, .. } => readers.record = Some(publisher.reader()),
            Self::Stream { publisher, .. } => readers.records = Some(publisher.reader()),
        }
        readers
    }

    /// Whether there is a value that may be shown as live.
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Self::Book { last, .. } => last.is_some(),
            Self::Depth { book, .. } => book.sync() == BookSync::Live,
            Self::Latest { last, .. } => last.is_some(),
            Self::Trades { .. } | Self::Stream { .. } => true,
        }
    }

    /// Whether an order book has failed a check.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Depth { book, .. } if matches!(book.sync(), BookSync::Broken(_)))
    }

    /// Drops what may be outdated: messages were lost.
    pub(super) fn invalidate(&mut self) {
        match self {
            Self::Book { last, .. } => *last = None,
            Self::Depth { book, .. } => book.clear(),
            Self::Latest { last, .. } => *last = None,
            Self::Trades { .. } | Self::Stream { .. } => {}
        }
    }

    /// Publishes a state with the value unchanged.
    pub(super) fn publish_state(&mut self, state: BookState) {
        match self {
            Self::Book { publisher, .. } => publisher.publish_state(state),
            Self::Depth { top, publisher, .. } => {
                top.publish_state(state);
                publisher.publish_state(state);
            }
            Self::Trades { publisher, .. } => publisher.publish_state(state),
            Self::Latest { publisher, .. } => publisher.publish_state(state),
            Self::Stream { publisher, .. } => publisher.publish_state(state),
        }
    }

    /// Publishes the value and its state in one write.
    pub(super) fn publish(&mut self, state: BookState) {
        match self {
            Self::Book { last: Some(book), publisher } => publisher.publish(book, state),
            Self::Depth { book, top, publisher } => {
                top.publish(&book.view().top5(), state);
                publisher.publish_book(&book.view(), state);
            }
            Self::Latest { last: Some(record), publisher } => publisher.publish(record, state),
            other => other.publish_state(state),
        }
    }
}

/// Whether a book is newer than the last one: of two writers, the slower one brings old ones.
pub(super) fn is_newer(book: &Book5, last: Option<&Book5>) -> bool {
    let Some(last) = last else { return true };
    match (book.seq(), last.seq()) {
        (Some(new), Some(old)) => new > old || book.ts_event > last.ts_event,
        _ => book.ts_event > last.ts_event || (book.ts_event == last.ts_event && !same(book, last)),
    }
}

fn same(a: &Book5, b: &Book5) -> bool {
    a.asks() == b.asks() && a.bids() == b.bids()
}

/// Whether a record is newer than the last one.
pub(super) fn is_newer_record(record: &Record, last: Option<&Record>) -> bool {
    let time = |of: &Record| match &of.data {
        RecordData::Candle(candle) => candle.start,
        _ => of.ts_event,
    };
    last.is_none_or(|last| time(record) >= time(last) && record.data != last.data)
}

/// Applies a message to a book.
pub(super) fn apply(
    book: &mut DepthBook,
    topic: Topic<'_>,
    message: &DepthPayload,
) -> DepthOutcome {
    let update = update(topic, message);
    let is_snapshot = message.action == DepthAction::Snapshot;
    match step(&book.view(), book.sync(), message, is_snapshot) {
        Step::Old => DepthOutcome::Old,
        Step::Apply => DepthOutcome::Applied(book.apply(&update)),
        Step::Compare => {
            let view = book.view();
            if view.asks() == update.asks && view.bids() == update.bids {
                return DepthOutcome::Same;
            }
            book.forget();
            DepthOutcome::Different(book.apply(&update))
        }
    }
}

/// A message as the library's own type, without the sizes without RPI orders.
pub(super) fn update<'p>(topic: Topic<'p>, message: &'p DepthPayload) -> DepthUpdate<'p> {
    DepthUpdate {
        topic,
        action: message.action,
        ts_event: message.ts_event,
        ts_recv: message.ts_recv,
        seq: message.seq,
        prev_seq: message.prev_seq,
        checksum: message.checksum,
        asks: &message.asks,
        bids: &message.bids,
        non_rpi: message
            .non_rpi
            .as_ref()
            .map(|(asks, bids)| okx_feed::book::NonRpiSizes { asks, bids }),
    }
}

/// The receive time of the value, for the time of a state's change.
pub(super) fn time_of(value: &Value) -> UnixNanos {
    match value {
        Value::Book { last: Some(book), .. } => book.ts_recv,
        Value::Depth { book, .. } => book.view().ts_recv,
        Value::Latest { last: Some(record), .. } => record.ts_recv,
        _ => UnixNanos::UNKNOWN,
    }
}
