//! Messages of every form, whole and changed field by field.

use okx_feed::Frame;

use crate::differential::{DIALECTS, cases};
use okx_feed_testkit::check::{Checker, deflated};
use okx_feed_testkit::choices::Choices;
use okx_feed_testkit::generate;

#[test]
fn messages_of_every_form_are_read_as_the_reference_reads_them() {
    for dialect in DIALECTS {
        let mut checker = Checker::new(dialect);
        for seed in 0..cases() {
            let mut choices = Choices::Seeded(seed);
            let text = generate::message(&mut choices, dialect);
            checker.check(Frame::Text(text.as_bytes()));
        }
        let tally = checker.tally;
        println!("{dialect}: {tally:?}");
        assert!(tally.taken > tally.frames / 2, "too few are messages: {tally:?}");
        assert!(tally.scanned > tally.frames / 10, "the fast path is not reached: {tally:?}");
    }
}

#[test]
fn deflated_messages_are_read_as_the_reference_reads_them() {
    let mut checker = Checker::new(DIALECTS[0]);
    for seed in 0..cases() / 4 {
        let mut choices = Choices::Seeded(!seed);
        let text = generate::message(&mut choices, DIALECTS[0]);
        let level = choices.pick(&[0, 1, 6, 12]);
        checker.check(Frame::Binary(&deflated(text.as_bytes(), level)));
    }
    println!("{:?}", checker.tally);
    assert!(checker.tally.taken > checker.tally.frames / 2);
}

#[test]
fn usual_messages_are_all_accepted() {
    for dialect in DIALECTS {
        let mut checker = Checker::new(dialect);
        for seed in 0..cases() / 4 {
            let text = generate::usual_message(&mut Choices::Seeded(seed), dialect);
            assert!(checker.check(Frame::Text(text.as_bytes())).is_some(), "{text}");
        }
    }
}
