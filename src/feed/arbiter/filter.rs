//! Whether an update that a line delivers is new: the one rule of redundant lines.

use std::time::Duration;

use super::log::{LONGEST_LAG, UpdateKey, UpdateLog};
use crate::model::UnixNanos;

/// So long a line that joins waits for one of its updates to be found in the log.
const JOIN_WAIT: Duration = Duration::from_secs(1);

/// What becomes of an update that a line delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arbitration {
    /// It is new.
    Accepted,
    /// It was accepted before, from the line of that number at that time.
    Duplicate { line: usize, first_seen: UnixNanos },
    /// It is older than what is shown.
    Outdated,
    /// It is not known yet whether it is new: its line has just joined.
    Held,
}

/// Where a line stands in the log.
#[derive(Clone, Copy, Debug, Default)]
struct LineCursor {
    /// Whether its own feed has it live.
    is_live: bool,
    /// The position of what it delivered last, 0 where nothing that it delivered on this connection
    /// was found.
    position: u64,
    /// Whether it has delivered anything on this connection.
    has_begun: bool,
    /// Whether it has delivered something since its own feed had it live.
    goes_on: bool,
    /// Whether its connection began with books from before what its own feed had.
    began_behind: bool,
    /// Since when it delivers what is not in the log; unknown where it does not.
    unmatched_since: Option<UnixNanos>,
}

/// The log of one subscription and the cursors of its lines.
#[derive(Debug)]
pub(super) struct UpdateFilter {
    log: UpdateLog,
    cursors: Vec<LineCursor>,
}

impl UpdateFilter {
    pub(super) fn new(log_len: usize) -> Self {
        Self { log: UpdateLog::new(log_len), cursors: Vec::new() }
    }

    pub(super) const fn log(&self) -> &UpdateLog {
        &self.log
    }

    pub(super) const fn log_mut(&mut self) -> &mut UpdateLog {
        &mut self.log
    }

    /// Makes room for a line of that number.
    pub(super) fn add_line(&mut self, line: usize) {
        if self.cursors.len() <= line {
            self.cursors.resize(line + 1, LineCursor::default());
        }
    }

    /// A line has a new connection, or none.
    pub(super) fn reset_line(&mut self, line: usize) {
        if let Some(cursor) = self.cursors.get_mut(line) {
            *cursor = LineCursor::default();
        }
    }

    /// Whether a line's own feed has it live. One that is not, and has delivered nothing yet, has
    /// begun behind what its feed had on the connection before.
    pub(super) fn set_live(&mut self, line: usize, is_live: bool, is_behind: bool) {
        if let Some(cursor) = self.cursors.get_mut(line) {
            cursor.is_live = is_live;
            cursor.goes_on &= is_live;
            cursor.began_behind |= is_behind && !cursor.has_begun;
            cursor.has_begun |= is_behind;
        }
    }

    /// Whether what a line delivers now is what its subscription begins with.
    pub(super) fn begins(&mut self, line: usize) -> bool {
        let cursor = self.cursors.get_mut(line).filter(|cursor| cursor.is_live);
        cursor.is_some_and(|cursor| !std::mem::replace(&mut cursor.goes_on, true))
    }

    pub(super) fn is_live(&self, line: usize) -> bool {
        self.cursors.get(line).is_some_and(|cursor| cursor.is_live)
    }

    fn peers(&self, line: usize) -> impl Iterator<Item = &LineCursor> {
        let peers = self.cursors.iter().enumerate().filter(move |(peer, _)| *peer != line);
        peers.map(|(_, cursor)| cursor).filter(|cursor| cursor.is_live)
    }

    /// Whether another live line has reached what is shown: then the market is quiet, not stuck.
    pub(super) fn has_peer_at_end(&self, line: usize) -> bool {
        let end = self.log.end();
        self.peers(line).any(|peer| end > 0 && peer.position == end)
    }

    /// Whether this is the book that is shown.
    pub(super) fn is_shown(&self, key: &UpdateKey) -> bool {
        self.log.is_at(self.log.end(), key)
    }

    /// Whether another live line is known to stand in the log.
    fn has_known_peer(&self, line: usize) -> bool {
        self.peers(line).any(|peer| {
            peer.position > 0 && peer.unmatched_since.is_none() && self.log.holds(peer.position)
        })
    }

    /// Whether what is shown is sent again, or is what a connection begins with: then it is still
    /// so.
    fn confirms(&self, line: usize, key: &UpdateKey) -> bool {
        let end = self.log.end();
        self.cursors.get(line).is_some_and(|cursor| match cursor.has_begun {
            true => cursor.position == end && self.log.is_repeat(end, key),
            false => self.is_shown(key),
        })
    }

    /// Whether nothing was accepted or confirmed for longer than any line lags.
    fn is_stuck(&self, at: UnixNanos) -> bool {
        at.since(self.log.at()).is_some_and(|since| since >= LONGEST_LAG)
    }

