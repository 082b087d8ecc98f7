//! Every form of message in `docs/PROTOCOL.md`, by example, and the positions of errors.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use okx_feed::event::ControlKind;
use okx_feed::wire::DecodeLimits;
use okx_feed::{
    DecodeError, DecodeErrorKind as Kind, Decoder, Dialect, Event, Frame, Level, UnixNanos,
};

/// One event as a line of text, for readable assertions.
fn line(event: &Event<'_>) -> String {
    let levels = |side: &[Level]| {
        let texts = side.iter().map(|l| format!("{}x{}({})", l.px(), l.sz(), l.orders()));
        texts.collect::<Vec<_>>().join(" ")
    };
    match event {
        Event::Book(update) => {
            let book = update.book;
            let market = update.topic.market.map(|m| format!("{m}/")).unwrap_or_default();
            format!(
                "book {market}{}:{} {} seq {:?} asks {} bids {}",
                update.topic.channel,
                update.topic.inst_id,
                book.ts_event.as_millis(),
                book.seq(),
                levels(book.asks()),
                levels(book.bids())
            )
        }
        Event::Trade(update) => {
            let trade = &update.trade;
            format!(
                "trade {}:{} {} seq {:?} #{} {} {}x{} count {} source {}",
                update.topic.channel,
                update.topic.inst_id,
                trade.ts_event.as_millis(),
                trade.seq(),
                trade.trade_id,
                trade.side(),
                trade.px(),
                trade.sz(),
                trade.count,
                trade.source
            )
        }
        Event::Depth(update) => format!(
            "depth {}:{} {} {} seq {:?} checksum {:?} asks {} bids {}",
            update.topic.channel,
            update.topic.inst_id,
            update.action.name(),
            update.ts_event.as_millis(),
            update.seq(),
            update.checksum,
            levels(update.asks),
            levels(update.bids)
        ),
        Event::Control(control) => format!(
            "{} code {:?} message {:?} channel {:?}/{:?}:{:?} id {:?} success {:?}",
            control.kind,
            control.code,
            control.message,
            control.market,
            control.channel,
            control.inst_id,
            control.id,
            control.success
        ),
        Event::Skipped(skipped) => format!("skipped {:?}", skipped.channel),
        other => format!("{other:?}"),
    }
}

fn decode(dialect: Dialect, frame: Frame<'_>) -> Result<Vec<String>, DecodeError> {
    let mut lines = Vec::new();
    let mut decoder = Decoder::new(dialect);
    decoder.decode(frame, UnixNanos(1), &mut |event: &Event<'_>| lines.push(line(event)))?;
    Ok(lines)
}

fn v3(text: &str) -> Vec<String> {
    let lines = decode(Dialect::V3, Frame::Text(text.as_bytes())).unwrap();
    // The same, deflated: the wire's own form.
    assert_eq!(decode(Dialect::V3, Frame::Binary(&deflated(text.as_bytes()))).unwrap(), lines);
    lines
}

fn v5(text: &str) -> Vec<String> {
    decode(Dialect::V5, Frame::Text(text.as_bytes())).unwrap()
}

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).unwrap());
    let mut body = vec![0; compressor.deflate_compress_bound(text.len())];
    let len = compressor.deflate_compress(text, &mut body).unwrap();
    body.truncate(len);
    body
}

const TAIL: &str = r#""instrument_id":"BTC-USD-190517","timestamp":"2019-05-14T02:03:04.567Z"}]}"#;

