//! An order book under arbitrary messages, against a book of two maps.

use okx_feed::book::{BookSync, Checksum, DepthAction, FaultPolicy, Sequence};
use okx_feed::{Channel, Decimal, DepthBook, DepthUpdate, Level, UnixNanos};

use crate::choices::Choices;
use crate::depth_oracle::{Oracle, message, topic};

/// The most messages of one run.
const MESSAGES: usize = 200;

/// Messages made by choices: levels, states and check results are those of the simple book.
pub fn depth_book(bytes: &[u8]) {
    let choices = &mut Choices::bytes(bytes);
    let capacity = choices.pick(&[1, 2, 3, 5, 26, 60, 512]);
    let fault_policy = choices.pick(&[FaultPolicy::Reject, FaultPolicy::ApplyAnyway]);
    let mut book = DepthBook::with_capacity(capacity);
    book.set_fault_policy(fault_policy);
    let mut model = Model {
        oracle: Oracle::new(capacity),
        fault_policy,
        sync: None,
        last_seq: DepthUpdate::NO_SEQ,
        is_chained: false,
        applied: None,
        ts_event: UnixNanos::UNKNOWN,
        now: 1,
        choices,
    };
    for n in 0..MESSAGES {
        if model.choices.is_spent() {
            break;
        }
        model.step(&mut book, n);
    }
}

struct Model<'d, 'b> {
    oracle: Oracle,
    fault_policy: FaultPolicy,
    /// Whether the book is live; `None` before the first snapshot.
    sync: Option<bool>,
    last_seq: i64,
    /// Whether an update since the snapshot had the number of the one before.
    is_chained: bool,
    /// Number and times of the message that was applied last to a live book, on whichever
    /// connection.
    applied: Option<(i64, UnixNanos, UnixNanos)>,
    /// The time of the message that was applied last since the book was cleared.
    ts_event: UnixNanos,
    /// The time, in seconds.
    now: u64,
    choices: &'d mut Choices<'b>,
}

impl Model<'_, '_> {
    fn step(&mut self, book: &mut DepthBook, n: usize) {
        self.now += self.choices.pick(&[0, 0, 0, 1, 31]);
        if self.choices.below(24) == 1 {
            book.clear();
            self.oracle = Oracle::new(self.oracle.capacity);
            (self.sync, self.ts_event) = (None, UnixNanos::UNKNOWN);
        }
        let snapshot = self.choices.below(8) == 1;
        let action = if snapshot { DepthAction::Snapshot } else { DepthAction::Update };
        let most = if snapshot { 70 } else { 6 };
        let (asks, bids) = (self.levels(most), self.levels(most));
        let topic = topic(self.choices.pick(&[Channel::Books, Channel::DepthL2Tbt]));
        let (seq, prev_seq) = (self.number(), self.number());
        let mut update = DepthUpdate { topic, seq, prev_seq, ..message(action, &asks, &bids) };
        update.ts_event = UnixNanos(10 + self.choices.below(3) as u64);
        update.ts_recv = UnixNanos(self.now * 1_000_000_000);
        let (gap, old) = (self.gap(&update), self.is_old(&update));
        let applies = self.accepts(&update, gap, old);
        let is_live = self.sync == Some(true);
        if applies {
            self.oracle.apply(action, &asks, &bids);
        }
        let right = self.oracle.checksum();
        update.checksum = self.choices.pick(&[None, Some(right), Some(right), Some(0), Some(-1)]);
        let got = book.apply(&update);
        let context = format!("message {n}");
        assert_eq!(got.applied, applies, "{context}");
        self.oracle.assert_same(&book.view(), &context);
        if applies {
            let counts = (self.oracle.missing, self.oracle.out_of_capacity);
            assert_eq!((got.missing, got.out_of_capacity), counts, "{context}");
            if self.starved() || got.checksum == Checksum::Mismatch {
                self.sync = Some(false);
            }
            self.check_checksum(&update, got.checksum, right, &context);
            assert_eq!(got.sequence == Sequence::Gap, gap && !snapshot, "{context}");
            self.ts_event = update.ts_event;
            if is_live {
                self.applied = Some((update.seq, update.ts_event, update.ts_recv));
            }
        }
        assert_eq!(got.sequence == Sequence::Old, old, "{context}");
        let expected = self.sync == Some(true);
        assert_eq!(got.sync == BookSync::Live, expected, "{context}");
        assert_eq!(got.sync == BookSync::NoSnapshot, self.sync.is_none(), "{context}");
        assert_eq!(book.live().is_some(), expected, "{context}");
        assert_eq!(book.sync(), got.sync);
    }

