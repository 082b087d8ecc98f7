//! The sink of the fast scanner: builds events from scanned messages.

use super::prefetch_hint::PrefetchHint;
use super::scan::{Scanned, Target};
use super::scratch::{Scratch, non_rpi};
use crate::book::DepthUpdate;
use crate::event::{BookUpdate, Event, RecordUpdate, TradeUpdate};
use crate::model::{Channel, Topic, UnixNanos};

/// The scanner's target: emits scanned messages to the sink as events.
pub(super) struct ScanSink<'s, S> {
    pub(super) sink: &'s mut S,
    pub(super) ts_recv: UnixNanos,
}

impl<'t, S: PrefetchHint> Target<'t> for ScanSink<'_, S> {
    #[inline(always)]
    fn prefetch(&mut self, channel: Channel, inst_id: &str) {
        self.sink.prefetch(channel, inst_id);
    }

    #[inline(always)]
    fn take(&mut self, scanned: Scanned<'t>, scratch: &Scratch) {
        let held;
        let event = match scanned {
            Scanned::Book { channel, market, inst_id } => {
                Event::Book(BookUpdate::new(Topic { channel, market, inst_id }, &scratch.book))
            }
            Scanned::Trade { channel, market, inst_id, trade } => {
                held = trade;
                Event::Trade(TradeUpdate::new(Topic { channel, market, inst_id }, &held))
            }
            Scanned::Record { channel, inst_id } => {
                let topic = Topic::v5(channel, inst_id);
                Event::Record(RecordUpdate::new(topic, &scratch.record))
            }
            Scanned::Depth {
                channel,
                market,
                inst_id,
                action,
                ts_event,
                seq,
                prev_seq,
                checksum,
            } => Event::Depth(DepthUpdate {
                topic: Topic { channel, market, inst_id },
                action,
                ts_event,
                ts_recv: self.ts_recv,
                seq,
                prev_seq,
                checksum,
                asks: scratch.asks.as_slice(),
                bids: scratch.bids.as_slice(),
                non_rpi: non_rpi(&scratch.asks, &scratch.bids),
            }),
        };
        self.sink.on_event(&event);
    }
}
