//! Each kind of fault of a connection, without sockets: its effect on the messages, and nothing
//! else.

use okx_feed::MonoNanos;
use okx_feed::sim::{Endpoint, FaultKind, FaultRule, Outbound, TransportFault};
use serde_json::Value;

use crate::exchange::bench::*;
use crate::exchange::faulty::*;

/// Rules of all kinds that leave the connection open.
const MIXED: &str = "corrupt:p=0.05;truncate:each=9;gap:p=0.1;repeat:p=0.1;reorder:p=0.1;\
                     checksum:p=0.1;snapshot:p=0.05;stall:every=700ms,for=100ms;fragment:p=0.1;\
                     trickle:p=0.05;badframe:nth=20;giant:at=1s,bytes=1000;noack:p=0.5;\
                     clock:every=300ms,by=-1s,for=150ms;resetseq:every=900ms";

#[test]
fn rules_that_never_happen_change_nothing() {
    for endpoint in BOTH {
        let plain = run(endpoint, "", 2);
        assert!(plain.len() > 50);
        for never in ["corrupt:p=0", "drop:at=1s,conn=2", "gap:nth=1000000;seed=3", "stall:at=1h"] {
            assert_eq!(run(endpoint, never, 2), plain, "{never}");
        }
    }
}

#[test]
fn the_seeds_fix_every_byte_and_the_steps_of_the_clock_none() {
    for endpoint in BOTH {
        let first = run(endpoint, MIXED, 3);
        assert_eq!(first, run(endpoint, MIXED, 3));
        assert_ne!(first, run(endpoint, &format!("{MIXED};seed=2"), 3));
        let mut slow = Bench::new(endpoint, &config(MIXED));
        slow.send(&request(endpoint));
        (0..3_000).for_each(|_| slow.wait(MS));
        assert_eq!(first, slow.inbox);
    }
}

#[test]
fn the_exchanges_book_is_correct_under_all_faults() {
    let books = |bench: &Bench| {
        let market = bench.exchange.market();
        market.indices().map(|inst| market.book5(inst).unwrap()).collect::<Vec<_>>()
    };
    let rules = MIXED.split(";resetseq").next().unwrap();
    let (faulty, plain) = (after(BOTH[1], rules, 2), after(BOTH[1], "", 2));
    assert!(faulty.exchange.faults().total() > 50);
    assert_eq!(books(&faulty), books(&plain));
}

#[test]
fn an_end_of_the_connection_is_the_last_that_is_sent() {
    for (spec, end) in [
        ("drop:at=1s", Outbound::Fault(TransportFault::Drop)),
        ("rst:at=1s", Outbound::Fault(TransportFault::Reset)),
        ("halfopen:at=1s", Outbound::Fault(TransportFault::HalfOpen)),
        ("close:at=1s,code=4005", Outbound::Close { code: 4005, reason: "Buffer is full" }),
    ] {
        for endpoint in BOTH {
            let mut bench = after(endpoint, spec, 2);
            assert_eq!(bench.inbox.pop().as_ref(), Some(&end), "{spec}");
            let plain = run(endpoint, "", 1);
            assert_eq!(bench.inbox, plain[..bench.inbox.len()], "{spec}");
            bench.inbox.clear();
            bench.send("ping");
            bench.wait(10_000 * MS);
            assert_eq!(bench.inbox, [], "{spec}");
            let fault = *bench.exchange.faults().recent().next().unwrap();
            assert_eq!((fault.at, fault.connection), (MonoNanos::ZERO + 1_000 * MS, Some(1)));
            assert_eq!(bench.exchange.faults().total(), 1);
        }
    }
}

