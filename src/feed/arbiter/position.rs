//! Where a line stands in the stream that all lines of a subscription bring.

use std::time::Duration;

use crate::model::{NO_SEQ, UnixNanos};

/// How far a line's own times must run back for the exchange's clock to have been set back. Less is
/// a message out of order.
const CLOCK_BACK: Duration = Duration::from_secs(1);

/// What tells updates of one subscription apart and puts them in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The exchange's number, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it sends none; of trades their id.
    pub(super) seq: i64,
    /// The exchange's time.
    pub(super) ts: UnixNanos,
    /// A hash of number, time and, where there is no number, content.
    pub(super) key: u64,
    /// Whether the line's own feed holds old copies back, so that this is none.
    pub(super) vetted: bool,
}

impl Mark {
    /// Whether both have numbers, which then say more than times.
    pub(super) const fn both_numbered(&self, other: &Self) -> bool {
        self.seq != NO_SEQ && other.seq != NO_SEQ
    }

    /// Whether this has a lower number at a later time: the exchange has begun to count anew between
    /// the two, or has set its clock back and this is from before that.
    pub(super) fn counts_anew(&self, other: &Self) -> bool {
        self.both_numbered(other) && self.seq < other.seq && self.ts > other.ts
    }

    /// Whether numbers and times say the opposite of each other.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        self.counts_anew(other) || other.counts_anew(self)
    }

    /// Whether both have one number, which makes them one update, whatever their times.
    pub(super) const fn same_number(&self, other: &Self) -> bool {
        self.both_numbered(other) && self.seq == other.seq
    }

    /// Whether this comes after the other by its number, whatever the clock says.
    pub(super) fn is_beyond(&self, other: &Self) -> bool {
        (self.seq, self.ts) > (other.seq, other.ts)
    }

    /// Whether this comes before the other: by number and time, or by time where there are no numbers.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        if self.both_numbered(other) {
            self.seq <= other.seq && self.ts <= other.ts && self.key != other.key
        } else {
            self.ts < other.ts
        }
    }
}

/// Where one line is: what it brought last, and how often the exchange has started anew on it.
///
/// Lines bring the same stream, so they see the same new starts; one that lags sees them later. With
/// numbers a new start is where the exchange begins to count anew: a clock that is set back among
/// them changes nothing in their order. Without numbers it is such a clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    pub(super) last: Option<Mark>,
    pub(super) epoch: u32,
    /// Whether its connection began with a book from before what its feed had brought on the one
    /// before: then it only comes to where it was.
    pub(super) is_behind: bool,
    /// Whether the epoch is known, by something that it brought on this connection and that counted
    /// or was a copy; else it is only supposed.
    pub(super) placed: bool,
}

impl Position {
    /// A line that has brought what is shown, in the first epoch.
    pub(super) const fn at(mark: Mark) -> Self {
        Self { last: Some(mark), epoch: 0, is_behind: false, placed: true }
    }

    /// Whether a book says, where it is a copy of what is shown, that it is still so: the line sends it
    /// again, or begins with it. Else the line only comes to where another was before.
    pub(super) fn confirms(&self, mark: Mark) -> bool {
        let is_again = |last: Mark| last.key == mark.key || last.same_number(&mark);
        self.last.map_or(!self.is_behind, is_again)
    }

    /// Goes on to the next book of the line; gives the one before. Where the line's own feed holds old
    /// copies back, a book from before by number and by time is a new start too.
    pub(super) fn step_book(&mut self, mark: Mark, judged_epoch: u32) -> Option<Mark> {
        let back = |last: Mark| last.ts.since(mark.ts).unwrap_or_default() >= CLOCK_BACK;
        let anew = |last: Mark| {
            if mark.both_numbered(&last) {
                mark.counts_anew(&last) || mark.vetted && mark.seq < last.seq && back(last)
            } else {
                back(last)
            }
        };
        self.step(mark, judged_epoch, anew)
    }

    /// As [`Position::step_book`] for a trade, which may come late, and whose id says more than a
    /// clock that is set back: only a low id that was long ago is a new start.
    pub(super) fn step_trade(
        &mut self,
        mark: Mark,
        judged_epoch: u32,
        forgotten: i64,
    ) -> Option<Mark> {
        self.step(mark, judged_epoch, |last| mark.seq <= forgotten && mark.counts_anew(&last))
    }

    fn step(&mut self, mark: Mark, judged_epoch: u32, anew: impl Fn(Mark) -> bool) -> Option<Mark> {
        self.epoch = match self.last {
            // A new connection is where the exchange is.
            None => judged_epoch,
            Some(last) => self.epoch + u32::from(anew(last)),
        };
        self.last.replace(mark)
    }
}
