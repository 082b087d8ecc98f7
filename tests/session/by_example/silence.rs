//! Detection of silence: of one channel, of all, of one of two lines, after a sleep.

use okx_feed::feed::{LastUpdate, StaleLimits, Watchdog};

use super::*;

const BOOKS: &str = "books5:A";
const OTHER: &str = "bbo-tbt:A";
const TRADES: &str = "trades:A";

/// The wall clock when the monotonic one shows 0.
const START: u64 = 1_790_000_000_000_000_000;

/// A connection whose exchange pushes what the test says, with pongs that never fail.
struct Rig {
    session: Session,
    feed: FeedHandler,
    watchdog: Watchdog,
    now: MonoNanos,
    /// How far the wall clock is ahead of the monotonic one beyond `START`.
    wall: Duration,
    /// How far the exchange's clock is behind ours.
    behind: Duration,
    /// The state of another line, if there is one.
    other: Option<FeedHandler>,
    /// The number of pings without a pong.
    lost_pongs: u32,
    seq: u64,
    states: Vec<(u64, String, BookState)>,
    requests: Vec<(u64, String)>,
    lost: Vec<(u64, LostReason)>,
}

/// A message of a channel, with its content derived from a number.
fn message(name: &str, seq: u64, wall: UnixNanos) -> String {
    let (name, ts) = (sub(name), wall.0 / 1_000_000);
    let (channel, id) = (name.channel().name(), name.inst_id());
    let data = match channel {
        "trades" => format!(
            r#"{{"instId":"{id}","tradeId":"{seq}","px":"1","sz":"1","side":"buy","ts":"{ts}"}}"#
        ),
        _ => format!(
            r#"{{"asks":[["2","{seq}","0","1"]],"bids":[["1","1","0","1"]],"ts":"{ts}","seqId":{seq}}}"#
        ),
    };
    format!(r#"{{"arg":{{"channel":"{channel}","instId":"{id}"}},"data":[{data}]}}"#)
}

impl Rig {
    /// A connection that is open, with everything acknowledged and received.
    fn new(names: &[&str]) -> Self {
        let mut rig = Self {
            session: Session::new(SessionConfig::new(Dialect::V5), 7),
            feed: FeedHandler::new(Dialect::V5),
            watchdog: Watchdog::new(StaleLimits::default(), Duration::from_secs(5)),
            now: MonoNanos::ZERO,
            wall: Duration::ZERO,
            behind: Duration::ZERO,
            other: None,
            lost_pongs: 0,
            seq: 0,
            states: Vec::new(),
            requests: Vec::new(),
            lost: Vec::new(),
        };
        for name in names {
            rig.feed.subscribe(sub(name)).unwrap();
            rig.session.subscribe(sub(name), MonoNanos::ZERO);
        }
        rig.session.handle_timeout(MonoNanos::ZERO);
        rig.session.handle_connected(MonoNanos::ZERO);
        rig.act();
        for name in names {
            acknowledge(&mut rig.session, name, MonoNanos::ZERO);
            rig.push(name);
        }
        (rig.states, rig.requests) = (Vec::new(), Vec::new());
        rig
    }

    /// Reconnects after a loss, and acknowledges everything.
    fn connect_again(&mut self, names: &[&str]) {
        let wall = self.wall_now();
        self.feed.set_all_states(BookState::Connecting, wall, &mut |_: &Event<'_>| {});
        // The session may be connecting already.
        self.session.handle_connected(self.now);
        if !self.session.is_open() {
            self.now = self.now.max(self.session.poll_timeout().unwrap());
            self.session.handle_timeout(self.now);
            self.session.handle_connected(self.now);
        }
        self.act();
        for name in names {
            acknowledge(&mut self.session, name, self.now);
            let state = BookState::AwaitingSnapshot;
            self.feed.set_state(&sub(name), state, wall, &mut |_: &Event<'_>| {});
        }
    }

    fn secs(&self) -> u64 {
        self.now.since(MonoNanos::ZERO).as_secs()
    }

    fn wall_now(&self) -> UnixNanos {
        UnixNanos(START + self.now.0 + u64::try_from(self.wall.as_nanos()).unwrap())
    }

    fn push(&mut self, name: &str) {
        self.seq += 1;
        let behind = u64::try_from(self.behind.as_nanos()).unwrap();
        self.text(&message(name, self.seq, UnixNanos(self.wall_now().0 - behind)));
    }

    /// The other line receives something, which is new where `seq` is.
    fn push_to_other(&mut self, name: &str, seq: u64) {
        let wall = UnixNanos(self.wall_now().0 + 1);
        let text = message(name, seq, wall);
        let other = self.other.get_or_insert_with(|| {
            let mut feed = FeedHandler::new(Dialect::V5);
            [BOOKS, OTHER, TRADES].iter().for_each(|name| feed.subscribe(sub(name)).unwrap());
            feed
        });
        other.on_frame(Frame::Text(text.as_bytes()), wall, &mut |_: &Event<'_>| {}).unwrap();
    }

    fn text(&mut self, text: &str) {
        self.session.handle_inbound(self.now);
        let (now, wall, secs) = (self.now, self.wall_now(), self.secs());
        let Self { session, states, feed, .. } = self;
        let sink = &mut |event: &Event<'_>| match event {
            Event::Control(control) => session.handle_control(control, now),
            Event::State(change) => {
                states.push((secs, change.subscription.to_string(), change.to));
                if change.to == BookState::Live {
                    session.handle_live(change.subscription, now);
                }
            }
            _ => {}
        };
        feed.on_frame(Frame::Text(text.as_bytes()), wall, sink).unwrap();
    }

    fn act(&mut self) {
        for action in actions(&mut self.session) {
            match action {
                Action::Send(text) if text == "ping" && self.lost_pongs > 0 => self.lost_pongs -= 1,
                Action::Send(text) if text == "ping" => self.text("pong"),
                Action::Send(text) => self.requests.push((self.secs(), text)),
                _ => {}
            }
        }
        for event in events(&mut self.session) {
            if let SessionEvent::Lost(reason) = event {
                self.lost.push((self.secs(), reason));
            }
        }
    }

    /// Advances time in steps of a tenth of a second, with a check a second. What is `alive` sends
    /// something each step; what is subscribed again is acknowledged and pushed where `answers`.
    fn run(&mut self, secs: u64, alive: &[&str], answers: bool) {
        for step in 1..=secs * 10 {
            self.now = self.now + Duration::from_millis(100);
            alive.iter().for_each(|name| self.push(name));
            self.session.handle_timeout(self.now);
            if step % 10 == 0 {
                self.check();
            }
            let sent = self.requests.len();
            self.act();
            for (_, text) in self.requests.split_off(sent) {
                let names = [BOOKS, OTHER, TRADES].into_iter();
                let asked = names.filter(|name| {
                    let channel = name.split(':').next().unwrap();
                    text.contains(r#""subscribe""#) && text.contains(&format!("{channel:?}"))
                });
                for name in asked {
                    acknowledge(&mut self.session, name, self.now);
                    if answers {
                        self.push(name);
                    }
                }
                self.requests.push((self.secs(), text));
            }
        }
    }

    fn check(&mut self) {
        let (now, wall, secs) = (self.now, self.wall_now(), self.secs());
        let Self { session, states, feed, watchdog, other, .. } = self;
        let others = |s: &Subscription| other.as_ref()?.slots().get(s).map(LastUpdate::of);
        let sink = &mut |event: &Event<'_>| {
            if let Event::State(change) = event {
                states.push((secs, change.subscription.to_string(), change.to));
            }
        };
        watchdog.check(feed, session, (now, wall), others, sink);
    }

    fn state(&self, name: &str) -> BookState {
        self.feed.slots().get(&sub(name)).unwrap().state()
    }

    /// The seconds at which a subscription was requested again.
    fn asked(&self, name: &str) -> Vec<u64> {
        let channel = format!("{:?}", name.split(':').next().unwrap());
        let asks = |text: &str| text.contains(r#""op":"subscribe""#) && text.contains(&channel);
        self.requests.iter().filter(|(_, text)| asks(text)).map(|(at, _)| *at).collect()
    }
}

#[test]
fn a_silent_channel_is_stale_at_its_limit_and_resynchronised_within_5_s() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    rig.run(64, &[OTHER], true);
    assert_eq!((rig.state(BOOKS), rig.asked(BOOKS)), (BookState::Live, vec![]));
    rig.run(10, &[OTHER], true);
    let stale = rig.states.iter().find(|(_, _, to)| *to == BookState::Stale).unwrap();
    assert!((65..=66).contains(&stale.0) && stale.1 == BOOKS, "{stale:?}");
    let asked = rig.asked(BOOKS);
    assert!(asked.len() == 1 && (67..=70).contains(&asked[0]), "{asked:?}");
    assert_eq!(rig.state(BOOKS), BookState::Live);
    // There may be no trades, and the other channel was healthy.
    assert_eq!((rig.asked(TRADES), rig.asked(OTHER), &rig.lost[..]), (vec![], vec![], &[][..]));
    assert_eq!(rig.session.stats().silences, 1);
}

#[test]
fn a_channel_that_stays_silent_is_resynchronised_at_growing_pauses() {
    let mut rig = Rig::new(&[BOOKS, OTHER]);
    rig.run(600, &[OTHER], false);
    let asked = rig.asked(BOOKS);
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.is_sorted() && pauses.len() > 5 && pauses.len() < 15, "{pauses:?}");
    assert_eq!(rig.state(BOOKS), BookState::Stale);
    assert!(rig.lost.is_empty());
}

/// Whatever the cause: the session takes it for whole, and the feed waits for a book.
#[test]
fn a_book_without_a_snapshot_is_requested_again() {
    for state in [BookState::AwaitingSnapshot, BookState::Resyncing, BookState::Stale] {
        let mut rig = Rig::new(&[BOOKS, OTHER]);
        rig.run(1, &[BOOKS, OTHER], true);
        let wall = rig.wall_now();
        rig.feed.set_state(&sub(BOOKS), state, wall, &mut |_: &Event<'_>| {});
        rig.run(5, &[OTHER], true);
        assert_eq!((rig.asked(BOOKS).len(), rig.state(BOOKS)), (1, BookState::Live), "{state}");
    }
}

#[test]
fn a_connection_whose_channels_are_all_silent_is_replaced() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    rig.run(75, &[], true);
    assert!(rig.asked(BOOKS).is_empty());
    let [(at, LostReason::Silent), ..] = rig.lost[..] else { panic!("{:?}", rig.lost) };
    assert!((67..=70).contains(&at), "{at}");
}

/// A book without data, for example before a listing, beside trades that flow.
#[test]
fn a_connection_with_trades_alone_is_replaced_at_growing_pauses() {
    let mut rig = Rig::new(&[BOOKS, TRADES]);
    let mut replaced = Vec::new();
    for _ in 0..3_600 {
        if !rig.session.is_open() {
            replaced.push(rig.secs());
            rig.connect_again(&[BOOKS, TRADES]);
        }
        rig.run(1, &[TRADES], false);
    }
    let pauses: Vec<_> = replaced.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(replaced[0] <= 70 && pauses.is_sorted() && pauses.len() >= 4, "{replaced:?}");
    assert!(pauses[0] >= 60 && pauses.iter().all(|pause| *pause <= 930), "{replaced:?}");
    // Meanwhile the book is subscribed again.
    assert!(rig.asked(BOOKS).len() > 50);
}

#[test]
fn silence_of_trades_means_nothing() {
    let mut rig = Rig::new(&[TRADES]);
    rig.run(600, &[], true);
    assert_eq!((&rig.requests[..], &rig.lost[..]), (&[][..], &[][..]));
    assert_eq!(rig.state(TRADES), BookState::Live);
}

#[test]
fn a_missing_first_push_is_requested_again_then_the_connection_is_replaced() {
    for name in [BOOKS, OTHER, TRADES] {
        let mut rig = Rig::new(&[name]);
        rig.session.resubscribe(&sub(name), rig.now);
        let now = rig.now;
        rig.act();
        acknowledge(&mut rig.session, name, now);
        rig.run(8, &[], false);
        assert_eq!(rig.asked(name).len(), 1, "{name}");
        rig.run(4, &[], false);
        assert_eq!(rig.asked(name).len(), 2, "{name}");
        rig.run(12, &[], false);
        let replaced = matches!(rig.lost[..], [(20..=25, LostReason::Silent)]);
        // A pair without any trade is no fault of the connection.
        assert_eq!(replaced, name != TRADES, "{name}: {:?}", rig.lost);
    }
}

#[test]
fn new_data_on_another_line_proves_the_silence() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    let other = |rig: &mut Rig, secs: u64, alive: &[&str]| {
        for _ in 0..secs {
            let seq = rig.seq + 1_000;
            [BOOKS, OTHER, TRADES].iter().for_each(|name| rig.push_to_other(name, seq));
            rig.run(1, alive, true);
        }
    };
    // This line is only a moment behind the other: it moves on each time.
    other(&mut rig, 30, &[BOOKS, OTHER, TRADES]);
    assert_eq!((&rig.requests[..], &rig.lost[..]), (&[][..], &[][..]));
    // It sends no more trades, though the other does.
    other(&mut rig, 7, &[BOOKS, OTHER]);
    assert_eq!(rig.asked(TRADES).len(), 1);
    assert!(rig.states.contains(&(36, TRADES.to_owned(), BookState::Stale)), "{:?}", rig.states);
    assert!(rig.lost.is_empty());
    // It sends nothing at all.
    other(&mut rig, 8, &[]);
    assert!(matches!(rig.lost[..], [(_, LostReason::Silent)]), "{:?}", rig.lost);
}

/// The line receives something once each time that it subscribes again, and then nothing more.
#[test]
fn a_line_that_lacks_a_channel_is_replaced_at_growing_pauses() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    let mut replaced = Vec::new();
    for _ in 0..600 {
        let seq = rig.seq + 1_000;
        [BOOKS, OTHER, TRADES].iter().for_each(|name| rig.push_to_other(name, seq));
        if !rig.session.is_open() {
            replaced.push(rig.secs());
            rig.connect_again(&[BOOKS, OTHER, TRADES]);
        }
        rig.run(1, &[BOOKS, OTHER], true);
    }
    let pauses: Vec<_> = replaced.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((30..=45).contains(&replaced[0]) && pauses.is_sorted(), "{replaced:?}");
    assert!((2..=5).contains(&pauses.len()) && pauses[0] >= 60, "{replaced:?}");
}

