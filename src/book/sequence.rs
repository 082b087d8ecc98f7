//! The chain of sequence numbers of a deep book.

use super::update::DepthUpdate;
use crate::model::NO_SEQ;

/// What the sequence numbers of a deep-book message say.
///
/// Source: v5 `"seqId":123,"prevSeqId":122`, in books since 2022/23. A snapshot has a `prevSeqId`
/// of -1; an update's `prevSeqId` is the `seqId` of the message before. Section 2.6 of the wire
/// facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// The messages are not numbered: v3, and v5 before 2022/23.
    None,
    /// A snapshot, or an update that follows the message before.
    Ok,
    /// Nothing changed for a while: equal numbers and no levels.
    Heartbeat,
    /// The exchange started to count anew, after maintenance: the update follows the message
    /// before, but its own number is smaller. Legal.
    Reset,
    /// Messages were lost, or the numbers make no sense.
    Gap,
    /// A snapshot from before the book that was there last: its number is lower and its time is not
    /// later or, without numbers, its time is earlier.
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

    /// Judges a snapshot, which starts a chain: its `prevSeqId` follows nothing and is not looked
    /// at.
    pub(crate) const fn of_snapshot(snapshot: &DepthUpdate<'_>) -> Self {
        if snapshot.seq == NO_SEQ { Self::None } else { Self::Ok }
    }

    /// Judges an update by `last`, the number of the message before, [`DepthUpdate::NO_SEQ`] where that had
    /// none. `is_chained` tells that an update since the snapshot had a `prevSeqId`.
    ///
    /// A message without numbers in a numbered chain, or the other way round, is a gap: nothing
    /// shows that it follows. So is one without `prevSeqId` among others that have it. A channel that
    /// sends none is judged by its numbers alone: they must not fall.
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
            // The book can't have changed without a new number.
            (true, false) => Self::Gap,
            (false, _) if seq < prev => Self::Reset,
            (false, _) => Self::Ok,
        }
    }

    /// Judges an update of a channel that numbers its messages and sends no `prevSeqId`.
    #[cold]
    const fn of_unchained(last: i64, seq: i64, update: &DepthUpdate<'_>) -> Self {
        let no_levels = update.asks.is_empty() && update.bids.is_empty();
        // Numbers may begin behind a snapshot without one: it is lower than any.
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

    fn judge(last: i64, prev_seq: i64, seq: i64, asks: &[Level]) -> Sequence {
        judge_in(true, last, prev_seq, seq, asks)
    }

    fn judge_in(is_chained: bool, last: i64, prev_seq: i64, seq: i64, asks: &[Level]) -> Sequence {
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
        assert_eq!(judge(10, 10, 15, &one), Sequence::Ok);
        assert_eq!(judge(10, 10, 15, &[]), Sequence::Ok);
        assert_eq!(judge(10, 10, 10, &[]), Sequence::Heartbeat);
        assert_eq!(judge(10, 10, 10, &one), Sequence::Gap);
        assert_eq!(judge(10, 10, 3, &one), Sequence::Reset);
        assert_eq!(judge(10, 10, 3, &[]), Sequence::Reset);
        assert_eq!(judge(10, 11, 12, &one), Sequence::Gap);
        assert_eq!(judge(10, 9, 10, &one), Sequence::Gap);
        assert_eq!(judge(10, 9, 9, &[]), Sequence::Gap);
        assert_eq!(judge(10, -1, 11, &one), Sequence::Gap);
    }

    #[test]
    fn messages_without_numbers_follow_only_their_like() {
        assert_eq!(judge(NO_SEQ, NO_SEQ, NO_SEQ, &[]), Sequence::None);
        assert_eq!(judge(10, NO_SEQ, NO_SEQ, &[]), Sequence::Gap);
        assert_eq!(judge(NO_SEQ, 10, 11, &[]), Sequence::Gap);
        assert_eq!(judge(10, NO_SEQ, 11, &[]), Sequence::Gap);
        assert_eq!(judge(10, 10, NO_SEQ, &[]), Sequence::Gap);
    }

    #[test]
    fn a_channel_without_prev_seq_id_is_judged_by_its_numbers() {
        let one = [Level::EMPTY];
        let judge = |last, seq, asks: &[Level]| judge_in(false, last, NO_SEQ, seq, asks);
        assert_eq!(judge(10, 11, &one), Sequence::Ok);
        assert_eq!(judge(10, 15, &[]), Sequence::Ok);
        assert_eq!(judge(10, 10, &[]), Sequence::Heartbeat);
        assert_eq!(judge(10, 10, &one), Sequence::Gap);
        assert_eq!(judge(10, 9, &one), Sequence::Gap);
        assert_eq!(judge(NO_SEQ, 9, &one), Sequence::Ok);
        // What it sends as well counts as well.
        assert_eq!(judge_in(false, 10, 10, 11, &one), Sequence::Ok);
        assert_eq!(judge_in(false, 10, 9, 11, &one), Sequence::Gap);
        assert_eq!(judge_in(false, 10, NO_SEQ, NO_SEQ, &one), Sequence::Gap);
    }
}
