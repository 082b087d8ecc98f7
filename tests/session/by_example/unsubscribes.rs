//! Unsubscribe requests: which answer is about which, and which are retried.

use super::*;

/// An error of an exchange that is too busy, and one that refuses for good.
const BUSY: Option<i64> = Some(63_999);
const REFUSED: Option<i64> = Some(30_040);

fn error(code: Option<i64>, message: Option<&str>) -> Control<'_> {
    Control { code, message, ..Control::new(ControlKind::Error) }
}

/// Acknowledges the end of a v3 subscription.
fn ended(session: &mut Session, text: &str, now: MonoNanos) {
    let sub = sub(text);
    let control = Control {
        channel: Some(sub.channel().name()),
        inst_id: Some(sub.inst_id().as_str()),
        market: sub.market().map(okx_feed::Market::name),
        ..Control::new(ControlKind::Unsubscribe)
    };
    session.handle_control(&control, now);
}

/// A v3 session that has unsubscribed these, each in a separate request.
fn leaving(names: &[&str]) -> Session {
    let mut session = open(Dialect::V3, &[names, &["spot/trade:STAYS"]].concat());
    for name in names {
        session.unsubscribe(&sub(name), at(10));
        assert_eq!(sent(&mut session), [end(name)]);
    }
    session
}

