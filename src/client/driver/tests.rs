//! A connection over a transport without a socket: what comes is a script.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::client::health::SharedHealth;
use crate::client::heartbeat::Heartbeat;
use crate::client::host_limits;
use crate::client::messages::ConnectionEvent;
use crate::client::new_group::new_handler;
use crate::client::shared::{ClientShared, HandleState};
use crate::client::thread::ClientThreads;
use crate::event::Event;
use crate::feed::SubscriptionNumbers;
use crate::model::{Dialect, Subscription};
use crate::transport::{ConnectError, RefusedOptions};
use crate::wire::Frame;

/// One thing that happens on the transport.
enum Step {
    Ready(Ready),
    Frame(String),
    /// The supervisor sends a command.
    Command(ConnectionCommand),
}

/// The calls of a connection to its transport.
#[derive(Debug, Default)]
struct Log {
    sent: Vec<String>,
    calls: Vec<&'static str>,
}

/// Plays one script for each attempt, then ends the connection's commands.
struct Scripted {
    host: String,
    attempts: VecDeque<Vec<Step>>,
    script: VecDeque<Step>,
    commands: Option<UnboundedSender<ConnectionCommand>>,
    frame: String,
    is_open: bool,
    log: Rc<RefCell<Log>>,
}

impl Scripted {
    fn call(&self, name: &'static str) {
        self.log.borrow_mut().calls.push(name);
    }
}

impl Transport for Scripted {
    fn resolve(&mut self) -> bool {
        self.call("resolve");
        true
    }

