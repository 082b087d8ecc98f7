//! The hot path of a connection: its frames to books and sink; and the check for silence.

use std::fmt::{Display, Write};
use std::time::Duration;

use arrayvec::ArrayString;

use super::ConnectionDriver;
use crate::client::credentials::Credentials;
use crate::client::recorder::Noted;
use crate::event::{Control, Event, EventSink, StateChange};
use crate::model::{BookState, MonoNanos, Subscription, UnixNanos};
use crate::publish::SharedHistogram;
use crate::session::Session;
use crate::transport::{Received, Transport};
use crate::wire::{DecodeError, Frame};

/// What stands in the place of an answer that repeats the login.
const WITHHELD: &str = "(withheld: it repeats the login request)";

/// How long no frame may come before one is run again to keep the caches warm, where the client
/// does not sleep. A run takes a fiftieth of it in v5 and a tenth in v3: that share of the frames
/// come meanwhile and wait for the rest.
const WARMUP_INTERVAL: Duration = Duration::from_micros(20);

/// Which frame is run through the decoder.
#[derive(Clone, Copy)]
pub(super) enum Source<'s> {
    /// The one that the transport has.
    Transport,
    /// One of the last, for the caches alone.
    Warmup,
    /// The body of a snapshot in SBE.
    #[cfg_attr(not(feature = "rest"), allow(dead_code, reason = "no client without it has SBE"))]
    Snapshot(&'s [u8]),
}

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// One frame to books and sink. Allocates nothing in steady state.
    #[inline]
    pub(super) fn on_frame(&mut self) {
        let Received { mono, wall, in_kernel } = self.transport.received(&self.clock);
        self.session.handle_inbound(mono);
        let error = self.process(Source::Transport, mono, wall);
        #[cfg(feature = "rest")]
        self.ask_for_books();
        if self.config.measure {
            let since_read = self.clock.mono().since(mono);
            record(&self.latency.from_read, since_read);
            if let Some(in_kernel) = in_kernel {
                record(&self.latency.from_kernel, since_read + in_kernel);
            }
        }
        if let Some(error) = error {
            let malformed = self.handler.stats().malformed();
            // A fault that repeats is logged at its first, second, fourth, … time.
            if malformed.is_power_of_two() {
                tracing::warn!(%error, malformed, "malformed frame");
            }
        }
    }

    /// Keeps what a frame needs in the caches, if none came for a while.
    pub(super) fn warm_caches(&mut self) {
        let mono = self.clock.mono();
        if mono.since(self.thread.last_frame.get()) >= WARMUP_INTERVAL {
            self.transport.warm_caches();
            self.process(Source::Warmup, mono, UnixNanos::UNKNOWN);
        }
    }

    /// Runs a frame through decoder, books and sink: with one closure for both sources, since each
    /// closure has a type of its own and that type code of its own.
    #[inline]
    pub(super) fn process(
        &mut self,
        source: Source<'_>,
        mono: MonoNanos,
        wall: UnixNanos,
    ) -> Option<DecodeError> {
        let Self { transport, handler, session, shared, thread, id, states_changed, .. } = self;
        let (stats, config) = (&mut self.stats, &self.config);
        #[cfg(feature = "rest")]
        let book_joins = &mut self.book_joins;
        thread.beats.beat(mono);
        let mut shared = shared.lock_when_needed();
        let mut repeats_login = false;
        // A stamp of the kernel may be earlier than what another connection was given.
        let wall = wall.max(thread.last_received.get());
        let sink = &mut |event: &Event<'_>| {
            match event {
                Event::Control(control) => {
                    let whole = control.message;
                    let control = &withhold(control, config.credentials.as_ref());
                    repeats_login |= control.message != whole;
                    session.handle_control(control, mono);
                    return shared.get().on_event(*id, &Event::Control(*control));
                }
                Event::State(change) => {
                    *states_changed = true;
                    #[cfg(feature = "rest")]
                    if change.to == BookState::Resyncing && book_joins.has(change.subscription) {
                        return shared.get().on_event(*id, event);
                    }
                    on_state(session, change, mono);
                }
                Event::DepthBook(change) => {
                    session.handle_depth(change, mono);
                    #[cfg(feature = "rest")]
                    book_joins.on_change(change, session, mono);
                }
                _ => {}
            }
            shared.get().on_event(*id, event);
        };
        match source {
            Source::Transport => {
                let error = handler.on_frame(transport.frame(), wall, sink).err();
                thread.last_frame.set(mono);
                thread.last_received.set(wall);
                let shared = shared.get();
                if !repeats_login {
                    shared.on_text(handler.text_of(transport.frame()));
                }
                shared.recorder.frame(*id, transport.frame(), repeats_login, wall);
                error
            }
            Source::Snapshot(body) => {
                let error = handler.on_frame(Frame::Binary(body), wall, sink).err();
                shared.get().recorder.frame(*id, Frame::Binary(body), repeats_login, wall);
                error
            }
            Source::Warmup => {
                if handler.warm_caches(sink) {
                    thread.last_frame.set(mono);
                    stats.warmup_frames += 1;
                }
                None
            }
        }
    }

    /// Marks what is silent as stale, once a second.
    pub(super) fn check_stale(&mut self) {
        self.clock.follow();
        let now = self.clock.now();
        let Self { handler, session, shared, id, watchdog, config, .. } = self;
        self.thread.beats.beat(now.0);
        let mut shared = shared.lock();
        let mut received = std::mem::take(&mut shared.received);
        if shared.has_arbiter(id.group) && session.is_open() {
            received.note(*id, handler.slots());
        }
        let others = |subscription: &Subscription| received.by_others(*id, subscription);
        let sink = &mut |event: &Event<'_>| {
            if let Event::State(change) = event {
                shared.recorder.state(*id, change.subscription, change.to, change.ts_recv);
            }
            shared.on_event(*id, event);
        };
        watchdog.check(handler, session, now.0, now.1, others, sink);
        shared.received = received;
        shared.recorder.note(*id, Noted::Tick, now.1, || words(watchdog.age_changes()));
        shared.mark_stale(id.group, &config.stale, now.1);
        shared.recorder.flush_due(now.1);
        shared.publish_stats(id.group);
        drop(shared);
        self.publish_stats(now.0);
    }
}

/// Words with a space between them, as far as there is room. Allocates nothing: it is done once a
/// second.
fn words(all: &[impl Display]) -> ArrayString<64> {
    let mut text = ArrayString::new();
    for (n, word) in all.iter().enumerate() {
        let space = if n == 0 { "" } else { " " };
        // There is room for what one check does.
        let _ = write!(text, "{space}{word}");
    }
    text
}

#[inline]
fn record(histogram: &SharedHistogram, latency: Duration) {
    histogram.record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
}

/// A reply without its text where that repeats the login: an exchange that calls a request invalid
/// may quote it.
#[cold]
fn withhold<'t>(control: &Control<'t>, credentials: Option<&Credentials>) -> Control<'t> {
    let repeats = |text: &str| credentials.is_some_and(|credentials| credentials.are_in(text));
    let message = control.message.map(|text| if repeats(text) { WITHHELD } else { text });
    Control { message, ..*control }
}

/// The control plane: what a frame did to a state decides whether its book is resynchronised.
#[cold]
pub(super) fn on_state(session: &mut Session, change: &StateChange<'_>, now: MonoNanos) {
    match change.to {
        BookState::Resyncing => session.resync(change.subscription, now),
        BookState::Live => session.handle_live(change.subscription, now),
        _ => {}
    }
}
