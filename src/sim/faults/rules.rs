//! The rules that concern one connection, and which of them happens now.

use super::kind::FaultKind;
use super::log::FaultLog;
use super::outbound::About;
use super::rule::{FaultPlan, FaultRule, On};
use super::trigger::Trigger;
use crate::model::{Channel, Dialect, MonoNanos};
use crate::sim::market::{InstIndex, Rng, SimMarket};

/// The rules of one connection and its luck.
#[derive(Debug)]
pub(super) struct Rules {
    connection: u64,
    triggers: Vec<Trigger>,
    pub(super) rng: Rng,
}

impl Rules {
    pub(super) fn new(
        plan: &FaultPlan,
        (number, dialect): (u64, Dialect),
        market: &SimMarket,
        now: MonoNanos,
    ) -> Self {
        let rules = plan.rules.iter().filter(|rule| !rule.kind.is_of_venue());
        let rules = rules.filter(|rule| rule.covers(number, dialect));
        let triggers = rules.map(|rule| Trigger::new(rule, market, now, false)).collect();
        // An odd factor keeps the seeds of all connections apart.
        let seed = plan.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { connection: number, triggers, rng: Rng::new(seed) }
    }

    /// Adds a rule by hand, which covers this connection whatever it says.
    pub(super) fn add(&mut self, rule: &FaultRule, market: &SimMarket, now: MonoNanos) {
        self.triggers.push(Trigger::new(rule, market, now, true));
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.triggers.len()
    }

    /// A rule, and its instrument if that is listed.
    pub(super) fn get(&self, n: usize) -> Option<(FaultRule, Option<InstIndex>)> {
        self.triggers.get(n).map(|trigger| (trigger.rule.clone(), trigger.inst))
    }

    /// When the next rule of times is due; the end of time where none is.
    pub(super) fn next_at(&self) -> MonoNanos {
        self.triggers.iter().map(Trigger::moment).min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// Whether a rule's fault happens to this message on its way out.
    pub(super) fn happens(&mut self, n: usize, about: About, now: MonoNanos) -> bool {
        let kind = self.triggers.get(n).map(|trigger| trigger.rule.kind);
        kind.is_some_and(|kind| !kind.is_of_answers()) && self.fits(n, about) && self.rings(n, now)
    }

    /// Whether a rule's fault is due, with no message.
    pub(super) fn is_due(&mut self, n: usize, now: MonoNanos) -> bool {
        let trigger = self.triggers.get_mut(n).filter(|trigger| trigger.moment() <= now);
        trigger.is_some_and(|trigger| trigger.ring(now))
    }

    /// The first rule of a kind whose fault happens now; `is_ours` says which to look at.
    pub(super) fn first(
        &mut self,
        kind: FaultKind,
        about: About,
        now: MonoNanos,
        is_ours: impl Fn(&FaultRule) -> bool,
    ) -> Option<(usize, FaultRule)> {
        for n in 0..self.triggers.len() {
            let rule = self.triggers.get(n).map(|trigger| &trigger.rule);
            let ours = rule.is_some_and(|rule| rule.kind == kind && is_ours(rule));
            if ours && self.fits(n, about) && self.rings(n, now) {
                return self.get(n).map(|(rule, _)| (n, rule));
            }
        }
        None
    }

    /// Notes that a rule's fault has happened.
    pub(super) fn note(&mut self, n: usize, now: MonoNanos, log: &mut FaultLog) {
        if let Some(trigger) = self.triggers.get_mut(n) {
            trigger.spend();
            log.note(trigger.rule.kind, Some(self.connection), now);
        }
    }

    /// Whether a rule is about that channel of that instrument.
    pub(super) fn is_about(&self, n: usize, (inst, of): (InstIndex, Channel)) -> bool {
        self.triggers.get(n).is_some_and(|trigger| {
            let channel = trigger.rule.channel;
            channel.is_none_or(|channel| channel == of) && trigger.is_about(inst)
        })
    }

    fn rings(&mut self, n: usize, now: MonoNanos) -> bool {
        let Self { triggers, rng, .. } = self;
        triggers.get_mut(n).is_some_and(|trigger| trigger.occasion(rng, now))
    }

    /// Whether a rule is about such messages.
    fn fits(&self, n: usize, about: About) -> bool {
        let Some(FaultRule { kind, channel, on, .. }) = self.triggers.get(n).map(|t| &t.rule)
        else {
            return false;
        };
        let ours = match (kind, about) {
            (_, About::Added) => false,
            (FaultKind::Reject | FaultKind::MaxSubs, about) => return about == About::Request,
            // One that names something is about arguments.
            (FaultKind::Ignore, About::Request) => true,
            (FaultKind::Ignore, about) => matches!(about, About::Ack(..)) && self.is_named(n),
            (_, About::Request) => false,
            (FaultKind::NoAck | FaultKind::Error | FaultKind::NoData | FaultKind::Stray, about) => {
                matches!(about, About::Ack(..))
            }
            (kind, about) if kind.is_of_increments() => match about {
                About::Increment(..) => true,
                About::Push(..) => channel.is_some(),
                _ => false,
            },
            (_, About::Push(..) | About::Increment(..)) => *on != On::Reply,
            (_, About::Ack(..) | About::Reply) => *on != On::Push,
        };
        ours && about.topic().map_or_else(|| !self.is_named(n), |topic| self.is_about(n, topic))
    }

    fn is_named(&self, n: usize) -> bool {
        self.triggers.get(n).is_some_and(|trigger| trigger.rule.is_named())
    }
}
