//! Which faults happen, and how long each takes to be healed.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use okx_feed::MonoNanos;
use okx_feed::sim::{ConnectionId, Exchange, FaultKind, FaultRule, Injected, Listing};

/// What happens, one of them at a time: to one connection, or to the exchange. What waits for a
/// request comes with a fault that makes the client send one. `{inst}` is any instrument, `{code}` any
/// code of [`CODES`].
const RULES: [&[&str]; 51] = [
    &["drop"],
    &["rst"],
    &["halfopen"],
    &["stall:for=3s"],
    &["trickle"],
    &["fragment"],
    &["badframe"],
    &["corrupt"],
    &["truncate"],
    &["giant"],
    &["bomb"],
    &["noack", "gap"],
    &["ignore", "gap"],
    &["error:p=1,times=2", "gap"],
    &["error:code=64007", "checksum"],
    &["close:code=4004"],
    &["close:code=1009"],
    &["notice:after=5s"],
    &["snapshot"],
    &["gap"],
    &["repeat"],
    &["reorder"],
    &["checksum"],
    &["refuse", "drop"],
    &["refuse:status=503,p=1,times=2", "rst"],
    &["clock:by=-4s,for=2s"],
    &["clock:by=5s,for=3s"],
    &["clock:by=-300ms,for=20s"],
    &["resetseq"],
    &["silence"],
    &["silence:for=6s"],
    &["silence:for=8s,inst={inst}"],
    &["silence:on=reply,for=5s"],
    &["silence:on=any", "wsping:every=1s"],
    &["wsping:every=2s,times=10"],
    &["forget"],
    &["forget:inst={inst}"],
    &["unsub"],
    &["unsub:inst={inst}"],
    &["nodata:p=1,times=2", "gap"],
    &["nodata:p=1,times=1", "forget:inst={inst}"],
    &["stray:names=live"],
    &["stray:names=other,p=1,times=2", "gap"],
    &["stray:names=live,id=own,p=1,times=2", "gap"],
    &["stray:names=none,code={code},p=1,times=2", "forget"],
    &["error:code={code},p=1,times=2", "forget:inst={inst}"],
    &["reject:code={code},p=1,times=2", "gap"],
    &["ignore:inst={inst},p=1,times=2", "unsub:inst={inst}"],
    &["close:code=4009"],
    &["refuse:status=429,retry=3s", "drop"],
    &["refuse:status=403", "rst"],
];

/// What subscriptions and requests are refused with.
const CODES: [u16; 18] = [
    30026, 30040, 30041, 30043, 50001, 50004, 50011, 50013, 50026, 50040, 50061, 60012, 60014,
    60018, 63999, 64003, 64007, 64008,
];

/// How often, of so many, the clients' own machine is what goes wrong.
const HOST_ONE_IN: u8 = 16;
/// How far a client's wall clock is set at most, in milliseconds.
const CLOCK_SET_BY: i64 = 7_200_000;
/// How long a sink does not return.
const STANDS_STILL_MS: [u64; 2] = [1_000, 7_000];

/// How often, of so many, all connections of one client stand still at once.
const ONE_IN: u8 = 12;
/// How much longer than a book may be silent they do.
const PAST_STALE: Duration = Duration::from_secs(5);

/// How long after a fault its effect may begin, where the connection goes on.
const UNNOTICED: Duration = Duration::from_secs(10);
/// The longest time that is told apart, in milliseconds: ten minutes.
const LONGEST_MS: u64 = 600_000;

/// What happens next.
#[derive(Debug)]
pub(super) enum Drawn {
    /// To one connection, or to the exchange.
    Once(Vec<FaultRule>),
    /// To all connections of one client.
    ToAll(FaultRule),
    /// The wall clock of a client's machine is set by so many nanoseconds.
    ClockSet(i64),
    /// A client's sink does not return for so long.
    StandsStill(Duration),
}

/// The faults in the order that the random numbers give. Books are stale after `stale_after`.
pub(super) fn draw(
    random: &mut fastrand::Rng,
    stale_after: Duration,
    listings: &[Listing],
) -> Option<Drawn> {
    let inst_id = random.choice(listings)?.inst_id().as_str();
    if random.u8(..ONE_IN) == 0 {
        let silence = (stale_after + PAST_STALE).as_millis();
        let rule = match random.u8(..4) {
            0 => "silence".to_owned(),
            1 => format!("silence:for={silence}ms"),
            2 => format!("forget:inst={inst_id}"),
            _ => format!("stall:for={silence}ms"),
        };
        return rule.parse().ok().map(Drawn::ToAll);
    }
    if random.u8(..HOST_ONE_IN) == 0 {
        let [least, most] = STANDS_STILL_MS;
        return Some(match random.bool() {
            true => Drawn::ClockSet(random.i64(-CLOCK_SET_BY..CLOCK_SET_BY) * 1_000_000),
            false => Drawn::StandsStill(Duration::from_millis(random.u64(least..most))),
        });
    }
    let (rules, code) = (random.choice(RULES)?, random.choice(CODES)?.to_string());
    let rule = |rule: &&str| rule.replace("{inst}", inst_id).replace("{code}", &code).parse().ok();
    rules.iter().map(rule).collect::<Option<_>>().map(Drawn::Once)
}

