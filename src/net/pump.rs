//! One connection: moves bytes between socket, handler and session. No logic of its own.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::builder::ClientConfig;
use super::client::Readers;
use super::clock::Clock;
use super::connect::{Socket, Target};
use super::director::LineCommand;
use super::gate;
use super::hub::{Place, SharedHub};
use super::stats::ConnectionStats;
use crate::feed::{Action, FeedHandler, LostReason, Session, SessionEvent, Slot};
use crate::model::{
    BookState, Control, ControlKind, DownReason, Event, MonoNanos, Sink, StateChange, Subscription,
    UnixNanos,
};
use crate::wire::Frame;

/// The longest latency that the histogram tells apart, in nanoseconds; longer ones count as this.
pub const LATENCY_MAX_NS: u64 = 10_000_000_000;

/// How often books are looked at for being stale.
const STALE_CHECK: Duration = Duration::from_secs(1);

/// How many frames may go before commands and timer.
const MAX_STREAK: u32 = 64;

/// How long a proper close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The transport: what the session's [`Action`]s have brought about.
enum Transport {
    Closed,
    Connecting(JoinHandle<Result<TcpStream, WsError>>),
    Handshaking(JoinHandle<Result<Socket, WsError>>),
    Open(Socket),
}

/// What woke the pump.
enum Input {
    Tcp(Result<TcpStream, WsError>),
    Connected(Result<Socket, WsError>),
    Message(Option<Result<Message, WsError>>),
    Command(Option<LineCommand>),
    Timer,
}

pub(super) struct Pump<S> {
    config: Rc<ClientConfig>,
    target: Target,
    core: Core<S>,
    commands: UnboundedReceiver<LineCommand>,
    transport: Transport,
    timer: Pin<Box<Sleep>>,
    armed: MonoNanos,
    stale_check: MonoNanos,
    /// Frames taken since commands and timer were last looked at first.
    streak: u32,
    stopping: bool,
}

/// What a connection leaves behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) was_open: bool,
    pub(super) closed_properly: bool,
    pub(super) unanswered: bool,
}

/// What a frame touches: apart from the transport, so that both can be borrowed at once.
struct Core<S> {
    clock: Clock,
    handler: FeedHandler,
    session: Session,
    hub: SharedHub<S>,
    place: Place,
    stats: ConnectionStats,
    latency: Histogram<u64>,
    measure: bool,
    /// Whether the exchange has announced that it will close this connection.
    announced: bool,
}

impl<S: Sink> Pump<S> {
    /// Makes a pump; it must be inside a runtime already. It wants what its handler has.
    pub(super) fn new(
        (config, target): (Rc<ClientConfig>, Target),
        handler: FeedHandler,
        (hub, place): (SharedHub<S>, Place),
        clock: Clock,
        commands: UnboundedReceiver<LineCommand>,
    ) -> Self {
        // Lines of one group must not come back in step.
        let seed = config.seed ^ ((place.group as u64) << 32 | place.line as u64);
        let mut session = Session::new(config.session.clone(), seed);
        for slot in handler.slots().iter() {
            session.subscribe(*slot.subscription(), MonoNanos::ZERO);
        }
        let measure = config.measure;
        let stats = ConnectionStats::new(place.group, place.line);
        let latency = new_latency();
        let core =
            Core { clock, handler, session, hub, place, stats, latency, measure, announced: false };
        Self {
            config,
            target,
            core,
            commands,
            transport: Transport::Closed,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: MonoNanos::ZERO,
            stale_check: MonoNanos::ZERO,
            streak: 0,
            stopping: false,
        }
    }

    /// Runs until it is told to stop or its handle is gone.
    pub(super) async fn run(mut self) -> Ended {
        while !self.stopping {
            self.act().await;
            self.arm();
            match self.wait().await {
                Input::Tcp(result) => self.handshake(result),
                Input::Connected(result) => self.connected(result),
                Input::Message(message) => self.message(message),
                Input::Command(command) => self.command(command),
                Input::Timer => self.timer(),
            }
        }
        let was_open = self.core.session.is_open();
        let unanswered = was_open && !self.core.session.is_settled();
        self.core.session.stop();
        let closed_properly = self.close().await;
        self.core.set_all_states(BookState::Down(DownReason::Stopped));
        Ended { was_open, closed_properly, unanswered }
    }

