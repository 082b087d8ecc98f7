//! The order book by example: the effect of each kind of message, without an allocation.

use std::num::NonZeroU32;

use okx_feed::book::{
    ApplyOutcome, Attribution, BookFlags, BookSide, BookSync, Checksum, DepthAction, DesyncCause,
    FaultPolicy, Sequence, TopDiff, Verify,
};
use okx_feed::publish::DepthPublisher;
use okx_feed::{BookState, Channel, Decimal, DepthBook, DepthUpdate, Level, Side, UnixNanos};
use okx_feed_testkit::alloc::allocations;
use okx_feed_testkit::depth_oracle::{Oracle, Rng, book_of, level, message, topic};

const SNAPSHOT: DepthAction = DepthAction::Snapshot;
const UPDATE: DepthAction = DepthAction::Update;

/// A book of one level a side, with 10 as the number of its last message.
fn numbered_book() -> DepthBook {
    let mut book = DepthBook::with_capacity(8);
    let (asks, bids) = ([level("101", "1")], [level("100", "1")]);
    let snapshot = DepthUpdate { seq: 10, prev_seq: -1, ..message(SNAPSHOT, &asks, &bids) };
    let outcome = book.apply(&snapshot);
    assert_eq!((outcome.sequence, outcome.sync), (Sequence::Ok, BookSync::Live));
    book
}

fn numbered<'f>(prev_seq: i64, seq: i64, asks: &'f [Level]) -> DepthUpdate<'f> {
    DepthUpdate { seq, prev_seq, ..message(UPDATE, asks, &[]) }
}

fn checked<'f>(action: DepthAction, asks: &'f [Level], checksum: i32) -> DepthUpdate<'f> {
    DepthUpdate { checksum: Some(checksum), ..message(action, asks, &[]) }
}

/// The checksum of a book of these asks.
fn checksum(asks: &[Level]) -> i32 {
    let mut oracle = Oracle::new(usize::MAX);
    oracle.apply(SNAPSHOT, asks, &[]);
    oracle.checksum()
}

#[test]
fn an_update_before_a_snapshot_changes_nothing() {
    let mut book = DepthBook::new();
    let asks = [level("1", "1")];
    let outcome = book.apply(&DepthUpdate { checksum: Some(5), ..numbered(1, 2, &asks) });
    let nothing = ApplyOutcome {
        applied: false,
        sync: BookSync::NoSnapshot,
        sequence: Sequence::None,
        checksum: Checksum::None,
        missing: 0,
        out_of_capacity: 0,
        truncated: false,
        first_changed: None,
        begins_chain: false,
    };
    assert_eq!(outcome, nothing);
    assert!(book.live().is_none() && book.view().asks().is_empty());
}

#[test]
fn a_gap_leaves_the_levels_and_hides_the_book_until_a_snapshot() {
    let mut book = numbered_book();
    let asks = [level("102", "1")];
    let lost = book.apply(&numbered(11, 12, &asks));
    assert_eq!((lost.applied, lost.sequence), (false, Sequence::Gap));
    assert_eq!(lost.sync, BookSync::Broken(DesyncCause::Gap));
    assert_eq!((book.view().asks().len(), book.view().seq()), (1, Some(10)));
    assert!(book.live().is_none());
    // The next message follows the one that was refused; the book stays hidden.
    let next = book.apply(&numbered(12, 13, &asks));
    assert_eq!((next.applied, next.sequence), (false, Sequence::Ok));
    assert!(book.live().is_none());
    let snapshot = DepthUpdate { seq: 20, prev_seq: -1, ..message(SNAPSHOT, &asks, &[]) };
    assert_eq!(book.apply(&snapshot).sync, BookSync::Live);
    assert_eq!(book.live().unwrap().seq(), Some(20));
}

#[test]
fn a_book_that_continues_for_diagnosis_is_not_shown_either() {
    let mut book = numbered_book();
    book.set_fault_policy(FaultPolicy::ApplyAnyway);
    let asks = [level("102", "1")];
    let lost = book.apply(&numbered(11, 12, &asks));
    assert_eq!((lost.applied, lost.sequence), (true, Sequence::Gap));
    assert_eq!((book.view().asks().len(), book.view().seq()), (2, Some(12)));
    let next = book.apply(&numbered(12, 13, &[]));
    assert_eq!((next.applied, next.sync), (true, BookSync::Broken(DesyncCause::Gap)));
    assert!(book.live().is_none());
}

