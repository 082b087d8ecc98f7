//! Proves that the session requests its subscriptions, notices what does not answer, and keeps the
//! exchange's limits: with a clock that is moved by hand and no socket.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod books;
mod clocks;
mod hostile;
mod isolation;
mod logins;
mod refusals;
mod request_quota;
mod silence;
mod silence_rig;
mod snapshots;
mod timers;
mod unsubscribes;

use std::time::Duration;

use okx_feed::event::ControlKind;
use okx_feed::model::ChannelKind;
use okx_feed::session::{Action, DisconnectReason, SessionConfig, SessionEvent};
use okx_feed::{
    BookState, Control, Dialect, Event, FeedHandler, Frame, MonoNanos, Session, Subscription,
    UnixNanos,
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
    session.handle_control(&control, now);
}

/// A session that is open, with its subscriptions acknowledged.
fn open(dialect: Dialect, wanted: &[&str]) -> Session {
    let mut session = Session::new(SessionConfig::new(dialect), 7);
    for text in wanted {
        session.subscribe(sub(text), at(0));
    }
    session.handle_timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.handle_connected(at(1));
    for text in wanted {
        acknowledge(&mut session, text, at(2));
    }
    assert!(session.is_settled());
    first_pushes(&mut session, wanted, at(2));
    actions(&mut session);
    events(&mut session);
    session
}

/// Delivers the first push of each but of order books, whose snapshot the tests deliver.
fn first_pushes(session: &mut Session, names: &[&str], now: MonoNanos) {
    for name in names.iter().filter(|name| sub(name).channel().kind() != ChannelKind::Depth) {
        session.handle_live(&sub(name), now);
    }
}

#[test]
fn a_session_connects_at_once_and_subscribes_when_open() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:BTC-USDT"), at(0));
    session.subscribe(sub("books5:BTC-USDT"), at(0));
    session.subscribe(sub("trades:BTC-USDT"), at(0));
    assert_eq!(session.poll_timeout(), Some(at(0)));
    session.handle_timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.handle_connected(at(50));
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
fn silence_causes_a_ping_and_more_silence_a_new_connection() {
    let mut session = open(Dialect::V3, &["spot/depth5:BTC-USDT"]);
    session.handle_inbound(at(10_000));
    // The previous frame came ten seconds earlier: too slow a pace for the shorter timeout.
    assert_eq!(session.poll_timeout(), Some(at(30_000)));
    session.handle_timeout(at(29_999));
    assert_eq!(actions(&mut session), []);
    session.handle_timeout(at(30_000));
    assert_eq!(sent(&mut session), ["ping"]);
    // Any frame counts as an answer.
    session.handle_inbound(at(30_100));
    session.handle_timeout(at(50_099));
    assert_eq!(actions(&mut session), []);
    session.handle_timeout(at(50_100));
    assert_eq!(sent(&mut session), ["ping"]);
    assert_eq!(session.poll_timeout(), Some(at(60_100)));
    session.handle_timeout(at(60_100));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(events(&mut session), [SessionEvent::Disconnected(DisconnectReason::PongTimeout)]);
}

#[test]
fn subscriptions_are_requested_again_after_a_pause() {
    let mut session = open(Dialect::V3, &["spot/depth5:A", "spot/trade:A"]);
    session.unsubscribe(&sub("spot/trade:A"), at(100));
    session.handle_disconnected(at(200));
    session.subscribe(sub("swap/depth5:B"), at(300));
    assert_eq!(events(&mut session), [SessionEvent::Disconnected(DisconnectReason::Closed)]);
    sent(&mut session);
    let due = session.poll_timeout().unwrap();
    assert!(due >= at(1200), "v3 takes one attempt a second");
    session.handle_timeout(due);
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.handle_connected(due);
    assert_eq!(
        sent(&mut session),
        [r#"{"op":"subscribe","args":["spot/depth5:A","swap/depth5:B"]}"#]
    );
}

#[test]
fn a_session_goes_on_after_an_announced_upgrade() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let notice = Control { code: Some(64008), ..Control::new(ControlKind::Notice) };
    session.handle_control(&notice, at(5000));
    // The session only reports; its owner decides when the new connection is good enough.
    assert_eq!(actions(&mut session), []);
    assert_eq!(events(&mut session), [SessionEvent::UpgradeAnnounced]);
    session.reconnect(DisconnectReason::ServiceUpgrade, at(5100));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(
        events(&mut session),
        [SessionEvent::Disconnected(DisconnectReason::ServiceUpgrade)]
    );
    assert!(session.poll_timeout().is_some());
}

