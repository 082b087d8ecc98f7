//! Which faults happen, and how long the client takes to recover from each.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use okx_feed::MonoNanos;
use okx_feed::sim::{ConnectionId, Exchange, FaultKind, FaultRule, Injected, Listing};

/// The scenes, of which one happens at a time: to one connection, or to the exchange. A fault that
/// waits for a request comes with one that makes the client send it. `{inst}` is any instrument,
/// `{code}` any code of [`CODES`].
const SCENES: [&[&str]; 52] = [
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
    &["maxsubs:most=1", "gap"],
];

/// What subscriptions and requests are refused with.
const CODES: [u16; 18] = [
    30026, 30040, 30041, 30043, 50001, 50004, 50011, 50013, 50026, 50040, 50061, 60012, 60014,
    60018, 63999, 64003, 64007, 64008,
];

/// Of so many faults, one is of the clients' own machine.
const HOST_ONE_IN: u8 = 16;
/// How far a client's wall clock is set at most, in milliseconds.
const CLOCK_SET_BY: i64 = 7_200_000;
/// How long a sink stalls.
const SINK_STALL_MS: [u64; 2] = [1_000, 7_000];

/// Of so many faults, one stalls all connections of one client at once.
const ONE_IN: u8 = 12;
/// How much longer that lasts than a book may be silent.
const PAST_STALE: Duration = Duration::from_secs(5);

/// How long after a fault its effect may begin, where the connection goes on.
const EFFECT_WITHIN: Duration = Duration::from_secs(10);
/// The longest recovery time that is recorded, in milliseconds: ten minutes.
const LONGEST_MS: u64 = 600_000;

/// What happens next.
#[derive(Debug)]
pub(super) enum FaultPick {
    /// A scene, for one connection or for the exchange.
    Scene(Vec<FaultRule>),
    /// A fault for all connections of one client.
    AllConnections(FaultRule),
    /// The wall clock of a client's machine is set by so many nanoseconds.
    SetClock(i64),
    /// A client's sink stalls for so long.
    StallSink(Duration),
}

/// Picks the next fault at random. Books are stale after `stale_after`.
pub(super) fn pick(
    random: &mut fastrand::Rng,
    stale_after: Duration,
    listings: &[Listing],
) -> Option<FaultPick> {
    let inst_id = random.choice(listings)?.inst_id().as_str();
    if random.u8(..ONE_IN) == 0 {
        let silence = (stale_after + PAST_STALE).as_millis();
        let rule = match random.u8(..4) {
            0 => "silence".to_owned(),
            1 => format!("silence:for={silence}ms"),
            2 => format!("forget:inst={inst_id}"),
            _ => format!("stall:for={silence}ms"),
        };
        return rule.parse().ok().map(FaultPick::AllConnections);
    }
    if random.u8(..HOST_ONE_IN) == 0 {
        let [least, most] = SINK_STALL_MS;
        return Some(match random.bool() {
            true => FaultPick::SetClock(random.i64(-CLOCK_SET_BY..CLOCK_SET_BY) * 1_000_000),
            false => FaultPick::StallSink(Duration::from_millis(random.u64(least..most))),
        });
    }
    let (rules, code) = (random.choice(SCENES)?, random.choice(CODES)?.to_string());
    let rule = |rule: &&str| rule.replace("{inst}", inst_id).replace("{code}", &code).parse().ok();
    rules.iter().map(rule).collect::<Option<_>>().map(FaultPick::Scene)
}

/// A fault from which its client may not have recovered yet.
#[derive(Debug)]
struct OpenFault {
    fault: Injected,
    /// Whose connection it was; `None` where it was the exchange.
    client: Option<usize>,
    /// Whether a connection of that client has not been ready since.
    noticed: bool,
}

/// The faults of one kind and how they ended.
#[derive(Clone, Debug)]
pub(super) struct KindStats {
    pub(super) injected: u64,
    /// Faults that took no book of any connection away.
    pub(super) unnoticed: u64,
    /// Milliseconds until every book of every connection of that client was live again.
    pub(super) recovery_ms: Histogram<u64>,
}

