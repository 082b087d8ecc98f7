//! Damaged frames: no panic, no allocation, and no event that the reference would not give.

use okx_feed::{Dialect, Event, Frame};

use crate::differential::{DIALECTS, cases};
use okx_feed_testkit::alloc::allocations;
use okx_feed_testkit::check::{Checker, deflated};
use okx_feed_testkit::choices::Choices;
use okx_feed_testkit::{generate, mutate};

/// Damaged copies of one frame before the next one is made.
const COPIES: u64 = 16;

/// How a frame is sent.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Text,
    Deflated,
}

#[test]
fn damaged_texts_give_what_the_reference_gives_and_allocate_nothing() {
    for dialect in DIALECTS {
        run(dialect, Form::Text);
    }
}

#[test]
fn damaged_bodies_give_what_the_reference_gives_and_allocate_nothing() {
    run(Dialect::V3, Form::Deflated);
}

fn run(dialect: Dialect, form: Form) {
    let mut checker = Checker::new(dialect);
    let body = |choices: &mut Choices<'_>, text: &str| match form {
        Form::Text => text.as_bytes().to_vec(),
        Form::Deflated => deflated(text.as_bytes(), choices.pick(&[1, 6, 12])),
    };
    for seed in 0..cases().div_ceil(COPIES) {
        let mut choices = Choices::Seeded(seed ^ 0x5eed);
        let text = generate::usual_message(&mut choices, dialect);
        let other = generate::usual_message(&mut choices, dialect);
        let (whole, other) = (body(&mut choices, &text), body(&mut choices, &other));
        for _ in 0..COPIES {
            let mut damaged = whole.clone();
            mutate::corrupt(&mut choices, &mut damaged, &other);
            let frame = match form {
                Form::Text => Frame::Text(&damaged),
                Form::Deflated => Frame::Binary(&damaged),
            };
            let before = allocations();
            let result =
                checker.decoder().decode(frame, okx_feed::UnixNanos(77), &mut |event: &Event<
                    '_,
                >| {
                    std::hint::black_box(event);
                });
            let spent = allocations() - before;
            assert_eq!(spent, 0, "allocations of {result:?} over {:?}", damaged.escape_ascii());
            checker.check(frame);
        }
    }
    println!("{dialect}: {:?}", checker.tally);
    assert!(checker.tally.taken > checker.tally.frames / 100, "all damage is refused");
}
