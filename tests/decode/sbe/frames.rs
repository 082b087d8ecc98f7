//! Frames of several messages, unknown ones, longer blocks, damaged ones and odd values.
#![expect(clippy::indexing_slicing, reason = "the helpers of a test fail as the test does")]

use super::{decode, decode_frame, decoder};
use okx_feed::{DecodeErrorKind as Kind, Decoder, Dialect, Frame};
use okx_feed_testkit::choices::Choices;
use okx_feed_testkit::sbe_vectors::{
    ALL, BBO, CAPTURED, EXPONENT, HEARTBEAT, SNAPSHOT, TRADE, UPDATE, bytes,
};
use okx_feed_testkit::{mutate, sbe_reference, targets};

/// A copy with other bytes at an offset.
fn with(hex: &str, at: usize, new: &[u8]) -> Vec<u8> {
    let mut frame = bytes(hex);
    frame[at..at + new.len()].copy_from_slice(new);
    frame
}

fn kind(frame: &[u8]) -> Kind {
    decode(frame).unwrap_err().kind
}

#[test]
fn several_messages_in_a_frame_are_decoded_in_order() {
    let alone: Vec<_> = ALL.iter().flat_map(|hex| decode(&bytes(hex)).unwrap()).collect();
    let frame: Vec<u8> = ALL.iter().rev().flat_map(|hex| bytes(hex)).collect();
    let mut together = decode(&frame).unwrap();
    together.reverse();
    assert_eq!(together, alone, "the padding of the captured frame is last");
}

#[test]
fn a_frame_is_decoded_whole_or_not_at_all() {
    let mut frame = bytes(BBO);
    frame.extend(with(TRADE, 8 + 58, &[2]));
    let error = decode(&frame).unwrap_err();
    assert_eq!((error.kind, error.offset), (Kind::Side, 82), "the offset is the message's");
    // The last message is cut.
    let mut frame = bytes(BBO);
    frame.extend(&bytes(UPDATE)[..100]);
    assert_eq!(kind(&frame), Kind::Truncated);
}

#[test]
fn zeros_after_a_message_are_ignored_and_other_bytes_are_counted() {
    for hex in ALL {
        let alone = decode(&bytes(hex)).unwrap();
        for zeros in 0..40 {
            let mut frame = bytes(hex);
            frame.resize(frame.len() + zeros, 0);
            assert_eq!(decode(&frame).unwrap(), alone);
        }
        let mut expected = alone.clone();
        expected.push("skipped sbe-tail".to_owned());
        for tail in [&[1][..], &[0, 0, 0, 0, 0, 0, 1]] {
            let mut frame = bytes(hex);
            frame.truncate(if hex == CAPTURED { 118 } else { frame.len() });
            frame.extend(tail);
            assert_eq!(decode(&frame).unwrap(), expected);
        }
    }
    // A header of a block that is too short for its template is not plausible.
    let mut frame = bytes(BBO);
    frame.extend([73, 0, 0xe8, 3, 1, 0, 0, 0]);
    assert_eq!(decode(&frame).unwrap()[1], "skipped sbe-template-1000");
}

#[test]
fn unknown_templates_and_schemas_are_skipped() {
    let skipped = |at, new: &[u8]| decode(&with(BBO, at, new)).unwrap();
    assert_eq!(skipped(2, &[0xef, 3]), ["skipped sbe-template-1007"]);
    assert_eq!(skipped(2, &[0xff, 0xff]), ["skipped sbe-template-65535"]);
    assert_eq!(skipped(4, &[2, 0]), ["skipped sbe-schema-2"]);
    assert_eq!(skipped(4, &[0, 0]), ["skipped sbe-schema-0"]);
    // What follows one of unknown length can't be found.
    let mut frame = with(BBO, 2, &[0xef, 3]);
    frame.extend(bytes(TRADE));
    assert_eq!(decode(&frame).unwrap(), ["skipped sbe-template-1007"]);
    let mut frame = bytes(TRADE);
    frame.extend(with(BBO, 4, &[9, 0]));
    assert_eq!(decode(&frame).unwrap()[1..], ["skipped sbe-schema-9"]);
}

#[test]
fn the_channel_of_elp_orders_is_skipped_by_its_layout() {
    let mut frame = with(UPDATE, 2, &[0xeb, 3]);
    frame.extend(with(EXPONENT, 2, &[0xec, 3]));
    frame.extend(bytes(TRADE));
    let events = decode(&frame).unwrap();
    assert_eq!(events[..2], ["skipped books-l2-tbt-elp", "skipped books-l2-tbt-elp"]);
    assert_eq!(events[2..], decode(&bytes(TRADE)).unwrap());
}