    /// Whether the numbers of an update have a gap to those of the message before.
    fn gap(&self, update: &DepthUpdate<'_>) -> bool {
        if update.prev_seq == DepthUpdate::NO_SEQ
            && update.seq != DepthUpdate::NO_SEQ
            && !self.is_chained
        {
            // By its own numbers alone, which must not fall.
            let levels = update.asks.len() + update.bids.len();
            return update.seq < self.last_seq || (update.seq == self.last_seq && levels > 0);
        }
        let numbers = [self.last_seq, update.seq, update.prev_seq];
        let numbered = numbers.iter().filter(|number| **number != DepthUpdate::NO_SEQ).count();
        let levels = update.asks.len() + update.bids.len();
        match numbered {
            0 => false,
            3 => update.prev_seq != self.last_seq || (update.seq == self.last_seq && levels > 0),
            _ => true,
        }
    }

    /// Whether a snapshot is from before the message that was applied last, and is rejected.
    fn is_old(&self, update: &DepthUpdate<'_>) -> bool {
        let Some((seq, ts_event, ts_recv)) = self.applied else { return false };
        let earlier = update.ts_event < ts_event;
        let numbered = seq != DepthUpdate::NO_SEQ && update.seq != DepthUpdate::NO_SEQ;
        let older = if numbered {
            update.seq < seq && (earlier || update.ts_event == ts_event)
        } else {
            earlier
        };
        let long_ago = update.ts_recv.0 - ts_recv.0 >= 30_000_000_000;
        let trusted = long_ago && self.sync != Some(true);
        update.action == DepthAction::Snapshot && older && !trusted
    }

    /// Whether a message is applied, by everything except its levels. Updates the state.
    fn accepts(&mut self, update: &DepthUpdate<'_>, gap: bool, old: bool) -> bool {
        let snapshot = update.action == DepthAction::Snapshot;
        if !snapshot && self.sync.is_none() {
            return false;
        }
        let last_seq = std::mem::replace(&mut self.last_seq, update.seq);
        self.is_chained = !snapshot && (self.is_chained || update.prev_seq != DepthUpdate::NO_SEQ);
        if update.asks.iter().chain(update.bids).any(|level| level.sz() < Decimal::ZERO) {
            self.sync = if snapshot { Some(false) } else { self.sync.map(|_| false) };
            return false;
        }
        // Without numbers, only the time shows that an update is late.
        let numbers = [last_seq, update.seq, update.prev_seq];
        let late = numbers.iter().all(|number| *number == DepthUpdate::NO_SEQ)
            && update.ts_event < self.ts_event;
        self.sync = Some(if snapshot { !old } else { self.sync == Some(true) && !gap && !late });
        self.sync == Some(true) || self.fault_policy == FaultPolicy::ApplyAnyway
    }

    fn starved(&self) -> bool {
        let least = 25.min(self.oracle.capacity / 2).max(1);
        [&self.oracle.asks, &self.oracle.bids]
            .into_iter()
            .any(|side| side.limit.is_some() && side.levels.len() < least)
    }

    fn check_checksum(&self, update: &DepthUpdate<'_>, got: Checksum, right: i32, context: &str) {
        let sides = [&self.oracle.asks, &self.oracle.bids];
        let known = sides.iter().all(|side| side.limit.is_none() || side.levels.len() >= 25);
        let empty = sides.iter().all(|side| side.levels.is_empty());
        let meant = |sent: i32| sent != 0 || empty || update.topic.channel == Channel::DepthL2Tbt;
        let expected = match update.checksum {
            Some(sent) if known && meant(sent) && sent == right => Checksum::Ok,
            Some(sent) if known && meant(sent) => Checksum::Mismatch,
            _ => Checksum::None,
        };
        assert_eq!(got, expected, "{context}");
    }

    /// A sequence number near the last one, or none.
    fn number(&mut self) -> i64 {
        match self.choices.below(4) {
            0 => DepthUpdate::NO_SEQ,
            1 => self.last_seq,
            _ => i64::try_from(self.choices.below(6)).unwrap() - 1,
        }
    }

    /// Levels in any order, with occasional duplicate prices and sizes of zero or less.
    fn levels(&mut self, most: usize) -> Vec<Level> {
        let count = self.choices.below(most + 1);
        (0..count).map(|_| self.level()).collect()
    }

    fn level(&mut self) -> Level {
        let ticks = self.choices.pick(&[8, 200]);
        let mantissa = i64::try_from(self.choices.below(ticks)).unwrap() - 3;
        let px = match self.choices.below(4) {
            0 => Decimal::new(mantissa * 10, 3),
            1 => Decimal::new(mantissa * 10_000, 6),
            _ => Decimal::new(mantissa, 2),
        };
        let sz = match self.choices.below(40) {
            0..10 => Decimal::new(0, 2),
            10 => Decimal::new(-1, 0),
            sz => Decimal::new(i64::try_from(sz).unwrap(), 1),
        };
        Level::new(px.unwrap(), sz.unwrap(), 1)
    }
}
