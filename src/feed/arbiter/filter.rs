//! Whether an update that a line delivers is new: the one rule of redundant lines.

use std::cmp::Ordering;
use std::time::Duration;

use super::accepted::{Accepted, AcceptedUpdates, LONGEST_LAG};
use super::key::UpdateKey;
use crate::book::Book5;
use crate::model::{BookState, ChannelKind, NO_SEQ, UnixNanos};

/// So long a line that joins waits for one of its updates to be accepted from another line.
const JOIN_WAIT: Duration = Duration::from_secs(1);

/// What becomes of an update that a line delivers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arbitration {
    /// It is new.
    Accepted,
    /// It was accepted before. If it is current, it is the last one, which its line sends again or
    /// begins with: it is still so.
    Duplicate { first: Accepted, is_current: bool },
    /// It is older than what is shown.
    Outdated,
    /// It is not known yet whether it is new.
    Held,
}

/// A line of one subscription: its state, and where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    /// What its own feed has; `None` where there is no such line now.
    pub(super) state: Option<BookState>,
    /// The position of what it delivered last, 0 where nothing that it delivered on this connection
    /// was found.
    position: u64,
    /// Whether its own feed has missed or rejected something since then.
    skips: bool,
    /// The number of what it delivered first on this connection, while its position is 0.
    first_seq: Option<i64>,
    /// Whether the clock may have stepped back since its last accepted update, and no line saw it:
    /// its own feed has rejected what its connection began with, or the times of what was not found
    /// have fallen.
    has_stepped: bool,
    /// The time of what it delivered last, if that was not found.
    unmatched_ts: UnixNanos,
    /// Since when it delivers what is not found and not known to be old.
    unmatched_since: Option<UnixNanos>,
}

impl Line {
    fn is_live(&self) -> bool {
        self.state.is_some_and(BookState::is_live)
    }

    /// Whether it is known what comes next from it: what was accepted after its position.
    fn is_known(&self) -> bool {
        self.position > 0 && !self.skips
    }

    /// What it has delivered last is the accepted update at that position.
    fn move_to(&mut self, position: u64) {
        *self = Self { state: self.state, position, ..Self::default() };
    }
}

/// An update that its line holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) line: usize,
    pub(super) key: UpdateKey,
    /// The five-level book. Of an order book or a record its line holds the last message only: the
    /// next one has it whole.
    pub(super) book: Option<Book5>,
}

/// The accepted updates of one subscription, and where its lines stand.
#[derive(Debug)]
pub(super) struct UpdateFilter {
    pub(super) accepted: AcceptedUpdates,
    /// Whether each update is accepted, in whatever order; else each replaces the one before it.
    pub(super) is_stream: bool,
    pub(super) lines: Vec<Line>,
    /// What is held, in the order in which it came.
    pub(super) held: Vec<Held>,
}

impl UpdateFilter {
    /// `open` says which lines there are.
    pub(super) fn new(kind: ChannelKind, open: &[bool]) -> Self {
        let (is_stream, len, held) = match kind {
            ChannelKind::Book5 => (false, 64, 32),
            ChannelKind::Depth | ChannelKind::Latest(_) => (false, 64, 8),
            ChannelKind::Trades => (true, 1024, 0),
            ChannelKind::Stream(_) | ChannelKind::Raw => (true, 256, 0),
        };
        let (accepted, held) = (AcceptedUpdates::new(len), Vec::with_capacity(held));
        let mut new = Self { accepted, is_stream, lines: Vec::new(), held };
        new.set_lines(open);
        new
    }

    /// Says which lines there are, of which nothing has come yet.
    pub(super) fn set_lines(&mut self, open: &[bool]) {
        let state = |is_open: &bool| is_open.then_some(BookState::Connecting);
        let line = |is_open| Line { state: state(is_open), ..Line::default() };
        self.lines = open.iter().map(line).collect();
        self.held.clear();
    }

    /// Says that there is a line of that number, of which nothing has come yet.
    pub(super) fn open_line(&mut self, line: usize) {
        self.lines.resize(self.lines.len().max(line + 1), Line::default());
        self.set_state(line, Some(BookState::Connecting));
    }

    /// A line's own feed has another state, or there is no such line any more. One that is lost
    /// forgets where it was. What is stale has rejected what its new connection delivered.
    pub(super) fn set_state(&mut self, line: usize, state: Option<BookState>) {
        let Some(of_line) = self.lines.get_mut(line) else { return };
        let has_begun = of_line.position > 0 || of_line.first_seq.is_some();
        match state {
            None | Some(BookState::Connecting) => *of_line = Line::default(),
            Some(BookState::Stale) if !has_begun => {
                (of_line.first_seq, of_line.has_stepped) = (Some(NO_SEQ), true);
            }
            Some(BookState::Live | BookState::Stale) => {}
            Some(_) => of_line.skips = true,
        }
        of_line.state = state;
        if !of_line.is_live() {
            self.drop_held(line);
        }
    }

    /// Holds an update; where there is no room the oldest goes.
    pub(super) fn hold(&mut self, held: Held) {
        if self.held.len() == self.held.capacity() {
            self.held.remove(0);
        }
        self.held.push(held);
    }

    pub(super) fn drop_held(&mut self, line: usize) {
        self.held.retain(|held| held.line != line);
    }

