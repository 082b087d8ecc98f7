//! The other side of the ring.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ring_stats::RingStats;
use super::slot::{DepthHead, Slot};
use super::wake::Wake;
use super::write::SlotReader;
use okx_feed::book::{Book5, DepthAction, NonRpiSizes};
use okx_feed::model::Origin;
use okx_feed::{
    BookState, DepthUpdate, InstrumentId, Level, Qty, Record, Subscription, Trade, UnixNanos,
};

/// An event that left the ring. Borrows the receiver's buffers until the next one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Message<'r> {
    /// A book of at most five levels.
    Book(Subscription, Book5),
    /// A trade.
    Trade {
        /// The subscription.
        subscription: Subscription,
        /// The trade.
        trade: Trade,
        /// As [`TradeUpdate::replayed`](okx_feed::TradeUpdate::replayed).
        replayed: bool,
        /// As [`TradeUpdate::missed`](okx_feed::TradeUpdate::missed).
        missed: u64,
        /// Live, or from history.
        origin: Origin,
        /// The trade's own instrument, if it is another than the subscription's.
        renamed_to: Option<InstrumentId>,
    },
    /// A record.
    Record(Subscription, Record),
    /// An order-book message.
    Depth(DepthMessage<'r>),
    /// The state of a subscription, and the time of its change.
    State(Subscription, BookState, UnixNanos),
    /// So many events of the subscription were dropped here because the ring was full; its state is
    /// this.
    Missed(Subscription, u64, BookState),
}

/// An order-book message with all its levels.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DepthMessage<'r> {
    /// The subscription.
    pub subscription: Subscription,
    /// Whether it is the whole book, repeated at an interval; else a message of the exchange.
    pub is_repeated: bool,
    /// What the levels do.
    pub action: DepthAction,
    /// The exchange's time.
    pub ts_event: UnixNanos,
    /// The receive time.
    pub ts_recv: UnixNanos,
    /// The number of the message; [`DepthUpdate::NO_SEQ`] without one.
    pub seq: i64,
    /// The number of the message before; [`DepthUpdate::NO_SEQ`] without one.
    pub prev_seq: i64,
    /// The checksum of the book after it.
    pub checksum: Option<i32>,
    /// The asks, best first.
    pub asks: &'r [Level],
    /// The bids, best first.
    pub bids: &'r [Level],
    /// The sizes without RPI orders, of channels that have them.
    pub non_rpi: Option<NonRpiSizes<'r>>,
}

impl<'r> DepthMessage<'r> {
    /// The message as the library's own type.
    #[must_use]
    pub fn update(&'r self) -> DepthUpdate<'r> {
        DepthUpdate {
            topic: self.subscription.topic(),
            action: self.action,
            ts_event: self.ts_event,
            ts_recv: self.ts_recv,
            seq: self.seq,
            prev_seq: self.prev_seq,
            checksum: self.checksum,
            asks: self.asks,
            bids: self.bids,
            non_rpi: self.non_rpi,
        }
    }
}

/// The receiver of a [`RingSink`](super::RingSink)'s events, for one thread or task.
#[derive(Debug)]
pub struct RingReceiver {
    ring: SlotReader,
    stats: Arc<RingStats>,
    wake: Wake,
    levels: Vec<Level>,
    sizes: Vec<Qty>,
}

impl RingReceiver {
    pub(super) const fn new(ring: SlotReader, stats: Arc<RingStats>, wake: Wake) -> Self {
        Self { ring, stats, wake, levels: Vec::new(), sizes: Vec::new() }
    }

    /// The counters of the ring.
    #[must_use]
    pub const fn stats(&self) -> &Arc<RingStats> {
        &self.stats
    }

    /// How many slots wait to be read.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.ring.slots.slots()
    }

