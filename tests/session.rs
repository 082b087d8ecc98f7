//! Proves that the session asks for what is wanted, notices what does not answer, and keeps the
//! exchange's limits: with a clock that is moved by hand and no socket.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use okx_feed::{
    Action, BookState, Control, ControlKind, Dialect, Event, FeedHandler, Frame, LostReason,
    MonoNanos, Session, SessionConfig, SessionEvent, Subscription, UnixNanos,
};

fn at(millis: u64) -> MonoNanos {
    MonoNanos::ZERO + Duration::from_millis(millis)
}

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

fn actions(session: &mut Session) -> Vec<Action> {
    std::iter::from_fn(|| session.poll_action()).collect()
}

fn sent(session: &mut Session) -> Vec<String> {
    let text = |action| match action {
        Action::Send(text) => Some(text),
        _ => None,
    };
    actions(session).into_iter().filter_map(text).collect()
}

fn events(session: &mut Session) -> Vec<SessionEvent> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn acknowledge(session: &mut Session, text: &str, now: MonoNanos) {
    let sub = sub(text);
    let control = Control {
        channel: Some(sub.channel().name()),
        inst_id: Some(sub.inst_id().as_str()),
        market: sub.market().map(okx_feed::Market::name),
        ..Control::new(ControlKind::Subscribe)
    };
    session.control(&control, now);
}

/// A session that is open, with its subscriptions acknowledged.
fn open(dialect: Dialect, wanted: &[&str]) -> Session {
    let mut session = Session::new(SessionConfig::new(dialect), 7);
    for text in wanted {
        session.subscribe(sub(text), at(0));
    }
    session.timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.connected(at(1));
    for text in wanted {
        acknowledge(&mut session, text, at(2));
    }
    assert!(session.is_settled());
    actions(&mut session);
    events(&mut session);
    session
}

#[test]
fn it_connects_at_once_and_asks_when_it_is_open() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:BTC-USDT"), at(0));
    session.subscribe(sub("books5:BTC-USDT"), at(0));
    session.subscribe(sub("trades:BTC-USDT"), at(0));
    assert_eq!(session.poll_timeout(), Some(at(0)));
    session.timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.connected(at(50));
    assert_eq!(
        sent(&mut session),
        [
            r#"{"id":"1","op":"subscribe","args":[{"channel":"books5","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"}]}"#
        ]
    );
    acknowledge(&mut session, "books5:BTC-USDT", at(60));
    assert!(!session.is_settled());
    acknowledge(&mut session, "trades:BTC-USDT", at(61));
    assert!(session.is_settled());
    assert_eq!(
        events(&mut session),
        [
            SessionEvent::Connected,
            SessionEvent::Subscribed(sub("books5:BTC-USDT")),
            SessionEvent::Subscribed(sub("trades:BTC-USDT")),
        ]
    );
}

#[test]
fn silence_brings_a_ping_and_more_silence_a_new_connection() {
    let mut session = open(Dialect::V3, &["spot/depth5:BTC-USDT"]);
    session.inbound(at(10_000));
    assert_eq!(session.poll_timeout(), Some(at(30_000)));
    session.timeout(at(29_999));
    assert_eq!(actions(&mut session), []);
    session.timeout(at(30_000));
    assert_eq!(sent(&mut session), ["ping"]);
    // Anything at all counts as an answer.
    session.inbound(at(30_100));
    session.timeout(at(50_099));
    assert_eq!(actions(&mut session), []);
    session.timeout(at(50_100));
    assert_eq!(sent(&mut session), ["ping"]);
    assert_eq!(session.poll_timeout(), Some(at(60_100)));
    session.timeout(at(60_100));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(events(&mut session), [SessionEvent::Lost(LostReason::PongTimeout)]);
}