    fn dial(&mut self, _: usize) {
        self.call("dial");
        self.script = self.attempts.pop_front().unwrap_or_default().into();
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Ready> {
        loop {
            match self.script.pop_front() {
                Some(Step::Ready(ready)) => {
                    self.is_open = match &ready {
                        Ready::Open => true,
                        Ready::Ended(_) | Ready::Failed(_) => false,
                        _ => self.is_open,
                    };
                    return Poll::Ready(ready);
                }
                Some(Step::Frame(text)) => {
                    self.frame = text;
                    return Poll::Ready(Ready::Frame);
                }
                Some(Step::Command(command)) => {
                    self.commands.as_ref().unwrap().send(command).unwrap();
                }
                None => {
                    if self.attempts.is_empty() && self.is_open {
                        self.commands = None;
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame::Text(self.frame.as_bytes())
    }

    async fn send(&mut self, text: String) -> io::Result<()> {
        self.log.borrow_mut().sent.push(text);
        Ok(())
    }

    fn close(&mut self) {
        self.call("close");
        self.is_open = false;
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.call("shutdown");
        self.script.push_back(Step::Ready(Ready::Ended(None)));
        Ok(())
    }

    fn reset(&mut self) {
        self.call("reset");
        self.is_open = false;
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn host(&self) -> String {
        self.host.clone()
    }

    fn address(&self) -> impl fmt::Display {
        &self.host
    }
}

const BOOKS: [&str; 2] = ["books5:A", "books5:B"];

/// Notes states, and after how many books the sink is called that no frame is ready.
#[derive(Clone, Default)]
struct Noted {
    states: Rc<RefCell<Vec<(Subscription, BookState)>>>,
    books: Rc<Cell<usize>>,
    drained: Rc<RefCell<Vec<usize>>>,
}

impl EventSink for Noted {
    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::State(change) => {
                self.states.borrow_mut().push((*change.subscription, change.to));
            }
            Event::Book(_) => self.books.set(self.books.get() + 1),
            _ => {}
        }
    }

    fn on_drained(&mut self) {
        self.drained.borrow_mut().push(self.books.get());
    }
}

/// What comes of a run of two subscriptions over these attempts.
struct Run {
    end: ConnectionEnd,
    log: Log,
    states: Vec<(Subscription, BookState)>,
    drained: Vec<usize>,
    shared: SharedCell<Noted>,
    events: UnboundedReceiver<ConnectionEvent>,
}

/// A connection, and what is seen of it from outside.
struct Rig {
    driver: ConnectionDriver<Scripted, Noted>,
    log: Rc<RefCell<Log>>,
    noted: Noted,
    shared: SharedCell<Noted>,
    events: UnboundedReceiver<ConnectionEvent>,
}

async fn run(host: &str, attempts: Vec<Vec<Step>>) -> Run {
    let Rig { driver, log, noted, shared, events } = rig(host, 0, attempts);
    let end = driver.run().await;
    let log = std::mem::take(&mut *log.borrow_mut());
    let states = noted.states.borrow().clone();
    let drained = noted.drained.borrow().clone();
    Run { end, log, states, drained, shared, events }
}

fn rig(host: &str, line: usize, attempts: Vec<Vec<Step>>) -> Rig {
    let mut config = ClientConfig::new(Dialect::V5);
    config.session.connect_limit.attempts = 1000;
    let subscriptions = BOOKS.map(|text| text.parse().unwrap());
    let handler = new_handler(&config, &SubscriptionNumbers::default(), None, &subscriptions);
    let noted = Noted::default();
    let sink = noted.clone();
    let clock = Clock::start();
    let handle = HandleState {
        clock: clock.clone(),
        heartbeat: Heartbeat::new(clock.clone()),
        threads: ClientThreads::new(),
        health: SharedHealth::new(clock.now().1, RefusedOptions::default()),
        stats: crate::client::stats_board::StatsBoard::new(),
        numbers: SubscriptionNumbers::default(),
        #[cfg(feature = "rest")]
        selected: crate::client::selected::Selected::default(),
        #[cfg(feature = "capture")]
        recording: None,
    };
    let (reports, events) = unbounded_channel();
    let thread = Rc::new(OnThread::new(handle.heartbeat.beats()));
    let shared = SharedCell::new(ClientShared::new(sink, reports, handle));
    shared.lock().add_group(None);
    let (sender, commands) = unbounded_channel();
    let log = Rc::new(RefCell::new(Log::default()));
    let transport = Scripted {
        host: host.to_owned(),
        attempts: attempts.into(),
        script: VecDeque::new(),
        commands: Some(sender),
        frame: String::new(),
        is_open: false,
        log: Rc::clone(&log),
    };
    let id = ConnectionId { group: 0, line };
    let context = ConnectionContext {
        id,
        path: None,
        config: Arc::new(config),
        shared: shared.clone(),
        clock,
        commands,
        published: shared.lock().handle.stats.open(ConnectionStats::new(id)),
    };
    shared.lock().handle.health.begun();
    let driver = ConnectionDriver::new(context, transport, handler, thread);
    Rig { driver, log, noted, shared, events }
}

fn book(inst_id: &str) -> Step {
    Step::Frame(format!(
        r#"{{"arg":{{"channel":"books5","instId":"{inst_id}"}},"data":[{{"asks":[["101","1","0","1"]],"bids":[["100","1","0","1"]],"instId":"{inst_id}","ts":"1654032991947","seqId":7}}]}}"#
    ))
}

fn acknowledged(inst_id: &str) -> Step {
    Step::Frame(format!(
        r#"{{"event":"subscribe","arg":{{"channel":"books5","instId":"{inst_id}"}},"connId":"c"}}"#
    ))
}

fn opened(rest: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let open = [Step::Ready(Ready::TcpConnected), Step::Ready(Ready::Open)];
    open.into_iter().chain(["A", "B"].map(acknowledged)).chain(rest).collect()
}

#[tokio::test]
async fn a_connection_needs_no_socket() {
    let run = run("one.example:1", vec![opened([book("A"), book("B")])]).await;
    assert_eq!(run.log.calls, ["resolve", "dial", "shutdown"]);
    let [request] = run.log.sent.as_slice() else { panic!("{:?}", run.log) };
    assert!(request.contains("\"subscribe\"") && request.contains("books5"), "{request}");
    for text in BOOKS {
        let of: Vec<_> = run.states.iter().filter(|(s, _)| s.to_string() == text).collect();
        let states: Vec<BookState> = of.into_iter().map(|(_, state)| *state).collect();
        let stopped = BookState::Down(DownReason::Stopped);
        assert_eq!(states, [BookState::AwaitingSnapshot, BookState::Live, stopped], "{text}");
    }
    let end = run.end;
    assert!(end.was_open && end.closed_properly && !end.unanswered);
    assert_eq!((end.stats.connects, end.stats.losses, end.stats.feed.frames), (1, 0, 4));
}

#[tokio::test]
async fn the_sink_is_called_once_where_no_frame_is_ready() {
    let run = run("one.example:1", vec![opened([book("A"), book("B"), book("A")])]).await;
    assert_eq!(run.log.calls, ["resolve", "dial", "shutdown"]);
    // The acknowledgements and three books are ready at once.
    assert_eq!(run.drained, [3]);
}

#[tokio::test]
async fn a_refused_attempt_and_a_close_are_followed_by_another_attempt() {
    let io = ConnectError::Io(io::Error::other("no route"));
    let reason = CloseReason { code: Some(4004), text: "no data".to_owned() };
    let attempts = vec![
        vec![Step::Ready(Ready::Redirected)],
        vec![Step::Ready(Ready::Failed(io))],
        opened([book("A"), Step::Ready(Ready::CloseRequested(reason))]),
        opened([]),
    ];
    let run = run("two.example:1", attempts).await;
    assert_eq!((run.end.stats.connects, run.end.stats.losses), (2, 2));
    assert_eq!(run.end.stats.last_loss.as_deref(), Some("no data (4004)"));
    assert_eq!(
        run.log.calls,
        [
            "resolve", "dial", "resolve", "dial", "reset", "resolve", "dial", "close", "reset",
            "resolve", "dial", "shutdown"
        ]
    );
    assert_eq!(run.log.sent.len(), 2);
}

/// The supervisor has removed a subscription; the command is still in flight when the connection
/// requests a replacement. An arbiter that took the subscription over would show it for ever.
#[tokio::test]
async fn an_arbiter_takes_over_only_what_the_supervisor_has_subscribed() {
    let removed: Subscription = BOOKS[1].parse().unwrap();
    let notice = r#"{"event":"notice","code":"64008","msg":"soon","connId":"c"}"#.to_owned();
    let attempt = opened([
        book("A"),
        book("B"),
        Step::Command(ConnectionCommand::Unsubscribe(removed)),
        Step::Frame(notice),
    ]);
    let mut run = run("three.example:1", vec![attempt]).await;
    let requested = run.events.try_recv().unwrap();
    assert!(matches!(requested, ConnectionEvent::ReplacementRequested(_)), "{requested:?}");
    let shared = run.shared.lock();
    let arbiter = shared.arbiter(0).unwrap();
    assert_eq!(arbiter.state(&removed), None);
    assert!(arbiter.state(&BOOKS[0].parse().unwrap()).is_some());
    let last = run.states.iter().rev().find(|(subscription, _)| *subscription == removed);
    assert_eq!(last, Some(&(removed, BookState::Down(DownReason::Unsubscribed))));
}

/// While a host accepts nobody, a connection behind another in the queue waits as long as that one,
/// instead of looking again every few milliseconds.
#[tokio::test]
async fn a_queued_connection_waits_as_long_as_its_host_has_requested() {
    let Rig { mut driver, shared, log, .. } = rig("four.example:1", 1, Vec::new());
    shared.lock().join_connect_queue(ConnectionId { group: 0, line: 0 });
    let pause = Duration::from_secs(3_600);
    host_limits::hold("four.example:1", pause);
    let now = driver.clock.mono();
    driver.session.handle_timeout(now);
    assert_eq!(driver.session.poll_action(), Some(Action::Connect));
    driver.connect();
    let waits = driver.session.poll_timeout().unwrap().since(now);
    assert!(waits > pause - Duration::from_secs(60), "{waits:?}");
    assert_eq!(log.borrow().calls, ["reset"]);
}
