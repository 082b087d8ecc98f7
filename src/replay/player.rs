//! What each line of a capture does to the connections.

use std::path::Path;
use std::time::Duration;

use super::config::ReplayConfig;
use super::connections::{Connections, Key};
use super::file::EntrySource;
use super::marks;
use super::report::ReplayReport;
use crate::capture::{Entry, EntryKind, LineFault, LineForm, Mark, gap_times, read_gap};
use crate::event::{Event, EventSink, Gap, Malformed};
use crate::model::{BookState, Dialect, Subscription, UnixNanos};
use crate::wire::Frame;

/// How often books are checked for silence where the capture does not say which were silent.
const STALE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What is missing between two files of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole<'f> {
    /// The file behind it.
    pub(super) path: &'f Path,
    /// How many files are missing; 0 where the end of the one before is.
    pub(super) missing: u64,
    /// The last time before it and the first one behind it.
    pub(super) first: UnixNanos,
    pub(super) last: UnixNanos,
}

/// Plays lines.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) connections: Connections,
    config: ReplayConfig,
    /// What is played, where it was named.
    subscriptions: Vec<Subscription>,
    pub(super) report: ReplayReport,
    /// When books were checked for silence, where the capture does not say.
    stale_checked: UnixNanos,
    /// The empty lines since the last other line of their recording, and how many. At the end of a
    /// file they are no fault.
    empty_lines: Vec<(Key, LineForm, u64)>,
}

impl Player {
    pub(super) fn new(
        dialect: Dialect,
        config: ReplayConfig,
        subscriptions: Vec<Subscription>,
        is_merged: bool,
    ) -> Self {
        Self {
            connections: Connections::new(dialect, config, is_merged),
            config,
            subscriptions,
            report: ReplayReport::default(),
            stale_checked: UnixNanos::UNKNOWN,
            empty_lines: Vec::new(),
        }
    }

    /// Plays a line of time `ts`. Returns whether it was a frame.
    #[inline]
    pub(super) fn play<S: EventSink>(
        &mut self,
        origin: EntrySource,
        entry: Entry<'_>,
        ts: UnixNanos,
        sink: &mut S,
    ) -> bool {
        let key = (origin.recording, entry.connection);
        if !self.empty_lines.is_empty() && !matches!(entry.kind, EntryKind::Empty(_)) {
            self.empty_lines(origin.recording, ts, sink);
        }
        match entry.kind {
            EntryKind::Frame(_) | EntryKind::Empty(_) | EntryKind::Malformed(_)
                if ts < self.config.from =>
            {
                false
            }
            EntryKind::Frame(frame) => {
                self.frame(origin, key, frame, ts, sink);
                true
            }
            EntryKind::Mark(mark, text) => {
                self.mark(key, mark, text, ts, sink);
                false
            }
            EntryKind::Empty(form) => {
                match self.empty_lines.iter_mut().find(|(of, ..)| *of == key) {
                    Some((.., count)) => *count += 1,
                    None => self.empty_lines.push((key, form, 1)),
                }
                false
            }
            EntryKind::Malformed(fault) => {
                self.malformed(key, fault, ts, sink);
                false
            }
            EntryKind::Unknown => false,
        }
    }

    /// A line that can't be read: its frame is lost.
    #[cold]
    fn malformed<S: EventSink>(&mut self, key: Key, fault: LineFault, ts: UnixNanos, sink: &mut S) {
        self.report.malformed_lines += 1;
        let LineFault { kind, offset } = fault;
        sink.on_event(&Event::Malformed(Malformed {
            kind,
            offset,
            subscription: None,
            ts_recv: ts,
        }));
        let mut keys = self.connections.of_recording(key.0);
        keys.retain(|of| *of == key || fault.hides_connection());
        for key in keys {
            self.connections.with(key, sink, |handler, sink| handler.frames_lost(ts, sink));
        }
    }

