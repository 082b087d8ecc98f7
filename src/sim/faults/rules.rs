//! The rules that concern one connection, and which of them happens now.

use super::fault::Opportunity;
use super::log::FaultLog;
use super::outbound::About;
use super::rule::{FaultPlan, FaultRule};
use super::trigger::Trigger;
use super::value::MessageFilter;
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
        let rules = plan.rules.iter().filter(|rule| !rule.kind().is_of_exchange());
        let rules = rules.filter(|rule| rule.covers(number, dialect));
        let triggers = rules.map(|rule| Trigger::planned(rule, market, now)).collect();
        // An odd factor keeps the seeds of all connections apart.
        let seed = plan.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { connection: number, triggers, rng: Rng::new(seed) }
    }

    /// Adds a rule by hand, which covers this connection whatever it says.
    pub(super) fn add(&mut self, rule: &FaultRule, market: &SimMarket, now: MonoNanos) {
        self.triggers.push(Trigger::injected(rule, market, now));
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.triggers.len()
    }

    /// A rule, and its instrument if that is listed.
    pub(super) fn get(&self, n: usize) -> Option<(FaultRule, Option<InstIndex>)> {
        self.triggers.get(n).map(|trigger| (trigger.rule, trigger.inst))
    }

    /// When the next rule of times is due; the end of time where none is.
    pub(super) fn next_at(&self) -> MonoNanos {
        self.triggers.iter().map(Trigger::next_at).min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// Whether a rule's fault happens to this message on its way out.
    pub(super) fn happens(&mut self, n: usize, about: About, now: MonoNanos) -> bool {
        let of_messages = self
            .triggers
            .get(n)
            .is_some_and(|trigger| !trigger.rule.kind().opportunity().is_in_an_answer());
        of_messages && self.fits(n, about) && self.fires(n, now)
    }

    /// Whether a rule's fault is due, with no message.
    pub(super) fn is_due(&mut self, n: usize, now: MonoNanos) -> bool {
        let trigger = self.triggers.get_mut(n).filter(|trigger| trigger.next_at() <= now);
        trigger.is_some_and(|trigger| trigger.advance(now))
    }

    /// The first rule whose fault happens now, of those that `pick` finds something in, and what
    /// that is.
    pub(super) fn first<T>(
        &mut self,
        about: About,
        now: MonoNanos,
        pick: impl Fn(&FaultRule) -> Option<T>,
    ) -> Option<(usize, T)> {
        for n in 0..self.triggers.len() {
            let picked = self.triggers.get(n).and_then(|trigger| pick(&trigger.rule));
            if let Some(picked) = picked
                && self.fits(n, about)
                && self.fires(n, now)
            {
                return Some((n, picked));
            }
        }
        None
    }

    /// Notes that a rule's fault has happened.
    pub(super) fn note(&mut self, n: usize, now: MonoNanos, log: &mut FaultLog) {
        if let Some(trigger) = self.triggers.get_mut(n) {
            trigger.spend();
            log.note(trigger.rule.kind(), Some(self.connection), now);
        }
    }

    /// Whether a rule is about that channel of that instrument.
    pub(super) fn is_about(&self, n: usize, (inst, of): (InstIndex, Channel)) -> bool {
        self.triggers.get(n).is_some_and(|trigger| {
            let channel = trigger.rule.channel;
            channel.is_none_or(|channel| channel == of) && trigger.is_about(inst)
        })
    }

    fn fires(&mut self, n: usize, now: MonoNanos) -> bool {
        let Self { triggers, rng, .. } = self;
        triggers.get_mut(n).is_some_and(|trigger| trigger.on_opportunity(rng, now))
    }

    /// Whether a rule is about such messages.
    fn fits(&self, n: usize, about: About) -> bool {
        let Some(rule) = self.triggers.get(n).map(|trigger| trigger.rule) else { return false };
        let ours = match (rule.kind().opportunity(), about) {
            (_, About::Added) => false,
            (Opportunity::Request | Opportunity::Limit, about) => return about == About::Request,
            // One that names something is about arguments.
            (Opportunity::Argument, About::Request) => true,
            (Opportunity::Argument, about) => matches!(about, About::Ack(..)) && rule.is_named(),
            (_, About::Request) => false,
            (Opportunity::Ack | Opportunity::Subscription | Opportunity::Stray, about) => {
                matches!(about, About::Ack(..))
            }
            (Opportunity::Increment, about) => match about {
                About::Increment(..) => true,
                About::Push(..) => rule.channel.is_some(),
                _ => false,
            },
            (_, About::Push(..) | About::Increment(..)) => rule.on() != MessageFilter::Reply,
            (_, About::Ack(..) | About::Reply) => rule.on() != MessageFilter::Push,
        };
        ours && about.topic().map_or_else(|| !rule.is_named(), |topic| self.is_about(n, topic))
    }
}
