//! A connection under a clock that is moved by hand, and the watchdog that looks after it.

use okx_feed::feed::{LastUpdate, StaleLimits, Watchdog};

use super::*;

pub(super) const BOOKS: &str = "books5:A";
pub(super) const OTHER: &str = "bbo-tbt:A";
pub(super) const TRADES: &str = "trades:A";

/// The wall clock when the monotonic one shows 0.
pub(super) const START: u64 = 1_790_000_000_000_000_000;

/// A connection whose exchange pushes what the test says, with pongs that never fail.
pub(super) struct Rig {
    pub(super) session: Session,
    pub(super) feed: FeedHandler,
    pub(super) watchdog: Watchdog,
    pub(super) now: MonoNanos,
    /// How far the wall clock is ahead of the monotonic one beyond `START`.
    pub(super) wall: Duration,
    /// How far the exchange's clock is behind ours.
    pub(super) behind: Duration,
    /// The state of another line, if there is one.
    pub(super) other: Option<FeedHandler>,
    /// The number of pings without a pong.
    pub(super) lost_pongs: u32,
    pub(super) seq: u64,
    pub(super) states: Vec<(u64, String, BookState)>,
    pub(super) requests: Vec<(u64, String)>,
    pub(super) lost: Vec<(u64, DisconnectReason)>,
}

/// A message of a channel, with its content derived from a number.
pub(super) fn message(name: &str, seq: u64, wall: UnixNanos) -> String {
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
    pub(super) fn new(names: &[&str]) -> Self {
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
    pub(super) fn connect_again(&mut self, names: &[&str]) {
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

    pub(super) fn secs(&self) -> u64 {
        self.now.since(MonoNanos::ZERO).as_secs()
    }

    pub(super) fn wall_now(&self) -> UnixNanos {
        UnixNanos(START + self.now.0 + u64::try_from(self.wall.as_nanos()).unwrap())
    }

    pub(super) fn push(&mut self, name: &str) {
        self.seq += 1;
        let behind = u64::try_from(self.behind.as_nanos()).unwrap();
        self.text(&message(name, self.seq, UnixNanos(self.wall_now().0 - behind)));
    }

    /// The other line receives something, which is new where `seq` is.
    pub(super) fn push_to_other(&mut self, name: &str, seq: u64) {
        let wall = UnixNanos(self.wall_now().0 + 1);
        let text = message(name, seq, wall);
        let other = self.other.get_or_insert_with(|| {
            let mut feed = FeedHandler::new(Dialect::V5);
            [BOOKS, OTHER, TRADES].iter().for_each(|name| feed.subscribe(sub(name)).unwrap());
            feed
        });
        other.on_frame(Frame::Text(text.as_bytes()), wall, &mut |_: &Event<'_>| {}).unwrap();
    }

    pub(super) fn text(&mut self, text: &str) {
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

    pub(super) fn act(&mut self) {
        for action in actions(&mut self.session) {
            match action {
                Action::Send(text) if text == "ping" && self.lost_pongs > 0 => self.lost_pongs -= 1,
                Action::Send(text) if text == "ping" => self.text("pong"),
                Action::Send(text) => self.requests.push((self.secs(), text)),
                _ => {}
            }
        }
        for event in events(&mut self.session) {
            if let SessionEvent::Disconnected(reason) = event {
                self.lost.push((self.secs(), reason));
            }
        }
    }

    /// Advances time in steps of a tenth of a second, with a check a second. What is `alive` sends
    /// something each step; what is subscribed again is acknowledged and pushed where `answers`.
    pub(super) fn run(&mut self, secs: u64, alive: &[&str], answers: bool) {
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

    pub(super) fn check(&mut self) {
        let (now, wall, secs) = (self.now, self.wall_now(), self.secs());
        let Self { session, states, feed, watchdog, other, .. } = self;
        let others = |s: &Subscription| other.as_ref()?.slots().get(s).map(LastUpdate::of);
        let sink = &mut |event: &Event<'_>| {
            if let Event::State(change) = event {
                states.push((secs, change.subscription.to_string(), change.to));
            }
        };
        watchdog.check(feed, session, now, wall, others, sink);
    }

    pub(super) fn state(&self, name: &str) -> BookState {
        self.feed.slots().get(&sub(name)).unwrap().state()
    }

    /// The seconds at which a subscription was requested again.
    pub(super) fn asked(&self, name: &str) -> Vec<u64> {
        let channel = format!("{:?}", name.split(':').next().unwrap());
        let asks = |text: &str| text.contains(r#""op":"subscribe""#) && text.contains(&channel);
        self.requests.iter().filter(|(_, text)| asks(text)).map(|(at, _)| *at).collect()
    }
}