    /// The empty lines of a recording that has a further line.
    #[cold]
    fn empty_lines<S: EventSink>(&mut self, recording: usize, ts: UnixNanos, sink: &mut S) {
        let all = std::mem::take(&mut self.empty_lines);
        let (of, others) = all.into_iter().partition(|(key, ..)| key.0 == recording);
        self.empty_lines = others;
        for (key, form, count) in of {
            let kind = if form == LineForm::Tsv { "tsv" } else { "json" };
            (0..count).for_each(|_| self.malformed(key, LineFault { kind, offset: 0 }, ts, sink));
        }
    }

    #[inline]
    fn frame<S: EventSink>(
        &mut self,
        origin: EntrySource,
        key: Key,
        frame: Frame<'_>,
        ts: UnixNanos,
        sink: &mut S,
    ) {
        self.report.frames += 1;
        self.report.frame_bytes += frame.len() as u64;
        self.report.last = ts;
        if self.report.frames == 1 {
            self.report.first = ts;
        }
        if !origin.is_of_client {
            self.check_stale(origin.recording, ts, sink);
        }
        // A malformed frame is an event, and is counted.
        let run = self.connections.with(key, sink, |handler, sink| {
            let _ = handler.on_frame(frame, ts, sink);
        });
        if run.is_none() {
            return self.first_frame(origin, key, frame, ts, sink);
        }
        if self.connections.discovery.has_found() {
            self.run_again(key, frame, ts, sink);
        }
    }

    /// The first frame of a connection that nothing announced.
    #[cold]
    fn first_frame<S: EventSink>(
        &mut self,
        origin: EntrySource,
        key: Key,
        frame: Frame<'_>,
        ts: UnixNanos,
        sink: &mut S,
    ) {
        self.report.frames -= 1;
        self.report.frame_bytes -= frame.len() as u64;
        if self.open(key, 1) {
            self.frame(origin, key, frame, ts, sink);
        }
    }

    fn open(&mut self, key: Key, lines: usize) -> bool {
        let is_open = self.connections.open(key, lines);
        if is_open {
            for subscription in self.subscriptions.clone() {
                self.connections.subscribe(key, subscription);
            }
        }
        is_open
    }

    /// Subscribes what a frame has without a subscription, and runs it once more for that.
    #[cold]
    fn run_again<S: EventSink>(&mut self, key: Key, frame: Frame<'_>, ts: UnixNanos, sink: &mut S) {
        let mut subscribed = Vec::new();
        for subscription in self.connections.discovery.take() {
            if self.connections.subscription_count() < self.config.max_subscriptions {
                self.connections.subscribe(key, subscription);
                subscribed.push(subscription);
            } else {
                self.report.left_out += 1;
            }
        }
        if subscribed.is_empty() {
            return;
        }
        self.connections.discovery.begin_again(subscribed);
        self.connections.with(key, sink, |handler, sink| {
            // The frame has been counted.
            let stats = *handler.stats();
            let _ = handler.on_frame(frame, ts, sink);
            handler.set_stats(stats);
        });
        self.connections.discovery.end();
    }

    fn check_stale<S: EventSink>(&mut self, recording: usize, ts: UnixNanos, sink: &mut S) {
        let since = ts.since(self.stale_checked);
        if since.is_none_or(|since| since < STALE_CHECK_INTERVAL) {
            return;
        }
        self.stale_checked = ts;
        let limits = self.config.stale;
        for key in self.connections.of_recording(recording) {
            self.connections.with(key, sink, |handler, sink| handler.mark_stale(&limits, ts, sink));
            self.connections.mark_stale(key, ts, sink);
        }
    }

