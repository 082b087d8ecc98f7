//! One connection: moves bytes between socket, handler and session. No logic of its own.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::attempt::{Attempt, Reach, Step};
use super::builder::ClientConfig;
use super::group::LineCommand;
use super::handle::Readers;
use super::intake::{Intake, new_latency};
use super::shared::{Place, SharedHub};
use super::stats::ConnectionStats;
use crate::event::{Event, EventSink};
use crate::feed::{FeedHandler, Watchdog};
use crate::model::{BookState, DownReason, MonoNanos};
use crate::session::{Action, Session};
use crate::transport::{Clock, Socket};

/// How often books are looked at for being stale.
const STALE_CHECK: Duration = Duration::from_secs(1);

/// How many frames may go before commands and timer.
const MAX_STREAK: u32 = 64;

/// How long what is asked for waits for more of it: each call of the client waits for its answer,
/// so that commands never queue up, and an hour has few requests.
const GATHER: Duration = Duration::from_millis(10);

/// How long a line that was relieved goes on: what its successor could not see may still come.
const LINGER: Duration = Duration::from_secs(1);

/// How long a request may wait for a peer that does not read, at most: it is as good as gone, and
/// meanwhile nothing else is read and no book is called stale.
const SEND_WITHIN: Duration = Duration::from_secs(2);

/// The codes with which the exchange closes a connection that has too many channels.
///
/// Source: the table of close codes in section 2.3 of the wire facts.
const TOO_MANY: [u16; 2] = [4008, 4009];

/// How long a proper close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The transport: what the session's [`Action`]s have brought about.
pub(super) enum Transport {
    Closed,
    Attempt(Attempt),
    Open(Socket),
}

/// What woke the pump.
enum Input {
    Step(Step),
    Message(Option<Result<Message, WsError>>),
    Command(Option<LineCommand>),
    Timer,
    /// Nothing did, and it does not sleep.
    Idle,
}

pub(super) struct Pump<S> {
    pub(super) config: Rc<ClientConfig>,
    pub(super) reach: Reach,
    pub(super) intake: Intake<S>,
    commands: UnboundedReceiver<LineCommand>,
    pub(super) transport: Transport,
    timer: Pin<Box<Sleep>>,
    armed: MonoNanos,
    stale_check: MonoNanos,
    /// Frames taken since commands and timer were last looked at first.
    streak: u32,
    /// When what was asked for by commands is sent.
    sends: Option<MonoNanos>,
    /// When it ends, where another line has relieved it.
    retires: Option<MonoNanos>,
    stopping: bool,
}

/// What a connection leaves behind.
pub(super) struct Ended {
    pub(super) place: Place,
    pub(super) stats: ConnectionStats,
    pub(super) latency: Histogram<u64>,
    pub(super) was_open: bool,
    pub(super) closed_properly: bool,
    pub(super) unanswered: bool,
}

impl<S: EventSink> Pump<S> {
    /// Makes a pump; it must be inside a runtime already. It wants what its handler has.
    pub(super) fn new(
        (config, reach): (Rc<ClientConfig>, Reach),
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
        let (awaited, news) = (None, false);
        hub.borrow().shared.health.begun();
        let credentials = config.credentials.clone();
        let intake = Intake {
            clock,
            handler,
            asked: 0,
            session,
            watchdog: Watchdog::new(config.stale, config.behind_timeout),
            hub,
            place,
            stats,
            latency,
            measure,
            credentials,
            awaited,
            news,
        };
        let mut pump = Self {
            config,
            reach,
            intake,
            commands,
            transport: Transport::Closed,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: MonoNanos::ZERO,
            stale_check: MonoNanos::ZERO,
            streak: 0,
            sends: None,
            retires: None,
            stopping: false,
        };
        // So that the first check does not come upon frames with maps to be made.
        pump.intake.check(&pump.config.stale);
        pump
    }

    /// Has it tell the director when it has everything that it wants.
    pub(super) fn tell_when_well(&mut self) {
        self.intake.awaited = Some(self.intake.clock.mono());
    }

