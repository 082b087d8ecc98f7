use super::*;

pub(super) const BASE: u64 = 1_000_000_000_000;

pub(super) fn mark(seq: i64, ms: u64) -> Mark {
    let ts = UnixNanos(BASE + ms * 1_000_000);
    let key = ts.0.wrapping_mul(31).wrapping_add(seq.cast_unsigned());
    Mark { seq, ts, key, vetted: true }
}

/// Two lines before one judge; what counts, by the time of its receipt.
pub(super) struct Lines(pub(super) Judge, pub(super) [Position; 2]);

impl Lines {
    pub(super) fn new(memory: usize) -> Self {
        Self(Judge::new(memory), [Position::default(); 2])
    }

    pub(super) fn book(&mut self, line: usize, mark: Mark, at_ms: u64) -> bool {
        let at = UnixNanos(BASE + at_ms * 1_000_000);
        let lines = self.1.map(|position| (position, true)).into_iter();
        let others = Others::of(line, lines, self.0.last().map(|last| last.key));
        let first = self.0.book(line, &mut self.1[line], mark, at, others) == Arbitration::First;
        if first {
            self.0.remember(mark, line, at, false);
        }
        first
    }

    pub(super) fn trade(&mut self, line: usize, id: i64, ms: u64) -> bool {
        let mark = mark(id, ms);
        let first = self.0.trade(&mut self.1[line], mark, mark.ts) == Arbitration::First;
        if first {
            self.0.remember(mark, line, mark.ts, true);
        }
        first
    }
}

#[test]
fn a_line_that_lags_brings_nothing_back() {
    for numbered in [true, false] {
        let of = |n: u64| mark(if numbered { n.cast_signed() } else { NO_SEQ }, n);
        let mut lines = Lines::new(8);
        assert!((1..=400).all(|n| lines.book(0, of(n), n)));
        assert!(!(1..=400).any(|n| lines.book(1, of(n), 400)));
        assert!(lines.book(1, of(401), 401) && !lines.book(0, of(401), 402));
    }
    let mut lines = Lines::new(16);
    assert!((1..=400).all(|n| lines.trade(0, n, n.cast_unsigned())));
    assert!(!(1..=400).any(|n| lines.trade(1, n, n.cast_unsigned())));
}

#[test]
fn numbers_that_start_anew_count_and_those_from_before_do_not() {
    let mut lines = Lines::new(8);
    lines.book(0, mark(1000, 0), 0);
    lines.book(1, mark(1000, 0), 0);
    assert!((1..=100).all(|n| lines.book(0, mark(1000 + n, n.cast_unsigned()), 0)));
    assert!((1..=5).all(|n| lines.book(0, mark(n, 1000 + n.cast_unsigned()), 0)));
    // The other line has not come to the new start yet.
    assert!(!(1..=100).any(|n| lines.book(1, mark(1000 + n, n.cast_unsigned()), 0)));
    assert!((6..=40).all(|n| lines.book(0, mark(n, 1000 + n.cast_unsigned()), 0)));
    // Now it has, and leads.
    assert!(!(1..=40).any(|n| lines.book(1, mark(n, 1000 + n.cast_unsigned()), 0)));
    assert!(lines.book(1, mark(41, 1041), 0));
}

#[test]
fn a_clock_that_is_set_back_freezes_nothing() {
    for numbered in [true, false] {
        let of = |n: i64, ms| mark(if numbered { n } else { NO_SEQ }, ms);
        let mut lines = Lines::new(8);
        assert!((0..10).all(|n| lines.book(0, of(n, 60_000 + n.cast_unsigned()), 0)));
        assert!(!(0..5).any(|n| lines.book(1, of(n, 60_000 + n.cast_unsigned()), 0)));
        assert!((10..20).all(|n| lines.book(0, of(n, n.cast_unsigned()), 0)));
        assert!(!(5..10).any(|n| lines.book(1, of(n, 60_000 + n.cast_unsigned()), 0)));
        assert!(!(10..20).any(|n| lines.book(1, of(n, n.cast_unsigned()), 0)));
        assert!(lines.book(1, of(20, 20), 0) && lines.book(0, of(21, 21), 0));
    }
}