    /// What becomes of a book, and whether it confirms what is shown. One that is accepted is to be
    /// added with [`UpdateFilter::accept`].
    #[inline]
    pub(super) fn book(
        &mut self,
        line: usize,
        key: &UpdateKey,
        at: UnixNanos,
    ) -> (Arbitration, bool) {
        let confirms = self.confirms(line, key);
        let end = self.log.end();
        let Some(cursor) = self.cursors.get_mut(line).filter(|cursor| cursor.is_live) else {
            return (Arbitration::Outdated, false);
        };
        cursor.has_begun = true;
        let position = cursor.position;
        if position == end && cursor.unmatched_since.is_none() && !confirms {
            return (Arbitration::Accepted, false);
        }
        let is_repeat = self.log.is_repeat(position, key);
        let found = if is_repeat { Some(position) } else { self.log.find_after(position, key) };
        if let Some(found) = found {
            cursor.unmatched_since = None;
            return (self.duplicate(line, found, confirms.then_some(at)), confirms);
        }
        (self.unmatched(line, key, at), false)
    }

    /// What becomes of a book that is not in the log, of a line that does not stand at the end.
    #[cold]
    fn unmatched(&mut self, line: usize, key: &UpdateKey, at: UnixNanos) -> Arbitration {
        let cursor = self.cursors.get(line).filter(|cursor| cursor.unmatched_since.is_none());
        if cursor.is_some_and(|cursor| self.log.is_between(cursor.position, key)) {
            return Arbitration::Outdated;
        }
        if self.log.is_outdated(key) || self.log.is_surely_before_reset(key) {
            return match self.is_stuck(at) && !self.has_peer_at_end(line) {
                true => Arbitration::Accepted,
                false => Arbitration::Outdated,
            };
        }
        if self.log.is_newer(key, at) {
            return Arbitration::Accepted;
        }
        if let Some(cursor) = self.cursors.get_mut(line) {
            cursor.unmatched_since.get_or_insert(at);
        }
        if self.may_lead(line, at) { Arbitration::Accepted } else { Arbitration::Held }
    }

    fn duplicate(
        &mut self,
        line: usize,
        position: u64,
        confirmed: Option<UnixNanos>,
    ) -> Arbitration {
        if let Some(cursor) = self.cursors.get_mut(line) {
            cursor.position = cursor.position.max(position);
        }
        if let Some(at) = confirmed {
            self.log.confirm(at);
        }
        match self.log.get(position) {
            Some(known) => Arbitration::Duplicate { line: known.line, first_seen: known.at },
            None => Arbitration::Outdated,
        }
    }

    /// Whether a line may go on from what is not in the log: no other line goes on, and it cannot
    /// be from before a sequence reset or a clock step, or it has been waited for.
    pub(super) fn may_lead(&self, line: usize, at: UnixNanos) -> bool {
        let has_waited = |since: UnixNanos| at.since(since).is_none_or(|wait| wait >= JOIN_WAIT);
        let Some(cursor) = self.cursors.get(line) else { return false };
        let has_joined = cursor.unmatched_since.is_some_and(has_waited);
        if self.has_known_peer(line) {
            has_joined && has_waited(self.log.at())
        } else {
            has_joined || !self.log.is_discontinuous(at)
        }
    }

    /// Adds a book that was accepted; its line is at the end now.
    pub(super) fn accept(&mut self, line: usize, key: UpdateKey, at: UnixNanos) {
        let cursor = self.cursors.get_mut(line);
        let began_behind = cursor.is_some_and(|cursor| std::mem::take(&mut cursor.began_behind));
        self.log.append(key, line, at, false);
        if began_behind {
            self.log.note_step(key, at);
        }
        self.move_to_end(line);
    }

    /// What a line had held has come to the log.
    pub(super) fn move_to_end(&mut self, line: usize) {
        if let Some(cursor) = self.cursors.get_mut(line) {
            (cursor.position, cursor.unmatched_since) = (self.log.end(), None);
            cursor.has_begun = true;
        }
    }

    /// What becomes of a trade: one that is accepted is added. Trades have no order to keep, so a
    /// late one is new as well, if it is not in the log and can't have been forgotten.
    pub(super) fn trade(&mut self, line: usize, key: UpdateKey, at: UnixNanos) -> Arbitration {
        let Some(cursor) = self.cursors.get_mut(line) else { return Arbitration::Outdated };
        cursor.has_begun = true;
        let position = cursor.position;
        let found = self.log.find_after(position, &key).or_else(|| self.log.find_after(0, &key));
        if let Some(found) = found {
            return self.duplicate(line, found, None);
        }
        let is_next = position == self.log.end();
        let is_low = self.log.may_have_forgotten(&key);
        let is_old = if is_low {
            let may_lag = self.log.is_discontinuous(at) && self.has_known_peer(line);
            !is_next && !self.is_stuck(at) && (may_lag || self.log.is_outdated(&key))
        } else {
            !self.log.holds(position) && self.log.is_before_reset(&key)
        };
        if is_old {
            return Arbitration::Outdated;
        }
        let is_late = !is_low && self.log.last().is_some_and(|last| key.seq < last.seq);
        self.log.append(key, line, at, is_late);
        self.move_to_end(line);
        Arbitration::Accepted
    }
}
