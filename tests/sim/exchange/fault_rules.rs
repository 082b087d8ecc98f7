//! Times and targets of faults, and the faults of the exchange itself.

use std::collections::{BTreeMap, BTreeSet};

use okx_feed::MonoNanos;
use okx_feed::sim::{
    Admission, Endpoint, Exchange, FaultKind, FaultRule, Outbound, TransportFault,
};

use crate::exchange::bench::*;
use crate::exchange::faulty::*;

#[test]
fn the_first_attempts_to_connect_are_refused() {
    let rules = "refuse:conn=1-3;refuse:conn=5,status=503;refuse:conn=7,status=429,retry=30s";
    let mut exchange = Exchange::new(&config(rules));
    let now = MonoNanos::ZERO;
    let outcomes: Vec<_> = (0..8).map(|_| exchange.admit(now)).collect();
    let (cut, accept) = (Admission::Cut, Admission::Accept);
    let refuse = |status, retry_after| Admission::Refuse { status, retry_after };
    let (busy, limited) = (refuse(503, None), refuse(429, Some(30_000 * MS)));
    assert_eq!(outcomes, [cut, cut, cut, accept, busy, accept, limited, accept]);
    assert_eq!(exchange.faults().count(FaultKind::Refuse), 5);
    assert_eq!(exchange.connect(Endpoint::V3, now).number(), 1);
}

#[test]
fn the_clock_steps_and_steps_back() {
    for (by, sign) in [("-5s", -1i64), ("1h", 1)] {
        let spec = format!("clock:at=1s,by={by},for=1s");
        let mut bench = after(Endpoint::V5Public, &spec, 3);
        assert_eq!(count(&bench, FaultKind::Clock), 1);
        let mut stamps: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for text in bench.texts() {
            let Some((channel, _, data)) = data_of(&text) else { continue };
            let ts = data["ts"].as_str().unwrap().parse().unwrap();
            stamps.entry(channel).or_default().push(ts);
        }
        for (channel, stamps) in &stamps {
            // The first trade is an old one.
            let stamps = if channel == "trades" { &stamps[1..] } else { &stamps[..] };
            let jumps: Vec<_> = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let far = if sign < 0 { 4_000 } else { 3_599_000 };
            let far: Vec<_> = jumps.into_iter().filter(|jump| jump.abs() >= far).collect();
            assert_eq!(far.len(), 2, "{channel} {far:?}");
            assert_eq!((far[0].signum(), far[1].signum()), (sign, -sign));
        }
        assert_eq!(stamps.len(), 3);
    }
}

#[test]
fn sequence_numbers_are_reset_by_rule() {
    let resets = |spec: &str| {
        let chain = chain(&mut after(Endpoint::V5Public, spec, 3), "books");
        assert_eq!(breaks(&chain), 0);
        chain.iter().filter(|(prev, seq)| seq < prev).count()
    };
    assert_eq!(resets("resetseq:every=1100ms"), 2);
    assert_eq!(resets("resetseq:at=1s,inst=BTC-USDT"), 1);
    assert_eq!(resets("resetseq:at=1s,inst=ETH-USDT"), 0);
    assert_eq!(resets("resetseq:at=1s,inst=NO-SUCH"), 0);
}

