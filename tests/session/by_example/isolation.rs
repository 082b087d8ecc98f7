//! Answers that name no subscription, and none at all: requests are split until it is known of
//! which subscription they are.

use super::*;

#[test]
fn unanswered_requests_are_isolated_and_then_the_connection_is_closed() {
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    session.subscribe(sub("spot/depth5:A"), at(0));
    session.subscribe(sub("spot/depth5:B"), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    actions(&mut session);
    session.handle_inbound(at(9_000));
    assert_eq!(session.poll_timeout(), Some(at(10_000)));
    session.handle_timeout(at(10_000));
    assert_eq!(sent(&mut session), [r#"{"op":"subscribe","args":["spot/depth5:A"]}"#]);
    session.handle_inbound(at(19_000));
    session.handle_timeout(at(20_000));
    assert_eq!(actions(&mut session), [Action::Close]);
    assert!(
        events(&mut session).contains(&SessionEvent::Disconnected(DisconnectReason::AckTimeout))
    );
}

/// Answers a request that names a subscription.
fn exchange(session: &mut Session, text: &str, name: &str, answer: Answer, now: MonoNanos) {
    let asked = text.contains(r#""op":"subscribe""#) && text.contains(&format!("{name:?}"));
    match answer {
        Answer::Taken if asked => {
            acknowledge(session, name, now);
            first_pushes(session, &[name], now);
        }
        Answer::Refused if asked => {
            // It names no subscription.
            let message = Some("Invalid channel");
            let error = Control { code: Some(30039), message, ..Control::new(ControlKind::Error) };
            session.handle_control(&error, now);
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

/// Ten minutes of a session with such an exchange: the lost connections, the rejected
/// subscriptions, and the requests.
fn ten_minutes(plan: &[(&str, Answer)]) -> (usize, Vec<Subscription>, Vec<String>) {
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    for (name, _) in plan {
        session.subscribe(sub(name), at(0));
    }
    let (mut lost, mut rejected, mut requests) = (0, vec![], vec![]);
    for now in (0..6000).map(|step| at(step * 100)) {
        session.handle_inbound(now);
        session.handle_timeout(now);
        let mut texts = vec![];
        for action in actions(&mut session) {
            match action {
                Action::Connect => session.handle_connected(now),
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
            lost += usize::from(matches!(event, SessionEvent::Disconnected(_)));
            if let SessionEvent::Rejected { subscription, .. } = event {
                rejected.push(subscription);
            }
        }
    }
    (lost, rejected, requests)
}

#[test]
fn refusals_without_a_name_are_attributed_by_isolation() {
    let (a, b, well) = ("spot/depth5:BAD", "spot/depth5:BAD-2", "spot/depth5:GOOD");
    let plan = [(a, Answer::Refused), (b, Answer::Refused), (well, Answer::Taken)];
    let (lost, rejected, requests) = ten_minutes(&plan);
    // Each by its own silence, and again at growing pauses; the good one is requested twice at
    // most.
    assert_eq!((lost, &rejected[..2]), (0, &[sub(a), sub(b)][..]), "{requests:#?}");
    assert!(requests.iter().filter(|text| text.contains(well)).count() <= 2, "{requests:#?}");
    assert!(requests.len() < 80, "{requests:#?}");
}

#[test]
fn an_unanswered_subscription_is_rejected_and_the_connection_kept() {
    let (a, bad, well) = ("spot/depth5:A", "spot/depth5:BAD", "spot/depth5:GOOD");
    let plan = [(a, Answer::Silence), (bad, Answer::Refused), (well, Answer::Taken)];
    let (lost, rejected, requests) = ten_minutes(&plan);
    assert_eq!((lost, &rejected[..2]), (0, &[sub(a), sub(bad)][..]), "{requests:#?}");
    assert!(requests.iter().filter(|text| text.contains(well)).count() <= 2, "{requests:#?}");
    assert!(requests.len() < 80, "{requests:#?}");
}

#[test]
fn an_unanswered_subscription_is_requested_on_the_next_connection() {
    let (a, b) = ("spot/depth5:A", "spot/depth5:B");
    let mut session = open(Dialect::V3, &[a]);
    session.subscribe(sub(b), at(10));
    let mut reported = vec![];
    for step in 1..42 {
        session.handle_inbound(at(step * 1000));
        session.handle_timeout(at(step * 1000));
        reported.extend(events(&mut session));
    }
    assert!(matches!(reported[..], [SessionEvent::Rejected { code: None, .. }]), "{reported:?}");
    assert_eq!(sent(&mut session).len(), 4);
    session.handle_disconnected(at(41_500));
    let due = session.poll_timeout().unwrap();
    session.handle_timeout(due);
    session.handle_connected(due);
    assert_eq!(sent(&mut session).len(), 2);
    acknowledge(&mut session, a, due);
    acknowledge(&mut session, b, due);
    assert!(session.is_settled());
}