/// A fault that may not be healed yet.
#[derive(Debug)]
struct Open {
    fault: Injected,
    /// Whose connection it was; `None` where it was the exchange.
    client: Option<usize>,
    /// Whether a connection of that client has not been well since.
    noticed: bool,
}

/// What became of the faults of one kind.
#[derive(Clone, Debug)]
pub(super) struct Survived {
    pub(super) injected: u64,
    /// Faults that took no book of any connection away.
    pub(super) unnoticed: u64,
    /// Milliseconds until every book of every connection of that client was live again.
    pub(super) healed_ms: Histogram<u64>,
}

/// What became of all faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// By the number of a connection, whose client it is.
    owners: BTreeMap<u64, usize>,
    seen: u64,
    open: Vec<Open>,
    pub(super) by_kind: BTreeMap<FaultKind, Survived>,
    /// How often a client's wall clock was set, and its sink stood still.
    pub(super) clocks_set: u64,
    pub(super) stood_still: u64,
}

impl Faults {
    /// Notes who has a connection that a fault is about to happen to.
    pub(super) fn aim(&mut self, id: ConnectionId, client: usize) {
        self.owners.insert(id.number(), client);
    }

    /// Takes the faults that have happened since, and those that are healed by now. `well` says of
    /// each client whether all its connections have all their books.
    pub(super) fn look(&mut self, exchange: &Exchange, well: &[bool]) {
        let log = exchange.faults();
        let new = usize::try_from(log.total() - self.seen).unwrap_or(usize::MAX);
        self.seen = log.total();
        for fault in log.recent().rev().take(new) {
            let of_exchange = fault.kind.is_of_exchange();
            let client = fault.connection.and_then(|number| self.owners.get(&number)).copied();
            let client = client.filter(|_| !of_exchange);
            if client.is_some() || of_exchange {
                self.open.push(Open { fault: *fault, client, noticed: false });
            }
            let survived = self.by_kind.entry(fault.kind).or_insert_with(Survived::new);
            survived.injected += 1;
        }
        let ids: Vec<u64> = exchange.ids().into_iter().map(ConnectionId::number).collect();
        let Self { open, by_kind, .. } = self;
        open.retain_mut(|open| {
            let survived = by_kind.entry(open.fault.kind).or_insert_with(Survived::new);
            open.is_open(&ids, well, exchange.now(), survived)
        });
    }

    /// How many faults are not healed yet.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}

impl Open {
    /// Looks whether it is healed, and counts it then.
    fn is_open(
        &mut self,
        ids: &[u64],
        well: &[bool],
        now: MonoNanos,
        survived: &mut Survived,
    ) -> bool {
        let Injected { at, kind, connection } = self.fault;
        // The number of a refused attempt is none of a connection.
        let number = connection.filter(|_| self.client.is_some());
        let gone = number.is_some_and(|number| !ids.contains(&number));
        let well = match self.client {
            Some(client) => well.get(client).copied().unwrap_or_default(),
            None => well.iter().all(|well| *well),
        };
        self.noticed |= gone || !well;
        let ends = kind.ends_connection();
        let took = now.since(at);
        let healed = well && if ends { gone } else { self.noticed };
        if healed {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_MS);
            survived.healed_ms.saturating_record(ms);
        }
        let unnoticed = !ends && !self.noticed && took > UNNOTICED;
        survived.unnoticed += u64::from(unnoticed);
        !healed && !unnoticed
    }
}

impl Survived {
    #[expect(clippy::expect_used, reason = "constant bounds, which the soak's test makes too")]
    fn new() -> Self {
        let healed_ms = Histogram::new_with_bounds(1, LONGEST_MS, 2).expect("bounds are in order");
        Self { injected: 0, unnoticed: 0, healed_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_read() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut kinds = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            match draw(&mut random, Duration::from_secs(3), &Listing::defaults()).unwrap() {
                Drawn::Once(rules) => kinds.extend(rules.iter().map(FaultRule::kind)),
                Drawn::ToAll(rule) => kinds.extend([rule.kind()]),
                Drawn::ClockSet(_) | Drawn::StandsStill(_) => {}
            }
        }
        // A soak's client is not asked to need fewer subscriptions than it has.
        let rare = [FaultKind::MaxSubs];
        assert!(FaultKind::ALL.iter().all(|kind| kinds.contains(kind) || rare.contains(kind)));
    }
}