    /// Takes the first held update of which it is known now what becomes of it. What its line
    /// delivered before it goes.
    pub(super) fn take_decided(&mut self, at: UnixNanos) -> Option<(Held, Arbitration)> {
        let (nth, held, decided) = (0..self.held.len()).find_map(|nth| {
            let held = *self.held.get(nth)?;
            let decided = self.arbitrate(held.line, &held.key, at);
            (!matches!(decided, Arbitration::Held)).then_some((nth, held, decided))
        })?;
        let mut places = 0..;
        self.held.retain(|other| places.next() > Some(nth) || other.line != held.line);
        Some((held, decided))
    }

    /// Whether a line has delivered the last accepted update.
    pub(super) fn is_at_end(&self, line: usize) -> bool {
        self.lines.get(line).is_some_and(|line| line.position == self.accepted.end)
    }

    fn live_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.is_live())
    }

    /// Whether nothing was accepted or confirmed for so long, and no live line has reached what is
    /// shown: where one has, the market is quiet.
    pub(super) fn is_stuck(&self, at: UnixNanos, after: Duration) -> bool {
        let silence = at.since(self.accepted.at).unwrap_or_default();
        silence >= after && !self.live_lines().any(|line| line.position == self.accepted.end)
    }

    /// What becomes of an update. One that is accepted is to be added with
    /// [`UpdateFilter::accept`].
    #[inline]
    pub(super) fn arbitrate(&mut self, line: usize, key: &UpdateKey, at: UnixNanos) -> Arbitration {
        let Self { accepted, lines, .. } = self;
        let Some(of_line) = lines.get_mut(line) else { return Arbitration::Outdated };
        if !of_line.is_live() {
            if of_line.state == Some(BookState::Stale) {
                // It is only old: its time is the exchange's.
                accepted.note_time(key.ts);
                of_line.skips = true;
            }
            return Arbitration::Outdated;
        }
        let is_at_end = of_line.position == accepted.end;
        let is_next = match self.is_stream {
            false => !accepted.last().is_same(key),
            true => key.seq > accepted.highest,
        };
        if is_at_end && is_next {
            return Arbitration::Accepted;
        }
        let Line { position, first_seq, .. } = of_line;
        let (position, is_first) = (*position, *position == 0 && first_seq.is_none());
        let may_be_later = *first_seq.get_or_insert(key.seq) == key.seq && position == 0;
        let found = accepted.find(position, key, may_be_later);
        let found = match self.is_stream {
            false => found,
            true => found.or_else(|| accepted.find(0, key, may_be_later)),
        };
        let Some((found, first)) = found else { return self.unmatched(line, key, at) };
        accepted.note_time(key.ts);
        let is_current = found == accepted.end && (is_first || is_at_end);
        if is_current {
            accepted.at = at;
        }
        of_line.move_to(found.max(position));
        Arbitration::Duplicate { first, is_current }
    }

    /// What becomes of an update that was not accepted before, of a line that does not stand at the
    /// end.
    #[cold]
    fn unmatched(&mut self, line: usize, key: &UpdateKey, at: UnixNanos) -> Arbitration {
        let is_held = self.held.iter().any(|held| held.line == line && held.key == *key);
        let is_stuck = self.is_stuck(at, LONGEST_LAG);
        let Self { accepted, lines, .. } = self;
        let Some(of_line) = lines.get_mut(line) else { return Arbitration::Outdated };
        if !is_held {
            of_line.has_stepped |= key.ts < of_line.unmatched_ts;
            of_line.unmatched_ts = key.ts;
        }
        let order = accepted.compare(key, at);
        let is_newer = order == Some(Ordering::Greater);
        let is_old = match self.is_stream {
            // Numbered updates are the same on all lines: the list has gone past what comes next.
            false => {
                let is_passed = of_line.is_known() && key.seq != NO_SEQ && !is_newer;
                is_passed || order == Some(Ordering::Less)
            }
            // What was accepted after what its line delivered last is still here.
            true => {
                accepted.get(of_line.position).is_none() && accepted.may_have_forgotten(key, at)
            }
        };
        if is_old && !is_stuck {
            accepted.note_time(key.ts);
            return Arbitration::Outdated;
        }
        if is_old || is_newer || self.is_stream {
            return Arbitration::Accepted;
        }
        let since = *of_line.unmatched_since.get_or_insert(at);
        if self.may_lead(since, at) { Arbitration::Accepted } else { Arbitration::Held }
    }

    /// Whether a line that joins may go on from what is not found: no other line goes on, and it
    /// cannot be from before a sequence reset or a clock step, or it has been waited for.
    fn may_lead(&self, since: UnixNanos, at: UnixNanos) -> bool {
        let has_waited = |since: UnixNanos| at.since(since).is_none_or(|wait| wait >= JOIN_WAIT);
        has_waited(since) && has_waited(self.accepted.at)
            || !self.live_lines().any(Line::is_known)
                && self.accepted.discontinuities(at) == (false, false)
    }

    /// Adds an update that was accepted; its line is at the end now.
    #[inline]
    pub(super) fn accept(&mut self, line: usize, key: UpdateKey, at: UnixNanos) {
        let of_line = self.lines.get_mut(line);
        let may_be_step = of_line.as_ref().is_some_and(|line| line.has_stepped);
        self.accepted.append(key, line, at, may_be_step);
        of_line.into_iter().for_each(|line| line.move_to(self.accepted.end));
    }
}