#[test]
fn a_reset_and_a_heartbeat_are_no_gaps() {
    let mut book = numbered_book();
    let asks = [level("102", "1")];
    assert_eq!(book.apply(&numbered(10, 3, &asks)).sequence, Sequence::Reset);
    let beat = DepthUpdate { ts_event: UnixNanos(9), ..numbered(3, 3, &[]) };
    let beat = book.apply(&beat);
    assert_eq!((beat.sequence, beat.first_changed), (Sequence::Heartbeat, None));
    assert_eq!(book.apply(&numbered(3, 5, &[])).sequence, Sequence::Ok);
    let view = book.live().unwrap();
    assert_eq!((view.asks().len(), view.seq()), (2, Some(5)));
}

#[test]
fn a_wrong_checksum_hides_the_book() {
    let asks = [level("1.0", "2"), level("1.5", "0.1")];
    let mut book = DepthBook::new();
    let right = book.apply(&checked(SNAPSHOT, &asks, checksum(&asks)));
    assert_eq!((right.checksum, right.sync), (Checksum::Ok, BookSync::Live));
    // The same value in another text is another checksum.
    let wrong = book.apply(&checked(UPDATE, &[level("1", "2")], checksum(&asks)));
    assert_eq!(wrong.checksum, Checksum::Mismatch);
    assert_eq!((wrong.applied, wrong.sync), (true, BookSync::Broken(DesyncCause::Checksum)));
    assert!(book.live().is_none());
    // A later message with a matching checksum does not make it live: a snapshot does.
    book.set_fault_policy(FaultPolicy::ApplyAnyway);
    let right = book.apply(&checked(UPDATE, &[level("1.0", "2")], checksum(&asks)));
    assert_eq!((right.checksum, right.sync), (Checksum::Ok, wrong.sync));
    let right = book.apply(&checked(SNAPSHOT, &asks, checksum(&asks)));
    assert_eq!(right.sync, BookSync::Live);
}

#[test]
fn zero_is_a_checksum_in_v3_and_no_checksum_in_v5() {
    let asks = [level("1", "2")];
    let v3 =
        |action, asks| DepthUpdate { topic: topic(Channel::Depth), ..checked(action, asks, 0) };
    let mut book = DepthBook::new();
    assert_eq!(book.apply(&v3(SNAPSHOT, &asks)).checksum, Checksum::Mismatch);
    assert_eq!(book.apply(&v3(SNAPSHOT, &[])).checksum, Checksum::Ok);
    assert_eq!(book.apply(&checked(SNAPSHOT, &asks, 0)).checksum, Checksum::None);
    assert_eq!(book.apply(&checked(UPDATE, &[level("1", "0")], 0)).checksum, Checksum::Ok);
    assert_eq!(book.apply(&checked(SNAPSHOT, &[], 7)).checksum, Checksum::Mismatch);
}

#[test]
fn verification_can_be_thinned_and_turned_off() {
    let asks = [level("1", "2")];
    let sum = checksum(&asks);
    let mut book = DepthBook::new();
    book.set_verify(Verify::EveryNth(NonZeroU32::new(3).unwrap()));
    let mut outcomes = vec![book.apply(&checked(SNAPSHOT, &asks, sum)).checksum];
    outcomes.extend((0..6).map(|_| book.apply(&checked(UPDATE, &[], sum)).checksum));
    let (none, ok) = (Checksum::None, Checksum::Ok);
    assert_eq!(outcomes, [ok, none, none, ok, none, none, ok]);
    // Changes between two verifications are covered by the next one.
    for sz in ["5", "6"] {
        let _ = book.apply(&checked(UPDATE, &[level("1", sz)], 1));
    }
    let last = [level("1", "7")];
    assert_eq!(book.apply(&checked(UPDATE, &last, checksum(&last))).checksum, Checksum::Ok);
    book.set_verify(Verify::Off);
    assert_eq!(book.apply(&checked(UPDATE, &asks, sum + 1)).sync, BookSync::Live);
    // Changes from the time without verification are verified afterwards.
    let other = [level("1", "3")];
    let _ = book.apply(&checked(UPDATE, &other, 1));
    book.set_verify(Verify::Every);
    assert_eq!(book.apply(&checked(UPDATE, &[], checksum(&other))).checksum, Checksum::Ok);
}

