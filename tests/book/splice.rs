//! REST snapshots: joined with the updates around them by their numbers.

use std::collections::BTreeMap;

use okx_feed::book::{BookSync, DepthAction, DesyncCause, FaultPolicy, Sequence};
use okx_feed::{Decimal, DepthBook, DepthUpdate, Level, UnixNanos};
use okx_feed_testkit::alloc::allocations;
use okx_feed_testkit::depth_oracle::{Oracle, Rng, level, message};

const REQUESTED: DepthAction = DepthAction::RestSnapshot;

fn book() -> DepthBook {
    let mut book = DepthBook::with_capacity(64);
    book.keep_updates();
    book
}

fn update<'f>(prev_seq: i64, seq: i64, asks: &'f [Level]) -> DepthUpdate<'f> {
    DepthUpdate { seq, prev_seq, ..message(DepthAction::Update, asks, &[]) }
}

fn snapshot<'f>(seq: i64, asks: &'f [Level]) -> DepthUpdate<'f> {
    DepthUpdate { seq, ..message(REQUESTED, asks, &[]) }
}

/// The number of the book and its asks, if it is live.
fn live(book: &DepthBook) -> Option<(i64, String)> {
    let view = book.live()?;
    let asks = view.asks().iter().map(|level| format!("{} x {}", level.px(), level.sz()));
    Some((view.seq().unwrap_or(-1), asks.collect::<Vec<_>>().join(", ")))
}

#[test]
fn kept_updates_follow_the_snapshot_that_one_of_them_spans() {
    let mut book = book();
    for (prev, seq, asks) in
        [(10, 14, [level("1", "14")]), (14, 18, [level("2", "18")]), (18, 20, [level("1", "0")])]
    {
        let applied = book.apply(&update(prev, seq, &asks));
        assert_eq!((applied.applied, applied.sync), (false, BookSync::NoSnapshot));
    }
    // Its number occurs in no update: it lies between 14 and 18.
    let asks = [level("1", "14"), level("3", "9")];
    let applied = book.apply(&snapshot(15, &asks));
    assert_eq!((applied.applied, applied.sequence), (true, Sequence::Ok));
    assert_eq!((applied.sync, applied.first_changed), (BookSync::Live, Some(0)));
    assert_eq!(live(&book), Some((20, "2 x 18, 3 x 9".to_owned())));
    // From here on each update must follow the one before.
    assert_eq!(book.apply(&update(20, 21, &[])).sequence, Sequence::Ok);
    assert_eq!(book.apply(&update(20, 23, &[])).sequence, Sequence::Gap);
}

#[test]
fn a_snapshot_newer_than_the_updates_waits_for_the_one_that_spans_it() {
    let mut book = book();
    let _ = book.apply(&update(10, 14, &[level("1", "14")]));
    let applied = book.apply(&snapshot(20, &[level("7", "7")]));
    assert_eq!((applied.applied, applied.sync), (true, BookSync::Unlinked));
    assert_eq!(live(&book), None, "no update has confirmed it");
    let applied = book.apply(&update(14, 18, &[level("1", "18")]));
    assert_eq!((applied.applied, applied.sequence), (false, Sequence::Old));
    assert_eq!(applied.sync, BookSync::Unlinked);
    let applied = book.apply(&update(18, 22, &[level("8", "22")]));
    assert_eq!((applied.applied, applied.sync), (true, BookSync::Live));
    assert_eq!(live(&book), Some((22, "7 x 7, 8 x 22".to_owned())));
}

#[test]
fn any_update_that_reaches_the_number_confirms_it() {
    let asks = [level("7", "7")];
    for (prev, seq, expected) in [
        (20, 24, Some(24)),
        (20, 20, Some(20)),
        (18, 20, Some(20)),
        (18, 24, Some(24)),
        (18, 19, None),
        (18, 18, None),
    ] {
        let mut book = book();
        let _ = book.apply(&update(prev - 1, prev, &[]));
        let _ = book.apply(&snapshot(20, &asks));
        let applied = book.apply(&update(prev, seq, &[]));
        assert_eq!(live(&book).map(|(seq, _)| seq), expected, "{prev} to {seq}");
        // The same before the snapshot.
        let mut before = self::book();
        let _ = before.apply(&update(prev, seq, &[]));
        let _ = before.apply(&snapshot(20, &asks));
        assert_eq!(live(&before).map(|(seq, _)| seq), expected, "{prev} to {seq}, kept");
        assert_eq!(applied.sync == BookSync::Live, expected.is_some());
    }
}

