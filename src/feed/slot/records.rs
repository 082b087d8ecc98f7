//! Applies records to a slot.

use super::{Slot, SlotData};
use crate::event::{Event, EventSink, RawMessage, RecordUpdate, Skipped};
use crate::feed::catch_up::FeedPosition;
use crate::feed::stats::Stats;
use crate::model::{BookState, NO_SEQ, Record, Topic};

impl Slot {
    /// Publishes a record, makes the slot live, and emits both.
    ///
    /// A new connection may start with a record older than the last one: the slot is stale until it
    /// has caught up, and the record is not emitted. Records without a time are never old. They
    /// have no age limit: what is current may have been so for long.
    #[inline]
    pub(in crate::feed) fn apply_record(
        &mut self,
        update: &RecordUpdate<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let record = update.record;
        let is_latest = matches!(self.data, SlotData::Latest(_));
        // Streams such as liquidations are in no order of time.
        let from = match is_latest {
            true => self.note_arrival(record.order(), stats),
            false => self.state,
        };
        let is_behind = is_latest && self.catch_up.is_new_connection && self.rejects_record(record);
        self.state = if is_behind { BookState::Stale } else { BookState::Live };
        if is_behind {
            self.publish_state();
        } else {
            (self.ts_event, self.ts_recv) = (record.order(), record.ts_recv);
            match &mut self.data {
                SlotData::Latest(publisher) => publisher.publish(record, self.state),
                SlotData::Stream { publisher: Some(publisher), .. } => {
                    publisher.push(record);
                    if from != self.state {
                        publisher.publish_state(self.state);
                    }
                }
                SlotData::Stream { publisher: None, .. }
                | SlotData::Book(_)
                | SlotData::Trades { .. }
                | SlotData::Depth { .. } => {}
            }
        }
        self.emit_state_change(from, record.ts_recv, sink);
        if !is_behind {
            let subscription_id = self.id;
            sink.on_event(&Event::Record(RecordUpdate { subscription_id, ..*update }));
        }
    }

    /// Makes the slot live, and emits a message of a channel that is not decoded.
    #[cold]
    pub(in crate::feed) fn apply_raw(&mut self, skipped: &Skipped<'_>, sink: &mut impl EventSink) {
        let from = std::mem::replace(&mut self.state, BookState::Live);
        self.ts_recv = skipped.ts_recv;
        if from != self.state {
            self.publish_state();
        }
        self.emit_state_change(from, skipped.ts_recv, sink);
        let Skipped { key: inst_id, text, ts_recv, .. } = *skipped;
        let topic = Topic::v5(self.subscription.channel(), inst_id);
        let subscription_id = self.id;
        sink.on_event(&Event::Raw(RawMessage { topic, subscription_id, text, ts_recv }));
    }

    #[cold]
    fn rejects_record(&mut self, record: &Record) -> bool {
        let last = FeedPosition { ts: self.ts_event, seq: NO_SEQ, ts_recv: self.ts_recv };
        let this = FeedPosition { ts: record.order(), seq: NO_SEQ, ts_recv: record.ts_recv };
        self.catch_up.rejects(this, last)
    }
}
