//! Proves that the session asks for what is wanted, notices what does not answer, and keeps the
//! exchange's limits: with a clock that is moved by hand and no socket.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use okx_feed::{
    Action, Control, ControlKind, Dialect, LostReason, MonoNanos, Session, SessionConfig,
    SessionEvent, Subscription,
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
    // Asking by hand asks once more.
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
    assert_eq!(
        sent(&mut session),
        [
            r#"{"op":"subscribe","args":["spot/depth5:A"]}"#,
            r#"{"op":"subscribe","args":["spot/depth5:B"]}"#
        ]
    );
    acknowledge(&mut session, "spot/depth5:A", at(10_100));
    session.inbound(at(19_000));
    session.timeout(at(20_000));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert!(events(&mut session).contains(&SessionEvent::Lost(LostReason::AckTimeout)));
}

#[test]
fn a_service_upgrade_is_not_waited_for() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let notice = Control { code: Some(64008), ..Control::new(ControlKind::Notice) };
    session.control(&notice, at(5000));
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
fn stopping_closes_and_wants_nothing_more() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.stop();
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(session.poll_timeout(), None);
    session.lost(at(10));
    session.timeout(at(100_000));
    assert_eq!((actions(&mut session), events(&mut session)), (vec![], vec![]));
}