#[test]
fn a_snapshot_older_than_the_updates_is_not_applied() {
    let mut book = book();
    let _ = book.apply(&update(10, 14, &[]));
    let applied = book.apply(&snapshot(9, &[level("1", "1")]));
    assert_eq!((applied.applied, applied.sequence), (false, Sequence::Old));
    assert_eq!((applied.sync, book.view().asks().len()), (BookSync::NoSnapshot, 0));
    assert_eq!(book.apply(&snapshot(10, &[level("1", "1")])).sync, BookSync::Live);
    assert_eq!(live(&book), Some((14, "1 x 1".to_owned())));
}

#[test]
fn a_snapshot_before_the_first_update_is_not_applied() {
    let mut book = book();
    let applied = book.apply(&snapshot(20, &[level("1", "1")]));
    assert_eq!((applied.applied, applied.sync), (false, BookSync::NoSnapshot));
    assert!(book.apply(&update(20, 21, &[])).begins_chain);
    assert_eq!(book.apply(&snapshot(20, &[level("1", "1")])).sync, BookSync::Live);
}

/// A lost update may have been a reset, after which the snapshot's number occurs again.
#[test]
fn an_update_that_follows_no_other_does_not_confirm_a_snapshot() {
    for lost in [(13, 25), (13, 19)] {
        let mut book = book();
        assert!(book.apply(&update(10, 12, &[])).begins_chain);
        assert!(!book.apply(&update(12, 13, &[])).begins_chain);
        let _ = book.apply(&snapshot(20, &[level("1", "1")]));
        let applied = book.apply(&update(lost.0 + 1, lost.1, &[level("2", "24")]));
        assert_eq!((applied.sequence, applied.begins_chain), (Sequence::Gap, true));
        assert_eq!(applied.sync, BookSync::Broken(DesyncCause::Gap));
        let _ = book.apply(&snapshot(lost.1, &[level("5", "5")]));
        assert_eq!(live(&book), Some((lost.1, "2 x 24, 5 x 5".to_owned())));
    }
}

#[test]
fn a_gap_of_a_live_book_is_closed_by_a_snapshot_without_a_subscription() {
    let mut book = book();
    let _ = book.apply(&update(1, 2, &[]));
    let _ = book.apply(&snapshot(2, &[level("1", "1")]));
    assert!(live(&book).is_some());
    let _ = book.apply(&update(5, 6, &[level("2", "6")]));
    assert_eq!(book.sync(), BookSync::Broken(DesyncCause::Gap));
    let _ = book.apply(&update(6, 7, &[level("3", "7")]));
    assert_eq!(book.apply(&snapshot(4, &[level("1", "4")])).sequence, Sequence::Old);
    assert_eq!(book.apply(&snapshot(5, &[level("1", "5")])).sync, BookSync::Live);
    assert_eq!(live(&book), Some((7, "1 x 5, 2 x 6, 3 x 7".to_owned())));
}

#[test]
fn a_live_book_ignores_snapshots_by_request() {
    let mut book = book();
    let _ = book.apply(&update(1, 2, &[]));
    let _ = book.apply(&snapshot(2, &[level("1", "1")]));
    for seq in [1, 2, 9] {
        let applied = book.apply(&snapshot(seq, &[level("8", "8")]));
        assert_eq!((applied.applied, applied.sync), (false, BookSync::Live));
    }
    assert_eq!(live(&book), Some((2, "1 x 1".to_owned())));
    assert_eq!(book.apply(&update(2, 3, &[])).sequence, Sequence::Ok);
}

#[test]
fn a_sequence_reset_begins_a_chain() {
    let mut book = book();
    let begins = [(1000, 1020, true), (1020, 3, true), (3, 5, false)]
        .map(|(prev, seq, _)| book.apply(&update(prev, seq, &[level("2", "5")])).begins_chain);
    assert_eq!(begins, [true, true, false]);
    assert_eq!(book.apply(&snapshot(4, &[level("1", "3")])).sync, BookSync::Live);
    assert_eq!(live(&book), Some((5, "1 x 3, 2 x 5".to_owned())));
    // A live book follows it.
    assert!(!book.apply(&update(5, 1, &[])).begins_chain);
    assert_eq!(live(&book).map(|(seq, _)| seq), Some(1));
}