/// All faults and how they ended.
#[derive(Debug, Default)]
pub(super) struct FaultTracker {
    /// By the number of a connection, whose client it is.
    owners: BTreeMap<u64, usize>,
    seen: u64,
    open: Vec<OpenFault>,
    pub(super) by_kind: BTreeMap<FaultKind, KindStats>,
    /// How often a client's wall clock was set.
    pub(super) clocks_set: u64,
    /// How often a client's sink stalled.
    pub(super) sinks_stalled: u64,
}

impl FaultTracker {
    /// Notes whose connection it is that a fault is about to happen to.
    pub(super) fn set_owner(&mut self, id: ConnectionId, client: usize) {
        self.owners.insert(id.number(), client);
    }

    /// Adds the faults that have happened since the last call, and ends those that their clients
    /// have recovered from. `ready` says of each client whether all its connections have all their
    /// books.
    pub(super) fn update(&mut self, exchange: &Exchange, ready: &[bool]) {
        let log = exchange.faults();
        let new = usize::try_from(log.total() - self.seen).unwrap_or(usize::MAX);
        self.seen = log.total();
        for fault in log.recent().rev().take(new) {
            let of_exchange = fault.kind.is_of_exchange();
            let client = fault.connection.and_then(|number| self.owners.get(&number)).copied();
            let client = client.filter(|_| !of_exchange);
            if client.is_some() || of_exchange {
                self.open.push(OpenFault { fault: *fault, client, noticed: false });
            }
            let stats = self.by_kind.entry(fault.kind).or_insert_with(KindStats::new);
            stats.injected += 1;
        }
        let ids: Vec<u64> = exchange.ids().into_iter().map(ConnectionId::number).collect();
        let Self { open, by_kind, .. } = self;
        open.retain_mut(|open| {
            let stats = by_kind.entry(open.fault.kind).or_insert_with(KindStats::new);
            open.is_open(&ids, ready, exchange.now(), stats)
        });
    }

    /// How many faults the clients have not recovered from yet.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}

impl OpenFault {
    /// Whether the client has not recovered yet. Counts the fault otherwise.
    fn is_open(
        &mut self,
        ids: &[u64],
        ready: &[bool],
        now: MonoNanos,
        stats: &mut KindStats,
    ) -> bool {
        let Injected { at, kind, connection } = self.fault;
        // The number of a refused attempt is none of a connection.
        let number = connection.filter(|_| self.client.is_some());
        let gone = number.is_some_and(|number| !ids.contains(&number));
        let ready = match self.client {
            Some(client) => ready.get(client).copied().unwrap_or_default(),
            None => ready.iter().all(|ready| *ready),
        };
        self.noticed |= gone || !ready;
        let ends = kind.ends_connection();
        let took = now.since(at);
        let recovered = ready && if ends { gone } else { self.noticed };
        if recovered {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_MS);
            stats.recovery_ms.saturating_record(ms);
        }
        let unnoticed = !ends && !self.noticed && took > EFFECT_WITHIN;
        stats.unnoticed += u64::from(unnoticed);
        !recovered && !unnoticed
    }
}

impl KindStats {
    #[expect(clippy::expect_used, reason = "constant bounds, which the soak's test makes too")]
    fn new() -> Self {
        let recovery_ms =
            Histogram::new_with_bounds(1, LONGEST_MS, 2).expect("bounds are in order");
        Self { injected: 0, unnoticed: 0, recovery_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_is_valid_and_every_kind_is_in_one() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut kinds = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            match pick(&mut random, Duration::from_secs(3), &Listing::defaults()).unwrap() {
                FaultPick::Scene(rules) => kinds.extend(rules.iter().map(FaultRule::kind)),
                FaultPick::AllConnections(rule) => kinds.extend([rule.kind()]),
                FaultPick::SetClock(_) | FaultPick::StallSink(_) => {}
            }
        }
        // The soak makes no REST requests, and its instruments stay listed.
        let is_in_soak = |kind: &&FaultKind| {
            !kind.is_of_rest() && !matches!(kind, FaultKind::List | FaultKind::Delist)
        };
        let missing: Vec<_> =
            FaultKind::ALL.iter().filter(is_in_soak).filter(|kind| !kinds.contains(kind)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
