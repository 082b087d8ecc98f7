//! When a rule's fault happens on one connection.

use super::rule::{FaultRule, When};
use super::value::{Chance, Period};
use crate::model::MonoNanos;
use crate::sim::market::{InstIndex, Rng, SimMarket};

const NEVER: MonoNanos = MonoNanos(u64::MAX);

/// A rule at work: the opportunities that it has seen, and when it is due.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub(super) rule: FaultRule,
    /// The rule's instrument; `None` where it names none, or one that there is not.
    pub(super) inst: Option<InstIndex>,
    seen: u64,
    left: u64,
    /// When a rule of times happens next.
    due: MonoNanos,
}

impl Trigger {
    /// Starts a rule of a plan. One that does not say when happens at every opportunity.
    pub(super) fn planned(rule: &FaultRule, market: &SimMarket, start: MonoNanos) -> Self {
        let due = match rule.when {
            Some(When::At(span) | When::Every(Period(span))) => start + span,
            None | Some(_) => NEVER,
        };
        let inst = rule.inst_id.and_then(|id| market.find_any(id.as_str()));
        Self { rule: *rule, inst, seen: 0, left: rule.times, due }
    }

    /// Starts a rule that was injected by hand. One that does not say when happens once, at the
    /// next opportunity.
    pub(super) fn injected(rule: &FaultRule, market: &SimMarket, now: MonoNanos) -> Self {
        let planned = Self::planned(rule, market, now);
        if rule.when.is_some() {
            return planned;
        }
        let is_timed = rule.kind().opportunity().can_be_a_time();
        Self { left: 1, due: if is_timed { now } else { NEVER }, ..planned }
    }

    /// Whether the rule is about this instrument.
    pub(super) fn is_about(&self, inst: InstIndex) -> bool {
        self.rule.inst_id.is_none() || self.inst == Some(inst)
    }

    /// When the fault happens with no message; the end of time where it waits for one.
    pub(super) fn next_at(&self) -> MonoNanos {
        if self.left > 0 && self.rule.kind().opportunity().can_be_a_time() {
            self.due
        } else {
            NEVER
        }
    }

    /// Counts an opportunity, and says whether the fault happens at it.
    pub(super) fn on_opportunity(&mut self, rng: &mut Rng, now: MonoNanos) -> bool {
        if self.left == 0 {
            return false;
        }
        match self.rule.when {
            // It happens with no message, at its time.
            Some(When::At(_) | When::Every(_))
                if self.rule.kind().opportunity().can_be_a_time() =>
            {
                false
            }
            None if self.due != NEVER => false,
            Some(When::At(_) | When::Every(_)) => self.advance(now),
            Some(When::Chance(Chance(parts))) => rng.below(Chance::CERTAIN) < parts,
            Some(When::Nth(n)) => {
                self.seen += 1;
                self.seen == n.get()
            }
            Some(When::Each(n)) => {
                self.seen += 1;
                self.seen.is_multiple_of(n.get())
            }
            None => true,
        }
    }

    /// Whether a rule of times is due. It then moves on to its next time.
    pub(super) fn advance(&mut self, now: MonoNanos) -> bool {
        if self.left == 0 || self.due > now {
            return false;
        }
        self.due = match self.rule.when {
            // A rule that waited long for its message does not make up for it.
            Some(When::Every(Period(period))) if self.due + period > now => self.due + period,
            Some(When::Every(Period(period))) => now + period,
            _ => NEVER,
        };
        true
    }

    /// Whether it can't happen any more.
    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Counts a fault that really happened.
    pub(super) const fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}
