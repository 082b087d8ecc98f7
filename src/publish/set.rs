//! The publishers of one subscription.

use super::depth::PUBLISHED_LEVELS;
use super::latest::SeqPublisher;
use super::readers::{
    BookPublisher, DepthPublisher, Readers, RecordPublisher, RecordRingPublisher, TradePublisher,
};
use super::ring::{RingPublisher, TradeOptions};
use crate::book::{BOOK5_LEVELS, DepthBook};
use crate::event::Event;
use crate::model::{BookState, ChannelKind};

/// The publishers of one subscription; `None` for data that its channel does not have.
#[derive(Debug, Default)]
pub(crate) struct Publishers {
    pub(crate) book: Option<BookPublisher>,
    pub(crate) depth: Option<DepthPublisher>,
    pub(crate) trades: Option<TradePublisher>,
    pub(crate) record: Option<RecordPublisher>,
    pub(crate) records: Option<RecordRingPublisher>,
}

impl Publishers {
    /// Makes the publishers that a kind of channel needs, with nothing published.
    pub(crate) fn new(kind: ChannelKind, options: TradeOptions) -> Self {
        let mut made = Self::default();
        match kind {
            ChannelKind::Book5 => made.book = Some(BookPublisher::new()),
            ChannelKind::Depth => {
                made.book = Some(BookPublisher::new());
                made.depth = Some(DepthPublisher::new());
            }
            ChannelKind::Trades => made.trades = Some(TradePublisher::with_len(options.ring_len)),
            ChannelKind::Latest(_) => made.record = Some(RecordPublisher::new()),
            // A ring without an entry in use, for its state.
            ChannelKind::Raw => made.records = Some(RecordRingPublisher::with_len(1)),
            ChannelKind::Stream(_) => {
                let len = options.record_ring_len();
                made.records = Some(RecordRingPublisher::with_len(len));
            }
        }
        made
    }

    /// Readers of all that is published.
    pub(crate) fn readers(&self) -> Readers {
        Readers {
            book: self.book.as_ref().map(SeqPublisher::reader),
            depth: self.depth.as_ref().map(SeqPublisher::reader),
            trades: self.trades.as_ref().map(RingPublisher::reader),
            record: self.record.as_ref().map(SeqPublisher::reader),
            records: self.records.as_ref().map(RingPublisher::reader),
        }
    }

    /// Publishes the data of an event. An order book is published where readers see what has
    /// changed, or whole. A ring has its state apart.
    #[inline]
    pub(crate) fn publish(
        &mut self,
        event: &Event<'_>,
        state: BookState,
        is_whole: impl FnOnce() -> bool,
    ) {
        let Self { book, depth, trades, record, records } = self;
        match event {
            Event::Book(update) => {
                book.iter_mut().for_each(|book| book.publish(update.book, state));
            }
            Event::DepthBook(change) => {
                let first_changed = if is_whole() { Some(0) } else { change.outcome.first_changed };
                publish_order_book(book, depth, change.book, first_changed, state);
            }
            Event::Trade(update) => trades.iter_mut().for_each(|ring| ring.push(update.trade)),
            Event::Record(update) => {
                record.iter_mut().for_each(|latest| latest.publish(update.record, state));
                records.iter_mut().for_each(|ring| ring.push(update.record));
            }
            _ => {}
        }
    }

    /// Publishes a state with the data unchanged.
    pub(crate) fn publish_state(&mut self, state: BookState) {
        let Self { book, depth, trades, record, records } = self;
        if let Some(book) = book {
            book.publish_state(state);
        }
        if let Some(depth) = depth {
            depth.publish_state(state);
        }
        if let Some(trades) = trades {
            trades.publish_state(state);
        }
        if let Some(record) = record {
            record.publish_state(state);
        }
        if let Some(records) = records {
            records.publish_state(state);
        }
    }
}

/// Publishes an order book to those of its readers that see the level `first_changed`, counted from
/// the best one, or one below it; to none for `None`.
#[inline]
pub(crate) fn publish_order_book(
    best: &mut Option<BookPublisher>,
    levels: &mut Option<DepthPublisher>,
    book: &DepthBook,
    first_changed: Option<usize>,
    state: BookState,
) {
    let first_changed = first_changed.unwrap_or(usize::MAX);
    if let Some(best) = best.as_mut().filter(|_| first_changed < BOOK5_LEVELS) {
        best.publish(&book.view().top5(), state);
    }
    if let Some(levels) = levels.as_mut().filter(|_| first_changed < PUBLISHED_LEVELS) {
        levels.publish_book(&book.view(), state);
    }
}
