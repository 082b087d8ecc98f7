//! Scenes of lines that lag, join, stand still, are lost, and come to a sequence reset or a clock
//! step at different times, and what readers are shown. See [`play`](crate::rig::play).

use okx_feed_testkit::messages;

use crate::rig::{Rig, scenes};

// Sequence resets and clock steps.
scenes! {
    a_line_from_before_a_sequence_reset_leads_no_book_back: "books5",
        "0 100 = live 100; 1 4@199; wait 2000; 1 5@200 = 4 5; 0 101..109; 1 6@201 = 6;
         0 5@200; 0 6@201; 0 7@202 = 7; 1 7@202; stats 0 = 2 2 0 9 0";
    where_all_lines_were_lost_a_reset_is_emitted_at_once: "books5",
        "0 1000 = live 1000; 1 1000; lost 0; lost 1 = connecting; wait 500; 0 5@2000 = live 5";
    every_line_leads_again_after_ids_were_reset: "trades",
        "0 1..2000 = all; 1 60; 1 61@2000; lost 1; 1 50@5000 = 50; 0 2001 = 2001; 1 51@5001 = 51;
         0 50@5000; 0 51@5001; 0 52@5002 = 52; 1 52@5002";
    ids_and_clock_that_are_reset_while_all_are_lost_are_emitted_after_half_a_minute: "trades",
        "0 1..2000@+9000 = all; 1 1..2000@+9000; lost 0; lost 1 = connecting; wait 29000;
         0 1@+5000 = live; 1 1@+5000; wait 1000; 0 2..9@+5000 = all; 1 2..9@+5000";
    a_bad_id_on_a_line_that_ends_silences_the_other_not_at_all: "trades",
        "0 1..2000 = all; 1 1..2000; 0 7@2001 = 7; close 0; 1 2001..2100@+1000 = all";
    a_first_push_near_a_reset_has_its_number_and_a_time_of_its_own: "books5",
        "0 100 = live 100; 0 3@200 = 3; 0 4@201 = 4; 1 3@202; 0 5@150 = 5; close 0; wait 2000;
         1 4@201 = stale; 1 5@150 = live 5; stats 1 = 0 3 0 0 0";
    a_first_push_at_an_earlier_time_is_from_before_the_reset: "books5",
        "0 100 = live 100; 0 3@200 = 3; 0 4@201 = 4; 1 4@90; 1 5@91; 0 5@202 = 5";
    what_the_list_has_gone_past_is_led_back_by_no_line_that_was_found: "books5",
        "0 100 = live 100; 1 100; lost 0; 2 103@52 = 103; 2 5@53 = 5; close 2; 1 101@50; wait 2000;
         1 102@51 = stale; 1 103@52; 1 5@53 = live 5; stats 1 = 0 3 0 2 0";
    what_only_a_slower_line_has_is_no_sequence_reset: "books5",
        "0 100@1000 = live 100; 1 100@1000; 0 110@500 = 110; 1 105@1010; close 0; wait 2000;
         1 107@1020 = stale; 1 110@500 = live 110; stats 1 = 0 2 0 2 0";
    a_number_that_comes_again_after_a_reset_that_no_line_saw_is_another_book: "books5",
        "0 100@1000 = live 100; 2 101@9000 = 101; 2 102@9010 = 102; 0 101@1010; 0 102@1020;
         0 3@2000; 0 101@9000; 0 102@9010; 0 103@9020 = 103; stats 0 = 2 2 0 3 0";
    a_step_shows_by_the_time_at_which_the_last_book_was_confirmed: "books5",
        "0 100@1000 = live 100; 1 100@1000; 0 100@5000; 0 3@3000 = 3; 0 4@3010 = 4; 1 110@5010;
         1 3@3000; 1 4@3010; 0 5@3020 = 5; 1 5@3020";
    a_step_shows_by_the_time_of_books_that_were_too_old: "books5",
        "0 100@1000 = live 100; 1 100@1000; age_limit 0 5; 0 101@1010 = 101; 1 101@1010; wait 9000;
         0 110@4500; 0 3@1500 = 3; 0 4@1510 = 4; 1 110@4500; 1 3@1500; 1 4@1510; 0 5@1520 = 5;
         1 5@1520";
    a_number_that_comes_again_is_another_book_but_the_first_of_its_line: "books5",
        "0 100 = live 100; 0 3@200 = 3; 0 8@208 = 8; lost 0 = connecting; 1 1@300; 2 1@310; 2 8@320;
         wait 1000; look = live 1 8; 1 8@320";
}

