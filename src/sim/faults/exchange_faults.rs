//! The faults of the exchange itself: refused connections, its clock, its numbers.

use std::time::Duration;

use super::kind::FaultKind;
use super::log::FaultLog;
use super::rule::{FaultPlan, FaultRule};
use super::trigger::Trigger;
use crate::model::MonoNanos;
use crate::sim::market::{InstIndex, Rng, SimMarket};

/// What becomes of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The handshake goes on.
    Accept,
    /// The handshake is answered with an HTTP status other than 101.
    Refuse {
        /// The status, such as 429.
        status: u16,
        /// The `Retry-After`, where there is one.
        retry_after: Option<Duration>,
    },
    /// The connection is cut before the handshake.
    Cut,
}

/// What the exchange has to do to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VenueAct {
    /// Its clock jumps, in nanoseconds.
    Jump(i64),
    /// The sequence numbers of one instrument start anew.
    ResetSeq(InstIndex),
    /// Those of all instruments do.
    ResetAll,
}

/// The rules that concern the exchange and not one connection.
#[derive(Debug)]
pub(crate) struct VenueFaults {
    triggers: Vec<Trigger>,
    /// When the clock jumps back, and how far.
    returns: Vec<(MonoNanos, i64)>,
    attempts: u64,
    rng: Rng,
}

impl VenueFaults {
    pub(crate) fn new(plan: &FaultPlan, market: &SimMarket) -> Self {
        let rules = plan.rules.iter().filter(|rule| rule.kind.is_of_venue());
        let triggers = rules.map(|rule| Trigger::new(rule, market, MonoNanos::ZERO, false));
        let rng = Rng::new(plan.seed);
        Self { triggers: triggers.collect(), returns: Vec::new(), attempts: 0, rng }
    }

    /// Adds a rule by hand.
    pub(crate) fn add(&mut self, rule: &FaultRule, market: &SimMarket, now: MonoNanos) {
        self.triggers.retain(|trigger| !trigger.is_spent());
        self.triggers.push(Trigger::new(rule, market, now, true));
    }

    /// Counts an attempt to connect.
    pub(crate) fn admit(&mut self, now: MonoNanos, log: &mut FaultLog) -> Admission {
        self.attempts += 1;
        for trigger in &mut self.triggers {
            let (first, last) = trigger.rule.conn;
            let ours = trigger.rule.kind == FaultKind::Refuse;
            if ours
                && (first..=last).contains(&self.attempts)
                && trigger.occasion(&mut self.rng, now)
            {
                trigger.spend();
                log.note(FaultKind::Refuse, Some(self.attempts), now);
                let span = trigger.rule.span;
                return match trigger.rule.code {
                    0 => Admission::Cut,
                    status => {
                        let retry_after = (!span.is_zero()).then_some(span);
                        Admission::Refuse { status, retry_after }
                    }
                };
            }
        }
        Admission::Accept
    }

    /// When the next act is due; the end of time where none is.
    pub(crate) fn next_at(&self) -> MonoNanos {
        let moments = self.triggers.iter().map(Trigger::moment);
        let returns = self.returns.iter().map(|(at, _)| *at);
        moments.chain(returns).min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// The next act that is due.
    pub(crate) fn poll(&mut self, now: MonoNanos, log: &mut FaultLog) -> Option<VenueAct> {
        if let Some(at) = self.returns.iter().position(|(at, _)| *at <= now) {
            let (_, by) = self.returns.swap_remove(at);
            return Some(VenueAct::Jump(-by));
        }
        let trigger = self.triggers.iter_mut().find(|trigger| trigger.moment() <= now)?;
        trigger.ring(now);
        trigger.spend();
        let rule = &trigger.rule;
        log.note(rule.kind, None, now);
        if rule.kind == FaultKind::Clock {
            if !rule.span.is_zero() {
                self.returns.push((now + rule.span, rule.by));
            }
            return Some(VenueAct::Jump(rule.by));
        }
        match (rule.inst_id, trigger.inst) {
            (None, _) => Some(VenueAct::ResetAll),
            (Some(_), Some(inst)) => Some(VenueAct::ResetSeq(inst)),
            // Not listed: nothing to reset.
            (Some(_), None) => Some(VenueAct::Jump(0)),
        }
    }
}
