//! A session under arbitrary operations: its requests are within the limits, and it never gets
//! stuck.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use okx_feed::event::ControlKind;
use okx_feed::session::{Action, SessionConfig, SessionEvent};
use okx_feed::wire::PING;
use okx_feed::{Control, Dialect, MonoNanos, Session, Subscription};
use serde_json::Value;

use crate::choices::Choices;

/// The most operations of one run.
const OPERATIONS: usize = 200;

/// Steps within which a session with a willing exchange has every answer.
const MAX_STEPS: usize = 5_000;

const HOUR: Duration = Duration::from_secs(3600);

/// Operations made by choices, then an exchange that answers all.
pub fn session(bytes: &[u8]) {
    let choices = &mut Choices::bytes(bytes);
    let dialect = choices.pick(&[Dialect::V3, Dialect::V5]);
    let config = SessionConfig {
        requests_per_hour: choices.pick(&[240, 30, 8]),
        request_len: choices.pick(&[4096, 100, 1]),
        ..SessionConfig::new(dialect)
    };
    let mut owner = Owner::new(config, choices.draw());
    for _ in 0..OPERATIONS {
        if choices.is_spent() {
            break;
        }
        owner.operate(choices);
        owner.drain();
    }
    owner.settle();
}

/// The owner of the socket, and an exchange that checks its rules.
struct Owner {
    session: Session,
    config: SessionConfig,
    now: MonoNanos,
    link: Link,
    attempts: Option<MonoNanos>,
    /// When the requests of this connection's last hour were sent.
    requests: VecDeque<MonoNanos>,
    /// How often each subscription was asked for on this connection and not answered.
    asked: HashMap<Subscription, u32>,
    pinged: bool,
    stopped: bool,
    last_id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Link {
    Down,
    Connecting,
    Open,
}

impl Owner {
    fn new(config: SessionConfig, seed: u64) -> Self {
        Self {
            session: Session::new(config.clone(), seed),
            config,
            now: MonoNanos::ZERO,
            link: Link::Down,
            attempts: None,
            requests: VecDeque::new(),
            asked: HashMap::new(),
            pinged: false,
            stopped: false,
            last_id: 0,
        }
    }

    fn operate(&mut self, choices: &mut Choices<'_>) {
        let subscription = self.any_subscription(choices);
        match choices.below(14) {
            0..3 => self.session.subscribe(subscription, self.now),
            3 => self.session.unsubscribe(&subscription, self.now),
            4 => self.session.resubscribe(&subscription, self.now),
            5 | 6 if self.link == Link::Connecting => self.connected(),
            // A connection that came up too late, or twice.
            5 => self.session.handle_connected(self.now),
            7 => {
                self.link = Link::Down;
                self.session.handle_disconnected(self.now);
            }
            8 => self.inbound(),
            9 => self.acknowledge(&subscription),
            10 => self.any_control(choices, &subscription),
            11 => {
                let millis = choices.pick(&[0, 1, 400, 9_999, 10_000, 20_000, 3_600_000]);
                self.now = self.now + Duration::from_millis(millis);
            }
            12 => self.session.handle_timeout(self.now),
            _ if choices.below(40) == 39 => {
                self.session.stop();
                self.stopped = true;
            }
            _ => self.wait(),
        }
    }

    fn any_subscription(&self, choices: &mut Choices<'_>) -> Subscription {
        let id =
            choices.pick(&["A", "B-USDT", "C-USD-SWAP", "A\"B", "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCD"]);
        let channel = match self.config.dialect {
            Dialect::V3 => choices.pick(&["spot/depth5", "swap/trade", "spot/depth_l2_tbt"]),
            Dialect::V5 => choices.pick(&["books5", "trades", "books"]),
        };
        format!("{channel}:{id}").parse().unwrap()
    }

    fn connected(&mut self) {
        self.link = Link::Open;
        self.requests.clear();
        self.asked.clear();
        self.pinged = false;
        self.session.handle_connected(self.now);
    }

    fn inbound(&mut self) {
        self.pinged = false;
        self.session.handle_inbound(self.now);
    }

    fn acknowledge(&mut self, subscription: &Subscription) {
        self.inbound();
        let control = Control {
            channel: Some(subscription.channel().name()),
            inst_id: Some(subscription.inst_id().as_str()),
            market: subscription.market().map(okx_feed::Market::name),
            ..Control::new(ControlKind::Subscribe)
        };
        self.session.handle_control(&control, self.now);
    }

