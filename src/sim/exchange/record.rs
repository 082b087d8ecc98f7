//! What a client of one channel is sent, as a list: the frames of benchmarks and examples.

use super::connection::Endpoint;
use super::machine::{Exchange, ExchangeConfig};
use crate::model::{ChannelPath, Dialect, MonoNanos, Subscription};
use crate::sim::faults::Outbound;

/// The steps of the market that one wanted frame may take. A market where nothing is pushed for so
/// long does not push at all.
const STEPS_PER_FRAME: usize = 100_000;

/// Runs an exchange until it has pushed `count` frames of a subscription, and gives them as they go
/// onto the wire. Replies to the subscription itself are not among them.
///
/// The same arguments give the same frames. Fewer than `count` come where the exchange does not
/// list the instrument or its market stands still.
#[must_use]
pub fn record(config: &ExchangeConfig, subscription: &Subscription, count: usize) -> Vec<Outbound> {
    record_with_reply(config, subscription, count).1
}

/// The reply to the subscription itself, and what [`record`] gives.
pub(crate) fn record_with_reply(
    config: &ExchangeConfig,
    subscription: &Subscription,
    count: usize,
) -> (Option<Outbound>, Vec<Outbound>) {
    let mut exchange = Exchange::new(config);
    let endpoint = endpoint_of(subscription);
    let id = exchange.connect(endpoint, MonoNanos::ZERO);
    let argument = argument_of(subscription);
    let request = format!(r#"{{"op":"subscribe","args":[{argument}]}}"#);
    exchange.receive(id, request.as_bytes(), MonoNanos::ZERO);
    // The first message is the reply: the acknowledgement or an error.
    let reply = exchange.poll_transmit(id);
    let mut frames = Vec::with_capacity(count);
    for _ in 0..count.saturating_mul(STEPS_PER_FRAME) {
        while let Some(message) = exchange.poll_transmit(id) {
            if matches!(message, Outbound::Close { .. }) || frames.len() == count {
                return (reply, frames);
            }
            frames.push(message);
        }
        if frames.len() >= count || exchange.step(MonoNanos(u64::MAX)).is_none() {
            break;
        }
    }
    (reply, frames)
}

/// Where a channel is served.
fn endpoint_of(subscription: &Subscription) -> Endpoint {
    match subscription.channel().path() {
        ChannelPath::V3 => Endpoint::V3,
        ChannelPath::Public => Endpoint::V5Public,
        ChannelPath::Business => Endpoint::V5Business,
        ChannelPath::PublicSbe => Endpoint::V5Sbe,
    }
}

/// A subscription as the argument of a request. No character of an id needs escaping: the exchange
/// would not list it.
fn argument_of(subscription: &Subscription) -> String {
    match subscription.dialect() {
        Dialect::V3 => format!(r#""{subscription}""#),
        Dialect::V5 => format!(
            r#"{{"channel":"{}","instId":"{}"}}"#,
            subscription.channel().name(),
            subscription.inst_id()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Limits, PushIntervals};

    fn frames(text: &str, count: usize) -> Vec<Outbound> {
        let limits = Limits { idle: None, ..Limits::default() };
        let config =
            ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, limits, ..Default::default() };
        record(&config, &text.parse().unwrap(), count)
    }

    #[test]
    fn as_many_frames_come_as_were_asked_for_and_the_same_each_time() {
        for text in ["books5:BTC-USDT", "trades-all:BTC-USDT", "spot/depth5:BTC-USDT"] {
            let first = frames(text, 50);
            assert_eq!(first.len(), 50, "{text}");
            assert_eq!(first, frames(text, 50), "{text}");
        }
    }

    #[test]
    fn what_is_not_listed_gives_nothing() {
        assert_eq!(frames("books5:NONE-USDT", 5), []);
    }
}
