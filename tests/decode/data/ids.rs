//! Instrument ids of every length that the exchange uses.

use okx_feed::wire::{RequestOp, request_text};
use okx_feed::{DecodeErrorKind as Kind, Dialect, InstrumentId};

use crate::data::{Feed, decode, sub, v3_message, v5, v5_message};

const IDS: [&str; 9] = [
    "A",
    "BTC-USD_UM_XPERP-310404",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCD",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDE",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDEF",
    "BTC-ABOVE-DAILY-261130-1600-92500",
    "BTC-BETWEEN-DAILY-261130-1600-84000-INF",
    "LISTING-FUTURES-ZZZZZZZ-USD_UM_XPERP-310815",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDEFGHIJKLMNOPQRSTUVWXYZ-123456789",
];

#[test]
fn ids_of_every_length_are_read_subscribed_and_found() {
    assert_eq!(IDS[8].len(), InstrumentId::MAX_LEN);
    for id in IDS {
        let channels = ["books5", "bbo-tbt", "trades", "books"];
        let subscriptions = channels.map(|channel| format!("{channel}:{id}"));
        let mut feed = Feed::new(Dialect::V5, &subscriptions.each_ref().map(String::as_str));
        let sides = r#""asks":[["0.43","120","0","2"]],"bids":[["0.41","80","0","1"]]"#;
        let texts = [
            v5_message("books5", id, &format!(r#"{sides},"instId":"{id}","ts":"1795940000100""#)),
            v5_message("bbo-tbt", id, &format!(r#"{sides},"ts":"1795940000100","seqId":5"#)),
            v5_message(
                "trades",
                id,
                &format!(
                    r#""instId":"{id}","tradeId":"77","px":"0.52","sz":"10","side":"buy","ts":"1795940000200","count":"1","source":"0","seqId":5"#
                ),
            ),
            v5_message(
                "books",
                id,
                &format!(r#"{sides},"ts":"1795940000400","seqId":5,"prevSeqId":-1"#),
            )
            .replace(r#""data""#, r#""action":"snapshot","data""#),
        ];
        for (text, subscription) in texts.iter().zip(&subscriptions) {
            let events = feed.text(text);
            assert!(events[0].starts_with(&format!("{subscription} live")), "{events:?}");
            assert!(v5(text).unwrap()[0].starts_with(subscription), "{text}");
        }
        let stats = feed.handler.stats();
        assert_eq!((stats.scanned, stats.parsed, stats.unsubscribed), (4, 0, 0), "{id}");
        let request = request_text(Dialect::V5, RequestOp::Subscribe, 1, &[sub(&subscriptions[0])]);
        assert!(request.contains(&format!(r#""instId":"{id}""#)));
        let v3 = v3_message("spot/depth5", id, r#""asks":[],"bids":[]"#);
        assert_eq!(decode(Dialect::V3, &v3).unwrap(), [format!("depth5:{id} asks  bids ")]);
    }
}

#[test]
fn one_byte_more_is_too_long() {
    let long = format!("{}0", IDS[8]);
    let text = v5_message("bbo-tbt", &long, r#""asks":[],"bids":[],"ts":"1795940000100""#);
    assert_eq!(v5(&text), Err(Kind::InstrumentId));
}

#[test]
fn ids_that_differ_behind_their_32nd_byte_are_two_instruments() {
    let [one, two] = ["BTC-ABOVE-DAILY-261130-1600-92500", "BTC-ABOVE-DAILY-261130-1600-92501"];
    let subscriptions = [format!("bbo-tbt:{one}"), format!("bbo-tbt:{two}")];
    let mut feed = Feed::new(Dialect::V5, &subscriptions.each_ref().map(String::as_str));
    for (id, px) in [(one, 1), (two, 2)] {
        let item = format!(r#""asks":[["{px}","1","0","1"]],"bids":[],"ts":"1795940000100""#);
        feed.text(&v5_message("bbo-tbt", id, &item));
    }
    let best =
        |of: &String| feed.handler.book(&sub(of)).unwrap().best_ask().unwrap().px().to_string();
    assert_eq!(subscriptions.each_ref().map(best), ["1", "2"]);
}

/// After an instrument was renamed, trades arrive with the new id under the old subscription. Books
/// have no id of their own.
#[test]
fn an_item_of_another_instrument_is_never_emitted_as_the_subscribed_one() {
    let mut feed = Feed::new(Dialect::V5, &["trades:OLD", "trades:NEW", "books5:OLD", "books:OLD"]);
    let trade = |own: &str| {
        v5_message(
            "trades",
            "OLD",
            &format!(r#"{own}"tradeId":"7","px":"1","sz":"2","side":"buy","ts":"1795940000200""#),
        )
    };
    let events = feed.text(&trade(r#""instId":"NEW","#));
    assert_eq!(events, ["trades:NEW live", "trades:NEW 7 2@1 x1 from 0 replayed"]);
    assert!(feed.handler.trades(&sub("trades:OLD")).unwrap().is_empty());
    // An item without a readable id belongs to the subscription.
    for own in ["", r#""instId":"","#, r#""instId":null,"#, r#""instId":7,"#] {
        assert_eq!(v5(&trade(own)).unwrap(), ["trades:OLD 7 2@1 x1 from 0"], "{own}");
    }
    let sides = r#""asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1795940000300""#;
    let books = |own: &str| v5_message("books5", "OLD", &format!(r#"{sides}{own},"seqId":5"#));
    let deep = |own: &str| {
        v5_message("books", "OLD", &format!(r#"{sides}{own},"seqId":5,"prevSeqId":-1"#))
            .replace(r#""data""#, r#""action":"snapshot","data""#)
    };
    feed.text(&books(""));
    feed.text(&deep(""));
    let other = r#","instId":"NEW""#;
    let malformed = "malformed other_instrument of";
    assert_eq!(
        feed.text(&books(other)),
        ["books5:OLD stale".to_owned(), format!("{malformed} books5:OLD")]
    );
    assert_eq!(
        feed.text(&deep(other)),
        ["books:OLD resyncing".to_owned(), format!("{malformed} books:OLD")]
    );
    assert_eq!(v5(&books(r#","instId":"OLD""#)).unwrap().len(), 1);
}