/// Lines that take turns at subscribing again would else do so for ever: each has then received
/// something later than the other.
#[test]
fn repeated_data_on_another_line_proves_nothing() {
    let mut rig = Rig::new(&[BOOKS, OTHER, TRADES]);
    let seq = rig.seq;
    for secs in 0..30 {
        // A line that subscribes again receives the last trade, or the current book, once more.
        [seq - 2, seq - 1, seq].iter().zip([BOOKS, OTHER, TRADES]).for_each(|(seq, name)| {
            rig.push_to_other(name, *seq);
        });
        rig.run(1, &[], true);
        assert_eq!((&rig.requests[..], &rig.lost[..]), (&[][..], &[][..]), "after {secs} s");
    }
}

#[test]
fn after_suspend_all_books_are_stale_and_a_ping_is_sent_at_once() {
    for stopped in [false, true] {
        let mut rig = Rig::new(&[BOOKS, TRADES]);
        rig.run(30, &[BOOKS, TRADES], true);
        let pings = rig.session.stats().pings;
        let two_hours = Duration::from_secs(7_200);
        match stopped {
            // A machine that sleeps stops its monotonic clock, a stopped process does not.
            false => rig.wall = two_hours,
            true => rig.now = rig.now + two_hours,
        }
        rig.check();
        assert_eq!(rig.state(BOOKS), BookState::Stale, "{stopped}");
        assert_eq!(rig.state(TRADES), BookState::Stale, "{stopped}");
        assert_eq!(rig.session.stats().pings, pings + 1, "{stopped}");
        assert_eq!(actions(&mut rig.session), [Action::Send("ping".to_owned())], "{stopped}");
        // Nothing answers: a new connection within two seconds.
        let due = rig.session.poll_timeout().unwrap();
        assert!(due.since(rig.now) <= Duration::from_secs(2), "{stopped}");
        rig.session.handle_timeout(due);
        assert_eq!(actions(&mut rig.session), [Action::Close], "{stopped}");
        // A connection that still answers has lost nothing: all is subscribed again, in one
        // request.
        let mut rig = Rig::new(&[BOOKS, TRADES]);
        rig.run(30, &[BOOKS, TRADES], true);
        match stopped {
            false => rig.wall = two_hours,
            true => rig.now = rig.now + two_hours,
        }
        rig.run(8, &[], true);
        let states = [rig.state(BOOKS), rig.state(TRADES)];
        assert_eq!((states, &rig.lost[..]), ([BookState::Live; 2], &[][..]), "{stopped}");
        let subscribes = rig.requests.iter().filter(|(_, text)| text.contains(r#""subscribe""#));
        assert_eq!(subscribes.count(), 1, "{:?}", rig.requests);
        // A clock that runs backwards is no sleep.
        let mut rig = Rig::new(&[BOOKS]);
        rig.wall = Duration::from_secs(60);
        rig.check();
        rig.wall = Duration::ZERO;
        rig.run(1, &[BOOKS], true);
        assert_eq!(rig.state(BOOKS), BookState::Live);
    }
}

/// Data continues after suspend, but without a pong it is unknown whether it was delayed.
#[test]
fn a_missing_pong_after_suspend_does_not_leave_all_books_stale() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.run(5, &[BOOKS], true);
    (rig.wall, rig.behind) = (Duration::from_secs(60), Duration::from_secs(60));
    rig.lost_pongs = 1;
    rig.check();
    rig.run(9, &[BOOKS], true);
    assert_eq!((rig.state(BOOKS), &rig.lost[..]), (BookState::Stale, &[][..]));
    rig.run(2, &[BOOKS], true);
    assert!(matches!(rig.lost[..], [(14..=16, LostReason::PongTimeout)]), "{:?}", rig.lost);
    // Data on the next connection is checked by itself, even without a pong.
    rig.lost_pongs = u32::MAX;
    rig.connect_again(&[BOOKS]);
    rig.run(60, &[BOOKS], true);
    assert_eq!((rig.state(BOOKS), rig.lost.len()), (BookState::Live, 1), "{:?}", rig.lost);
}

#[test]
fn a_dead_link_under_80_frames_a_second_is_replaced_within_4_s() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut session = open(Dialect::V5, &["books5:A"]);
        let mut now = at(2);
        for _ in 0..80 * 20 {
            // Uneven: from none to twice the usual gap.
            now = now + Duration::from_micros(random.u64(0..25_000));
            session.handle_timeout(now);
            session.handle_inbound(now);
            session.handle_live(&sub("books5:A"), now);
        }
        assert_eq!(sent(&mut session), [""; 0], "{seed}");
        let died = now;
        while session.is_open() {
            now = session.poll_timeout().unwrap();
            session.handle_timeout(now);
        }
        assert!(now.since(died) <= Duration::from_secs(4), "{seed}: {:?}", now.since(died));
        assert_eq!(session.stats().probes, 1);
        assert!(events(&mut session).contains(&SessionEvent::Lost(LostReason::PongTimeout)));
    }
}

