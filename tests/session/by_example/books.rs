//! Order books that break are resynchronised, at pauses and within the quota.

use super::*;

#[test]
fn a_resubscribe_unsubscribes_first() {
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
fn a_book_that_breaks_repeatedly_is_resynchronised_at_growing_pauses() {
    let (a, b) = (sub("books:A"), sub("books:B"));
    let mut session = open(Dialect::V5, &["books:A", "books:B"]);
    session.handle_live(&a, at(10));
    session.handle_live(&b, at(10));
    let mut now = at(100);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        session.handle_inbound(now);
        session.resync(&a, now);
        session.resync(&a, now);
        let mut texts = sent(&mut session);
        let broken = now;
        while texts.is_empty() {
            now = session.poll_timeout().unwrap();
            session.handle_inbound(now);
            session.handle_timeout(now);
            texts = sent(&mut session);
        }
        pauses.push(now.since(broken).as_secs());
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("unsubscribe") && texts[1].contains(r#""op":"subscribe""#));
        assert!(texts.iter().all(|text| text.contains(r#""A""#) && !text.contains(r#""B""#)));
        acknowledge(&mut session, "books:A", now);
        session.handle_live(&a, now);
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(session.stats().resyncs, 9);
    // After a minute without a fault it is resynchronised at once again. Another book always was.
    session.resync(&b, now);
    assert_eq!(sent(&mut session).len(), 2);
    let now = now + Duration::from_secs(60);
    session.resync(&a, now);
    assert_eq!(sent(&mut session).len(), 2);
}

#[test]
fn resynchronisation_leaves_a_quarter_of_the_requests_to_others() {
    let config = SessionConfig { requests_per_hour: 16, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    let books: Vec<_> = (0..20).map(|n| sub(&format!("books:C{n}"))).collect();
    for book in &books {
        session.subscribe(*book, at(0));
    }
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    for book in &books {
        acknowledge(&mut session, &book.to_string(), at(1));
        session.handle_live(book, at(1));
    }
    actions(&mut session);
    let mut requests = 1;
    for book in &books {
        session.resync(book, at(2));
        requests += sent(&mut session).len();
    }
    assert!((12..=13).contains(&requests), "{requests}");
    // Two requests a book: those that were requested again are answered, the others wait.
    for book in books.iter().take((requests - 1) / 2) {
        acknowledge(&mut session, &book.to_string(), at(3));
        session.handle_live(book, at(3));
    }
    // All waiting books are requested together when the hour's budget has room again.
    let due = at(3_600_002);
    session.handle_inbound(at(3_599_999));
    assert_eq!(session.poll_timeout(), Some(due));
    session.subscribe(sub("trades:X"), at(3_599_999));
    assert_eq!(sent(&mut session).len(), 1);
    session.handle_timeout(due);
    let later = sent(&mut session);
    assert_eq!(later.len(), 2);
    assert!(later[1].contains("C19"));
}

#[test]
fn a_missing_snapshot_is_requested_again_and_data_replaces_an_acknowledgement() {
    let mut session = open(Dialect::V5, &["books:A", "books5:A"]);
    session.handle_inbound(at(10_001));
    session.handle_timeout(at(10_002));
    let texts = sent(&mut session);
    assert!(texts.len() == 2 && texts.iter().all(|text| !text.contains("books5")), "{texts:?}");
    assert_eq!(session.stats().late_snapshots, 1);
    // The acknowledgement is lost; the book proves that the subscription is active.
    session.handle_live(&sub("books:A"), at(10_100));
    assert_eq!(events(&mut session), [SessionEvent::Subscribed(sub("books:A"))]);
    session.handle_inbound(at(30_000));
    session.handle_timeout(at(30_100));
    assert_eq!(actions(&mut session), []);
}

/// Processes a message as the client does.
fn frame(session: &mut Session, feed: &mut FeedHandler, text: &str, now: MonoNanos) {
    session.handle_inbound(now);
    let pass = &mut |event: &Event<'_>| match event {
        Event::Control(control) => session.handle_control(control, now),
        Event::State(change) if change.to == BookState::Live => {
            session.handle_live(change.subscription, now);
        }
        Event::DepthBook(change) => session.handle_depth(change, now),
        _ => {}
    };
    feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(now.0), pass).unwrap();
}

#[test]
fn a_resubscribed_live_book_is_healthy_with_its_snapshot() {
    let snapshot = r#"{"arg":{"channel":"books","instId":"A"},"action":"snapshot","data":[{
        "asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1654032991947","checksum":0,
        "prevSeqId":-1,"seqId":5}]}"#;
    let books = sub("books:A");
    let mut session = open(Dialect::V5, &["books:A"]);
    let mut feed = FeedHandler::new(Dialect::V5);
    feed.subscribe(books).unwrap();
    frame(&mut session, &mut feed, snapshot, at(10));
    assert_eq!(feed.slots().get(&books).unwrap().state(), BookState::Live);
    session.resubscribe(&books, at(20));
    assert_eq!(sent(&mut session).len(), 2);
    // The book stays live, so that no change of state reports the snapshot.
    acknowledge(&mut session, "books:A", at(30));
    frame(&mut session, &mut feed, snapshot, at(40));
    for step in 1..=60 {
        session.handle_inbound(at(step * 1000));
        session.handle_timeout(at(step * 1000));
    }
    assert_eq!(sent(&mut session), Vec::<String>::new());
    assert_eq!(session.stats().late_snapshots, 0);
}

#[test]
fn an_unsubscribe_cancelled_before_it_is_sent_changes_nothing() {
    let config = SessionConfig { requests_per_hour: 2, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    let names = ["books5:A", "books5:B", "books5:C"];
    names.iter().for_each(|name| session.subscribe(sub(name), at(0)));
    session.handle_timeout(at(0));
    session.handle_connected(at(1));
    names.iter().for_each(|name| acknowledge(&mut session, name, at(2)));
    first_pushes(&mut session, &names, at(2));
    session.unsubscribe(&sub("books5:C"), at(10));
    assert_eq!(sent(&mut session).len(), 2);
    // The hour's requests are used up, so this waits.
    session.unsubscribe(&sub("books5:A"), at(20));
    session.unsubscribe(&sub("books5:B"), at(20));
    session.subscribe(sub("books5:A"), at(30));
    session.handle_live(&sub("books5:A"), at(31));
    assert_eq!(sent(&mut session), [""; 0]);
    let mut given_up = Vec::new();
    let mut now = at(30);
    while given_up.is_empty() && now < at(2 * 3_600_000) {
        now = session.poll_timeout().unwrap();
        session.handle_inbound(now);
        session.handle_timeout(now);
        given_up = sent(&mut session);
        given_up.retain(|text| text.contains(r#""op":"unsubscribe""#));
    }
    assert_eq!(given_up.len(), 1);
    assert!(given_up[0].contains(r#""B""#) && !given_up[0].contains(r#""A""#), "{given_up:?}");
}
