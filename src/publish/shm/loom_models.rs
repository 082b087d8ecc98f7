//! Loom models of a segment's slots and directory, over words that stand for the mapped file.
//!
//! `RUSTFLAGS="--cfg okx_feed_loom" cargo test --no-default-features --lib loom`

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::directory;
use super::layout::{ENTRY_WORDS, HEADER_WORDS, SlotKind, SlotLayout, header, slot_words};
use super::slot;
use crate::model::{Decimal, Side, Trade};
use crate::publish::ring::RingValue;
use crate::publish::words::Words;

/// The bound on preemptions, as of the other models.
const PREEMPTIONS: usize = 3;

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(check);
}

/// A value of two words that must be equal, and a mark that follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Twice(u64, u64);

impl Words for Twice {
    type Array = [u64; 2];

    const EMPTY: Self = Self(0, 0);

    fn put_words(&self, mark: u8, mut put: impl FnMut(usize, u64)) {
        put(0, self.0);
        put(1, self.1 | u64::from(mark) << 32);
    }

    fn from_words(words: &[u64; 2]) -> (Self, u8) {
        let [first, second] = *words;
        (Self(first, second & 0xFFFF_FFFF), (second >> 32) as u8)
    }
}

impl RingValue for Twice {
    const LOST: Self = Self::EMPTY;

    fn is_some(&self) -> bool {
        self.0 > 0
    }
}

fn place<T: Words>(kind: SlotKind, at: usize, len: usize) -> SlotLayout {
    SlotLayout { kind, at, value_words: slot::value_words::<T>(), len }
}

fn words(count: usize) -> Arc<Vec<AtomicU64>> {
    Arc::new((0..count).map(|_| AtomicU64::new(0)).collect())
}

fn segment<T: Words>(place: &SlotLayout) -> Arc<Vec<AtomicU64>> {
    words(place.at + slot_words(place.kind, place.value_words, place.len).unwrap())
}

#[test]
fn a_slot_gives_value_state_and_number_of_one_write() {
    model(|| {
        let place = place::<Twice>(SlotKind::Book, 0, 1);
        let shared = segment::<Twice>(&place);
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                (1..=2_u8).for_each(|n| {
                    slot::write(&shared, &place, 0, &Twice(n.into(), n.into()), n);
                });
            })
        };
        let mut last = 0;
        for _ in 0..2 {
            if let Some((value, mark, writes)) = slot::try_value::<Twice>(&shared, &place, 0) {
                assert_eq!((value, u64::from(mark)), (Twice(writes, writes), writes));
                assert!(writes >= last, "an older value after a newer one");
                last = writes;
            }
        }
        writer.join().unwrap();
        assert_eq!(slot::read(&shared, &place), Some((Twice(2, 2), 2, 2)));
    });
}

#[test]
fn a_ring_gives_values_by_their_numbers() {
    model(|| {
        let place = place::<Twice>(SlotKind::Trades, 0, 1);
        let shared = segment::<Twice>(&place);
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                (1..=2).for_each(|n| slot::push(&shared, &place, 0, &Twice(n, n)));
            })
        };
        let next = slot::next(&shared, &place);
        for number in 0..2 {
            if let Some(value) = slot::at::<Twice>(&shared, &place, number) {
                assert_eq!(value, Twice(number + 1, number + 1), "another value, or a mix of two");
            }
        }
        assert!(slot::next(&shared, &place) >= next);
        writer.join().unwrap();
        assert_eq!(slot::at(&shared, &place, 1), Some(Twice(2, 2)));
        assert_eq!(slot::at::<Twice>(&shared, &place, 0), None);
    });
}

#[test]
fn an_entry_is_seen_whole_with_its_value_or_not_at_all() {
    model(|| {
        let number = Decimal::from(1);
        let mut trade = Trade::new(Side::Buy, number, number);
        trade.trade_id = 7;
        let place = place::<Trade>(SlotKind::Trades, HEADER_WORDS + ENTRY_WORDS, 1);
        let shared = segment::<Trade>(&place);
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // As the writer does: the slot first, then the entry that shows it.
                slot::push(&shared, &place, 0, &trade);
                assert!(directory::add(&shared, 1, "trades:A", place).is_some());
            })
        };
        if directory::entries(&shared, 1) == 1 {
            let entry = directory::read(&shared, 1, 0);
            assert_eq!(entry, Some(("trades:A".to_owned(), place)));
            assert_eq!(slot::at(&shared, &place, 0), Some(trade));
        }
        writer.join().unwrap();
        assert_eq!(shared[header::ENTRIES].load(Ordering::Relaxed), 1);
        assert_eq!(directory::entries(&shared, 1), 1);
    });
}