#[test]
fn a_new_connection_that_stalls_brings_nothing_from_before_a_new_start() {
    // The clock is set back by an hour, or the numbers begin anew: the other goes on.
    let clock = |n: i64| mark(n, if n < 110 { 3_600_000 } else { 0 } + n.cast_unsigned());
    let numbers = |n: i64| mark(if n < 110 { 1_000 + n } else { n - 110 }, n.cast_unsigned());
    for of in [clock as fn(i64) -> Mark, numbers as fn(i64) -> Mark] {
        let mut lines = Lines::new(8);
        assert!((0..200).all(|n| lines.book(0, of(n), n.unsigned_abs())));
        // The first line ends, and the second, which is new, brings what has waited for seconds.
        lines.1[0] = Position::default();
        assert!(!(100..200).any(|n| lines.book(1, of(n), 9_000)));
        assert!((200..210).all(|n| lines.book(1, of(n), 9_001)));
    }
}

#[test]
fn one_wild_message_freezes_a_book_for_a_bounded_time() {
    let frozen = || {
        let mut lines = Lines::new(8);
        lines.book(0, mark(10, 10), 10);
        assert!(lines.book(0, mark(i64::MAX, 1 << 30), 20));
        assert!(!lines.book(1, mark(11, 30), 30) && !lines.book(1, mark(12, 40), 40));
        lines
    };
    // Until its line goes on, or has gone for half a minute.
    let mut lines = frozen();
    assert!(lines.book(0, mark(12, 40), 50) && !lines.book(1, mark(12, 40), 51));
    assert!(lines.book(1, mark(13, 50), 60));
    let mut lines = frozen();
    lines.1[0] = Position::default();
    assert!(!lines.book(1, mark(13, 50), 30_019) && lines.book(1, mark(14, 60), 30_020));
}

#[test]
fn a_quiet_book_that_is_sent_again_is_led_back_by_no_line_that_lags() {
    let mut lines = Lines::new(8);
    assert!((98..=100).all(|n| lines.book(0, mark(n, n.unsigned_abs()), 0)));
    for at_ms in [10_000, 20_000, 30_000, 60_000] {
        assert!(!lines.book(0, mark(100, 100), at_ms));
    }
    assert!(![96, 97, 98, 99, 100].iter().any(|n| lines.book(1, mark(*n, 90), 61_000)));
    // Nor is it frozen where its line is gone: what another brings is believed in the end.
    assert!(!lines.book(1, mark(97, 97), 90_001));
    lines.1[0] = Position::default();
    assert!(!lines.book(1, mark(97, 97), 80_000) && lines.book(1, mark(97, 97), 90_001));
}

#[test]
fn one_bad_id_on_one_line_does_not_silence_the_other() {
    let mut lines = Lines::new(16);
    let both = |lines: &mut Lines, ids: std::ops::Range<i64>| {
        for id in ids {
            assert!(lines.trade(0, id, 2 * id.unsigned_abs()));
            assert!(!lines.trade(1, id, 2 * id.unsigned_abs()));
        }
    };
    both(&mut lines, 1_000..1_050);
    assert!(lines.trade(0, 7, 2_101));
    both(&mut lines, 1_051..1_100);
    // The first line ends.
    assert!((1_100..1_200).all(|id| lines.trade(1, id, 2 * id.unsigned_abs())));
}

#[test]
fn within_a_moment_a_line_goes_to_and_fro_and_another_does_not_lead_it_back() {
    let of = |content: u64| Mark { seq: NO_SEQ, ts: UnixNanos(BASE), key: content, vetted: true };
    let mut lines = Lines::new(8);
    assert!([1, 2, 1].iter().all(|content| lines.book(0, of(*content), 0)));
    // A snapshot of the other line, from between: nobody can tell, so it waits.
    assert!(!lines.book(1, of(3), 0));
    assert!(lines.book(0, of(4), 0));
    // It has come to the last that counts, and leads on.
    assert!(!lines.book(1, of(4), 0) && lines.book(1, of(5), 0));
}

