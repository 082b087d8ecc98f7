//! The budget of requests per hour: its use, its counters, and the requests that wait for it.

use super::*;

/// A session that has used its requests of the hour.
fn spent(requests_per_hour: usize, wanted: &[&str]) -> Session {
    let config = SessionConfig { requests_per_hour, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    wanted.iter().for_each(|name| session.subscribe(sub(name), at(0)));
    session.handle_timeout(at(0));
    session.handle_connected(at(1));
    wanted.iter().for_each(|name| acknowledge(&mut session, name, at(2)));
    first_pushes(&mut session, wanted, at(2));
    session
}

/// Advances the clock to `end`; returns the sent texts.
fn sent_until(session: &mut Session, end: MonoNanos) -> Vec<String> {
    let mut texts = sent(session);
    while let Some(now) = session.poll_timeout().filter(|now| *now <= end) {
        session.handle_inbound(now);
        session.handle_timeout(now);
        texts.extend(sent(session).into_iter().filter(|text| text != "ping"));
    }
    texts
}

#[test]
fn a_subscription_never_requested_needs_no_unsubscribe() {
    let mut session = spent(1, &["books5:A"]);
    assert_eq!(sent(&mut session).len(), 1);
    session.subscribe(sub("books5:B"), at(10));
    assert!(session.subscriptions().eq(&[sub("books5:A"), sub("books5:B")]));
    session.unsubscribe(&sub("books5:B"), at(20));
    assert!(session.subscriptions().eq(&[sub("books5:A")]));
    assert_eq!(sent_until(&mut session, at(2 * 3_600_000)), [""; 0]);
    // Nor what was subscribed for a while before there was a connection.
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:A"), at(0));
    session.unsubscribe(&sub("books5:A"), at(1));
    session.subscribe(sub("books5:B"), at(2));
    session.handle_timeout(at(3));
    session.handle_connected(at(4));
    let texts = sent(&mut session);
    assert!(texts.len() == 1 && !texts[0].contains(r#""A""#), "{texts:?}");
}

#[test]
fn a_new_connection_has_its_own_quota() {
    let mut session = spent(1, &["books5:A"]);
    assert_eq!(sent(&mut session).len(), 1);
    session.handle_disconnected(at(10));
    let now = session.poll_timeout().unwrap();
    session.handle_timeout(now);
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.handle_connected(now);
    let texts = sent(&mut session);
    assert!(texts.len() == 1 && texts[0].contains("subscribe"), "{texts:?}");
    assert_eq!((session.stats().requests, session.stats().attempts), (2, 2));
}

#[test]
fn requests_of_every_kind_are_counted() {
    let mut session = spent(100, &["books5:A", "books5:B"]);
    session.unsubscribe(&sub("books5:A"), at(10));
    session.subscribe(sub("books5:C"), at(20));
    session.resubscribe(&sub("books5:B"), at(30));
    let texts = sent(&mut session);
    assert_eq!(texts.len(), 5, "{texts:?}");
    assert_eq!(session.stats().requests, 5);
}

#[test]
fn each_request_has_its_own_timeout() {
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
fn a_retried_login_waits_for_the_quota() {
    let config =
        SessionConfig { login: true, requests_per_hour: 2, ..SessionConfig::new(Dialect::V5) };
    let busy = Control { code: Some(63_999), ..Control::new(ControlKind::Error) };
    let mut session = Session::new(config, 1);
    session.subscribe(sub("books5:A"), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(1));
    session.handle_control(&busy, at(2));
    acknowledge(&mut session, "books5:A", at(3));
    first_pushes(&mut session, &["books5:A"], at(3));
    let of_two =
        |done: &[Action]| matches!(done, [Action::Connect, Action::Login, Action::Send(_)]);
    assert!(of_two(&actions(&mut session)));
    let mut logins = Vec::new();
    while let Some(now) = session.poll_timeout().filter(|now| *now <= at(2 * 3_600_000)) {
        session.handle_inbound(now);
        session.handle_timeout(now);
        if actions(&mut session).contains(&Action::Login) {
            logins.push(now);
            session.handle_control(&Control::new(ControlKind::Login), now);
        }
    }
    assert_eq!(logins, [at(3_600_001)]);
    assert_eq!(session.stats().requests, 3);
}

/// Answers requests with acknowledgements alone.
fn acknowledge_all(session: &mut Session, texts: &[String], now: MonoNanos) {
    let wanted: Vec<_> = session.subscriptions().map(ToString::to_string).collect();
    for text in texts.iter().filter(|text| text.contains(r#""subscribe""#)) {
        for name in &wanted {
            let (channel, id) = name.split_once(':').unwrap();
            if text.contains(&format!(r#"{{"channel":"{channel}","instId":"{id}"}}"#)) {
                acknowledge(session, name, now);
            }
        }
    }
}

/// Pairs without any trade send nothing, and each was subscribed at a time of its own.
#[test]
fn missing_first_pushes_share_requests_and_leave_quota_to_broken_books() {
    let mut session = open(Dialect::V5, &["books:A"]);
    session.handle_live(&sub("books:A"), at(5));
    let mut now = at(10);
    for n in 0..12 {
        session.subscribe(sub(&format!("trades:C{n}")), now);
        let end = now + Duration::from_millis(7_300);
        while now < end {
            let texts = sent(&mut session);
            acknowledge_all(&mut session, &texts, now);
            now = session.poll_timeout().unwrap().min(end);
            session.handle_inbound(now);
            session.handle_timeout(now);
        }
    }
    let end = now + Duration::from_secs(7_200);
    let mut least = usize::MAX;
    while now < end {
        let texts = sent(&mut session);
        acknowledge_all(&mut session, &texts, now);
        now = session.poll_timeout().unwrap().min(end);
        session.handle_inbound(now);
        session.handle_timeout(now);
        least = least.min(session.requests_left(now));
    }
    assert!(least > 200, "{least} requests were left");
    sent(&mut session);
    session.resync(&sub("books:A"), now);
    assert_eq!(sent(&mut session).len(), 2);
}

/// Books that break repeatedly wait for the hour's requests. Another connection has its own.
#[test]
fn a_spent_quota_is_reported_while_books_wait() {
    let books: Vec<_> = (0..8).map(|n| sub(&format!("books:C{n}"))).collect();
    let names: Vec<_> = books.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut session = open(Dialect::V5, &names);
    let (mut now, mut waits, mut begun) = (at(10), None, 0);
    while now < at(2 * 3_600_000) && waits.is_none() {
        // Each breaks at a different time, and again as soon as it is live.
        let begins = begun < books.len() && now.since(at(10)).as_secs() >= begun as u64 * 7;
        let texts = sent(&mut session);
        acknowledge_all(&mut session, &texts, now);
        for (n, book) in books.iter().enumerate() {
            if begins && n == begun || texts.len() > 1 && session.is_awaited(book) {
                session.handle_live(book, now);
                session.resync(book, now);
            }
        }
        begun += usize::from(begins);
        let spent = |event: &SessionEvent| matches!(event, SessionEvent::RequestsSpent { .. });
        waits = events(&mut session).into_iter().find(spent).map(|_| session.requests_left(now));
        now = session.poll_timeout().unwrap().min(now + Duration::from_secs(1));
        session.handle_inbound(now);
        session.handle_timeout(now);
    }
    assert!(waits.is_some_and(|left| (100..=120).contains(&left)), "{waits:?} at {now:?}");
}

#[test]
fn an_error_about_no_subscription_is_kept_short() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.subscribe(sub("books5:B"), at(10));
    let long = "x".repeat(1 << 20);
    let error = Control { message: Some(&long), ..Control::new(ControlKind::Error) };
    session.handle_control(&error, at(20));
    sent_until(&mut session, at(60_000));
    let len = events(&mut session).into_iter().find_map(|event| match event {
        SessionEvent::Rejected { message, .. } => Some(message.len()),
        _ => None,
    });
    assert!(len.is_some_and(|len| len < 300), "{len:?}");
}