/// A later version of the schema appends fields to blocks and raises the version.
#[test]
fn blocks_that_are_longer_than_the_schema_are_stepped_over() {
    for hex in ALL {
        let frame = bytes(hex);
        let frame = if hex == CAPTURED { frame[..118].to_vec() } else { frame };
        let alone = decode(&frame).unwrap();
        for more in [1, 7, 30] {
            assert_eq!(decode(&extended(&frame, more)).unwrap(), alone, "{more} bytes more");
        }
    }
}

/// A message with `more` bytes at the end of its root block and of each entry, and a later version.
fn extended(frame: &[u8], more: usize) -> Vec<u8> {
    let (header, mut rest) = frame.split_at(8);
    let block_len = usize::from(u16::from_le_bytes([header[0], header[1]]));
    let template = u16::from_le_bytes([header[2], header[3]]);
    let len = |len: usize| u16::try_from(len).unwrap().to_le_bytes();
    let mut out = len(block_len + more).to_vec();
    out.extend(&header[2..6]);
    out.extend([1, 0]);
    out.extend(&rest[..block_len]);
    out.resize(out.len() + more, 0xaa);
    rest = &rest[block_len..];
    if [1001, 1006].contains(&template) {
        for _ in 0..2 {
            let count = usize::from(u16::from_le_bytes([rest[2], rest[3]]));
            out.extend(len(20 + more));
            out.extend(&rest[2..4]);
            for entry in rest[4..4 + 20 * count].chunks(20) {
                out.extend(entry);
                out.resize(out.len() + more, 0xbb);
            }
            rest = &rest[4 + 20 * count..];
        }
    }
    assert!(rest.is_empty());
    out
}

#[test]
fn a_frame_that_ends_early_is_truncated() {
    for hex in ALL {
        let frame = bytes(hex);
        let whole = if hex == CAPTURED { 118 } else { frame.len() };
        for len in 0..whole {
            let error = decode(&frame[..len]).unwrap_err();
            assert_eq!(error.kind, Kind::Truncated, "{len} of {whole}");
            assert!(error.offset as usize <= len);
        }
    }
}

#[test]
fn blocks_and_entries_that_are_too_short_are_malformed() {
    for hex in ALL {
        let frame = bytes(hex);
        let block_len = u16::from_le_bytes([frame[0], frame[1]]);
        let shorter = (block_len - 1).to_le_bytes();
        assert_eq!(kind(&with(hex, 0, &shorter)), Kind::BlockLength);
        assert_eq!(kind(&with(hex, 0, &[0, 0])), Kind::BlockLength);
    }
    assert_eq!(kind(&with(UPDATE, 50, &[19, 0])), Kind::BlockLength);
    assert_eq!(kind(&with(UPDATE, 50, &[0, 0])), Kind::BlockLength);
    // Of a group without entries the length does not matter.
    assert_eq!(decode(&with(HEARTBEAT, 50, &[0, 0])), decode(&bytes(HEARTBEAT)));
}

#[test]
fn a_side_has_at_most_1024_levels() {
    let snapshot = |count: u16| {
        let mut frame = bytes(SNAPSHOT)[..34].to_vec();
        frame.extend([20, 0]);
        frame.extend(count.to_le_bytes());
        for level in 0..i64::from(count) {
            frame.extend((1000 + level).to_le_bytes());
            frame.extend(1_i64.to_le_bytes());
            frame.extend(1_i32.to_le_bytes());
        }
        frame.extend([20, 0, 0, 0]);
        decode(&frame).map_err(|error| error.kind)
    };
    assert!(snapshot(1024).unwrap()[0].contains("0.01 @ 20.23 (1)]"));
    assert_eq!(snapshot(1025), Err(Kind::TooManyLevels));
}

#[test]
fn values_that_do_not_fit_are_malformed() {
    let min = i64::MIN.to_le_bytes();
    let minus_one = (-1_i64).to_le_bytes();
    for (hex, at, new, expected) in [
        (BBO, 8 + 8, &minus_one[..], Kind::Timestamp),
        (BBO, 8 + 8, &i64::MAX.to_le_bytes(), Kind::Timestamp),
        (BBO, 8 + 24, &min, Kind::NumberOverflow),
        (BBO, 8 + 32, &min, Kind::Number),
        (BBO, 8 + 56, &min, Kind::Number),
        (BBO, 8 + 72, &[0xec], Kind::NumberScale),
        (BBO, 8 + 73, &[0x7f], Kind::NumberOverflow),
        (UPDATE, 8 + 32, &min, Kind::NumberOverflow),
        (UPDATE, 8 + 46, &min, Kind::Number),
        (UPDATE, 8 + 40, &[0x80], Kind::NumberScale),
        (TRADE, 8 + 48, &minus_one, Kind::Number),
        (TRADE, 8 + 58, &[2], Kind::Side),
        (TRADE, 8 + 58, &[0xff], Kind::Side),
        (SNAPSHOT, 8 + 16, &min, Kind::NumberOverflow),
    ] {
        assert_eq!(kind(&with(hex, at, new)), expected, "offset {at}");
    }
}

