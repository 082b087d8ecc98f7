//! Arithmetic of decimals against integers of 128 bits, which hold every product of two.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use okx_feed::model::DecimalError;
use okx_feed::{Decimal, InstrumentId};

use okx_feed_testkit::depth_oracle::Rng;

fn pow10(n: u8) -> i128 {
    10i128.pow(n.into())
}

/// A number of any size, often near the ends of its type or with zeros at its end.
fn any(rng: &mut Rng) -> Decimal {
    let bits = rng.draw().cast_signed() >> rng.below(64);
    let mantissa = match rng.below(8) {
        0 => i64::MAX - (bits & 15),
        1 => i64::MIN + (bits & 15),
        2 => bits % 1000 * 10i64.pow(u32::try_from(rng.below(16)).unwrap()),
        _ => bits,
    };
    Decimal::new(mantissa, u8::try_from(rng.below(19)).unwrap()).unwrap()
}

/// The number that is `wide / 10^scale` with the most decimals that a decimal can have of it, or
/// the error.
fn exact(wide: i128, scale: u8) -> Result<(i128, u8), DecimalError> {
    let fits = (0..=scale.min(Decimal::MAX_SCALE)).rev().find_map(|s| {
        let cut = pow10(scale - s);
        let mantissa = (wide % cut == 0).then_some(wide / cut)?;
        i64::try_from(mantissa).is_ok().then_some((mantissa, s))
    });
    let too_fine = scale > Decimal::MAX_SCALE && wide % pow10(scale - Decimal::MAX_SCALE) != 0;
    fits.ok_or(if too_fine { DecimalError::Scale } else { DecimalError::Overflow })
}

/// The number in units of the finest decimal.
fn wide(number: Decimal) -> i128 {
    i128::from(number.mantissa()) * pow10(Decimal::MAX_SCALE - number.scale())
}

fn parts(number: Decimal) -> (i128, u8) {
    (number.mantissa().into(), number.scale())
}

#[test]
fn a_decimal_has_at_most_max_scale_decimals() {
    let most = Decimal::new(i64::MIN, Decimal::MAX_SCALE).unwrap();
    assert_eq!((most.mantissa(), most.scale()), (i64::MIN, Decimal::MAX_SCALE));
    assert_eq!(Decimal::new(0, Decimal::MAX_SCALE + 1), Err(DecimalError::Scale));
}

#[test]
fn products_are_exact_if_they_are_representable() {
    let mut rng = Rng(1);
    let (mut exacts, mut refused) = (0, HashSet::new());
    for _ in 0..40_000 {
        let (a, b) = (any(&mut rng), any(&mut rng));
        let wide = i128::from(a.mantissa()) * i128::from(b.mantissa());
        let want = exact(wide, a.scale() + b.scale());
        assert_eq!(a.checked_mul(b).map(parts), want, "{a} * {b}");
        exacts += u32::from(want.is_ok());
        refused.extend(want.err().map(|error| error.to_string()));
    }
    assert!(exacts > 4_000 && refused.len() == 2, "{exacts} {refused:?}");
}

#[test]
fn a_number_takes_as_many_decimals_as_it_needs_or_is_refused() {
    let mut rng = Rng(2);
    let (mut exacts, mut refused) = (0, HashSet::new());
    for _ in 0..40_000 {
        let (number, scale) = (any(&mut rng), u8::try_from(rng.below(21)).unwrap());
        let wide = wide(number);
        let want = if scale > Decimal::MAX_SCALE || wide % pow10(Decimal::MAX_SCALE - scale) != 0 {
            Err(DecimalError::Scale)
        } else {
            let mantissa = wide / pow10(Decimal::MAX_SCALE - scale);
            i64::try_from(mantissa).map_err(|_| DecimalError::Overflow).map(|m| (m.into(), scale))
        };
        assert_eq!(number.rescale(scale).map(parts), want, "{number} at {scale}");
        exacts += u32::from(want.is_ok());
        refused.extend(want.err().map(|error| error.to_string()));
    }
    assert!(exacts > 4_000 && refused.len() == 2, "{exacts} {refused:?}");
}

#[test]
fn quotients_are_the_nearest_and_ties_go_to_the_even_one() {
    let mut rng = Rng(3);
    let mut small = |most: u64| {
        let mantissa = rng.below(2 * most + 1).cast_signed() - most.cast_signed();
        Decimal::new(mantissa, u8::try_from(rng.below(4)).unwrap()).unwrap()
    };
    let (mut ties, mut negative) = (0, 0);
    for n in 0..40_000u32 {
        let (a, b) = (small(3_000), small(40));
        let scale = u8::try_from(n % 4).unwrap();
        let Ok(quotient) = a.checked_div(b, scale) else {
            assert!(b.mantissa() == 0, "{a} / {b}");
            continue;
        };
        assert_eq!(quotient.scale(), scale);
        // Twice the error, with everything over one denominator, against one step of the last
        // digit.
        let step = i128::from(b.mantissa()) * pow10(a.scale());
        let given = i128::from(quotient.mantissa()) * step;
        let sought = i128::from(a.mantissa()) * pow10(b.scale()) * pow10(scale);
        let error = 2 * (given - sought).abs();
        let is_even = quotient.mantissa() % 2 == 0;
        assert!(error < step.abs() || error == step.abs() && is_even, "{a} / {b} at {scale}");
        ties += u32::from(error == step.abs());
        negative += u32::from(error != 0 && quotient.mantissa() < 0 && b.mantissa() < 0);
    }
    assert!(ties > 100 && negative > 100, "{ties} {negative}");
}

#[test]
fn ticks_are_whole_and_exact_or_refused() {
    let mut rng = Rng(6);
    let (mut exacts, mut refused) = (0, HashSet::new());
    for n in 0..60_000 {
        let tick = any(&mut rng);
        let number = match n % 3 {
            0 => any(&mut rng),
            // A multiple, written with more decimals where they fit.
            1 => {
                let count = rng.draw().cast_signed() >> (1 + rng.below(62));
                let Ok(multiple) = tick.checked_mul(Decimal::from(count)) else { continue };
                multiple.rescale(multiple.scale() + 1).unwrap_or(multiple)
            }
            _ => Decimal::new(rng.below(1_000).cast_signed(), 2).unwrap(),
        };
        let (wide, unit) = (wide(number), wide(tick));
        let want = match unit {
            0 => Err(DecimalError::DivisionByZero),
            _ if wide % unit != 0 => Err(DecimalError::NotMultiple),
            _ => i64::try_from(wide / unit).map_err(|_| DecimalError::Overflow),
        };
        assert_eq!(number.ticks(tick), want, "{number} by {tick}");
        if let Ok(ticks) = want {
            assert_eq!(tick.checked_mul(Decimal::from(ticks)), Ok(number));
        }
        exacts += u32::from(want.is_ok_and(|ticks| ticks != 0));
        refused.extend(want.err().map(|error| error.to_string()));
    }
    assert!(exacts > 4_000 && refused.len() == 3, "{exacts} {refused:?}");
}

#[test]
fn a_table_by_number_or_by_id_is_no_list() {
    let hasher = RandomState::new();
    let numbers = (0..1_000).map(|n| hasher.hash_one(Decimal::new(n, 2).unwrap()));
    assert!(numbers.collect::<HashSet<_>>().len() > 990);
    let ids = (0..1_000).map(|n| format!("COIN{n}-USDT").parse::<InstrumentId>().unwrap());
    assert!(ids.map(|id| hasher.hash_one(id)).collect::<HashSet<_>>().len() > 990);
}