#[test]
fn a_negative_size_is_refused_with_all_of_its_message() {
    let mut book = book_of(8, &[level("2", "1")], &[]);
    let asks = [level("1", "1"), level("3", "-1")];
    let outcome = book.apply(&message(UPDATE, &asks, &[]));
    assert_eq!(
        (outcome.applied, outcome.sync),
        (false, BookSync::Broken(DesyncCause::NegativeSize))
    );
    assert_eq!(book.view().asks().len(), 1);
    let mut book = book_of(8, &[level("2", "1")], &[]);
    let outcome = book.apply(&message(SNAPSHOT, &asks, &[]));
    assert_eq!(
        (outcome.applied, outcome.sync),
        (false, BookSync::Broken(DesyncCause::NegativeSize))
    );
}

#[test]
fn a_lost_message_breaks_a_book_whose_numbers_do_not_show_it() {
    let mut numbered = numbered_book();
    let _ = numbered.apply(&self::numbered(10, 11, &[]));
    assert!(!numbered.message_lost(Attribution::Possible) && numbered.live().is_some());
    assert!(
        numbered.message_lost(Attribution::Exact) && numbered.live().is_none(),
        "it is known to be its own"
    );
    // Rising numbers alone have gaps that show nothing.
    let mut unchained = numbered_book();
    let _ = unchained.apply(&self::numbered(DepthUpdate::NO_SEQ, 11, &[]));
    assert!(unchained.message_lost(Attribution::Possible) && unchained.live().is_none());
    let mut book = DepthBook::with_capacity(8);
    assert!(
        !book.message_lost(Attribution::Possible),
        "it may have been the snapshot, which is waited for anyway"
    );
    let mut book = book_of(8, &[level("2", "1")], &[]);
    assert!(book.message_lost(Attribution::Possible) && !book.message_lost(Attribution::Possible));
    assert_eq!((book.sync(), book.live().is_some()), (BookSync::Broken(DesyncCause::Lost), false));
    let outcome = book.apply(&message(SNAPSHOT, &[level("2", "1")], &[]));
    assert_eq!((outcome.sync, book.live().is_some()), (BookSync::Live, true));
}

#[test]
fn the_last_of_two_levels_of_one_price_holds() {
    let mut book = book_of(8, &[level("2", "1")], &[]);
    let asks = [level("2.0", "0"), level("2", "5"), level("3", "1"), level("3.0", "0")];
    assert_eq!(book.apply(&message(UPDATE, &asks, &[])).missing, 0);
    assert_eq!(book.view().asks(), [level("2", "5")]);
}

#[test]
fn deletions_of_absent_levels_are_counted() {
    let mut book = book_of(8, &[level("2", "1")], &[]);
    let (asks, bids) = ([level("1", "0"), level("2", "0")], [level("1", "0.00")]);
    let outcome = book.apply(&message(UPDATE, &asks, &bids));
    assert_eq!((outcome.missing, outcome.first_changed), (2, Some(0)));
    assert!(book.live().unwrap().asks().is_empty());
}

#[test]
fn a_full_book_has_its_cut_price_and_breaks_when_few_levels_are_left() {
    let bids: Vec<Level> = (1..=6).map(|px| level(&format!("{}", 10 - px), "1")).collect();
    let mut book = book_of(4, &[], &bids);
    let view = book.live().unwrap();
    assert_eq!((view.bids().len(), view.bid_limit()), (4, "5".parse().ok()));
    assert_eq!(view.ask_limit(), None);
    assert_eq!(view.size_to(BookSide::Bid, "6".parse().unwrap()), Some(Decimal::from(4)));
    assert_eq!(view.size_to(BookSide::Bid, "5".parse().unwrap()), None);
    let outcome = book.apply(&message(UPDATE, &[], &[level("10", "1")]));
    assert_eq!(
        (outcome.out_of_capacity, outcome.truncated, outcome.first_changed),
        (1, true, Some(0))
    );
    assert_eq!(book.view().bid_limit(), "6".parse().ok());
    for (px, sync) in [
        ("10", BookSync::Live),
        ("9", BookSync::Live),
        ("8", BookSync::Broken(DesyncCause::Truncated)),
    ] {
        assert_eq!(book.apply(&message(UPDATE, &[], &[level(px, "0")])).sync, sync, "{px}");
    }
}

