//! The chain of sequence numbers of a deep book.

use super::event::DepthUpdate;
use super::trade::NO_SEQ;

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
}

impl Sequence {
    /// The name: `none`, `ok`, `heartbeat`, `reset` or `gap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ok => "ok",
            Self::Heartbeat => "heartbeat",
            Self::Reset => "reset",
            Self::Gap => "gap",
        }
    }

    /// Judges a snapshot, which starts a chain: its `prevSeqId` follows nothing and is not looked
    /// at.
    pub(crate) const fn of_snapshot(snapshot: &DepthUpdate<'_>) -> Self {
        if snapshot.seq == NO_SEQ { Self::None } else { Self::Ok }
    }

    /// Judges an update by `last`, the number of the message before, [`NO_SEQ`] where that had
    /// none.
    ///
    /// A message without numbers in a numbered chain, or the other way round, is a gap: nothing
    /// shows that it follows.
    pub(crate) const fn of_update(last: i64, update: &DepthUpdate<'_>) -> Self {
        let (seq, prev) = (update.seq, update.prev_seq);
        if last == NO_SEQ && seq == NO_SEQ && prev == NO_SEQ {
            return Self::None;
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
}

#[cfg(test)]
mod tests {
    use super::super::{Channel, DepthAction, Level, UnixNanos};
    use super::*;

    fn judge(last: i64, prev_seq: i64, seq: i64, asks: &[Level]) -> Sequence {
        let update = DepthUpdate {
            channel: Channel::Books,
            market: None,
            inst_id: "BTC-USDT",
            action: DepthAction::Update,
            ts_event: UnixNanos::UNKNOWN,
            ts_recv: UnixNanos::UNKNOWN,
            seq,
            prev_seq,
            checksum: None,
            asks,
            bids: &[],
        };
        Sequence::of_update(last, &update)
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
}
