//! Detection of silence: of one channel, of all, of one of two lines, after a sleep.

use super::silence_rig::{BOOKS, OTHER, Rig, TRADES};
use super::*;

#[test]
fn a_silent_channel_is_stale_at_its_limit_and_resynchronised_within_5_s() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    rig.run(64, &[OTHER], true);
    assert_eq!((rig.state(BOOKS), rig.asked(BOOKS)), (BookState::Live, vec![]));
    rig.run(10, &[OTHER], true);
    let stale = rig.states.iter().find(|(_, _, to)| *to == BookState::Stale).unwrap();
    assert!((65..=66).contains(&stale.0) && stale.1 == BOOKS, "{stale:?}");
    let asked = rig.asked(BOOKS);
    assert!(asked.len() == 1 && (67..=70).contains(&asked[0]), "{asked:?}");
    assert_eq!(rig.state(BOOKS), BookState::Live);
    // There may be no trades, and the other channel was healthy.
    assert_eq!((rig.asked(TRADES), rig.asked(OTHER), &rig.lost[..]), (vec![], vec![], &[][..]));
    assert_eq!(rig.session.stats().silences, 1);
}

#[test]
fn a_channel_that_stays_silent_is_resynchronised_at_growing_pauses() {
    let mut rig = Rig::new(&[BOOKS, OTHER]);
    rig.run(600, &[OTHER], false);
    let asked = rig.asked(BOOKS);
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.is_sorted() && pauses.len() > 5 && pauses.len() < 15, "{pauses:?}");
    assert_eq!(rig.state(BOOKS), BookState::Stale);
    assert!(rig.lost.is_empty());
}

/// Whatever the cause: the session takes it for whole, and the feed waits for a book.
#[test]
fn a_book_without_a_snapshot_is_requested_again() {
    for state in [BookState::AwaitingSnapshot, BookState::Resyncing, BookState::Stale] {
        let mut rig = Rig::new(&[BOOKS, OTHER]);
        rig.run(1, &[BOOKS, OTHER], true);
        let wall = rig.wall_now();
        rig.feed.set_state(&sub(BOOKS), state, wall, &mut |_: &Event<'_>| {});
        rig.run(5, &[OTHER], true);
        assert_eq!((rig.asked(BOOKS).len(), rig.state(BOOKS)), (1, BookState::Live), "{state}");
    }
}

#[test]
fn a_connection_whose_channels_are_all_silent_is_replaced() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    rig.run(75, &[], true);
    assert!(rig.asked(BOOKS).is_empty());
    let [(at, DisconnectReason::Silent), ..] = rig.lost[..] else { panic!("{:?}", rig.lost) };
    assert!((67..=70).contains(&at), "{at}");
}

/// A book without data, for example before a listing, beside trades that flow.
#[test]
fn a_connection_with_trades_alone_is_replaced_at_growing_pauses() {
    let mut rig = Rig::new(&[BOOKS, TRADES]);
    let mut replaced = Vec::new();
    for _ in 0..3_600 {
        if !rig.session.is_open() {
            replaced.push(rig.secs());
            rig.connect_again(&[BOOKS, TRADES]);
        }
        rig.run(1, &[TRADES], false);
    }
    let pauses: Vec<_> = replaced.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(replaced[0] <= 70 && pauses.is_sorted() && pauses.len() >= 4, "{replaced:?}");
    assert!(pauses[0] >= 60 && pauses.iter().all(|pause| *pause <= 930), "{replaced:?}");
    // Meanwhile the book is subscribed again.
    assert!(rig.asked(BOOKS).len() > 50);
}

#[test]
fn silence_of_trades_means_nothing() {
    let mut rig = Rig::new(&[TRADES]);
    rig.run(600, &[], true);
    assert_eq!((&rig.requests[..], &rig.lost[..]), (&[][..], &[][..]));
    assert_eq!(rig.state(TRADES), BookState::Live);
}