#[test]
fn nothing_follows_an_end_under_other_faults() {
    let rules = "drop:p=0.002;rst:p=0.002;halfopen:p=0.002;close:p=0.002;notice:p=0.01,after=400ms;\
                 stall:p=0.02,for=300ms;reorder:p=0.1;repeat:p=0.1;giant:p=0.02,bytes=9";
    let mut ends = 0;
    for seed in 0..40 {
        let endpoint = BOTH[seed % 2];
        let mut config = config(&format!("{MIXED};{rules};seed={seed}"));
        config.limits.queue = 30;
        config.limits.idle = Some(3_000 * MS);
        let mut bench = Bench::new(endpoint, &config);
        bench.send(&request(endpoint));
        bench.exchange.advance(bench.now + 8_000 * MS);
        bench.collect();
        let is_end = |message: &Outbound| match message {
            Outbound::Close { .. } => true,
            Outbound::Fault(fault) => matches!(
                fault,
                TransportFault::Drop | TransportFault::Reset | TransportFault::HalfOpen
            ),
            _ => false,
        };
        if let Some(end) = bench.inbox.iter().position(is_end) {
            assert_eq!(end + 1, bench.inbox.len(), "seed {seed}");
            ends += 1;
        }
    }
    assert!(ends > 30, "{ends}");
}

#[test]
fn an_announced_close_is_no_second_one() {
    let mut config = config("notice:at=1s,after=40s");
    config.market.events_per_sec = 0;
    let mut bench = Bench::new(Endpoint::V5Public, &config);
    bench.wait(60_000 * MS);
    // The silence ended it after 30 s.
    assert_eq!((bench.inbox.len(), bench.close_code()), (2, Some(4004)));
}

#[test]
fn a_stall_delays_and_loses_nothing() {
    let mut bench = Bench::new(Endpoint::V5Public, &config("stall:at=1s,for=2s"));
    bench.send(&request(Endpoint::V5Public));
    bench.wait(1_000 * MS);
    let before = bench.inbox.len();
    bench.wait(1_999 * MS);
    assert_eq!(bench.inbox.len(), before);
    bench.wait(MS);
    assert!(bench.inbox.len() > before + 20);
    bench.wait(1_000 * MS);
    assert_eq!(bench.inbox, run(Endpoint::V5Public, "", 4));
}

#[test]
fn a_stalled_client_is_cut_off_when_too_much_waits() {
    let mut config = config("stall:at=1s,for=1m");
    config.limits.queue = 20;
    let mut bench = Bench::new(Endpoint::V5Public, &config);
    bench.send(&request(Endpoint::V5Public));
    (0..70).for_each(|_| bench.wait(1_000 * MS));
    assert_eq!(bench.close_code(), Some(4005));
}

#[test]
fn faults_of_the_transport_keep_the_message() {
    for endpoint in BOTH {
        let plain = run(endpoint, "", 1);
        let trickled = run(endpoint, "trickle:each=3,bytes=7,gap=5ms", 1);
        let fragmented = run(endpoint, "fragment:each=3,parts=4", 1);
        assert_eq!((trickled.len(), fragmented.len()), (plain.len(), plain.len()));
        for (n, plain) in plain.iter().enumerate() {
            let inner = |faulty: &Outbound| match faulty {
                Outbound::Fault(TransportFault::Trickle { message, bytes: 7, gap }) => {
                    assert_eq!(*gap, 5 * MS);
                    (**message).clone()
                }
                Outbound::Fault(TransportFault::Fragments { message, parts: 4 }) => {
                    (**message).clone()
                }
                other => panic!("{other:?}"),
            };
            for faulty in [&trickled[n], &fragmented[n]] {
                assert_eq!(&if n % 3 == 2 { inner(faulty) } else { faulty.clone() }, plain);
            }
        }
    }
}