// Lines that lag, are lost, and come back.
scenes! {
    a_line_that_lags_makes_no_book_stale_while_another_is_live: "books5",
        "1 1 = live 1; 0 1; 0 2 = 2; 0 3 = 3; wait 3000; 1 2; lost 0; 1 2 = stale; 1 3 = live 3";
    without_any_line_nothing_is_live_and_the_first_to_come_back_may_be_anywhere: "books5",
        "0 100 = live 100; 1 100; close 0; close 1 = connecting; open 1; 1 99 = stale;
         close 1 = connecting; wait 30000; open 1; 1 5 = live 5; open 0; 0 4; stats 0 = 1 0 0 1 0";
    trades_stay_live_with_a_line_that_is_acknowledged: "trades",
        "0 1 = live 1; subscribed 1; lost 0; lost 1 = connecting; subscribed 0 = awaiting_snapshot";
    books_do_not_stay_live_with_a_line_that_is_acknowledged: "books5",
        "0 1 = live 1; subscribed 1; lost 0 = awaiting_snapshot; lost 1 = connecting";
    a_subscription_is_as_good_as_its_best_line: "books5",
        "0 1 = live 1; 1 1; stale 0; subscribed 1 = stale; lost 0 = awaiting_snapshot;
         subscribed 0; lost 1; lost 0 = connecting; live 0; stale 0 = stale; resyncing 1;
         lost 0 = resyncing; subscribed 1 = awaiting_snapshot; rejected 1 = connecting";
    a_line_that_is_live_without_a_book_shows_no_old_one: "books5",
        "0 1 = live 1; 1 1; lost 0; lost 1 = connecting; read; live 0; read;
         1 1 = live 1; read = 1";
    where_nothing_was_reset_a_newer_book_is_emitted_at_once_and_an_older_never: "books5 bbo-tbt",
        "0 100 = live 100; 1 99; 1 101 = 101; 0 102 = 102; 1 103 = 103; 0 101; stats 0 = 2 0 0 1 0;
         stats 1 = 2 0 0 1 0";
    what_no_line_has_a_book_for_is_not_emitted: "books", "drop 0; 0 7; 1 7 = live 7";
    a_line_whose_order_book_is_not_whole_emits_nothing: "books",
        "0 1 = live 1; 1 2@2-1; read = 1; stats 1 = 0 0 0 1 0; 0 2@2-1 = 2; 0 4@4-3 = resyncing;
         read; 1 2 = live 2; read = 2";
}

