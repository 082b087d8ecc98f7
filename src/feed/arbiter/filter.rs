//! Whether an update that a line delivers is new: the one rule of redundant lines.

use std::cmp::Ordering;
use std::time::Duration;

use super::accepted::{AcceptedUpdates, LONGEST_LAG};
use super::key::UpdateKey;
use crate::book::Book5;
use crate::model::{BookState, ChannelKind, UnixNanos};

/// So long a line that joins waits for one of its updates to be accepted from another line.
const JOIN_WAIT: Duration = Duration::from_secs(1);

/// What becomes of an update that a line delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arbitration {
    /// It is new.
    Accepted,
    /// It was accepted before, from the line of that number at that time.
    Duplicate { line: usize, first_seen: UnixNanos, of: CopyOf },
    /// It is older than what is shown.
    Outdated,
    /// It is not known yet whether it is new: its line has just joined.
    Held,
}

/// Which update a duplicate is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyOf {
    /// One before the last.
    Earlier,
    /// The last one, and its line has only just come to it.
    Last,
    /// The last one, which its line sends again or begins with: it is still so.
    Current,
}

/// What the updates of a subscription are to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Each replaces the one before it, and may build on it.
    Books,
    /// Each replaces the one before it, and stands alone.
    Latest,
    /// All of them count, in whatever order.
    All,
}

/// A line of one subscription: its state, and where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    /// What its own feed has; `None` where there is no such line now.
    pub(super) state: Option<BookState>,
    /// The position of what it delivered last, 0 where nothing that it delivered on this connection
    /// was found.
    position: u64,
    /// Whether it has delivered anything on this connection.
    has_begun: bool,
    /// The number of what it delivered first on this connection.
    first_seq: Option<i64>,
    /// Whether the clock may have stepped back since its last accepted update, and no line saw it:
    /// its own feed has rejected what its connection began with, or the times of what was not found
    /// have fallen.
    has_stepped: bool,
    /// The time of what it delivered last, if that was not found.
    unmatched_ts: UnixNanos,
    /// Since when it delivers what is not found; `None` where it does not.
    unmatched_since: Option<UnixNanos>,
}

impl Line {
    fn is_live(&self) -> bool {
        self.state.is_some_and(BookState::is_live)
    }
}

/// How many books are held.
const HELD: usize = 32;

/// A five-level book that its line holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldBook {
    pub(super) line: usize,
    pub(super) key: UpdateKey,
    pub(super) book: Book5,
}

/// The accepted updates of one subscription, and where its lines stand.
#[derive(Debug)]
pub(super) struct UpdateFilter {
    pub(super) accepted: AcceptedUpdates,
    pub(super) order: Order,
    pub(super) lines: Vec<Line>,
    /// What is held, in the order in which it came.
    held: Vec<HeldBook>,
}

impl UpdateFilter {
    pub(super) fn new(kind: ChannelKind) -> Self {
        let (order, len) = match kind {
            ChannelKind::Book5 | ChannelKind::Depth => (Order::Books, 64),
            ChannelKind::Latest(_) => (Order::Latest, 64),
            ChannelKind::Trades => (Order::All, 1024),
            ChannelKind::Stream(_) | ChannelKind::Raw => (Order::All, 256),
        };
        let held = Vec::with_capacity(if kind == ChannelKind::Book5 { HELD } else { 0 });
        Self { accepted: AcceptedUpdates::new(len), order, lines: Vec::new(), held }
    }

    /// Makes room for a line of that number.
    pub(super) fn add_line(&mut self, line: usize) {
        self.lines.resize(self.lines.len().max(line + 1), Line::default());
    }

    /// A line's own feed has another state, or there is no such line any more. One that is lost
    /// forgets where it was. What is stale has rejected what its new connection delivered.
    pub(super) fn set_state(&mut self, line: usize, state: Option<BookState>) {
        let Some(of_line) = self.lines.get_mut(line) else { return };
        if matches!(state, None | Some(BookState::Connecting)) {
            *of_line = Line::default();
        }
        of_line.state = state;
        if state == Some(BookState::Stale) && !of_line.has_begun {
            (of_line.has_begun, of_line.has_stepped) = (true, true);
        }
        if !of_line.is_live() {
            self.drop_held(line);
        }
    }

    /// Whether a line holds anything.
    #[inline]
    pub(super) fn holds(&self, line: usize) -> bool {
        self.held.iter().any(|held| held.line == line)
    }

    /// Holds a book; where there is no room the oldest goes.
    #[cold]
    pub(super) fn hold(&mut self, held: HeldBook) {
        if self.held.len() == HELD {
            self.held.remove(0);
        }
        self.held.push(held);
    }

    pub(super) fn drop_held(&mut self, line: usize) {
        self.held.retain(|held| held.line != line);
    }