#[test]
fn extra_frames_come_before_a_message_and_replace_none() {
    for endpoint in BOTH {
        let plain = run(endpoint, "", 1);
        for spec in ["badframe:nth=5", "giant:nth=5,bytes=200000", "bomb:nth=5,bytes=200000"] {
            let mut faulty = run(endpoint, spec, 1);
            if spec.starts_with("bomb") && endpoint != Endpoint::V3 {
                assert_eq!(faulty, plain);
                continue;
            }
            match faulty.remove(4) {
                Outbound::Fault(TransportFault::BadFrame) => assert!(spec.starts_with("badframe")),
                Outbound::Text(text) => assert!(text.len() > 200_000),
                Outbound::Binary(frame) if spec.starts_with("giant") => {
                    assert!(frame.len() > 200_000);
                }
                Outbound::Binary(frame) => assert!(frame.len() < 1_000),
                other => panic!("{other:?}"),
            }
            assert_eq!(faulty, plain);
        }
    }
}

#[test]
fn damaged_messages_can_not_be_read_and_the_others_are_untouched() {
    for endpoint in BOTH {
        let plain = run(endpoint, "", 2);
        for kind in [FaultKind::Corrupt, FaultKind::Truncate] {
            let bench = after(endpoint, &format!("{kind}:p=0.2"), 2);
            assert_eq!(bench.inbox.len(), plain.len());
            let mut damaged = 0;
            for (faulty, plain) in bench.inbox.iter().zip(&plain) {
                if faulty == plain {
                    continue;
                }
                damaged += 1;
                let readable = match faulty {
                    Outbound::Text(text) => serde_json::from_str::<Value>(text).is_ok(),
                    Outbound::Binary(frame) => {
                        let mut stream = flate2::Decompress::new(false);
                        let mut out = Vec::with_capacity(1 << 16);
                        let finish = flate2::FlushDecompress::Finish;
                        let end = stream.decompress_vec(frame, &mut out, finish);
                        matches!(end, Ok(flate2::Status::StreamEnd))
                            && stream.total_in() == frame.len() as u64
                    }
                    _ => true,
                };
                assert!(!readable, "{faulty:?}");
            }
            assert_eq!(damaged, count(&bench, kind));
            assert!(damaged > plain.len() / 10 && damaged < plain.len() / 3, "{damaged}");
        }
    }
}