// A line that joins.
scenes! {
    what_it_holds_is_emitted_when_another_line_comes_to_it: "bbo-tbt",
        "0 1@60001 = live 1; 0 2 = 2; 1 3..5; 0 3 = 3 4 5; 1 6 = 6; 0 4..6; stats 0 = 3 3 0 0 0;
         stats 1 = 1 0 0 0 3";
    what_it_holds_is_old_when_it_comes_to_what_another_has_emitted: "bbo-tbt",
        "0 1@60001 = live 1; 0 2 = 2; 1 60002..60003; 1 2; 1 3 = 3; wait 2000; look";
    what_it_holds_is_emitted_after_a_second_in_which_no_other_goes_on: "bbo-tbt",
        "0 1@60001 = live 1; 0 2 = 2; 1 3; wait 999; look; wait 1; look = 3; 1 4 = 4";
    while_another_goes_on_it_is_waited_for: "bbo-tbt",
        "0 1@60001 = live 1; 0 2 = 2; wait 500; 0 3 = 3; 1 60003; wait 500; 0 4 = 4; 1 60004;
         wait 500; 0 5 = 5; 1 60005; wait 500; 0 6 = 6; look";
    no_more_is_held_than_there_is_room_for_and_of_that_the_newest: "bbo-tbt",
        "0 1@60001 = live 1; 0 2 = 2; 1 3..102; wait 1000; look = 71 72 73 74 75 76 77 78 79 80 81 \
         82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100 101 102";
    a_snapshot_between_two_messages_joins_at_the_next: "books",
        "0 10 = live 10; 0 20@20-10 = 20; 1 15; 1 20@20-15; 1 30@30-20 = 30; 0 30@30-20";
    an_order_book_goes_on_once_another_has_all_that_it_holds: "books",
        "0 100 = live 100; 0 1@51-100 = 1; 1 2@52; 1 3@53-2; 0 2@52-1 = 2; 1 4@54-3; 0 3@53-2 = 3;
         0 4@54-3 = 4; 1 5@55-4 = 5";
    an_order_book_that_is_held_is_emitted_whole_with_its_next_message: "books",
        "0 100 = live 100; 0 1@51-100 = 1; 1 2@52; 1 3@53-2; lost 0; wait 2000; look = stale;
         1 4@54-3 = live 4; read = 4";
    what_two_lines_hold_is_emitted_once_and_in_order: "books5",
        "0 100 = live 100; 1 7@201; 2 7@203; 1 8@204; 2 8@204; 2 9@205; wait 1000;
         1 9@205 = 7 8 9; 2 10@206 = 10";
    what_a_line_holds_is_emitted_when_no_other_goes_on: "books5",
        "0 100 = live 100; 1 5@200; close 0 = 5";
    what_a_line_holds_goes_when_it_is_not_live: "books5",
        "0 100 = live 100; 1 5@200; stale 1; close 0 = stale";
    what_a_line_holds_goes_when_it_is_from_before_what_is_shown: "books5",
        "0 100 = live 100; 1 11@200; 0 12@201 = 12; 0 4@300 = 4; close 0; wait 1000; look";
}

// Silence.
scenes! {
    what_all_lines_are_silent_of_is_stale_though_one_has_only_just_come_to_it: "books5",
        "limit 4; 0 1 = live 1; 0 2 = 2; wait 3000; look; 1 1; 1 2; wait 999; look; read = 2;
         wait 1; look = stale; wait 1; look; read; 1 2 = live 2; wait 4000; look = stale;
         0 3 = live 3; wait 4000; look = stale; 1 3; read; 1 3 = live 3";
    a_late_copy_shows_no_old_book_live_though_its_line_was_lost: "books5",
        "limit 4; 0 1 = live 1; 1 1; wait 2000; 0 2 = 2; wait 1000; lost 0; wait 3000; look = stale;
         wait 1000; 1 2; read";
    a_book_whose_line_is_lost_is_shown_again_by_whoever_comes_to_it: "books5",
        "limit 4; 0 1 = live 1; 0 2 = 2; wait 1000; look; lost 0 = connecting; 1 1; 1 2 = live 2";
    a_quiet_book_is_led_back_by_no_new_connection_while_its_line_stands_at_it: "books5",
        "limit 65; 0 1000..1100 = all; wait 31000; 1 1020; wait 29000; 0 1100; look; wait 31000;
         look; wait 29000; 0 1100; look; wait 31000; look; wait 29000; 0 1100; look; read = 1100";
    trades_that_a_user_has_set_a_limit_for_do_not_flap_with_late_copies: "trades",
        "limit 4; 0 1..100 = all; wait 3900; look; 1 1..40; look; wait 100; look = stale; 1 41..50;
         look; wait 1000; 1 51..100; look; 1 101 = live 101";
    a_book_that_was_stale_when_its_line_got_another_is_shown_by_no_late_copy: "books5",
        "limit 4; alone 0 1; alone 0 2; wait 5000; look = stale; adopt 0; open 1; 1 1; 1 2; read;
         1 2 = live 2";
    what_a_line_only_comes_to_is_live_no_longer_than_it_would_have_been: "books5",
        "limit 4; 1 1 = live 1; 0 1; 0 2 = 2; 0 3 = 3; lost 0; wait 3000; 1 2 = stale; 1 3 = live 3;
         wait 999; look; wait 1; look = stale";
    after_all_lines_were_lost_for_long_no_line_that_only_comes_to_it_shows_the_last_book: "books5",
        "limit 4; 0 1..3 = all; 1 1..3; lost 0; lost 1 = connecting; wait 4000; look; 1 2 = stale;
         1 3; read; 1 4 = live 4";
    a_heartbeat_of_an_order_book_is_not_emitted_and_keeps_it_live: "books",
        "limit 4; 0 7 = live 7; 1 7; wait 3000; 0 7@8-7; 1 7@8-7; look; wait 3000; 0 7@9-7; 1 7@9-7;
         look; wait 3999; look; wait 1; look = stale; 1 8@10-7 = live 8";
}

