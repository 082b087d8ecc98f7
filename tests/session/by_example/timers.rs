//! Timers: an early call does nothing, each has its own deadline; and their counters.

use okx_feed::session::{BackoffConfig, ConnectRateLimit, ConnectRateLimiter};

use super::*;

/// Fires a moment too early, which must change nothing, then in time; returns the actions.
fn fire(session: &mut Session) -> Vec<Action> {
    let due = session.poll_timeout().unwrap();
    session.handle_timeout(MonoNanos(due.0 - 1));
    assert_eq!(actions(session), [], "too early");
    assert_eq!(session.poll_timeout(), Some(due), "too early");
    session.handle_timeout(due);
    actions(session)
}

#[test]
fn a_timer_that_fires_early_does_nothing() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:A"), at(0));
    session.handle_timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    // No connection, then no handshake, then no answer to a ping.
    assert_eq!(fire(&mut session), [Action::Close]);
    assert_eq!(fire(&mut session), [Action::Connect]);
    session.handle_tcp_connected(at(60_000));
    assert_eq!(fire(&mut session), [Action::Close]);
    assert_eq!(fire(&mut session), [Action::Connect]);
    session.handle_connected(at(120_000));
    acknowledge(&mut session, "books5:A", at(120_001));
    first_pushes(&mut session, &["books5:A"], at(120_001));
    actions(&mut session);
    assert_eq!(fire(&mut session), [Action::Send("ping".to_owned())]);
    assert_eq!(fire(&mut session), [Action::Close]);
    let lost = events(&mut session).into_iter().filter_map(|event| match event {
        SessionEvent::Disconnected(reason) => Some(reason),
        _ => None,
    });
    use DisconnectReason::{ConnectTimeout, HandshakeTimeout, PongTimeout};
    assert!(lost.eq([ConnectTimeout, HandshakeTimeout, PongTimeout]));
    assert_eq!((session.stats().attempts, session.stats().pings), (3, 1));
}

#[test]
fn a_login_that_is_never_answered_is_counted_once() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    session.subscribe(sub("books5:A"), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(1));
    assert_eq!(actions(&mut session), [Action::Connect, Action::Login]);
    assert_eq!(session.stats().requests, 1);
    assert_eq!(fire(&mut session), [Action::Close]);
    assert_eq!((session.stats().late_acks, session.stats().requests), (1, 1));
}

#[test]
fn only_the_upgrade_notice_announces_an_upgrade() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    for code in [None, Some(0), Some(64_007), Some(64_009)] {
        session.handle_control(&Control { code, ..Control::new(ControlKind::Notice) }, at(10));
        assert_eq!(events(&mut session), [], "{code:?}");
    }
    let upgrade = Control { code: Some(64_008), ..Control::new(ControlKind::Notice) };
    session.handle_control(&upgrade, at(11));
    assert_eq!(events(&mut session), [SessionEvent::UpgradeAnnounced]);
    // One that is read after the connection was closed is about no other.
    session.reconnect(DisconnectReason::ServiceUpgrade, at(12));
    session.handle_control(&upgrade, at(13));
    assert_eq!(
        events(&mut session),
        [SessionEvent::Disconnected(DisconnectReason::ServiceUpgrade)]
    );
}

#[test]
fn nothing_else_is_late_while_a_login_is_unanswered() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let busy = Control { code: Some(63_999), ..Control::new(ControlKind::Error) };
    let mut session = Session::new(config, 1);
    session.subscribe(sub("books5:A"), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    // Channels that need no login are requested now; the third login is sent at seven seconds.
    for refused in [0, 1_000, 3_000] {
        session.handle_control(&busy, at(refused));
        actions(&mut session);
        assert_eq!(fire(&mut session), [Action::Login]);
    }
    session.handle_inbound(at(11_000));
    session.handle_timeout(at(11_000));
    assert_eq!(session.stats().late_acks, 0);
    session.handle_control(&Control::new(ControlKind::Login), at(12_000));
    session.handle_timeout(at(12_000));
    assert_eq!(session.stats().late_acks, 1);
    assert!(session.is_open());
}

#[test]
fn pauses_double_with_each_failure_up_to_the_cap() {
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
    let backoff = BackoffConfig {
        first: second,
        cap: 20 * second,
        floor: Duration::ZERO,
        stable_after: hour,
        ..SessionConfig::new(Dialect::V5).backoff
    };
    let mut longest = [Duration::ZERO; 7];
    for seed in 0..200 {
        let config = SessionConfig { backoff: backoff.clone(), ..SessionConfig::new(Dialect::V5) };
        let mut session = Session::new(config, seed);
        let mut now = at(0);
        for longest in &mut longest {
            session.handle_timeout(now);
            session.handle_disconnected(now);
            let next = session.poll_timeout().unwrap();
            *longest = next.since(now).max(*longest);
            now = next;
        }
    }
    // Of 200 draws from an even spread, the longest comes close to its end.
    for (longest, most) in longest.into_iter().zip([1, 2, 4, 8, 16, 20, 20]) {
        assert!(longest <= most * second && longest > most * second * 9 / 10, "{longest:?} {most}");
    }
}