#[test]
fn a_missing_first_push_is_requested_again_then_the_connection_is_replaced() {
    for name in [BOOKS, OTHER, TRADES] {
        let mut rig = Rig::new(&[name]);
        rig.session.resubscribe(&sub(name), rig.now);
        let now = rig.now;
        rig.act();
        acknowledge(&mut rig.session, name, now);
        rig.run(8, &[], false);
        assert_eq!(rig.asked(name).len(), 1, "{name}");
        rig.run(4, &[], false);
        assert_eq!(rig.asked(name).len(), 2, "{name}");
        rig.run(12, &[], false);
        let replaced = matches!(rig.lost[..], [(20..=25, DisconnectReason::Silent)]);
        // A pair without any trade is no fault of the connection.
        assert_eq!(replaced, name != TRADES, "{name}: {:?}", rig.lost);
    }
}

#[test]
fn new_data_on_another_line_proves_the_silence() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    let other = |rig: &mut Rig, secs: u64, alive: &[&str]| {
        for _ in 0..secs {
            let seq = rig.seq + 1_000;
            [BOOKS, OTHER, TRADES].iter().for_each(|name| rig.push_to_other(name, seq));
            rig.run(1, alive, true);
        }
    };
    // This line is only a moment behind the other: it moves on each time.
    other(&mut rig, 30, &[BOOKS, OTHER, TRADES]);
    assert_eq!((&rig.requests[..], &rig.lost[..]), (&[][..], &[][..]));
    // It sends no more trades, though the other does.
    other(&mut rig, 7, &[BOOKS, OTHER]);
    assert_eq!(rig.asked(TRADES).len(), 1);
    assert!(rig.states.contains(&(36, TRADES.to_owned(), BookState::Stale)), "{:?}", rig.states);
    assert!(rig.lost.is_empty());
    // It sends nothing at all.
    other(&mut rig, 8, &[]);
    assert!(matches!(rig.lost[..], [(_, DisconnectReason::Silent)]), "{:?}", rig.lost);
}

/// The line receives something once each time that it subscribes again, and then nothing more.
#[test]
fn a_line_that_lacks_a_channel_is_replaced_at_growing_pauses() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    let mut replaced = Vec::new();
    for _ in 0..600 {
        let seq = rig.seq + 1_000;
        [BOOKS, OTHER, TRADES].iter().for_each(|name| rig.push_to_other(name, seq));
        if !rig.session.is_open() {
            replaced.push(rig.secs());
            rig.connect_again(&[BOOKS, OTHER, TRADES]);
        }
        rig.run(1, &[BOOKS, OTHER], true);
    }
    let pauses: Vec<_> = replaced.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((30..=45).contains(&replaced[0]) && pauses.is_sorted(), "{replaced:?}");
    assert!((2..=5).contains(&pauses.len()) && pauses[0] >= 60, "{replaced:?}");
}

/// Lines that take turns at subscribing again would else do so for ever: each has then received
/// something later than the other.
#[test]
fn repeated_data_on_another_line_proves_nothing() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    let seq = rig.seq;
    for secs in 0..30 {
        // A line that subscribes again receives the last trade, or the current book, once more.
        [seq - 2, seq - 1, seq].iter().zip([BOOKS, OTHER, TRADES]).for_each(|(seq, name)| {
            rig.push_to_other(name, *seq);
        });
        rig.run(1, &[], true);
        assert_eq!((&rig.requests[..], &rig.lost[..]), (&[][..], &[][..]), "after {secs} s");
    }
}