    /// Whether the feed has ended. What it left is still to be read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ring.slots.is_abandoned()
    }

    /// Waits until the feed has pushed something, or has ended; with
    /// [`RingOptions::poll`](super::RingOptions::poll) so long. May return early.
    ///
    /// # Panics
    /// With that option, outside a tokio runtime with timers.
    pub async fn wait(&self) {
        self.wake.wait().await;
    }

    /// The next event; `None` if there is none now.
    pub fn pop(&mut self) -> Option<Message<'_>> {
        let slot = self.ring.slots.pop().ok()?;
        // A mark was not pushed as an event.
        if !matches!(slot, Slot::Missed(..)) {
            let taken = self.stats.taken.0.load(Ordering::Relaxed);
            self.stats.taken.0.store(taken + 1, Ordering::Release);
        }
        Some(match slot {
            Slot::Book(subscription, book) => Message::Book(subscription, book),
            Slot::Trade(subscription, slot) => Message::Trade {
                subscription,
                trade: slot.trade,
                replayed: slot.replayed,
                missed: slot.missed,
                origin: slot.origin,
                renamed_to: slot.renamed_to,
            },
            Slot::Record(subscription) => {
                Message::Record(subscription, self.ring.records.pop().ok()?)
            }
            Slot::State(subscription, state, at) => Message::State(subscription, state, at),
            Slot::Missed(subscription, count, state) => Message::Missed(subscription, count, state),
            Slot::Depth(subscription, head) => Message::Depth(self.depth(subscription, head)?),
            // They are read with their message.
            Slot::Levels(_) | Slot::NonRpi(_) => return None,
        })
    }

    /// Collects the levels of a message.
    fn depth(&mut self, subscription: Subscription, head: DepthHead) -> Option<DepthMessage<'_>> {
        self.levels.clear();
        self.sizes.clear();
        for slot in self.ring.slots.read_chunk(head.slots() - 1).ok()? {
            match slot {
                Slot::Levels(levels) => self.levels.extend(levels),
                Slot::NonRpi(sizes) => self.sizes.extend(sizes),
                // A message is pushed as a whole.
                _ => return None,
            }
        }
        let (asks, rest) = self.levels.split_at_checked(head.asks)?;
        let non_rpi = match self.sizes.split_at_checked(head.asks) {
            Some((asks, rest)) if head.has_non_rpi => {
                Some(NonRpiSizes { asks, bids: rest.get(..head.bids)? })
            }
            _ => None,
        };
        Some(DepthMessage {
            subscription,
            is_repeated: head.is_repeated,
            action: head.action,
            ts_event: head.ts_event,
            ts_recv: head.ts_recv,
            seq: head.seq,
            prev_seq: head.prev_seq,
            checksum: head.checksum,
            asks,
            bids: rest.get(..head.bids)?,
            non_rpi,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{RingOptions, RingSink};
    use okx_feed::{Dialect, FeedHandler, Frame, NoSink};
    use okx_feed_testkit::page_faults::page_faults;
    use std::time::Duration;

    fn feed(topics: &[&str]) -> FeedHandler {
        let mut feed = FeedHandler::new(Dialect::V5);
        topics.iter().for_each(|topic| feed.subscribe(topic.parse().unwrap()).unwrap());
        feed
    }

    fn trade(id: u64) -> String {
        format!(
            r#"{{"arg":{{"channel":"trades","instId":"A-B"}},"data":[{{"instId":"A-B","tradeId":"{id}","px":"1.5","sz":"1","side":"buy","ts":"1700000000125","count":"1","seqId":{id}}}]}}"#
        )
    }

    fn depth(action: &str, before: i64, seq: i64) -> String {
        let bids: Vec<_> =
            (0..40).map(|n| format!(r#"["{}","{}","0","1"]"#, 100 - n, seq)).collect();
        format!(
            r#"{{"arg":{{"channel":"books","instId":"A-B"}},"action":"{action}","data":[{{"asks":[["101","{seq}","0","1"]],"bids":[{}],"ts":"1700000000{seq}","checksum":0,"seqId":{seq},"prevSeqId":{before}}}]}}"#,
            bids.join(",")
        )
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Seen {
        Trade(u64),
        Depth { seq: i64, levels: usize, is_repeated: bool },
        Missed(u64),
        Other,
    }

    fn all(ring: &mut RingReceiver) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(message) = ring.pop() {
            seen.push(match message {
                Message::Trade { trade, .. } => Seen::Trade(trade.trade_id),
                Message::Depth(depth) => Seen::Depth {
                    seq: depth.seq,
                    levels: depth.asks.len() + depth.bids.len(),
                    is_repeated: depth.is_repeated,
                },
                Message::Missed(_, count, _) => Seen::Missed(count),
                _ => Seen::Other,
            });
        }
        seen.retain(|one| *one != Seen::Other);
        seen
    }

    fn options(slots: usize) -> RingOptions {
        let mut options = RingOptions::default();
        (options.slots, options.snapshot_interval) = (slots, Duration::from_secs(5));
        options
    }

    #[test]
    fn what_a_full_ring_drops_is_counted_where_it_is_missing() {
        let (mut sink, mut ring) = RingSink::new(options(4), NoSink);
        let mut feed = feed(&["trades:A-B"]);
        let mut push = |id: u64, sink: &mut RingSink<NoSink>| {
            feed.on_frame(Frame::Text(trade(id).as_bytes()), UnixNanos(id), sink).unwrap();
        };
        // The first entry is the state.
        (1..=8).for_each(|id| push(id, &mut sink));
        let queued = ring.stats().queued();
        assert_eq!(queued, ring.queued() as u64);
        let taken = all(&mut ring);
        let kept = taken.len() as u64;
        assert!((2..=4).contains(&kept), "{taken:?}");
        assert_eq!(ring.stats().dropped(), 8 - kept);
        // The mark, the last one that was dropped, and what follows.
        (9..=10).for_each(|id| push(id, &mut sink));
        let follow = [Seen::Trade(8), Seen::Trade(9), Seen::Trade(10)];
        assert_eq!(all(&mut ring), [&[Seen::Missed(8 - kept)][..], &follow].concat());
        drop(sink);
        assert!(ring.is_over() && ring.queued() == 0 && ring.stats().queued() == 0);
    }

    #[test]
    fn events_touch_no_new_memory() {
        let options = RingOptions::default();
        let (mut sink, mut ring) = RingSink::new(options, NoSink);
        let mut feed = feed(&["trades:A-B"]);
        let mut push = |id: u64| {
            feed.on_frame(Frame::Text(trade(id).as_bytes()), UnixNanos(id), &mut sink).unwrap();
            while ring.pop().is_some() {}
        };
        let len = options.slots as u64;
        (1..=64).for_each(&mut push);
        let Some(before) = page_faults() else { return };
        (65..=len).for_each(push);
        let faults = page_faults().unwrap() - before;
        assert!(faults <= 16, "{faults} page faults");
    }

    #[test]
    fn an_order_book_is_repeated_at_an_interval_and_after_a_drop() {
        let (mut sink, mut ring) = RingSink::new(options(32), NoSink);
        let mut feed = feed(&["books:A-B"]);
        let mut push = |text: String, at: u64, sink: &mut RingSink<NoSink>| {
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(at * 1_000_000_000), sink)
                .unwrap();
        };
        let message = |seq| Seen::Depth { seq, levels: 41, is_repeated: false };
        let whole = |seq| Seen::Depth { seq, levels: 41, is_repeated: true };
        push(depth("snapshot", -1, 100), 10, &mut sink);
        push(depth("update", 100, 101), 11, &mut sink);
        assert_eq!(all(&mut ring), [message(100), whole(100), message(101)]);
        push(depth("update", 101, 102), 14, &mut sink);
        push(depth("update", 102, 103), 15, &mut sink);
        assert_eq!(all(&mut ring), [message(102), message(103), whole(103)]);
        // Five slots each: the seventh message finds no room as a whole. Two free slots are no room
        // for the mark yet.
        (104..=112).for_each(|seq| push(depth("update", seq - 1, seq), 16, &mut sink));
        let taken = all(&mut ring);
        assert_eq!(taken, (104..=109).map(message).collect::<Vec<_>>());
        push(depth("update", 112, 113), 17, &mut sink);
        push(depth("update", 113, 114), 17, &mut sink);
        assert_eq!(all(&mut ring), [Seen::Missed(3), message(113), whole(113), message(114)]);
    }
}
