//! Subscriptions that are refused or never answered are reported once and affect no others.

use super::*;

/// The reported refusals, by subscription.
fn rejected(session: &mut Session) -> Vec<Subscription> {
    let rejected = |event| match event {
        SessionEvent::Rejected { subscription, .. } => Some(subscription),
        _ => None,
    };
    events(session).into_iter().filter_map(rejected).collect()
}

/// What is sent while the clock advances second by second, and when, in seconds.
fn sent_by_second(session: &mut Session, seconds: std::ops::Range<u64>) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    for second in seconds {
        session.handle_inbound(at(second * 1000));
        session.handle_timeout(at(second * 1000));
        all.extend(sent(session).into_iter().map(|text| (second, text)));
    }
    all
}

fn does_not_exist(session: &mut Session, name: &str, now: MonoNanos) {
    let (code, message) = (Some(30040), format!("Channel {name} doesn't exist"));
    let message = Some(message.as_str());
    session.handle_control(&Control { code, message, ..Control::new(ControlKind::Error) }, now);
}

#[test]
fn a_refused_subscription_is_reported_and_retried_at_growing_pauses() {
    let (good, bad) = ("spot/depth5:A", "spot/depth5:NOPE");
    let mut session = open(Dialect::V3, &[good]);
    session.subscribe(sub(bad), at(10));
    sent(&mut session);
    let mut asked = Vec::new();
    does_not_exist(&mut session, bad, at(20));
    assert_eq!(rejected(&mut session), [sub(bad)]);
    for second in 1..200 {
        for (now, text) in sent_by_second(&mut session, second..second + 1) {
            assert_eq!(text, format!(r#"{{"op":"subscribe","args":["{bad}"]}}"#));
            asked.push(now);
            does_not_exist(&mut session, bad, at(now * 1000));
            assert_eq!(rejected(&mut session), [sub(bad)]);
        }
        assert!(session.is_settled());
        assert_eq!(session.refused_now(), 1);
    }
    // One second, two, four, ... up to a minute: see `ResyncConfig`.
    assert_eq!(asked, [2, 4, 8, 16, 32, 64, 124, 184]);
    assert_eq!(session.stats().retries, 8);
    // It is listed now: the next time it is accepted, and the pauses start small again after a
    // while.
    let [(now, _)] = &sent_by_second(&mut session, 200..250)[..] else { panic!("asked once") };
    acknowledge(&mut session, bad, at(now * 1000));
    first_pushes(&mut session, &[bad], at(now * 1000));
    assert_eq!(session.refused_now(), 0);
}

#[test]
fn a_refused_subscription_is_retried_on_the_next_connection_and_by_hand() {
    let (good, bad) = ("spot/depth5:A", "spot/depth5:NOPE");
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    [good, bad, "spot/depth5:NOPE-2"].iter().for_each(|name| session.subscribe(sub(name), at(0)));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    does_not_exist(&mut session, bad, at(10));
    assert_eq!(rejected(&mut session), [sub(bad)]);
    acknowledge(&mut session, good, at(20));
    acknowledge(&mut session, "spot/depth5:NOPE-2", at(20));
    actions(&mut session);
    // By hand it is requested at once.
    session.subscribe(sub(bad), at(30));
    assert_eq!(sent(&mut session), [r#"{"op":"subscribe","args":["spot/depth5:NOPE"]}"#]);
    does_not_exist(&mut session, bad, at(40));
    session.handle_disconnected(at(5_000));
    let due = session.poll_timeout().unwrap();
    session.handle_timeout(due);
    session.handle_connected(due);
    // In a separate request, so that it can't affect the answers of others.
    assert_eq!(
        sent(&mut session),
        [
            r#"{"op":"subscribe","args":["spot/depth5:A","spot/depth5:NOPE-2"]}"#,
            r#"{"op":"subscribe","args":["spot/depth5:NOPE"]}"#
        ]
    );
}

#[test]
fn a_subscription_that_ends_connections_keeps_its_pause_on_the_next_ones() {
    let (good, bad) = ("spot/depth5:A", "spot/depth5:NOPE");
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    [good, bad].iter().for_each(|name| session.subscribe(sub(name), at(0)));
    let (mut now, mut asked, mut losses) = (at(0), 0, 0);
    while now < at(600_000) {
        now = session.poll_timeout().unwrap().max(now);
        session.handle_inbound(now);
        session.handle_timeout(now);
        for action in actions(&mut session) {
            match action {
                Action::Connect => session.handle_connected(now),
                Action::Send(text) if text.contains(bad) => {
                    asked += 1;
                    does_not_exist(&mut session, bad, now);
                    session.handle_disconnected(now);
                    losses += 1;
                }
                Action::Send(text) if text.contains(good) => {
                    acknowledge(&mut session, good, now);
                    first_pushes(&mut session, &[good], now);
                }
                _ => {}
            }
        }
        events(&mut session);
        now = now + Duration::from_millis(1);
    }
    // After one minute, two more, three more, four more: not at each connection.
    assert_eq!((asked, losses), (4, 4));
}

#[test]
fn an_error_about_another_is_not_attributed_to_the_only_one_that_waits() {
    let (old, new) = ("books5:OLD-USDT", "books:BTC-USDT");
    let message = "Wrong URL or channel:books5,instId:OLD-USDT doesn't exist.";
    for named in [true, false] {
        let mut session = open(Dialect::V5, &[old]);
        session.subscribe(sub(new), at(10));
        let message = Some(if named { message } else { "Wrong URL" });
        let error = Control { code: Some(60018), message, ..Control::new(ControlKind::Error) };
        session.handle_control(&error, at(20));
        // The named subscription was active, and the exchange has ended it.
        assert_eq!(rejected(&mut session) == [sub(old)], named);
        acknowledge(&mut session, new, at(30));
        assert_eq!(events(&mut session), [SessionEvent::Subscribed(sub(new))]);
        assert!(session.is_settled());
        assert_eq!(session.refused_now(), usize::from(named));
    }
}

#[test]
fn an_acknowledgement_or_data_ends_a_refusal() {
    for by_data in [true, false] {
        let mut session = open(Dialect::V3, &["spot/trade:A"]);
        does_not_exist(&mut session, "spot/trade:A", at(20));
        assert_eq!(rejected(&mut session), [sub("spot/trade:A")]);
        match by_data {
            true => session.handle_live(&sub("spot/trade:A"), at(30)),
            false => acknowledge(&mut session, "spot/trade:A", at(30)),
        }
        assert_eq!(events(&mut session), [SessionEvent::Subscribed(sub("spot/trade:A"))]);
        assert_eq!(session.refused_now(), 0);
    }
}

#[test]
fn an_unrequested_unsubscribe_is_reported_and_retried() {
    let mut session = open(Dialect::V3, &["spot/trade:A", "spot/trade:B"]);
    let end = Control {
        market: Some("spot"),
        channel: Some("trade"),
        inst_id: Some("A"),
        ..Control::new(ControlKind::Unsubscribe)
    };
    session.handle_control(&end, at(100));
    assert_eq!(rejected(&mut session), [sub("spot/trade:A")]);
    assert_eq!(
        sent_by_second(&mut session, 1..3),
        [(2, r#"{"op":"subscribe","args":["spot/trade:A"]}"#.to_owned())]
    );
    // One that was requested is not reported.
    session.unsubscribe(&sub("spot/trade:B"), at(3_000));
    session.handle_control(&Control { inst_id: Some("B"), ..end }, at(3_010));
    assert_eq!(rejected(&mut session), []);
}

#[test]
fn an_unsubscribe_with_the_id_of_the_subscribe_request_is_unrequested() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let end = Control {
        id: Some("1"),
        channel: Some("books5"),
        inst_id: Some("A"),
        ..Control::new(ControlKind::Unsubscribe)
    };
    session.handle_control(&end, at(100));
    assert_eq!(rejected(&mut session), [sub("books5:A")]);
    // The answer to an unsubscribe request sent before it was subscribed again is, however late.
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.resubscribe(&sub("books5:A"), at(10));
    sent(&mut session);
    acknowledge(&mut session, "books5:A", at(20));
    (0..2).for_each(|_| session.handle_control(&Control { id: Some("2"), ..end }, at(30)));
    assert_eq!(rejected(&mut session), []);
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
    session.handle_control(&error, at(20));
    let rejected = |event: &SessionEvent| match event {
        SessionEvent::Rejected { subscription, .. } => Some(*subscription),
        _ => None,
    };
    let refused: Vec<_> = events(&mut session).iter().filter_map(rejected).collect();
    assert_eq!(refused, [sub("books5:C")]);
}

#[test]
fn a_request_refused_by_a_busy_exchange_is_retried_later() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    session.subscribe(sub("books5:B"), at(10));
    sent(&mut session);
    let error = Control {
        id: Some("2"),
        code: Some(60014),
        message: Some("Requests too frequent"),
        ..Control::new(ControlKind::Error)
    };
    session.handle_control(&error, at(20));
    assert_eq!((actions(&mut session), events(&mut session)), (vec![], vec![]));
    assert_eq!(session.poll_timeout(), Some(at(1020)));
    session.handle_timeout(at(1020));
    assert_eq!(sent(&mut session).len(), 1);
}

#[test]
fn a_refused_unsubscribe_is_no_refusal_of_the_resubscribe() {
    let (a, b) = ("spot/depth_l2_tbt:A", "spot/depth_l2_tbt:B");
    for (code, message) in [(63999, "Internal system error"), (30040, "Channel A")] {
        let mut session = open(Dialect::V3, &[a, b]);
        session.handle_live(&sub(a), at(3));
        session.handle_live(&sub(b), at(3));
        session.resubscribe(&sub(a), at(10));
        assert_eq!(sent(&mut session).len(), 2);
        let (code, message) = (Some(code), Some(message));
        let error = Control { code, message, ..Control::new(ControlKind::Error) };
        session.handle_control(&error, at(20));
        assert_eq!(events(&mut session), []);
        assert!(!session.is_settled());
        acknowledge(&mut session, a, at(21));
        assert!(session.is_settled());
        session.handle_live(&sub(a), at(22));
        assert_eq!(sent(&mut session).len(), 0);
    }
}

#[test]
fn a_finished_unsubscribe_takes_no_error_of_another_request() {
    let (a, bad) = ("spot/trade:A", "spot/trade:BAD");
    let message = Some("Channel spot/trade:BAD doesn't exist");
    let error = Control { code: Some(30039), message, ..Control::new(ControlKind::Error) };
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
            session.handle_control(&control, now);
        } else {
            now = at(10_010);
            session.handle_inbound(now);
            assert_eq!(session.poll_timeout(), Some(now));
            session.handle_timeout(now);
        }
        session.subscribe(sub(bad), now);
        session.handle_control(&error, now);
        assert_eq!(rejected(&mut session), [sub(bad)]);
    }
}

#[test]
fn an_acknowledgement_ends_a_pause() {
    let mut session = open(Dialect::V3, &["spot/trade:A"]);
    session.subscribe(sub("spot/trade:B"), at(10));
    sent(&mut session);
    session
        .handle_control(&Control { code: Some(63999), ..Control::new(ControlKind::Error) }, at(20));
    assert!(!session.is_settled());
    acknowledge(&mut session, "spot/trade:B", at(30));
    assert!(session.is_settled());
    session.handle_timeout(at(5000));
    assert_eq!(sent(&mut session), Vec::<String>::new());
}

#[test]
fn an_unsubscribe_refused_by_a_busy_exchange_is_retried_a_few_times() {
    let busy = Control { code: Some(63999), ..Control::new(ControlKind::Error) };
    let mut session = open(Dialect::V3, &["spot/trade:A"]);
    session.unsubscribe(&sub("spot/trade:A"), at(10));
    assert_eq!(sent(&mut session).len(), 1);
    let mut now = at(20);
    for pause in [1, 2, 4] {
        session.handle_control(&busy, now);
        assert_eq!(sent(&mut session).len(), 0);
        now = now + Duration::from_secs(pause);
        session.handle_inbound(now);
        assert_eq!(session.poll_timeout(), Some(now));
        session.handle_timeout(now);
        assert_eq!(sent(&mut session), [r#"{"op":"unsubscribe","args":["spot/trade:A"]}"#]);
    }
    // The limit is reached: a later push is not kept.
    session.handle_control(&busy, now);
    session.handle_timeout(now + Duration::from_secs(8));
    assert_eq!(sent(&mut session).len(), 0);
}

#[test]
fn an_unsubscribe_is_not_retried_once_cancelled_or_refused_for_good() {
    for (code, again) in [(63999, true), (30040, false)] {
        let refusal = Control { code: Some(code), ..Control::new(ControlKind::Error) };
        let mut session = open(Dialect::V3, &["spot/trade:A"]);
        session.unsubscribe(&sub("spot/trade:A"), at(10));
        session.handle_control(&refusal, at(20));
        if again {
            session.subscribe(sub("spot/trade:A"), at(500));
        }
        sent(&mut session);
        session.handle_inbound(at(1_500));
        session.handle_timeout(at(1_500));
        assert_eq!(sent(&mut session).len(), 0, "{code}");
    }
}

#[test]
fn the_rest_of_a_request_with_an_error_is_requested_again_soon() {
    let (good, bad) = ("spot/depth5:A", "spot/depth5:NOPE");
    for answered in [false, true] {
        let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
        [good, bad].iter().for_each(|name| session.subscribe(sub(name), at(0)));
        session.handle_timeout(at(0));
        session.handle_connected(at(0));
        assert_eq!(sent(&mut session).len(), 1);
        does_not_exist(&mut session, bad, at(10));
        if answered {
            acknowledge(&mut session, good, at(20));
        }
        session.handle_timeout(at(1_009));
        assert_eq!(sent(&mut session), [""; 0]);
        session.handle_timeout(at(1_010));
        let asked = sent(&mut session).iter().filter(|text| text.contains(good)).count();
        assert_eq!(asked, usize::from(!answered));
    }
}

#[test]
fn only_subscriptions_requested_on_this_connection_are_acknowledged() {
    let config = SessionConfig { requests_per_hour: 1, ..SessionConfig::new(Dialect::V3) };
    let mut session = Session::new(config, 1);
    session.subscribe(sub("spot/trade:A"), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    // The hour's requests are used up.
    session.subscribe(sub("spot/trade:B"), at(1));
    sent(&mut session);
    events(&mut session);
    acknowledge(&mut session, "spot/trade:B", at(2));
    session.handle_live(&sub("spot/trade:B"), at(3));
    assert_eq!(events(&mut session), []);
    assert!(!session.is_settled());
    session.unsubscribe(&sub("spot/trade:B"), at(4));
    assert_eq!(sent_by_second(&mut session, 3_600..3_602).len(), 1, "only what is awaited");
}