    async fn wait(&mut self) -> Input {
        let transport = &mut self.transport;
        let socket = async {
            match transport {
                Transport::Closed => std::future::pending().await,
                Transport::Connecting(task) => Input::Tcp(joined(task).await),
                Transport::Handshaking(task) => Input::Connected(joined(task).await),
                Transport::Open(socket) => Input::Message(socket.next().await),
            }
        };
        // Frames first: everything else can wait for them. But not for ever: a flood of frames must
        // not keep a ping from being sent or the client from being stopped.
        if self.streak < MAX_STREAK {
            self.streak += 1;
            return tokio::select! {
                biased;
                input = socket => input,
                command = self.commands.recv() => Input::Command(command),
                () = self.timer.as_mut() => Input::Timer,
            };
        }
        self.streak = 0;
        tokio::select! {
            biased;
            command = self.commands.recv() => Input::Command(command),
            () = self.timer.as_mut() => Input::Timer,
            input = socket => input,
        }
    }

    /// Sets the timer to what is due next. Only an earlier deadline than the one it is set to
    /// touches it: a later one is found when it fires.
    fn arm(&mut self) {
        let stale = self.stale_check + STALE_CHECK;
        let next = self.core.session.poll_timeout().map_or(stale, |next| next.min(stale));
        if next < self.armed || self.timer.is_elapsed() {
            self.armed = next;
            self.timer.as_mut().reset(self.core.clock.deadline(next));
        }
    }

    fn timer(&mut self) {
        let (mono, wall) = self.core.clock.now();
        self.core.session.timeout(mono);
        if mono.since(self.stale_check) >= STALE_CHECK {
            self.stale_check = mono;
            let Core { handler, hub, place, .. } = &mut self.core;
            let mut hub = hub.borrow_mut();
            let pass = &mut |event: &Event<'_>| hub.on_event(*place, event);
            handler.mark_stale(&self.config.stale, wall, pass);
            drop(hub);
            self.core.look_after_upgrade(mono);
        }
    }

    /// Does what the session wants done, and tells what it has to tell.
    async fn act(&mut self) {
        self.core.tell();
        while let Some(action) = self.core.session.poll_action() {
            match action {
                Action::Connect => self.connect(),
                Action::Login => self.login().await,
                Action::Send(text) => self.send(text).await,
                Action::Close => {
                    self.close().await;
                }
            }
            self.core.tell();
        }
    }

    fn connect(&mut self) {
        if let Err(pause) = gate::take(&self.target.host(), self.config.session.connects) {
            let until = self.core.clock.mono() + pause;
            return self.core.session.postpone(until);
        }
        tracing::debug!(url = %self.config.url, "connecting");
        self.transport = Transport::Connecting(tokio::spawn(self.target.clone().connect()));
    }

    fn handshake(&mut self, result: Result<TcpStream, WsError>) {
        match result {
            Ok(tcp) => {
                self.core.session.handshaking(self.core.clock.mono());
                let upgrade = self.target.clone().upgrade(tcp);
                self.transport = Transport::Handshaking(tokio::spawn(upgrade));
            }
            Err(error) => self.lost(&error),
        }
    }

    /// Sends the login request, whose text must not be logged.
    async fn login(&mut self) {
        let wall = self.core.clock.now().1;
        let dialect = self.config.session.dialect;
        if let Some(credentials) = &self.config.credentials {
            let text = credentials.request(dialect, wall);
            tracing::debug!("logging in");
            self.send_unlogged(text).await;
        }
    }

    async fn send(&mut self, text: String) {
        tracing::trace!(%text, "sending");
        self.send_unlogged(text).await;
    }

    async fn send_unlogged(&mut self, text: String) {
        let Transport::Open(socket) = &mut self.transport else { return };
        if let Err(error) = socket.send(Message::text(text)).await {
            self.lost(&error);
        }
    }