#[test]
fn rules_find_their_messages() {
    let hits = |endpoint, spec: &str| after(endpoint, spec, 2).exchange.faults().total();
    let v5 = Endpoint::V5Public;
    // Three acknowledgements, then pushes.
    assert_eq!(hits(v5, "corrupt:p=1,on=reply"), 3);
    assert_eq!(hits(v5, "corrupt:p=1,on=reply,channel=books"), 1);
    let pushes = hits(v5, "corrupt:p=1,on=push");
    let each = ["books", "books5", "trades"];
    let by_channel =
        each.map(|channel| hits(v5, &format!("corrupt:p=1,on=push,channel={channel}")));
    assert_eq!(by_channel.iter().sum::<u64>(), pushes);
    assert_eq!(by_channel[0], 21);
    assert_eq!(hits(v5, "corrupt:p=1"), pushes + 3);
    assert_eq!(hits(v5, "corrupt:each=10"), (pushes + 3) / 10);
    assert_eq!(hits(v5, "corrupt:p=1,times=5"), 5);
    assert_eq!(hits(v5, "corrupt:nth=7"), 1);
    assert_eq!(hits(v5, "corrupt:every=500ms"), 4);
    assert_eq!(hits(v5, "corrupt:at=500ms"), 1);
    assert_eq!(hits(v5, "stall:every=500ms,for=1ms"), 4);
    // Increments only, unless a channel is named.
    assert_eq!(hits(v5, "gap:p=1"), 20);
    assert_eq!(hits(v5, "gap:p=1,channel=books5"), by_channel[1]);
    for filter in ["inst=ETH-USDT", "inst=NO-SUCH", "dialect=v3", "channel=depth", "conn=2-"] {
        assert_eq!(hits(v5, &format!("corrupt:p=1,{filter}")), 0, "{filter}");
    }
    assert_eq!(hits(v5, "corrupt:p=1,inst=BTC-USDT"), pushes + 3);
    assert_eq!(hits(Endpoint::V3, "corrupt:p=1,dialect=v3,on=reply"), 3);
    assert_eq!(hits(Endpoint::V3, "corrupt:p=1,dialect=v5"), 0);
}

#[test]
fn connections_have_their_own_rules_and_random_numbers() {
    let mut exchange = Exchange::new(&config("corrupt:p=0.5,conn=2-3"));
    let ids: Vec<_> = (0..4).map(|_| exchange.connect(BOTH[1], MonoNanos::ZERO)).collect();
    for id in &ids {
        exchange.receive(*id, request(BOTH[1]).as_bytes(), MonoNanos::ZERO);
    }
    exchange.advance(MonoNanos::ZERO + 1_000 * MS);
    assert_eq!(exchange.ids(), ids);
    let received: Vec<Vec<_>> = ids
        .iter()
        .map(|id| std::iter::from_fn(|| exchange.poll_transmit(*id)).skip(3).collect())
        .collect();
    assert_eq!(received[0], received[3]);
    assert!((1..3).all(|n| received[n] != received[0]));
    assert_ne!(received[1], received[2]);
    let hit: BTreeSet<_> = exchange.faults().recent().map(|fault| fault.connection).collect();
    assert_eq!(hit, BTreeSet::from([Some(2), Some(3)]));
}

#[test]
fn faults_can_be_injected_by_hand() {
    let mut bench = after(Endpoint::V5Public, "", 1);
    let before = bench.inbox.len();
    let mut inject = |rule: &str| {
        let rule: FaultRule = rule.parse().unwrap();
        bench.exchange.inject(bench.id, &rule, bench.now);
        bench.wait(1_000 * MS);
    };
    inject("gap");
    inject("truncate");
    inject("drop");
    for kind in [FaultKind::Gap, FaultKind::Truncate, FaultKind::Drop] {
        assert_eq!(count(&bench, kind), 1);
    }
    assert_eq!(bench.inbox.last(), Some(&Outbound::Fault(TransportFault::Drop)));
    assert_eq!(bench.exchange.faults().recent().next_back().unwrap().at.0, 3_000_000_000);
    assert!(bench.inbox.len() > before + 20);
}

/// Every kind of fault must have an effect.
#[test]
fn every_kind_of_fault_happens() {
    for kind in FaultKind::ALL {
        let text = match kind {
            FaultKind::Clock => "clock:by=1s".to_owned(),
            FaultKind::MaxSubs => "maxsubs:most=1".to_owned(),
            kind => kind.to_string(),
        };
        let rule: FaultRule = text.parse().unwrap();
        let mut bench = Bench::new(Endpoint::V3, &config(""));
        bench.exchange.inject_exchange_fault(&rule, bench.now);
        bench.exchange.admit(bench.now);
        if kind.is_of_rest() {
            bench.exchange.rest("me", "/api/v5/public/time", bench.now);
        }
        if kind == FaultKind::Forget || kind == FaultKind::Unsub {
            bench.send(&request(Endpoint::V3));
        }
        if !kind.is_of_exchange() {
            bench.exchange.inject(bench.id, &rule, bench.now);
        }
        bench.send(&request(Endpoint::V3));
        bench.wait(1_000 * MS);
        assert_eq!(count(&bench, kind), 1, "{kind}");
    }
}
