//! Decimals against digits of any length.

use std::cmp::Ordering;

use okx_feed::Decimal;
use okx_feed::model::DecimalError;

use crate::big::{Big, Refused};

/// Texts, one a line: each is parsed correctly or refused for the correct reason, printed, and
/// compared with the one before it.
pub fn decimal(bytes: &[u8]) {
    let mut last: Option<(&str, Decimal)> = None;
    for text in bytes.split(|byte| *byte == b'\n') {
        let got = Decimal::parse(text);
        let Ok(text) = std::str::from_utf8(text) else {
            assert_eq!(got.err(), Some(DecimalError::Syntax));
            continue;
        };
        by_value(text, got.ok());
        match (got, Big::decimal(text)) {
            (Ok(got), Ok((mantissa, scale))) => {
                assert_eq!(got.mantissa().to_string(), mantissa, "{text}");
                assert_eq!(usize::from(got.scale()), scale, "{text}");
                assert_eq!(got.to_string(), text);
                assert_eq!(got.to_f64(), text.parse::<f64>().unwrap(), "{text}");
                normalized(got);
                if let Some((last_text, last)) = last {
                    pair(got, last, text, last_text);
                }
                last = Some((text, got));
            }
            (Err(got), Err(expected)) => {
                let same = matches!(
                    (got, expected),
                    (DecimalError::Syntax, Refused::Syntax)
                        | (DecimalError::Scale, Refused::Scale)
                        | (DecimalError::Overflow, Refused::Overflow)
                );
                assert!(same, "{text}: {got:?}, expected {expected:?}");
            }
            (got, expected) => panic!("{text}: {got:?}, expected {expected:?}"),
        }
    }
}

/// By its value a number is read as its text is, or in the shortest form, or refused for the reason
/// that digits give.
fn by_value(text: &str, as_text: Option<Decimal>) {
    let got = Decimal::parse_value(text.as_bytes());
    if let Some(number) = as_text {
        assert!(got.unwrap().same_text(number), "{text}");
        return;
    }
    let got = got.map(|number| number.to_string()).map_err(|error| match error {
        DecimalError::Overflow => Refused::Overflow,
        DecimalError::Scale => Refused::Scale,
        _ => Refused::Syntax,
    });
    assert_eq!(got, Big::value(text), "{text}");
}

fn normalized(number: Decimal) {
    let short = number.normalized();
    assert!(short == number && short.scale() <= number.scale());
    assert!(short.scale() == 0 || short.mantissa() % 10 != 0);
    assert!(number.rescale(short.scale()).unwrap().same_text(short));
}

fn pair(a: Decimal, b: Decimal, a_text: &str, b_text: &str) {
    let order = Big::parse(a_text).unwrap().compare(&Big::parse(b_text).unwrap());
    assert_eq!(a.cmp(&b), order, "{a_text} and {b_text}");
    assert_eq!(a == b, order == Ordering::Equal);
    if let Ok(sum) = a.checked_add(b) {
        assert_eq!(sum.scale(), a.scale().max(b.scale()));
        // `a` with the sum's decimals may not fit.
        let back = sum.checked_sub(b);
        assert!(back.is_err() || back == Ok(a), "{a_text} + {b_text}");
    }
    if let Ok(product) = a.checked_mul(b) {
        assert_eq!(Ok(product), b.checked_mul(a));
        if !b.is_zero() {
            let back = product.checked_div(b, a.scale());
            assert!(back.is_err() || back == Ok(a), "{a_text} * {b_text}");
        }
    }
}