// A line that was alone gets another beside it.
scenes! {
    what_the_line_alone_has_delivered_is_emitted_by_no_other: "books5 trades books",
        "alone 1 7; adopt 1; open 0; 0 7; 0 8 = 8; 1 8; stats 0 = 1 1 0 0 0; stats 1 = 0 1 0 0 0";
    what_was_before_the_trades_that_it_remembers_is_not_new: "trades",
        "alone 0 1..300; adopt 0; open 1; 1 40; 1 44; 1 45; 1 301 = 301";
    readers_from_before_read_on: "books5 books trades",
        "alone 0 3; read = 3; adopt 0; read = 3; 0 4 = 4; read = 4; open 1; drop 0;
         close 0 = connecting; 1 5 = live 5; read = 5; unsubscribe = down_unsubscribed; read; 1 6";
    lines_are_numbered_from_zero_whether_they_are_open_or_not: "books5",
        "alone 1 1; adopt 1; 2 5; lines = 2; close 1 = connecting; open 2; lines = 3;
         unsubscribe = down_unsubscribed; subscribe; rejected 2 = down_rejected";
}

// What is subscribed again, or sent again.
scenes! {
    no_trade_is_emitted_again_before_the_lines_know_that_it_is_subscribed_again: "trades",
        "0 1 = live 1; 0 2..3 = all; 1 1; unsubscribe = down_unsubscribed; subscribe; 1 2;
         subscribed 0 = awaiting_snapshot; 0 4 = live 4";
    a_quiet_book_that_is_sent_again_is_of_now_for_readers_and_nothing_for_the_sink: "books5",
        "0 1 = live 1; 1 1; 0 2 = 2; wait 60000; 1 2; age = 60000; wait 1; 1 2; age = 0; wait 1;
         0 2; age = 0; read = 2";
}

// The end of the arbiter, and counters.
scenes! {
    who_drops_the_arbiter_leaves_no_reader_with_a_live_book: "books5 trades books",
        "0 1 = live 1; end; states = down_stopped";
    what_was_down_before_the_arbiter_was_dropped_still_says_why: "books5 trades books",
        "rejected 0; rejected 1; rejected 2 = down_rejected; end; states = down_rejected";
    what_comes_second_is_counted_with_its_delay: "trades",
        "0 1 = live 1; wait 10; 1 1; wait 10; 1 2 = 2; 1 2; wait 20; 0 2; stats 1 = 1 1 0 0 0;
         lags 1 = 1 9984 10047; lags 0 = 1 19968 20095";
}

#[test]
fn the_order_book_of_another_line_is_published_whole() {
    let mut rig = Rig::new(2, &["books"]);
    let reader = rig.readers.depth.clone().unwrap();
    let levels: Vec<_> = (0..40).map(|place| (100 + place, 1)).collect();
    (0..2).for_each(|line| rig.deliver(line, &messages::order_book("A", &levels, None, 1, 1)));
    // Where it is not published, no reader could see the change.
    let steps = [(0, 2, false), (0, 3, false), (1, 2, false), (1, 3, false), (1, 4, true)];
    for (line, n, is_published) in steps.into_iter().chain([(1, 5, false), (0, 4, false)]) {
        let version = reader.version();
        let deepest = [(139, n)];
        rig.deliver(line, &messages::order_book("A", &deepest, Some(n as i64 - 1), n, n));
        assert_eq!(reader.version() > version, is_published, "{n} of {line}");
    }
    assert_eq!(reader.snapshot().seq, Some(4));
}
