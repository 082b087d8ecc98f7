//! Exact decimals: texts that print unchanged, and arithmetic that is exact or an error.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use okx_feed::Decimal;
use okx_feed::model::DecimalError;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn text_comes_back_byte_for_byte() {
    for text in [
        "0",
        "0.0",
        "124.0",
        "93.0",
        "4",
        "0.0000007465",
        "6021641435",
        "-3",
        "-0.5",
        "0.10",
        "9223372036854775807",
        "-9223372036854775808",
        "9.223372036854775807",
        "0.000000000000000001",
        "-9.223372036854775808",
        "9999999999999999",
    ] {
        assert_eq!(dec(text).to_string(), text);
    }
}

#[test]
fn texts_that_could_not_come_back_are_refused() {
    for text in [
        "", "-", ".", "1.", ".5", "+1", "01", "00", "-0", "-0.0", "1e5", "1E-7", " 1", "1 ",
        "1.2.3", "--1", "0x1", "1_0", "NaN", "1,5", "\u{0661}",
    ] {
        assert_eq!(Decimal::parse(text.as_bytes()), Err(DecimalError::Syntax), "{text:?}");
    }
    let overflow = ["9223372036854775808", "-9223372036854775809", "922337203685477580.70"];
    for text in overflow {
        assert_eq!(Decimal::parse(text.as_bytes()), Err(DecimalError::Overflow), "{text:?}");
    }
    assert_eq!(Decimal::parse(b"0.0000000000000000001"), Err(DecimalError::Scale));
    assert_eq!(Decimal::parse(&[b'1'; 4096]), Err(DecimalError::Overflow));
}

#[test]
fn order_and_equality_go_by_value_across_scales() {
    assert_eq!(dec("124.0"), dec("124"));
    assert!(!dec("124.0").same_text(dec("124")));
    assert!(dec("0.9") < dec("0.91"));
    assert!(dec("-1.5") < dec("-1.49"));
    assert!(dec("9223372036854775807") > dec("9.223372036854775807"));
    let mut set = std::collections::HashSet::new();
    assert!(set.insert(dec("1.50")));
    assert!(!set.insert(dec("1.5")));
    assert!(set.insert(dec("0.00")));
    assert!(!set.insert(dec("0")));
}

#[test]
fn arithmetic_is_exact_or_an_error() {
    assert_eq!(dec("1.25").checked_add(dec("0.005")).unwrap().to_string(), "1.255");
    assert_eq!(dec("1").checked_sub(dec("1.0")).unwrap().to_string(), "0.0");
    assert_eq!(dec("1.5").checked_mul(dec("-0.20")).unwrap().to_string(), "-0.300");
    let max = Decimal::from(i64::MAX);
    assert_eq!(max.checked_add(dec("1")), Err(DecimalError::Overflow));
    assert_eq!(max.checked_mul(dec("3")), Err(DecimalError::Overflow));
    assert_eq!(max.checked_mul(dec("1.0")).unwrap(), max);
    let tiny = dec("0.000000000000000001");
    assert_eq!(tiny.checked_mul(dec("0.1")), Err(DecimalError::Scale));
    assert_eq!(dec("1.200").rescale(1).unwrap().to_string(), "1.2");
    assert_eq!(dec("1.2").rescale(3).unwrap().to_string(), "1.200");
    assert_eq!(dec("1.25").rescale(1), Err(DecimalError::Scale));
    assert_eq!(dec("1").rescale(19), Err(DecimalError::Scale));
    assert_eq!(dec("1").rescale(255), Err(DecimalError::Scale));
}

#[test]
fn division_rounds_half_to_even() {
    let div = |a: &str, b: &str, scale| dec(a).checked_div(dec(b), scale).map(|d| d.to_string());
    assert_eq!(div("1", "3", 4).unwrap(), "0.3333");
    assert_eq!(div("2", "3", 4).unwrap(), "0.6667");
    assert_eq!(div("0.5", "1", 0).unwrap(), "0");
    assert_eq!(div("1.5", "1", 0).unwrap(), "2");
    assert_eq!(div("-1.5", "1", 0).unwrap(), "-2");
    assert_eq!(div("-2.5", "1", 0).unwrap(), "-2");
    assert_eq!(div("1", "-8", 2).unwrap(), "-0.12");
    assert_eq!(div("1", "0.00", 2), Err(DecimalError::DivisionByZero));
    assert_eq!(div("1", "3", 19), Err(DecimalError::Scale));
    assert_eq!(div("9223372036854775807", "0.1", 0), Err(DecimalError::Overflow));
}

#[test]
fn floats_are_the_nearest() {
    assert_eq!(dec("0.1").to_f64(), 0.1);
    assert_eq!(dec("-4061.94").to_f64(), -4061.94);
    assert_eq!(format!("{:>8}|{:<8}|", dec("1.50"), dec("-1.5")), "    1.50|-1.5    |");
}

/// Beside the text, which rounds once, in the whole range of mantissas and scales; a division of
/// exact floats rounds once as well.
#[test]
fn floats_are_those_of_the_text() {
    let mut state = 7u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.rotate_left(29) ^ state
    };
    let check = |mantissa: i64, scale: u8| {
        let decimal = Decimal::new(mantissa, scale).unwrap();
        let by_text: f64 = decimal.to_string().parse().unwrap();
        assert_eq!(decimal.to_f64().to_bits(), by_text.to_bits(), "{decimal}");
    };
    for _ in 0..2_000_000 {
        // As many of each length, so that both sides of 2^53 are met.
        let mantissa = random().cast_signed() >> (random() % 64);
        check(mantissa, (random() % 19) as u8);
    }
    for scale in 0..=18 {
        for edge in [0, 1 << 53, -(1 << 53), i64::MAX, i64::MIN] {
            for off in -3..=3i64 {
                check(edge.saturating_add(off), scale);
            }
        }
    }
}