#[test]
fn what_is_wanted_is_asked_for_again_after_a_pause() {
    let mut session = open(Dialect::V3, &["spot/depth5:A", "spot/trade:A"]);
    session.unsubscribe(&sub("spot/trade:A"), at(100));
    session.lost(at(200));
    session.subscribe(sub("swap/depth5:B"), at(300));
    assert_eq!(events(&mut session), [SessionEvent::Lost(LostReason::Closed)]);
    sent(&mut session);
    let due = session.poll_timeout().unwrap();
    assert!(due >= at(1200), "v3 takes one attempt a second");
    session.timeout(due);
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.connected(due);
    assert_eq!(
        sent(&mut session),
        [r#"{"op":"subscribe","args":["spot/depth5:A","swap/depth5:B"]}"#]
    );
}

#[test]
fn a_refused_subscription_is_told_once_and_not_asked_for_again() {
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    for text in ["spot/depth5:A", "spot/depth5:NOPE", "spot/depth5:NOPE-2"] {
        session.subscribe(sub(text), at(0));
    }
    session.timeout(at(0));
    session.connected(at(0));
    actions(&mut session);
    let message = "Channel spot/depth5:NOPE doesn't exist";
    let error =
        Control { code: Some(30040), message: Some(message), ..Control::new(ControlKind::Error) };
    session.control(&error, at(10));
    let told = events(&mut session);
    assert!(told.contains(&SessionEvent::Rejected {
        subscription: sub("spot/depth5:NOPE"),
        code: Some(30040),
        message: message.to_owned(),
    }));
    session.lost(at(20));
    let due = session.poll_timeout().unwrap();
    session.timeout(due);
    session.connected(due);
    let texts = sent(&mut session);
    assert_eq!(texts, [r#"{"op":"subscribe","args":["spot/depth5:A","spot/depth5:NOPE-2"]}"#]);
    // Asking by hand asks once more, alone.
    acknowledge(&mut session, "spot/depth5:A", due);
    acknowledge(&mut session, "spot/depth5:NOPE-2", due);
    session.subscribe(sub("spot/depth5:NOPE"), due);
    assert_eq!(sent(&mut session), [r#"{"op":"subscribe","args":["spot/depth5:NOPE"]}"#]);
}

#[test]
fn an_error_with_our_id_is_about_that_request() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.subscribe(sub("books5:B"), at(10));
    session.subscribe(sub("books5:C"), at(10));
    let ids = sent(&mut session);
    assert!(ids[1].starts_with(r#"{"id":"3""#), "{ids:?}");
    let error = Control {
        id: Some("3"),
        code: Some(60012),
        message: Some("Invalid request"),
        ..Control::new(ControlKind::Error)
    };
    session.control(&error, at(20));
    let rejected = |event: &SessionEvent| match event {
        SessionEvent::Rejected { subscription, .. } => Some(*subscription),
        _ => None,
    };
    let told: Vec<_> = events(&mut session).iter().filter_map(rejected).collect();
    assert_eq!(told, [sub("books5:C")]);
}

#[test]
fn unanswered_requests_are_sent_once_more_alone_and_then_the_connection_goes() {
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    session.subscribe(sub("spot/depth5:A"), at(0));
    session.subscribe(sub("spot/depth5:B"), at(0));
    session.timeout(at(0));
    session.connected(at(0));
    actions(&mut session);
    session.inbound(at(9_000));
    assert_eq!(session.poll_timeout(), Some(at(10_000)));
    session.timeout(at(10_000));
    assert_eq!(sent(&mut session), [r#"{"op":"subscribe","args":["spot/depth5:A"]}"#]);
    session.inbound(at(19_000));
    session.timeout(at(20_000));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert!(events(&mut session).contains(&SessionEvent::Lost(LostReason::AckTimeout)));
}

/// What an exchange answers to a request that names a subscription.
fn exchange(session: &mut Session, text: &str, name: &str, answer: Answer, now: MonoNanos) {
    let asked = text.contains(r#""op":"subscribe""#) && text.contains(&format!("{name:?}"));
    match answer {
        Answer::Taken if asked => acknowledge(session, name, now),
        Answer::Refused if asked => {
            // It names nobody.
            let message = Some("Invalid channel");
            let error = Control { code: Some(30039), message, ..Control::new(ControlKind::Error) };
            session.control(&error, now);
        }
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Taken,
    Refused,
    Silence,
}

/// Ten minutes of a session with an exchange that answers so: what was lost, what was rejected, and
/// the requests.
fn ten_minutes(plan: &[(&str, Answer)]) -> (usize, Vec<Subscription>, Vec<String>) {
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    for (name, _) in plan {
        session.subscribe(sub(name), at(0));
    }
    let (mut lost, mut rejected, mut requests) = (0, vec![], vec![]);
    for now in (0..6000).map(|step| at(step * 100)) {
        session.inbound(now);
        session.timeout(now);
        let mut texts = vec![];
        for action in actions(&mut session) {
            match action {
                Action::Connect => session.connected(now),
                Action::Send(text) => texts.push(text),
                _ => {}
            }
        }
        for text in texts {
            for (name, answer) in plan {
                exchange(&mut session, &text, name, *answer, now);
            }
            requests.push(text);
        }
        for event in events(&mut session) {
            lost += usize::from(matches!(event, SessionEvent::Lost(_)));
            if let SessionEvent::Rejected { subscription, .. } = event {
                rejected.push(subscription);
            }
        }
    }
    (lost, rejected, requests)
}

#[test]
fn refusals_that_name_nobody_are_told_apart_and_cost_no_connection() {
    let (a, b, well) = ("spot/depth5:BAD", "spot/depth5:BAD-2", "spot/depth5:GOOD");
    let plan = [(a, Answer::Refused), (b, Answer::Refused), (well, Answer::Taken)];
    let (lost, rejected, requests) = ten_minutes(&plan);
    assert_eq!((lost, rejected), (0, vec![sub(a), sub(b)]), "{requests:#?}");
    assert_eq!(requests.len(), 3, "{requests:#?}");
}

#[test]
fn what_is_never_answered_is_given_up_and_not_the_connection() {
    let (a, bad, well) = ("spot/depth5:A", "spot/depth5:BAD", "spot/depth5:GOOD");
    let plan = [(a, Answer::Silence), (bad, Answer::Refused), (well, Answer::Taken)];
    let (lost, rejected, requests) = ten_minutes(&plan);
    assert_eq!((lost, rejected), (0, vec![sub(bad), sub(a)]), "{requests:#?}");
    assert_eq!(requests.len(), 5, "{requests:#?}");
}

#[test]
fn what_was_never_answered_is_asked_for_on_the_next_connection() {
    let (a, b) = ("spot/depth5:A", "spot/depth5:B");
    let mut session = open(Dialect::V3, &[a]);
    session.subscribe(sub(b), at(10));
    let mut told = vec![];
    for step in 1..60 {
        session.inbound(at(step * 1000));
        session.timeout(at(step * 1000));
        told.extend(events(&mut session));
    }
    assert!(matches!(told[..], [SessionEvent::Rejected { code: None, .. }]), "{told:?}");
    assert_eq!(sent(&mut session).len(), 4);
    session.lost(at(60_000));
    let due = session.poll_timeout().unwrap();
    session.timeout(due);
    session.connected(due);
    assert_eq!(sent(&mut session).len(), 1);
    acknowledge(&mut session, a, due);
    assert_eq!(sent(&mut session), [r#"{"op":"subscribe","args":["spot/depth5:B"]}"#]);
    acknowledge(&mut session, b, due);
    assert!(session.is_settled());
}

#[test]
fn a_service_upgrade_is_not_waited_for() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let notice = Control { code: Some(64008), ..Control::new(ControlKind::Notice) };
    session.control(&notice, at(5000));
    // The session only tells; its owner decides when the new connection is good enough.
    assert_eq!(actions(&mut session), []);
    assert_eq!(events(&mut session), [SessionEvent::UpgradeAnnounced]);
    session.reconnect(LostReason::ServiceUpgrade, at(5100));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(events(&mut session), [SessionEvent::Lost(LostReason::ServiceUpgrade)]);
    assert!(session.poll_timeout().is_some());
}

#[test]
fn asking_anew_gives_up_first() {
    let mut session = open(Dialect::V3, &["spot/depth_l2_tbt:A", "spot/depth_l2_tbt:B"]);
    session.resubscribe(&sub("spot/depth_l2_tbt:A"), at(10));
    assert_eq!(
        sent(&mut session),
        [
            r#"{"op":"unsubscribe","args":["spot/depth_l2_tbt:A"]}"#,
            r#"{"op":"subscribe","args":["spot/depth_l2_tbt:A"]}"#
        ]
    );
}

#[test]
fn a_book_that_breaks_again_and_again_is_fetched_at_growing_pauses() {
    let (a, b) = (sub("books:A"), sub("books:B"));
    let mut session = open(Dialect::V5, &["books:A", "books:B"]);
    session.synced(&a, at(10));
    session.synced(&b, at(10));
    let mut now = at(100);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        session.inbound(now);
        session.resync(&a, now);
        session.resync(&a, now);
        let mut texts = sent(&mut session);
        let broken = now;
        while texts.is_empty() {
            now = session.poll_timeout().unwrap();
            session.inbound(now);
            session.timeout(now);
            texts = sent(&mut session);
        }
        pauses.push(now.since(broken).as_secs());
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("unsubscribe") && texts[1].contains(r#""op":"subscribe""#));
        assert!(texts.iter().all(|text| text.contains(r#""A""#) && !text.contains(r#""B""#)));
        acknowledge(&mut session, "books:A", now);
        session.synced(&a, now);
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(session.stats().resyncs, 9);
    // After a minute in order it is fetched at once again, and another book always was.
    session.resync(&b, now);
    assert_eq!(sent(&mut session).len(), 2);
    let now = now + Duration::from_secs(60);
    session.resync(&a, now);
    assert_eq!(sent(&mut session).len(), 2);
}

#[test]
fn broken_books_leave_a_quarter_of_the_requests_to_others() {
    let config = SessionConfig { requests_per_hour: 16, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    let books: Vec<_> = (0..20).map(|n| sub(&format!("books:C{n}"))).collect();
    for book in &books {
        session.subscribe(*book, at(0));
    }
    session.timeout(at(0));
    session.connected(at(0));
    for book in &books {
        acknowledge(&mut session, &book.to_string(), at(1));
        session.synced(book, at(1));
    }
    actions(&mut session);
    let mut requests = 1;
    for book in &books {
        session.resync(book, at(2));
        requests += sent(&mut session).len();
    }
    assert!((12..=13).contains(&requests), "{requests}");
    // Two requests a book: those that were asked anew are answered, the others wait.
    for book in books.iter().take((requests - 1) / 2) {
        acknowledge(&mut session, &book.to_string(), at(3));
        session.synced(book, at(3));
    }
    // All the books that waited go together when the hour has room again.
    let due = at(3_600_002);
    session.inbound(at(3_599_999));
    assert_eq!(session.poll_timeout(), Some(due));
    session.subscribe(sub("trades:X"), at(3_599_999));
    assert_eq!(sent(&mut session).len(), 1);
    session.timeout(due);
    let later = sent(&mut session);
    assert_eq!(later.len(), 2);
    assert!(later[1].contains("C19"));
}

#[test]
fn a_snapshot_that_never_comes_is_asked_for_anew_and_data_stands_for_an_acknowledgement() {
    let mut session = open(Dialect::V5, &["books:A", "books5:A"]);
    session.inbound(at(10_001));
    session.timeout(at(10_002));
    let texts = sent(&mut session);
    assert!(texts.len() == 2 && texts.iter().all(|text| !text.contains("books5")), "{texts:?}");
    assert_eq!(session.stats().late_snapshots, 1);
    // The acknowledgement is lost; the book shows that the subscription is in force.
    session.synced(&sub("books:A"), at(10_100));
    assert_eq!(events(&mut session), [SessionEvent::Subscribed(sub("books:A"))]);
    session.inbound(at(30_000));
    session.timeout(at(30_100));
    assert_eq!(actions(&mut session), []);
}

#[test]
fn what_the_exchange_was_too_busy_for_is_asked_later() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.subscribe(sub("books5:B"), at(10));
    sent(&mut session);
    let error = Control {
        id: Some("2"),
        code: Some(60014),
        message: Some("Requests too frequent"),
        ..Control::new(ControlKind::Error)
    };
    session.control(&error, at(20));
    assert_eq!((actions(&mut session), events(&mut session)), (vec![], vec![]));
    assert_eq!(session.poll_timeout(), Some(at(1020)));
    session.timeout(at(1020));
    assert_eq!(sent(&mut session).len(), 1);
}

#[test]
fn the_host_may_postpone_and_each_phase_of_connecting_has_its_own_time_out() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.postpone(at(700));
    assert_eq!(session.poll_timeout(), Some(at(700)));
    session.timeout(at(700));
    assert_eq!(actions(&mut session), [Action::Connect]);
    assert_eq!((session.stats().attempts, session.stats().postponed), (1, 1));
    assert_eq!(session.poll_timeout(), Some(at(5700)));
    session.handshaking(at(4000));
    assert_eq!(session.poll_timeout(), Some(at(9000)));
    session.timeout(at(9000));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(events(&mut session), [SessionEvent::Lost(LostReason::HandshakeTimeout)]);
    let due = session.poll_timeout().unwrap();
    session.timeout(due);
    session.timeout(due + Duration::from_secs(5));
    assert_eq!(events(&mut session), [SessionEvent::Lost(LostReason::ConnectTimeout)]);
}

#[test]
fn a_login_comes_first_and_a_refused_one_stops_nothing() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    for success in [true, false] {
        let mut session = Session::new(config.clone(), 1);
        session.subscribe(sub("books-l2-tbt:A"), at(0));
        session.timeout(at(0));
        session.connected(at(0));
        assert_eq!(actions(&mut session), [Action::Connect, Action::Login]);
        let kind = if success { ControlKind::Login } else { ControlKind::Error };
        let code = Some(if success { 0 } else { 60009 });
        session.control(&Control { code, ..Control::new(kind) }, at(5));
        assert_eq!(sent(&mut session).len(), 1);
        let refused = |e: &SessionEvent| matches!(e, SessionEvent::LoginRefused { .. });
        assert_eq!(events(&mut session).iter().any(refused), !success);
    }
    let mut session = Session::new(config, 1);
    session.timeout(at(0));
    session.connected(at(0));
    session.inbound(at(9_000));
    session.timeout(at(10_000));
    assert!(events(&mut session).contains(&SessionEvent::Lost(LostReason::AckTimeout)));
}

#[test]
fn what_was_refused_for_want_of_a_login_is_asked_for_after_the_next_login() {
    let config = SessionConfig { login: true, ..SessionConfig::new(Dialect::V5) };
    let error = |code| Control { code: Some(code), ..Control::new(ControlKind::Error) };
    for (code, asks) in [(60011, 1), (64003, 1), (60018, 0)] {
        let mut session = Session::new(config.clone(), 1);
        session.subscribe(sub("books-l2-tbt:A"), at(0));
        session.timeout(at(0));
        session.connected(at(0));
        session.control(&error(64007), at(5));
        assert_eq!(sent(&mut session).len(), 1);
        session.control(&error(code), at(10));
        assert!(matches!(events(&mut session)[..], [.., SessionEvent::Rejected { .. }]));
        session.lost(at(20));
        let due = session.poll_timeout().unwrap();
        session.timeout(due);
        session.connected(due);
        assert_eq!(actions(&mut session), [Action::Connect, Action::Login]);
        session.control(&Control::new(ControlKind::Login), due);
        assert_eq!(sent(&mut session).len(), asks, "{code}");
    }
}

#[test]
fn long_lists_are_split_and_the_hour_has_a_limit() {
    let mut session = Session::new(
        SessionConfig { requests_per_hour: 3, request_len: 100, ..SessionConfig::new(Dialect::V3) },
        1,
    );
    let wanted: Vec<_> = (0..16).map(|n| sub(&format!("spot/depth5:COIN{n}-USDT"))).collect();
    for subscription in &wanted {
        session.subscribe(*subscription, at(0));
    }
    session.timeout(at(0));
    session.connected(at(0));
    let requests = sent(&mut session);
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|text| text.len() <= 100 + 30), "{requests:?}");
    // The next one goes when the hour has passed, and nothing was forgotten.
    for subscription in &wanted {
        acknowledge(&mut session, &subscription.to_string(), at(1));
    }
    session.inbound(at(3_599_000));
    assert_eq!(session.poll_timeout(), Some(at(3_600_000)));
    session.timeout(at(3_600_000));
    let later = sent(&mut session);
    let all = requests.concat() + &later.concat();
    let asked = |s: &&Subscription| all.contains(&format!("{:?}", s.to_string()));
    assert_eq!((later.len(), wanted.iter().filter(asked).count()), (2, 16));
}

#[test]
fn a_connection_that_comes_up_too_late_does_not_count() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:A"), at(0));
    session.connected(at(0));
    session.timeout(at(0));
    session.timeout(at(10_000));
    assert_eq!(actions(&mut session), [Action::Connect, Action::Close]);
    session.connected(at(10_001));
    assert!(!session.is_open());
    session.stop();
    session.connected(at(10_002));
    assert!(!session.is_open() && session.poll_timeout().is_none());
    assert_eq!(actions(&mut session), []);
}

#[test]
fn stopping_closes_and_wants_nothing_more() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.stop();
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(session.poll_timeout(), None);
    session.lost(at(10));
    session.timeout(at(100_000));
    assert_eq!((actions(&mut session), events(&mut session)), (vec![], vec![]));
}

/// Takes a message as the client does.
fn frame(session: &mut Session, feed: &mut FeedHandler, text: &str, now: MonoNanos) {
    session.inbound(now);
    let pass = &mut |event: &Event<'_>| match event {
        Event::Control(control) => session.control(control, now),
        Event::State(change) if change.to == BookState::Live => {
            session.synced(change.subscription, now);
        }
        Event::DepthBook(change) => session.depth(change, now),
        _ => {}
    };
    feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(now.0), pass).unwrap();
}

#[test]
fn a_refused_end_is_not_the_refusal_of_what_is_asked_for_anew() {
    let (a, b) = ("spot/depth_l2_tbt:A", "spot/depth_l2_tbt:B");
    for (code, message) in [(63999, "Internal system error"), (30040, "Channel A")] {
        let mut session = open(Dialect::V3, &[a, b]);
        session.synced(&sub(a), at(3));
        session.synced(&sub(b), at(3));
        session.resubscribe(&sub(a), at(10));
        assert_eq!(sent(&mut session).len(), 2);
        let (code, message) = (Some(code), Some(message));
        let error = Control { code, message, ..Control::new(ControlKind::Error) };
        session.control(&error, at(20));
        assert_eq!(events(&mut session), []);
        assert!(!session.is_settled());
        acknowledge(&mut session, a, at(21));
        assert!(session.is_settled());
        session.synced(&sub(a), at(22));
        assert_eq!(sent(&mut session).len(), 0);
        // A second one, with no end that waits, is about what is asked for.
        session.subscribe(sub("spot/trade:A"), at(30));
        session.control(&error, at(31));
        let refused = events(&mut session).len() == 2;
        assert_eq!(refused, code == Some(30040));
    }
}

#[test]
fn an_end_that_was_answered_or_never_will_be_takes_no_other_requests_refusal() {
    let (a, bad) = ("spot/trade:A", "spot/trade:BAD");
    let error = Control { code: Some(30039), ..Control::new(ControlKind::Error) };
    let refused = |session: &mut Session| {
        let is = |event: &SessionEvent| matches!(event, SessionEvent::Rejected { .. });
        events(session).iter().filter(|event| is(event)).count()
    };
    for answered in [true, false] {
        let mut session = open(Dialect::V3, &[a]);
        session.unsubscribe(&sub(a), at(10));
        let mut now = at(20);
        if answered {
            let control = Control {
                channel: Some("trade"),
                inst_id: Some("A"),
                market: Some("spot"),
                ..Control::new(ControlKind::Unsubscribe)
            };
            session.control(&control, now);
        } else {
            now = at(10_010);
            session.inbound(now);
            assert_eq!(session.poll_timeout(), Some(now));
            session.timeout(now);
        }
        session.subscribe(sub(bad), now);
        session.control(&error, now);
        assert_eq!(refused(&mut session), 1);
    }
}

#[test]
fn a_live_book_that_is_asked_for_anew_is_well_with_its_snapshot() {
    let snapshot = r#"{"arg":{"channel":"books","instId":"A"},"action":"snapshot","data":[{
        "asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1654032991947","checksum":0,
        "prevSeqId":-1,"seqId":5}]}"#;
    let books = sub("books:A");
    let mut session = open(Dialect::V5, &["books:A"]);
    let mut feed = FeedHandler::new(Dialect::V5);
    feed.subscribe(books);
    frame(&mut session, &mut feed, snapshot, at(10));
    assert_eq!(feed.slots().get(&books).unwrap().state(), BookState::Live);
    session.resubscribe(&books, at(20));
    assert_eq!(sent(&mut session).len(), 2);
    // The book stays live, so that no change of state tells of the snapshot.
    acknowledge(&mut session, "books:A", at(30));
    frame(&mut session, &mut feed, snapshot, at(40));
    for step in 1..=60 {
        session.inbound(at(step * 1000));
        session.timeout(at(step * 1000));
    }
    assert_eq!(sent(&mut session), Vec::<String>::new());
    assert_eq!(session.stats().late_snapshots, 0);
}

#[test]
fn an_acknowledgement_ends_a_pause() {
    let mut session = open(Dialect::V3, &["spot/trade:A"]);
    session.subscribe(sub("spot/trade:B"), at(10));
    sent(&mut session);
    session.control(&Control { code: Some(63999), ..Control::new(ControlKind::Error) }, at(20));
    assert!(!session.is_settled());
    acknowledge(&mut session, "spot/trade:B", at(30));
    assert!(session.is_settled());
    session.timeout(at(5000));
    assert_eq!(sent(&mut session), Vec::<String>::new());
}
