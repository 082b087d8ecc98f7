//! What is not sent though the connection is open.

use std::time::Duration;

use super::outbound::About;
use super::rule::FaultRule;
use super::value::MessageFilter;
use crate::model::{Channel, MonoNanos};
use crate::sim::market::InstIndex;

/// The silences of one connection.
#[derive(Debug, Default)]
pub(super) struct Silences(Vec<Silence>);

/// A rule of `silence` at work.
#[derive(Debug)]
struct Silence {
    /// When it ends; the end of time where only the connection's end does that.
    until: MonoNanos,
    on: MessageFilter,
    channel: Option<Channel>,
    /// The instrument, where one is named; `Some(None)` for one that is not listed.
    inst: Option<Option<InstIndex>>,
}

impl Silences {
    /// Begins one. `inst` is the rule's instrument, if it is listed. Without a duration it lasts
    /// until the connection ends.
    pub(super) fn begin(
        &mut self,
        rule: &FaultRule,
        inst: Option<InstIndex>,
        duration: Option<Duration>,
        now: MonoNanos,
    ) {
        let until = duration.map_or(MonoNanos(u64::MAX), |duration| now + duration);
        let inst = rule.inst_id.map(|_| inst);
        self.0.push(Silence { until, on: rule.on(), channel: rule.channel, inst });
    }

    /// Whether a message is not sent.
    pub(super) fn cover(&mut self, about: About, now: MonoNanos) -> bool {
        self.0.retain(|silence| silence.until > now);
        self.0.iter().any(|silence| silence.covers(about))
    }
}

impl Silence {
    fn covers(&self, about: About) -> bool {
        let Self { on, channel, inst, .. } = self;
        let ours = match about {
            About::Push(..) | About::Increment(..) => *on != MessageFilter::Reply,
            About::Ack(..) | About::Reply | About::Added => *on != MessageFilter::Push,
            About::Request => false,
        };
        let named = channel.is_some() || inst.is_some();
        ours && about.topic().map_or(!named, |(of_inst, of_channel)| {
            channel.is_none_or(|channel| channel == of_channel)
                && inst.is_none_or(|inst| inst == Some(of_inst))
        })
    }
}