    /// Closes whatever there is, politely for as long as the bound allows.
    async fn close(&mut self) -> bool {
        match std::mem::replace(&mut self.transport, Transport::Closed) {
            Transport::Closed => {}
            Transport::Connecting(task) => task.abort(),
            Transport::Handshaking(task) => task.abort(),
            Transport::Open(mut socket) => {
                let closing = async {
                    socket.close(None).await?;
                    while socket.next().await.transpose()?.is_some() {}
                    Ok::<(), WsError>(())
                };
                // The other side may be gone; then there is nobody to be polite to.
                return matches!(tokio::time::timeout(CLOSE_WITHIN, closing).await, Ok(Ok(())));
            }
        }
        false
    }

    fn connected(&mut self, result: Result<Socket, WsError>) {
        match result {
            Ok(socket) => {
                self.transport = Transport::Open(socket);
                self.core.session.connected(self.core.clock.mono());
            }
            Err(error) => self.lost(&error),
        }
    }

    fn lost(&mut self, error: &dyn std::fmt::Display) {
        tracing::warn!(%error, url = %self.config.url, "connection lost");
        self.transport = Transport::Closed;
        self.core.stats.last_loss = Some(error.to_string());
        self.core.session.lost(self.core.clock.mono());
    }

    fn message(&mut self, message: Option<Result<Message, WsError>>) {
        match message {
            Some(Ok(Message::Text(text))) => self.core.frame(Frame::Text(text.as_bytes())),
            Some(Ok(Message::Binary(body))) => self.core.frame(Frame::Binary(&body)),
            // tungstenite answers pings itself, with the next write or read.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                self.core.session.inbound(self.core.clock.mono());
            }
            Some(Ok(Message::Close(Some(frame)))) => self.lost(&frame),
            Some(Ok(Message::Close(None))) | None => self.lost(&"closed by the other side"),
            Some(Err(error)) => self.lost(&error),
        }
    }

    fn command(&mut self, command: Option<LineCommand>) {
        let (mono, wall) = self.core.clock.now();
        let Core { handler, session, hub, place, .. } = &mut self.core;
        match command {
            Some(LineCommand::Subscribe(subscription, reply)) => {
                handler.subscribe(subscription);
                if let Some(reply) = reply {
                    // A caller that does not wait any more needs no answer.
                    let _ = reply.send(Readers::of(handler, &subscription));
                }
                session.subscribe(subscription, mono);
            }
            Some(LineCommand::Unsubscribe(subscription)) => {
                let mut hub = hub.borrow_mut();
                let pass = &mut |event: &Event<'_>| hub.on_event(*place, event);
                handler.unsubscribe(&subscription, wall, pass);
                session.unsubscribe(&subscription, mono);
            }
            Some(LineCommand::Stats(reply)) => {
                let stats = self.core.stats();
                let _ = reply.send((stats, self.core.latency.clone()));
            }
            Some(LineCommand::Stop) | None => self.stopping = true,
        }
    }
}

/// What a task came to; one that has panicked is a failed attempt.
async fn joined<T>(task: &mut JoinHandle<Result<T, WsError>>) -> Result<T, WsError> {
    task.await.unwrap_or_else(|error| Err(WsError::Io(std::io::Error::other(error))))
}

