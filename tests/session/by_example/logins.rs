//! Logins: they come first, and what happens without one.

use super::*;

#[test]
fn a_login_comes_first_and_a_refused_one_stops_nothing() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    for success in [true, false] {
        let mut session = Session::new(config.clone(), 1);
        session.subscribe(sub("books-l2-tbt:A"), at(0));
        session.handle_timeout(at(0));
        session.handle_connected(at(0));
        assert_eq!(actions(&mut session), [Action::Connect, Action::Login]);
        let kind = if success { ControlKind::Login } else { ControlKind::Error };
        let code = Some(if success { 0 } else { 60009 });
        session.handle_control(&Control { code, ..Control::new(kind) }, at(5));
        assert_eq!(sent(&mut session).len(), 1);
        let refused = |e: &SessionEvent| matches!(e, SessionEvent::LoginRefused { .. });
        assert_eq!(events(&mut session).iter().any(refused), !success);
    }
    let mut session = Session::new(config, 1);
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    session.handle_inbound(at(9_000));
    session.handle_timeout(at(10_000));
    assert!(
        events(&mut session).contains(&SessionEvent::Disconnected(DisconnectReason::AckTimeout))
    );
}

#[test]
fn a_refusal_for_lack_of_a_login_is_retried_after_the_next_login() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let message = Some("channel:books-l2-tbt,instId:A can't be had");
    let error = |code| Control { code: Some(code), message, ..Control::new(ControlKind::Error) };
    for (code, asks) in [(60011, 1), (64003, 1), (60018, 1)] {
        let mut session = Session::new(config.clone(), 1);
        session.subscribe(sub("books-l2-tbt:A"), at(0));
        session.handle_timeout(at(0));
        session.handle_connected(at(0));
        session.handle_control(&Control { message: None, ..error(64007) }, at(5));
        assert_eq!(sent(&mut session).len(), 1);
        session.handle_control(&error(code), at(10));
        assert!(matches!(events(&mut session)[..], [.., SessionEvent::Rejected { .. }]));
        session.handle_disconnected(at(1_100));
        let due = session.poll_timeout().unwrap();
        session.handle_timeout(due);
        session.handle_connected(due);
        assert_eq!(actions(&mut session), [Action::Connect, Action::Login]);
        session.handle_control(&Control::new(ControlKind::Login), due);
        assert_eq!(sent(&mut session).len(), asks, "{code}");
    }
}

#[test]
fn a_login_refused_by_a_busy_exchange_is_retried_on_the_connection() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let busy = Control { code: Some(63999), ..Control::new(ControlKind::Error) };
    let no_login = Control { code: Some(60011), ..Control::new(ControlKind::Error) };
    let refused = |e: &SessionEvent| matches!(e, SessionEvent::LoginRefused { .. });
    let mut session = Session::new(config, 1);
    session.subscribe(sub("books-l2-tbt:A"), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    assert_eq!(actions(&mut session), [Action::Connect, Action::Login]);
    // Meanwhile all that need none are requested; this one is not among them.
    session.handle_control(&busy, at(10));
    assert_eq!(sent(&mut session).len(), 1);
    session.handle_control(&no_login, at(20));
    assert!(!events(&mut session).iter().any(refused));
    assert_eq!(session.poll_timeout(), Some(at(1_010)));
    session.handle_timeout(at(1_010));
    assert_eq!(actions(&mut session), [Action::Login]);
    session.handle_control(&Control::new(ControlKind::Login), at(1_020));
    assert_eq!(sent(&mut session).len(), 1);
    // But not for ever.
    session.handle_disconnected(at(2_000));
    let mut now = session.poll_timeout().unwrap();
    session.handle_timeout(now);
    session.handle_connected(now);
    events(&mut session);
    for pause in [1, 2, 4, 8] {
        session.handle_control(&busy, now);
        now = now + Duration::from_secs(pause);
        session.handle_inbound(now);
        assert_eq!(session.poll_timeout() == Some(now), pause < 8, "{pause}");
        session.handle_timeout(now);
    }
    assert_eq!(events(&mut session).iter().filter(|event| refused(event)).count(), 1);
    let logins = actions(&mut session).into_iter().filter(|action| *action == Action::Login);
    assert_eq!(logins.count(), 4);
}

#[test]
fn an_error_to_an_earlier_request_is_no_answer_to_the_login() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let busy = Control { code: Some(63999), ..Control::new(ControlKind::Error) };
    let no_login = Control { code: Some(60011), ..Control::new(ControlKind::Error) };
    for late in [no_login, Control { id: Some("1"), ..no_login }] {
        let mut session = Session::new(config.clone(), 1);
        session.subscribe(sub("books-l2-tbt:A"), at(0));
        session.handle_timeout(at(0));
        session.handle_connected(at(0));
        session.handle_control(&busy, at(10));
        session.handle_timeout(at(1_010));
        let done = actions(&mut session);
        assert_eq!(done.iter().filter(|action| **action == Action::Login).count(), 2);
        // The answer to the first request crosses the second login.
        session.handle_control(&late, at(1_015));
        let reported = events(&mut session);
        assert!(!reported.iter().any(|event| matches!(event, SessionEvent::LoginRefused { .. })));
        session.handle_control(&Control::new(ControlKind::Login), at(1_020));
        assert_eq!(sent(&mut session).len(), 1);
    }
}