#[test]
fn a_late_trade_counts_and_no_trade_counts_twice() {
    let mut lines = Lines::new(4);
    assert!(lines.trade(0, 10, 1) && lines.trade(0, 14, 2));
    assert!(!lines.trade(1, 10, 1) && !lines.trade(1, 14, 2));
    assert!(lines.trade(1, 12, 1) && !lines.trade(0, 12, 1));
    assert!(lines.trade(0, 15, 3) && lines.trade(0, 16, 4));
    // 10 is forgotten: it and those before it are old now.
    assert!(!lines.trade(1, 10, 1) && !lines.trade(1, 9, 1));
}

#[test]
fn a_quiet_book_is_not_led_back_to_before_a_new_start() {
    let of = |ms| mark(NO_SEQ, ms);
    let mut lines = Lines::new(8);
    assert!(lines.book(0, of(60_000), 0) && !lines.book(1, of(60_000), 0));
    assert!(lines.book(0, of(500), 100));
    // The other line has stood still since before the clock was set back, and goes on.
    assert!(!lines.book(1, of(60_100), 10_000) && !lines.book(1, of(60_200), 10_001));
    assert!(!lines.book(1, of(500), 10_002) && lines.book(1, of(600), 10_003));
}

#[test]
fn a_clock_that_is_set_back_among_trades_out_of_order_loses_none() {
    let mut lines = Lines::new(16);
    // The first line's order hides the jump, the second's shows it.
    for (id, ms) in [(27, 10_396), (26, 9_463), (29, 9_979), (28, 9_979)] {
        assert!(lines.trade(0, id, ms));
    }
    for (id, ms) in [(27, 10_396), (28, 9_979), (29, 9_979)] {
        assert!(!lines.trade(1, id, ms));
    }
    assert!(lines.trade(1, 30, 10_794) && !lines.trade(0, 30, 10_794));
    assert!(lines.trade(0, 31, 12_661) && !lines.trade(1, 31, 12_661));
    // One from before the jump comes after one from behind it, and looks like a new count.
    let mut lines = Lines::new(16);
    assert!(lines.trade(0, 6, 97) && lines.trade(0, 5, 100) && lines.trade(0, 7, 99));
    assert!(!lines.trade(1, 5, 100) && !lines.trade(1, 6, 97) && !lines.trade(1, 7, 99));
    assert!(lines.trade(1, 8, 101) && !lines.trade(0, 8, 101));
}

#[test]
fn trade_ids_that_start_anew_count_once() {
    let mut lines = Lines::new(64);
    let stream = [(10, 1), (11, 5), (3, 6), (4, 7), (10, 8), (11, 9)];
    assert!(stream.iter().all(|(id, ms)| lines.trade(0, *id, *ms)));
    assert!(!stream.iter().any(|(id, ms)| lines.trade(1, *id, *ms)));
    assert!(lines.trade(1, 12, 10) && !lines.trade(0, 12, 10));
}

/// The books of two lines after a new start that the first has brought, of which the second does
/// not know.
fn after_a_new_start() -> Lines {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(100, 100), 0) && !lines.book(1, mark(100, 100), 0));
    assert!(lines.book(0, mark(1, 200), 0));
    lines
}

#[test]
fn a_new_start_whose_line_is_gone_is_doubted_for_a_bounded_time() {
    // While the line that brought it is there, the other is not believed.
    let mut lines = after_a_new_start();
    assert!(lines.book(0, mark(2, 300), 0));
    assert!(!lines.book(1, mark(101, 250), 1_000) && !lines.book(1, mark(102, 251), 2_001));
    // Nobody has come so far: one that is gone, or one that stands before it too.
    for position in [Position::default(), Position { epoch: 0, ..after_a_new_start().1[1] }] {
        let mut lines = after_a_new_start();
        assert!(lines.book(0, mark(2, 300), 0));
        lines.1[0] = position;
        assert!(!lines.book(1, mark(101, 250), 1_999) && lines.book(1, mark(102, 251), 2_000));
        // What is of a time before the new start is from before it, for as long as a line may lag.
        let mut lines = after_a_new_start();
        lines.1[0] = position;
        assert!(!lines.book(1, mark(101, 150), 29_999) && lines.book(1, mark(102, 151), 30_000));
    }
}

