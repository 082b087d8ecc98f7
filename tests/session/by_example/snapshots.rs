//! When a snapshot of an order book in SBE is requested, and which answers are used.

use std::sync::Arc;

use okx_feed_testkit::sbe_encode::{self, Decimals};

use super::*;

const BOOK: &str = "books-l2-tbt:BTC-USDT";
const CODE: i64 = 3;
const OF: Decimals = Decimals { px: 1, sz: 2 };

/// A session and a feed of one book in SBE.
struct Rig {
    session: Session,
    feed: FeedHandler,
}

impl Rig {
    fn new() -> Self {
        let codes = Arc::new([(CODE, "BTC-USDT".parse().unwrap())].into_iter().collect());
        let config =
            SessionConfig { sbe: Some(Arc::clone(&codes)), ..SessionConfig::new(Dialect::V5) };
        let mut session = Session::new(config, 7);
        session.subscribe(sub(BOOK), at(0));
        session.handle_timeout(at(0));
        session.handle_connected(at(1));
        acknowledge(&mut session, BOOK, at(2));
        actions(&mut session);
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.set_sbe(codes);
        feed.subscribe(sub(BOOK)).unwrap();
        Self { session, feed }
    }

    /// An update without levels arrives.
    fn update(&mut self, prev_seq: i64, seq: i64, millis: u64) {
        let numbers = [prev_seq, seq];
        self.frame(&sbe_encode::update(CODE, UnixNanos(1), numbers, [&[], &[]], OF), millis);
    }

    fn snapshot(&mut self, seq: i64, millis: u64) {
        self.frame(&sbe_encode::snapshot(CODE, UnixNanos(1), seq, [&[], &[]], OF), millis);
    }

    fn frame(&mut self, bytes: &[u8], millis: u64) {
        let Self { session, feed } = self;
        let now = at(millis);
        session.handle_inbound(now);
        let mut sink = |event: &Event<'_>| match event {
            Event::State(change) if change.to == BookState::Resyncing => {
                session.resync(change.subscription, now);
            }
            Event::State(change) if change.to == BookState::Live => {
                session.handle_live(change.subscription, now);
            }
            Event::DepthBook(change) => session.handle_depth(change, now),
            _ => {}
        };
        feed.on_frame(Frame::Binary(bytes), UnixNanos(now.0 + 1), &mut sink).unwrap();
    }

    /// Gives the session's events to the feed, as the client does.
    fn handle_session_events(&mut self, millis: u64) {
        for event in events(&mut self.session) {
            if let SessionEvent::ChainBegins(subscription) = event {
                let wall = UnixNanos(at(millis).0 + 1);
                self.feed.begin_chain(&subscription, wall, &mut |_: &Event<'_>| {});
            }
        }
    }

    fn state(&self) -> BookState {
        self.feed.slots().get(&sub(BOOK)).unwrap().state()
    }

    /// The numbers of the requests until a time.
    fn requested(&mut self, until: u64) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= at(until)) {
            self.session.handle_timeout(due);
            found.extend(actions(&mut self.session).iter().filter_map(|action| match action {
                Action::RequestSnapshot { id, .. } => Some((due.0 / 1_000_000, *id)),
                _ => None,
            }));
        }
        found
    }

    fn is_live(&self) -> bool {
        self.feed.depth(&sub(BOOK)).unwrap().live().is_some()
    }
}

#[test]
fn a_snapshot_is_requested_when_none_can_be_older_than_the_updates() {
    let mut rig = Rig::new();
    rig.update(10, 11, 900);
    assert_eq!(rig.requested(1_899), []);
    let requests = rig.requested(1_900);
    assert_eq!(requests, [(1_900, 1)]);
    assert!(rig.session.accepts_snapshot(&sub(BOOK), 1));
    rig.snapshot(11, 1_950);
    assert!(rig.is_live());
    // A live book needs none.
    assert_eq!(rig.requested(9_000), []);
    // A gap: the chain begins with the update that shows it.
    rig.update(15, 16, 9_100);
    assert!(!rig.is_live());
    assert_eq!(rig.requested(10_200).first(), Some(&(10_100, 2)));
}

/// A cached snapshot may have a number of before a reset, which occurs again after it.
#[test]
fn an_answer_from_before_a_gap_or_a_reset_is_not_used() {
    for (prev, seq) in [(11, 3), (13, 14)] {
        let mut rig = Rig::new();
        rig.update(10, 11, 100);
        assert_eq!(rig.requested(1_100), [(1_100, 1)]);
        rig.update(prev, seq, 1_200);
        assert!(!rig.session.accepts_snapshot(&sub(BOOK), 1), "{prev} to {seq}");
        assert_eq!(rig.requested(2_199), []);
        let later = rig.requested(5_000);
        let (when, id) = later[0];
        assert!(when >= 2_200 && id == 2, "{later:?}");
        assert!(rig.session.accepts_snapshot(&sub(BOOK), id));
        rig.snapshot(seq, 5_001);
        assert!(rig.is_live());
    }
}

/// An answer may fail, or be lost.
#[test]
fn a_snapshot_that_does_not_come_is_requested_again() {
    let mut rig = Rig::new();
    rig.update(10, 11, 100);
    let requests = rig.requested(20_000);
    let pauses: Vec<_> = requests.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(
        pauses.len() >= 4 && pauses.iter().all(|ms| (1_000..=4_000).contains(ms)),
        "{pauses:?}"
    );
    // Ten in ten seconds are allowed; the last and the first may both be used.
    assert!(requests.iter().all(|(_, id)| rig.session.accepts_snapshot(&sub(BOOK), *id)));
}

/// The exchange may have reset its numbers while the channel was silent, and the first update after
/// that may name the very number that came last.
#[test]
fn a_resubscription_begins_another_chain() {
    let mut rig = Rig::new();
    rig.update(10, 11, 100);
    assert_eq!(rig.requested(1_100), [(1_100, 1)]);
    rig.snapshot(11, 1_200);
    assert!(rig.is_live());
    rig.session.resubscribe(&sub(BOOK), at(9_000));
    rig.handle_session_events(9_000);
    assert_eq!(rig.state(), BookState::AwaitingSnapshot);
    // Whether it is of the old subscription or of the new one, whose acknowledgement may be lost.
    rig.update(11, 12, 9_010);
    assert!(!rig.is_live() && !rig.session.accepts_snapshot(&sub(BOOK), 1));
    acknowledge(&mut rig.session, BOOK, at(9_020));
    rig.handle_session_events(9_020);
    // So the update before the acknowledgement is not one of the chain.
    rig.update(12, 13, 9_500);
    let requests = rig.requested(11_000);
    assert_eq!(requests.first(), Some(&(10_500, 2)), "{requests:?}");
    assert!(!rig.is_live());
    rig.snapshot(13, 10_600);
    assert!(rig.is_live());
}
