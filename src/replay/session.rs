//! A replay that runs.

use std::fmt;

use super::config::ReplayConfig;
use super::error::ReplayError;
use super::file::{FileEnd, FileHead, Position};
use super::merge::Merge;
use super::pace::Pace;
use super::player::{Hole, Player};
use super::report::ReplayReport;
use crate::capture::{EntryKind, Mark, gap_times};
use crate::event::{EventSink, NoSink};
use crate::model::{BookState, Dialect, Subscription, SubscriptionId, UnixNanos};
use crate::publish::{BookReader, DepthReader, TradeReader};

/// Plays captures to a sink and to readers, as a [`Client`](crate::Client) plays the exchange's
/// connections: the frames go through [`FeedHandler`](crate::FeedHandler) with the times at which
/// they were received.
///
/// A strategy that is written for a client runs unchanged: it gets the same events, of the same
/// types, in the same order, and reads the same readers. What a client recorded gives exactly the
/// events that the client's own sink had, those of redundant lines arbitrated; the same files give
/// the same events on any machine.
///
/// Everything runs on the caller's thread, in memory that does not grow with the files.
///
/// # Example
/// ```no_run
/// use okx_feed::{Event, Replay};
///
/// let mut trades = 0;
/// let report = Replay::builder()
///     .file("capture/okx-feed-20261130T080000.000000000Z.tsv.zst")
///     .on_event(|event: &Event<'_>| trades += u32::from(matches!(event, Event::Trade(_))))
///     .open()?
///     .run()?;
/// println!("{} frames, {} gaps", report.frames, report.gaps);
/// # Ok::<(), okx_feed::replay::ReplayError>(())
/// ```
pub struct Replay<S = NoSink> {
    config: ReplayConfig,
    merge: Merge,
    player: Player,
    pace: Pace,
    sink: S,
    now: UnixNanos,
    is_ended: bool,
    /// Whether it has ended before the files have.
    is_cut: bool,
}

impl<S: EventSink> Replay<S> {
    pub(super) fn new(config: ReplayConfig, merge: Merge, player: Player, sink: S) -> Self {
        let pace = Pace::new(config.speed);
        let now = UnixNanos::UNKNOWN;
        Self { config, merge, player, pace, sink, now, is_ended: false, is_cut: false }
    }

    /// Plays to the end.
    ///
    /// # Errors
    /// [`ReplayError::Capture`] where a file can't be read any further.
    pub fn run(mut self) -> Result<ReplayReport, ReplayError> {
        while self.step()? {}
        Ok(self.report())
    }

    /// Plays the next line. False at the end.
    ///
    /// # Errors
    /// [`ReplayError::Capture`] where a file can't be read any further.
    #[inline]
    pub fn step(&mut self) -> Result<bool, ReplayError> {
        let next = self.merge.next()?;
        while let Some(at) = self.merge.take_ended() {
            self.on_file_end(at)?;
        }
        let Self { merge, player, pace, sink, config, now, .. } = self;
        let file = next.and_then(|at| merge.file(at));
        let Some(file) = file else { return Ok(self.end()) };
        let (origin, last) = (file.origin(), file.last);
        let Some(entry) = file.reader.next_entry()? else { return Ok(self.end()) };
        let ts = entry.ts_recv.max(last);
        file.last = ts;
        // A file of the same recording that begins later repeats what is known.
        *now = ts.max(*now);
        if config.is_over(*now) {
            self.is_cut = true;
            // What is missing may have begun before.
            if let EntryKind::Mark(Mark::Gap, text) = entry.kind
                && gap_times(text).is_some_and(|(first, _)| first < config.to)
            {
                player.play(origin, entry, *now, sink);
            }
            return Ok(self.end());
        }
        pace.wait(*now);
        let ts = match entry.kind {
            // A client gives all frames of a read the time of the read, and what it did between two
            // of them a later one.
            EntryKind::Frame(_) if origin.is_of_client => entry.ts_recv,
            // The first line, or that of a further file in this one.
            EntryKind::Mark(Mark::File, text) => {
                let head = file.head.as_ref().filter(|_| file.is_head_read);
                let position = Position { head, latest: last, end: file.end };
                let is_further = file.is_head_read || last != UnixNanos::UNKNOWN;
                let next = FileHead::parse(text);
                if is_further
                    && let Some(next) = &next
                    && !position.is_continued_by(next)
                {
                    let missing = position.missing_before(next);
                    let hole = Hole { path: &file.path, missing, first: last, last: ts };
                    player.on_hole(origin, &hole, *now, sink);
                }
                (file.head, file.end, file.is_head_read) = (next, FileEnd::Open, true);
                *now
            }
            EntryKind::Mark(Mark::Finish, text) => {
                file.end = if text == b"yes" { FileEnd::Followed } else { FileEnd::Last };
                *now
            }
            _ => *now,
        };
        if player.play(origin, entry, ts, sink) {
            sink.on_drained();
        }
        Ok(true)
    }

