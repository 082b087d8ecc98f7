//! One subscription that several lines bring: what counts of it, its state, its readers.

use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::time::Duration;

use super::judge::{Arbitration, Judge, Others};
use super::position::{Mark, Position};
use crate::book::{BOOK5_LEVELS, Book5};
use crate::event::{BookUpdate, DepthChange, TradeUpdate};
use crate::feed::slot::Slot;
use crate::model::{
    BookState, ChannelKind, Dialect, DownReason, NO_SEQ, Subscription, Trade, TradeRing, UnixNanos,
};
use crate::publish::{PUBLISHED_LEVELS, Publishers, TradeOptions};

/// How many books are remembered: more than two lines are ever apart in a burst.
const BOOKS: usize = 64;
/// How many trades are remembered.
const TRADES: usize = 1024;

/// What one line has brought of a subscription.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfLine {
    /// `None` where there is no such line now.
    pub(super) state: Option<BookState>,
    position: Position,
}

impl OfLine {
    fn new(is_open: bool) -> Self {
        let state = is_open.then_some(BookState::Connecting);
        Self { state, position: Position::default() }
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) subscription: Subscription,
    pub(super) state: BookState,
    pub(super) lines: Vec<OfLine>,
    judge: Judge,
    /// Whether it is stale because all lines were silent: then it takes more than a copy to be live.
    silent: bool,
    /// The line whose book was published last.
    winner: usize,
    pub(super) publishers: Publishers,
}

/// An entry that goes, be it by a panic in the sink, takes its readers' belief with it.
impl Drop for Entry {
    fn drop(&mut self) {
        if !matches!(self.state, BookState::Down(_)) {
            self.publishers.publish_state(BookState::Down(DownReason::Stopped));
        }
    }
}

impl Entry {
    /// Makes the entry of a subscription; `open` tells which lines there are.
    pub(super) fn new(subscription: Subscription, open: &[bool], trades: TradeOptions) -> Self {
        let kind = subscription.channel().kind();
        Self {
            subscription,
            state: BookState::Connecting,
            lines: open.iter().map(|is_open| OfLine::new(*is_open)).collect(),
            judge: Judge::new(if kind == ChannelKind::Trades { TRADES } else { BOOKS }),
            silent: false,
            winner: usize::MAX,
            publishers: Publishers::new(kind, trades),
        }
    }

    /// Takes a slot over from a line that was alone until now: what publishes it, its state, and
    /// what it has brought last, so that no other line brings it again.
    pub(super) fn adopt(slot: &mut Slot, line: usize, open: &[bool]) -> Self {
        // What it would publish by is the slot's.
        let mut entry = Self::new(*slot.subscription(), open, TradeOptions { tape_len: 1 });
        entry.publishers = slot.take_publishers();
        entry.state = slot.state();
        entry.silent = entry.state == BookState::Stale;
        entry.line_state(line, slot.state());
        let at = slot.ts_recv();
        for trade in slot.trades().into_iter().flat_map(TradeRing::iter) {
            entry.judge.remember(trade_mark(trade), line, trade.ts_recv, true);
        }
        if let Some(ring) = slot.trades().filter(|ring| ring.oldest() > 0) {
            let first = ring.iter().map(|trade| trade_mark(trade).seq).min();
            entry.judge.forget_before(first.unwrap_or(NO_SEQ));
        }
        if let Some(book) = slot.book().filter(|_| at != UnixNanos::UNKNOWN) {
            entry.judge.remember(book_mark(&book), line, at, false);
            entry.winner = line;
            if let Some(of_line) = entry.lines.get_mut(line) {
                of_line.position = Position::at(book_mark(&book));
            }
        }
        entry
    }

    /// Says that there is a line of that number, of which nothing has come yet, or none any more.
    pub(super) fn set_line(&mut self, line: usize, is_open: bool) {
        if self.lines.len() <= line {
            self.lines.resize(line + 1, OfLine::new(false));
        }
        if let Some(of_line) = self.lines.get_mut(line) {
            *of_line = OfLine::new(is_open);
        }
    }

    /// The best that any line has: one that is live is enough.
    pub(super) fn best(&self) -> BookState {
        let rank = |state: &BookState| match state {
            BookState::Live => 0,
            BookState::Stale => 1,
            BookState::Resyncing => 2,
            BookState::AwaitingSnapshot => 3,
            BookState::Connecting => 4,
            BookState::Down(_) => 5,
        };
        let states = self.lines.iter().filter_map(|line| line.state);
        let best = states.min_by_key(rank).unwrap_or(BookState::Connecting);
        // Trades have no snapshot to wait for: from its acknowledgement on a line misses none.
        let flows = self.publishers.trades.is_some() && best == BookState::AwaitingSnapshot;
        if flows && self.state.is_live() { BookState::Live } else { best }
    }

