//! The faults of one connection, between the exchange and the connection's queue.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::action::{FaultAction, InjectedError, Named, StrayError};
use super::fault::{Fault, FaultKind};
use super::log::FaultLog;
use super::mutate;
use super::outbound::{About, Outbound, TransportFault, close_reason};
use super::rule::{FaultPlan, FaultRule};
use super::rules::Rules;
use super::silence::Silences;
use super::value::Subject;
use crate::model::{Channel, Dialect, MonoNanos};
use crate::sim::market::{InstIndex, SimMarket};

/// How long a reordered message waits for one to overtake it.
const OVERTAKE: Duration = Duration::from_secs(1);

/// Who the connection is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The connection's number, from 1.
    pub(crate) number: u64,
    pub(crate) dialect: Dialect,
    /// The text that announces an upgrade; v3 has none.
    pub(crate) upgrade_notice: Option<String>,
}

/// The subscriptions of a connection.
pub(crate) type Subscribed = BTreeSet<(InstIndex, Channel)>;

/// Applies the rules to every message to one client.
#[derive(Debug)]
pub(crate) struct Injector {
    identity: Identity,
    rules: Rules,
    /// What may be queued, once nothing is held any more.
    outbox: VecDeque<Outbound>,
    hold_until: MonoNanos,
    silences: Silences,
    /// A message that the next of its topic overtakes, or that is sent at that time.
    overtaken: Option<(InstIndex, Channel, Outbound, MonoNanos)>,
    close_at: Option<(MonoNanos, u16)>,
    /// What the exchange has to do.
    actions: VecDeque<FaultAction>,
    ended: bool,
}

impl Injector {
    pub(crate) fn new(
        plan: &FaultPlan,
        identity: Identity,
        market: &SimMarket,
        now: MonoNanos,
    ) -> Self {
        Self {
            rules: Rules::new(plan, (identity.number, identity.dialect), market, now),
            identity,
            outbox: VecDeque::new(),
            hold_until: MonoNanos::ZERO,
            silences: Silences::default(),
            overtaken: None,
            close_at: None,
            actions: VecDeque::new(),
            ended: false,
        }
    }

    /// Adds a rule by hand, which covers this connection whatever it says.
    pub(crate) fn add(&mut self, rule: &FaultRule, market: &SimMarket, now: MonoNanos) {
        self.rules.add(rule, market, now);
    }

    /// The messages that wait here.
    pub(crate) fn len(&self) -> usize {
        self.outbox.len() + usize::from(self.overtaken.is_some())
    }