#[test]
fn a_quiet_feed_is_probed_rarely() {
    // A frame every five seconds.
    let mut session = open(Dialect::V5, &["books5:A"]);
    for second in 0..120 {
        session.handle_timeout(at(second * 5_000 + 2));
        session.handle_inbound(at(second * 5_000 + 2));
    }
    assert_eq!(session.stats().pings, 0);
    // Eighty a second, then a market that pauses for an hour, with immediate pongs.
    let mut session = open(Dialect::V5, &["books5:A"]);
    for frame in 0..8_000 {
        session.handle_inbound(at(2 + frame * 25 / 2));
    }
    let mut now = at(100_002);
    let end = now + Duration::from_secs(3_600);
    while now < end {
        now = session.poll_timeout().unwrap();
        session.handle_timeout(now);
        if sent(&mut session) == ["ping"] {
            session.handle_inbound(now);
            session.handle_control(&Control::new(ControlKind::Pong), now);
        }
    }
    // Every twenty seconds would be 180.
    let pings = session.stats().pings;
    assert!((180..200).contains(&pings), "{pings}");
    assert_eq!(session.round_trip(), Some(Duration::ZERO));
}

#[test]
fn pings_of_a_middlebox_do_not_prove_that_the_exchange_is_alive() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let mut now = at(2);
    while session.is_open() && now < at(300_000) {
        now = now + Duration::from_secs(1);
        session.handle_ping(now);
        session.handle_timeout(now);
    }
    // Twenty seconds to the text ping, ten more for its answer.
    assert!(now <= at(31_002), "{now:?}");
    assert!(events(&mut session).contains(&SessionEvent::Lost(LostReason::PongTimeout)));
}