fn end(name: &str) -> String {
    format!(r#"{{"op":"unsubscribe","args":["{name}"]}}"#)
}

fn ask(name: &str) -> String {
    format!(r#"{{"op":"subscribe","args":["{name}"]}}"#)
}

/// The texts that are sent at `now`.
fn sent_at(session: &mut Session, now: MonoNanos) -> Vec<String> {
    session.handle_inbound(now);
    session.handle_timeout(now);
    sent(session)
}

fn rejected(session: &mut Session) -> Vec<Subscription> {
    let rejected = |event| match event {
        SessionEvent::Rejected { subscription, .. } => Some(subscription),
        _ => None,
    };
    events(session).into_iter().filter_map(rejected).collect()
}

const A: &str = "spot/trade:A";
const B: &str = "spot/trade:B";
const C: &str = "spot/trade:C";

#[test]
fn a_lost_connection_drops_pending_unsubscribes() {
    let mut session = leaving(&[A, B]);
    session.handle_control(&error(BUSY, None), at(20));
    session.handle_disconnected(at(30));
    let now = session.poll_timeout().unwrap();
    session.handle_timeout(now);
    session.handle_connected(now);
    assert_eq!(sent(&mut session), [ask("spot/trade:STAYS")]);
    acknowledge(&mut session, "spot/trade:STAYS", now);
    assert!(session.is_settled());
    assert_eq!(sent_at(&mut session, now + Duration::from_secs(9)), [""; 0]);
    // An error on the next one is about none of them.
    session.subscribe(sub(C), now);
    session.handle_control(&error(REFUSED, Some("Channel spot/trade:C doesn't exist")), now);
    assert_eq!(rejected(&mut session), [sub(C)]);
}

#[test]
fn an_answer_to_one_unsubscribe_keeps_the_pause_of_another() {
    let mut session = leaving(&[A, B]);
    session.handle_control(&error(BUSY, None), at(20));
    ended(&mut session, B, at(30));
    assert_eq!(sent_at(&mut session, at(1_020)), [end(A)]);
}

#[test]
fn refused_unsubscribes_are_each_retried_in_their_own_time() {
    let mut session = leaving(&[A, B]);
    session.handle_control(&error(BUSY, None), at(20));
    assert_eq!(sent_at(&mut session, at(1_020)), [end(A)]);
    // The oldest pending one is the other, and its answer is not late yet.
    session.handle_control(&error(BUSY, None), at(1_030));
    assert_eq!(sent_at(&mut session, at(2_030)), [end(B)]);
    // A second refusal doubles the pause.
    session.handle_control(&error(BUSY, None), at(2_040));
    assert_eq!(sent_at(&mut session, at(4_039)), [""; 0]);
    assert_eq!(sent_at(&mut session, at(4_040)), [end(A)]);
}

#[test]
fn an_error_that_names_an_unsubscribe_is_about_that_one() {
    let mut session = leaving(&[A, B]);
    session.handle_control(&error(BUSY, Some("Channel spot/trade:B is busy")), at(20));
    assert_eq!(sent_at(&mut session, at(1_020)), [end(B)]);
    // So by the request's id.
    let names = ["trades:A", "trades:B", "trades:C"];
    let mut session = open(Dialect::V5, &names);
    names.iter().for_each(|name| session.unsubscribe(&sub(name), at(10)));
    let ids = sent(&mut session);
    assert!(ids[1].starts_with(r#"{"id":"3""#), "{ids:?}");
    session.handle_control(&Control { id: Some("3"), ..error(BUSY, None) }, at(20));
    let again = sent_at(&mut session, at(1_020)).concat();
    assert!(again.contains(r#""B""#) && !again.contains(r#""A""#), "{again}");
}

#[test]
fn an_error_that_names_a_subscribe_is_about_no_unsubscribe() {
    let mut session = leaving(&[A]);
    session.subscribe(sub(B), at(11));
    session.handle_control(&error(REFUSED, Some("Channel spot/trade:B doesn't exist")), at(20));
    assert_eq!(rejected(&mut session), [sub(B)]);
    // Nor is one without a name where the unsubscribe request was sent later.
    let mut session = open(Dialect::V3, &[A]);
    session.subscribe(sub(B), at(10));
    session.unsubscribe(&sub(A), at(11));
    session.handle_control(&error(BUSY, None), at(20));
    sent(&mut session);
    assert_eq!(sent_at(&mut session, at(1_020)), [ask(B)]);
}

#[test]
fn an_answer_does_not_concern_later_unsubscribes() {
    let mut session = open(Dialect::V3, &[A]);
    session.subscribe(sub(B), at(10));
    session.unsubscribe(&sub(A), at(11));
    sent(&mut session);
    acknowledge(&mut session, B, at(20));
    session.handle_control(&error(BUSY, None), at(30));
    assert_eq!(sent_at(&mut session, at(1_030)), [end(A)]);
}

#[test]
fn a_paused_subscription_is_not_unsubscribed_before_it_is_requested() {
    let mut session = open(Dialect::V3, &[A]);
    session.subscribe(sub(B), at(10));
    session.handle_control(&error(BUSY, None), at(20));
    sent(&mut session);
    session.resubscribe(&sub(B), at(30));
    assert_eq!(sent(&mut session), [ask(B)]);
}

#[test]
fn requests_refused_by_a_busy_exchange_each_keep_their_own_pause() {
    let mut session = open(Dialect::V3, &[A]);
    session.subscribe(sub(B), at(10));
    session.subscribe(sub(C), at(11));
    sent(&mut session);
    // Each by its name: the other is still pending.
    session.handle_control(&error(BUSY, Some("Channel spot/trade:B is busy")), at(20));
    session.handle_control(&error(BUSY, Some("Channel spot/trade:C is busy")), at(520));
    assert_eq!(sent_at(&mut session, at(1_020)), [ask(B)]);
    assert_eq!(sent_at(&mut session, at(1_520)), [ask(C)]);
}

/// After a rename the exchange goes on with a book until it is unsubscribed by the new id.
#[test]
fn a_renamed_book_is_ended_by_its_new_id() {
    let (old, new) = (sub("books:XAUT-USDT-SWAP"), sub("books:XAU-USDT-SWAP"));
    let request = |op: &str, id: u32, inst: &str| {
        format!(r#"{{"id":"{id}","op":"{op}","args":[{{"channel":"books","instId":"{inst}"}}]}}"#)
    };
    let mut session = open(Dialect::V5, &["books:XAUT-USDT-SWAP", "trades:XAUT-USDT-SWAP"]);
    // Not ended yet.
    session.handle_rename(&old, new, at(5));
    assert_eq!(sent(&mut session), [""; 0]);
    session.unsubscribe(&old, at(10));
    assert_eq!(sent(&mut session), [request("unsubscribe", 2, "XAUT-USDT-SWAP")]);
    session.handle_rename(&old, new, at(20));
    assert_eq!(sent(&mut session), [request("unsubscribe", 3, "XAU-USDT-SWAP")]);
    session.handle_rename(&old, new, at(21));
    assert_eq!(sent(&mut session), [""; 0], "once");
    // Where the new one is wanted too, it is requested behind that.
    let mut session = open(Dialect::V5, &["books:XAUT-USDT-SWAP"]);
    session.unsubscribe(&old, at(10));
    session.subscribe(new, at(11));
    sent(&mut session);
    session.handle_rename(&old, new, at(20));
    assert_eq!(
        sent(&mut session),
        [request("unsubscribe", 4, "XAU-USDT-SWAP"), request("subscribe", 5, "XAU-USDT-SWAP")]
    );
    // The codes of SBE stay.
    session.handle_disconnected(at(30));
    session.handle_rename(&old, new, at(31));
    assert_eq!(sent(&mut session), [""; 0]);
}