/// A reset may give the number of the last update to the next one.
#[test]
fn an_update_of_the_same_number_is_no_heartbeat_if_it_has_levels() {
    let mut book = book();
    assert!(book.apply(&update(1, 2, &[level("1", "2")])).begins_chain);
    assert!(!book.apply(&update(2, 2, &[])).begins_chain);
    assert!(book.apply(&update(2, 2, &[level("1", "0")])).begins_chain);
    assert!(!book.apply(&update(2, 3, &[level("3", "3")])).begins_chain);
    let _ = book.apply(&snapshot(3, &[level("3", "3")]));
    assert_eq!(live(&book), Some((3, "3 x 3".to_owned())));
}

/// Its number may be one of before the reset, or occur again after it.
#[test]
fn a_reset_after_a_snapshot_that_waits_breaks_the_book() {
    for seq in [1020, 1022] {
        let mut book = book();
        let _ = book.apply(&update(1010, 1020, &[]));
        let _ = book.apply(&snapshot(1022, &[level("9", "9")]));
        let applied = book.apply(&update(1020, 1022, &[]));
        assert_eq!(applied.sync, BookSync::Live);
        let mut waits = self::book();
        let _ = waits.apply(&update(1010, 1020, &[]));
        let _ = waits.apply(&snapshot(seq + 2, &[level("9", "9")]));
        let applied = waits.apply(&update(1020, 3, &[level("1", "3")]));
        assert_eq!(applied.sync, BookSync::Broken(DesyncCause::Gap));
        assert!(applied.begins_chain);
        assert_eq!(waits.apply(&snapshot(3, &[level("1", "3")])).sync, BookSync::Live);
    }
}

#[test]
fn kept_updates_are_bounded() {
    let mut book = book();
    for seq in 0..600 {
        let _ = book.apply(&update(seq, seq + 1, &[]));
    }
    assert_eq!(book.apply(&snapshot(511, &[])).sequence, Sequence::Old, "dropped when full");
    assert_eq!(book.apply(&snapshot(512, &[])).sync, BookSync::Live);
    let mut book = self::book();
    let many: Vec<Level> = (0..1000).map(|px| Level::new(px.into(), 1.into(), 1)).collect();
    for seq in 0..9 {
        let _ = book.apply(&update(seq, seq + 1, &many));
    }
    assert_eq!(book.apply(&snapshot(7, &[])).sequence, Sequence::Old);
    assert_eq!(book.apply(&snapshot(8, &[])).sync, BookSync::Live);
    let mut book = self::book();
    let more: Vec<Level> = (0..9000).map(|px| Level::new(px.into(), 1.into(), 1)).collect();
    let _ = book.apply(&update(0, 1, &more));
    let _ = book.apply(&update(1, 2, &[]));
    assert_eq!(book.apply(&snapshot(1, &[])).sync, BookSync::Live);
}

#[test]
fn a_negative_size_needs_a_snapshot_after_it() {
    let mut book = book();
    let _ = book.apply(&update(1, 2, &[]));
    let _ = book.apply(&update(2, 3, &[level("1", "-1")]));
    let _ = book.apply(&update(3, 4, &[]));
    let _ = book.apply(&snapshot(2, &[level("1", "1")]));
    assert_eq!(live(&book), None);
    let _ = book.apply(&snapshot(3, &[level("1", "-1")]));
    assert_eq!(live(&book), None);
    let _ = book.apply(&update(4, 5, &[]));
    let _ = book.apply(&snapshot(4, &[level("1", "1")]));
    assert_eq!(live(&book), Some((5, "1 x 1".to_owned())));
}

/// A connection whose channel lags behind the last one's book is not shown.
#[test]
fn a_channel_that_lags_behind_the_last_connection_is_refused() {
    let mut book = book();
    let at = |ts, update: DepthUpdate<'static>| DepthUpdate { ts_event: UnixNanos(ts), ..update };
    let _ = book.apply(&at(100, update(1, 50, &[])));
    let _ = book.apply(&at(100, snapshot(50, &[])));
    assert!(live(&book).is_some());
    book.clear();
    let _ = book.apply(&at(90, update(30, 40, &[])));
    let applied = book.apply(&at(90, snapshot(35, &[])));
    assert_eq!(applied.sync, BookSync::Broken(DesyncCause::OldSnapshot));
    let _ = book.apply(&at(110, update(40, 60, &[])));
    assert_eq!(book.apply(&at(110, snapshot(60, &[]))).sync, BookSync::Live);
}