#[test]
fn a_cut_book_is_verified_as_long_as_it_has_the_levels() {
    let asks: Vec<Level> = (1..=31).map(|px| level(&format!("{px}"), "1")).collect();
    let mut book = book_of(30, &asks, &[]);
    for len in (23..30).rev() {
        let (kept, rest) = asks.split_at(len);
        let gone = [Level::new(rest[0].px(), Decimal::ZERO, 0)];
        let outcome = book.apply(&checked(UPDATE, &gone, checksum(kept)));
        let want = if kept.len() >= 25 { Checksum::Ok } else { Checksum::None };
        assert_eq!((outcome.checksum, outcome.sync), (want, BookSync::Live), "{}", kept.len());
    }
}

#[test]
fn sizes_of_capacity_are_kept_in_bounds() {
    assert_eq!(DepthBook::with_capacity(0).capacity(), 1);
    assert_eq!(DepthBook::with_capacity(usize::MAX).capacity(), DepthBook::MAX_CAPACITY);
}

#[test]
fn the_best_five_are_a_book_with_flags() {
    let asks: Vec<Level> = (0..7).map(|n| level(&format!("{}", 100 + n), "1")).collect();
    let mut book = DepthBook::new();
    let (ts_event, ts_recv) = (UnixNanos(7), UnixNanos(8));
    let bids = [level("100.0", "3")];
    let snapshot = DepthUpdate { ts_event, ts_recv, seq: 4, ..message(SNAPSHOT, &asks, &bids) };
    let _ = book.apply(&snapshot);
    let top = book.live().unwrap().top5();
    assert_eq!((top.asks(), top.bids()), (&asks[..5], bids.as_slice()));
    assert_eq!((top.ts_event, top.ts_recv, top.seq()), (ts_event, ts_recv, Some(4)));
    assert_eq!(top.flags(), BookFlags::CROSSED);
}

#[test]
fn a_cleared_book_waits_for_a_snapshot() {
    let mut book = numbered_book();
    book.clear();
    assert_eq!(book.sync(), BookSync::NoSnapshot);
    assert_eq!((book.view().asks().len(), book.view().seq()), (0, None));
    assert!(!book.apply(&numbered(10, 11, &[])).applied);
}

/// Snapshots, updates, cuts, gaps, mismatches and queries: no allocation after the book is made.
#[test]
fn nothing_allocates_once_the_book_is_made() {
    let mut rng = Rng(7);
    let mut draw = |count: u64| -> Vec<Level> {
        let level = |rng: &mut Rng| {
            let px = Decimal::new(rng.below(300) as i64, 2).unwrap();
            Level::new(px, Decimal::from(rng.below(3) as i64), 1)
        };
        (0..count).map(|_| level(&mut rng)).collect()
    };
    let sides: Vec<_> = (0..200).map(|n| (draw(1 + n % 20), draw(n % 7))).collect();
    let snapshot = (draw(400), draw(400));
    let mut book = DepthBook::with_capacity(100);
    book.set_fault_policy(FaultPolicy::ApplyAnyway);
    let mut watch = TopDiff::<10>::new();
    let mut seen = Vec::with_capacity(8);
    let mut publisher = DepthPublisher::new();
    let reader = publisher.reader();
    let mut last = (book.view().top5(), reader.snapshot());

    let before = allocations();
    for (n, (asks, bids)) in (0i64..).zip(&sides) {
        if n % 50 == 1 {
            let _ = book.apply(&message(SNAPSHOT, &snapshot.0, &snapshot.1));
        }
        let update = DepthUpdate { checksum: Some(1), ..message(UPDATE, asks, bids) };
        let outcome = book.apply(&DepthUpdate { seq: n, prev_seq: n - 1, ..update });
        let kind = (outcome.sync, outcome.sequence, outcome.checksum);
        if !seen.contains(&kind) {
            seen.push(kind);
        }
        let view = book.view();
        let _ = (view.top5(), view.imbalance(10), view.sweep(Side::Buy, Decimal::from(9)));
        let _ = view.size_to(BookSide::Bid, Decimal::from(1));
        let _ = (view.level_at(BookSide::Ask, Decimal::from(1)), book.live());
        watch.changes(&view, |_| ());
        publisher.publish_book(&view, BookState::Live);
        let (five, snapshot) = (view.top5(), reader.snapshot());
        let _ = five.changes_since(&last.0, |_| ()) + snapshot.changes_since(&last.1, |_| ());
        let _ = (snapshot.mid(), snapshot.microprice(9), snapshot.imbalance(10));
        let _ = snapshot.sweep(Side::Buy, Decimal::from(9));
        last = (five, snapshot);
    }
    book.clear();
    let after = allocations();
    assert_eq!(after - before, 0);
    assert!(seen.iter().any(|kind| kind.2 == Checksum::Mismatch), "{seen:?}");
    assert!(seen.iter().any(|kind| kind.1 == Sequence::Gap), "{seen:?}");
    assert!(book.capacity() == 100);
}