    /// Notes a line's state. What a line brought before it was lost says nothing of its next.
    pub(super) fn line_state(&mut self, line: usize, state: BookState) {
        if let Some(of_line) = self.lines.get_mut(line) {
            of_line.state = Some(state);
            if state == BookState::Connecting {
                of_line.position = Position::default();
            } else if state == BookState::Stale {
                of_line.position.is_behind |= of_line.position.last.is_none();
            }
        }
    }

    /// Changes the state and publishes it.
    pub(super) fn set_state(&mut self, state: BookState) {
        self.state = state;
        self.publishers.publish_state(state);
    }

    /// What the other lines are at.
    fn others(&self, line: usize) -> Others {
        let lines = self.lines.iter().map(|l| (l.position, l.state == Some(BookState::Live)));
        Others::of(line, lines, self.judge.last().map(|last| last.key))
    }

    fn is_live(&self, line: usize) -> bool {
        self.lines.get(line).is_some_and(|line| line.state == Some(BookState::Live))
    }

    /// Judges a book of a line; publishes it where it counts. One that the line itself does not
    /// believe does not.
    pub(super) fn on_book(&mut self, line: usize, update: &BookUpdate<'_>) -> Arbitration {
        if !self.is_live(line) {
            return Arbitration::Old;
        }
        let book = update.book;
        let mark = book_mark(book);
        // A quiet book that a line sends again is none for the sink, and of now for who reads it.
        let is_again = self.is_still_so(line, mark);
        let copy = self.judge_book(line, mark, book.ts_recv);
        if copy == Arbitration::First || is_again {
            self.winner = line;
            if let Some(publisher) = &mut self.publishers.book {
                publisher.publish(book, self.state);
            }
        }
        copy
    }

    /// Judges a change of a deep book of a line; publishes the line's book where it counts.
    pub(super) fn on_depth(&mut self, line: usize, change: &DepthChange<'_>) -> Arbitration {
        if !self.is_live(line) {
            return Arbitration::Old;
        }
        let update = change.update;
        let mark = depth_mark(change);
        let before = self.state;
        let copy = self.judge_book(line, mark, update.ts_recv);
        if copy == Arbitration::First {
            // Levels that no reader can see need not be published, unless the book is another.
            let other = std::mem::replace(&mut self.winner, line) != line || before != self.state;
            let changed = change.applied.first_changed.unwrap_or(usize::MAX);
            let view = change.book.view();
            if let Some(book) =
                self.publishers.book.as_mut().filter(|_| other || changed < BOOK5_LEVELS)
            {
                book.publish(&view.top5(), self.state);
            }
            if let Some(depth) =
                self.publishers.depth.as_mut().filter(|_| other || changed < PUBLISHED_LEVELS)
            {
                depth.publish(&view, self.state);
            }
        }
        copy
    }

    /// Judges a trade of a line; publishes it where it counts. A line that is not live brings those of a
    /// subscription that has ended for it. Gives as well how many are missing before it of all lines.
    pub(super) fn on_trade(&mut self, line: usize, update: &TradeUpdate<'_>) -> (Arbitration, u64) {
        if !self.is_live(line) {
            return (Arbitration::Old, 0);
        }
        let trade = &update.trade;
        let mark = trade_mark(trade);
        let was_live = self.state.is_live();
        let Some(of_line) = self.lines.get_mut(line) else { return (Arbitration::Old, 0) };
        let copy = self.judge.trade(&mut of_line.position, mark, trade.ts_recv);
        // What comes late tells nothing where a user has set a limit of silence for trades.
        if copy == Arbitration::First || !self.silent {
            (self.state, self.silent) = (BookState::Live, false);
        }
        let last = self.judge.last().map(|last| last.seq.cast_unsigned());
        let missed = match last {
            // The ids of v3 have gaps.
            Some(last) if update.topic.channel.dialect() == Dialect::V5 => {
                trade.first_id().saturating_sub(last.saturating_add(1))
            }
            _ => 0,
        };
        if let Some(publisher) = &mut self.publishers.trades {
            if copy == Arbitration::First {
                self.judge.remember(mark, line, trade.ts_recv, true);
                publisher.push(trade);
            }
            if self.state.is_live() != was_live {
                publisher.publish_state(self.state);
            }
        }
        (copy, missed)
    }

