//! Times with two wrong bytes: a check of many bytes at once must not let one wrong byte hide
//! another.

use okx_feed::{DecodeErrorKind, Decoder, Dialect, Event, Frame, UnixNanos};

const TIME: &str = "2021-04-25T08:24:33.352Z";

fn decode(decoder: &mut Decoder, time: &str) -> Result<u64, DecodeErrorKind> {
    let text = format!(
        r#"{{"table":"spot/trade","data":[{{"instrument_id":"A","price":"1","side":"buy","size":"1","timestamp":"{time}","trade_id":"1"}}]}}"#
    );
    let mut at = 0;
    let mut sink = |event: &Event<'_>| {
        if let Event::Trade(update) = event {
            at = update.trade.ts_event.0;
        }
    };
    let result = decoder.decode(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink);
    result.map(|_| at).map_err(|error| error.kind)
}

#[test]
fn two_wrong_bytes_do_not_make_a_right_time() {
    let decoder = &mut Decoder::new(Dialect::V3);
    // Seconds from 1970 to that time: 18,742 days.
    let seconds = 18_742 * 86_400 + 8 * 3_600 + 24 * 60 + 33;
    assert_eq!(decode(decoder, TIME), Ok(seconds * 1_000_000_000 + 352_000_000));
    for (first, second) in (0..TIME.len()).flat_map(|i| (i..TIME.len()).map(move |j| (i, j))) {
        for wrong in ":/?A-.TZ ~".chars() {
            let one_wrong = |(at, c)| if at == first || at == second { wrong } else { c };
            let time: String = TIME.chars().enumerate().map(one_wrong).collect();
            let want =
                if time == TIME { decode(decoder, TIME) } else { Err(DecodeErrorKind::Timestamp) };
            assert_eq!(decode(decoder, &time), want, "{time}");
        }
    }
}

#[test]
fn every_event_has_its_time_of_receipt() {
    let texts = [
        (Dialect::V5, r#"{"event":"subscribe","arg":{"channel":"trades","instId":"A"}}"#),
        (Dialect::V5, "pong"),
        (Dialect::V5, r#"{"arg":{"channel":"greeks","instId":"A"},"data":[["1"]]}"#),
        (
            Dialect::V5,
            r#"{"arg":{"channel":"candle1m","instId":"A"},"data":[["1","1","2","1","2","0"]]}"#,
        ),
        (
            Dialect::V5,
            r#"{"arg":{"channel":"mark-price","instId":"A"},"data":[{"markPx":"1","ts":"1"}]}"#,
        ),
        (
            Dialect::V5,
            r#"{"arg":{"channel":"books5","instId":"A"},"data":[{"asks":[],"bids":[],"ts":"1"}]}"#,
        ),
        (Dialect::V3, r#"{"event":"subscribe","channel":"spot/trade:A"}"#),
        (Dialect::V3, "pong"),
        (Dialect::V3, r#"{"table":"spot/no_such","data":[{"a":1}]}"#),
    ];
    for (dialect, text) in texts {
        let mut times = Vec::new();
        let mut sink = |event: &Event<'_>| times.push(event.ts_recv());
        let frame = Frame::Text(text.as_bytes());
        Decoder::new(dialect).decode(frame, UnixNanos(4_711), &mut sink).unwrap();
        assert_eq!(times, [UnixNanos(4_711)], "{text}");
    }
}