    /// Runs until it is told to stop or its handle is gone.
    pub(super) async fn run(mut self) -> Ended {
        while !self.stopping {
            self.act().await;
            // A line that was relieved and is lost need not come back.
            if self.retires.is_some() && !self.intake.session.is_open() {
                break;
            }
            self.arm();
            match self.wait().await {
                Input::Step(step) => self.step(step),
                Input::Message(message) => self.message(message),
                Input::Command(command) => self.command(command),
                Input::Timer => self.timer(),
                Input::Idle => self.intake.warm_caches(),
            }
        }
        let was_open = self.intake.session.is_open();
        let unanswered = was_open && !self.intake.session.is_settled();
        self.intake.session.stop();
        let closed_properly = self.close().await;
        self.intake.set_all_states(BookState::Down(DownReason::Stopped));
        let (was_connected, now) = (self.intake.stats.connected, self.intake.clock.now().1);
        self.intake.hub.borrow().shared.health.ended(was_connected, now);
        let Intake { place, .. } = self.intake;
        let stats = self.intake.stats();
        let latency = self.intake.latency;
        Ended { place, stats, latency, was_open, closed_properly, unanswered }
    }

    async fn wait(&mut self) -> Input {
        let transport = &mut self.transport;
        let sleeps = !self.config.busy_poll || !matches!(transport, Transport::Open(_));
        // The runtime looks at the sockets before it comes back from here.
        let idle = async {
            match sleeps {
                true => std::future::pending().await,
                false => tokio::task::yield_now().await,
            }
        };
        let socket = async {
            match transport {
                Transport::Closed => std::future::pending().await,
                Transport::Attempt(attempt) => Input::Step(attempt.next().await),
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
                () = idle => Input::Idle,
            };
        }
        self.streak = 0;
        // Neither must it keep the director and the other connections from their turn.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            command = self.commands.recv() => Input::Command(command),
            () = self.timer.as_mut() => Input::Timer,
            input = socket => input,
            () = idle => Input::Idle,
        }
    }

    /// Sets the timer to what is due next. Only an earlier deadline than the one it is set to
    /// touches it: a later one is found when it fires.
    fn arm(&mut self) {
        let stale = self.stale_check + STALE_CHECK;
        let due = [self.intake.session.poll_timeout(), self.sends, self.retires];
        let next = due.into_iter().flatten().fold(stale, MonoNanos::min);
        if next < self.armed || self.timer.is_elapsed() {
            self.armed = next;
            self.timer.as_mut().reset(self.intake.clock.deadline(next));
        }
    }

    fn timer(&mut self) {
        let mono = self.intake.clock.mono();
        self.intake.session.handle_timeout(mono);
        self.sends = self.sends.filter(|at| *at > mono);
        if mono.since(self.stale_check) >= STALE_CHECK {
            self.stale_check = mono;
            self.intake.check(&self.config.stale);
        }
        self.intake.look_after_patience(mono);
        self.stopping |= self.retires.is_some_and(|at| at <= mono);
    }

    /// Does what the session wants done, and tells what it has to tell.
    async fn act(&mut self) {
        self.intake.tell();
        self.intake.herald();
        while let Some(action) = self.intake.session.poll_action() {
            match action {
                Action::Connect => self.connect(),
                Action::Login => self.login().await,
                Action::Send(text) => self.send(text).await,
                Action::Close => {
                    self.close().await;
                }
            }
            self.intake.tell();
        }
    }

    /// Sends the login request, whose text must not be logged.
    async fn login(&mut self) {
        // Signed with the system's time, which the exchange compares with its own.
        let wall = self.intake.clock.system();
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
        let within = self.config.session.ack_timeout.min(SEND_WITHIN);
        match tokio::time::timeout(within, socket.send(Message::text(text))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.lost(&error),
            Err(_) => self.lost(&"the other side does not read"),
        }
    }

    /// Closes whatever there is. A connection that was given up is closed beside what follows; the
    /// last one is waited for, for as long as the bound allows, and what comes until then is taken.
    ///
    /// Says whether the last one was closed properly.
    async fn close(&mut self) -> bool {
        self.intake.hub.borrow_mut().waits_no_more(self.intake.place);
        match std::mem::replace(&mut self.transport, Transport::Closed) {
            Transport::Closed => {}
            Transport::Attempt(attempt) => {
                if let Attempt::Dialing(_) = attempt {
                    self.reach.connector.unreachable(self.reach.route());
                }
                attempt.abort();
                self.reach.redirected = None;
            }
            Transport::Open(socket) if self.stopping => {
                let intake = &mut self.intake;
                return close_within(socket, |message| intake.data(message)).await;
            }
            Transport::Open(socket) => {
                tokio::spawn(close_within(socket, |_| {}));
            }
        }
        false
    }

    pub(super) fn lost(&mut self, error: &dyn std::fmt::Display) {
        self.note_loss(error);
        self.intake.session.handle_disconnected(self.intake.clock.mono());
    }

    pub(super) fn note_loss(&mut self, error: &dyn std::fmt::Display) {
        let url = &self.reach.route().target;
        // A loss that repeats is a warning at its first, second, fourth, … time.
        let losses = self.intake.stats.losses + 1;
        if losses.is_power_of_two() {
            tracing::warn!(%error, losses, %url, "connection lost");
        } else {
            tracing::debug!(%error, losses, %url, "connection lost");
        }
        self.intake.hub.borrow_mut().waits_no_more(self.intake.place);
        self.intake.stats.last_loss = Some(error.to_string());
        self.reach.redirected = None;
        self.transport = Transport::Closed;
    }

    /// The other side closes: the close frame is answered beside what follows.
    fn closed(&mut self, error: &dyn std::fmt::Display) {
        if let Transport::Open(socket) = std::mem::replace(&mut self.transport, Transport::Closed) {
            tokio::spawn(close_within(socket, |_| {}));
        }
        self.lost(error);
    }

    fn message(&mut self, message: Option<Result<Message, WsError>>) {
        match message {
            Some(Ok(Message::Close(Some(frame)))) => {
                // One that has been given all that it asked for has not asked for too much.
                let is_asking = !self.intake.session.is_settled();
                if TOO_MANY.contains(&u16::from(frame.code)) && is_asking {
                    let Intake { hub, place, handler, asked, .. } = &mut self.intake;
                    hub.borrow_mut().too_many(*place, handler, *asked);
                }
                self.closed(&frame);
            }
            Some(Ok(Message::Close(None))) => self.closed(&"closed by the other side"),
            None => self.lost(&"closed by the other side"),
            Some(Ok(message)) => self.intake.data(&message),
            Some(Err(error)) => self.lost(&error),
        }
    }

    fn command(&mut self, command: Option<LineCommand>) {
        let (mono, wall) = self.intake.clock.now();
        let Intake { handler, session, hub, place, news, asked, .. } = &mut self.intake;
        match command {
            Some(LineCommand::Subscribe(subscription, reply)) => {
                // The handle has refused what is of the other dialect.
                let _ = handler.subscribe(subscription);
                if let Some(reply) = reply {
                    // There may be an arbiter since this was asked. A caller that does not wait any
                    // more needs no answer.
                    let mut hub = hub.borrow_mut();
                    let readers = match hub.arbiter_mut(*place) {
                        Some(arbiter) => {
                            arbiter.subscribe(subscription);
                            Readers::of_lines(arbiter, &subscription)
                        }
                        None => Readers::of(handler, &subscription),
                    };
                    let _ = reply.send(readers);
                }
                session.want(subscription, mono);
                *asked += 1;
                self.sends.get_or_insert(mono + GATHER);
            }
            Some(LineCommand::Unsubscribe(subscription)) => {
                let mut hub = hub.borrow_mut();
                let pass = &mut |event: &Event<'_>| hub.on_event(*place, event);
                handler.unsubscribe(&subscription, wall, pass);
                hub.heard.give_up(*place, &subscription);
                session.unwant(&subscription);
                self.sends.get_or_insert(mono + GATHER);
                *news = true;
            }
            // A caller that does not wait any more needs no answer.
            Some(LineCommand::Stats(reply)) => drop(reply.send(self.intake.stats())),
            Some(LineCommand::Latency(reply)) => drop(reply.send(self.intake.latency.clone())),
            Some(LineCommand::Retire) if session.is_open() => self.retires = Some(mono + LINGER),
            Some(LineCommand::Retire | LineCommand::Stop) | None => self.stopping = true,
        }
    }
}

/// Sends a close frame, or the answer to one that came, and reads to the end, within the bound; says
/// whether it came to that.
async fn close_within(mut socket: Socket, mut take: impl FnMut(&Message)) -> bool {
    let closing = async {
        // The method of the stream itself sends nothing where the other side has closed first.
        SinkExt::close(&mut *socket).await?;
        let mut streak = 0;
        while let Some(message) = socket.next().await.transpose()? {
            streak += 1;
            if streak % MAX_STREAK == 0 {
                // Else a flood would leave the bound no chance.
                tokio::task::yield_now().await;
            }
            take(&message);
        }
        Ok::<(), WsError>(())
    };
    // The other side may be gone; then there is nobody to be polite to.
    matches!(tokio::time::timeout(CLOSE_WITHIN, closing).await, Ok(Ok(())))
}