    /// Takes the first held book of which it is known now what becomes of it. What its line
    /// delivered before it goes.
    pub(super) fn take_decided(&mut self, at: UnixNanos) -> Option<(HeldBook, Arbitration)> {
        let (nth, arbitration) = (0..self.held.len()).find_map(|nth| {
            let HeldBook { line, key, .. } = *self.held.get(nth)?;
            let arbitration = self.arbitrate(line, &key, at);
            (arbitration != Arbitration::Held).then_some((nth, arbitration))
        })?;
        let decided = *self.held.get(nth)?;
        let mut before = nth + 1;
        self.held.retain(|held| {
            let is_later = before == 0;
            before = before.saturating_sub(1);
            is_later || held.line != decided.line
        });
        Some((decided, arbitration))
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
        let end = self.accepted.end;
        let of_line = self.lines.get_mut(line).filter(|line| line.is_live());
        let Some(Line { position, has_begun, first_seq, .. }) = of_line else {
            return self.not_live(line, key);
        };
        let may_be_later = *first_seq.get_or_insert(key.seq) == key.seq && *position == 0;
        let (position, is_first) = (*position, !std::mem::replace(has_begun, true));
        let is_next = match self.order {
            Order::Books | Order::Latest => !self.accepted.is_repeat(end, key),
            Order::All => key.seq > self.accepted.highest,
        };
        if position == end && is_next {
            return Arbitration::Accepted;
        }
        let found = match self.order {
            Order::All => {
                let next = self.accepted.find_after(position, key, may_be_later);
                next.or_else(|| self.accepted.find_after(0, key, may_be_later))
            }
            _ if self.accepted.is_repeat(position, key) => Some(position),
            _ => self.accepted.find_after(position, key, may_be_later),
        };
        let Some(found) = found else { return self.unmatched(line, key, at) };
        self.accepted.note_time(key.ts);
        let of = match found == end {
            false => CopyOf::Earlier,
            true if is_first || position == end => CopyOf::Current,
            true => CopyOf::Last,
        };
        if of == CopyOf::Current {
            self.accepted.at = at;
        }
        self.move_to(line, found.max(position));
        self.accepted.get(found).map_or(Arbitration::Outdated, |known| Arbitration::Duplicate {
            line: known.line,
            first_seen: known.at,
            of,
        })
    }

    /// What becomes of an update of a line that is not live: nothing, but the time of one that is
    /// only old is the exchange's.
    #[cold]
    fn not_live(&mut self, line: usize, key: &UpdateKey) -> Arbitration {
        if self.lines.get(line).is_some_and(|line| line.state == Some(BookState::Stale)) {
            self.accepted.note_time(key.ts);
        }
        Arbitration::Outdated
    }

    /// What becomes of an update that was not accepted before, of a line that does not stand at the
    /// end.
    #[cold]
    fn unmatched(&mut self, line: usize, key: &UpdateKey, at: UnixNanos) -> Arbitration {
        let Some(of_line) = self.lines.get_mut(line) else { return Arbitration::Outdated };
        if !self.held.iter().any(|held| held.line == line && held.key == *key) {
            of_line.has_stepped |= key.ts < of_line.unmatched_ts;
            of_line.unmatched_ts = key.ts;
        }
        let position = of_line.position;
        let order = self.accepted.compare(key, at);
        let is_old = match self.order {
            Order::Books | Order::Latest => {
                let is_skipped = self.accepted.has_skipped(position, key);
                order == Some(Ordering::Less) || of_line.unmatched_since.is_none() && is_skipped
            }
            // What was accepted after what its line delivered last is still here.
            Order::All => {
                let is_known = self.accepted.get(position).is_some();
                !is_known && self.accepted.may_have_forgotten(key, at)
            }
        };
        if is_old && !self.is_stuck(at, LONGEST_LAG) {
            self.accepted.note_time(key.ts);
            return Arbitration::Outdated;
        }
        if is_old || self.order != Order::Books || order == Some(Ordering::Greater) {
            return Arbitration::Accepted;
        }
        if let Some(line) = self.lines.get_mut(line) {
            line.unmatched_since.get_or_insert(at);
        }
        if self.may_lead(line, at) { Arbitration::Accepted } else { Arbitration::Held }
    }

    /// Whether a line may go on from what is not found: no other line goes on, and it cannot be
    /// from before a sequence reset or a clock step, or it has been waited for.
    fn may_lead(&self, line: usize, at: UnixNanos) -> bool {
        let has_waited = |since: UnixNanos| at.since(since).is_none_or(|wait| wait >= JOIN_WAIT);
        let unmatched = self.lines.get(line).and_then(|line| line.unmatched_since);
        let is_known = |line: &Line| {
            line.unmatched_since.is_none() && self.accepted.get(line.position).is_some()
        };
        unmatched.is_some_and(has_waited) && has_waited(self.accepted.at)
            || !self.live_lines().any(is_known) && !self.accepted.is_discontinuous(at)
    }

    /// Adds an update that was accepted; its line is at the end now.
    #[inline]
    pub(super) fn accept(&mut self, line: usize, key: UpdateKey, at: UnixNanos) {
        let may_be_step = self.lines.get(line).is_some_and(|line| line.has_stepped);
        self.accepted.append(key, line, at, may_be_step);
        self.move_to(line, self.accepted.end);
    }

    /// What a line has delivered last is the accepted update at that position.
    pub(super) fn move_to(&mut self, line: usize, position: u64) {
        if let Some(line) = self.lines.get_mut(line) {
            let Line { state, .. } = *line;
            *line = Line { state, position, has_begun: true, ..Line::default() };
        }
    }
}
