//! Applies trades to a slot: emits each trade once, with the number of trades missing before it.

use super::{Slot, SlotData};
use crate::event::{Event, EventSink, TradeUpdate};
use crate::feed::stats::Stats;
use crate::feed::trade_dedup::{self, TradeClass, TradeHistory};
use crate::model::{BookState, NO_SEQ, Trade};

impl Slot {
    /// Adds a trade whose id directly follows the last one, on a live subscription. Returns false,
    /// and changes nothing, for any other trade.
    #[inline]
    pub(in crate::feed) fn apply_next_trade(&mut self, trade: &Trade, stats: &mut Stats) -> bool {
        if trade.id_before() != self.seq || self.state != BookState::Live {
            return false;
        }
        stats.backwards += u64::from(trade.ts_event < self.ts_event);
        (self.seq, self.ts_event) = (trade.trade_id.cast_signed(), trade.ts_event);
        self.push_trade(trade);
        true
    }

    /// Applies any other trade. A trade that was not emitted before is added to the ring and
    /// emitted with the number of trades missing before it.
    #[cold]
    pub(in crate::feed) fn apply_trade(
        &mut self,
        update: &TradeUpdate<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let trade = &update.trade;
        let from = self.note_arrival(trade.ts_event, stats);
        let class = self.classify_trade(trade, from);
        self.state = BookState::Live;
        self.ts_recv = trade.ts_recv;
        if matches!(class, TradeClass::New { .. }) {
            self.push_trade(trade);
        }
        if from != BookState::Live {
            self.publish_state();
            self.emit_state_change(from, trade.ts_recv, sink);
        }
        match class {
            TradeClass::Repeated | TradeClass::Outdated => stats.repeated_trades += 1,
            TradeClass::New { replayed, missed, .. } => {
                stats.missed_trades = stats.missed_trades.saturating_add(missed);
                sink.on_event(&Event::Trade(TradeUpdate {
                    subscription_id: self.id,
                    replayed,
                    missed,
                    ..*update
                }));
            }
        }
    }

    fn classify_trade(&mut self, trade: &Trade, from: BookState) -> TradeClass {
        let SlotData::Trades { ring, .. } = &self.data else { return TradeClass::Repeated };
        let last = (self.seq != NO_SEQ).then(|| self.seq.cast_unsigned());
        let is_dense = self.subscription.channel().has_dense_trade_ids();
        let is_new_connection = self.catch_up.is_new_connection;
        let history = TradeHistory { last, last_ts: self.ts_event, is_dense, is_new_connection };
        let class = trade_dedup::classify(ring, history, trade, from);
        self.catch_up.is_new_connection &= class == TradeClass::Outdated;
        if let TradeClass::New { is_last: true, .. } = class {
            (self.seq, self.ts_event) = (trade.trade_id.cast_signed(), trade.ts_event);
        }
        class
    }

    #[inline]
    fn push_trade(&mut self, trade: &Trade) {
        self.ts_recv = trade.ts_recv;
        if let SlotData::Trades { ring, publisher, .. } = &mut self.data {
            ring.push(*trade);
            if let Some(publisher) = publisher {
                publisher.push(trade);
            }
        }
    }
}