#[test]
fn a_resync_is_not_delayed_by_others() {
    let mut session = open(Dialect::V5, &["books:A"]);
    session.handle_live(&sub("books:A"), at(5));
    session.subscribe(sub("books5:NEVER"), at(10));
    sent(&mut session);
    // It is requested in isolation from ten seconds on.
    session.handle_inbound(at(10_010));
    session.handle_timeout(at(10_010));
    assert_eq!(sent(&mut session).len(), 1);
    session.resync(&sub("books:A"), at(10_020));
    assert_eq!(sent(&mut session).len(), 2);
}

#[test]
fn acknowledgements_of_own_requests_are_no_flood() {
    let names: Vec<_> = (0..3_000).map(|n| sub(&format!("books5:C{n}-USDT"))).collect();
    let config = SessionConfig { controls_per_sec: 1_000, ..SessionConfig::new(Dialect::V5) };
    let mut session = Session::new(config, 1);
    session.subscribe_all(names.iter().copied(), at(0));
    session.handle_timeout(at(0));
    session.handle_connected(at(0));
    names.iter().for_each(|name| acknowledge(&mut session, &name.to_string(), at(1)));
    assert!(session.is_open() && session.is_settled());
    // Once more is a flood.
    names.iter().for_each(|name| acknowledge(&mut session, &name.to_string(), at(2)));
    assert!(!session.is_open());
}

