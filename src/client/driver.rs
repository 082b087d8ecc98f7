//! One connection: its session, its books and its timers, over whatever transport moves its frames.

#[cfg(feature = "rest")]
mod book_joins;
mod commands;
mod connecting;
mod frames;
mod recording;
mod sbe;
mod sending;
mod session_events;
mod signals;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

#[cfg(feature = "rest")]
use self::book_joins::BookJoins;
use self::signals::{Signal, Signals};
use super::config::ClientConfig;
use super::connection_id::ConnectionId;
use super::ends::ConnectionEnd;
use super::latency::Latencies;
use super::messages::ConnectionCommand;
use super::on_thread::OnThread;
use super::recorder::Noted;
use super::shared::SharedCell;
use super::stats::ConnectionStats;
use super::stats_board::PublishedConnection;
use crate::event::EventSink;
use crate::feed::{FeedHandler, Watchdog};
use crate::model::{BookState, ChannelPath, DownReason, MonoNanos};
use crate::session::{Action, Session};
use crate::transport::{Buffered, Clock, CloseReason, Ready, Transport};

/// How often books are checked for being stale.
const STALE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Most consecutive waits that prefer frames.
const MAX_STREAK: u32 = 64;

/// The codes with which the exchange closes a connection that has too many channels.
///
/// Source: `docs/PROTOCOL.md` 3.3.
const TOO_MANY_CHANNELS: [u16; 2] = [4008, 4009];

/// What woke the driver.
enum Input {
    Transport(Ready),
    Signal(Signal),
    /// All ready frames are processed.
    Drained,
    /// Nothing happened; busy polling.
    Idle,
}

/// How long a connection is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifecycle {
    Running,
    /// Another connection has replaced it: it ends at `until`.
    Draining {
        until: MonoNanos,
    },
    Stopping,
}

/// What a connection is given besides its transport and its handler.
pub(super) struct ConnectionContext<S> {
    pub(super) id: ConnectionId,
    /// The path that it connects to; `None` where one URL serves all.
    pub(super) path: Option<ChannelPath>,
    pub(super) config: Arc<ClientConfig>,
    pub(super) shared: SharedCell<S>,
    pub(super) clock: Clock,
    pub(super) commands: UnboundedReceiver<ConnectionCommand>,
    /// Where its counters are published.
    pub(super) published: PublishedConnection,
}