#[test]
fn a_subscription_without_acknowledgement_is_served_and_a_refused_one_is_not() {
    for endpoint in BOTH {
        let kinds = |faults: &str| {
            let (mut events, mut data) = (Vec::new(), 0);
            for text in after(endpoint, faults, 1).texts() {
                let message: Value = serde_json::from_str(&text).unwrap();
                match message["event"].as_str() {
                    Some(event) => events.push(event.to_owned()),
                    None => data += 1,
                }
            }
            (events, data)
        };
        let (events, data) = kinds("");
        assert_eq!(events, ["subscribe"; 3]);
        assert_eq!(kinds("noack"), (vec![], data));
        assert_eq!(kinds("noack:nth=2").0, ["subscribe"; 2]);
        assert_eq!(kinds("ignore"), (vec![], 0));
        assert_eq!(kinds("error"), (vec!["error".to_owned(); 3], 0));
        let (events, fewer) = kinds("error:inst=BTC-USDT,nth=1");
        assert_eq!(events, ["error", "subscribe", "subscribe"]);
        assert!(fewer > 0 && fewer < data);
    }
    let mut bench = Bench::new(Endpoint::V5Public, &config("error:code=60014"));
    let reply = bench
        .replies(r#"{"id":"7","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#);
    assert_eq!((&reply[0]["code"], &reply[0]["id"]), (&"60014".into(), &"7".into()));
    bench.send("ping");
    assert_eq!(bench.texts().last().unwrap(), "pong");
}

#[test]
fn an_ignored_request_can_be_sent_again() {
    let mut bench = after(Endpoint::V5Public, "ignore:nth=1", 1);
    assert_eq!(bench.inbox, []);
    bench.send("ping");
    assert_eq!(bench.texts(), ["pong"]);
    bench.send(&request(Endpoint::V5Public));
    assert_eq!(bench.inbox.len(), 6);
}

#[test]
fn the_notice_comes_before_the_close() {
    let mut bench = Bench::new(Endpoint::V5Public, &config("notice:at=2s,after=3s,code=1012"));
    bench.send(&request(Endpoint::V5Public));
    bench.wait(4_999 * MS);
    let notices = |bench: &Bench| {
        bench.inbox.iter().filter(|m| text_of(m).contains(r#""event":"notice""#)).count()
    };
    assert_eq!((notices(&bench), bench.close_code()), (1, None));
    assert!(bench.inbox.iter().any(|m| text_of(m).contains(r#""code":"64008""#)));
    bench.wait(MS);
    assert_eq!(bench.close_code(), Some(1012));

    let v3 = after(Endpoint::V3, "notice:at=2s,after=3s", 6);
    assert_eq!((notices(&v3), v3.close_code()), (0, Some(1001)));
}

#[test]
fn gaps_repeats_and_reorders_break_the_chain_and_snapshots_do_not() {
    let plain = chain(&mut after(Endpoint::V5Public, "", 4), "books");
    assert_eq!((plain.len(), breaks(&plain)), (41, 0));

    let mut bench = after(Endpoint::V5Public, "gap:each=10", 4);
    assert_eq!(count(&bench, FaultKind::Gap), 4);
    let lost = chain(&mut bench, "books");
    // The last of the four is the last message of all.
    assert_eq!((lost.len(), breaks(&lost)), (37, 3));

    let repeated = chain(&mut after(Endpoint::V5Public, "repeat:nth=10", 4), "books");
    assert_eq!((repeated.len(), breaks(&repeated)), (42, 1));
    assert_eq!(repeated[10], repeated[11]);

    let reordered = chain(&mut after(Endpoint::V5Public, "reorder:nth=10", 4), "books");
    assert_eq!((reordered[10], reordered[11]), (plain[11], plain[10]));
    assert_eq!(reordered.len(), 41);

    let mut bench = after(Endpoint::V5Public, "snapshot:each=10", 4);
    let doubled = chain(&mut bench, "books");
    assert_eq!((doubled.len(), breaks(&doubled)), (45, 0));
    assert_eq!(doubled[11], (-1, doubled[10].1));
}

#[test]
fn a_reordered_message_that_nothing_overtakes_comes_late() {
    let mut config = config("");
    config.market.events_per_sec = 0;
    let mut bench = Bench::new(Endpoint::V3, &config);
    bench.send(&v3_request("subscribe", &["spot/depth:BTC-USDT".to_owned()]));
    bench.texts();
    let rule: FaultRule = "reorder".parse().unwrap();
    bench.exchange.inject(bench.id, &rule, bench.now);
    // The heartbeat after 20 s is the message.
    bench.wait(20_999 * MS);
    assert_eq!(bench.inbox, []);
    bench.wait(MS);
    assert_eq!(bench.inbox.len(), 1);
}

#[test]
fn a_wrong_checksum_is_the_only_thing_wrong() {
    for endpoint in BOTH {
        let plain = run(endpoint, "", 3);
        let bench = after(endpoint, "checksum:p=0.3", 3);
        let mut wrong = 0;
        for (faulty, plain) in bench.inbox.iter().zip(&plain) {
            let (faulty, plain) = (text_of(faulty), text_of(plain));
            if faulty == plain {
                continue;
            }
            wrong += 1;
            let sum = |text: &str| data_of(text).unwrap().2["checksum"].as_i64().unwrap();
            let same = plain.replace(&sum(&plain).to_string(), &sum(&faulty).to_string());
            assert_eq!(same, faulty);
        }
        assert_eq!(wrong, count(&bench, FaultKind::Checksum));
        assert!(wrong > 3, "{wrong}");
    }
    let mut zero = config("checksum:p=1");
    zero.v5_checksums = false;
    let mut bench = Bench::new(Endpoint::V5Public, &zero);
    bench.send(&request(Endpoint::V5Public));
    bench.wait(1_000 * MS);
    assert_eq!(count(&bench, FaultKind::Checksum), 0);
}