    #[cold]
    fn mark<S: EventSink>(
        &mut self,
        key: Key,
        mark: Mark,
        text: &[u8],
        ts: UnixNanos,
        sink: &mut S,
    ) {
        match mark {
            Mark::Line => self.on_line(key, text, ts, sink),
            Mark::State => {
                if let Some((state, Some(subscription))) = marks::state(text) {
                    self.connections.with(key, sink, |handler, sink| {
                        handler.set_state(&subscription, state, ts, sink);
                    });
                }
            }
            Mark::States => {
                if let Some((state, _)) = marks::state(text) {
                    self.set_states(key, state, ts, sink);
                }
            }
            Mark::Tick => {
                self.connections.with(key, sink, |handler, _| {
                    marks::age_changes(text).for_each(|change| handler.change_ages(change));
                });
                self.connections.mark_stale(key, ts, sink);
            }
            Mark::Unsubscribe => {
                let name = std::str::from_utf8(text).unwrap_or_default();
                if let Ok(subscription) = name.parse() {
                    self.connections.unsubscribe_group(key, &subscription, ts, sink);
                }
            }
            Mark::End => self.connections.end(key, ts, sink),
            Mark::Lost => {
                self.report.losses += 1;
                // Another recorder's mark is all that says so; a client's states follow.
                if text.is_empty() {
                    self.set_states(key, BookState::Connecting, ts, sink);
                }
            }
            Mark::Gap => {
                // What is left out can't be missing.
                let last = gap_times(text).map_or(ts, |(_, last)| last);
                if last >= self.config.from {
                    let (lines, reason) = read_gap(text);
                    self.on_gap(key.0, Gap { lines, reason, ts_recv: ts }, sink);
                }
            }
            Mark::Finish | Mark::File | Mark::Open | Mark::Control | Mark::Sent | Mark::Close => {}
        }
    }

    fn set_states<S: EventSink>(
        &mut self,
        key: Key,
        state: BookState,
        ts: UnixNanos,
        sink: &mut S,
    ) {
        self.connections.with(key, sink, |handler, sink| handler.set_all_states(state, ts, sink));
    }

    /// Makes a connection's subscriptions those of the mark; where some were named, those of them.
    fn on_line<S: EventSink>(&mut self, key: Key, text: &[u8], ts: UnixNanos, sink: &mut S) {
        let Some((lines, all)) = marks::subscriptions(text) else { return };
        let named = std::mem::take(&mut self.subscriptions);
        let wanted: Vec<_> =
            all.filter(|subscription| named.is_empty() || named.contains(subscription)).collect();
        self.connections.discovery.missing.retain(|named| !wanted.contains(named));
        if self.connections.open(key, lines) {
            self.connections.with(key, sink, |handler, sink| {
                let ended = handler.slots().iter().map(|slot| *slot.subscription());
                let ended: Vec<_> = ended.filter(|old| !wanted.contains(old)).collect();
                for subscription in ended {
                    handler.unsubscribe(&subscription, ts, sink);
                }
            });
            for subscription in wanted.into_iter().take(self.config.max_subscriptions) {
                self.connections.subscribe(key, subscription);
            }
        }
        self.subscriptions = named;
    }

    /// A file of a client's recording does not go on where the one before it ends.
    #[cold]
    pub(super) fn on_hole<S: EventSink>(
        &mut self,
        origin: EntrySource,
        hole: &Hole<'_>,
        ts: UnixNanos,
        sink: &mut S,
    ) {
        if hole.last < self.config.from || hole.first >= self.config.to {
            return;
        }
        let reason = match hole.missing {
            0 => "the file before does not reach to the next one",
            missing => {
                self.report.missing_files.push((hole.path.to_owned(), missing));
                "a file of the recording is missing"
            }
        };
        self.on_gap(origin.recording, Gap { lines: 0, reason, ts_recv: ts }, sink);
    }

    /// What came in a gap is not known.
    fn on_gap<S: EventSink>(&mut self, recording: usize, gap: Gap<'_>, sink: &mut S) {
        let ts = gap.ts_recv.max(self.config.from);
        self.report.gaps += 1;
        self.report.missing_lines += gap.lines;
        sink.on_event(&Event::Gap(Gap { ts_recv: ts, ..gap }));
        for key in self.connections.of_recording(recording) {
            self.connections.with(key, sink, |handler, sink| handler.frames_lost(ts, sink));
        }
    }

    /// The end of a recording. A client that was stopped has recorded that its connections are
    /// down; one that was killed has not, and has lost them.
    pub(super) fn end_recording<S: EventSink>(
        &mut self,
        origin: EntrySource,
        ts: UnixNanos,
        sink: &mut S,
    ) {
        for key in self.connections.of_recording(origin.recording) {
            self.set_states(key, BookState::Connecting, ts, sink);
            if !origin.is_of_client {
                self.connections.end(key, ts, sink);
            }
        }
    }
}
