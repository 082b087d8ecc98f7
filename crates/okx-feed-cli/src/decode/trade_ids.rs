//! Finds the repeated and the missing trades of a recording.

use std::collections::HashMap;

use okx_feed::capture::ConnectionLabel;
use okx_feed::event::ControlKind;
use okx_feed::{Channel, Control, Dialect, InstrumentId, Market, Topic, TradeUpdate};

/// Of a connection, a channel, a market and an instrument.
type Key = (ConnectionLabel, Channel, Option<Market>, InstrumentId);

/// The last trade of each subscription that a recording has shown.
#[derive(Debug)]
pub(super) struct TradeIds {
    last: HashMap<Key, Last>,
    most: usize,
}

#[derive(Debug, Default)]
struct Last {
    id: Option<u64>,
    /// Whether the exchange has acknowledged the subscription since, and will send the last trade.
    acknowledged: bool,
}

impl TradeIds {
    /// Remembers at most `most` subscriptions: ids come from the recording, and memory must have a
    /// bound.
    pub(super) fn new(most: usize) -> Self {
        Self { last: HashMap::new(), most }
    }

    /// A trade, checked against the trades before it.
    ///
    /// It is replayed if it is the first after an acknowledgement, or not newer than the last one.
    pub(super) fn checked<'f>(
        &mut self,
        connection: ConnectionLabel,
        update: &TradeUpdate<'f>,
    ) -> TradeUpdate<'f> {
        let Topic { channel, market, inst_id } = update.topic;
        let key = key_of(connection, channel, market, inst_id);
        let Some(last) = key.and_then(|key| self.of(key)) else { return *update };
        let id = update.trade.trade_id;
        let acknowledged = std::mem::take(&mut last.acknowledged);
        let is_again = last.id.is_some_and(|last| id <= last);
        // In v5 ids have no gaps, and a message covers `count` of them.
        let is_dense = update.topic.channel.dialect() == Dialect::V5;
        let next = last.id.filter(|_| is_dense && !is_again).map(|last| last.saturating_add(1));
        let missed = next.map_or(0, |next| update.trade.first_id().saturating_sub(next));
        last.id = last.id.max(Some(id));
        TradeUpdate { replayed: acknowledged || is_again, missed, ..*update }
    }

    /// Notes that a subscription was acknowledged.
    pub(super) fn note(
        &mut self,
        connection: ConnectionLabel,
        dialect: Dialect,
        control: &Control<'_>,
    ) {
        let (ControlKind::Subscribe, Some(channel), Some(inst_id)) =
            (control.kind, control.channel, control.inst_id)
        else {
            return;
        };
        let market = control.market.and_then(|name| Market::from_name(name.as_bytes()));
        let channel = Channel::from_name(dialect, channel.as_bytes());
        let key = channel.and_then(|channel| key_of(connection, channel, market, inst_id));
        if let Some(last) = key.and_then(|key| self.of(key)) {
            last.acknowledged = true;
        }
    }

    fn of(&mut self, key: Key) -> Option<&mut Last> {
        if self.last.len() >= self.most && !self.last.contains_key(&key) {
            return None;
        }
        Some(self.last.entry(key).or_default())
    }
}

fn key_of(
    connection: ConnectionLabel,
    channel: Channel,
    market: Option<Market>,
    inst_id: &str,
) -> Option<Key> {
    Some((connection, channel, market, InstrumentId::new(inst_id).ok()?))
}
