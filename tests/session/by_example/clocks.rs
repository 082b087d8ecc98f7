//! Suspends, steps of the clock and data that is old, and what they say of a connection.

use super::silence_rig::{BOOKS, Rig, TRADES};
use super::*;

#[test]
fn after_suspend_all_books_are_stale_and_a_ping_is_sent_at_once() {
    for stopped in [false, true] {
        let mut rig = Rig::new(&[BOOKS, TRADES]);
        rig.run(30, &[BOOKS, TRADES], true);
        let pings = rig.session.stats().pings;
        let two_hours = Duration::from_secs(7_200);
        match stopped {
            // A machine that sleeps stops its monotonic clock, a stopped process does not.
            false => rig.wall = two_hours,
            true => rig.now = rig.now + two_hours,
        }
        rig.check();
        assert_eq!(rig.state(BOOKS), BookState::Stale, "{stopped}");
        assert_eq!(rig.state(TRADES), BookState::Stale, "{stopped}");
        assert_eq!(rig.session.stats().pings, pings + 1, "{stopped}");
        assert_eq!(actions(&mut rig.session), [Action::Send("ping".to_owned())], "{stopped}");
        // Nothing answers: a new connection within two seconds.
        let due = rig.session.poll_timeout().unwrap();
        assert!(due.since(rig.now) <= Duration::from_secs(2), "{stopped}");
        rig.session.handle_timeout(due);
        assert_eq!(actions(&mut rig.session), [Action::Close], "{stopped}");
        // A connection that still answers has lost nothing: all is subscribed again, in one
        // request.
        let mut rig = Rig::new(&[BOOKS, TRADES]);
        rig.run(30, &[BOOKS, TRADES], true);
        match stopped {
            false => rig.wall = two_hours,
            true => rig.now = rig.now + two_hours,
        }
        rig.run(8, &[], true);
        let states = [rig.state(BOOKS), rig.state(TRADES)];
        assert_eq!((states, &rig.lost[..]), ([BookState::Live; 2], &[][..]), "{stopped}");
        let subscribes = rig.requests.iter().filter(|(_, text)| text.contains(r#""subscribe""#));
        assert_eq!(subscribes.count(), 1, "{:?}", rig.requests);
        // A clock that runs backwards is no sleep.
        let mut rig = Rig::new(&[BOOKS]);
        rig.wall = Duration::from_secs(60);
        rig.check();
        rig.wall = Duration::ZERO;
        rig.run(1, &[BOOKS], true);
        assert_eq!(rig.state(BOOKS), BookState::Live);
    }
}

/// Data continues after suspend, but without a pong it is unknown whether it was delayed.
#[test]
fn a_missing_pong_after_suspend_does_not_leave_all_books_stale() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.run(5, &[BOOKS], true);
    (rig.wall, rig.behind) = (Duration::from_secs(60), Duration::from_secs(60));
    rig.lost_pongs = 1;
    rig.check();
    rig.run(9, &[BOOKS], true);
    assert_eq!((rig.state(BOOKS), &rig.lost[..]), (BookState::Stale, &[][..]));
    rig.run(2, &[BOOKS], true);
    assert!(matches!(rig.lost[..], [(14..=16, DisconnectReason::PongTimeout)]), "{:?}", rig.lost);
    // Data on the next connection is checked by itself, even without a pong.
    rig.lost_pongs = u32::MAX;
    rig.connect_again(&[BOOKS]);
    rig.run(60, &[BOOKS], true);
    assert_eq!((rig.state(BOOKS), rig.lost.len()), (BookState::Live, 1), "{:?}", rig.lost);
}

#[test]
fn delayed_books_are_not_live_until_data_is_current() {
    const SECOND: u64 = 1_000_000_000;
    for (name, action) in [(BOOKS, ""), ("books:A", r#""action":"update","#)] {
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.set_age_limit(Some(Duration::from_secs(5)));
        feed.subscribe(sub(name)).unwrap();
        let channel = name.split(':').next().unwrap();
        let mut seq = 10;
        // Delivers a book of `ts` seconds at `at` seconds, and returns the state after it.
        let mut deliver = |ts: u64, at: u64, snapshot: bool| {
            let prev = if snapshot { -1 } else { seq };
            seq += 1;
            let action =
                if snapshot && !action.is_empty() { r#""action":"snapshot","# } else { action };
            let text = format!(
                r#"{{"arg":{{"channel":"{channel}","instId":"A"}},{action}"data":[{{"asks":[["2","{seq}","0","1"]],"bids":[["1","1","0","1"]],"ts":"{}","seqId":{seq},"prevSeqId":{prev}}}]}}"#,
                ts * 1000
            );
            let sink = &mut |_: &Event<'_>| {};
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(at * SECOND), sink).unwrap();
            (feed.slots().get(&sub(name)).unwrap().state(), feed.lag().as_secs())
        };
        // A first push may be as old as the last change.
        assert_eq!(deliver(1_000, 1_100, true), (BookState::Live, 0), "{name}");
        assert_eq!(deliver(1_101, 1_101, false), (BookState::Live, 0), "{name}");
        // The sink was blocked for twenty seconds: messages are old until the feed has caught up.
        assert_eq!(deliver(1_102, 1_122, false), (BookState::Stale, 20), "{name}");
        assert_eq!(deliver(1_110, 1_122, false), (BookState::Stale, 12), "{name}");
        assert_eq!(deliver(1_118, 1_123, false), (BookState::Live, 5), "{name}");
        assert_eq!(deliver(1_123, 1_123, false), (BookState::Live, 0), "{name}");
    }
}

#[test]
fn a_clock_step_before_the_first_check_ages_no_book() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.push(BOOKS);
    (rig.wall, rig.behind) = (Duration::from_secs(60), Duration::from_secs(60));
    rig.run(2, &[BOOKS], true);
    assert_eq!(rig.state(BOOKS), BookState::Live);
}

/// The exchange sets its clock back while there is no connection: all that comes looks old.
#[test]
fn ages_are_measured_from_the_start_on_each_connection() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.run(5, &[BOOKS], true);
    let wall = rig.wall_now();
    rig.feed.set_all_states(BookState::Connecting, wall, &mut |_: &Event<'_>| {});
    rig.behind = Duration::from_secs(30);
    rig.run(5, &[BOOKS], true);
    assert_eq!(rig.state(BOOKS), BookState::Live);
    // Messages that waited on this connection are old all the same.
    rig.behind = Duration::from_secs(36);
    rig.wall = Duration::from_secs(1);
    rig.now = rig.now + Duration::from_secs(6);
    rig.push(BOOKS);
    assert_eq!(rig.state(BOOKS), BookState::Stale);
}

#[test]
fn a_forward_clock_step_is_accepted_after_a_quick_pong() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.run(5, &[BOOKS], true);
    // Our clock jumps by an hour; the exchange's times stay.
    let exchange = Duration::from_secs(3_600);
    rig.wall = exchange;
    rig.behind = exchange;
    rig.check();
    assert_eq!(rig.state(BOOKS), BookState::Stale);
    rig.now = rig.now + Duration::from_millis(100);
    rig.push(BOOKS);
    assert_eq!(rig.state(BOOKS), BookState::Stale);
    // The ping is answered at the next step, and seen at the next check.
    rig.run(2, &[BOOKS], true);
    assert_eq!(rig.state(BOOKS), BookState::Live);
}