#[test]
fn each_phase_of_connecting_has_its_own_timeout() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.handle_timeout(at(0));
    assert_eq!(actions(&mut session), [Action::Connect]);
    session.handle_rate_limited(at(700));
    assert_eq!(session.poll_timeout(), Some(at(700)));
    session.handle_timeout(at(700));
    assert_eq!(actions(&mut session), [Action::Connect]);
    assert_eq!((session.stats().attempts, session.stats().postponed), (1, 1));
    assert_eq!(session.poll_timeout(), Some(at(5700)));
    session.handle_tcp_connected(at(4000));
    assert_eq!(session.poll_timeout(), Some(at(9000)));
    session.handle_timeout(at(9000));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(
        events(&mut session),
        [SessionEvent::Disconnected(DisconnectReason::HandshakeTimeout)]
    );
    let due = session.poll_timeout().unwrap();
    session.handle_timeout(due);
    session.handle_timeout(due + Duration::from_secs(5));
    assert_eq!(
        events(&mut session),
        [SessionEvent::Disconnected(DisconnectReason::ConnectTimeout)]
    );
}

#[test]
fn long_lists_are_split_and_the_hours_quota_is_kept() {
    let mut session = Session::new(
        SessionConfig { requests_per_hour: 3, request_len: 100, ..SessionConfig::new(Dialect::V3) },
        1,
    );
    let wanted: Vec<_> = (0..16).map(|n| sub(&format!("spot/depth5:COIN{n}-USDT"))).collect();
    for subscription in &wanted {
        session.subscribe(*subscription, at(0));
    }
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    let requests = sent(&mut session);
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|text| text.len() <= 100 + 30), "{requests:?}");
    // The next one is sent when the hour has passed, and none was lost.
    let all = requests.concat();
    let asked_in = |all: &str, s: &Subscription| all.contains(&format!("{:?}", s.to_string()));
    for subscription in wanted.iter().filter(|subscription| asked_in(&all, subscription)) {
        acknowledge(&mut session, &subscription.to_string(), at(1));
        session.handle_live(subscription, at(1));
    }
    let spent = SessionEvent::RequestsSpent { until: at(3_600_000) };
    assert_eq!(events(&mut session).iter().filter(|event| **event == spent).count(), 1);
    session.handle_inbound(at(3_599_000));
    assert_eq!(session.poll_timeout(), Some(at(3_600_000)));
    session.handle_timeout(at(3_600_000));
    let later = sent(&mut session);
    let all = requests.concat() + &later.concat();
    let asked = wanted.iter().filter(|subscription| asked_in(&all, subscription));
    assert_eq!((later.len(), asked.count()), (2, 16));
}

#[test]
fn a_connection_that_opens_too_late_is_ignored() {
    let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
    session.subscribe(sub("books5:A"), at(0));
    session.handle_connected(at(0));
    session.handle_timeout(at(0));
    session.handle_timeout(at(10_000));
    assert_eq!(actions(&mut session), [Action::Connect, Action::Close]);
    session.handle_connected(at(10_001));
    assert!(!session.is_open());
    session.stop();
    session.handle_connected(at(10_002));
    assert!(!session.is_open() && session.poll_timeout().is_none());
    assert_eq!(actions(&mut session), []);
}

#[test]
fn stopping_closes_for_good() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.stop();
    assert_eq!(actions(&mut session), [Action::Close]);
    assert_eq!(session.poll_timeout(), None);
    session.handle_disconnected(at(10));
    session.handle_timeout(at(100_000));
    assert_eq!((actions(&mut session), events(&mut session)), (vec![], vec![]));
}
