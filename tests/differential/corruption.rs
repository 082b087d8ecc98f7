//! Damaged frames: no panic, no allocation, and no event that the reference would not give.

use okx_feed::{Dialect, Event, Frame};

use crate::counting::allocations;
use crate::trust::check::{Checker, deflated};
use crate::trust::dice::Dice;
use crate::trust::{generate, mutate};
use crate::{DIALECTS, cases};

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
    let body = |dice: &mut Dice<'_>, text: &str| match form {
        Form::Text => text.as_bytes().to_vec(),
        Form::Deflated => deflated(text.as_bytes(), dice.pick(&[1, 6, 12])),
    };
    for seed in 0..cases().div_ceil(COPIES) {
        let mut dice = Dice::Seeded(seed ^ 0x5eed);
        let text = generate::usual_message(&mut dice, dialect);
        let other = generate::usual_message(&mut dice, dialect);
        let (whole, other) = (body(&mut dice, &text), body(&mut dice, &other));
        for _ in 0..COPIES {
            let mut damaged = whole.clone();
            mutate::corrupt(&mut dice, &mut damaged, &other);
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
