//! Loom models of the lock-free publications, over every order that the memory model allows.
//!
//! `RUSTFLAGS="--cfg okx_feed_loom" cargo test --no-default-features --lib loom`

use loom::sync::Arc;
use loom::thread;

use super::TradePublisher;
use super::seqlock::{Apart, SeqLock};
use crate::model::{Decimal, Side, Trade};

/// The bound on preemptions. Three find the faults of models this small.
const PREEMPTIONS: usize = 3;

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(check);
}

#[test]
fn no_reader_sees_a_mix_of_two_writes() {
    two_words(SeqLock::write);
}

/// Shows that the model fails for a faulty lock.
#[test]
#[should_panic(expected = "a mix of two writes")]
fn a_lock_without_its_fence_fails_the_model() {
    two_words(SeqLock::write_without_fence);
}

fn two_words(write: fn(&SeqLock<[u64; 2]>, &[u64; 2])) {
    model(move || {
        let lock = Arc::new(SeqLock::new([0, 0]));
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || (1..=2).for_each(|n| write(&lock, &[n, n])))
        };
        if let Some(([first, second], writes)) = lock.try_read() {
            assert_eq!(first, second, "a mix of two writes");
            assert_eq!(first, writes, "words of another write");
        }
        writer.join().unwrap();
        assert_eq!(lock.read(), ([2, 2], 2));
    });
}

#[test]
fn a_reader_never_goes_back() {
    model(|| {
        let lock = Arc::new(SeqLock::<[u64; 1], Apart>::new([0]));
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || (1..=2).for_each(|n| lock.write(&[n])))
        };
        let announced = lock.writes();
        let reads: Vec<_> = (0..2).filter_map(|_| lock.try_read()).collect();
        assert!(reads.is_sorted_by_key(|(_, writes)| *writes));
        assert!(reads.iter().all(|(_, writes)| *writes >= announced));
        writer.join().unwrap();
    });
}

fn trade(id: u64) -> Trade {
    let number = Decimal::from(id.cast_signed());
    let mut trade = Trade::new(Side::Buy, number, number);
    trade.trade_id = id;
    trade
}

#[test]
fn a_ring_returns_consistent_trades_by_their_numbers() {
    model(|| {
        let mut publisher = TradePublisher::with_len(1);
        let reader = publisher.reader();
        let writer = thread::spawn(move || (0..2).for_each(|id| publisher.push(&trade(id))));
        let next = reader.next();
        for number in 0..2 {
            if let Some(seen) = reader.at(number) {
                assert_eq!(seen, trade(number), "another trade, or a mix of two");
            }
        }
        assert!(reader.next() >= next);
        writer.join().unwrap();
        assert_eq!(reader.at(1), Some(trade(1)));
        assert_eq!(reader.at(0), None);
    });
}