    /// Whether nothing may be sent any more.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// When something happens here that is not a message; the end of time where nothing does.
    pub(crate) fn next_at(&self) -> MonoNanos {
        let fault = (!self.ended).then(|| self.rules.next_at());
        let release = (!self.outbox.is_empty()).then_some(self.hold_until);
        let overtaken = self.overtaken.as_ref().map(|(.., at)| *at);
        let close = self.close_at.map(|(at, _)| at);
        let all = [fault, release, overtaken, close].into_iter().flatten();
        all.min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// Applies the rules to a message on its way to the client, who has those subscriptions.
    pub(crate) fn send(
        &mut self,
        message: Outbound,
        about: About,
        subscribed: &Subscribed,
        now: MonoNanos,
        log: &mut FaultLog,
    ) {
        if self.silences.cover(about, now) {
            return;
        }
        let mut message = Some(message);
        for n in 0..self.rules.len() {
            let Some(this) = message.as_ref().filter(|_| !self.ended) else { break };
            if !self.rules.happens(n, about, now) {
                continue;
            }
            let Some((rule, _)) = self.rules.get(n) else { break };
            let happened = if rule.kind().opportunity().can_be_a_time() {
                self.inject_connection_fault(n, subscribed, now)
            } else {
                let mutated = self.mutate(&rule.fault, this, about, now);
                let happened = mutated.is_some();
                if let Some(mutated) = mutated {
                    message = mutated;
                }
                happened
            };
            if happened {
                self.rules.note(n, now, log);
            }
        }
        let Some(message) = message.filter(|_| !self.ended) else { return };
        self.outbox.push_back(message);
        let overtakes =
            |(inst, channel, ..): &mut (_, _, _, _)| about.topic() == Some((*inst, *channel));
        if let Some((.., overtaken, _)) = self.overtaken.take_if(overtakes) {
            self.outbox.push_back(overtaken);
        }
    }

    /// Puts a message behind all that wait, untouched. Nothing comes after it.
    pub(crate) fn send_last(&mut self, message: Outbound) {
        let overtaken = self.overtaken.take();
        self.outbox.extend(overtaken.map(|(_, _, overtaken, _)| overtaken));
        self.close_at = None;
        self.outbox.push_back(message);
        self.ended = true;
    }

    /// Throws away what waits.
    pub(crate) fn clear(&mut self) {
        self.outbox.clear();
        self.overtaken = None;
    }

    /// Runs the faults that are due.
    pub(crate) fn on_time(&mut self, subscribed: &Subscribed, now: MonoNanos, log: &mut FaultLog) {
        for n in 0..self.rules.len() {
            let due = !self.ended && self.rules.is_due(n, now);
            if due && self.inject_connection_fault(n, subscribed, now) {
                self.rules.note(n, now, log);
            }
        }
        if let Some((.., overtaken, _)) = self.overtaken.take_if(|(.., at)| *at <= now) {
            self.outbox.push_back(overtaken);
        }
        if let Some((_, code)) = self.close_at.take_if(|(at, _)| *at <= now) {
            self.end(Outbound::Close { code, reason: "Service upgrade" });
        }
    }

    /// The next message that may be queued now.
    pub(crate) fn poll(&mut self, now: MonoNanos) -> Option<Outbound> {
        if self.hold_until > now { None } else { self.outbox.pop_front() }
    }

    /// What the exchange has to do next.
    pub(crate) fn poll_action(&mut self) -> Option<FaultAction> {
        self.actions.pop_front()
    }

    /// Whether a request (`About::Request`) or an argument of one (`About::Ack`) is to be treated
    /// as not received.
    pub(crate) fn ignores(&mut self, about: About, now: MonoNanos, log: &mut FaultLog) -> bool {
        let whole = about == About::Request;
        self.first(about, now, log, |rule| {
            (rule.fault == Fault::Ignore && rule.is_named() != whole).then_some(())
        })
        .is_some()
    }

    /// How a request (`About::Request`) or a subscription (`About::Ack`) is to be refused.
    pub(crate) fn refuses(
        &mut self,
        about: About,
        now: MonoNanos,
        log: &mut FaultLog,
    ) -> Option<InjectedError> {
        let whole = about == About::Request;
        self.first(about, now, log, |rule| match rule.fault {
            Fault::Reject { code, id } if whole => Some(InjectedError { code, id }),
            Fault::Error { code, id } if !whole => Some(InjectedError { code, id }),
            _ => None,
        })
    }

    /// Whether a subscription is to be acknowledged and not carried out.
    pub(crate) fn withholds(&mut self, about: About, now: MonoNanos, log: &mut FaultLog) -> bool {
        let is_ours = |rule: &FaultRule| (rule.fault == Fault::NoData).then_some(());
        self.first(about, now, log, is_ours).is_some()
    }

    /// The error that comes before the answer to a subscription.
    pub(crate) fn strays(
        &mut self,
        about: About,
        subscribed: &Subscribed,
        now: MonoNanos,
        log: &mut FaultLog,
    ) -> Option<StrayError> {
        let is_ours = |rule: &FaultRule| (rule.kind() == FaultKind::Stray).then_some(rule.fault);
        let (n, fault) = self.rules.first(about, now, is_ours)?;
        let stray = self.stray(fault, about.topic(), subscribed)?;
        self.rules.note(n, now, log);
        Some(stray)
    }

    /// The code with which the connection is to be closed for so many subscriptions.
    pub(crate) fn overfull(
        &mut self,
        count: usize,
        now: MonoNanos,
        log: &mut FaultLog,
    ) -> Option<u16> {
        self.first(About::Request, now, log, |rule| match rule.fault {
            Fault::MaxSubs { most, code } if most < count => Some(code),
            _ => None,
        })
    }

    /// What `pick` finds in the first rule whose fault happens now, which is noted.
    fn first<T>(
        &mut self,
        about: About,
        now: MonoNanos,
        log: &mut FaultLog,
        pick: impl Fn(&FaultRule) -> Option<T>,
    ) -> Option<T> {
        let (n, picked) = self.rules.first(about, now, pick)?;
        self.rules.note(n, now, log);
        Some(picked)
    }

    /// Carries out a fault that needs no message. False where it can't happen here.
    fn inject_connection_fault(
        &mut self,
        n: usize,
        subscribed: &Subscribed,
        now: MonoNanos,
    ) -> bool {
        let Some((rule, inst)) = self.rules.get(n) else { return false };
        match rule.fault {
            Fault::Drop => self.end(Outbound::Fault(TransportFault::Drop)),
            Fault::Rst => self.end(Outbound::Fault(TransportFault::Reset)),
            Fault::HalfOpen => self.end(Outbound::Fault(TransportFault::HalfOpen)),
            Fault::Close { code } => {
                self.end(Outbound::Close { code, reason: close_reason(code) });
            }
            Fault::Stall { duration } => self.hold_until = self.hold_until.max(now + duration),
            Fault::Silence { duration, .. } => self.silences.begin(&rule, inst, duration, now),
            Fault::Forget | Fault::Unsub => return self.forget(n, &rule, subscribed),
            Fault::Stray { .. } => {
                let stray = self.stray(rule.fault, None, subscribed);
                self.actions.extend(stray.map(FaultAction::Stray));
                return stray.is_some();
            }
            Fault::WsPing => self.outbox.push_back(Outbound::Fault(TransportFault::Ping)),
            Fault::BadFrame => self.outbox.push_back(Outbound::Fault(TransportFault::BadFrame)),
            Fault::Giant { bytes } => {
                self.outbox.extend(mutate::giant(self.identity.dialect, bytes));
            }
            Fault::Bomb { bytes } if self.identity.dialect == Dialect::V3 => {
                self.outbox.extend(mutate::bomb(bytes));
            }
            Fault::Notice { after, code } => {
                let text = self.identity.upgrade_notice.clone();
                self.outbox.extend(text.map(|text| Outbound::Text(text.into())));
                self.close_at.get_or_insert((now + after, code));
            }
            _ => return false,
        }
        true
    }

    /// Ends subscriptions: all that the rule names, or any one.
    fn forget(&mut self, n: usize, rule: &FaultRule, subscribed: &Subscribed) -> bool {
        let acknowledged = rule.fault == Fault::Unsub;
        let fit = |topic: &&(InstIndex, Channel)| self.rules.is_about(n, **topic);
        let mut found: Vec<_> = subscribed.iter().filter(fit).copied().collect();
        if !rule.is_named() {
            found = self.any_of(&found).into_iter().collect();
        }
        let action = |(inst, channel)| FaultAction::Forget { inst, channel, acknowledged };
        let happened = !found.is_empty();
        self.actions.extend(found.into_iter().map(action));
        happened
    }

    /// A stray error, other than about `answered`; `None` where it has nothing to name.
    fn stray(
        &mut self,
        fault: Fault,
        answered: Option<(InstIndex, Channel)>,
        subscribed: &Subscribed,
    ) -> Option<StrayError> {
        let Fault::Stray { code, names, id } = fault else { return None };
        let named = match names {
            Subject::Other => Named::Other,
            Subject::None => Named::Nothing,
            Subject::Live => {
                let others = subscribed.iter().filter(|topic| Some(**topic) != answered);
                let (inst, channel) = self.any_of(&others.copied().collect::<Vec<_>>())?;
                Named::One(inst, channel)
            }
        };
        Some(StrayError { code, named, id })
    }

    fn any_of(&mut self, topics: &[(InstIndex, Channel)]) -> Option<(InstIndex, Channel)> {
        let count = u64::try_from(topics.len()).ok().filter(|count| *count > 0)?;
        let at = usize::try_from(self.rules.rng.below(count)).ok()?;
        topics.get(at).copied()
    }

    /// Ends the connection: nothing is sent after this, not even what was held back.
    fn end(&mut self, how: Outbound) {
        self.clear();
        self.hold_until = MonoNanos::ZERO;
        self.send_last(how);
    }

    /// Applies a fault to a message: what is sent instead, which may be nothing. `None` where the
    /// fault can't happen to it.
    fn mutate(
        &mut self,
        fault: &Fault,
        message: &Outbound,
        about: About,
        now: MonoNanos,
    ) -> Option<Option<Outbound>> {
        let boxed = || match message {
            Outbound::Text(_) | Outbound::Binary(_) => Some(Box::new(message.clone())),
            _ => None,
        };
        match *fault {
            Fault::NoAck | Fault::Gap => Some(None),
            Fault::Corrupt => mutate::corrupt(message, &mut self.rules.rng).map(Some),
            Fault::Truncate => mutate::truncate(message, &mut self.rules.rng).map(Some),
            Fault::Checksum => mutate::wrong_checksum(message).map(Some),
            Fault::Trickle { bytes, gap } => {
                let fault = TransportFault::Trickle { message: boxed()?, bytes, gap };
                Some(Some(Outbound::Fault(fault)))
            }
            Fault::Fragment { parts } => {
                let fault = TransportFault::Fragments { message: boxed()?, parts };
                Some(Some(Outbound::Fault(fault)))
            }
            Fault::Repeat => {
                self.outbox.push_back(message.clone());
                Some(Some(message.clone()))
            }
            Fault::Snapshot => {
                let (inst, channel) = about.topic()?;
                self.actions.push_back(FaultAction::Snapshot(inst, channel));
                Some(Some(message.clone()))
            }
            Fault::Reorder if self.overtaken.is_none() => {
                let (inst, channel) = about.topic()?;
                self.overtaken = Some((inst, channel, message.clone(), now + OVERTAKE));
                Some(None)
            }
            _ => None,
        }
    }
}
