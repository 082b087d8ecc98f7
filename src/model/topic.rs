//! The topic of an event.

use std::fmt;

use super::channel::Channel;
use super::dialect::Market;

/// The topic of an event: a channel of an instrument, borrowed from the frame.
///
/// Displays as the [`Subscription`](super::Subscription) that it belongs to. Allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Topic<'f> {
    /// The channel.
    pub channel: Channel,
    /// The market of a v3 channel; `None` in v5.
    pub market: Option<Market>,
    /// The instrument's id, such as `BTC-USDT`, or what else the channel is keyed by: see
    /// [`Channel::key`]. Empty if it has no key.
    pub inst_id: &'f str,
}

impl<'f> Topic<'f> {
    /// The topic of a v5 channel.
    #[inline]
    #[must_use]
    pub const fn v5(channel: Channel, inst_id: &'f str) -> Self {
        Self { channel, market: None, inst_id }
    }

    /// The topic of a v3 channel.
    #[inline]
    #[must_use]
    pub const fn v3(market: Market, channel: Channel, inst_id: &'f str) -> Self {
        Self { channel, market: Some(market), inst_id }
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(market) = self.market {
            write!(f, "{market}/")?;
        }
        match self.inst_id {
            "" => write!(f, "{}", self.channel),
            key => write!(f, "{}:{key}", self.channel),
        }
    }
}