#[test]
fn a_book_that_keeps_no_updates_is_linked_by_the_next_one() {
    let mut book = DepthBook::with_capacity(8);
    book.set_fault_policy(FaultPolicy::ApplyAnyway);
    let _ = book.apply(&update(1, 2, &[]));
    assert_eq!(book.apply(&snapshot(2, &[level("1", "1")])).sync, BookSync::Unlinked);
    assert_eq!(book.apply(&update(2, 4, &[])).sync, BookSync::Live);
}

/// A channel that sends snapshots itself may send one while updates are kept.
#[test]
fn a_snapshot_of_the_channel_ends_the_chain() {
    let mut book = book();
    assert!(book.apply(&update(10, 14, &[level("1", "14")])).begins_chain);
    let sent = DepthUpdate { action: DepthAction::Snapshot, ..snapshot(50, &[]) };
    assert_eq!(book.apply(&sent).sync, BookSync::Live);
    let applied = book.apply(&update(14, 60, &[level("2", "60")]));
    assert_eq!((applied.sequence, applied.begins_chain), (Sequence::Gap, true));
    assert_eq!(book.apply(&snapshot(12, &[])).sequence, Sequence::Old);
    let _ = book.apply(&snapshot(55, &[level("5", "5")]));
    assert_eq!(live(&book), Some((60, "2 x 60, 5 x 5".to_owned())));
}

#[test]
fn a_kept_update_is_verified_by_its_checksum() {
    let asks = [level("2", "18")];
    let mut oracle = Oracle::new(64);
    oracle.apply(DepthAction::Snapshot, &[level("1", "1"), level("2", "18")], &[]);
    let checksum = oracle.checksum();
    for (checksum, expected) in
        [(checksum, BookSync::Live), (checksum + 1, BookSync::Broken(DesyncCause::Checksum))]
    {
        let mut book = book();
        let kept = DepthUpdate { checksum: Some(checksum), ..update(14, 18, &asks) };
        let _ = book.apply(&kept);
        assert_eq!(book.apply(&snapshot(15, &[level("1", "1")])).sync, expected);
    }
}

/// The version of the book before it broke is that of no later one.
#[test]
fn a_channel_that_lags_is_refused_after_a_book_was_changed_for_diagnosis() {
    let mut book = book();
    book.set_fault_policy(FaultPolicy::ApplyAnyway);
    let at = |ts, update: DepthUpdate<'static>| DepthUpdate { ts_event: UnixNanos(ts), ..update };
    let _ = book.apply(&at(100, update(1, 50, &[])));
    let _ = book.apply(&at(100, snapshot(50, &[])));
    let _ = book.apply(&at(101, update(52, 60, &[])));
    assert_eq!(book.sync(), BookSync::Broken(DesyncCause::Gap));
    let _ = book.apply(&at(101, snapshot(60, &[])));
    assert!(live(&book).is_some());
    book.clear();
    let _ = book.apply(&at(90, update(30, 40, &[])));
    let applied = book.apply(&at(90, snapshot(35, &[])));
    assert_eq!(applied.sync, BookSync::Broken(DesyncCause::OldSnapshot));
}

#[test]
fn a_snapshot_by_request_replaces_the_sizes_without_rpi_orders() {
    let mut book = book();
    book.keep_non_rpi();
    let _ = book.apply(&update(1, 2, &[]));
    let _ = book.apply(&snapshot(2, &[level("1", "1"), level("2", "2")]));
    let _ = book.apply(&update(4, 5, &[]));
    let _ = book.apply(&snapshot(5, &[level("2", "3")]));
    let view = book.live_non_rpi().unwrap();
    let asks: Vec<_> = view.asks().iter().map(|level| format!("{level:?}")).collect();
    assert_eq!((asks.len(), view.asks()[0].sz()), (1, 3.into()), "{asks:?}");
}

#[test]
fn a_snapshot_without_a_number_is_ignored() {
    let mut book = book();
    let applied = book.apply(&snapshot(DepthUpdate::NO_SEQ, &[level("1", "1")]));
    assert_eq!((applied.applied, applied.sync), (false, BookSync::NoSnapshot));
}