#[test]
fn queued_subscriptions_share_a_request_and_cancelled_ones_are_not_sent() {
    let mut session = open(Dialect::V5, &["books5:A"]);
    let names: Vec<_> = (0..100).map(|n| sub(&format!("books5:C{n}-USDT"))).collect();
    session.subscribe_all(names, at(10));
    assert_eq!(sent(&mut session).len(), 1);
    assert_eq!(session.requests_left(at(10)), 480 - 2);
}

#[test]
fn delayed_books_are_not_live_until_data_is_current() {
    const SECOND: u64 = 1_000_000_000;
    for (name, action) in [(BOOKS, ""), ("books:A", r#""action":"update","#)] {
        let mut feed = FeedHandler::new(Dialect::V5);
        feed.set_age_limit(Some(Duration::from_secs(5)));
        feed.subscribe(sub(name)).unwrap();
        let channel = name.split(':').next().unwrap();
        let mut seq = 10;
        // Delivers a book of `ts` seconds at `at` seconds, and returns the state after it.
        let mut deliver = |ts: u64, at: u64, snapshot: bool| {
            let prev = if snapshot { -1 } else { seq };
            seq += 1;
            let action =
                if snapshot && !action.is_empty() { r#""action":"snapshot","# } else { action };
            let text = format!(
                r#"{{"arg":{{"channel":"{channel}","instId":"A"}},{action}"data":[{{"asks":[["2","{seq}","0","1"]],"bids":[["1","1","0","1"]],"ts":"{}","seqId":{seq},"prevSeqId":{prev}}}]}}"#,
                ts * 1000
            );
            let sink = &mut |_: &Event<'_>| {};
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(at * SECOND), sink).unwrap();
            (feed.slots().get(&sub(name)).unwrap().state(), feed.lag().as_secs())
        };
        // A first push may be as old as the last change.
        assert_eq!(deliver(1_000, 1_100, true), (BookState::Live, 0), "{name}");
        assert_eq!(deliver(1_101, 1_101, false), (BookState::Live, 0), "{name}");
        // The sink was blocked for twenty seconds: messages are old until the feed has caught up.
        assert_eq!(deliver(1_102, 1_122, false), (BookState::Stale, 20), "{name}");
        assert_eq!(deliver(1_110, 1_122, false), (BookState::Stale, 12), "{name}");
        assert_eq!(deliver(1_118, 1_123, false), (BookState::Live, 5), "{name}");
        assert_eq!(deliver(1_123, 1_123, false), (BookState::Live, 0), "{name}");
    }
}

#[test]
fn a_clock_step_before_the_first_check_ages_no_book() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.push(BOOKS);
    (rig.wall, rig.behind) = (Duration::from_secs(60), Duration::from_secs(60));
    rig.run(2, &[BOOKS], true);
    assert_eq!(rig.state(BOOKS), BookState::Live);
}

