//! The faults of the exchange itself: refused connections, its clock, its numbers.

use std::time::Duration;

use super::fault::Fault;
use super::log::FaultLog;
use super::rule::{FaultPlan, FaultRule};
use super::trigger::Trigger;
use crate::model::MonoNanos;
use crate::sim::market::{InstIndex, ListingState, Rng, SimMarket};

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

/// What goes wrong with one REST request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RestFaults {
    /// The reply comes from a cache that is up to so old.
    pub(crate) lag: Option<Duration>,
    /// It is refused: HTTP status, code, `Retry-After`.
    pub(crate) deny: Option<(u16, u16, Option<Duration>)>,
    /// It ends in the middle.
    pub(crate) short: bool,
    /// So many rows are missing.
    pub(crate) holes: usize,
}

/// What the exchange has to do to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeAction {
    /// Its clock steps by so many nanoseconds.
    StepClock(i64),
    /// The sequence numbers of one instrument start again at 1.
    ResetSeq(InstIndex),
    /// Those of all instruments do.
    ResetAll,
    /// An instrument is listed, or delisted.
    SetListing(InstIndex, ListingState),
}

/// The rules that concern the exchange and not one connection.
#[derive(Debug)]
pub(crate) struct ExchangeFaults {
    triggers: Vec<Trigger>,
    /// When the clock steps back, and by how many nanoseconds.
    returns: Vec<(MonoNanos, i64)>,
    attempts: u64,
    rng: Rng,
    /// For REST requests only, so that they do not change what happens to connections.
    rest_rng: Rng,
    rest_requests: u64,
}

impl ExchangeFaults {
    pub(crate) fn new(plan: &FaultPlan, market: &SimMarket) -> Self {
        let rules = plan.rules.iter().filter(|rule| rule.kind().is_of_exchange());
        let triggers = rules.map(|rule| Trigger::planned(rule, market, MonoNanos::ZERO));
        let rng = Rng::new(plan.seed);
        Self {
            triggers: triggers.collect(),
            returns: Vec::new(),
            attempts: 0,
            rng,
            rest_rng: Rng::new(!plan.seed),
            rest_requests: 0,
        }
    }

    /// Adds a rule by hand.
    pub(crate) fn add(&mut self, rule: &FaultRule, market: &SimMarket, now: MonoNanos) {
        self.triggers.retain(|trigger| !trigger.is_spent());
        self.triggers.push(Trigger::injected(rule, market, now));
    }

    /// Counts an attempt to connect.
    pub(crate) fn admit(&mut self, now: MonoNanos, log: &mut FaultLog) -> Admission {
        self.attempts += 1;
        for trigger in &mut self.triggers {
            let FaultRule { fault, conn, .. } = trigger.rule;
            let Fault::Refuse { status, retry_after } = fault else { continue };
            if conn.contain(self.attempts) && trigger.on_opportunity(&mut self.rng, now) {
                trigger.spend();
                log.note(fault.kind(), Some(self.attempts), now);
                return match status {
                    None => Admission::Cut,
                    Some(status) => Admission::Refuse { status, retry_after },
                };
            }
        }
        Admission::Accept
    }

    /// Counts a REST request, about an instrument where it names one.
    pub(crate) fn on_rest(
        &mut self,
        inst: Option<InstIndex>,
        now: MonoNanos,
        log: &mut FaultLog,
    ) -> RestFaults {
        self.rest_requests += 1;
        let mut faults = RestFaults::default();
        for trigger in &mut self.triggers {
            let FaultRule { fault, conn, .. } = trigger.rule;
            let fits = inst.is_none_or(|inst| trigger.is_about(inst));
            if !fault.kind().is_of_rest() || !conn.contain(self.rest_requests) || !fits {
                continue;
            }
            if !trigger.on_opportunity(&mut self.rest_rng, now) {
                continue;
            }
            trigger.spend();
            log.note(fault.kind(), None, now);
            match fault {
                Fault::Lag { by } => faults.lag = Some(by),
                Fault::Deny { status, code, retry_after } => {
                    faults.deny = Some((status, code, retry_after));
                }
                Fault::Short => faults.short = true,
                Fault::Holes { rows } => faults.holes += rows,
                _ => {}
            }
        }
        faults
    }

    /// A number from 0 to `n - 1`, for REST replies.
    pub(crate) fn draw(&mut self, n: usize) -> usize {
        usize::try_from(self.rest_rng.below(n as u64)).unwrap_or_default()
    }

    /// When the next action is due; the end of time where none is.
    pub(crate) fn next_at(&self) -> MonoNanos {
        let due = self.triggers.iter().map(Trigger::next_at);
        let returns = self.returns.iter().map(|(at, _)| *at);
        due.chain(returns).min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// The next action that is due.
    pub(crate) fn poll(&mut self, now: MonoNanos, log: &mut FaultLog) -> Option<ExchangeAction> {
        if let Some(at) = self.returns.iter().position(|(at, _)| *at <= now) {
            let (_, by) = self.returns.swap_remove(at);
            return Some(ExchangeAction::StepClock(by));
        }
        let trigger = self.triggers.iter_mut().find(|trigger| trigger.next_at() <= now)?;
        trigger.advance(now);
        trigger.spend();
        let FaultRule { fault, inst_id, .. } = trigger.rule;
        log.note(fault.kind(), None, now);
        if let Fault::Clock { by, back_after } = fault {
            self.returns.extend(back_after.map(|span| (now + span, -by.get())));
            return Some(ExchangeAction::StepClock(by.get()));
        }
        let listing = match fault {
            Fault::List => Some(ListingState::Live),
            Fault::Delist => Some(ListingState::Delisted),
            _ => None,
        };
        if let Some(state) = listing {
            return Some(ExchangeAction::SetListing(trigger.inst?, state));
        }
        match inst_id {
            None => Some(ExchangeAction::ResetAll),
            // One that is not listed has no numbers.
            Some(_) => trigger.inst.map(ExchangeAction::ResetSeq),
        }
    }
}