/// A channel without checksums for long, and then with one: it must match the book at that time.
#[test]
fn a_checksum_after_many_without_covers_the_current_book() {
    let mut rng = Rng(11);
    for verify in [Verify::Every, Verify::EveryNth(NonZeroU32::new(2).unwrap())] {
        for pause in [1, 2, 3, 50, 2_000] {
            let mut book = DepthBook::new();
            book.set_verify(verify);
            let mut asks: Vec<Level> = (1..=60).map(|px| level(&px.to_string(), "1.50")).collect();
            let first = checked(SNAPSHOT, &asks, checksum(&asks));
            assert_eq!(book.apply(&first).checksum, Checksum::Ok);
            let mut compared = 0;
            for n in 1..=5 * pause {
                let px = (1 + rng.below(90)).to_string();
                let changed = level(&px, &rng.below(3).to_string());
                let at = asks.binary_search_by_key(&changed.px(), Level::px);
                match (at, changed.sz().is_zero()) {
                    (Ok(at), true) => drop(asks.remove(at)),
                    (Ok(at), false) => asks[at] = changed,
                    (Err(_), true) => {}
                    (Err(at), false) => asks.insert(at, changed),
                }
                // The last few of a pause have one, so that the state is saved between them.
                let sum = match n % pause {
                    0..=2 => Some(checksum(&asks)),
                    k => (k % 2 == 0).then_some(0),
                };
                let changed = [changed];
                let update = DepthUpdate { checksum: sum, ..message(UPDATE, &changed, &[]) };
                let applied = book.apply(&update).checksum;
                assert_ne!(applied, Checksum::Mismatch, "{n} of {pause}");
                assert!(verify != Verify::Every || (applied == Checksum::Ok) == (n % pause < 3));
                compared += u32::from(applied == Checksum::Ok);
            }
            assert!(compared >= 2, "{pause}");
        }
    }
}

#[test]
fn an_unnumbered_update_that_is_earlier_than_the_book_breaks_it() {
    let mut book = book_of(8, &[level("2", "1")], &[]);
    let later = UnixNanos(book.view().ts_event.0 + 5);
    let asks = [level("3", "1")];
    let at = |ts_event| DepthUpdate { ts_event, ..message(UPDATE, &asks, &[]) };
    assert_eq!(book.apply(&at(later)).sync, BookSync::Live);
    let outcome = book.apply(&at(UnixNanos(later.0 - 1)));
    assert_eq!((outcome.applied, outcome.sync), (false, BookSync::Broken(DesyncCause::Lost)));
}

#[test]
fn a_book_that_is_changed_for_diagnosis_keeps_the_version_of_the_live_one() {
    for numbers in [[10, 11, 9, 9, 8], [DepthUpdate::NO_SEQ; 5]] {
        let mut book = DepthBook::with_capacity(8);
        book.set_fault_policy(FaultPolicy::ApplyAnyway);
        let asks = [level("101", "1")];
        let [first, second, old, again, older] = numbers;
        let snapshot = |seq, ts: u64| DepthUpdate {
            seq,
            ts_event: UnixNanos(ts),
            ts_recv: UnixNanos(100),
            ..message(SNAPSHOT, &asks, &[])
        };
        assert_eq!(book.apply(&snapshot(first, 50)).sync, BookSync::Live);
        assert_eq!(book.apply(&snapshot(second, 51)).sync, BookSync::Live);
        let broken = BookSync::Broken(DesyncCause::OldSnapshot);
        for (seq, ts) in [(old, 49), (again, 49), (older, 48), (again, 50)] {
            let outcome = book.apply(&snapshot(seq, ts));
            assert_eq!((outcome.applied, outcome.sync), (true, broken), "{seq} {ts}");
        }
        assert_eq!(book.apply(&snapshot(second, 52)).sync, BookSync::Live);
    }
}

#[test]
fn a_first_snapshot_with_a_negative_size_says_so() {
    let mut book = DepthBook::with_capacity(8);
    let outcome = book.apply(&message(SNAPSHOT, &[level("3", "-1")], &[]));
    let cause = BookSync::Broken(DesyncCause::NegativeSize);
    assert_eq!((outcome.applied, outcome.sync), (false, cause));
}
