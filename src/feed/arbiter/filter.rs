//! Whether an update that a line delivers is new: the one rule of redundant lines.

use std::time::Duration;

use super::accepted::{AcceptedUpdates, LONGEST_LAG};
use super::key::UpdateKey;
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
    /// Whether the clock may have stepped back since its last accepted update: its own feed has
    /// rejected what its connection began with, or the times of what was not found have fallen.
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

/// The accepted updates of one subscription, and where its lines stand.
#[derive(Debug)]
pub(super) struct UpdateFilter {
    pub(super) accepted: AcceptedUpdates,
    pub(super) order: Order,
    pub(super) lines: Vec<Line>,
}

impl UpdateFilter {
    pub(super) fn new(kind: ChannelKind) -> Self {
        let (order, len) = match kind {
            ChannelKind::Book5 | ChannelKind::Depth => (Order::Books, 64),
            ChannelKind::Latest(_) => (Order::Latest, 64),
            ChannelKind::Trades => (Order::All, 1024),
            ChannelKind::Stream(_) | ChannelKind::Raw => (Order::All, 256),
        };
        Self { accepted: AcceptedUpdates::new(len), order, lines: Vec::new() }
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
            (of_line.has_stepped, of_line.has_begun) = (true, true);
        }
    }

    fn live_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.is_live())
    }

    /// Whether it is known of a live line where it stands.
    fn has_known_line(&self) -> bool {
        self.live_lines().any(|line| {
            line.unmatched_since.is_none() && self.accepted.get(line.position).is_some()
        })
    }

    /// Whether nothing was accepted or confirmed for so long, and no live line has reached what is
    /// shown: where one has, the market is quiet.
    pub(super) fn is_stuck(&self, at: UnixNanos, after: Duration) -> bool {
        let silence = at.since(self.accepted.at).unwrap_or_default();
        silence >= after && !self.live_lines().any(|line| line.position == self.accepted.end)
    }

    /// Whether an update is the first of a live line's connection.
    #[inline]
    pub(super) fn begins(&mut self, line: usize) -> bool {
        let line = self.lines.get_mut(line).filter(|line| line.is_live());
        line.is_some_and(|line| !std::mem::replace(&mut line.has_begun, true))
    }

    /// What becomes of an update. One that is accepted is to be added with
    /// [`UpdateFilter::accept`].
    #[inline]
    pub(super) fn arbitrate(&mut self, line: usize, key: &UpdateKey, at: UnixNanos) -> Arbitration {
        let end = self.accepted.end;
        let of_line = self.lines.get(line).filter(|line| line.is_live());
        let Some(&Line { position, .. }) = of_line else { return Arbitration::Outdated };
        let is_next = match self.order {
            Order::Books | Order::Latest => !self.accepted.is_repeat(end, key),
            Order::All => key.seq > self.accepted.highest,
        };
        if position == end && is_next {
            return Arbitration::Accepted;
        }
        let found = match self.order {
            Order::All => {
                let next = self.accepted.find_after(position, key);
                next.or_else(|| self.accepted.find_after(0, key))
            }
            _ if self.accepted.is_repeat(position, key) => Some(position),
            _ => self.accepted.find_after(position, key),
        };
        match found {
            Some(found) if found < end => self.duplicate(line, found, CopyOf::Earlier),
            Some(found) if key.is_first || position == end => {
                self.accepted.at = at;
                self.duplicate(line, found, CopyOf::Current)
            }
            Some(found) => self.duplicate(line, found, CopyOf::Last),
            None => self.unmatched(line, key, at),
        }
    }

    fn duplicate(&mut self, line: usize, position: u64, of: CopyOf) -> Arbitration {
        if let Some(line) = self.lines.get_mut(line) {
            line.position = line.position.max(position);
            (line.unmatched_since, line.unmatched_ts) = (None, UnixNanos::UNKNOWN);
        }
        self.accepted.get(position).map_or(Arbitration::Outdated, |known| Arbitration::Duplicate {
            line: known.line,
            first_seen: known.at,
            of,
        })
    }

    /// What becomes of an update that was not accepted before, of a line that does not stand at the
    /// end.
    #[cold]
    fn unmatched(&mut self, line: usize, key: &UpdateKey, at: UnixNanos) -> Arbitration {
        let Some(of_line) = self.lines.get_mut(line) else { return Arbitration::Outdated };
        of_line.has_stepped |= key.ts < of_line.unmatched_ts;
        of_line.unmatched_ts = key.ts;
        let Line { position, unmatched_since, .. } = *of_line;
        let is_skipped = || unmatched_since.is_none() && self.accepted.has_skipped(position, key);
        let is_old = match self.order {
            Order::Books | Order::Latest => self.accepted.is_older(key) || is_skipped(),
            // What was accepted after what its line delivered last is still here.
            Order::All => {
                self.accepted.get(position).is_none() && self.accepted.may_have_forgotten(key)
            }
        };
        if is_old && !self.is_stuck(at, LONGEST_LAG) {
            return Arbitration::Outdated;
        }
        if is_old || self.order != Order::Books || self.accepted.is_newer(key, at) {
            return Arbitration::Accepted;
        }
        if let Some(line) = self.lines.get_mut(line) {
            line.unmatched_since.get_or_insert(at);
        }
        if self.may_lead(line, at) { Arbitration::Accepted } else { Arbitration::Held }
    }

    /// Whether a line may go on from what is not found: no other line goes on, and it cannot be
    /// from before a sequence reset or a clock step, or it has been waited for.
    pub(super) fn may_lead(&self, line: usize, at: UnixNanos) -> bool {
        let has_waited = |since: UnixNanos| at.since(since).is_none_or(|wait| wait >= JOIN_WAIT);
        let unmatched = self.lines.get(line).and_then(|line| line.unmatched_since);
        let has_joined = unmatched.is_some_and(has_waited) && has_waited(self.accepted.at);
        has_joined || !self.has_known_line() && !self.accepted.is_discontinuous(at)
    }

    /// Adds an update that was accepted; its line is at the end now.
    #[inline]
    pub(super) fn accept(&mut self, line: usize, key: UpdateKey, at: UnixNanos) {
        let of_line = self.lines.get_mut(line);
        // What looked older may have been so by a clock step that no line has seen.
        let may_be_step = of_line.is_some_and(|line| std::mem::take(&mut line.has_stepped));
        self.accepted.append(key, line, at, may_be_step);
        self.move_to_end(line);
    }

    /// What a line has delivered last is the last accepted update.
    pub(super) fn move_to_end(&mut self, line: usize) {
        if let Some(line) = self.lines.get_mut(line) {
            (line.position, line.unmatched_since) = (self.accepted.end, None);
            (line.has_begun, line.unmatched_ts) = (true, UnixNanos::UNKNOWN);
        }
    }
}