impl<S: Sink> Core<S> {
    /// The hot path: one frame to books and sink. Allocates nothing in steady state.
    #[inline]
    fn frame(&mut self, frame: Frame<'_>) {
        let (mono, wall) = self.clock.now();
        self.session.inbound(mono);
        let Self { handler, session, hub, place, .. } = self;
        let mut hub = hub.borrow_mut();
        let result = handler.on_frame(frame, wall, &mut |event: &Event<'_>| {
            match event {
                Event::Control(control) => on_control(session, control, mono),
                Event::State(change) => on_state(session, change, mono),
                _ => {}
            }
            hub.on_event(*place, event);
        });
        drop(hub);
        if self.measure {
            let nanos = self.clock.mono().since(mono).as_nanos();
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
            self.latency.saturating_record(nanos.clamp(1, LATENCY_MAX_NS));
        }
        if let Err(error) = result {
            let malformed = self.handler.stats().malformed();
            // A fault that repeats is logged at its first, second, fourth, … time.
            if malformed.is_power_of_two() {
                tracing::warn!(%error, malformed, "malformed frame");
            }
        }
    }

    /// Brings the session's news to states, log and counters.
    fn tell(&mut self) {
        while let Some(event) = self.session.poll_event() {
            let wall = self.clock.now().1;
            match event {
                SessionEvent::Connected => {
                    tracing::info!("connected");
                    self.stats.connects += 1;
                    self.stats.connected = true;
                }
                SessionEvent::Subscribed(subscription) => self.subscribed(&subscription, wall),
                SessionEvent::Rejected { subscription, code, message } => {
                    tracing::error!(%subscription, code, message, "subscription refused");
                    self.stats.rejections += 1;
                    let down = BookState::Down(DownReason::Rejected);
                    self.set_state(&subscription, down, wall);
                }
                SessionEvent::LoginRefused { code, message } => {
                    tracing::error!(code, message, "login refused");
                    self.stats.logins_refused += 1;
                }
                SessionEvent::UpgradeAnnounced => {
                    tracing::info!("the exchange announces a service upgrade");
                    self.stats.upgrades += 1;
                    self.announced = true;
                    self.look_after_upgrade(self.clock.mono());
                }
                SessionEvent::Lost(reason) => {
                    tracing::info!(?reason, "not connected");
                    self.stats.losses += 1;
                    if !matches!(reason, LostReason::Closed | LostReason::ConnectFailed) {
                        self.stats.last_loss = Some(reason.to_string());
                    }
                    self.stats.connected = false;
                    self.announced = false;
                    self.set_all_states(BookState::Connecting);
                }
            }
        }
    }

    fn subscribed(&mut self, subscription: &Subscription, wall: UnixNanos) {
        tracing::debug!(%subscription, "subscribed");
        let slot = self.handler.slots().get(subscription);
        if slot.is_some_and(|slot| slot.state() == BookState::Connecting) {
            let state = BookState::AwaitingSnapshot;
            self.set_state(subscription, state, wall);
        }
    }

    fn set_state(&mut self, subscription: &Subscription, state: BookState, wall: UnixNanos) {
        let Self { handler, hub, place, .. } = self;
        let mut hub = hub.borrow_mut();
        handler.set_state(subscription, state, wall, &mut |event: &Event<'_>| {
            hub.on_event(*place, event);
        });
    }

    fn set_all_states(&mut self, state: BookState) {
        let wall = self.clock.now().1;
        let Self { handler, hub, place, .. } = self;
        let mut hub = hub.borrow_mut();
        hub.set_well(*place, false);
        handler.set_all_states(state, wall, &mut |event: &Event<'_>| hub.on_event(*place, event));
    }

    /// Says whether this line is well, and gives a connection up that the exchange will soon close:
    /// alone at once, in a group when another line can do without this one.
    fn look_after_upgrade(&mut self, now: MonoNanos) {
        let live = |state| matches!(state, BookState::Live | BookState::Down(_));
        let books = self.handler.slots().iter();
        let well = self.session.is_settled() && books.into_iter().all(|slot| live(slot.state()));
        let mut hub = self.hub.borrow_mut();
        hub.set_well(self.place, well && !self.announced);
        let lines = hub.well.get(self.place.group).map_or(0, Vec::len);
        let spared = lines < 2 || hub.others_are_well(self.place);
        drop(hub);
        if self.announced && spared {
            self.session.reconnect(LostReason::ServiceUpgrade, now);
        }
    }

    fn stats(&self) -> ConnectionStats {
        let (feed, session) = (*self.handler.stats(), *self.session.stats());
        let live = self.handler.slots().iter().filter(|slot| slot.state().is_live()).count();
        let ts_event = self.handler.slots().iter().map(Slot::ts_event).max().unwrap_or_default();
        ConnectionStats { feed, session, live, ts_event, ..self.stats.clone() }
    }
}

/// The control plane: replies and notices go to the session.
#[cold]
fn on_control(session: &mut Session, control: &Control<'_>, now: MonoNanos) {
    if control.kind != ControlKind::Pong {
        session.control(control, now);
    }
}

/// The control plane: what a frame did to a state decides whether its book is fetched anew.
#[cold]
fn on_state(session: &mut Session, change: &StateChange<'_>, now: MonoNanos) {
    match change.to {
        BookState::Resyncing => session.resync(change.subscription, now),
        BookState::Live => session.synced(change.subscription, now),
        _ => {}
    }
}

#[expect(clippy::expect_used, reason = "constant bounds, which a test makes too")]
pub(super) fn new_latency() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("bounds are in order")
}
