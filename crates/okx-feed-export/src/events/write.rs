//! The end of the ring that is written: where the next slots are in the caches.

use std::ops::Range;

use rtrb::{Consumer, Producer, RingBuffer};

use super::slot::{LEVELS, Slot};
use okx_feed::{Level, Record};

/// How many slots from the next one on are kept in the caches: as many as the frames of a usual
/// read take, about 11 KB.
const AHEAD: usize = 32;

/// What is written to have memory in the caches: to each of a slot's lines, with the one that
/// begins the next slot.
const BLANK: Slot = Slot::Levels([Level::EMPTY; LEVELS]);

const _: () = assert!(size_of::<Slot>() <= size_of::<[Level; LEVELS]>() + 64);

/// Writes slots, and the records that go with some of them.
///
/// A ring is larger than the caches, and another core has read each slot since it was written last.
/// So a store there would wait for that core or for memory, and the frame behind it with it.
#[derive(Debug)]
pub(super) struct SlotWriter {
    slots: Producer<Slot>,
    records: Producer<Record>,
    /// How many slots from the next one on are in the caches.
    warm: usize,
}

/// The other ends of a [`SlotWriter`].
#[derive(Debug)]
pub(super) struct SlotReader {
    pub(super) slots: Consumer<Slot>,
    pub(super) records: Consumer<Record>,
}

impl SlotWriter {
    /// A ring of so many slots and a quarter as many records. All of its memory is touched: a page
    /// that is not costs its first event a fault.
    pub(super) fn new(slots: usize) -> (Self, SlotReader) {
        let (producer, consumer) = RingBuffer::new(slots);
        let (mut to_records, records) = RingBuffer::new(slots.div_ceil(4));
        if let Ok(mut room) = to_records.write_chunk_uninit(slots.div_ceil(4)) {
            let (all, _) = room.as_mut_slices();
            all.iter_mut().for_each(|record| _ = record.write(Record::EMPTY));
        }
        let mut writer = Self { slots: producer, records: to_records, warm: 0 };
        writer.touch(0..slots);
        (writer, SlotReader { slots: consumer, records })
    }

    /// How many slots are free.
    pub(super) fn free(&self) -> usize {
        self.slots.slots()
    }

    /// Whether there is room for two slots, with a record.
    pub(super) fn has_room_for_two(&self) -> bool {
        self.free() >= 2 && !self.records.is_full()
    }

    /// Writes a slot; `false` where there is no room.
    #[inline]
    pub(super) fn push(&mut self, slot: Slot) -> bool {
        self.warm = self.warm.saturating_sub(1);
        self.slots.push(slot).is_ok()
    }

    /// Writes a slot with a record, or neither where there is no room for both.
    #[inline]
    pub(super) fn push_record(&mut self, slot: Slot, record: &Record) -> bool {
        !self.slots.is_full() && self.records.push(*record).is_ok() && self.push(slot)
    }

    /// Writes `count` slots at once, so that a reader never finds a part of them; `false` where
    /// there is no room for all.
    #[inline]
    pub(super) fn push_all(&mut self, count: usize, slots: impl Iterator<Item = Slot>) -> bool {
        let Ok(room) = self.slots.write_chunk_uninit(count) else { return false };
        room.fill_from_iter(slots);
        self.warm = self.warm.saturating_sub(count);
        true
    }

    /// Has the next slots in the caches, while no frame waits.
    pub(super) fn warm_ahead(&mut self) {
        if self.warm < AHEAD && self.touch(self.warm..AHEAD) {
            self.warm = AHEAD;
        }
    }

    /// Stores to some of the next slots; `false` where they are not all free.
    fn touch(&mut self, which: Range<usize>) -> bool {
        let Ok(mut room) = self.slots.write_chunk_uninit(which.end) else { return false };
        let (first, second) = room.as_mut_slices();
        let free = first.iter_mut().chain(second);
        free.skip(which.start).for_each(|slot| _ = slot.write(BLANK));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::{BookState, Subscription, UnixNanos};

    fn slot(of: Subscription, n: u64) -> Slot {
        Slot::State(of, BookState::Live, UnixNanos(n))
    }

    fn number(slot: Slot) -> u64 {
        let Slot::State(_, _, UnixNanos(n)) = slot else { panic!("{slot:?}") };
        n
    }

    #[test]
    fn what_waits_in_the_ring_is_left_alone() {
        let of: Subscription = "trades:A-B".parse().unwrap();
        for len in [1, AHEAD - 1, AHEAD, AHEAD + 1, 2 * AHEAD + 3] {
            let (mut writer, mut reader) = SlotWriter::new(len);
            let (mut pushed, mut popped) = (0, 0);
            for round in 0..1_000_usize {
                for _ in 0..round % 7 {
                    pushed += u64::from(writer.push(slot(of, pushed)));
                }
                let slots = (0..2).map(|n| slot(of, pushed + n));
                pushed += if writer.push_all(2, slots) { 2 } else { 0 };
                writer.warm_ahead();
                let keep = round % len.min(50);
                while reader.slots.slots() > keep {
                    assert_eq!(number(reader.slots.pop().unwrap()), popped);
                    popped += 1;
                }
            }
            assert!(popped > 500, "{len}: {popped}");
        }
    }

    #[test]
    fn the_next_slots_are_in_the_caches_when_no_frame_waits() {
        let of: Subscription = "trades:A-B".parse().unwrap();
        let (mut writer, mut reader) = SlotWriter::new(2 * AHEAD);
        writer.warm_ahead();
        assert_eq!(writer.warm, AHEAD);
        assert!(writer.push(slot(of, 0)) && writer.push_all(3, (1..4).map(|n| slot(of, n))));
        assert_eq!(writer.warm, AHEAD - 4);
        writer.warm_ahead();
        assert_eq!(writer.warm, AHEAD);
        // Nobody reads: there are not so many free slots.
        (4..40).for_each(|n| assert!(writer.push(slot(of, n))));
        writer.warm_ahead();
        assert_eq!(writer.warm, 0);
        (0..40).for_each(|n| assert_eq!(number(reader.slots.pop().unwrap()), n));
        writer.warm_ahead();
        assert_eq!(writer.warm, AHEAD);
    }

    #[test]
    fn a_record_has_room_with_its_slot_or_none() {
        let of: Subscription = "tickers:A-B".parse().unwrap();
        let (mut writer, mut reader) = SlotWriter::new(2);
        assert!(writer.push_record(Slot::Record(of), &Record::EMPTY));
        // One record of two slots.
        assert!(!writer.push_record(Slot::Record(of), &Record::EMPTY));
        assert!(writer.push(slot(of, 1)));
        reader.records.pop().unwrap();
        assert!(!writer.push_record(Slot::Record(of), &Record::EMPTY));
        assert!(reader.records.pop().is_err());
        assert_eq!(reader.slots.slots(), 2);
    }
}
