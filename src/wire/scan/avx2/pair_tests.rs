//! Two decimals at once against the rule of a decimal, over every length and place of the point.
//! What this way declines, a slower one reads: so a fault that only declines shows nowhere else.
#![expect(unsafe_code, reason = "to call what is compiled for AVX2, once it is known to be there")]

use super::pair;
use crate::model::Decimal;
use crate::wire::scan::avx2::Avx2;
use crate::wire::scan::avx2::window::WINDOW;

/// What a text is by the rule: digits, and perhaps a point and more digits; a zero only alone
/// before the point. At most 16 bytes are read at once.
fn decimal(text: &str) -> Option<(i64, u8)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let has_point = whole.len() < text.len();
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_sound = all_digits(whole) && all_digits(decimals);
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    if !is_sound || is_padded || text.len() > 16 {
        return None;
    }
    let scale = if has_point { decimals.len() } else { 0 };
    Some((text.replace('.', "").parse().unwrap(), u8::try_from(scale).unwrap()))
}

/// Texts of every length with a point at every place, sound ones and others.
fn texts() -> Vec<String> {
    let digits = "9182736450918273645";
    let mut texts: Vec<String> = Vec::new();
    for len in 1..=17 {
        texts.push(digits[..len].to_owned());
        for point in 0..len {
            texts.push(format!("{}.{}", &digits[..point], &digits[point + 1..len]));
        }
    }
    let odd = [
        "",
        "0",
        "00",
        "01",
        "0.0",
        "0.1",
        "0.00000000000001",
        "00.1",
        "0.",
        ".0",
        ".",
        "..",
        "1..2",
        "1.2.3",
        "1.2.",
        "10",
        "100.010",
        "-1",
        "+1",
        "1e5",
        "1,5",
        "1 ",
        " 1",
        "1/2",
        "1:2",
        "x",
        "t",
        "1t",
        "9999999999999999",
        "0000000000000000",
        "1000000000000000",
    ];
    texts.extend(odd.map(str::to_owned));
    texts
}

/// Checks all pairs of texts with these bytes between them; gives how many were read.
fn all_pairs<const N: usize>(between: &[u8; N]) -> u32 {
    let texts = texts();
    let mut read = 0;
    // Miri takes a second for each pair: there, every other text stands once on each side.
    let (step, partners) = if cfg!(miri) { (2, 1) } else { (1, texts.len()) };
    for (at, px) in texts.iter().enumerate().step_by(step) {
        for sz in (0..partners).map(|next| &texts[(at * 7 + next) % texts.len()]) {
            let mut window = [b'7'; WINDOW];
            let text = [px.as_bytes(), between, sz.as_bytes(), b"\""].concat();
            window[..text.len()].copy_from_slice(&text);
            // SAFETY: the caller has looked for the features.
            let seen = unsafe { pair(&window, between) };
            let seen = seen.map(|pair| (pair.px(), pair.sz(), pair.end));
            let end = px.len() + N + sz.len();
            let want = decimal(px).zip(decimal(sz)).filter(|_| end < 32);
            let parts = |number: Decimal| (number.mantissa(), number.scale());
            let seen = seen.map(|(px, sz, at)| ((parts(px), parts(sz)), at));
            assert_eq!(seen, want.map(|want| (want, end)), "{px} {sz}");
            read += u32::from(want.is_some());
        }
    }
    read
}

#[test]
fn every_pair_of_shapes_is_read_or_declined_by_the_rule() {
    if Avx2::detect().is_none() {
        return;
    }
    assert!(all_pairs(b"\",\"") > if cfg!(miri) { 20 } else { 5_000 });
    if cfg!(miri) {
        return;
    }
    assert!(all_pairs(b"\",\"sz\":\"") > 5_000);
    assert!(all_pairs(b"\",\"size\":\"") > 5_000);
}

#[test]
fn what_stands_between_is_compared_to_its_last_byte() {
    if Avx2::detect().is_none() {
        return;
    }
    let between = b"\",\"size\":\"";
    for at in 0..between.len() {
        let mut other = *between;
        other[at] ^= 2;
        let mut window = [b' '; WINDOW];
        let text = [b"1.5".as_slice(), &other, b"2\""].concat();
        window[..text.len()].copy_from_slice(&text);
        // SAFETY: the features were looked for.
        assert!(unsafe { pair(&window, between) }.is_none(), "{at}");
    }
}
