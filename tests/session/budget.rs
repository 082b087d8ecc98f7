//! What the hour's requests are spent on, what is counted of it, and what waits its own time.

use super::*;

/// A session with so few requests an hour that one more has to wait.
fn spent(requests_per_hour: usize, wanted: &[&str]) -> Session {
    let config = SessionConfig { requests_per_hour, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    wanted.iter().for_each(|name| session.subscribe(sub(name), at(0)));
    session.timeout(at(0));
    session.connected(at(1));
    wanted.iter().for_each(|name| acknowledge(&mut session, name, at(2)));
    first_pushes(&mut session, wanted, at(2));
    session
}

/// Lets the time go on until then, and gives what is sent.
fn sent_until(session: &mut Session, end: MonoNanos) -> Vec<String> {
    let mut texts = sent(session);
    while let Some(now) = session.poll_timeout().filter(|now| *now <= end) {
        session.inbound(now);
        session.timeout(now);
        texts.extend(sent(session).into_iter().filter(|text| text != "ping"));
    }
    texts
}

#[test]
fn what_was_never_asked_for_is_not_given_up() {
    let mut session = spent(1, &["books5:A"]);
    assert_eq!(sent(&mut session).len(), 1);
    session.subscribe(sub("books5:B"), at(10));
    assert!(session.wanted().eq(&[sub("books5:A"), sub("books5:B")]));
    session.unsubscribe(&sub("books5:B"), at(20));
    assert!(session.wanted().eq(&[sub("books5:A")]));
    assert_eq!(sent_until(&mut session, at(2 * 3_600_000)), [""; 0]);
    // Nor what was wanted for a while before there was a connection.
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:A"), at(0));
    session.unsubscribe(&sub("books5:A"), at(1));
    session.subscribe(sub("books5:B"), at(2));
    session.timeout(at(3));
    session.connected(at(4));
    let texts = sent(&mut session);
    assert!(texts.len() == 1 && !texts[0].contains(r#""A""#), "{texts:?}");
}

#[test]
fn a_new_connection_has_requests_of_its_own() {
    let mut session = spent(1, &["books5:A"]);
    assert_eq!(sent(&mut session).len(), 1);
    session.lost(at(10));
    let now = session.poll_timeout().unwrap();
    session.timeout(now);
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.connected(now);
    let texts = sent(&mut session);
    assert!(texts.len() == 1 && texts[0].contains("subscribe"), "{texts:?}");
    assert_eq!((session.stats().requests, session.stats().attempts), (2, 2));
}

#[test]
fn requests_are_counted_whatever_they_ask() {
    let mut session = spent(100, &["books5:A", "books5:B"]);
    session.unsubscribe(&sub("books5:A"), at(10));
    session.subscribe(sub("books5:C"), at(20));
    session.resubscribe(&sub("books5:B"), at(30));
    let texts = sent(&mut session);
    assert_eq!(texts.len(), 5, "{texts:?}");
    assert_eq!(session.stats().requests, 5);
}

#[test]
fn each_answer_has_its_own_time_to_come() {
    let mut session = spent(100, &["books5:A"]);
    // Two requests, four seconds apart, of which neither is answered.
    session.subscribe(sub("books5:B"), at(10_000));
    session.subscribe(sub("books5:C"), at(14_000));
    sent(&mut session);
    for (ms, late) in [(19_999, 0), (20_000, 1), (23_999, 1), (24_000, 2)] {
        sent_until(&mut session, at(ms));
        assert_eq!(session.stats().late_acks, late, "{ms}");
    }
}

#[test]
fn a_login_that_is_tried_again_waits_for_the_hours_next_request() {
    let config =
        SessionConfig { login: true, requests_per_hour: 2, ..SessionConfig::new(Dialect::V5) };
    let busy = Control { code: Some(63_999), ..Control::new(ControlKind::Error) };
    let mut session = Session::new(config, 1);
    session.subscribe(sub("books5:A"), at(0));
    session.timeout(at(0));
    session.connected(at(1));
    session.control(&busy, at(2));
    acknowledge(&mut session, "books5:A", at(3));
    first_pushes(&mut session, &["books5:A"], at(3));
    let of_two =
        |done: &[Action]| matches!(done, [Action::Connect, Action::Login, Action::Send(_)]);
    assert!(of_two(&actions(&mut session)));
    let mut logins = Vec::new();
    while let Some(now) = session.poll_timeout().filter(|now| *now <= at(2 * 3_600_000)) {
        session.inbound(now);
        session.timeout(now);
        if actions(&mut session).contains(&Action::Login) {
            logins.push(now);
            session.control(&Control::new(ControlKind::Login), now);
        }
    }
    assert_eq!(logins, [at(3_600_001)]);
    assert_eq!(session.stats().requests, 3);
}