    fn any_control(&mut self, choices: &mut Choices<'_>, subscription: &Subscription) {
        let id = choices.below(20).to_string();
        let message = format!("Channel {subscription} doesn't exist");
        let kinds = [ControlKind::Error, ControlKind::Notice, ControlKind::Other("?")];
        let control = Control {
            code: choices.pick(&[None, Some(60018), Some(64008)]),
            message: choices.pick(&[None, Some(&*message), Some("no")]),
            id: choices.pick(&[None, Some(&*id), Some("x")]),
            ..Control::new(choices.pick(&kinds))
        };
        self.session.handle_control(&control, self.now);
    }

    /// Advances to the session's next deadline, and calls it.
    fn wait(&mut self) {
        let Some(due) = self.session.poll_timeout() else {
            assert!(self.stopped, "a session that waits for nothing");
            return;
        };
        self.now = self.now.max(due);
        self.session.handle_timeout(self.now);
        // The first attempt after a stable connection waits for nothing: it is due at once.
        if self.session.poll_timeout() == Some(due) {
            self.drain();
            self.session.handle_timeout(self.now);
        }
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|next| next > due), "called at {due:?} for nothing");
    }

    /// Performs the session's actions, and checks that they are permitted.
    fn drain(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect => {
                    assert_eq!(self.link, Link::Down, "connects over a connection");
                    assert!(!self.stopped, "connects after it was stopped");
                    let floor = self.config.backoff.floor;
                    let since = self.attempts.map(|at| self.now.since(at));
                    // A connection that was stable was made by an attempt that is long ago.
                    assert!(since.is_none_or(|since| since >= floor), "too early: {since:?}");
                    self.attempts = Some(self.now);
                    self.link = Link::Connecting;
                }
                Action::Close => {
                    assert_ne!(self.link, Link::Down, "closes nothing");
                    self.link = Link::Down;
                }
                Action::Send(text) => self.sent(&text),
                Action::Login => assert_eq!(self.link, Link::Open, "logs in without a connection"),
                Action::RequestSnapshot { .. } => panic!("a REST snapshot in JSON"),
            }
        }
        while let Some(event) = self.session.poll_event() {
            if let SessionEvent::Connected = event {
                assert_ne!(self.link, Link::Connecting, "open before it was connected");
            }
        }
        assert!(!self.session.is_open() || self.link == Link::Open, "open without a connection");
    }

    fn sent(&mut self, text: &str) {
        // Messages from before the connection broke are not delivered.
        if self.link != Link::Open {
            return;
        }
        if text == PING {
            assert!(!self.pinged, "two pings without anything between");
            self.pinged = true;
            return;
        }
        while self.requests.front().is_some_and(|at| self.now.since(*at) >= HOUR) {
            self.requests.pop_front();
        }
        self.requests.push_back(self.now);
        assert!(self.requests.len() <= self.config.requests_per_hour, "too many requests");
        let request: Value = serde_json::from_str(text).unwrap();
        let arguments = request["args"].as_array().unwrap();
        let len = request["args"].to_string().len();
        assert!(len <= self.config.request_len + 2 || arguments.len() == 1, "too long: {text}");
        assert!(!arguments.is_empty(), "asks for nothing");
        if let Some(id) = request["id"].as_str() {
            let id: u64 = id.parse().unwrap();
            assert!(id > self.last_id, "an id that was used before");
            self.last_id = id;
        }
        for argument in arguments {
            let subscription = subscription_of(argument);
            let asked = self.asked.entry(subscription).or_default();
            match request["op"].as_str() {
                Some("subscribe") => {
                    *asked += 1;
                    assert!(usize::try_from(*asked).unwrap() <= OPERATIONS);
                }
                Some("unsubscribe") => {
                    assert!(*asked > 0, "gives up what it never asked for: {text}");
                }
                other => panic!("asks to {other:?}"),
            }
        }
    }

    /// An exchange that answers everything: all subscriptions are soon answered.
    fn settle(&mut self) {
        for _ in 0..MAX_STEPS {
            self.drain();
            if self.stopped || self.session.is_settled() {
                return;
            }
            match self.link {
                Link::Down => self.wait(),
                Link::Connecting => self.connected(),
                Link::Open => {
                    let wanted: Vec<_> = self.session.subscriptions().copied().collect();
                    for subscription in &wanted {
                        self.acknowledge(subscription);
                        self.session.handle_live(subscription, self.now);
                    }
                    self.drain();
                    if !self.session.is_settled() {
                        self.wait();
                    }
                }
            }
        }
        panic!("stuck: {:?}", self.session);
    }
}

fn subscription_of(argument: &Value) -> Subscription {
    match argument {
        Value::String(text) => text.parse().unwrap(),
        argument => {
            let part = |key: &str| argument[key].as_str().unwrap();
            format!("{}:{}", part("channel"), part("instId")).parse().unwrap()
        }
    }
}
