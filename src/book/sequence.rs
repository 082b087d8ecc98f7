//! The chain of sequence numbers of an order book.

use super::update::DepthUpdate;
use crate::model::NO_SEQ;

/// The sequence check of an order-book message.
///
/// Source: v5 `"seqId":123,"prevSeqId":122`, in books since 2022/23. A snapshot has a `prevSeqId`
/// of -1; an update's `prevSeqId` is the `seqId` of the message before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// The messages are not numbered: v3, and v5 before 2022/23.
    None,
    /// A snapshot, or an update that follows the previous message.
    Ok,
    /// No change for a while: equal numbers and no levels.
    Heartbeat,
    /// A sequence reset, such as after maintenance: the update follows the previous message, but
    /// its own number is smaller. Legal.
    Reset,
    /// Messages were lost, or the numbers are inconsistent.
    Gap,
    /// A snapshot older than the last book: its number is lower and its time is not later. Without
    /// numbers: its time is earlier.
    ///
    /// Also an update that a REST snapshot contains already, and such a snapshot that is
    /// older than the updates kept for it.
    Old,
}

impl Sequence {
    /// The name: `none`, `ok`, `heartbeat`, `reset`, `gap` or `old`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ok => "ok",
            Self::Heartbeat => "heartbeat",
            Self::Reset => "reset",
            Self::Gap => "gap",
            Self::Old => "old",
        }
    }

    /// Checks a snapshot, which starts a chain: its `prevSeqId` is ignored.
    pub(crate) const fn of_snapshot(snapshot: &DepthUpdate<'_>) -> Self {
        if snapshot.seq == NO_SEQ { Self::None } else { Self::Ok }
    }

    /// Checks an update against `last`, the number of the previous message, [`DepthUpdate::NO_SEQ`]
    /// if it had none. `is_chained`: an update since the snapshot had a `prevSeqId`.
    ///
    /// - A message without numbers in a numbered chain, or the reverse, is a gap.
    /// - A message without `prevSeqId` after messages with one is a gap.
    /// - In a channel that sends no `prevSeqId`, only a falling number is a gap.
    pub(crate) const fn of_update(last: i64, is_chained: bool, update: &DepthUpdate<'_>) -> Self {
        let (seq, prev) = (update.seq, update.prev_seq);
        if last == NO_SEQ && seq == NO_SEQ && prev == NO_SEQ {
            return Self::None;
        }
        if prev == NO_SEQ && seq != NO_SEQ && !is_chained {
            return Self::of_unchained(last, seq, update);
        }
        if seq == NO_SEQ || prev == NO_SEQ || prev != last {
            return Self::Gap;
        }
        let no_levels = update.asks.is_empty() && update.bids.is_empty();
        match (seq == prev, no_levels) {
            (true, true) => Self::Heartbeat,
            // The book cannot change without a new number.
            (true, false) => Self::Gap,
            (false, _) if seq < prev => Self::Reset,
            (false, _) => Self::Ok,
        }
    }

    /// Checks an update against the number of a REST snapshot, `last`, which need not occur
    /// in the channel. `last` is a number.
    ///
    /// An update that ends at `last` sets sizes that the snapshot has, so it may be applied too.
    ///
    /// Source: `docs/PROTOCOL.md` 12.5, `prevSeqId <= snapshot.seqId < seqId`.
    #[cold]
    pub(crate) const fn of_link(last: i64, update: &DepthUpdate<'_>) -> Self {
        let (seq, prev) = (update.seq, update.prev_seq);
        if seq == NO_SEQ || prev == NO_SEQ {
            Self::Gap
        } else if prev == last && seq >= prev {
            Self::of_update(last, true, update)
        } else if seq == last {
            Self::Ok
        } else if prev > last || seq < prev {
            // A reset too: the snapshot may be from before or after it.
            Self::Gap
        } else if seq < last {
            Self::Old
        } else {
            Self::Ok
        }
    }

    /// Checks an update of a channel that numbers its messages and sends no `prevSeqId`.
    #[cold]
    const fn of_unchained(last: i64, seq: i64, update: &DepthUpdate<'_>) -> Self {
        let no_levels = update.asks.is_empty() && update.bids.is_empty();
        // Numbers may start after an unnumbered snapshot: `NO_SEQ` is lower than any number.
        match (seq == last, no_levels) {
            (true, true) => Self::Heartbeat,
            (true, false) => Self::Gap,
            (false, _) if seq < last => Self::Gap,
            (false, _) => Self::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::update::DepthAction;
    use super::*;
    use crate::model::{Channel, Level, Topic, UnixNanos};

    fn check(last: i64, prev_seq: i64, seq: i64, asks: &[Level]) -> Sequence {
        check_chain(true, last, prev_seq, seq, asks)
    }

    fn check_chain(
        is_chained: bool,
        last: i64,
        prev_seq: i64,
        seq: i64,
        asks: &[Level],
    ) -> Sequence {
        let update = DepthUpdate {
            topic: Topic::v5(Channel::Books, "BTC-USDT"),
            action: DepthAction::Update,
            ts_event: UnixNanos::UNKNOWN,
            ts_recv: UnixNanos::UNKNOWN,
            seq,
            prev_seq,
            checksum: None,
            asks,
            bids: &[],
            non_rpi: None,
        };
        Sequence::of_update(last, is_chained, &update)
    }

    #[test]
    fn every_rule_of_the_chain() {
        let one = [Level::EMPTY];
        assert_eq!(check(10, 10, 15, &one), Sequence::Ok);
        assert_eq!(check(10, 10, 15, &[]), Sequence::Ok);
        assert_eq!(check(10, 10, 10, &[]), Sequence::Heartbeat);
        assert_eq!(check(10, 10, 10, &one), Sequence::Gap);
        assert_eq!(check(10, 10, 3, &one), Sequence::Reset);
        assert_eq!(check(10, 10, 3, &[]), Sequence::Reset);
        assert_eq!(check(10, 11, 12, &one), Sequence::Gap);
        assert_eq!(check(10, 9, 10, &one), Sequence::Gap);
        assert_eq!(check(10, 9, 9, &[]), Sequence::Gap);
        assert_eq!(check(10, -1, 11, &one), Sequence::Gap);
    }

    #[test]
    fn unnumbered_messages_follow_only_unnumbered_ones() {
        assert_eq!(check(NO_SEQ, NO_SEQ, NO_SEQ, &[]), Sequence::None);
        assert_eq!(check(10, NO_SEQ, NO_SEQ, &[]), Sequence::Gap);
        assert_eq!(check(NO_SEQ, 10, 11, &[]), Sequence::Gap);
        assert_eq!(check(10, NO_SEQ, 11, &[]), Sequence::Gap);
        assert_eq!(check(10, 10, NO_SEQ, &[]), Sequence::Gap);
    }

    #[test]
    fn a_channel_without_prev_seq_id_is_checked_by_its_numbers() {
        let one = [Level::EMPTY];
        let check = |last, seq, asks: &[Level]| check_chain(false, last, NO_SEQ, seq, asks);
        assert_eq!(check(10, 11, &one), Sequence::Ok);
        assert_eq!(check(10, 15, &[]), Sequence::Ok);
        assert_eq!(check(10, 10, &[]), Sequence::Heartbeat);
        assert_eq!(check(10, 10, &one), Sequence::Gap);
        assert_eq!(check(10, 9, &one), Sequence::Gap);
        assert_eq!(check(NO_SEQ, 9, &one), Sequence::Ok);
        // A `prevSeqId` is checked once it is sent.
        assert_eq!(check_chain(false, 10, 10, 11, &one), Sequence::Ok);
        assert_eq!(check_chain(false, 10, 9, 11, &one), Sequence::Gap);
        assert_eq!(check_chain(false, 10, NO_SEQ, NO_SEQ, &one), Sequence::Gap);
    }
}
