//! Hostile answers of an exchange: floods, texts that repeat the request,
//! a key that it refuses again and again.

use super::*;

#[test]
fn a_second_has_at_most_controls_per_sec_of_control_traffic() {
    let limit = SessionConfig::new(Dialect::V5).controls_per_sec;
    let notice = Control { code: Some(1), ..Control::new(ControlKind::Notice) };
    let flood = |messages: u32, from: u64| {
        let mut session = open(Dialect::V5, &["books5:A"]);
        for n in 0..messages {
            match n % 2 {
                0 => session.handle_control(&notice, at(from + u64::from(n) * 1_000 / 10_001)),
                _ => session.handle_ping(at(from + u64::from(n) * 1_000 / 10_001)),
            }
        }
        (session.is_open(), events(&mut session))
    };
    // The session's first second began before the flood.
    assert_eq!(flood(limit, 5_000), (true, vec![]));
    assert_eq!(
        flood(limit + 1, 5_000),
        (false, vec![SessionEvent::Disconnected(DisconnectReason::ControlFlood)])
    );
    // The next second is counted from zero.
    let mut session = open(Dialect::V5, &["books5:A"]);
    for second in 5..8 {
        (0..limit).for_each(|_| session.handle_ping(at(second * 1_000)));
    }
    assert!(session.is_open());
    // On the next connection too.
    session.handle_ping(at(7_999));
    assert!(!session.is_open());
    let due = session.poll_timeout().unwrap();
    session.handle_timeout(due);
    session.handle_connected(due);
    (0..limit).for_each(|_| session.handle_ping(due));
    assert!(session.is_open());
}

#[test]
fn an_error_that_repeats_the_request_isolates_each_of_it() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    for text in ["books5:A", "books5:B", "books5:BAD"] {
        session.subscribe(sub(text), at(0));
    }
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    let request = sent(&mut session).concat();
    let message = format!("Invalid request: {request}");
    let error =
        Control { code: Some(60012), message: Some(&message), ..Control::new(ControlKind::Error) };
    session.handle_control(&error, at(10));
    assert_eq!(events(&mut session), [SessionEvent::Connected]);
    // Each is requested in isolation at once, and answered for itself.
    let (mut now, mut subscribed) = (at(10), vec![]);
    for _ in 0..200 {
        let texts = sent(&mut session);
        assert!(now > at(10) || texts.len() == 1);
        now = now + Duration::from_millis(500);
        session.handle_inbound(now);
        session.handle_timeout(now);
        for text in texts.into_iter().chain(sent(&mut session)) {
            let message = format!("Invalid request: {text}");
            let error = Control { message: Some(&message), ..error };
            match ["books5:A", "books5:B"]
                .iter()
                .find(|name| text.contains(&format!("{:?}", &name[7..])))
            {
                Some(name) => {
                    acknowledge(&mut session, name, now);
                    first_pushes(&mut session, &[*name], now);
                }
                None => session.handle_control(&error, now),
            }
        }
        for event in events(&mut session) {
            match event {
                SessionEvent::Subscribed(taken) => subscribed.push(taken),
                SessionEvent::Rejected { subscription, .. } => {
                    assert_eq!(subscription, sub("books5:BAD"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(subscribed, [sub("books5:A"), sub("books5:B")]);
    assert!(session.is_settled());
}

/// The connections, of six, on which a login is sent that the exchange refuses with this code, and
/// the session at the time of the last.
fn logins(code: i64) -> ([bool; 6], Session, MonoNanos) {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    session.subscribe(sub("books5:A"), at(0));
    let refused = Control { code: Some(code), ..Control::new(ControlKind::Error) };
    let mut now = at(0);
    let logins = [(); 6].map(|()| {
        session.handle_timeout(now);
        session.handle_connected(now);
        let login = actions(&mut session).contains(&Action::Login);
        if login {
            session.handle_control(&refused, now);
            // As the exchange does after a login that it refuses.
            session.handle_disconnected(now);
            now = session.poll_timeout().unwrap();
        }
        login
    });
    (logins, session, now)
}

#[test]
fn a_key_refused_on_three_connections_is_not_tried_again() {
    let (logins_sent, mut session, now) = logins(60_009);
    assert_eq!(logins_sent, [true, true, true, false, false, false]);
    // Channels that need no login are requested all the same.
    assert!(session.is_open());
    acknowledge(&mut session, "books5:A", now);
    assert!(session.is_settled());
    // Other codes are retried: a wrong clock, for example, may be corrected.
    assert_eq!(logins(60_006).0, [true; 6]);
}
