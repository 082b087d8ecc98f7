//! That short updates are read here at all: what is declined, another path reads. That they are
//! read well is tested with whole messages.
#![expect(
    unsafe_code,
    reason = "to call what is compiled for AVX-512, once it is known to be there"
)]

use super::MOST_QUOTES;
use crate::model::{Level, UnixNanos};
use crate::wire::scan::avx512::Avx512;
use crate::wire::scratch::Scratch;

const TAILS: [&str; 4] = [
    r#","ts":"1652671418459""#,
    r#","ts":"1652671418459","checksum":-1449106703"#,
    r#","ts":"1652671418459","seqId":123,"prevSeqId":-1"#,
    r#","ts":"1652671418459","checksum":0,"seqId":123456789012345,"prevSeqId":12"#,
];

/// An update with so many levels a side, of which each differs; prices have so many decimals.
fn update([asks, bids]: [usize; 2], decimals: usize, tail: &str) -> (String, [Vec<Level>; 2]) {
    let level = |n: usize| {
        let px = format!("{n}.{}", "5".repeat(decimals));
        let level = Level::new(px.parse().unwrap(), "0.25".parse().unwrap(), 7);
        (format!(r#"["{px}","0.25","0","7"]"#), level)
    };
    let side = |places: std::ops::Range<usize>| places.map(level).unzip::<_, _, Vec<_>, Vec<_>>();
    let ((ask_texts, asks), (bid_texts, bids)) = (side(0..asks), side(asks..asks + bids));
    let (ask_text, bid_text) = (ask_texts.join(","), bid_texts.join(","));
    (format!(r#""asks":[{ask_text}],"bids":[{bid_text}]{tail}}}]}}"#), [asks, bids])
}

#[test]
fn up_to_seven_levels_are_read_at_once() {
    if Avx512::detect().is_none() {
        return;
    }
    let mut scratch = Scratch::new();
    for tail in TAILS {
        for decimals in 1..10 {
            for (asks, bids) in (0..9).flat_map(|asks| (0..9).map(move |bids| (asks, bids))) {
                let (text, sides) = update([asks, bids], decimals, tail);
                let bytes = text.clone().into_bytes().into_boxed_slice();
                // SAFETY: the features are there.
                let read = unsafe { super::update(&bytes, &mut scratch) };
                // The first letter of the time's name must be in three vectors behind eight bytes.
                let t = text.find(",\"ts\"").unwrap() + 2;
                let is_short = 8 * (asks + bids) <= MOST_QUOTES as usize && t < 8 + 192;
                assert_eq!(read.is_some(), is_short, "{text}");
                let Some(read) = read else { continue };
                assert_eq!(read.ts_event, UnixNanos(1_652_671_418_459_000_000));
                let [asks, bids] = &sides;
                assert_eq!(
                    (scratch.asks.as_slice(), scratch.bids.as_slice()),
                    (&asks[..], &bids[..])
                );
            }
        }
    }
}