#[test]
fn nothing_is_allocated_when_a_snapshot_is_joined() {
    let mut book = book();
    let many: Vec<Level> = (0..150).map(|px| Level::new(px.into(), 1.into(), 1)).collect();
    let before = allocations();
    for round in 0..50 {
        for seq in 0..40 {
            let _ = book.apply(&update(1000 * round + seq, 1000 * round + seq + 1, &many));
        }
        let _ = book.apply(&snapshot(1000 * round + 20, &many));
        assert!(book.live().is_some());
    }
    assert_eq!(allocations() - before, 0);
}

/// The exchange's log: every change has a number, an update spans several, a snapshot has any.
struct Exchange {
    rng: Rng,
    levels: BTreeMap<i64, i64>,
    seq: i64,
    ts: u64,
    /// The numbers, times and books of the last changes, for snapshots.
    past: Vec<(i64, u64, BTreeMap<i64, i64>)>,
}

impl Exchange {
    fn change(&mut self) -> (i64, i64) {
        let px = self.rng.below(40).cast_signed();
        let sz = if self.rng.one_in(3) { 0 } else { 1 + self.rng.below(9).cast_signed() };
        if sz == 0 {
            self.levels.remove(&px);
        } else {
            self.levels.insert(px, sz);
        }
        self.seq += 1 + self.rng.below(3).cast_signed();
        self.ts += 10_000_000;
        self.past.push((self.seq, self.ts, self.levels.clone()));
        (px, sz)
    }
}

fn as_levels(changes: impl IntoIterator<Item = (i64, i64)>) -> Vec<Level> {
    let level = |(px, sz)| Level::new(Decimal::from(px), Decimal::from(sz), 1);
    changes.into_iter().map(level).collect()
}

/// Updates with gaps and resets, after which numbers may occur again, and snapshots of any age
/// since the chain began: a live book is always the exchange's at its number, and is live again
/// soon after each fault.
#[test]
fn a_live_book_is_the_exchanges_whatever_snapshot_it_began_with() {
    let (mut joined, mut lived, mut checked) = (0, 0, 0_u64);
    for seed in 0..300 {
        let rng = Rng(seed);
        let mut exchange =
            Exchange { rng, levels: BTreeMap::new(), seq: 50_000, ts: 1, past: Vec::new() };
        let mut book = book();
        let mut sent = exchange.seq;
        for _ in 0..400 {
            let count = exchange.rng.below(5);
            let mut changes: Vec<_> = (0..count).map(|_| exchange.change()).collect();
            // An update has each price once, with its last size.
            changes.reverse();
            let mut seen = std::collections::HashSet::new();
            changes.retain(|(px, _)| seen.insert(*px));
            let is_reset = exchange.rng.one_in(60);
            if is_reset {
                exchange.seq = (exchange.seq - exchange.rng.below(60).cast_signed()).max(1);
                exchange.past.push((exchange.seq, exchange.ts, exchange.levels.clone()));
            }
            let asks = as_levels(changes);
            let next = DepthUpdate {
                ts_event: UnixNanos(exchange.ts),
                ..update(sent, exchange.seq, &asks)
            };
            sent = exchange.seq;
            // Lost on its way; not a reset, after which the numbers may come to be exactly the next
            // ones, which nothing could show.
            if exchange.rng.one_in(40) && !is_reset {
                continue;
            }
            let was_live = book.live().is_some();
            if book.apply(&next).begins_chain {
                exchange.past.drain(..exchange.past.len().saturating_sub(1));
            }
            if !was_live && exchange.rng.one_in(3) && !exchange.past.is_empty() {
                let at = exchange.rng.below(exchange.past.len() as u64);
                let (seq, ts, levels) = &exchange.past[usize::try_from(at).unwrap()];
                let asks = as_levels(levels.iter().map(|(px, sz)| (*px, *sz)));
                let snapshot = snapshot(*seq, &asks);
                let applied = book.apply(&DepthUpdate { ts_event: UnixNanos(*ts), ..snapshot });
                joined += u64::from(applied.sync == BookSync::Live);
            }
            if let Some(view) = book.live() {
                lived += 1;
                let mut oracle = Oracle::new(64);
                let expected = as_levels(exchange.levels.iter().map(|(px, sz)| (*px, *sz)));
                oracle.apply(DepthAction::Snapshot, &expected, &[]);
                assert_eq!(view.seq(), Some(exchange.seq), "seed {seed}");
                oracle.assert_same(&view, &format!("seed {seed}"));
            }
            checked += 1;
        }
    }
    assert!(joined > 2_000 && lived * 2 > checked, "{joined} joined, {lived} of {checked} live");
}
