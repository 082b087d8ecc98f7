//! Publication of a slot to other threads: readers, publishers and prefetch.

use super::{Slot, SlotData};
use crate::publish::{
    BookPublisher, BookReader, DepthPublisher, DepthReader, Publishers, RecordPublisher,
    RecordReader, RecordRingPublisher, RecordRingReader, TradePublisher, TradeReader,
    prefetch_lines,
};

impl Slot {
    /// A reader of the book for another thread; `None` for trades. Each update is published from
    /// the first reader on.
    pub fn book_reader(&mut self) -> Option<BookReader> {
        match &mut self.data {
            SlotData::Book(publisher) => Some(publisher.reader()),
            SlotData::Trades { .. } | SlotData::Latest(_) | SlotData::Stream { .. } => None,
            SlotData::Depth { book, publisher, .. } => {
                let publisher = publisher.get_or_insert_with(|| {
                    let mut publisher = BookPublisher::new();
                    publisher.publish(&book.view().top5(), self.state);
                    publisher
                });
                Some(publisher.reader())
            }
        }
    }

    /// A reader of the best levels of an order book for another thread; `None` for other channels.
    pub fn depth_reader(&mut self) -> Option<DepthReader> {
        let SlotData::Depth { book, levels, .. } = &mut self.data else { return None };
        let publisher = levels.get_or_insert_with(|| {
            let mut publisher = DepthPublisher::new();
            publisher.publish_book(&book.view(), self.state);
            publisher
        });
        Some(publisher.reader())
    }

    /// A reader of the trades for another thread; `None` for other channels. Trades are published
    /// from the first reader on; earlier ones are not.
    pub fn trade_reader(&mut self) -> Option<TradeReader> {
        let SlotData::Trades { publisher, options, .. } = &mut self.data else { return None };
        let state = self.state;
        let publisher = publisher.get_or_insert_with(|| {
            let mut publisher = TradePublisher::with_len(options.ring_len);
            publisher.publish_state(state);
            publisher
        });
        Some(publisher.reader())
    }

    /// A reader of the latest record for another thread; `None` for channels whose messages do not
    /// replace one another.
    pub fn record_reader(&mut self) -> Option<RecordReader> {
        let SlotData::Latest(publisher) = &self.data else { return None };
        Some(publisher.reader())
    }

    /// A reader of the last records for another thread; `None` for channels whose messages replace
    /// one another. Records are published from the first reader on; earlier ones are not.
    pub fn record_ring_reader(&mut self) -> Option<RecordRingReader> {
        let SlotData::Stream { publisher, options } = &mut self.data else { return None };
        let state = self.state;
        let publisher = publisher.get_or_insert_with(|| {
            let mut publisher = RecordRingPublisher::with_len(options.record_ring_len());
            publisher.publish_state(state);
            publisher
        });
        Some(publisher.reader())
    }

    /// Moves the publishers out of the slot, so that an arbiter publishes instead. Readers keep
    /// working.
    pub(in crate::feed) fn take_publishers(&mut self) -> Publishers {
        // Publishers without a reader are created first, so that they hold the current data.
        let _ = (self.book_reader(), self.depth_reader(), self.trade_reader());
        let _ = self.record_ring_reader();
        let (mut book, mut depth, mut trades) = (None, None, None);
        let (mut record, mut records) = (None, None);
        match &mut self.data {
            SlotData::Book(publisher) => {
                let mut own = BookPublisher::new();
                own.publish(&publisher.value(), self.state);
                book = Some(std::mem::replace(publisher, own));
            }
            SlotData::Trades { publisher, .. } => trades = publisher.take(),
            SlotData::Depth { publisher, levels, .. } => {
                (book, depth) = (publisher.take(), levels.take());
            }
            SlotData::Latest(publisher) => {
                let mut own = RecordPublisher::new();
                own.publish(&publisher.value(), self.state);
                record = Some(std::mem::replace(publisher, own));
            }
            SlotData::Stream { publisher, .. } => records = publisher.take(),
        }
        Publishers { book, depth, trades, record, records }
    }

    pub(super) fn publish_state(&mut self) {
        match &mut self.data {
            SlotData::Book(publisher) => publisher.publish_state(self.state),
            SlotData::Trades { publisher: Some(publisher), .. } => {
                publisher.publish_state(self.state);
            }
            SlotData::Depth { publisher, levels, .. } => {
                if let Some(publisher) = publisher {
                    publisher.publish_state(self.state);
                }
                if let Some(levels) = levels {
                    levels.publish_state(self.state);
                }
            }
            SlotData::Latest(publisher) => publisher.publish_state(self.state),
            SlotData::Stream { publisher: Some(publisher), .. } => {
                publisher.publish_state(self.state);
            }
            SlotData::Trades { publisher: None, .. } | SlotData::Stream { publisher: None, .. } => {
            }
        }
    }

    /// The published book, if every message replaces it: the memory to prefetch before a write.
    pub(in crate::feed) fn prefetch_target(&self) -> Option<BookReader> {
        match &self.data {
            SlotData::Book(publisher) => Some(publisher.reader()),
            _ => None,
        }
    }

    /// Prefetches the ring entries of the next trade. Each trade goes to another entry, which is
    /// not in cache.
    #[inline]
    pub(in crate::feed) fn prefetch_next(&self) {
        if let SlotData::Trades { ring, publisher, .. } = &self.data {
            if let Some(entry) = ring.next_entry() {
                prefetch_lines(entry);
            }
            if let Some(publisher) = publisher {
                publisher.prefetch_next();
            }
        }
    }
}
