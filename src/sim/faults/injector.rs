//! The faults of one connection, between the exchange and the connection's queue.

use std::collections::VecDeque;
use std::time::Duration;

use super::damage;
use super::kind::FaultKind;
use super::log::FaultLog;
use super::rule::{FaultPlan, FaultRule, On};
use super::trigger::Trigger;
use crate::model::{Channel, Dialect, MonoNanos};
use crate::sim::market::{InstIndex, SimMarket};
use crate::sim::outbound::{About, Outbound, TransportFault};
use crate::sim::rng::Rng;
use crate::sim::v5;

/// How long a reordered message waits for one to overtake it.
const OVERTAKE: Duration = Duration::from_secs(1);

/// Who the connection is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The connection's number, from 1.
    pub(crate) number: u64,
    pub(crate) dialect: Dialect,
    /// v5's `connId`.
    pub(crate) conn_id: String,
}

/// Takes every message to one client and lets through what the rules leave of it.
#[derive(Debug)]
pub(crate) struct Injector {
    identity: Identity,
    triggers: Vec<Trigger>,
    rng: Rng,
    /// What may be queued, once nothing is held any more.
    outbox: VecDeque<Outbound>,
    hold_until: MonoNanos,
    /// A message that the next of its topic overtakes, or that is sent at that time.
    overtaken: Option<(InstIndex, Channel, Outbound, MonoNanos)>,
    close_at: Option<(MonoNanos, u16)>,
    /// Snapshots that nobody asked for.
    wanted: Vec<(InstIndex, Channel)>,
    ended: bool,
}

impl Injector {
    pub(crate) fn new(
        plan: &FaultPlan,
        identity: Identity,
        market: &SimMarket,
        now: MonoNanos,
    ) -> Self {
        let rules = plan.rules.iter().filter(|rule| !rule.kind.is_of_venue());
        let rules = rules.filter(|rule| rule.covers(identity.number, identity.dialect));
        let triggers = rules.map(|rule| Trigger::new(rule, market, now, false)).collect();
        // An odd factor keeps the seeds of all connections apart.
        let seed = plan.seed ^ identity.number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self {
            identity,
            triggers,
            rng: Rng::new(seed),
            outbox: VecDeque::new(),
            hold_until: MonoNanos::ZERO,
            overtaken: None,
            close_at: None,
            wanted: Vec::new(),
            ended: false,
        }
    }