#[test]
fn the_next_new_start_may_come_on_the_line_that_saw_the_last_one_later() {
    let mut lines = after_a_new_start();
    assert!(!lines.book(1, mark(1, 200), 0) && lines.book(0, mark(2, 210), 0));
    assert!(lines.book(1, mark(0, 300), 0) && !lines.book(0, mark(0, 300), 0));
    assert!(lines.book(0, mark(1, 301), 0));
}

#[test]
fn one_number_at_two_times_or_two_at_one_time_are_no_new_start() {
    for (seq, ms) in [(10, 20), (11, 10)] {
        let mut lines = Lines::new(8);
        assert!(lines.book(1, mark(5, 5), 0));
        assert!(lines.book(0, mark(10, 10), 0) && lines.book(0, mark(seq, ms), 0));
        // Of one moment the lower number is old.
        assert!(!lines.book(1, mark(9, ms), 0));
    }
}

/// The soak's seed 11: one line was away while the clock was set back, so that no line saw it, and
/// the other stood still since before.
#[test]
fn a_line_that_lags_by_a_clock_set_back_unseen_brings_nothing_back() {
    // The clock loses four seconds behind the number 169.
    let of = |n: i64| mark(n, n.unsigned_abs() * 30 - if n < 170 { 0 } else { 4_000 });
    let mut lines = Lines::new(8);
    for n in 150..160 {
        assert!(lines.book(1, of(n), 4_800) && !lines.book(0, of(n), 4_800));
    }
    // The first line comes back behind the jump, and leads by numbers and times.
    lines.1[0] = Position::default();
    assert!((300..303).all(|n| lines.book(0, of(n), 9_100)));
    // Times of the second are beyond the first's before its numbers are, and it never leads with them.
    assert!(!(160..300).any(|n| lines.book(1, of(n), 9_200)));
    assert!((303..310).all(|n| lines.book(0, of(n), 9_300)));
    // Not even once the first is gone.
    lines.1[0] = Position::default();
    assert!(!(300..310).any(|n| lines.book(1, of(n), 20_000)));
    assert!(lines.book(1, of(310), 20_001));
}

/// The same, where a new connection is the one that waited.
#[test]
fn a_new_connection_leads_back_over_no_clock_set_back_while_another_goes_on() {
    let of = |n: i64| mark(n, n.unsigned_abs() * 30 - if n < 170 { 0 } else { 4_000 });
    let mut lines = Lines::new(8);
    assert!(lines.book(0, of(300), 9_000));
    assert!(!(160..300).any(|n| lines.book(1, of(n), 10_999)));
    // What nobody contradicts for seconds is believed: the exchange may have begun to count anew.
    let mut lines = Lines::new(8);
    assert!(lines.book(0, of(300), 9_000) && lines.book(1, of(169), 11_000));
}

#[test]
fn a_line_of_this_count_goes_by_its_numbers_whatever_the_clock_does() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(10, 5_000), 0) && !lines.book(1, mark(10, 5_000), 0));
    assert!(lines.book(0, mark(11, 1_000), 0) && lines.book(1, mark(12, 3_000), 0));
    assert!(!lines.book(0, mark(12, 3_000), 0) && lines.book(0, mark(13, 2_000), 0));
    assert!(lines.book(0, mark(13, 2_001), 0) && !lines.book(1, mark(12, 9_000), 0));
}

