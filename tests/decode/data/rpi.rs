//! The part of a level's size that is not of RPI orders.

use okx_feed::book::BookRef;
use okx_feed::{Dialect, Event, Frame, UnixNanos};

use crate::data::{Feed, levels, sub};

fn message(action: &str, asks: &str, bids: &str, seq: i64, prev: i64) -> String {
    format!(
        r#"{{"arg":{{"channel":"books-rpi","instId":"A"}},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},"ts":"1788912000000","seqId":{seq},"prevSeqId":{prev}}}]}}"#
    )
}

fn sides(view: Option<BookRef<'_>>) -> [String; 2] {
    match view {
        Some(view) => [levels(view.asks()), levels(view.bids())],
        None => ["none", "none"].map(str::to_owned),
    }
}

#[test]
fn a_books_rpi_book_keeps_both_sizes() {
    for scans in [true, false] {
        let mut feed = Feed::new(Dialect::V5, &["books-rpi:A"]);
        if !scans {
            feed.handler.decoder_mut().set_scanner(None);
        }
        let asks = r#"[["79188.2","1.5","1.5","4"],["79188.4","9","0","2"]]"#;
        let bids = r#"[["79188.1","2.33307322","0.12944241","8"]]"#;
        let mut non_rpi = Vec::new();
        let snapshot = message("snapshot", asks, bids, 900, -1);
        let mut sink = |event: &Event<'_>| {
            if let Event::DepthBook(change) = event {
                let sizes = change.update.non_rpi.unwrap();
                non_rpi = sizes.asks.iter().chain(sizes.bids).map(ToString::to_string).collect();
            }
        };
        let frame = Frame::Text(snapshot.as_bytes());
        feed.handler.on_frame(frame, UnixNanos(1), &mut sink).unwrap();
        assert_eq!(non_rpi, ["1.5", "0", "0.12944241"]);
        let all = |feed: &Feed| sides(feed.handler.depth(&sub("books-rpi:A")).unwrap().live());
        let plain =
            |feed: &Feed| sides(feed.handler.depth(&sub("books-rpi:A")).unwrap().live_non_rpi());
        assert_eq!(all(&feed), ["79188.2x1.5(4),79188.4x9(2)", "79188.1x2.33307322(8)"]);
        assert_eq!(plain(&feed), ["79188.2x1.5(4)", "79188.1x0.12944241(8)"]);
        // The first now has only RPI orders, the second has others too. The bid is deleted, despite
        // its third element.
        let asks = r#"[["79188.2","1.5","0","4"],["79188.4","9","2.0","2"]]"#;
        let bids = r#"[["79188.1","0","5","0"]]"#;
        feed.text(&message("update", asks, bids, 905, 900));
        assert_eq!(all(&feed), ["79188.2x1.5(4),79188.4x9(2)", ""]);
        assert_eq!(plain(&feed), ["79188.4x2.0(2)", ""]);
        // A book that is not live shows neither.
        feed.text(&message("update", "[]", "[]", 910, 907));
        assert_eq!((all(&feed), plain(&feed)), (sides(None), sides(None)));
        feed.text(&message("snapshot", "[]", r#"[["1","2","1","1"]]"#, 920, -1));
        assert_eq!(plain(&feed), ["", "1x1(1)"]);
        let stats = feed.handler.stats();
        assert_eq!((stats.scanned, stats.parsed), if scans { (4, 0) } else { (0, 4) });
    }
}

#[test]
fn other_books_keep_no_such_sizes() {
    let mut feed = Feed::new(Dialect::V5, &["books:A", "books-elp:A"]);
    for channel in ["books", "books-elp"] {
        let text = message("snapshot", r#"[["2","1","1","1"]]"#, "[]", 5, -1);
        feed.text(&text.replace("books-rpi", channel));
        let book = feed.handler.depth(&sub(&format!("{channel}:A"))).unwrap();
        assert!(book.live().is_some() && book.live_non_rpi().is_none(), "{channel}");
    }
}