    /// A book that counts makes the subscription live. Where it was not, the book that was shown
    /// last counts again: only now is it known to be whole.
    fn judge_book(&mut self, line: usize, mark: Mark, ts_recv: UnixNanos) -> Arbitration {
        self.start_anew_if_alone(mark, ts_recv);
        let is_shown = self.judge.last().is_some_and(|last| last.key == mark.key);
        let is_still_so = self.is_still_so(line, mark);
        let is_whole = is_shown && !self.silent || is_still_so;
        let others = self.others(line);
        let Self { judge, lines, .. } = self;
        let Some(of_line) = lines.get_mut(line) else { return Arbitration::Old };
        let mut copy = judge.book(line, &mut of_line.position, mark, ts_recv, others);
        // Where a line only comes to what was shown, that is as old as it was.
        let is_of_now = copy == Arbitration::First || is_still_so;
        if !self.state.is_live() && is_whole {
            copy = Arbitration::First;
        }
        if copy == Arbitration::First {
            (self.state, self.silent) = (BookState::Live, false);
            if is_of_now {
                self.judge.remember(mark, line, ts_recv, false);
            }
        } else if self.state.is_live() && self.judge.is_frozen(mark, ts_recv) && !others.hold {
            // Lines bring what does not count, and none stands at the book that is there.
            self.set_state(BookState::Stale);
        }
        copy
    }

    /// Whether a book is the one that is shown, told by a line to be still so.
    fn is_still_so(&self, line: usize, mark: Mark) -> bool {
        let is_shown = self.judge.last().is_some_and(|last| last.key == mark.key);
        is_shown && self.lines.get(line).is_some_and(|of_line| of_line.position.confirms(mark))
    }

    /// Whether it is live, and nothing has come for so long that counts, or that tells that it is
    /// still so; in whatever state, that is remembered. Lines that stood still may have come only just now to
    /// where it was long before.
    pub(super) fn falls_silent(&mut self, limit: Duration, now: UnixNanos) -> bool {
        let silence = now.since(self.judge.at());
        let is_silent = silence.is_some_and(|silence| silence >= limit);
        // Its lines may have said so before, each for itself, or may be lost.
        self.silent |= is_silent;
        is_silent && self.state.is_live()
    }

    /// Where no line has brought anything on its connection yet, none can lag behind another, and
    /// the exchange may be anywhere. But what is older than what was shown just before has waited on a
    /// connection that stood still.
    fn start_anew_if_alone(&mut self, mark: Mark, at: UnixNanos) {
        let has_nothing = |position: &Position| position.last.is_none() && !position.is_behind;
        let is_alone = self.lines.iter().all(|line| has_nothing(&line.position));
        if !self.state.is_live() && is_alone && !self.judge.was_passed_lately(mark, at) {
            self.judge.start_anew();
        }
    }

    /// The exchange's number of what counts last.
    pub(super) fn last_seq(&self) -> Option<i64> {
        self.judge.last().map(|mark| mark.seq).filter(|seq| *seq != NO_SEQ)
    }
}

fn trade_mark(trade: &Trade) -> Mark {
    // An id can come again where ids start anew; with the time it does not.
    let key = FixedState::default().hash_one((trade.ts_event.0, trade.trade_id));
    let seq = i64::try_from(trade.trade_id).unwrap_or(i64::MAX);
    Mark { seq, ts: trade.ts_event, key, vetted: false }
}

fn book_mark(book: &Book5) -> Mark {
    let hasher = FixedState::default();
    // Books with a number are told apart by it; the others by what is in them.
    let content = if book.seq == NO_SEQ {
        let levels = book.asks().iter().chain(book.bids());
        levels.fold(book.asks().len() as u64, |hash, l| hasher.hash_one((hash, l.to_words())))
    } else {
        hasher.hash_one(book.seq)
    };
    let key = hasher.hash_one((book.ts_event.0, content));
    Mark { seq: book.seq, ts: book.ts_event, key, vetted: true }
}

fn depth_mark(change: &DepthChange<'_>) -> Mark {
    let hasher = FixedState::default();
    let update = change.update;
    let content = if update.seq == NO_SEQ {
        let sides = update.asks.iter().chain(update.bids);
        sides.fold(u64::from(update.checksum.unwrap_or_default().cast_unsigned()), |hash, level| {
            hasher.hash_one((hash, level.to_words()))
        })
    } else {
        hasher.hash_one(update.seq)
    };
    let key = hasher.hash_one((update.ts_event.0, content));
    Mark { seq: update.seq, ts: update.ts_event, key, vetted: false }
}