#[test]
fn a_line_from_before_the_count_waits_though_the_clock_was_set_back_too() {
    for position in [0, 1] {
        let mut lines = Lines::new(8);
        assert!(lines.book(0, mark(1_000, 60_000), 0) && !lines.book(1, mark(1_000, 60_000), 0));
        assert!(lines.book(0, mark(5, 60_100), 0) && lines.book(0, mark(20, 100), 0));
        // By number and time it seems newer: it stood still, or is new and waited.
        if position == 1 {
            lines.1[1] = Position::default();
        }
        assert!(!lines.book(1, mark(1_001, 60_050), 1_000));
        assert!(!lines.book(1, mark(5, 60_100), 1_000) && lines.book(1, mark(21, 200), 1_000));
    }
}

#[test]
fn books_that_lose_or_get_their_numbers_go_by_their_time() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(9, 60_000), 0) && lines.book(0, mark(NO_SEQ, 60_010), 0));
    assert!(!lines.book(1, mark(8, 60_005), 0) && lines.book(1, mark(8, 60_020), 0));
    // A clock that is set back with it.
    for (before, after) in [(NO_SEQ, 8), (8, NO_SEQ)] {
        let mut lines = Lines::new(8);
        assert!(lines.book(0, mark(before, 60_000), 0));
        assert!(lines.book(0, mark(after, 500), 0) && lines.book(0, mark(after, 501), 0));
    }
}

#[test]
fn a_new_connection_after_ids_began_anew_brings_what_no_other_has() {
    let mut lines = Lines::new(8);
    assert!((1..=20).all(|id| lines.trade(0, id, id.unsigned_abs())));
    assert!(lines.trade(0, 5, 30) && lines.trade(0, 6, 31));
    assert!(lines.trade(1, 7, 32) && !lines.trade(0, 7, 32));
}

#[test]
fn ids_that_begin_anew_on_a_line_count_though_the_last_trade_was_later() {
    let mut lines = Lines::new(8);
    assert!((1..=20).all(|id| lines.trade(0, id, id.unsigned_abs())));
    assert!(!lines.trade(1, 20, 20) && lines.trade(1, 21, 300));
    assert!(lines.trade(0, 5, 250) && lines.trade(0, 6, 260));
}

#[test]
fn one_id_at_two_times_is_no_new_start() {
    let mut lines = Lines::new(4);
    for id in 1..=10 {
        assert!(lines.trade(0, id, id.unsigned_abs()) && !lines.trade(1, id, id.unsigned_abs()));
    }
    assert!(lines.trade(0, 10, 50));
    // What came before the later of the two is old.
    lines.1[0] = Position::default();
    assert!(!lines.trade(0, 2, 20));
    assert!(lines.trade(1, 11, 60));
}

#[test]
fn who_remembers_all_trades_tells_a_late_one_from_before_a_new_start() {
    let mut lines = Lines::new(16);
    assert!(lines.trade(0, 10, 1) && !lines.trade(1, 10, 1));
    assert!(lines.trade(0, 11, 2) && lines.trade(0, 3, 6));
    assert!(lines.trade(1, 12, 3) && !lines.trade(0, 12, 3));
}

#[test]
fn a_late_trade_does_not_make_old_ones_new() {
    let mut lines = Lines::new(4);
    // The first has a later time than those after it.
    for (id, ms) in [(5, 10), (6, 6), (7, 7), (8, 8), (10, 10)] {
        assert!(lines.trade(0, id, ms));
    }
    assert!(lines.trade(1, 9, 9));
    lines.1[0] = Position::default();
    assert!(!lines.trade(0, 5, 10));
}

#[test]
fn a_line_that_stands_at_a_new_count_behind_which_the_clock_was_set_back_leads_from_there() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(1_000, 60_000), 0) && !lines.book(1, mark(1_000, 60_000), 0));
    assert!(lines.book(0, mark(5, 60_100), 0) && lines.book(0, mark(20, 100), 10));
    lines.1[1] = Position::default();
    assert!(!lines.book(1, mark(20, 100), 20) && lines.book(1, mark(21, 200), 100));
    lines.1[0] = Position::default();
    assert!(lines.book(1, mark(23, 1_300), 1_000));
}