#[test]
fn a_dead_link_under_80_frames_a_second_is_replaced_within_4_s() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut session = open(Dialect::V5, &["books5:A"]);
        let mut now = at(2);
        for _ in 0..80 * 20 {
            // Uneven: from none to twice the usual gap.
            now = now + Duration::from_micros(random.u64(0..25_000));
            session.handle_timeout(now);
            session.handle_inbound(now);
            session.handle_live(&sub("books5:A"), now);
        }
        assert_eq!(sent(&mut session), [""; 0], "{seed}");
        let died = now;
        while session.is_open() {
            now = session.poll_timeout().unwrap();
            session.handle_timeout(now);
        }
        assert!(now.since(died) <= Duration::from_secs(4), "{seed}: {:?}", now.since(died));
        assert_eq!(session.stats().probes, 1);
        assert!(
            events(&mut session)
                .contains(&SessionEvent::Disconnected(DisconnectReason::PongTimeout))
        );
    }
}

#[test]
fn a_quiet_feed_is_probed_rarely() {
    // A frame every five seconds.
    let mut session = open(Dialect::V5, &["books5:A"]);
    for second in 0..120 {
        session.handle_timeout(at(second * 5_000 + 2));
        session.handle_inbound(at(second * 5_000 + 2));
    }
    assert_eq!(session.stats().pings, 0);
    // Eighty a second, then a market that pauses for an hour, with immediate pongs.
    let mut session = open(Dialect::V5, &["books5:A"]);
    for frame in 0..8_000 {
        session.handle_inbound(at(2 + frame * 25 / 2));
    }
    let mut now = at(100_002);
    let end = now + Duration::from_secs(3_600);
    while now < end {
        now = session.poll_timeout().unwrap();
        session.handle_timeout(now);
        if sent(&mut session) == ["ping"] {
            session.handle_inbound(now);
            session.handle_control(&Control::new(ControlKind::Pong), now);
        }
    }
    // Every twenty seconds would be 180.
    let pings = session.stats().pings;
    assert!((180..200).contains(&pings), "{pings}");
    assert_eq!(session.round_trip(), Some(Duration::ZERO));
}

#[test]
fn pings_of_a_middlebox_do_not_prove_that_the_exchange_is_alive() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let mut now = at(2);
    while session.is_open() && now < at(300_000) {
        now = now + Duration::from_secs(1);
        session.handle_ping(now);
        session.handle_timeout(now);
    }
    // Twenty seconds to the text ping, ten more for its answer.
    assert!(now <= at(31_002), "{now:?}");
    assert!(
        events(&mut session).contains(&SessionEvent::Disconnected(DisconnectReason::PongTimeout))
    );
}

#[test]
fn a_resync_is_not_delayed_by_others() {
    let mut session = open(Dialect::V5, &["books:A"]);
    session.handle_live(&sub("books:A"), at(5));
    session.subscribe(sub("books5:NEVER"), at(10));
    sent(&mut session);
    // It is requested in isolation from ten seconds on.
    session.handle_inbound(at(10_010));
    session.handle_timeout(at(10_010));
    assert_eq!(sent(&mut session).len(), 1);
    session.resync(&sub("books:A"), at(10_020));
    assert_eq!(sent(&mut session).len(), 2);
}

#[test]
fn acknowledgements_of_own_requests_are_no_flood() {
    let names: Vec<_> = (0..3_000).map(|n| sub(&format!("books5:C{n}-USDT"))).collect();
    let config = SessionConfig { controls_per_sec: 1_000, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    session.subscribe_all(names.iter().copied(), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    names.iter().for_each(|name| acknowledge(&mut session, &name.to_string(), at(1)));
    assert!(session.is_open() && session.is_settled());
    // Once more is a flood.
    names.iter().for_each(|name| acknowledge(&mut session, &name.to_string(), at(2)));
    assert!(!session.is_open());
}

#[test]
fn queued_subscriptions_share_a_request_and_cancelled_ones_are_not_sent() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let names: Vec<_> = (0..100).map(|n| sub(&format!("books5:C{n}-USDT"))).collect();
    session.subscribe_all(names, at(10));
    assert_eq!(sent(&mut session).len(), 1);
    assert_eq!(session.requests_left(at(10)), 480 - 2);
}