#[test]
fn look_up_and_tcp_connection_have_timeouts_of_their_own() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.handle_timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.handle_resolving(at(0));
    assert_eq!(session.poll_timeout(), Some(at(15_000)));
    session.handle_resolved(at(14_000));
    assert_eq!(session.poll_timeout(), Some(at(19_000)));
    session.handle_tcp_connected(at(18_000));
    // A redirect starts over, with the look-up of the other name.
    session.handle_resolving(at(18_500));
    session.handle_timeout(at(33_500));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(
        events(&mut session),
        [SessionEvent::Disconnected(DisconnectReason::ResolveTimeout)]
    );
    assert_eq!(session.failures(), 1);
}

#[test]
fn a_refused_attempt_waits_for_retry_after() {
    for (status, asked, least, most) in
        [(429, Some(60), 60, 66), (503, Some(20), 20, 22), (403, None, 5, 6), (404, None, 0, 1)]
    {
        let mut session = Session::new(SessionConfig::new(Dialect::V5), 3);
        session.handle_timeout(at(0));
        session.handle_tcp_connected(at(50));
        session.handle_refused(status, asked.map(Duration::from_secs), at(100));
        let due = session.poll_timeout().unwrap().since(at(100));
        assert!(due >= Duration::from_secs(least) && due <= Duration::from_secs(most), "{due:?}");
        assert_eq!(
            events(&mut session),
            [SessionEvent::Disconnected(DisconnectReason::ConnectFailed)]
        );
        // The attempt was over already, so this is no refusal.
        session.handle_refused(429, Some(Duration::from_secs(600)), at(200));
        assert_eq!(session.poll_timeout().unwrap().since(at(100)), due);
    }
}

#[test]
fn only_a_stable_connection_is_reopened_at_once() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    let mut now = at(0);
    for (lasted, at_once) in [(9_999, false), (10_000, true), (0, false), (20_000, true)] {
        session.handle_timeout(now);
        session.handle_connected(now);
        now = now + Duration::from_millis(lasted);
        session.handle_disconnected(now);
        let due = session.poll_timeout().unwrap();
        assert_eq!(due == now, at_once, "{lasted}");
        now = due;
    }
    // If that attempt fails the next one waits.
    session.handle_timeout(now);
    session.handle_disconnected(now);
    assert!(session.poll_timeout().unwrap() >= now + Duration::from_millis(334));
}

#[test]
fn a_rate_limiter_with_a_long_window_keeps_its_limit() {
    let limit = ConnectRateLimit { attempts: 20, per: Duration::from_secs(10) };
    let mut gate = ConnectRateLimiter::new();
    let (mut passed, mut now) = (Vec::new(), at(0));
    for _ in 0..400 {
        match gate.try_acquire(limit, now) {
            Ok(()) => passed.push(now),
            Err(until) => assert!(until > now),
        }
        now = now + Duration::from_millis(100);
    }
    for pair in passed.windows(21) {
        assert!(pair[20].since(pair[0]) >= limit.per, "{pair:?}");
    }
    // And no fewer: 40 seconds have room for four times twenty.
    assert_eq!(passed.len(), 80);
}

/// Passes the events of an order-book message to the session.
fn deliver(session: &mut Session, handler: &mut FeedHandler, text: &str, now: MonoNanos) {
    let mut sink = |event: &Event<'_>| {
        if let Event::DepthBook(change) = event {
            session.handle_depth(change, now);
        }
    };
    handler.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).unwrap();
}

#[test]
fn only_its_own_snapshot_ends_the_wait_of_a_book() {
    let message = |id: &str, action: &str, prev: i64, checksum: i64| {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"{id}"}},"action":"{action}","data":[{{"asks":[["9","1","0","1"]],"bids":[],"ts":"1","checksum":{checksum},"seqId":{},"prevSeqId":{prev}}}]}}"#,
            prev + 2
        )
    };
    let whole = message("A", "snapshot", -1, 0);
    for (texts, comes) in [
        (vec![whole.clone()], true),
        (vec![message("B", "snapshot", -1, 0)], false),
        (vec![whole.replace("\"books\"", "\"books-l2-tbt\"")], false),
        // A checksum mismatch.
        (vec![message("A", "snapshot", -1, 1)], false),
    ] {
        let mut session = open(Dialect::V5, &["books:A"]);
        let mut handler = FeedHandler::new(Dialect::V5);
        for name in ["books:A", "books:B", "books-l2-tbt:A"] {
            handler.subscribe(sub(name)).unwrap();
        }
        for text in &texts {
            deliver(&mut session, &mut handler, text, at(100));
        }
        session.handle_inbound(at(10_002));
        session.handle_timeout(at(10_002));
        assert_eq!(session.stats().late_snapshots, u64::from(!comes), "{texts:?}");
    }
    // A book that stayed live over a new subscription: its updates are no snapshot.
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(sub("books:A")).unwrap();
    let mut session = open(Dialect::V5, &["books:B"]);
    deliver(&mut session, &mut handler, &whole, at(3));
    session.subscribe(sub("books:A"), at(4));
    acknowledge(&mut session, "books:A", at(5));
    session.handle_live(&sub("books:B"), at(6));
    deliver(&mut session, &mut handler, &message("A", "update", 1, 0), at(7));
    session.handle_inbound(at(10_005));
    session.handle_timeout(at(10_005));
    assert_eq!(session.stats().late_snapshots, 1);
}