#[test]
fn what_waited_since_before_clock_and_count_counts_neither_as_a_copy_nor_without() {
    let stream =
        [(989, 60_989), (1_000, 1_000), (1_001, 1_001), (1_004, 1_004), (5, 1_200), (6, 1_210)];
    let begun = || {
        let mut lines = Lines::new(64);
        assert!(stream.iter().all(|(seq, ms)| lines.book(0, mark(*seq, *ms), 1_000)));
        lines
    };
    // The first line missed the number 1,003.
    let mut lines = begun();
    for (seq, ms) in [(989, 60_989), (990, 60_995), (1_000, 1_000), (1_003, 1_003), (5, 1_200)] {
        assert!(!lines.book(1, mark(seq, ms), 2_000), "{seq}");
    }
    assert!(!lines.book(1, mark(6, 1_210), 2_000) && lines.book(1, mark(7, 1_220), 2_000));
    let mut lines = begun();
    assert!(!lines.book(1, mark(985, 60_985), 1_500) && lines.book(0, mark(7, 1_220), 2_000));
}

#[test]
fn without_numbers_a_new_line_that_waited_leads_over_no_clock_set_back() {
    let of = |ms| mark(NO_SEQ, ms);
    let mut lines = Lines::new(8);
    assert!([60_000, 500, 600].iter().all(|ms| lines.book(0, of(*ms), ms / 10)));
    assert!(!lines.book(1, of(59_990), 1_000));
    assert!(lines.book(0, of(700), 1_001) && !lines.book(1, of(700), 1_002));
    assert!(lines.book(1, of(800), 1_003));
}

#[test]
fn a_copy_tells_where_a_line_is_that_missed_the_clock_set_back_by_little() {
    let of = |ms| mark(NO_SEQ, ms);
    let mut lines = Lines::new(8);
    assert!(lines.book(0, of(9_000), 0) && !lines.book(1, of(9_000), 0));
    // The other has lost this, so that the clock is set back by less than a second for it.
    assert!(lines.book(0, of(9_060), 60));
    assert!(lines.book(0, of(8_030), 100) && !lines.book(1, of(8_030), 110));
    assert!(lines.book(1, of(8_090), 160));
}

#[test]
fn numbers_and_clock_that_go_back_at_once_are_a_new_start() {
    let of = |n: i64| {
        if n < 20 { mark(1_000 + n, 60_000 + n.unsigned_abs()) } else { mark(n, n.unsigned_abs()) }
    };
    let mut lines = Lines::new(64);
    assert!((0..10).all(|n| lines.book(0, of(n), 0) && !lines.book(1, of(n), 0)));
    assert!((10..50).all(|n| lines.book(0, of(n), 100)));
    assert!(!(10..50).any(|n| lines.book(1, of(n), 200)) && lines.book(1, of(50), 200));
    // Not for a deep book, whose feed takes a snapshot as it comes: it may be sent twice.
    let deep = |n, ms| Mark { vetted: false, ..mark(n, ms) };
    let mut lines = Lines::new(64);
    assert!(lines.book(0, deep(1_000, 60_000), 0) && !lines.book(0, deep(20, 20), 100));
}

/// The highest id of all that are remembered tells most first copies; the outcome is that of a search
/// through all of them.
#[test]
fn a_trade_with_a_higher_id_than_all_is_a_first_copy_and_no_other_is_taken_for_one() {
    let mut lines = Lines::new(4);
    let highest = |lines: &Lines| lines.0.keys.iter().map(|(_, id)| *id).max();
    // In order, late, a bad id, back to the good ones until it is forgotten, and a new count.
    let ids = [5, 6, 7, 4, 1 << 60, 8, 9, 10, 11, 12, 13].map(|id| (id, 100));
    for (n, (id, ms)) in (0..).zip(ids.into_iter().chain((1..9).map(|id| (id, 100_000)))) {
        let ms = ms + n;
        assert!(lines.trade(0, id, ms), "{id} at {ms} is a first copy");
        assert!(!lines.trade(1, id, ms), "{id} at {ms} is a copy");
        assert_eq!(Some(lines.0.highest), highest(&lines));
    }
}