/// Drives one connection: frames to books and sink, the session's actions to the transport.
pub(super) struct ConnectionDriver<T, S> {
    id: ConnectionId,
    /// Whether its binary frames are SBE, and its login is in the upgrade.
    is_sbe: bool,
    config: Arc<ClientConfig>,
    transport: T,
    clock: Clock,
    handler: FeedHandler,
    session: Session,
    watchdog: Watchdog,
    shared: SharedCell<S>,
    thread: Rc<OnThread>,
    signals: Signals,
    stats: ConnectionStats,
    latency: Latencies,
    published: PublishedConnection,
    /// When the counters were published last.
    published_at: MonoNanos,
    /// How many subscriptions were requested on this connection, including those removed since.
    requested: usize,
    /// Since when the supervisor waits for this connection to be ready, where it does.
    ready_report: Option<MonoNanos>,
    /// Whether a state has changed since it was last checked for being ready.
    states_changed: bool,
    /// When the timer of the signals fires.
    timer_due: MonoNanos,
    /// When books were last checked for being stale.
    stale_checked: MonoNanos,
    /// When the requests that commands have caused are sent.
    send_at: Option<MonoNanos>,
    /// Frames in a row before which commands and timer were not looked at first.
    streak: u32,
    /// Whether the sink has had events since it was last notified that no frame is ready.
    has_processed: bool,
    lifecycle: Lifecycle,
    #[cfg(feature = "rest")]
    book_joins: BookJoins,
}

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// A connection that wants what its handler has. It must be made inside of a runtime.
    pub(super) fn new(
        context: ConnectionContext<S>,
        transport: T,
        handler: FeedHandler,
        thread: Rc<OnThread>,
    ) -> Self {
        let ConnectionContext { id, path, config, shared, clock, commands, published } = context;
        // Connections of one group must not reconnect in step.
        let seed = config.seed ^ ((id.group as u64) << 32 | id.line as u64);
        let session = config.session_of(path);
        let is_sbe = session.sbe.is_some();
        let mut session = Session::new(session, seed);
        for slot in handler.slots().iter() {
            session.subscribe(*slot.subscription(), MonoNanos::ZERO);
        }
        let mut driver = Self {
            id,
            is_sbe,
            transport,
            clock,
            handler,
            session,
            watchdog: Watchdog::new(config.stale, config.behind_timeout),
            #[cfg(feature = "rest")]
            book_joins: BookJoins::new(
                !is_sbe && config.history.as_ref().is_some_and(|of| of.books),
            ),
            config,
            shared,
            thread,
            signals: Signals::new(commands),
            stats: ConnectionStats::new(id),
            latency: published.latency().clone(),
            published,
            published_at: MonoNanos::ZERO,
            requested: 0,
            ready_report: None,
            states_changed: false,
            timer_due: MonoNanos::ZERO,
            stale_checked: MonoNanos::ZERO,
            send_at: None,
            streak: 0,
            has_processed: false,
            lifecycle: Lifecycle::Running,
        };
        driver.record_subscriptions(driver.clock.now().1);
        // The first check allocates its maps: better now than among frames.
        driver.check_stale();
        driver
    }

    /// Runs until a command stops it, or its commands end.
    pub(super) async fn run(mut self) -> ConnectionEnd {
        // The first yield allocates the runtime's list of those that do: better now than when the
        // frames of a burst first let another task run.
        tokio::task::yield_now().await;
        while self.lifecycle != Lifecycle::Stopping {
            self.act().await;
            // A connection that was replaced and is lost need not come back.
            if self.lifecycle != Lifecycle::Running && !self.session.is_open() {
                break;
            }
            self.arm();
            match self.wait().await {
                Input::Transport(ready) => self.on_all_ready(ready),
                Input::Signal(Signal::Command(command)) => self.on_command(command),
                Input::Signal(Signal::Timer) => self.on_timer(),
                Input::Drained => self.on_drained(),
                Input::Idle => self.warm_caches(),
            }
        }
        let was_open = self.session.is_open();
        let unanswered = was_open && !self.session.is_settled();
        self.session.stop();
        let closed_properly = self.shutdown().await;
        self.set_all_states(BookState::Down(DownReason::Stopped));
        let now = self.clock.now().1;
        self.shared.lock().handle.health.ended(self.stats.connected, now);
        let stats = self.stats();
        let published = self.published;
        ConnectionEnd { id: self.id, stats, published, was_open, closed_properly, unanswered }
    }

    async fn wait(&mut self) -> Input {
        // Frames first: everything else can wait for them. But not for ever: a flood of frames must
        // not keep a ping from being sent or the client from being stopped.
        let frames_first = self.streak < MAX_STREAK;
        self.streak += 1;
        if !frames_first {
            self.streak = 0;
            self.publish_due();
            // Neither must it keep the supervisor and the other connections from running.
            tokio::task::yield_now().await;
        }
        let sleeps = !self.config.busy_poll || !self.transport.is_open();
        // The runtime polls the sockets before it comes back from here.
        let mut idle = pin!(tokio::task::yield_now());
        poll_fn(|cx| match self.poll_input(cx, frames_first) {
            Poll::Pending if !sleeps => idle.as_mut().poll(cx).map(|()| Input::Idle),
            input => input,
        })
        .await
    }

    /// What is there; `Pending` where nothing is, which the task is notified of.
    #[inline]
    fn poll_input(&mut self, cx: &mut Context<'_>, frames_first: bool) -> Poll<Input> {
        if !frames_first && let Poll::Ready(signal) = self.signals.poll(cx) {
            return Poll::Ready(Input::Signal(signal));
        }
        if let Poll::Ready(ready) = self.transport.poll_ready(cx) {
            return Poll::Ready(Input::Transport(ready));
        }
        if self.has_processed {
            return Poll::Ready(Input::Drained);
        }
        self.signals.poll(cx).map(Input::Signal)
    }

    /// Reports that no frame is ready, once after the last one.
    fn on_drained(&mut self) {
        self.has_processed = false;
        self.shared.lock().on_drained();
        self.publish_due();
    }

    /// Sets the timer to what is due next. Only an earlier deadline than the one it is set to
    /// touches it: a later one is found when it fires.
    fn arm(&mut self) {
        let drained = match self.lifecycle {
            Lifecycle::Draining { until } => Some(until),
            Lifecycle::Running | Lifecycle::Stopping => None,
        };
        let due = [self.session.poll_timeout(), self.send_at, drained];
        let stale_check = self.stale_checked + STALE_CHECK_INTERVAL;
        let next = due.into_iter().flatten().fold(stale_check, MonoNanos::min);
        if next < self.timer_due || self.signals.is_timer_elapsed() {
            self.timer_due = next;
            self.signals.set_timer(self.clock.deadline(next));
        }
    }

    fn on_timer(&mut self) {
        let mono = self.clock.mono();
        self.session.handle_timeout(mono);
        self.send_at = self.send_at.filter(|at| *at > mono);
        if mono.since(self.stale_checked) >= STALE_CHECK_INTERVAL {
            self.stale_checked = mono;
            self.check_stale();
        }
        self.check_handover_timeout(mono);
        if let Lifecycle::Draining { until } = self.lifecycle
            && until <= mono
        {
            self.lifecycle = Lifecycle::Stopping;
        }
    }

    /// Handles what the transport has, and what else its last read has given.
    #[inline]
    fn on_all_ready(&mut self, ready: Ready) {
        self.on_ready(ready);
        while self.streak < MAX_STREAK {
            match self.transport.buffered() {
                Buffered::Ready(ready) => self.on_ready(ready),
                Buffered::Drained if self.has_processed => return self.on_drained(),
                Buffered::Drained | Buffered::Unknown => return,
            }
            self.streak += 1;
        }
    }

    #[inline]
    fn on_ready(&mut self, ready: Ready) {
        match ready {
            Ready::Frame => {
                self.on_frame();
                self.has_processed = true;
            }
            Ready::PingOrPong => {
                let (mono, wall) = self.clock.now();
                self.session.handle_ping(mono);
                self.record(Noted::Control, wall, || "");
            }
            Ready::CloseRequested(reason) => self.on_close_requested(&reason),
            Ready::Ended(Some(error)) => self.on_disconnected(&error),
            Ready::Ended(None) => self.on_disconnected(&CloseReason::default()),
            Ready::Resolved
            | Ready::TcpConnected
            | Ready::Open
            | Ready::Redirected
            | Ready::Failed(_) => self.on_attempt(ready),
        }
    }

    fn on_close_requested(&mut self, reason: &CloseReason) {
        self.record(Noted::Close, self.clock.now().1, || reason.to_string());
        // One that has been given all that it requested has not requested too much.
        let is_waiting = !self.session.is_settled();
        if reason.code.is_some_and(|code| TOO_MANY_CHANNELS.contains(&code)) && is_waiting {
            self.with_all_commands_applied(|shared, handler, id, requested| {
                shared.report_too_many_channels(id, handler, requested);
            });
        }
        self.transport.close();
        self.on_disconnected(reason);
    }

    /// The connection, or the attempt at one, has failed.
    fn on_disconnected(&mut self, error: &dyn std::fmt::Display) {
        self.note_loss(error);
        self.session.handle_disconnected(self.clock.mono());
    }

    fn note_loss(&mut self, error: &dyn std::fmt::Display) {
        let url = self.transport.address();
        // A loss that repeats is a warning at its first, second, fourth, … time.
        let losses = self.stats.losses + 1;
        if losses.is_power_of_two() {
            tracing::warn!(%error, losses, %url, "connection lost");
        } else {
            tracing::debug!(%error, losses, %url, "connection lost");
        }
        drop(url);
        self.shared.lock().leave_connect_queue(self.id);
        self.stats.last_loss = Some(error.to_string());
        self.transport.reset();
    }

    /// Does what the session wants done.
    async fn act(&mut self) {
        self.drain_session_events();
        self.report_ready();
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect => self.connect(),
                Action::Login => self.log_in().await,
                Action::Send(text) => {
                    tracing::trace!(%text, "sending");
                    self.record(Noted::Sent, self.clock.now().1, || text.as_str());
                    self.send(text).await;
                }
                Action::RequestSnapshot { subscription, id } => {
                    self.ask_for_snapshot(&subscription, id);
                }
                Action::Close => {
                    self.shared.lock().leave_connect_queue(self.id);
                    self.transport.close();
                }
            }
            self.drain_session_events();
        }
    }
}