/// The exchange sets its clock back while there is no connection: all that comes looks old.
#[test]
fn ages_are_measured_from_the_start_on_each_connection() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.run(5, &[BOOKS], true);
    let wall = rig.wall_now();
    rig.feed.set_all_states(BookState::Connecting, wall, &mut |_: &Event<'_>| {});
    rig.behind = Duration::from_secs(30);
    rig.run(5, &[BOOKS], true);
    assert_eq!(rig.state(BOOKS), BookState::Live);
    // Messages that waited on this connection are old all the same.
    rig.behind = Duration::from_secs(36);
    rig.wall = Duration::from_secs(1);
    rig.now = rig.now + Duration::from_secs(6);
    rig.push(BOOKS);
    assert_eq!(rig.state(BOOKS), BookState::Stale);
}

#[test]
fn a_forward_clock_step_is_accepted_after_a_quick_pong() {
    let mut rig = Rig::new(&[BOOKS]);
    rig.feed.set_age_limit(Some(Duration::from_secs(5)));
    rig.run(5, &[BOOKS], true);
    // Our clock jumps by an hour; the exchange's times stay.
    let exchange = Duration::from_secs(3_600);
    rig.wall = exchange;
    rig.behind = exchange;
    rig.check();
    assert_eq!(rig.state(BOOKS), BookState::Stale);
    rig.now = rig.now + Duration::from_millis(100);
    rig.push(BOOKS);
    assert_eq!(rig.state(BOOKS), BookState::Stale);
    // The ping is answered at the next step, and seen at the next check.
    rig.run(2, &[BOOKS], true);
    assert_eq!(rig.state(BOOKS), BookState::Live);
}
