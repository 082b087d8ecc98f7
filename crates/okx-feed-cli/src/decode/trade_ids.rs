//! Finds the repeated and the missing trades of a recording, by the rule of the library.

use std::collections::HashMap;

use okx_feed::capture::ConnectionLabel;
use okx_feed::event::ControlKind;
use okx_feed::feed::{DepthOptions, Slots, Stats};
use okx_feed::model::ChannelKind;
use okx_feed::publish::TradeOptions;
use okx_feed::{
    Channel, Control, Dialect, Event, InstrumentId, Market, Subscription, Topic, TradeUpdate,
};

/// The trades of each subscription that a recording has shown.
#[derive(Debug)]
pub(super) struct TradeIds {
    /// Each subscription, and whether the exchange has acknowledged it since its last trade: the
    /// next one may have been sent before.
    acknowledged: HashMap<(ConnectionLabel, Subscription), bool>,
    slots: HashMap<ConnectionLabel, Slots>,
    stats: Stats,
    /// The most subscriptions that are kept: ids come from the recording, and memory must have a
    /// bound.
    most: usize,
}

impl TradeIds {
    /// Remembers at most `most` subscriptions.
    pub(super) fn new(most: usize) -> Self {
        let (acknowledged, slots) = (HashMap::new(), HashMap::new());
        Self { acknowledged, slots, stats: Stats::default(), most }
    }

    /// A trade, checked against the trades before it; `None` if there are too many subscriptions.
    ///
    /// It is replayed if it is the first after an acknowledgement, or if a feed would not emit it
    /// again.
    pub(super) fn checked<'f>(
        &mut self,
        connection: ConnectionLabel,
        update: &TradeUpdate<'f>,
    ) -> Option<TradeUpdate<'f>> {
        let subscription = subscription(update.topic)?;
        let is_acknowledged = std::mem::take(self.acknowledged(connection, subscription)?);
        let slots = self.slots.entry(connection).or_default();
        slots.insert(subscription, DepthOptions::default(), TradeOptions::default());
        let mut missed = None;
        slots.apply(&Event::Trade(*update), &mut self.stats, &mut |event: &Event<'_>| {
            if let Event::Trade(update) = event {
                missed = Some(update.missed);
            }
        });
        let replayed = is_acknowledged || missed.is_none();
        Some(TradeUpdate { replayed, missed: missed.unwrap_or(0), ..*update })
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
        let topic = channel.map(|channel| Topic { channel, market, inst_id });
        let of = topic.and_then(subscription);
        if let Some(is_acknowledged) = of.and_then(|of| self.acknowledged(connection, of)) {
            *is_acknowledged = true;
        }
    }

    fn acknowledged(&mut self, connection: ConnectionLabel, of: Subscription) -> Option<&mut bool> {
        let key = (connection, of);
        if self.acknowledged.len() >= self.most && !self.acknowledged.contains_key(&key) {
            return None;
        }
        Some(self.acknowledged.entry(key).or_default())
    }
}

/// The subscription of a topic of trades.
fn subscription(topic: Topic<'_>) -> Option<Subscription> {
    let Topic { channel, market, inst_id } = topic;
    if channel.kind() != ChannelKind::Trades {
        return None;
    }
    let inst_id = InstrumentId::new(inst_id).ok()?;
    match market {
        Some(market) => Subscription::v3(market, channel, inst_id).ok(),
        None => Subscription::v5(channel, inst_id).ok(),
    }
}