#[test]
fn v3_levels_have_three_or_four_elements_of_strings_or_numbers() {
    let book = |asks: &str, bids: &str| {
        let text =
            format!(r#"{{"table":"futures/depth5","data":[{{"asks":{asks},"bids":{bids},{TAIL}"#);
        v3(&text).concat()
    };
    let head = "book futures/depth5:BTC-USD-190517 1557799384567 seq None";
    assert_eq!(
        book(r#"[["7212.96","149","0","27"]]"#, r#"[["124.0","1.50","3"]]"#),
        format!("{head} asks 7212.96x149(27) bids 124.0x1.50(3)")
    );
    // 2018 and 2019: numbers, and their trailing zero kept.
    assert_eq!(
        book("[[4085.0,20,0,1],[4086,1,0,2]]", r#"[["3779.2966","0.01006451",1]]"#),
        format!("{head} asks 4085.0x20(1) 4086x1(2) bids 3779.2966x0.01006451(1)")
    );
    assert_eq!(book(r#"[["3810.7","3",0,2]]"#, "[]"), format!("{head} asks 3810.7x3(2) bids "));
    assert_eq!(book("[]", "[]"), format!("{head} asks  bids "));
}

#[test]
fn v3_markets_and_channels() {
    for market in ["spot", "swap", "futures", "option", "index"] {
        let text = format!(
            r#"{{"table":"{market}/depth5","data":[{{"asks":[],"bids":[],"instrument_id":"EOS-USD-210625-8.00-C","timestamp":"2021-04-25T08:24:33.352Z"}}]}}"#
        );
        assert_eq!(
            v3(&text).concat(),
            format!(
                "book {market}/depth5:EOS-USD-210625-8.00-C 1619339073352 seq None asks  bids "
            )
        );
    }
    assert_eq!(v3(r#"{"table":"spot/no_such","data":[{"last":[{}]}]}"#), [r#"skipped "no_such""#]);
    assert_eq!(v3(r#"{"table":"moon/depth5","data":[]}"#), [r#"skipped "depth5""#]);
    assert_eq!(v3(r#"{"table":"spot/books5","data":[]}"#), [r#"skipped "books5""#]);
    assert_eq!(v3(r#"{"what":"else"}"#), [r#"skipped """#]);
}

#[test]
fn v3_trades_in_every_key_order_and_number_form() {
    let expected = "trade trade:BTC-USD-190517 1557799384567 seq None #5430565 buy 60059.7x20 \
                    count 1 source 0";
    for item in [
        r#""side":"buy","trade_id":"5430565","price":"60059.7","qty":"20","#,
        r#""price":"60059.7","side":"buy","size":"20","trade_id":"5430565","new":{"x":[1]},"#,
        r#""trade_id":5430565,"qty":20,"side":"buy","price":60059.7,"#,
    ] {
        let text = format!(r#"{{"table":"futures/trade","data":[{{{item}{TAIL}"#);
        assert_eq!(v3(&text), [expected]);
    }
}

#[test]
fn v3_replies() {
    let rest = "id None success";
    assert_eq!(
        v3(r#"{"event":"subscribe","channel":"spot/trade:DOT-USD"}"#),
        [format!(
            r#"subscribe code None message None channel Some("spot")/Some("trade"):Some("DOT-USD") {rest} None"#
        )]
    );
    assert_eq!(
        v3(r#"{"event":"error","message":"Channel \"x\" doesn't exist","errorCode":30040}"#),
        [format!(
            r#"error code Some(30040) message Some("Channel \"x\" doesn't exist") channel None/None:None {rest} None"#
        )]
    );
    for success in ["true", r#""true""#] {
        assert_eq!(
            v3(&format!(r#"{{"event":"login","success":{success}}}"#)),
            [format!("login code None message None channel None/None:None {rest} Some(true)")]
        );
    }
    // Bare, compressed too.
    assert!(v3("pong").concat().starts_with("pong "));
    assert!(v3(r#"{"event":"weather","channel":"sun"}"#).concat().starts_with("weather "));
}

#[test]
fn v5_books_old_and_new() {
    let asks = r#"[["31774.7","0.14368878","0","3"]]"#;
    assert_eq!(
        v5(&format!(
            r#"{{"arg":{{"channel":"books5","instId":"BTC-USDT"}},"data":[{{"asks":{asks},"bids":[],"instId":"BTC-USDT","ts":"1652671418483"}}]}}"#
        )),
        ["book books5:BTC-USDT 1652671418483 seq None asks 31774.7x0.14368878(3) bids "]
    );
    assert_eq!(
        v5(&format!(
            r#"{{"arg":{{"channel":"bbo-tbt","instId":"BTC-USD_UM_XPERP-310404"}},"data":[{{"asks":[],"bids":{asks},"ts":"1654032991947","seqId":274877906945}}]}}"#
        )),
        ["book bbo-tbt:BTC-USD_UM_XPERP-310404 1654032991947 seq Some(274877906945) asks  bids \
          31774.7x0.14368878(3)"]
    );
    assert_eq!(
        v5(&format!(
            r#"{{"arg":{{"channel":"books-rpi","instId":"X"}},"action":"snapshot","data":[{{"asks":[["1","2","0.5","3"]],"bids":{asks},"ts":"1654032991947","prevSeqId":-1,"seqId":7}}]}}"#
        )),
        ["depth books-rpi:X snapshot 1654032991947 seq Some(7) checksum None asks 1x2(3) bids \
          31774.7x0.14368878(3)"]
    );
}

#[test]
fn v5_trades_with_and_without_what_came_later() {
    let trade = |channel: &str, more: &str| {
        v5(&format!(
            r#"{{"arg":{{"channel":"{channel}","instId":"FUN-BTC"}},"data":[{{"instId":"FUN-BTC","tradeId":"3435655","px":"0.0000007465","sz":"6021641435","side":"sell"{more},"ts":"1626995753055"}}]}}"#
        ))
        .concat()
    };
    let common = "FUN-BTC 1626995753055 seq";
    let numbers = "#3435655 sell 0.0000007465x6021641435 count";
    assert_eq!(trade("trades", ""), format!("trade trades:{common} None {numbers} 1 source 0"));
    assert_eq!(
        trade("trades", r#","count":"3","source":"1","seqId":9"#),
        format!("trade trades:{common} Some(9) {numbers} 3 source 1")
    );
    assert_eq!(
        trade("trades-all", r#","source":"0""#),
        format!("trade trades-all:{common} None {numbers} 1 source 0")
    );
}

#[test]
fn v5_replies() {
    assert_eq!(
        v5(
            r#"{"id":"1512","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#
        ),
        [
            r#"subscribe code None message None channel None/Some("books"):Some("BTC-USDT") id Some("1512") success None"#
        ]
    );
    for text in [
        r#"{"event":"error","msg":"API key doesn't exist","code":"60032","connId":"f9ab6f3c"}"#,
        r#"{"event":"error","code":60032,"msg":"API key doesn't exist"}"#,
        r#"{"msg":"API key doesn't exist","code":"60032","connId":"24a2aea3"}"#,
    ] {
        assert_eq!(
            v5(text),
            [
                r#"error code Some(60032) message Some("API key doesn't exist") channel None/None:None id None success None"#
            ]
        );
    }
    assert!(
        v5(r#"{"event":"login","code":"0","msg":""}"#).concat().ends_with("success Some(true)")
    );
    assert!(
        v5(r#"{"event":"notice","code":"64008","msg":"soon"}"#)[0]
            .starts_with("notice code Some(64008)")
    );
    assert!(
        v5(r#"{"event":"channel-conn-count","channel":"orders","connCount":"2"}"#)[0]
            .starts_with("channel-conn-count code None")
    );
    assert!(
        v5(r#"{"event":"channel-conn-count-error","channel":"orders"}"#)[0]
            .contains(r#"channel None/Some("orders")"#)
    );
    let no_id = r#"{"event":"subscribe","arg":{"channel":"trades","instIdCode":211874}}"#;
    assert!(v5(no_id)[0].contains(r#"Some("trades"):None"#));
    assert!(v5("pong")[0].starts_with("pong "));
    assert_eq!(ControlKind::Pong.name(), "pong");
}

#[test]
fn several_items_are_decoded_together_or_not_at_all() {
    let item = |px: &str| {
        format!(
            r#"{{"instId":"X","tradeId":"1","px":"{px}","sz":"1","side":"buy","ts":"1626995753055"}}"#
        )
    };
    let message = |items: &[String]| {
        format!(r#"{{"arg":{{"channel":"trades","instId":"X"}},"data":[{}]}}"#, items.join(","))
    };
    assert_eq!(v5(&message(&[item("1"), item("2"), item("3")])).len(), 3);
    assert_eq!(v5(&message(&[])).len(), 0);
    let mut decoder = Decoder::new(Dialect::V5);
    let mut given = 0;
    let bad = message(&[item("1"), item("x")]);
    let result =
        decoder.decode(Frame::Text(bad.as_bytes()), UnixNanos(1), &mut |_: &Event<'_>| given += 1);
    assert_eq!((result.unwrap_err().kind, given), (Kind::Number, 0));
    let at_limit = vec![item("1"); DecodeLimits::MAX_ITEMS];
    assert_eq!(v5(&message(&at_limit)).len(), DecodeLimits::MAX_ITEMS);
    let over = message(&vec![item("1"); DecodeLimits::MAX_ITEMS + 1]);
    let error = decode(Dialect::V5, Frame::Text(over.as_bytes())).unwrap_err();
    assert_eq!(error.kind, Kind::TooManyItems);
}

#[test]
fn a_key_that_comes_twice_counts_as_its_last_and_null_as_absent() {
    let text = r#"{"data":[{"bids":[["9","9","9"]],"bids":[["1","1","1"]],"asks":[],"ts":"5","ts":"1654032991947","seqId":null}],"arg":{"channel":"x"},"arg":{"instId":"I","channel":"bbo-tbt"}}"#;
    assert_eq!(v5(text), ["book bbo-tbt:I 1654032991947 seq None asks  bids 1x1(1)"]);
}

#[test]
fn a_null_that_comes_last_makes_a_member_absent_in_the_envelope_too() {
    let book =
        r#"{"arg":{"channel":"bbo-tbt","instId":"I"},"data":[{"asks":[],"bids":[],"ts":"1"}]"#;
    assert!(v5(&format!("{book}}}"))[0].starts_with("book bbo-tbt:I"));
    assert_eq!(v5(&format!(r#"{book},"arg":null}}"#)), [r#"skipped """#]);
    let unnamed = book.replace(r#""I"}"#, r#""I","channel":null}"#);
    assert_eq!(v5(&format!("{unnamed}}}")), [r#"skipped """#]);
    let trade = r#"{"table":"spot/trade","data":[{"side":"buy","trade_id":"1","price":"1","size":"1","instrument_id":"I","timestamp":"2019-05-14T02:03:04.567Z"}]"#;
    assert!(v3(&format!("{trade}}}"))[0].starts_with("trade"));
    for (dialect, text) in [(Dialect::V3, trade), (Dialect::V5, book)] {
        let text = format!(r#"{text},"data":null}}"#);
        let error = decode(dialect, Frame::Text(text.as_bytes())).unwrap_err();
        assert_eq!(error.kind, Kind::MissingField, "{text}");
    }
}

#[test]
fn odd_members_of_an_envelope_affect_no_others() {
    let error = "error code None message None channel None/None:None id None success None";
    for text in [
        r#"{"event":"error","code":null,"msg":null,"arg":null}"#,
        r#"{"event":"error","code":"abc","msg":5}"#,
        r#"{"event":"error","code":"","id":7}"#,
    ] {
        assert_eq!(v5(text), [error], "{text}");
    }
    assert_eq!(v3(r#"{"event":"error","message":null,"errorCode":"x","channel":5}"#), [error]);
    assert_eq!(v3(r#"{"channel":5,"foo":1,"table":null}"#), [r#"skipped """#]);
    // Only a reply is named by a channel beside its arg.
    let data = r#"{"arg":{"channel":"bbo-tbt","instId":"I"},"channel":"x","data":[{"asks":[],"bids":[],"ts":"1"}]}"#;
    assert!(v5(data)[0].starts_with("book bbo-tbt:I"));
}

#[test]
fn numbers_in_any_order_are_found_in_linear_time() {
    // Each item asks for bare numbers against the order of the text, twice: with a search from the
    // start for each, this took minutes.
    let item = r#"{"size":1,"price":1,"trade_id":1,"side":"buy","timestamp":"2019-05-14T02:03:04.567Z","instrument_id":"X"}"#;
    let zeros = "0,".repeat(300_000);
    let text = format!(
        r#"{{"x":[{zeros}0],"table":"spot/trade","data":[{}]}}"#,
        vec![item; DecodeLimits::MAX_ITEMS].join(",")
    );
    assert_eq!(v3(&text).len(), DecodeLimits::MAX_ITEMS);
}

#[test]
fn white_space_and_escapes_change_nothing() {
    let text = " {\n\t\"\\u0061rg\" : { \"channel\":\"bbo\\u002dtbt\" , \"instId\" : \"A\\\"B\" } ,\r\n \"data\":[ { \"asks\":[ [ \"\\u0031\" , 2.50 , 3 ] ],\"bids\":[ ],\"ts\":\"1654032991947\" } ] } ";
    assert_eq!(v5(text), ["book bbo-tbt:A\"B 1654032991947 seq None asks 1x2.50(3) bids "]);
}

#[test]
fn errors_have_kind_and_offset() {
    let base = r#"{"arg":{"channel":"books5","instId":"X"},"data":[{"asks":[["1","2","0","3"]],"bids":[],"ts":"1654032991947","seqId":5}]}"#;
    assert_eq!(v5(base).len(), 1);
    let cases = [
        (r#"["1","2""#, r#"["1","2x""#, Kind::Number, "\"2x\""),
        (r#"["1","2""#, r#"["1","02""#, Kind::Number, "\"02\""),
        (r#"["1","2""#, r#"["+1","2""#, Kind::Number, "\"+1\""),
        (r#"["1","2""#, r#"[".5","2""#, Kind::Number, "\".5\""),
        (r#"["1","2""#, r#"["","2""#, Kind::Number, "\"\""),
        (r#"["1","2""#, "[1e19,\"2\"", Kind::NumberOverflow, "1e19"),
        (r#"["1","2""#, "[1e-19,\"2\"", Kind::NumberScale, "1e-19"),
        (r#"["1","2""#, r#"["9223372036854775808","2""#, Kind::NumberOverflow, "\"9223"),
        (r#"["1","2""#, r#"["0.0000000000000000001","2""#, Kind::NumberScale, "\"0.0"),
        (r#"["1","2""#, r#"[true,"2""#, Kind::WrongType, "true"),
        (r#"["1","2","0","3"]"#, r#"["1"]"#, Kind::LevelShape, "[\"1\"]"),
        (r#"["1","2","0","3"]"#, r#"[null,"2"]"#, Kind::WrongType, "null"),
        (r#"["1","2","0","3"]"#, "7", Kind::WrongType, "7"),
        (r#""bids":[]"#, r#""bids":{}"#, Kind::WrongType, "{}"),
        (r#""bids":[],"#, "", Kind::MissingField, "{\"asks\""),
        (r#""ts":"1654032991947","#, "", Kind::MissingField, "{\"asks\""),
        ("1654032991947", "1654032991x47", Kind::Timestamp, "\"1654032991x47\""),
        ("1654032991947", "99999999999999", Kind::Timestamp, "\"99999999999999\""),
        (
            r#""instId":"X""#,
            r#""instId":"1234567890123456789012345678901234567890123456789012345678901234""#,
            Kind::InstrumentId,
            "{\"asks\"",
        ),
        (r#""seqId":5"#, r#""seqId":5,"instId":"Y""#, Kind::OtherInstrument, "\"Y\""),
        (r#","instId":"X""#, "", Kind::MissingField, "{\"asks\""),
        (r#""data":["#, r#""date":["#, Kind::MissingField, "{\"arg\""),
        (r#""books5""#, "5", Kind::WrongType, "5,"),
    ];
    for (from, to, kind, place) in cases {
        let text = base.replacen(from, to, 1);
        let error = decode(Dialect::V5, Frame::Text(text.as_bytes())).unwrap_err();
        let offset = usize::try_from(error.offset).unwrap();
        assert_eq!(error.kind, kind, "{text}");
        assert!(text[offset..].starts_with(place), "{kind}: {offset} in {text}");
    }
}

#[test]
fn other_errors() {
    let kind =
        |dialect, text: &str| decode(dialect, Frame::Text(text.as_bytes())).unwrap_err().kind;
    let trade = format!(
        r#"{{"table":"futures/trade","data":[{{"side":"buy","trade_id":"5","price":"1","qty":"1",{TAIL}"#
    );
    for (from, to, expected) in [
        ("\"buy\"", "\"Buy\"", Kind::Side),
        ("\"buy\"", "0", Kind::WrongType),
        ("\"5\"", "\"5a\"", Kind::Number),
        ("\"5\"", "\"18446744073709551616\"", Kind::NumberOverflow),
        ("2019-05-14", "2019-02-29", Kind::Timestamp),
        ("BTC-USD-190517", "", Kind::InstrumentId),
        ("\"table\":\"futures/trade\"", "\"table\":5", Kind::WrongType),
        ("\"5\"", "\"05\"", Kind::Number),
        ("\"5\"", "\"-0\"", Kind::Number),
    ] {
        assert_eq!(kind(Dialect::V3, &trade.replacen(from, to, 1)), expected, "{from} -> {to}");
    }
    let depth = format!(
        r#"{{"table":"spot/depth","action":"partial","data":[{{"asks":[],"bids":[],"checksum":0,{TAIL}"#
    );
    assert!(v3(&depth)[0].starts_with("depth depth:BTC-USD-190517 snapshot"));
    assert_eq!(kind(Dialect::V3, &depth.replace("partial", "whole")), Kind::Action);
    assert_eq!(kind(Dialect::V3, &depth.replace(r#""action":"partial","#, "")), Kind::MissingField);
    for text in ["", "[]", "5", "\"x\"", "pongs", "p", "{\"a\":1}{", "{\"a\":\"\u{1}\"}"] {
        let got = kind(Dialect::V5, text);
        assert!(matches!(got, Kind::Json | Kind::WrongType), "{text:?}: {got}");
    }
    assert_eq!(decode(Dialect::V5, Frame::Binary(b"{}")).unwrap_err().kind, Kind::UnexpectedBinary);
}

#[test]
fn frames_are_bounded() {
    let limits = DecodeLimits { frame_len: 100, body_len: 90, inflated_len: 200 };
    let mut decoder = Decoder::with_limits(Dialect::V3, limits);
    let mut kind =
        |frame: Frame<'_>| match decoder.decode(frame, UnixNanos(1), &mut |_: &Event<'_>| {}) {
            Ok(_) => None,
            Err(error) => Some(error.kind),
        };
    let text = |len: usize| format!("{{{:>1$}", "}", len - 1);
    assert_eq!(kind(Frame::Text(text(100).as_bytes())), None);
    assert_eq!(kind(Frame::Text(text(101).as_bytes())), Some(Kind::FrameTooLarge));
    assert_eq!(kind(Frame::Binary(&deflated(text(200).as_bytes()))), None);
    assert_eq!(kind(Frame::Binary(&deflated(text(201).as_bytes()))), Some(Kind::InflatedTooLarge));
    assert_eq!(kind(Frame::Binary(&[0x55; 90])), Some(Kind::Deflate));
    assert_eq!(kind(Frame::Binary(&[0x55; 91])), Some(Kind::FrameTooLarge));
    let whole = deflated(text(150).as_bytes());
    assert_eq!(kind(Frame::Binary(&whole[..whole.len() - 2])), Some(Kind::Deflate));
    assert_eq!(kind(Frame::Binary(b"")), Some(Kind::Deflate));
    // Bytes after the end of the stream are ignored, as with zlib.
    assert_eq!(kind(Frame::Binary(&[&whole[..], b"rest"].concat())), None);
    // And a malformed frame leaves no state.
    assert_eq!(kind(Frame::Text(b"pong")), None);
}

#[test]
fn a_sequence_number_equal_to_the_null_value_is_refused() {
    let update = |seq: i64| {
        let text = format!(
            r#"{{"arg":{{"channel":"books","instId":"X"}},"action":"update","data":[{{"asks":[],"bids":[],"ts":"1","seqId":{seq},"prevSeqId":1}}]}}"#
        );
        decode(Dialect::V5, Frame::Text(text.as_bytes())).map_err(|error| error.kind).err()
    };
    assert_eq!(update(i64::MIN + 1), None);
    assert_eq!(update(i64::MIN), Some(Kind::NumberOverflow));
}

#[test]
fn the_text_of_the_last_frame_is_available() {
    let mut decoder = Decoder::new(Dialect::V3);
    assert_eq!(decoder.dialect(), Dialect::V3);
    let body = deflated(b"{\"event\":\"x\"}");
    let decoded = decoder.decode(Frame::Binary(&body), UnixNanos(1), &mut |_: &Event<'_>| {});
    assert_eq!(decoded.unwrap().text_len, 13);
    assert_eq!(decoder.last_text(), b"{\"event\":\"x\"}");
    assert!(!Frame::Binary(&body).is_empty() && Frame::Text(b"").is_empty());
}