    /// The time of the line that [`Replay::step`] plays next; `None` at the end.
    ///
    /// # Errors
    /// As [`Replay::step`].
    pub fn next_time(&mut self) -> Result<Option<UnixNanos>, ReplayError> {
        let next = self.merge.next()?;
        let Some(file) = next.and_then(|at| self.merge.file(at)) else { return Ok(None) };
        Ok(file.next_time()?.map(|time| time.max(self.now)))
    }

    /// A file is at its end: the next one of its recording goes on there, or something is missing.
    #[cold]
    fn on_file_end(&mut self, at: usize) -> Result<(), ReplayError> {
        let Self { merge, player, sink, now, .. } = self;
        let Some((file, next)) = merge.with_next(at) else { return Ok(()) };
        if file.head.is_none() || file.reader.is_limited() {
            return Ok(());
        }
        let Some(next) = next else {
            // It was killed, while other recordings go on, or goes on in a file that is not there.
            if file.end != FileEnd::Last {
                player.end_recording(file.origin(), *now, sink);
            }
            return Ok(());
        };
        let earliest = next.earliest()?;
        let position = file.position();
        if let (Some(head), Some(earliest)) = (&next.head, earliest)
            && !position.is_continued_by(head)
        {
            let missing = position.missing_before(head);
            let (first, path) = (position.latest, &next.path);
            let hole = Hole { path, missing, first, last: earliest };
            player.on_hole(file.origin(), &hole, *now, sink);
        }
        Ok(())
    }

    #[cold]
    fn end(&mut self) -> bool {
        if !std::mem::replace(&mut self.is_ended, true) {
            self.is_cut |= self.merge.files().iter().any(|file| file.reader.is_limited());
            let Self { merge, player, sink, now, .. } = self;
            for file in merge.files() {
                player.end_recording(file.origin(), *now, sink);
            }
        }
        false
    }

    /// Reads what stands before the first frame: which connections there are.
    pub(super) fn begin(&mut self) -> Result<(), ReplayError> {
        let mut begun = Vec::new();
        loop {
            let next = self.merge.next()?;
            let Some(file) = next.and_then(|at| self.merge.file(at)) else { return Ok(()) };
            let recording = file.recording;
            if begun.contains(&recording) {
                return Ok(());
            }
            let Some(entry) = file.reader.peek()? else { return Ok(()) };
            match entry.kind {
                EntryKind::Mark(Mark::File | Mark::Line | Mark::Gap, _) => {}
                _ => {
                    begun.push(recording);
                    continue;
                }
            }
            if !self.step()? {
                return Ok(());
            }
        }
    }

    /// What was played until now.
    #[must_use]
    pub fn report(&self) -> ReplayReport {
        let mut report = self.player.report.clone();
        report.feed = self.player.connections.stats();
        report.not_found.clone_from(&self.player.connections.discovery.missing);
        let torn = self.merge.files().iter().filter(|file| file.reader.is_torn());
        report.torn.extend(torn.map(|file| file.path.clone()));
        if self.is_ended && !self.is_cut {
            for file in self.merge.last_of_recordings().filter(|file| !file.reader.is_torn()) {
                match file.end {
                    FileEnd::Open => report.unfinished.push(file.path.clone()),
                    FileEnd::Followed => report.continued.push(file.path.clone()),
                    FileEnd::Last => {}
                }
            }
        }
        report
    }

    /// The dialect of the captures.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.player.connections.dialect()
    }

    /// The time of the last line that was played.
    #[must_use]
    pub const fn now(&self) -> UnixNanos {
        self.now
    }

    /// The bytes of all files that were read, and all bytes.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let all = self.merge.files().iter().map(|file| file.reader.progress());
        all.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
    }

    /// The sink.
    pub const fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The subscriptions: those that were named, or those that the capture has shown so far.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.player.connections.subscriptions()
    }

    /// The number of a subscription, which all of its events have.
    #[must_use]
    pub fn subscription_id(&self, subscription: &Subscription) -> Option<SubscriptionId> {
        self.player.connections.subscription_id(subscription)
    }

    /// The state of a subscription; `None` where it is not subscribed.
    #[must_use]
    pub fn state(&self, subscription: &Subscription) -> Option<BookState> {
        self.player.connections.state(subscription)
    }

    /// A reader of a subscription's book, for any thread; `None` where the channel has none.
    #[must_use]
    pub fn book_reader(&mut self, subscription: &Subscription) -> Option<BookReader> {
        self.player.connections.book_reader(subscription)
    }

    /// A reader of the best levels of a subscription's order book, for any thread; `None` where the
    /// channel has none.
    #[must_use]
    pub fn depth_reader(&mut self, subscription: &Subscription) -> Option<DepthReader> {
        self.player.connections.depth_reader(subscription)
    }

    /// A reader of a subscription's trades, for any thread; `None` where the channel has none.
    #[must_use]
    pub fn trade_reader(&mut self, subscription: &Subscription) -> Option<TradeReader> {
        self.player.connections.trade_reader(subscription)
    }
}

impl<S> fmt::Debug for Replay<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("now", &self.now).finish_non_exhaustive()
    }
}