#[test]
fn values_that_nobody_needs_are_absent_if_they_cannot_be_read() {
    let one = |hex, at, new: &[u8]| decode(&with(hex, at, new)).unwrap().remove(0);
    let minus = (-1_i32).to_le_bytes();
    assert!(one(BBO, 8 + 64, &minus).contains("asks [123.45 @ 91500.50 (0)]"));
    assert!(one(UPDATE, 8 + 46 + 36, &minus).contains("0.55 @ 91500.60 (0)"));
    assert!(one(TRADE, 8 + 56, &[0, 0]).contains("count 1 "));
    assert!(one(TRADE, 8 + 56, &[0xff, 0xff]).contains("count 1 "));
    assert!(one(TRADE, 8 + 61, &[0xff]).contains("source 0"));
    assert!(one(TRADE, 8 + 61, &[1]).contains("source 1"));
    assert!(one(TRADE, 8 + 58, &[0]).contains(" sell "));
}

#[test]
fn a_side_of_the_best_levels_may_be_empty() {
    let mut frame = bytes(BBO);
    frame[8 + 32..8 + 48].fill(0);
    assert!(decode(&frame).unwrap()[0].contains("asks [] bids [6.78 @ 91500.40 (2)] []"));
    frame[8 + 48..8 + 64].fill(0);
    assert!(decode(&frame).unwrap()[0].contains("asks [] bids [] []"));
}

#[test]
fn binary_frames_are_sbe_only_where_that_is_set() {
    let frame = bytes(BBO);
    for dialect in [Dialect::V3, Dialect::V5] {
        let decoded = decode_frame(&mut Decoder::new(dialect), Frame::Binary(&frame));
        let expected = if dialect == Dialect::V5 { Kind::UnexpectedBinary } else { Kind::Deflate };
        assert_eq!(decoded.unwrap_err().kind, expected);
    }
    let mut v3 = Decoder::new(Dialect::V3);
    v3.set_sbe(super::codes());
    assert!(!v3.is_sbe());
    assert_eq!(decode_frame(&mut v3, Frame::Binary(&frame)).unwrap_err().kind, Kind::Deflate);
    let mut limited = Decoder::with_limits(
        Dialect::V5,
        okx_feed::wire::DecodeLimits { frame_len: 81, ..Default::default() },
    );
    limited.set_sbe(super::codes());
    let error = decode_frame(&mut limited, Frame::Binary(&frame)).unwrap_err();
    assert_eq!((error.kind, error.offset), (Kind::FrameTooLarge, 81));
    assert!(decoder().is_sbe());
}

#[test]
fn the_subscription_of_a_malformed_frame_is_known_if_it_has_one_message() {
    let lost = |frame: &[u8]| {
        let mut decoder = decoder();
        let error = decode_frame(&mut decoder, Frame::Binary(frame)).unwrap_err();
        decoder.last_subscription(error.kind).map(|subscription| subscription.to_string())
    };
    let swap = |channel: &str| Some(format!("{channel}:BTC-USDT-SWAP"));
    assert_eq!(lost(&bytes(BBO)[..81]), swap("bbo-tbt"));
    assert_eq!(lost(&bytes(TRADE)[..40]), swap("trades"));
    assert_eq!(lost(&bytes(UPDATE)[..117]), swap("books-l2-tbt"));
    assert_eq!(lost(&bytes(BBO)[..15]), None);
    assert_eq!(lost(&bytes(BBO)[..4]), None);
    assert_eq!(lost(&with(BBO, 8, &[1])[..81]), None, "an unknown code");
    let mut two = bytes(BBO);
    two.extend(&bytes(TRADE)[..69]);
    assert_eq!(lost(&two), None);
    // A good frame clears it.
    let mut decoder = decoder();
    assert!(decode_frame(&mut decoder, Frame::Binary(&bytes(BBO)[..81])).is_err());
    assert!(decode_frame(&mut decoder, Frame::Binary(&bytes(BBO))).is_ok());
    assert_eq!(decoder.last_subscription(Kind::Json), None);
}

/// Damaged and joined vectors: 20,000 frames with the same events as the reference's.
#[test]
fn damaged_frames_have_the_events_of_a_plain_decoder() {
    let (mut decoded, mut refused) = (0, 0);
    for seed in 0..20_000 {
        let choices = &mut Choices::Seeded(seed);
        let mut frame = Vec::new();
        for _ in 0..=choices.below(3) {
            frame.extend(bytes(choices.pick(&ALL)));
        }
        for _ in 0..choices.below(3) {
            let other = bytes(choices.pick(&ALL));
            mutate::corrupt(choices, &mut frame, &other);
        }
        targets::sbe(&frame);
        match sbe_reference::read(&frame) {
            Some(_) => decoded += 1,
            None => refused += 1,
        }
    }
    assert!(decoded > 5_000 && refused > 2_000, "{decoded} decoded, {refused} refused");
}