    /// Adds a rule by hand, which covers this connection whatever it says.
    pub(crate) fn add(&mut self, rule: &FaultRule, market: &SimMarket, now: MonoNanos) {
        self.triggers.push(Trigger::new(rule, market, now, true));
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
        let moments = self.triggers.iter().map(Trigger::moment).filter(|_| !self.ended);
        let release = (!self.outbox.is_empty()).then_some(self.hold_until);
        let overtaken = self.overtaken.as_ref().map(|(.., at)| *at);
        let close = self.close_at.map(|(at, _)| at);
        let others = [release, overtaken, close].into_iter().flatten();
        moments.chain(others).min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// Takes a message on its way to the client.
    pub(crate) fn send(
        &mut self,
        message: Outbound,
        about: About,
        now: MonoNanos,
        log: &mut FaultLog,
    ) {
        let mut message = Some(message);
        for n in 0..self.triggers.len() {
            let Some(this) = message.as_ref().filter(|_| !self.ended) else { break };
            if !self.happens(n, about, now) {
                continue;
            }
            let Some(rule) = self.triggers.get(n).map(|trigger| trigger.rule.clone()) else {
                break;
            };
            let happened = if rule.kind.is_moment() {
                self.strike(&rule, now)
            } else {
                let damaged = self.damage(&rule, this, about, now);
                let happened = damaged.is_some();
                if let Some(damaged) = damaged {
                    message = damaged;
                }
                happened
            };
            if happened {
                self.note(n, now, log);
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

    /// Lets everything happen that is due.
    pub(crate) fn on_time(&mut self, now: MonoNanos, log: &mut FaultLog) {
        for n in 0..self.triggers.len() {
            let trigger = self.triggers.get_mut(n).filter(|trigger| trigger.moment() <= now);
            let Some(trigger) = trigger.filter(|_| !self.ended) else { continue };
            if trigger.ring(now) {
                let rule = trigger.rule.clone();
                if self.strike(&rule, now) {
                    self.note(n, now, log);
                }
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

    /// A snapshot that nobody asked for.
    pub(crate) fn poll_wanted(&mut self) -> Option<(InstIndex, Channel)> {
        self.wanted.pop()
    }

    /// Whether a request is to be taken for not received.
    pub(crate) fn ignores(&mut self, now: MonoNanos, log: &mut FaultLog) -> bool {
        self.first(FaultKind::Ignore, About::Request, now, log).is_some()
    }

    /// The code with which a subscription is to be refused.
    pub(crate) fn refuses(
        &mut self,
        about: About,
        now: MonoNanos,
        log: &mut FaultLog,
    ) -> Option<u16> {
        self.first(FaultKind::Error, about, now, log)
    }

    /// The code of the first rule of a kind that happens now.
    fn first(
        &mut self,
        kind: FaultKind,
        about: About,
        now: MonoNanos,
        log: &mut FaultLog,
    ) -> Option<u16> {
        for n in 0..self.triggers.len() {
            let rule = self.triggers.get(n).map(|trigger| &trigger.rule);
            let Some(code) = rule.filter(|rule| rule.kind == kind).map(|rule| rule.code) else {
                continue;
            };
            if self.fits(n, about) && self.rings(n, now) {
                self.note(n, now, log);
                return Some(code);
            }
        }
        None
    }

    /// Whether the rule's fault happens to this message.
    fn happens(&mut self, n: usize, about: About, now: MonoNanos) -> bool {
        let kind = self.triggers.get(n).map(|trigger| trigger.rule.kind);
        // These two are asked for by name.
        let apart = kind.is_none_or(|kind| matches!(kind, FaultKind::Ignore | FaultKind::Error));
        !apart && self.fits(n, about) && self.rings(n, now)
    }

    fn rings(&mut self, n: usize, now: MonoNanos) -> bool {
        let Self { triggers, rng, .. } = self;
        triggers.get_mut(n).is_some_and(|trigger| trigger.occasion(rng, now))
    }

    /// Whether the rule is about such messages.
    fn fits(&self, n: usize, about: About) -> bool {
        let Some(trigger) = self.triggers.get(n) else { return false };
        let FaultRule { kind, channel, on, .. } = &trigger.rule;
        let ours = match (kind, about) {
            (_, About::Added) => false,
            (FaultKind::Ignore, about) => return about == About::Request,
            (_, About::Request) => false,
            (FaultKind::NoAck | FaultKind::Error, about) => matches!(about, About::Ack(..)),
            (kind, about) if kind.is_of_increments() => match about {
                About::Increment(..) => true,
                About::Push(..) => channel.is_some(),
                _ => false,
            },
            (_, About::Push(..) | About::Increment(..)) => *on != On::Reply,
            (_, About::Ack(..) | About::Reply) => *on != On::Push,
        };
        let topic = about.topic();
        let named = channel.is_none() && trigger.rule.inst_id.is_none();
        ours && topic.map_or(named, |(inst, of)| {
            channel.is_none_or(|channel| channel == of) && trigger.is_about(inst)
        })
    }

    fn note(&mut self, n: usize, now: MonoNanos, log: &mut FaultLog) {
        if let Some(trigger) = self.triggers.get_mut(n) {
            trigger.spend();
            log.note(trigger.rule.kind, Some(self.identity.number), now);
        }
    }

    /// A fault that needs no message. False where it can't happen here.
    fn strike(&mut self, rule: &FaultRule, now: MonoNanos) -> bool {
        let dialect = self.identity.dialect;
        match rule.kind {
            FaultKind::Drop => self.end(Outbound::Fault(TransportFault::Drop)),
            FaultKind::Rst => self.end(Outbound::Fault(TransportFault::Reset)),
            FaultKind::HalfOpen => self.end(Outbound::Fault(TransportFault::HalfOpen)),
            FaultKind::Close => {
                self.end(Outbound::Close { code: rule.code, reason: reason(rule.code) });
            }
            FaultKind::Stall => self.hold_until = self.hold_until.max(now + rule.span),
            FaultKind::BadFrame => {
                self.outbox.push_back(Outbound::Fault(TransportFault::BadFrame));
            }
            FaultKind::Giant => self.outbox.extend(damage::giant(dialect, rule.size)),
            FaultKind::Bomb if dialect == Dialect::V3 => {
                self.outbox.extend(damage::bomb(rule.size));
            }
            FaultKind::Notice => {
                if dialect == Dialect::V5 {
                    let text = v5::upgrade_notice(&self.identity.conn_id);
                    self.outbox.push_back(Outbound::Text(text.into()));
                }
                self.close_at.get_or_insert((now + rule.span, rule.code));
            }
            _ => return false,
        }
        true
    }

    /// Ends the connection: nothing is sent after this, not even what was held back.
    fn end(&mut self, how: Outbound) {
        self.clear();
        self.hold_until = MonoNanos::ZERO;
        self.send_last(how);
    }

    /// A fault of a message: what becomes of it, which may be nothing. `None` where the fault can't
    /// happen to it.
    fn damage(
        &mut self,
        rule: &FaultRule,
        message: &Outbound,
        about: About,
        now: MonoNanos,
    ) -> Option<Option<Outbound>> {
        let boxed = || match message {
            Outbound::Text(_) | Outbound::Binary(_) => Some(Box::new(message.clone())),
            _ => None,
        };
        match rule.kind {
            FaultKind::NoAck | FaultKind::Gap => Some(None),
            FaultKind::Corrupt => damage::corrupt(message, &mut self.rng).map(Some),
            FaultKind::Truncate => damage::truncate(message, &mut self.rng).map(Some),
            FaultKind::Checksum => damage::wrong_checksum(message).map(Some),
            FaultKind::Trickle => {
                let (message, bytes, gap) = (boxed()?, rule.size, rule.span);
                let fault = TransportFault::Trickle { message, bytes, gap };
                Some(Some(Outbound::Fault(fault)))
            }
            FaultKind::Fragment => {
                let fault = TransportFault::Fragments { message: boxed()?, parts: rule.size };
                Some(Some(Outbound::Fault(fault)))
            }
            FaultKind::Repeat => {
                self.outbox.push_back(message.clone());
                Some(Some(message.clone()))
            }
            FaultKind::Snapshot => {
                self.wanted.push(about.topic()?);
                Some(Some(message.clone()))
            }
            FaultKind::Reorder if self.overtaken.is_none() => {
                let (inst, channel) = about.topic()?;
                self.overtaken = Some((inst, channel, message.clone(), now + OVERTAKE));
                Some(None)
            }
            _ => None,
        }
    }
}

/// The reason that goes with a close code.
const fn reason(code: u16) -> &'static str {
    match code {
        1009 => "Request message exceeds the maximum frame length",
        4001 => "Login failed",
        4002 => "Invalid request",
        4003 => "APIKey subscription amount exceeds the limit 100",
        4004 => "No data received in 30s",
        4005 => "Buffer is full",
        4006 => "Abnormal disconnection",
        4007 => "API key has been updated or deleted",
        4008 => "The total subscribed channels exceed the maximum limit",
        _ => "The exchange closes",
    }
}
